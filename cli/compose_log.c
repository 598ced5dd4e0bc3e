/*
 * compose_log.c - --log-driver and --log-opt: where a container's output goes, and what goes with
 * each line of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/pairs.h"
#include "cli/run_opts.h"
#include "cli/template.h"
#include "cli/value.h"
#include "runtime/log_place.h"

#define BUFFER_DEFAULT (1u << 20)	/* Docker's */
#define BUFFER_MOST (1u << 30)

/* Drivers, as bits. */
enum { K8S = 1, JSON = 2, JOURNAL = 4, NONE = 8, PASS = 16, FILES = K8S | JSON };

static const struct { const char *name; unsigned bit; } drivers[] = {
	{ "k8s-file", K8S }, { "json-file", JSON }, { "journald", JOURNAL }, { "none", NONE },
	{ "passthrough", PASS }, { "local", K8S },
};

/* Docker's template: {{.Name}}, {{.ID}} and the like. */
static int take_tag(struct compose *c, const char *text, struct err *e)
{
	const char *image = c->r->image_id;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json *v = value_object(c->a);
	const struct template *t;
	int r;

	value_put(v, "ID", value_strn(c->a, c->r->id, 12));
	value_put_str(c->a, v, "FullID", c->r->id);
	value_put_str(c->a, v, "Name", c->r->name);
	value_put(v, "ImageID", value_strn(c->a, strchr(image, ':') ? strchr(image, ':') + 1 : "",
					   strchr(image, ':') ? 12 : 0));
	value_put_str(c->a, v, "ImageFullID", image);
	value_put_str(c->a, v, "ImageName", c->r->image);
	value_put_str(c->a, v, "DaemonName", "berth");
	if ((r = template_parse(c->a, text, strlen(text), &t, e)) < 0 ||
	    (r = template_run(t, v, 0, c->a, &b, e)) < 0)
		return r;
	for (size_t i = 0; i < b.len; i++)
		if ((unsigned char)b.s[i] < 0x20)
			return err_say(e, EINVAL, "control characters in it");
	c->r->log.tag = arena_strdup(c->a, b.s ? b.s : "");
	return 0;
}

static int take_max_size(struct compose *c, const char *v, struct err *e)
{
	(void)e;
	if (!str_eq(v, "-1"))
		return str_to_bytes(v, &c->r->log.max_size);
	c->r->log.max_size = 0;
	return 0;
}

static int take_max_file(struct compose *c, const char *v, struct err *e)
{
	uint32_t n;

	(void)e;
	if (str_to_u32(v, &n) < 0 || n < 1 || n > 1000)
		return -EINVAL;
	c->r->log.max_files = n;
	return 0;
}

static int take_compress(struct compose *c, const char *v, struct err *e)
{
	(void)e;
	return str_to_bool(v, &c->r->log.compress);
}

/* Who owns the folder could put a link there, or what blocks whoever opens it. */
static int take_path(struct compose *c, const char *v, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	const char *name;
	struct stat st;
	int r;

	if (v[0] != '/' || str_ends(v, "/"))
		return err_say(e, EINVAL, "expected the absolute path of a file");
	c->r->log.path = arena_strdup(c->a, v);
	if ((r = log_place_open(c->in->en, c->r, &dir, &name, e)) < 0)
		return r;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_say(e, EINVAL, "there is something that is no file");
	return 0;
}

static int take_mode(struct compose *c, const char *v, struct err *e)
{
	(void)e;
	if (str_eq(v, "non-blocking"))
		c->r->log.buffer = BUFFER_DEFAULT;
	return str_eq(v, "non-blocking") || str_eq(v, "blocking") ? 0 : -EINVAL;
}

static int take_buffer(struct compose *c, const char *v, struct err *e)
{
	uint64_t n;

	if (!c->r->log.buffer)
		return err_say(e, EINVAL, "goes with --log-opt mode=non-blocking");
	if (str_to_bytes(v, &n) < 0 || n < 4096 || n > BUFFER_MOST)
		return -EINVAL;
	c->r->log.buffer = n;
	return 0;
}

static int add_attr(struct compose *c, const char *key, const char *value, struct err *e)
{
	AUTO(strbuf) struct strbuf field = STRBUF_INIT;
	struct json_map *m = &c->r->log.attrs;
	struct json_pair *v;
	size_t i;

	if (!value)
		return 0;	/* Docker's: who has it not, has it not */
	if (str_eq(c->r->log.driver, "journald") && !log_place_field(key, &field))
		return err_say(e, EINVAL, "%s cannot be the name of a field of the journal", key);
	if (str_eq(c->r->log.driver, "journald") && strchr(value, '\n'))
		return err_say(e, EINVAL, "the value of %s has several lines", key);
	for (i = 0; i < m->n && !str_eq(m->v[i].key, key); i++)
		;
	v = arena_array(c->a, m->n + 1, sizeof(*v));
	if (m->n)
		memcpy(v, m->v, m->n * sizeof(*v));
	v[i] = (struct json_pair){ arena_strdup(c->a, key), arena_strdup(c->a, value) };
	m->n += i == m->n;
	m->v = v;
	return 0;
}

static int take_labels(struct compose *c, const char *v, struct err *e)
{
	AUTO(strlist) struct strlist keys = STRLIST_INIT;
	int r = 0;

	strlist_split(&keys, v, ',', true);
	for (size_t i = 0; r == 0 && i < keys.n; i++)
		r = add_attr(c, keys.v[i], pairs_get(&c->r->labels, keys.v[i]), e);
	return r;
}

static int take_env(struct compose *c, const char *v, struct err *e)
{
	AUTO(strlist) struct strlist keys = STRLIST_INIT;
	int r = 0;

	strlist_split(&keys, v, ',', true);
	for (size_t i = 0; r == 0 && i < keys.n; i++)
		r = add_attr(c, keys.v[i], compose_env_get(&c->env, keys.v[i],
							   strlen(keys.v[i])), e);
	return r;
}

/* Docker's: of all whose name it matches.  env: variables are "NAME=VALUE". */
static int take_matching(struct compose *c, const char *v, bool env, struct err *e)
{
	const size_t n = env ? c->env.n : c->r->labels.n;
	regex_t re;
	int r = regcomp(&re, v, REG_EXTENDED | REG_NOSUB);

	if (r != 0)
		return err_say(e, EINVAL, "not a regular expression");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *key = env ? c->env.v[i] : c->r->labels.v[i].key;
		AUTO_FREE char *name = mem_strndup(key, env ? strcspn(key, "=") : strlen(key));

		if (regexec(&re, name, 0, NULL, 0) == 0)
			r = add_attr(c, name, env ? str_after(key + strlen(name), "=")
						  : c->r->labels.v[i].value, e);
	}
	regfree(&re);
	return r;
}

static int take_labels_regex(struct compose *c, const char *v, struct err *e)
{
	return take_matching(c, v, false, e);
}

static int take_env_regex(struct compose *c, const char *v, struct err *e)
{
	return take_matching(c, v, true, e);
}

/* In this order: of a label and a variable of one name the variable counts, as with Docker. */
static const struct log_option {
	const char *key;	/* with its '=' */
	unsigned drivers;
	int (*take)(struct compose *c, const char *v, struct err *e);
	bool shown;		/* by inspect as it was typed */
} options[] = {
	{ "max-size=", ~0u, take_max_size, false },
	{ "max-file=", ~0u, take_max_file, false },
	{ "compress=", ~0u, take_compress, false },
	{ "tag=", JSON | JOURNAL, take_tag, false },
	{ "path=", FILES, take_path, true },
	{ "mode=", ~0u, take_mode, true },
	{ "max-buffer-size=", ~0u, take_buffer, true },
	{ "labels=", JSON | JOURNAL, take_labels, true },
	{ "labels-regex=", JSON | JOURNAL, take_labels_regex, true },
	{ "env=", JSON | JOURNAL, take_env, true },
	{ "env-regex=", JSON | JOURNAL, take_env_regex, true },
};

static int check_known(const char *text, struct err *e)
{
	AUTO(strbuf) struct strbuf all = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (str_starts(text, options[i].key))
			return 0;
		strbuf_addf(&all, "%s%s", i == 0 ? "" : i + 1 < ARRAY_SIZE(options) ? ", " : " or ",
			    options[i].key);
	}
	return err_say(e, EINVAL, "--log-opt %s: expected %s", text, all.s);
}

static int take(struct compose *c, const struct log_option *o, unsigned driver, const char *text,
		struct err *e)
{
	struct record_log *l = &c->r->log;
	int r;

	if (!(o->drivers & driver))
		return err_say(e, EINVAL, "--log-opt %s: log driver %s has no place for it",
			       o->key, l->driver);
	if ((r = o->take(c, str_after(text, o->key), e)) < 0)
		return e->code ? err_wrap(e, "--log-opt %s", text)
			       : err_say(e, EINVAL, "--log-opt %s: not a value for it", text);
	if (o->shown)
		l->more.v[l->more.n++] = (struct json_pair){
			arena_strndup(c->a, o->key, strlen(o->key) - 1),
			arena_strdup(c->a, str_after(text, o->key)) };
	return r;
}

/* Of one that is given twice the later one counts. */
static const char *last_of(const struct strlist *given, const char *key)
{
	for (size_t i = given->n; i > 0; i--)
		if (str_starts(given->v[i - 1], key))
			return given->v[i - 1];
	return NULL;
}

int compose_log(struct compose *c, struct err *e)
{
	const struct strlist *given = &c->o->log_opt;
	struct record_log *l = &c->r->log;
	unsigned driver = 0;
	int r = 0;

	l->driver = c->o->log_driver ? c->o->log_driver : "k8s-file";
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(drivers[i].name, l->driver))
			driver = drivers[i].bit;
	if (!driver)
		return err_say(e, EINVAL, "--log-driver %s: expected k8s-file, json-file, "
			       "journald, none or passthrough", l->driver);
	l->driver = driver == K8S ? "k8s-file" : arena_strdup(c->a, l->driver);
	l->max_size = 10u << 20;
	l->max_files = 3;
	l->more.v = arena_array(c->a, given->n + 1, sizeof(*l->more.v));
	for (size_t i = 0; r == 0 && i < given->n; i++)
		r = check_known(given->v[i], e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++) {
		const char *text = last_of(given, options[i].key);

		if (text)
			r = take(c, &options[i], driver, text, e);
	}
	if (r == 0 && l->buffer && driver != JOURNAL)
		return err_say(e, EINVAL, "--log-opt mode=non-blocking: what log driver %s has is "
			       "written into the page cache at once; it is for journald, which "
			       "may be slow", l->driver);
	return r == 0 && l->tag && driver == JSON ? add_attr(c, "tag", l->tag, e) : r;
}
