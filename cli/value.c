/* value.c - see value.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/value.h"

static const char method_mark[] = "method";

static struct json *make(struct arena *a, enum json_type type)
{
	struct json *v = arena_alloc(a, sizeof(*v));

	v->type = type;
	return v;
}

struct json *value_object(struct arena *a)
{
	return make(a, JSON_OBJECT);
}

struct json *value_map(struct arena *a)
{
	struct json *v = make(a, JSON_OBJECT);

	v->b = true;
	return v;
}

struct json *value_array(struct arena *a)
{
	return make(a, JSON_ARRAY);
}

struct json *value_strn(struct arena *a, const char *s, size_t n)
{
	struct json *v = make(a, JSON_STRING);

	v->s = arena_strndup(a, s, n);
	v->n = (uint32_t)strlen(v->s);
	return v;
}

struct json *value_str(struct arena *a, const char *s)
{
	return value_strn(a, s ? s : "", s ? strlen(s) : 0);
}

static struct json *number(struct arena *a, const char *text)
{
	struct json *v = make(a, JSON_NUMBER);

	v->s = arena_strdup(a, text);
	v->n = (uint32_t)strlen(text);
	return v;
}

struct json *value_i64(struct arena *a, int64_t i)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRId64, i);
	return number(a, buf);
}

struct json *value_u64(struct arena *a, uint64_t u)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, u);
	return number(a, buf);
}

struct json *value_double(struct arena *a, double d)
{
	char buf[40];

	snprintf(buf, sizeof(buf), "%.15g", d);
	return number(a, buf);
}

struct json *value_bool(struct arena *a, bool b)
{
	struct json *v = make(a, JSON_BOOL);

	v->b = b;
	return v;
}

struct json *value_null(struct arena *a)
{
	return make(a, JSON_NULL);
}

struct json *value_absent(struct arena *a)
{
	struct json *v = make(a, JSON_NULL);

	v->b = true;
	return v;
}

struct json *value_strs(struct arena *a, char *const *s)
{
	struct json *v = make(a, JSON_ARRAY), **tail = &v->child;

	for (; s && *s; s++, v->n++) {
		*tail = value_str(a, *s);
		tail = &(*tail)->next;
	}
	return v;
}

struct json *value_of_map(struct arena *a, const struct json_map *m)
{
	struct json *v = value_map(a), **tail = &v->child;

	for (size_t i = 0; i < m->n; i++, v->n++) {
		*tail = value_str(a, m->v[i].value);
		(*tail)->key = arena_strdup(a, m->v[i].key);
		tail = &(*tail)->next;
	}
	return v;
}

/* Calls itself as deep as the parser's limit allowed the tree to be. */
struct json *value_copy(struct arena *a, const struct json *from)
{
	struct json *v = make(a, from->type), **tail = &v->child;

	v->n = from->n;
	v->b = from->type == JSON_OBJECT ? true : from->b;
	v->s = from->s ? arena_strndup(a, from->s, from->n ? from->n : strlen(from->s)) : NULL;
	for (const struct json *m = from->child; m; m = m->next) {
		*tail = value_copy(a, m);
		(*tail)->key = arena_strdup(a, m->key);
		tail = &(*tail)->next;
	}
	return v;
}

struct json *value_push(struct json *array, struct json *v)
{
	struct json **tail = &array->child;

	while (*tail)
		tail = &(*tail)->next;
	*tail = v;
	array->n++;
	return v;
}

struct json *value_put(struct json *object, const char *key, struct json *v)
{
	v->key = key;
	return value_push(object, v);
}

void value_put_str(struct arena *a, struct json *object, const char *key, const char *s)
{
	value_put(object, key, value_str(a, s));
}

void value_put_i64(struct arena *a, struct json *object, const char *key, int64_t v)
{
	value_put(object, key, value_i64(a, v));
}

void value_put_bool(struct arena *a, struct json *object, const char *key, bool v)
{
	value_put(object, key, value_bool(a, v));
}

void value_put_method(struct json *object, const char *key, struct json *map)
{
	map->s = method_mark;
	value_put(object, key, map);
}

bool value_is_method(const struct json *v)
{
	return v->type == JSON_OBJECT && v->s == method_mark;
}

static bool is_shown(const struct json *v)
{
	return !value_is_method(v) && !(v->type == JSON_NULL && v->b);
}

/* Calls itself as deep as the tree is, which its maker bounded. */
static void write_value(struct json_out *o, const char *key, const struct json *v)
{
	if (v->type != JSON_ARRAY && v->type != JSON_OBJECT) {
		json_out_value(o, key, v);
		return;
	}
	if (v->type == JSON_ARRAY)
		json_out_arr(o, key);
	else
		json_out_obj(o, key);
	for (const struct json *m = v->child; m; m = m->next)
		if (is_shown(m))
			write_value(o, m->key, m);
	if (v->type == JSON_ARRAY)
		json_out_end_arr(o);
	else
		json_out_end_obj(o);
}

void value_write(struct strbuf *b, const struct json *v, unsigned indent)
{
	struct json_out o;

	json_out_init(&o, b, indent);
	write_value(&o, NULL, v);
}
