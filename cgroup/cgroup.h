/*
 * cgroup.h - control groups, version 2: limits, placement, life and death, statistics.
 *
 * The door of cgroup/.  Used by berth (host side); the section "life" is kill.c, which needs
 * only libc and base's static files and is also part of berth-supervisor.
 *
 * A cgroup is named by its path below the cgroup2 mount ("berth/ID", no slash in front), the
 * same words that /proc/PID/cgroup shows, and held open by a directory descriptor.  Strings
 * and lists of struct cgroup_limits belong to the arena of the document that it is part of.
 * Sources: kernel Documentation/admin-guide/cgroup-v2.rst; OCI runtime-spec 1.3 config-linux.md.
 */
#ifndef CGROUP_CGROUP_H
#define CGROUP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- limits: linux.resources ---------------------------------------------------------- */

enum cgroup_device_type { CGROUP_DEV_ALL = 'a', CGROUP_DEV_CHAR = 'c', CGROUP_DEV_BLOCK = 'b' };
enum { CGROUP_DEV_MKNOD = 1, CGROUP_DEV_READ = 2, CGROUP_DEV_WRITE = 4 };

struct cgroup_device {
	bool allow;
	enum cgroup_device_type type;
	int64_t major, minor;		/* -1: any */
	unsigned access;		/* CGROUP_DEV_* bits */
};

struct cgroup_blk_weight { int64_t major, minor; struct json_opt_u32 weight, leaf_weight; };
struct cgroup_blk_rate { int64_t major, minor; uint64_t rate; };
struct cgroup_blk_rates { size_t n; struct cgroup_blk_rate *v; };
struct cgroup_hugepage { const char *page_size; uint64_t limit; };
struct cgroup_rdma { const char *device; struct json_opt_u32 handles, objects; };
struct cgroup_net_prio { const char *name; uint32_t priority; };

struct cgroup_limits {
	struct {
		/* bytes; -1 is max; swap counts memory and swap together */
		struct json_opt_i64 limit, reservation, swap;
		struct json_opt_i64 kernel, kernel_tcp;		/* obsolete: read, ignored */
		struct json_opt_u64 swappiness;			/* v1 only: refused by check */
		struct json_opt_bool disable_oom_killer, use_hierarchy;
		struct json_opt_bool check_before_update;	/* refuse a limit below the usage */
	} memory;
	struct {
		struct json_opt_u64 shares;	/* 2..262144, turned into cpu.weight; 0: not set */
		struct json_opt_i64 quota;	/* microseconds a period; -1: none */
		struct json_opt_u64 period, burst;		/* microseconds */
		struct json_opt_i64 rt_runtime;			/* v1 only */
		struct json_opt_u64 rt_period;			/* v1 only */
		struct json_opt_i64 idle;			/* 0 or 1 */
		const char *cpus, *mems;			/* "0-3,7"; NULL: not set */
	} cpu;
	struct { struct json_opt_i64 limit; } pids;		/* -1: max; 0 counts as 1 */
	struct {
		struct json_opt_u32 weight, leaf_weight;	/* 10..1000 */
		size_t nweights;
		struct cgroup_blk_weight *weights;
		struct cgroup_blk_rates rbps, wbps, riops, wiops;
	} blkio;
	size_t nhugepages;
	struct cgroup_hugepage *hugepages;
	size_t nrdma;
	struct cgroup_rdma *rdma;
	struct { struct json_opt_u32 class_id; size_t nprios; struct cgroup_net_prio *prios; } net;
	struct json_map unified;		/* file name → text, written last */
	bool devices_set;			/* the list was given, even if empty */
	size_t ndevices;
	struct cgroup_device *devices;		/* in order, the last match wins */
};

/* [struct cgroup_limits], zeroed before.  Pure. */
json_reader cgroup_limits_read;
void cgroup_limits_write(struct json_out *o, const char *key, const struct cgroup_limits *l);

/* One row a limit: how the command line, the specification and the kernel call it, and what
 * parses and writes it.  cgroup_options is for tables and help and ends with name NULL;
 * the functions are cgroup/'s own. */
struct cgroup_plan;
struct cgroup_option {
	const char *name;	/* "memory" */
	char letter;		/* 'm' or 0 */
	const char *arg;	/* "BYTES"; NULL: takes no value */
	const char *key;	/* in linux.resources: "memory.limit" */
	const char *file;	/* "memory.max" */
	size_t off;		/* of the field in struct cgroup_limits */
	int (*parse)(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e);
	void (*write)(const struct cgroup_limits *l, const struct cgroup_option *o,
		      struct cgroup_plan *p);
	const char *help;	/* one line; NULL: an alias, not shown */
};
extern const struct cgroup_option cgroup_options[];
const struct cgroup_option *cgroup_option_find(const char *name);	/* or NULL */

/* One option ("memory", "512m").  Only --device-read-bps and its kin look at the host: they
 * stat the device.  The message names the option and the form that was expected. */
int cgroup_limits_set(struct cgroup_limits *l, struct arena *a, const char *option,
		      const char *value, struct err *e);
/* Rules that hold on every host: ranges, and fields that exist on v1 only.  Pure. */
int cgroup_limits_check(const struct cgroup_limits *l, struct err *e);
/* What `change` sets replaces what `into` had (unified and per-device entries by their key). */
void cgroup_limits_merge(struct cgroup_limits *into, struct arena *a,
			 const struct cgroup_limits *change);
/* Refuses a memory limit in which nothing can run, for what people type.  An OCI caller's goes to
 * the kernel as it is. */
int cgroup_limits_enough(const struct cgroup_limits *l, struct err *e);
/* True when it makes the cgroup idle and gives it a weight, which is left out then. */
bool cgroup_limits_weight_lost(const struct cgroup_limits *l);
/* Docker's rule for its own command line: memory given without memory-swap means that as much
 * swap again may be used (OCI callers say what they mean and do not call this). */
void cgroup_limits_default(struct cgroup_limits *l);
/* True when it asks for anything besides devices. */
bool cgroup_limits_any(const struct cgroup_limits *l);
/* Resources of the form that devices' strings have: "c 10:200 rwm", "a *:* rwm". */
int cgroup_device_parse(const char *text, struct cgroup_device *ret);
/* Appends the rules that every container has (mknod of all; null zero full random urandom tty
 * console ptmx pts), as runc does, and sets devices_set.  What no rule matches is denied. */
void cgroup_devices_default(struct cgroup_limits *l, struct arena *a);
void cgroup_devices_add(struct cgroup_limits *l, struct arena *a, struct cgroup_device d);

/* ---- host: what this machine offers --------------------------------------------------- */

enum cgroup_controller {
	CGROUP_CPUSET = 1, CGROUP_CPU = 2, CGROUP_IO = 4, CGROUP_MEMORY = 8,
	CGROUP_HUGETLB = 16, CGROUP_PIDS = 32, CGROUP_RDMA = 64, CGROUP_MISC = 128,
};

/* AUTO is resolved by cgroup_make (struct cgroup says to which): cgroupfs where we may write,
 * else the user's systemd, else disabled if there is no limit to apply. */
enum cgroup_driver { CGROUP_DRIVER_CGROUPFS, CGROUP_DRIVER_SYSTEMD, CGROUP_DRIVER_DISABLED,
		     CGROUP_DRIVER_AUTO };
/* "cgroupfs", "systemd", "disabled", "auto"; -EINVAL for anything else. */
int cgroup_driver_parse(const char *s, enum cgroup_driver *ret);
const char *cgroup_driver_name(enum cgroup_driver d);

struct cgroup_host {
	int fd;			/* the cgroup2 mount's root */
	char mount[128];	/* where it is: "/sys/fs/cgroup" */
	bool hybrid;		/* v1 hierarchies beside it */
	unsigned controllers;	/* that the root of the mount offers, CGROUP_* bits */
};
#define CGROUP_HOST_INIT { .fd = -1 }
int cgroup_host_open(struct cgroup_host *ret, struct err *e);
void cgroup_host_cleanup(struct cgroup_host *h);	/* AUTO(cgroup_host) */
/* Every controller that l needs is there; else the error names it and says why it is not. */
int cgroup_host_check(const struct cgroup_host *h, const struct cgroup_limits *l,
		      struct err *e);
/* "cpuset cpu io memory" into b. */
void cgroup_controllers_show(unsigned controllers, struct strbuf *b);

/* ---- cgroup: make, apply -------------------------------------------------------------- */

/* What a container asks for; nothing in it is kept. */
struct cgroup_want {
	enum cgroup_driver driver;
	const char *id;			/* container ID */
	const char *oci_path;		/* linux.cgroupsPath, or NULL */
	const char *parent;		/* --cgroup-parent, or NULL; not with oci_path */
	const struct cgroup_limits *limits;	/* checked; NULL: none */
	const struct json_map *annotations;	/* org.systemd.property.*, run.oci.systemd.subgroup,
						   run.oci.delegate-cgroup */
	bool rootless;			/* no rights over the host's root cgroup: in our subtree */
	bool delegate;			/* the container may manage its cgroup (own cgroupns, rw) */
	bool devices_later;		/* the caller comes with cgroup_devices_due */
	uid_t uid;			/* owner of a delegated cgroup: the container's root */
	gid_t gid;
};

/* A cgroup that is open.  cgroup_open fills it for one that exists. */
struct cgroup {
	int fd;			/* directory (O_RDONLY), for CLONE_INTO_CGROUP and the functions
				   below; -1 with the driver "disabled" */
	char *path;		/* below the mount, to be kept in the state; "" when disabled */
	char *unit;		/* systemd's scope, or NULL: to be kept in the state too */
	enum cgroup_driver driver;
	bool made;		/* by this call: it did not exist before */
	bool devices_due;	/* has no device program yet: see cgroup_devices_due */
	int hold;		/* systemd only: see cgroup_settle */
	pid_t hold_pid;
	bool one_task;		/* pids.max is to be 1, and until then there is room for two */
};
#define CGROUP_INIT { .fd = -1, .hold = -1 }

/* Checks (host, controllers), makes parents and the cgroup, applies all limits and the device
 * program; on failure nothing is left.  An existing cgroup is taken only if it is empty of
 * processes (-EBUSY).  With systemd a small process of ours keeps the scope populated until
 * cgroup_settle, which is called once the container's first process is inside. */
int cgroup_make(const struct cgroup_want *w, struct cgroup *ret, struct err *e);
void cgroup_settle(struct cgroup *c);
/* The device program of l, where cgroup_make left it for later (devices_later): loading it takes as
 * long as some twenty mounts, and in the meantime only our init is inside. */
int cgroup_devices_due(struct cgroup *c, const struct cgroup_limits *l, bool rootless,
		       struct err *e);
/* The path that cgroup_make would use, without making it; caller frees.  -EBUSY: one that was asked
 * for holds processes. */
int cgroup_place(const struct cgroup_want *w, char **ret_path, struct err *e);
int cgroup_open(enum cgroup_driver driver, const char *path, const char *unit,
		struct cgroup *ret, struct err *e);
void cgroup_cleanup(struct cgroup *c);			/* AUTO(cgroup): closes, removes nothing */

/* Live update: what l sets is written in an order that is safe (memory and swap, growing or
 * shrinking), the rest stays.  -EBUSY when check_before_update refuses.  With l->devices_set the
 * device program is replaced with no instant without one.  When a write fails the ones before it
 * are taken back. */
int cgroup_apply(struct cgroup *c, const struct cgroup_limits *l, struct err *e);
/* Attaches the program for l's device rules to c->fd, replacing what is there. */
int cgroup_devices_apply(int fd, const struct cgroup_limits *l, struct err *e);

/* Removes it with everything below (kills what is left) and stops the systemd unit.  Absent is
 * success; safe twice. */
int cgroup_destroy(enum cgroup_driver driver, const char *path, const char *unit, struct err *e);

/* A leaf below c for an exec ("exec-3"): *ret_fd for CLONE_INTO_CGROUP, *ret_path to be removed
 * with cgroup_remove.  Always a leaf of its own, since the container may have enabled
 * controllers in its cgroup (no-internal-process rule).  name NULL picks a free one. */
int cgroup_make_sub(const struct cgroup *c, const char *name, int *ret_fd, char **ret_path,
		    struct err *e);
/* A cgroup below c that exists already (exec --cgroup PATH, the container's own). */
int cgroup_open_sub(const struct cgroup *c, const char *sub, int *ret_fd, struct err *e);
/* Moves a process there. */
int cgroup_attach(int fd, pid_t pid, struct err *e);
/* The cgroup of a process, below the mount; caller frees. */
int cgroup_of_pid(pid_t pid, char **ret, struct err *e);

/* Gives a cgroup's directory and the files of /sys/kernel/cgroup/delegate to a user. */
int cgroup_delegate(int fd, uid_t uid, gid_t gid, struct err *e);
/* `berth delegate USER`: makes "berth-user/UID" with all controllers, owned by the user, and in it
 * the cgroup that his processes may be in; remove does so when no process is left. */
#define CGROUP_STEP_ASIDE "init"
int cgroup_delegate_make(uid_t uid, gid_t gid, char **ret_path, struct err *e);
int cgroup_delegate_remove(uid_t uid, struct err *e);

/* ---- life (kill.c, also in berth-supervisor) ------------------------------------------ */

/* The cgroup2 mount: fast paths by statfs, else /proc/self/mountinfo.  mount may be NULL. */
int cgroup_root_open(int *ret, char *mount, size_t n, struct err *e);
/* "berth/ID" → directory descriptor.  -ENOENT when there is none. */
int cgroup_dir_open(const char *path, int *ret, struct err *e);
/* SIGKILL for all inside and below, at once (cgroup.kill; before that existed: freeze, kill,
 * thaw).  Does not wait. */
int cgroup_kill(int fd, struct err *e);
/* Any signal to all inside and below, frozen meanwhile so that none escapes by forking. */
int cgroup_signal(int fd, int sig, struct err *e);
/* Waits (poll on cgroup.events) until it is empty; -ETIMEDOUT.  timeout in ms, -1: for ever. */
int cgroup_wait_empty(int fd, int timeout_ms);
/* Kills what is inside, waits, removes it and all below.  Absent is success; safe twice. */
int cgroup_remove(const char *path, int timeout_ms, struct err *e);
/* Freezes or thaws and waits until the kernel says that it is done. */
int cgroup_freeze(int fd, int timeout_ms, struct err *e);
int cgroup_thaw(int fd, int timeout_ms, struct err *e);
/* All PIDs inside and below (as seen from our PID namespace); caller frees *ret. */
int cgroup_pids(int fd, pid_t **ret, size_t *ret_n, struct err *e);

struct cgroup_state { bool populated, frozen; };
int cgroup_state_read(int fd, struct cgroup_state *ret);
/* Of the cgroup at path below fd. */
int cgroup_state_read_in(int fd, const char *path, struct cgroup_state *ret);

struct cgroup_oom {
	bool known;			/* there is a memory controller */
	uint64_t oom, oom_kill, oom_group_kill, max, high;	/* counters of memory.events */
	uint64_t limit, peak;	/* bytes; limit UINT64_MAX: none; peak 0: not known (< 5.19) */
};
int cgroup_oom_read(int fd, struct cgroup_oom *ret);
/* CPU time used, in microseconds (cpu.stat usage_usec, there without any controller). */
int cgroup_cpu_read(int fd, uint64_t *ret_usec);

/* ---- statistics and events ------------------------------------------------------------ */

struct cgroup_pressure_line { double avg10, avg60, avg300; uint64_t total; };
struct cgroup_pressure { bool known; struct cgroup_pressure_line some, full; };
struct cgroup_counter { const char *name; uint64_t v; };
struct cgroup_io_stat {
	uint32_t major, minor;
	uint64_t rbytes, wbytes, rios, wios, dbytes, dios;
};
struct cgroup_hugetlb_stat { char size[16]; uint64_t usage, failcnt; };
struct cgroup_rdma_stat { char device[64]; uint32_t handles, objects; };

struct cgroup_stats {
	struct arena *a;		/* owns the lists; freed by cgroup_stats_cleanup */
	uint64_t time_ns;		/* CLOCK_MONOTONIC when it was read: for rates */
	struct { uint64_t usage, user, system, periods, throttled, throttled_time, bursts,
		 burst_time; } cpu;	/* nanoseconds, and counts */
	bool memory_known;
	struct { uint64_t usage, limit, peak, swap, swap_limit, swap_peak, cache, inactive_file,
		 failcnt; } memory;	/* bytes; limits UINT64_MAX: none */
	size_t nraw;
	struct cgroup_counter *raw;	/* memory.stat */
	bool pids_known;
	uint64_t pids, pids_limit;	/* limit 0: none */
	size_t nio;
	struct cgroup_io_stat *io;
	size_t nhugetlb;
	struct cgroup_hugetlb_stat *hugetlb;
	size_t nrdma_current, nrdma_max;
	struct cgroup_rdma_stat *rdma_current, *rdma_max;
	struct cgroup_pressure cpu_psi, memory_psi, io_psi;
	struct cgroup_oom oom;
	char *const *rdt;		/* lines of schemata (resctrl) or NULL; not owned */
};
#define CGROUP_STATS_INIT { .a = NULL }
int cgroup_stats_read(int fd, struct cgroup_stats *ret, struct err *e);
void cgroup_stats_cleanup(struct cgroup_stats *s);	/* AUTO(cgroup_stats) */
/* {"type":"stats","id":…,"data":{cpu, memory, pids, blkio, hugetlb, rdma, PSI}} as runc's. */
void cgroup_stats_write(struct json_out *o, const char *id, const struct cgroup_stats *s);
/* Percent of one CPU between two readings; memory as `docker stats` counts it (without
 * inactive file pages). */
double cgroup_stats_cpu_percent(const struct cgroup_stats *before,
				const struct cgroup_stats *now);
uint64_t cgroup_stats_memory_used(const struct cgroup_stats *s);

/* Watching: a descriptor for poll(POLLIN) that wakes for OOM, frozen and populated. */
struct cgroup_watch { int fd; int dir; struct cgroup_oom oom; struct cgroup_state state; };
enum { CGROUP_EVENT_OOM = 1, CGROUP_EVENT_EMPTY = 2, CGROUP_EVENT_FROZEN = 4,
       CGROUP_EVENT_THAWED = 8, CGROUP_EVENT_GONE = 16, CGROUP_EVENT_OOM_KILL = 32 };
#define CGROUP_WATCH_INIT { .fd = -1, .dir = -1 }
int cgroup_watch_open(int fd, struct cgroup_watch *ret, struct err *e);
/* Call when w->fd is readable: *ret_events says what happened since the last call. */
int cgroup_watch_read(struct cgroup_watch *w, unsigned *ret_events, struct err *e);
void cgroup_watch_cleanup(struct cgroup_watch *w);	/* AUTO(cgroup_watch) */

#endif
