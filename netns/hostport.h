/*
 * hostport.h - published ports of a container: taken, and as rows of the table.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_HOSTPORT_H
#define NETNS_HOSTPORT_H

#include "netns/netjob.h"
#include "netns/nft.h"

/* With the lock held: registers and binds each, and appends it to the journal. */
int hostport_take(struct netjob *t, const struct net_config *c, struct err *e);
/* Elements of the table for all ports of a container; returns their number. */
size_t hostport_rows(const struct journal *j, struct arena *a, struct nft_port **ret);

#endif
