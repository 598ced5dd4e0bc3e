/*
 * spec_read.c - config.json of the OCI runtime-spec → struct spec.
 *
 * Runs in: host.  Pure.
 *
 * Each object of the document is a table of rows; the parts are in spec_process.c,
 * spec_mount.c and spec_linux.c.  The JSON tree lives in an arena of its own, so the
 * spec's arena, which goes to the container side, holds nothing but the spec.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "runtime/spec_part.h"

#define LIST_MAX_CPU 8191u	/* NR_CPUS of the largest configuration */

/* ---- shared readers -------------------------------------------------------------------- */

int spec_fail(struct json_ctx *c, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_enter(c, key, 0);
	r = json_fail(c, "%s", text);
	json_leave(c);
	return r;
}

int spec_read_bound(struct json_ctx *c, const struct json *v, unsigned max)
{
	if (v->type != JSON_ARRAY)
		return json_fail(c, "must be an array");
	if (v->n > max)
		return json_fail(c, "has %u entries; the most is %u", v->n, max);
	return 0;
}

int spec_read_strs(struct json_ctx *c, const struct json *v, void *field)
{
	int r = spec_read_bound(c, v, SPEC_MAX_STRINGS);

	return r < 0 ? r : json_read_strs(c, v, field);
}

int spec_read_word(struct json_ctx *c, const struct json *v, const struct spec_word *table,
		   uint64_t *ret)
{
	AUTO(strbuf) struct strbuf words = STRBUF_INIT;
	const char *word = NULL;
	int r = json_read_str(c, v, &word);

	if (r < 0 || !spec_word_find(table, word, ret))
		return r;
	for (; table->word; table++)
		strbuf_addf(&words, "%s%s", words.len ? ", " : "", table->word);
	return json_fail(c, "\"%.100s\" is none of %s", word, words.s);
}

int spec_read_words(struct json_ctx *c, const struct json *v, const struct spec_word *table,
		    uint64_t *ret)
{
	long i = 0;
	int r = spec_read_bound(c, v, 64);

	for (const struct json *item = v->child; !r && item; item = item->next) {
		uint64_t value = 0;

		json_enter(c, NULL, i++);
		r = spec_read_word(c, item, table, &value);
		json_leave(c);
		*ret |= value;
	}
	return r;
}

/* Digits at *p → number, *p behind them. */
static bool list_number(const char **p, unsigned *ret)
{
	unsigned n = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		n = n * 10 + (unsigned)(**p - '0');
		if (n > LIST_MAX_CPU)
			return false;
	}
	*ret = n;
	return true;
}

static bool list_ok(const char *p)
{
	unsigned first, last;

	if (!*p)
		return true;
	for (;; p++) {
		if (!list_number(&p, &first))
			return false;
		last = first;
		if (*p == '-') {
			p++;
			if (!list_number(&p, &last))
				return false;
		}
		if (last < first)
			return false;
		if (*p != ',')
			return !*p;
	}
}

int spec_read_cpulist(struct json_ctx *c, const struct json *v, void *field)
{
	const char **list = field;
	int r = json_read_str(c, v, field);

	if (!r && !list_ok(*list))
		return json_fail(c, "\"%.100s\" is not a list like \"0-3,7\"", *list);
	return r;
}

/* ---- hooks ----------------------------------------------------------------------------- */

int spec_read_timeout(struct json_ctx *c, const struct json *v, void *field)
{
	int32_t *timeout = field;
	int r = json_read_i32(c, v, field);

	if (!r && *timeout <= 0)
		return json_fail(c, "must be greater than 0, not %d", *timeout);
	return r;
}

void spec_hook_complete(struct arena *a, struct spec_hook *h)
{
	if (!h->args || !h->args[0]) {
		h->args = arena_array(a, 2, sizeof(char *));
		h->args[0] = arena_strdup(a, h->path);
	}
	if (!h->env)
		h->env = arena_array(a, 1, sizeof(char *));
}

static int read_hook(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("path", struct spec_hook, path, json_read_str, true),
		SPEC_ROW("args", struct spec_hook, args, spec_read_strs, false),
		SPEC_ROW("env", struct spec_hook, env, spec_read_strs, false),
		SPEC_ROW("timeout", struct spec_hook, timeout, spec_read_timeout, false),
	};
	struct spec_hook *h = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (r < 0)
		return r;
	if (h->path[0] != '/')
		return spec_fail(c, "path", "must be absolute, not \"%.200s\"", h->path);
	spec_hook_complete(c->a, h);
	return 0;
}

static int read_hook_list(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_hooks *list = field;
	int r = spec_read_bound(c, v, SPEC_MAX_HOOKS);

	if (r < 0)
		return r;
	return json_read_array(c, v, sizeof(*list->v), read_hook, &list->v, &list->n);
}

/* clang-format off */
static const char *const hook_names[SPEC_HOOK_COUNT] = {
	[SPEC_HOOK_PRESTART]         = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME]   = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER]  = "startContainer",
	[SPEC_HOOK_POSTSTART]        = "poststart",
	[SPEC_HOOK_POSTSTOP]         = "poststop",
};
/* clang-format on */

const char *spec_hook_name(enum spec_hook_kind kind)
{
	return hook_names[kind];
}

bool spec_hooks_see_root(const struct spec *s)
{
	return s->hooks[SPEC_HOOK_PRESTART].n || s->hooks[SPEC_HOOK_CREATE_RUNTIME].n ||
	       s->hooks[SPEC_HOOK_CREATE_CONTAINER].n;
}

static int read_hooks(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_row rows[SPEC_HOOK_COUNT];

	for (size_t i = 0; i < SPEC_HOOK_COUNT; i++)
		rows[i] = (struct json_row){ hook_names[i], read_hook_list,
					     i * sizeof(struct spec_hooks), false };
	return json_read_rows(c, v, rows, SPEC_HOOK_COUNT, field);
}

/* ---- the document ---------------------------------------------------------------------- */

/* Majors are a promise of compatibility: 1.x is read, whatever x. */
static int read_version(struct json_ctx *c, const struct json *v, void *field)
{
	const char **version = field;
	int r = json_read_str(c, v, field);
	unsigned major, minor, patch;
	int end = 0;

	if (r < 0)
		return r;
	if (sscanf(*version, "%9u.%9u.%9u%n", &major, &minor, &patch, &end) != 3 ||
	    ((*version)[end] && !strchr("-+", (*version)[end])))
		return json_fail(c, "\"%.50s\" is not a version like \"%s\"", *version,
				 SPEC_VERSION);
	if (major != 1)
		return json_fail(c, "version %.50s is not supported; 1.0.0 to %s is", *version,
				 SPEC_VERSION);
	return 0;
}

static int read_root(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("path", struct spec, root_path, json_read_str, false),
		SPEC_ROW("readonly", struct spec, root_readonly, json_read_bool, false),
	};
	struct spec *s = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	/* Without a path the caller brings a root; container_create looks. */
	if (!r && s->root_path && !s->root_path[0])
		return spec_fail(c, "path", "must not be empty");
	return r;
}

static int read_process(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec *s = field;
	int r = spec_read_process_part(c, v, &s->process);

	s->has_process = !r;
	return r;
}

static int read_annotations(struct json_ctx *c, const struct json *v, void *field)
{
	const struct json_map *map = field;
	int r = json_read_map(c, v, field);

	for (size_t i = 0; !r && i < map->n; i++)
		if (!map->v[i].key[0])
			return json_fail(c, "a key must not be empty");
	return r;
}

static const struct json_row spec_rows[] = {
	SPEC_ROW("ociVersion", struct spec, version, read_version, true),
	SPEC_WHOLE("root", read_root, false),
	SPEC_WHOLE("process", read_process, false),
	SPEC_ROW("hostname", struct spec, hostname, json_read_str, false),
	SPEC_ROW("domainname", struct spec, domainname, json_read_str, false),
	SPEC_WHOLE("mounts", spec_read_mounts, false),
	SPEC_ROW("hooks", struct spec, hooks, read_hooks, false),
	SPEC_ROW("annotations", struct spec, annotations, read_annotations, false),
	SPEC_WHOLE("linux", spec_read_linux, false),
};

int spec_read(struct arena *a, const char *text, size_t n, struct spec **ret, struct err *e)
{
	AUTO(arena) struct arena *tree = arena_new(json_tree_bytes(n));
	struct json_ctx c = { .a = a, .e = e, .what = "config.json" };
	struct json_limits lim = { SPEC_MAX_BYTES, 64 };
	const struct json *v;
	struct spec *s;
	int r = json_parse(tree, text, n, lim, "config.json", &v, e);

	if (r < 0)
		return r;
	s = arena_alloc(a, sizeof(*s));
	s->arena = a;
	r = json_read_rows(&c, v, spec_rows, ARRAY_SIZE(spec_rows), s);
	if (r < 0)
		return r;
	if (!s->masked_paths)
		s->masked_paths = arena_array(a, 1, sizeof(char *));
	if (!s->readonly_paths)
		s->readonly_paths = arena_array(a, 1, sizeof(char *));
	*ret = s;
	return 0;
}
