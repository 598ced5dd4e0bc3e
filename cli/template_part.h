/*
 * template_part.h - a parsed template, and what its walker and its functions share.
 *
 * Used by template.c (text → nodes), template_run.c (nodes → output) and template_func.c.
 */
#ifndef CLI_TEMPLATE_PART_H
#define CLI_TEMPLATE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define TEMPLATE_DEPTH 32	/* nested blocks, and nested parentheses */
#define TEMPLATE_ARGS 32	/* of one function */
#define TEMPLATE_VARS 64
#define TEMPLATE_STEPS 2000000
#define TEMPLATE_OUT (16u << 20)	/* bytes */
#define TEMPLATE_STRING (1u << 20)	/* bytes of one computed string */

enum template_arg_kind { ARG_DOT, ARG_VAR, ARG_VALUE, ARG_FUNC, ARG_PIPE };

struct template_pipe;
struct template_arg {		/* what it starts with, then members of it */
	enum template_arg_kind kind;
	const char *name;	/* of a variable ("$x") or function */
	const struct json *value;
	const struct template_pipe *pipe;
	char **fields;		/* NULL-terminated, or NULL */
	size_t nfields;
};

struct template_cmd {
	struct template_arg *args;
	size_t n;
	struct template_cmd *next;
};

struct template_pipe {
	const char *vars[2];	/* {{$k, $v := …}} */
	unsigned nvars;
	bool assign;		/* = and not := */
	struct template_cmd *cmds;
};

enum template_kind { NODE_TEXT, NODE_PIPE, NODE_IF, NODE_RANGE, NODE_WITH, NODE_BREAK,
		     NODE_CONTINUE };

struct template_node {
	enum template_kind kind;
	const char *text;
	size_t n;
	struct template_pipe *pipe;
	struct template_node *body, *other;	/* other: {{else}} */
	struct template_node *next;
};

struct template { struct template_node *nodes; };

struct template_var { const char *name; const struct json *v; };

struct template_walk {
	struct arena *a;
	struct strbuf *out;
	struct err *e;
	unsigned flags;
	size_t steps, out_start;
	unsigned nvars, depth;
	struct template_var vars[TEMPLATE_VARS];
};

/* ---- template_func.c ---- */

typedef int template_fn(struct template_walk *w, size_t n, const struct json *const *args,
			const struct json **ret);
struct template_func { const char *name; size_t min, max; template_fn *call; };
extern const struct template_func template_more_funcs[];	/* ended by name NULL */
const struct template_func *template_func_find(const char *name);
/* As Go prints it: [a b], map[k:v], <no value>.  -EFBIG when it gets too long. */
int template_print(struct template_walk *w, struct strbuf *b, const struct json *v);
bool template_true(const struct json *v);
int template_index(struct template_walk *w, const struct json *v, const struct json *key,
		   const struct json **ret);
/* The text as a value; -EFBIG when it is too long. */
int template_give(struct template_walk *w, const struct strbuf *b, const struct json **ret);
/* True when n more bytes fit into the walk's memory; else the error is set. */
bool template_room(struct template_walk *w, size_t n);
/* Members in the order of their keys; NULL at the end, NULL when there is no room. */
const struct json **template_sorted(struct template_walk *w, const struct json *v);

/* ---- template_lex.c ---- */

enum template_tok {
	TOK_END,		/* }} */
	TOK_FIELD,		/* .name (text without the dot) */
	TOK_DOT, TOK_VAR, TOK_WORD, TOK_STRING, TOK_NUMBER, TOK_OPEN, TOK_CLOSE, TOK_PIPE,
	TOK_COMMA, TOK_DECLARE, TOK_ASSIGN,
};

struct template_lex {
	struct arena *a;
	const char *s;
	size_t n, at;
	struct err *e;
	enum template_tok tok;	/* the current one */
	const char *text;	/* its text, in the arena */
	bool glued;		/* no white space before it */
	bool trim;		/* TOK_END was " -}}" */
};
int template_lex_next(struct template_lex *l);
int template_lex_fail(struct template_lex *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
