/*
 * plan.h - what crosses from the host to berth-init: the checked spec and all that
 * the host decided and opened for it.
 *
 * Runs in: both.  The plan lies in the spec's shared arena (mem.h), as its root; the
 * child maps the arena privately at the same address, so nothing is marshalled.  After
 * the clone the host writes only to plan->late, a page that the child does not touch
 * before SYNC_GO.  Descriptors are numbers that the child inherits.
 */
#ifndef RUNTIME_PLAN_H
#define RUNTIME_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "runtime/spec.h"
#include "seccomp/filter.h"

/* Both programs are built from the same headers; the number changes with the structs' sizes. */
#define PLAN_MAGIC \
	(0x62700000u ^ (uint32_t)(sizeof(struct spec) << 8) ^ (uint32_t)sizeof(struct plan))

/* How berth-init ends when the plan is not one that it can read: it has no socket yet. */
#define PLAN_EXIT_FOREIGN 120

enum plan_fd {
	PLAN_FD_SYNC,		/* our end of the socket pair */
	PLAN_FD_ROOT,		/* the root, a detached tree; -1: the child opens root_path */
	PLAN_FD_GATE,		/* listening socket, or -1: the gate is SYNC_START */
	PLAN_FD_CGROUP,		/* what a cgroup mount shows without a cgroup namespace, or -1 */
	PLAN_FD_NOTIFY,		/* folder of NOTIFY_SOCKET, detached, or -1: the child opens it */
	PLAN_FD_NODES,		/* detached tmpfs with device nodes that the host lacks, or -1 */
	PLAN_FD_TARGET,		/* exec: pidfd of the container's init, or -1 */
	PLAN_FD_COUNT,
};

/* What a mount or a device node gets bound from. */
struct plan_source {
	int fd;			/* detached tree, opened by the host; -1: the child opens it */
	bool absent;		/* optional and not there: skip the mount */
	bool is_dir;
	bool made;		/* device: in PLAN_FD_NODES, named by its index */
	bool idmap;		/* the host maps ids: asked for when the child opens it */
	const char *in_root; /* it lies below the root: path in there, opened when its turn comes */
	const char *symlink;	/* copy-symlink: make this symlink instead of mounting */
};

/* Texts for hooks, which the host writes after the clone and before SYNC_GO. */
struct plan_late {
	const char *state[2];		/* OCI state: "creating", "created"; NULL: none */
};

struct plan {
	const struct spec *spec;		/* NULL in an exec */
	const struct spec_process *process;
	int fd[PLAN_FD_COUNT];

	/* Namespaces.  go_between: berth-init itself joins and then clones the init. */
	bool go_between;
	int ns_fd[SPEC_NS_COUNT];		/* to be joined by path, or -1 */
	unsigned join_mask;			/* exec: 1 << enum spec_ns of the target */
	uint64_t clone_flags; /* CLONE_NEW* that clone3 makes (not cgroup, time) */
	bool wait_mapped;			/* the init waits for SYNC_MAPPED itself */
	bool userns;				/* in a user namespace that is not the host's */

	/* What the host does for it, and so what the child leaves alone. */
	const char *root_path;			/* host path of the root, NULL: it has none */
	bool host_rlimits;
	bool report_mounted, wait_go;

	struct plan_source *mounts;		/* one per spec mount */
	size_t ndevices;
	const struct spec_device *devices;	/* defaults and the spec's, without doubles */
	struct plan_source *device_sources;	/* NULL: made by mknod */

	size_t npreserved;
	int *preserved;				/* inherited for the program: numbers */
	unsigned listen_fds;
	int pdeathsig;
	bool personality_set;
	uint32_t personality;			/* of the container, for its execs too */
	struct spec_mempolicy mempolicy;	/* the same */
	bool no_pivot, run_pid1, session_keyring;
	const char *sd_notify, *sd_notify_dir;	/* as in launch_opts */
	bool has_selinux, has_apparmor;		/* the host's kernel has them switched on */
	struct filter_program filter;		/* n 0: none */
	struct plan_late *late;
};

/* A plan in s->arena (or a), all descriptors -1, as the arena's root. */
struct plan *plan_new(struct arena *a);
/* Room for size bytes on pages of their own: the child's private mapping shows what the host
 * writes there, and to what it allocates later, until the child itself writes to the page. */
void *plan_late_room(struct arena *a, size_t size);
/* Copies a filter's instructions into the arena unless they lie there already. */
void plan_set_filter(struct plan *p, struct arena *a, const struct filter_program *f);
/* Fills devices: the specification's default ones and those of the spec, which win. */
void plan_set_devices(struct plan *p, struct arena *a, const struct spec *s);
/* Whether we make the nodes of /dev: not when the spec binds a whole /dev of its own. */
bool plan_makes_dev(const struct spec *s);
/* The mount option that linux.mountLabel is the value of: the annotation
 * run.oci.mount_context_type (crun(1)); NULL when that names none. */
const char *plan_label_option(const struct spec *s);
/* The flags of a superblock as fsconfig(2) spells them; ends with flag 0. */
extern const struct plan_sb_flag { unsigned long flag; const char *name; } plan_sb_flags[];
/* The attributes of a bind as runc and crun read its options: with one of them named, what the
 * source has and no option names is cleared; times of access change only when one of their
 * options is set.  The part of ret->attr_clr that nobody named is returned. */
uint64_t plan_bind_attrs(const struct spec_mount *m, struct spec_mount *ret);
/* Whether a remount is of the file system too, not of the mount alone. */
bool plan_remounts_fs(const struct spec_mount *m);
/* Whether the container's id is mapped at all. */
bool plan_maps_id(const struct spec_idmaps *m, uint32_t id);
/* The child's side: maps what fd holds and checks that it is a plan. */
int plan_load(int fd, const struct plan **ret, struct err *e);

#endif
