/*
 * nl.c - netlink conversations.
 */
#include "netns/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

#define NL_ANSWER (40u << 10)	/* the kernel's answers are at most 32 KiB for a dump */
#define NL_PATIENCE 60		/* seconds: the kernel's network lock can be held for long */

void nl_close(struct nl *n)
{
	fd_close(&n->fd);
	free(n->buf);
	*n = (struct nl)NL_INIT;
}

void nl_cleanup(struct nl *n)
{
	nl_close(n);
}

/* A socket belongs for ever to the namespace in which it was made, so one short visit is all
 * that configuring another namespace takes: no fork, no thread. */
static int open_inside(int protocol, int netns_fd, struct err *e)
{
	AUTO_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_set(e, errno, "open own network namespace");
	if (sys_setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter the container's network namespace");
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int saved = errno;
	if (sys_setns(home, CLONE_NEWNET) < 0)
		abort(); /* every later step would hit the wrong namespace */
	if (fd < 0)
		return err_set(e, saved, "netlink socket in the container");
	return fd;
}

int nl_open(struct nl *n, int protocol, int netns_fd, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	if (netns_fd >= 0) {
		fd = open_inside(protocol, netns_fd, e);
		if (fd < 0)
			return fd;
	} else {
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
		if (fd < 0)
			return err_set(e, errno, "netlink socket");
	}
	int one = 1;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	struct timeval tv = { .tv_sec = NL_PATIENCE };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	*n = (struct nl){ .fd = TAKE_FD(fd), .seq = 1 };
	return 0;
}

static size_t aligned(uint32_t len)
{
	return ((size_t)len + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

static size_t filled(const struct nl *n)
{
	if (!n->count)
		return 0;
	const struct nlmsghdr *last = (const void *)(n->buf + n->len);
	return n->len + aligned(last->nlmsg_len);
}

struct nlmsghdr *nl_add(struct nl *n, uint16_t type, uint16_t flags)
{
	size_t at = filled(n);
	if (n->cap - at < NL_ROOM || !n->buf) {
		size_t cap = n->cap ? n->cap * 2 : 2 * NL_ROOM;
		char *buf = mem_alloc(cap);
		if (at)
			memcpy(buf, n->buf, at);
		free(n->buf);
		n->buf = buf;
		n->cap = cap;
	}
	n->len = at;
	n->seq++;
	if (n->count++ == 0)
		n->first = n->seq;
	struct nlmsghdr *h = mnl_nlmsg_put_header(n->buf + at);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	if ((flags & NLM_F_DUMP) != NLM_F_DUMP)
		h->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_seq = n->seq;
	return h;
}

static int send_all(struct nl *n)
{
	size_t len = filled(n);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	if (len > 100000) {
		int want = (int)(len * 2 > (size_t)1 << 30 ? (size_t)1 << 30 : len * 2);
		setsockopt(n->fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want));
		setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want));
	}
	ssize_t r;
	do
		r = sendto(n->fd, n->buf, len, 0, (struct sockaddr *)&to, sizeof(to));
	while (r < 0 && errno == EINTR);
	n->len = 0;
	n->count = 0;
	n->reason[0] = 0;
	return r < 0 ? -errno : 0;
}

static ssize_t receive(struct nl *n, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { buf, size };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
				    .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t r = recvmsg(n->fd, &m, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0)
			continue; /* not the kernel */
		if (m.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return r;
	}
}

static int note_reason(const struct nlattr *attr, void *arg)
{
	struct nl *n = arg;
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
		snprintf(n->reason, sizeof(n->reason), "%.*s",
			 (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int error_of(struct nl *n, const struct nlmsghdr *h)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_len < mnl_nlmsg_size(sizeof(*err)))
		return -EBADMSG;
	if (err->error && (h->nlmsg_flags & NLM_F_ACK_TLVS) && !n->reason[0]) {
		/* With NETLINK_CAP_ACK the request's payload is not in the answer. */
		mnl_attr_parse(h, sizeof(*err), note_reason, n);
	}
	return err->error;
}

/*
 * Reads answers to the messages first..last until that to `final` has come, or a refusal of
 * `first - 1`, the frame of a batch.
 */
static int gather(struct nl *n, uint32_t first, uint32_t last, uint32_t final, unsigned *ret_which)
{
	AUTO_FREE char *buf = mem_alloc(NL_ANSWER);
	uint32_t opening = first - 1;
	int result = 0;
	for (;;) {
		ssize_t r = receive(n, buf, NL_ANSWER);
		if (r < 0)
			return result ? result : (int)r;
		int left = (int)r;
		for (const struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - opening > last - opening)
				continue;
			int err = error_of(n, h);
			if (err && !result) {
				result = err;
				if (ret_which)
					*ret_which = h->nlmsg_seq == opening ? 0 :
						     h->nlmsg_seq - first;
			}
			if (h->nlmsg_seq == final || (err && h->nlmsg_seq == opening))
				return result;
		}
	}
}

int nl_talk(struct nl *n, unsigned *ret_which)
{
	uint32_t first = n->first, last = n->seq;
	if (!n->count)
		return 0;
	int r = send_all(n);
	if (r < 0)
		return r;
	return gather(n, first, last, last, ret_which);
}

static void frame(struct nl *n, uint16_t type, uint16_t subsys)
{
	struct nlmsghdr *h = nl_add(n, type, 0);
	h->nlmsg_flags = NLM_F_REQUEST;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(subsys);
}

/*
 * The kernel answers a message of a batch when it failed or asked for it.  All but the last are
 * stripped of NLM_F_ACK, so a batch of thousands is answered once; an answer to the frame itself
 * (no permission, or the commit failed) ends the wait too.
 */
int nl_transact(struct nl *n, uint16_t subsys, unsigned *ret_which)
{
	if (!n->count)
		return 0;
	struct nlmsghdr *last = (void *)(n->buf + n->len);
	size_t end = filled(n);
	for (size_t at = 0; at < end;) {
		struct nlmsghdr *h = (void *)(n->buf + at);
		if (h != last)
			h->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
		at += aligned(h->nlmsg_len);
	}
	uint32_t first = n->first, final = n->seq;

	/* The opening frame goes in front with a number of its own. */
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
	} open = {
		.h = { .nlmsg_len = sizeof(open), .nlmsg_type = NFNL_MSG_BATCH_BEGIN,
		       .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = first - 1 },
		.g = { .version = NFNETLINK_V0, .res_id = (uint16_t)htons(subsys) },
	};
	frame(n, NFNL_MSG_BATCH_END, subsys);
	end = filled(n);
	if (n->cap - end < sizeof(open)) {
		n->buf = mem_resize(n->buf, n->cap + NL_ROOM, 1);
		n->cap += NL_ROOM;
	}
	memmove(n->buf + sizeof(open), n->buf, end);
	memcpy(n->buf, &open, sizeof(open));
	n->len += sizeof(open);
	int r = send_all(n);
	if (r < 0)
		return r;

	return gather(n, first, n->seq, final, ret_which);
}

int nl_ask(struct nl *n, nl_answer *cb, void *arg)
{
	uint32_t seq = n->seq;
	int r = send_all(n);
	if (r < 0)
		return r;
	AUTO_FREE char *buf = mem_alloc(NL_ANSWER);
	int result = 0;
	for (;;) {
		ssize_t got = receive(n, buf, NL_ANSWER);
		if (got < 0)
			return (int)got;
		int left = (int)got;
		for (const struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return result;
			if (h->nlmsg_type == NLMSG_ERROR) {
				int err = error_of(n, h);
				return err ? err : result;
			}
			if (h->nlmsg_type >= NLMSG_MIN_TYPE && !result)
				result = cb(h, arg);
		}
	}
}
