/* jsonread.c - see json.h: a tree into structs, by tables. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define SHOWN_ITEMS 100	/* names that an unknown key is compared with */

static void add_path(const struct json_ctx *c, struct strbuf *b)
{
	unsigned n = c->depth < ARRAY_SIZE(c->path) ? c->depth : (unsigned)ARRAY_SIZE(c->path);

	for (unsigned i = 0; i < n; i++) {
		const char *key = c->path[i].key;
		char shown[80];

		if (!key) {
			strbuf_addf(b, "[%ld]", c->path[i].index);
			continue;
		}
		str_printable(key, strlen(key), shown, sizeof(shown));
		if (strpbrk(key, ".[] \"") || !*key)
			strbuf_addf(b, "[\"%s\"]", shown);
		else
			strbuf_addf(b, "%s%s", i > 0 ? "." : "", shown);
	}
}

int json_fail(struct json_ctx *c, const char *fmt, ...)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	va_list ap;

	strbuf_addf(&b, "%s: ", c->what);
	if (c->depth > 0) {
		add_path(c, &b);
		strbuf_adds(&b, ": ");
	}
	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_say(c->e, EINVAL, "%s", b.s);
}

void json_enter(struct json_ctx *c, const char *key, long index)
{
	if (c->depth < ARRAY_SIZE(c->path)) {
		c->path[c->depth].key = key;
		c->path[c->depth].index = index;
	}
	c->depth++;
}

void json_leave(struct json_ctx *c)
{
	c->depth--;
}

static int expected(struct json_ctx *c, const char *noun, const struct json *v)
{
	static const char *const types[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};

	return json_fail(c, "expected %s, not %s", noun, types[v->type]);
}

/* An arena that is full would end the process; here it is a document that is too large. */
static int room(struct json_ctx *c, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all) || c->a->max - c->a->used < 64 ||
	    all > c->a->max - c->a->used - 64)
		return json_fail(c, "too large");
	return 0;
}

static const struct json_row *find_row(const struct json_row *rows, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].key, key))
			return &rows[i];
	return NULL;
}

static int unknown(struct json_ctx *c, const struct json_row *rows, size_t n, const char *key)
{
	const char *names[SHOWN_ITEMS + 1] = { NULL }, *near;

	for (size_t i = 0; i < n && i < SHOWN_ITEMS; i++)
		names[i] = rows[i].key;
	near = str_nearest(key, names);
	if (near)
		return json_fail(c, "unknown field (did you mean \"%s\"?)", near);
	return json_fail(c, "unknown field");
}

int json_read_rows(struct json_ctx *c, const struct json *v, const struct json_row *rows,
		   size_t nrows, void *out)
{
	int r = 0;

	if (v->type != JSON_OBJECT)
		return expected(c, "an object", v);
	for (const struct json *m = v->child; m && r == 0; m = m->next) {
		const struct json_row *row = find_row(rows, nrows, m->key);

		if (row ? m->type == JSON_NULL : !c->strict)
			continue;
		json_enter(c, m->key, 0);
		r = row ? row->read(c, m, (char *)out + row->off) : unknown(c, rows, nrows, m->key);
		json_leave(c);
	}
	for (size_t i = 0; i < nrows && r == 0; i++) {
		const struct json *m = rows[i].required ? json_get(v, rows[i].key) : NULL;

		if (!rows[i].required || (m && m->type != JSON_NULL))
			continue;
		json_enter(c, rows[i].key, 0);
		r = json_fail(c, "this field is required");
		json_leave(c);
	}
	return r;
}

int json_read_array(struct json_ctx *c, const struct json *v, size_t size, json_reader *fn,
		    void *ret_items, size_t *ret_n)
{
	char *items;
	long i = 0;

	if (v->type != JSON_ARRAY)
		return expected(c, "an array", v);
	if (room(c, v->n, size) < 0)
		return -EINVAL;
	items = arena_array(c->a, v->n, size);
	for (const struct json *m = v->child; m; m = m->next, i++) {
		int r;

		json_enter(c, NULL, i);
		r = fn(c, m, items + (size_t)i * size);
		json_leave(c);
		if (r < 0)
			return r;
	}
	memcpy(ret_items, &items, sizeof(items));
	*ret_n = v->n;
	return 0;
}

/* The string in c->a: as it is when the tree lives there too. */
static int string(struct json_ctx *c, const char *s, const char **ret)
{
	if ((uintptr_t)s < (uintptr_t)c->a || (uintptr_t)s >= (uintptr_t)c->a + c->a->used) {
		if (room(c, strlen(s) + 1, 1) < 0)
			return -EINVAL;
		s = arena_strdup(c->a, s);
	}
	*ret = s;
	return 0;
}

int json_read_str(struct json_ctx *c, const struct json *v, void *field)
{
	if (v->type != JSON_STRING)
		return expected(c, "a string", v);
	if (!json_str(v))
		return json_fail(c, "a string with a NUL byte");
	return string(c, v->s, field);
}

int json_read_bool(struct json_ctx *c, const struct json *v, void *field)
{
	if (v->type != JSON_BOOL)
		return expected(c, "true or false", v);
	*(bool *)field = v->b;
	return 0;
}

struct decimal {
	bool minus;
	uint64_t v;
};

enum { WHOLE, FRACTION, OVER };

/*
 * The exact value of a JSON number that is whole, however it is written (1e3, 1.50e1).
 * Digits are taken one by one, with what trailing zeros and the exponent add; a number too
 * large for 64 bits is OVER, one with something behind the point FRACTION.
 */
static int whole(const char *s, struct decimal *ret)
{
	uint64_t v = 0;
	long zeros = 0, point = 0, exponent = 0;
	bool seen_point = false, over = false;

	*ret = (struct decimal){ .minus = *s == '-' };
	for (s += ret->minus; *s && *s != 'e' && *s != 'E'; s++) {
		if (*s == '.') {
			seen_point = true;
			continue;
		}
		point += seen_point;
		zeros++;	/* digits of value 0 count only once another follows */
		if (*s == '0')
			continue;
		for (; zeros > 0 && !over; zeros--)
			over = v > 0 && __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v);
		zeros = 0;
	}
	if (*s) {
		bool minus = *++s == '-';

		for (s += *s == '-' || *s == '+'; *s; s++)
			if (exponent < INT_MAX)
				exponent = exponent * 10 + (*s - '0');
		exponent = minus ? -exponent : exponent;
	}
	if (v == 0 && !over)
		return WHOLE;
	exponent += zeros - point;
	if (exponent < 0)
		return FRACTION;
	for (; exponent > 0 && !over; exponent--)
		over = __builtin_mul_overflow(v, 10, &v);
	ret->v = v;
	return over ? OVER : WHOLE;
}

static int integer(struct json_ctx *c, const struct json *v, const char *noun, int64_t min,
		   uint64_t max, struct decimal *ret)
{
	char shown[48];
	int r;

	if (v->type != JSON_NUMBER)
		return expected(c, noun, v);
	str_printable(v->s, strlen(v->s), shown, sizeof(shown));
	r = whole(v->s, ret);
	if (r == FRACTION)
		return json_fail(c, "expected %s, not %s", noun, shown);
	if (r == OVER || (ret->minus ? ret->v > 0 - (uint64_t)min : ret->v > max))
		return json_fail(c, "expected %s, and %s is out of range (%lld to %llu)", noun,
				 shown, (long long)min, (unsigned long long)max);
	return 0;
}

static int unsigned_(struct json_ctx *c, const struct json *v, const char *noun, uint64_t max,
		     uint64_t *ret)
{
	struct decimal d;
	int r = integer(c, v, noun, 0, max, &d);

	if (r == 0)
		*ret = d.v;
	return r;
}

static int signed_(struct json_ctx *c, const struct json *v, const char *noun, int64_t min,
		   int64_t max, int64_t *ret)
{
	struct decimal d;
	int r = integer(c, v, noun, min, (uint64_t)max, &d);

	if (r == 0)
		*ret = d.minus ? (int64_t)(0 - d.v) : (int64_t)d.v;
	return r;
}

int json_read_u16(struct json_ctx *c, const struct json *v, void *field)
{
	uint64_t u;
	int r = unsigned_(c, v, "an unsigned 16-bit number", UINT16_MAX, &u);

	if (r == 0)
		*(uint16_t *)field = (uint16_t)u;
	return r;
}

int json_read_u32(struct json_ctx *c, const struct json *v, void *field)
{
	uint64_t u;
	int r = unsigned_(c, v, "an unsigned 32-bit number", UINT32_MAX, &u);

	if (r == 0)
		*(uint32_t *)field = (uint32_t)u;
	return r;
}

int json_read_i32(struct json_ctx *c, const struct json *v, void *field)
{
	int64_t i;
	int r = signed_(c, v, "a 32-bit number", INT32_MIN, INT32_MAX, &i);

	if (r == 0)
		*(int32_t *)field = (int32_t)i;
	return r;
}

int json_read_u64(struct json_ctx *c, const struct json *v, void *field)
{
	return unsigned_(c, v, "an unsigned 64-bit number", UINT64_MAX, field);
}

int json_read_i64(struct json_ctx *c, const struct json *v, void *field)
{
	return signed_(c, v, "a 64-bit number", INT64_MIN, INT64_MAX, field);
}

int json_read_strs(struct json_ctx *c, const struct json *v, void *field)
{
	const char **list;
	long i = 0;

	if (v->type != JSON_ARRAY)
		return expected(c, "an array of strings", v);
	if (room(c, v->n + (size_t)1, sizeof(*list)) < 0)
		return -EINVAL;
	list = arena_array(c->a, v->n + (size_t)1, sizeof(*list));
	for (const struct json *m = v->child; m; m = m->next, i++) {
		int r;

		json_enter(c, NULL, i);
		r = json_read_str(c, m, &list[i]);
		json_leave(c);
		if (r < 0)
			return r;
	}
	memcpy(field, &list, sizeof(list));
	return 0;
}

int json_read_map(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_map map = { 0 };

	if (v->type != JSON_OBJECT)
		return expected(c, "an object of strings", v);
	if (room(c, v->n, sizeof(*map.v)) < 0)
		return -EINVAL;
	map.v = arena_array(c->a, v->n, sizeof(*map.v));
	for (const struct json *m = v->child; m; m = m->next, map.n++) {
		int r;

		json_enter(c, m->key, 0);
		r = string(c, m->key, &map.v[map.n].key);
		if (r == 0)
			r = json_read_str(c, m, &map.v[map.n].value);
		json_leave(c);
		if (r < 0)
			return r;
	}
	*(struct json_map *)field = map;
	return 0;
}

int json_read_opt_i64(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_i64 *o = field;
	int r = json_read_i64(c, v, &o->v);

	o->set |= r == 0;
	return r;
}

int json_read_opt_u64(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_u64 *o = field;
	int r = json_read_u64(c, v, &o->v);

	o->set |= r == 0;
	return r;
}

int json_read_opt_u32(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_u32 *o = field;
	int r = json_read_u32(c, v, &o->v);

	o->set |= r == 0;
	return r;
}

int json_read_opt_bool(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_bool *o = field;
	int r = json_read_bool(c, v, &o->v);

	o->set |= r == 0;
	return r;
}
