/* cmd_network.c - network create, ls, rm, exists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/connect.h"
#include "cli/filters.h"
#include "cli/output.h"
#include "cli/pairs.h"
#include "cli/view.h"
#include "netns/net.h"
#include "runtime/event.h"

/* ---- create ---- */

struct create_opts {
	const char *driver, *subnet6, *gateway6;
	struct strlist subnet, gateway, ip_range, options, labels, dns;
	bool internal, ipv4, ipv6, ignore, attachable, no_dns;
	const char *ipam, *scope;
};

#define O(f) offsetof(struct create_opts, f)
static const struct opt network_create_rows[] = {
	{ "driver", 'd', OPT_STR, O(driver), "DRIVER", "bridge, macvlan or ipvlan",
	  .complete = "bridge|macvlan|ipvlan" },
	{ "subnet", 0, OPT_LIST, O(subnet), "CIDR", "Its addresses; once for IPv4, once for IPv6" },
	{ "gateway", 0, OPT_LIST, O(gateway), "ADDRESS", "Address of the gateway" },
	{ "ip-range", 0, OPT_LIST, O(ip_range), "CIDR", "Part of the subnet to choose from" },
	{ "ipv6", 0, OPT_BOOL, O(ipv6), NULL, "IPv6 as well" },
	{ "internal", 0, OPT_BOOL, O(internal), NULL, "No way out of it" },
	{ "opt", 'o', OPT_LIST, O(options), "KEY=VALUE", "parent, mode, mtu, bridge, isolate",
	  .flags = OPT_REPEAT },
	{ "dns", 0, OPT_LIST, O(dns), "ADDRESS",
	  "Name server of containers on it that have no --dns" },
	{ "label", 0, OPT_LIST, O(labels), "KEY[=VALUE]", "A label", .flags = OPT_REPEAT },
	{ "ignore", 0, OPT_BOOL, O(ignore), NULL, "One that is there already is no error" },
	{ "ipv4", 0, OPT_BOOL, O(ipv4), NULL, NULL },	/* as it is anyway */
	{ "scope", 0, OPT_STR, O(scope), "SCOPE", NULL },
	/* there is no server: hosts has the names */
	{ "disable-dns", 0, OPT_BOOL, O(no_dns), NULL, NULL },
	{ "aux-address", 0, OPT_REFUSED, 0, NULL, "--ip-range leaves addresses to others",
	  .flags = OPT_HIDDEN },
	{ "ipam-opt", 0, OPT_REFUSED, 0, NULL, "the default driver has no options",
	  .flags = OPT_HIDDEN },
	{ "config-only", 0, OPT_REFUSED, 0, NULL, "it is for one machine", .flags = OPT_HIDDEN },
	{ "config-from", 0, OPT_REFUSED, 0, NULL, "it is for one machine", .flags = OPT_HIDDEN },
	{ "ingress", 0, OPT_REFUSED, 0, NULL, "it is for one machine", .flags = OPT_HIDDEN },
	{ "attachable", 0, OPT_BOOL, O(attachable), NULL, NULL },
	{ "ipam-driver", 0, OPT_STR, O(ipam), "DRIVER", NULL },
	OPT_END,
};
#undef O

static int pick(const struct strlist *l, const char *flag, const char **ret4, const char **ret6,
		struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const char **to = strchr(l->v[i], ':') ? ret6 : ret4;

		if (*to)
			return err_say(e, EINVAL, "%s %s: one for IPv4 and one for IPv6 at most",
				       flag, l->v[i]);
		*to = l->v[i];
	}
	return 0;
}

static int fill(const struct create_opts *o, struct arena *a, struct net_network *n, struct err *e)
{
	AUTO(strlist) struct strlist dns = STRLIST_INIT;
	const char *range6 = NULL;
	int r;

	for (size_t i = 0; i < o->dns.n; i++)
		strlist_split(&dns, o->dns.v[i], ',', true);
	n->dns = arena_strv(a, dns.v);
	if ((r = pick(&o->subnet, "--subnet", &n->subnet, &n->subnet6, e)) < 0 ||
	    (r = pick(&o->gateway, "--gateway", &n->gateway, &n->gateway6, e)) < 0 ||
	    (r = pick(&o->ip_range, "--ip-range", &n->ip_range, &range6, e)) < 0 ||
	    (r = pairs_parse(a, &o->labels, "--label", &n->labels, e)) < 0 ||
	    (r = pairs_parse(a, &o->options, "--opt", &n->options, e)) < 0)
		return r;
	if (range6)
		return err_say(e, EINVAL, "--ip-range %s: for IPv4 only", range6);
	if (o->ipam && !str_eq(o->ipam, "default"))
		return err_say(e, EINVAL, "--ipam-driver %s: default is the only one", o->ipam);
	if (o->scope && !str_eq(o->scope, "local"))
		return err_say(e, EINVAL, "--scope %s: local is the only one", o->scope);
	n->driver = o->driver;
	n->internal = o->internal;
	n->ipv6 = o->ipv6 || n->subnet6;
	return 0;
}

static int run_create(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct create_opts *o = opts;
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct net_network want = { .name = argv[0] }, made;
	struct err one = ERR_INIT;
	int r = fill(o, a, &want, e);

	(void)argc;
	if (r == 0) {
		r = net_network_create(&paths, &want, a, &made, &one);
		if (r == -EEXIST && o->ignore)
			r = net_network_load(&paths, argv[0], a, &made, e);
		else if (r < 0)
			*e = one;
	}
	if (r == 0) {
		struct event_attr attrs[] = { { "name", argv[0] }, { 0 } };

		event_log(c->en.root, "network", "create", made.id, attrs);
		printf("%s\n", made.id);
	}
	return r;
}

/* ---- ls ---- */

struct ls_opts { struct output_opts out; struct strlist filter; };

static const struct opt network_ls_rows[] = {
	{ "filter", 'f', OPT_LIST, offsetof(struct ls_opts, filter), "KEY=VALUE",
	  "id, name, driver, label, scope, type, dangling", .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT(struct ls_opts, out, "'table {{.ID}}\\t{{.Name}}'"),
	OUTPUT_OPT_NO_HEADING(struct ls_opts, out),
	OUTPUT_OPT_NO_TRUNC(struct ls_opts, out),
	OUTPUT_OPT_QUIET(struct ls_opts, out, "ids"),
	OPT_END,
};
static const char *const filter_keys[] = { "id", "name", "driver", "label", "scope", "type",
					   "dangling", NULL };
static const struct output_column columns[] = {
	{ "NETWORK ID", "{{.ID}}" }, { "NAME", "{{.Name}}" }, { "DRIVER", "{{.Driver}}" },
	{ "SCOPE", "{{.Scope}}" }, { "SUBNET", "{{.Subnet}}" }, { NULL, NULL },
};
static const struct output_column headers[] = { { "NETWORK ID", "ID" }, { NULL, NULL } };

static int is_shown(const struct net_paths *paths, const struct filters *f,
		    const struct net_network *n, struct arena *a, struct err *e)
{
	bool own = str_eq(n->name, NET_NAME_DEFAULT), dangling;
	char **ids;
	int r;

	if (!filters_match(f, "id", filters_prefix, n->id) ||
	    !filters_match(f, "name", filters_name, n->name) ||
	    !filters_match(f, "driver", filters_equal, n->driver) ||
	    !filters_match(f, "scope", filters_equal, "local") ||
	    !filters_match(f, "type", filters_equal, own ? "builtin" : "custom") ||
	    !filters_labels(f, &n->labels))
		return 0;
	if (!filters_has(f, "dangling"))
		return 1;
	if ((r = net_network_users(paths, n->name, a, &ids, e)) < 0)
		return r;
	dangling = !own && !*ids;
	return filters_match(f, "dangling", filters_bool, &dangling);
}

static struct json *make_row(struct arena *a, const struct net_network *n, bool no_trunc)
{
	struct json *row = value_object(a);
	char date[40];

	value_put(row, "ID", value_strn(a, n->id, no_trunc ? 64 : 12));
	value_put_str(a, row, "Name", n->name);
	value_put_str(a, row, "Driver", n->driver);
	value_put_str(a, row, "Scope", "local");
	value_put_str(a, row, "Subnet", !n->subnet && n->subnet6 ? n->subnet6 : n->subnet6 ?
		      arena_printf(a, "%s, %s", n->subnet, n->subnet6) : n->subnet);
	value_put_str(a, row, "IPv4", n->subnet ? "true" : "false");
	value_put_str(a, row, "IPv6", n->ipv6 ? "true" : "false");
	value_put_str(a, row, "Internal", n->internal ? "true" : "false");
	value_put_str(a, row, "CreatedAt", view_date(n->created, date));
	view_put_labels(a, row, &n->labels);
	return row;
}

static int run_ls(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct output out = { columns, headers, "{{.ID}}" };
	struct ls_opts *o = opts;
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(output_list) struct output_list list;
	struct net_network *all, def;
	size_t n = 0;
	int r;

	(void)argc;
	(void)argv;
	output_list_init(&list);
	if ((r = filters_parse(&o->filter, filter_keys, &f, e)) == 0 &&
	    (r = filters_check_bools(&f, "dangling", e)) == 0 &&
	    (r = net_network_load(&paths, NET_NAME_DEFAULT, list.a, &def, e)) == 0)
		r = net_network_list(&paths, list.a, &all, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = is_shown(&paths, &f, &all[i], list.a, e);
		if (r > 0)
			output_list_add(&list, make_row(list.a, &all[i], o->out.no_trunc));
	}
	return r < 0 ? r : output_rows(&out, &o->out, list.v, list.n, e);
}

/* ---- rm, exists ---- */

struct rm_opts { bool force; const char *time; };

static const struct opt network_rm_rows[] = {
	{ "force", 'f', OPT_BOOL, offsetof(struct rm_opts, force), NULL,
	  "A network that is not there is no error" },
	{ "time", 't', OPT_STR, offsetof(struct rm_opts, time), "SECONDS",
	  "With --force: containers that have it go too, and have that time to end" },
	OPT_END,
};

static int remove_containers(struct cli *c, const char *network, int32_t seconds, struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r = record_list(&c->en, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		AUTO(strlist) struct strlist its = STRLIST_INIT;
		AUTO(view) struct view v = { .r = NULL };
		struct err gone = ERR_INIT;

		if (record_load(&c->en, ids.v[i], &v.r, &gone) < 0)
			continue;
		view_networks(&v, &its);
		if (!strlist_has(&its, network))
			continue;
		r = connect_stop(c, ids.v[i], 0, seconds, e);
		if (r == 0)
			r = connect_remove(c, ids.v[i], true, true, e);
	}
	return r;
}

static int remove_one(struct cli *c, const char *name, const int32_t *seconds, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(16u << 20);
	struct net_network n;
	int r = seconds ? net_network_load(&paths, name, a, &n, e) : 0;

	if (r == 0 && seconds)
		r = remove_containers(c, n.name, *seconds, e);
	return r < 0 ? r : net_network_remove(&paths, name, e);
}

static int run_rm(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rm_opts *o = opts;
	int32_t seconds = 0;
	int status = 0;

	if (connect_seconds(o->time, &seconds, e) < 0)
		return -EINVAL;
	if (o->time && !o->force)
		return err_say(e, EINVAL, "--time goes with --force: containers are removed");
	for (int i = 0; i < argc; i++) {
		struct err one = ERR_INIT;
		int r = remove_one(c, argv[i], o->time ? &seconds : NULL, &one);

		if (r == 0) {
			event_log(c->en.root, "network", "destroy", argv[i], NULL);
			printf("%s\n", argv[i]);
		} else if (r != -ENOENT || !o->force) {
			log_error(&one);
			status = 1;
		}
	}
	return status;
}

static int run_exists(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(16u << 20);
	struct net_network n;
	struct err no = ERR_INIT;
	int r = net_network_load(&paths, argv[0], a, &n, &no);

	(void)opts;
	(void)argc;
	if (r < 0 && r != -ENOENT)
		*e = no;
	return r == -ENOENT ? 1 : r;
}

/* clang-format off */
const struct command command_network_create = {
	.name = "network create", .args = "NAME", .summary = "Make a network",
	.opts = network_create_rows, .size = sizeof(struct create_opts), .min = 1, .max = 1,
	.run = run_create,
};
const struct command command_network_ls = {
	.name = "network ls", .args = "", .summary = "List networks",
	.opts = network_ls_rows, .size = sizeof(struct ls_opts), .min = 0, .max = 0, .run = run_ls,
};
const struct command command_network_rm = {
	.name = "network rm", .args = "NETWORK...", .summary = "Remove networks",
	.opts = network_rm_rows, .size = sizeof(struct rm_opts), .min = 1, .max = -1,
	.complete = "network", .run = run_rm,
};
const struct command command_network_exists = {
	.name = "network exists", .args = "NETWORK", .summary = "Exit with 0 if it is there, else with 1",
	.min = 1, .max = 1, .complete = "network", .run = run_exists,
};
/* clang-format on */
