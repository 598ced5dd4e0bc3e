/*
 * compose_engine.c - limits, network, restart, times: what the engine and the supervisor do for a
 * container.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/path.h"
#include "base/proc.h"
#include "cli/run_opts.h"
#include "cli/view.h"

#define HOSTS_FILE_MAX (64u << 10)

/* ---- limits ---- */

static int ulimit(struct compose *c, const char *text, struct spec_rlimit *ret, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(text);
	char *soft = strchr(copy, '='), *hard;
	uint64_t v[2];

	(void)c;
	if (!soft)
		return err_say(e, EINVAL, "--ulimit %s: expected NAME=SOFT[:HARD]", text);
	*soft++ = 0;
	hard = strchr(soft, ':');
	if (hard)
		*hard++ = 0;
	ret->resource = spec_rlimit_parse(copy);
	if (ret->resource < 0)
		return err_say(e, EINVAL, "--ulimit %s: no such limit", copy);
	for (int i = 0; i < 2; i++) {
		const char *s = i == 0 || !hard ? soft : hard;

		if (str_eq(s, "unlimited") || str_eq(s, "-1"))
			v[i] = UINT64_MAX;
		else if (str_to_u64(s, &v[i]) < 0)
			return err_say(e, EINVAL, "--ulimit %s: expected a number or unlimited",
				       text);
	}
	if (v[0] > v[1])
		return err_say(e, EINVAL, "--ulimit %s: the soft limit is above the hard one",
			       text);
	ret->soft = v[0];
	ret->hard = v[1];
	return 0;
}

/* "host": as they are for who types this, then at each start, whoever starts it. */
static int host_ulimits(struct compose *c, struct err *e)
{
	struct spec_process *p = &c->s->process;
	struct rlimit l;

	if (c->o->ulimit.n > 1)
		return err_say(e, EINVAL, "--ulimit host: excludes others");
	p->rlimits = arena_array(c->a, RLIM_NLIMITS, sizeof(*p->rlimits));
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (spec_rlimit_name(i) && getrlimit((__rlimit_resource_t)i, &l) == 0)
			p->rlimits[p->nrlimits++] = (struct spec_rlimit){
				.resource = i, .soft = l.rlim_cur, .hard = l.rlim_max };
	return 0;
}

static int ulimits(struct compose *c, struct err *e)
{
	struct spec_process *p = &c->s->process;
	int r;

	if (strlist_has(&c->o->ulimit, "host"))
		return host_ulimits(c, e);
	p->rlimits = arena_array(c->a, c->o->ulimit.n + 1, sizeof(*p->rlimits));
	for (size_t i = 0; i < c->o->ulimit.n; i++) {
		struct spec_rlimit l = { 0 };
		size_t k = 0;

		if ((r = ulimit(c, c->o->ulimit.v[i], &l, e)) < 0)
			return r;
		while (k < p->nrlimits && p->rlimits[k].resource != l.resource)
			k++;
		p->rlimits[k] = l;	/* of one that is given twice the later one counts */
		p->nrlimits += k == p->nrlimits;
	}
	return 0;
}

static int limits(struct compose *c, struct err *e)
{
	int r = limit_opts_read(&c->o->limit, c->a, &c->s->limits, e);

	if (r < 0)
		return r;
	/* a new cgroup has none, also where the controller for one is missing */
	if (c->s->limits.pids.limit.v < 0)
		c->s->limits.pids.limit.set = false;
	if (c->s->limits.memory.limit.v < 0)
		c->s->limits.memory.limit.set = false;
	cgroup_limits_default(&c->s->limits);
	if (c->s->limits.memory.swap.v > 0 && !c->s->limits.memory.limit.set)
		return err_say(e, EINVAL, "--memory-swap needs --memory: it counts memory and swap "
			       "together");
	return cgroup_limits_enough(&c->s->limits, e);
}

static int sysctls(struct compose *c, struct err *e)
{
	struct json_map *m = &c->s->sysctl;
	bool net = c->s->ns[SPEC_NS_NETWORK].unshare;

	m->v = arena_array(c->a, c->o->sysctl.n + 2, sizeof(*m->v));
	/* As Docker: in a network of its own any user may bind low ports and ping. */
	if (net)
		m->v[m->n++] = (struct json_pair){ "net.ipv4.ip_unprivileged_port_start", "0" };
	for (size_t i = 0; i < c->o->sysctl.n; i++) {
		const char *text = c->o->sysctl.v[i], *eq = strchr(text, '=');
		const char *key;
		size_t k;

		if (!eq || eq == text)
			return err_say(e, EINVAL, "--sysctl %s: expected NAME=VALUE", text);
		key = arena_strndup(c->a, text, (size_t)(eq - text));
		for (k = 0; k < m->n && !str_eq(m->v[k].key, key); k++)
			;
		m->v[k] = (struct json_pair){ key, arena_strdup(c->a, eq + 1) };
		if (k == m->n)
			m->n++;
	}
	return 0;
}

/* Below the cgroup that we are in now: that of a service of systemd, which then counts, limits and
 * ends the container with everything else that is its own. */
static int split(struct compose *c, struct err *e)
{
	AUTO_FREE char *own = NULL;
	int r;

	if (c->o->cgroup_parent)
		return err_say(e, EINVAL, "--cgroups split and --cgroup-parent exclude each other");
	if ((r = cgroup_of_pid(0, &own, e)) < 0)
		return err_wrap(e, "--cgroups split");
	if (str_ends(own, "/" CGROUP_STEP_ASIDE))	/* where the one before put us */
		own[strlen(own) - strlen("/" CGROUP_STEP_ASIDE)] = 0;
	if (!*own)
		return err_say(e, EINVAL, "--cgroups split: the command is in the root of all "
			       "cgroups, which is no service's");
	c->r->cgroup_parent = arena_strdup(c->a, own);
	c->s->cgroups_path = arena_printf(c->a, "/%s/%s", own, c->in->id);
	return 0;
}

/* What podman has and few ask for. */
static int odds(struct compose *c, struct err *e)
{
	const char *persona = c->o->personality, *cgroups = c->o->cgroups;
	int r;

	if (persona && !str_eq(persona, "LINUX") && !str_eq(persona, "LINUX32"))
		return err_say(e, EINVAL, "--personality %s: expected LINUX or LINUX32", persona);
	if (persona) {
		c->s->personality_set = true;
		c->s->personality = str_eq(persona, "LINUX") ? PER_LINUX : PER_LINUX32;
	}
	if (c->o->rdt_class) {
		c->s->rdt.set = true;
		c->s->rdt.clos_id = arena_strdup(c->a, c->o->rdt_class);
	}
	if (str_eq(cgroups, "split") && (r = split(c, e)) < 0)
		return r;
	if (str_eq(cgroups, "disabled"))
		return err_say(e, EINVAL, "--cgroups disabled: its cgroup is how all processes of "
			       "a container are found, ended and counted");
	/* a supervisor needs no cgroup of its own: it stays in that of the command */
	if (cgroups && !str_eq(cgroups, "enabled") && !str_eq(cgroups, "no-conmon") &&
	    !str_eq(cgroups, "split"))
		return err_say(e, EINVAL, "--cgroups %s: each container has a cgroup; expected "
			       "enabled, no-conmon or split", cgroups);
	return 0;
}

int compose_resources(struct compose *c, struct err *e)
{
	struct spec_process *p = &c->s->process;
	int64_t n;
	int r;

	if ((r = limits(c, e)) < 0 || (r = sysctls(c, e)) < 0 || (r = ulimits(c, e)) < 0)
		return r;
	if (c->o->oom_score_adj) {
		if (str_to_i64(c->o->oom_score_adj, &n) < 0 || n < -1000 || n > 1000)
			return err_say(e, EINVAL, "--oom-score-adj %s: expected -1000 to 1000",
				       c->o->oom_score_adj);
		p->oom_score_adj.set = true;
		p->oom_score_adj.v = n;
	}
	return odds(c, e);
}

/* ---- network ---- */

/* "80-82/udp", into the list that ps and inspect show, and with -P published. */
static int expose(struct compose *c, struct net_config *n, struct err *e)
{
	AUTO(strlist) struct strlist all = STRLIST_INIT;
	int r = 0;

	for (char **p = c->image->ports; *p; p++)
		strlist_add(&all, *p);
	for (size_t i = 0; r == 0 && i < c->o->expose.n; i++) {
		struct net_config one = { .nports = 0 };

		r = net_parse_expose(c->a, c->o->expose.v[i], &one, e);
		for (unsigned k = 0; r == 0 && k < one.ports->n; k++) {
			AUTO_FREE char *text = mem_printf("%u/%s", one.ports->ctr + k,
							  view_proto(one.ports->proto));

			if (!strlist_has(&all, text))
				strlist_add(&all, text);
		}
	}
	c->r->exposed = compose_strv(c->a, &all);
	for (size_t i = 0; r == 0 && c->o->publish_all && i < all.n; i++)
		r = net_parse_expose(c->a, all.v[i], n, e);
	return r;
}

/* CONTAINER[:ALIAS] */
static int link_option(struct compose *c, const char *text, struct err *e)
{
	AUTO_FREE char *name = mem_strdup(text);
	struct json_map *m = &c->r->links;
	char *alias = strchr(name, ':');
	char id[65];
	pid_t pid;
	int r;

	if (alias)
		*alias++ = 0;
	else
		alias = name;
	if (c->r->net.mode != NET_BRIDGE)
		return err_say(e, EINVAL, "--link %s: needs a network of berth's", text);
	if ((r = c->in->find(c->in->en, name, &pid, id, e)) < 0 ||
	    (r = record_name_check(alias, e)) < 0)
		return err_wrap(e, "--link");
	if (!m->v)
		m->v = arena_array(c->a, c->o->link.n, sizeof(*m->v));
	m->v[m->n++] = (struct json_pair){ arena_strdup(c->a, alias), arena_strdup(c->a, id) };
	return 0;
}

static int addresses(struct compose *c, struct net_config *n, struct err *e)
{
	const struct run_opts *o = c->o;
	const char *first = o->ip ? "ip" : o->ip6 ? "ip6" : o->mac ? "mac-address" :
			    o->network_alias.n ? "network-alias" : NULL;
	struct net_attach *at;

	if (!first)
		return 0;
	if (n->mode != NET_BRIDGE)
		return err_say(e, EINVAL, "--%s: needs a network of berth's, not --network %s",
			       first, o->network.v[0]);
	at = net_attach_first(c->a, n);
	if (o->ip)
		at->ip = arena_strdup(c->a, o->ip);
	if (o->ip6)
		at->ip6 = arena_strdup(c->a, o->ip6);
	if (o->mac)
		at->mac = arena_strdup(c->a, o->mac);
	for (size_t i = 0; i < o->network_alias.n; i++)
		net_attach_alias(c->a, at, o->network_alias.v[i]);
	return 0;
}

/* "ADDRESS NAME..." a line, as hosts(5) has it: as many --add-host */
static int hosts_line(struct compose *c, struct net_config *n, char *line, struct err *e)
{
	char *rest = line, *ip, *name;
	int r = 0;

	line[strcspn(line, "#")] = 0;
	ip = strtok_r(rest, " \t\r", &rest);
	while (r == 0 && ip && (name = strtok_r(rest, " \t\r", &rest))) {
		AUTO_FREE char *host = mem_printf("%s:%s", name, ip);

		r = net_parse_host(c->a, host, n, e);
	}
	return r;
}

static int hosts_file(struct compose *c, struct net_config *n, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	const char *path = c->o->hosts_file;
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = 0;

	if (c->o->no_hosts && (path || c->o->add_host.n))
		return err_say(e, EINVAL, "--no-hosts and --%s exclude each other",
			       path ? "hosts-file" : "add-host");
	if (!path || str_eq(path, "none"))
		return 0;
	if (str_eq(path, "image"))
		return err_say(e, EINVAL, "--hosts-file image: --no-hosts leaves it as the image "
			       "has it");
	if ((r = path_read_file(AT_FDCWD, path, HOSTS_FILE_MAX, &text, &len, e)) < 0)
		return err_wrap(e, "--hosts-file");
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = hosts_line(c, n, lines.v[i], e);
	return r < 0 ? err_wrap(e, "--hosts-file %s", path) : 0;
}

static int dns(struct compose *c, struct net_config *n, struct err *e)
{
	const struct run_opts *o = c->o;

	if (compose_no_dns(c) && (o->dns.n > 1 || o->dns_search.n || o->dns_option.n))
		return err_say(e, EINVAL, "--dns none: resolv.conf stays as the image has it, "
			       "which excludes other --dns, --dns-search and --dns-option");
	if (compose_no_dns(c))
		return 0;
	n->dns = compose_strv(c->a, &o->dns);
	n->dns_search = compose_strv(c->a, &o->dns_search);
	n->dns_opt = compose_strv(c->a, &o->dns_option);
	return 0;
}

static int network(struct compose *c, struct err *e)
{
	struct net_config *n = &c->r->net;
	int r;

	for (size_t i = 0; i < c->o->publish.n; i++)
		if ((r = net_parse_publish(c->a, c->o->publish.v[i], n, e)) < 0)
			return r;
	if ((r = expose(c, n, e)) < 0)
		return r;
	for (size_t i = 0; i < c->o->link.n; i++)
		if ((r = link_option(c, c->o->link.v[i], e)) < 0)
			return r;
	for (size_t i = 0; i < c->o->add_host.n; i++)
		if ((r = net_parse_host(c->a, c->o->add_host.v[i], n, e)) < 0)
			return r;
	if ((r = hosts_file(c, n, e)) < 0)
		return r;
	if ((r = dns(c, n, e)) < 0)
		return r;
	r = addresses(c, n, e);
	return r < 0 ? r : net_config_check(n, e);
}

/* ---- restart, stop, times ---- */

int compose_restart(const char *text, struct record *r, struct err *e)
{
	const char *most = str_after(text, "on-failure:");
	int p = RESTART_NO;

	r->restart_max = 0;
	if (most)
		p = str_to_u32(most, &r->restart_max) == 0 ? RESTART_ON_FAILURE : INT_MAX;
	while (!most && p <= RESTART_UNLESS_STOPPED &&
	       !str_eq(text, record_restart_name((enum record_restart)p)))
		p++;
	if (p > RESTART_UNLESS_STOPPED)
		return err_say(e, EINVAL, "--restart %s: expected no, on-failure[:N], always or "
			       "unless-stopped", text);
	if (p != RESTART_NO && r->auto_remove)
		return err_say(e, EINVAL, "--restart and --rm exclude each other");
	r->restart = (enum record_restart)p;
	return 0;
}

int compose_duration(const char *option, const char *text, int64_t *ret, struct err *e)
{
	if (!text)
		return 0;
	if (str_to_duration(text, ret) < 0 || *ret < 0)
		return err_say(e, EINVAL, "--%s %s: expected a time as 90, 1m30s or 500ms", option,
			       text);
	return 0;
}

static int times(struct compose *c, struct err *e)
{
	struct record *r = c->r;
	const char *sig = c->o->stop_signal ? c->o->stop_signal : c->image->stop_signal;
	int n, rc;

	r->stop_timeout = 10;
	if (c->o->stop_timeout &&
	    (str_to_i64(c->o->stop_timeout, &r->stop_timeout) < 0 || r->stop_timeout < -1))
		return err_say(e, EINVAL, "--stop-timeout %s: expected seconds, or -1",
			       c->o->stop_timeout);
	if (!str_empty(sig) && proc_signal_parse(sig, &n) < 0)
		return err_say(e, EINVAL, "%s %s: no such signal",
			       c->o->stop_signal ? "--stop-signal" : "the image's stop signal",
			       sig);
	if (str_empty(r->stop_signal) && !(str_empty(sig) && r->systemd))
		r->stop_signal = arena_strdup(c->a, str_empty(sig) ? "TERM" : sig);
	if (c->o->boot_order && str_to_i64(c->o->boot_order, &r->boot_order) < 0)
		return err_say(e, EINVAL, "--boot-order %s: expected a number", c->o->boot_order);
	if (c->o->boot_delay &&
	    (str_to_i64(c->o->boot_delay, &r->boot_delay) < 0 || r->boot_delay < 0))
		return err_say(e, EINVAL, "--boot-delay %s: expected seconds", c->o->boot_delay);
	if ((rc = compose_duration("timeout", c->o->timeout, &r->timeout, e)) < 0 ||
	    (rc = compose_duration("idle-timeout", c->o->idle_timeout, &r->idle_timeout, e)) < 0)
		return rc;
	return compose_duration("cpu-time", c->o->cpu_time, &r->cpu_time, e);
}

/* ---- together ---- */

/* --requires, --sdnotify */
static int together(struct compose *c, struct err *e)
{
	static const char *const modes[] = { "conmon", "container", "healthy", "ignore" };
	const char *notify = c->o->sdnotify;
	char id[65];

	c->r->requires = arena_array(c->a, c->o->requires.n + 1, sizeof(char *));
	for (size_t i = 0; i < c->o->requires.n; i++) {
		if (record_find(c->in->en, c->o->requires.v[i], id, e) < 0)
			return err_wrap(e, "--requires");
		c->r->requires[i] = arena_strdup(c->a, id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!notify || str_eq(notify, modes[i]))
			c->r->sdnotify = modes[notify ? i : 0];
	if (!c->r->sdnotify)
		return err_say(e, EINVAL, "--sdnotify %s: expected conmon, container, healthy or "
			       "ignore", notify);
	return 0;
}

int compose_engine(struct compose *c, struct err *e)
{
	int r;

	if ((r = network(c, e)) < 0 || (r = compose_log(c, e)) < 0 ||
	    (!str_empty(c->o->restart) && (r = compose_restart(c->o->restart, c->r, e)) < 0) ||
	    (r = times(c, e)) < 0 || (r = together(c, e)) < 0)
		return r;
	if ((r = compose_health(c, e)) == 0 && str_eq(c->r->sdnotify, "healthy") &&
	    !c->r->health.set)
		return err_say(e, EINVAL, "--sdnotify healthy: there is no health check");
	return r;
}
