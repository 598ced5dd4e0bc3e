/*
 * unit.c - names and properties of systemd units.  Pure: no bus, no kernel.
 *
 * systemd.resource-control(5), org.freedesktop.systemd1(5).
 */
#include "cgroup/unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/devices.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ANNOTATION "org.systemd.property."
#define CPU_MAX 65536
/* The versions of systemd that brought CPUWeight=idle, and OOMPolicy= for scopes. */
#define IDLE_WEIGHT 252
#define SCOPE_OOM_POLICY 253

/* ---- names ---------------------------------------------------------------------------- */

void cgroup_unit_cleanup(struct cgroup_unit *u)
{
	free(TAKE(u->unit));
	free(TAKE(u->slice));
}

static bool name_is_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 255)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(":-_.\\@", s[i]))
			return false;
	return true;
}

int cgroup_slice_path(const char *slice, char **ret, struct err *e)
{
	struct strbuf b AUTO(strbuf) = STRBUF_INIT;
	const char *end;

	if (!name_is_valid(slice) || !str_ends(slice, ".slice") || slice[0] == '.')
		return err_say(e, EINVAL, "\"%s\" is no name of a slice", slice);
	end = slice + strlen(slice) - strlen(".slice");
	if (str_eq(slice, "-.slice")) {
		*ret = mem_strdup("");
		return 0;
	}
	if (slice[0] == '-' || end[-1] == '-' || strstr(slice, "--"))
		return err_say(e, EINVAL, "\"%s\" is no name of a slice", slice);
	/* A dash is a level: "a-b.slice" lies in "a.slice". */
	for (const char *p = slice; p <= end; p++) {
		if (*p != '-' && p != end)
			continue;
		if (b.len)
			strbuf_addc(&b, '/');
		strbuf_add(&b, slice, (size_t)(p - slice));
		strbuf_adds(&b, ".slice");
	}
	*ret = strbuf_take(&b);
	return 0;
}

int cgroup_unit_parse(const char *oci_path, const char *parent, const char *id, bool user,
		      struct cgroup_unit *ret, struct err *e)
{
	struct strlist part AUTO(strlist) = STRLIST_INIT;
	struct cgroup_unit u AUTO(cgroup_unit) = { NULL, NULL };
	AUTO_FREE char *path = NULL;
	const char *slice, *prefix = "berth", *name = id;
	int r;

	slice = !str_empty(parent) ? parent : user ? "user.slice" : "system.slice";
	if (!str_empty(oci_path)) {
		strlist_split(&part, oci_path, ':', false);
		if (part.n != 3)
			return err_say(e, EINVAL, "linux.cgroupsPath: \"%s\" is not of the form "
				       "slice:prefix:name that the systemd driver needs", oci_path);
		slice = *part.v[0] ? part.v[0] : slice;
		prefix = part.v[1];
		name = part.v[2];
	}
	if (str_ends(name, ".slice"))
		return err_say(e, EINVAL, "linux.cgroupsPath: \"%s\" names a slice, but a "
			       "container is a scope", oci_path ? oci_path : name);
	u.slice = mem_strdup(slice);
	u.unit = mem_printf("%s%s%s%s", prefix, *prefix ? "-" : "", name,
			    str_ends(name, ".scope") ? "" : ".scope");
	if (!name_is_valid(u.unit) || str_empty(name))
		return err_say(e, EINVAL, "\"%s\" is no name of a systemd unit", u.unit);
	r = cgroup_slice_path(u.slice, &path, e);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct cgroup_unit){ NULL, NULL };
	return 0;
}

/* ---- properties ----------------------------------------------------------------------- */

struct unit_prop *unit_props_add(struct unit_props *p, const char *name, const char *sig)
{
	/* A later value replaces an earlier one: unified overrides, annotations override all. */
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].name, name)) {
			p->v[i] = (struct unit_prop){ .name = name, .sig = sig };
			return &p->v[i];
		}
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 32;
		struct unit_prop *v = arena_array(p->a, cap, sizeof(*v));

		if (p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n] = (struct unit_prop){ .name = name, .sig = sig };
	return &p->v[p->n++];
}

static bool has_prop(const struct unit_props *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].name, name))
			return true;
	return false;
}

static void add_u64(struct unit_props *p, const char *name, uint64_t v)
{
	unit_props_add(p, name, "t")->u = v;
}

/* -1 is infinity. */
static void add_limit(struct unit_props *p, const char *name, int64_t v)
{
	add_u64(p, name, v < 0 ? UINT64_MAX : (uint64_t)v);
}

size_t unit_cpu_mask(struct arena *a, const char *list, uint8_t **ret)
{
	uint8_t *mask = arena_alloc(a, CPU_MAX / 8);
	size_t n = 0;

	for (const char *p = list; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = from; cpu <= to && cpu < CPU_MAX; cpu++) {
			mask[cpu / 8] |= (uint8_t)(1u << cpu % 8);
			n = cpu / 8 + 1 > n ? cpu / 8 + 1 : n;
		}
		p = *end == ',' ? end + 1 : end + strlen(end);
	}
	*ret = mask;
	return n;
}

static void add_mask(struct unit_props *p, const char *name, const char *list)
{
	struct unit_prop *prop;
	uint8_t *mask;
	size_t n;

	if (!cgroup_list_is_valid(list))
		return;
	n = unit_cpu_mask(p->a, list, &mask);
	prop = unit_props_add(p, name, "ay");
	prop->v = mask;
	prop->n = n;
}

/* CPUQuotaPerSecUSec is microseconds a second, in whole hundredths of a CPU. */
static uint64_t quota_per_sec(int64_t quota, uint64_t period)
{
	return ((uint64_t)quota * 1000000 / period + 9999) / 10000 * 10000;
}

static void add_quota(struct unit_props *p, int64_t quota, uint64_t period)
{
	if (!period)
		period = 100000;
	add_u64(p, "CPUQuotaPerSecUSec", quota > 0 ? quota_per_sec(quota, period) : UINT64_MAX);
	add_u64(p, "CPUQuotaPeriodUSec", period);
}

void unit_round_quota(struct cgroup_limits *l)
{
	uint64_t period = l->cpu.period.set && l->cpu.period.v ? l->cpu.period.v : 100000;

	if (l->cpu.quota.set && l->cpu.quota.v > 0 && l->cpu.quota.v <= INT64_MAX / 1000000)
		l->cpu.quota.v = (int64_t)(quota_per_sec(l->cpu.quota.v, period) * period /
					   1000000);
}

/* systemd says idle by a weight of 0, and writes cpu.idle=0 where it was not told so. */
static void add_idle(struct unit_props *p, bool idle)
{
	if (p->version < IDLE_WEIGHT)
		return;
	if (idle)
		add_u64(p, "CPUWeight", 0);
	else if (!has_prop(p, "CPUWeight"))
		add_u64(p, "CPUWeight", UINT64_MAX);	/* its default */
}

static void add_unified(struct unit_props *p, const char *file, const char *text)
{
	static const struct { const char *file, *name; } bytes[] = {
		{ "memory.high", "MemoryHigh" }, { "memory.low", "MemoryLow" },
		{ "memory.min", "MemoryMin" }, { "memory.max", "MemoryMax" },
		{ "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" },
		{ "cpu.weight", "CPUWeight" },
	};
	uint64_t v, period = 100000;

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		if (!str_eq(file, bytes[i].file))
			continue;
		if (str_eq(text, "max"))
			add_u64(p, bytes[i].name, UINT64_MAX);
		else if (str_to_u64(text, &v) == 0)
			add_u64(p, bytes[i].name, v == 0 && str_eq(file, "pids.max") ? 1 : v);
		return;
	}
	if (str_eq(file, "memory.oom.group") && p->start && p->version >= SCOPE_OOM_POLICY)
		unit_props_add(p, "OOMPolicy", "s")->s = str_eq(text, "1") ? "kill" : "continue";
	if (str_eq(file, "cpuset.cpus"))
		add_mask(p, "AllowedCPUs", text);
	if (str_eq(file, "cpuset.mems"))
		add_mask(p, "AllowedMemoryNodes", text);
	if (str_eq(file, "cpu.max")) {
		char *copy = arena_strdup(p->a, text), *space = strchr(copy, ' ');

		if (space)
			*space++ = '\0';
		if (space && str_to_u64(space, &period) < 0)
			return;
		if (str_eq(copy, "max"))
			add_quota(p, -1, period);
		else if (str_to_u64(copy, &v) == 0 && v <= INT64_MAX / 1000000)
			add_quota(p, (int64_t)v, period);
	}
}

void unit_props_limits(struct unit_props *p, const struct cgroup_limits *l)
{
	const char *idle;
	int64_t swap = cgroup_swap_of(l->memory.limit.v, l->memory.limit.set, l->memory.swap.v,
				      l->memory.swap.set);

	if (l->memory.limit.set && l->memory.limit.v != 0)
		add_limit(p, "MemoryMax", l->memory.limit.v);
	if (l->memory.reservation.set && l->memory.reservation.v != 0)
		add_limit(p, "MemoryLow", l->memory.reservation.v);
	if (swap != -2)
		add_limit(p, "MemorySwapMax", swap);
	if (l->cpu.shares.set && l->cpu.shares.v != 0)
		add_u64(p, "CPUWeight", cgroup_weight_of_shares(l->cpu.shares.v));
	if ((l->cpu.quota.set && l->cpu.quota.v != 0) ||
	    (l->cpu.period.set && l->cpu.period.v != 0))
		add_quota(p, l->cpu.quota.set ? l->cpu.quota.v : -1,
			  l->cpu.period.set ? l->cpu.period.v : 0);
	if (!str_empty(l->cpu.cpus))
		add_mask(p, "AllowedCPUs", l->cpu.cpus);
	if (!str_empty(l->cpu.mems))
		add_mask(p, "AllowedMemoryNodes", l->cpu.mems);
	if (l->pids.limit.set)
		add_limit(p, "TasksMax", l->pids.limit.v == 0 ? 1 : l->pids.limit.v);
	if (l->blkio.weight.set && l->blkio.weight.v != 0)
		add_u64(p, "IOWeight", cgroup_weight_of_blkio(l->blkio.weight.v));
	for (size_t i = 0; i < l->unified.n; i++)
		add_unified(p, l->unified.v[i].key, l->unified.v[i].value);
	/* Last: being idle and having a weight are the same property. */
	idle = cgroup_unified_get(l, "cpu.idle");
	if (idle || l->cpu.idle.set)
		add_idle(p, idle ? str_eq(idle, "1") : l->cpu.idle.v != 0);
}

/* ---- devices -------------------------------------------------------------------------- */

/* How systemd names what the rule allows; NULL when it cannot. */
static const char *device_name(struct arena *a, char type, const struct cgroup_device *d)
{
	const char *word = type == 'c' ? "char" : "block";

	if (d->major < 0)
		return d->minor < 0 ? arena_printf(a, "%s-*", word) : NULL;
	if (d->minor < 0)
		return arena_printf(a, "%s-%" PRId64, word, d->major);
	return arena_printf(a, "/dev/%s/%" PRId64 ":%" PRId64, word, d->major, d->minor);
}

static bool device_pairs(struct arena *a, const struct cgroup_limits *l, struct unit_pair *v,
			 size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < l->ndevices; i++) {
		const struct cgroup_device *d = &l->devices[i];
		const char *access = arena_printf(a, "%s%s%s",
						  d->access & CGROUP_DEV_READ ? "r" : "",
						  d->access & CGROUP_DEV_WRITE ? "w" : "",
						  d->access & CGROUP_DEV_MKNOD ? "m" : "");

		if (!d->allow) {
			/* Denying all in front is what "strict" means; anything else it cannot. */
			if (*n || d->type != CGROUP_DEV_ALL || d->major >= 0 || d->minor >= 0)
				return false;
			continue;
		}
		for (const char *t = "cb"; *t; t++) {
			const char *name = device_name(a, *t, d);

			if (d->type != CGROUP_DEV_ALL && (char)d->type != *t)
				continue;
			if (!name)
				return false;
			v[(*n)++] = (struct unit_pair){ name, access };
		}
	}
	return true;
}

void unit_props_devices(struct unit_props *p, const struct cgroup_limits *l)
{
	struct unit_pair *v = arena_array(p->a, l->ndevices * 2 + 1, sizeof(*v));
	struct unit_prop *prop;
	bool strict;
	size_t n;

	if (!l->devices_set)
		return;
	/* Both programs must allow, systemd's and ours; so where systemd cannot say it, it says
	 * nothing, and ours alone decides. */
	strict = !cgroup_devices_allow_all(l) && device_pairs(p->a, l, v, &n);
	unit_props_add(p, "DevicePolicy", "s")->s = strict ? "strict" : "auto";
	prop = unit_props_add(p, "DeviceAllow", "a(ss)");
	prop->v = v;
	prop->n = strict ? n : 0;
}

/* ---- annotations ---------------------------------------------------------------------- */

static int seconds_to_usec(struct unit_prop *p)
{
	switch (p->sig[0]) {
	case 'y': case 'q': case 'u': case 't':
		if (p->u > UINT64_MAX / 1000000)
			return -ERANGE;
		p->u *= 1000000;
		break;
	case 'n': case 'i': case 'x':
		if (p->i < 0 || p->i > INT64_MAX / 1000000)
			return -ERANGE;
		p->u = (uint64_t)p->i * 1000000;
		break;
	case 'd':
		if (!(p->d >= 0 && p->d < 1e12))
			return -ERANGE;
		p->u = (uint64_t)(p->d * 1e6);
		break;
	default:
		return -EINVAL;
	}
	p->sig = "t";
	return 0;
}

int unit_props_annotations(struct unit_props *p, const struct json_map *m, struct err *e)
{
	for (size_t i = 0; m && i < m->n; i++) {
		const char *name = str_after(m->v[i].key, ANNOTATION), *value = m->v[i].value;
		struct unit_prop v = { 0 };
		size_t n;
		int r;

		if (!name)
			continue;
		n = strlen(name);
		if (n < 3 || strspn(name, LETTERS) != n)
			return err_say(e, EINVAL, "annotation %s: \"%s\" is no property's name",
				       m->v[i].key, name);
		r = gvariant_parse(p->a, value, &v);
		if (r < 0)
			return err_say(e, EINVAL, "annotation %s: \"%s\" is no value in GVariant "
				       "text notation", m->v[i].key, value);
		/* Documented as TimeoutStopSec, set as TimeoutStopUSec. */
		if (n > 3 && str_ends(name, "Sec") && islower((unsigned char)name[n - 4])) {
			name = arena_printf(p->a, "%.*sUSec", (int)(n - 3), name);
			if (seconds_to_usec(&v) < 0)
				return err_say(e, EINVAL, "annotation %s: \"%s\" is no number of "
					       "seconds", m->v[i].key, value);
		}
		v.name = arena_strdup(p->a, name);
		*unit_props_add(p, v.name, v.sig) = v;
	}
	return 0;
}
