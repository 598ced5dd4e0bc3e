/*
 * bridge.h - what the host has of ours and keeps: the table, the bridges, forwarding.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_BRIDGE_H
#define NETNS_BRIDGE_H

#include "netns/lease.h"
#include "netns/network.h"
#include "netns/nl.h"

/* With the lock held: the table anew, from the networks and the journals. */
int bridge_build_table(struct lease_dirs *d, const struct net_paths *p, struct err *e);
/* The same where it is missing or of another form. */
int bridge_ensure_table(struct lease_dirs *d, const struct net_paths *p, struct err *e);
/* The network's bridge, made where it is missing; the table is there. */
int bridge_ensure(struct nl *nl, const struct network *n, const char *table,
		  uint32_t *ret_index, struct err *e);

#endif
