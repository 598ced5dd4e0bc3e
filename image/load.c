/* load.c - an OCI image layout: index.json, nested indexes, the platform, names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/load.h"

#define INDEX_DEPTH_MAX 4

/* Everything that one manifest names, into the maker. */
static int fetch_manifest(struct source *s, const struct manifest *m, struct err *e)
{
	int r = source_fetch(s, m->config.digest, m->config.size, e);

	for (size_t i = 0; r == 0 && i < m->nlayers; i++)
		r = source_fetch_layer(s, &m->layers[i], e);
	return r;
}

/* Follows indexes down to the manifest for the platform. */
static int descend(struct source *s, const struct descriptor *d, const struct platform *want,
		   struct descriptor *ret, struct err *e)
{
	struct descriptor at = *d;

	for (unsigned depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		AUTO_FREE char *text = NULL;
		enum media_kind kind = MEDIA_UNKNOWN;
		struct manifest m = { 0 };
		struct index idx = { 0 };
		size_t n;
		long pick;
		int r = source_fetch(s, at.digest, at.size, e);

		if (r == 0)
			r = maker_read_blob(s->m, at.digest, at.digest, &text, &n, e);
		if (r == 0)
			r = manifest_parse(s->m->a, text, n, at.media_type, "image manifest", &kind,
					   &idx, &m, e);
		if (r < 0)
			return r;
		if (kind == MEDIA_MANIFEST) {
			if (!*at.media_type)
				at.media_type = *m.media_type ? m.media_type :
						"application/vnd.oci.image.manifest.v1+json";
			*ret = at;
			return fetch_manifest(s, &m, e);
		}
		pick = platform_choose(&idx, want);
		if (pick < 0)
			return err_say(e, ENOENT, "it has no image for the platform %s",
				       platform_show(s->m->a, want));
		at = idx.v[pick];
	}
	return err_say(e, ELOOP, "indexes within indexes, more than %d deep", INDEX_DEPTH_MAX);
}

/* One image of an OCI layout whose top blob is d; names NULL-terminated, full. */
static int load_descriptor(struct source *s, const struct descriptor *d,
			   const struct platform *want, char *const *names, struct err *e)
{
	struct descriptor m = { 0 };
	struct maker_request q = { .top = d->digest, .top_size = d->size, .names = names };
	const char *id;
	int r = descend(s, d, want, &m, e);

	if (r < 0)
		return r;
	q.digest = m.digest;
	q.media_type = m.media_type;
	q.top_type = str_eq(d->digest, m.digest) ? m.media_type : d->media_type;
	q.what = names[0] ? names[0] : d->digest;
	return maker_add_image(s->m, &q, &id, e);
}

/* ---- names ---- */

/* A bare word is a tag when it looks like one: then the file's own name is the image's. */
static bool is_bare_tag(const char *s)
{
	if (strpbrk(s, "/:@"))
		return false;
	return str_eq(s, "latest") || (*s >= '0' && *s <= '9') || strchr(s, '.') ||
	       (*s == 'v' && s[1] >= '0' && s[1] <= '9');
}

/* What an entry of index.json is to be called; NULL: nothing. */
static int name_of(struct source *s, const struct descriptor *d, const struct load_opts *o,
		   const char **ret, struct err *e)
{
	const char *name = o->name ? o->name : *d->io_name ? d->io_name : d->ref_name;
	char full[REF_MAX];
	struct ref ref;
	int r;

	*ret = NULL;
	if (!*name)
		return 0;
	if (is_bare_tag(name) && !o->name) {
		if (!*s->label)
			return 0;
		name = arena_printf(s->m->a, "localhost/%s:%s", s->label, name);
	}
	r = ref_parse(name, &ref, e);
	if (r < 0)
		return r;
	*ret = arena_strdup(s->m->a, ref_full(&ref, full));
	return 0;
}

/* ---- index.json ---- */

/* Several manifests without names are one image for several platforms. */
static bool is_platform_list(const struct index *idx)
{
	for (size_t i = 0; i < idx->n; i++)
		if (*idx->v[i].ref_name || *idx->v[i].io_name || !*idx->v[i].platform.os)
			return false;
	return idx->n > 1;
}

/* Of a layout with several entries, the one that is asked for. */
static int select_entry(const struct index *idx, const char *name, struct index *ret, struct err *e)
{
	for (size_t i = 0; i < idx->n; i++) {
		if (!str_eq(idx->v[i].ref_name, name))
			continue;
		*ret = (struct index){ .v = &idx->v[i], .n = 1 };
		return 0;
	}
	return err_say(e, ENOENT, "index.json names no image \"%.128s\"", name);
}

static int load_index(struct source *s, const struct index *idx, const struct load_opts *o,
		      const struct platform *want, struct err *e)
{
	bool one = is_platform_list(idx);
	long pick = one ? platform_choose(idx, want) : 0;

	if (idx->n == 0)
		return err_say(e, EINVAL, "index.json names no image");
	if (pick < 0)
		return err_say(e, ENOENT, "it has no image for the platform %s",
			       platform_show(s->m->a, want));
	if (o->name && !one && idx->n > 1)
		return err_say(e, EINVAL, "it has %zu images: --name can name only one", idx->n);
	for (size_t i = 0; i < idx->n; i++) {
		char *names[2] = { NULL, NULL };
		const char *name;
		int r;

		if (one && (size_t)pick != i)
			continue;
		r = name_of(s, &idx->v[i], o, &name, e);
		if (r < 0)
			return r;
		names[0] = (char *)(uintptr_t)name;
		r = load_descriptor(s, &idx->v[i], want, names, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_layout(struct source *s, const struct load_opts *o, struct err *e)
{
	AUTO_FREE char *text = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m;
	struct platform want;
	size_t n;
	int r = platform_parse(s->m->a, o->platform, &want, e);

	if (r == 0)
		r = source_read(s, "index.json", &text, &n, e);
	if (r == 0)
		r = manifest_parse(s->m->a, text, n, NULL, "index.json", &kind, &idx, &m, e);
	if (r < 0)
		return r;
	if (kind != MEDIA_INDEX)
		return err_say(e, EINVAL, "index.json: it is no image index");
	if (o->select && select_entry(&idx, o->select, &idx, e) < 0)
		return -e->code;
	return load_index(s, &idx, o, &want, e);
}

int load_source(struct source *s, const struct load_opts *o, struct err *e)
{
	/* `docker save` writes both since version 25; the layout keeps the digests */
	if (source_has(s, "index.json"))
		return load_layout(s, o, e);
	if (source_has(s, "manifest.json"))
		return load_docker(s, o, e);
	return err_say(e, EINVAL,
		       "it is neither an OCI image layout (index.json) nor a docker-archive "
		       "(manifest.json); berth import takes a root file system alone");
}
