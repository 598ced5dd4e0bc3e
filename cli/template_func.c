/* template_func.c - functions of templates, and how values are printed, compared, indexed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template_part.h"
#include "cli/value.h"

/* ---- values ---- */

bool template_true(const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return v->b;
	case JSON_NUMBER:
		return strtod(v->s, NULL) != 0.0;
	case JSON_STRING:
	case JSON_ARRAY:
		return v->n > 0;
	case JSON_OBJECT:
		return !v->b || v->n > 0;
	}
	return false;
}

static int by_key(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

const struct json **template_sorted(struct template_walk *w, const struct json *v)
{
	const struct json **list;
	size_t n = 0;

	if (!template_room(w, (v->n + 1) * sizeof(*list)))
		return NULL;
	list = arena_array(w->a, v->n + 1, sizeof(*list));
	for (const struct json *m = v->child; m; m = m->next)
		if (!value_is_method(m))
			list[n++] = m;
	if (v->b)	/* members of a fixed object have an order of their own */
		qsort(list, n, sizeof(*list), by_key);
	return list;
}

static int print_inner(struct template_walk *w, struct strbuf *b, const struct json *v,
		       unsigned depth);

static int print_object(struct template_walk *w, struct strbuf *b, const struct json *v,
			unsigned depth)
{
	const struct json **list = template_sorted(w, v);

	if (!list)
		return -EFBIG;
	strbuf_adds(b, v->b ? "map[" : "{");
	for (size_t i = 0; list[i]; i++) {
		int r;

		if (i)
			strbuf_addc(b, ' ');
		if (v->b)
			strbuf_addf(b, "%s:", list[i]->key);
		if ((r = print_inner(w, b, list[i], depth + 1)) < 0)
			return r;
	}
	strbuf_addc(b, v->b ? ']' : '}');
	return 0;
}

static int print_inner(struct template_walk *w, struct strbuf *b, const struct json *v,
		       unsigned depth)
{
	int r = 0;

	if (b->len > TEMPLATE_OUT + TEMPLATE_STRING || depth > 64)
		return err_say(w->e, EFBIG, "template: more than %u bytes of output", TEMPLATE_OUT);
	switch (v->type) {
	case JSON_NULL:
		strbuf_adds(b, depth ? "<nil>" : "<no value>");
		return 0;
	case JSON_BOOL:
		strbuf_adds(b, v->b ? "true" : "false");
		return 0;
	case JSON_NUMBER:
	case JSON_STRING:
		strbuf_add(b, v->s, v->type == JSON_STRING ? v->n : strlen(v->s));
		return 0;
	case JSON_ARRAY:
		strbuf_addc(b, '[');
		for (const struct json *m = v->child; m && r == 0; m = m->next) {
			if (m != v->child)
				strbuf_addc(b, ' ');
			r = print_inner(w, b, m, depth + 1);
		}
		strbuf_addc(b, ']');
		return r;
	case JSON_OBJECT:
		return print_object(w, b, v, depth);
	}
	return 0;
}

int template_print(struct template_walk *w, struct strbuf *b, const struct json *v)
{
	return print_inner(w, b, v, 0);
}

int template_give(struct template_walk *w, const struct strbuf *b, const struct json **ret)
{
	if (b->len > TEMPLATE_STRING)
		return err_say(w->e, EFBIG, "template: a string of more than %u bytes",
			       TEMPLATE_STRING);
	if (!template_room(w, b->len))
		return -EFBIG;
	*ret = value_strn(w->a, b->len ? b->s : "", b->len);
	return 0;
}

static int text_arg(struct template_walk *w, const struct json *v, const char *func,
		    const char **ret)
{
	if (v->type != JSON_STRING && v->type != JSON_NUMBER) {
		err_say(w->e, EINVAL, "template: %s wants a string", func);
		return -EINVAL;
	}
	*ret = v->s;
	return 0;
}

static int int_arg(struct template_walk *w, const struct json *v, const char *func, int64_t max,
		   int64_t *ret)
{
	if (v->type != JSON_NUMBER || str_to_i64(v->s, ret) < 0 || *ret < 0 || *ret > max)
		return err_say(w->e, EINVAL, "template: %s wants a number from 0 to %lld", func,
			       (long long)max);
	return 0;
}

/* ---- strings ---- */

static int f_json(struct template_walk *w, size_t n, const struct json *const *args,
		  const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	(void)n;
	value_write(&b, args[0], 0);
	return template_give(w, &b, ret);
}

static int change(struct template_walk *w, const struct json *v, const char *func,
		  int (*fn)(int c, bool first), const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *s;
	int r = text_arg(w, v, func, &s);

	if (r < 0)
		return r;
	for (const char *c = s; *c; c++)
		strbuf_addc(&b, (char)fn((unsigned char)*c, c == s || c[-1] == ' '));
	return template_give(w, &b, ret);
}

static int to_upper(int c, bool first)
{
	(void)first;
	return c >= 'a' && c <= 'z' ? c - 32 : c;
}

static int to_lower(int c, bool first)
{
	(void)first;
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static int to_title(int c, bool first)
{
	return first ? to_upper(c, true) : c;
}

static int f_upper(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	(void)n;
	return change(w, args[0], "upper", to_upper, ret);
}

static int f_lower(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	(void)n;
	return change(w, args[0], "lower", to_lower, ret);
}

static int f_title(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	(void)n;
	return change(w, args[0], "title", to_title, ret);
}

static int f_join(struct template_walk *w, size_t n, const struct json *const *args,
		  const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *sep;
	int r = text_arg(w, args[1], "join", &sep);

	(void)n;
	if (r < 0)
		return r;
	if (args[0]->type != JSON_ARRAY && args[0]->type != JSON_NULL)
		return err_say(w->e, EINVAL, "template: join wants a list");
	for (const struct json *m = args[0]->child; m; m = m->next) {
		if (m != args[0]->child)
			strbuf_adds(&b, sep);
		if ((r = template_print(w, &b, m)) < 0)
			return r;
	}
	return template_give(w, &b, ret);
}

static int f_split(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	struct json *list = value_array(w->a), **tail = &list->child;
	const char *s, *sep, *end;
	size_t len, part;
	int r;

	(void)n;
	if ((r = text_arg(w, args[0], "split", &s)) < 0 ||
	    (r = text_arg(w, args[1], "split", &sep)) < 0)
		return r;
	for (len = strlen(sep);; s = end + len) {
		end = len ? strstr(s, sep) : *s ? s + 1 : NULL;
		if (!len && !*s)
			break;
		part = end ? (size_t)(end - s) : strlen(s);
		if (!template_room(w, part + 256))
			return -EFBIG;
		*tail = value_strn(w->a, s, part);
		tail = &(*tail)->next;
		list->n++;
		if (!end)
			break;
	}
	*ret = list;
	return 0;
}

static int f_pad(struct template_walk *w, size_t n, const struct json *const *args,
		 const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	int64_t before, after;
	const char *s;
	int r;

	(void)n;
	if ((r = text_arg(w, args[0], "pad", &s)) < 0 ||
	    (r = int_arg(w, args[1], "pad", 1000, &before)) < 0 ||
	    (r = int_arg(w, args[2], "pad", 1000, &after)) < 0)
		return r;
	if (*s)
		strbuf_addf(&b, "%*s%s%*s", (int)before, "", s, (int)after, "");
	return template_give(w, &b, ret);
}

/* Whole characters: what they begin with is never cut. */
static size_t chars(const char *s, int64_t max)
{
	size_t at = 0, n = strlen(s);
	uint32_t c;

	for (; max > 0 && at < n; max--) {
		size_t k = str_utf8(s + at, n - at, &c);

		at += k ? k : 1;
	}
	return at;
}

static int f_truncate(struct template_walk *w, size_t n, const struct json *const *args,
		      const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *s;
	int64_t max;
	int r;

	(void)n;
	if ((r = text_arg(w, args[0], "truncate", &s)) < 0 ||
	    (r = int_arg(w, args[1], "truncate", 1 << 20, &max)) < 0)
		return r;
	strbuf_add(&b, s, chars(s, max));
	return template_give(w, &b, ret);
}

/* ---- lists ---- */

static int f_len(struct template_walk *w, size_t n, const struct json *const *args,
		 const struct json **ret)
{
	const struct json *v = args[0];

	(void)n;
	if (v->type == JSON_NUMBER || v->type == JSON_BOOL)
		return err_say(w->e, EINVAL, "template: len wants a list, a map or a string");
	*ret = value_u64(w->a, v->type == JSON_NULL ? 0 : v->n);
	return 0;
}

int template_index(struct template_walk *w, const struct json *v, const struct json *key,
		   const struct json **ret)
{
	const struct json *m = v->child;
	int64_t i;

	if (v->type == JSON_OBJECT && key->type == JSON_STRING) {
		bool texts = v->b && (!m || m->type == JSON_STRING);

		m = json_get(v, key->s);
		*ret = m ? m : texts ? value_str(w->a, "") : value_null(w->a);
		return 0;
	}
	if (v->type != JSON_ARRAY)
		return err_say(w->e, EINVAL, v->type == JSON_OBJECT ?
			       "template: index of a map wants a string" :
			       "template: index of what is neither a list nor a map");
	if (key->type != JSON_NUMBER || str_to_i64(key->s, &i) < 0 || i < 0)
		return err_say(w->e, EINVAL, "template: index of a list wants a number");
	for (; m && i > 0; i--)
		m = m->next;
	if (!m)
		return err_say(w->e, EINVAL, "template: index %s of a list of %u", key->s, v->n);
	*ret = m;
	return 0;
}

static int f_index(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	const struct json *v = args[0];

	for (size_t i = 1; i < n; i++) {
		int r = template_index(w, v, args[i], &v);

		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static int f_slice(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	int64_t from = 0, to = args[0]->n, i = 0;
	struct json *list, **tail;
	int r = 0;

	if (args[0]->type != JSON_STRING && args[0]->type != JSON_ARRAY)
		return err_say(w->e, EINVAL, "template: slice wants a string or a list");
	if (n > 1)
		r = int_arg(w, args[1], "slice", args[0]->n, &from);
	if (r == 0 && n > 2)
		r = int_arg(w, args[2], "slice", args[0]->n, &to);
	if (r < 0)
		return r;
	if (from > to)
		return err_say(w->e, EINVAL, "template: slice from %lld to %lld", (long long)from,
			       (long long)to);
	if (!template_room(w, args[0]->n * (sizeof(struct json) + 16)))
		return -EFBIG;
	if (args[0]->type == JSON_STRING) {
		*ret = value_strn(w->a, args[0]->s + from, (size_t)(to - from));
		return 0;
	}
	list = value_array(w->a);
	tail = &list->child;
	for (const struct json *m = args[0]->child; m && i < to; m = m->next, i++) {
		if (i < from)
			continue;
		*tail = arena_alloc(w->a, sizeof(**tail));
		**tail = *m;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
		list->n++;
	}
	*ret = list;
	return 0;
}

static const struct template_func funcs[] = {
	{ "json", 1, 1, f_json },	  { "upper", 1, 1, f_upper },
	{ "lower", 1, 1, f_lower },	  { "title", 1, 1, f_title },
	{ "join", 2, 2, f_join },	  { "split", 2, 2, f_split },
	{ "pad", 3, 3, f_pad },		  { "truncate", 2, 2, f_truncate },
	{ "len", 1, 1, f_len },		  { "index", 1, TEMPLATE_ARGS, f_index },
	{ "slice", 1, 3, f_slice },
};

const struct template_func *template_func_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (str_eq(funcs[i].name, name))
			return &funcs[i];
	for (const struct template_func *f = template_more_funcs; f->name; f++)
		if (str_eq(f->name, name))
			return f;
	return NULL;
}
