/*
 * hookrun.h - runs hooks: the state on standard input, a timeout, an exit status.
 *
 * Runs in: both (createContainer and startContainer in the container, the others in the host)
 */
#ifndef RUNTIME_HOOKRUN_H
#define RUNTIME_HOOKRUN_H

#include "base/err.h"
#include "runtime/spec.h"

struct hookrun {
	const char *kind;	/* for messages: "createContainer" */
	const char *state;	/* the OCI state, NULL: empty */
	char *const *env;	/* of a hook that has none of its own */
	const char *cwd;	/* NULL: ours */
	const char *out, *err;	/* files for its output (run.oci.hooks.stdout), or NULL */
	/* What else is done in the hook's process before it executes; NULL: nothing. */
	int (*confine)(void *ctx, struct err *e);
	void *ctx;
};
/* In their order; the first that fails ends it. */
int hookrun_all(const struct spec_hooks *h, const struct hookrun *how, struct err *e);

#endif
