/*
 * net.c - a container's network: up and down, in this order.
 *
 *	net_up					net_down
 *	1 leases of addresses and ports		4 dropped
 *	2 journal written			5 removed
 *	3 table and bridges			7 removed by a child when nobody uses them
 *	4 published ports			3 elements removed
 *	5 hosts of it and the neighbours	6 hosts of the neighbours
 *	6 veth pair, addresses, routes		2 noted in .gone
 *						7 removed by a child
 *
 * Killed anywhere, the journal (or, before it is written, a walk through the leases) says what
 * there is to take away.  Changes of state are made under one lock (lease.h); making interfaces
 * happens outside of it.
 *
 * What takes long, or is better not done at once, a child does after net_down (netidle.h).
 */
#include "netns/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/bridge.h"
#include "netns/flow.h"
#include "netns/hostport.h"
#include "netns/iface.h"
#include "netns/link.h"
#include "netns/names.h"
#include "netns/netidle.h"
#include "netns/netname.h"
#include "netns/nft.h"

#define HOLD_MAX 256	/* sockets that a supervisor is asked to keep */

int netjob_open(struct netjob *t, const struct net_paths *p, const char *id, struct arena *a,
		struct err *e)
{
	if (!netname_is_id(id))
		return err_say(e, EINVAL, "'%s' is not the id of a container", id);
	t->p = p;
	t->a = a;
	t->j.id = id;
	int r = lease_open(&t->dirs, p, e);
	return r < 0 ? r : nl_open(&t->nl, NETLINK_ROUTE, -1, e);
}

void netjob_cleanup(struct netjob *t)
{
	lease_close(&t->dirs);
	nl_close(&t->nl);
	portbind_cleanup(&t->bound);
}

/* ---- up ---- */

static int take_ifaces(struct netjob *t, const struct net_config *c, struct err *e)
{
	static const struct net_attach first = { .network = NET_NAME_DEFAULT };
	const struct net_attach *at = c->nattach ? c->attach : &first;
	size_t n = c->nattach ? c->nattach : 1;
	int r = 0;
	t->nets = arena_array(t->a, n, sizeof(*t->nets));
	t->bridges = arena_array(t->a, n, sizeof(*t->bridges));
	for (size_t i = 0; r == 0 && i < n; i++)
		r = iface_take(t, &at[i], e);
	return r;
}

static int prepare(struct netjob *t, const struct net_config *c, struct err *e)
{
	char table[NFT_TABLE_MAX];
	struct nft_port *rows;
	netname_table(t->p, table);
	int r = lease_lock(&t->dirs, e);
	if (r == 0)
		r = take_ifaces(t, c, e);
	if (r == 0)
		r = hostport_take(t, c, e);
	if (r == 0)
		r = journal_save(&t->dirs, &t->j, e);
	if (r == 0)
		r = bridge_ensure_table(&t->dirs, t->p, e);
	for (size_t i = 0; r == 0 && i < t->j.net.nifaces; i++)
		if (t->nets[i].bridged)
			r = bridge_ensure(&t->nl, &t->nets[i], table, &t->bridges[i], e);
	if (r < 0)
		return r;
	size_t n = hostport_rows(&t->j, t->a, &rows);
	r = nft_add_ports(table, rows, n, e);
	if (r < 0)
		return r;
	flow_forget(rows, n, t->a);
	r = names_resolv(t->p, t->j.id, c, t->nets, t->j.net.nifaces, false, e);
	if (r < 0)
		return r;
	names_write(&t->dirs, t->p, &t->j, t->a);
	for (size_t i = 0; i < t->j.net.nifaces; i++)
		names_tell(&t->dirs, t->p, t->j.net.ifaces[i].network, t->j.id);
	lease_unlock(&t->dirs);
	return 0;
}

static int go_up(struct netjob *t, int netns_fd, const struct net_config *c, struct err *e)
{
	AUTO(nl) struct nl in = NL_INIT;
	int r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
	if (r == 0)
		r = link_loopback_up(&in, e);
	if (r == 0)
		r = prepare(t, c, e);
	for (size_t i = 0; r == 0 && i < t->j.net.nifaces; i++)
		r = iface_make(t, i, netns_fd, &in, e);
	return r;
}

static void hand_over_hold(struct netjob *t, struct net_result *ret)
{
	while (t->bound.n > HOLD_MAX)
		close(t->bound.fds[--t->bound.n]);
	ret->hold = t->bound.fds;
	ret->nhold = t->bound.n;
	t->bound = (struct portbind){ 0 };
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
	AUTO(netjob) struct netjob t = NETJOB_INIT;
	int r = net_config_check(c, e);
	if (r == 0)
		r = netjob_open(&t, p, id, a, e);
	if (r < 0)
		return r;
	t.j.name = name;
	t.j.hostname = c->hostname ? c->hostname : arena_strndup(a, id, 12);
	t.j.domainname = c->domainname;
	t.j.extra_hosts = c->extra_hosts;
	/* What a killed predecessor of that id left would be lost with its journal. */
	if (path_exists(t.dirs.ids, id)) {
		r = net_down(p, id, e);
		if (r < 0)
			return r;
	}
	r = go_up(&t, netns_fd, c, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;
		lease_unlock(&t.dirs);
		net_down(p, id, &ignored);
		return r;
	}
	*ret = t.j.net;
	hand_over_hold(&t, ret);
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
	size_t n = hostport_rows(&mine, a, &rows);
	int r = nft_remove_ports(table, rows, n, e);
	flow_forget(rows, n, a);
	for (size_t i = 0; i < mine.net.nports; i++)
		lease_port_drop(d, &mine.net.ports[i], j->id);
	return r;
}

/* Notes the interfaces that are still there in .gone; *ret_some: there are such. */
static int note_ifaces(struct lease_dirs *d, const struct journal *j, bool *ret_some,
		       struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	struct link_info l;
	int r = j->net.nifaces ? nl_open(&nl, NETLINK_ROUTE, -1, e) : 0;
	for (size_t i = 0; r == 0 && i < j->net.nifaces; i++) {
		const char *veth = j->net.ifaces[i].veth;
		if (!veth || !netname_is_ifname(veth))
			continue;
		r = link_find(&nl, veth, &l, e);
		if (r == 0)
			*ret_some = true;
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
	bool some = false;
	r = note_ifaces(&d, &j, &some, e);
	int r2 = take_away(&d, p, &j, found == 0, a, r < 0 ? &later : e);
	/* A journal that could not be worked off stays for the next try. */
	if (r == 0 && r2 == 0)
		journal_remove(&d, id);
	for (size_t i = 0; i < j.net.nifaces; i++)
		names_tell(&d, p, j.net.ifaces[i].network, id);
	lease_unlock(&d);
	if (some || found == 0)
		netidle_watch(p, &j);
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
