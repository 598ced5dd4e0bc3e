/* parts.c - what an image is made of, in the order in which a registry wants it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/push.h"

#define PARTS_MAX (4096u + 500u * 8u)

void parts_cleanup(struct parts *p)
{
	if (p->a)
		arena_free(p->a);
	*p = (struct parts){ 0 };
}

static bool has_part(const struct parts *p, const char *digest)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].digest, digest))
			return true;
	return false;
}

static int add_part(struct maker *m, struct parts *p, const struct descriptor *d, struct err *e)
{
	if (has_part(p, d->digest))
		return 0;
	if (p->n == PARTS_MAX)
		return err_say(e, E2BIG, "the image has more than %u parts", PARTS_MAX);
	if (!maker_has_blob(m, d->digest))
		return err_say(e, ENOENT, "blob %.19s... is not in the store: pull the image again",
			       d->digest);
	p->v[p->n++] = *d;
	return 0;
}

static int add_document(struct maker *k, struct parts *p, const struct descriptor *d,
			unsigned depth, struct err *e)
{
	AUTO_FREE char *text = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	size_t n;
	int r;

	if (has_part(p, d->digest))
		return 0;
	r = store_read_blob(k->store, d->digest, &text, &n, e);
	if (r == 0)
		r = manifest_parse(p->a, text, n, d->media_type, d->digest, &kind, &idx, &m, e);
	if (r == 0 && kind == MEDIA_INDEX && depth >= 3)
		r = err_say(e, ELOOP, "indexes within indexes, more than 3 deep");
	for (size_t i = 0; r == 0 && kind == MEDIA_INDEX && i < idx.n; i++)
		r = add_document(k, p, &idx.v[i], depth + 1, e);
	if (r == 0 && kind == MEDIA_MANIFEST)
		r = add_part(k, p, &m.config, e);
	for (size_t i = 0; r == 0 && kind == MEDIA_MANIFEST && i < m.nlayers; i++)
		r = add_part(k, p, &m.layers[i], e);
	return r < 0 ? r : add_part(k, p, d, e);
}

static int describe(const struct store *s, const char *digest, struct parts *p,
		    struct descriptor *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	const struct json *doc;
	const char *type;
	size_t n;
	int r = store_read_blob(s, digest, &text, &n, e);

	if (r == 0)
		r = manifest_parse(p->a, text, n, NULL, digest, &kind, &idx, &m, e);
	if (r == 0)
		r = json_parse(p->a, text, n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 },
			       digest, &doc, e);
	if (r < 0)
		return r;
	type = json_str(json_get(doc, "mediaType"));
	*ret = (struct descriptor){
		.digest = arena_strdup(p->a, digest),
		.size = n,
		.artifact_type = "",
		.ref_name = "",
		.io_name = "",
		.platform = { "", "", "", "" },
		.media_type = type		  ? type :
			      kind == MEDIA_INDEX ? "application/vnd.oci.image.index.v1+json" :
						    "application/vnd.oci.image.manifest.v1+json",
	};
	return 0;
}

int parts_find(struct maker *k, const struct image *i, bool all, struct parts *ret, struct err *e)
{
	AUTO(parts) struct parts p = { .a = arena_new(4 * (size_t)MANIFEST_ARENA) };
	struct err lost = ERR_INIT;
	int r;

	p.v = arena_array(p.a, PARTS_MAX, sizeof(*p.v));
	if (!*i->digest)
		return err_say(e, ENOENT, "image %.19s... has no manifest in the store", i->id);
	/* an index goes out whole or not at all: only so does its digest stay what it is */
	r = describe(k->store, i->top, &p, &p.top, &lost);
	if (r == 0)
		r = add_document(k, &p, &p.top, 0, &lost);
	if (r < 0 && (all || str_eq(i->top, i->digest))) {
		*e = lost;
		return r;
	}
	if (r < 0) {
		p.n = 0;
		r = describe(k->store, i->digest, &p, &p.top, e);
		if (r == 0)
			r = add_document(k, &p, &p.top, 0, e);
		if (r < 0)
			return r;
	}
	*ret = p;
	p = (struct parts){ 0 };
	return 0;
}
