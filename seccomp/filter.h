/*
 * filter.h - system call filters: a profile (OCI linux.seccomp) becomes an array of BPF
 * instructions.  The only header of seccomp/ that others include.
 *
 * Used by berth (host side).  The container side installs the array with seccomp(2) and
 * needs nothing but struct filter_program.  Profiles and programs own no memory: all they
 * point at lies in the arena that the caller gave.
 *
 * Sources: OCI runtime specification, config-linux.md "Seccomp"; seccomp(2);
 * seccomp_unotify(2); Docker's and podman's profile format.
 */
#ifndef SECCOMP_FILTER_H
#define SECCOMP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/filter.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

/* The specification's operators on the arguments of a call. */
enum filter_op {
	FILTER_OP_NE, FILTER_OP_LT, FILTER_OP_LE, FILTER_OP_EQ, FILTER_OP_GE, FILTER_OP_GT,
	FILTER_OP_MASKED_EQ,	/* (argument & value) == (value_two & value) */
};

struct filter_arg {
	uint32_t index;		/* 0 to 5 */
	enum filter_op op;
	uint64_t value, value_two;
};

/* Actions are the kernel's SECCOMP_RET_* without data. */
struct filter_rule {
	char **names;			/* NULL-terminated */
	uint32_t action;
	struct json_opt_u32 errno_ret;	/* for ERRNO and TRACE; unset: EPERM */
	size_t nargs;
	struct filter_arg *args;	/* all must hold; any of them when an index comes twice */
};

struct filter_profile {
	uint32_t default_action;
	struct json_opt_u32 default_errno;
	char **archs;			/* "SCMP_ARCH_X86_64"; NULL: the native one */
	bool flags_set;			/* "flags" was there, empty or not */
	uint32_t flags;			/* SECCOMP_FILTER_FLAG_* that filter_flags() lists */
	const char *listener_path;
	const char *listener_metadata;
	size_t nrules;
	struct filter_rule *rules;
	bool builtin;			/* berth's own: rules and archs are empty */
	uint64_t builtin_caps;		/* bit n: capability n is granted */
};

/* ---- profile.c: JSON in and out ---- */

/* Reader of an OCI linux.seccomp object.  [struct filter_profile *] It lies in the context's arena.
 * Names of system calls are not looked at, all else is checked, with the path. */
json_reader filter_profile_read;
/* As OCI JSON.  With expand, the built-in profile is written out rule by rule, so that any
 * runtime can read it; without, as a mark that only filter_profile_read understands (and that
 * costs no parsing): for berth's own records. */
void filter_profile_write(struct json_out *o, const char *key, const struct filter_profile *p,
			  bool expand);
/* Rules across fields: listenerPath needs NOTIFY and the other way round, operators and indexes
 * are known, errno <= 4095.  Messages begin at the field ("syscalls[3].errnoRet: ").  Pure. */
int filter_profile_check(const struct filter_profile *p, struct err *e);

/* What decides which conditional rows of a profile count. */
struct filter_host {
	uint64_t caps;		/* capabilities granted (bounding set): bit n is capability n */
	unsigned kernel;	/* major << 16 | minor, proc_kernel_version() */
};

/* A file for --security-opt seccomp=FILE: Docker's and podman's format (archMap, includes,
 * excludes, comment), of which OCI's is a part.  Pure: resolves for the native architecture. */
int filter_profile_parse(struct arena *a, const char *text, size_t n,
			 const struct filter_host *host, struct filter_profile **ret,
			 struct err *e);
/* berth's own default profile for a set of capabilities.  Cheap: only the mark. */
struct filter_profile *filter_profile_builtin(struct arena *a, uint64_t caps);

/* ---- filter.c: profile -> instructions ---- */

struct filter_program {
	const struct sock_filter *insns;
	uint32_t n;		/* 1 to 4096; 0: no filter */
	uint32_t flags;		/* for SECCOMP_SET_MODE_FILTER; holds NEW_LISTENER when a rule
				   is NOTIFY (then seccomp(2) returns the listener) */
};

struct filter_options {
	int cache_dirfd;	/* folder of compiled filters, -1: none.  Trusted only when its
				   files belong to us and nobody else can write them */
	bool fail_unknown;	/* a system call that nobody knows is an error, not ignored */
};

/* Instructions for a profile, in a.  System calls newer than all that the profile names fail
 * with ENOSYS, not with its default action, when that denies.  p NULL gives an empty program. */
int filter_compile(const struct filter_profile *p, const struct filter_options *opt,
		   struct arena *a, struct filter_program *ret, struct err *e);
/* Raw instructions from outside (run.oci.seccomp_bpf_data, decoded; --seccomp FD), verified. */
int filter_load_raw(struct arena *a, const void *data, size_t n, struct filter_program *ret,
		    struct err *e);
/* Opens (makes) ROOT/cache/seccomp for filter_options.  -errno when there can be none. */
int filter_cache_open(const char *root, int *ret_dirfd);

/* ---- notify.c: the listener's way to its agent ---- */

/* Connects to path (AF_UNIX stream) and sends the specification's container process state with
 * fd attached.  state_json: the OCI state as one JSON object; ids may be of any length. */
int filter_notify_send(const char *path, const char *metadata, int fd, pid_t pid,
		       const char *state_json, struct err *e);

/* ---- sysnames.c: what there is, for `features`, `why` and messages ---- */

/* "openat" of a number on the native architecture (arch 0) or an AUDIT_ARCH_*; "syscall_N" when
 * nobody knows it.  Returns buf. */
const char *filter_syscall_name(uint32_t arch, int nr, char *buf, size_t n);
/* Number on the native architecture, or -1. */
int filter_syscall_number(const char *name);
/* NULL-terminated lists: "SCMP_ACT_ALLOW", "SCMP_CMP_EQ", "SECCOMP_FILTER_FLAG_LOG". */
const char *const *filter_actions(void);
const char *const *filter_operators(void);
const char *const *filter_flags(void);
/* "SCMP_ARCH_X86_64": the i-th that a profile may name, whether it can run here or not; NULL at the
 * end. */
const char *filter_arch(size_t i);
/* The flags of those that the running kernel takes (asked without installing anything). */
uint32_t filter_flags_supported(void);
const char *filter_flag_name(uint32_t flag);
/* "2.5.4": the version of libseccomp that is linked.  Returns buf. */
const char *filter_library_version(char *buf, size_t n);
/* True when the kernel can filter at all. */
bool filter_supported(void);

#endif
