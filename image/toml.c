/* toml.c - as much of TOML as registries.conf(5) uses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/registries.h"

#define TOML_WORD 1024

struct toml {
	const char *p, *what;
	unsigned line;
	char table[TOML_WORD];
	struct { char name[TOML_WORD]; unsigned n; } counts[64];	/* of arrays of tables */
	unsigned ncounts, index;
	toml_on *on;
	void *ctx;
	struct err *e;
};

static int toml_fail(struct toml *t, const char *why)
{
	return err_say(t->e, EINVAL, "%s: line %u: %s", t->what, t->line, why);
}

static void skip_blanks(struct toml *t, bool lines)
{
	for (;; t->p++) {
		if (*t->p == '#')
			t->p += strcspn(t->p, "\n");
		if (*t->p == '\n' && lines)
			t->line++;
		else if (*t->p != ' ' && *t->p != '\t' && *t->p != '\r')
			return;
	}
}

static int escape(struct toml *t, char *c)
{
	static const char from[] = "btnfr\"\\/", to[] = "\b\t\n\f\r\"\\/";
	const char *at = *t->p ? strchr(from, *t->p) : NULL;

	if (!at)
		return toml_fail(t, "an escape that berth does not know");
	t->p++;
	*c = to[at - from];
	return 0;
}

static int read_string(struct toml *t, char out[static TOML_WORD])
{
	char quote = *t->p++;
	size_t n = 0;

	while (*t->p && *t->p != quote && *t->p != '\n') {
		char c = *t->p++;

		if (c == '\\' && quote == '"' && escape(t, &c) < 0)
			return -EINVAL;
		if (n == TOML_WORD - 1)
			return toml_fail(t, "a string is too long");
		out[n++] = c;
	}
	if (*t->p != quote)
		return toml_fail(t, "a string does not end");
	t->p++;
	out[n] = '\0';
	return 0;
}

static int read_word(struct toml *t, char out[static TOML_WORD])
{
	size_t n;

	if (*t->p == '"' || *t->p == '\'')
		return read_string(t, out);
	n = strspn(t->p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+:");
	if (n == 0 || n >= TOML_WORD)
		return toml_fail(t, "expected a name or a value");
	memcpy(out, t->p, n);
	out[n] = '\0';
	t->p += n;
	return 0;
}

static int read_array(struct toml *t, const char *key)
{
	char value[TOML_WORD];

	t->p++;
	for (;;) {
		skip_blanks(t, true);
		if (*t->p == ']') {
			t->p++;
			return 0;
		}
		if (read_word(t, value) < 0)
			return -EINVAL;
		t->on(t->ctx, t->table, t->index, key, value);
		skip_blanks(t, true);
		if (*t->p == ',')
			t->p++;
		else if (*t->p != ']')
			return toml_fail(t, "expected \",\" or \"]\"");
	}
}

static int read_table(struct toml *t)
{
	bool array = t->p[1] == '[';
	unsigned i;

	t->p += array ? 2 : 1;
	skip_blanks(t, false);
	if (read_word(t, t->table) < 0)
		return -EINVAL;
	skip_blanks(t, false);
	if (t->p[0] != ']' || (array && t->p[1] != ']'))
		return toml_fail(t, "a table's name does not end");
	t->p += array ? 2 : 1;
	if (!array) {
		t->index = 0;
		return 0;
	}
	for (i = 0; i < t->ncounts && !str_eq(t->counts[i].name, t->table); i++)
		;
	if (i == ARRAY_SIZE(t->counts))
		return toml_fail(t, "too many kinds of tables");
	if (i == t->ncounts) {
		memcpy(t->counts[i].name, t->table, TOML_WORD);
		t->counts[t->ncounts++].n = 0;
	}
	t->index = t->counts[i].n++;
	return 0;
}

static int read_pair(struct toml *t)
{
	char key[TOML_WORD], value[TOML_WORD];

	if (read_word(t, key) < 0)
		return -EINVAL;
	skip_blanks(t, false);
	if (*t->p != '=')
		return toml_fail(t, "expected \"=\"");
	t->p++;
	skip_blanks(t, false);
	if (*t->p == '[')
		return read_array(t, key);
	if (*t->p == '{')
		return toml_fail(t, "inline tables are not understood here");
	if (read_word(t, value) < 0)
		return -EINVAL;
	t->on(t->ctx, t->table, t->index, key, value);
	return 0;
}

int toml_parse(const char *text, const char *what, toml_on *on, void *ctx, struct err *e)
{
	struct toml *t = mem_alloc(sizeof(*t));
	int r = 0;

	*t = (struct toml){ .p = text, .what = what, .line = 1, .on = on, .ctx = ctx, .e = e };
	for (skip_blanks(t, true); r == 0 && *t->p; skip_blanks(t, true)) {
		r = *t->p == '[' ? read_table(t) : read_pair(t);
		if (r < 0)
			break;
		skip_blanks(t, false);
		if (*t->p && *t->p != '\n')
			r = toml_fail(t, "something stands behind the value");
	}
	mem_free_cleanup(&t);
	return r;
}
