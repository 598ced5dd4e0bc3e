/*
 * template.h - the part of Go's text/template that people use with --format, over JSON trees.
 *
 * Used by cli/ only.  template_parse is pure: text → a tree in the arena; template_run walks it
 * over a value (see value.h).  Both are bounded: bytes of the text, nesting, steps, bytes of
 * memory and output.  There are fields, variables, pipes, strings, numbers, if, else if, range,
 * with, break, continue, comments, {{- trim -}}, and the functions of template_func.c.  In the
 * text between actions \t and \n stand for a tab and a line feed, as in Docker's tables.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define TEMPLATE_MAX_BYTES (64u << 10)
#define TEMPLATE_ARENA ((size_t)64 << 20)	/* for template_run; address space */

struct template;

/* -EINVAL with the place ("template, column 7: …"). */
int template_parse(struct arena *a, const char *text, size_t n, const struct template **ret,
		   struct err *e);

enum template_flags {
	TEMPLATE_HEADER = 1,	/* a table's header: unknown members become their name in capitals,
				   functions give their first argument back */
};
/* Appends to out.  What is computed lies in a.  An unknown member of a value_object is an error
 * that lists those that there are. */
int template_run(const struct template *t, const struct json *dot, unsigned flags,
		 struct arena *a, struct strbuf *out, struct err *e);

#endif
