/* Descriptors: whole reads, passing, sockets with long paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"

static int open_count(void)
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static int temp_file(const void *data, size_t n)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void fd_close__twice__keeps_errno(void **state)
{
	int fd = open("/dev/null", O_RDONLY), old = fd;

	(void)state;
	errno = EXDEV;
	fd_close(&fd);
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(old, F_GETFD), -1);
}

static void fd_read_all__limits__whole_or_efbig(void **state)
{
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_FREE char *data = mem_alloc(sizes[i]);
		AUTO_CLOSE int fd = temp_file(data, sizes[i]);
		AUTO_FREE char *got = NULL, *none = NULL;
		size_t n = 99;

		assert_int_equal(fd_read_all(fd, sizes[i], &got, &n), 0);
		assert_int_equal(n, sizes[i]);
		assert_int_equal(got[n], 0);
		lseek(fd, 0, SEEK_SET);
		if (sizes[i] > 0)
			assert_int_equal(fd_read_all(fd, sizes[i] - 1, &none, NULL), -EFBIG);
		assert_null(none);
	}
}

static void fd_read_all__proc_file__whole(void **state)
{
	AUTO_CLOSE int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *s = NULL;
	size_t n;

	(void)state;
	assert_int_equal(fd_read_all(fd, 1 << 20, &s, &n), 0);
	assert_true(n > 0 && s[n - 1] == '\n');
}

static void fd_write_all__closed__errno(void **state)
{
	char c;

	(void)state;
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(fd_read_full(-1, &c, 1), -EBADF);
}

static void fd_send_recv__descriptors__arrive_cloexec(void **state)
{
	AUTO_CLOSE int a = temp_file("one", 3), b = temp_file("two", 3);
	int pair[2], got[4];
	size_t n = ARRAY_SIZE(got);
	char buf[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_send(pair[0], "hi", 2, (int[]){ a, b }, 2), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n), 2);
	assert_int_equal(n, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_read_full(got[1], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "two", 3);
	close(got[0]);
	close(got[1]);
	assert_int_equal(fd_send(pair[0], "x", 1, NULL, 0), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), NULL, NULL), 1);
	close(pair[0]);
	n = 4;
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fd_send(pair[1], "x", 1, NULL, 0), -EPIPE);
	close(pair[1]);
}

static void fd_recv__too_much__refused_and_nothing_leaks(void **state)
{
	AUTO_CLOSE int a = temp_file("one", 3);
	int pair[2], got[2], many[128], before;
	size_t n = 2;
	char buf[2];

	(void)state;
	for (int i = 0; i < 128; i++)
		many[i] = a;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = open_count();
	assert_int_equal(fd_send(pair[0], "x", 1, many, 128), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(fd_send(pair[0], "too long", 8, many, 1), 0);
	n = 2;
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n), -EMSGSIZE);
	assert_int_equal(fd_send(pair[0], "x", 1, many, 1), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), NULL, NULL), -EMSGSIZE);
	assert_int_equal(open_count(), before);
	assert_int_equal(fd_send(pair[0], "x", 1, many, 129), -EINVAL);
	close(pair[0]);
	close(pair[1]);
}

static void fd_nonblock_and_cloexec__flags__as_asked(void **state)
{
	AUTO_CLOSE int fd = temp_file("x", 1);

	(void)state;
	assert_int_equal(fd_cloexec(fd, false), 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fd_cloexec(fd, true), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fd_nonblock(fd, true), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_nonblock(fd, false), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_cloexec(-1, true), -EBADF);
}

static void fd_fill_std__closed__dev_null(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		close(0);
		close(2);
		if (fd_fill_std() < 0)
			_exit(1);
		if (write(2, "x", 1) != 1 || read(0, &(char){ 0 }, 1) != 0)
			_exit(2);
		if (fcntl(2, F_GETFD) != 0)
			_exit(3);
		if (fd_cloexec_from(0) < 0 || fcntl(2, F_GETFD) != FD_CLOEXEC)
			_exit(4);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void fd_lock__taken__ewouldblock(void **state)
{
	AUTO_CLOSE int a = temp_file("", 0), b = -1, c = -1;
	char path[32];

	(void)state;
	b = open(path_of_fd(a, path), O_RDWR | O_CLOEXEC);
	c = open(path_of_fd(a, path), O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_lock(a, false, false), 0);
	assert_int_equal(fd_lock(b, false, false), 0);
	assert_int_equal(fd_lock(c, true, false), -EWOULDBLOCK);
	fd_close(&a);
	fd_close(&b);
	assert_int_equal(fd_lock(c, true, true), 0);
}

static void fd_unix__path_over_108_bytes__talks(void **state)
{
	AUTO_FREE char *dir = mem_strdup("/tmp/berth-test-fd-XXXXXX");
	AUTO_FREE char *deep = NULL;
	AUTO_CLOSE int dirfd = -1, server = -1, client = -1, peer = -1;
	struct err e = ERR_INIT;
	struct stat st;
	mode_t mask;
	char c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	deep = mem_printf("%s/%0200d", dir, 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(path_open_dir(AT_FDCWD, deep, &dirfd, &e), 0);
	mask = umask(0);
	assert_int_equal(fd_unix_listen(dirfd, "sock", SOCK_SEQPACKET, &server, &e), 0);
	umask(mask);
	assert_int_equal(fstatat(dirfd, "sock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(fd_unix_listen(dirfd, "sock", SOCK_SEQPACKET, &peer, &e), -EADDRINUSE);
	assert_int_equal(fd_unix_connect(dirfd, "sock", SOCK_SEQPACKET, &client, &e), 0);
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(fd_send(client, "!", 1, NULL, 0), 0);
	assert_int_equal(fd_recv(peer, &c, 1, NULL, NULL), 1);
	fd_close(&client);
	fd_close(&server);
	assert_int_equal(fd_unix_connect(dirfd, "sock", SOCK_SEQPACKET, &client, &e),
			 -ECONNREFUSED);
	assert_string_equal(e.msg, "connect to socket sock: Connection refused");
	assert_int_equal(fd_unix_connect(dirfd, "none", SOCK_SEQPACKET, &client, &e), -ENOENT);
	assert_int_equal(fd_unix_connect(dirfd, deep, SOCK_SEQPACKET, &client, &e), -ENAMETOOLONG);
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd_close__twice__keeps_errno),
		cmocka_unit_test(fd_read_all__limits__whole_or_efbig),
		cmocka_unit_test(fd_read_all__proc_file__whole),
		cmocka_unit_test(fd_write_all__closed__errno),
		cmocka_unit_test(fd_send_recv__descriptors__arrive_cloexec),
		cmocka_unit_test(fd_recv__too_much__refused_and_nothing_leaks),
		cmocka_unit_test(fd_nonblock_and_cloexec__flags__as_asked),
		cmocka_unit_test(fd_fill_std__closed__dev_null),
		cmocka_unit_test(fd_lock__taken__ewouldblock),
		cmocka_unit_test(fd_unix__path_over_108_bytes__talks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
