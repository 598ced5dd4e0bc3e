/*
 * container_part.h - what container*.c and state.c share among themselves.
 *
 * Runs in: host.  Not for others: they include container.h.
 */
#ifndef RUNTIME_CONTAINER_PART_H
#define RUNTIME_CONTAINER_PART_H

#include "runtime/container.h"

#define STATE_FILE "state.json"
#define STATE_CONFIG "config.json"
#define STATE_GATE "gate"	/* there while the container waits for `start` */
#define STATE_MAX (64u << 20)

/* RUN_ROOT/ID.  -ENOENT: `container "x" does not exist`. */
int state_dir_open(const struct container_env *env, const char *id, int *ret, struct err *e);
/* The same, locked for us alone (flock on the folder itself), and still the folder of that name
 * once we have the lock. */
int state_dir_lock(const struct container_env *env, const char *id, int *ret, struct err *e);
/* Makes and locks it.  -EEXIST when a container of that name is there; what a dead create left is
 * cleaned first.  engine: the folder may be there already, without a state.  *ret_made: by us. */
int state_dir_make(const struct container_env *env, const char *id, bool engine, int *ret,
		   bool *ret_made, struct err *e);
/* state.json, whole or not at all. */
int state_save(int dirfd, const struct container_state *s, struct err *e);
/*
 * cgroup_make, with the place in the saved state first, so that who deletes a birth that was killed
 * takes it away.  Where it lies, unit and inode are in *s then; the caller saves them.
 */
int state_cgroup_make(int dirfd, struct container_state *s, const struct cgroup_want *w,
		      struct cgroup *ret, struct err *e);
/* Reads state.json and looks up what the container is doing now. */
bool state_frozen(const struct container_state *s);
int state_load(int dirfd, const char *id, struct container_state *ret, struct err *e);

/* container_end.c: undoes what a state names: process, cgroup, resctrl group, then poststop
 * hooks when they are owed, and the files.  Goes on after a failure and returns the first. */
int container_undo(const struct container_env *env, int dirfd, const struct container_state *s,
		   bool hooks, bool remove_dir, struct err *e);

/* container_give.c: what create and exec give to others. */
/* What a caller's device rules leave to the runtime: nothing but what is listed is allowed, the
 * devices of every container are, and any node may be made (config-linux.md, "Default Devices"). */
void container_devices(struct cgroup_limits *l, struct arena *a);
struct container_outputs { const char *console_socket, *pid_file, *pidfd_socket; };
/* Console to its socket (l->console is then closed), pidfd to its, pid file written. */
int container_hand_over(const struct container_outputs *o, struct launch *l, struct err *e);
/* Capabilities that p asks for and cannot have are warned about and left out: config.md,
 * "capabilities". */
void container_warn_caps(const struct spec *s, const struct spec_process *p);
/* The listener of a process's filter to the agent that the spec names; l's is then closed. */
int container_give_listener(const struct container_state *st, const struct spec *s,
			    struct launch *l, struct err *e);
/* The compiled filter of a spec with its annotations, in a; n 0: none. */
int container_filter(const struct container_env *env, const struct spec *s, struct arena *a,
		     struct filter_program *ret, struct err *e);

const char *container_annotation(const struct spec *s, const char *key);	/* or NULL */

/* host_mounts.c: for a container in the host's mount namespace (ns NULL), or in that of others at
 * ns.  Its root, detached, noted in st; *ret_ns: that namespace, and nothing for the host's.  And
 * that it goes, with all that is mounted on it. */
int host_mounts_clone(const char *ns, struct container_state *st, int *ret_root, int *ret_ns,
		      struct err *e);
int host_mounts_undo(const struct container_state *s, struct err *e);

/* container_start.c: the hooks of one kind, with the state as it is then. */
int container_hooks(const struct container_state *st, const struct spec *s,
		    enum spec_hook_kind kind, enum container_status status, struct err *e);

/* rdt.c, below a resctrl mount.  *ret_group: what rdt_leave is to take away, "" for nothing. */
#define RDT_ROOT "/sys/fs/resctrl"
int rdt_join(const char *root, const struct spec_rdt *want, const char *id, pid_t pid,
	     struct arena *a, const char **ret_group, struct err *e);
int rdt_update(const char *root, const struct spec_rdt *want, const char *id, struct err *e);
/* The lines of the schemata of the container's group. */
int rdt_schemata(const char *root, const struct spec_rdt *want, const char *id,
		 struct strlist *ret, struct err *e);
int rdt_leave(const char *root, const char *group, const char *id, struct err *e);

#endif
