/*
 * mount_ns.h - a visit to a mount namespace of others: what a path means in there.
 *
 * Runs in: host.  Between enter and leave every path is one of that namespace; descriptors are
 * what they were.  The caller has one thread.
 */
#ifndef RUNTIME_MOUNT_NS_H
#define RUNTIME_MOUNT_NS_H

#include <stdbool.h>

#include "base/err.h"

struct mount_ns_visit {
	int home, root, cwd;	/* the way back; home -1: we are at home */
	bool lost;		/* the working directory is not there: "." is the root */
};
#define MOUNT_NS_HOME { .home = -1, .root = -1, .cwd = -1 }

/* ns is closed by the caller.  The working directory is the one of the same path, if any. */
int mount_ns_enter(int ns, struct mount_ns_visit *v, struct err *e);
/* Nothing to do at home.  Its failure leaves us there: the caller must end. */
int mount_ns_leave(struct mount_ns_visit *v, struct err *e);

#endif
