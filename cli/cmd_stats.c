/* cmd_stats.c - stats: what running containers use, as a table that stays or once. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/connect.h"

struct stats_opts { bool all, no_stream, no_trunc; const char *format, *interval; };

static const struct opt rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct stats_opts, all), NULL, "Show stopped ones, too" },
	{ "no-stream", 0, OPT_BOOL, offsetof(struct stats_opts, no_stream), NULL,
	  "Once, then end" },
	{ "no-trunc", 0, OPT_BOOL, offsetof(struct stats_opts, no_trunc), NULL, "Whole ids" },
	{ "interval", 'i', OPT_STR, offsetof(struct stats_opts, interval), "TIME",
	  "Time between two readings (1s)" },
	{ "format", 0, OPT_STR, offsetof(struct stats_opts, format), "json", "A JSON line each",
	  .complete = "json" },
	OPT_END,
};

struct sample {
	char id[65], name[130];
	bool running;
	struct cgroup_stats now, before;
	uint64_t rx, tx, rbytes, wbytes;
};

static void net_bytes(pid_t pid, struct sample *s)
{
	AUTO(arena) struct arena *a = arena_new(1u << 20);
	AUTO_FREE char *path = mem_printf("/proc/%d/ns/net", (int)pid);
	AUTO_CLOSE int ns = open(path, O_RDONLY | O_CLOEXEC);
	struct net_counters *v;
	struct err e = ERR_INIT;
	size_t n;

	if (ns < 0 || net_counters_load(ns, a, &v, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		s->rx += v[i].rx_bytes;
		s->tx += v[i].tx_bytes;
	}
}

static void read_one(struct cli *c, struct sample *s)
{
	struct container_state st = { 0 };
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;

	cgroup_stats_cleanup(&s->before);
	s->before = s->now;
	s->now = (struct cgroup_stats)CGROUP_STATS_INIT;
	s->rx = s->tx = s->rbytes = s->wbytes = 0;
	s->running = false;
	if (container_load(&c->env, s->id, &st, &e) < 0)
		return;
	if (st.pid > 0 && cgroup_dir_open(st.cgroup_path, &fd, &e) == 0 &&
	    cgroup_stats_read(fd, &s->now, &e) == 0) {
		s->running = true;
		net_bytes(st.pid, s);
		for (size_t i = 0; i < s->now.nio; i++) {
			s->rbytes += s->now.io[i].rbytes;
			s->wbytes += s->now.io[i].wbytes;
		}
	}
	container_state_clear(&st);
}

static double cpu(const struct sample *s)
{
	return s->before.time_ns ? cgroup_stats_cpu_percent(&s->before, &s->now) : 0;
}

static void print_json(const struct sample *s)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;

	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ID", s->id);
	json_out_str(&o, "Name", s->name);
	json_out_double(&o, "CPUPerc", cpu(s));
	json_out_u64(&o, "CPUNano", s->now.cpu.usage);
	json_out_u64(&o, "MemUsage", cgroup_stats_memory_used(&s->now));
	json_out_u64(&o, "MemLimit", s->now.memory.limit == UINT64_MAX ? 0 : s->now.memory.limit);
	json_out_u64(&o, "MemPeak", s->now.memory.peak);
	json_out_u64(&o, "NetInput", s->rx);
	json_out_u64(&o, "NetOutput", s->tx);
	json_out_u64(&o, "BlockInput", s->rbytes);
	json_out_u64(&o, "BlockOutput", s->wbytes);
	json_out_u64(&o, "PIDs", s->now.pids);
	json_out_double(&o, "CPUPressure", s->now.cpu_psi.some.avg10);
	json_out_double(&o, "MemoryPressure", s->now.memory_psi.some.avg10);
	json_out_double(&o, "IOPressure", s->now.io_psi.some.avg10);
	json_out_end_obj(&o);
	printf("%s\n", b.s);
}

static void print_row(const struct sample *s, const struct stats_opts *o)
{
	char mem[48] = "-", net[48] = "-", io[48] = "-", pids[24] = "-", a[16], b[16];

	if (s->now.memory_known)
		snprintf(mem, sizeof(mem), "%s / %s",
			 str_bytes(cgroup_stats_memory_used(&s->now), a),
			 s->now.memory.limit == UINT64_MAX ? "max"
							   : str_bytes(s->now.memory.limit, b));
	if (s->running) {
		snprintf(net, sizeof(net), "%s / %s", str_bytes(s->rx, a), str_bytes(s->tx, b));
		if (s->now.nio)
			snprintf(io, sizeof(io), "%s / %s", str_bytes(s->rbytes, a),
				 str_bytes(s->wbytes, b));
		if (s->now.pids_known)
			snprintf(pids, sizeof(pids), "%llu", (unsigned long long)s->now.pids);
	}
	printf("%-*.*s  %-20.40s  %6.2f%%  %-23s  %-23s  %-23s  %s\n", o->no_trunc ? 64 : 12,
	       o->no_trunc ? 64 : 12, s->id, s->name, cpu(s), mem, net, io, pids);
}

static int choose(struct cli *c, const struct stats_opts *o, int argc, char **argv,
		  struct strlist *ids, struct err *e)
{
	AUTO(strlist) struct strlist all = STRLIST_INIT;
	int rc;

	for (int i = 0; i < argc; i++) {
		char id[65];

		if ((rc = record_find(&c->en, argv[i], id, e)) < 0)
			return rc;
		strlist_add(ids, id);
	}
	if (argc)
		return 0;
	if ((rc = record_list(&c->en, &all, e)) < 0)
		return rc;
	for (size_t i = 0; i < all.n; i++) {
		enum connect_state state;

		if (connect_state(&c->en, all.v[i], &state, NULL, e) == 0 &&
		    (o->all || state == STATE_RUNNING || state == STATE_PAUSED))
			strlist_add(ids, all.v[i]);
	}
	*e = (struct err)ERR_INIT;
	return 0;
}

static int show(struct cli *c, const struct stats_opts *o, const struct strlist *ids, int64_t every,
		struct err *e)
{
	struct timespec t = { every / 1000000000, every % 1000000000 };
	struct sample *v = mem_array(ids->n + 1, sizeof(*v));
	bool live = !o->no_stream && !o->format;
	int rounds = 0;

	for (size_t i = 0; i < ids->n; i++) {
		AUTO(record) struct record *r = NULL;

		memcpy(v[i].id, ids->v[i], 65);
		if (record_load(&c->en, ids->v[i], &r, e) == 0)
			snprintf(v[i].name, sizeof(v[i].name), "%s", r->name);
	}
	*e = (struct err)ERR_INIT;
	for (;; rounds++) {
		for (size_t i = 0; i < ids->n; i++)
			read_one(c, &v[i]);
		if (rounds > 0) {	/* a rate needs two readings */
			if (live && isatty(1))
				printf("\033[H\033[J");
			if (!o->format)
				printf("%-*s  %-20s  %7s  %-23s  %-23s  %-23s  %s\n",
				       o->no_trunc ? 64 : 12, "CONTAINER ID", "NAME", "CPU %",
				       "MEM USAGE / LIMIT", "NET I/O", "BLOCK I/O", "PIDS");
			for (size_t i = 0; i < ids->n; i++)
				o->format ? print_json(&v[i]) : print_row(&v[i], o);
			if (fflush(stdout) != 0 || o->no_stream)
				break;
		}
		nanosleep(&t, NULL);
	}
	for (size_t i = 0; i < ids->n; i++) {
		cgroup_stats_cleanup(&v[i].now);
		cgroup_stats_cleanup(&v[i].before);
	}
	mem_free_cleanup(&v);
	return 0;
}

static int run_stats(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct stats_opts *o = opts;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int64_t every = 1000000000;
	int rc;

	if (o->format && !str_eq(o->format, "json"))
		return err_say(e, EINVAL, "--format %s: expected json", o->format);
	if (o->interval && (str_to_duration(o->interval, &every) < 0 || every < 10000000))
		return err_say(e, EINVAL, "--interval %s: expected a time of at least 10ms",
			       o->interval);
	rc = choose(c, o, argc, argv, &ids, e);
	return rc < 0 ? rc : show(c, o, &ids, every, e);
}

/* clang-format off */
const struct command command_stats = {
	.name = "stats", .args = "[CONTAINER...]", .summary = "Show what containers use, live",
	.opts = rows, .size = sizeof(struct stats_opts), .min = 0, .max = -1,
	.complete = "running", .run = run_stats,
};
/* clang-format on */
