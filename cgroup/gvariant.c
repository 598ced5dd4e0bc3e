/*
 * gvariant.c - GVariant text notation, as far as unit properties need it.
 *
 * https://docs.gtk.org/glib/gvariant-text-format.html: true, -5, 2.5, 'text', "text", uint64 5,
 * @t 5, ['a', 'b'], @as [].
 */
#include "cgroup/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 1024

struct cursor { struct arena *a; const char *p; };

static const struct { const char *word; char type; } words[] = {
	{ "boolean", 'b' }, { "byte", 'y' }, { "int16", 'n' }, { "uint16", 'q' }, { "int32", 'i' },
	{ "uint32", 'u' }, { "int64", 'x' }, { "uint64", 't' }, { "double", 'd' },
	{ "string", 's' }, { "objectpath", 'o' },
};

static void skip_space(struct cursor *c)
{
	while (*c->p == ' ' || *c->p == '\t' || *c->p == '\n')
		c->p++;
}

/* A word at the cursor ("uint64"), taken when a space follows. */
static char take_type_word(struct cursor *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *rest = str_after(c->p, words[i].word);

		if (rest && (*rest == ' ' || *rest == '\t')) {
			c->p = rest;
			skip_space(c);
			return words[i].type;
		}
	}
	return 0;
}

static void put_utf8(struct strbuf *b, unsigned long u)
{
	if (u < 0x80) {
		strbuf_addc(b, (char)u);
	} else if (u < 0x800) {
		strbuf_addc(b, (char)(0xc0 | u >> 6));
		strbuf_addc(b, (char)(0x80 | (u & 0x3f)));
	} else {
		strbuf_addc(b, (char)(0xe0 | u >> 12));
		strbuf_addc(b, (char)(0x80 | (u >> 6 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (u & 0x3f)));
	}
}

static int parse_string(struct cursor *c, const char **ret)
{
	struct strbuf b AUTO(strbuf) = STRBUF_INIT;
	char quote = *c->p++;

	for (; *c->p && *c->p != quote; c->p++) {
		static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
		const char *at;

		if (*c->p != '\\') {
			strbuf_addc(&b, *c->p);
			continue;
		}
		c->p++;
		if (!*c->p)
			return -EINVAL;
		at = strchr(from, *c->p);
		if (at) {
			strbuf_addc(&b, to[at - from]);
		} else if (*c->p == 'u') {
			char hex[5] = "", *end;
			unsigned long u;

			snprintf(hex, sizeof(hex), "%.4s", c->p + 1);
			u = strtoul(hex, &end, 16);
			if (end != hex + 4 || u == 0 || (u >= 0xd800 && u < 0xe000))
				return -EINVAL;
			put_utf8(&b, u);
			c->p += 4;
		} else {
			strbuf_addc(&b, *c->p);
		}
	}
	if (*c->p != quote)
		return -EINVAL;
	c->p++;
	*ret = arena_strndup(c->a, b.s ? b.s : "", b.len);
	return 0;
}

#define NUMBER_CHARS "+-0123456789.eExXabcdfABCDF"

static int parse_number(struct cursor *c, char type, struct unit_prop *ret)
{
	static const struct { char type; int64_t min; uint64_t max; } ranges[] = {
		{ 'y', 0, UINT8_MAX }, { 'n', INT16_MIN, INT16_MAX }, { 'q', 0, UINT16_MAX },
		{ 'i', INT32_MIN, INT32_MAX }, { 'u', 0, UINT32_MAX },
		{ 'x', INT64_MIN, INT64_MAX }, { 't', 0, UINT64_MAX },
	};
	size_t n = strspn(c->p, NUMBER_CHARS);
	char text[64], *end;
	bool negative;

	if (n == 0 || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, c->p, n);
	text[n] = '\0';
	c->p += n;
	negative = text[0] == '-';
	if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
		return -EINVAL;
	errno = 0;
	if (type == 'd') {
		ret->d = strtod(text, &end);
		return *end || errno ? -EINVAL : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (ranges[i].type != type)
			continue;
		if (negative) {
			ret->i = strtoll(text, &end, 0);
			return *end || errno || ret->i < ranges[i].min ? -EINVAL : 0;
		}
		ret->u = strtoull(text, &end, 0);
		return *end || errno || ret->u > ranges[i].max ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* One value that is no array.  type 0: to be found out; *ret_type says what it was. */
static int parse_scalar(struct cursor *c, char type, struct unit_prop *ret, char *ret_type)
{
	char word = take_type_word(c);

	if (word && type && word != type)
		return -EINVAL;
	type = type ? type : word;
	if (*c->p == '\'' || *c->p == '"') {
		if (type && type != 's' && type != 'o')
			return -EINVAL;
		*ret_type = type ? type : 's';
		return parse_string(c, &ret->s);
	}
	for (int b = 0; b < 2; b++) {
		const char *rest = str_after(c->p, b ? "true" : "false");

		if (!rest || isalnum((unsigned char)*rest) || (type && type != 'b'))
			continue;
		c->p = rest;
		ret->b = b;
		*ret_type = 'b';
		return 0;
	}
	if (type == 's' || type == 'o' || type == 'b')
		return -EINVAL;
	if (!type)
		type = memchr(c->p, '.', strspn(c->p, NUMBER_CHARS)) ? 'd' : 'i';
	*ret_type = type;
	return parse_number(c, type, ret);
}

static size_t size_of(char type)
{
	switch (type) {
	case 'y': return 1;
	case 'n': case 'q': return 2;
	case 'b': case 'i': case 'u': return 4;
	case 's': case 'o': return sizeof(char *);
	default: return 8;
	}
}

static void store(void *at, char type, const struct unit_prop *v)
{
	uint32_t u32 = (uint32_t)v->u;
	uint16_t u16 = (uint16_t)v->u;
	uint8_t u8 = (uint8_t)v->u;
	int flag;

	switch (type) {
	case 'b':
		flag = v->b;
		memcpy(at, &flag, sizeof(flag));
		break;
	case 's': case 'o':
		memcpy(at, &v->s, sizeof(v->s));
		break;
	default:	/* little endian or not: the union's first bytes are taken by width */
		if (size_of(type) == 8)
			memcpy(at, &v->u, 8);
		else if (size_of(type) == 4)
			memcpy(at, &u32, 4);
		else if (size_of(type) == 2)
			memcpy(at, &u16, 2);
		else
			memcpy(at, &u8, 1);
	}
}

static int parse_array(struct cursor *c, char type, struct unit_prop *ret)
{
	struct unit_prop items[8], *v = items;
	size_t n = 0, cap = ARRAY_SIZE(items);
	char *data;

	c->p++;
	skip_space(c);
	while (*c->p != ']') {
		char was = 0;
		int r;

		if (n == ITEMS_MAX)
			return -E2BIG;
		if (n == cap) {
			struct unit_prop *more = arena_array(c->a, cap * 2, sizeof(*more));

			memcpy(more, v, cap * sizeof(*v));
			v = more;
			cap *= 2;
		}
		r = parse_scalar(c, type, &v[n], &was);
		if (r < 0)
			return r;
		type = was;
		n++;
		skip_space(c);
		if (*c->p == ',')
			c->p++;
		else if (*c->p != ']')
			return -EINVAL;
		skip_space(c);
	}
	c->p++;
	if (!type)
		return -EINVAL;	/* [] says nothing of its type: @as [] does */
	data = arena_array(c->a, n + 1, size_of(type));
	for (size_t i = 0; i < n; i++)
		store(data + i * size_of(type), type, &v[i]);
	ret->v = data;
	ret->n = n;
	ret->sig = arena_printf(c->a, "a%c", type);
	return 0;
}

int gvariant_parse(struct arena *a, const char *text, struct unit_prop *ret)
{
	struct cursor c = { a, text };
	struct unit_prop out = { .name = ret->name };
	char type = 0, was = 0;
	bool array = false;
	int r;

	skip_space(&c);
	if (*c.p == '@') {
		c.p++;
		array = *c.p == 'a';
		c.p += array;
		type = *c.p;
		if (!type || !strchr("bynqiuxtdso", type) || (c.p[1] != ' ' && c.p[1] != '\t'))
			return -EINVAL;
		c.p++;
		skip_space(&c);
	}
	if (*c.p == '[' && (array || !type)) {
		r = parse_array(&c, type, &out);
	} else if (!array) {
		r = parse_scalar(&c, type, &out, &was);
		out.sig = arena_printf(a, "%c", was);
	} else {
		return -EINVAL;
	}
	if (r < 0)
		return r;
	skip_space(&c);
	if (*c.p)
		return -EINVAL;
	*ret = out;
	return 0;
}
