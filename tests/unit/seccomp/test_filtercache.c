/*
 * test_filtercache.c - compiled filters on disk: found again, never believed blindly.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/path.h"
#include "seccomp/compile.h"

static const struct sock_filter insns[] = {
	{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5 },
	{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM },
	{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
};

struct fixture { char dir[64]; int fd; };

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	strcpy(f->dir, "/tmp/berth-filtercache-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(filter_cache_open(f->dir, &f->fd), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	fd_close(&f->fd);
	path_remove_tree(AT_FDCWD, f->dir, &e);
	free(f);
	return 0;
}

static bool load(const struct fixture *f, const char *key)
{
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	struct sock_filter *got = NULL;
	uint32_t n = 0;

	if (!filtercache_load(f->fd, key, strlen(key), a, &got, &n))
		return false;
	assert_int_equal(n, ARRAY_SIZE(insns));
	assert_memory_equal(got, insns, sizeof(insns));
	return true;
}

static void only_name(const struct fixture *f, char name[static 64])
{
	DIR *dir = fdopendir(openat(f->fd, ".", O_RDONLY | O_DIRECTORY));
	const struct dirent *d;
	int n = 0;

	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(name, 64, "%.60s", d->d_name);
		n++;
	}
	closedir(dir);
	assert_int_equal(n, 1);
}

static void save__same_key__loaded_again(void **state)
{
	struct fixture *f = *state;

	assert_false(load(f, "key"));
	filtercache_save(f->fd, "key", 3, insns, ARRAY_SIZE(insns));
	assert_true(load(f, "key"));
	assert_false(load(f, "kez"));
}

static void load__any_byte_changed_or_lost__not_used(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int fd = -1;
	char name[64];
	struct stat st;

	filtercache_save(f->fd, "key", 3, insns, ARRAY_SIZE(insns));
	only_name(f, name);
	fd = openat(f->fd, name, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t i = 0; i < st.st_size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			unsigned char c, changed;

			assert_int_equal(pread(fd, &c, 1, i), 1);
			changed = (unsigned char)(c ^ 1u << bit);
			assert_int_equal(pwrite(fd, &changed, 1, i), 1);
			assert_false(load(f, "key"));
			assert_int_equal(pwrite(fd, &c, 1, i), 1);
		}
	}
	assert_true(load(f, "key"));
	for (off_t size = st.st_size; size-- > 0;) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_false(load(f, "key"));
	}
}

static void load__other_key_under_the_name__not_used(void **state)
{
	struct fixture *f = *state;
	char name[64], other[64];

	filtercache_save(f->fd, "mine", 4, insns, ARRAY_SIZE(insns));
	only_name(f, name);
	assert_int_equal(unlinkat(f->fd, name, 0), 0);
	filtercache_save(f->fd, "evil", 4, insns, ARRAY_SIZE(insns));
	only_name(f, other);
	assert_int_equal(renameat(f->fd, other, f->fd, name), 0);
	assert_false(load(f, "mine"));
}

static void load__writable_or_foreign_or_link__not_used(void **state)
{
	struct fixture *f = *state;
	char name[64];

	filtercache_save(f->fd, "key", 3, insns, ARRAY_SIZE(insns));
	only_name(f, name);
	assert_int_equal(fchmodat(f->fd, name, 0620, 0), 0);
	assert_false(load(f, "key"));
	assert_int_equal(fchmodat(f->fd, name, 0600, 0), 0);
	assert_true(load(f, "key"));
	if (geteuid() == 0) {
		assert_int_equal(fchownat(f->fd, name, 65534, 0, 0), 0);
		assert_false(load(f, "key"));
		assert_int_equal(fchownat(f->fd, name, 0, 0, 0), 0);
	}
	assert_int_equal(renameat(f->fd, name, f->fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", f->fd, name), 0);
	assert_false(load(f, "key"));
}

static void open__folder_others_can_write__refused(void **state)
{
	struct fixture *f = *state;
	int fd = -1;

	assert_int_equal(fchmod(f->fd, 0777), 0);
	assert_int_equal(filter_cache_open(f->dir, &fd), -EPERM);
	assert_int_equal(fd, -1);
}

static void save__many_writers_at_once__readers_see_whole_files(void **state)
{
	struct fixture *f = *state;
	pid_t pids[8];
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int k = 0; k < 200; k++) {
				filtercache_save(f->fd, "key", 3, insns, ARRAY_SIZE(insns));
				if (!load(f, "key"))
					_exit(1);
			}
			_exit(0);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_true(load(f, "key"));
}

static void save__many_keys__bounded(void **state)
{
	struct fixture *f = *state;
	DIR *dir;
	size_t n = 0;

	for (int i = 0; i < 700; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key %d", i);
		filtercache_save(f->fd, key, strlen(key), insns, ARRAY_SIZE(insns));
		assert_true(load(f, key));
	}
	dir = fdopendir(openat(f->fd, ".", O_RDONLY | O_DIRECTORY));
	while (readdir(dir))
		n++;
	closedir(dir);
	assert_true(n < 300);
}

static void compile__second_time__same_program_from_cache(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_options opt = { f->fd, false };
	struct filter_program first, second, other;
	struct err e = ERR_INIT;
	char name[64];

	assert_int_equal(filter_compile(filter_profile_builtin(a, 1), &opt, a, &first, &e), 0);
	only_name(f, name);
	/* capabilities that no row names make no difference */
	assert_int_equal(filter_compile(filter_profile_builtin(a, 3), &opt, a, &second, &e), 0);
	only_name(f, name);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.insns, second.insns, first.n * sizeof(*first.insns));
	assert_int_equal(filter_compile(filter_profile_builtin(a, 1 << 21), &opt, a, &other, &e),
			 0);
	assert_true(other.n != first.n ||
		    memcmp(first.insns, other.insns, first.n * sizeof(*first.insns)) != 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(save__same_key__loaded_again),
		TEST(load__any_byte_changed_or_lost__not_used),
		TEST(load__other_key_under_the_name__not_used),
		TEST(load__writable_or_foreign_or_link__not_used),
		TEST(open__folder_others_can_write__refused),
		TEST(save__many_writers_at_once__readers_see_whole_files),
		TEST(save__many_keys__bounded),
		TEST(compile__second_time__same_program_from_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
