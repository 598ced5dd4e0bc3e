/*
 * cmd_connect.c - network connect, disconnect: a container joins a network or leaves it, now if
 * it runs, and for its next start in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/view.h"
#include "netns/net.h"

struct connect_opts {
	const char *ip, *ip6, *mac, *ifname;
	struct strlist alias, link;
	bool force;
};

#define O(f) offsetof(struct connect_opts, f)
static const struct opt network_connect_rows[] = {
	{ "ip", 0, OPT_STR, O(ip), "ADDRESS", "IPv4 address" },
	{ "ip6", 0, OPT_STR, O(ip6), "ADDRESS", "IPv6 address" },
	{ "mac-address", 0, OPT_STR, O(mac), "MAC", "Hardware address" },
	{ "alias", 0, OPT_LIST, O(alias), "NAME", "A further name on the network",
	  .flags = OPT_REPEAT },
	{ "link", 0, OPT_REFUSED, 0, NULL, "on a network containers find each other by name",
	  .flags = OPT_HIDDEN },
	{ "link-local-ip", 0, OPT_REFUSED, 0, NULL, "--ip gives an address of the subnet",
	  .flags = OPT_HIDDEN },
	{ "gw-priority", 0, OPT_REFUSED, 0, NULL,
	  "the network that was joined first has the gateway", .flags = OPT_HIDDEN },
	{ "driver-opt", 0, OPT_REFUSED, 0, NULL,
	  "a network has options as a whole: network create --opt", .flags = OPT_HIDDEN },
	{ "interface-name", 0, OPT_STR, O(ifname), "NAME", "Name of the interface inside" },
	OPT_END,
};
static const struct opt network_disconnect_rows[] = {
	{ "force", 'f', OPT_BOOL, O(force), NULL, "One that is not on it is no error" },
	OPT_END,
};
#undef O

static int load_locked(struct cli *c, const char *what, struct view *ret, int *ret_lock,
		       struct err *e)
{
	AUTO_CLOSE int lock = -1;
	char id[65];
	int r;

	if ((r = record_find(&c->en, what, id, e)) < 0 ||
	    (r = record_lock(&c->en, id, &lock, e)) < 0 || (r = view_load(&c->en, id, ret, e)) < 0)
		return r;
	*ret_lock = TAKE_FD(lock);
	if (ret->r->net.mode == NET_BRIDGE || ret->r->net.mode == NET_NONE)
		return 0;
	return err_say(e, EINVAL, "container %s has --network %s, which no network can join", what,
		       ret->r->net.mode == NET_HOST ? "host" : "of another");
}

static int open_netns(const struct view *v, int *ret, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)v->s.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open the network namespace of container %s", v->r->name);
	*ret = fd;
	return 0;
}

/* The default network is there without being listed: it is listed before another comes. */
static void list_default(struct net_config *n, struct arena *a)
{
	if (n->nattach || n->mode == NET_NONE)
		return;
	n->attach = arena_array(a, 1, sizeof(*n->attach));
	n->attach[0].network = NET_NAME_DEFAULT;
	n->nattach = 1;
}

static int find_attach(const struct net_config *n, const char *network)
{
	for (size_t i = 0; i < n->nattach; i++)
		if (str_eq(n->attach[i].network, network))
			return (int)i;
	return -1;
}

static int fill(const struct connect_opts *o, struct arena *a, struct net_attach *at,
		struct err *e)
{
	int r;

	if ((o->ip && (r = net_check_ip(o->ip, AF_INET, "--ip", e)) < 0) ||
	    (o->ip6 && (r = net_check_ip(o->ip6, AF_INET6, "--ip6", e)) < 0) ||
	    (o->mac && (r = net_check_mac(o->mac, "--mac-address", e)) < 0))
		return r;
	at->ip = arena_strdup(a, o->ip);
	at->ip6 = arena_strdup(a, o->ip6);
	at->mac = arena_strdup(a, o->mac);
	at->ifname = arena_strdup(a, o->ifname);
	for (size_t i = 0; i < o->alias.n; i++)
		net_attach_alias(a, at, o->alias.v[i]);
	return 0;
}

static bool has_dns(const struct net_network *n)
{
	return n->dns && *n->dns;
}

static int add(struct cli *c, const struct connect_opts *o, struct view *v,
	       const struct net_network *net, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	struct arena *a = v->r->arena;
	struct net_config *n = &v->r->net;
	struct net_attach *list;
	struct net_result result;
	AUTO_CLOSE int ns = -1;
	int r;

	list_default(n, a);
	if (find_attach(n, net->name) >= 0)
		return err_say(e, EEXIST, "container %s is on network %s already",
			       v->r->name, net->name);
	list = arena_array(a, n->nattach + 1, sizeof(*list));
	if (n->nattach)	/* none: after the last disconnect */
		memcpy(list, n->attach, n->nattach * sizeof(*list));
	list[n->nattach].network = arena_strdup(a, net->name);
	if ((r = fill(o, a, &list[n->nattach], e)) < 0)
		return r;
	if (view_runs(v) && ((r = open_netns(v, &ns, e)) < 0 ||
			     (r = net_connect(&paths, v->id, v->r->name, ns, &list[n->nattach], a,
					      &result, e)) < 0))
		return r;
	n->attach = list;
	n->nattach++;
	n->mode = NET_BRIDGE;	/* one that had none has one now */
	r = record_save(&c->en, v->r, false, e);
	return r == 0 && view_runs(v) && has_dns(net) ? net_resolv(&paths, v->id, n, e) : r;
}

static int run_connect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct connect_opts *o = opts;
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(view) struct view v = { .r = NULL };
	AUTO_CLOSE int lock = -1;
	struct net_network net;
	int r;

	(void)argc;
	if ((r = net_network_load(&paths, argv[0], a, &net, e)) == 0 &&
	    (r = load_locked(c, argv[1], &v, &lock, e)) == 0)
		r = add(c, o, &v, &net, e);
	return r;
}

/* ---- disconnect ---- */

/* Off its last network it has none. */
static void drop_attach(struct net_config *n, int i)
{
	memmove(n->attach + i, n->attach + i + 1,
		(n->nattach - (size_t)i - 1) * sizeof(*n->attach));
	if (--n->nattach == 0)
		n->mode = NET_NONE;
}

static int run_disconnect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct connect_opts *o = opts;
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(view) struct view v = { .r = NULL };
	AUTO_CLOSE int lock = -1, ns = -1;
	struct net_network net = { .name = argv[0] };
	struct err ignored = ERR_INIT;
	int i, r;

	(void)argc;
	/* a network whose document is lost can still be left by its name */
	if (net_network_load(&paths, argv[0], a, &net, &ignored) < 0)
		net.name = argv[0];
	r = load_locked(c, argv[1], &v, &lock, e);
	if (r < 0)
		return r;
	list_default(&v.r->net, v.r->arena);
	i = find_attach(&v.r->net, net.name);
	if (i < 0)
		return o->force ? 0 : err_say(e, ENOENT, "container %s is not on network %s",
					      v.r->name, net.name);
	if (v.r->net.nattach == 1 && v.r->net.nports)
		return err_say(e, EBUSY,
			       "container %s publishes ports, and network %s is its only one",
			       v.r->name, net.name);
	if (view_runs(&v) && (r = open_netns(&v, &ns, e)) == 0) {
		r = net_disconnect(&paths, v.id, ns, net.name, e);
		if (r == -ENOENT)	/* it left by itself, or never came */
			r = 0;
	}
	if (r < 0)
		return r;
	drop_attach(&v.r->net, i);
	r = record_save(&c->en, v.r, false, e);
	return r == 0 && ns >= 0 && has_dns(&net) ? net_resolv(&paths, v.id, &v.r->net, e) : r;
}

/* clang-format off */
const struct command command_network_connect = {
	.name = "network connect", .args = "NETWORK CONTAINER", .summary = "Put a container on a network",
	.opts = network_connect_rows, .size = sizeof(struct connect_opts), .min = 2, .max = 2,
	.complete = "network", .run = run_connect,
};
const struct command command_network_disconnect = {
	.name = "network disconnect", .args = "NETWORK CONTAINER", .summary = "Take a container off a network",
	.opts = network_disconnect_rows, .size = sizeof(struct connect_opts), .min = 2, .max = 2,
	.complete = "network", .run = run_disconnect,
};
/* clang-format on */
