/* Allocation and arenas; another process maps a shared one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define MAGIC 0x42455254

static int aborts(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void mem_take__pointer__left_null(void **state)
{
	AUTO_FREE char *s = mem_printf("%d-%s", 7, "x");
	AUTO_FREE char *t = TAKE(s);
	AUTO_FREE char *u = mem_strndup("abcdef", 3);

	(void)state;
	assert_null(s);
	assert_string_equal(t, "7-x");
	assert_string_equal(u, "abc");
}

static void overflow(void)
{
	free(mem_resize(NULL, SIZE_MAX / 2, 4));
}

static void mem_resize__overflow__aborts(void **state)
{
	(void)state;
	assert_true(aborts(overflow));
}

static void arena_alloc__many__zeroed_aligned_apart(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	char *last = NULL;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		char *p = arena_alloc(a, i);

		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(!last || p >= last + i - 1);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
		last = p;
	}
}

static void arena_strv__list__copied(void **state)
{
	AUTO(arena) struct arena *a = arena_new(4096);
	char *v[] = { (char[]){ "a" }, (char[]){ "bc" }, NULL };
	char **c = arena_strv(a, v);

	(void)state;
	v[0][0] = 'x';
	assert_string_equal(c[0], "a");
	assert_string_equal(c[1], "bc");
	assert_null(c[2]);
	assert_null(arena_strv(a, NULL));
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_printf(a, "%s+%d", "q", 3), "q+3");
	assert_string_equal(arena_strndup(a, "hello", 2), "he");
}

static void fill(void)
{
	struct arena *a = arena_new(4096);

	for (int i = 0; i < 2000; i++)
		arena_alloc(a, 100);
}

static void fill_at_once(void)
{
	struct arena *a = arena_new(4096);

	arena_array(a, SIZE_MAX / 2, 3);
}

static void fill_nearly(void)
{
	struct arena *a = arena_new(4096);

	arena_alloc(a, a->max - a->used + 1);
}

static void arena_alloc__over_max__aborts(void **state)
{
	AUTO(arena) struct arena *a = arena_new(4096);

	(void)state;
	assert_true(aborts(fill));
	assert_true(aborts(fill_at_once));
	assert_true(aborts(fill_nearly));
	arena_alloc(a, a->max - a->used);	/* to the last byte */
	assert_int_equal(a->used, a->max);
}

static void two(void)
{
	arena_new_shared(4096, MAGIC);
	arena_new_shared(4096, MAGIC);
}

static void arena_new_shared__second__aborts(void **state)
{
	(void)state;
	assert_true(aborts(two));
}

struct doc {
	char *name;
	struct doc *next;
};

static void arena_map__other_process__same_pointers_private(void **state)
{
	AUTO(arena) struct arena *a = arena_new_shared(64 << 20, MAGIC);
	struct doc *d = arena_alloc(a, sizeof(*d));
	int status = 0, fd;
	pid_t pid;

	(void)state;
	d->next = arena_alloc(a, sizeof(*d));
	d->next->name = arena_strdup(a, "second");
	a->root = d;
	assert_int_equal((uintptr_t)a, ARENA_SHARED_ADDR);
	assert_true(fcntl(a->fd, F_GETFD) & FD_CLOEXEC);
	fd = dup(a->fd);
	pid = fork();
	if (pid == 0) {
		struct arena *m;

		arena_free(a);
		m = arena_map(fd, MAGIC);
		if (!m)
			_exit(1);
		d = m->root;
		if (strcmp(d->next->name, "second") != 0 || m->fd != -1)
			_exit(2);
		d->next->name[0] = 'X';
		arena_free(m);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_string_equal(d->next->name, "second");
	close(fd);
}

static void arena_map__wrong__refused(void **state)
{
	struct arena *a = arena_new_shared(4096, MAGIC);
	AUTO_CLOSE int fd = dup(a->fd);
	struct arena copy;

	(void)state;
	a->root = arena_alloc(a, 16);
	copy = *a;
	arena_free(a);
	for (int i = 0; i < 5; i++) {
		struct arena bad = copy;

		switch (i) {
		case 0: bad.magic++; break;
		case 1: bad.used = bad.max + 1; break;
		case 2: bad.max += 4096; break;
		case 3: bad.root = (char *)bad.root + 65536; break;
		case 4: bad.root = NULL; break;
		}
		assert_int_equal(pwrite(fd, &bad, sizeof(bad), 0), sizeof(bad));
		errno = 0;
		assert_null(arena_map(fd, MAGIC));
		assert_int_equal(errno, EPROTO);
	}
	assert_int_equal(pwrite(fd, &copy, sizeof(copy), 0), sizeof(copy));
	a = arena_map(fd, MAGIC);
	assert_non_null(a);
	errno = 0;
	assert_null(arena_map(fd, MAGIC));	/* the place is taken */
	assert_int_equal(errno, EEXIST);
	arena_free(a);
	assert_null(arena_map(-1, MAGIC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mem_take__pointer__left_null),
		cmocka_unit_test(mem_resize__overflow__aborts),
		cmocka_unit_test(arena_alloc__many__zeroed_aligned_apart),
		cmocka_unit_test(arena_strv__list__copied),
		cmocka_unit_test(arena_alloc__over_max__aborts),
		cmocka_unit_test(arena_new_shared__second__aborts),
		cmocka_unit_test(arena_map__other_process__same_pointers_private),
		cmocka_unit_test(arena_map__wrong__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
