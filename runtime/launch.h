/*
 * launch.h - the birth of a process in a container, seen from the host.
 *
 * Runs in: host.  The spec lies in a shared arena (arena_new_shared, whose magic is set here).
 * launch_init makes namespaces and cgroup membership with clone3 and hands the spec to
 * berth-init, which is executed from a sealed memfd; launch_join puts a process into a
 * container that runs.  sync.h draws the protocol between the two sides; plan.h is what
 * crosses.
 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"

struct launch {			/* a process that was born and waits at its gate */
	pid_t pid;		/* as the caller's namespace sees it */
	int pidfd;
	uint64_t start_time;	/* proc.h */
	int sync;		/* our end of the socket pair; closed once it has started */
	int console;		/* master of the terminal when one was asked for, else -1 */
	int seccomp_notify;	/* listener, else -1 */
};

struct launch_opts {
	int root_fd;		/* detached mount to use as the root, or -1: open root_path */
	const char *root_path;	/* absolute; needed when root_fd is -1, and in a mount
				   namespace that is not new */
	int mount_ns;		/* the one to be joined by path, opened; 0: none */
	int cgroup_fd;		/* directory to be cloned into, or -1 */
	int stdio[3];		/* become 0, 1, 2 (no terminal); -1: the caller's own */
	unsigned preserve_fds;	/* those of 3 .. 3+N-1 that are open stay open */
	int gate_fd;		/* listening socket at which the init waits for `start`, or -1: it
				   waits for launch_open_gate on the sync socket */
	bool no_pivot, no_new_keyring;
	bool own_cgroup;		/* of cgroups it sees its own, when it shares ours */
	bool run_pid1;		/* --init: pid1.c stays as PID 1 and reaps */
	/* A folder of the host's that the container gets at sd_notify, for the socket that
	 * NOTIFY_SOCKET names there; NULL: none */
	const char *sd_notify, *sd_notify_dir;
	int pdeathsig;		/* signal to the init when the caller's thread ends, or 0 */
	unsigned listen_fds;	/* so many of them are announced: LISTEN_FDS */
	const struct filter_program *filter;	/* compiled, or NULL */

	/* Called in the host as soon as the namespaces exist, while the init makes its mounts:
	 * network.  A failure of this or the next ends the birth. */
	int (*namespaces_ready)(void *ctx, const struct launch *l, struct err *e);
	/* Called when all is mounted and before the root is entered: prestart and createRuntime
	 * hooks. */
	int (*mounts_ready)(void *ctx, const struct launch *l, struct err *e);
	/* Adds the OCI state ("creating", "created") for createContainer and startContainer hooks;
	 * called after the two above, only when the spec has such hooks. */
	void (*state_write)(void *ctx, const struct launch *l, const char *status,
			    struct strbuf *b);
	/* Gives l->seccomp_notify to its agent, at once: the init's next call may be one that waits
	 * for the answer.  NULL: it stays in l. */
	int (*listener)(void *ctx, struct launch *l, struct err *e);
	void *ctx;
};

/* Everything up to the gate: returns when the init has done all that can fail before execve
 * (program looked up too).  On failure the child is dead and reaped; e is its own message. */
int launch_init(const struct spec *s, const struct launch_opts *o, struct launch *ret,
		struct err *e);
/* With gate_fd: tells the init that its record is written.  Before this call the init ends when
 * the caller does, from now on it waits for `start` alone.  Closes l->sync. */
int launch_keep(struct launch *l, struct err *e);
/* The other side of gate_fd: fd is a connection to the gate's socket (SOCK_SEQPACKET).  Opens the
 * gate and waits for the execve to have happened or failed; closes nothing. */
int launch_gate_open(int fd, struct err *e);
/* Opens the gate (gate_fd -1) and waits for the execve to have happened or failed. */
int launch_open_gate(struct launch *l, struct err *e);
/* Maps the ids of a detached bind as m says: by maps of its own, or by the user namespace of the
 * container, whose process is pid (0: it is to join one by path). */
int launch_idmap(const struct spec *s, const struct spec_mount *m, pid_t pid, int fd,
		 struct err *e);
/* Kills, reaps, closes. */
void launch_abort(struct launch *l);

/*
 * An exec.  p and all that it points at must lie in a shared arena (arena_new_shared): a.  s is
 * only looked at in the host; NULL is allowed.
 */
struct launch_join_opts {
	int target_pidfd;		/* of the container's init */
	pid_t target_pid;
	unsigned ns_mask;		/* bits 1 << enum spec_ns to join */
	int cgroup_fd;			/* to be cloned into, or -1 */
	int stdio[3];
	unsigned preserve_fds;
	const struct filter_program *filter;
	bool no_new_keyring;
	int pdeathsig;			/* as in launch_opts */
	unsigned listen_fds;
	int (*listener)(void *ctx, struct launch *l, struct err *e);	/* as in launch_opts */
	void *ctx;
};
/* Returns when the process has been executed (or has failed before). */
int launch_join(struct arena *a, const struct spec_process *p, const struct spec *s,
		const struct launch_join_opts *o, struct launch *ret, struct err *e);

#endif
