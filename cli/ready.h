/*
 * ready.h - --sdnotify: who waits at NOTIFY_SOCKET (sd_notify(3)) is told that a container is
 * ready: when it runs (conmon), when it says so itself (container), or when its health check does
 * (healthy).
 *
 * Used by run and start.
 */
#ifndef CLI_READY_H
#define CLI_READY_H

#include "cli/command.h"
#include "runtime/supervisor.h"

/* supervise_start, after which o->lock_fd is closed here, and what NOTIFY_SOCKET is to hear.
 * attached: our end of the first client, whose terminal we serve meanwhile, so another process
 * waits for that; -1: we wait ourselves, and say with it that from now on the main process is the
 * supervisor. */
int ready_start(struct cli *c, const struct record *r, struct supervise_opts *o, int attached,
		struct err *e);

#endif
