/*
 * net.h - the door of netns/: a container's network, from flag text to packets.
 *
 * Used by berth (compose, supervisor's birth, network commands), on the host.  All of it goes
 * through netlink; no ip, nft or iptables program is run.  Strings and lists of a config,
 * network or result live in the caller's arena.  Names: a "network" is a bridge with a subnet
 * (networks/NAME.json); an "attachment" is a container's interface on one; the "journal"
 * (leases/.id/ID) is written before anything is touched and lists what net_down takes away.
 * docs/NETWORK.md has the whole design.
 */
#ifndef NETNS_NET_H
#define NETNS_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* Where state lies.  Folders below root are made when needed. */
struct net_paths {
	const char *root;	/* holds networks/ and leases/ (/var/lib/berth or --root) */
	const char *run;	/* holds ID/{hosts,resolv.conf,hostname} of each container */
	const char *bridge;	/* name of the default bridge; NULL: berth0, or, when root is not
				   NET_ROOT_DEFAULT, "bt" and 8 hex digits of a hash of root */
};
#define NET_ROOT_DEFAULT "/var/lib/berth"
#define NET_NAME_DEFAULT "bridge"	/* the default network's name */

enum net_mode {
	NET_BRIDGE,	/* attach[] says which networks; none means the default one */
	NET_NONE,	/* own namespace, loopback only */
	NET_HOST,	/* the host's namespace */
	NET_CONTAINER,	/* target: id of the container whose namespace is joined */
	NET_NS,		/* target: path of a namespace that is joined */
};

/* One interface on one network. */
struct net_attach {
	const char *network;
	const char *ip, *ip6, *mac;	/* asked for, or NULL; checked by the parsers */
	const char *ifname;		/* inside; NULL: eth0, eth1, ... */
	char **aliases;			/* further names on this network, or NULL */
};

/*
 * One -p.  n container ports from ctr on.  host_n == n: one to one from host on.  host == 0:
 * each gets a free port.  n == 1 and host_n > 1: the first free one of the range.
 */
struct net_port {
	const char *ip;		/* address of the host, or NULL for all of them */
	uint16_t host, host_n;
	uint16_t ctr, n;
	uint8_t proto;		/* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
};

struct net_config {
	enum net_mode mode;
	const char *target;		/* NET_CONTAINER and NET_NS */
	struct net_attach *attach;
	size_t nattach;
	struct net_port *ports;
	size_t nports;
	const char *hostname;		/* NULL: the first 12 digits of the id */
	const char *domainname;
	char **dns, **dns_search, **dns_opt;	/* NULL or empty: as the host's resolv.conf */
	char **extra_hosts;		/* "NAME:IP", IP may be "host-gateway"; or NULL */
};

/* [struct net_config] */
json_reader net_config_read;
void net_config_write(struct json_out *o, const char *key, const struct net_config *c);
/* What no single flag can see: addresses asked for without a network, -p with --network host
 * and the like.  Pure. */
int net_config_check(const struct net_config *c, struct err *e);

/* --network VALUE: none, host, bridge, container:ID, ns:PATH, NAME[:ip=..,ip6=..,mac=..,alias=..,
 * interface_name=..].  May be called once for each --network: several NAMEs add up, other
 * modes stand alone.  Pure. */
int net_parse_network(struct arena *a, const char *text, struct net_config *c, struct err *e);
/* -p VALUE: [[IP]:][HOST[-END]:]CTR[-END][/tcp|udp|sctp], appended to c->ports.  Pure. */
int net_parse_publish(struct arena *a, const char *text, struct net_config *c, struct err *e);
/* EXPOSE's "80", "80-90/udp": for -P, appended to c->ports with a picked host port.  Pure. */
int net_parse_expose(struct arena *a, const char *text, struct net_config *c, struct err *e);
/* --add-host NAME:IP or NAME=IP, checked and appended.  Pure. */
int net_parse_host(struct arena *a, const char *text, struct net_config *c, struct err *e);
/* --ip, --ip6, --mac-address and --network-alias belong to the first attachment: it is appended
 * (the default network) where there is none. */
struct net_attach *net_attach_first(struct arena *a, struct net_config *c);
void net_attach_alias(struct arena *a, struct net_attach *at, const char *alias);
/* "IP" (v4 or v6), "02:..": 0 or -EINVAL with one line that names `flag`.  Pure. */
int net_check_ip(const char *text, int family, const char *flag, struct err *e);
int net_check_mac(const char *text, const char *flag, struct err *e);

/* What was made. */
struct net_iface {
	const char *network, *ifname;	/* inside */
	const char *veth;		/* the host's end */
	const char *ip, *gateway;	/* NULL where there is none */
	const char *ip6, *gateway6;
	const char *mac;
	uint32_t prefix, prefix6;	/* lengths */
	char **aliases;			/* never NULL */
};

struct net_result {
	struct net_iface *ifaces;
	size_t nifaces;
	struct net_port *ports;		/* each with n == 1 and its real host port */
	size_t nports;
	/* Bound sockets that keep the host ports from other programs, close-on-exec.  Keep them
	 * open (in the supervisor) while the container runs, or close them: the ports work
	 * either way.  Only net_up fills this. */
	int *hold;
	size_t nhold;
};
json_reader net_result_read;	/* [struct net_result] without hold */
void net_result_write(struct json_out *o, const char *key, const struct net_result *r);
void net_hold_close(struct net_result *r);
/* The k-th (0, 1) address of the host at which a port of r answers, NULL: no more.  One that
 * was published without an address answers in each family in which the container has one. */
const char *net_port_ip(const struct net_result *r, const struct net_port *port, unsigned k);

/*
 * Before the birth: makes run/ID/{hosts,resolv.conf,hostname} as far as they are known.  They
 * are bound into the container; net_up and net_connect rewrite them in place.  host_resolv is
 * the text of the host's resolv.conf (NULL: read /etc/resolv.conf).
 */
int net_files_make(const struct net_paths *p, const char *id, const char *name,
		   const struct net_config *c, const char *host_resolv, struct err *e);

/*
 * Makes the network of a container whose namespace is netns_fd: bridge and table where they are
 * missing, leases, veth pairs, addresses, routes, published ports.  On failure everything is
 * undone.  `name` is the container's name (for other containers' hosts), may be NULL.  Modes
 * other than NET_BRIDGE: loopback up for NET_NONE, else nothing.
 * -EADDRINUSE: a port or address is taken (message names the owner); -ENOENT: no such network;
 * -ENOSPC: no address is free; -EPERM: no CAP_NET_ADMIN.
 */
int net_up(const struct net_paths *p, const char *id, const char *name, int netns_fd,
	   const struct net_config *c, struct arena *a, struct net_result *ret, struct err *e);
/* Takes away all that net_up and net_connect made for id, also half of it; the namespace need
 * not exist any more.  Safe twice.  Does its best and returns the first failure.  The veth goes
 * with its namespace; a child that outlives the call by some 50 ms sees to it, and removes it by
 * force after 0.6 s (to wait for that would make net_down a hundred times slower).  The child of
 * the last container stays a second more and then removes bridges and table. */
int net_down(const struct net_paths *p, const char *id, struct err *e);
/* What id has at the moment, from its journal.  -ENOENT: nothing. */
int net_load(const struct net_paths *p, const char *id, struct arena *a, struct net_result *ret,
	     struct err *e);

/* The table anew, from what all have: somebody else's firewall took rules of it away. */
int net_reload(const struct net_paths *p, struct err *e);
/* Writes resolv.conf of a running container anew, after a change of its networks. */
int net_resolv(const struct net_paths *p, const char *id, const struct net_config *c,
	       struct err *e);

/* What no id leads to: interfaces, bridges and the table that a killed child of net_down left.
 * Cheap (some 100 us), for every command; net_down has to be called for each dead id besides.
 * After a reboot all leases are dropped by whatever is called first. */
int net_tidy(const struct net_paths *p, struct err *e);

/* Networks. */
struct net_network {
	const char *name;
	const char *id;			/* 64 hex digits */
	const char *driver;		/* "bridge", "macvlan", "ipvlan" */
	const char *bridge;		/* interface on the host */
	const char *parent;		/* macvlan, ipvlan: the host's interface; else NULL */
	const char *mode;		/* macvlan, ipvlan: its mode, or NULL */
	const char *subnet, *gateway, *ip_range; /* "10.1.0.0/22", "10.1.0.1", CIDR or NULL */
	const char *subnet6, *gateway6;	/* NULL without IPv6 */
	const char *created;		/* RFC 3339 */
	bool internal, ipv6;
	uint32_t mtu;			/* 0: the kernel's */
	char **dns;			/* name servers of who is on it and has no --dns; or NULL */
	struct json_map labels, options;
};

/* want: name, and what else is not NULL; the rest is chosen.  -EEXIST: the name is taken;
 * -EADDRINUSE: the subnet overlaps with a route, an address or another network. */
int net_network_create(const struct net_paths *p, const struct net_network *want,
		       struct arena *a, struct net_network *ret, struct err *e);
/* By name, or unambiguous prefix of the id.  The default network is made when it is missing. */
int net_network_load(const struct net_paths *p, const char *name, struct arena *a,
		     struct net_network *ret, struct err *e);
int net_network_list(const struct net_paths *p, struct arena *a, struct net_network **ret,
		     size_t *ret_n, struct err *e);
/* Ids of containers with an address on it, NULL-terminated. */
int net_network_users(const struct net_paths *p, const char *name, struct arena *a,
		      char ***ret_ids, struct err *e);
/* Other name servers: without those of `drop`, which it has, and with those of `add`.  Who is on it
 * is told by net_resolv. */
int net_network_change_dns(const struct net_paths *p, const char *name, const struct strlist *add,
			   const struct strlist *drop, struct err *e);
/* -EBUSY: a container is on it (named).  The default network comes again with the next container
 * that needs it, with a subnet chosen anew. */
int net_network_remove(const struct net_paths *p, const char *name, struct err *e);

/* A running container joins or leaves a network.  *ret is all it has afterwards. */
int net_connect(const struct net_paths *p, const char *id, const char *name, int netns_fd,
		const struct net_attach *at, struct arena *a, struct net_result *ret,
		struct err *e);
int net_disconnect(const struct net_paths *p, const char *id, int netns_fd, const char *network,
		   struct err *e);
/* The container is called otherwise now: what is written in hosts of it and of its neighbours.
 * One that has no network (now) is fine. */
int net_rename(const struct net_paths *p, const char *id, const char *name, struct err *e);

/* OCI linux.netDevices: moves the host's interface into the namespace with its permanent global
 * addresses, under name (NULL keeps the name), and brings it up there. */
int net_move_device(int netns_fd, const char *host_name, const char *name, struct err *e);

/* Brings loopback up in the namespace. */
int net_loopback(int netns_fd, struct err *e);

struct net_counters {
	const char *ifname;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};
/* All interfaces of the namespace but loopback. */
int net_counters_load(int netns_fd, struct arena *a, struct net_counters **ret, size_t *ret_n,
		      struct err *e);

#endif
