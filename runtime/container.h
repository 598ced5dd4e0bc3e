/*
 * container.h - the life of one container as the OCI runtime-spec tells it: create,
 * start, kill, delete, state, exec.
 *
 * Runs in: host.  Used by berth-oci's commands and by the engine's supervise step
 * alike; knows nothing of images, logs or restarts.  State is RUN_ROOT/ID/state.json,
 * written whole or not at all; a lock file per container keeps two commands apart.
 * A process is named by PID and start time and boot id, never by PID alone.
 */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cgroup/cgroup.h"
#include "runtime/launch.h"
#include "runtime/spec.h"

enum container_status {
	CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED,
	CONTAINER_STOPPED,
};
const char *container_status_name(enum container_status s);

struct container_state {		/* all in `arena` */
	struct arena *arena;
	const char *id, *bundle, *oci_version, *owner;
	enum container_status status;	/* looked up when loaded, never stored as truth */
	pid_t pid;			/* 0 once stopped */
	uint64_t start_time;
	const char *boot_id;
	const char *created;		/* RFC 3339 */
	const char *rootfs;
	const char *cgroup_path;	/* below the v2 mount, "" when none, or no more ours */
	uint64_t cgroup_ino;		/* which one that is; 0: not made yet */
	const char *cgroup_driver;	/* "cgroupfs" "systemd" "disabled" */
	const char *scope;		/* systemd unit, or "" */
	const char *rdt_group;		/* resctrl group that we made, or "" */
	uint64_t root_mount;		/* of its root, in a mount namespace not its own; 0: none */
	const char *mount_ns;		/* path of the one that it joined, or NULL: the host's */
	uint64_t mount_ns_ino;		/* which one that was */
	struct json_map annotations;
	bool engine;			/* belongs to an engine container (has a record) */
	bool creating;			/* as stored: create has not come to its end */
	bool own_pidns;			/* killing the init kills all */
	uint32_t hooks;			/* bit enum spec_hook_kind: there are such hooks */
};

struct container_env {			/* what is the same for a whole invocation */
	const char *run_root;		/* holds a folder per container */
	const char *cache_dir;		/* holds cache/seccomp/, NULL: no cache */
	enum cgroup_driver driver;
	bool rootless;
};

struct container_create_opts {
	const char *bundle;		/* absolute; relative root.path starts there */
	int root_fd;			/* engine: detached mount to use as root; else -1 */
	int stdio[3];			/* -1 each: the caller's own */
	int console_out;		/* engine: *ret->console gets the master (terminal: true) */
	const char *console_socket, *pid_file, *pidfd_socket;
	unsigned preserve_fds;
	bool no_pivot, no_new_keyring, run_pid1, engine, own_gate;
	int pdeathsig;			/* own_gate: to the init when the caller ends; 0: none */
	unsigned listen_fds;		/* socket activation: so many of preserve_fds */
	const char *sd_notify;		/* NOTIFY_SOCKET of the caller, sdnotify.h, or NULL */
	/* engine: network, when the namespaces exist (before the hooks) */
	int (*network)(void *ctx, pid_t pid, int netns_fd, struct err *e);
	void *ctx;
};

/* Everything up to `created`.  After a failure nothing is left (an engine's RUN_ROOT/ID, which was
 * there before, stays).  own_gate: the caller itself will start it by container_open_gate; else
 * RUN_ROOT/ID/gate waits for container_start.  The spec lies in a shared arena (PLAN_MAGIC). */
int container_create(const struct container_env *env, const char *id, struct spec *s,
		     const struct container_create_opts *o, struct launch *ret, struct err *e);
int container_open_gate(const struct container_env *env, const char *id, struct spec *s,
			struct launch *l, struct err *e);
/* sd_notify: the caller's NOTIFY_SOCKET, or NULL; with it start returns when the container is
 * ready (or has ended). */
int container_start(const struct container_env *env, const char *id, const char *sd_notify,
		    struct err *e);
/* sig to the init (all: to every process, also of a container whose init has ended). */
int container_kill(const struct container_env *env, const char *id, int sig, bool all,
		   struct err *e);
/* Removes state, cgroup, and runs poststop hooks; force kills first and is silent on absence. */
int container_delete(const struct container_env *env, const char *id, bool force, struct err *e);
int container_pause(const struct container_env *env, const char *id, bool pause, struct err *e);
int container_update(const struct container_env *env, const char *id,
		     const struct cgroup_limits *limits, struct err *e);
/* New schemata for a container with intelRdt; NULL: stays. */
int container_update_rdt(const struct container_env *env, const char *id, const char *l3,
			 const char *mem_bw, struct err *e);
/* The lines of its group's schemata; none without intelRdt. */
int container_schemata(const struct container_env *env, const char *id, struct strlist *ret,
		       struct err *e);
/* The cgroup of a container whose state was loaded; -ENOENT with a message when it has none. */
int container_cgroup(const struct container_state *s, struct cgroup *ret, struct err *e);
int container_load(const struct container_env *env, const char *id, struct container_state *ret,
		   struct err *e);
void container_state_clear(struct container_state *s);
/* Ids below run_root, sorted; what is half made (no state.json) is left out. */
int container_list(const struct container_env *env, struct strlist *ret, struct err *e);
/* The state as `state` prints it and hooks get it. */
void container_state_write(const struct container_state *s, struct strbuf *b);
/* The spec that the container was created with (bundle/config.json as it was then). */
int container_spec(const struct container_env *env, const char *id, struct arena *a,
		   struct spec **ret, struct err *e);

/* Mounts into a container that runs (sources are the host's), or unmounts their destinations. */
int container_mounts(const struct container_env *env, const char *id,
		     const struct spec_mount *m, size_t n, bool add, struct err *e);

struct container_exec_opts {
	int stdio[3];
	unsigned preserve_fds;
	const char *cgroup;		/* sub-cgroup, NULL: the container's (or its init's) */
	bool cgroup_make;		/* make it first, one level; the caller removes it */
	const char *console_socket, *pid_file, *pidfd_socket;
	bool ignore_paused, no_new_keyring;
	int pdeathsig;
	unsigned listen_fds;
};
/* Runs p, which lies in the shared arena a (PLAN_MAGIC), in the container; returns when it has
 * been executed.  With a terminal *ret->console is the master, unless console_socket took it. */
int container_exec(const struct container_env *env, const char *id, struct arena *a,
		   struct spec_process *p, const struct container_exec_opts *o,
		   struct launch *ret, struct err *e);

/* 1..255 characters of [A-Za-z0-9_+.-], the first no dot. */
int container_id_check(const char *id, struct err *e);

#endif
