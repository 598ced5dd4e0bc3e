/* template_run.c - nodes → output.  See template.h. */
#include <errno.h>
#include <string.h>

#include "cli/template.h"
#include "cli/template_part.h"
#include "cli/value.h"

enum { FLOW_BREAK = 1, FLOW_CONTINUE = 2 };

static int eval_pipe(struct template_walk *w, const struct template_pipe *p,
		     const struct json *dot, const struct json **ret);

bool template_room(struct template_walk *w, size_t n)
{
	if (w->a->max - w->a->used > n + 4096)
		return true;
	err_say(w->e, EFBIG, "template: it needs too much memory");
	return false;
}

static int step(struct template_walk *w)
{
	if (++w->steps > TEMPLATE_STEPS)
		return err_say(w->e, EFBIG, "template: it takes too long");
	if (w->out->len - w->out_start > TEMPLATE_OUT)
		return err_say(w->e, EFBIG, "template: more than %u bytes of output", TEMPLATE_OUT);
	return template_room(w, 0) ? 0 : -EFBIG;
}

/* ---- members ---- */

/* "ExitCode" → "EXIT CODE", "ID" → "ID" */
static const struct json *header_of(struct template_walk *w, const char *name)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (const char *c = name; *c; c++) {
		bool upper = *c >= 'A' && *c <= 'Z';
		bool lower = c > name && c[-1] >= 'a' && c[-1] <= 'z';

		if (upper && lower)
			strbuf_addc(&b, ' ');
		strbuf_addc(&b, *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c);
	}
	return value_str(w->a, b.s);
}

static int unknown_field(struct template_walk *w, const struct json *v, const char *name)
{
	AUTO(strbuf) struct strbuf known = STRBUF_INIT;

	if (v->type != JSON_OBJECT)
		return err_say(w->e, EINVAL,
			       "template: .%s: the value before it has no members (it is %s)", name,
			       v->type == JSON_NULL ? "empty" :
			       v->type == JSON_ARRAY ? "a list; use index or range" : "plain");
	for (const struct json *m = v->child; m && known.len < 1000; m = m->next)
		if (!value_is_method(m))
			strbuf_addf(&known, "%s.%s", known.len ? ", " : "", m->key);
	return err_say(w->e, EINVAL, "template: there is no .%s here; there are %s", name,
		       known.len ? known.s : "none");
}

/* Docker and podman differ in capitals (.Id, .ID): any will do when there is no exact one. */
static const struct json *member(const struct json *v, const char *name)
{
	const struct json *m = json_get(v, name);

	if (m || v->type != JSON_OBJECT || v->b)
		return m;
	for (m = v->child; m; m = m->next)
		if (strcasecmp(m->key, name) == 0)
			return m;
	return NULL;
}

static int get_fields(struct template_walk *w, const struct template_arg *arg,
		      const struct json *v, const struct json **ret)
{
	for (size_t i = 0; i < arg->nfields; i++) {
		const struct json *m = member(v, arg->fields[i]);

		if (!m && (w->flags & TEMPLATE_HEADER))
			m = header_of(w, arg->fields[i]);
		else if (!m && value_is_map(v))
			m = value_null(w->a);
		else if (!m)
			return unknown_field(w, v, arg->fields[i]);
		v = m;
	}
	*ret = v;
	return 0;
}

/* ---- operands, calls, pipes ---- */

static struct template_var *find_var(struct template_walk *w, const char *name)
{
	for (unsigned i = w->nvars; i-- > 0;)
		if (str_eq(w->vars[i].name, name))
			return &w->vars[i];
	return NULL;
}

static int push_var(struct template_walk *w, const char *name, const struct json *v)
{
	if (w->nvars == TEMPLATE_VARS)
		return err_say(w->e, EFBIG, "template: more than %d variables", TEMPLATE_VARS);
	w->vars[w->nvars++] = (struct template_var){ name, v };
	return 0;
}

static int set_var(struct template_walk *w, const struct template_pipe *p, const char *name,
		   const struct json *v)
{
	struct template_var *old = p->assign ? find_var(w, name) : NULL;

	if (p->assign && !old)
		return err_say(w->e, EINVAL, "template: no such variable: %s", name);
	if (!old)
		return push_var(w, name, v);
	old->v = v;
	return 0;
}

static int eval_start(struct template_walk *w, const struct template_arg *arg,
		      const struct json *dot, const struct json **ret)
{
	const struct template_var *var;
	const struct json *none = NULL;

	switch (arg->kind) {
	case ARG_VAR:
		var = find_var(w, arg->name);
		if (!var)
			return err_say(w->e, EINVAL, "template: no such variable: %s", arg->name);
		*ret = var->v;
		return 0;
	case ARG_VALUE:
		*ret = arg->value;
		return 0;
	case ARG_PIPE:
		return eval_pipe(w, arg->pipe, dot, ret);
	case ARG_FUNC: {
		const struct template_func *f = template_func_find(arg->name);

		if (f->min > 0)
			return err_say(w->e, EINVAL, "template: %s wants arguments; put it in ( )",
				       arg->name);
		return f->call(w, 0, &none, ret);
	}
	case ARG_DOT:
		break;
	}
	*ret = dot;
	return 0;
}

static int eval_arg(struct template_walk *w, const struct template_arg *arg,
		    const struct json *dot, const struct json **ret)
{
	const struct json *v;
	int r = step(w);

	if (r == 0)
		r = eval_start(w, arg, dot, &v);
	return r < 0 ? r : get_fields(w, arg, v, ret);
}

/* and, or: the first argument that decides, the others are not looked at. */
static int short_circuit(struct template_walk *w, const struct template_cmd *c,
			 const struct json *dot, const struct json *last, const struct json **ret)
{
	bool stop_at = c->args[0].name[0] == 'o';
	const struct json *v = last;

	for (size_t i = 1; i < c->n; i++) {
		int r = eval_arg(w, &c->args[i], dot, &v);

		if (r < 0)
			return r;
		if (template_true(v) == stop_at) {
			*ret = v;
			return 0;
		}
	}
	if (!v)
		return err_say(w->e, EINVAL, "template: %s wants arguments", c->args[0].name);
	*ret = last ? last : v;
	return 0;
}

static int call(struct template_walk *w, const struct template_cmd *c, const struct json *dot,
		const struct json *last, const struct json **ret)
{
	const struct template_func *f = template_func_find(c->args[0].name);
	const struct json *args[TEMPLATE_ARGS + 1];
	size_t n = 0;

	if (str_eq(f->name, "and") || str_eq(f->name, "or"))
		return short_circuit(w, c, dot, last, ret);
	for (size_t i = 1; i < c->n; i++, n++) {
		int r = eval_arg(w, &c->args[i], dot, &args[n]);

		if (r < 0)
			return r;
	}
	if (last)
		args[n++] = last;
	if (n < f->min || n > f->max)
		return err_say(w->e, EINVAL, "template: %s: wrong number of arguments (%zu)",
			       f->name, n);
	if ((w->flags & TEMPLATE_HEADER) && n > 0) {
		size_t i = str_eq(f->name, "printf") && n > 1;

		*ret = args[i]->type == JSON_STRING ? args[i] : args[n - 1];
		return 0;
	}
	return f->call(w, n, args, ret);
}

static int eval_cmd(struct template_walk *w, const struct template_cmd *c, const struct json *dot,
		    const struct json *last, const struct json **ret)
{
	const struct json *v, *key;
	int r;

	if (c->args[0].kind == ARG_FUNC)
		return call(w, c, dot, last, ret);
	r = eval_arg(w, &c->args[0], dot, &v);
	if (r < 0)
		return r;
	if (c->n == 1 && !last) {
		*ret = v;
		return 0;
	}
	/* {{.Label "name"}}: the one method that Docker's rows have */
	if (c->n == 2 && !last && value_is_method(v)) {
		r = eval_arg(w, &c->args[1], dot, &key);
		return r < 0 ? r : template_index(w, v, key, ret);
	}
	if (c->n == 2 && (w->flags & TEMPLATE_HEADER))
		return eval_arg(w, &c->args[1], dot, ret);
	return err_say(w->e, EINVAL, "template: only functions take arguments");
}

static int eval_pipe(struct template_walk *w, const struct template_pipe *p,
		     const struct json *dot, const struct json **ret)
{
	const struct json *v = NULL;

	for (const struct template_cmd *c = p->cmds; c; c = c->next) {
		int r = step(w);

		if (r == 0)
			r = eval_cmd(w, c, dot, v, &v);
		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

/* ---- nodes ---- */

static int exec_list(struct template_walk *w, const struct template_node *n,
		     const struct json *dot);

static int exec_body(struct template_walk *w, const struct template_node *n,
		     const struct template_pipe *p, const struct json *key, const struct json *item)
{
	unsigned vars = w->nvars;
	int r = 0;

	if (p->nvars == 2)
		r = set_var(w, p, p->vars[0], key);
	if (r == 0 && p->nvars > 0)
		r = set_var(w, p, p->vars[p->nvars - 1], item);
	if (r == 0)
		r = exec_list(w, n->body, item);
	w->nvars = vars;
	return r;
}

static int exec_items(struct template_walk *w, const struct template_node *n,
		      const struct json *v)
{
	const struct json **sorted = v->type == JSON_OBJECT ? template_sorted(w, v) : NULL;
	const struct json *m = v->child;
	int64_t i = 0;

	if (v->type == JSON_OBJECT && !sorted)
		return -EFBIG;
	for (; sorted ? !!sorted[i] : !!m; i++) {
		const struct json *item = sorted ? sorted[i] : m, *key;
		int r = step(w);

		if (r < 0)
			return r;
		key = sorted ? value_str(w->a, item->key) : value_i64(w->a, i);
		r = exec_body(w, n, n->pipe, key, item);
		if (r < 0)
			return r;
		if (r == FLOW_BREAK)
			break;
		if (!sorted)
			m = m->next;
	}
	return 0;
}

static int exec_range(struct template_walk *w, const struct template_node *n,
		      const struct json *dot)
{
	const struct json *v;
	int64_t count;
	int r = eval_pipe(w, n->pipe, dot, &v);

	if (r < 0)
		return r;
	if (w->flags & TEMPLATE_HEADER)
		return exec_body(w, n, n->pipe, v, v);
	if (!template_true(v))
		return exec_list(w, n->other, dot);
	if (v->type == JSON_ARRAY || v->type == JSON_OBJECT)
		return exec_items(w, n, v);
	if (v->type != JSON_NUMBER || str_to_i64(v->s, &count) < 0)
		return err_say(w->e, EINVAL, "template: range over what is no list");
	for (int64_t i = 0; i < count; i++) {
		const struct json *item;

		if ((r = step(w)) < 0)
			return r;
		item = value_i64(w->a, i);
		r = exec_body(w, n, n->pipe, item, item);
		if (r < 0)
			return r;
		if (r == FLOW_BREAK)
			break;
	}
	return 0;
}

static int exec_if(struct template_walk *w, const struct template_node *n, const struct json *dot)
{
	unsigned vars = w->nvars;
	const struct json *v;
	int r = eval_pipe(w, n->pipe, dot, &v);

	if (r == 0 && n->pipe->nvars == 1)
		r = set_var(w, n->pipe, n->pipe->vars[0], v);
	if (r < 0)
		return r;
	if (template_true(v))
		r = exec_list(w, n->body, n->kind == NODE_WITH ? v : dot);
	else
		r = exec_list(w, n->other, dot);
	w->nvars = vars;
	return r;
}

static int exec_pipe(struct template_walk *w, const struct template_node *n,
		     const struct json *dot)
{
	const struct json *v;
	int r = eval_pipe(w, n->pipe, dot, &v);

	if (r < 0)
		return r;
	if (n->pipe->nvars > 1)
		return err_say(w->e, EINVAL, "template: two variables are for range only");
	if (n->pipe->nvars == 1)
		return set_var(w, n->pipe, n->pipe->vars[0], v);
	return template_print(w, w->out, v);
}

static int exec_node(struct template_walk *w, const struct template_node *n,
		     const struct json *dot)
{
	switch (n->kind) {
	case NODE_TEXT:
		strbuf_add(w->out, n->text, n->n);
		return 0;
	case NODE_PIPE:
		return exec_pipe(w, n, dot);
	case NODE_IF:
	case NODE_WITH:
		return exec_if(w, n, dot);
	case NODE_RANGE:
		return exec_range(w, n, dot);
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	}
	return 0;
}

/* Calls itself as deep as the parser allowed blocks to nest. */
static int exec_list(struct template_walk *w, const struct template_node *n,
		     const struct json *dot)
{
	unsigned vars = w->nvars;
	int r = 0;

	for (; n && r == 0; n = n->next) {
		r = step(w);
		if (r == 0)
			r = exec_node(w, n, dot);
	}
	w->nvars = vars;
	return r;
}

int template_run(const struct template *t, const struct json *dot, unsigned flags,
		 struct arena *a, struct strbuf *out, struct err *e)
{
	struct template_walk w = { .a = a, .out = out, .e = e, .flags = flags,
				   .out_start = out->len };
	int r;

	w.vars[w.nvars++] = (struct template_var){ "$", dot };
	r = exec_list(&w, t->nodes, dot);
	return r < 0 ? r : 0;
}
