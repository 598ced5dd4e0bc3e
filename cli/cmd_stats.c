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
#include "cli/output.h"
#include "cli/pick.h"

struct stats_opts {
	struct pick pick;
	bool all, no_stream;
	const char *interval;
	struct output_opts out;
};

static const struct opt rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct stats_opts, all), NULL, "Show stopped ones, too" },
	{ "no-stream", 0, OPT_BOOL, offsetof(struct stats_opts, no_stream), NULL,
	  "Once, then end" },
	OUTPUT_OPT_NO_TRUNC(struct stats_opts, out),
	OUTPUT_OPT_NO_HEADING(struct stats_opts, out),
	{ "interval", 'i', OPT_STR, offsetof(struct stats_opts, interval), "TIME",
	  "Time between two readings (1s)" },
	PICK_LATEST(stats_opts),
	OUTPUT_OPT_FORMAT(struct stats_opts, out, "'table {{.Name}}\\t{{.CPUPerc}}'"),
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

static const struct output_column columns[] = {
	{ "CONTAINER ID", "{{.ID}}" }, { "NAME", "{{.Name}}" }, { "CPU %", "{{.CPUPerc}}" },
	{ "MEM USAGE / LIMIT", "{{.MemUsage}}" }, { "MEM %", "{{.MemPerc}}" },
	{ "NET I/O", "{{.NetIO}}" }, { "BLOCK I/O", "{{.BlockIO}}" }, { "PIDS", "{{.PIDs}}" },
	{ NULL, NULL },
};
static const struct output_column headers[] = {
	{ "CPU %", "CPUPerc" }, { "MEM USAGE / LIMIT", "MemUsage" }, { "MEM %", "MemPerc" },
	{ "NET I/O", "NetIO" }, { "BLOCK I/O", "BlockIO" }, { NULL, NULL },
};

static const char *pair(uint64_t x, uint64_t y, char buf[static 48])
{
	char a[16], b[16];

	snprintf(buf, 48, "%s / %s", str_bytes(x, a), y == UINT64_MAX ? "max" : str_bytes(y, b));
	return buf;
}

static void put_percent(struct arena *a, struct json *v, const char *key, double percent)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f%%", percent);
	value_put_str(a, v, key, text);
}

/* Docker's members, and the numbers behind them. */
static struct json *row(struct arena *a, const struct sample *s, const struct stats_opts *o)
{
	AUTO_FREE char *id = mem_strndup(s->id, o->out.no_trunc ? 64 : 12);
	uint64_t used = cgroup_stats_memory_used(&s->now), limit = s->now.memory.limit;
	struct json *v = value_object(a);
	bool mem = s->running && s->now.memory_known;
	char text[48];

	value_put_str(a, v, "Container", id);
	value_put_str(a, v, "ID", id);
	value_put_str(a, v, "Name", s->name);
	put_percent(a, v, "CPUPerc", cpu(s));
	value_put_str(a, v, "MemUsage", mem ? pair(used, limit, text) : "-");
	if (mem && limit && limit != UINT64_MAX)
		put_percent(a, v, "MemPerc", 100.0 * (double)used / (double)limit);
	else
		value_put_str(a, v, "MemPerc", "-");
	value_put_str(a, v, "NetIO", s->running ? pair(s->rx, s->tx, text) : "-");
	value_put_str(a, v, "BlockIO", s->now.nio ? pair(s->rbytes, s->wbytes, text) : "-");
	snprintf(text, sizeof(text), "%llu", (unsigned long long)s->now.pids);
	value_put_str(a, v, "PIDs", s->now.pids_known ? text : "-");
	value_put_i64(a, v, "CPUNano", (int64_t)s->now.cpu.usage);
	value_put_i64(a, v, "MemBytes", (int64_t)used);
	value_put_i64(a, v, "MemPeak", (int64_t)s->now.memory.peak);
	value_put(v, "CPUPressure", value_double(a, s->now.cpu_psi.some.avg10));
	value_put(v, "MemoryPressure", value_double(a, s->now.memory_psi.some.avg10));
	value_put(v, "IOPressure", value_double(a, s->now.io_psi.some.avg10));
	return v;
}

static int print(const struct sample *v, size_t n, const struct stats_opts *o, struct err *e)
{
	static const struct output out = { columns, headers, "{{.ID}}" };
	AUTO(output_list) struct output_list list;

	output_list_init(&list);
	for (size_t i = 0; i < n; i++)
		output_list_add(&list, row(list.a, &v[i], o));
	return output_rows(&out, &o->out, list.v, list.n, e);
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

static struct sample *samples_new(struct cli *c, const struct strlist *ids)
{
	struct sample *v = mem_array(ids->n + 1, sizeof(*v));

	for (size_t i = 0; i < ids->n; i++) {
		AUTO(record) struct record *r = NULL;
		struct err gone = ERR_INIT;

		memcpy(v[i].id, ids->v[i], 65);
		if (record_load(&c->en, ids->v[i], &r, &gone) == 0)
			snprintf(v[i].name, sizeof(v[i].name), "%s", r->name);
	}
	return v;
}

static void samples_free(struct sample *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cgroup_stats_cleanup(&v[i].now);
		cgroup_stats_cleanup(&v[i].before);
	}
	mem_free_cleanup(&v);
}

/* Those that run now; of who did so at the last reading that reading is kept. */
static int follow(struct cli *c, const struct stats_opts *o, struct sample **v, size_t *n,
		  struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int rc = choose(c, o, 0, NULL, &ids, e);
	struct sample *now;

	if (rc < 0)
		return rc;
	now = samples_new(c, &ids);
	for (size_t i = 0; i < ids.n; i++)
		for (size_t k = 0; k < *n; k++)
			if (str_eq(now[i].id, (*v)[k].id)) {
				now[i].now = (*v)[k].now;
				(*v)[k].now = (struct cgroup_stats)CGROUP_STATS_INIT;
			}
	samples_free(*v, *n);
	*v = now;
	*n = ids.n;
	return 0;
}

static int show(struct cli *c, const struct stats_opts *o, const struct strlist *ids, bool all,
		int64_t every, struct err *e)
{
	struct timespec t = { every / 1000000000, every % 1000000000 };
	struct sample *v = samples_new(c, ids);
	bool live = !o->no_stream && !o->out.format;
	int rounds = 0, rc = 0;
	size_t n = ids->n;

	for (;; rounds++) {
		if (rounds > 0 && all && (rc = follow(c, o, &v, &n, e)) < 0)
			break;
		for (size_t i = 0; i < n; i++)
			read_one(c, &v[i]);
		if (rounds > 0) {	/* a rate needs two readings */
			if (live && output_screen())
				printf("\033[H\033[J");
			rc = print(v, n, o, e);
			if (rc < 0 || fflush(stdout) != 0 || o->no_stream)
				break;
		}
		nanosleep(&t, NULL);
	}
	samples_free(v, n);
	return rc;
}

static int run_stats(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct stats_opts *o = opts;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int64_t every = 1000000000;
	int rc;

	if (o->interval && (str_to_duration(o->interval, &every) < 0 || every < 10000000))
		return err_say(e, EINVAL, "--interval %s: expected a time of at least 10ms",
			       o->interval);
	rc = choose(c, o, argc, argv, &ids, e);
	return rc < 0 ? rc : show(c, o, &ids, argc == 0, every, e);
}

/* clang-format off */
const struct command command_stats = {
	.name = "stats", .args = "[CONTAINER...]", .summary = "Show what containers use, live",
	.opts = rows, .size = sizeof(struct stats_opts), .min = 0, .max = -1,
	.pick = PICK_ANY,
	.complete = "running", .run = run_stats,
};
/* clang-format on */
