/*
 * assemble.c - a profile becomes instructions of classic BPF.  Pure.
 *
 * For each architecture the numbers are cut into ranges with the same outcome, and
 * the ranges become a binary tree of comparisons: a call takes some 8 steps where a
 * list of rules takes hundreds.  The kernel also walks the filter once for every
 * number when it is installed (the cache of calls that are always allowed,
 * Linux 5.11), so short ways make the start of a container faster too.
 *
 * Code is written from its end to its beginning, so that the target of every
 * jump is known when the jump is written.  A label is the distance of an
 * instruction from the end of the program.
 *
 * Several rules for one call, as with libseccomp: the first rule without conditions
 * decides, and makes those with conditions void; else the first whose conditions hold.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct alt {			/* conditions and what follows from them */
	size_t nargs;
	const struct filter_arg *args;
	uint32_t ret;
	struct alt *next;
};

struct call {			/* one number */
	uint32_t nr;
	bool decided;		/* ret holds whatever the arguments are */
	uint32_t ret;
	struct alt *alts;
	struct alt **end;
};

struct range {			/* from here to the next range */
	uint32_t from;
	uint32_t ret;
	const struct call *call;	/* with alts, else NULL */
};

struct maker {
	const struct assemble_input *in;
	struct arena *a;
	const struct sysnames_arch *arch;
	uint32_t fallback;	/* the default action with its data */
	struct call *calls;	/* of arch, sorted once all are there */
	size_t ncalls, cap;
	uint32_t *slots;	/* hash table over calls: index + 1 */
	bool named;		/* the profile names a call that arch has */
	uint32_t newest;	/* highest number named below arch->private_from */
	uint32_t private;	/* highest number named from there on, or 0 */
	struct range *ranges;
	size_t nranges;
	struct sock_filter *code;	/* backwards */
	uint32_t n;
	bool full;
};

enum { SLOTS = 4096, MAX_CALLS = 2048, FAR = 250 };

#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARG_LO(i) (DATA(args) + (i) * 8)
#define ARG_HI(i) (DATA(args) + (i) * 8 + 4)
#else
#define ARG_LO(i) (DATA(args) + (i) * 8 + 4)
#define ARG_HI(i) (DATA(args) + (i) * 8)
#endif

static uint32_t with_data(uint32_t action, struct json_opt_u32 data)
{
	if (action != SECCOMP_RET_ERRNO && action != SECCOMP_RET_TRACE)
		return action;
	return action | ((data.set ? data.v : (uint32_t)EPERM) & SECCOMP_RET_DATA);
}

/* ---- the calls of one architecture ---- */

static struct call *get_call(struct maker *m, uint32_t nr)
{
	uint32_t h = nr * 2654435761u >> 20;
	struct call *c;

	for (;; h = (h + 1) % SLOTS) {
		if (!m->slots[h])
			break;
		if (m->calls[m->slots[h] - 1].nr == nr)
			return &m->calls[m->slots[h] - 1];
	}
	if (m->ncalls == MAX_CALLS)
		return NULL;
	c = &m->calls[m->ncalls++];
	*c = (struct call){ .nr = nr };
	m->slots[h] = (uint32_t)m->ncalls;
	return c;
}

static void add_alt(struct maker *m, struct call *c, const struct filter_arg *args, size_t nargs,
		    uint32_t ret)
{
	struct alt *alt;

	if (c->decided)
		return;
	if (!nargs) {
		c->decided = true;
		c->ret = ret;
		c->alts = NULL;
		return;
	}
	alt = arena_alloc(m->a, sizeof(*alt));
	*alt = (struct alt){ .nargs = nargs, .args = args, .ret = ret };
	if (!c->alts)
		c->end = &c->alts;
	*c->end = alt;
	c->end = &alt->next;
}

static bool index_twice(const struct filter_rule *r)
{
	unsigned seen = 0;

	for (size_t i = 0; i < r->nargs; i++) {
		if (seen & 1u << r->args[i].index)
			return true;
		seen |= 1u << r->args[i].index;
	}
	return false;
}

static bool lets_pass(uint32_t action)
{
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
	       action == SECCOMP_RET_TRACE || action == SECCOMP_RET_USER_NOTIF;
}

static int add_direct(struct maker *m, int nr, const struct filter_rule *r, uint32_t ret)
{
	struct call *c = get_call(m, (uint32_t)nr);

	if (!c)
		return -E2BIG;
	if (r->nargs && index_twice(r)) {
		for (size_t i = 0; i < r->nargs; i++)
			add_alt(m, c, &r->args[i], 1, ret);
		return 0;
	}
	add_alt(m, c, r->args, r->nargs, ret);
	return 0;
}

/*
 * The other way to a call of i386: socketcall(SUB, ...) and ipc(SUB, ...), whose arguments lie in
 * memory where no filter sees them.  A rule with conditions therefore denies the whole of it but
 * never allows it.
 */
static int add_muxed(struct maker *m, struct sysnames_mux mux, const struct filter_rule *r,
		     uint32_t ret)
{
	struct filter_arg *arg;
	struct call *c;

	if (r->nargs && lets_pass(r->action))
		return 0;
	c = get_call(m, (uint32_t)mux.nr);
	if (!c)
		return -E2BIG;
	arg = arena_alloc(m->a, sizeof(*arg));
	/* ipc(2) takes a version in the upper half of its first argument, and ignores it. */
	*arg = (struct filter_arg){ .index = 0, .op = FILTER_OP_MASKED_EQ,
				    .value = mux.nr == m->arch->ipc ? 0xffff : UINT32_MAX,
				    .value_two = mux.sub };
	add_alt(m, c, arg, 1, ret);
	return 0;
}

static void note_number(struct maker *m, int nr)
{
	uint32_t from = m->arch->private_from ? m->arch->private_from : UINT32_MAX;
	uint32_t *highest = (uint32_t)nr < from ? &m->newest : &m->private;

	m->named = true;
	if ((uint32_t)nr > *highest)
		*highest = (uint32_t)nr;
}

static int add_rule(struct maker *m, const struct filter_rule *r, struct err *e)
{
	uint32_t ret = with_data(r->action, r->errno_ret);
	struct sysnames_mux mux;
	bool known;
	int rc = 0;

	for (char **name = r->names; *name; name++) {
		int nr;

		known = false;
		nr = sysnames_resolve(m->arch, *name, &mux, &known);
		if (!known && m->in->fail_unknown)
			return err_say(e, EINVAL, "seccomp profile: unknown system call %s", *name);
		if (nr != SYSNAMES_UNKNOWN)
			note_number(m, nr);
		/* As other runtimes do: what the default says needs no rule. */
		if (ret == m->fallback)
			continue;
		if (mux.nr)
			rc = add_muxed(m, mux, r, ret);
		if (rc == 0 && nr != SYSNAMES_UNKNOWN)
			rc = add_direct(m, nr, r, ret);
		if (rc < 0)
			return err_say(e, E2BIG, "seccomp profile: more than %d system calls",
				       MAX_CALLS);
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct call *)a)->nr, y = ((const struct call *)b)->nr;

	return (x > y) - (x < y);
}

/* ---- ranges ---- */

/*
 * What the profile's author could not know must look as if the kernel did not have it: a C library
 * tries the new call and falls back on ENOSYS, but takes EPERM for the answer (moby#42680).  A
 * default that lets pass or asks somebody needs no such thing.
 */
static bool hides_newer(const struct maker *m)
{
	return m->named && !lets_pass(m->in->profile->default_action) &&
	       m->fallback != (SECCOMP_RET_ERRNO | ENOSYS);
}

static void add_range(struct maker *m, uint32_t from, uint32_t ret, const struct call *call)
{
	struct range *last = m->nranges ? &m->ranges[m->nranges - 1] : NULL;

	if (last && last->from == from) {	/* nothing between the two */
		*last = (struct range){ from, ret, call };
		return;
	}
	if (last && !call && !last->call && last->ret == ret)
		return;
	m->ranges[m->nranges++] = (struct range){ from, ret, call };
}

/* The default for numbers from `from` to `to`, cut where ENOSYS begins and ends. */
static void add_gap(struct maker *m, uint32_t from, uint32_t to)
{
	const uint32_t none = SECCOMP_RET_ERRNO | ENOSYS;
	uint32_t start = m->arch->private_from, last = m->private;
	bool old = from <= m->newest || (last && from >= start && from <= last);

	add_range(m, from, old || !hides_newer(m) ? m->fallback : none, NULL);
	if (!hides_newer(m))
		return;
	if (from <= m->newest && m->newest < to)
		add_range(m, m->newest + 1, none, NULL);
	if (last && from < start && start <= to)
		add_range(m, start, m->fallback, NULL);
	if (last && from <= last && last < to)
		add_range(m, last + 1, none, NULL);
}

static void make_ranges(struct maker *m)
{
	uint32_t next = 0;

	if (m->in->newest)
		m->newest = m->in->newest + m->arch->base;
	qsort(m->calls, m->ncalls, sizeof(*m->calls), by_number);
	/* Each call makes at most a range of its own and a gap of up to four before it. */
	m->ranges = mem_array(m->ncalls * 5 + 8, sizeof(*m->ranges));
	m->nranges = 0;
	for (size_t i = 0; i < m->ncalls; i++) {
		const struct call *c = &m->calls[i];

		if (c->nr > next)
			add_gap(m, next, c->nr - 1);
		add_range(m, c->nr, c->ret, c->alts ? c : NULL);
		next = c->nr + 1;
	}
	add_gap(m, next, UINT32_MAX);
}

/* ---- code, backwards ---- */

static uint32_t emit(struct maker *m, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (m->n == BPF_MAXINSNS) {
		m->full = true;
		return 0;
	}
	m->code[m->n] = (struct sock_filter){ code, jt, jf, k };
	return m->n++;
}

static uint32_t emit_ret(struct maker *m, uint32_t ret)
{
	/* One of the last FAR instructions may be it already. */
	for (uint32_t i = m->n, end = m->n > FAR ? m->n - FAR : 0; i-- > end;)
		if (m->code[i].code == (BPF_RET | BPF_K) && m->code[i].k == ret)
			return i;
	return emit(m, BPF_RET | BPF_K, ret, 0, 0);
}

/* A label that a conditional jump written next can reach with its eight bits. */
static uint32_t near(struct maker *m, uint32_t label)
{
	if (m->n - label <= FAR)
		return label;
	if (m->code[label].code == (BPF_RET | BPF_K))
		return emit_ret(m, m->code[label].k);
	return emit(m, BPF_JMP | BPF_JA, m->n - label - 1, 0, 0);
}

static uint32_t emit_jump(struct maker *m, uint16_t cond, uint32_t k, uint32_t yes, uint32_t no)
{
	if (yes == no)
		return yes;
	/* The second may move the first out of reach, by one: FAR leaves room for that. */
	yes = near(m, yes);
	no = near(m, no);
	return emit(m, (uint16_t)(BPF_JMP | BPF_K | cond), k, (uint8_t)(m->n - yes - 1),
		    (uint8_t)(m->n - no - 1));
}

static uint32_t emit_load(struct maker *m, uint32_t offset, uint32_t next)
{
	/* What follows a load is what comes next. */
	if (m->n == 0 || next != m->n - 1)
		emit(m, BPF_JMP | BPF_JA, m->n - next - 1, 0, 0);
	return emit(m, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static uint32_t emit_equal(struct maker *m, const struct filter_arg *arg, uint32_t yes, uint32_t no)
{
	uint32_t lo = (uint32_t)arg->value, hi = (uint32_t)(arg->value >> 32), l;

	l = emit_load(m, ARG_LO(arg->index), emit_jump(m, BPF_JEQ, lo, yes, no));
	if (m->arch->narrow)
		return l;
	return emit_load(m, ARG_HI(arg->index), emit_jump(m, BPF_JEQ, hi, l, no));
}

static uint32_t emit_masked_half(struct maker *m, uint32_t offset, uint32_t mask, uint32_t value,
				 uint32_t yes, uint32_t no)
{
	uint32_t l;

	if (!mask)
		return value ? no : yes;
	l = emit_jump(m, BPF_JEQ, value, yes, no);
	if (m->n == 0 || l != m->n - 1)
		emit(m, BPF_JMP | BPF_JA, m->n - l - 1, 0, 0);
	if (mask != UINT32_MAX)
		emit(m, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	return emit(m, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static uint32_t emit_masked(struct maker *m, const struct filter_arg *arg, uint32_t yes,
			    uint32_t no)
{
	/* As with libseccomp, bits of the value outside of the mask say nothing. */
	uint64_t value = arg->value_two & arg->value;
	uint32_t l = emit_masked_half(m, ARG_LO(arg->index), (uint32_t)arg->value,
				      (uint32_t)value, yes, no);

	if (m->arch->narrow)
		return l;
	return emit_masked_half(m, ARG_HI(arg->index), (uint32_t)(arg->value >> 32),
				(uint32_t)(value >> 32), l, no);
}

/* argument > value, or argument >= value */
static uint32_t emit_greater(struct maker *m, const struct filter_arg *arg, bool or_equal,
			     uint32_t yes, uint32_t no)
{
	uint32_t lo = (uint32_t)arg->value, hi = (uint32_t)(arg->value >> 32), l, same;

	l = emit_load(m, ARG_LO(arg->index),
		      emit_jump(m, or_equal ? BPF_JGE : BPF_JGT, lo, yes, no));
	if (m->arch->narrow)
		return l;
	same = emit_jump(m, BPF_JEQ, hi, l, no);
	return emit_load(m, ARG_HI(arg->index), emit_jump(m, BPF_JGT, hi, yes, same));
}

static uint32_t emit_condition(struct maker *m, const struct filter_arg *arg, uint32_t yes,
			       uint32_t no)
{
	switch (arg->op) {
	case FILTER_OP_EQ:
		return emit_equal(m, arg, yes, no);
	case FILTER_OP_NE:
		return emit_equal(m, arg, no, yes);
	case FILTER_OP_GT:
		return emit_greater(m, arg, false, yes, no);
	case FILTER_OP_GE:
		return emit_greater(m, arg, true, yes, no);
	case FILTER_OP_LT:
		return emit_greater(m, arg, true, no, yes);
	case FILTER_OP_LE:
		return emit_greater(m, arg, false, no, yes);
	case FILTER_OP_MASKED_EQ:
		return emit_masked(m, arg, yes, no);
	}
	return no;
}

static uint32_t emit_alts(struct maker *m, const struct alt *alt, uint32_t otherwise)
{
	uint32_t no, yes;

	if (!alt)
		return emit_ret(m, otherwise);
	no = emit_alts(m, alt->next, otherwise);
	yes = emit_ret(m, alt->ret);
	for (size_t i = alt->nargs; i-- > 0;)
		yes = emit_condition(m, &alt->args[i], yes, no);
	return yes;
}

static uint32_t emit_tree(struct maker *m, size_t from, size_t to)
{
	const struct range *r = &m->ranges[from];
	size_t mid = from + (to - from) / 2;
	uint32_t above, below;

	if (m->full)
		return 0;
	if (to - from == 1)
		return r->call ? emit_alts(m, r->call->alts, m->fallback) : emit_ret(m, r->ret);
	above = emit_tree(m, mid, to);
	below = emit_tree(m, from, mid);
	return emit_jump(m, BPF_JGE, m->ranges[mid].from, above, below);
}

static int make_arch(struct maker *m, const struct sysnames_arch *arch, uint32_t *ret_label,
		     struct err *e)
{
	const struct filter_profile *p = m->in->profile;
	int rc;

	m->arch = arch;
	m->ncalls = 0;
	m->named = false;
	m->newest = 0;
	m->private = 0;
	memset(m->slots, 0, SLOTS * sizeof(*m->slots));
	for (size_t i = 0; i < p->nrules; i++) {
		rc = add_rule(m, &p->rules[i], e);
		if (rc < 0)
			return rc;
	}
	make_ranges(m);
	*ret_label = emit_tree(m, 0, m->nranges);
	mem_free_cleanup(&m->ranges);
	m->ranges = NULL;
	return 0;
}

static bool wanted(const struct filter_profile *p, const struct sysnames_arch *arch)
{
	if (arch == sysnames_native())	/* the architecture of the init itself */
		return true;
	for (char **a = p->archs; a && *a; a++)
		if (strcmp(*a, arch->oci) == 0)
			return true;
	return false;
}

/*
 * Architectures that the profile leaves out are killed: their numbers mean other calls.
 * x86-64 and x32 have one AUDIT_ARCH and differ in a bit of the number; -1 is a call that a
 * tracer took away, and stays with x86-64.
 */
static int make_dispatch(struct maker *m, struct err *e)
{
	const struct filter_profile *p = m->in->profile;
	const uint32_t kill = emit(m, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	uint32_t other = kill;
	uint32_t tree[4] = { 0 };
	size_t n;
	int rc;

	for (n = 0; sysnames_runnable(n); n++) {
		if (!wanted(p, sysnames_runnable(n)))
			continue;
		rc = make_arch(m, sysnames_runnable(n), &tree[n], e);
		if (rc < 0)
			return rc;
	}
	for (size_t i = n; i-- > 0;) {
		const struct sysnames_arch *arch = sysnames_runnable(i);
		uint32_t entry = tree[i];

		if (!entry || arch->base)	/* left out, or found through its sibling */
			continue;
#if defined(__x86_64__)
		if (arch == sysnames_native()) {
			entry = emit_jump(m, BPF_JGE, 0x40000000, tree[2] ? tree[2] : kill, entry);
			entry = emit_jump(m, BPF_JEQ, UINT32_MAX, tree[i], entry);
		}
#endif
		entry = emit_load(m, DATA(nr), entry);
		/* The test comes first in the program, so its own load follows it. */
		other = emit_jump(m, BPF_JEQ, arch->audit, entry, other);
	}
	emit_load(m, DATA(arch), other);
	return 0;
}

int assemble_filter(const struct assemble_input *in, struct arena *a,
		    struct sock_filter **ret_insns, uint32_t *ret_n, struct err *e)
{
	AUTO_FREE struct sock_filter *code = mem_array(BPF_MAXINSNS, sizeof(*code));
	AUTO_FREE struct call *calls = mem_array(MAX_CALLS, sizeof(*calls));
	AUTO_FREE uint32_t *slots = mem_array(SLOTS, sizeof(*slots));
	struct maker m = { .in = in, .a = a, .code = code, .calls = calls, .slots = slots };
	struct sock_filter *insns;
	int rc;

	m.fallback = with_data(in->profile->default_action, in->profile->default_errno);
	rc = make_dispatch(&m, e);
	if (rc < 0)
		return rc;
	if (m.full)
		return err_say(e, E2BIG, "seccomp profile: needs more than %d instructions, "
			       "the most that the kernel takes", BPF_MAXINSNS);
	insns = arena_array(a, m.n, sizeof(*insns));
	for (uint32_t i = 0; i < m.n; i++)
		insns[i] = code[m.n - 1 - i];
	*ret_insns = insns;
	*ret_n = m.n;
	return 0;
}
