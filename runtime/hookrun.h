/*
 * hookrun.h - runs hooks: the state on standard input, a timeout, an exit status.
 *
 * Runs in: container (createContainer and startContainer; the host's are hooks.c's).
 */
#ifndef RUNTIME_HOOKRUN_H
#define RUNTIME_HOOKRUN_H

#include "base/err.h"
#include "runtime/spec.h"

/* In their order; the first that fails ends it.  kind is for messages ("createRuntime");
 * state is the OCI state (NULL: empty); a hook with no environment gets env. */
int hookrun_all(const struct spec_hooks *h, const char *kind, const char *state,
		char *const *env, struct err *e);

#endif
