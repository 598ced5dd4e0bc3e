/*
 * sdnotify.h - a container that says when it is ready (sd_notify(3)), to who waits for that.
 *
 * Runs in: host.  Used by create, start and run of the OCI commands, and by --sdnotify.  The
 * caller's NOTIFY_SOCKET is not handed in: the container gets a folder with a socket of its own, in
 * the place of that path.  Who starts it listens there, and passes on to the host's socket what
 * concerns the start, with the PID that the host knows.
 */
#ifndef RUNTIME_SDNOTIFY_H
#define RUNTIME_SDNOTIFY_H

#include <sys/types.h>

#include "base/err.h"
#include "runtime/container.h"

#define SDNOTIFY_DIR "notify"	/* in RUN_ROOT/ID */

/* Makes RUN_ROOT/ID/notify, for create. */
int sdnotify_make(int dirfd, struct err *e);
/* Binds the socket in there, before the program starts.  *ret is -1 without an error when the
 * container was made without NOTIFY_SOCKET. */
int sdnotify_listen(const struct container_env *env, const char *id, int *ret, struct err *e);
/* That it is ready is what we know.  pid: as MAINPID, 0: it stays whom the host has. */
int sdnotify_ready(const char *host, pid_t pid, struct err *e);
/* Until the container is ready and the host's socket `host` knows it, or pidfd has ended.  That
 * nobody listens at `host` is a warning.  fd is closed. */
int sdnotify_forward(int fd, const char *host, pid_t pid, int pidfd, struct err *e);

#endif
