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
};

enum attach_end { ATTACH_ENDED, ATTACH_DETACHED, ATTACH_LOST };

/* Until the container ends, we are detached, or the supervisor is gone.  *ret_code: as `wait`. */
int attach_run(const struct attach_opts *o, enum attach_end *ret, int *ret_code, struct err *e);

/* Size of our terminal; 0, 0 when there is none. */
void attach_window(unsigned *ret_rows, unsigned *ret_cols);

#endif
