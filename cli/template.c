/* template.c - text → nodes.  See template.h. */
#include <errno.h>
#include <string.h>

#include "cli/template.h"
#include "cli/template_part.h"
#include "cli/value.h"

struct parser {
	struct template_lex l;
	unsigned depth, loops;
	bool trim_next;		/* the last action ended with -}} */
};

enum stop { STOP_EOF, STOP_END, STOP_ELSE };

static int parse_list(struct parser *p, struct template_node **ret, enum stop *ret_stop);
static int parse_pipe(struct parser *p, enum template_tok until, struct template_pipe **ret);

static bool is_word(const struct parser *p, const char *word)
{
	return p->l.tok == TOK_WORD && str_eq(p->l.text, word);
}

/* ---- operands, commands, pipes ---- */

static bool is_keyword(const char *word)
{
	static const char *const words[] = { "if", "else", "end", "range", "with", "break",
					     "continue", "define", "template", "block" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(word, words[i]))
			return true;
	return false;
}

static int operand_word(struct parser *p, struct template_arg *arg)
{
	const char *word = p->l.text;

	arg->kind = ARG_VALUE;
	if (str_eq(word, "true") || str_eq(word, "false")) {
		arg->value = value_bool(p->l.a, word[0] == 't');
		return 0;
	}
	if (str_eq(word, "nil")) {
		arg->value = value_null(p->l.a);
		return 0;
	}
	if (is_keyword(word))
		return template_lex_fail(&p->l, "unexpected {{%s}}", word);
	if (!template_func_find(word))
		return template_lex_fail(&p->l, "no such function: %.60s", word);
	arg->kind = ARG_FUNC;
	arg->name = word;
	return 0;
}

/* The first part of an operand; the current token is its last one. */
static int operand_start(struct parser *p, struct template_arg *arg)
{
	struct json *v;

	switch (p->l.tok) {
	case TOK_DOT:
	case TOK_FIELD:
		arg->kind = ARG_DOT;
		return 0;
	case TOK_VAR:
		arg->kind = ARG_VAR;
		arg->name = p->l.text;
		return 0;
	case TOK_STRING:
		arg->kind = ARG_VALUE;
		arg->value = value_str(p->l.a, p->l.text);
		return 0;
	case TOK_NUMBER:
		arg->kind = ARG_VALUE;
		v = value_str(p->l.a, p->l.text);
		v->type = JSON_NUMBER;
		arg->value = v;
		return 0;
	case TOK_WORD:
		return operand_word(p, arg);
	case TOK_OPEN: {
		struct template_pipe *pipe;
		int r = template_lex_next(&p->l);

		if (r < 0 || (r = parse_pipe(p, TOK_CLOSE, &pipe)) < 0)
			return r;
		arg->kind = ARG_PIPE;
		arg->pipe = pipe;
		return 0;
	}
	default:
		return template_lex_fail(&p->l, "a value is missing");
	}
}

/* .a.b behind whatever stands there, without white space between. */
static int operand_fields(struct parser *p, struct template_arg *arg)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	int r;

	if (p->l.tok == TOK_FIELD)
		strlist_add(&l, p->l.text);
	for (;;) {
		r = template_lex_next(&p->l);
		if (r < 0)
			return r;
		if (p->l.tok != TOK_FIELD || !p->l.glued)
			break;
		if (arg->kind == ARG_VALUE || arg->kind == ARG_FUNC)
			return template_lex_fail(&p->l,
						 "only fields, variables and (…) have members");
		strlist_add(&l, p->l.text);
	}
	arg->nfields = l.n;
	arg->fields = l.n ? arena_strv(p->l.a, l.v) : NULL;
	return 0;
}

static int parse_command(struct parser *p, struct template_cmd **ret)
{
	struct template_cmd *c = arena_alloc(p->l.a, sizeof(*c));
	struct template_arg args[TEMPLATE_ARGS];
	int r;

	while (p->l.tok != TOK_PIPE && p->l.tok != TOK_END && p->l.tok != TOK_CLOSE) {
		if (c->n == TEMPLATE_ARGS)
			return template_lex_fail(&p->l, "more than %d arguments", TEMPLATE_ARGS);
		args[c->n] = (struct template_arg){ .kind = ARG_DOT };
		if ((r = operand_start(p, &args[c->n])) < 0 ||
		    (r = operand_fields(p, &args[c->n])) < 0)
			return r;
		c->n++;
	}
	if (c->n == 0)
		return template_lex_fail(&p->l, "a value is missing");
	c->args = arena_array(p->l.a, c->n, sizeof(*c->args));
	memcpy(c->args, args, c->n * sizeof(*c->args));
	*ret = c;
	return 0;
}

/* Looks ahead for "$x :=", "$x =", "$k, $v :=". */
static int parse_vars(struct parser *p, struct template_pipe *pipe)
{
	struct template_lex before = p->l;
	int r;

	while (p->l.tok == TOK_VAR && pipe->nvars < 2) {
		pipe->vars[pipe->nvars++] = p->l.text;
		if ((r = template_lex_next(&p->l)) < 0)
			return r;
		if (p->l.tok == TOK_DECLARE || p->l.tok == TOK_ASSIGN) {
			pipe->assign = p->l.tok == TOK_ASSIGN;
			return template_lex_next(&p->l);
		}
		if (p->l.tok != TOK_COMMA)
			break;
		if ((r = template_lex_next(&p->l)) < 0)
			return r;
	}
	p->l = before;
	pipe->nvars = 0;
	return 0;
}

/* Ends with the current token `until`. */
static int parse_pipe(struct parser *p, enum template_tok until, struct template_pipe **ret)
{
	struct template_pipe *pipe = arena_alloc(p->l.a, sizeof(*pipe));
	struct template_cmd **tail = &pipe->cmds;
	int r;

	if (++p->depth > TEMPLATE_DEPTH)
		return template_lex_fail(&p->l, "nested too deep");
	if ((r = parse_vars(p, pipe)) < 0)
		return r;
	for (;;) {
		if ((r = parse_command(p, tail)) < 0)
			return r;
		tail = &(*tail)->next;
		if (p->l.tok != TOK_PIPE)
			break;
		if ((r = template_lex_next(&p->l)) < 0)
			return r;
	}
	if (p->l.tok != until)
		return template_lex_fail(&p->l,
					 until == TOK_CLOSE ? ") is missing" : "unexpected )");
	p->depth--;
	*ret = pipe;
	return 0;
}

/* ---- nodes ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct template_node *text_node(struct parser *p, const char *s, size_t n)
{
	struct template_node *node = arena_alloc(p->l.a, sizeof(*node));
	char *out = arena_alloc(p->l.a, n + 1);

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n && (s[i + 1] == 't' || s[i + 1] == 'n'))
			out[node->n++] = s[++i] == 't' ? '\t' : '\n';
		else
			out[node->n++] = s[i];
	}
	node->kind = NODE_TEXT;
	node->text = out;
	return node;
}

/* The text up to the next action; *ret is NULL when there is none.  Then the lexer stands behind
 * "{{", or at the end. */
static int parse_text(struct parser *p, struct template_node **ret)
{
	const char *s = p->l.s + p->l.at;
	size_t n = p->l.n - p->l.at, len;
	const char *open = n ? memmem(s, n, "{{", 2) : NULL;

	*ret = NULL;
	len = open ? (size_t)(open - s) : n;
	p->l.at += len + (open ? 2 : 0);
	while (p->trim_next && len > 0 && is_space(*s))
		s++, len--;
	p->trim_next = false;
	if (open && p->l.at + 1 < p->l.n && p->l.s[p->l.at] == '-' &&
	    is_space(p->l.s[p->l.at + 1])) {
		p->l.at++;
		while (len > 0 && is_space(s[len - 1]))
			len--;
	}
	if (len > 0)
		*ret = text_node(p, s, len);
	return open ? 1 : 0;
}

/* A comment, when there is one; 1: it was. */
static int skip_comment(struct parser *p)
{
	struct template_lex *l = &p->l;
	size_t at = l->at;
	const char *end;

	while (at < l->n && is_space(l->s[at]))
		at++;
	if (l->n - at < 2 || memcmp(l->s + at, "/*", 2) != 0)
		return 0;
	end = memmem(l->s + at, l->n - at, "*/", 2);
	if (!end)
		return template_lex_fail(l, "the comment does not end");
	l->at = (size_t)(end - l->s) + 2;
	if (template_lex_next(l) < 0)
		return -EINVAL;
	if (l->tok != TOK_END)
		return template_lex_fail(l, "}} is missing behind the comment");
	p->trim_next = l->trim;
	return 1;
}

static int end_action(struct parser *p)
{
	if (p->l.tok != TOK_END)
		return template_lex_fail(&p->l, "}} is missing");
	p->trim_next = p->l.trim;
	return 0;
}

/* if, range, with: the current token is the word. */
static int parse_block(struct parser *p, struct template_node *node)
{
	bool loop = is_word(p, "range");
	enum stop stop;
	int r;

	node->kind = loop ? NODE_RANGE : is_word(p, "if") ? NODE_IF : NODE_WITH;
	if (++p->depth > TEMPLATE_DEPTH)
		return template_lex_fail(&p->l, "nested too deep");
	if ((r = template_lex_next(&p->l)) < 0 || (r = parse_pipe(p, TOK_END, &node->pipe)) < 0 ||
	    (r = end_action(p)) < 0)
		return r;
	if (node->pipe->nvars == 2 && !loop)
		return template_lex_fail(&p->l, "two variables are for range only");
	p->loops += loop;
	if ((r = parse_list(p, &node->body, &stop)) < 0)
		return r;
	p->loops -= loop;
	if (stop == STOP_ELSE && (is_word(p, "if") || is_word(p, "with"))) {
		node->other = arena_alloc(p->l.a, sizeof(*node->other));
		r = parse_block(p, node->other);	/* its {{end}} is ours too */
		p->depth--;
		return r;
	}
	if (stop == STOP_ELSE &&
	    ((r = end_action(p)) < 0 || (r = parse_list(p, &node->other, &stop)) < 0))
		return r;
	if (stop == STOP_ELSE)
		return template_lex_fail(&p->l, "a second {{else}}");
	if (stop == STOP_EOF)
		return template_lex_fail(&p->l, "{{end}} is missing");
	p->depth--;
	return 0;
}

/* What is between {{ and }}; 1: a word that ends the list (in *ret_stop). */
static int parse_action(struct parser *p, struct template_node **ret, enum stop *ret_stop)
{
	struct template_node *node = arena_alloc(p->l.a, sizeof(*node));
	int r = template_lex_next(&p->l);

	if (r < 0)
		return r;
	*ret = node;
	if (is_word(p, "end") || is_word(p, "else")) {
		*ret_stop = is_word(p, "end") ? STOP_END : STOP_ELSE;
		r = template_lex_next(&p->l);
		if (r == 0 && *ret_stop == STOP_END)
			r = end_action(p);
		return r < 0 ? r : 1;
	}
	if (is_word(p, "if") || is_word(p, "range") || is_word(p, "with"))
		return parse_block(p, node);
	if (is_word(p, "break") || is_word(p, "continue")) {
		if (!p->loops)
			return template_lex_fail(&p->l, "{{%s}} outside of range", p->l.text);
		node->kind = is_word(p, "break") ? NODE_BREAK : NODE_CONTINUE;
		r = template_lex_next(&p->l);
		return r < 0 ? r : end_action(p);
	}
	node->kind = NODE_PIPE;
	r = parse_pipe(p, TOK_END, &node->pipe);
	return r < 0 ? r : end_action(p);
}

static int parse_list(struct parser *p, struct template_node **ret, enum stop *ret_stop)
{
	struct template_node **tail = ret;
	int r, more;

	*ret_stop = STOP_EOF;
	do {
		more = parse_text(p, tail);
		if (*tail)
			tail = &(*tail)->next;
		if (!more)
			return 0;
		r = skip_comment(p);
		if (r < 0)
			return r;
		if (r == 1)
			continue;
		struct template_node *node;

		r = parse_action(p, &node, ret_stop);
		if (r == 1)
			return 0;
		if (r < 0)
			return r;
		*tail = node;
		tail = &node->next;
	} while (more);
	return 0;
}

int template_parse(struct arena *a, const char *text, size_t n, const struct template **ret,
		   struct err *e)
{
	struct parser p = { .l = { .a = a, .s = text, .n = n, .e = e } };
	struct template *t;
	enum stop stop;
	int r;

	if (n > TEMPLATE_MAX_BYTES)
		return err_say(e, EFBIG, "template: longer than %u bytes", TEMPLATE_MAX_BYTES);
	if (a->max - a->used < (size_t)n * 512 + (1u << 20))
		return err_say(e, EFBIG, "template: too large");
	t = arena_alloc(a, sizeof(*t));
	r = parse_list(&p, &t->nodes, &stop);
	if (r < 0)
		return r;
	if (stop != STOP_EOF)
		return template_lex_fail(&p.l, "unexpected {{%s}}",
					 stop == STOP_END ? "end" : "else");
	*ret = t;
	return 0;
}
