/*
 * limits_plan.c - what limits mean in terms of kernel files.  Pure.
 */
#include "cgroup/cgroup.h"

#include <inttypes.h>
#include <string.h>

#include "cgroup/limits.h"

static struct cgroup_write *plan_add(struct cgroup_plan *p, const struct cgroup_option *o,
				     const char *file, const char *text)
{
	struct cgroup_write *w;

	if (p->n == p->cap) {
		struct cgroup_write *v = arena_array(p->a, p->cap ? p->cap * 2 : 16, sizeof(*v));

		if (p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		p->v = v;
		p->cap = p->cap ? p->cap * 2 : 16;
	}
	w = &p->v[p->n++];
	*w = (struct cgroup_write){ .controller = cgroup_controller_of_file(file), .file = file,
				    .text = text, .key = o->key };
	return w;
}

static const char *number_or_max(struct arena *a, int64_t v)
{
	return v < 0 ? "max" : arena_printf(a, "%" PRId64, v);
}

static const struct json_opt_i64 *i64_of(const struct cgroup_limits *l,
					 const struct cgroup_option *o)
{
	return (const void *)((const char *)l + o->off);
}

/* ---- weights -------------------------------------------------------------------------- */

/* Good to 1e-12 for 2 <= x < 2^20; libm is not linked for one formula. */
static double log2_of(uint64_t x)
{
	int whole = 63 - __builtin_clzll(x);
	double r = whole, m = (double)x / (double)(1ull << whole), bit = 0.5;

	for (int i = 0; i < 50; i++, bit /= 2) {
		m *= m;
		if (m >= 2) {
			m /= 2;
			r += bit;
		}
	}
	return r;
}

/* 10^x for 0 <= x <= 5 */
static double pow10_of(double x)
{
	double whole = 1, part = 1;

	for (; x >= 1; x -= 1)
		whole *= 10;
	x *= 2.302585092994045684;	/* e^x by its series, innermost term first */
	for (int i = 40; i > 0; i--)
		part = 1 + x / i * part;
	return whole * part;
}

/*
 * The curve that the peers agreed on in 2025: through 2 → 1, 1024 → 100, 262144 → 10000,
 * quadratic in the logarithm, so that the default stays the default.
 */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	double l, w;
	uint64_t whole;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of(shares);
	w = pow10_of((l * l + 125 * l) / 612 - 7.0 / 34) - 1e-7;
	whole = (uint64_t)w;
	return (double)whole < w ? whole + 1 : whole;
}

uint64_t cgroup_weight_of_blkio(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

/* ---- one function a kind of row ------------------------------------------------------- */

/* 0 is "not set", as runc and crun take it. */
void limit_write_memory(const struct cgroup_limits *l, const struct cgroup_option *o,
			struct cgroup_plan *p)
{
	const struct json_opt_i64 *v = i64_of(l, o);

	if (v->set && v->v != 0)
		plan_add(p, o, o->file, number_or_max(p->a, v->v));
}

int64_t cgroup_swap_of(int64_t memory, bool memory_set, int64_t swap, bool swap_set)
{
	if (!memory_set)
		memory = 0;
	/* 0 beside memory that is not limited: runc's way to say that neither is. */
	if (!swap_set || (swap == 0 && memory == -1))
		return memory == -1 ? -1 : -2;
	if (swap == 0)	/* no swap, as crun has it */
		return 0;
	if (swap == -1)
		return -1;
	if (memory == -1)
		return swap;
	if (memory == 0)
		return -2;
	return swap >= memory ? swap - memory : -2;
}

void limit_write_swap(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	int64_t v = cgroup_swap_of(l->memory.limit.v, l->memory.limit.set, l->memory.swap.v,
				   l->memory.swap.set);

	if (v == -2)
		return;
	/* A kernel without swap accounting limits it to nothing or not at all anyway. */
	plan_add(p, o, o->file, number_or_max(p->a, v))->may_lack = v <= 0;
}

/* An idle cgroup has the least weight there is; the kernel refuses to be told another. */
static bool is_idle(const struct cgroup_limits *l)
{
	const char *unified = cgroup_unified_get(l, "cpu.idle");

	return unified ? str_eq(unified, "1") : l->cpu.idle.set && l->cpu.idle.v == 1;
}

bool cgroup_limits_weight_lost(const struct cgroup_limits *l)
{
	return is_idle(l) && ((l->cpu.shares.set && l->cpu.shares.v != 0) ||
			      cgroup_unified_get(l, "cpu.weight"));
}

void limit_write_shares(const struct cgroup_limits *l, const struct cgroup_option *o,
			struct cgroup_plan *p)
{
	if (l->cpu.shares.set && l->cpu.shares.v != 0 && !is_idle(l))
		plan_add(p, o, o->file, arena_printf(p->a, "%" PRIu64,
						     cgroup_weight_of_shares(l->cpu.shares.v)));
}

void limit_write_cpu_max(const struct cgroup_limits *l, const struct cgroup_option *o,
			 struct cgroup_plan *p)
{
	bool quota = l->cpu.quota.set && l->cpu.quota.v != 0;
	bool period = l->cpu.period.set && l->cpu.period.v != 0;
	const char *q;

	if (!quota && !period)
		return;
	q = number_or_max(p->a, quota ? l->cpu.quota.v : -1);
	plan_add(p, o, o->file, period ? arena_printf(p->a, "%s %" PRIu64, q, l->cpu.period.v) : q);
}

void limit_write_burst(const struct cgroup_limits *l, const struct cgroup_option *o,
		       struct cgroup_plan *p)
{
	if (l->cpu.burst.set)
		plan_add(p, o, o->file, arena_printf(p->a, "%" PRIu64, l->cpu.burst.v))->may_lack =
			l->cpu.burst.v == 0;
}

void limit_write_idle(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	if (l->cpu.idle.set)	/* cpu.idle is there since 5.15 */
		plan_add(p, o, o->file, l->cpu.idle.v ? "1" : "0")->may_lack = !l->cpu.idle.v;
}

void limit_write_list(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	const char *s = *(const char *const *)((const char *)l + o->off);

	if (!str_empty(s))
		plan_add(p, o, o->file, s);
}

/* 0 would let nothing be cloned into the cgroup, not even its first process. */
void limit_write_pids(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	if (l->pids.limit.set)
		plan_add(p, o, o->file, number_or_max(p->a, l->pids.limit.v == 0 ? 1 :
								    l->pids.limit.v));
}

void limit_write_weight(const struct cgroup_limits *l, const struct cgroup_option *o,
			struct cgroup_plan *p)
{
	struct cgroup_write *w;

	if (!l->blkio.weight.set || l->blkio.weight.v == 0)
		return;
	w = plan_add(p, o, o->file, arena_printf(p->a, "%" PRIu64,
						 cgroup_weight_of_blkio(l->blkio.weight.v)));
	w->alt_file = "io.bfq.weight";
	w->alt_text = arena_printf(p->a, "%u", l->blkio.weight.v);
}

void limit_write_weight_device(const struct cgroup_limits *l, const struct cgroup_option *o,
			       struct cgroup_plan *p)
{
	for (size_t i = 0; i < l->blkio.nweights; i++) {
		const struct cgroup_blk_weight *d = &l->blkio.weights[i];
		struct cgroup_write *w;

		if (!d->weight.set || d->weight.v == 0)
			continue;
		w = plan_add(p, o, o->file,
			     arena_printf(p->a, "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
					  d->minor, cgroup_weight_of_blkio(d->weight.v)));
		w->alt_file = "io.bfq.weight";
		w->alt_text = arena_printf(p->a, "%" PRId64 ":%" PRId64 " %u", d->major, d->minor,
					   d->weight.v);
		w->line = true;
	}
}

void limit_write_rate(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	const struct cgroup_blk_rates *r = (const void *)((const char *)l + o->off);
	const char *word = str_eq(o->name, "device-read-bps") ? "rbps" :
			   str_eq(o->name, "device-write-bps") ? "wbps" :
			   str_eq(o->name, "device-read-iops") ? "riops" : "wiops";

	for (size_t i = 0; i < r->n; i++) {
		const char *rate = r->v[i].rate ? arena_printf(p->a, "%" PRIu64, r->v[i].rate) :
						  "max";

		plan_add(p, o, o->file, arena_printf(p->a, "%" PRId64 ":%" PRId64 " %s=%s",
						     r->v[i].major, r->v[i].minor, word,
						     rate))->line = true;
	}
}

/* Reservations as well as use: the specification wants the former where the kernel has it. */
void limit_write_hugepage(const struct cgroup_limits *l, const struct cgroup_option *o,
			  struct cgroup_plan *p)
{
	for (size_t i = 0; i < l->nhugepages; i++) {
		const char *size = l->hugepages[i].page_size;
		const char *text = arena_printf(p->a, "%" PRIu64, l->hugepages[i].limit);

		plan_add(p, o, arena_printf(p->a, "hugetlb.%s.max", size), text);
		plan_add(p, o, arena_printf(p->a, "hugetlb.%s.rsvd.max", size), text)->may_lack =
			true;
	}
}

void limit_write_rdma(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p)
{
	for (size_t i = 0; i < l->nrdma; i++) {
		const struct cgroup_rdma *d = &l->rdma[i];
		const char *h = d->handles.set ?
			arena_printf(p->a, " hca_handle=%u", d->handles.v) : "";
		const char *obj = d->objects.set ?
			arena_printf(p->a, " hca_object=%u", d->objects.v) : "";

		plan_add(p, o, o->file, arena_printf(p->a, "%s%s%s", d->device, h, obj))->line =
			true;
	}
}

/* A file with a line for each device (io.max) takes one of them a write. */
static void plan_lines(struct cgroup_plan *p, const struct cgroup_option *o, const char *file,
		       const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			plan_add(p, o, file, arena_strndup(p->a, text, n))->line = true;
		text += n + (text[n] == '\n');
	}
}

void limit_write_unified(const struct cgroup_limits *l, const struct cgroup_option *o,
			 struct cgroup_plan *p)
{
	for (size_t i = 0; i < l->unified.n; i++) {
		const char *file = l->unified.v[i].key, *text = l->unified.v[i].value;

		if (is_idle(l) && str_starts(file, "cpu.weight"))
			continue;
		if (strchr(text, '\n'))
			plan_lines(p, o, file, text);
		else
			plan_add(p, o, file, text);
	}
}

void cgroup_plan_make(const struct cgroup_limits *l, struct arena *a, struct cgroup_plan *ret)
{
	*ret = (struct cgroup_plan){ .a = a };
	for (const struct cgroup_option *o = cgroup_options; o->name; o++)
		if (o->write)
			o->write(l, o, ret);
}

unsigned cgroup_plan_controllers(const struct cgroup_plan *p)
{
	unsigned bits = 0;

	for (size_t i = 0; i < p->n; i++)
		if (!p->v[i].may_lack)
			bits |= p->v[i].controller;
	return bits;
}
