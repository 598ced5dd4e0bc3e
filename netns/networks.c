/*
 * networks.c - networks as the user sees them: create, look, list, remove, prune.
 */
#include "netns/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "netns/bridge.h"
#include "netns/link.h"
#include "netns/netname.h"
#include "netns/network.h"
#include "netns/nft.h"

/* name NULL: none is loaded. */
static int open_locked(struct lease_dirs *d, const struct net_paths *p, const char *name,
		       struct arena *a, struct network *ret, struct err *e)
{
	int r = lease_open(d, p, e);
	if (r == 0)
		r = lease_lock(d, e);
	return r < 0 || !name ? r : network_load(d, p, name, a, ret, e);
}

int net_network_create(const struct net_paths *p, const struct net_network *want,
		       struct arena *a, struct net_network *ret, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	struct network n;
	static const char *const modes[] = { "none", "host", "container", "ns", "default", NULL };
	for (size_t i = 0; modes[i]; i++)
		if (str_eq(want->name, modes[i]))
			return err_say(e, EINVAL, "network name %s is reserved", want->name);
	int r = open_locked(&d, p, NULL, NULL, NULL, e);
	/* Bridge and rules come with the first container. */
	if (r == 0)
		r = network_make(&d, p, want, a, &n, e);
	if (r == 0)
		*ret = n.doc;
	return r;
}

int net_network_load(const struct net_paths *p, const char *name, struct arena *a,
		     struct net_network *ret, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	struct network n;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = network_load(&d, p, name, a, &n, e);
	if (r == 0)
		*ret = n.doc;
	return r;
}

int net_network_list(const struct net_paths *p, struct arena *a, struct net_network **ret,
		     size_t *ret_n, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	struct network *all;
	size_t n;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = network_list(&d, a, &all, &n, e);
	if (r < 0)
		return r;
	struct net_network *v = arena_array(a, n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = all[i].doc;
	*ret = v;
	*ret_n = n;
	return 0;
}

static int change_dns(const struct net_network *n, const struct strlist *add,
		      const struct strlist *drop, struct strlist *ret, struct err *e)
{
	AUTO(strlist) struct strlist had = STRLIST_INIT;
	for (char **s = n->dns; s && *s; s++) {
		strlist_add(&had, *s);
		if (!strlist_has(drop, *s))
			strlist_add(ret, *s);
	}
	for (size_t i = 0; i < drop->n; i++)
		if (!strlist_has(&had, drop->v[i]))
			return err_say(e, ENOENT, "network %s has no name server %s", n->name,
				       drop->v[i]);
	for (size_t i = 0; i < add->n; i++)
		if (!strlist_has(ret, add->v[i]))
			strlist_add(ret, add->v[i]);
	return 0;
}

int net_network_change_dns(const struct net_paths *p, const char *name, const struct strlist *add,
			   const struct strlist *drop, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(strlist) struct strlist dns = STRLIST_INIT;
	struct network n;
	int r = open_locked(&d, p, name, a, &n, e);
	if (r == 0)
		r = change_dns(&n.doc, add, drop, &dns, e);
	if (r < 0)
		return r;
	n.doc.dns = dns.v;
	return network_save(&d, &n.doc, e);
}

int net_reload(const struct net_paths *p, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	int r = open_locked(&d, p, NULL, NULL, NULL, e);
	return r < 0 ? r : bridge_build_table(&d, p, e);
}

static void note_user(const char *network, const char *address, const char *id, void *arg)
{
	struct strlist *l = arg;
	(void)network;
	(void)address;
	if (!strlist_has(l, id))
		strlist_add(l, id);
}

int net_network_users(const struct net_paths *p, const char *name, struct arena *a,
		      char ***ret_ids, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct network n;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = network_load(&d, p, name, a, &n, e);
	if (r < 0)
		return r;
	lease_walk(&d, n.doc.name, note_user, &ids);
	char **v = arena_array(a, ids.n + 1, sizeof(*v));
	for (size_t i = 0; i < ids.n; i++)
		v[i] = arena_strdup(a, ids.v[i]);
	*ret_ids = v;
	return 0;
}

/* With the lock held.  The document goes last, so that a second try finds what is left. */
static int remove_network(struct lease_dirs *d, const struct net_paths *p, const struct network *n,
			  struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	char table[NFT_TABLE_MAX];
	bool there = false;
	netname_table(p, table);
	int r = n->bridged ? nft_check(table, &there, e) : 0;
	if (r == 0 && there) {
		struct nft_net row = network_nft(n);
		r = nft_remove_net(table, &row, e);
	}
	if (r == 0 && n->bridged)
		r = nl_open(&nl, NETLINK_ROUTE, -1, e);
	if (r == 0 && n->bridged)
		r = network_remove_bridge(&nl, n, e);
	if (r < 0)
		return r;
	lease_forget(d, n->doc.name);
	network_remove(d, n->doc.name);
	return 0;
}

int net_network_remove(const struct net_paths *p, const char *name, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct network n;
	int r = open_locked(&d, p, name, a, &n, e);
	if (r < 0)
		return r;
	lease_walk(&d, n.doc.name, note_user, &ids);
	if (ids.n)
		return err_say(e, EBUSY, "network %s is in use by container %.12s", n.doc.name,
			       ids.v[0]);
	return remove_network(&d, p, &n, e);
}
