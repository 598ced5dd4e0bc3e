/*
 * limit_opts.h - limits as options of a command: one row of cgroup/'s own table is one option.
 *
 * Used by cli/ only: run and create, update, container clone.
 */
#ifndef CLI_LIMIT_OPTS_H
#define CLI_LIMIT_OPTS_H

#include "base/opt.h"
#include "base/str.h"
#include "cgroup/cgroup.h"

#define LIMIT_OPTS 64	/* rows of cgroup_options at most */

struct limit_opts {		/* as parsed, by the index in cgroup_options */
	struct strlist v[LIMIT_OPTS];
	bool flag[LIMIT_OPTS];
};

/* Rows behind the n that are there; off: of the struct limit_opts in the struct of options.  → how
 * many there are then.  The end is the caller's to write. */
size_t limit_opts_rows(struct opt *to, size_t n, size_t off);
/* What they say, set in *to; the rest of it stays. */
int limit_opts_read(const struct limit_opts *o, struct arena *a, struct cgroup_limits *to,
		    struct err *e);

#endif
