/*
 * limits.c - the table of limits, and the rules that hold on every host.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cgroup/limits.h"

#define DEVICES_MAX 10000	/* keeps the device program far below the kernel's 10^6 steps */

#define MEMORY_MIN (512 << 10)	/* kernel stacks and page tables of one process take half of it */

#define OFF(field) offsetof(struct cgroup_limits, field)
#define P(name) limit_parse_##name
#define W(name) limit_write_##name

/*
 * In the order in which a new cgroup gets them: swap before memory (a limit that shrinks needs
 * room to swap to), the weight before idle (which forbids writing a weight), unified last,
 * since it overrides (runtime-spec, "Unified").
 */
/* clang-format off */
const struct cgroup_option cgroup_options[] = {
/* option, letter, argument, OCI key, kernel file, field, parse, write, help */
{ "memory-swap", 0, "BYTES", "memory.swap", "memory.swap.max", OFF(memory.swap), P(bytes), W(swap),
  "Limit of memory and swap together; -1: any amount of swap" },
{ "memory", 'm', "BYTES", "memory.limit", "memory.max", OFF(memory.limit), P(bytes), W(memory),
  "Memory limit (512m, 2g)" },
{ "memory-reservation", 0, "BYTES", "memory.reservation", "memory.low", OFF(memory.reservation), P(bytes), W(memory),
  "Memory that is reclaimed from it last" },
{ "memory-high", 0, "BYTES", "unified.memory.high", "memory.high", 0, P(unified_bytes), NULL,
  "Soft limit: above it the container is slowed down and reclaimed from, not killed" },
{ "memory-min", 0, "BYTES", "unified.memory.min", "memory.min", 0, P(unified_bytes), NULL,
  "Memory that is never reclaimed from it" },
{ "memory-zswap", 0, "BYTES", "unified.memory.zswap.max", "memory.zswap.max", 0, P(unified_bytes), NULL,
  "Limit of compressed swap kept in memory" },
{ "oom-group", 0, NULL, "unified.memory.oom.group", "memory.oom.group", 0, P(oom_group), NULL,
  "Out of memory ends the whole container, not one process of it" },
{ "memory-swappiness", 0, "N", "memory.swappiness", NULL, OFF(memory.swappiness), P(u64), NULL,
  NULL },
{ "oom-kill-disable", 0, NULL, "memory.disableOOMKiller", NULL, OFF(memory.disable_oom_killer), P(oom_disable), NULL,
  NULL },
{ "cpus", 0, "N", "cpu.quota", "cpu.max", OFF(cpu.quota), P(cpus), NULL,
  "Number of CPUs worth of time (1.5)" },
{ "cpu-quota", 0, "USEC", "cpu.quota", "cpu.max", OFF(cpu.quota), P(quota), W(cpu_max),
  "CPU time that may be used in a period, in microseconds" },
{ "cpu-period", 0, "USEC", "cpu.period", "cpu.max", OFF(cpu.period), P(u64), NULL,
  "Length of the period, 1000 to 1000000 microseconds" },
{ "cpu-burst", 0, "USEC", "cpu.burst", "cpu.max.burst", OFF(cpu.burst), P(u64), W(burst),
  "Unused CPU time that may be saved up for later" },
{ "cpu-shares", 'c', "N", "cpu.shares", "cpu.weight", OFF(cpu.shares), P(u64), W(shares),
  "Share of the CPU beside other containers, 2 to 262144, usually 1024" },
{ "cpu-idle", 0, "0|1", "cpu.idle", "cpu.idle", OFF(cpu.idle), P(idle), W(idle),
  "1: runs only when nothing else wants the CPU" },
{ "cpu-rt-runtime", 0, "USEC", "cpu.realtimeRuntime", NULL, OFF(cpu.rt_runtime), P(quota), NULL,
  NULL },
{ "cpu-rt-period", 0, "USEC", "cpu.realtimePeriod", NULL, OFF(cpu.rt_period), P(u64), NULL,
  NULL },
{ "cpuset-cpus", 0, "LIST", "cpu.cpus", "cpuset.cpus", OFF(cpu.cpus), P(list), W(list),
  "CPUs to run on (0-3,7)" },
{ "cpuset-mems", 0, "LIST", "cpu.mems", "cpuset.mems", OFF(cpu.mems), P(list), W(list),
  "Memory nodes to use (0,1)" },
{ "pids-limit", 0, "N", "pids.limit", "pids.max", OFF(pids.limit), P(pids), W(pids),
  "Number of processes and threads; -1: any" },
{ "blkio-weight", 0, "N", "blockIO.weight", "io.weight", OFF(blkio.weight), P(weight), W(weight),
  "Share of block I/O beside other containers, 10 to 1000" },
{ "blkio-weight-device", 0, "DEV:N", "blockIO.weightDevice", "io.weight", OFF(blkio.weights), P(weight_device), W(weight_device),
  "The same for one device (/dev/sda:200)" },
{ "device-read-bps", 0, "DEV:RATE", "blockIO.throttleReadBpsDevice", "io.max", OFF(blkio.rbps), P(rate), W(rate),
  "Bytes a second that may be read from a device (/dev/sda:10mb)" },
{ "device-write-bps", 0, "DEV:RATE", "blockIO.throttleWriteBpsDevice", "io.max", OFF(blkio.wbps), P(rate), W(rate),
  "Bytes a second that may be written to a device" },
{ "device-read-iops", 0, "DEV:N", "blockIO.throttleReadIOPSDevice", "io.max", OFF(blkio.riops), P(rate), W(rate),
  "Reads a second from a device" },
{ "device-write-iops", 0, "DEV:N", "blockIO.throttleWriteIOPSDevice", "io.max", OFF(blkio.wiops), P(rate), W(rate),
  "Writes a second to a device" },
{ "hugepage-limit", 0, "SIZE:BYTES", "hugepageLimits", "hugetlb.max", OFF(hugepages), P(hugepage), W(hugepage),
  "Limit of huge pages of one size (2MB:64m)" },
{ "rdma-limit", 0, "DEV:HANDLES:OBJECTS", "rdma", "rdma.max", OFF(rdma), P(rdma), W(rdma),
  "Limit of RDMA handles and objects of one device (mlx5_0:3:1000)" },
{ "cgroup-conf", 0, "FILE=TEXT", "unified", NULL, OFF(unified), P(conf), W(unified),
  "Any file of the cgroup (memory.high=1073741824)" },
{ .name = NULL },
};
/* clang-format on */

const struct cgroup_option *cgroup_option_find(const char *name)
{
	for (const struct cgroup_option *o = cgroup_options; o->name; o++)
		if (str_eq(o->name, name))
			return o;
	return NULL;
}

int cgroup_limits_set(struct cgroup_limits *l, struct arena *a, const char *option,
		      const char *value, struct err *e)
{
	const struct cgroup_option *o = cgroup_option_find(option);

	if (!o)
		return err_say(e, EINVAL, "there is no limit called --%s", option);
	if (!value && o->arg)
		return err_say(e, EINVAL, "--%s needs a value (%s)", o->name, o->arg);
	return o->parse(l, a, o, value, e);
}

int cgroup_limits_enough(const struct cgroup_limits *l, struct err *e)
{
	if (l->memory.limit.set && l->memory.limit.v > 0 && l->memory.limit.v < MEMORY_MIN)
		return err_say(e, EINVAL, "--memory %" PRId64 ": expected 512k or more: in less "
			       "nothing can run", l->memory.limit.v);
	return 0;
}

void cgroup_limits_default(struct cgroup_limits *l)
{
	if (l->memory.limit.set && l->memory.limit.v > 0 && !l->memory.swap.set &&
	    l->memory.limit.v <= INT64_MAX / 2)
		l->memory.swap = (struct json_opt_i64){ true, l->memory.limit.v * 2 };
}

bool cgroup_limits_any(const struct cgroup_limits *l)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_plan p;

	cgroup_plan_make(l, a, &p);
	return p.n > 0;
}

/* ---- rules ---------------------------------------------------------------------------- */

static int v1_only(struct err *e, const char *key)
{
	return err_say(e, EINVAL, "linux.resources.%s: exists on cgroup v1 only", key);
}

static int check_memory(const struct cgroup_limits *l, struct err *e)
{
	static const struct { const char *key; size_t off; } rows[] = {
		{ "memory.limit", OFF(memory.limit) },
		{ "memory.reservation", OFF(memory.reservation) },
		{ "memory.swap", OFF(memory.swap) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct json_opt_i64 *v = (const void *)((const char *)l + rows[i].off);

		if (v->set && v->v < -1)
			return err_say(e, EINVAL, "linux.resources.%s: %" PRId64
				       " is neither a number of bytes nor -1", rows[i].key, v->v);
	}
	if (l->memory.limit.set && l->memory.swap.set && l->memory.swap.v > 0 &&
	    l->memory.limit.v > l->memory.swap.v)
		return err_say(e, EINVAL, "linux.resources.memory.swap (--memory-swap): %" PRId64
			       " is less than memory.limit (it counts memory and swap together)",
			       l->memory.swap.v);
	if (l->memory.swappiness.set)
		return v1_only(e, "memory.swappiness");
	if (l->memory.disable_oom_killer.set && l->memory.disable_oom_killer.v)
		return v1_only(e, "memory.disableOOMKiller");
	return 0;
}

static int check_cpu(const struct cgroup_limits *l, struct err *e)
{
	const char *at = "linux.resources.cpu";

	if (l->cpu.rt_runtime.set && l->cpu.rt_runtime.v != 0)
		return v1_only(e, "cpu.realtimeRuntime");
	if (l->cpu.rt_period.set && l->cpu.rt_period.v != 0)
		return v1_only(e, "cpu.realtimePeriod");
	if (l->cpu.period.set && l->cpu.period.v != 0 &&
	    (l->cpu.period.v < 1000 || l->cpu.period.v > 1000000))
		return err_say(e, EINVAL, "%s.period: %" PRIu64 " is not within 1000 to 1000000 "
			       "microseconds", at, l->cpu.period.v);
	if (l->cpu.quota.set && l->cpu.quota.v > 0 && l->cpu.quota.v < 1000)
		return err_say(e, EINVAL, "%s.quota: %" PRId64 " is less than the 1000 "
			       "microseconds that the kernel asks for", at, l->cpu.quota.v);
	if (l->cpu.burst.set && l->cpu.quota.set && l->cpu.quota.v > 0 &&
	    l->cpu.burst.v > (uint64_t)l->cpu.quota.v)
		return err_say(e, EINVAL, "%s.burst: %" PRIu64 " is more than the quota", at,
			       l->cpu.burst.v);
	if (l->cpu.idle.set && l->cpu.idle.v != 0 && l->cpu.idle.v != 1)
		return err_say(e, EINVAL, "%s.idle: %" PRId64 " is neither 0 nor 1", at,
			       l->cpu.idle.v);
	if (!str_empty(l->cpu.cpus) && !cgroup_list_is_valid(l->cpu.cpus))
		return err_say(e, EINVAL, "%s.cpus: \"%s\" is no list of CPUs (0-3,7)", at,
			       l->cpu.cpus);
	if (!str_empty(l->cpu.mems) && !cgroup_list_is_valid(l->cpu.mems))
		return err_say(e, EINVAL, "%s.mems: \"%s\" is no list of memory nodes (0-1)", at,
			       l->cpu.mems);
	return 0;
}

static int check_weight(const char *key, struct json_opt_u32 w, struct err *e)
{
	if (w.set && w.v != 0 && (w.v < 10 || w.v > 1000))
		return err_say(e, EINVAL, "linux.resources.blockIO.%s: %u is not within 10 to 1000",
			       key, w.v);
	return 0;
}

static int check_devno(const char *key, int64_t major, int64_t minor, struct err *e)
{
	if (major < 0 || major > UINT32_MAX || minor < 0 || minor > UINT32_MAX)
		return err_say(e, EINVAL, "linux.resources.blockIO.%s: %" PRId64 ":%" PRId64
			       " is no device number", key, major, minor);
	return 0;
}

static int check_blkio(const struct cgroup_limits *l, struct err *e)
{
	const struct { const char *key; const struct cgroup_blk_rates *r; } rates[] = {
		{ "throttleReadBpsDevice", &l->blkio.rbps },
		{ "throttleWriteBpsDevice", &l->blkio.wbps },
		{ "throttleReadIOPSDevice", &l->blkio.riops },
		{ "throttleWriteIOPSDevice", &l->blkio.wiops },
	};
	int r = check_weight("weight", l->blkio.weight, e);

	if (r < 0)
		return r;
	if (l->blkio.leaf_weight.set && l->blkio.leaf_weight.v != 0)
		return v1_only(e, "blockIO.leafWeight");
	for (size_t i = 0; i < l->blkio.nweights; i++) {
		const struct cgroup_blk_weight *w = &l->blkio.weights[i];

		if (!w->weight.set && !w->leaf_weight.set)
			return err_say(e, EINVAL, "linux.resources.blockIO.weightDevice[%zu]: has "
				       "neither weight nor leafWeight", i);
		if (w->leaf_weight.set && w->leaf_weight.v != 0)
			return v1_only(e, "blockIO.weightDevice.leafWeight");
		r = check_devno("weightDevice", w->major, w->minor, e);
		if (r == 0)
			r = check_weight("weightDevice", w->weight, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		for (size_t k = 0; k < rates[i].r->n; k++) {
			r = check_devno(rates[i].key, rates[i].r->v[k].major,
					rates[i].r->v[k].minor, e);
			if (r < 0)
				return r;
		}
	return 0;
}

/* "64KB", "2MB", "1GB": what stands in the kernel's file name. */
static bool page_size_is_valid(const char *s)
{
	size_t n = s ? strspn(s, "0123456789") : 0;

	return n > 0 && n < 8 && s[0] != '0' &&
	       (str_eq(s + n, "KB") || str_eq(s + n, "MB") || str_eq(s + n, "GB"));
}

static bool name_is_plain(const char *s)
{
	return !str_empty(s) && strlen(s) < 64 && !strpbrk(s, "/ \t\n");
}

int cgroup_unified_check(const char *file, struct err *e)
{
	static const char *const core[] = { "cgroup.max.depth", "cgroup.max.descendants",
					    "cgroup.pressure" };
	const char *dot = strchr(file, '.');

	if (strlen(file) > 200 || !dot || dot == file || strpbrk(file, "/\n"))
		return err_say(e, EINVAL, "linux.resources.unified: \"%s\" is no file of a cgroup "
			       "(CONTROLLER.NAME)", file);
	if (!str_starts(file, "cgroup."))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(core); i++)
		if (str_eq(file, core[i]))
			return 0;
	return err_say(e, EINVAL, "linux.resources.unified: \"%s\" is no limit", file);
}

static int check_lists(const struct cgroup_limits *l, struct err *e)
{
	for (size_t i = 0; i < l->nhugepages; i++)
		if (!page_size_is_valid(l->hugepages[i].page_size))
			return err_say(e, EINVAL, "linux.resources.hugepageLimits[%zu].pageSize: "
				       "\"%s\" is no size like 2MB", i,
				       l->hugepages[i].page_size ? l->hugepages[i].page_size : "");
	for (size_t i = 0; i < l->nrdma; i++) {
		if (!name_is_plain(l->rdma[i].device))
			return err_say(e, EINVAL, "linux.resources.rdma: \"%s\" is no device name",
				       l->rdma[i].device);
		if (!l->rdma[i].handles.set && !l->rdma[i].objects.set)
			return err_say(e, EINVAL, "linux.resources.rdma.%s: has neither "
				       "hcaHandles nor hcaObjects", l->rdma[i].device);
	}
	for (size_t i = 0; i < l->unified.n; i++) {
		int r = cgroup_unified_check(l->unified.v[i].key, e);

		if (r < 0)
			return r;
	}
	if (l->net.class_id.set && l->net.class_id.v != 0)
		return v1_only(e, "network.classID");
	if (l->net.nprios > 0)
		return v1_only(e, "network.priorities");
	return 0;
}

static int check_devices(const struct cgroup_limits *l, struct err *e)
{
	if (l->ndevices > DEVICES_MAX)
		return err_say(e, E2BIG, "linux.resources.devices: %zu rules are more than %d",
			       l->ndevices, DEVICES_MAX);
	for (size_t i = 0; i < l->ndevices; i++) {
		const struct cgroup_device *d = &l->devices[i];

		if (d->major < -1 || d->major > UINT32_MAX || d->minor < -1 ||
		    d->minor > UINT32_MAX)
			return err_say(e, EINVAL, "linux.resources.devices[%zu]: %" PRId64
				       ":%" PRId64 " is no device number", i, d->major, d->minor);
	}
	return 0;
}

int cgroup_limits_check(const struct cgroup_limits *l, struct err *e)
{
	static int (*const checks[])(const struct cgroup_limits *, struct err *) = {
		check_memory, check_cpu, check_blkio, check_lists, check_devices,
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int r = checks[i](l, e);

		if (r < 0)
			return r;
	}
	if (l->pids.limit.set && l->pids.limit.v < -1)
		return err_say(e, EINVAL, "linux.resources.pids.limit: %" PRId64
			       " is neither a number nor -1", l->pids.limit.v);
	return 0;
}

/* ---- merging -------------------------------------------------------------------------- */

const char *cgroup_unified_get(const struct cgroup_limits *l, const char *file)
{
	for (size_t i = 0; i < l->unified.n; i++)
		if (str_eq(l->unified.v[i].key, file))
			return l->unified.v[i].value;
	return NULL;
}

void cgroup_unified_set(struct cgroup_limits *l, struct arena *a, const char *file,
			const char *text)
{
	struct json_pair *v;

	for (size_t i = 0; i < l->unified.n; i++)
		if (str_eq(l->unified.v[i].key, file)) {
			l->unified.v[i].value = arena_strdup(a, text);
			return;
		}
	v = arena_array(a, l->unified.n + 1, sizeof(*v));
	if (l->unified.n)
		memcpy(v, l->unified.v, l->unified.n * sizeof(*v));
	v[l->unified.n] = (struct json_pair){ arena_strdup(a, file), arena_strdup(a, text) };
	l->unified.v = v;
	l->unified.n++;
}

static void merge_rates(struct cgroup_blk_rates *into, struct arena *a,
			const struct cgroup_blk_rates *change)
{
	struct cgroup_blk_rate *v;
	size_t n = into->n;

	if (!change->n)
		return;
	v = arena_array(a, into->n + change->n, sizeof(*v));
	if (n)
		memcpy(v, into->v, n * sizeof(*v));
	for (size_t i = 0; i < change->n; i++) {
		size_t k = 0;

		while (k < n && (v[k].major != change->v[i].major ||
				 v[k].minor != change->v[i].minor))
			k++;
		v[k] = change->v[i];
		n = k == n ? n + 1 : n;
	}
	*into = (struct cgroup_blk_rates){ n, v };
}

static void merge_weights(struct cgroup_limits *into, struct arena *a,
			  const struct cgroup_limits *change)
{
	size_t n = into->blkio.nweights;
	struct cgroup_blk_weight *v;

	if (!change->blkio.nweights)
		return;
	v = arena_array(a, n + change->blkio.nweights, sizeof(*v));
	if (n)
		memcpy(v, into->blkio.weights, n * sizeof(*v));
	for (size_t i = 0; i < change->blkio.nweights; i++) {
		const struct cgroup_blk_weight *w = &change->blkio.weights[i];
		size_t k = 0;

		while (k < n && (v[k].major != w->major || v[k].minor != w->minor))
			k++;
		v[k] = *w;
		n = k == n ? n + 1 : n;
	}
	into->blkio.weights = v;
	into->blkio.nweights = n;
}

static void merge_named(struct cgroup_limits *into, struct arena *a,
			const struct cgroup_limits *change)
{
	struct cgroup_hugepage *h = arena_array(a, into->nhugepages + change->nhugepages,
						sizeof(*h));
	struct cgroup_rdma *d = arena_array(a, into->nrdma + change->nrdma, sizeof(*d));
	size_t nh = into->nhugepages, nd = into->nrdma, k;

	if (nh)
		memcpy(h, into->hugepages, nh * sizeof(*h));
	if (nd)
		memcpy(d, into->rdma, nd * sizeof(*d));
	for (size_t i = 0; i < change->nhugepages; i++) {
		for (k = 0; k < nh && !str_eq(h[k].page_size, change->hugepages[i].page_size); k++)
			;
		h[k].page_size = arena_strdup(a, change->hugepages[i].page_size);
		h[k].limit = change->hugepages[i].limit;
		nh = k == nh ? nh + 1 : nh;
	}
	for (size_t i = 0; i < change->nrdma; i++) {
		for (k = 0; k < nd && !str_eq(d[k].device, change->rdma[i].device); k++)
			;
		d[k] = change->rdma[i];
		d[k].device = arena_strdup(a, change->rdma[i].device);
		nd = k == nd ? nd + 1 : nd;
	}
	into->hugepages = h;
	into->nhugepages = nh;
	into->rdma = d;
	into->nrdma = nd;
}

#define MERGE(field) do { if (change->field.set) into->field = change->field; } while (0)

void cgroup_limits_merge(struct cgroup_limits *into, struct arena *a,
			 const struct cgroup_limits *change)
{
	MERGE(memory.limit);
	MERGE(memory.reservation);
	MERGE(memory.swap);
	MERGE(memory.kernel);
	MERGE(memory.kernel_tcp);
	MERGE(memory.swappiness);
	MERGE(memory.disable_oom_killer);
	MERGE(memory.use_hierarchy);
	MERGE(memory.check_before_update);
	MERGE(cpu.shares);
	MERGE(cpu.quota);
	MERGE(cpu.period);
	MERGE(cpu.burst);
	MERGE(cpu.rt_runtime);
	MERGE(cpu.rt_period);
	MERGE(cpu.idle);
	MERGE(pids.limit);
	MERGE(blkio.weight);
	MERGE(blkio.leaf_weight);
	MERGE(net.class_id);
	if (change->cpu.cpus)
		into->cpu.cpus = arena_strdup(a, change->cpu.cpus);
	if (change->cpu.mems)
		into->cpu.mems = arena_strdup(a, change->cpu.mems);
	merge_weights(into, a, change);
	merge_rates(&into->blkio.rbps, a, &change->blkio.rbps);
	merge_rates(&into->blkio.wbps, a, &change->blkio.wbps);
	merge_rates(&into->blkio.riops, a, &change->blkio.riops);
	merge_rates(&into->blkio.wiops, a, &change->blkio.wiops);
	if (change->nhugepages || change->nrdma)
		merge_named(into, a, change);
	for (size_t i = 0; i < change->unified.n; i++)
		cgroup_unified_set(into, a, change->unified.v[i].key, change->unified.v[i].value);
	if (change->devices_set) {
		into->devices = arena_array(a, change->ndevices, sizeof(*into->devices));
		if (change->ndevices)
			memcpy(into->devices, change->devices,
			       change->ndevices * sizeof(*into->devices));
		into->ndevices = change->ndevices;
		into->devices_set = true;
	}
}
