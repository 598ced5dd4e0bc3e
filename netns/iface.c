/*
 * iface.c - a container's interfaces.
 */
#include "netns/iface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/link.h"
#include "netns/netname.h"

static void mac_of(const struct addr *ip, const char *veth, uint8_t ret[static 6])
{
	/* It follows from the address: whoever gets the address later has the same, so no
	 * neighbour's cache is ever wrong. */
	ret[0] = 0x02;
	ret[1] = 0xbe;
	if (ip->family == AF_INET) {
		memcpy(ret + 2, ip->b, 4);
	} else {
		uint64_t h = str_hash(veth, strlen(veth), 0);
		memcpy(ret + 2, &h, 4);
	}
}

static int take_family(struct netjob *t, const struct network *n, const char *want_text, int family,
		       struct addr *ret, struct err *e)
{
	struct lease_pool pool = { .network = n->doc.name };
	struct addr want = { 0 };
	if (want_text && addr_parse(want_text, family, &want) < 0)
		return err_say(e, EINVAL, "'%s' is not an IPv%c address", want_text,
			       family == AF_INET ? '4' : '6');
	pool.subnet = family == AF_INET ? n->subnet : n->subnet6;
	pool.gateway = family == AF_INET ? n->gateway : n->gateway6;
	if (family == AF_INET)
		pool.range = n->range;
	if (!pool.subnet.addr.family && want_text)
		return err_say(e, EINVAL, "network %s has no IPv%c subnet for address %s",
			       n->doc.name, family == AF_INET ? '4' : '6', want_text);
	if (!pool.subnet.addr.family)
		return 0;
	return lease_take(&t->dirs, &pool, &want, t->j.id, ret, e);
}

/* Takes addresses for one attachment and appends its interface to the journal's list. */
static int take_on(struct netjob *t, const struct net_attach *at, const struct network *n,
		   const char *ifname, struct err *e)
{
	char text[ADDR_TEXT], veth[IFNAMSIZ];
	struct addr ip = { 0 }, ip6 = { 0 };
	struct net_iface f = { .network = n->doc.name, .ifname = ifname };
	uint8_t mac[6];
	if (at->mac && mac_parse(at->mac, mac) < 0)
		return err_say(e, EINVAL, "'%s' is not a MAC address", at->mac);
	int r = take_family(t, n, at->ip, AF_INET, &ip, e);
	if (r < 0)
		return r;
	r = take_family(t, n, at->ip6, AF_INET6, &ip6, e);
	if (r < 0) {
		if (ip.family)
			lease_drop(&t->dirs, n->doc.name, addr_print(&ip, text), t->j.id);
		return r;
	}
	if (n->bridged) {
		netname_veth(veth);
		f.veth = arena_strdup(t->a, veth);
	}
	if (ip.family) {
		f.ip = arena_strdup(t->a, addr_print(&ip, text));
		f.prefix = n->subnet.prefix;
		f.gateway = n->doc.internal ? NULL : n->doc.gateway;
	}
	if (ip6.family) {
		f.ip6 = arena_strdup(t->a, addr_print(&ip6, text));
		f.prefix6 = n->subnet6.prefix;
		f.gateway6 = n->doc.internal ? NULL : n->doc.gateway6;
	}
	if (!at->mac)
		mac_of(ip.family ? &ip : &ip6, f.network, mac);
	f.mac = arena_strdup(t->a, mac_print(mac, text));
	f.aliases = at->aliases ? arena_strv(t->a, at->aliases) :
				  arena_array(t->a, 1, sizeof(char *));

	struct net_result *net = &t->j.net;
	struct net_iface *v = arena_array(t->a, net->nifaces + 1, sizeof(*v));
	if (net->nifaces)
		memcpy(v, net->ifaces, net->nifaces * sizeof(*v));
	v[net->nifaces++] = f;
	net->ifaces = v;
	return 0;
}

static const char *free_ifname(struct netjob *t)
{
	char name[IFNAMSIZ];
	for (unsigned k = 0;; k++) {
		snprintf(name, sizeof(name), "eth%u", k);
		bool used = false;
		for (size_t i = 0; i < t->j.net.nifaces; i++)
			used = used || str_eq(t->j.net.ifaces[i].ifname, name);
		if (!used)
			return arena_strdup(t->a, name);
	}
}

int iface_take(struct netjob *t, const struct net_attach *at, struct err *e)
{
	struct network *n = &t->nets[t->j.net.nifaces];
	int r = network_load(&t->dirs, t->p, at->network, t->a, n, e);
	for (size_t i = 0; r == 0 && i < t->j.net.nifaces; i++) {
		if (str_eq(t->j.net.ifaces[i].network, n->doc.name))
			return err_say(e, EEXIST, "the container is on network %s already",
				       n->doc.name);
		if (at->ifname && str_eq(t->j.net.ifaces[i].ifname, at->ifname))
			return err_say(e, EEXIST, "the container has an interface %s already",
				       at->ifname);
	}
	return r < 0 ? r : take_on(t, at, n, at->ifname ? at->ifname : free_ifname(t), e);
}

static int make_link(struct netjob *t, size_t i, int netns_fd, struct err *e)
{
	const struct net_iface *f = &t->j.net.ifaces[i];
	const struct network *n = &t->nets[i];
	if (!n->bridged) {
		struct link_info parent;
		int r = link_find(&t->nl, n->doc.parent, &parent, e);
		if (r == -ENODEV)
			return err_say(e, ENODEV,
				       "network %s: its parent interface %s is not there",
				       n->doc.name, n->doc.parent);
		if (r < 0)
			return r;
		struct link_vlan v = { .kind = n->doc.driver, .mode = n->doc.mode,
				       .inside = f->ifname, .parent = parent.index,
				       .netns_fd = netns_fd, .mtu = n->doc.mtu };
		if (mac_parse(f->mac, v.mac) < 0)
			return err_say(e, EINVAL, "'%s' is not a MAC address", f->mac);
		return link_make_vlan(&t->nl, &v, e);
	}
	struct link_veth v = { .host = f->veth, .inside = f->ifname, .bridge = t->bridges[i],
			       .netns_fd = netns_fd, .mtu = n->doc.mtu,
			       .isolated = n->isolated };
	if (mac_parse(f->mac, v.mac) < 0)
		return err_say(e, EINVAL, "'%s' is not a MAC address", f->mac);
	return link_make_veth(&t->nl, &v, e);
}

static int setup_inside(struct nl *in, const struct net_iface *f, size_t i, struct err *e)
{
	struct link_setup s = { .ifname = f->ifname, .metric = (uint32_t)i * 16 };
	if (f->ip && addr_parse(f->ip, AF_INET, &s.addr.addr) < 0)
		return err_say(e, EINVAL, "'%s' is not an address", f->ip);
	if (f->ip6 && addr_parse(f->ip6, AF_INET6, &s.addr6.addr) < 0)
		return err_say(e, EINVAL, "'%s' is not an address", f->ip6);
	s.addr.prefix = (uint8_t)f->prefix;
	s.addr6.prefix = (uint8_t)f->prefix6;
	/* Every network offers a default route, the first with the best metric: when it is left,
	 * the next takes over by itself. */
	if (f->gateway && addr_parse(f->gateway, AF_INET, &s.gw) < 0)
		return err_say(e, EINVAL, "'%s' is not an address", f->gateway);
	if (f->gateway6 && addr_parse(f->gateway6, AF_INET6, &s.gw6) < 0)
		return err_say(e, EINVAL, "'%s' is not an address", f->gateway6);
	return link_setup_inside(in, &s, e);
}

int iface_make(struct netjob *t, size_t i, int netns_fd, struct nl *in, struct err *e)
{
	const struct net_iface *f = &t->j.net.ifaces[i];
	int r = make_link(t, i, netns_fd, e);
	if (r == 0)
		r = setup_inside(in, f, i, e);
	if (r == 0 && t->nets[i].bridged)
		r = link_await_port(&t->nl, f->veth, e);
	if (r < 0 || !t->nets[i].bridged || !f->ip6)
		return r;
	struct addr six;
	if (addr_parse(f->ip6, AF_INET6, &six) < 0)
		return err_say(e, EINVAL, "'%s' is not an address", f->ip6);
	r = link_await_addr6(in, f->ifname, &six, e);
	if (r == 0)
		r = link_await_addr6(&t->nl, t->nets[i].doc.bridge, &t->nets[i].gateway6, e);
	return r;
}
