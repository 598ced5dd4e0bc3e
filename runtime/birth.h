/*
 * birth.h - inside the host's side of a birth: what launch.c, launch_join.c and their
 * parts share.
 *
 * Runs in: host.  Private to launch*.c.
 */
#ifndef RUNTIME_BIRTH_H
#define RUNTIME_BIRTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/sync.h"

struct birth {
	struct arena *arena;
	struct plan *plan;
	int program;		/* berth-init, sealed */
	int sync_child;		/* the init's end, closed here once it has it */
	int cgroup_fd;		/* the caller's */
	const int *stdio;	/* three, the caller's */
	const char *root_path;	/* as given, or NULL; plan->root_path is the real one */
	bool cwd_lost;		/* paths are those of another mount namespace without the bundle */
	int *fds;		/* opened for the child, closed here once it has them */
	size_t nfds;
	int (*listener)(void *ctx, struct launch *l, struct err *e);	/* the caller's, or NULL */
	void *ctx;
};
#define BIRTH_INIT { .program = -1, .sync_child = -1, .cgroup_fd = -1 }
void birth_cleanup(struct birth *b);	/* AUTO(birth) */
/* A descriptor for the child; b owns it from now on.  Returns it. */
int birth_own_fd(struct birth *b, int fd);

/* launch.c: clones, feeds and follows.  ret is filled as soon as there is a process. */
int birth_start(struct birth *b, struct launch *ret, struct err *e);
/* Reads until that; takes the console and the listener on the way, and maps ids. */
int birth_follow(struct birth *b, struct launch *l, enum sync_type until, struct err *e);
/* In a user namespace only the host can give its pipes to the process's user, who opens them again
 * as /dev/stdout. */
void birth_give_pipes(const struct birth *b, const struct spec *s);
/* Limits that only the host may raise. */
int birth_rlimits(const struct plan *p, const struct launch *l, struct err *e);
/* Those of 3..3+n-1 that are open and the caller's, for the plan. */
void birth_preserve(struct birth *b, unsigned n);

/* launch_clone.c: clone3, then run(arg) in the child, which must not return.  may_share: the
 * child lives in our memory, and we wait, until it executes; it must not wait for us. */
struct clone_args;
pid_t birth_clone(struct clone_args *args, bool may_share, void (*run)(void *), void *arg);

/* launch_plan.c: spec and options → plan, with all descriptors opened. */
int birth_plan(struct birth *b, const struct spec *s, const struct launch_opts *o, struct err *e);
void birth_lsm(struct plan *p, const struct spec_process *process, const char *mount_label);

/* launch_idmap.c: binds whose ids are to be mapped, by the container's user namespace or by one
 * of their own. */
bool birth_is_idmapped(const struct spec_mount *m);
/* The host's id for one of the container's; false: it is not mapped. */
bool birth_host_id(const struct spec_idmaps *m, uint32_t id, uint32_t *ret);
/* Those whose sources the host has opened.  pid 0: before the clone; else those that are mapped by
 * the namespace which that made. */
int birth_idmap(struct birth *b, pid_t pid, struct err *e);
/* One whose source the init has opened: fd. */
int birth_idmap_late(struct birth *b, const struct launch *l, int index, int fd, struct err *e);

/* launch_ids.c: the id maps of a child that waits in its new user namespace. */
int ids_write(pid_t pid, const struct spec_idmaps *uids, const struct spec_idmaps *gids,
	      struct err *e);
/* A user namespace with these maps that nobody is in, for idmapped mounts. */
int ids_namespace(const struct spec_idmaps *uids, const struct spec_idmaps *gids, int *ret,
		  struct err *e);

/* launch_seal.c: berth-init in a memfd that nobody can write any more. */
int seal_program(int *ret, struct err *e);

/* plan_own.c: a string that lies outside of the arena would be lost in the other program. */
void plan_own_spec(struct arena *a, struct spec *s);
void plan_own_process(struct arena *a, struct spec_process *p);
/* What every process of a container gets of its spec, its execs too. */
void plan_own_all(struct arena *a, struct plan *p, const struct spec *s);

#endif
