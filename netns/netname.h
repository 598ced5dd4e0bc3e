/*
 * netname.h - names: which are allowed, and how ours are derived from the root and the id.
 *
 * Used inside netns/ only.  Pure.
 */
#ifndef NETNS_NETNAME_H
#define NETNS_NETNAME_H

#include <stdbool.h>
#include <net/if.h>

#include "netns/net.h"
#include "netns/nft.h"

bool netname_is_network(const char *s);	/* [A-Za-z0-9][A-Za-z0-9_.-]{0,127} */
bool netname_is_id(const char *s);	/* as a network's: a file name that is not hidden */
bool netname_is_host(const char *s);	/* letters, digits, '-', '_', '.'; at most 253 */
bool netname_is_ifname(const char *s);	/* 1 to 15 bytes, no slash, colon or white space */

/* Two engines with different roots share one kernel, so every name of ours there depends on
 * the root; NET_ROOT_DEFAULT has the plain names. */
void netname_table(const struct net_paths *p, char ret[static NFT_TABLE_MAX]);
void netname_bridge(const struct net_paths *p, const char *network, char ret[static IFNAMSIZ]);
/* Random: a container that comes again does not wait until the kernel has taken its old
 * interface away, which lasts tens of milliseconds. */
void netname_veth(char ret[static IFNAMSIZ]);

#endif
