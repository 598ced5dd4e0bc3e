/*
 * criu.c - see criu.h.
 *
 * Runs in: host.  Sources: criu(8), criu's rpc.proto, the encoding of protocol buffers.
 *
 *	us					criu swrk
 *	criu_req { type, opts } -->
 *				<-- criu_resp { NOTIFY, notify { script, pid } } [+ descriptor]
 *	criu_req { NOTIFY, notify_success } -->		any number of times
 *				<-- criu_resp { type, success, restore { pid } }
 */
#include "runtime/criu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define MESSAGE_MAX (64u << 10)
#define NOTIFY 6

enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3 };
enum { RESP_TYPE = 1, RESP_SUCCESS = 2, RESP_RESTORE = 4, RESP_NOTIFY = 5, RESP_ERRNO = 7,
       RESP_ERRMSG = 9 };
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* ---- out -------------------------------------------------------------------------------- */

static void put_varint(struct strbuf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		strbuf_addc(b, (char)(v | 0x80));
	strbuf_addc(b, (char)v);
}

static void put_bytes(struct strbuf *b, unsigned field, const void *data, size_t n)
{
	put_varint(b, field << 3 | BYTES);
	put_varint(b, n);
	strbuf_add(b, data, n);
}

void criu_num(struct strbuf *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3 | VARINT);
	put_varint(b, v);
}

void criu_text(struct strbuf *b, unsigned field, const char *text)
{
	put_bytes(b, field, text, strlen(text));
}

void criu_part(struct strbuf *b, unsigned field, const struct strbuf *message)
{
	put_bytes(b, field, message->s ? message->s : "", message->len);
}

/* ---- in --------------------------------------------------------------------------------- */

struct in { const uint8_t *p, *end; };
struct field { unsigned number; uint64_t num; struct in bytes; };

static bool get_varint(struct in *in, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; in->p < in->end && shift < 64; shift += 7) {
		uint8_t c = *in->p++;

		*ret |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

/* The next field; false at the end, or where there is none. */
static bool get_field(struct in *in, struct field *ret)
{
	uint64_t key, n = 0;

	*ret = (struct field){ 0 };
	if (in->p == in->end || !get_varint(in, &key))
		return false;
	ret->number = (unsigned)(key >> 3);
	switch (key & 7) {
	case VARINT:
		return get_varint(in, &ret->num);
	case BYTES:
		if (!get_varint(in, &n))
			return false;
		break;
	case FIXED64:
	case FIXED32:
		n = (key & 7) == FIXED64 ? 8 : 4;
		break;
	default:
		return false;
	}
	if (n > (uint64_t)(in->end - in->p))
		return false;
	ret->bytes = (struct in){ in->p, in->p + n };
	in->p += n;
	return true;
}

struct answer { unsigned type; bool success; pid_t pid; int code; char script[64], why[256]; };

static void get_text(const struct in *in, char *ret, size_t max)
{
	snprintf(ret, max, "%.*s", (int)(in->end - in->p), (const char *)in->p);
}

/* restore { pid }, notify { script, pid } */
static void get_inner(struct in in, struct answer *a)
{
	struct field f;

	while (get_field(&in, &f)) {
		if (f.bytes.p)
			get_text(&f.bytes, a->script, sizeof(a->script));
		else
			a->pid = (pid_t)f.num;
	}
}

static void get_answer(const void *data, size_t n, struct answer *ret)
{
	struct in in = { data, (const uint8_t *)data + n };
	struct field f;

	*ret = (struct answer){ 0 };
	while (get_field(&in, &f)) {
		if (f.number == RESP_TYPE)
			ret->type = (unsigned)f.num;
		else if (f.number == RESP_SUCCESS)
			ret->success = f.num;
		else if (f.number == RESP_RESTORE || f.number == RESP_NOTIFY)
			get_inner(f.bytes, ret);
		else if (f.number == RESP_ERRNO)
			ret->code = (int)f.num;
		else if (f.number == RESP_ERRMSG)
			get_text(&f.bytes, ret->why, sizeof(ret->why));
	}
}

/* ---- the conversation ------------------------------------------------------------------- */

static int send_message(int sock, const struct strbuf *b, struct err *e)
{
	return send(sock, b->s, b->len, MSG_NOSIGNAL) == (ssize_t)b->len ? 0 :
		       err_set(e, errno, "write to criu");
}

static int send_request(const struct criu_call *c, int sock, struct err *e)
{
	AUTO(strbuf) struct strbuf req = STRBUF_INIT;

	criu_num(&req, REQ_TYPE, c->request);
	criu_part(&req, REQ_OPTS, &c->opts);
	return send_message(sock, &req, e);
}

static int on_notify(const struct criu_call *c, int sock, const struct answer *a, int *fd,
		     struct err *e)
{
	AUTO(strbuf) struct strbuf req = STRBUF_INIT;
	struct err ignore = ERR_INIT;
	int r = c->notify ? c->notify(c->ctx, a->script, a->pid, fd, e) : 0;

	criu_num(&req, REQ_TYPE, NOTIFY);
	criu_num(&req, REQ_NOTIFY_SUCCESS, r == 0);
	if (r < 0)
		send_message(sock, &req, &ignore);
	return r < 0 ? r : send_message(sock, &req, e);
}

/* 1: that was the last word. */
static int one_answer(const struct criu_call *c, int sock, pid_t *ret_pid, struct err *e)
{
	static const char *const names[] = { [CRIU_DUMP] = "dump", [CRIU_RESTORE] = "restore",
					     [CRIU_PRE_DUMP] = "pre-dump" };
	AUTO_FREE char *data = mem_alloc(MESSAGE_MAX);
	AUTO_CLOSE int fd = -1;
	struct answer a;
	size_t nfds = 1;
	ssize_t n = fd_recv(sock, data, MESSAGE_MAX, &fd, &nfds);

	if (n <= 0) {
		fd = nfds ? fd : -1;
		return err_say(e, EIO, "criu %s ended without an answer", names[c->request]);
	}
	fd = nfds ? fd : -1;
	get_answer(data, (size_t)n, &a);
	if (a.type == NOTIFY)
		return on_notify(c, sock, &a, &fd, e);
	if (!a.success) {
		err_say(e, EIO, "criu %s failed%s%s", names[c->request], a.why[0] ? ": " : "",
			a.why);
		return a.code && !a.why[0] ? err_hint(e, "%s", strerror(a.code)) : -EIO;
	}
	if (ret_pid)
		*ret_pid = a.pid;
	return 1;
}

static void __attribute__((noreturn)) child(const struct criu_call *c, int sock)
{
	char number[16];

	if (c->prepare)
		c->prepare(c->ctx);
	fd_cloexec(sock, false);
	snprintf(number, sizeof(number), "%d", sock);
	execlp("criu", "criu", "swrk", number, (char *)NULL);
	_exit(127);
}

int criu_run(struct criu_call *c, pid_t *ret_pid, struct err *e)
{
	int pair[2], status = 0, r;
	AUTO(strbuf) struct strbuf opts = c->opts;	/* freed here */
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "socket pair for criu");
	pid = fork();
	if (pid == 0)
		child(c, pair[1]);
	close(pair[1]);
	r = pid < 0 ? err_set(e, errno, "fork") : send_request(c, pair[0], e);
	while (r == 0)
		r = one_answer(c, pair[0], ret_pid, e);
	close(pair[0]);
	c->opts = (struct strbuf)STRBUF_INIT;
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	if (r < 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_say(e, ENOENT, "there is no program criu (package criu)");
	return r < 0 ? r : 0;
}
