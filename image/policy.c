/* policy.c - containers-policy.json(5): which requirements stand for a name, and asking each. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "image/signature.h"

#define POLICY_MAX (1u << 20)

struct policy { struct arena *a; struct requirement *v; size_t n; const char *path; };

void policy_free(struct policy *p)
{
	if (p)
		arena_free(p->a);
}

/* ---- reading ---- */

/* One of the words, by its place. */
static int read_word(struct json_ctx *c, const struct json *v, const char *const *words,
		     unsigned *ret)
{
	AUTO(strbuf) struct strbuf known = STRBUF_INIT;
	const char *s;
	int r = json_read_str(c, v, &s);

	if (r < 0)
		return r;
	for (unsigned i = 0; words[i]; i++) {
		if (str_eq(words[i], s)) {
			*ret = i;
			return 0;
		}
		strbuf_addf(&known, "%s%s", i ? ", " : "", words[i]);
	}
	return json_fail(c, "\"%.64s\" is not known: berth knows %s", s, known.s);
}

static int read_type(struct json_ctx *c, const struct json *v, void *field)
{
	static const char *const words[] = {
		[REQUIRE_NOTHING] = "insecureAcceptAnything", [REQUIRE_REJECT] = "reject",
		[REQUIRE_GPG] = "signedBy", [REQUIRE_SIGSTORE] = "sigstoreSigned", NULL,
	};
	unsigned word = 0;
	int r = read_word(c, v, words, &word);

	*(enum requirement_type *)field = (enum requirement_type)word;
	return r;
}

static int read_match(struct json_ctx *c, const struct json *v, void *field)
{
	static const char *const words[] = {
		[MATCH_DIGEST_OR_EXACT] = "matchRepoDigestOrExact",
		[MATCH_EXACT] = "matchExact",
		[MATCH_REPOSITORY] = "matchRepository",
		[MATCH_EXACT_REFERENCE] = "exactReference",
		[MATCH_EXACT_REPOSITORY] = "exactRepository",
		[MATCH_REMAP] = "remapIdentity", NULL,
	};
	unsigned word = 0;
	int r = read_word(c, v, words, &word);

	*(enum match *)field = (enum match)word;
	return r;
}

/* Each kind has its own members: all of them, and no others. */
static int read_identity(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "type", read_match, offsetof(struct identity, type), true },
		{ "dockerReference", json_read_str, offsetof(struct identity, reference), false },
		{ "dockerRepository", json_read_str, offsetof(struct identity, repository), false },
		{ "prefix", json_read_str, offsetof(struct identity, prefix), false },
		{ "signedPrefix", json_read_str, offsetof(struct identity, signed_prefix), false },
	};
	struct identity *i = field;
	struct err why = ERR_INIT;
	const char *name;
	struct ref lost;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), i);

	if (r < 0)
		return r;
	if (!!i->reference != (i->type == MATCH_EXACT_REFERENCE) ||
	    !!i->repository != (i->type == MATCH_EXACT_REPOSITORY) ||
	    !!i->prefix != (i->type == MATCH_REMAP) || !!i->signed_prefix != !!i->prefix)
		return json_fail(c, "members that belong to another type, or none of its own");
	name = i->reference ? i->reference : i->repository;
	if (name && ref_parse(name, &lost, &why) < 0)
		return json_fail(c, "%s", why.msg);
	return 0;
}

static int read_requirement(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "type", read_type, offsetof(struct requirement, type), true },
		{ "keyType", json_read_str, offsetof(struct requirement, key_type), false },
		{ "keyPath", json_read_str, offsetof(struct requirement, key_path), false },
		{ "keyPaths", json_read_strs, offsetof(struct requirement, key_paths), false },
		{ "keyData", json_read_str, offsetof(struct requirement, key_data), false },
		{ "keyDatas", json_read_strs, offsetof(struct requirement, key_datas), false },
		{ "signedIdentity", read_identity, offsetof(struct requirement, identity), false },
	};
	struct requirement *q = field;
	bool signed_;
	int r, keys;

	for (const struct json *m = v->type == JSON_OBJECT ? v->child : NULL; m; m = m->next)
		if (str_starts(m->key, "fulcio") || str_starts(m->key, "rekor") ||
		    str_starts(m->key, "pki"))
			return json_fail(c, "\"%.40s\": berth knows sigstore's signatures by a "
					    "given key only (keyPath, keyData)", m->key);
	r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), q);
	if (r < 0)
		return r;
	signed_ = q->type == REQUIRE_GPG || q->type == REQUIRE_SIGSTORE;
	keys = !!q->key_path + !!q->key_paths + !!q->key_data + !!q->key_datas;
	if (signed_ ? keys != 1 : keys > 0)
		return json_fail(c, signed_ ?
				    "expected one of keyPath, keyPaths, keyData and keyDatas" :
				    "a key for what is not signed");
	if (q->key_type && !str_eq(q->key_type, "GPGKeys"))
		return json_fail(c, "keyType \"%.64s\" is not known: expected GPGKeys",
				 q->key_type);
	return 0;
}

/* The scope that covers most of the name: a:tag or a@digest, a/b/c, a/b, a, *.a, or the default. */
static const struct json *find_scope(const struct json *doc, const struct ref *r)
{
	const struct json *docker = json_get(json_get(doc, "transports"), "docker");
	AUTO_FREE char *scope = mem_printf("%s/%s", r->domain, r->path);
	AUTO_FREE char *exact = *r->digest ? mem_printf("%s@%s", scope, r->digest) :
					     mem_printf("%s:%s", scope, r->tag);
	const struct json *v = json_get(docker, exact);
	const char *dot;

	if (v)
		return v;
	for (;;) {
		char *slash;

		v = json_get(docker, scope);
		if (v)
			return v;
		slash = strrchr(scope, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	for (dot = strchr(scope, '.'); dot; dot = strchr(dot + 1, '.')) {
		AUTO_FREE char *wild = mem_printf("*%s", dot);

		v = json_get(docker, wild);
		if (v)
			return v;
	}
	v = json_get(docker, "");
	return v ? v : json_get(doc, "default");
}

static char *policy_path(void)
{
	const char *env = getenv("BERTH_POLICY"), *home = getenv("HOME");

	if (!str_empty(env))
		return mem_strdup(env);
	if (!str_empty(home)) {
		AUTO_FREE char *own = mem_printf("%s/.config/containers/policy.json", home);

		if (access(own, F_OK) == 0)
			return TAKE(own);
	}
	return mem_strdup("/etc/containers/policy.json");
}

int policy_load(const struct ref *ref, struct policy **ret, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	struct policy *p = arena_alloc(a, sizeof(*p));
	AUTO_FREE char *path = policy_path();
	struct json_ctx c = { .a = a, .e = e, .what = path, .strict = true };
	AUTO_FREE char *text = NULL;
	const struct json *doc, *scope;
	struct err why = ERR_INIT;
	size_t n;
	int r = path_read_file(AT_FDCWD, path, POLICY_MAX, &text, &n, &why);

	if (r == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (r < 0) {
		*e = why;
		return r;
	}
	r = json_parse(a, text, n, (struct json_limits){ POLICY_MAX, 16 }, path, &doc, e);
	if (r < 0)
		return r;
	scope = find_scope(doc, ref);
	if (!scope)
		return err_say(e, EINVAL, "%s: it has no \"default\"", path);
	r = json_read_array(&c, scope, sizeof(*p->v), read_requirement, &p->v, &p->n);
	if (r < 0)
		return r;
	if (p->n == 0)
		return err_say(e, EINVAL, "%s: an empty list of requirements for %s/%s", path,
			       ref->domain, ref->path);
	p->path = arena_strdup(a, path);
	p->a = TAKE(a);
	*ret = p;
	return 0;
}

/* ---- asking ---- */

static bool wants(const struct policy *p, enum requirement_type type)
{
	for (size_t i = 0; p && i < p->n; i++)
		if (p->v[i].type == type)
			return true;
	return false;
}

bool policy_wants_sigstore(const struct policy *p)
{
	return wants(p, REQUIRE_SIGSTORE);
}

bool policy_wants_gpg(const struct policy *p)
{
	return wants(p, REQUIRE_GPG);
}

char *policy_fetched(const char *folder, const char *digest, unsigned n)
{
	return mem_printf("%s/signature-%.64s-%u", folder, digest + 7, n);
}

int policy_check(const struct policy *p, const struct signed_image *im, struct err *e)
{
	for (size_t i = 0; p && i < p->n; i++) {
		const struct requirement *q = &p->v[i];
		int code = 0;

		switch (q->type) {
		case REQUIRE_NOTHING:
			break;
		case REQUIRE_REJECT:
			return err_say(e, EPERM, "%s rejects images of %s/%s", p->path,
				       im->ref->domain, im->ref->path);
		case REQUIRE_GPG:
			code = signature_check_gpg(q, im, e);
			break;
		case REQUIRE_SIGSTORE:
			code = signature_check_sigstore(q, im, e);
			break;
		}
		if (code < 0) {
			err_wrap(e, "%s wants a signature", p->path);
			return err_hint(e, "have the image signed, or change the policy");
		}
	}
	return 0;
}
