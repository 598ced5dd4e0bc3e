/* opt.c - see opt.h. */
#include "base/opt.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct args {
	char **v;
	int n;
};

static void args_cleanup(struct args *a)
{
	free(a->v);
}

static bool is_switch(const struct opt *o)
{
	return o->kind == OPT_BOOL || o->kind == OPT_OFF;
}

bool opt_wants_value(const struct opt *o)
{
	return !is_switch(o) && o->kind != OPT_COUNT && o->kind != OPT_FLAGFUNC &&
	       o->kind != OPT_REFUSED;
}

static const struct opt *by_letter(const struct opt *rows, char c)
{
	for (; rows->name; rows++)
		if (rows->letter == c)
			return rows;
	return NULL;
}

static const struct opt *by_name(const struct opt *rows, const char *name, size_t n)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
			return rows;
	return NULL;
}

static int unknown_name(const struct opt *rows, const char *name, size_t n, struct err *e)
{
	AUTO_FREE const char **names = NULL;
	AUTO_FREE char *given = mem_strndup(name, n);
	const char *near;
	size_t count = 0;

	while (rows[count].name)
		count++;
	names = mem_array(count + 1, sizeof(*names));
	count = 0;
	for (const struct opt *o = rows; o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			names[count++] = o->name;
	near = str_nearest(given, names);
	if (near)
		return err_say(e, EINVAL, "unknown option --%s (did you mean --%s?)", given, near);
	return err_say(e, EINVAL, "unknown option --%s", given);
}

static int set_number(const struct opt *o, void *field, const char *as, const char *value,
		      struct err *e)
{
	bool small = o->kind == OPT_U32;
	int r = small ? str_to_u32(value, field) : str_to_i64(value, field);

	if (r == -ERANGE)
		return err_say(e, EINVAL, "option %s: %s is too large", as, value);
	if (r < 0)
		return err_say(e, EINVAL, "option %s: expected a %snumber, not \"%s\"", as,
			       small ? "non-negative " : "", value);
	return 0;
}

/* `as` is how the user wrote the option.  value is NULL when none was given. */
static int set(const struct opt *o, void *opts, const char *as, const char *value, struct err *e)
{
	void *field = (char *)opts + o->off;
	bool on = true;
	int r;

	switch (o->kind) {
	case OPT_BOOL:
	case OPT_OFF:
		if (value && str_to_bool(value, &on) < 0)
			return err_say(e, EINVAL, "option %s: expected true or false, not \"%s\"",
				       as, value);
		*(bool *)field = on == (o->kind == OPT_BOOL);
		return 0;
	case OPT_COUNT:
		if (value)
			return err_say(e, EINVAL, "option %s takes no value", as);
		++*(int *)field;
		return 0;
	case OPT_STR:
		*(const char **)field = value;
		return 0;
	case OPT_LIST:
		strlist_add(field, value);
		return 0;
	case OPT_U32:
	case OPT_I64:
		return set_number(o, field, as, value, e);
	case OPT_FUNC:
	case OPT_FLAGFUNC:
		r = o->set(opts, value, e);
		return r < 0 ? err_wrap(e, "option %s", as) : 0;
	case OPT_REFUSED:
		return err_say(e, EINVAL, "option %s: %s", as, o->help);
	}
	return 0;
}

/* Gives o its value: what follows "=" (or the letter), else the next argument. */
static int give(const struct opt *o, void *opts, const char *as, const char *value, int *i,
		int argc, char **argv, struct err *e)
{
	if (opt_wants_value(o) && !value) {
		if (o->flags & OPT_OPTVALUE)
			value = "";
		else if (*i + 1 < argc)
			value = argv[++*i];
		else
			return err_say(e, EINVAL, "option %s needs a value: %s %s", as, as,
				       o->arg ? o->arg : "VALUE");
	}
	return set(o, opts, as, value, e);
}

static int parse_long(const struct opt *rows, void *opts, int *i, int argc, char **argv,
		      struct err *e)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct opt *o = by_name(rows, name, n);
	AUTO_FREE char *as = mem_strndup(argv[*i], n + 2);

	if (!o && n > 3 && str_starts(name, "no-")) {
		o = by_name(rows, name + 3, n - 3);
		if (o && is_switch(o)) {
			if (eq)
				return err_say(e, EINVAL, "option %s takes no value", as);
			return set(o, opts, as, "false", e);
		}
		o = NULL;
	}
	if (!o)
		return unknown_name(rows, name, n, e);
	return give(o, opts, as, eq ? eq + 1 : NULL, i, argc, argv, e);
}

/* -d, -it, -p8080:80, -p 8080:80, -p=8080:80, -itp 8080:80 */
static int parse_letters(const struct opt *rows, void *opts, int *i, int argc, char **argv,
			 struct err *e)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct opt *o = by_letter(rows, *p);
		char as[3] = { '-', *p, '\0' };
		const char *rest = p[1] == '=' ? p + 2 : p[1] ? p + 1 : NULL;
		int r;

		if (!o)
			return err_say(e, EINVAL, p == argv[*i] + 1 && !p[1] ? "unknown option %s"
				       : "unknown option %s in \"%s\"", as, argv[*i]);
		if (opt_wants_value(o))
			return give(o, opts, as, rest, i, argc, argv, e);
		r = set(o, opts, as, p[1] == '=' ? p + 2 : NULL, e);
		if (r < 0 || p[1] == '=')
			return r;
	}
	return 0;
}

int opt_parse(const struct opt *rows, void *opts, int argc, char **argv, bool stop_at_arg,
	      char ***ret_args, int *ret_n, struct err *e)
{
	AUTO(args) struct args rest = { mem_array((size_t)argc + 1, sizeof(char *)), 0 };
	bool options = true;

	for (int i = 1; i < argc; i++) {
		char *s = argv[i];
		int r;

		if (!options || s[0] != '-' || !s[1]) {	/* "-" alone is an argument */
			rest.v[rest.n++] = s;
			if (stop_at_arg)
				options = false;
			continue;
		}
		if (str_eq(s, "--")) {
			options = false;
			continue;
		}
		r = s[1] == '-' ? parse_long(rows, opts, &i, argc, argv, e)
				: parse_letters(rows, opts, &i, argc, argv, e);
		if (r < 0)
			return r;
	}
	*ret_args = TAKE(rest.v);
	*ret_n = rest.n;
	return 0;
}

struct opt_values opt_values_new(const struct opt *rows, size_t size)
{
	return (struct opt_values){ rows, mem_alloc(size ? size : 1) };
}

void opt_values_cleanup(struct opt_values *v)
{
	for (const struct opt *o = v->rows; o && o->name; o++)
		if (o->kind == OPT_LIST)	/* twice for an alias: the second finds it empty */
			strlist_cleanup((struct strlist *)((char *)v->opts + o->off));
	free(v->opts);
}

static void left_column(const struct opt *o, struct strbuf *b)
{
	if (o->letter)
		strbuf_addf(b, "  -%c, --%s", o->letter, o->name);
	else
		strbuf_addf(b, "      --%s", o->name);
	if (o->arg && (o->flags & OPT_OPTVALUE))
		strbuf_addf(b, "[=%s]", o->arg);
	else if (o->arg)
		strbuf_addf(b, " %s", o->arg);
}

/* Characters, not bytes: the rows have a few that ASCII has not. */
static size_t columns(const struct strbuf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += ((unsigned char)b->s[i] & 0xc0) != 0x80;
	return n;
}

void opt_help(const struct opt *rows, struct strbuf *b)
{
	const size_t widest = 30;	/* what is wider has its text on the next line */
	size_t width = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1 && width == 0)
			width = widest;
		for (const struct opt *o = rows; o->name; o++) {
			AUTO(strbuf) struct strbuf left = STRBUF_INIT;

			if (!o->help || (o->flags & OPT_HIDDEN))
				continue;
			left_column(o, &left);
			size_t n = columns(&left);
			if (pass == 0) {
				if (n > width && n <= widest)
					width = n;
				continue;
			}
			if (n > width)
				strbuf_addf(b, "%s\n%*s", left.s, (int)width + 2, "");
			else
				strbuf_addf(b, "%s%*s", left.s, (int)(width - n) + 2, "");
			strbuf_addf(b, "%s\n", o->help);
		}
	}
}
