/*
 * stats.h - the inside of statistics: pure parsers of the kernel's text, for tests.
 *
 * Private to cgroup/.  Every parser is bounded (1,024 lines) and keeps nothing but what it
 * copies into the arena.
 */
#ifndef CGROUP_STATS_H
#define CGROUP_STATS_H

#include "cgroup/cgroup.h"
#include "cgroup/place.h"

size_t cgroup_parse_counters(struct arena *a, const char *text, struct cgroup_counter **ret);
uint64_t cgroup_counter_of(const struct cgroup_counter *v, size_t n, const char *name);
int cgroup_parse_pressure(const char *text, struct cgroup_pressure *ret);
size_t cgroup_parse_io(struct arena *a, const char *text, struct cgroup_io_stat **ret);
size_t cgroup_parse_rdma(struct arena *a, const char *text, struct cgroup_rdma_stat **ret);

#endif
