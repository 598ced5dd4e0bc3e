/* catalog.c - store/index.json, one entry a line, so that one name is found without reading all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "image/store.h"

#define KEY_NAME "org.opencontainers.image.ref.name"
#define KEY_ID "berth.image.id"
#define KEY_MANIFEST "berth.image.manifest"
#define KEY_LOADED "berth.image.loaded"

void catalog_free(struct catalog *x)
{
	if (!x)
		return;
	arena_free(x->a);
	free(x->v);
	free(x);
}

void catalog_cleanup(struct catalog **x)
{
	catalog_free(*x);
	*x = NULL;
}

static const char *annotation(const struct descriptor *d, const char *key)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (str_eq(d->annotations.v[i].key, key))
			return d->annotations.v[i].value;
	return "";
}

static void entry_from(const struct descriptor *d, struct catalog_entry *n)
{
	*n = (struct catalog_entry){
		.name = d->ref_name,
		.id = annotation(d, KEY_ID),
		.digest = annotation(d, KEY_MANIFEST),
		.top = d->digest,
		.media_type = d->media_type,
		.top_size = d->size,
		.loaded = annotation(d, KEY_LOADED),
		.platform = d->platform,
	};
	if (!*n->digest)
		n->digest = n->top;
}

static int catalog_parse(struct arena *a, const char *text, size_t n, struct index *ret,
			 struct err *e)
{
	enum media_kind kind = MEDIA_UNKNOWN;
	struct manifest m;
	int r = manifest_parse(a, text, n, NULL, "store/index.json", &kind, ret, &m, e);

	if (r == 0 && kind != MEDIA_INDEX)
		r = err_say(e, EINVAL, "store/index.json: it is no image index");
	if (r < 0)
		return err_hint(e, "\"berth system check --repair\" makes it anew");
	return 0;
}

static int catalog_fill(struct catalog *x, const char *text, size_t n, struct err *e)
{
	struct index idx = { 0 };
	int r = catalog_parse(x->a, text, n, &idx, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < idx.n; i++) {
		struct catalog_entry entry;

		entry_from(&idx.v[i], &entry);
		if (!digest_valid(entry.id) || !digest_valid(entry.digest))
			continue;	/* not ours: put there by another tool */
		if (x->n == x->cap) {
			x->cap = x->cap ? x->cap * 2 : 64;
			x->v = mem_resize(x->v, x->cap, sizeof(*x->v));
		}
		x->v[x->n++] = entry;
	}
	return 0;
}

int catalog_read(const struct store *s, struct catalog **ret, struct err *e)
{
	AUTO(catalog) struct catalog *x = mem_alloc(sizeof(*x));
	AUTO_FREE char *text = NULL;
	struct err lost = ERR_INIT;
	size_t n = 0;
	int r = path_read_file(s->fd, "index.json", MANIFEST_BYTES_MAX, &text, &n, &lost);

	x->a = arena_new(MANIFEST_ARENA);
	if (r == -ENOENT) {
		*ret = TAKE(x);
		return 0;
	}
	if (r < 0)
		return err_set(e, -r, "read %s/index.json", s->path);
	r = catalog_fill(x, text, n, e);
	if (r < 0)
		return r;
	*ret = TAKE(x);
	return 0;
}

static void entry_write(struct json_out *o, const struct catalog_entry *n)
{
	json_out_obj(o, NULL);
	json_out_str(o, "mediaType", n->media_type);
	json_out_str(o, "digest", n->top);
	json_out_u64(o, "size", n->top_size);
	json_out_obj(o, "annotations");
	if (*n->name)
		json_out_str(o, KEY_NAME, n->name);
	json_out_str(o, KEY_ID, n->id);
	json_out_str(o, KEY_MANIFEST, n->digest);
	json_out_str(o, KEY_LOADED, n->loaded);
	json_out_end_obj(o);
	if (*n->platform.os) {
		json_out_obj(o, "platform");
		json_out_str(o, "architecture", n->platform.arch);
		json_out_str(o, "os", n->platform.os);
		if (*n->platform.variant)
			json_out_str(o, "variant", n->platform.variant);
		json_out_end_obj(o);
	}
	json_out_end_obj(o);
}

int catalog_write(const struct store *s, const struct catalog *x, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	if (x->n > MANIFEST_DESCRIPTORS_MAX)
		return err_say(e, E2BIG, "a store holds at most %d names and images: remove some",
			       MANIFEST_DESCRIPTORS_MAX);
	strbuf_adds(
		&b,
		"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
		"\"manifests\":[\n");
	for (size_t i = 0; i < x->n; i++) {
		struct json_out o;

		json_out_init(&o, &b, 0);
		entry_write(&o, &x->v[i]);
		strbuf_adds(&b, i + 1 < x->n ? ",\n" : "\n");
	}
	strbuf_adds(&b, "]}\n");
	return path_write_file(s->fd, "index.json", b.s, b.len, 0600, true, e);
}

static void append(struct catalog *x, const struct catalog_entry *n)
{
	struct catalog_entry c = *n;
	const char **strings[] = { &c.name, &c.id, &c.digest, &c.top, &c.media_type, &c.loaded,
				   &c.platform.os, &c.platform.arch, &c.platform.variant };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*strings[i] = arena_strdup(x->a, *strings[i] ? *strings[i] : "");
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 64;
		x->v = mem_resize(x->v, x->cap, sizeof(*x->v));
	}
	x->v[x->n++] = c;
}

void catalog_delete(struct catalog *x, size_t i)
{
	memmove(&x->v[i], &x->v[i + 1], (x->n - i - 1) * sizeof(*x->v));
	x->n--;
}

void catalog_untag(struct catalog *x, size_t i, bool keep_nameless)
{
	for (size_t j = 0; j < x->n; j++)
		if (j != i && str_eq(x->v[j].id, x->v[i].id))
			keep_nameless = false;
	if (keep_nameless)
		x->v[i].name = "";
	else
		catalog_delete(x, i);
}

void catalog_add(struct catalog *x, const struct catalog_entry *n)
{
	append(x, n);
	for (size_t i = 0; i + 1 < x->n; i++) {
		bool same = str_eq(x->v[i].id, n->id);

		if (*n->name && str_eq(x->v[i].name, n->name)) {
			catalog_untag(x, i, !same);
			break;
		}
		if (!*n->name && same) {	/* it is there already, with or without a name */
			x->n--;
			return;
		}
	}
	for (size_t i = 0; *n->name && i + 1 < x->n;) {
		if (!*x->v[i].name && str_eq(x->v[i].id, n->id))
			catalog_delete(x, i);
		else
			i++;
	}
}

int catalog_find(const struct store *s, struct arena *a, const char *full,
		 struct catalog_entry *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *wanted = mem_printf("\"" KEY_NAME "\":\"%s\"", full);
	AUTO(strbuf) struct strbuf one = STRBUF_INIT;
	struct err lost = ERR_INIT;
	const char *hit, *begin, *end;
	struct index idx = { 0 };
	size_t n = 0;
	int r = path_read_file(s->fd, "index.json", MANIFEST_BYTES_MAX, &text, &n, &lost);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, -r, "read %s/index.json", s->path);
	hit = memmem(text, n, wanted, strlen(wanted));
	if (!hit)
		return 0;
	begin = memrchr(text, '\n', (size_t)(hit - text));
	end = memchr(hit, '\n', n - (size_t)(hit - text));
	if (!begin || !end)
		return 0;
	if (end[-1] == ',')
		end--;
	strbuf_adds(&one, "{\"manifests\":[");
	strbuf_add(&one, begin + 1, (size_t)(end - begin - 1));
	strbuf_adds(&one, "]}");
	r = catalog_parse(a, one.s, one.len, &idx, e);
	if (r < 0)
		return r;
	if (idx.n != 1)
		return 0;
	entry_from(&idx.v[0], ret);
	if (!str_eq(ret->name, full) || !digest_valid(ret->id))
		return err_say(e, EINVAL, "store/index.json: the entry of %s is damaged", full);
	return 1;
}
