/*
 * sync.h - what the two sides of a birth say to each other.
 *
 * Runs in: both.  One SOCK_SEQPACKET pair per birth; one datagram per message, with
 * at most one descriptor.  A side that ends closes its socket: the other reads EOF
 * and gives up, so that a kill -9 at any instant leaves no half-born process.
 */
#ifndef RUNTIME_SYNC_H
#define RUNTIME_SYNC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 *   host (launch.c)                                  child (berth-init)
 *   ---------------                                  ------------------
 *   clone3 ----------------------------------------> executes berth-init
 *                       <-- SYNC_BORN pid            only where namespaces are joined that
 *   reaps the go-between                             need one: the child of the go-between
 *                                                    is the init
 *   writes id maps
 *   SYNC_MAPPED -->                                  only with a new user namespace
 *   namespaces_ready()                               root, mounts, devices
 *                       <-- SYNC_IDMAP n + bind      a bind from below the root, to be mapped
 *   maps its ids
 *   SYNC_MAPPED -->
 *                       <-- SYNC_MOUNTED             only when the host has something to do
 *   mounts_ready()
 *   SYNC_GO -->                                      only when the host has something to do
 *                                                    createContainer hooks, masks, pivot, ...
 *                       <-- SYNC_CONSOLE + master    only with a terminal
 *                       <-- SYNC_FILTER + listener   only with SCMP_ACT_NOTIFY
 *                       <-- SYNC_READY               all done but execve
 *   SYNC_START -->                                   (or SYNC_KEEP: `start` comes to the gate)
 *                                                    startContainer hooks, filter, execve
 *                       <-- EOF                      it has been executed
 *
 * At any place: <-- SYNC_ERROR with the struct err that the terminal gets, then EOF.
 * At the gate's socket: SYNC_START --> and then EOF or SYNC_ERROR.
 */
enum sync_type {
	SYNC_ERROR = 1, SYNC_BORN, SYNC_MAPPED, SYNC_IDMAP, SYNC_MOUNTED, SYNC_GO, SYNC_CONSOLE,
	SYNC_FILTER, SYNC_READY, SYNC_START, SYNC_KEEP,
};

struct sync_msg {
	uint32_t type;		/* enum sync_type */
	int32_t pid;		/* SYNC_BORN: as the host's PID namespace sees it;
				   SYNC_IDMAP: number of the mount */
	struct err err;		/* SYNC_ERROR; not sent with the others */
};

/* Both ends close-on-exec. */
int sync_pair(int ret[2], struct err *e);
/* fd may be -1.  -errno without a message: the other side has ended (-EPIPE). */
int sync_send(int sock, enum sync_type type, pid_t pid, int fd);
/* The child's last word. */
void sync_send_err(int sock, const struct err *err);
/* The next message.  1: there is one; 0: the other side has closed; -errno with e set for what
 * is no message of ours.  ret_fd may be NULL (a descriptor that comes all the same is closed);
 * else it gets the descriptor that came with it, or -1. */
int sync_recv(int sock, struct sync_msg *ret, int *ret_fd, struct err *e);
/* Waits for exactly this type.  -errno with e set: another type, an error of the other side
 * (then e is its own), or EOF. */
int sync_wait(int sock, enum sync_type type, struct err *e);
const char *sync_name(enum sync_type type);

#endif
