/* sync.c - see sync.h.  Runs in: both. */
#include "runtime/sync.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"

#define HEAD_BYTES offsetof(struct sync_msg, err)

static const char *const names[] = {
	[SYNC_ERROR] = "error", [SYNC_BORN] = "born", [SYNC_MAPPED] = "mapped",
	[SYNC_IDMAP] = "idmap", [SYNC_MOUNTED] = "mounted", [SYNC_GO] = "go",
	[SYNC_CONSOLE] = "console", [SYNC_FILTER] = "filter", [SYNC_READY] = "ready",
	[SYNC_START] = "start", [SYNC_KEEP] = "keep",
};

const char *sync_name(enum sync_type type)
{
	if (type < ARRAY_SIZE(names) && names[type])
		return names[type];
	return "unknown";
}

int sync_pair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_set(e, errno, "socket pair for the init");
	return 0;
}

int sync_send(int sock, enum sync_type type, pid_t pid, int fd)
{
	struct sync_msg m = { .type = type, .pid = pid };

	return fd_send(sock, &m, HEAD_BYTES, &fd, fd >= 0 ? 1 : 0);
}

void sync_send_err(int sock, const struct err *err)
{
	struct sync_msg m = { .type = SYNC_ERROR, .err = *err };

	(void)fd_send(sock, &m, sizeof(m), NULL, 0);
}

/* What comes from the other side is checked as if it came from outside: the child has by then
 * met the container's files. */
static bool well_formed(const struct sync_msg *m, size_t n)
{
	if (m->type == SYNC_ERROR)
		return n == sizeof(*m) && m->err.code > 0 && m->err.code < 4096 &&
		       m->err.status >= 0 && m->err.status < 256 &&
		       memchr(m->err.msg, '\0', sizeof(m->err.msg));
	return n == HEAD_BYTES && m->type < ARRAY_SIZE(names) && names[m->type];
}

int sync_recv(int sock, struct sync_msg *ret, int *ret_fd, struct err *e)
{
	struct sync_msg m = { 0 };
	size_t nfds = 1;
	int fd = -1;
	ssize_t n;

	n = fd_recv(sock, &m, sizeof(m), &fd, &nfds);
	/* The other side closed with a message of ours unread, which unix(7) tells first: what it
	 * said before that is still there. */
	if (n == -ECONNRESET) {
		nfds = 1;
		n = fd_recv(sock, &m, sizeof(m), &fd, &nfds);
	}
	if (nfds == 0)
		fd = -1;
	if (n == -ECONNRESET)
		n = 0;
	if (n <= 0 || !ret_fd)
		fd_close(&fd);
	if (n < 0)
		return err_set(e, (int)-n, "read from the other side of the birth");
	if (n == 0)
		return 0;
	if (!well_formed(&m, (size_t)n)) {
		fd_close(&fd);
		return err_say(e, EPROTO, "the other side of the birth sent no message of ours");
	}
	*ret = m;
	if (ret_fd)
		*ret_fd = fd;
	return 1;
}

int sync_wait(int sock, enum sync_type type, struct err *e)
{
	struct sync_msg m;
	int r;

	r = sync_recv(sock, &m, NULL, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_say(e, EPIPE, "the other side of the birth ended before \"%s\"",
			       sync_name(type));
	if (m.type == SYNC_ERROR) {
		*e = m.err;
		return -e->code;
	}
	if (m.type != type)
		return err_say(e, EPROTO, "the other side of the birth said \"%s\" before \"%s\"",
			       sync_name(m.type), sync_name(type));
	return 0;
}
