/*
 * ps_filter.h - --filter of ps, and of the commands that do something to all whom it shows.
 *
 * Used by cli/ only.
 */
#ifndef CLI_PS_FILTER_H
#define CLI_PS_FILTER_H

#include "cli/filters.h"
#include "cli/view.h"

struct ps_filter {
	const struct engine *en;
	struct filters f;		/* who parses clears it: filters_clear */
	int64_t until;			/* seconds */
	int64_t before, since;		/* nanoseconds; 0: not asked for */
};
int ps_filter_parse(const struct engine *en, const struct strlist *given, struct ps_filter *ret,
		    struct err *e);
bool ps_filter_match(const struct ps_filter *f, const struct view *v);
int64_t ps_filter_created(const struct record *r);	/* nanoseconds since the epoch */

#endif
