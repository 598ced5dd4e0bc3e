/*
 * attach.h - our terminal or pipes, joined with a container's, through its supervisor.
 *
 * Used by run, start -a, attach.  The terminal is restored whatever happens.
 */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <stdbool.h>

#include "base/err.h"
#include "runtime/supervisor.h"

struct attach_opts {
	int sock;		/* connected; attached already, or not: then ATTACH is sent */
	bool attached;
	int flags;		/* enum sup_attach_flags */
	bool tty;		/* the container has a terminal: ours goes to raw mode */
	bool sig_proxy;		/* signals that we get go to the container */
	const char *detach_keys;	/* NULL: ctrl-p,ctrl-q; "": none */
	const char *name;		/* for messages */
};

/* Until the container ends: its exit code, as `wait` has it; or we are detached: 0. */
int attach_run(const struct attach_opts *o, struct err *e);
/* For who starts it before: are they detach_keys? */
int attach_check_keys(const char *text, struct err *e);

/* Size of our terminal; 0, 0 when there is none. */
void attach_window(unsigned *ret_rows, unsigned *ret_cols);

#endif
