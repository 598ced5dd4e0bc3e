/*
 * test_profile.c - profiles in OCI's and Docker's format: read, checked, written, refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/capability.h>

#include "base/path.h"
#include "seccomp/compile.h"
#include "tests/unit/seccomp/simulate.h"

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))
#define CAP(c) (1ULL << (c))

static int read_text(struct arena *a, const char *text, struct filter_profile **p, struct err *e)
{
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct json_ctx c = { .a = a, .e = e, .what = "test" };
	const struct json *root;
	int rc = json_parse(a, text, strlen(text), lim, "test", &root, e);

	return rc < 0 ? rc : filter_profile_read(&c, root, p);
}

static void write_text(const struct filter_profile *p, bool expand, struct strbuf *b)
{
	struct json_out o;

	json_out_init(&o, b, 0);
	filter_profile_write(&o, NULL, p, expand);
}

static uint32_t ask(struct arena *a, const struct filter_profile *p, const char *name,
		    uint64_t arg0)
{
	struct filter_options opt = { -1, false };
	struct filter_program prog;
	struct err e = ERR_INIT;

	if (filter_compile(p, &opt, a, &prog, &e) < 0)
		fail_msg("%s", e.msg);
	return simulate_call(prog.insns, prog.n, sysnames_native()->audit,
			     (uint32_t)filter_syscall_number(name), arg0, 0);
}

static const char complete[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13,"
	"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_PPC64LE\"],"
	"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],"
	"\"listenerPath\":\"/run/agent\",\"listenerMetadata\":\"x y\","
	"\"syscalls\":[{\"names\":[\"read\",\"kill\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	"{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"},"
	"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38,"
	"\"args\":[{\"index\":0,\"value\":18446744073709551615,\"valueTwo\":5,"
	"\"op\":\"SCMP_CMP_MASKED_EQ\"},{\"index\":1,\"value\":7,\"op\":\"SCMP_CMP_GE\"}]}]}";

static void read__every_field__written_the_same(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct filter_profile *p;

	(void)state;
	assert_int_equal(read_text(a, complete, &p, &e), 0);
	assert_int_equal(filter_profile_check(p, &e), 0);
	assert_int_equal(p->nrules, 3);
	assert_true(p->flags_set);
	assert_string_equal(p->listener_metadata, "x y");
	write_text(p, true, &b);
	assert_string_equal(b.s, complete);
}

static void read__mistakes__named_by_path(void **state)
{
	static const struct { const char *text, *path; } rows[] = {
		{ "{}", "defaultAction" },
		{ "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "defaultAction" },
		{ "{\"defaultAction\":1}", "defaultAction" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}",
		  "architectures" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"NO\"]}", "flags" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],"
		  "\"action\":\"SCMP_ACT_KILL\"}]}", "syscalls[0]" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
		  "syscalls[0].action" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		  "\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"value\":1,"
		  "\"op\":\"SCMP_CMP_EQ\"}]}]}", "syscalls[0].args[0].index" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		  "\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":1,"
		  "\"op\":\"=\"}]}]}", "syscalls[0].args[0].op" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		  "\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":-1,"
		  "\"op\":\"SCMP_CMP_EQ\"}]}]}", "syscalls[0].args[0].value" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 24);
		struct filter_profile *p;
		struct err e = ERR_INIT;

		assert_int_equal(read_text(a, rows[i].text, &p, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].path))
			fail_msg("\"%s\" does not name %s", e.msg, rows[i].path);
	}
}

static void check__rules_across_fields__refused(void **state)
{
	static const struct { const char *text, *say; } rows[] = {
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"}",
		  "default action" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
		  "defaultErrnoRet" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		  "defaultErrnoRet" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],"
		  "\"action\":\"SCMP_ACT_NOTIFY\"}]}", "listenerPath" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\",\"syscalls\":[{"
		  "\"names\":[\"mkdir\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}", "write" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}",
		  "listenerMetadata" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],"
		  "\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":2}]}", "syscalls[0].errnoRet" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 24);
		struct filter_profile *p;
		struct err e = ERR_INIT;

		assert_int_equal(read_text(a, rows[i].text, &p, &e), 0);
		assert_int_equal(filter_profile_check(p, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].say))
			fail_msg("\"%s\" does not name %s", e.msg, rows[i].say);
	}
}

static void builtin__written_short__read_as_the_mark(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct filter_profile *p;

	(void)state;
	write_text(filter_profile_builtin(a, 0x123456789abULL), false, &b);
	assert_true(b.len < 120);
	assert_int_equal(read_text(a, b.s, &p, &e), 0);
	assert_true(p->builtin);
	assert_int_equal(p->builtin_caps, 0x123456789abULL);
}

static void builtin__written_in_full__compiles_to_the_same(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 26);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct filter_options opt = { -1, true };
	struct filter_program prog[2];
	struct err e = ERR_INIT;
	struct filter_profile *p;

	(void)state;
	write_text(filter_profile_builtin(a, 0xa80425fb), true, &b);
	assert_int_equal(read_text(a, b.s, &p, &e), 0);
	assert_false(p->builtin);
	assert_int_equal(filter_profile_check(p, &e), 0);
	/* every name is known: fail_unknown is set */
	assert_int_equal(filter_compile(p, &opt, a, &prog[0], &e), 0);
	assert_int_equal(filter_compile(filter_profile_builtin(a, 0xa80425fb), &opt, a, &prog[1],
					&e), 0);
	assert_int_equal(prog[0].n, prog[1].n);
	assert_memory_equal(prog[0].insns, prog[1].insns, prog[0].n * sizeof(*prog[0].insns));
}

static struct filter_profile *resolve(struct arena *a, uint64_t caps, unsigned kernel)
{
	AUTO_FREE char *text = NULL;
	struct filter_host host = { caps, kernel };
	struct filter_profile *p = NULL;
	struct err e = ERR_INIT;
	size_t n;

	if (path_read_file(AT_FDCWD, "tests/data/seccomp/docker-format.json", 1 << 20, &text, &n,
			   &e) < 0 ||
	    filter_profile_parse(a, text, n, &host, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void docker__conditions__decide_by_host(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 26);
	const struct filter_profile *plain = resolve(a, 0, 6 << 16);
	const struct filter_profile *admin = resolve(a, CAP(CAP_SYS_ADMIN), 6 << 16);
	const struct filter_profile *both = resolve(a, CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_CHROOT),
						    4 << 16 | 7);

	(void)state;
	assert_int_equal(ask(a, plain, "read", 0), ALLOW);
	assert_int_equal(ask(a, plain, "getcwd", 0), ALLOW);
	assert_int_equal(ask(a, plain, "mount", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, admin, "mount", 0), ALLOW);
	assert_int_equal(ask(a, admin, "umount2", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, both, "umount2", 0), ALLOW);
	assert_int_equal(ask(a, plain, "clone", 17), ALLOW);
	assert_int_equal(ask(a, plain, "clone", 0x10000000), ERRNO(EACCES));
	assert_int_equal(ask(a, admin, "clone", 17), ERRNO(EACCES));
	assert_int_equal(ask(a, plain, "clone3", 0), ERRNO(ENOSYS));
	assert_int_equal(ask(a, plain, "ptrace", 0), ALLOW);
	assert_int_equal(ask(a, both, "ptrace", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, plain, "kcmp", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, plain, "chroot", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, plain, "uname", 0), ALLOW);
	assert_int_equal(ask(a, plain, "sync", 0), ERRNO(EACCES));
	assert_int_equal(ask(a, plain, "faccessat2", 0), SECCOMP_RET_LOG);
	assert_int_equal(ask(a, plain, "cachestat", 0), ERRNO(ENOSYS));
}

static void docker__architectures__from_the_map(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 24);
	const struct filter_profile *p = resolve(a, 0, 6 << 16);

	(void)state;
	assert_string_equal(p->archs[0], sysnames_native()->oci);
#ifdef __x86_64__
	assert_string_equal(p->archs[1], "SCMP_ARCH_X86");
	assert_null(p->archs[2]);
#endif
}

static void docker__mistakes__refused(void **state)
{
	static const char *const rows[] = {
		"", "[]", "{", "{\"syscalls\":[]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],"
		"\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"read\",\"names\":"
		"[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
		"\"SCMP_ACT_KILL\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENONSENSE\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"minKernel\":\"four\"}}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 24);
		struct filter_host host = { 0, 6 << 16 };
		struct filter_profile *p = NULL;
		struct err e = ERR_INIT;

		assert_true(filter_profile_parse(a, rows[i], strlen(rows[i]), &host, &p, &e) < 0);
		assert_non_null(strstr(e.msg, "seccomp"));
		assert_null(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__every_field__written_the_same),
		cmocka_unit_test(read__mistakes__named_by_path),
		cmocka_unit_test(check__rules_across_fields__refused),
		cmocka_unit_test(builtin__written_short__read_as_the_mark),
		cmocka_unit_test(builtin__written_in_full__compiles_to_the_same),
		cmocka_unit_test(docker__conditions__decide_by_host),
		cmocka_unit_test(docker__architectures__from_the_map),
		cmocka_unit_test(docker__mistakes__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
