#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/store.h"

#define LAYERS 128

struct fixture { char *dir; struct store *s; char *names[LAYERS + 1]; };

/* Layer i holds "all" (its number) and "only-i". */
static int set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct err e = ERR_INIT;

	f->dir = mem_strdup("/tmp/berth-test-overlay-XXXXXX");
	*state = f;
	if (!mkdtemp(f->dir) || store_open(f->dir, &f->s, &e) < 0)
		return -1;
	for (int i = 0; i < LAYERS; i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int fd = -1;
		char text[16], only[24];

		f->names[i] = mem_printf("%064d", i);
		path = mem_printf("layers/%s", f->names[i]);
		mkdirat(f->s->fd, path, 0755);
		fd = openat(f->s->fd, path, O_RDONLY | O_DIRECTORY);
		mkdirat(fd, "fs", 0755);
		fd_close(&fd);
		free(path);
		path = mem_printf("layers/%s/fs", f->names[i]);
		fd = openat(f->s->fd, path, O_RDONLY | O_DIRECTORY);
		snprintf(text, sizeof(text), "%d", i);
		snprintf(only, sizeof(only), "only-%d", i);
		if (path_write_file(fd, "all", text, strlen(text), 0644, false, &e) < 0 ||
		    path_write_file(fd, only, text, strlen(text), 0644, false, &e) < 0)
			return -1;
	}
	mkdirat(f->s->fd, "upper", 0755);
	mkdirat(f->s->fd, "work", 0755);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	int r;

	store_free(f->s);
	r = path_remove_tree(AT_FDCWD, f->dir, &e);
	for (int i = 0; i < LAYERS; i++)
		free(f->names[i]);
	free(f->dir);
	free(f);
	return r;
}

static void assert_shows(int mnt, const char *name, const char *text)
{
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;
	size_t n;

	if (path_read_file(mnt, name, 100, &got, &n, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(got, text);
}

static int mounts_named_berth(void)
{
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int n = 0;
	size_t len;

	assert_int_equal(fd_read_all(fd, 16 << 20, &text, &len), 0);
	for (const char *p = text; (p = strstr(p, " overlay berth ")); p++)
		n++;
	return n;
}

static void try_count(struct fixture *f, size_t n, bool writable)
{
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	AUTO_CLOSE int upper = openat(f->s->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int work = openat(f->s->fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int mnt = -1;
	struct err e = ERR_INIT;
	int before = mounts_named_berth();

	o.layers = f->names;
	o.nlayers = n;
	if (writable) {
		o.upper_fd = upper;
		o.work_fd = work;
	}
	if (overlay_mount(f->s, &o, &mnt, &e) < 0)
		fail_msg("%zu layers: %s", n, e.msg);
	assert_int_equal(mounts_named_berth(), before);
	if (n > 0) {
		char text[32], only[32];

		snprintf(text, sizeof(text), "%zu", n - 1);
		assert_shows(mnt, "only-0", "0");
		assert_shows(mnt, "all", text);
		snprintf(only, sizeof(only), "only-%zu", n - 1);
		assert_shows(mnt, only, text);
	}
	if (writable) {
		assert_int_equal(path_write_file(mnt, "new", "x", 1, 0644, false, &e), 0);
		assert_true(path_exists(f->s->fd, "upper/new"));
	} else {
		assert_int_equal(path_write_file(mnt, "new", "x", 1, 0644, false, &e), -EROFS);
	}
}

static void overlay__any_number_of_layers__is_mounted(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 14, 15, 16, 63, 85, 100, LAYERS };

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		try_count(*state, counts[i], false);
		try_count(*state, counts[i], true);
	}
}

static void overlay__layer_missing__says_which(void **state)
{
	struct fixture *f = *state;
	char *names[] = {
		(char *)"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NULL
	};
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	struct err e = ERR_INIT;
	int mnt = -1;

	o.layers = names;
	o.nlayers = 1;
	assert_int_equal(overlay_mount(f->s, &o, &mnt, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "ffffffffffff"));
	assert_int_equal(mnt, -1);
}

/* A user namespace in which 0 is 100000 outside. */
static int make_userns(pid_t *pid)
{
	char path[64], c;
	int sync[2], fd;

	assert_int_equal(pipe(sync), 0);
	*pid = fork();
	if (*pid == 0) {
		if (unshare(CLONE_NEWUSER) == 0 && write(sync[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(sync[1]);
	if (read(sync[0], &c, 1) != 1)
		return -1;
	close(sync[0]);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", *pid);
	fd = open(path, O_WRONLY);
	if (write(fd, "0 100000 65536", 14) != 14)
		return -1;
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", *pid);
	fd = open(path, O_WRONLY);
	if (write(fd, "0 100000 65536", 14) != 14)
		return -1;
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", *pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void overlay__userns_given__layers_appear_mapped(void **state)
{
	struct fixture *f = *state;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	AUTO_CLOSE int mnt = -1;
	AUTO_CLOSE int ns = -1;
	struct err e = ERR_INIT;
	struct stat st;
	pid_t pid = -1;

	if (geteuid() != 0)
		skip();
	ns = make_userns(&pid);
	if (ns < 0)
		skip();
	o.layers = f->names;
	o.nlayers = 20;
	o.userns_fd = ns;
	if (overlay_mount(f->s, &o, &mnt, &e) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (strstr(e.msg, "id-map layer"))
			skip();		/* the file system below cannot be id-mapped */
		fail_msg("%s", e.msg);
	}
	assert_int_equal(fstatat(mnt, "only-3", &st, 0), 0);
	assert_int_equal(st.st_uid, 100000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(overlay__any_number_of_layers__is_mounted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(overlay__layer_missing__says_which, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(overlay__userns_given__layers_appear_mapped, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
