/* control.c - the client's side of the supervisor's socket.  Runs in: host. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/supervisor.h"

int control_connect(const struct engine *en, const char *id, int *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = path_open_dir(en->run_fd, id, &dir, e);

	if (r == -ENOENT)
		return err_say(e, ENOENT, "container %.12s is not running", id);
	if (r < 0)
		return r;
	r = fd_unix_connect(dir, "sock", SOCK_SEQPACKET, ret, e);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_say(e, -r, "container %.12s is not running", id);
	return r;
}

static int send_flags(int sock, enum sup_type type, int32_t a, int32_t b, const void *data,
		      size_t n, int flags)
{
	struct sup_head h = { (int32_t)type, a, b };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)(uintptr_t)data, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n ? 2 : 1 };
	ssize_t r;

	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int control_send(int sock, enum sup_type type, int32_t a, int32_t b, const void *data, size_t n)
{
	return send_flags(sock, type, a, b, data, n, 0);
}

int control_try_send(int sock, enum sup_type type, const void *data, size_t n)
{
	return send_flags(sock, type, 0, 0, data, n, MSG_DONTWAIT);
}

ssize_t control_recv(int sock, struct sup_head *ret, void *data)
{
	struct iovec iov[2] = { { ret, sizeof(*ret) }, { data, SUP_DATA } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	bool reset = false;
	ssize_t r;

	for (;;) {
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		/* Who closed with our last words unread says so once, before what it had sent. */
		if (r < 0 && errno == ECONNRESET && !reset)
			reset = true;
		else if (r >= 0 || errno != EINTR)
			break;
	}
	if (r == 0 || (r < 0 && errno == ECONNRESET))
		return -EPIPE;
	if (r < 0)
		return -errno;
	if (r < (ssize_t)sizeof(*ret) || (m.msg_flags & MSG_TRUNC))
		return -EPROTO;
	return r - (ssize_t)sizeof(*ret);
}
