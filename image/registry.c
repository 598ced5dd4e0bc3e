/* registry.c - calls: protocol, authentication, trying again; manifests and blobs, down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "image/manifest.h"
#include "image/token.h"

#define TRIES 5
#define STALLS_MAX 2

static const char *const manifest_accept[] = {
	"Accept: application/vnd.oci.image.index.v1+json, "
	"application/vnd.oci.image.manifest.v1+json, "
	"application/vnd.docker.distribution.manifest.list.v2+json, "
	"application/vnd.docker.distribution.manifest.v2+json",
	NULL,
};

void registry_wait(unsigned n, long asked)
{
	long ms = 250l << (n > 5 ? 5 : n);
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ms += t.tv_nsec / 1000 % (ms / 2);
	if (asked > 0)
		ms = (asked > 60 ? 60 : asked) * 1000;
	t = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

static bool passes(const struct http_reply *r)
{
	return r->status == 429 || r->status == 500 || r->status == 502 || r->status == 503 ||
	       r->status == 504;
}

static bool error_passes(int code)
{
	return code == -EIO || code == -ETIMEDOUT;
}

int registry_fail(const struct registry *g, const struct http_reply *r, const char *doing,
		  struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	const struct json *doc = NULL, *list;
	struct err lost = ERR_INIT;
	char shown[300] = "";
	int code = EIO;

	if (r->body.len && json_parse(a, r->body.s, r->body.len, (struct json_limits){ 65536, 8 },
				      "answer", &doc, &lost) == 0) {
		const char *words = NULL;

		list = json_get(doc, "errors");
		if (list && list->type == JSON_ARRAY && list->child)
			words = json_str(json_get(list->child, "message"));
		if (!words)
			words = json_str(json_get(doc, "details"));
		if (words)
			str_printable(words, strlen(words), shown, sizeof(shown) - 1);
	}
	if (r->status == 401 || r->status == 403)
		code = EACCES;
	else if (r->status == 404)
		code = ENOENT;
	err_say(e, code, "registry %s: %s: status %ld%s%s", g->place->name, doing, r->status,
		*shown ? ": " : "", shown);
	if (r->status == 401)
		return err_hint(e, "try \"berth login %s\"", g->place->name);
	return -code;
}

/* ---- opening ---- */

static char *base_url(const struct registry *g)
{
	return mem_printf("%s://%s", g->https ? "https" : "http", g->place->host);
}

static int ping(struct registry *g, struct http *h, struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *base = base_url(g);
	AUTO_FREE char *url = mem_printf("%s/v2/", base);
	const struct http_request q = { .method = "GET", .url = url, .max = 1 << 20 };
	int code = 0;

	for (unsigned n = 0; n < TRIES; n++) {
		*e = (struct err)ERR_INIT;
		code = http_do(h, &q, &r, e);
		if (code == 0 ? !passes(&r) : !error_passes(code) || g->place->http.insecure)
			break;
		registry_wait(n, r.retry_after);
	}
	if (code < 0)
		return code;
	if (r.status == 401 && r.challenge)
		g->challenge = TAKE(r.challenge);
	else if (r.status != 200)
		return registry_fail(g, &r, "is this a registry?", e);
	return 0;
}

int registry_open(struct registry *g, const struct place *p, const struct login *l,
		  const char *actions, const char *from, struct err *e)
{
	AUTO(registry)
	struct registry n = {
		.place = p, .login = l, .actions = actions, .from = from, .https = true
	};
	AUTO(http) struct http h = { 0 };
	int r;

	http_init(&h, &p->http);
	r = ping(&n, &h, e);
	if (r < 0 && r != -EACCES && p->http.insecure) {
		struct err first = *e;

		n.https = false;
		*e = (struct err)ERR_INIT;
		r = ping(&n, &h, e);
		if (r < 0 && r != -EACCES && first.code != EPROTO)
			*e = first;
	}
	if (r == 0 && n.challenge)
		r = token_get(&n, n.challenge, &n.auth, e);
	if (r < 0)
		return r;
	*g = n;
	pthread_mutex_init(&g->lock, NULL);
	n = (struct registry){ 0 };
	return 0;
}

void registry_cleanup(struct registry *g)
{
	free(g->auth);
	free(g->challenge);
	g->auth = g->challenge = NULL;
}

/* ---- calls ---- */

static char *current_auth(struct registry *g)
{
	char *auth;

	pthread_mutex_lock(&g->lock);
	auth = g->auth ? mem_strdup(g->auth) : NULL;
	pthread_mutex_unlock(&g->lock);
	return auth;
}

/* A token has ended, or was for less than is wanted now: another, unless a thread was faster. */
static int renew(struct registry *g, const char *old, const char *challenge, struct err *e)
{
	AUTO_FREE char *fresh = NULL;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	if (str_eq(g->auth, old)) {
		r = token_get(g, challenge, &fresh, e);
		if (r == 0 && fresh) {
			free(g->auth);
			g->auth = TAKE(fresh);
		}
	}
	pthread_mutex_unlock(&g->lock);
	return r;
}

bool registry_is_own(const struct registry *g, const char *url)
{
	AUTO_FREE char *base = base_url(g);

	return http_same_origin(base, url);
}

int registry_call(struct registry *g, struct http *h, struct http_request *q,
		  struct http_reply *ret, struct err *e)
{
	AUTO_FREE char *base = base_url(g);
	AUTO_FREE char *url = mem_printf("%s%s", *q->url == '/' ? base : "", q->url);
	const bool own = http_same_origin(base, url);
	const struct http_request given = *q;
	bool renewed = false;
	int r = 0;

	if (g->https && !str_starts(url, "https:"))
		return err_say(e, EPROTO, "registry %s leads from https to %.200s: refused",
			       g->place->name, url);
	for (unsigned n = 0; n < TRIES;) {
		AUTO_FREE char *auth = own ? current_auth(g) : NULL;
		struct http_request now = given;

		now.url = url;
		now.auth = auth;
		now.foreign = !own;
		*e = (struct err)ERR_INIT;
		r = http_do(h, &now, ret, e);
		if (r == 0 && ret->status == 401 && ret->challenge && !renewed && own) {
			renewed = true;
			r = renew(g, auth, ret->challenge, e);
			if (r < 0)
				return r;
			continue;
		}
		/* a body on its way into a file is the caller's to take up again */
		if (given.has_sink || (r == 0 ? !passes(ret) : !error_passes(r)))
			return r;
		registry_wait(n++, r == 0 ? ret->retry_after : 0);
	}
	return r;
}

int registry_get_beside(const struct registry *g, const char *url, uint64_t max,
			struct http_reply *ret, struct err *e)
{
	AUTO(http) struct http h = { 0 };
	const struct http_request q = { .method = "GET", .url = url, .max = max,
					.foreign = !registry_is_own(g, url) };
	int r = 0;

	http_init(&h, &g->place->http);
	for (unsigned n = 0; n < TRIES; n++) {
		*e = (struct err)ERR_INIT;
		r = http_do(&h, &q, ret, e);
		if (r == 0 ? !passes(ret) : !error_passes(r))
			break;
		registry_wait(n, r == 0 ? ret->retry_after : 0);
	}
	return r;
}

int registry_prove(struct registry *g, struct err *e)
{
	AUTO(http) struct http h = { 0 };
	AUTO(http_reply) struct http_reply r = { 0 };
	struct http_request q = { .method = "GET", .url = "/v2/", .max = 1 << 20 };
	int code;

	http_init(&h, &g->place->http);
	code = registry_call(g, &h, &q, &r, e);
	if (code < 0)
		return code;
	if (r.status == 401 || r.status == 403)
		return err_say(e, EACCES,
			       "registry %s does not accept the user name or the password",
			       g->place->name);
	return r.status == 200 ? 0 : registry_fail(g, &r, "log in", e);
}

/* ---- manifests ---- */

int registry_get_manifest(struct registry *g, struct http *h, const char *ref, char **ret,
			  size_t *ret_n, char digest[static DIGEST_LEN + 1], char **ret_type,
			  struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *path = mem_printf("/v2/%s/manifests/%s", g->place->repo, ref);
	AUTO_FREE char *doing = mem_printf("get %s:%s", g->place->repo, ref);
	struct http_request q = { .method = "GET", .url = path, .headers = manifest_accept,
				  .max = MANIFEST_BYTES_MAX };
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status != 200)
		return registry_fail(g, &r, doing, e);
	digest_of(r.body.s ? r.body.s : "", r.body.len, digest);
	if (digest_valid(ref) && !str_eq(ref, digest))
		return err_say(e, EBADMSG, "registry %s: manifest %.19s... is %.19s...",
			       g->place->name, ref, digest);
	if (r.digest && digest_valid(r.digest) && !str_eq(r.digest, digest))
		return err_say(e, EBADMSG, "registry %s: %s: it says %.19s..., but sent %.19s...",
			       g->place->name, doing, r.digest, digest);
	if (r.type)
		r.type[strcspn(r.type, "; ")] = '\0';
	*ret_type = media_kind(r.type) == MEDIA_UNKNOWN ? NULL : TAKE(r.type);
	*ret_n = r.body.len;
	*ret = strbuf_take(&r.body);
	return 0;
}

/* ---- blobs ---- */

/* Digest of the size bytes that fd holds; its offset is at the end. */
static int hash_begun(int fd, uint64_t *ret_at, struct digest *d, struct err *e)
{
	const size_t size = 256 << 10;
	AUTO_FREE char *buf = mem_alloc(size);
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read a partial blob");
	digest_init(d);
	while ((n = read(fd, buf, size)) > 0)
		digest_add(d, buf, (size_t)n);
	if (n < 0)
		return err_set(e, errno, "read a partial blob");
	*ret_at = d->bytes;
	return 0;
}

static int start_over(int fd, struct err *e)
{
	return ftruncate(fd, 0) < 0 ? err_set(e, errno, "write to the store") : 0;
}

/* One try.  1: the whole is there. */
static int get_some(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		    uint64_t *ret_reached, http_progress *progress, void *ctx, struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO(digest) struct digest d = { 0 };
	AUTO_FREE char *path = mem_printf("/v2/%s/blobs/%s", g->place->repo, digest);
	AUTO_FREE char *range = NULL;
	const char *headers[2] = { NULL, NULL };
	struct http_request q = { .method = "GET",
				  .url = path,
				  .headers = headers,
				  .sink = fd,
				  .has_sink = true,
				  .digest = &d,
				  .progress = progress,
				  .ctx = ctx };
	char found[DIGEST_LEN + 1];
	uint64_t at = 0;
	int code = hash_begun(fd, &at, &d, e);

	if (code == 0 && at < size) {
		q.max = size - at;
		if (at > 0) {
			headers[0] = range =
				mem_printf("Range: bytes=%llu-", (unsigned long long)at);
			q.ranged = true;
		}
		code = registry_call(g, h, &q, &r, e);
		*ret_reached = d.bytes;
		if (code == -ESPIPE || (code == 0 && r.status == 416)) {
			*e = (struct err)ERR_INIT;
			return start_over(fd, e);
		}
		if (code == 0 && r.status == 206 && at > 0) {
			AUTO_FREE char *want = mem_printf("bytes %llu-", (unsigned long long)at);

			if (!r.range || !str_starts(r.range, want))
				return start_over(fd, e);
		} else if (code == 0 && r.status != 200) {
			return passes(&r) ? 0 : registry_fail(g, &r, "get a blob", e);
		}
	}
	if (code < 0)
		return code;
	if (d.bytes < size)
		return 0;
	digest_end(&d, found);
	if (d.bytes == size && str_eq(found, digest))
		return 1;
	code = err_say(e, EBADMSG, "registry %s: blob %.19s... is %.19s...", g->place->name, digest,
		       found);
	if (ftruncate(fd, 0) < 0)
		return -EBADMSG;
	return at > 0 ? 0 : code;	/* what was begun may be the wrong part: once more from 0 */
}

int registry_get_blob(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		      http_progress *progress, void *ctx, struct err *e)
{
	unsigned stalls = 0;
	uint64_t best = 0;

	/* one byte at a time is no progress worth waiting for */
	for (unsigned n = 0, total = 0; n < TRIES && total < 100; n++, total++) {
		uint64_t reached = 0;
		int r;

		*e = (struct err)ERR_INIT;
		r = get_some(g, h, digest, size, fd, &reached, progress, ctx, e);
		if (r > 0)
			return 0;
		if (r < 0 && !error_passes(r))
			return r;
		if (r == -ETIMEDOUT && ++stalls == STALLS_MAX)
			return r;
		if (reached > best) {
			best = reached;
			n = 0;		/* it goes on */
		}
		registry_wait(n, 0);
	}
	if (!e->code)
		err_say(e, EIO, "registry %s: blob %.19s... does not come to its end",
			g->place->name, digest);
	return -e->code;
}
