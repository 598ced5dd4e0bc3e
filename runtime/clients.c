/*
 * clients.c - who is connected to the supervisor's socket, and what they ask.
 * Runs in: supervisor.
 *
 * A reader's queue is its socket's buffer (some 200 KB).  A slow one loses what does not
 * fit and is told how much; one that asked for lossless holds the container's output back
 * instead, as a pipe would.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "runtime/watch.h"

/* All that is large, on pages of its own, so that it can be given back. */
static struct {
	struct { struct sup_head h; char data[SUP_DATA]; } msg;	/* from a client */
	char held[WATCH_CHUNK];		/* output held back for a lossless client */
	char chunk[WATCH_CHUNK];	/* output just read */
} buffers __attribute__((aligned(4096)));

static struct watch_client *find(int fd)
{
	for (int i = 0; i < WATCH_CLIENTS; i++)
		if (W.client[i].kind != CLIENT_FREE && W.client[i].fd == fd)
			return &W.client[i];
	return NULL;
}

char *clients_chunk(void)
{
	W.buffers_used = true;
	return buffers.chunk;
}

void clients_give_back(void)
{
	if (!W.buffers_used || W.held || W.in_used)
		return;
	madvise(&buffers, sizeof(buffers) & ~(size_t)4095, MADV_DONTNEED);
	W.buffers_used = false;
}

bool clients_has(int fd)
{
	return find(fd) != NULL;
}

static int send_to(struct watch_client *c, int type, int32_t a, const void *data, size_t n)
{
	struct sup_head h = { type, a, 0 };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)(uintptr_t)data, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n ? 2 : 1 };

	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void pause_output(bool pause)
{
	if (W.out >= 0)
		watch_poll((int)W.out, !pause, false);
	if (W.err >= 0)
		watch_poll((int)W.err, !pause, false);
	if (W.tty >= 0)
		watch_poll((int)W.tty, !pause, W.in_used > 0);
}

/* The held chunk goes out again to those who have not got it. */
static void release_held(void)
{
	size_t n = W.held;

	if (!n)
		return;
	for (int i = 0; i < WATCH_CLIENTS; i++) {
		struct watch_client *c = &W.client[i];

		if (c->kind != CLIENT_ATTACHED || !c->stalled)
			continue;
		if (send_to(c, W.held_type, 0, buffers.held, n) == -EAGAIN)
			return;
		c->stalled = false;
		watch_poll(c->fd, true, false);
	}
	W.held = 0;
	pause_output(false);
}

static void drop(struct watch_client *c)
{
	bool was_stalled = c->stalled;

	watch_poll(c->fd, false, false);
	close(c->fd);
	if (c->kind == CLIENT_EXEC && W.cgroup) {
		/* its exec ends with it: nobody is left to read the answer */
		AUTO(strbuf) struct strbuf path = STRBUF_INIT;
		struct err e = ERR_INIT;

		strbuf_addf(&path, "%s/%s", W.cgroup, c->exec);
		cgroup_remove(path.s, 2000, &e);
	}
	if (c->kind == CLIENT_ATTACHED && (c->flags & SUP_STDIN) && W.stdin_once) {
		W.in_eof = true;	/* what it sent before still goes in */
		if (W.in_used == 0 && W.in >= 0) {
			close((int)W.in);
			W.in = -1;
		}
	}
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (was_stalled)
		release_held();
}

static struct watch_client *add(int fd)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	for (int i = 0; i < WATCH_CLIENTS; i++) {
		struct watch_client *c = &W.client[i];

		if (c->kind != CLIENT_FREE)
			continue;
		*c = (struct watch_client){ .fd = fd, .kind = CLIENT_NEW, .pid = cred.pid,
					    .uid = cred.uid };
		watch_poll(fd, true, false);
		return c;
	}
	return NULL;
}

void clients_accept(void)
{
	static const char full[] = "too many clients of one container";

	for (;;) {
		int fd = accept4((int)W.listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct watch_client *c;

		if (fd < 0)
			return;
		c = add(fd);
		if (!c) {
			struct watch_client none = { .fd = fd };

			send_to(&none, SUP_ERROR, 0, full, sizeof(full) - 1);
			close(fd);
		} else if (c->uid != 0 && c->uid != geteuid()) {
			drop(c);	/* the folder's mode keeps others out already */
		}
	}
}

void clients_adopt(int fd, int flags)
{
	struct watch_client *c;

	fd_cloexec(fd, true);
	fd_nonblock(fd, true);
	c = add(fd);
	if (!c)
		return;
	c->kind = CLIENT_ATTACHED;
	c->flags = (uint8_t)flags;
}

void clients_output(int type, const char *data, size_t n)
{
	int want = type == SUP_ERR ? SUP_STDERR : SUP_STDOUT;

	for (int i = 0; i < WATCH_CLIENTS; i++) {
		struct watch_client *c = &W.client[i];
		int r;

		if (c->kind != CLIENT_ATTACHED || !(c->flags & want))
			continue;
		if (c->lost) {
			char text[80];
			AUTO(strbuf) struct strbuf b = STRBUF_INIT;

			strbuf_addf(&b, "\r\n[berth: %llu bytes skipped, reader too slow]\r\n",
				    (unsigned long long)c->lost);
			memcpy(text, b.s, b.len < sizeof(text) ? b.len : sizeof(text));
			if (send_to(c, SUP_ERR, 0, text, b.len) == 0)
				c->lost = 0;
		}
		r = send_to(c, type, 0, data, n);
		if (r == -EAGAIN && (c->flags & SUP_LOSSLESS)) {
			c->stalled = true;
			memcpy(buffers.held, data, n);
			W.held = n;
			W.held_type = type;
			watch_poll(c->fd, true, true);
		} else if (r == -EAGAIN) {
			c->lost += n;
		} else if (r < 0) {
			drop(c);
		}
	}
	if (W.held)
		pause_output(true);
}

/* ---- input ---- */

static int input_fd(void)
{
	return (int)(W.tty >= 0 ? W.tty : W.in);
}

static void input_done(void)
{
	W.in_used = W.in_done = 0;
	if (W.in_eof && W.in >= 0) {
		close((int)W.in);
		W.in = -1;
	}
	for (int i = 0; i < WATCH_CLIENTS; i++)
		if (W.client[i].kind == CLIENT_ATTACHED && (W.client[i].flags & SUP_STDIN))
			watch_poll(W.client[i].fd, true, W.client[i].stalled);
}

void clients_input_ready(void)
{
	int fd = input_fd();

	if (W.in_used == 0)
		return;
	while (W.in_done < W.in_used) {
		ssize_t n = write(fd, buffers.msg.data + W.in_done, W.in_used - W.in_done);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;	/* nobody reads any more */
		W.in_done += (size_t)n;
	}
	watch_poll(fd, fd == W.tty && !watch_output_paused(), false);
	input_done();
}

static void input(size_t n)
{
	int fd = input_fd();

	if (fd < 0 || n == 0)
		return;
	W.in_used = n;
	W.in_done = 0;
	clients_input_ready();
	if (W.in_used == 0)
		return;
	/* full: wait for it, and take nothing more from anyone meanwhile */
	watch_poll(fd, fd == W.tty && !watch_output_paused(), true);
	for (int i = 0; i < WATCH_CLIENTS; i++)
		if (W.client[i].kind == CLIENT_ATTACHED && (W.client[i].flags & SUP_STDIN))
			watch_poll(W.client[i].fd, false, W.client[i].stalled);
}

static void resize(int32_t rows, int32_t cols)
{
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	if (W.tty >= 0 && rows > 0 && cols > 0)
		ioctl((int)W.tty, TIOCSWINSZ, &ws);
}

/* ---- requests ---- */

static void who(const struct watch_client *c)
{
	W.status.sender_pid = c->pid;
	W.status.sender_uid = (int32_t)c->uid;
}

static void set(struct watch_client *c, const char *text, size_t n)
{
	char copy[sizeof(W.new_name)];
	const char *v;
	uint32_t num;

	if (n >= sizeof(copy))
		n = sizeof(copy) - 1;
	memcpy(copy, text, n);
	copy[n] = 0;
	if ((v = str_after(copy, "restart=")) && str_to_u32(v, &num) == 0)
		W.restart = num;
	else if ((v = str_after(copy, "restart-max=")) && str_to_u32(v, &num) == 0)
		W.restart_max = num;
	else if ((v = str_after(copy, "name=")))
		W.name = strcpy(W.new_name, v);
	else if (str_eq(copy, "shutdown"))
		W.why = STATUS_HOST_SHUTDOWN; /* the STOP that follows is the host's, no person's */
	else
		send_to(c, SUP_ERROR, 0, "unknown setting", 15);
}

/* When the container has ended already: an answer now, or at the restart's end. */
static void request(struct watch_client *c, size_t n)
{
	switch (buffers.msg.h.type) {
	case SUP_ATTACH:
		c->kind = CLIENT_ATTACHED;
		c->flags = (uint8_t)buffers.msg.h.a;
		send_to(c, SUP_OK, 0, NULL, 0);
		break;
	case SUP_IN:
		if (c->kind == CLIENT_ATTACHED && (c->flags & SUP_STDIN))
			input(n);
		break;
	case SUP_EOF:
		if (c->kind != CLIENT_ATTACHED || !(c->flags & SUP_STDIN) || W.in < 0)
			break;
		W.in_eof = true;
		if (W.in_used == 0)
			input_done();
		break;
	case SUP_RESIZE:
		resize(buffers.msg.h.a, buffers.msg.h.b);
		break;
	case SUP_WAIT:
		c->kind = buffers.msg.h.a == 1 ? CLIENT_HEALTHY : CLIENT_WAIT;
		send_to(c, SUP_OK, 0, NULL, 0);
		if (c->kind == CLIENT_HEALTHY)
			clients_health();
		break;
	case SUP_STOP:
		if (c->kind == CLIENT_NEW)
			c->kind = CLIENT_WAIT;
		who(c);
		W.by_user = W.why != STATUS_HOST_SHUTDOWN;
		send_to(c, SUP_OK, 0, NULL, 0);
		stop_begin(buffers.msg.h.a > 0 ? buffers.msg.h.a : (int)W.stop_signal,
			   buffers.msg.h.b == INT32_MIN ? W.stop_timeout : buffers.msg.h.b,
			   STATUS_STOPPED);
		break;
	case SUP_KILL:
		who(c);
		if (buffers.msg.h.a == SIGKILL || buffers.msg.h.a == W.stop_signal)
			W.by_user = true;
		W.why = W.why == STATUS_NONE ? STATUS_KILLED : W.why;
		stop_signal_init(buffers.msg.h.a);
		send_to(c, SUP_OK, 0, NULL, 0);
		if (W.deadline[TIMER_RESTART])
			stop_begin(SIGKILL, 0, STATUS_KILLED);
		break;
	case SUP_EXEC:
		c->kind = CLIENT_EXEC;
		n = n < sizeof(c->exec) - 1 ? n : sizeof(c->exec) - 1;
		memcpy(c->exec, buffers.msg.data, n);
		c->exec[n] = 0;
		if (strchr(c->exec, '/') || str_starts(c->exec, "."))
			c->exec[0] = 0;
		send_to(c, SUP_OK, 0, NULL, 0);
		break;
	case SUP_SET:
		set(c, buffers.msg.data, n);
		send_to(c, SUP_OK, 0, NULL, 0);
		break;
	case SUP_DETACH:
		c->flags &= (uint8_t)~SUP_STDIN;	/* leaving does not close its input */
		break;
	default:
		send_to(c, SUP_ERROR, 0, "unknown request", 15);
	}
}

void clients_event(int fd, uint32_t events)
{
	struct watch_client *c = find(fd);
	ssize_t n;

	if (!c)
		return;
	if (events & EPOLLOUT)
		release_held();
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (W.in_used > 0 && c->kind == CLIENT_ATTACHED && (c->flags & SUP_STDIN)) {
		if (events & (EPOLLHUP | EPOLLERR))
			drop(c);
		return;		/* msg still holds input that waits */
	}
	if (W.in_used > 0) {	/* requests while input waits: into a buffer of their own */
		struct sup_head h;
		struct iovec iov = { &h, sizeof(h) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

		n = recvmsg(fd, &m, MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(h) && h.type != SUP_IN && h.type != SUP_EXEC &&
		    h.type != SUP_SET) {
			struct sup_head keep = buffers.msg.h;

			buffers.msg.h = h;
			request(c, 0);
			buffers.msg.h = keep;
		} else if (n == 0 || (n < 0 && errno != EAGAIN)) {
			drop(c);
		}
		return;
	}
	W.buffers_used = true;
	n = recv(fd, &buffers.msg, sizeof(buffers.msg), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(buffers.msg.h)) {
		drop(c);
		return;
	}
	request(c, (size_t)n - sizeof(buffers.msg.h));
}

/* What we hold, the lock and published ports above all, is free before anybody hears of the end:
 * whoever does may start the container again at once. */
static void close_others(void)
{
	for (unsigned from = 3, next; from; from = next + 1) {
		next = UINT_MAX;
		for (int i = 0; i < WATCH_CLIENTS; i++) {
			unsigned fd = (unsigned)W.client[i].fd;

			if (W.client[i].kind != CLIENT_FREE && fd >= from && fd < next)
				next = fd;
		}
		if (next > from)
			sys_close_range(from, next == UINT_MAX ? next : next - 1, 0);
	}
}

void clients_end(int32_t code)
{
	close_others();
	for (int i = 0; i < WATCH_CLIENTS; i++) {
		struct watch_client *c = &W.client[i];

		if (c->kind == CLIENT_FREE)
			continue;
		fd_nonblock(c->fd, false);	/* its last word must arrive */
		struct timeval tv = { 5, 0 };

		setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		struct sup_head h = { SUP_END, code, 0 };

		send(c->fd, &h, sizeof(h), MSG_NOSIGNAL);
	}
}

void clients_health(void)
{
	for (int i = 0; i < WATCH_CLIENTS; i++)
		if (W.client[i].kind == CLIENT_HEALTHY && str_eq(W.status.health, "healthy"))
			send_to(&W.client[i], SUP_HEALTH, 1, NULL, 0);
}
