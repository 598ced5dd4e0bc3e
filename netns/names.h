/*
 * names.h - the files hosts, resolv.conf and hostname of containers, kept up to date in place.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_NAMES_H
#define NETNS_NAMES_H

#include "netns/journal.h"

/* Writes our section of run/ID/hosts: the container itself, the gateway, and the others on its
 * user networks.  Absent files are left alone. */
void names_write(struct lease_dirs *d, const struct net_paths *p, const struct journal *j,
		 struct arena *a);
/* The same for all other containers on the (user) network, after id came or went. */
void names_tell(struct lease_dirs *d, const struct net_paths *p, const char *network,
		const char *id);

#endif
