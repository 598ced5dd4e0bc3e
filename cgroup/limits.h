/*
 * limits.h - the inside of limits: parsers and writers of the table in limits.c.
 *
 * Private to cgroup/.  A plan is what limits mean in terms of kernel files, in the order of the
 * table; making one is pure, so that it can be tested and shown without a kernel.
 */
#ifndef CGROUP_LIMITS_H
#define CGROUP_LIMITS_H

#include "cgroup/cgroup.h"

struct cgroup_write {
	unsigned controller;	/* CGROUP_* that must be there; 0: core file */
	const char *file, *text;
	const char *key;	/* OCI name, for messages */
	const char *alt_file, *alt_text;	/* tried first: io.bfq.weight, hugetlb….rsvd.max */
	bool may_lack;		/* a kernel without the file loses nothing */
	bool line;		/* the file holds one line a device, the text replaces one */
};

struct cgroup_plan {
	struct arena *a;	/* owns the texts */
	size_t n, cap;
	struct cgroup_write *v;
};

/* Pure.  All that l asks for besides devices. */
void cgroup_plan_make(const struct cgroup_limits *l, struct arena *a, struct cgroup_plan *ret);
/* The controllers that a plan needs, CGROUP_* bits. */
unsigned cgroup_plan_controllers(const struct cgroup_plan *p);
/* CGROUP_* bit of a file's name ("memory.high"); 0 if there is none. */
unsigned cgroup_controller_of_file(const char *file);

/* cpu.shares 2..262144 → cpu.weight 1..10000; blkio weight 10..1000 → io.weight 1..10000. */
uint64_t cgroup_weight_of_shares(uint64_t shares);
uint64_t cgroup_weight_of_blkio(uint64_t weight);
/* Memory+swap as the specification counts → memory.swap.max; -1: max, -2: leave as it is. */
int64_t cgroup_swap_of(int64_t memory, bool memory_set, int64_t swap, bool swap_set);
/* "0-3,7" */
bool cgroup_list_is_valid(const char *s);
/* Text of unified[file], or NULL; setting replaces. */
const char *cgroup_unified_get(const struct cgroup_limits *l, const char *file);
void cgroup_unified_set(struct cgroup_limits *l, struct arena *a, const char *file,
			const char *text);
int cgroup_unified_check(const char *file, struct err *e);

typedef int limit_parse(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
			const char *value, struct err *e);
typedef void limit_write(const struct cgroup_limits *l, const struct cgroup_option *o,
			 struct cgroup_plan *p);

limit_parse limit_parse_bytes, limit_parse_cpus, limit_parse_u64, limit_parse_quota,
	limit_parse_idle, limit_parse_list, limit_parse_pids, limit_parse_weight,
	limit_parse_weight_device, limit_parse_rate, limit_parse_hugepage, limit_parse_rdma,
	limit_parse_unified_bytes, limit_parse_oom_group, limit_parse_conf,
	limit_parse_oom_disable;
limit_write limit_write_memory, limit_write_swap, limit_write_shares, limit_write_cpu_max,
	limit_write_burst, limit_write_idle, limit_write_list, limit_write_pids,
	limit_write_weight, limit_write_weight_device, limit_write_rate, limit_write_hugepage,
	limit_write_rdma, limit_write_unified;

#endif
