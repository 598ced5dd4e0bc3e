/*
 * cmd_netchange.c - network update, network reload: other name servers for who is on a network, and
 * firewall rules that somebody took away.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/pick.h"
#include "netns/net.h"
#include "runtime/event.h"

/* ---- update ---- */

struct update_opts { struct strlist add, drop; };

#define O(f) offsetof(struct update_opts, f)
static const struct opt network_update_rows[] = {
	{ "dns-add", 0, OPT_LIST, O(add), "ADDRESS[,…]", "A further name server",
	  .flags = OPT_REPEAT },
	{ "dns-drop", 0, OPT_LIST, O(drop), "ADDRESS[,…]", "One less", .flags = OPT_REPEAT },
	OPT_END,
};
#undef O

/* Those that run are told at once, the others at their start. */
static int tell(struct cli *c, const struct net_paths *paths, const char *network, struct arena *a,
		struct err *e)
{
	char **ids;
	int r = net_network_users(paths, network, a, &ids, e);

	for (; r == 0 && *ids; ids++) {
		AUTO(record) struct record *rec = NULL;
		struct err gone = ERR_INIT;

		if (record_load(&c->en, *ids, &rec, &gone) == 0)
			r = net_resolv(paths, *ids, &rec->net, e);
	}
	return r;
}

static int run_update(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct update_opts *o = opts;
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(strlist) struct strlist add = STRLIST_INIT, drop = STRLIST_INIT;
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct net_network n;
	int r;

	(void)argc;
	for (size_t i = 0; i < o->add.n; i++)
		strlist_split(&add, o->add.v[i], ',', true);
	for (size_t i = 0; i < o->drop.n; i++)
		strlist_split(&drop, o->drop.v[i], ',', true);
	if (!add.n && !drop.n)
		return err_say(e, EINVAL, "network update: what? --dns-add or --dns-drop");
	if ((r = net_network_load(&paths, argv[0], a, &n, e)) < 0 ||
	    (r = net_network_change_dns(&paths, n.name, &add, &drop, e)) < 0 ||
	    (r = tell(c, &paths, n.name, a, e)) < 0)
		return r;
	event_log(c->en.root, "network", "update", n.id,
		  (struct event_attr[]){ { "name", n.name }, { 0 } });
	printf("%s\n", n.name);
	return 0;
}

/* ---- reload ---- */

struct reload_opts { struct pick pick; };

static const struct opt network_reload_rows[] = {
	PICK_ALL(reload_opts, 'a'), PICK_LATEST(reload_opts), OPT_END,
};

static int check_runs(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	char found[65];
	pid_t pid;
	int r = connect_pid(&c->en, name, &pid, found, e);

	if (r < 0)
		return r;
	printf("%s\n", id);
	*(bool *)ctx = true;
	return 0;
}

/* One table has the rules of all. */
static int run_reload(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	bool some = false;
	int status = command_each(c, argc, argv, check_runs, &some);
	int r = some ? net_reload(&paths, e) : 0;

	(void)opts;
	return r < 0 ? r : status;
}

/* clang-format off */
const struct command command_network_update = {
	.name = "network update", .args = "NETWORK", .summary = "Change the name servers of a network",
	.text = "They are for containers on it that have no --dns of their own: who runs finds them in\n"
		"resolv.conf at once.",
	.opts = network_update_rows, .size = sizeof(struct update_opts), .min = 1, .max = 1,
	.complete = "network", .run = run_update,
};
const struct command command_network_reload = {
	.name = "network reload", .args = "CONTAINER...", .summary = "Make lost firewall rules of running containers again",
	.text = "After `nft flush ruleset`, or the restart of a firewall that does so. The next container that\n"
		"starts does it too.",
	.opts = network_reload_rows, .size = sizeof(struct reload_opts), .min = 1, .max = -1,
	.pick = PICK_RUNNING | PICK_PAUSED, .complete = "running", .run = run_reload,
};
/* clang-format on */
