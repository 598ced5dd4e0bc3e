/* cmd_port.c - port, container exists. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pick.h"
#include "cli/view.h"
#include "netns/net.h"

struct port_opts { struct pick pick; bool all; };

static const struct opt port_rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct port_opts, all), NULL, "Of all that run" },
	PICK_LATEST(port_opts),
	OPT_END,
};

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

static int by_port(const void *a, const void *b)
{
	const struct net_port *x = a, *y = b;

	if (x->ctr != y->ctr)
		return x->ctr < y->ctr ? -1 : 1;
	return strcmp(proto_name(x->proto), proto_name(y->proto));
}

/* want: "80/tcp" or NULL for all.  Returns how many lines. */
static int print_ports(struct net_result *net, const char *want)
{
	int n = 0;

	if (net->nports)
		qsort(net->ports, net->nports, sizeof(*net->ports), by_port);
	for (size_t i = 0; i < net->nports; i++) {
		const struct net_port *p = &net->ports[i];
		AUTO_FREE char *name = mem_printf("%u/%s", p->ctr, proto_name(p->proto));
		const char *ip;

		if (want && !str_eq(want, name))
			continue;
		for (unsigned k = 0; (ip = net_port_ip(net, p, k)); k++) {
			if (!want)
				printf("%s -> ", name);
			printf(strchr(ip, ':') ? "[%s]:%u\n" : "%s:%u\n", ip, p->host);
			n++;
		}
	}
	return n;
}

static int port_of(struct cli *c, const char *what, const char *port, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO_FREE char *want = !port ? NULL : strchr(port, '/') ? mem_strdup(port)
								: mem_printf("%s/tcp", port);
	struct net_result net = { .nports = 0 };
	struct err none = ERR_INIT;
	char id[65];
	int r = record_find(&c->en, what, id, e);

	if (r < 0)
		return r;
	r = net_load(&paths, id, a, &net, &none);
	if (r < 0 && r != -ENOENT) {
		*e = none;
		return r;
	}
	if (r == -ENOENT)
		net.nports = 0;
	if (print_ports(&net, want) == 0 && want)
		return err_say(e, ENOENT, "container %s does not publish port %s", what, want);
	return 0;
}

static int run_port(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct port_opts *o = opts;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r;

	if (!o->all && argc > 0)
		return port_of(c, argv[0], argc > 1 ? argv[1] : NULL, e);
	if (!o->all || argc > 0)
		return err_say(e, EINVAL, "usage: berth port CONTAINER [PORT[/PROTO]], or --all");
	r = record_list(&c->en, &ids, e);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct err gone = ERR_INIT;
		enum connect_state s;

		if (connect_state(&c->en, ids.v[i], &s, NULL, &gone) < 0 ||
		    (s != STATE_RUNNING && s != STATE_PAUSED))
			continue;
		printf("%.12s\n", ids.v[i]);
		r = port_of(c, ids.v[i], NULL, e);
	}
	return r;
}

/* external: podman's, for what other programs have in its store */
struct exists_opts { bool external; };
static const struct opt exists_rows[] = {
	{ "external", 0, OPT_BOOL, offsetof(struct exists_opts, external), NULL, NULL }, OPT_END,
};

static int run_exists(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct err no = ERR_INIT;
	char id[65];
	int r = record_find(&c->en, argv[0], id, &no);

	(void)opts;
	(void)argc;
	if (r < 0 && r != -ENOENT)
		*e = no;
	return r == -ENOENT ? 1 : r;
}

/* clang-format off */
const struct command command_port = {
	.name = "port", .args = "CONTAINER [PORT[/PROTO]]", .summary = "Show published ports",
	.opts = port_rows, .size = sizeof(struct port_opts), .min = 0, .max = 2,
	.pick = PICK_ANY,
	.complete = "running", .run = run_port,
};
const struct command command_container_exists = {
	.name = "container exists", .args = "CONTAINER", .summary = "Exit with 0 if it is there, else with 1",
	.opts = exists_rows, .size = sizeof(struct exists_opts), .min = 1, .max = 1,
	.complete = "container", .run = run_exists,
};
/* clang-format on */
