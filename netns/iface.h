/*
 * iface.h - a container's interfaces: addresses leased, link made, configured inside.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_IFACE_H
#define NETNS_IFACE_H

#include "netns/netjob.h"

/* With the lock held: takes addresses for an attachment and appends its interface to the
 * journal and its network to t->nets (room for it is there). */
int iface_take(struct netjob *t, const struct net_attach *at, struct err *e);
/* The i-th: link made and put into the namespace.  `in` is a conversation there. */
int iface_make(struct netjob *t, size_t i, int netns_fd, struct nl *in, struct err *e);

#endif
