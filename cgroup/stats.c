/*
 * stats.c - what a cgroup used: bounded parsers of the kernel's text, and reading them all.
 */
#include "cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define STATS_ARENA (8u << 20)
#define FILE_MAX_BYTES (1u << 20)
#define LINES_MAX 1024

/* ---- parsers: text → struct ----------------------------------------------------------- */

/* Behind the line that begins at p. */
static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p && n < LINES_MAX; p = next_line(p))
		n++;
	return n;
}

size_t cgroup_parse_counters(struct arena *a, const char *text, struct cgroup_counter **ret)
{
	struct cgroup_counter *v = arena_array(a, count_lines(text) + 1, sizeof(*v));
	size_t n = 0;

	for (const char *p = text; *p && n < LINES_MAX; p = next_line(p)) {
		size_t key = strcspn(p, " \n");

		if (p[key] != ' ' || p[key + 1] < '0' || p[key + 1] > '9')
			continue;
		v[n].name = arena_strndup(a, p, key);
		v[n++].v = strtoull(p + key + 1, NULL, 10);
	}
	*ret = v;
	return n;
}

uint64_t cgroup_counter_of(const struct cgroup_counter *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].name, name))
			return v[i].v;
	return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
int cgroup_parse_pressure(const char *text, struct cgroup_pressure *ret)
{
	struct cgroup_pressure out = { .known = true };
	bool some = false;

	for (const char *p = text; *p; p = next_line(p)) {
		struct cgroup_pressure_line l;
		unsigned long long total;
		char what[8];

		if (sscanf(p, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", what, &l.avg10,
			   &l.avg60, &l.avg300, &total) != 5)
			return -EINVAL;
		l.total = total;
		if (str_eq(what, "some")) {
			out.some = l;
			some = true;
		} else if (str_eq(what, "full")) {
			out.full = l;
		}
	}
	if (!some)
		return -EINVAL;
	*ret = out;
	return 0;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"; a line may be without values. */
size_t cgroup_parse_io(struct arena *a, const char *text, struct cgroup_io_stat **ret)
{
	struct cgroup_io_stat *v = arena_array(a, count_lines(text) + 1, sizeof(*v));
	size_t n = 0;

	for (const char *p = text; *p && n < LINES_MAX; p = next_line(p)) {
		static const struct { const char *word; size_t off; } words[] = {
			{ " rbytes=", offsetof(struct cgroup_io_stat, rbytes) },
			{ " wbytes=", offsetof(struct cgroup_io_stat, wbytes) },
			{ " rios=", offsetof(struct cgroup_io_stat, rios) },
			{ " wios=", offsetof(struct cgroup_io_stat, wios) },
			{ " dbytes=", offsetof(struct cgroup_io_stat, dbytes) },
			{ " dios=", offsetof(struct cgroup_io_stat, dios) },
		};
		size_t len = strcspn(p, "\n");
		bool any = false;

		if (sscanf(p, "%u:%u", &v[n].major, &v[n].minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			const char *at = memmem(p, len, words[i].word, strlen(words[i].word));

			if (!at)
				continue;
			*(uint64_t *)((char *)&v[n] + words[i].off) =
				strtoull(at + strlen(words[i].word), NULL, 10);
			any = true;
		}
		n += any;
	}
	*ret = v;
	return n;
}

static uint32_t number_after(const char *line, size_t len, const char *word)
{
	const char *at = memmem(line, len, word, strlen(word));

	if (!at)
		return 0;
	at += strlen(word);
	return strncmp(at, "max", 3) == 0 ? UINT32_MAX : (uint32_t)strtoul(at, NULL, 10);
}

/* "mlx5_0 hca_handle=2 hca_object=2000" */
size_t cgroup_parse_rdma(struct arena *a, const char *text, struct cgroup_rdma_stat **ret)
{
	struct cgroup_rdma_stat *v = arena_array(a, count_lines(text) + 1, sizeof(*v));
	size_t n = 0;

	for (const char *p = text; *p && n < LINES_MAX; p = next_line(p)) {
		size_t len = strcspn(p, "\n");

		if (sscanf(p, "%63s", v[n].device) != 1)
			continue;
		v[n].handles = number_after(p, len, " hca_handle=");
		v[n].objects = number_after(p, len, " hca_object=");
		n++;
	}
	*ret = v;
	return n;
}

/* ---- reading -------------------------------------------------------------------------- */

/* A whole file as text, or "" when it is not there. */
static const char *slurp(int fd, struct arena *a, const char *file)
{
	AUTO_FREE char *text = NULL;
	struct err ignored = ERR_INIT;
	size_t n;

	if (path_read_file(fd, file, FILE_MAX_BYTES, &text, &n, &ignored) < 0)
		return "";
	return arena_strndup(a, text, n);
}

static uint64_t number(int fd, const char *file, uint64_t otherwise)
{
	char line[64];
	struct err ignored = ERR_INIT;
	uint64_t v;

	if (path_read_line(fd, file, line, sizeof(line), &ignored) < 0)
		return otherwise;
	if (str_eq(line, "max"))
		return UINT64_MAX;
	return str_to_u64(line, &v) < 0 ? otherwise : v;
}

static void read_cpu(int fd, struct arena *a, struct cgroup_stats *s)
{
	struct cgroup_counter *v;
	size_t n = cgroup_parse_counters(a, slurp(fd, a, "cpu.stat"), &v);

	s->cpu.usage = cgroup_counter_of(v, n, "usage_usec") * 1000;
	s->cpu.user = cgroup_counter_of(v, n, "user_usec") * 1000;
	s->cpu.system = cgroup_counter_of(v, n, "system_usec") * 1000;
	s->cpu.periods = cgroup_counter_of(v, n, "nr_periods");
	s->cpu.throttled = cgroup_counter_of(v, n, "nr_throttled");
	s->cpu.throttled_time = cgroup_counter_of(v, n, "throttled_usec") * 1000;
	s->cpu.bursts = cgroup_counter_of(v, n, "nr_bursts");
	s->cpu.burst_time = cgroup_counter_of(v, n, "burst_usec") * 1000;
}

static void read_memory(int fd, struct arena *a, struct cgroup_stats *s)
{
	s->memory.usage = number(fd, "memory.current", UINT64_MAX);
	s->memory_known = s->memory.usage != UINT64_MAX;
	cgroup_oom_read(fd, &s->oom);
	if (!s->memory_known) {
		s->memory.usage = 0;
		s->memory.limit = s->memory.swap_limit = UINT64_MAX;
		return;
	}
	s->memory.limit = number(fd, "memory.max", UINT64_MAX);
	s->memory.peak = number(fd, "memory.peak", 0);
	s->memory.swap = number(fd, "memory.swap.current", 0);
	s->memory.swap_limit = number(fd, "memory.swap.max", UINT64_MAX);
	s->memory.swap_peak = number(fd, "memory.swap.peak", 0);
	s->memory.failcnt = s->oom.max;
	s->nraw = cgroup_parse_counters(a, slurp(fd, a, "memory.stat"), &s->raw);
	s->memory.cache = cgroup_counter_of(s->raw, s->nraw, "file");
	s->memory.inactive_file = cgroup_counter_of(s->raw, s->nraw, "inactive_file");
}

/* One entry for every "hugetlb.SIZE.current". */
static void read_hugetlb(int fd, struct arena *a, struct cgroup_stats *s)
{
	static const char *const sizes[] = { "64KB", "1MB", "2MB", "16MB", "32MB", "512MB", "1GB",
					     "2GB", "16GB" };

	s->hugetlb = arena_array(a, ARRAY_SIZE(sizes), sizeof(*s->hugetlb));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct cgroup_hugetlb_stat *h = &s->hugetlb[s->nhugetlb];
		struct cgroup_counter *v;
		char file[64];
		size_t n;

		snprintf(file, sizeof(file), "hugetlb.%s.current", sizes[i]);
		h->usage = number(fd, file, UINT64_MAX);
		if (h->usage == UINT64_MAX)
			continue;
		snprintf(h->size, sizeof(h->size), "%s", sizes[i]);
		snprintf(file, sizeof(file), "hugetlb.%s.events", sizes[i]);
		n = cgroup_parse_counters(a, slurp(fd, a, file), &v);
		h->failcnt = cgroup_counter_of(v, n, "max");
		s->nhugetlb++;
	}
}

static void read_pressure(int fd, struct arena *a, const char *file, struct cgroup_pressure *ret)
{
	*ret = (struct cgroup_pressure){ 0 };
	cgroup_parse_pressure(slurp(fd, a, file), ret);
}

int cgroup_stats_read(int fd, struct cgroup_stats *ret, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(STATS_ARENA);
	struct cgroup_stats s = { 0 };
	unsigned controllers;
	struct timespec t;

	if (fd < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup (driver \"disabled\")");
	if (faccessat(fd, "cgroup.events", R_OK, 0) < 0)
		return err_set(e, errno, "read the cgroup");
	controllers = cgroup_controllers_at(fd, "cgroup.controllers");
	clock_gettime(CLOCK_MONOTONIC, &t);
	s.time_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	read_cpu(fd, a, &s);
	read_memory(fd, a, &s);
	s.pids_known = controllers & CGROUP_PIDS;
	if (s.pids_known) {
		s.pids = number(fd, "pids.current", 0);
		s.pids_limit = number(fd, "pids.max", UINT64_MAX);
		if (s.pids_limit == UINT64_MAX)
			s.pids_limit = 0;
	} else {
		struct err ignored = ERR_INIT;
		AUTO_FREE pid_t *pids = NULL;
		size_t n;

		if (cgroup_pids(fd, &pids, &n, &ignored) == 0)
			s.pids = n;
	}
	if (controllers & CGROUP_IO)
		s.nio = cgroup_parse_io(a, slurp(fd, a, "io.stat"), &s.io);
	if (controllers & CGROUP_HUGETLB)
		read_hugetlb(fd, a, &s);
	if (controllers & CGROUP_RDMA) {
		s.nrdma_current = cgroup_parse_rdma(a, slurp(fd, a, "rdma.current"),
						    &s.rdma_current);
		s.nrdma_max = cgroup_parse_rdma(a, slurp(fd, a, "rdma.max"), &s.rdma_max);
	}
	read_pressure(fd, a, "cpu.pressure", &s.cpu_psi);
	read_pressure(fd, a, "memory.pressure", &s.memory_psi);
	read_pressure(fd, a, "io.pressure", &s.io_psi);
	s.a = TAKE(a);
	*ret = s;
	return 0;
}

void cgroup_stats_cleanup(struct cgroup_stats *s)
{
	arena_cleanup(&s->a);
}

/* ---- as people see it ----------------------------------------------------------------- */

double cgroup_stats_cpu_percent(const struct cgroup_stats *before,
				const struct cgroup_stats *now)
{
	if (now->time_ns <= before->time_ns || now->cpu.usage < before->cpu.usage)
		return 0;
	return (double)(now->cpu.usage - before->cpu.usage) * 100 /
	       (double)(now->time_ns - before->time_ns);
}

uint64_t cgroup_stats_memory_used(const struct cgroup_stats *s)
{
	return s->memory.usage > s->memory.inactive_file ?
		s->memory.usage - s->memory.inactive_file : s->memory.usage;
}
