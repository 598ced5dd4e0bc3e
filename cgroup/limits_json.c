/*
 * limits_json.c - linux.resources from and to JSON (runtime-spec 1.3, config-linux.md).
 */
#include "cgroup/cgroup.h"

#include <string.h>

#include "cgroup/limits.h"

#define SUB(outer, member) offsetof(struct cgroup_limits, outer.member)
/* A row of a nested object: offsets count from the struct cgroup_limits. */
#define LIMIT(key_, outer, member, reader) { key_, reader, SUB(outer, member), false }

static int read_opt_u16(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_u32 *out = field;
	uint16_t n;
	int r = json_read_u16(c, v, &n);

	if (r < 0)
		return r;
	*out = (struct json_opt_u32){ true, n };
	return 0;
}

static int read_memory(struct json_ctx *c, const struct json *v, void *l)
{
	static const struct json_row rows[] = {
		LIMIT("limit", memory, limit, json_read_opt_i64),
		LIMIT("reservation", memory, reservation, json_read_opt_i64),
		LIMIT("swap", memory, swap, json_read_opt_i64),
		LIMIT("kernel", memory, kernel, json_read_opt_i64),
		LIMIT("kernelTCP", memory, kernel_tcp, json_read_opt_i64),
		LIMIT("swappiness", memory, swappiness, json_read_opt_u64),
		LIMIT("disableOOMKiller", memory, disable_oom_killer, json_read_opt_bool),
		LIMIT("useHierarchy", memory, use_hierarchy, json_read_opt_bool),
		LIMIT("checkBeforeUpdate", memory, check_before_update, json_read_opt_bool),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), l);
}

static int read_cpu(struct json_ctx *c, const struct json *v, void *l)
{
	static const struct json_row rows[] = {
		LIMIT("shares", cpu, shares, json_read_opt_u64),
		LIMIT("quota", cpu, quota, json_read_opt_i64),
		LIMIT("period", cpu, period, json_read_opt_u64),
		LIMIT("burst", cpu, burst, json_read_opt_u64),
		LIMIT("realtimeRuntime", cpu, rt_runtime, json_read_opt_i64),
		LIMIT("realtimePeriod", cpu, rt_period, json_read_opt_u64),
		LIMIT("idle", cpu, idle, json_read_opt_i64),
		LIMIT("cpus", cpu, cpus, json_read_str),
		LIMIT("mems", cpu, mems, json_read_str),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), l);
}

static int read_pids(struct json_ctx *c, const struct json *v, void *l)
{
	static const struct json_row rows[] = {
		LIMIT("limit", pids, limit, json_read_opt_i64),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), l);
}

static int read_weight_device(struct json_ctx *c, const struct json *v, void *out)
{
	static const struct json_row rows[] = {
		{ "major", json_read_i64, offsetof(struct cgroup_blk_weight, major), true },
		{ "minor", json_read_i64, offsetof(struct cgroup_blk_weight, minor), true },
		{ "weight", read_opt_u16, offsetof(struct cgroup_blk_weight, weight), false },
		{ "leafWeight", read_opt_u16, offsetof(struct cgroup_blk_weight, leaf_weight),
		  false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), out);
}

static int read_weights(struct json_ctx *c, const struct json *v, void *field)
{
	struct cgroup_limits *l = field;

	return json_read_array(c, v, sizeof(*l->blkio.weights), read_weight_device,
			       &l->blkio.weights, &l->blkio.nweights);
}

static int read_rate(struct json_ctx *c, const struct json *v, void *out)
{
	static const struct json_row rows[] = {
		{ "major", json_read_i64, offsetof(struct cgroup_blk_rate, major), true },
		{ "minor", json_read_i64, offsetof(struct cgroup_blk_rate, minor), true },
		{ "rate", json_read_u64, offsetof(struct cgroup_blk_rate, rate), true },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), out);
}

static int read_rates(struct json_ctx *c, const struct json *v, void *field)
{
	struct cgroup_blk_rates *r = field;

	return json_read_array(c, v, sizeof(*r->v), read_rate, &r->v, &r->n);
}

static int read_blkio(struct json_ctx *c, const struct json *v, void *l)
{
	static const struct json_row rows[] = {
		LIMIT("weight", blkio, weight, read_opt_u16),
		LIMIT("leafWeight", blkio, leaf_weight, read_opt_u16),
		{ "weightDevice", read_weights, 0, false },
		LIMIT("throttleReadBpsDevice", blkio, rbps, read_rates),
		LIMIT("throttleWriteBpsDevice", blkio, wbps, read_rates),
		LIMIT("throttleReadIOPSDevice", blkio, riops, read_rates),
		LIMIT("throttleWriteIOPSDevice", blkio, wiops, read_rates),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), l);
}

static int read_hugepage(struct json_ctx *c, const struct json *v, void *out)
{
	static const struct json_row rows[] = {
		{ "pageSize", json_read_str, offsetof(struct cgroup_hugepage, page_size), true },
		{ "limit", json_read_u64, offsetof(struct cgroup_hugepage, limit), true },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), out);
}

static int read_hugepages(struct json_ctx *c, const struct json *v, void *field)
{
	struct cgroup_limits *l = field;

	return json_read_array(c, v, sizeof(*l->hugepages), read_hugepage, &l->hugepages,
			       &l->nhugepages);
}

static int read_rdma(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "hcaHandles", json_read_opt_u32, offsetof(struct cgroup_rdma, handles), false },
		{ "hcaObjects", json_read_opt_u32, offsetof(struct cgroup_rdma, objects), false },
	};
	struct cgroup_limits *l = field;
	size_t i = 0;

	if (v->type != JSON_OBJECT)
		return json_fail(c, "must be an object");
	l->rdma = arena_array(c->a, v->n, sizeof(*l->rdma));
	for (const struct json *m = v->child; m; m = m->next, i++) {
		int r;

		json_enter(c, m->key, 0);
		l->rdma[i].device = arena_strdup(c->a, m->key);
		r = json_read_rows(c, m, rows, ARRAY_SIZE(rows), &l->rdma[i]);
		if (r < 0)
			return r;
		json_leave(c);
	}
	l->nrdma = i;
	return 0;
}

static int read_priority(struct json_ctx *c, const struct json *v, void *out)
{
	static const struct json_row rows[] = {
		{ "name", json_read_str, offsetof(struct cgroup_net_prio, name), true },
		{ "priority", json_read_u32, offsetof(struct cgroup_net_prio, priority), true },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), out);
}

static int read_priorities(struct json_ctx *c, const struct json *v, void *field)
{
	struct cgroup_limits *l = field;

	return json_read_array(c, v, sizeof(*l->net.prios), read_priority, &l->net.prios,
			       &l->net.nprios);
}

static int read_network(struct json_ctx *c, const struct json *v, void *l)
{
	static const struct json_row rows[] = {
		LIMIT("classID", net, class_id, json_read_opt_u32),
		{ "priorities", read_priorities, 0, false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), l);
}

/* ---- devices -------------------------------------------------------------------------- */

static int read_devno(struct json_ctx *c, const struct json *v, void *field)
{
	int64_t n;
	int r = json_read_i64(c, v, &n);

	if (r < 0)
		return r;
	if (n < -1 || n > UINT32_MAX)
		return json_fail(c, "%lld is no device number", (long long)n);
	*(int64_t *)field = n;
	return 0;
}

static int read_device_type(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = json_str(v);

	if (!s || (*s && (s[1] || !strchr("abc", *s))))
		return json_fail(c, "must be \"a\", \"b\" or \"c\"");
	*(enum cgroup_device_type *)field = *s ? (enum cgroup_device_type)*s : CGROUP_DEV_ALL;
	return 0;
}

static int read_access(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = json_str(v);
	unsigned bits = 0;

	if (!s)
		return json_fail(c, "must be a string");
	for (; *s; s++) {
		unsigned bit = *s == 'r' ? CGROUP_DEV_READ : *s == 'w' ? CGROUP_DEV_WRITE :
			       *s == 'm' ? CGROUP_DEV_MKNOD : 0;

		/* "rwa" is runc's in its own tests: "a" is a type, and adds nothing here. */
		if (!bit && *s != 'a')
			return json_fail(c, "must be made of the letters r, w and m");
		bits |= bit;
	}
	*(unsigned *)field = bits;
	return 0;
}

static int read_device(struct json_ctx *c, const struct json *v, void *out)
{
	static const struct json_row rows[] = {
		{ "allow", json_read_bool, offsetof(struct cgroup_device, allow), true },
		{ "type", read_device_type, offsetof(struct cgroup_device, type), false },
		{ "major", read_devno, offsetof(struct cgroup_device, major), false },
		{ "minor", read_devno, offsetof(struct cgroup_device, minor), false },
		{ "access", read_access, offsetof(struct cgroup_device, access), false },
	};
	struct cgroup_device *d = out;
	int r;

	*d = (struct cgroup_device){ .type = CGROUP_DEV_ALL, .major = -1, .minor = -1 };
	r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), d);
	/* None given, which the specification allows and does not explain: all three, as in the
	 * engines' own words for a device.  (runc 1.4 refuses it, older ones and crun do not.) */
	if (r == 0 && d->access == 0)
		d->access = CGROUP_DEV_READ | CGROUP_DEV_WRITE | CGROUP_DEV_MKNOD;
	return r;
}

static int read_devices(struct json_ctx *c, const struct json *v, void *field)
{
	struct cgroup_limits *l = field;

	l->devices_set = true;
	return json_read_array(c, v, sizeof(*l->devices), read_device, &l->devices,
			       &l->ndevices);
}

int cgroup_limits_read(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "devices", read_devices, 0, false },
		{ "memory", read_memory, 0, false },
		{ "cpu", read_cpu, 0, false },
		{ "pids", read_pids, 0, false },
		{ "blockIO", read_blkio, 0, false },
		{ "hugepageLimits", read_hugepages, 0, false },
		{ "network", read_network, 0, false },
		{ "rdma", read_rdma, 0, false },
		JSON_ROW(struct cgroup_limits, unified, json_read_map),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* ---- writing -------------------------------------------------------------------------- */

static void out_i64(struct json_out *o, const char *key, struct json_opt_i64 v)
{
	if (v.set)
		json_out_i64(o, key, v.v);
}

static void out_u64(struct json_out *o, const char *key, struct json_opt_u64 v)
{
	if (v.set)
		json_out_u64(o, key, v.v);
}

static void out_u32(struct json_out *o, const char *key, struct json_opt_u32 v)
{
	if (v.set)
		json_out_u64(o, key, v.v);
}

static void out_bool(struct json_out *o, const char *key, struct json_opt_bool v)
{
	if (v.set)
		json_out_bool(o, key, v.v);
}

static void write_memory(struct json_out *o, const struct cgroup_limits *l)
{
	if (!l->memory.limit.set && !l->memory.reservation.set && !l->memory.swap.set &&
	    !l->memory.kernel.set && !l->memory.kernel_tcp.set && !l->memory.swappiness.set &&
	    !l->memory.disable_oom_killer.set && !l->memory.use_hierarchy.set &&
	    !l->memory.check_before_update.set)
		return;
	json_out_obj(o, "memory");
	out_i64(o, "limit", l->memory.limit);
	out_i64(o, "reservation", l->memory.reservation);
	out_i64(o, "swap", l->memory.swap);
	out_i64(o, "kernel", l->memory.kernel);
	out_i64(o, "kernelTCP", l->memory.kernel_tcp);
	out_u64(o, "swappiness", l->memory.swappiness);
	out_bool(o, "disableOOMKiller", l->memory.disable_oom_killer);
	out_bool(o, "useHierarchy", l->memory.use_hierarchy);
	out_bool(o, "checkBeforeUpdate", l->memory.check_before_update);
	json_out_end_obj(o);
}

static void write_cpu(struct json_out *o, const struct cgroup_limits *l)
{
	if (!l->cpu.shares.set && !l->cpu.quota.set && !l->cpu.period.set && !l->cpu.burst.set &&
	    !l->cpu.rt_runtime.set && !l->cpu.rt_period.set && !l->cpu.idle.set &&
	    !l->cpu.cpus && !l->cpu.mems)
		return;
	json_out_obj(o, "cpu");
	out_u64(o, "shares", l->cpu.shares);
	out_i64(o, "quota", l->cpu.quota);
	out_u64(o, "period", l->cpu.period);
	out_u64(o, "burst", l->cpu.burst);
	out_i64(o, "realtimeRuntime", l->cpu.rt_runtime);
	out_u64(o, "realtimePeriod", l->cpu.rt_period);
	out_i64(o, "idle", l->cpu.idle);
	if (l->cpu.cpus)
		json_out_str(o, "cpus", l->cpu.cpus);
	if (l->cpu.mems)
		json_out_str(o, "mems", l->cpu.mems);
	json_out_end_obj(o);
}

static void write_rates(struct json_out *o, const char *key, const struct cgroup_blk_rates *r)
{
	if (!r->n)
		return;
	json_out_arr(o, key);
	for (size_t i = 0; i < r->n; i++) {
		json_out_obj(o, NULL);
		json_out_i64(o, "major", r->v[i].major);
		json_out_i64(o, "minor", r->v[i].minor);
		json_out_u64(o, "rate", r->v[i].rate);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void write_blkio(struct json_out *o, const struct cgroup_limits *l)
{
	if (!l->blkio.weight.set && !l->blkio.leaf_weight.set && !l->blkio.nweights &&
	    !l->blkio.rbps.n && !l->blkio.wbps.n && !l->blkio.riops.n && !l->blkio.wiops.n)
		return;
	json_out_obj(o, "blockIO");
	out_u32(o, "weight", l->blkio.weight);
	out_u32(o, "leafWeight", l->blkio.leaf_weight);
	if (l->blkio.nweights)
		json_out_arr(o, "weightDevice");
	for (size_t i = 0; i < l->blkio.nweights; i++) {
		json_out_obj(o, NULL);
		json_out_i64(o, "major", l->blkio.weights[i].major);
		json_out_i64(o, "minor", l->blkio.weights[i].minor);
		out_u32(o, "weight", l->blkio.weights[i].weight);
		out_u32(o, "leafWeight", l->blkio.weights[i].leaf_weight);
		json_out_end_obj(o);
	}
	if (l->blkio.nweights)
		json_out_end_arr(o);
	write_rates(o, "throttleReadBpsDevice", &l->blkio.rbps);
	write_rates(o, "throttleWriteBpsDevice", &l->blkio.wbps);
	write_rates(o, "throttleReadIOPSDevice", &l->blkio.riops);
	write_rates(o, "throttleWriteIOPSDevice", &l->blkio.wiops);
	json_out_end_obj(o);
}

static void write_devices(struct json_out *o, const struct cgroup_limits *l)
{
	if (!l->devices_set && !l->ndevices)
		return;
	json_out_arr(o, "devices");
	for (size_t i = 0; i < l->ndevices; i++) {
		const struct cgroup_device *d = &l->devices[i];
		char access[4], *p = access;

		if (d->access & CGROUP_DEV_READ)
			*p++ = 'r';
		if (d->access & CGROUP_DEV_WRITE)
			*p++ = 'w';
		if (d->access & CGROUP_DEV_MKNOD)
			*p++ = 'm';
		*p = '\0';
		json_out_obj(o, NULL);
		json_out_bool(o, "allow", d->allow);
		if (d->type != CGROUP_DEV_ALL)
			json_out_str(o, "type", d->type == CGROUP_DEV_CHAR ? "c" : "b");
		if (d->major != -1)
			json_out_i64(o, "major", d->major);
		if (d->minor != -1)
			json_out_i64(o, "minor", d->minor);
		json_out_str(o, "access", access);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void write_named(struct json_out *o, const struct cgroup_limits *l)
{
	if (l->nhugepages)
		json_out_arr(o, "hugepageLimits");
	for (size_t i = 0; i < l->nhugepages; i++) {
		json_out_obj(o, NULL);
		json_out_str(o, "pageSize", l->hugepages[i].page_size);
		json_out_u64(o, "limit", l->hugepages[i].limit);
		json_out_end_obj(o);
	}
	if (l->nhugepages)
		json_out_end_arr(o);
	if (l->nrdma)
		json_out_obj(o, "rdma");
	for (size_t i = 0; i < l->nrdma; i++) {
		json_out_obj(o, l->rdma[i].device);
		out_u32(o, "hcaHandles", l->rdma[i].handles);
		out_u32(o, "hcaObjects", l->rdma[i].objects);
		json_out_end_obj(o);
	}
	if (l->nrdma)
		json_out_end_obj(o);
}

static void write_network(struct json_out *o, const struct cgroup_limits *l)
{
	if (!l->net.class_id.set && !l->net.nprios)
		return;
	json_out_obj(o, "network");
	out_u32(o, "classID", l->net.class_id);
	if (l->net.nprios)
		json_out_arr(o, "priorities");
	for (size_t i = 0; i < l->net.nprios; i++) {
		json_out_obj(o, NULL);
		json_out_str(o, "name", l->net.prios[i].name);
		json_out_u64(o, "priority", l->net.prios[i].priority);
		json_out_end_obj(o);
	}
	if (l->net.nprios)
		json_out_end_arr(o);
	json_out_end_obj(o);
}

void cgroup_limits_write(struct json_out *o, const char *key, const struct cgroup_limits *l)
{
	json_out_obj(o, key);
	write_devices(o, l);
	write_memory(o, l);
	write_cpu(o, l);
	if (l->pids.limit.set) {
		json_out_obj(o, "pids");
		json_out_i64(o, "limit", l->pids.limit.v);
		json_out_end_obj(o);
	}
	write_blkio(o, l);
	write_named(o, l);
	write_network(o, l);
	if (l->unified.n)
		json_out_map(o, "unified", &l->unified);
	json_out_end_obj(o);
}
