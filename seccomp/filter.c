/*
 * filter.c - from a profile to the instructions that the container's init installs.
 *
 * The key of the cache says everything that the instructions depend on: the format
 * of this code, libseccomp's version (its tables of names), the kernel, the machine,
 * the profile.  For the built-in profile that is a mask of capabilities, so a start
 * looks at no names at all.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <string.h>
#include <seccomp.h>

#include "base/proc.h"

/* Counts up with every change of what assemble.c, sysnames.c or builtin.c make. */
enum { FORMAT = 2 };

struct key_head {
	char what[4];
	uint32_t format;
	uint32_t lib;		/* libseccomp: major << 16 | minor << 8 | micro */
	uint32_t kernel;
	uint32_t machine;	/* AUDIT_ARCH_* of the native architecture */
	uint32_t builtin;
	uint64_t caps;
};

static void key_u32(struct strbuf *b, uint32_t v)
{
	strbuf_add(b, &v, sizeof(v));
}

static void key_str(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s) + 1);
}

static void key_strs(struct strbuf *b, char *const *v)
{
	uint32_t n = 0;

	while (v && v[n])
		n++;
	key_u32(b, n);
	for (; v && *v; v++)
		key_str(b, *v);
}

static void key_rule(struct strbuf *b, const struct filter_rule *r)
{
	key_strs(b, r->names);
	key_u32(b, r->action);
	key_u32(b, r->errno_ret.set ? r->errno_ret.v : UINT32_MAX);
	key_u32(b, (uint32_t)r->nargs);
	for (size_t i = 0; i < r->nargs; i++) {
		key_u32(b, r->args[i].index);
		key_u32(b, (uint32_t)r->args[i].op);
		strbuf_add(b, &r->args[i].value, sizeof(r->args[i].value));
		strbuf_add(b, &r->args[i].value_two, sizeof(r->args[i].value_two));
	}
}

static void make_key(const struct filter_profile *p, bool fail_unknown, struct strbuf *b)
{
	const struct scmp_version *lib = seccomp_version();
	struct key_head head = {
		.what = "bpf", .format = FORMAT, .kernel = proc_kernel_version(),
		.lib = lib ? lib->major << 16 | lib->minor << 8 | lib->micro : 0,
		.machine = sysnames_native()->audit, .builtin = p->builtin,
		.caps = p->builtin ? builtin_relevant(p->builtin_caps) : 0,
	};

	strbuf_add(b, &head, sizeof(head));
	if (p->builtin)
		return;
	key_u32(b, fail_unknown);
	key_u32(b, p->default_action);
	key_u32(b, p->default_errno.set ? p->default_errno.v : UINT32_MAX);
	key_strs(b, p->archs);
	key_u32(b, (uint32_t)p->nrules);
	for (size_t i = 0; i < p->nrules; i++)
		key_rule(b, &p->rules[i]);
}

static int make_insns(const struct filter_profile *p, const struct filter_options *opt,
		      struct arena *a, struct sock_filter **ret_insns, uint32_t *ret_n,
		      struct err *e)
{
	struct assemble_input in = { .profile = p, .fail_unknown = opt->fail_unknown };
	AUTO(arena) struct arena *scratch = NULL;
	AUTO(strbuf) struct strbuf key = STRBUF_INIT;
	int rc;

	make_key(p, opt->fail_unknown, &key);
	if (opt->cache_dirfd >= 0 &&
	    filtercache_load(opt->cache_dirfd, key.s, key.len, a, ret_insns, ret_n))
		return 0;
	if (p->builtin) {
		scratch = arena_new(1 << 20);
		in.profile = builtin_expand(scratch, p->builtin_caps);
		in.newest = builtin_newest();
		in.fail_unknown = false;
	}
	rc = assemble_filter(&in, a, ret_insns, ret_n, e);
	if (rc < 0)
		return rc;
	if (!bpfcheck_sound(*ret_insns, *ret_n))
		return err_say(e, EINVAL, "seccomp profile: compiled to an unsound filter");
	if (opt->cache_dirfd >= 0)
		filtercache_save(opt->cache_dirfd, key.s, key.len, *ret_insns, *ret_n);
	return 0;
}

static int check_flags(uint32_t flags, struct err *e)
{
	uint32_t missing = flags ? flags & ~filter_flags_supported() : 0;

	if (!missing)
		return 0;
	return err_say(e, EOPNOTSUPP, "seccomp: this kernel does not know the flag %s",
		       filter_flag_name(missing & -missing));
}

int filter_compile(const struct filter_profile *p, const struct filter_options *opt,
		   struct arena *a, struct filter_program *ret, struct err *e)
{
	struct filter_program prog = { 0 };
	struct sock_filter *insns = NULL;
	int rc;

	if (!p) {
		*ret = prog;
		return 0;
	}
	rc = check_flags(p->flags, e);
	if (rc < 0)
		return rc;
	rc = make_insns(p, opt, a, &insns, &prog.n, e);
	if (rc < 0)
		return rc;
	prog.insns = insns;
	/* As runc and crun have it, and since 5.16 the kernel itself: a filter alone does not turn
	 * speculation off (spec_store_bypass.rst), unless "flags" says so by leaving it out. */
	prog.flags = p->flags_set ? p->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (!p->builtin && bpfcheck_returns(insns, prog.n, SECCOMP_RET_USER_NOTIF)) {
		/* The kernel cannot say both "here is the listener" and "this thread failed";
		 * the init has one thread, so TSYNC changes nothing there. */
		prog.flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC;
		prog.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	} else {
		prog.flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	*ret = prog;
	return 0;
}

int filter_load_raw(struct arena *a, const void *data, size_t n, struct filter_program *ret,
		    struct err *e)
{
	struct filter_program prog = { 0 };
	struct sock_filter *insns;

	if (n == 0 || n % sizeof(*insns) || n / sizeof(*insns) > BPF_MAXINSNS)
		return err_say(e, EINVAL, "seccomp filter: %zu bytes are not 1 to %d instructions "
			       "of 8 bytes", n, BPF_MAXINSNS);
	insns = arena_alloc(a, n);
	memcpy(insns, data, n);
	if (!bpfcheck_sound(insns, n / sizeof(*insns)))
		return err_say(e, EINVAL, "seccomp filter: not a valid BPF program");
	prog.insns = insns;
	prog.n = (uint32_t)(n / sizeof(*insns));
	if (bpfcheck_returns(insns, prog.n, SECCOMP_RET_USER_NOTIF))
		prog.flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	*ret = prog;
	return 0;
}
