#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/change.h"
#include "image/depend.h"

static void clean__names__are_relative_and_plain(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "a", "a" }, { "./a//b/./c/", "a/b/c" }, { ".", "" },
		{ "./", "" }, { "...", "..." },		  { "a/..b", "a/..b" },
	};
	static const char *const bad[] = { "/a",     "..", "a/..", "../a",
					   "a/../b", "/",  "./..", "a//../b" };
	char out[STAGE_PATH_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(stage_clean(rows[i].in, out, &e), 0);
		assert_string_equal(out, rows[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(stage_clean(bad[i], out, &e), -EINVAL);
}

static void clean__length__is_bounded(void **state)
{
	char in[STAGE_PATH_MAX + 10], out[STAGE_PATH_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t n = 4080; n < sizeof(in); n++) {
		for (size_t i = 0; i < n; i++)
			in[i] = i % 200 == 199 ? '/' : 'x';
		in[n] = '\0';
		if (in[n - 1] != '/')
			assert_int_equal(stage_clean(in, out, &e),
					 n < STAGE_PATH_MAX ? 0 : -ENAMETOOLONG);
	}
	memset(in, 'y', 256);
	in[256] = '\0';
	assert_int_equal(stage_clean(in, out, &e), -ENAMETOOLONG);
	in[255] = '\0';
	assert_int_equal(stage_clean(in, out, &e), 0);
}

static const struct stage_meta dir_meta = { .mode = S_IFDIR | 0755 },
			       file_meta = { .mode = S_IFREG | 0644 };

static int set_up(void **state)
{
	char *dir = mem_strdup("/tmp/berth-test-tree-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;
	int r = path_remove_tree(AT_FDCWD, *state, &e);

	free(*state);
	return r;
}

static int open_dir(void **state, const char *name)
{
	int top = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	mkdirat(top, name, 0755);
	fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(top);
	return fd;
}

static void add_file(struct stage *t, const char *path)
{
	AUTO_CLOSE int fd = -1;
	struct err e = ERR_INIT;

	if (stage_add_file(t, path, &file_meta, &fd, &e) < 0 ||
	    stage_end_file(t, fd, path, &file_meta, &e) < 0)
		fail_msg("%s", e.msg);
}

static void stage__symlink_planted__is_never_followed(void **state)
{
	AUTO_CLOSE int root = open_dir(state, "fs");
	AUTO(stage) struct stage t = { .root = -1 };
	AUTO_CLOSE int fd = -1;
	const struct stage_meta link_meta = { .mode = S_IFLNK | 0777 };
	struct err e = ERR_INIT;

	stage_init(&t, root, geteuid() != 0);
	assert_int_equal(stage_add_symlink(&t, "s", "/tmp", &link_meta, &e), 0);
	assert_int_equal(stage_add_file(&t, "s/x", &file_meta, &fd, &e), -EINVAL);
	assert_int_equal(stage_add_dir(&t, "s/d", &dir_meta, &e), -EINVAL);
	assert_int_equal(stage_add_whiteout(&t, "s/w", &e), -EINVAL);
	assert_int_equal(stage_add_opaque(&t, "s", &e), -EINVAL);
	assert_int_equal(stage_add_link(&t, "l", "s/passwd", &e), -EINVAL);
	/* as a name of its own it may be replaced */
	assert_int_equal(stage_add_dir(&t, "s", &dir_meta, &e), 0);
	add_file(&t, "s/x");
}

static void stage__implied_directory__looks_as_below(void **state)
{
	AUTO_CLOSE int lower = open_dir(state, "lower");
	AUTO_CLOSE int root = open_dir(state, "fs");
	AUTO(stage) struct stage t = { .root = -1 };
	int fds[] = { lower };
	const struct below b = { fds, 1, "user.overlay.opaque" };
	const struct timespec times[2] = { { 1000, 5 }, { 1000, 5 } };
	struct err e = ERR_INIT;
	struct stat st;

	mkdirat(lower, "d", 0700);
	assert_int_equal(fchmodat(lower, "d", 0751, 0), 0);
	utimensat(lower, "d", times, 0);
	stage_init(&t, root, true);
	add_file(&t, "d/new/x");
	assert_true(depend_needed(&t, &b));
	if (depend_resolve(&t, &b, &e) < 0 || stage_finish(&t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fstatat(root, "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
}

static void stage__link_to_lower_file__brings_both_names_up(void **state)
{
	AUTO_CLOSE int lower = open_dir(state, "lower");
	AUTO_CLOSE int root = open_dir(state, "fs");
	AUTO(stage) struct stage t = { .root = -1 };
	int fds[] = { lower };
	const struct below b = { fds, 1, "user.overlay.opaque" };
	struct err e = ERR_INIT;
	struct stat x, y;

	assert_int_equal(path_write_file(lower, "f", "hello", 5, 0640, false, &e), 0);
	stage_init(&t, root, true);
	assert_int_equal(stage_add_link(&t, "g", "f", &e), 0);
	assert_int_equal(stage_add_link(&t, "h", "g", &e), 0);
	assert_int_equal(stage_add_link(&t, "nowhere", "absent", &e), 0);
	assert_int_equal(stage_remove(&t, root, "nowhere", "nowhere", &e), 0);
	if (depend_resolve(&t, &b, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fstatat(root, "f", &x, 0), 0);
	assert_int_equal(fstatat(root, "h", &y, 0), 0);
	assert_int_equal(x.st_ino, y.st_ino);
	assert_int_equal(x.st_nlink, 3);
	assert_int_equal(x.st_size, 5);
	assert_int_equal(x.st_mode & 07777, 0640);
}

static void stage__whiteout_of_nothing__goes(void **state)
{
	AUTO_CLOSE int lower = open_dir(state, "lower");
	AUTO_CLOSE int root = open_dir(state, "fs");
	AUTO(stage) struct stage t = { .root = -1 };
	int fds[] = { lower };
	const struct below b = { fds, 1, "user.overlay.opaque" };
	struct err e = ERR_INIT;

	mkdirat(lower, "merged", 0755);
	stage_init(&t, root, true);
	assert_int_equal(stage_add_dir(&t, "merged", &dir_meta, &e), 0);
	assert_int_equal(stage_add_dir(&t, "fresh", &dir_meta, &e), 0);
	if (stage_add_whiteout(&t, "merged/x", &e) < 0)
		skip();		/* no whiteouts here: an old kernel without privileges */
	assert_int_equal(stage_add_whiteout(&t, "fresh/x", &e), 0);
	assert_int_equal(depend_resolve(&t, &b, &e), 0);
	assert_true(path_exists(root, "merged/x"));
	assert_false(path_exists(root, "fresh/x"));
}

static void change__instructions__change_the_config(void **state)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct image_config c = { 0 };
	static const char *const lines[] = {
		"CMD [\"a\",\"b\"]",
		"ENTRYPOINT run it",
		"ENV A=1 B=\"two words\"",
		"ENV A 3",
		"EXPOSE 80 53/udp",
		"LABEL x=y",
		"USER 5",
		"WORKDIR /w",
		"WORKDIR sub",
		"VOLUME [\"/v\"]",
		"STOPSIGNAL SIGINT",
		"ONBUILD RUN x",
	};
	static const char *const bad[] = { "RUN x", "", "ENV", "ENV =x", "LABEL a", "LABEL a=\"b" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (change_apply(a, &c, lines[i], &e) < 0)
			fail_msg("%s: %s", lines[i], e.msg);
	assert_string_equal(c.cmd[1], "b");
	assert_string_equal(c.entrypoint[0], "/bin/sh");
	assert_string_equal(c.entrypoint[2], "run it");
	assert_string_equal(c.env[0], "A=3");
	assert_string_equal(c.env[1], "B=two words");
	assert_string_equal(c.ports[0], "80/tcp");
	assert_string_equal(c.ports[1], "53/udp");
	assert_string_equal(c.labels.v[0].value, "y");
	assert_string_equal(c.workdir, "/w/sub");
	assert_string_equal(c.volumes[0], "/v");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (*bad[i] != 'E' || bad[i][3])
			assert_true(change_apply(a, &c, bad[i], &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean__names__are_relative_and_plain),
		cmocka_unit_test(clean__length__is_bounded),
		cmocka_unit_test_setup_teardown(stage__symlink_planted__is_never_followed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(stage__implied_directory__looks_as_below, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(stage__link_to_lower_file__brings_both_names_up,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(stage__whiteout_of_nothing__goes, set_up,
						tear_down),
		cmocka_unit_test(change__instructions__change_the_config),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
