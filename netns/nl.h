/*
 * nl.h - netlink conversations: messages gathered in one buffer, sent in one write, answered
 * one by one.
 *
 * Used inside netns/ only.  Attributes are put with libmnl's mnl_attr_put_*; a header from
 * nl_add has NL_ROOM bytes behind it and is valid until the next nl_add.
 */
#ifndef NETNS_NL_H
#define NETNS_NL_H

#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

#include "base/err.h"

#define NL_ROOM (72u << 10)	/* an attribute is at most 64 KiB */

struct nl {
	int fd;
	uint32_t seq;		/* of the last message added */
	uint32_t first;		/* of the first message in the buffer */
	char *buf;
	size_t len, cap;	/* len: where the last message begins */
	unsigned count;		/* messages in the buffer */
	char reason[160];	/* what the kernel said beside the errno, or "" */
};
#define NL_INIT { .fd = -1 }
void nl_close(struct nl *n);
void nl_cleanup(struct nl *n);	/* AUTO(nl) */

/* protocol: NETLINK_ROUTE or NETLINK_NETFILTER.  netns_fd: the socket belongs to that
 * namespace (entered for the time of one call), or -1 for the caller's. */
int nl_open(struct nl *n, int protocol, int netns_fd, struct err *e);

/* Appends a message.  NLM_F_REQUEST is added, NLM_F_ACK unless it is a dump. */
struct nlmsghdr *nl_add(struct nl *n, uint16_t type, uint16_t flags);
/* Sends all and waits for each answer.  0, or -errno of the first message that failed, whose
 * index is in *ret_which (may be NULL).  The buffer is empty afterwards. */
int nl_talk(struct nl *n, unsigned *ret_which);
/* Sends a batch of nfnetlink, framed by its begin and end; only the last message is answered,
 * the transaction is whole or not at all.  Returns as nl_talk. */
int nl_transact(struct nl *n, uint16_t subsys, unsigned *ret_which);
/* Sends the one message (a dump, or a get) and calls cb for each answer.  cb returns 0 to go on
 * or -errno, which is what the caller gets after the rest was read. */
typedef int nl_answer(const struct nlmsghdr *h, void *arg);
int nl_ask(struct nl *n, nl_answer *cb, void *arg);

#endif
