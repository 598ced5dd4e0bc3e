/*
 * pairs.h - lists of KEY=VALUE from the command line, as maps.
 *
 * Used by cli/ only.
 */
#ifndef CLI_PAIRS_H
#define CLI_PAIRS_H

#include "base/json.h"
#include "base/str.h"

/* A later key replaces an earlier one; KEY alone has the value "".  flag is for messages.  Pure;
 * lies in a. */
int pairs_parse(struct arena *a, const struct strlist *given, const char *flag,
		struct json_map *ret, struct err *e);
const char *pairs_get(const struct json_map *m, const char *key);	/* or NULL */
bool pairs_same(const struct json_map *a, const struct json_map *b);	/* in whatever order */

#endif
