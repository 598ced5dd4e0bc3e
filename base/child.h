/*
 * child.h - descriptors that only another namespace can open: a child goes there, opens
 * them, sends them back, and ends; and programs of the host that do one thing for us.
 *
 * Used by berth.  The child is a fork that never returns from fn's frame: it may change its
 * namespaces, its root and its directory, and what it mounts ends with it.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stddef.h>

#include "base/err.h"

#define CHILD_FDS_MAX 100

/* Runs in the child: opens at most *n descriptors into fds and says in *n how many. */
typedef int child_opens(void *ctx, int *fds, size_t *n, struct err *e);

/* fds has room for *n (CHILD_FDS_MAX at most); afterwards *n have come, close-on-exec, and
 * belong to the caller.  What fn says in e is said here. */
int child_fds(child_opens *fn, void *ctx, int *fds, size_t *n, struct err *e);

/* Runs args[0] (looked up in our PATH unless it has a slash) with this environment, and in as its
 * standard input unless -1.  said gets the first line of what it says on standard error.  Its exit
 * status, 128 and more for a signal, or -errno when it could not be started. */
int child_run(char *const *args, char *const *env, int in, char *said, size_t size, struct err *e);

#endif
