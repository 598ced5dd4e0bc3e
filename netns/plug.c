/*
 * plug.c - a running container joins a network or leaves it.
 */
#include "netns/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "netns/bridge.h"
#include "netns/flow.h"
#include "netns/hostport.h"
#include "netns/iface.h"
#include "netns/link.h"
#include "netns/names.h"
#include "netns/netname.h"
#include "netns/nft.h"

/* Published ports lead to the first suitable interface; when that changes, so do the rules. */
static int move_ports(struct netjob *t, const struct journal *before, struct err *e)
{
	char table[NFT_TABLE_MAX];
	struct nft_port *old, *now;
	size_t nold = hostport_rows(before, t->a, &old), nnow = hostport_rows(&t->j, t->a, &now);
	bool same = nold == nnow;
	for (size_t i = 0; same && i < nold; i++)
		same = addr_cmp(&old[i].ctr, &now[i].ctr) == 0;
	if (same)
		return 0;
	netname_table(t->p, table);
	int r = nft_remove_ports(table, old, nold, e);
	if (r == 0)
		r = nft_add_ports(table, now, nnow, e);
	flow_forget(old, nold, t->a);
	return r;
}

static void tell(struct netjob *t, const char *network)
{
	names_write(&t->dirs, t->p, &t->j, t->a);
	names_tell(&t->dirs, t->p, network, t->j.id);
}

static int begin(struct netjob *t, const struct net_paths *p, const char *id, const char *name,
		 struct arena *a, struct err *e)
{
	int r = netjob_open(t, p, id, a, e);
	if (r == 0)
		r = lease_lock(&t->dirs, e);
	if (r < 0)
		return r;
	r = journal_load(&t->dirs, id, a, &t->j, e);
	if (r == -ENOENT || r > 0)
		t->j = (struct journal){ .id = id, .name = name,
					 .hostname = arena_strndup(a, id, 12) };
	return r < 0 && r != -ENOENT ? r : 0;
}

static int plug_in(struct netjob *t, const struct net_attach *at, struct err *e)
{
	char table[NFT_TABLE_MAX];
	size_t i = t->j.net.nifaces;
	struct journal before = t->j;
	t->nets = arena_array(t->a, i + 1, sizeof(*t->nets));
	t->bridges = arena_array(t->a, i + 1, sizeof(*t->bridges));
	netname_table(t->p, table);
	int r = iface_take(t, at, e);
	if (r == 0)
		r = journal_save(&t->dirs, &t->j, e);
	if (r == 0)
		r = bridge_ensure_table(&t->dirs, t->p, e);
	if (r == 0 && t->nets[i].bridged)
		r = bridge_ensure(&t->nl, &t->nets[i], table, &t->bridges[i], e);
	if (r == 0)
		r = move_ports(t, &before, e);
	if (r == 0)
		tell(t, t->nets[i].doc.name);
	return r;
}

/* The link goes before the journal forgets it. */
static int unplug(struct netjob *t, size_t i, int netns_fd, struct err *e)
{
	AUTO(nl) struct nl in = NL_INIT;
	struct journal before = t->j;
	struct net_iface f = t->j.net.ifaces[i];
	int r;
	if (f.veth) {
		r = link_delete(&t->nl, f.veth, e);
	} else {
		r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
		if (r == 0)
			r = link_delete(&in, f.ifname, e);
	}
	if (r < 0)
		return r;
	struct net_iface *v = arena_array(t->a, before.net.nifaces, sizeof(*v));
	memcpy(v, before.net.ifaces, i * sizeof(*v));
	memcpy(v + i, before.net.ifaces + i + 1, (before.net.nifaces - i - 1) * sizeof(*v));
	t->j.net.ifaces = v;
	t->j.net.nifaces--;
	r = move_ports(t, &before, e);
	if (r == 0)
		r = journal_save(&t->dirs, &t->j, e);
	if (r < 0)
		return r;
	lease_drop(&t->dirs, f.network, f.ip, t->j.id);
	lease_drop(&t->dirs, f.network, f.ip6, t->j.id);
	tell(t, f.network);
	return 0;
}

int net_connect(const struct net_paths *p, const char *id, const char *name, int netns_fd,
		const struct net_attach *at, struct arena *a, struct net_result *ret,
		struct err *e)
{
	AUTO(netjob) struct netjob t = NETJOB_INIT;
	AUTO(nl) struct nl in = NL_INIT;
	int r = begin(&t, p, id, name, a, e);
	if (r < 0)
		return r;
	size_t i = t.j.net.nifaces;
	r = plug_in(&t, at, e);
	if (r == 0)
		r = nl_open(&in, NETLINK_ROUTE, netns_fd, e);
	if (r == 0)
		r = iface_make(&t, i, netns_fd, &in, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;
		if (t.j.net.nifaces > i)
			unplug(&t, i, netns_fd, &ignored);
		return r;
	}
	*ret = t.j.net;
	return 0;
}

int net_rename(const struct net_paths *p, const char *id, const char *name, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(netjob) struct netjob t = NETJOB_INIT;
	int r = netjob_open(&t, p, id, a, e);
	if (r == 0)
		r = lease_lock(&t.dirs, e);
	if (r == 0)
		r = journal_load(&t.dirs, id, a, &t.j, e);
	if (r == -ENOENT || r > 0)
		return 0;	/* it does not run, or has no network */
	t.j.name = name;
	if (r == 0)
		r = journal_save(&t.dirs, &t.j, e);
	for (size_t i = 0; r == 0 && i < t.j.net.nifaces; i++)
		tell(&t, t.j.net.ifaces[i].network);
	return r;
}

int net_disconnect(const struct net_paths *p, const char *id, int netns_fd, const char *network,
		   struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(netjob) struct netjob t = NETJOB_INIT;
	struct network n;
	struct err ignored = ERR_INIT;
	int r = begin(&t, p, id, NULL, a, e);
	if (r < 0)
		return r;
	/* By id too; but a network whose document is lost can still be left by its name. */
	if (network_load(&t.dirs, p, network, a, &n, &ignored) == 0)
		network = n.doc.name;
	for (size_t i = 0; i < t.j.net.nifaces; i++)
		if (str_eq(t.j.net.ifaces[i].network, network))
			return unplug(&t, i, netns_fd, e);
	return err_say(e, ENOENT, "container %.12s is not on network %s", id, network);
}
