/*
 * network.h - networks as documents: networks/NAME.json.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_NETWORK_H
#define NETNS_NETWORK_H

#include "netns/lease.h"
#include "netns/nft.h"
#include "netns/nl.h"
#include "netns/net.h"

/* A network with its texts as values. */
struct network {
	struct net_network doc;
	struct cidr subnet, subnet6, range;	/* family 0: none */
	struct addr gateway, gateway6;
	bool bridged;				/* driver bridge; else macvlan, ipvlan */
	bool masquerade;
	bool isolated;				/* its containers do not see each other */
};

/* -ENOENT: there is none.  With the lock held the default network is made when missing. */
int network_load(struct lease_dirs *d, const struct net_paths *p, const char *name,
		 struct arena *a, struct network *ret, struct err *e);
/* All of them, by name.  Unreadable ones are left out. */
int network_list(struct lease_dirs *d, struct arena *a, struct network **ret, size_t *ret_n,
		 struct err *e);
/* Chooses what `want` leaves open and writes the document; the lock is held. */
int network_make(struct lease_dirs *d, const struct net_paths *p, const struct net_network *want,
		 struct arena *a, struct network *ret, struct err *e);
/* Checks and writes the document; the lock is held. */
int network_save(struct lease_dirs *d, const struct net_network *n, struct err *e);
void network_remove(struct lease_dirs *d, const char *name);
/* As a row of the nftables table. */
struct nft_net network_nft(const struct network *n);
/* The bridge's own address, which follows from its name. */
void network_bridge_mac(const struct network *n, uint8_t ret[static 6]);
/* Only when it is the one that we made: its address says so.  Absent is success. */
int network_remove_bridge(struct nl *nl, const struct network *n, struct err *e);

#endif
