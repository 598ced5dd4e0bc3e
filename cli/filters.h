/*
 * filters.h - --filter KEY=VALUE: which rows a command shows.
 *
 * Used by cli/ only.  Values of one key add up (any of them will do), different keys must all
 * hold, labels must all be there: Docker's rule.
 */
#ifndef CLI_FILTERS_H
#define CLI_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"

struct filter { const char *key, *value; bool negative; };	/* negative: KEY!=VALUE */
struct filters { struct filter *v; size_t n; struct strlist texts; };

/* Pure.  keys: those that this command knows, NULL-terminated; the message lists them. */
int filters_parse(const struct strlist *given, const char *const *keys, struct filters *ret,
		  struct err *e);
void filters_clear(struct filters *f);
void filters_cleanup(struct filters *f);	/* AUTO(filters) */

bool filters_has(const struct filters *f, const char *key);
/* For each key: true when there is no filter of it, or one that fn says matches. */
typedef bool filters_test(const char *value, const void *ctx);
bool filters_match(const struct filters *f, const char *key, filters_test *fn, const void *ctx);
/* label=K, label=K=V and label!=…; all of them. */
bool filters_labels(const struct filters *f, const struct json_map *labels);

/* Ready matches.  Names: a regular expression that is found in it, as Docker has it. */
bool filters_name(const char *value, const void *name);
bool filters_prefix(const char *value, const void *text);
bool filters_equal(const char *value, const void *text);
/* "true" or "false"; ctx: bool. */
bool filters_bool(const char *value, const void *ctx);
int filters_check_bools(const struct filters *f, const char *key, struct err *e);
int filters_check_words(const struct filters *f, const char *key, const char *const *words,
			struct err *e);
/* until=TIME or DURATION ago → seconds since the epoch; INT64_MAX when there is none. */
int filters_until(const struct filters *f, int64_t *ret, struct err *e);

#endif
