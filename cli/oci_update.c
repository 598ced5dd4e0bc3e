/*
 * oci_update.c - update and events: limits that change, and what is used of them.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"

/* ---- update ----------------------------------------------------------------------------- */

struct update_opts {
	const char *resources, *l3, *mem_bw;
	struct cgroup_limits limits;
	struct arena *arena;
	bool any;
};

/* Rows of --cpu-share and so on: the option's own name is not handed to `set`, so each has its
 * function; the names on the right are those of cgroup_options[]. */
static int set_limit(void *opts, const char *option, const char *value, struct err *e)
{
	struct update_opts *u = opts;

	if (!u->arena)
		u->arena = arena_new(SPEC_ARENA_MAX);
	u->any = true;
	return cgroup_limits_set(&u->limits, u->arena, option, value, e);
}

#define SETTER(fn, option) \
	static int fn(void *opts, const char *value, struct err *e) \
	{ \
		return set_limit(opts, option, value, e); \
	}
SETTER(set_blkio, "blkio-weight")
SETTER(set_period, "cpu-period")
SETTER(set_quota, "cpu-quota")
SETTER(set_shares, "cpu-shares")
SETTER(set_idle, "cpu-idle")
SETTER(set_rt_period, "cpu-rt-period")
SETTER(set_rt_runtime, "cpu-rt-runtime")
SETTER(set_cpus, "cpuset-cpus")
SETTER(set_mems, "cpuset-mems")
SETTER(set_memory, "memory")
SETTER(set_reservation, "memory-reservation")
SETTER(set_swap, "memory-swap")

/* Of these 0 is a value: runtime-spec 1.3. */
static int set_burst(void *opts, const char *value, struct err *e)
{
	int r = set_limit(opts, "cpu-burst", value, e);

	if (!r)
		((struct update_opts *)opts)->limits.cpu.burst.set = true;
	return r;
}

static int set_pids(void *opts, const char *value, struct err *e)
{
	int r = set_limit(opts, "pids-limit", value, e);

	if (!r && str_eq(value, "0"))
		((struct update_opts *)opts)->limits.pids.limit.v = 0;
	return r;
}

/* No kernel with cgroup v2 has a limit of its own for kernel memory. */
static int set_obsolete(void *opts, const char *value, struct err *e)
{
	(void)opts;
	(void)value;
	(void)e;
	log_warn("limits of kernel memory are obsolete and ignored");
	return 0;
}

#define U(field) offsetof(struct update_opts, field)
/* clang-format off */
static const struct opt update_rows[] = {
	{ "resources", 'r', OPT_STR, U(resources), "FILE", "Read linux.resources from FILE (- is "
	  "standard input)", .complete = "file" },
	{ "blkio-weight", 0, OPT_FUNC, 0, "N", "Weight of block I/O", set_blkio },
	{ "cpu-period", 0, OPT_FUNC, 0, "USEC", "Period of the CPU quota", set_period },
	{ "cpu-quota", 0, OPT_FUNC, 0, "USEC", "CPU time in a period", set_quota },
	{ "cpu-burst", 0, OPT_FUNC, 0, "USEC", "Unused quota that may be saved up", set_burst },
	{ "cpu-share", 0, OPT_FUNC, 0, "N", "Weight of CPU time", set_shares },
	{ "cpu-shares", 0, OPT_FUNC, 0, "N", NULL, set_shares },
	{ "cpu-idle", 0, OPT_FUNC, 0, "0|1", "Only run when nothing else does", set_idle },
	{ "cpu-rt-period", 0, OPT_FUNC, 0, "USEC", NULL, set_rt_period },
	{ "cpu-rt-runtime", 0, OPT_FUNC, 0, "USEC", NULL, set_rt_runtime },
	{ "cpuset-cpus", 0, OPT_FUNC, 0, "LIST", "CPUs to run on", set_cpus },
	{ "cpuset-mems", 0, OPT_FUNC, 0, "LIST", "Memory nodes to use", set_mems },
	{ "memory", 0, OPT_FUNC, 0, "BYTES", "Limit of memory", set_memory },
	{ "memory-reservation", 0, OPT_FUNC, 0, "BYTES", "Memory that is protected",
	  set_reservation },
	{ "memory-swap", 0, OPT_FUNC, 0, "BYTES", "Limit of memory and swap together", set_swap },
	{ "kernel-memory", 0, OPT_FUNC, 0, "BYTES", NULL, set_obsolete },
	{ "kernel-memory-tcp", 0, OPT_FUNC, 0, "BYTES", NULL, set_obsolete },
	{ "pids-limit", 0, OPT_FUNC, 0, "N", "Limit of processes and threads", set_pids },
	{ "l3-cache-schema", 0, OPT_STR, U(l3), "SCHEMA", "Intel RDT: schema of the L3 cache" },
	{ "mem-bw-schema", 0, OPT_STR, U(mem_bw), "SCHEMA",
	  "Intel RDT: schema of memory bandwidth" },
	OPT_END,
};
/* clang-format on */

static int read_resources(struct update_opts *u, struct err *e)
{
	AUTO(arena) struct arena *tree = arena_new(SPEC_ARENA_MAX);
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct json_ctx c = { .e = e, .what = "resources" };
	struct cgroup_limits read = { 0 };
	AUTO_FREE char *text = NULL;
	const struct json *v;
	size_t n;
	int r;

	if (!u->arena)
		u->arena = arena_new(SPEC_ARENA_MAX);
	c.a = u->arena;
	if (str_eq(u->resources, "-")) {
		r = fd_read_all(0, SPEC_MAX_BYTES, &text, &n);
		if (r < 0)
			return err_set(e, -r, "read standard input");
	} else {
		r = path_read_file(AT_FDCWD, u->resources, SPEC_MAX_BYTES, &text, &n, e);
		if (r < 0)
			return r;
	}
	r = json_parse(tree, text, n, lim, "resources", &v, e);
	if (!r && v->type != JSON_NULL)	/* Go's for nothing */
		r = cgroup_limits_read(&c, v, &read);
	if (r < 0)
		return r;
	u->limits = read;
	return 0;
}

static int run_update(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	struct update_opts *u = opts;
	int r = 0;

	(void)argc;
	if (u->resources && u->any)	/* as with runc and crun the file is all */
		log_warn("--resources is given: limits beside it are ignored");
	if (u->resources)
		r = read_resources(u, e);
	if (!r)		/* with nothing to change it is asked whether it runs, no more */
		r = container_update(&o->env, argv[0], &u->limits, e);
	if (!r && (u->l3 || u->mem_bw))
		r = container_update_rdt(&o->env, argv[0], u->l3, u->mem_bw, e);
	if (u->arena)
		arena_free(u->arena);
	return r;
}

/* ---- events ----------------------------------------------------------------------------- */

struct events_opts { const char *interval; bool stats; };
static const struct opt events_rows[] = {
	{ "interval", 0, OPT_STR, offsetof(struct events_opts, interval), "TIME",
	  "Time between two lines (5s)" },
	{ "stats", 0, OPT_BOOL, offsetof(struct events_opts, stats), NULL,
	  "Print the statistics once" },
	OPT_END,
};

static int print_stats(struct oci *o, int fd, const char *id, struct err *e)
{
	AUTO(cgroup_stats) struct cgroup_stats stats = CGROUP_STATS_INIT;
	AUTO(strlist) struct strlist schemata = STRLIST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out out;
	int r = cgroup_stats_read(fd, &stats, e);

	if (!r)
		r = container_schemata(&o->env, id, &schemata, e);
	if (r < 0)
		return r;
	stats.rdt = schemata.v;
	json_out_init(&out, &b, 0);
	cgroup_stats_write(&out, id, &stats);
	puts(b.s);
	fflush(stdout);
	return 0;
}

static int timer_open(int64_t ns, int *ret, struct err *e)
{
	struct itimerspec when = { { ns / 1000000000, ns % 1000000000 },
				   { ns / 1000000000, ns % 1000000000 } };
	AUTO_CLOSE int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0)
		return err_set(e, errno, "timer");
	*ret = TAKE_FD(fd);
	return 0;
}

/* Lines until the container has ended. */
static int follow(struct oci *o, int cgroup, const char *id, int64_t interval, struct err *e)
{
	AUTO(cgroup_watch) struct cgroup_watch w = CGROUP_WATCH_INIT;
	AUTO_CLOSE int timer = -1;
	int r = cgroup_watch_open(cgroup, &w, e);

	if (!r)
		r = timer_open(interval, &timer, e);
	while (!r) {
		struct pollfd p[2] = { { .fd = timer, .events = POLLIN },
				       { .fd = w.fd, .events = POLLIN } };
		uint64_t ticks;
		unsigned what = 0;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "poll");
		if (p[1].revents)
			r = cgroup_watch_read(&w, &what, e);
		if (!r && what & (CGROUP_EVENT_OOM | CGROUP_EVENT_OOM_KILL)) {
			printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", id);
			fflush(stdout);
		}
		if (what & (CGROUP_EVENT_EMPTY | CGROUP_EVENT_GONE))
			return 0;
		if (!r && p[0].revents && read(timer, &ticks, sizeof(ticks)) > 0)
			r = print_stats(o, cgroup, id, e);
	}
	return r;
}

static int run_events(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct events_opts *v = opts;
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	struct container_state s = { 0 };
	int64_t interval = INT64_C(5000000000);
	int r;

	(void)argc;
	if (v->interval && (str_to_duration(v->interval, &interval) < 0 || interval <= 0))
		return err_say(e, EINVAL, "--interval %s: expected a time like 5s, above 0",
			       v->interval);
	r = container_load(&o->env, argv[0], &s, e);
	if (r < 0)
		return r;
	if (s.status == CONTAINER_STOPPED)
		r = err_say(e, ESRCH, "container with id %s is not running", s.id);
	else
		r = container_cgroup(&s, &c, e);
	if (!r)
		r = v->stats ? print_stats(o, c.fd, s.id, e)
			     : follow(o, c.fd, s.id, interval, e);
	container_state_clear(&s);
	return r;
}

const struct oci_command oci_update = {
	"update", "ID", "Change the limits of a container", update_rows,
	sizeof(struct update_opts), 1, 1, false, run_update,
};
const struct oci_command oci_events = {
	"events", "ID", "Print statistics and out-of-memory events as JSON lines", events_rows,
	sizeof(struct events_opts), 1, 1, false, run_events,
};
