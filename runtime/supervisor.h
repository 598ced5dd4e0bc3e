/*
 * supervisor.h - the process that stays beside a running container: how it is
 * started, and what is said to it.
 *
 * supervise_* run in berth (host); the loop is the static program berth-supervisor,
 * which the birth turns into by execve, keeping its PID and its child.  They talk
 * over RUN/ID/sock (AF_UNIX, SOCK_SEQPACKET, mode 0600; the peer's uid is checked):
 *
 *   client                                supervisor
 *   ATTACH flags ─────────────────────▶   OK
 *                 ◀──────── OUT data, ERR data …         (STDIN asked: accepts IN, EOF)
 *   IN data, EOF, RESIZE rows cols ───▶
 *   WAIT (0: end, 1: healthy) ────────▶
 *   STOP signal timeout, KILL signal ─▶   OK
 *   EXEC name ────────────────────────▶   OK; when this client goes, sub-cgroup `name` is killed
 *   SET key value ────────────────────▶   OK (restart policy)
 *                 ◀──────── END code                     (to all who wait, stop or attach; after
 *                                                         everything has been cleaned up)
 *                 ◀──────── ERROR text                   (refused; nothing was done)
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/record.h"

enum sup_type {
	SUP_ATTACH = 1, SUP_IN, SUP_EOF, SUP_RESIZE, SUP_WAIT, SUP_STOP, SUP_KILL, SUP_EXEC,
	SUP_SET, SUP_OUT, SUP_ERR, SUP_OK, SUP_ERROR, SUP_END, SUP_DETACH, SUP_HEALTH,
};
enum sup_attach_flags { SUP_STDIN = 1, SUP_STDOUT = 2, SUP_STDERR = 4, SUP_LOSSLESS = 8 };

struct sup_head { int32_t type, a, b; };	/* then up to SUP_DATA bytes */
#define SUP_DATA 32768

/* ---- client side, in berth (control.c) ---- */

/* -ENOENT or -ECONNREFUSED: not running. */
int control_connect(const struct engine *en, const char *id, int *ret, struct err *e);
int control_send(int sock, enum sup_type type, int32_t a, int32_t b, const void *data, size_t n);
/* -EAGAIN when the supervisor takes nothing at the moment: who both sends and receives must go on
 * receiving then. */
int control_try_send(int sock, enum sup_type type, const void *data, size_t n);
/* Returns data bytes (0 and more), -EPIPE at EOF, -errno.  data holds SUP_DATA bytes. */
ssize_t control_recv(int sock, struct sup_head *ret, void *data);

/* ---- the birth, in berth ---- */

#define SUPERVISE_CLIENTS 16
struct supervise_client { int fd, flags; };	/* connected socket, enum sup_attach_flags */

struct supervise_opts {
	/* Attached before the first byte of output: who typed `run`, and at a restart those who
	 * were attached before. */
	struct supervise_client clients[SUPERVISE_CLIENTS];
	unsigned nclients;
	int stdio[3];		/* log driver passthrough: the terminal's own; else -1 */
	uint32_t restarts;	/* how often already */
	uint32_t rows, cols;	/* of the terminal, 0: unknown */
	int lock_fd;		/* RUN/ID/engine.lock when it is held already, else -1 */
	int64_t backoff_ns;	/* last delay before a restart */
	const char *sd_notify;	/* NOTIFY_SOCKET of who waits for the container's word, or NULL */
	unsigned preserve_fds;	/* those of 3 .. 3+N-1 that execve would leave open are for the
				   program alone, in this life of the container */
};
#define SUPERVISE_OPTS_INIT { .stdio = { -1, -1, -1 }, .lock_fd = -1 }

/* Forks the birth: takes RUN/ID/engine.lock, mounts, creates, starts, becomes berth-supervisor.
 * Returns when the container runs, or with the birth's own error (everything undone). */
int supervise_start(const struct engine *en, const char *id, const struct supervise_opts *o,
		    struct err *e);

/* A turn at starting a container or cleaning up after one, of which there are as many as
 * processors, so that many at once keep nobody else from working: a descriptor to close when it is
 * over.  -1 when none came free in a second: who waits for longer does not wait for the processor,
 * and goes on without.  (turn.c, also in the supervisor) */
int turn_take(int run_fd);

/* `berth internal-supervise KEY=VALUE…`: the supervisor's way back for a restart.  Does not
 * return unless it failed; then the failure is recorded and clients are told. */
int supervise_resume(const struct engine *en, int argc, char **argv, struct err *e);

/* RUN/ID, locked: -EBUSY when somebody works on it or it runs.  Closing the fd frees it. */
int run_lock(const struct engine *en, const char *id, int *ret_lock, int *ret_dir, struct err *e);
/* True when a live process holds RUN/ID/engine.lock. */
bool run_alive(const struct engine *en, const char *id);

/* Takes away what dead processes left behind: for every RUN/ID whose lock is free.  Called by
 * each command before it does its own work; asks for the locks of those containers whose
 * supervisor is not in RUN/.alive.  ret_left: the ids for which there is a folder still, that is
 * all that may run; NULL: who cares. */
int sweep_run(const struct engine *en, struct strlist *ret_left, struct err *e);

/* The downs, for a container whose lock the caller holds (end.c, also in the supervisor; what
 * needs netlink is done by `berth internal-netdown`). */
#define END_DEAD_PREFIX ".dead-"
struct end_paths { int run_fd, containers_fd; const char *id, *cgroup; };
int end_cgroup(const struct end_paths *p, struct err *e);
int end_run_dir(const struct end_paths *p, struct err *e);
int end_container_dir(const struct end_paths *p, struct err *e);

#endif
