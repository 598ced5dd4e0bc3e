/*
 * names.h - the files hosts, resolv.conf and hostname of containers, kept up to date in place.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_NAMES_H
#define NETNS_NAMES_H

#include "netns/journal.h"
#include "netns/network.h"

/* resolv.conf with the name servers of its networks (those of c, in its order), unless it has its
 * own.  Where none names any: nothing is written, or with `anew` what the host has. */
int names_resolv(const struct net_paths *p, const char *id, const struct net_config *c,
		 const struct network *nets, size_t n, bool anew, struct err *e);
/* Writes our section of run/ID/hosts: the container itself, the gateway, and the others on its
 * user networks.  Absent files are left alone. */
void names_write(struct lease_dirs *d, const struct net_paths *p, const struct journal *j,
		 struct arena *a);
/* The same for all other containers on the (user) network, after id came or went. */
void names_tell(struct lease_dirs *d, const struct net_paths *p, const char *network,
		const char *id);

#endif
