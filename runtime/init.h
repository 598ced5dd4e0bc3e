/*
 * init.h - inside berth-init: what its steps share, and the steps themselves.
 *
 * Runs in: container.  Private to berth-init.  Each step_NAME is one row of the table
 * in init.c and does one thing; it runs as the container's root, with all descriptors
 * still open, until step_creds.
 */
#ifndef RUNTIME_INIT_H
#define RUNTIME_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/plan.h"

struct init {
	const struct plan *plan;
	const struct spec *spec;		/* NULL in an exec */
	const struct spec_process *process;
	int sync;
	int answer;		/* where errors go: sync, or the connection at the gate */
	int root;		/* O_PATH, the container's root; what all paths start from */
	int proc;		/* procfs of our own that nothing is mounted on, or -1 (procfs.c) */
	int cwd;		/* O_PATH, the work directory */
	bool entered;		/* it is the current one */
	int dev_null;		/* O_PATH, the host's null device, checked */
	uid_t uid;		/* who we are during the set-up: owner of what we make */
	gid_t gid;
	int *readonly_later;	/* mounts that become read-only once /dev is filled */
	size_t nreadonly;
	char **env;		/* the process's, and what we add */
	char *program;		/* what execve gets */
	bool filtered;		/* the filter is on */
};

typedef int init_step(struct init *in, struct err *e);

/* ns.c: joins and clones (plan->go_between); returns in the init alone. */
int ns_enter(const struct plan *p, struct err *e);
/* Waits until the host has written the id maps. */
int ns_mapped(const struct plan *p, struct err *e);
init_step step_ns;		/* cgroup and time namespaces, hostname needs none of it */
init_step step_session;		/* new session, session keyring */
init_step step_hostname;
/* rootfs.c */
init_step step_root_attach;	/* the root is mounted, nothing propagates to the host */
init_step step_root_enter;	/* pivot_root (or chroot) and the old root is gone */
init_step step_root_seal;	/* read-only root, delayed read-only mounts, propagation */
init_step step_root_join;	/* exec: "/" of the container */
/* mounts.c */
init_step step_mounts;
init_step step_notify;
/* dev.c, masks.c, console.c */
init_step step_dev;
init_step step_masks;
init_step step_console;
init_step step_stdio;
/* procfs.c, sysctl.c, lsm.c, sched.c */
init_step step_procfs;
init_step step_sysctl;
init_step step_lsm;
init_step step_sched;
/* "0-3,7" for ourselves; NULL and "": as it is. */
int sched_affinity(const char *list, const char *name, struct err *e);
init_step step_rlimits;
/* env.c, creds.c, caps.c, program.c */
init_step step_env;
init_step step_cwd_open;	/* the work directory is made where it is missing */
init_step step_cwd_root;
init_step step_cwd;
init_step step_caps_bounding;
init_step step_creds;
init_step step_caps;
init_step step_program;
init_step step_filter_early;	/* where a privilege is needed that is about to go */
init_step step_filter_listen;	/* a listener is handed over before the host lets go */
init_step step_filter_last;
int filter_hook(void *in, struct err *e);	/* for the process of a hook */
/* gate.c: the host's turns, and the last words */
init_step step_host_turn;
init_step step_hooks_create;
init_step step_ready;
init_step step_gate;
init_step step_hooks_start;
/* pid1.c: forks; returns in the child alone. */
init_step step_pid1;

/* mounts.c: attaches a detached tree at a path below the root; missing targets are made. */
int mounts_attach(struct init *in, int tree, const char *path, bool is_dir, struct err *e);
/* A target below the root: opened (O_PATH), or made as a directory or file. */
int mounts_target(struct init *in, const char *path, bool is_dir, bool nofollow, int *ret,
		  struct err *e);
/* mount_fs.c: a new file system of m->type, detached.  Negative: e is set. */
int mount_fs_make(struct init *in, const struct spec_mount *m, const char *target, int *ret,
		  struct err *e);
/* mount_bind.c: a bind, detached.  *ret is -1 where there is nothing to mount. */
int mount_bind_make(struct init *in, const struct spec_mount *m, const struct plan_source *src,
		    int *ret, bool *ret_dir, struct err *e);
int mount_bind_path(const char *path, bool recursive, int *ret, struct err *e);
/* Attributes and propagation of m, on a detached or attached mount. */
int mount_attrs(struct init *in, const struct spec_mount *m, int fd, bool recursive,
		struct err *e);
/* copyup.c: copies what is below `from` into `to` (both directories). */
int copyup_tree(int from, int to, struct err *e);
/* procfs.c: a procfs that is attached nowhere. */
int procfs_make(int *ret, struct err *e);
/* Opens a file of our own procfs ("self/attr/exec", "sys/net/..."). */
int procfs_open(struct init *in, const char *path, int flags);
/* caps.c: the highest capability that the kernel knows. */
unsigned caps_last(void);
/* env.c: value of a name in in->env, or NULL. */
const char *env_get(const struct init *in, const char *name);
void env_put(struct init *in, char *text);	/* "NAME=value", replaces */
/* console.c */
int console_fd_is(int fd, unsigned major, unsigned minor);

#endif
