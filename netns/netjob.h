/*
 * netjob.h - one change of one container's network under way: what its steps share.
 *
 * Used inside netns/ only.  The steps are in iface.c (addresses, interfaces) and hostport.c
 * (published ports); net.c and plug.c put them in order.
 */
#ifndef NETNS_NETJOB_H
#define NETNS_NETJOB_H

#include "netns/journal.h"
#include "netns/network.h"
#include "netns/nl.h"
#include "netns/portbind.h"

struct netjob {
	const struct net_paths *p;
	struct lease_dirs dirs;
	struct arena *a;
	struct journal j;
	struct network *nets;	/* one for each of j.net.ifaces */
	uint32_t *bridges;	/* their indices */
	struct nl nl;		/* the host's */
	struct portbind bound;
};
int netjob_open(struct netjob *t, const struct net_paths *p, const char *id, struct arena *a,
		struct err *e);
void netjob_cleanup(struct netjob *t);	/* AUTO(netjob) */
#define NETJOB_INIT { .dirs = LEASE_DIRS_INIT, .nl = NL_INIT }

#endif
