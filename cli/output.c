/* output.c - see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/output.h"
#include "cli/template.h"

#define COLUMNS_MAX 32
#define GAP 3			/* between columns, as Docker has it */

void output_list_init(struct output_list *l)
{
	*l = (struct output_list){ .a = arena_new(OUTPUT_ARENA) };
}

void output_list_add(struct output_list *l, struct json *v)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		l->v = mem_resize(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = v;
}

void output_list_cleanup(struct output_list *l)
{
	free(l->v);
	arena_free(l->a);
}

bool output_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(1) && !str_empty(term) && !str_eq(term, "dumb");
}

bool output_colour(void)
{
	return output_screen() && str_empty(getenv("NO_COLOR"));
}

/* ---- templates ---- */

struct printer {
	struct arena *parsed, *a;
	struct strbuf out;
	struct err *e;
};

static void printer_cleanup(struct printer *p)
{
	strbuf_cleanup(&p->out);
	arena_free(p->parsed);
	arena_free(p->a);
}

#define PRINTER(name, err) \
	AUTO(printer) struct printer name = { arena_new(256u << 20), arena_new(TEMPLATE_ARENA), \
					      STRBUF_INIT, err }

static int parse(struct printer *p, const char *text, const struct template **ret)
{
	return template_parse(p->parsed, text, strlen(text), ret, p->e);
}

static int run(struct printer *p, const struct template *t, const struct json *v, unsigned flags)
{
	size_t used = p->a->used;
	int r = template_run(t, v, flags, p->a, &p->out, p->e);

	/* what the arena holds now nobody looks at any more */
	memset((char *)p->a + used, 0, p->a->used - used);
	p->a->used = used;
	return r;
}

static void flush(struct printer *p)
{
	if (p->out.len)
		fwrite(p->out.s, 1, p->out.len, stdout);
	strbuf_reset(&p->out);
}

static int print_lines(const char *text, struct json *const *rows, size_t n, struct err *e)
{
	PRINTER(p, e);
	const struct template *t;
	int r = parse(&p, text, &t);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = run(&p, t, rows[i], 0);
		if (r == 0)
			strbuf_addc(&p.out, '\n');
		if (r == 0)
			flush(&p);
	}
	return r;
}

static void print_json(const struct json *v)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	value_write(&b, v, 0);
	printf("%s\n", b.s);
}

/* ---- tables ---- */

struct table {
	char **cells;		/* rows × columns */
	size_t columns, rows, cap;
	size_t width[COLUMNS_MAX];
};

static void table_cleanup(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
}

static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;	/* characters, not bytes */
	return n;
}

/* Takes a line of cells with tabs between. */
static void add_row(struct table *t, const char *line)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	strlist_split(&l, line, '\t', false);
	if (t->rows == 0)
		t->columns = l.n < COLUMNS_MAX ? l.n : COLUMNS_MAX;
	if (t->rows == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = mem_resize(t->cells, t->cap * t->columns, sizeof(*t->cells));
	}
	for (size_t i = 0; i < t->columns; i++) {
		const char *text = i < l.n ? l.v[i] : "";
		size_t max = strlen(text) * 4 + 1;
		char *cell = mem_alloc(max);

		str_printable(text, strlen(text), cell, max);
		t->cells[t->rows * t->columns + i] = cell;
		if (width(cell) > t->width[i])
			t->width[i] = width(cell);
	}
	t->rows++;
}

/* Of a cell in a column called STATUS. */
static const char *status_colour(const char *cell)
{
	if (strstr(cell, "(unhealthy)") ||
	    (str_starts(cell, "Exited (") && !str_starts(cell, "Exited (0)")))
		return "\033[31m";
	if (strstr(cell, "(Paused)") || str_starts(cell, "Restarting"))
		return "\033[33m";
	return str_starts(cell, "Up ") ? "\033[32m" : NULL;
}

static void print_table(const struct table *t, bool heading)
{
	bool colours = output_colour(), bold = heading && colours;

	for (size_t r = heading ? 0 : 1; r < t->rows; r++) {
		if (bold && r == 0)
			printf("\033[1m");
		for (size_t c = 0; c < t->columns; c++) {
			const char *cell = t->cells[r * t->columns + c];
			size_t w = width(cell);
			bool last = c + 1 == t->columns;
			const char *colour = colours && r > 0 && str_eq(t->cells[c], "STATUS")
						     ? status_colour(cell) : NULL;

			printf("%s%s%s%*s", colour ? colour : "", cell, colour ? "\033[0m" : "",
			       last ? 0 : (int)(t->width[c] - w + GAP), "");
		}
		printf(bold && r == 0 ? "\033[0m\n" : "\n");
	}
}

/* A column's text with the header beside it, or what `table …` says. */
static int table_header(struct printer *p, const struct output *o, const struct template *t,
			bool own)
{
	struct json *names = value_map(p->a);

	if (own) {
		for (const struct output_column *c = o->columns; c->header; c++)
			strbuf_addf(&p->out, "%s%s", c == o->columns ? "" : "\t", c->header);
		return 0;
	}
	for (const struct output_column *c = o->headers; c && c->header; c++)
		value_put_str(p->a, names, c->text, c->header);
	return template_run(t, names, TEMPLATE_HEADER, p->a, &p->out, p->e);
}

static int print_rows(const struct output *o, const char *text, bool own, bool heading,
		      struct json *const *rows, size_t n, struct err *e)
{
	AUTO(table) struct table table = { .rows = 0 };
	const struct template *t;
	PRINTER(p, e);
	int r = parse(&p, text, &t);

	if (r == 0)
		r = table_header(&p, o, t, own);
	for (size_t i = 0; r == 0 && i <= n; i++) {
		add_row(&table, p.out.s ? p.out.s : "");
		strbuf_reset(&p.out);
		if (i < n)
			r = run(&p, t, rows[i], 0);
	}
	if (r == 0)
		print_table(&table, heading);
	return r;
}

static int print_own_table(const struct output *o, bool heading, struct json *const *rows,
			   size_t n, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (const struct output_column *c = o->columns; c->header; c++)
		strbuf_addf(&b, "%s%s", b.len ? "\t" : "", c->text);
	return print_rows(o, b.s, true, heading, rows, n, e);
}

int output_rows(const struct output *o, const struct output_opts *opts, struct json *const *rows,
		size_t n, struct err *e)
{
	const char *format = opts->format, *rest;

	if (opts->quiet && (!format || str_eq(format, "table")))
		return print_lines(o->quiet, rows, n, e);
	if (!format || str_eq(format, "table"))
		return print_own_table(o, !opts->no_heading, rows, n, e);
	if (str_eq(format, "json")) {
		for (size_t i = 0; i < n; i++)
			print_json(rows[i]);
		return 0;
	}
	rest = str_after(format, "table ");
	if (!rest)
		rest = str_after(format, "table\\t");
	if (rest)
		return print_rows(o, rest, false, !opts->no_heading, rows, n, e);
	return print_lines(format, rows, n, e);
}

int output_value(const char *format, const struct json *v, struct err *e)
{
	if (str_eq(format, "json")) {
		print_json(v);
		return 0;
	}
	return print_lines(format, (struct json *const[]){ (struct json *)(uintptr_t)v }, 1, e);
}

void output_array(struct json *const *rows, size_t n)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	if (n == 0) {
		printf("[]\n");
		return;
	}
	printf("[\n");
	for (size_t i = 0; i < n; i++) {
		strbuf_reset(&b);
		value_write(&b, rows[i], 4);
		printf("    ");
		for (const char *s = b.s; *s; s++) {
			putchar(*s);
			if (*s == '\n')
				printf("    ");
		}
		printf(i + 1 < n ? ",\n" : "\n");
	}
	printf("]\n");
}

void output_compact(struct json *const *rows, size_t n)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	strbuf_addc(&b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_addc(&b, ',');
		value_write(&b, rows[i], 0);
	}
	printf("%s]\n", b.s);
}

int output_to_file(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (!path)
		return isatty(1) ? err_say(e, EINVAL, "standard output is a terminal; use -o FILE")
				 : 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 || dup2(fd, 1) < 0 ? err_set(e, errno, "write %s", path) : 0;
}
