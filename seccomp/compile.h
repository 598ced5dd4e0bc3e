/*
 * compile.h - what the files of seccomp/ know of one another: architectures, calls, code.
 *
 * Used by berth (host side), inside seccomp/ only.  The way of a profile:
 * builtin.c or profile.c make it, assemble.c turns it into instructions with the
 * numbers from sysnames.c, bpfcheck.c proves them sound, filtercache.c keeps them.
 */
#ifndef SECCOMP_COMPILE_H
#define SECCOMP_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/seccomp.h>

#include "base/str.h"
#include "seccomp/filter.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)	/* Linux 5.19 */
#endif

/* A way of calling the kernel. */
struct sysnames_arch {
	const char *oci;	/* "SCMP_ARCH_X86_64" */
	const char *go;		/* "amd64": in Docker's profiles; NULL: none there */
	uint32_t token;		/* libseccomp's */
	uint32_t audit;		/* AUDIT_ARCH_*, what the kernel puts into seccomp_data */
	uint32_t base;		/* bit that all numbers carry (x32), else 0 */
	uint32_t private_from;	/* numbers from here on are not in order of age, 0: none */
	bool narrow;		/* arguments have 32 bits */
	int socketcall, ipc;	/* numbers of the multiplexers, 0: none */
};

#define SYSNAMES_UNKNOWN (-1)

/* A call behind a multiplexer. */
struct sysnames_mux {
	int nr;			/* of the multiplexer, 0: not behind one */
	uint32_t sub;		/* its first argument */
};

const struct sysnames_arch *sysnames_native(void);
/* By OCI name, whether this machine can run it or not; NULL: no such name. */
const struct sysnames_arch *sysnames_find(const char *oci);
/* Index 0 to n of those that this machine can run, native first; NULL at the end. */
const struct sysnames_arch *sysnames_runnable(size_t i);
/* Direct number (base included) or SYSNAMES_UNKNOWN; *ret_mux says the other way to the call.
 * *ret_known: somebody knows the name, on whatever architecture. */
int sysnames_resolve(const struct sysnames_arch *arch, const char *name,
		     struct sysnames_mux *ret_mux, bool *ret_known);

/* Names and kernel values of actions, operators, flags.  -1, or UINT32_MAX for actions: none. */
uint32_t sysnames_action(const char *oci);
const char *sysnames_action_name(uint32_t action);
int sysnames_operator(const char *oci);
const char *sysnames_operator_name(enum filter_op op);
uint32_t sysnames_flag(const char *name);	/* 0: no such flag */

/* "newest": the highest number of the profile's own kernel level, the same on all
 * architectures; 0: that of the newest call named. */
struct assemble_input {
	const struct filter_profile *profile;	/* expanded, not the mark of the built-in one */
	uint32_t newest;
	bool fail_unknown;
};
/* Pure.  *ret_insns (from a) has *ret_n instructions. */
int assemble_filter(const struct assemble_input *in, struct arena *a,
		    struct sock_filter **ret_insns, uint32_t *ret_n, struct err *e);

/* Shared by the two formats of profiles: "SCMP_ACT_ERRNO" and the arguments of a rule. */
json_reader profile_read_action;	/* [uint32_t] */
json_reader profile_read_flags;		/* [uint32_t] */
/* [struct filter_rule], its nargs and args */
json_reader profile_read_args;

/* True when the kernel would take these instructions: known codes, jumps in range, every path
 * ends in a return, loads inside seccomp_data.  Pure. */
bool bpfcheck_sound(const struct sock_filter *insns, size_t n);
/* True when one of the returns is the action. */
bool bpfcheck_returns(const struct sock_filter *insns, size_t n, uint32_t action);

/* The built-in profile with all its rules, and the number it knows calls up to. */
const struct filter_profile *builtin_expand(struct arena *a, uint64_t caps);
uint32_t builtin_newest(void);
/* The capabilities that make a difference, of caps. */
uint64_t builtin_relevant(uint64_t caps);

/* Finds what was compiled for exactly these key bytes; false: not there, or not sound. */
bool filtercache_load(int dirfd, const void *key, size_t key_n, struct arena *a,
		      struct sock_filter **ret_insns, uint32_t *ret_n);
void filtercache_save(int dirfd, const void *key, size_t key_n, const struct sock_filter *insns,
		      uint32_t n);

#endif
