/*
 * nft.h - our nftables table: built in one transaction, then only elements come and go.
 *
 * Used inside netns/ only.  The table (family inet) is derived: what it holds follows from
 * networks/ and the journals, so it can be thrown away and built again at any time.
 * docs/NETWORK.md shows it.
 */
#ifndef NETNS_NFT_H
#define NETNS_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "netns/addr.h"

#define NFT_TABLE_MAX 32

struct nft_net {
	const char *bridge;
	struct cidr subnet, subnet6;	/* family 0: none */
	bool internal, masquerade, isolated;
};

struct nft_port {
	struct addr host;	/* family 0: every local address */
	struct addr ctr;
	uint16_t hport, cport;
	uint8_t proto;
	const char *owner;	/* shown as the element's comment */
};

struct nft_state {
	struct nft_net *nets;
	size_t nnets;
	struct nft_port *ports;
	size_t nports;
};

/* *ret: the table is there, in the form that this program makes. */
int nft_check(const char *table, bool *ret, struct err *e);
/* The whole table anew, in one transaction. */
int nft_build(const char *table, const struct nft_state *s, struct err *e);
int nft_remove(const char *table, struct err *e);	/* absent is success */

int nft_add_net(const char *table, const struct nft_net *net, struct err *e);
int nft_remove_net(const char *table, const struct nft_net *net, struct err *e);
int nft_add_ports(const char *table, const struct nft_port *ports, size_t n, struct err *e);
int nft_remove_ports(const char *table, const struct nft_port *ports, size_t n, struct err *e);

#endif
