/*
 * sysnames.c - names and numbers: architectures, system calls, actions, operators, flags.
 *
 * Numbers come from libseccomp; what is younger than the library comes from a table here,
 * since from 424 on all architectures number their calls alike.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <seccomp.h>
#include <linux/audit.h>

#include "base/sys.h"

/* clang-format off */
static const struct sysnames_arch archs[] = {
	{ "SCMP_ARCH_X86_64",	"amd64",	SCMP_ARCH_X86_64,	AUDIT_ARCH_X86_64 },
	{ "SCMP_ARCH_X86",	"x86",		SCMP_ARCH_X86,		AUDIT_ARCH_I386,
	  .narrow = true, .socketcall = 102, .ipc = 117 },
	{ "SCMP_ARCH_X32",	"x32",		SCMP_ARCH_X32,		AUDIT_ARCH_X86_64,
	  .base = 0x40000000, .private_from = 0x40000000 + 512, .narrow = true },
	{ "SCMP_ARCH_AARCH64",	"arm64",	SCMP_ARCH_AARCH64,	AUDIT_ARCH_AARCH64 },
	{ "SCMP_ARCH_ARM",	"arm",		SCMP_ARCH_ARM,		AUDIT_ARCH_ARM,
	  .private_from = 0xf0000, .narrow = true },
	{ "SCMP_ARCH_RISCV64",	"riscv64",	SCMP_ARCH_RISCV64,	AUDIT_ARCH_RISCV64 },
	/* Known by name, never run on the machines above; a profile may list them. */
	{ "SCMP_ARCH_MIPS",	"mips" },
	{ "SCMP_ARCH_MIPS64",	"mips64" },
	{ "SCMP_ARCH_MIPS64N32",	"mips64n32" },
	{ "SCMP_ARCH_MIPSEL",	"mipsel" },
	{ "SCMP_ARCH_MIPSEL64",	"mipsel64" },
	{ "SCMP_ARCH_MIPSEL64N32",	"mipsel64n32" },
	{ "SCMP_ARCH_PPC",	"ppc" },
	{ "SCMP_ARCH_PPC64",	"ppc64" },
	{ "SCMP_ARCH_PPC64LE",	"ppc64le" },
	{ "SCMP_ARCH_S390",	"s390" },
	{ "SCMP_ARCH_S390X",	"s390x" },
	{ "SCMP_ARCH_PARISC" },
	{ "SCMP_ARCH_PARISC64" },
	{ "SCMP_ARCH_LOONGARCH64",	"loong64" },
	{ "SCMP_ARCH_M68K" },
	{ "SCMP_ARCH_SH" },
	{ "SCMP_ARCH_SHEB" },
};

#if defined(__x86_64__)
static const unsigned char runnable[] = { 0, 1, 2 };
#elif defined(__aarch64__)
static const unsigned char runnable[] = { 3, 4 };
#elif defined(__riscv) && __riscv_xlen == 64
static const unsigned char runnable[] = { 5 };
#else
#error "add this architecture to the table above"
#endif

/* Younger than the libraries that distributions ship; `only`: on one architecture. */
static const struct { const char *name; int nr; uint32_t only; } younger[] = {
	{ "set_mempolicy_home_node", 450 },
	{ "cachestat", 451 },
	{ "fchmodat2", 452 },
	{ "map_shadow_stack", 453 },
	{ "futex_wake", 454 },
	{ "futex_wait", 455 },
	{ "futex_requeue", 456 },
	{ "statmount", 457 },
	{ "listmount", 458 },
	{ "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 },
	{ "lsm_list_modules", 461 },
	{ "mseal", 462 },
	{ "setxattrat", 463 },
	{ "getxattrat", 464 },
	{ "listxattrat", 465 },
	{ "removexattrat", 466 },
	{ "open_tree_attr", 467 },
	{ "file_getattr", 468 },
	{ "file_setattr", 469 },
	{ "uretprobe", 335, SCMP_ARCH_X86_64 },
	{ "uprobe", 336, SCMP_ARCH_X86_64 },
	{ "riscv_hwprobe", 258, SCMP_ARCH_RISCV64 },
};

/* i386 got direct numbers for what socketcall(2) and ipc(2) do only in 4.3 and 5.1; libseccomp
 * hides them behind its pseudo numbers -100 - CALL and -200 - CALL. */
static const struct { short pseudo, direct; } x86_direct[] = {
	{ -101, 359 }, { -108, 360 }, { -102, 361 }, { -103, 362 }, { -104, 363 }, { -118, 364 },
	{ -115, 365 }, { -114, 366 }, { -106, 367 }, { -107, 368 }, { -111, 369 }, { -116, 370 },
	{ -112, 371 }, { -117, 372 }, { -113, 373 }, { -119, 337 }, { -120, 345 },
	{ -202, 393 }, { -203, 394 }, { -223, 395 }, { -224, 396 }, { -221, 397 }, { -222, 398 },
	{ -213, 399 }, { -211, 400 }, { -212, 401 }, { -214, 402 },
};

static const struct { const char *name; uint32_t value; } actions[] = {
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
};

static const char *const operators[] = {
	[FILTER_OP_NE] = "SCMP_CMP_NE",
	[FILTER_OP_LT] = "SCMP_CMP_LT",
	[FILTER_OP_LE] = "SCMP_CMP_LE",
	[FILTER_OP_EQ] = "SCMP_CMP_EQ",
	[FILTER_OP_GE] = "SCMP_CMP_GE",
	[FILTER_OP_GT] = "SCMP_CMP_GT",
	[FILTER_OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
	NULL,
};

static const struct { const char *name; uint32_t value; } flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};
/* clang-format on */

const struct sysnames_arch *sysnames_runnable(size_t i)
{
	return i < ARRAY_SIZE(runnable) ? &archs[runnable[i]] : NULL;
}

const struct sysnames_arch *sysnames_native(void)
{
	return sysnames_runnable(0);
}

const struct sysnames_arch *sysnames_find(const char *oci)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (strcmp(archs[i].oci, oci) == 0)
			return &archs[i];
	return NULL;
}

static int find_younger(const struct sysnames_arch *arch, const char *name, bool *ret_known)
{
	for (size_t i = 0; i < ARRAY_SIZE(younger); i++) {
		if (strcmp(younger[i].name, name) != 0)
			continue;
		*ret_known = true;
		if (younger[i].only && younger[i].only != arch->token)
			return SYSNAMES_UNKNOWN;
		return younger[i].nr + (int)arch->base;
	}
	return SYSNAMES_UNKNOWN;
}

static int find_direct(int pseudo)
{
	for (size_t i = 0; i < ARRAY_SIZE(x86_direct); i++)
		if (x86_direct[i].pseudo == pseudo)
			return x86_direct[i].direct;
	return SYSNAMES_UNKNOWN;
}

int sysnames_resolve(const struct sysnames_arch *arch, const char *name,
		     struct sysnames_mux *ret_mux, bool *ret_known)
{
	int nr = seccomp_syscall_resolve_name_arch(arch->token, name);

	*ret_mux = (struct sysnames_mux){ 0 };
	if (nr == __NR_SCMP_ERROR)
		return find_younger(arch, name, ret_known);
	*ret_known = true;
	if (nr >= 0)
		return nr;
	if (arch->socketcall && nr < -100 && nr >= -120)
		*ret_mux = (struct sysnames_mux){ arch->socketcall, (uint32_t)(-nr - 100) };
	else if (arch->ipc && nr < -200 && nr >= -224)
		*ret_mux = (struct sysnames_mux){ arch->ipc, (uint32_t)(-nr - 200) };
	else
		return SYSNAMES_UNKNOWN;
	return find_direct(nr);
}

uint32_t sysnames_action(const char *oci)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].name, oci) == 0)
			return actions[i].value;
	return UINT32_MAX;
}

const char *sysnames_action_name(uint32_t action)
{
	for (size_t i = ARRAY_SIZE(actions); i-- > 0;)
		if (actions[i].value == action)
			return actions[i].name;
	return "SCMP_ACT_KILL_PROCESS";
}

int sysnames_operator(const char *oci)
{
	for (int i = 0; operators[i]; i++)
		if (strcmp(operators[i], oci) == 0)
			return i;
	return -1;
}

const char *sysnames_operator_name(enum filter_op op)
{
	return operators[op];
}

uint32_t sysnames_flag(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].value;
	return 0;
}

const char *filter_flag_name(uint32_t flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].value == flag)
			return flags[i].name;
	return NULL;
}

const char *filter_syscall_name(uint32_t arch, int nr, char *buf, size_t n)
{
	const struct sysnames_arch *by = sysnames_native();
	char *name;

	for (size_t i = 0; sysnames_runnable(i); i++)
		if (arch && sysnames_runnable(i)->audit == arch &&
		    sysnames_runnable(i)->base == ((uint32_t)nr & 0x40000000))
			by = sysnames_runnable(i);
	name = seccomp_syscall_resolve_num_arch(by->token, nr);
	if (name) {
		snprintf(buf, n, "%s", name);
		free(name);
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(younger); i++)
		if (younger[i].nr + (int)by->base == nr &&
		    (!younger[i].only || younger[i].only == by->token)) {
			snprintf(buf, n, "%s", younger[i].name);
			return buf;
		}
	snprintf(buf, n, "syscall_%d", nr);
	return buf;
}

int filter_syscall_number(const char *name)
{
	struct sysnames_mux mux;
	bool known = false;

	return sysnames_resolve(sysnames_native(), name, &mux, &known);
}

const char *const *filter_actions(void)
{
	static const char *const list[] = {
		"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
		"SCMP_ACT_TRAP", "SCMP_ACT_ERRNO",	  "SCMP_ACT_TRACE",
		"SCMP_ACT_ALLOW", "SCMP_ACT_LOG",	  "SCMP_ACT_NOTIFY", NULL,
	};

	return list;
}

const char *const *filter_operators(void)
{
	return operators;
}

const char *filter_arch(size_t i)
{
	return i < ARRAY_SIZE(archs) ? archs[i].oci : NULL;
}

const char *const *filter_flags(void)
{
	static const char *const list[] = {
		"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL,
	};

	return list;
}

/* seccomp(2): with a NULL program the flags are looked at first (EINVAL), then the program is
 * fetched (EFAULT), so nothing is ever installed. */
uint32_t filter_flags_supported(void)
{
	uint32_t ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		unsigned with = flags[i].value;

		if (with == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
			with |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		if (sys_seccomp(SECCOMP_SET_MODE_FILTER, with, NULL) < 0 && errno == EFAULT)
			ret |= flags[i].value;
	}
	return ret;
}

const char *filter_library_version(char *buf, size_t n)
{
	const struct scmp_version *v = seccomp_version();

	snprintf(buf, n, "%u.%u.%u", v->major, v->minor, v->micro);
	return buf;
}

bool filter_supported(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
