/*
 * test_filter.c - what compiled filters answer, simulated, beside libseccomp, and installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <seccomp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "seccomp/compile.h"
#include "tests/unit/seccomp/simulate.h"

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))
#define NO_CACHE { -1, false }
#define DOCKER_CAPS 0xa80425fbULL	/* the fourteen that containers have by default */
#define ALL_CAPS 0x1ffffffffffULL

static struct filter_program compile(struct arena *a, const struct filter_profile *p)
{
	struct filter_options opt = NO_CACHE;
	struct filter_program prog;
	struct err e = ERR_INIT;

	if (filter_compile(p, &opt, a, &prog, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(bpfcheck_sound(prog.insns, prog.n));
	return prog;
}

static uint32_t ask(const struct filter_program *p, const char *name, uint64_t arg0)
{
	int nr = filter_syscall_number(name);

	assert_true(nr >= 0);
	return simulate_call(p->insns, p->n, sysnames_native()->audit, (uint32_t)nr, arg0, 0);
}

static void builtin__default_capabilities__answers_as_documented(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_program p = compile(a, filter_profile_builtin(a, DOCKER_CAPS));

	(void)state;
	assert_int_equal(ask(&p, "read", 0), ALLOW);
	assert_int_equal(ask(&p, "openat", 0), ALLOW);
	assert_int_equal(ask(&p, "ptrace", 0), ALLOW);
	assert_int_equal(ask(&p, "chroot", 0), ALLOW);
	assert_int_equal(ask(&p, "statmount", 0), ALLOW);
	assert_int_equal(ask(&p, "mount", 0), ERRNO(EPERM));
	assert_int_equal(ask(&p, "keyctl", 0), ERRNO(EPERM));
	assert_int_equal(ask(&p, "bpf", 0), ERRNO(EPERM));
	assert_int_equal(ask(&p, "io_uring_setup", 0), ERRNO(EPERM));
	assert_int_equal(ask(&p, "unshare", 0), ERRNO(EPERM));
	assert_int_equal(ask(&p, "clone3", 0), ERRNO(ENOSYS));
	assert_int_equal(ask(&p, "clone", SIGCHLD), ALLOW);
	assert_int_equal(ask(&p, "clone", SIGCHLD | CLONE_NEWUSER), ERRNO(EPERM));
	assert_int_equal(ask(&p, "clone", CLONE_NEWNS), ERRNO(EPERM));
	assert_int_equal(ask(&p, "socket", AF_INET), ALLOW);
	assert_int_equal(ask(&p, "socket", AF_NETLINK), ALLOW);
	assert_int_equal(ask(&p, "socket", AF_VSOCK), ERRNO(EPERM));
	assert_int_equal(ask(&p, "socket", AF_ALG), ERRNO(EPERM));
	assert_int_equal(ask(&p, "socket", AF_VSOCK | 1ULL << 32), ERRNO(EPERM));
	assert_int_equal(ask(&p, "personality", 0xffffffff), ALLOW);
	assert_int_equal(ask(&p, "personality", 0x0400000), ERRNO(EPERM));
}

static void builtin__capability_granted__calls_follow(void **state)
{
	static const struct { int cap; const char *call; } rows[] = {
		{ CAP_SYS_ADMIN, "mount" }, { CAP_SYS_ADMIN, "unshare" },
		{ CAP_SYS_ADMIN, "clone3" }, { CAP_SYS_ADMIN, "bpf" },
		{ CAP_BPF, "bpf" }, { CAP_PERFMON, "perf_event_open" },
		{ CAP_SYS_PTRACE, "kcmp" }, { CAP_SYS_CHROOT, "chroot" },
		{ CAP_SYS_BOOT, "reboot" }, { CAP_SYS_MODULE, "init_module" },
		{ CAP_SYS_PACCT, "acct" }, { CAP_SYS_TIME, "clock_settime" },
		{ CAP_SYS_TTY_CONFIG, "vhangup" }, { CAP_SYS_NICE, "mbind" },
		{ CAP_SYSLOG, "syslog" }, { CAP_DAC_READ_SEARCH, "open_by_handle_at" },
#ifdef __x86_64__
		{ CAP_SYS_RAWIO, "iopl" },
#endif
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 24);
		struct filter_program with, without;
		uint64_t cap = 1ULL << rows[i].cap;

		with = compile(a, filter_profile_builtin(a, cap));
		without = compile(a, filter_profile_builtin(a, ALL_CAPS & ~cap &
							    ~(1ULL << CAP_SYS_ADMIN)));
		assert_int_equal(ask(&with, rows[i].call, 0), ALLOW);
		if (cap != 1ULL << CAP_SYS_ADMIN)
			assert_int_not_equal(ask(&without, rows[i].call, 0), ALLOW);
	}
}

static void builtin__calls_younger_than_it__no_such_call(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_program p = compile(a, filter_profile_builtin(a, DOCKER_CAPS));
	uint32_t native = sysnames_native()->audit;

	(void)state;
	for (uint32_t nr = builtin_newest() + 1; nr < 700; nr++)
		assert_int_equal(simulate_call(p.insns, p.n, native, nr, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(simulate_call(p.insns, p.n, native, UINT32_MAX, 0, 0), ERRNO(ENOSYS));
#ifdef __x86_64__
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 600, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(simulate_call(p.insns, p.n, native, 0x40000000 + 500, 0, 0),
			 ERRNO(ENOSYS));
	assert_int_equal(simulate_call(p.insns, p.n, native, 0x40000000 + 900, 0, 0),
			 ERRNO(ENOSYS));
	/* x32's own, and one that it names nowhere */
	assert_int_equal(simulate_call(p.insns, p.n, native, 0x40000000 + 520, 0, 0), ALLOW);
	assert_int_equal(simulate_call(p.insns, p.n, native, 0x40000000 + 528, 0, 0), ERRNO(EPERM));
#endif
}

static void builtin__foreign_architecture__killed(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_program p = compile(a, filter_profile_builtin(a, DOCKER_CAPS));

	(void)state;
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_S390X, 1, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
}

static void builtin__every_call__few_steps(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_program p = compile(a, filter_profile_builtin(a, DOCKER_CAPS));
	unsigned most = 0;

	(void)state;
	for (int nr = 0; nr < 700; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = sysnames_native()->audit,
					  .args = { ~0ULL } };
		unsigned steps = simulate(p.insns, p.n, &d).steps;

		most = steps > most ? steps : most;
	}
	/* a tree; socket(2) with its list of families is the longest */
	assert_true(most < 80);
}

#ifdef __x86_64__
static void i386__calls_behind_socketcall__follow_their_rules(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_arg vsock = { 0, FILTER_OP_EQ, AF_VSOCK, 0 };
	char *archs[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", NULL };
	char *socket_name[] = { "socket", NULL }, *shmat_name[] = { "shmat", NULL };
	struct filter_rule deny[] = {
		{ socket_name, SECCOMP_RET_ERRNO, { true, EACCES }, 1, &vsock },
		{ shmat_name, SECCOMP_RET_ERRNO, { true, EACCES }, 0, NULL },
	};
	struct filter_rule permit[] = { { socket_name, SECCOMP_RET_ALLOW, { 0 }, 1, &vsock } };
	struct filter_profile black = { .default_action = SECCOMP_RET_ALLOW, .archs = archs,
					.nrules = 2, .rules = deny };
	struct filter_profile white = { .default_action = SECCOMP_RET_ERRNO, .archs = archs,
					.nrules = 1, .rules = permit };
	struct filter_program p = compile(a, &black);

	(void)state;
	/* socketcall(SYS_SOCKET), whose family nobody sees */
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 102, 1, 0), ERRNO(EACCES));
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 102, 2, 0), ALLOW);
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 359, AF_VSOCK, 0),
			 ERRNO(EACCES));
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 359, AF_INET, 0), ALLOW);
	/* ipc(SHMAT), with and without the version that the kernel ignores */
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 117, 21, 0), ERRNO(EACCES));
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 117, 21 | 1 << 16, 0),
			 ERRNO(EACCES));
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 397, 0, 0), ERRNO(EACCES));
	p = compile(a, &white);
	assert_int_not_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 102, 1, 0), ALLOW);
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_I386, 359, AF_VSOCK, 0), ALLOW);
	/* x32 was not asked for */
	assert_int_equal(simulate_call(p.insns, p.n, AUDIT_ARCH_X86_64, 0x40000000, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
}
#endif

static void rules__same_index_twice__any_of_them(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_arg args[] = { { 0, FILTER_OP_EQ, 3, 0 }, { 0, FILTER_OP_EQ, 7, 0 } };
	struct filter_arg both[] = { { 0, FILTER_OP_EQ, 3, 0 }, { 1, FILTER_OP_EQ, 7, 0 } };
	char *kill_name[] = { "kill", NULL }, *tgkill_name[] = { "tgkill", NULL };
	struct filter_rule rules[] = {
		{ kill_name, SECCOMP_RET_LOG, { 0 }, 2, args },
		{ tgkill_name, SECCOMP_RET_LOG, { 0 }, 2, both },
	};
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 2,
				    .rules = rules };
	struct filter_program prog = compile(a, &p);
	uint32_t native = sysnames_native()->audit;

	(void)state;
	assert_int_equal(simulate_call(prog.insns, prog.n, native, SYS_kill, 3, 0),
			 SECCOMP_RET_LOG);
	assert_int_equal(simulate_call(prog.insns, prog.n, native, SYS_kill, 7, 0),
			 SECCOMP_RET_LOG);
	assert_int_equal(simulate_call(prog.insns, prog.n, native, SYS_kill, 5, 0), ALLOW);
	assert_int_equal(simulate_call(prog.insns, prog.n, native, SYS_tgkill, 3, 7),
			 SECCOMP_RET_LOG);
	assert_int_equal(simulate_call(prog.insns, prog.n, native, SYS_tgkill, 3, 0), ALLOW);
}

static void profile__newer_than_named__no_such_call_when_default_denies(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	char *names[] = { "read", "openat2", NULL };
	struct filter_rule rule = { names, SECCOMP_RET_ALLOW, { 0 }, 0, NULL };
	static const struct { uint32_t action, newer; } rows[] = {
		{ SECCOMP_RET_ERRNO, ERRNO(ENOSYS) },
		{ SECCOMP_RET_KILL_PROCESS, ERRNO(ENOSYS) },
		{ SECCOMP_RET_KILL_THREAD, ERRNO(ENOSYS) },
		{ SECCOMP_RET_TRAP, ERRNO(ENOSYS) },
		{ SECCOMP_RET_LOG, SECCOMP_RET_LOG },
		{ SECCOMP_RET_TRACE, SECCOMP_RET_TRACE | EPERM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter_profile p = { .default_action = rows[i].action, .nrules = 1,
					    .rules = &rule };
		struct filter_program prog = compile(a, &p);

		assert_int_equal(ask(&prog, "openat2", 0), ALLOW);
		assert_int_equal(ask(&prog, "faccessat2", 0), rows[i].newer);
		assert_int_equal(simulate_call(prog.insns, prog.n, sysnames_native()->audit, 600, 0,
					       0), rows[i].newer);
		assert_int_not_equal(ask(&prog, "write", 0), ERRNO(ENOSYS));
	}
}

static void profile__no_call_named__default_alone(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_profile p = { .default_action = SECCOMP_RET_ERRNO,
				    .default_errno = { true, EACCES } };
	struct filter_program prog = compile(a, &p);

	(void)state;
	assert_int_equal(ask(&prog, "read", 0), ERRNO(EACCES));
	assert_int_equal(simulate_call(prog.insns, prog.n, sysnames_native()->audit, 600, 0, 0),
			 ERRNO(EACCES));
}

static void profile__unknown_name__ignored_or_refused(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_options opt = { -1, true };
	char *names[] = { "read", "no_such_call", NULL };
	struct filter_rule rule = { names, SECCOMP_RET_ERRNO, { 0 }, 0, NULL };
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 1,
				    .rules = &rule };
	struct filter_program prog;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(filter_compile(&p, &opt, a, &prog, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "no_such_call"));
	prog = compile(a, &p);
	assert_int_equal(ask(&prog, "read", 0), ERRNO(EPERM));
}

static void profile__notify_rule__asks_for_listener(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	char *names[] = { "mkdir", "mkdirat", NULL };
	struct filter_rule rule = { names, SECCOMP_RET_USER_NOTIF, { 0 }, 0, NULL };
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 1,
				    .rules = &rule, .flags_set = true,
				    .flags = SECCOMP_FILTER_FLAG_TSYNC };
	struct filter_program prog = compile(a, &p);

	(void)state;
	assert_int_equal(prog.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	assert_int_equal(ask(&prog, "mkdirat", 0), SECCOMP_RET_USER_NOTIF);
	rule.action = SECCOMP_RET_ERRNO;
	prog = compile(a, &p);
	assert_int_equal(prog.flags, SECCOMP_FILTER_FLAG_TSYNC);
	p.flags = 0;
	prog = compile(a, &p);
	assert_int_equal(prog.flags, 0);
}

static void profile__no_flags__speculation_stays_on(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW };
	struct filter_program prog = compile(a, &p);

	(void)state;
	assert_int_equal(prog.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

static void profile__too_large_for_kernel__refused(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_options opt = NO_CACHE;
	static struct filter_arg args[3000];
	static struct filter_rule rules[3000];
	char *names[] = { "prctl", NULL };
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 3000,
				    .rules = rules };
	struct filter_program prog;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3000; i++) {
		args[i] = (struct filter_arg){ 0, FILTER_OP_EQ, i * 0x100000001, 0 };
		rules[i] = (struct filter_rule){ names, SECCOMP_RET_ERRNO, { 0 }, 1, &args[i] };
	}
	assert_int_equal(filter_compile(&p, &opt, a, &prog, &e), -E2BIG);
}

/* ---- beside libseccomp ---- */

static const enum scmp_compare scmp_ops[] = {
	[FILTER_OP_NE] = SCMP_CMP_NE, [FILTER_OP_LT] = SCMP_CMP_LT, [FILTER_OP_LE] = SCMP_CMP_LE,
	[FILTER_OP_EQ] = SCMP_CMP_EQ, [FILTER_OP_GE] = SCMP_CMP_GE, [FILTER_OP_GT] = SCMP_CMP_GT,
	[FILTER_OP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static uint64_t pick_value(unsigned *seed)
{
	static const uint64_t values[] = { 0, 1, 5, 0x7fffffff, 0x80000000, 0xffffffff,
					   0x100000000, 0x100000005, 0x500000001,
					   0xffffffff00000000, UINT64_MAX };

	return values[(unsigned)rand_r(seed) % ARRAY_SIZE(values)];
}

struct reference { struct sock_filter insns[BPF_MAXINSNS]; uint32_t n; };

static void export_reference(const struct filter_profile *p, struct reference *ret)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	AUTO_CLOSE int fd = memfd_create("reference", MFD_CLOEXEC);
	ssize_t n;

	for (size_t i = 0; i < p->nrules; i++) {
		const struct filter_rule *r = &p->rules[i];
		struct scmp_arg_cmp args[6];

		for (size_t k = 0; k < r->nargs; k++)
			args[k] = (struct scmp_arg_cmp){ r->args[k].index, scmp_ops[r->args[k].op],
							 r->args[k].value, r->args[k].value_two };
		seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
				       seccomp_syscall_resolve_name(r->names[0]),
				       (unsigned)r->nargs, args);
	}
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	n = pread(fd, ret->insns, sizeof(ret->insns), 0);
	assert_true(n > 0);
	ret->n = (uint32_t)((size_t)n / sizeof(ret->insns[0]));
	seccomp_release(ctx);
}

/* One rule a call for the comparison with libseccomp, whose 2.5.4 answers wrongly where the rules
 * of a call overlap: (arg0 > 0x100000000 and arg1 >= 1, or arg0 < 1) lets (0x80000000, -1) pass. */
static void make_random(struct arena *a, unsigned *seed, bool single, struct filter_profile *p)
{
	static char *const calls[] = { "read", "write", "prctl", "kill", "fcntl", "mmap",
				       "madvise", "getcpu", "openat", "futex" };

	*p = (struct filter_profile){ .default_action = SECCOMP_RET_ERRNO };
	p->nrules = 1 + (size_t)rand_r(seed) % (single ? ARRAY_SIZE(calls) : 24);
	p->rules = arena_array(a, p->nrules, sizeof(*p->rules));
	for (size_t i = 0; i < p->nrules; i++) {
		struct filter_rule *r = &p->rules[i];

		r->names = arena_array(a, 2, sizeof(char *));
		r->names[0] = calls[single ? i : (unsigned)rand_r(seed) % ARRAY_SIZE(calls)];
		r->action = single || rand_r(seed) & 1 ? SECCOMP_RET_ALLOW : SECCOMP_RET_LOG;
		r->nargs = (size_t)rand_r(seed) % 3;
		r->args = arena_array(a, 2, sizeof(*r->args));
		for (size_t k = 0; k < r->nargs; k++) {
			r->args[k] = (struct filter_arg){ (uint32_t)k, (unsigned)rand_r(seed) % 7,
							  pick_value(seed), pick_value(seed) };
		}
	}
}

static bool holds(const struct filter_arg *arg, uint64_t v)
{
	switch (arg->op) {
	case FILTER_OP_NE:
		return v != arg->value;
	case FILTER_OP_LT:
		return v < arg->value;
	case FILTER_OP_LE:
		return v <= arg->value;
	case FILTER_OP_EQ:
		return v == arg->value;
	case FILTER_OP_GE:
		return v >= arg->value;
	case FILTER_OP_GT:
		return v > arg->value;
	case FILTER_OP_MASKED_EQ:
		return (v & arg->value) == (arg->value_two & arg->value);
	}
	return false;
}

/* The profile's answer without any compiler. */
static uint32_t interpret(const struct filter_profile *p, uint32_t nr, uint64_t a0, uint64_t a1)
{
	uint32_t newest = 0;

	for (size_t i = 0; i < p->nrules; i++) {
		uint32_t n = (uint32_t)filter_syscall_number(p->rules[i].names[0]);

		newest = n > newest ? n : newest;
		if (n == nr && !p->rules[i].nargs)
			return p->rules[i].action;
	}
	for (size_t i = 0; i < p->nrules; i++) {
		const struct filter_rule *r = &p->rules[i];

		if ((uint32_t)filter_syscall_number(r->names[0]) == nr && holds(&r->args[0], a0) &&
		    (r->nargs < 2 || holds(&r->args[1], a1)))
			return r->action;
	}
	return nr > newest ? ERRNO(ENOSYS) : ERRNO(EPERM);
}

static void compare_random(unsigned *seed, bool single, struct reference *ref)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	uint32_t native = sysnames_native()->audit;
	struct filter_program ours;
	struct filter_profile p;

	make_random(a, seed, single, &p);
	ours = compile(a, &p);
	if (single)
		export_reference(&p, ref);
	for (uint32_t nr = 0; nr < 480; nr++) {
		for (int k = 0; k < 12; k++) {
			uint64_t a0 = pick_value(seed), a1 = pick_value(seed);
			uint32_t got = simulate_call(ours.insns, ours.n, native, nr, a0, a1);
			uint32_t want = interpret(&p, nr, a0, a1);

			if (got != want)
				fail_msg("call %u(%#llx, %#llx): %#x, not %#x", nr,
					 (unsigned long long)a0, (unsigned long long)a1, got, want);
			if (single && want != ERRNO(ENOSYS))
				assert_int_equal(got, simulate_call(ref->insns, ref->n, native, nr,
								    a0, a1));
		}
	}
}

static void random_profiles__every_answer__as_the_rules_say(void **state)
{
	static struct reference ref;
	unsigned seed = 20261121;

	(void)state;
	for (int round = 0; round < 600; round++)
		compare_random(&seed, round & 1, &ref);
}

/* ---- installed ---- */

static void install(const struct filter_program *p)
{
	struct sock_fprog prog = { (unsigned short)p->n,
				   (struct sock_filter *)(uintptr_t)p->insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    sys_seccomp(SECCOMP_SET_MODE_FILTER, p->flags, &prog) < 0)
		_exit(100);
}

static int probe_builtin(const struct filter_program *p)
{
	install(p);
	if (getppid() <= 0)
		return 1;
	if (syscall(SYS_keyctl, 0, 0, 0, 0, 0) != -1 || errno != EPERM)
		return 2;
	if (syscall(600) != -1 || errno != ENOSYS)
		return 3;
	if (syscall((long)builtin_newest() + 1) != -1 || errno != ENOSYS)
		return 4;
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		return 5;
	if (socket(AF_VSOCK, SOCK_STREAM, 0) != -1 || errno != EPERM)
		return 6;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 7;
	if (syscall(SYS_unshare, CLONE_NEWNS) != -1 || errno != EPERM)
		return 8;
	if (open("/proc/self/status", O_RDONLY) < 0)
		return 9;
	return 0;
}

static void builtin__installed__kernel_answers_the_same(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	struct filter_program p = compile(a, filter_profile_builtin(a, DOCKER_CAPS));
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(probe_builtin(&p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void profile__kill_installed__child_dies_of_sigsys(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	char *names[] = { "getcpu", NULL };
	struct filter_rule rule = { names, SECCOMP_RET_KILL_PROCESS, { 0 }, 0, NULL };
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 1,
				    .rules = &rule, .flags = SECCOMP_FILTER_FLAG_LOG };
	struct filter_program prog = compile(a, &p);
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		install(&prog);
		syscall(SYS_getcpu, NULL, NULL, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void profile__notify_installed__kernel_gives_listener(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	char *names[] = { "mkdirat", NULL };
	struct filter_rule rule = { names, SECCOMP_RET_USER_NOTIF, { 0 }, 0, NULL };
	struct filter_profile p = { .default_action = SECCOMP_RET_ALLOW, .nrules = 1,
				    .rules = &rule };
	struct filter_program prog = compile(a, &p);
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct sock_fprog fprog = { (unsigned short)prog.n,
					    (struct sock_filter *)(uintptr_t)prog.insns };

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(sys_seccomp(SECCOMP_SET_MODE_FILTER, prog.flags, &fprog) > 2 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- raw filters and names ---- */

static void raw__unsound_bytes__refused(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	static const struct sock_filter good[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5 },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_filter bad[4];
	struct filter_program p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(filter_load_raw(a, good, sizeof(good), &p, &e), 0);
	assert_int_equal(p.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	assert_int_equal(filter_load_raw(a, good, sizeof(good) - 1, &p, &e), -EINVAL);
	assert_int_equal(filter_load_raw(a, good, 0, &p, &e), -EINVAL);
	assert_int_equal(filter_load_raw(a, good, 16, &p, &e), -EINVAL);
	memcpy(bad, good, sizeof(good));
	bad[1].jf = 2;
	assert_int_equal(filter_load_raw(a, bad, sizeof(bad), &p, &e), -EINVAL);
	memcpy(bad, good, sizeof(good));
	bad[0].k = 64;
	assert_int_equal(filter_load_raw(a, bad, sizeof(bad), &p, &e), -EINVAL);
	memcpy(bad, good, sizeof(good));
	bad[0].code = BPF_LD | BPF_B | BPF_ABS;
	assert_int_equal(filter_load_raw(a, bad, sizeof(bad), &p, &e), -EINVAL);
}

static void names__numbers_both_ways__agree(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(filter_syscall_name(0, SYS_openat, buf, sizeof(buf)), "openat");
	assert_string_equal(filter_syscall_name(0, 462, buf, sizeof(buf)), "mseal");
	assert_string_equal(filter_syscall_name(0, 9999, buf, sizeof(buf)), "syscall_9999");
	assert_int_equal(filter_syscall_number("mseal"), 462);
	assert_int_equal(filter_syscall_number("no_such_call"), -1);
#ifdef __x86_64__
	assert_string_equal(filter_syscall_name(AUDIT_ARCH_I386, 102, buf, sizeof(buf)),
			    "socketcall");
	assert_string_equal(filter_syscall_name(AUDIT_ARCH_X86_64, 0x40000000 + 257, buf,
						sizeof(buf)), "openat");
#endif
}

static void names__every_listed__known_both_ways(void **state)
{
	(void)state;
	for (const char *const *s = filter_actions(); *s; s++) {
		uint32_t action = sysnames_action(*s);

		assert_int_not_equal(action, UINT32_MAX);
		assert_int_equal(sysnames_action(sysnames_action_name(action)), action);
	}
	for (const char *const *s = filter_operators(); *s; s++)
		assert_true(sysnames_operator(*s) >= 0);
	for (size_t i = 0; filter_arch(i); i++)
		assert_non_null(sysnames_find(filter_arch(i)));
	for (const char *const *s = filter_flags(); *s; s++)
		assert_string_equal(filter_flag_name(sysnames_flag(*s)), *s);
	assert_true(filter_supported());
	assert_true(filter_flags_supported() & SECCOMP_FILTER_FLAG_TSYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin__default_capabilities__answers_as_documented),
		cmocka_unit_test(builtin__capability_granted__calls_follow),
		cmocka_unit_test(builtin__calls_younger_than_it__no_such_call),
		cmocka_unit_test(builtin__foreign_architecture__killed),
		cmocka_unit_test(builtin__every_call__few_steps),
#ifdef __x86_64__
		cmocka_unit_test(i386__calls_behind_socketcall__follow_their_rules),
#endif
		cmocka_unit_test(rules__same_index_twice__any_of_them),
		cmocka_unit_test(profile__newer_than_named__no_such_call_when_default_denies),
		cmocka_unit_test(profile__no_call_named__default_alone),
		cmocka_unit_test(profile__unknown_name__ignored_or_refused),
		cmocka_unit_test(profile__notify_rule__asks_for_listener),
		cmocka_unit_test(profile__no_flags__speculation_stays_on),
		cmocka_unit_test(profile__too_large_for_kernel__refused),
		cmocka_unit_test(random_profiles__every_answer__as_the_rules_say),
		cmocka_unit_test(builtin__installed__kernel_answers_the_same),
		cmocka_unit_test(profile__kill_installed__child_dies_of_sigsys),
		cmocka_unit_test(profile__notify_installed__kernel_gives_listener),
		cmocka_unit_test(raw__unsound_bytes__refused),
		cmocka_unit_test(names__numbers_both_ways__agree),
		cmocka_unit_test(names__every_listed__known_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
