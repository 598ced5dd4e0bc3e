/* The system calls that can be tried without harm; and that a test can replace any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"

static int fail_with;

/* Wins over the weak one of sys.c, for path.c too. */
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	(void)mode;
	(void)resolve;
	if (fail_with) {
		errno = fail_with;
		return -1;
	}
	return openat(dirfd, path, (int)flags, 0600);
}

static void sys__replaced__wins(void **state)
{
	(void)state;
	fail_with = ENOSYS;
	assert_int_equal(path_try_open_in(AT_FDCWD, "/", O_PATH, 0), -ENOSYS);
	fail_with = EAGAIN;	/* asked again, and given up */
	assert_int_equal(path_try_open_in(AT_FDCWD, "/", O_PATH, 0), -EAGAIN);
	fail_with = 0;
}

static void sys_clone3__child__runs(void **state)
{
	int pidfd = -1, status = 0;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);

	(void)state;
	if (pid == 0)
		_exit(7);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(sys_pidfd_send_signal(pidfd, 0, NULL, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(pidfd);
}

static void sys__nonsense__errno(void **state)
{
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	(void)state;
	assert_int_equal(sys_move_mount(-1, "", -1, "", 0), -1);
	assert_int_equal(sys_mount_setattr(-1, "x", 0, &attr), -1);
	assert_int_equal(sys_open_tree(-1, "x", 0), -1);
	assert_int_equal(sys_setns(-1, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(sys_close_range(5, 4, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sys_umount2("/none/such", 0), -1);
	assert_int_equal(sys_execveat(-1, "", NULL, NULL, AT_EMPTY_PATH), -1);
	assert_int_equal(sys_bpf(-1, NULL, 0), -1);
	assert_int_equal(sys_seccomp(99, 0, NULL), -1);
	assert_int_equal(sys_pivot_root("/none", "/none"), -1);
}

static void sys_fs_reason__bad_option__kernel_text(void **state)
{
	AUTO_CLOSE int fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	char buf[200];

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(sys_fsconfig(fd, SYS_FSCONFIG_SET_STRING, "nonsense", "1", 0), -1);
	sys_fs_reason(fd, buf, sizeof(buf));
	assert_non_null(strstr(buf, "nonsense"));
	assert_null(strchr(buf, '\n'));
	assert_true(buf[1] != ' ');
	assert_string_equal(sys_fs_reason(fd, buf, sizeof(buf)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sys__replaced__wins),
		cmocka_unit_test(sys_clone3__child__runs),
		cmocka_unit_test(sys__nonsense__errno),
		cmocka_unit_test(sys_fs_reason__bad_option__kernel_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
