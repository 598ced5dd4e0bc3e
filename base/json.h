/*
 * json.h - JSON from outside into structs, by tables; and JSON out.
 *
 * Used by berth and berth-image (not by the static programs).  Parsing is bounded
 * (bytes, depth), strict (UTF-8, duplicate keys refused) and pure; yajl does the
 * lexing.  Errors name the JSON path ("process.user.uid").  The tree is made in json.c, read
 * into structs in jsonread.c, and written in jsonout.c.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	uint32_t n;		/* children of an array or object; bytes of a string */
	const char *key;	/* inside an object, else NULL */
	const char *s;		/* string (NUL-terminated, may hold NULs), or a number's text */
	bool b;
	struct json *child;	/* first child */
	struct json *next;	/* next sibling */
};

struct json_limits { size_t bytes; unsigned depth; };
#define JSON_LIMITS_DEFAULT { 8u << 20, 64 }

/* Room for the tree of any text of n bytes: two of them may be a value ("[0,0,0"). */
static inline size_t json_tree_bytes(size_t n)
{
	return (n + 128) / 2 * (sizeof(struct json) + 64);
}

/* Pure.  The tree lives in a.  `what` is the noun for messages ("config.json"). */
int json_parse(struct arena *a, const char *text, size_t n, struct json_limits lim,
	       const char *what, const struct json **ret, struct err *e);
/* Member of an object, or NULL (also when obj is NULL or no object). */
const struct json *json_get(const struct json *obj, const char *key);
const char *json_str(const struct json *v);	/* NULL unless a string without NUL bytes */

/* Reading into structs. */
struct json_ctx {
	struct arena *a;	/* where strings and lists go */
	struct err *e;
	const char *what;	/* the document's name */
	bool strict;		/* an unknown key is an error, not ignored */
	unsigned depth;		/* of path[] */
	struct { const char *key; long index; } path[72];	/* key, or index when key is NULL */
};

typedef int json_reader(struct json_ctx *c, const struct json *v, void *field);

struct json_row {
	const char *key;
	json_reader *read;
	size_t off;		/* of the field in the struct */
	bool required;
};
#define JSON_ROW(type, field, reader) { #field, reader, offsetof(type, field), false }

/* An object by its rows; null members count as absent.  -EINVAL with the path on any mismatch. */
int json_read_rows(struct json_ctx *c, const struct json *v, const struct json_row *rows,
		   size_t nrows, void *out);
/* An array: *ret_items gets n items of size bytes each from c->a, each read by fn. */
int json_read_array(struct json_ctx *c, const struct json *v, size_t size, json_reader *fn,
		    void *ret_items, size_t *ret_n);
/* "what: path: text", with the path of the value being read.  Returns -EINVAL. */
int json_fail(struct json_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For readers that walk by hand: push before, pop after. */
void json_enter(struct json_ctx *c, const char *key, long index);
void json_leave(struct json_ctx *c);

/* Readers; the type of the field is in brackets. */
json_reader json_read_str;	/* [const char *] no NUL bytes */
json_reader json_read_bool;	/* [bool] */
json_reader json_read_u16;	/* [uint16_t] */
json_reader json_read_u32;	/* [uint32_t] */
json_reader json_read_i32;	/* [int32_t] */
json_reader json_read_u64;	/* [uint64_t] */
json_reader json_read_i64;	/* [int64_t] */
json_reader json_read_strs;	/* [char **] NULL-terminated, never NULL once read */
/* Object of string values, in order.  [struct json_map] */
struct json_map { size_t n; struct json_pair { const char *key, *value; } *v; };
json_reader json_read_map;
/* Optional scalars: a field that remembers whether it was there. */
struct json_opt_i64 { bool set; int64_t v; };
struct json_opt_u64 { bool set; uint64_t v; };
struct json_opt_u32 { bool set; uint32_t v; };
struct json_opt_bool { bool set; bool v; };
json_reader json_read_opt_i64, json_read_opt_u64, json_read_opt_u32, json_read_opt_bool;

/* Writing: calls nest, commas are put in.  indent 0 writes one line. */
struct json_out { struct strbuf *b; unsigned depth, indent; bool comma; };
void json_out_init(struct json_out *o, struct strbuf *b, unsigned indent);
void json_out_obj(struct json_out *o, const char *key);		/* key NULL inside an array */
void json_out_arr(struct json_out *o, const char *key);
void json_out_end_obj(struct json_out *o);
void json_out_end_arr(struct json_out *o);
void json_out_str(struct json_out *o, const char *key, const char *v);	/* NULL writes null */
void json_out_strn(struct json_out *o, const char *key, const char *v, size_t n);
void json_out_i64(struct json_out *o, const char *key, int64_t v);
void json_out_u64(struct json_out *o, const char *key, uint64_t v);
void json_out_double(struct json_out *o, const char *key, double v);
void json_out_bool(struct json_out *o, const char *key, bool v);
void json_out_null(struct json_out *o, const char *key);
void json_out_strs(struct json_out *o, const char *key, char *const *v);	/* NULL writes [] */
/* NULL writes {} */
void json_out_map(struct json_out *o, const char *key, const struct json_map *m);
void json_out_value(struct json_out *o, const char *key, const struct json *v);	/* a parsed tree */
/* "..." with escapes; invalid UTF-8 becomes U+FFFD. */
void json_quote(struct strbuf *b, const char *s, size_t n);

#endif
