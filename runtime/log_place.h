/*
 * log_place.h - where a container's log lies, and what goes with each of its lines (--log-opt
 * path, labels, env, tag).
 *
 * Runs in: host.  Used by the birth, which gives both to the supervisor, and by who reads logs.
 */
#ifndef RUNTIME_LOG_PLACE_H
#define RUNTIME_LOG_PLACE_H

#include "base/str.h"
#include "runtime/record.h"

/* Name of the variable in the supervisor's environment that has log_place_attrs: what a
 * container's environment has is not for the process list. */
#define LOG_PLACE_ATTRS "LOG_ATTRS"

/* Its folder and its name therein (which r owns); "NAME.1" and the like are beside it. */
int log_place_open(const struct engine *en, const struct record *r, int *ret_dir,
		   const char **ret_name, struct err *e);
/* N of "NAME.N" or "NAME.N.gz", else 0: the folder may have other files, of whoever writes there.
 * The supervisor, which has no more of this file, asks too. */
static inline int64_t log_place_number(const char *file, const char *name)
{
	const char *v = str_after(file, name);
	int64_t n = 0;

	if (!v || *v++ != '.')
		return 0;
	for (; *v >= '0' && *v <= '9' && n < (int64_t)1 << 50; v++)
		n = n * 10 + (*v - '0');
	return !*v || str_eq(v, ".gz") ? n : 0;
}
/* key as the name of a field of the journal, as Docker makes it: capitals, digits, underscores.
 * False: it would be no such name, or one that we use ourselves. */
bool log_place_field(const char *key, struct strbuf *ret);
/* As the log's lines have them: members of an object of JSON, or fields of the journal. */
void log_place_attrs(const struct record *r, struct strbuf *ret);

#endif
