/*
 * stats_json.c - statistics as `runc events --stats` prints them (runc types/events.go).
 *
 * containerd, CRI-O and cAdvisor decode this, so names, units (nanoseconds, bytes) and what is
 * left out when it is zero follow runc.
 */
#include "cgroup/cgroup.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

static void out_nonzero(struct json_out *o, const char *key, uint64_t v)
{
	if (v)
		json_out_u64(o, key, v);
}

static void out_pressure_line(struct json_out *o, const char *key,
			      const struct cgroup_pressure_line *l)
{
	json_out_obj(o, key);
	json_out_double(o, "avg10", l->avg10);
	json_out_double(o, "avg60", l->avg60);
	json_out_double(o, "avg300", l->avg300);
	json_out_u64(o, "total", l->total);
	json_out_end_obj(o);
}

static void out_pressure(struct json_out *o, const struct cgroup_pressure *p)
{
	if (!p->known)
		return;
	json_out_obj(o, "psi");
	out_pressure_line(o, "some", &p->some);
	out_pressure_line(o, "full", &p->full);
	json_out_end_obj(o);
}

static void out_cpu(struct json_out *o, const struct cgroup_stats *s)
{
	json_out_obj(o, "cpu");
	json_out_obj(o, "usage");
	out_nonzero(o, "total", s->cpu.usage);
	json_out_u64(o, "kernel", s->cpu.system);
	json_out_u64(o, "user", s->cpu.user);
	json_out_end_obj(o);
	json_out_obj(o, "throttling");
	out_nonzero(o, "periods", s->cpu.periods);
	out_nonzero(o, "throttledPeriods", s->cpu.throttled);
	out_nonzero(o, "throttledTime", s->cpu.throttled_time);
	json_out_end_obj(o);
	out_pressure(o, &s->cpu_psi);
	json_out_end_obj(o);
}

/* What v1 had; with v2 runc says 0, too. */
static void out_cpuset(struct json_out *o)
{
	static const char *const names[] = {
		"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
		"memory_spread_page", "memory_spread_slab", "memory_pressure",
		"sched_load_balance", "sched_relax_domain_level",
	};

	json_out_obj(o, "cpuset");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_out_u64(o, names[i], 0);
	json_out_end_obj(o);
}

static void out_memory_entry(struct json_out *o, const char *key, uint64_t limit, uint64_t usage,
			     uint64_t max, uint64_t failcnt)
{
	json_out_obj(o, key);
	json_out_u64(o, "limit", limit);
	out_nonzero(o, "usage", usage);
	out_nonzero(o, "max", max);
	json_out_u64(o, "failcnt", failcnt);
	json_out_end_obj(o);
}

static void out_memory(struct json_out *o, const struct cgroup_stats *s)
{
	/* v1 counted memory and swap together, and readers expect it still. */
	uint64_t swap_limit = s->memory.swap_limit == UINT64_MAX ||
			      s->memory.limit == UINT64_MAX ?
		UINT64_MAX : s->memory.swap_limit + s->memory.limit;

	json_out_obj(o, "memory");
	out_nonzero(o, "cache", s->memory.cache);
	out_memory_entry(o, "usage", s->memory.limit, s->memory.usage, s->memory.peak,
			 s->memory.failcnt);
	out_memory_entry(o, "swap", swap_limit, s->memory.swap + s->memory.usage, 0, 0);
	out_memory_entry(o, "kernel", 0, 0, 0, 0);
	out_memory_entry(o, "kernelTCP", 0, 0, 0, 0);
	if (s->nraw) {
		json_out_obj(o, "raw");
		for (size_t i = 0; i < s->nraw; i++)
			json_out_u64(o, s->raw[i].name, s->raw[i].v);
		json_out_end_obj(o);
	}
	out_pressure(o, &s->memory_psi);
	json_out_end_obj(o);
}

static void out_io_entry(struct json_out *o, const struct cgroup_io_stat *d, const char *op,
			 uint64_t v)
{
	json_out_obj(o, NULL);
	out_nonzero(o, "major", d->major);
	out_nonzero(o, "minor", d->minor);
	json_out_str(o, "op", op);
	out_nonzero(o, "value", v);
	json_out_end_obj(o);
}

static void out_io(struct json_out *o, const struct cgroup_stats *s)
{
	json_out_obj(o, "blkio");
	if (s->nio) {
		json_out_arr(o, "ioServiceBytesRecursive");
		for (size_t i = 0; i < s->nio; i++) {
			out_io_entry(o, &s->io[i], "Read", s->io[i].rbytes);
			out_io_entry(o, &s->io[i], "Write", s->io[i].wbytes);
			out_io_entry(o, &s->io[i], "Discard", s->io[i].dbytes);
		}
		json_out_end_arr(o);
		json_out_arr(o, "ioServicedRecursive");
		for (size_t i = 0; i < s->nio; i++) {
			out_io_entry(o, &s->io[i], "Read", s->io[i].rios);
			out_io_entry(o, &s->io[i], "Write", s->io[i].wios);
			out_io_entry(o, &s->io[i], "Discard", s->io[i].dios);
		}
		json_out_end_arr(o);
	}
	out_pressure(o, &s->io_psi);
	json_out_end_obj(o);
}

static void out_rdma(struct json_out *o, const char *key, const struct cgroup_rdma_stat *v,
		     size_t n)
{
	json_out_arr(o, key);
	for (size_t i = 0; i < n; i++) {
		json_out_obj(o, NULL);
		json_out_str(o, "device", v[i].device);
		json_out_u64(o, "hcaHandles", v[i].handles);
		json_out_u64(o, "hcaObjects", v[i].objects);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void out_rdt(struct json_out *o, char *const *schemata)
{
	json_out_obj(o, "intel_rdt");
	for (size_t i = 0; schemata && schemata[i]; i++) {
		if (str_starts(schemata[i], "L3:"))
			json_out_str(o, "l3_cache_schema", schemata[i]);
		if (str_starts(schemata[i], "MB:"))
			json_out_str(o, "mem_bw_schema", schemata[i]);
	}
	if (schemata && schemata[0])
		json_out_strs(o, "schemata", schemata);
	json_out_end_obj(o);
}

void cgroup_stats_write(struct json_out *o, const char *id, const struct cgroup_stats *s)
{
	json_out_obj(o, NULL);
	json_out_str(o, "type", "stats");
	json_out_str(o, "id", id);
	json_out_obj(o, "data");
	out_cpu(o, s);
	out_cpuset(o);
	out_memory(o, s);
	json_out_obj(o, "pids");
	out_nonzero(o, "current", s->pids);
	out_nonzero(o, "limit", s->pids_limit);
	json_out_end_obj(o);
	out_io(o, s);
	json_out_obj(o, "hugetlb");
	for (size_t i = 0; i < s->nhugetlb; i++) {
		json_out_obj(o, s->hugetlb[i].size);
		out_nonzero(o, "usage", s->hugetlb[i].usage);
		json_out_u64(o, "failcnt", s->hugetlb[i].failcnt);
		json_out_end_obj(o);
	}
	json_out_end_obj(o);
	if (s->nrdma_current || s->nrdma_max) {
		json_out_obj(o, "rdma");
		out_rdma(o, "current", s->rdma_current, s->nrdma_current);
		out_rdma(o, "limit", s->rdma_max, s->nrdma_max);
		json_out_end_obj(o);
	}
	out_rdt(o, s->rdt);
	json_out_arr(o, "network_interfaces");
	json_out_end_arr(o);
	json_out_end_obj(o);
	json_out_end_obj(o);
}
