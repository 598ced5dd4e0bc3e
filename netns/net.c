/*
 * net.c - a container's network: up and down, in this order.
 *
 *	net_up					net_down
 *	1 leases of addresses and ports		4 dropped
 *	2 journal written			5 removed
 *	3 table and bridges			- they stay
 *	4 published ports			3 elements removed
 *	5 hosts of it and the neighbours	6 hosts of the neighbours
 *	6 veth pair, addresses, routes		2 left to the kernel, noted in .gone
 *						1 removed where its namespace lives on
 *
 * Killed anywhere, the journal (or, before it is written, a walk through the leases) says what
 * there is to take away.  Changes of state are made under one lock (lease.h); making interfaces
 * happens outside of it.
 *
 * Removing a veth pair waits for two grace periods of RCU: 26 ms, ten times as long as all else.
 * The kernel does it by itself, in batches, when the namespace goes, so net_down only notes the
 * name; net_sweep removes what is still there a while later because something keeps the
 * namespace.
 */
#include "netns/net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/journal.h"
#include "netns/link.h"
#include "netns/names.h"
#include "netns/netname.h"
#include "netns/network.h"
#include "netns/nft.h"
#include "netns/portbind.h"
#include "netns/publish.h"

#define HOLD_MAX 256	/* sockets that a supervisor is asked to keep */

struct up {
	const struct net_paths *p;
	struct lease_dirs dirs;
	struct arena *a;
	struct journal j;
	struct network *nets;	/* one for each of j.net.ifaces */
	uint32_t *bridges;	/* their indices */
	struct nl nl;
	struct portbind bound;
};

static void up_cleanup(struct up *u)
{
	lease_close(&u->dirs);
	nl_close(&u->nl);
	portbind_cleanup(&u->bound);
}

/* ---- leases ---- */

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

static int take_family(struct up *u, const struct network *n, const char *want_text, int family,
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
	if (!pool.subnet.addr.family)
		return want_text ? err_say(e, EINVAL, "network %s has no IPv%c subnet for address %s",
					   n->doc.name, family == AF_INET ? '4' : '6', want_text) : 0;
	return lease_take(&u->dirs, &pool, &want, u->j.id, ret, e);
}

/* Takes addresses for one attachment and appends its interface to the journal's list. */
static int take_iface(struct up *u, const struct net_attach *at, const struct network *n,
		      const char *ifname, struct err *e)
{
	char text[ADDR_TEXT], veth[IFNAMSIZ];
	struct addr ip = { 0 }, ip6 = { 0 };
	struct net_iface f = { .network = n->doc.name, .ifname = ifname };
	int r = take_family(u, n, at->ip, AF_INET, &ip, e);
	if (r == 0)
		r = take_family(u, n, at->ip6, AF_INET6, &ip6, e);
	if (r < 0)
		return r;
	if (n->bridged) {
		netname_veth(veth);
		f.veth = arena_strdup(u->a, veth);
	}
	if (ip.family) {
		f.ip = arena_strdup(u->a, addr_print(&ip, text));
		f.prefix = n->subnet.prefix;
		f.gateway = n->doc.internal ? NULL : n->doc.gateway;
	}
	if (ip6.family) {
		f.ip6 = arena_strdup(u->a, addr_print(&ip6, text));
		f.prefix6 = n->subnet6.prefix;
		f.gateway6 = n->doc.internal ? NULL : n->doc.gateway6;
	}
	uint8_t mac[6];
	if (at->mac && mac_parse(at->mac, mac) < 0)
		return err_say(e, EINVAL, "'%s' is not a MAC address", at->mac);
	if (!at->mac)
		mac_of(ip.family ? &ip : &ip6, f.network, mac);
	f.mac = arena_strdup(u->a, mac_print(mac, text));
	f.aliases = at->aliases ? arena_strv(u->a, at->aliases) :
				  arena_array(u->a, 1, sizeof(char *));

	struct net_result *net = &u->j.net;
	struct net_iface *v = arena_array(u->a, net->nifaces + 1, sizeof(*v));
	if (net->nifaces)
		memcpy(v, net->ifaces, net->nifaces * sizeof(*v));
	v[net->nifaces++] = f;
	net->ifaces = v;
	return 0;
}

static const char *free_ifname(struct up *u)
{
	char name[IFNAMSIZ];
	for (unsigned k = 0;; k++) {
		snprintf(name, sizeof(name), "eth%u", k);
		bool used = false;
		for (size_t i = 0; i < u->j.net.nifaces; i++)
			used = used || str_eq(u->j.net.ifaces[i].ifname, name);
		if (!used)
			return arena_strdup(u->a, name);
	}
}

static int take_ifaces(struct up *u, const struct net_config *c, struct err *e)
{
	static const struct net_attach first = { .network = NET_NAME_DEFAULT };
	const struct net_attach *at = c->nattach ? c->attach : &first;
	size_t n = c->nattach ? c->nattach : 1;
	u->nets = arena_array(u->a, n, sizeof(*u->nets));
	u->bridges = arena_array(u->a, n, sizeof(*u->bridges));
	for (size_t i = 0; i < n; i++) {
		int r = network_load(&u->dirs, u->p, at[i].network, u->a, &u->nets[i], e);
		if (r == 0)
			r = take_iface(u, &at[i], &u->nets[i],
				       at[i].ifname ? at[i].ifname : free_ifname(u), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- ports ---- */

/* The interface that published ports lead to: the first with that family on a bridge that is
 * not internal. */
static const struct net_iface *port_target(const struct journal *j, int family)
{
	for (size_t i = 0; i < j->net.nifaces; i++) {
		const struct net_iface *f = &j->net.ifaces[i];
		if (f->veth && (family == AF_INET ? f->ip && f->gateway : f->ip6 && f->gateway6))
			return f;
	}
	return NULL;
}

/* Registers and binds one port; with p->host 0 the kernel's choice may be another container's
 * that holds no socket, so it is tried again. */
static int take_port(struct up *u, struct net_port *p, bool six, struct err *e)
{
	char owner[256];
	uint16_t asked = p->host;
	for (int tries = 0;; tries++) {
		size_t before = u->bound.n;
		int r = 0;
		if (asked)
			r = lease_port_take(&u->dirs, p, u->j.id, owner, e);
		if (r < 0)
			return r;
		r = portbind_take(&u->bound, p, six, e);
		if (r < 0 && asked)
			lease_port_drop(&u->dirs, p, u->j.id);
		if (r == 0 && !asked)
			r = lease_port_take(&u->dirs, p, u->j.id, owner, e);
		if (r == 0)
			return 0;
		while (u->bound.n > before)
			close(u->bound.fds[--u->bound.n]);
		if (asked || r != -EADDRINUSE || tries == 50)
			return r;
		p->host = 0;
	}
}

static int take_any_of(struct up *u, const struct net_port *row, struct net_port *p, bool six,
		       struct err *e)
{
	for (uint32_t k = 0; k < row->host_n; k++) {
		p->host = (uint16_t)(row->host + k);
		int r = take_port(u, p, six, e);
		if (r != -EADDRINUSE)
			return r;
	}
	return err_say(e, EADDRINUSE, "no port of %u-%u/%s is free", row->host,
		       row->host + row->host_n - 1, publish_proto_name(row->proto));
}

static int take_ports(struct up *u, const struct net_config *c, struct err *e)
{
	if (!c->nports)
		return 0;
	bool four = port_target(&u->j, AF_INET), six = port_target(&u->j, AF_INET6);
	if (!four && !six)
		return err_say(e, EINVAL, "--publish needs a bridge network that is not internal");
	for (size_t i = 0; i < c->nports; i++) {
		const struct net_port *row = &c->ports[i];
		bool is6 = row->ip && strchr(row->ip, ':');
		if (is6 ? !six : row->ip && !four)
			return err_say(e, EINVAL, "published address %s: the container has no IPv%c "
				       "address", row->ip, is6 ? '6' : '4');
		for (uint32_t k = 0; k < row->n; k++) {
			struct net_port p = *row;
			p.n = 1;
			p.host_n = 1;
			p.ctr = (uint16_t)(row->ctr + k);
			p.host = row->host ? (uint16_t)(row->host + k) : 0;
			int r = row->host && row->n == 1 && row->host_n > 1 ?
				take_any_of(u, row, &p, six, e) : take_port(u, &p, six, e);
			if (r < 0)
				return r;
			publish_add(u->a, &u->j.net.ports, &u->j.net.nports, &p);
		}
	}
	return 0;
}

/* Elements of the table for all ports of a container: at most two a port. */
static size_t port_rows(const struct journal *j, struct arena *a, struct nft_port **ret)
{
	const struct net_iface *f4 = port_target(j, AF_INET), *f6 = port_target(j, AF_INET6);
	struct nft_port *v = arena_array(a, j->net.nports * 2 + 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < j->net.nports; i++) {
		const struct net_port *p = &j->net.ports[i];
		struct nft_port row = { .hport = p->host, .cport = p->ctr, .proto = p->proto,
					.owner = j->id };
		bool any4 = !p->ip || str_eq(p->ip, "0.0.0.0"), any6 = !p->ip || str_eq(p->ip, "::");
		struct addr ip = { 0 };
		if (!any4 && !any6 && addr_parse(p->ip, 0, &ip) < 0)
			continue;
		row.host = ip;
		if (f4 && (any4 || ip.family == AF_INET) && addr_parse(f4->ip, AF_INET, &row.ctr) == 0)
			v[n++] = row;
		if (f6 && (any6 || ip.family == AF_INET6) &&
		    addr_parse(f6->ip6, AF_INET6, &row.ctr) == 0)
			v[n++] = row;
	}
	*ret = v;
	return n;
}

/* ---- table and bridges ---- */

static int write_sysctl(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	char now[16] = "";
	if (fd < 0)
		return -errno;
	ssize_t n = pread(fd, now, sizeof(now) - 1, 0);
	if (n > 0 && now[0] == value[0] && (n == 1 || now[1] == '\n'))
		return 0;
	return write(fd, value, 1) == 1 ? 0 : -errno;
}

/* A host that forwards IPv6 stops listening to router advertisements unless told "2", and would
 * lose its own default route. */
static void keep_router_advertisements(void)
{
	DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	if (!dir)
		return;
	for (struct dirent *de; (de = readdir(dir));) {
		AUTO_FREE char *path = mem_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", de->d_name);
		AUTO_CLOSE int fd = de->d_name[0] == '.' ? -1 : open(path, O_RDWR | O_CLOEXEC);
		char now = 0;
		if (fd >= 0 && pread(fd, &now, 1, 0) == 1 && now == '1' && pwrite(fd, "2", 1, 0) < 0)
			continue;
	}
	closedir(dir);
}

static int forward_packets(bool six, struct err *e)
{
	int r = write_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	if (r < 0)
		return err_set(e, -r, "switch on IP forwarding (net.ipv4.ip_forward)");
	if (six) {
		keep_router_advertisements();
		r = write_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
		if (r < 0)
			return err_set(e, -r, "switch on IPv6 forwarding");
	}
	return 0;
}

static int build_table(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	char table[NFT_TABLE_MAX];
	struct network *nets;
	struct nft_state s = { 0 };
	size_t n, cap = 0;
	netname_table(p, table);
	int r = network_list(d, a, &nets, &n, e);
	if (r == 0)
		r = journal_list(d, &ids, e);
	if (r < 0)
		return r;
	s.nets = arena_array(a, n + 1, sizeof(*s.nets));
	for (size_t i = 0; i < n; i++)
		if (nets[i].bridged)
			s.nets[s.nnets++] = network_nft(&nets[i]);
	for (size_t i = 0; i < ids.n; i++) {
		struct err ignored = ERR_INIT;
		struct journal j;
		struct nft_port *rows;
		if (journal_load(d, ids.v[i], a, &j, &ignored) != 0)
			continue;
		size_t more = port_rows(&j, a, &rows);
		if (s.nports + more > cap) {
			cap = (s.nports + more) * 2;
			struct nft_port *v = arena_array(a, cap, sizeof(*v));
			if (s.nports)
				memcpy(v, s.ports, s.nports * sizeof(*v));
			s.ports = v;
		}
		memcpy(s.ports + s.nports, rows, more * sizeof(*rows));
		s.nports += more;
	}
	return nft_build(table, &s, e);
}

static int ensure_table(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	char table[NFT_TABLE_MAX];
	bool there;
	netname_table(p, table);
	int r = nft_check(table, &there, e);
	if (r == 0 && !there)
		r = build_table(d, p, e);
	return r;
}

static int ensure_bridge(struct nl *nl, const struct network *n, uint32_t *ret_index,
			 struct err *e)
{
	struct link_bridge b = {
		.name = n->doc.bridge, .mtu = n->doc.mtu,
		.addr = { n->gateway, n->subnet.prefix }, .addr6 = { n->gateway6, n->subnet6.prefix },
	};
	network_bridge_mac(n, b.mac);
	int r = link_ensure_bridge(nl, &b, ret_index, e);
	if (r > 0)
		r = forward_packets(n->subnet6.addr.family != 0, e);
	return r;
}

/* ---- interfaces ---- */

static int make_iface(struct up *u, size_t i, int netns_fd, struct err *e)
{
	const struct net_iface *f = &u->j.net.ifaces[i];
	const struct network *n = &u->nets[i];
	if (!n->bridged) {
		struct link_info parent;
		int r = link_find(&u->nl, n->doc.parent, &parent, e);
		if (r == -ENODEV)
			return err_say(e, ENODEV, "network %s: its parent interface %s is not there",
				       n->doc.name, n->doc.parent);
		if (r < 0)
			return r;
		struct link_vlan v = { .kind = n->doc.driver, .mode = n->doc.mode,
				       .inside = f->ifname, .parent = parent.index,
				       .netns_fd = netns_fd, .mtu = n->doc.mtu };
		if (mac_parse(f->mac, v.mac) < 0)
			return err_say(e, EINVAL, "'%s' is not a MAC address", f->mac);
		return link_make_vlan(&u->nl, &v, e);
	}
	struct link_veth v = { .host = f->veth, .inside = f->ifname, .bridge = u->bridges[i],
			       .netns_fd = netns_fd, .mtu = n->doc.mtu,
			       .isolated = n->isolated };
	if (mac_parse(f->mac, v.mac) < 0)
		return err_say(e, EINVAL, "'%s' is not a MAC address", f->mac);
	return link_make_veth(&u->nl, &v, e);
}

static int setup_iface(struct nl *in, const struct net_iface *f, size_t i, struct err *e)
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

/* ---- up ---- */

static int prepare(struct up *u, const struct net_config *c, struct err *e)
{
	char table[NFT_TABLE_MAX];
	struct nft_port *rows;
	int r = lease_lock(&u->dirs, e);
	if (r == 0)
		r = take_ifaces(u, c, e);
	if (r == 0)
		r = take_ports(u, c, e);
	if (r == 0)
		r = journal_save(&u->dirs, &u->j, e);
	if (r == 0)
		r = ensure_table(&u->dirs, u->p, e);
	for (size_t i = 0; r == 0 && i < u->j.net.nifaces; i++)
		if (u->nets[i].bridged)
			r = ensure_bridge(&u->nl, &u->nets[i], &u->bridges[i], e);
	if (r < 0)
		return r;
	netname_table(u->p, table);
	size_t n = port_rows(&u->j, u->a, &rows);
	r = nft_add_ports(table, rows, n, e);
	if (r < 0)
		return r;
	names_write(&u->dirs, u->p, &u->j, u->a);
	for (size_t i = 0; i < u->j.net.nifaces; i++)
		names_tell(&u->dirs, u->p, u->j.net.ifaces[i].network, u->j.id);
	lease_unlock(&u->dirs);
	return 0;
}

static int go_up(struct up *u, int netns_fd, const struct net_config *c, struct err *e)
{
	AUTO(nl) struct nl in = NL_INIT;
	int r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
	if (r == 0)
		r = link_loopback_up(&in, e);
	if (r == 0)
		r = prepare(u, c, e);
	for (size_t i = 0; r == 0 && i < u->j.net.nifaces; i++) {
		r = make_iface(u, i, netns_fd, e);
		if (r == 0)
			r = setup_iface(&in, &u->j.net.ifaces[i], i, e);
		if (r == 0 && u->nets[i].bridged)
			r = link_await_port(&u->nl, u->j.net.ifaces[i].veth, e);
	}
	return r;
}

static void hand_over_hold(struct up *u, struct net_result *ret)
{
	while (u->bound.n > HOLD_MAX)
		close(u->bound.fds[--u->bound.n]);
	ret->hold = u->bound.fds;
	ret->nhold = u->bound.n;
	u->bound = (struct portbind){ 0 };
}

void net_hold_close(struct net_result *r)
{
	for (size_t i = 0; i < r->nhold; i++)
		close(r->hold[i]);
	free(r->hold);
	r->hold = NULL;
	r->nhold = 0;
}

int net_up(const struct net_paths *p, const char *id, const char *name, int netns_fd,
	   const struct net_config *c, struct arena *a, struct net_result *ret, struct err *e)
{
	if (c->mode != NET_BRIDGE) {
		int r = c->mode == NET_NONE ? net_loopback(netns_fd, e) : 0;
		if (r == 0)
			*ret = (struct net_result){ 0 };
		return r;
	}
	if (!netname_is_id(id))
		return err_say(e, EINVAL, "'%s' is not the id of a container", id);
	AUTO(up) struct up u = { .p = p, .dirs = LEASE_DIRS_INIT, .a = a, .nl = NL_INIT };
	u.j = (struct journal){ .id = id, .name = name, .domainname = c->domainname,
				.extra_hosts = c->extra_hosts };
	u.j.hostname = c->hostname ? c->hostname : arena_strndup(a, id, 12);
	int r = net_config_check(c, e);
	if (r == 0)
		r = lease_open(&u.dirs, p, e);
	if (r == 0)
		r = nl_open(&u.nl, NETLINK_ROUTE, -1, e);
	if (r < 0)
		return r;
	/* What a killed predecessor of that id left would be lost with its journal. */
	if (path_exists(u.dirs.ids, id)) {
		r = net_down(p, id, e);
		if (r < 0)
			return r;
	}
	r = go_up(&u, netns_fd, c, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;
		lease_unlock(&u.dirs);
		net_down(p, id, &ignored);
		return r;
	}
	*ret = u.j.net;
	hand_over_hold(&u, ret);
	return 0;
}

/* ---- down ---- */

static int remove_ports(struct lease_dirs *d, const struct net_paths *p, const struct journal *j,
			struct arena *a, struct err *e)
{
	char table[NFT_TABLE_MAX];
	struct journal mine = *j;
	struct nft_port *rows;
	mine.net.ports = arena_array(a, j->net.nports + 1, sizeof(*mine.net.ports));
	mine.net.nports = 0;
	/* Only what is registered to this id: the port may be another's by now. */
	for (size_t i = 0; i < j->net.nports; i++)
		if (lease_port_is(d, &j->net.ports[i], j->id))
			mine.net.ports[mine.net.nports++] = j->net.ports[i];
	netname_table(p, table);
	size_t n = port_rows(&mine, a, &rows);
	int r = nft_remove_ports(table, rows, n, e);
	for (size_t i = 0; i < mine.net.nports; i++)
		lease_port_drop(d, &mine.net.ports[i], j->id);
	return r;
}

/* Notes the interfaces that are still there in .gone. */
static int leave_ifaces(struct lease_dirs *d, const struct journal *j, struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	struct link_info l;
	int r = j->net.nifaces ? nl_open(&nl, NETLINK_ROUTE, -1, e) : 0;
	for (size_t i = 0; r == 0 && i < j->net.nifaces; i++) {
		const char *veth = j->net.ifaces[i].veth;
		if (!veth || !netname_is_ifname(veth))
			continue;
		r = link_find(&nl, veth, &l, e);
		if (r == 0 && symlinkat(j->id, d->gone, veth) < 0 && errno != EEXIST)
			r = err_set(e, errno, "note interface %s", veth);
		if (r == -ENODEV)
			r = 0;
	}
	return r;
}

/* With the lock held: everything of id but its interfaces. */
static int take_away(struct lease_dirs *d, const struct net_paths *p, const struct journal *j,
		     bool known, struct arena *a, struct err *e)
{
	int r = remove_ports(d, p, j, a, e);
	for (size_t i = 0; i < j->net.nifaces; i++) {
		lease_drop(d, j->net.ifaces[i].network, j->net.ifaces[i].ip, j->id);
		lease_drop(d, j->net.ifaces[i].network, j->net.ifaces[i].ip6, j->id);
	}
	if (!known) {
		lease_drop_all(d, j->id);
		lease_ports_drop_all(d, j->id);
	}
	return r;
}

int net_down(const struct net_paths *p, const char *id, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(arena) struct arena *a = arena_new(128u << 20);
	struct journal j = { .id = id };
	if (!netname_is_id(id))
		return err_say(e, EINVAL, "'%s' is not the id of a container", id);
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = lease_lock(&d, e);
	if (r < 0)
		return r;
	int found = journal_load(&d, id, a, &j, e);
	if (found < 0 && found != -ENOENT)
		return found;
	if (found != 0)
		j = (struct journal){ .id = id };
	struct err later = ERR_INIT;
	r = leave_ifaces(&d, &j, e);
	int r2 = take_away(&d, p, &j, found == 0, a, r < 0 ? &later : e);
	/* A journal that could not be worked off stays for the next try. */
	if (r == 0 && r2 == 0)
		journal_remove(&d, id);
	for (size_t i = 0; i < j.net.nifaces; i++)
		names_tell(&d, p, j.net.ifaces[i].network, id);
	return r < 0 ? r : r2;
}

int net_load(const struct net_paths *p, const char *id, struct arena *a, struct net_result *ret,
	     struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	struct journal j;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = journal_load(&d, id, a, &j, e);
	if (r == -ENOENT || r > 0)
		return err_say(e, ENOENT, "container %s has no network of its own", id);
	if (r == 0)
		*ret = j.net;
	return r;
}

/* ---- sweep ---- */

struct sweep {
	struct strlist dead;
	net_alive *alive;
	void *arg;
	struct lease_dirs *d;
};

static void note_dead(const char *network, const char *name, const char *id, void *arg)
{
	struct sweep *s = arg;
	(void)network;
	(void)name;
	if (!path_exists(s->d->ids, id) && !strlist_has(&s->dead, id) && !s->alive(id, s->arg))
		strlist_add(&s->dead, id);
}

/* Interfaces that outlived their container by more than a second. */
static int remove_gone(struct lease_dirs *d, struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	int fd = openat(d->gone, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;
	if (!dir)
		return 0;
	for (struct dirent *de; r == 0 && (de = readdir(dir));) {
		struct link_info l;
		struct stat st;
		struct timespec now;
		if (de->d_name[0] == '.')
			continue;
		if (nl.fd < 0)
			r = nl_open(&nl, NETLINK_ROUTE, -1, e);
		if (r == 0)
			r = link_find(&nl, de->d_name, &l, e);
		clock_gettime(CLOCK_REALTIME, &now);
		if (r == 0 && fstatat(d->gone, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now.tv_sec - st.st_mtim.tv_sec >= 0 && now.tv_sec - st.st_mtim.tv_sec < 2)
			continue;
		if (r == 0)
			r = link_delete(&nl, de->d_name, e);
		if (r == 0 || r == -ENODEV) {
			unlinkat(d->gone, de->d_name, 0);
			r = 0;
		}
	}
	closedir(dir);
	return r;
}

static void remove_temporaries(struct lease_dirs *d)
{
	int fd = openat(d->ids, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	for (struct dirent *de; (de = readdir(dir));)
		if (str_starts(de->d_name, ".tmp-"))
			unlinkat(d->ids, de->d_name, 0);
	closedir(dir);
}

int net_sweep(const struct net_paths *p, net_alive *alive, void *arg, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(strlist) struct strlist journals = STRLIST_INIT;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = journal_list(&d, &journals, e);
	if (r < 0)
		return r;
	int first = 0;
	for (size_t i = 0; i < journals.n; i++) {
		if (alive(journals.v[i], arg))
			continue;
		r = net_down(p, journals.v[i], first < 0 ? &(struct err)ERR_INIT : e);
		first = first < 0 ? first : r;
	}
	/* Leases whose journal did not survive a power cut. */
	struct sweep s = { .dead = STRLIST_INIT, .alive = alive, .arg = arg, .d = &d };
	r = lease_lock(&d, first < 0 ? &(struct err)ERR_INIT : e);
	if (r == 0) {
		lease_walk(&d, NULL, note_dead, &s);
		for (size_t i = 0; i < s.dead.n; i++) {
			lease_drop_all(&d, s.dead.v[i]);
			lease_ports_drop_all(&d, s.dead.v[i]);
		}
		remove_temporaries(&d);
		lease_unlock(&d);
		r = remove_gone(&d, first < 0 ? &(struct err)ERR_INIT : e);
	}
	strlist_cleanup(&s.dead);
	return first < 0 ? first : r;
}

int net_reload(const struct net_paths *p, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = lease_lock(&d, e);
	if (r == 0)
		r = build_table(&d, p, e);
	return r < 0 ? r : forward_packets(false, e);
}

int net_loopback(int netns_fd, struct err *e)
{
	AUTO(nl) struct nl in = NL_INIT;
	int r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
	return r < 0 ? r : link_loopback_up(&in, e);
}

int net_move_device(int netns_fd, const char *host_name, const char *name, struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	if (!netname_is_ifname(host_name) || (name && !netname_is_ifname(name)))
		return err_say(e, EINVAL, "network device: '%s' is not a name for an interface",
			       netname_is_ifname(host_name) ? name : host_name);
	int r = nl_open(&nl, NETLINK_ROUTE, -1, e);
	return r < 0 ? r : link_move(&nl, host_name, netns_fd, name, e);
}

int net_counters_load(int netns_fd, struct arena *a, struct net_counters **ret, size_t *ret_n,
		      struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	struct link_info *links;
	size_t n, out = 0;
	int r = nl_open(&nl, NETLINK_ROUTE, netns_fd, e);
	if (r == 0)
		r = link_list(&nl, a, &links, &n, e);
	if (r < 0)
		return r;
	struct net_counters *v = arena_array(a, n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		if (links[i].flags & IFF_LOOPBACK)
			continue;
		v[out] = links[i].count;
		v[out++].ifname = arena_strdup(a, links[i].name);
	}
	*ret = v;
	*ret_n = out;
	return 0;
}
