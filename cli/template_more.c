/* template_more.c - functions of templates that compare, and those that print. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template_part.h"
#include "cli/value.h"

/* ---- comparisons ---- */

static bool plain(const struct json *v)
{
	return v->type != JSON_ARRAY && v->type != JSON_OBJECT;
}

/* *ret: below 0, 0, above 0. */
static int compare(struct template_walk *w, const struct json *a, const struct json *b, int *ret)
{
	if (!plain(a) || !plain(b))
		return err_say(w->e, EINVAL, "template: lists and maps cannot be compared");
	if (a->type == JSON_NULL || b->type == JSON_NULL) {
		*ret = a->type == b->type ? 0 : 1;
		return 0;
	}
	if (a->type != b->type)
		return err_say(w->e, EINVAL,
			       "template: values of two kinds cannot be compared");
	if (a->type == JSON_STRING) {
		*ret = strcmp(a->s, b->s);
	} else if (a->type == JSON_BOOL) {
		*ret = a->b - b->b;
	} else {
		int64_t x, y;

		if (str_to_i64(a->s, &x) == 0 && str_to_i64(b->s, &y) == 0) {
			*ret = x < y ? -1 : x > y;
		} else {
			double p = strtod(a->s, NULL), q = strtod(b->s, NULL);

			*ret = p < q ? -1 : p > q;
		}
	}
	return 0;
}

static int f_eq(struct template_walk *w, size_t n, const struct json *const *args,
		const struct json **ret)
{
	bool equal = false;
	int c;

	for (size_t i = 1; i < n && !equal; i++) {
		int r = compare(w, args[0], args[i], &c);

		if (r < 0)
			return r;
		equal = c == 0;
	}
	*ret = value_bool(w->a, equal);
	return 0;
}

#define COMPARISON(name, op)								\
static int f_##name(struct template_walk *w, size_t n, const struct json *const *args,	\
		    const struct json **ret)						\
{											\
	int c, r = compare(w, args[0], args[1], &c);					\
											\
	(void)n;									\
	if (r == 0)									\
		*ret = value_bool(w->a, c op 0);					\
	return r;									\
}
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)
#undef COMPARISON

static int f_not(struct template_walk *w, size_t n, const struct json *const *args,
		 const struct json **ret)
{
	(void)n;
	*ret = value_bool(w->a, !template_true(args[0]));
	return 0;
}

/* and, or: template_run.c does them, since they do not look at all of their arguments. */
static int f_never(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	(void)n;
	(void)args;
	(void)ret;
	return err_say(w->e, EINVAL, "template: and, or want arguments");
}

/* ---- printing ---- */

static int print_all(struct template_walk *w, size_t n, const struct json *const *args, bool line,
		     const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < n; i++) {
		bool texts = i && (args[i]->type == JSON_STRING ||
				   args[i - 1]->type == JSON_STRING);
		int r;

		if (i && (line || !texts))
			strbuf_addc(&b, ' ');
		if ((r = template_print(w, &b, args[i])) < 0)
			return r;
	}
	if (line)
		strbuf_addc(&b, '\n');
	return template_give(w, &b, ret);
}

static int f_print(struct template_walk *w, size_t n, const struct json *const *args,
		   const struct json **ret)
{
	return print_all(w, n, args, false, ret);
}

static int f_println(struct template_walk *w, size_t n, const struct json *const *args,
		     const struct json **ret)
{
	return print_all(w, n, args, true, ret);
}

struct verb { bool left, zero, plus; int width, precision; char c; };

/* What is behind '%'; returns what it took. */
static size_t parse_verb(const char *s, struct verb *v)
{
	size_t i = 0;

	*v = (struct verb){ .precision = -1 };
	for (; s[i] && strchr("-0+ #", s[i]); i++) {
		v->left |= s[i] == '-';
		v->zero |= s[i] == '0';
		v->plus |= s[i] == '+';
	}
	for (; s[i] >= '0' && s[i] <= '9'; i++)
		v->width = v->width < 1000 ? v->width * 10 + (s[i] - '0') : v->width;
	if (s[i] == '.')
		for (v->precision = 0, i++; s[i] >= '0' && s[i] <= '9'; i++)
			v->precision = v->precision < 100 ? v->precision * 10 + (s[i] - '0')
							  : v->precision;
	v->c = s[i];
	return s[i] ? i + 1 : i;
}

static int one_verb(struct template_walk *w, const struct verb *v, const struct json *arg,
		    struct strbuf *b)
{
	AUTO(strbuf) struct strbuf t = STRBUF_INIT;
	int64_t i = 0;
	int r = 0;

	switch (v->c) {
	case 'v':
	case 's':
		r = template_print(w, &t, arg);
		if (r == 0 && v->precision >= 0 && t.len > (size_t)v->precision)
			t.s[t.len = (size_t)v->precision] = 0;
		break;
	case 'q':
		if (arg->type == JSON_STRING)
			json_quote(&t, arg->s, arg->n);
		else
			r = template_print(w, &t, arg);
		break;
	case 't':
		strbuf_adds(&t, template_true(arg) ? "true" : "false");
		break;
	case 'd':
	case 'x':
	case 'X':
	case 'o':
		if (arg->type != JSON_NUMBER || str_to_i64(arg->s, &i) < 0)
			return err_say(w->e, EINVAL, "template: printf %%%c wants a number", v->c);
		strbuf_addf(&t, v->c == 'd' ? "%lld" : v->c == 'o' ? "%llo" : v->c == 'x' ? "%llx"
			    : "%llX", (long long)i);
		break;
	case 'f':
	case 'g':
	case 'e':
		if (arg->type != JSON_NUMBER)
			return err_say(w->e, EINVAL, "template: printf %%%c wants a number", v->c);
		strbuf_addf(&t, v->c == 'f' ? "%.*f" : v->c == 'g' ? "%.*g" : "%.*e",
			    v->precision < 0 ? 6 : v->precision, strtod(arg->s, NULL));
		break;
	default:
		return err_say(w->e, EINVAL, "template: printf: unknown verb %%%c",
			       v->c >= ' ' && v->c < 127 ? v->c : '?');
	}
	if (r < 0)
		return r;
	if (v->zero && !v->left && arg->type == JSON_NUMBER)
		for (size_t k = t.len; k < (size_t)v->width; k++)
			strbuf_addc(b, '0');
	strbuf_addf(b, v->left ? "%-*s" : "%*s", v->zero ? 0 : v->width, t.len ? t.s : "");
	return 0;
}

static int f_printf(struct template_walk *w, size_t n, const struct json *const *args,
		    const struct json **ret)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *s = args[0]->s;
	size_t used = 1;

	if (args[0]->type != JSON_STRING)
		return err_say(w->e, EINVAL, "template: printf wants a format first");
	while (*s) {
		struct verb v;
		int r;

		if (*s != '%') {
			strbuf_addc(&b, *s++);
			continue;
		}
		s += 1 + parse_verb(s + 1, &v);
		if (v.c == '%') {
			strbuf_addc(&b, '%');
			continue;
		}
		if (used >= n)
			return err_say(w->e, EINVAL, "template: printf: more verbs than values");
		if ((r = one_verb(w, &v, args[used++], &b)) < 0)
			return r;
		if (b.len > TEMPLATE_STRING)
			break;
	}
	if (used < n && b.len <= TEMPLATE_STRING)
		return err_say(w->e, EINVAL, "template: printf: more values than verbs");
	return template_give(w, &b, ret);
}

const struct template_func template_more_funcs[] = {
	{ "eq", 2, TEMPLATE_ARGS, f_eq },
	{ "ne", 2, 2, f_ne },
	{ "lt", 2, 2, f_lt },
	{ "le", 2, 2, f_le },
	{ "gt", 2, 2, f_gt },
	{ "ge", 2, 2, f_ge },
	{ "not", 1, 1, f_not },
	{ "and", 1, TEMPLATE_ARGS, f_never },
	{ "or", 1, TEMPLATE_ARGS, f_never },
	{ "print", 0, TEMPLATE_ARGS, f_print },
	{ "println", 0, TEMPLATE_ARGS, f_println },
	{ "printf", 1, TEMPLATE_ARGS, f_printf },
	{ NULL, 0, 0, NULL },
};
