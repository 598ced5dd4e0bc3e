/*
 * link.h - interfaces: bridge, veth pair, addresses, routes, counters, by rtnetlink.
 *
 * Used inside netns/ only.  Each function takes an open NETLINK_ROUTE conversation, which says
 * in which namespace it works.
 */
#ifndef NETNS_LINK_H
#define NETNS_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "base/err.h"
#include "base/mem.h"
#include "netns/addr.h"
#include "netns/net.h"
#include "netns/nl.h"

struct link_info {
	uint32_t index, master, flags, mtu;
	char name[IFNAMSIZ];
	char kind[16];		/* "bridge", "veth", ... or "" */
	uint8_t operstate;	/* IF_OPER_..., 6 is up */
	uint8_t port_state;	/* on a bridge: BR_STATE_..., 3 is forwarding */
	uint8_t mac[6];
	struct net_counters count;	/* ifname NULL */
};

/* -ENODEV: there is none (no message is set for that). */
int link_find(struct nl *n, const char *name, struct link_info *ret, struct err *e);
/* All interfaces; *ret lives in a. */
int link_list(struct nl *n, struct arena *a, struct link_info **ret, size_t *ret_n,
	      struct err *e);

struct link_bridge {
	const char *name;
	uint8_t mac[6];
	uint32_t mtu;			/* 0: the kernel's */
	struct cidr addr, addr6;	/* of the gateway; family 0: none */
};
/* The bridge is there, complete, and up; made where it is missing.  A bridge that is up is
 * complete, since that is the last step. */
int link_ensure_bridge(struct nl *n, const struct link_bridge *b, uint32_t *ret_index,
		       struct err *e);

/* A veth pair: `host` here, on the bridge and up; `inside` in the namespace netns_fd, down. */
struct link_veth {
	const char *host, *inside;
	uint32_t bridge;		/* index */
	int netns_fd;
	uint8_t mac[6];			/* of the inner end */
	bool isolated;			/* from the other ports of the bridge */
	uint32_t mtu;
};
int link_make_veth(struct nl *n, const struct link_veth *v, struct err *e);

/* Waits (microseconds, as a rule) until the bridge sends and receives by that port. */
int link_await_port(struct nl *n, const char *host, struct err *e);

/* Waits until the interface answers for its IPv6 address: that it listens to the address's
 * multicast group, which the kernel does in a work queue, even without DAD. */
int link_await_addr6(struct nl *n, const char *name, const struct addr *six, struct err *e);

/* macvlan or ipvlan on parent, born inside. */
struct link_vlan {
	const char *kind;		/* "macvlan" or "ipvlan" */
	const char *mode;		/* or NULL */
	const char *inside;
	uint32_t parent;		/* index */
	int netns_fd;
	uint8_t mac[6];			/* macvlan */
	uint32_t mtu;
};
int link_make_vlan(struct nl *n, const struct link_vlan *v, struct err *e);

/* Inside: the interface gets its addresses, comes up, and default routes with this metric. */
struct link_setup {
	const char *ifname;
	struct cidr addr, addr6;	/* family 0: none */
	struct addr gw, gw6;		/* family 0: no default route */
	uint32_t metric;	/* of the first default route; the next free one above is taken */
};
int link_setup_inside(struct nl *n, const struct link_setup *s, struct err *e);
int link_loopback_up(struct nl *n, struct err *e);

/* Absent is success. */
int link_delete(struct nl *n, const char *name, struct err *e);

/* Every address of the host with its prefix, and with routes every prefix it has a route to. */
struct link_prefixes {
	struct cidr *v;
	size_t n;
};
int link_prefixes_load(struct nl *n, struct arena *a, bool routes, struct link_prefixes *ret,
		       struct err *e);

/* Moves `from` into netns_fd as `to` with its global addresses, and brings it up there. */
int link_move(struct nl *n, const char *from, int netns_fd, const char *to, struct err *e);

#endif
