/* change.c - instructions that change a config, and writing it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/change.h"

static size_t list_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void list_add(struct arena *a, char ***v, const char *s)
{
	size_t n = list_len(*v);
	char **w = arena_array(a, n + 2, sizeof(*w));

	for (size_t i = 0; i < n; i++) {
		if (str_eq((*v)[i], s))
			return;
		w[i] = (*v)[i];
	}
	w[n] = arena_strdup(a, s);
	*v = w;
}

/* ENV: the value of a key that is there already is replaced. */
static void env_set(struct arena *a, char ***v, const char *key, const char *value)
{
	const char *pair = arena_printf(a, "%s=%s", key, value);
	size_t n = strlen(key);

	for (char **p = *v; p && *p; p++) {
		if (strncmp(*p, key, n) == 0 && (*p)[n] == '=') {
			*p = arena_strdup(a, pair);
			return;
		}
	}
	list_add(a, v, pair);
}

static void label_set(struct arena *a, struct json_map *m, const char *key, const char *value)
{
	struct json_pair *w;

	for (size_t i = 0; i < m->n; i++) {
		if (str_eq(m->v[i].key, key)) {
			m->v[i].value = arena_strdup(a, value);
			return;
		}
	}
	w = arena_array(a, m->n + 1, sizeof(*w));
	if (m->n)
		memcpy(w, m->v, m->n * sizeof(*w));
	w[m->n] = (struct json_pair){ arena_strdup(a, key), arena_strdup(a, value) };
	m->v = w;
	m->n++;
}

/* ["a","b"], else the whole line. */
static int read_exec(struct arena *a, const char *rest, char ***ret, bool *ret_json, struct err *e)
{
	struct json_ctx c = { .a = a, .e = e, .what = "instruction" };
	struct err lost = ERR_INIT;
	const struct json *doc;

	*ret_json = false;
	if (*rest == '[' && json_parse(a, rest, strlen(rest), (struct json_limits){ 65536, 4 },
				       c.what, &doc, &lost) == 0) {
		*ret_json = true;
		return json_read_strs(&c, doc, ret);
	}
	*ret = arena_array(a, 2, sizeof(char *));
	(*ret)[0] = arena_strdup(a, rest);
	return 0;
}

static int command_set(struct arena *a, const struct image_config *c, const char *rest,
		       char ***field, struct err *e)
{
	char **v, **w;
	bool json;
	size_t n;
	int r = read_exec(a, rest, &v, &json, e);

	if (r < 0 || json) {
		if (r == 0)
			*field = v;
		return r;
	}
	/* the shell form goes through the image's shell */
	n = list_len(c->shell);
	w = arena_array(a, n + 4, sizeof(*w));
	if (n) {
		memcpy(w, c->shell, n * sizeof(*w));
		w[n] = v[0];
	} else {
		w[0] = arena_strdup(a, "/bin/sh");
		w[1] = arena_strdup(a, "-c");
		w[2] = v[0];
	}
	*field = w;
	return 0;
}

/* K=V K="V W", or (ENV only) K V. */
static int pairs_set(struct arena *a, struct image_config *c, const char *rest, bool env,
		     struct err *e)
{
	size_t first = strcspn(rest, "= ");

	if (env && rest[first] == ' ') {
		env_set(a, &c->env, arena_strndup(a, rest, first),
			rest + first + strspn(rest + first, " "));
		return 0;
	}
	while (*rest) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		char quote = 0;
		char *eq;

		for (; *rest && (quote || *rest != ' '); rest++) {
			if (quote ? *rest == quote : *rest == '"' || *rest == '\'')
				quote = quote ? 0 : *rest;
			else if (*rest == '\\' && quote != '\'' && rest[1])
				strbuf_addc(&b, *++rest);
			else
				strbuf_addc(&b, *rest);
		}
		rest += strspn(rest, " ");
		eq = b.s ? strchr(b.s, '=') : NULL;
		if (!eq || eq == b.s || quote)
			return err_say(e, EINVAL, "expected KEY=VALUE, not \"%.100s\"",
				       b.s ? b.s : "");
		*eq = '\0';
		if (env)
			env_set(a, &c->env, b.s, eq + 1);
		else
			label_set(a, &c->labels, b.s, eq + 1);
	}
	return 0;
}

static int words_add(struct arena *a, char ***field, const char *rest, bool ports, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	char **v;
	bool json;
	int r = read_exec(a, rest, &v, &json, e);

	if (r < 0)
		return r;
	if (!json)
		strlist_split(&l, rest, ' ', true);
	for (size_t i = 0; json ? v[i] != NULL : i < l.n; i++) {
		const char *word = json ? v[i] : l.v[i];

		list_add(a, field,
			 ports && !strchr(word, '/') ? arena_printf(a, "%s/tcp", word) : word);
	}
	return 0;
}

int change_apply(struct arena *a, struct image_config *c, const char *line, struct err *e)
{
	size_t n = strcspn(line, " \t");
	AUTO_FREE char *word = mem_strndup(line, n);
	const char *rest = line + n + strspn(line + n, " \t");

	if (!*rest)
		return err_say(e, EINVAL, "--change \"%.100s\": nothing stands behind it", line);
	if (strcasecmp(word, "CMD") == 0)
		return command_set(a, c, rest, &c->cmd, e);
	if (strcasecmp(word, "ENTRYPOINT") == 0)
		return command_set(a, c, rest, &c->entrypoint, e);
	if (strcasecmp(word, "ENV") == 0 || strcasecmp(word, "LABEL") == 0)
		return pairs_set(a, c, rest, strcasecmp(word, "ENV") == 0, e);
	if (strcasecmp(word, "EXPOSE") == 0)
		return words_add(a, &c->ports, rest, true, e);
	if (strcasecmp(word, "VOLUME") == 0)
		return words_add(a, &c->volumes, rest, false, e);
	if (strcasecmp(word, "USER") == 0)
		c->user = arena_strdup(a, rest);
	else if (strcasecmp(word, "WORKDIR") == 0)
		c->workdir = *rest == '/' || str_empty(c->workdir) ? arena_strdup(a, rest) :
			     arena_printf(a, "%s/%s", c->workdir, rest);
	else if (strcasecmp(word, "STOPSIGNAL") == 0)
		c->stop_signal = arena_strdup(a, rest);
	else if (strcasecmp(word, "ONBUILD") == 0)
		list_add(a, &c->onbuild, rest);
	else
		return err_say(e, EINVAL,
			       "--change \"%.100s\": expected CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, "
			       "ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR",
			       line);
	return 0;
}

static void write_keys(struct json_out *o, const char *key, char *const *v)
{
	if (!v || !*v)
		return;
	json_out_obj(o, key);
	for (; *v; v++) {
		json_out_obj(o, *v);
		json_out_end_obj(o);
	}
	json_out_end_obj(o);
}

static void write_strs(struct json_out *o, const char *key, char *const *v)
{
	if (v && *v)
		json_out_strs(o, key, v);
}

static void write_str(struct json_out *o, const char *key, const char *v)
{
	if (!str_empty(v))
		json_out_str(o, key, v);
}

static void write_health(struct json_out *o, const struct image_health *h)
{
	const struct { const char *key; int64_t v; } rows[] = {
		{ "Interval", h->interval },	    { "Timeout", h->timeout },
		{ "StartPeriod", h->start_period }, { "StartInterval", h->start_interval },
		{ "Retries", h->retries },
	};

	if (!h->set)
		return;
	json_out_obj(o, "Healthcheck");
	json_out_strs(o, "Test", h->test);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].v)
			json_out_i64(o, rows[i].key, rows[i].v);
	json_out_end_obj(o);
}

void change_write(struct json_out *o, const char *key, const struct image_config *c)
{
	json_out_obj(o, key);
	write_str(o, "User", c->user);
	write_keys(o, "ExposedPorts", c->ports);
	write_strs(o, "Env", c->env);
	write_strs(o, "Entrypoint", c->entrypoint);
	write_strs(o, "Cmd", c->cmd);
	write_health(o, &c->health);
	write_keys(o, "Volumes", c->volumes);
	write_str(o, "WorkingDir", c->workdir);
	if (c->labels.n)
		json_out_map(o, "Labels", &c->labels);
	write_str(o, "StopSignal", c->stop_signal);
	write_strs(o, "OnBuild", c->onbuild);
	write_strs(o, "Shell", c->shell);
	json_out_end_obj(o);
}
