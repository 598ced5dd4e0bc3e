/*
 * value.h - JSON trees built by hand: what commands show, before it is JSON, a table or a
 * template's output.
 *
 * Used by cli/ only.  A tree is made of base/json.h's struct json in the caller's arena.  Two
 * kinds of objects: one with fixed members (value_object: a template that asks for another one
 * is told so) and a map with keys of somebody else's (value_map: b is true; a key that is not
 * there is empty).  Keys are not copied: literals, or in the arena.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct json *value_object(struct arena *a);
struct json *value_map(struct arena *a);
struct json *value_array(struct arena *a);
struct json *value_str(struct arena *a, const char *s);		/* copied; NULL is "" */
struct json *value_strn(struct arena *a, const char *s, size_t n);
struct json *value_i64(struct arena *a, int64_t v);
struct json *value_u64(struct arena *a, uint64_t v);
struct json *value_double(struct arena *a, double v);
struct json *value_bool(struct arena *a, bool v);
struct json *value_null(struct arena *a);
/* A member that templates know (as empty), and JSON leaves out. */
struct json *value_absent(struct arena *a);
struct json *value_strs(struct arena *a, char *const *v);	/* NULL is an empty array */
struct json *value_of_map(struct arena *a, const struct json_map *m);
/* A parsed tree as one that can be put somewhere; its objects count as maps. */
struct json *value_copy(struct arena *a, const struct json *v);

/* Behind what the object or array has already; both return v, which is in one tree only. */
struct json *value_put(struct json *object, const char *key, struct json *v);
struct json *value_push(struct json *array, struct json *v);

/* The commonest pairs of the above. */
void value_put_str(struct arena *a, struct json *object, const char *key, const char *s);
void value_put_i64(struct arena *a, struct json *object, const char *key, int64_t v);
void value_put_bool(struct arena *a, struct json *object, const char *key, bool v);

/* A map that templates reach as {{.KEY "name"}} only; JSON and messages leave it out. */
void value_put_method(struct json *object, const char *key, struct json *map);
bool value_is_method(const struct json *v);
static inline bool value_is_map(const struct json *v)
{
	return v->type == JSON_OBJECT && v->b;
}

/* indent 0: one line. */
void value_write(struct strbuf *b, const struct json *v, unsigned indent);

#endif
