/* fd.c - see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"

/* The kernel takes 253 (SCM_MAX_FD); musl's sendmsg copies at most 1024 bytes of control data. */
#define MAX_FDS 128

void fd_close(int *fd)
{
	int keep = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = keep;
}

void fd_close_cleanup(int *fd)
{
	fd_close(fd);
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Also ends when it has got all that there is said to be, without asking for the end. */
static ssize_t read_until(int fd, void *buf, size_t n, size_t all)
{
	size_t got = 0;

	while (got < n && (got == 0 || got != all)) {
		ssize_t k = read(fd, (char *)buf + got, n - got);

		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

ssize_t fd_read_full(int fd, void *buf, size_t n)
{
	return read_until(fd, buf, n, 0);
}

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_n)
{
	AUTO_FREE char *buf = NULL;
	size_t cap = 4096, n = 0, size = 0;
	struct stat st;

	/* st_size is only a first guess: files of /proc say 0, others may grow. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size < max) {
		size = (size_t)st.st_size;
		cap = size + 2;
	}
	for (;;) {
		ssize_t k;

		if (cap > max && max < SIZE_MAX - 2)
			cap = max + 2;	/* one byte more than allowed tells, one for the NUL */
		buf = mem_resize(buf, cap, 1);
		k = read_until(fd, buf + n, cap - 1 - n, n == 0 ? size : 0);
		if (k < 0)
			return (int)k;
		n += (size_t)k;
		if (n > max)
			return -EFBIG;
		if (n < cap - 1)
			break;
		if (__builtin_mul_overflow(cap, 2, &cap))
			return -EFBIG;
	}
	buf[n] = '\0';
	*ret = TAKE(buf);
	if (ret_n)
		*ret_n = n;
	return 0;
}

union control {
	char buf[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct cmsghdr align;
};

int fd_send(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;

	if (nfds > MAX_FDS)
		return -EINVAL;
	if (nfds > 0) {
		struct cmsghdr *h;

		memset(&c, 0, sizeof(c));
		m.msg_control = c.buf;
		m.msg_controllen = (socklen_t)CMSG_SPACE(nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = (socklen_t)CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, nfds * sizeof(int));
	}
	do {
		ssize_t k = sendmsg(sock, &m, MSG_NOSIGNAL);

		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		/* A stream may take a part; the descriptors went with the first byte. */
		iov.iov_base = (char *)iov.iov_base + k;
		iov.iov_len -= (size_t)k;
		m.msg_control = NULL;
		m.msg_controllen = 0;
		if (iov.iov_len == 0)
			return 0;
	} while (1);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"	/* musl's CMSG_NXTHDR */

/* Takes the descriptors out of m: up to room into fds, the rest is closed.  Returns how many
 * came in all. */
static size_t take_fds(struct msghdr *m, int *fds, size_t room)
{
	size_t came = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = ((size_t)h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++, came++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (came < room)
				fds[came] = fd;
			else
				close(fd);
		}
	}
	return came;
}

#pragma GCC diagnostic pop

ssize_t fd_recv(int sock, void *buf, size_t n, int *fds, size_t *nfds)
{
	struct iovec iov = { .iov_base = buf, .iov_len = n };
	union control c;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.buf,
		.msg_controllen = sizeof(c.buf),
	};
	size_t room = nfds ? *nfds : 0, came;
	ssize_t k;

	do
		k = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	came = take_fds(&m, fds, room);
	if (came > room || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < came && i < room; i++)
			close(fds[i]);
		if (nfds)
			*nfds = 0;
		return -EMSGSIZE;
	}
	if (nfds)
		*nfds = came;
	return k;
}

int fd_reopen_file(int at, int flags)
{
	struct stat st;
	char link[32];
	int fd;

	if (fstat(at, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open(path_of_fd(at, link), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* fchmodat(2) follows links, and glibc's AT_SYMLINK_NOFOLLOW makes calls that berth-image's filter
 * does not let through. */
int fd_chmod(int dirfd, const char *name, mode_t mode)
{
	AUTO_CLOSE int at = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	char link[32];

	if (at < 0 || fstat(at, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return fchmodat(AT_FDCWD, path_of_fd(at, link), mode & 07777, 0) < 0 ? -errno : 0;
}

int fd_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_fill_std(void)
{
	for (int i = 0; i <= 2; i++) {
		int fd;

		if (fcntl(i, F_GETFD) >= 0)
			continue;
		/* The lowest free number is i.  Not close-on-exec: it stands for a standard
		 * stream of whatever is executed. */
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
		if (fd != i)
			return -EBADF;
	}
	return 0;
}

int fd_cloexec_from(unsigned from)
{
	return sys_close_range(from, ~0U, 4) < 0 ? -errno : 0;	/* CLOSE_RANGE_CLOEXEC, 5.11 */
}

int fd_lock(int fd, bool exclusive, bool wait)
{
	int op = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

	while (flock(fd, op) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A socket, and the address of `name` in dirfd. */
static int unix_socket(int dirfd, const char *name, int type, struct sockaddr_un *sa, int *ret,
		       struct err *e)
{
	int n;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (dirfd == AT_FDCWD)
		n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", name);
	else
		n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", dirfd,
			     name);
	if (n < 0 || (size_t)n >= sizeof(sa->sun_path))
		return err_set(e, ENAMETOOLONG, "socket %s", name);
	*ret = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return *ret < 0 ? err_set(e, errno, "socket") : 0;
}

int fd_unix_listen(int dirfd, const char *name, int type, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct sockaddr_un sa;
	int r = unix_socket(dirfd, name, type, &sa, &fd, e);

	if (r < 0)
		return r;
	/* bind(2) gives the file the mode of the socket's inode less the umask, so the file is
	 * never there with more than this. */
	if (fchmod(fd, 0600) < 0)
		return err_set(e, errno, "fchmod socket %s", name);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_set(e, errno, "bind socket %s", name);
	if (type != SOCK_DGRAM && listen(fd, 64) < 0) {
		r = err_set(e, errno, "listen on socket %s", name);
		unlinkat(dirfd, name, 0);
		return r;
	}
	*ret = TAKE_FD(fd);
	return 0;
}

int fd_unix_connect(int dirfd, const char *name, int type, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct sockaddr_un sa;
	int r = unix_socket(dirfd, name, type, &sa, &fd, e);

	if (r < 0)
		return r;
	do
		r = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set(e, errno, "connect to socket %s", name);
	*ret = TAKE_FD(fd);
	return 0;
}
