/* token.c - Basic, or a Bearer token from the registry's token server. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/token.h"

#define TOKEN_MAX (256u << 10)

/* key="value with \" escapes" or key=value */
static const char *read_param(const char *p, char *key, size_t key_max, char *value,
			      size_t value_max)
{
	size_t n = strcspn(p, "= ,"), v = 0;

	if (p[n] != '=' || n >= key_max)
		return NULL;
	memcpy(key, p, n);
	key[n] = '\0';
	p += n + 1;
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			if (v + 1 < value_max)
				value[v++] = *p;
		}
		if (*p)
			p++;
	} else {
		for (; *p && *p != ',' && *p != ' '; p++)
			if (v + 1 < value_max)
				value[v++] = *p;
	}
	value[v] = '\0';
	return p;
}

void challenge_parse(const char *s, struct challenge *ret)
{
	struct challenge c = { 0 };
	const struct { const char *key; char *out; size_t max; } rows[] = {
		{ "realm", c.realm, sizeof(c.realm) }, { "service", c.service, sizeof(c.service) },
		{ "scope", c.scope, sizeof(c.scope) }, { "error", c.error, sizeof(c.error) },
	};
	const char *p = s;
	char key[64], value[1024];

	if (strncasecmp(p, "bearer ", 7) == 0) {
		c.bearer = true;
		p += 7;
	} else if (strncasecmp(p, "basic", 5) == 0) {
		c.basic = true;
		p += 5;
	}
	while (p && (c.bearer || c.basic)) {
		p += strspn(p, " ,\t");
		if (!*p)
			break;
		p = read_param(p, key, sizeof(key), value, sizeof(value));
		for (size_t i = 0; p && i < ARRAY_SIZE(rows); i++)
			if (strcasecmp(rows[i].key, key) == 0)
				snprintf(rows[i].out, rows[i].max, "%s", value);
	}
	*ret = c;
}

static char *basic_auth(const struct login *l)
{
	AUTO_FREE char *both = mem_printf("%s:%s", l->user, l->password);
	AUTO_FREE char *b64 = base64_encode(both, strlen(both));

	return mem_printf("Basic %s", b64);
}

static void add_param(struct strbuf *b, const char *key, const char *value)
{
	char *v = curl_easy_escape(NULL, value, 0);

	strbuf_addf(b, "%s%s=%s", b->len ? "&" : "", key, v ? v : "");
	curl_free(v);
}

static void add_scopes(struct strbuf *b, const struct registry *g, const char *key)
{
	AUTO_FREE char *own = mem_printf("repository:%s:%s", g->place->repo, g->actions);

	if (!*g->place->repo)
		return;		/* who logs in asks for nothing yet */
	add_param(b, key, own);
	if (g->from) {
		AUTO_FREE char *from = mem_printf("repository:%s:pull", g->from);

		add_param(b, key, from);
	}
}

static int read_token(const struct http_reply *r, char **ret, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(256u << 20);
	const struct json *doc;
	const char *token;
	int code = json_parse(a, r->body.s ? r->body.s : "", r->body.len,
			      (struct json_limits){ TOKEN_MAX, 8 }, "the token server's answer",
			      &doc, e);

	if (code < 0)
		return code;
	token = json_str(json_get(doc, "token"));
	if (str_empty(token))
		token = json_str(json_get(doc, "access_token"));
	if (str_empty(token) || strpbrk(token, "\r\n"))
		return err_say(e, EPROTO, "the token server's answer has no token");
	*ret = mem_printf("Bearer %s", token);
	return 0;
}

static int ask_token(const struct registry *g, const struct challenge *c, char **ret, struct err *e)
{
	AUTO(http) struct http h = { 0 };
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO(strbuf) struct strbuf params = STRBUF_INIT;
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *auth = NULL;
	const char *form[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	struct http_request q = { .method = "GET", .max = TOKEN_MAX };
	int code;

	if (g->https && !str_starts(c->realm, "https://"))
		return err_say(e, EPROTO,
			       "registry %s wants a token from \"%.200s\", without encryption",
			       g->place->name, c->realm);
	if (*c->service)
		add_param(&params, "service", c->service);
	add_scopes(&params, g, "scope");
	if (g->login->identity) {
		add_param(&params, "grant_type", "refresh_token");
		add_param(&params, "client_id", "berth");
		add_param(&params, "refresh_token", g->login->identity);
		q.method = "POST";
		q.headers = form;
		q.body = params.s;
		q.body_len = params.len;
		url = mem_strdup(c->realm);
	} else {
		url = mem_printf("%s%c%s", c->realm, strchr(c->realm, '?') ? '&' : '?', params.s);
		if (g->login->user)
			q.auth = auth = basic_auth(g->login);
	}
	q.url = url;
	q.foreign = !registry_is_own(g, url);
	http_init(&h, &g->place->http);
	code = http_do(&h, &q, &r, e);
	if (code < 0)
		return code;
	if (r.status != 200)
		return registry_fail(g, &r, "get a token", e);
	return read_token(&r, ret, e);
}

int token_get(const struct registry *g, const char *challenge, char **ret, struct err *e)
{
	struct challenge c;

	challenge_parse(challenge, &c);
	*ret = NULL;
	if (c.bearer)
		return *c.realm ? ask_token(g, &c, ret, e) :
		       err_say(e, EPROTO, "registry %s wants a token but does not say from where",
			       g->place->name);
	if (!c.basic)
		return err_say(
			e, EPROTO,
			"registry %s wants an authentication that berth does not know: %.60s",
			g->place->name, challenge);
	if (g->login->user)
		*ret = basic_auth(g->login);
	return 0;
}
