/*
 * link.c - interfaces by rtnetlink (rtnetlink(7), linux/if_link.h).
 */
#include "netns/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ADDR_GEN_NONE 1	/* IN6_ADDR_GEN_MODE_NONE: no link-local address, hence no DAD */

static struct ifinfomsg *put_link(struct nl *n, uint16_t type, uint16_t flags, uint32_t index,
				  struct nlmsghdr **ret_h)
{
	struct nlmsghdr *h = nl_add(n, type, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)index;
	*ret_h = h;
	return ifi;
}

static void set_up(struct ifinfomsg *ifi)
{
	ifi->ifi_flags |= IFF_UP;
	ifi->ifi_change |= IFF_UP;
}

static void put_no_autoconf(struct nlmsghdr *h)
{
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *six = mnl_attr_nest_start(h, AF_INET6);
	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
	mnl_attr_nest_end(h, six);
	mnl_attr_nest_end(h, spec);
}

/* Fails with the kernel's own words where it has some. */
static int fail(struct nl *n, int r, struct err *e, const char *what, const char *name)
{
	if (r == -EPERM || r == -EACCES)
		return err_say(e, -r, "%s %s: no permission (CAP_NET_ADMIN is needed)", what, name);
	if (r == -EOPNOTSUPP)
		return err_say(e, -r, "%s %s: this kernel has no support for it (%s)", what, name,
			       n->reason[0] ? n->reason : "module missing");
	if (n->reason[0])
		return err_say(e, -r, "%s %s: %s: %s", what, name, strerror(-r), n->reason);
	return err_set(e, -r, "%s %s", what, name);
}

struct link_sink {
	struct arena *a;
	struct link_info *v;
	size_t n, cap;
};

static int read_port(const struct nlattr *attr, void *arg)
{
	struct link_info *l = arg;
	if (mnl_attr_get_type(attr) == IFLA_BRPORT_STATE)
		l->port_state = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

static int read_linkinfo(const struct nlattr *attr, void *arg)
{
	struct link_info *l = arg;
	if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_DATA)
		mnl_attr_parse_nested(attr, read_port, l);
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		snprintf(l->kind, sizeof(l->kind), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int read_link_attr(const struct nlattr *attr, void *arg)
{
	struct link_info *l = arg;
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(attr));
		break;
	case IFLA_MASTER:
		l->master = mnl_attr_get_u32(attr);
		break;
	case IFLA_OPERSTATE:
		l->operstate = mnl_attr_get_u8(attr);
		break;
	case IFLA_MTU:
		l->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(attr), sizeof(l->mac));
		break;
	case IFLA_LINKINFO:
		mnl_attr_parse_nested(attr, read_linkinfo, l);
		break;
	case IFLA_STATS64: {
		struct rtnl_link_stats64 s = { 0 };
		size_t len = mnl_attr_get_payload_len(attr);
		memcpy(&s, mnl_attr_get_payload(attr), len < sizeof(s) ? len : sizeof(s));
		l->count = (struct net_counters){
			.rx_bytes = s.rx_bytes, .rx_packets = s.rx_packets,
			.rx_errors = s.rx_errors, .rx_dropped = s.rx_dropped,
			.tx_bytes = s.tx_bytes, .tx_packets = s.tx_packets,
			.tx_errors = s.tx_errors, .tx_dropped = s.tx_dropped,
		};
		break;
	}
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *h, void *arg)
{
	struct link_info *l = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	*l = (struct link_info){ .index = (uint32_t)ifi->ifi_index, .flags = ifi->ifi_flags };
	mnl_attr_parse(h, sizeof(*ifi), read_link_attr, l);
	return 0;
}

static int take_links(const struct nlmsghdr *h, void *arg)
{
	struct link_sink *s = arg;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct link_info *v = arena_array(s->a, cap, sizeof(*v));
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	if (h->nlmsg_type == RTM_NEWLINK)
		take_link(h, &s->v[s->n++]);
	return 0;
}

int link_find(struct nl *n, const char *name, struct link_info *ret, struct err *e)
{
	struct nlmsghdr *h;
	put_link(n, RTM_GETLINK, 0, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	struct link_info l = { 0 };
	int r = nl_ask(n, take_link, &l);
	if (r == -ENODEV)
		return r;
	if (r < 0)
		return fail(n, r, e, "look up interface", name);
	*ret = l;
	return 0;
}

int link_list(struct nl *n, struct arena *a, struct link_info **ret, size_t *ret_n,
	      struct err *e)
{
	struct link_sink s = { .a = a };
	struct nlmsghdr *h;
	put_link(n, RTM_GETLINK, NLM_F_DUMP, 0, &h);
	int r = nl_ask(n, take_links, &s);
	if (r < 0)
		return fail(n, r, e, "list", "interfaces");
	*ret = s.v;
	*ret_n = s.n;
	return 0;
}

/* broadcast: IPv4 only; NULL: none */
static void put_addr_as(struct nl *n, uint32_t index, const struct cidr *c,
			const struct addr *broadcast)
{
	struct nlmsghdr *h = nl_add(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));
	ifa->ifa_family = c->addr.family;
	ifa->ifa_prefixlen = c->prefix;
	ifa->ifa_index = index;
	unsigned len = addr_len(&c->addr);
	mnl_attr_put(h, IFA_LOCAL, len, c->addr.b);
	mnl_attr_put(h, IFA_ADDRESS, len, c->addr.b);
	if (c->addr.family == AF_INET6)
		/* We hand the addresses out ourselves: waiting for duplicates is lost time. */
		mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NODAD);
	else if (broadcast)
		mnl_attr_put(h, IFA_BROADCAST, len, broadcast->b);
}

static void put_addr(struct nl *n, uint32_t index, const struct cidr *c)
{
	struct addr last = cidr_last(c);
	put_addr_as(n, index, c, c->prefix < 31 ? &last : NULL);
}

static int try_default_route(struct nl *n, uint32_t index, const struct addr *gw, uint32_t metric)
{
	struct nlmsghdr *h = nl_add(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(h, sizeof(*rt));
	rt->rtm_family = gw->family;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_protocol = RTPROT_BOOT;
	rt->rtm_scope = RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_UNICAST;
	mnl_attr_put(h, RTA_GATEWAY, addr_len(gw), gw->b);
	mnl_attr_put_u32(h, RTA_OIF, index);
	if (metric)
		mnl_attr_put_u32(h, RTA_PRIORITY, metric);
	return nl_talk(n, NULL);
}

/* Several interfaces may each have one, told apart by their metric. */
static int add_default_route(struct nl *n, uint32_t index, const struct addr *gw, uint32_t metric)
{
	int r = -EEXIST;
	for (int tries = 0; r == -EEXIST && tries < 64; tries++)
		r = try_default_route(n, index, gw, metric + (uint32_t)tries * 16);
	return r;
}

static int make_bridge(struct nl *n, const struct link_bridge *b, struct err *e)
{
	struct nlmsghdr *h;
	put_link(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, b->name);
	/* An address of its own: else the bridge takes the lowest of its ports, and every
	 * neighbour's cache is wrong whenever that container comes or goes. */
	mnl_attr_put(h, IFLA_ADDRESS, 6, b->mac);
	if (b->mtu)
		mnl_attr_put_u32(h, IFLA_MTU, b->mtu);
	struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put_u32(h, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_put_u8(h, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	int r = nl_talk(n, NULL);
	if (r < 0 && r != -EEXIST)
		return fail(n, r, e, "make bridge", b->name);
	return 0;
}

int link_ensure_bridge(struct nl *n, const struct link_bridge *b, uint32_t *ret_index,
		       struct err *e)
{
	struct link_info l;
	int r = link_find(n, b->name, &l, e);
	if (r == -ENODEV) {
		r = make_bridge(n, b, e);
		if (r == 0)
			r = link_find(n, b->name, &l, e);
		if (r == -ENODEV)
			return err_say(e, ENODEV, "bridge %s vanished while it was being made",
				       b->name);
	}
	if (r < 0)
		return r;
	if (strcmp(l.kind, "bridge") != 0)
		return err_say(e, EEXIST, "interface %s exists and is not a bridge", b->name);
	if (l.flags & IFF_UP) {
		*ret_index = l.index;
		return 0;
	}

	struct nlmsghdr *h;
	put_link(n, RTM_SETLINK, 0, l.index, &h);
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	if (!b->addr6.addr.family) {
		struct nlattr *six = mnl_attr_nest_start(h, AF_INET6);
		mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
		mnl_attr_nest_end(h, six);
	}
	/* The host's own 127.0.0.1:PORT must be able to leave through the bridge; what comes
	 * in for 127/8 is dropped by our table before routing (CVE-2020-8558). */
	struct nlattr *four = mnl_attr_nest_start(h, AF_INET);
	struct nlattr *conf = mnl_attr_nest_start(h, IFLA_INET_CONF);
	mnl_attr_put_u32(h, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	mnl_attr_put_u32(h, IPV4_DEVCONF_SEND_REDIRECTS, 0);
	mnl_attr_nest_end(h, conf);
	mnl_attr_nest_end(h, four);
	mnl_attr_nest_end(h, spec);
	if (b->addr.addr.family)
		put_addr(n, l.index, &b->addr);
	if (b->addr6.addr.family)
		put_addr(n, l.index, &b->addr6);
	set_up(put_link(n, RTM_SETLINK, 0, l.index, &h));
	r = nl_talk(n, NULL);
	if (r < 0)
		return fail(n, r, e, "configure bridge", b->name);
	*ret_index = l.index;
	return 0;
}

/* One queue each way: by default there is one for every possible CPU, which on a large host is
 * memory for thousands of queues that nobody asked for. */
static void put_shape(struct nlmsghdr *h, uint32_t mtu)
{
	if (mtu)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	mnl_attr_put_u32(h, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(h, IFLA_NUM_RX_QUEUES, 1);
}

int link_make_veth(struct nl *n, const struct link_veth *v, struct err *e)
{
	struct nlmsghdr *h;
	put_link(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->host);
	put_shape(h, v->mtu);
	struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, v->inside);
	mnl_attr_put(h, IFLA_ADDRESS, 6, v->mac);
	put_shape(h, v->mtu);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)v->netns_fd);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);

	struct ifinfomsg *ifi = put_link(n, RTM_SETLINK, 0, 0, &h);
	set_up(ifi);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->host);
	mnl_attr_put_u32(h, IFLA_MASTER, v->bridge);
	put_no_autoconf(h);

	/* Hairpin: with br_netfilter a container that calls its own published port is sent back
	 * by the port it came from. */
	put_link(n, RTM_NEWLINK, 0, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->host);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(h, IFLA_BRPORT_MODE, 1);
	if (v->isolated)
		mnl_attr_put_u8(h, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);

	unsigned which = 0;
	int r = nl_talk(n, &which);
	if (r == -EXFULL || (r == -EBUSY && which == 1))
		return err_say(e, ENOSPC, "the bridge is full (a bridge has at most 1023 ports)");
	if (r < 0)
		return fail(n, r, e, which == 0 ? "make veth pair" : "put on the bridge", v->host);
	return 0;
}

static int find_index(struct nl *n, uint32_t index, struct link_info *ret)
{
	struct nlmsghdr *h;
	put_link(n, RTM_GETLINK, 0, index, &h);
	mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	*ret = (struct link_info){ 0 };
	return nl_ask(n, take_link, ret);
}

static void nap_longer(struct timespec *nap)
{
	nanosleep(nap, NULL);
	if (nap->tv_nsec < 4000000)
		nap->tv_nsec += nap->tv_nsec / 4;
}

/*
 * Both ends are up, but the kernel tells a device of its carrier in a work queue (linkwatch).
 * Until then the port does not forward, and a bridge whose first port this is does not send: a
 * first packet would be lost, which costs a second until ARP asks again.  Since 6.8 asking for
 * a link runs that work at once (rtnl_getlink); before, it takes some ten microseconds to
 * milliseconds.
 */
int link_await_port(struct nl *n, const char *host, struct err *e)
{
	struct timespec nap = { .tv_nsec = 20000 };
	for (int tries = 0; tries < 60; tries++) {
		struct link_info port, bridge;
		int r = link_find(n, host, &port, e);
		if (r == -ENODEV)
			return err_say(e, ENODEV, "interface %s vanished", host);
		if (r < 0)
			return r;
		if (port.port_state == BR_STATE_FORWARDING && port.operstate == IF_OPER_UP) {
			r = find_index(n, port.master, &bridge);
			if (r < 0)
				return fail(n, r, e, "look up the bridge of", host);
			if (bridge.operstate == IF_OPER_UP)
				return 0;
		}
		nap_longer(&nap);
	}
	return 0; /* it will come up; a second late is no failure */
}

struct prefix_attr { uint16_t type; const void *bytes; uint16_t len; };

static int find_attr(const struct nlattr *attr, void *arg)
{
	struct prefix_attr *p = arg;
	if (mnl_attr_get_type(attr) == p->type) {
		p->bytes = mnl_attr_get_payload(attr);
		p->len = mnl_attr_get_payload_len(attr);
	}
	return MNL_CB_OK;
}

struct group {
	uint32_t index;
	uint8_t want[16];
	bool found;
};

static int take_group(const struct nlmsghdr *h, void *arg)
{
	struct group *g = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	struct prefix_attr p = { .type = IFA_MULTICAST };
	if (h->nlmsg_type != RTM_GETMULTICAST || ifa->ifa_index != g->index)
		return 0;
	mnl_attr_parse(h, sizeof(*ifa), find_attr, &p);
	if (p.bytes && p.len == 16 && memcmp(p.bytes, g->want, 16) == 0)
		g->found = true;
	return 0;
}

int link_await_addr6(struct nl *n, const char *name, const struct addr *six, struct err *e)
{
	struct timespec nap = { .tv_nsec = 20000 };
	struct group g = { .want = { 0xff, 2, [11] = 1, [12] = 0xff } };
	memcpy(g.want + 13, six->b + 13, 3);
	for (int tries = 0; tries < 60 && !g.found; tries++) {
		struct link_info l;
		int r = link_find(n, name, &l, e);
		if (r == -ENODEV)
			return err_say(e, ENODEV, "interface %s vanished", name);
		if (r < 0)
			return r;
		g.index = l.operstate == IF_OPER_UP ? l.index : 0;
		struct nlmsghdr *h = nl_add(n, RTM_GETMULTICAST, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));
		ifa->ifa_family = AF_INET6;
		r = nl_ask(n, take_group, &g);
		if (r < 0)
			return fail(n, r, e, "list multicast groups of", name);
		if (!g.found)
			nap_longer(&nap);
	}
	return 0;
}

static int vlan_mode(const char *kind, const char *mode, uint32_t *ret)
{
	static const struct { const char *kind, *mode; uint32_t value; } modes[] = {
		{ "macvlan", "bridge", MACVLAN_MODE_BRIDGE },
		{ "macvlan", "private", MACVLAN_MODE_PRIVATE },
		{ "macvlan", "vepa", MACVLAN_MODE_VEPA },
		{ "macvlan", "passthru", MACVLAN_MODE_PASSTHRU },
		{ "ipvlan", "l2", IPVLAN_MODE_L2 },
		{ "ipvlan", "l3", IPVLAN_MODE_L3 },
		{ "ipvlan", "l3s", IPVLAN_MODE_L3S },
	};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(modes[i].kind, kind) && (!mode || !strcmp(modes[i].mode, mode))) {
			*ret = modes[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

int link_make_vlan(struct nl *n, const struct link_vlan *v, struct err *e)
{
	uint32_t mode;
	if (vlan_mode(v->kind, v->mode, &mode) < 0)
		return err_say(e, EINVAL, "%s has no mode '%s'", v->kind, v->mode ? v->mode : "");
	bool mac = !strcmp(v->kind, "macvlan");
	struct nlmsghdr *h;
	put_link(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->inside);
	mnl_attr_put_u32(h, IFLA_LINK, v->parent);
	if (v->mtu)
		mnl_attr_put_u32(h, IFLA_MTU, v->mtu);
	if (mac)
		mnl_attr_put(h, IFLA_ADDRESS, 6, v->mac);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)v->netns_fd);
	struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, v->kind);
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	if (mac)
		mnl_attr_put_u32(h, IFLA_MACVLAN_MODE, mode);
	else
		mnl_attr_put_u16(h, IFLA_IPVLAN_MODE, (uint16_t)mode);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	int r = nl_talk(n, NULL);
	return r < 0 ? fail(n, r, e, "make", v->kind) : 0;
}

int link_setup_inside(struct nl *n, const struct link_setup *s, struct err *e)
{
	struct link_info l;
	int r = link_find(n, s->ifname, &l, e);
	if (r == -ENODEV)
		return err_say(e, ENODEV, "interface %s is not in the container", s->ifname);
	if (r < 0)
		return r;
	struct nlmsghdr *h;
	struct ifinfomsg *ifi = put_link(n, RTM_SETLINK, 0, l.index, &h);
	set_up(ifi);
	if (!s->addr6.addr.family)
		put_no_autoconf(h);
	if (s->addr.addr.family)
		put_addr(n, l.index, &s->addr);
	if (s->addr6.addr.family)
		put_addr(n, l.index, &s->addr6);
	r = nl_talk(n, NULL);
	if (r == 0 && s->gw.family)
		r = add_default_route(n, l.index, &s->gw, s->metric);
	if (r == 0 && s->gw6.family)
		r = add_default_route(n, l.index, &s->gw6, s->metric + 1024);
	return r < 0 ? fail(n, r, e, "configure the container's", s->ifname) : 0;
}

int link_loopback_up(struct nl *n, struct err *e)
{
	struct nlmsghdr *h;
	set_up(put_link(n, RTM_SETLINK, 0, 1, &h)); /* lo is number 1 in every namespace */
	int r = nl_talk(n, NULL);
	return r < 0 ? fail(n, r, e, "bring up", "loopback") : 0;
}

int link_delete(struct nl *n, const char *name, struct err *e)
{
	struct nlmsghdr *h;
	put_link(n, RTM_DELLINK, 0, 0, &h);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	int r = nl_talk(n, NULL);
	if (r < 0 && r != -ENODEV)
		return fail(n, r, e, "remove interface", name);
	return 0;
}

struct prefix_sink {
	struct arena *a;
	struct link_prefixes *p;
	size_t cap;
};

static void add_prefix(struct prefix_sink *s, uint8_t family, uint8_t prefix, const void *bytes)
{
	struct link_prefixes *p = s->p;
	if (p->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct cidr *v = arena_array(s->a, cap, sizeof(*v));
		if (p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		p->v = v;
		s->cap = cap;
	}
	struct cidr *c = &p->v[p->n++];
	*c = (struct cidr){ .addr.family = family, .prefix = prefix };
	memcpy(c->addr.b, bytes, addr_len(&c->addr));
}

static int take_prefix(const struct nlmsghdr *h, void *arg)
{
	uint8_t family, prefix;
	struct prefix_attr p = { 0 };
	if (h->nlmsg_type == RTM_NEWADDR) {
		const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
		family = ifa->ifa_family;
		prefix = ifa->ifa_prefixlen;
		/* On a point-to-point link the other one is the peer's. */
		p.type = IFA_LOCAL;
		mnl_attr_parse(h, sizeof(*ifa), find_attr, &p);
		p.type = IFA_ADDRESS;
		if (!p.bytes)
			mnl_attr_parse(h, sizeof(*ifa), find_attr, &p);
	} else if (h->nlmsg_type == RTM_NEWROUTE) {
		const struct rtmsg *rt = mnl_nlmsg_get_payload(h);
		family = rt->rtm_family;
		prefix = rt->rtm_dst_len;
		p.type = RTA_DST;
		mnl_attr_parse(h, sizeof(*rt), find_attr, &p);
	} else {
		return 0;
	}
	if ((family == AF_INET && p.len == 4) || (family == AF_INET6 && p.len == 16))
		add_prefix(arg, family, prefix, p.bytes);
	return 0;
}

int link_prefixes_load(struct nl *n, struct arena *a, bool routes, struct link_prefixes *ret,
		       struct err *e)
{
	struct link_prefixes p = { 0 };
	struct prefix_sink s = { .a = a, .p = &p };
	struct nlmsghdr *h = nl_add(n, RTM_GETADDR, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg));
	int r = nl_ask(n, take_prefix, &s);
	for (int i = 0; routes && i < 2 && r == 0; i++) {
		h = nl_add(n, RTM_GETROUTE, NLM_F_DUMP);
		struct rtmsg *rt = mnl_nlmsg_put_extra_header(h, sizeof(*rt));
		rt->rtm_family = i ? AF_INET6 : AF_INET;
		r = nl_ask(n, take_prefix, &s);
	}
	if (r < 0)
		return fail(n, r, e, "list", "the host's routes");
	*ret = p;
	return 0;
}

struct move {
	uint32_t index;
	struct { struct cidr c; struct addr broadcast; } v[32];	/* broadcast: family 0: none */
	size_t n;
};

static int take_global_address(const struct nlmsghdr *h, void *arg)
{
	struct move *m = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_type != RTM_NEWADDR || ifa->ifa_index != m->index ||
	    ifa->ifa_scope != RT_SCOPE_UNIVERSE || !(ifa->ifa_flags & IFA_F_PERMANENT) ||
	    m->n == ARRAY_SIZE(m->v))
		return 0;
	struct prefix_attr p = { .type = ifa->ifa_family == AF_INET ? IFA_LOCAL : IFA_ADDRESS };
	mnl_attr_parse(h, sizeof(*ifa), find_attr, &p);
	struct cidr *c = &m->v[m->n].c;
	*c = (struct cidr){ .addr.family = ifa->ifa_family, .prefix = ifa->ifa_prefixlen };
	if (!p.bytes || p.len != addr_len(&c->addr))
		return 0;
	memcpy(c->addr.b, p.bytes, p.len);
	p = (struct prefix_attr){ .type = IFA_BROADCAST };
	mnl_attr_parse(h, sizeof(*ifa), find_attr, &p);
	struct addr *broadcast = &m->v[m->n++].broadcast;
	if (p.bytes && p.len == addr_len(&c->addr)) {
		broadcast->family = c->addr.family;
		memcpy(broadcast->b, p.bytes, p.len);
	}
	return 0;
}

/*
 * A device loses its addresses when it changes namespace, so they are read before.  If the new
 * name is taken inside, the kernel refuses the move and the device stays where it was.
 */
int link_move(struct nl *n, const char *from, int netns_fd, const char *to, struct err *e)
{
	struct link_info l;
	int r = link_find(n, from, &l, e);
	if (r == -ENODEV)
		return err_say(e, ENODEV, "network device %s is not on the host", from);
	if (r < 0)
		return r;
	struct move m = { .index = l.index };
	struct nlmsghdr *h = nl_add(n, RTM_GETADDR, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg));
	r = nl_ask(n, take_global_address, &m);
	if (r < 0)
		return fail(n, r, e, "list addresses of", from);

	/* Renaming goes with the move in one message; an interface that is up may not be
	 * renamed before 6.2, so it is taken down first. */
	struct ifinfomsg *ifi = put_link(n, RTM_SETLINK, 0, l.index, &h);
	ifi->ifi_change = IFF_UP;
	ifi = put_link(n, RTM_SETLINK, 0, l.index, &h);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	mnl_attr_put_strz(h, IFLA_IFNAME, to ? to : from);
	r = nl_talk(n, NULL);
	if (r == -EEXIST)
		return err_say(e, EEXIST, "move %s: the container has an interface %s already",
			       from, to ? to : from);
	if (r < 0)
		return fail(n, r, e, "move into the container:", from);

	AUTO(nl) struct nl in = NL_INIT;
	r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
	if (r < 0)
		return r;
	r = link_find(&in, to ? to : from, &l, e);
	if (r < 0)
		return r == -ENODEV ? err_set(e, ENODEV, "device %s after the move", from) : r;
	for (size_t i = 0; i < m.n; i++)
		put_addr_as(&in, l.index, &m.v[i].c,
			    m.v[i].broadcast.family ? &m.v[i].broadcast : NULL);
	set_up(put_link(&in, RTM_SETLINK, 0, l.index, &h));
	r = nl_talk(&in, NULL);
	return r < 0 ? fail(&in, r, e, "configure moved device", from) : 0;
}
