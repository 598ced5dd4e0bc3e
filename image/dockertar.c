/* dockertar.c - `docker save` archives: manifest.json names configs, tags and layer files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/load.h"

struct docker_image { const char *config; char **tags, **layers; };

static int read_docker_image(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "Config", json_read_str, offsetof(struct docker_image, config), true },
		{ "RepoTags", json_read_strs, offsetof(struct docker_image, tags), false },
		{ "Layers", json_read_strs, offsetof(struct docker_image, layers), true },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* By its first bytes: what `docker save` calls layer.tar may be compressed. */
static const char *layer_type(struct maker *m, const char *digest)
{
	unsigned char magic[4] = { 0 };
	struct err lost = ERR_INIT;
	AUTO_CLOSE int fd = -1;

	if (maker_open_blob(m, digest, &fd, &lost) == 0 &&
	    fd_read_full(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic)) {
		if (magic[0] == 0x1f && magic[1] == 0x8b)
			return "application/vnd.oci.image.layer.v1.tar+gzip";
		if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
			return "application/vnd.oci.image.layer.v1.tar+zstd";
	}
	return "application/vnd.oci.image.layer.v1.tar";
}

/* The archive has no manifest in our sense: one is made of its config and layers. */
static int make_manifest(struct source *s, const struct docker_image *d, struct strbuf *b,
			 struct err *e)
{
	char digest[DIGEST_LEN + 1], name[STAGE_PATH_MAX];
	struct json_out o;
	uint64_t size;
	int r = stage_clean(d->config, name, e);

	if (r == 0)
		r = source_take(s, name, NULL, -1, digest, &size, e);
	if (r < 0)
		return r;
	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_u64(&o, "schemaVersion", 2);
	json_out_str(&o, "mediaType", "application/vnd.oci.image.manifest.v1+json");
	descriptor_write(&o, "config", "application/vnd.oci.image.config.v1+json", digest, size);
	json_out_arr(&o, "layers");
	for (char **l = d->layers; *l; l++) {
		r = stage_clean(*l, name, e);
		if (r == 0)
			r = source_take(s, name, NULL, -1, digest, &size, e);
		if (r < 0)
			return r;
		descriptor_write(&o, NULL, layer_type(s->m, digest), digest, size);
	}
	json_out_end_arr(&o);
	json_out_end_obj(&o);
	return 0;
}

static int docker_names(struct source *s, const struct docker_image *d, const struct load_opts *o,
			char ***ret, struct err *e)
{
	const char *own[2] = { o->name, NULL };
	char **tags = o->name ? (char **)(uintptr_t)own : d->tags, **names;
	size_t n = 0;

	while (tags && tags[n])
		n++;
	names = arena_array(s->m->a, n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		char full[REF_MAX];
		struct ref ref;
		int r = ref_parse(tags[i], &ref, e);

		if (r < 0)
			return r;
		names[i] = arena_strdup(s->m->a, ref_full(&ref, full));
	}
	*ret = names;
	return 0;
}

static int load_docker_image(struct source *s, const struct docker_image *d,
			     const struct load_opts *o, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	char digest[DIGEST_LEN + 1];
	struct maker_request q = { .media_type = "application/vnd.oci.image.manifest.v1+json" };
	const char *id;
	char **names;
	int r = docker_names(s, d, o, &names, e);

	if (r == 0)
		r = make_manifest(s, d, &b, e);
	if (r == 0)
		r = maker_add_blob(s->m, b.s, b.len, digest, e);
	if (r < 0)
		return r;
	q.digest = q.top = digest;
	q.top_type = q.media_type;
	q.top_size = b.len;
	q.names = names;
	q.what = names[0] ? names[0] : d->config;
	return maker_add_image(s->m, &q, &id, e);
}

int load_docker(struct source *s, const struct load_opts *o, struct err *e)
{
	struct json_ctx c = { .a = s->m->a, .e = e, .what = "manifest.json" };
	AUTO_FREE char *text = NULL;
	struct docker_image *v;
	const struct json *doc;
	size_t n, bytes;
	int r = source_read(s, "manifest.json", &text, &bytes, e);

	if (r == 0)
		r = json_parse(s->m->a, text, bytes, (struct json_limits){ MANIFEST_BYTES_MAX, 16 },
			       c.what, &doc, e);
	if (r == 0)
		r = json_read_array(&c, doc, sizeof(*v), read_docker_image, &v, &n);
	if (r < 0)
		return r;
	if (n == 0)
		return err_say(e, EINVAL, "manifest.json names no image");
	if (o->name && n > 1)
		return err_say(e, EINVAL, "it has %zu images: --name can name only one", n);
	for (size_t i = 0; i < n; i++) {
		r = load_docker_image(s, &v[i], o, e);
		if (r < 0)
			return r;
	}
	return 0;
}
