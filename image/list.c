/* list.c - an index made here: images for several platforms under one name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "image/list.h"
#include "image/pull.h"
#include "image/push.h"
#include "image/worker.h"

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"

/* raw: as it was, for an entry that nobody changed. */
struct list_entry { struct descriptor d; const struct json *raw; };
struct list {
	struct maker *m;
	const struct list_opts *o;
	struct list_entry *v;
	size_t n;
	const struct json *annotations;	/* of the index, or NULL */
};

static int read_index(struct list *l, const char *digest, struct index *ret,
		      const struct json **ret_doc, struct err *e)
{
	AUTO_FREE char *text = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct manifest m = { 0 };
	size_t n;
	int r = maker_has_blob(l->m, digest) ? 0 :
		err_say(e, ENOENT, "index %.19s... is not in the store", digest);

	if (r == 0)
		r = maker_read_blob(l->m, digest, "index", &text, &n, e);
	if (r == 0)
		r = manifest_parse(l->m->a, text, n, NULL, "index", &kind, ret, &m, e);
	if (r == 0 && kind != MEDIA_INDEX)
		r = err_say(e, EINVAL, "it is one image, no index");
	if (r == 0)
		r = json_parse(l->m->a, text, n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 },
			       "index", ret_doc, e);
	return r;
}

static long find(const struct list *l, const char *digest)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].d.digest, digest))
			return (long)i;
	return -1;
}

static int put(struct list *l, const struct descriptor *d, const struct json *raw, struct err *e)
{
	long at = find(l, d->digest);

	if (at < 0 && l->n == MANIFEST_DESCRIPTORS_MAX)
		return err_say(e, E2BIG, "an index has at most %d entries",
			       MANIFEST_DESCRIPTORS_MAX);
	l->v[at < 0 ? (long)l->n++ : at] = (struct list_entry){ *d, raw };
	return 0;
}

/* All entries of an index in the store. */
static int put_index(struct list *l, const char *digest, const struct json **ret_doc, struct err *e)
{
	const struct json *doc, *list, *raw;
	struct index x = { 0 };
	int r = read_index(l, digest, &x, &doc, e);

	if (r < 0)
		return r;
	list = json_get(doc, "manifests");
	raw = list ? list->child : NULL;
	for (size_t i = 0; r == 0 && i < x.n; i++, raw = raw->next)
		r = put(l, &x.v[i], raw, e);
	*ret_doc = doc;
	return r;
}

/* ---- what is changed of an entry ---- */

static int annotate(struct list *l, struct list_entry *n, struct err *e)
{
	const struct list_opts *o = l->o;
	struct { const char *said, **field; } words[] = {
		{ o->os, &n->d.platform.os }, { o->arch, &n->d.platform.arch },
		{ o->variant, &n->d.platform.variant },
		{ o->os_version, &n->d.platform.os_version },
	};
	struct json_map *m = &n->d.annotations;
	struct json_pair *v = arena_array(l->m->a, m->n + o->annotations.n + 1, sizeof(*v));

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].said)
			*words[i].field = words[i].said;
	if (m->n)
		memcpy(v, m->v, m->n * sizeof(*v));
	m->v = v;
	for (size_t i = 0; i < o->annotations.n; i++) {
		const char *text = o->annotations.v[i], *eq = strchr(text, '=');
		size_t k = 0;

		if (!eq || eq == text)
			return err_say(e, EINVAL, "--annotation %s: expected KEY=VALUE", text);
		while (k < m->n && !(strlen(v[k].key) == (size_t)(eq - text) &&
				     strncmp(v[k].key, text, (size_t)(eq - text)) == 0))
			k++;
		m->n += k == m->n;
		v[k] = (struct json_pair){ arena_strndup(l->m->a, text, (size_t)(eq - text)),
					   eq + 1 };
	}
	n->raw = NULL;
	return 0;
}

/* An image of the store by its manifest, which says nothing of its platform. */
static int add(struct list *l, const char *name, struct err *e)
{
	AUTO(image) struct image *i = NULL;
	AUTO(parts) struct parts p = { 0 };
	struct arena *a = l->m->a;
	const struct json *doc;
	struct descriptor d;
	int r = image_load_names(l->m->store, name, &i, e);

	if (r < 0)
		return r;
	if (l->o->all && *i->top && !str_eq(i->top, i->digest))
		return put_index(l, i->top, &doc, e);
	i->top = i->digest;
	r = parts_find(l->m, i, true, &p, e);
	if (r < 0)
		return r;
	d = p.top;
	d.media_type = arena_strdup(a, d.media_type);
	d.digest = arena_strdup(a, d.digest);
	d.platform = (struct platform){ arena_strdup(a, i->os), arena_strdup(a, i->arch),
					arena_strdup(a, i->variant), "" };
	r = put(l, &d, NULL, e);
	return r < 0 ? r : annotate(l, &l->v[find(l, d.digest)], e);
}

static int change_one(struct list *l, enum list_change how, const char *name, struct err *e)
{
	AUTO(image) struct image *i = NULL;
	const char *digest = name;
	long at;
	int r;

	if (how == LIST_CREATE || how == LIST_ADD)
		return add(l, name, e);
	if (!digest_valid(name)) {
		r = image_load_names(l->m->store, name, &i, e);
		if (r < 0)
			return r;
		digest = i->digest;
	}
	at = find(l, digest);
	if (at < 0)
		return err_say(e, ENOENT, "%s is not in it", name);
	if (how == LIST_ANNOTATE)
		return annotate(l, &l->v[at], e);
	memmove(&l->v[at], &l->v[at + 1], (l->n - (size_t)at - 1) * sizeof(*l->v));
	l->n--;
	return 0;
}

/* ---- writing ---- */

static void write_entry(struct json_out *o, const struct descriptor *d)
{
	json_out_obj(o, NULL);
	json_out_str(o, "mediaType", d->media_type);
	json_out_str(o, "digest", d->digest);
	json_out_u64(o, "size", d->size);
	if (*d->artifact_type)
		json_out_str(o, "artifactType", d->artifact_type);
	json_out_obj(o, "platform");
	json_out_str(o, "architecture", d->platform.arch);
	json_out_str(o, "os", d->platform.os);
	if (*d->platform.os_version)
		json_out_str(o, "os.version", d->platform.os_version);
	if (*d->platform.variant)
		json_out_str(o, "variant", d->platform.variant);
	json_out_end_obj(o);
	if (d->annotations.n)
		json_out_map(o, "annotations", &d->annotations);
	json_out_end_obj(o);
}

/* The name stands for the image of this machine's platform, else for the first that is an image. */
static int choose(struct list *l, struct index *x, long *ret, struct err *e)
{
	struct platform here;
	int r = platform_parse(l->m->a, NULL, &here, e);

	if (r < 0)
		return r;
	x->v = arena_array(l->m->a, l->n + 1, sizeof(*x->v));
	for (size_t i = 0; i < l->n; i++)
		x->v[x->n++] = l->v[i].d;
	*ret = platform_choose(x, &here);
	for (size_t i = 0; *ret < 0 && i < x->n; i++)
		if (!*x->v[i].artifact_type && media_kind(x->v[i].media_type) == MEDIA_MANIFEST)
			*ret = (long)i;
	return *ret >= 0 ? 0 : err_say(e, EINVAL, "it would have no image");
}

static int write_list(struct list *l, const char *full, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	char digest[DIGEST_LEN + 1];
	char *names[2] = { arena_strdup(l->m->a, full), NULL };
	struct index x = { 0 };
	struct json_out o;
	const char *id;
	long pick;
	int r = choose(l, &x, &pick, e);

	if (r < 0)
		return r;
	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_u64(&o, "schemaVersion", 2);
	json_out_str(&o, "mediaType", INDEX_TYPE);
	json_out_arr(&o, "manifests");
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].raw)
			json_out_value(&o, NULL, l->v[i].raw);
		else
			write_entry(&o, &l->v[i].d);
	}
	json_out_end_arr(&o);
	if (l->annotations)
		json_out_value(&o, "annotations", l->annotations);
	json_out_end_obj(&o);
	r = maker_add_blob(l->m, b.s, b.len, digest, e);
	if (r == 0) {
		const struct maker_request q = {
			.digest = x.v[pick].digest, .media_type = x.v[pick].media_type,
			.top = digest, .top_type = INDEX_TYPE, .top_size = b.len,
			.names = names, .what = full,
		};

		r = maker_has_blob(l->m, q.digest) ? maker_add_image(l->m, &q, &id, e) :
		    err_say(e, ENOENT, "%.19s... is not in the store: pull --all-platforms",
			    q.digest);
	}
	if (r == 0)
		r = maker_commit(l->m, e);
	if (r == 0)
		printf("%s\n", digest);
	return r;
}

/* The list as it is. */
static int begin(struct list *l, enum list_change how, const char *full, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	struct catalog_entry was = { 0 };
	const struct json *doc = NULL;
	int r = catalog_find(l->m->store, a, full, &was, e);

	if (r < 0)
		return r;
	if (r == 0 && how != LIST_CREATE)
		return err_say(e, ENOENT, "there is none: manifest create makes one");
	if (r == 1 && how == LIST_CREATE && !l->o->amend)
		return err_say(e, EEXIST, "there is one already: --amend adds to it");
	r = r == 1 ? put_index(l, was.top, &doc, e) : 0;
	l->annotations = doc ? json_get(doc, "annotations") : NULL;
	return r;
}

int list_change(const struct store *s, enum list_change how, const char *name,
		char *const *images, size_t n, const struct list_opts *o, struct err *e)
{
	static const char *const words[] = { "create", "add", "annotate", "remove" };
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO_FREE struct list_entry *v = mem_array(MANIFEST_DESCRIPTORS_MAX, sizeof(*v));
	struct list l = { .m = &m, .o = o, .v = v };
	AUTO_CLOSE int lock = -1;
	char full[REF_MAX];
	struct ref ref;
	int r = ref_parse(name, &ref, e);

	if (r == 0 && *ref.digest)
		r = err_say(e, EINVAL, "a digest is no name");
	if (r == 0)
		r = pull_lock_name(s, ref_full(&ref, full), &lock, e);
	if (r == 0)
		r = worker_begin(s, &m, -1, e);
	if (r == 0)
		r = begin(&l, how, full, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = change_one(&l, how, images[i], e);
	if (r == 0)
		r = write_list(&l, full, e);
	return r < 0 ? err_wrap(e, "manifest %s %s", words[how], name) : 0;
}
