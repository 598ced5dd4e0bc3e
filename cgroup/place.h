/*
 * place.h - the inside of placement: where a cgroup goes, and enabling controllers on the way.
 *
 * Private to cgroup/.
 */
#ifndef CGROUP_PLACE_H
#define CGROUP_PLACE_H

#include "cgroup/cgroup.h"
#include "cgroup/limits.h"

/* host.c */
unsigned cgroup_controllers_parse(const char *list);
/* CGROUP_* bits of one line ("cgroup.controllers", "cgroup.subtree_control"). */
unsigned cgroup_controllers_at(int dirfd, const char *file);
const char *cgroup_controller_name(unsigned bit);
/* Pure parts of the search for a reason. */
bool cgroup_v1_mount_of(const char *mountinfo, const char *controller, char *ret, size_t n);
int cgroup_enabled_in(const char *proc_cgroups, const char *controller);
/* Fills e with the reason why the controller is not there; where: a cgroup, or NULL. */
int cgroup_controller_missing(const struct cgroup_host *h, unsigned bit, const char *where,
			      struct err *e);

/* delegate.c */
/* The cgroup below which we put ours: "" for root, else the topmost one that we may write to.
 * -EACCES when there is none.  Caller frees. */
int cgroup_base_find(const struct cgroup_host *h, bool rootless, char **ret, struct err *e);
/* Enables `need` (must) and `want` (if possible) for `path`, writing subtree_control from `base`
 * down to path's parent.  Processes that are in the way there are moved aside when they are in
 * our own cgroup. */
int cgroup_enable(const struct cgroup_host *h, const char *base, const char *path, unsigned need,
		  unsigned want, struct err *e);
/* mkdir -p below the mount; *ret_made: the last one did not exist. */
int cgroup_mkdirs(const struct cgroup_host *h, const char *path, bool *ret_made, struct err *e);

/* kill.c: one file of the cgroup that fd is; -errno. */
int cgroup_file_write(int fd, const char *file, const char *text);

/* apply.c */
/* Writes a plan; undo: what was there before is put back when one write fails. */
int cgroup_plan_apply(int fd, const struct cgroup_plan *p, bool undo, struct err *e);

/* systemd.c */
struct cgroup_unit { char *unit, *slice; };
/* "slice:prefix:name" (or NULL) → unit and slice names.  Pure.  Caller frees both. */
int cgroup_unit_parse(const char *oci_path, const char *parent, const char *id, bool user,
		      struct cgroup_unit *ret, struct err *e);
void cgroup_unit_cleanup(struct cgroup_unit *u);
/* "a-b.slice" → "a.slice/a-b.slice"; "-.slice" → "".  Pure.  Caller frees. */
int cgroup_slice_path(const char *slice, char **ret, struct err *e);
/* True when a manager can be talked to. */
bool cgroup_systemd_is_there(bool user);
int cgroup_systemd_start(const struct cgroup_want *w, const struct cgroup_limits *l, pid_t pid,
			 char **ret_unit, char **ret_path, struct err *e);
/* Puts this process into a scope of its own below the user's systemd. */
int cgroup_systemd_move_self(struct err *e);
int cgroup_systemd_update(const char *unit, bool user, const struct cgroup_limits *l,
			  struct err *e);
int cgroup_systemd_stop(const char *unit, bool user, struct err *e);

#endif
