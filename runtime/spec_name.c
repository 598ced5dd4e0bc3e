/*
 * spec_name.c - how the specification and the kernel spell things: namespaces,
 * capabilities, resource limits, and the small enumerations of config.json.
 *
 * Runs in: host
 *
 * Sources: namespaces(7), capabilities(7), getrlimit(2), sched_setattr(2), ioprio_set(2),
 * set_mempolicy(2), personality(2); runtime-spec config.md, config-linux.md.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec_part.h"

/* clang-format off */
static const struct { const char *name, *file; unsigned long flag; } ns_names[SPEC_NS_COUNT] = {
	[SPEC_NS_USER]    = { "user",    "user",   CLONE_NEWUSER },
	[SPEC_NS_MOUNT]   = { "mount",   "mnt",    CLONE_NEWNS },
	[SPEC_NS_PID]     = { "pid",     "pid",    CLONE_NEWPID },
	[SPEC_NS_NETWORK] = { "network", "net",    CLONE_NEWNET },
	[SPEC_NS_IPC]     = { "ipc",     "ipc",    CLONE_NEWIPC },
	[SPEC_NS_UTS]     = { "uts",     "uts",    CLONE_NEWUTS },
	[SPEC_NS_CGROUP]  = { "cgroup",  "cgroup", CLONE_NEWCGROUP },
	[SPEC_NS_TIME]    = { "time",    "time",   CLONE_NEWTIME },
};

static const char *const cap_names[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

static const struct { const char *name; int resource; } rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* SCHED_ISO is in the specification, and its number reserved, but no kernel has it. */
const struct spec_word spec_words_policy[] = {
	{ "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 }, { "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 }, { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 }, { NULL, 0 },
};
const struct spec_word spec_words_sched_flag[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 }, { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 }, { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 }, { NULL, 0 },
};
const struct spec_word spec_words_ioprio[] = {
	{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 }, { "IOPRIO_CLASS_IDLE", 3 },
	{ NULL, 0 },
};
const struct spec_word spec_words_mpol[] = {
	{ "MPOL_DEFAULT", 0 }, { "MPOL_PREFERRED", 1 }, { "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 }, { "MPOL_LOCAL", 4 }, { "MPOL_PREFERRED_MANY", 5 },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, { NULL, 0 },
};
const struct spec_word spec_words_mpol_flag[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 }, { "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 }, { NULL, 0 },
};
const struct spec_word spec_words_persona[] = {
	{ "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { NULL, 0 },
};
const struct spec_word spec_words_propagation[] = {
	{ "shared", MS_SHARED }, { "slave", MS_SLAVE }, { "private", MS_PRIVATE },
	{ "unbindable", MS_UNBINDABLE }, { "rshared", MS_SHARED | MS_REC },
	{ "rslave", MS_SLAVE | MS_REC }, { "rprivate", MS_PRIVATE | MS_REC },
	{ "runbindable", MS_UNBINDABLE | MS_REC }, { NULL, 0 },
};
/* clang-format on */

int spec_word_find(const struct spec_word *table, const char *word, uint64_t *ret)
{
	for (; table->word; table++)
		if (str_eq(table->word, word)) {
			*ret = table->value;
			return 0;
		}
	return -ENOENT;
}

const char *spec_word_of(const struct spec_word *table, uint64_t value)
{
	for (; table->word; table++)
		if (table->value == value)
			return table->word;
	return NULL;
}

const char *spec_ns_name(enum spec_ns ns)
{
	return ns_names[ns].name;
}

const char *spec_ns_file(enum spec_ns ns)
{
	return ns_names[ns].file;
}

unsigned long spec_ns_flag(enum spec_ns ns)
{
	return ns_names[ns].flag;
}

int spec_cap_parse(const char *name)
{
	const char *bare = strncasecmp(name, "CAP_", 4) ? name : name + 4;

	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++)
		if (!strcasecmp(cap_names[i] + 4, bare))
			return (int)i;
	return -1;
}

const char *spec_cap_name(int bit)
{
	return bit >= 0 && (size_t)bit < ARRAY_SIZE(cap_names) ? cap_names[bit] : NULL;
}

int spec_rlimit_parse(const char *name)
{
	const char *bare = strncasecmp(name, "RLIMIT_", 7) ? name : name + 7;

	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
		if (!strcasecmp(rlimit_names[i].name + 7, bare))
			return rlimit_names[i].resource;
	return -1;
}

const char *spec_rlimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
		if (rlimit_names[i].resource == resource)
			return rlimit_names[i].name;
	return NULL;
}

void spec_mempolicy_names(struct strlist *ret_modes, struct strlist *ret_flags)
{
	for (const struct spec_word *w = spec_words_mpol; w->word; w++)
		strlist_add(ret_modes, w->word);
	for (const struct spec_word *w = spec_words_mpol_flag; w->word; w++)
		strlist_add(ret_flags, w->word);
}
