/* jsonout.c - see json.h: JSON out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void json_quote(struct strbuf *b, const char *s, size_t n)
{
	strbuf_addc(b, '"');
	for (size_t i = 0; i < n;) {
		static const char from[] = "\"\\\n\t\r\b\f", to[] = "\"\\ntrbf";
		uint32_t c = 0;
		size_t k = str_utf8(s + i, n - i, &c);
		const char *esc = c && c < 0x80 ? strchr(from, (int)c) : NULL;

		if (k == 0)
			strbuf_adds(b, "\xef\xbf\xbd");
		else if (esc)
			strbuf_addf(b, "\\%c", to[esc - from]);
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))	/* a terminal obeys these, too */
			strbuf_addf(b, "\\u%04x", c);
		else
			strbuf_add(b, s + i, k);
		i += k ? k : 1;
	}
	strbuf_addc(b, '"');
}

void json_out_init(struct json_out *o, struct strbuf *b, unsigned indent)
{
	*o = (struct json_out){ .b = b, .indent = indent };
}

static void new_line(struct json_out *o)
{
	if (o->indent == 0)
		return;
	strbuf_addc(o->b, '\n');
	for (unsigned i = 0; i < o->depth * o->indent; i++)
		strbuf_addc(o->b, ' ');
}

/* What stands before a value. */
static void begin(struct json_out *o, const char *key)
{
	if (o->comma)
		strbuf_addc(o->b, ',');
	if (o->depth > 0)
		new_line(o);
	if (key) {
		json_quote(o->b, key, strlen(key));
		strbuf_adds(o->b, o->indent ? ": " : ":");
	}
	o->comma = o->depth > 0;
}

static void open_(struct json_out *o, const char *key, char c)
{
	begin(o, key);
	strbuf_addc(o->b, c);
	o->depth++;
	o->comma = false;
}

static void close_(struct json_out *o, char c)
{
	o->depth--;
	if (o->comma)	/* else it is empty: {} */
		new_line(o);
	strbuf_addc(o->b, c);
	o->comma = o->depth > 0;
}

void json_out_obj(struct json_out *o, const char *key)
{
	open_(o, key, '{');
}

void json_out_arr(struct json_out *o, const char *key)
{
	open_(o, key, '[');
}

void json_out_end_obj(struct json_out *o)
{
	close_(o, '}');
}

void json_out_end_arr(struct json_out *o)
{
	close_(o, ']');
}

void json_out_strn(struct json_out *o, const char *key, const char *v, size_t n)
{
	begin(o, key);
	json_quote(o->b, v, n);
}

void json_out_str(struct json_out *o, const char *key, const char *v)
{
	if (v)
		json_out_strn(o, key, v, strlen(v));
	else
		json_out_null(o, key);
}

void json_out_i64(struct json_out *o, const char *key, int64_t v)
{
	begin(o, key);
	strbuf_addf(o->b, "%lld", (long long)v);
}

void json_out_u64(struct json_out *o, const char *key, uint64_t v)
{
	begin(o, key);
	strbuf_addf(o->b, "%llu", (unsigned long long)v);
}

void json_out_double(struct json_out *o, const char *key, double v)
{
	char buf[32];

	if (!isfinite(v)) {
		json_out_null(o, key);	/* JSON has no such number */
		return;
	}
	begin(o, key);
	snprintf(buf, sizeof(buf), "%.15g", v);
	if (strtod(buf, NULL) < v || strtod(buf, NULL) > v)
		snprintf(buf, sizeof(buf), "%.17g", v);
	strbuf_adds(o->b, buf);
}

void json_out_bool(struct json_out *o, const char *key, bool v)
{
	begin(o, key);
	strbuf_adds(o->b, v ? "true" : "false");
}

void json_out_null(struct json_out *o, const char *key)
{
	begin(o, key);
	strbuf_adds(o->b, "null");
}

void json_out_strs(struct json_out *o, const char *key, char *const *v)
{
	json_out_arr(o, key);
	for (; v && *v; v++)
		json_out_str(o, NULL, *v);
	json_out_end_arr(o);
}

void json_out_map(struct json_out *o, const char *key, const struct json_map *m)
{
	json_out_obj(o, key);
	for (size_t i = 0; m && i < m->n; i++)
		json_out_str(o, m->v[i].key, m->v[i].value);
	json_out_end_obj(o);
}

/* Calls itself as deep as the parser's limit allowed the tree to be. */
void json_out_value(struct json_out *o, const char *key, const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		json_out_null(o, key);
		return;
	case JSON_BOOL:
		json_out_bool(o, key, v->b);
		return;
	case JSON_NUMBER:
		begin(o, key);
		strbuf_adds(o->b, v->s);
		return;
	case JSON_STRING:
		json_out_strn(o, key, v->s, v->n);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		open_(o, key, v->type == JSON_ARRAY ? '[' : '{');
		for (const struct json *m = v->child; m; m = m->next)
			json_out_value(o, m->key, m);
		close_(o, v->type == JSON_ARRAY ? ']' : '}');
		return;
	}
}
