/* filters.c - see filters.h. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/filters.h"

static int unknown_key(const char *key, const char *const *keys, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; keys[i]; i++)
		strbuf_addf(&b, "%s%s", i ? ", " : "", keys[i]);
	return err_say(e, EINVAL, "--filter %s: unknown; there are %s", key, b.s);
}

static bool has_key(const char *const *keys, const char *key)
{
	for (size_t i = 0; keys[i]; i++)
		if (str_eq(keys[i], key))
			return true;
	return false;
}

static int parse_one(struct filters *f, const char *text, const char *const *keys, struct err *e)
{
	struct filter *one = &f->v[f->n];
	const char *eq = strchr(text, '=');
	size_t n = eq ? (size_t)(eq - text) : strlen(text);

	one->negative = n > 0 && text[n - 1] == '!';
	AUTO_FREE char *key = mem_strndup(text, n - one->negative);

	if (!has_key(keys, key))
		return unknown_key(key, keys, e);
	if (!eq)
		return err_say(e, EINVAL, "--filter %s: expected KEY=VALUE", text);
	if (one->negative && !str_eq(key, "label"))
		return err_say(e, EINVAL, "--filter %s: != is for labels only", text);
	strlist_add(&f->texts, key);
	strlist_add(&f->texts, eq + 1);
	f->n++;
	return 0;
}

int filters_parse(const struct strlist *given, const char *const *keys, struct filters *ret,
		  struct err *e)
{
	AUTO(filters) struct filters f = { .n = 0 };

	f.v = mem_array(given->n + 1, sizeof(*f.v));
	for (size_t i = 0; i < given->n; i++) {
		int r = parse_one(&f, given->v[i], keys, e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f.n; i++) {
		f.v[i].key = f.texts.v[2 * i];
		f.v[i].value = f.texts.v[2 * i + 1];
	}
	*ret = f;
	f = (struct filters){ .n = 0 };
	return 0;
}

void filters_clear(struct filters *f)
{
	free(f->v);
	strlist_cleanup(&f->texts);
	*f = (struct filters){ .n = 0 };
}

void filters_cleanup(struct filters *f)
{
	filters_clear(f);
}

bool filters_has(const struct filters *f, const char *key)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].key, key))
			return true;
	return false;
}

bool filters_match(const struct filters *f, const char *key, filters_test *fn, const void *ctx)
{
	bool any = false;

	for (size_t i = 0; i < f->n; i++) {
		if (!str_eq(f->v[i].key, key))
			continue;
		if (fn(f->v[i].value, ctx))
			return true;
		any = true;
	}
	return !any;
}

static bool has_label(const struct json_map *labels, const char *want)
{
	size_t n = strcspn(want, "=");

	for (size_t i = 0; i < labels->n; i++) {
		const struct json_pair *p = &labels->v[i];

		if (strlen(p->key) == n && memcmp(p->key, want, n) == 0)
			return !want[n] || str_eq(p->value, want + n + 1);
	}
	return false;
}

bool filters_labels(const struct filters *f, const struct json_map *labels)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].key, "label") &&
		    has_label(labels, f->v[i].value) == f->v[i].negative)
			return false;
	return true;
}

/* Docker's names begin with a slash, which people may write or not. */
bool filters_name(const char *value, const void *name)
{
	bool begin = *value == '^', found;
	const char *rest = value + begin;
	regex_t re;

	rest += *rest == '/';
	AUTO_FREE char *text = mem_printf("%s%s", begin ? "^" : "", rest);

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(name, rest) != NULL;
	found = regexec(&re, name, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

bool filters_prefix(const char *value, const void *text)
{
	return str_starts(text, value);
}

bool filters_equal(const char *value, const void *text)
{
	return str_eq(text, value);
}

bool filters_bool(const char *value, const void *ctx)
{
	bool want;

	return str_to_bool(value, &want) == 0 && want == *(const bool *)ctx;
}

int filters_check_bools(const struct filters *f, const char *key, struct err *e)
{
	bool b;

	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].key, key) && str_to_bool(f->v[i].value, &b) < 0)
			return err_say(e, EINVAL, "--filter %s=%s: expected true or false", key,
				       f->v[i].value);
	return 0;
}

int filters_check_words(const struct filters *f, const char *key, const char *const *words,
			struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < f->n; i++) {
		if (!str_eq(f->v[i].key, key) || has_key(words, f->v[i].value))
			continue;
		for (size_t k = 0; words[k]; k++)
			strbuf_addf(&b, "%s%s", k ? ", " : "", words[k]);
		return err_say(e, EINVAL, "--filter %s=%s: expected one of %s", key, f->v[i].value,
			       b.s);
	}
	return 0;
}

int filters_until(const struct filters *f, int64_t *ret, struct err *e)
{
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < f->n; i++) {
		struct timespec t;

		if (!str_eq(f->v[i].key, "until"))
			continue;
		if (str_to_when(f->v[i].value, &t) < 0)
			return err_say(e, EINVAL,
				       "--filter until=%s: expected a time or a duration as 24h",
				       f->v[i].value);
		until = (int64_t)t.tv_sec;
	}
	*ret = until;
	return 0;
}
