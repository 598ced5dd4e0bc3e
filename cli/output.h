/*
 * output.h - how a command shows rows: a table, --quiet, --format TEMPLATE, json.
 *
 * Used by cli/ only.  A command makes one value (value.h) a row with Docker's names of members;
 * the columns of its table are templates over them.  What a cell holds never reaches the
 * terminal with control characters in it.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/opt.h"
#include "cli/value.h"

struct output_opts { const char *format; bool quiet, no_trunc, no_heading; };

/* Rows of the options, for a struct that has a struct output_opts at `off`. */
/* example: a template of the command's own columns */
#define OUTPUT_OPT_FORMAT(type, field, example) \
	{ "format", 0, OPT_STR, offsetof(type, field.format), "FORMAT", \
	  "json, table, or a template as " example }
#define OUTPUT_OPT_QUIET(type, field, what) \
	{ "quiet", 'q', OPT_BOOL, offsetof(type, field.quiet), NULL, "Only " what }
#define OUTPUT_OPT_NO_TRUNC(type, field) \
	{ "no-trunc", 0, OPT_BOOL, offsetof(type, field.no_trunc), NULL, "Cut nothing short" }
#define OUTPUT_OPT_NO_HEADING(type, field) \
	{ "noheading", 0, OPT_BOOL, offsetof(type, field.no_heading), NULL, \
	  "No head of the table" }

struct output_column { const char *header, *text; };	/* text: a template */

struct output {
	const struct output_column *columns;	/* of the default table; header NULL at the end */
	const struct output_column *headers;	/* {header, member's name} where it is not just the
						   name in capitals; for `table …`; or NULL */
	const char *quiet;			/* template for --quiet */
};

/* Prints them to standard output. */
int output_rows(const struct output *o, const struct output_opts *opts, struct json *const *rows,
		size_t n, struct err *e);
/* One value by a template or as "json"; format is not NULL. */
int output_value(const char *format, const struct json *v, struct err *e);
/* What `inspect` prints without --format: all values as one array, indented. */
void output_array(struct json *const *rows, size_t n);

/* The same on one line. */
void output_compact(struct json *const *rows, size_t n);

/* Rows, growing.  The values live in a. */
struct output_list { struct arena *a; struct json **v; size_t n, cap; };
#define OUTPUT_ARENA ((size_t)1 << 30)
void output_list_init(struct output_list *l);
void output_list_add(struct output_list *l, struct json *v);
void output_list_cleanup(struct output_list *l);	/* AUTO(output_list) */

/* Standard output is a terminal on which one can write anew. */
bool output_screen(void);
/* Bold and colours on standard output: a terminal, and NO_COLOR is not set. */
bool output_colour(void);

/* FILE becomes standard output; NULL: that stays what it is, and must be no terminal. */
int output_to_file(const char *path, struct err *e);

#endif
