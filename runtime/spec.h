/*
 * spec.h - the specification of a container: what config.json of the OCI
 * runtime-spec 1.3 says, checked and in one arena.
 *
 * Host side reads (spec_read.c), checks (check.c) and writes (spec_write.c) it;
 * the container side (berth-init) gets the same arena mapped at the same address
 * and only reads.  The arena owns every byte; leaves own their parts of the
 * struct (cgroup_limits, filter_profile), so no leaf includes this header.
 */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "seccomp/filter.h"

#define SPEC_VERSION "1.3.0"
#define SPEC_MAX_BYTES (8u << 20)	/* of config.json */
#define SPEC_ARENA_MAX ((size_t)1 << 30)	/* address space; 8 MiB of JSON cannot need more */

enum spec_ns {		/* index of a namespace; order is that of setns: user first */
	SPEC_NS_USER, SPEC_NS_MOUNT, SPEC_NS_PID, SPEC_NS_NETWORK, SPEC_NS_IPC, SPEC_NS_UTS,
	SPEC_NS_CGROUP, SPEC_NS_TIME, SPEC_NS_COUNT,
};

struct spec_namespace {
	bool unshare;		/* a new one is made */
	const char *path;	/* join this one instead; NULL with !unshare: the host's is kept */
};

struct spec_idmap {
	uint32_t container_id, host_id, size;
	bool relative;		/* idmap=uids=@…: host_id is the container's id for it */
};
struct spec_idmaps { size_t n; struct spec_idmap *v; };

struct spec_caps {	/* bit N is capability N; valid when set */
	bool set;
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct spec_user {
	uint32_t uid, gid;
	struct json_opt_u32 umask;
	size_t ngroups;
	uint32_t *groups;	/* additionalGids, exactly these */
};

struct spec_rlimit { int resource; uint64_t soft, hard; };	/* RLIMIT_* of this machine */

struct spec_scheduler {
	bool set;
	int policy;		/* SCHED_* */
	int32_t nice, priority;
	uint64_t flags, runtime, deadline, period;	/* SCHED_FLAG_*; nanoseconds */
};

struct spec_ioprio { bool set; int class, level; };	/* IOPRIO_CLASS_*, 0..7 */

struct spec_process {
	bool terminal;
	uint32_t console_height, console_width;	/* 0: not asked for */
	bool console_plain;		/* ours: the terminal does not turn LF into CR LF */
	const char *cwd;
	char **env, **args;	/* NULL-terminated */
	char **secret_env;	/* ours, at a birth: more of it, written down nowhere; or NULL */
	struct spec_user user;
	struct spec_caps caps;
	size_t nrlimits;
	struct spec_rlimit *rlimits;
	bool no_new_privileges;
	struct json_opt_i64 oom_score_adj;
	const char *apparmor_profile, *selinux_label;
	struct spec_scheduler scheduler;
	struct spec_ioprio ioprio;
	const char *affinity_initial, *affinity_final;	/* execCPUAffinity, "0-3,7" */
};

enum spec_mount_flags {
	SPEC_MOUNT_BIND = 1,
	SPEC_MOUNT_REC = 2,		/* rbind */
	SPEC_MOUNT_IDMAP = 4,		/* map by the mappings, or the container's user namespace */
	SPEC_MOUNT_IDMAP_REC = 8,	/* ridmap */
	SPEC_MOUNT_TMPCOPYUP = 16,
	SPEC_MOUNT_COPY_SYMLINK = 32,
	SPEC_MOUNT_SRC_NOFOLLOW = 64,
	SPEC_MOUNT_DEST_NOFOLLOW = 128,
	SPEC_MOUNT_REMOUNT = 256,
	SPEC_MOUNT_OPTIONAL = 512,	/* ours: absent source is no error */
	SPEC_MOUNT_MKFILE = 1024,	/* ours: the engine's own files (resolv.conf …) */
	SPEC_MOUNT_SILENT = 2048,
	SPEC_MOUNT_NAMED = 4096,	/* an option of the mount itself was given: "ro", "dev" */
};

struct spec_mount {
	const char *destination;	/* absolute inside the root (relative ones got a slash) */
	const char *type;		/* never NULL; "bind" for binds */
	const char *source;		/* may be NULL */
	int source_fd;			/* ours, at a birth: the source as a detached mount in place
					   of the path (secrets, images); 0: none */
	char **options;			/* as given, for spec_write */
	unsigned flags;			/* enum spec_mount_flags */
	uint64_t attr_set, attr_clr;	/* MOUNT_ATTR_* of this mount */
	uint64_t rec_set, rec_clr;	/* the same, recursive (rro, rnosuid, …) */
	uint64_t sb_flags;		/* superblock's: MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME,
					   MS_MANDLOCK, MS_I_VERSION; MS_RDONLY beside the attribute
					   ("ro" sets both; binds look at the attribute only) */
	uint64_t propagation;		/* one of MS_SHARED MS_SLAVE MS_PRIVATE MS_UNBINDABLE, with
					   MS_REC or without; 0: not asked for */
	char **data;			/* what is left for the file system, "key=value" or "key" */
	struct spec_idmaps uids, gids;
	bool maps_by_option;		/* idmap=uids=…, not uidMappings */
};

struct spec_device {
	const char *path;
	char type;		/* 'c' 'b' 'p' */
	uint32_t major, minor;
	uint32_t mode;		/* permission bits */
	bool mode_set;
	bool supplied;		/* by us, not by config.json */
	uint32_t uid, gid;
};

enum spec_hook_kind {
	SPEC_HOOK_PRESTART, SPEC_HOOK_CREATE_RUNTIME, SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER, SPEC_HOOK_POSTSTART, SPEC_HOOK_POSTSTOP, SPEC_HOOK_COUNT,
};
/* timeout: seconds, 0: none */
struct spec_hook { const char *path; char **args, **env; int32_t timeout; };
struct spec_hooks { size_t n; struct spec_hook *v; };

struct spec_time_offset { bool set; int64_t secs; uint32_t nanosecs; };

struct spec_rdt { bool set, monitoring; const char *clos_id, *l3, *mem_bw; char **schemata; };
struct spec_mempolicy { bool set; int mode; unsigned flags; const char *nodes; };
struct spec_netdev { const char *name, *to; };	/* host name; name inside (never NULL) */

struct spec {
	struct arena *arena;
	const char *version;		/* ociVersion as given */
	const char *root_path;		/* as given (relative to the bundle), NULL in engine use */
	bool root_readonly;
	const char *hostname, *domainname;
	struct spec_process process;
	bool has_process;
	size_t nmounts;
	struct spec_mount *mounts;
	struct spec_hooks hooks[SPEC_HOOK_COUNT];
	struct json_map annotations;

	struct spec_namespace ns[SPEC_NS_COUNT];
	struct spec_idmaps uids, gids;
	struct spec_time_offset monotonic, boottime;
	size_t ndevices;
	struct spec_device *devices;
	const char *cgroups_path;
	struct cgroup_limits limits;
	uint64_t rootfs_propagation;	/* MS_*, 0: rslave */
	struct filter_profile *seccomp;		/* NULL: none */
	struct json_map sysctl;
	char **masked_paths, **readonly_paths;
	const char *mount_label;
	bool personality_set;
	uint32_t personality;		/* persona of <sys/personality.h>, flags included */
	struct spec_rdt rdt;
	struct spec_mempolicy mempolicy;
	size_t nnetdevs;
	struct spec_netdev *netdevs;
};

/* Pure: bytes of a config.json → spec in a (a shared arena where it is to be run).  Unknown
 * members are ignored as the specification says; wrong ones are refused by their JSON path. */
int spec_read(struct arena *a, const char *text, size_t n, struct spec **ret, struct err *e);
/* A process document alone (exec --process FILE). */
int spec_read_process(struct arena *a, const char *text, size_t n, struct spec_process *ret,
		      struct err *e);
/* A list of mounts alone (mounts add FILE). */
int spec_read_mount_list(struct arena *a, const char *text, size_t n, struct spec_mount **ret,
			 size_t *ret_n, struct err *e);
/* One mount's options → flags, attributes, propagation, data (engine and mounts add use it). */
int spec_mount_options(struct arena *a, struct spec_mount *m, char *const *options,
		       struct err *e);
/* The names of all options that spec_mount_options knows, sorted. */
void spec_mount_option_names(struct strlist *ret);
/* Of linux.memoryPolicy, as the specification spells them. */
void spec_mempolicy_names(struct strlist *ret_modes, struct strlist *ret_flags);
const char *spec_hook_name(enum spec_hook_kind kind);	/* "createRuntime" */
/* There are hooks that look for the root at its path, between its mount and the pivot. */
bool spec_hooks_see_root(const struct spec *s);
/* spec → config.json. */
void spec_write(const struct spec *s, struct strbuf *b);
/* The first rule that the whole breaks, before anything is touched (pure but for looking at
 * the host: which namespaces and controllers there are). */
int spec_check(const struct spec *s, struct err *e);

/* Names as the specification spells them. */
const char *spec_ns_name(enum spec_ns ns);		/* "network" */
const char *spec_ns_file(enum spec_ns ns);		/* "net": /proc/PID/ns/… */
unsigned long spec_ns_flag(enum spec_ns ns);		/* CLONE_NEW… */
int spec_cap_parse(const char *name);			/* "CAP_CHOWN" or "chown" → bit, or -1 */
const char *spec_cap_name(int bit);			/* "CAP_CHOWN", or NULL */
int spec_rlimit_parse(const char *name);	/* "RLIMIT_NOFILE" or "nofile" → RLIMIT_*, or -1 */
const char *spec_rlimit_name(int resource);

/* What `spec` writes, and what the engine composes from: default mounts, devices, masked and
 * read-only paths, namespaces, Docker's capability set. */
extern const uint64_t spec_default_caps;
extern const char *const spec_default_masked[];
extern const char *const spec_default_readonly[];
int spec_default_mounts(struct arena *a, struct spec *s, struct err *e);

#endif
