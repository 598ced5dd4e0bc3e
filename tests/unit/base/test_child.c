/* Descriptors out of a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"

static int two_nulls(void *ctx, int *fds, size_t *n, struct err *e)
{
	if (chdir("/") < 0)	/* the child's own */
		return err_set(e, errno, "chdir");
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	*n = *(size_t *)ctx;
	return 0;
}

static int fails(void *ctx, int *fds, size_t *n, struct err *e)
{
	(void)ctx;
	(void)fds;
	(void)n;
	return err_say(e, EXDEV, "not from here");
}

static int dies(void *ctx, int *fds, size_t *n, struct err *e)
{
	(void)ctx;
	(void)fds;
	(void)n;
	(void)e;
	_exit(3);
}

static void child_fds__opened_there__ours_here(void **state)
{
	struct err e = ERR_INIT;
	size_t want = 2, n = 2;
	int fds[2];
	char byte = 1;
	char *before = getcwd(NULL, 0), *after;

	(void)state;
	assert_int_equal(child_fds(two_nulls, &want, fds, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	assert_int_equal(read(fds[1], &byte, 1), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	after = getcwd(NULL, 0);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void child_fds__failure__its_words(void **state)
{
	struct err e = ERR_INIT;
	size_t n = 1;
	int fd = -1;

	(void)state;
	assert_int_equal(child_fds(fails, NULL, &fd, &n, &e), -EXDEV);
	assert_string_equal(e.msg, "not from here");
	n = 1;
	assert_int_equal(child_fds(dies, NULL, &fd, &n, &e), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_fds__opened_there__ours_here),
		cmocka_unit_test(child_fds__failure__its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
