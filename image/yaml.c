/* yaml.c - as much of YAML as containers-registries.d(5) uses. */
#include <errno.h>
#include <string.h>

#include "image/registries.h"

struct yaml {
	const char *p, *what;	/* p: in the line that is read */
	unsigned line, depth;
	unsigned indents[YAML_DEPTH];
	char keys[YAML_DEPTH][YAML_WORD];
	bool open;		/* the last key had no value: it may have a mapping */
	yaml_on *on;
	void *ctx;
	struct err *e;
};

static int yaml_fail(struct yaml *y, const char *why)
{
	return err_say(y->e, EINVAL, "%s: line %u: %s", y->what, y->line, why);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Nothing more in this line than a comment, which begins behind a blank. */
static bool at_end(const char *p)
{
	while (is_blank(*p))
		p++;
	return *p == '\0' || *p == '\n' || (*p == '#' && is_blank(p[-1]));
}

static int read_quoted(struct yaml *y, char out[static YAML_WORD])
{
	char quote = *y->p++;
	size_t n = 0;

	for (; *y->p && *y->p != '\n'; y->p++) {
		if (*y->p == quote) {
			if (quote != '\'' || y->p[1] != '\'')
				break;
			y->p++;
		} else if (*y->p == '\\' && quote == '"') {
			y->p++;
			if (*y->p != '"' && *y->p != '\\')
				return yaml_fail(y, "an escape that berth does not know");
		}
		if (n == YAML_WORD - 1)
			return yaml_fail(y, "a word is too long");
		out[n++] = *y->p;
	}
	if (*y->p != quote)
		return yaml_fail(y, "a string does not end in its line");
	y->p++;
	out[n] = '\0';
	return 0;
}

/* A key ends at ":" before a blank, a value at the end of its line or at a comment. */
static int read_plain(struct yaml *y, bool key, char out[static YAML_WORD])
{
	size_t n = 0;

	if (strchr("-?:,[]{}#&*!|>%@`", *y->p))
		return yaml_fail(y, "berth understands keys and values here, plain or quoted, and "
				    "nothing else of YAML");
	for (; !at_end(y->p + n); n++) {
		if (y->p[n] != ':' || !strchr(" \t\r\n", y->p[n + 1]))
			continue;
		if (key)
			break;
		return yaml_fail(y, "a value holds \": \"");
	}
	if (n >= YAML_WORD)
		return yaml_fail(y, "a word is too long");
	memcpy(out, y->p, n);
	out[n] = '\0';
	y->p += n;
	return 0;
}

static int read_word(struct yaml *y, bool key, char out[static YAML_WORD])
{
	if (*y->p == '"' || *y->p == '\'')
		return read_quoted(y, out);
	return read_plain(y, key, out);
}

/* To which mapping the line belongs. */
static int find_level(struct yaml *y, unsigned indent)
{
	if (y->depth > 0 && indent > y->indents[y->depth - 1]) {
		if (!y->open)
			return yaml_fail(y, "it is further to the right than it may");
		if (y->depth == YAML_DEPTH)
			return yaml_fail(y, "mappings are too deep");
		y->indents[y->depth++] = indent;
		return 0;
	}
	while (y->depth > 1 && indent < y->indents[y->depth - 1])
		y->depth--;
	if (y->depth == 0)
		y->indents[y->depth++] = indent;
	if (indent != y->indents[y->depth - 1])
		return yaml_fail(y, "it stands below no key");
	return 0;
}

static int read_line(struct yaml *y)
{
	const char *keys[YAML_DEPTH];
	char value[YAML_WORD];
	unsigned indent = 0;

	for (; *y->p == ' '; y->p++)
		indent++;
	if (*y->p == '#' || at_end(y->p))
		return 0;
	if (y->depth == 0 && strncmp(y->p, "---", 3) == 0 && at_end(y->p + 3))
		return 0;
	if (*y->p == '\t')
		return yaml_fail(y, "a tab stands before it");
	if (find_level(y, indent) < 0 || read_word(y, true, y->keys[y->depth - 1]) < 0)
		return -EINVAL;
	if (*y->p != ':')
		return yaml_fail(y, "expected \"KEY: VALUE\"");
	for (y->p++; is_blank(*y->p); y->p++)
		;
	y->open = at_end(y->p);
	if (y->open)
		return 0;
	if (read_word(y, false, value) < 0)
		return -EINVAL;
	if (!at_end(y->p))
		return yaml_fail(y, "something stands behind the value");
	for (unsigned i = 0; i < y->depth; i++)
		keys[i] = y->keys[i];
	return y->on(y->ctx, keys, y->depth, value, y->e);
}

int yaml_parse(const char *text, const char *what, yaml_on *on, void *ctx, struct err *e)
{
	struct yaml y = { .what = what, .on = on, .ctx = ctx, .e = e };

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		int r;

		y.line++;
		y.p = line;
		r = read_line(&y);
		if (r < 0)
			return r;
	}
	return 0;
}
