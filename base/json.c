/* json.c - see json.h: bytes to a tree.  Readers are in jsonread.c, output in jsonout.c. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define FEW_KEYS 16

struct frame {
	struct json *v;		/* the open array or object */
	struct json **tail;	/* where its next child goes */
};

struct parse {
	struct arena *a;
	struct json_limits lim;
	const char *what;
	struct json *root;
	const char *key;	/* read, its value is next */
	struct frame *stack;	/* lim.depth of them */
	unsigned depth;
	struct err *e;
	int r;			/* set when a callback stopped the parser */
};

static int stop(struct parse *p, int r)
{
	p->r = r;
	return 0;	/* cancels yajl */
}

/* An arena that is full would end the process; here it is an input that is too large. */
static bool room(struct parse *p, size_t n)
{
	if (n < p->a->max - p->a->used - 64)
		return true;
	stop(p, err_say(p->e, EFBIG, "%s: too large", p->what));
	return false;
}

static struct json *add(struct parse *p, enum json_type type)
{
	struct json *v;

	if (p->a->max - p->a->used < 128 || !room(p, sizeof(*v)))
		return NULL;
	v = arena_alloc(p->a, sizeof(*v));
	v->type = type;
	v->key = TAKE(p->key);
	if (p->depth == 0) {
		p->root = v;
	} else {
		struct frame *f = &p->stack[p->depth - 1];

		*f->tail = v;
		f->tail = &v->next;
		f->v->n++;
	}
	return v;
}

static const char *text_of(struct parse *p, const char *s, size_t n)
{
	char *copy;

	if (p->a->max - p->a->used < 128 || !room(p, n + 1))
		return NULL;
	copy = arena_alloc(p->a, n + 1);
	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

static int on_null(void *ctx)
{
	return add(ctx, JSON_NULL) != NULL;
}

static int on_bool(void *ctx, int b)
{
	struct json *v = add(ctx, JSON_BOOL);

	if (v)
		v->b = b;
	return v != NULL;
}

static int on_scalar(struct parse *p, enum json_type type, const char *s, size_t n)
{
	struct json *v = add(p, type);

	if (!v)
		return 0;
	v->s = text_of(p, s, n);
	v->n = type == JSON_STRING ? (uint32_t)n : 0;
	return v->s != NULL;
}

static int on_number(void *ctx, const char *s, size_t n)
{
	return on_scalar(ctx, JSON_NUMBER, s, n);
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
	return on_scalar(ctx, JSON_STRING, (const char *)s, n);
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	struct parse *p = ctx;

	if (memchr(s, '\0', n))
		return stop(p, err_say(p->e, EINVAL, "%s: a key holds a NUL byte", p->what));
	p->key = text_of(p, (const char *)s, n);
	return p->key != NULL;
}

static int on_open(struct parse *p, enum json_type type)
{
	struct json *v;

	if (p->depth == p->lim.depth)
		return stop(p, err_say(p->e, EINVAL, "%s: nested deeper than %u levels", p->what,
				       p->lim.depth));
	v = add(p, type);
	if (!v)
		return 0;
	p->stack[p->depth++] = (struct frame){ v, &v->child };
	return 1;
}

static int on_open_map(void *ctx)
{
	return on_open(ctx, JSON_OBJECT);
}

static int on_open_array(void *ctx)
{
	return on_open(ctx, JSON_ARRAY);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that is there twice, or NULL. */
static const char *twice(const struct json *obj)
{
	AUTO_FREE const char **keys = NULL;
	size_t n = 0;

	if (obj->n <= FEW_KEYS) {
		for (const struct json *v = obj->child; v; v = v->next)
			for (const struct json *w = v->next; w; w = w->next)
				if (str_eq(v->key, w->key))
					return v->key;
		return NULL;
	}
	keys = mem_array(obj->n, sizeof(*keys));
	for (const struct json *v = obj->child; v; v = v->next)
		keys[n++] = v->key;
	qsort(keys, n, sizeof(*keys), compare);
	for (size_t i = 1; i < n; i++)
		if (str_eq(keys[i - 1], keys[i]))
			return keys[i];
	return NULL;
}

static int on_close_map(void *ctx)
{
	struct parse *p = ctx;
	const char *key = twice(p->stack[--p->depth].v);
	char shown[128];

	if (!key)
		return 1;
	return stop(p, err_say(p->e, EINVAL, "%s: the key \"%s\" is there twice in one object",
			       p->what, str_printable(key, strlen(key), shown, sizeof(shown))));
}

static int on_close_array(void *ctx)
{
	struct parse *p = ctx;

	p->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_open_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close_map,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close_array,
};

/* yajl does not look after what malloc returned. */
static void *take(void *ctx, size_t n)
{
	(void)ctx;
	return mem_resize(NULL, n, 1);
}

static void *retake(void *ctx, void *p, size_t n)
{
	(void)ctx;
	return mem_resize(p, n, 1);
}

static void drop(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static void handle_cleanup(yajl_handle *h)
{
	if (*h)
		yajl_free(*h);
}

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		const char *d = "0123456789abcdef";
		const char *at = strchr(d, s[i] >= 'A' && s[i] <= 'F' ? s[i] + 32 : s[i]);

		if (!s[i] || !at)
			return -1;
		v = v * 16 + (int)(at - d);
	}
	return v;
}

/* What yajl lets through: overlong forms and surrogates in UTF-8, and \u escapes of half a
 * surrogate pair, which it turns into something else.  A backslash stands only in strings. */
static int check_text(const char *s, size_t n, const char *what, struct err *e)
{
	size_t i = 0;

	while (i < n) {
		uint32_t c;
		size_t k;
		int u;

		if ((unsigned char)s[i] < 0x80 && s[i] != '\\') {	/* nearly all */
			i++;
			continue;
		}
		k = str_utf8(s + i, n - i, &c);
		if (k == 0)
			return err_say(e, EINVAL, "%s: invalid UTF-8 at byte %zu", what, i);
		if (c != '\\' || n - i < 2) {
			i += k;
			continue;
		}
		u = s[i + 1] == 'u' && n - i >= 6 ? hex4(s + i + 2) : -1;
		if (u >= 0xd800 && u < 0xdc00 && n - i >= 12 && s[i + 6] == '\\' &&
		    s[i + 7] == 'u') {
			int low = hex4(s + i + 8);

			if (low >= 0xdc00 && low < 0xe000) {
				i += 12;
				continue;
			}
		}
		if (u >= 0xd800 && u < 0xe000)
			return err_say(e, EINVAL, "%s: half a surrogate pair at byte %zu", what, i);
		/* What is behind the backslash may be the first byte of a character. */
		i += (unsigned char)s[i + 1] < 0x80 ? 2 : 1;
	}
	return 0;
}

/* yajl's text has a kind in front and a newline behind: "parse error: premature EOF\n". */
static int yajl_says(yajl_handle h, const struct parse *p, size_t at)
{
	unsigned char *text = yajl_get_error(h, 0, NULL, 0);
	char *s = (char *)text, *colon;
	int r;

	colon = strstr(s, ": ");
	if (colon)
		s = colon + 2;
	s[strcspn(s, "\n")] = '\0';
	if (*s && s[strlen(s) - 1] == '.')
		s[strlen(s) - 1] = '\0';
	if (str_eq(s, "premature EOF"))
		r = err_say(p->e, EINVAL, "%s: not valid JSON: it ends too early", p->what);
	else
		r = err_say(p->e, EINVAL, "%s: not valid JSON at byte %zu: %s", p->what, at, s);
	yajl_free_error(h, text);
	return r;
}

int json_parse(struct arena *a, const char *text, size_t n, struct json_limits lim,
	       const char *what, const struct json **ret, struct err *e)
{
	struct parse p = { .a = a, .lim = lim, .what = what, .e = e };
	yajl_alloc_funcs funcs = { take, retake, drop, NULL };
	__attribute__((cleanup(handle_cleanup))) yajl_handle h = NULL;
	AUTO_FREE struct frame *stack = NULL;
	yajl_status st;
	size_t at;
	int r;

	if (n > lim.bytes || n > UINT32_MAX / 2)
		return err_say(e, EFBIG, "%s: larger than %zu bytes", what, lim.bytes);
	r = check_text(text, n, what, e);
	if (r < 0)
		return r;
	p.stack = stack = mem_array(lim.depth, sizeof(*stack));
	h = yajl_alloc(&callbacks, &funcs, &p);
	st = yajl_parse(h, (const unsigned char *)text, n);
	at = yajl_get_bytes_consumed(h);
	if (st == yajl_status_ok)
		st = yajl_complete_parse(h);	/* counts anew */
	if (st == yajl_status_client_canceled)
		return p.r < 0 ? p.r : err_say(e, EFBIG, "%s: too large", what);
	if (st != yajl_status_ok)
		return yajl_says(h, &p, at);
	if (!p.root || p.depth != 0)
		return err_say(e, EINVAL, "%s: not valid JSON: it ends too early", what);
	*ret = p.root;
	return 0;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	for (const struct json *v = obj->child; v; v = v->next)
		if (str_eq(v->key, key))
			return v;
	return NULL;
}

const char *json_str(const struct json *v)
{
	return v && v->type == JSON_STRING && strlen(v->s) == v->n ? v->s : NULL;
}
