/* manifest.c - index, manifest, config and image record: JSON into structs, pure and bounded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "image/manifest.h"

#define LIMITS ((struct json_limits){ MANIFEST_BYTES_MAX, 32 })

static const struct {
	const char *type;
	enum media_kind kind;
} media_types[] = {
	{ "application/vnd.oci.image.index.v1+json", MEDIA_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", MEDIA_INDEX },
	{ "application/vnd.oci.image.manifest.v1+json", MEDIA_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json", MEDIA_MANIFEST },
	{ "application/vnd.oci.image.config.v1+json", MEDIA_CONFIG },
	{ "application/vnd.docker.container.image.v1+json", MEDIA_CONFIG },
	{ "application/vnd.oci.image.layer.v1.tar", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIA_LAYER_FOREIGN },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_LAYER_FOREIGN },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_LAYER_FOREIGN },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_LAYER_FOREIGN },
};

enum media_kind media_kind(const char *media_type)
{
	for (size_t i = 0; media_type && i < ARRAY_SIZE(media_types); i++)
		if (str_eq(media_types[i].type, media_type))
			return media_types[i].kind;
	return MEDIA_UNKNOWN;
}

bool digest_valid(const char *s)
{
	return s && str_starts(s, "sha256:") && str_is_hex(s + 7, 64) && s[71] == '\0';
}

/* ---- readers of single values ---- */

static int read_digest(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s;
	int r = json_read_str(c, v, &s);

	if (r < 0)
		return r;
	if (!digest_valid(s)) {
		char shown[100];

		return json_fail(c, "\"%s\" is no sha256 digest (berth knows no other algorithm)",
				 str_printable(s, strlen(s), shown, sizeof(shown) - 1));
	}
	*(const char **)field = s;
	return 0;
}

/* A list of strings from the keys of an object: ExposedPorts and Volumes. */
static int read_keys(struct json_ctx *c, const struct json *v, void *field)
{
	char **list;
	size_t n = 0;

	if (v->type != JSON_OBJECT)
		return json_fail(c, "expected an object");
	list = arena_array(c->a, v->n + 1u, sizeof(*list));
	for (const struct json *m = v->child; m; m = m->next)
		list[n++] = arena_strdup(c->a, m->key);
	*(char ***)field = list;
	return 0;
}

/* Cmd and Entrypoint were single strings in the first years. */
static int read_command(struct json_ctx *c, const struct json *v, void *field)
{
	char **list;
	const char *s;
	int r;

	if (v->type != JSON_STRING)
		return json_read_strs(c, v, field);
	r = json_read_str(c, v, &s);
	if (r < 0)
		return r;
	list = arena_array(c->a, 4, sizeof(*list));
	list[0] = arena_strdup(c->a, "/bin/sh");
	list[1] = arena_strdup(c->a, "-c");
	list[2] = arena_strdup(c->a, s);
	*(char ***)field = list;
	return 0;
}

static int read_health(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "Test", json_read_strs, offsetof(struct image_health, test), false },
		{ "Interval", json_read_i64, offsetof(struct image_health, interval), false },
		{ "Timeout", json_read_i64, offsetof(struct image_health, timeout), false },
		{ "StartPeriod", json_read_i64, offsetof(struct image_health, start_period),
		  false },
		{ "StartInterval", json_read_i64, offsetof(struct image_health, start_interval),
		  false },
		{ "Retries", json_read_i32, offsetof(struct image_health, retries), false },
	};
	struct image_health *h = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), h);

	if (r < 0)
		return r;
	h->set = h->test && h->test[0];
	return 0;
}

static int read_config(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "Env", json_read_strs, offsetof(struct image_config, env), false },
		{ "Cmd", read_command, offsetof(struct image_config, cmd), false },
		{ "Entrypoint", read_command, offsetof(struct image_config, entrypoint), false },
		{ "OnBuild", json_read_strs, offsetof(struct image_config, onbuild), false },
		{ "Shell", json_read_strs, offsetof(struct image_config, shell), false },
		{ "ExposedPorts", read_keys, offsetof(struct image_config, ports), false },
		{ "Volumes", read_keys, offsetof(struct image_config, volumes), false },
		{ "User", json_read_str, offsetof(struct image_config, user), false },
		{ "WorkingDir", json_read_str, offsetof(struct image_config, workdir), false },
		{ "StopSignal", json_read_str, offsetof(struct image_config, stop_signal), false },
		{ "Labels", json_read_map, offsetof(struct image_config, labels), false },
		{ "Healthcheck", read_health, offsetof(struct image_config, health), false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* What the document left out becomes empty, so that nobody needs to test for NULL. */
static void config_fill(struct arena *a, struct image_config *c)
{
	char ***lists[] = { &c->env, &c->cmd, &c->entrypoint, &c->onbuild, &c->shell,
			    &c->ports, &c->volumes, &c->health.test };
	const char **strings[] = { &c->user, &c->workdir, &c->stop_signal };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!*lists[i])
			*lists[i] = arena_array(a, 1, sizeof(char *));
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (!*strings[i])
			*strings[i] = "";
}

static void strings_fill(const char **const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!*v[i])
			*v[i] = "";
}
#define STRINGS_FILL(...)									\
	do {											\
		const char **fill_[] = { __VA_ARGS__ };						\
		strings_fill(fill_, ARRAY_SIZE(fill_));						\
	} while (0)

static int read_platform(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "os", json_read_str, offsetof(struct platform, os), false },
		{ "architecture", json_read_str, offsetof(struct platform, arch), false },
		{ "variant", json_read_str, offsetof(struct platform, variant), false },
		{ "os.version", json_read_str, offsetof(struct platform, os_version), false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static const char *map_get(const struct json_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].key, key))
			return m->v[i].value;
	return "";
}

static int read_descriptor(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "mediaType", json_read_str, offsetof(struct descriptor, media_type), false },
		{ "digest", read_digest, offsetof(struct descriptor, digest), true },
		{ "size", json_read_u64, offsetof(struct descriptor, size), true },
		{ "artifactType", json_read_str, offsetof(struct descriptor, artifact_type),
		  false },
		{ "platform", read_platform, offsetof(struct descriptor, platform), false },
		{ "annotations", json_read_map, offsetof(struct descriptor, annotations), false },
	};
	struct descriptor *d = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), d);

	if (r < 0)
		return r;
	if (d->size > INT64_MAX)
		return json_fail(c, "size is out of range");
	d->ref_name = map_get(&d->annotations, "org.opencontainers.image.ref.name");
	d->io_name = map_get(&d->annotations, "io.containerd.image.name");
	STRINGS_FILL(&d->media_type, &d->artifact_type, &d->platform.os, &d->platform.arch,
		     &d->platform.variant, &d->platform.os_version);
	return 0;
}

static int read_index(struct json_ctx *c, const struct json *v, struct index *ret)
{
	const struct json *list = json_get(v, "manifests");
	const struct json *ann = json_get(v, "annotations");
	struct index x = { 0 };
	int r;

	if (list->type == JSON_ARRAY && list->n > MANIFEST_DESCRIPTORS_MAX)
		return json_fail(c, "manifests: %u entries, at most %d are allowed", list->n,
				 MANIFEST_DESCRIPTORS_MAX);
	json_enter(c, "manifests", 0);
	r = json_read_array(c, list, sizeof(*x.v), read_descriptor, &x.v, &x.n);
	if (r < 0)
		return r;
	json_leave(c);
	if (ann && ann->type != JSON_NULL) {
		json_enter(c, "annotations", 0);
		r = json_read_map(c, ann, &x.annotations);
		if (r < 0)
			return r;
		json_leave(c);
	}
	*ret = x;
	return 0;
}

static int read_layers(struct json_ctx *c, const struct json *v, void *field)
{
	struct manifest *m = (struct manifest *)((char *)field - offsetof(struct manifest, layers));

	if (v->type == JSON_ARRAY && v->n > MANIFEST_LAYERS_MAX)
		return json_fail(c, "%u layers, at most %d are allowed", v->n, MANIFEST_LAYERS_MAX);
	return json_read_array(c, v, sizeof(*m->layers), read_descriptor, &m->layers, &m->nlayers);
}

static int read_manifest(struct json_ctx *c, const struct json *v, struct manifest *ret)
{
	static const struct json_row rows[] = {
		{ "mediaType", json_read_str, offsetof(struct manifest, media_type), false },
		{ "config", read_descriptor, offsetof(struct manifest, config), true },
		{ "layers", read_layers, offsetof(struct manifest, layers), true },
		{ "annotations", json_read_map, offsetof(struct manifest, annotations), false },
	};
	struct manifest m = { 0 };
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), &m);

	if (r < 0)
		return r;
	STRINGS_FILL(&m.media_type);
	for (size_t i = 0; i < m.nlayers; i++)
		if (media_kind(m.layers[i].media_type) == MEDIA_LAYER_FOREIGN)
			return json_fail(c,
					 "layers[%zu]: \"%s\" lies outside the registry and is not "
					 "fetched",
					 i, m.layers[i].media_type);
	*ret = m;
	return 0;
}

static bool has(const struct json *v, const char *key)
{
	const struct json *m = json_get(v, key);

	return m && m->type != JSON_NULL;
}

int manifest_parse(struct arena *a, const char *text, size_t n, const char *media_type,
		   const char *what, enum media_kind *ret_kind, struct index *ret_index,
		   struct manifest *ret_manifest, struct err *e)
{
	struct json_ctx c = { .a = a, .e = e, .what = what };
	const struct json *doc, *version;
	enum media_kind kind;
	const char *own;
	bool index, manifest;
	int r = json_parse(a, text, n, LIMITS, what, &doc, e);

	if (r < 0)
		return r;
	if (doc->type != JSON_OBJECT)
		return json_fail(&c, "expected an object");
	version = json_get(doc, "schemaVersion");
	if (version && (version->type != JSON_NUMBER || !str_eq(version->s, "2")))
		return json_fail(&c, "schemaVersion is not 2 (Docker's schema 1 is not supported)");
	own = json_str(json_get(doc, "mediaType"));
	if (own && !str_empty(media_type) && !str_eq(own, media_type))
		return json_fail(&c, "it says it is \"%s\", but was given as \"%s\"", own,
				 media_type);
	if (str_empty(media_type))
		media_type = own;
	index = has(doc, "manifests");
	manifest = has(doc, "layers") || has(doc, "config");
	if (index && manifest)
		return json_fail(&c, "it is both an index and a manifest, which no image may be");
	kind = media_kind(media_type);
	if (str_empty(media_type))
		kind = index ? MEDIA_INDEX : MEDIA_MANIFEST;
	if (kind == MEDIA_INDEX && index) {
		r = read_index(&c, doc, ret_index);
	} else if (kind == MEDIA_MANIFEST && manifest) {
		r = read_manifest(&c, doc, ret_manifest);
	} else {
		char shown[128];

		return json_fail(&c, "neither an image index nor an image manifest%s%s",
				 str_empty(media_type) ? "" : ", but ",
				 str_empty(media_type) ?
					 "" :
					 str_printable(media_type, strlen(media_type), shown,
						       sizeof(shown) - 1));
	}
	if (r < 0)
		return r;
	*ret_kind = kind;
	return 0;
}

/* ---- the config ---- */

static int read_step(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "created", json_read_str, offsetof(struct image_step, created), false },
		{ "created_by", json_read_str, offsetof(struct image_step, created_by), false },
		{ "comment", json_read_str, offsetof(struct image_step, comment), false },
		{ "author", json_read_str, offsetof(struct image_step, author), false },
		{ "empty_layer", json_read_bool, offsetof(struct image_step, empty), false },
	};
	struct image_step *s = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), s);

	if (r < 0)
		return r;
	STRINGS_FILL(&s->created, &s->created_by, &s->comment, &s->author);
	return 0;
}

static int read_history(struct json_ctx *c, const struct json *v, void *field)
{
	struct config_doc *d = (struct config_doc *)((char *)field -
						     offsetof(struct config_doc, history));

	return json_read_array(c, v, sizeof(*d->history), read_step, &d->history, &d->nhistory);
}

struct rootfs { const char *type; const char **diff_ids; size_t n; };

static int read_diff_ids(struct json_ctx *c, const struct json *v, void *field)
{
	struct rootfs *f = (struct rootfs *)((char *)field - offsetof(struct rootfs, diff_ids));

	if (v->type == JSON_ARRAY && v->n > MANIFEST_LAYERS_MAX)
		return json_fail(c, "%u layers, at most %d are allowed", v->n, MANIFEST_LAYERS_MAX);
	return json_read_array(c, v, sizeof(char *), read_digest, &f->diff_ids, &f->n);
}

static int read_rootfs(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "type", json_read_str, offsetof(struct rootfs, type), false },
		{ "diff_ids", read_diff_ids, offsetof(struct rootfs, diff_ids), true },
	};
	struct config_doc *d = (struct config_doc *)((char *)field -
						     offsetof(struct config_doc, diff_ids));
	struct rootfs f = { 0 };
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), &f);

	if (r < 0)
		return r;
	if (f.type && !str_eq(f.type, "layers"))
		return json_fail(c, "type is \"%s\", expected \"layers\"", f.type);
	d->diff_ids = arena_array(c->a, f.n + 1, sizeof(char *));
	for (size_t i = 0; i < f.n; i++)
		d->diff_ids[i] = arena_strdup(c->a, f.diff_ids[i]);
	d->ndiff_ids = f.n;
	return 0;
}

int config_parse(struct arena *a, const char *text, size_t n, const char *what,
		 struct config_doc *ret, struct err *e)
{
	static const struct json_row rows[] = {
		{ "os", json_read_str, offsetof(struct config_doc, platform.os), false },
		{ "architecture", json_read_str, offsetof(struct config_doc, platform.arch),
		  false },
		{ "variant", json_read_str, offsetof(struct config_doc, platform.variant), false },
		{ "author", json_read_str, offsetof(struct config_doc, author), false },
		{ "created", json_read_str, offsetof(struct config_doc, created), false },
		{ "config", read_config, offsetof(struct config_doc, config), false },
		{ "history", read_history, offsetof(struct config_doc, history), false },
		{ "rootfs", read_rootfs, offsetof(struct config_doc, diff_ids), true },
	};
	struct json_ctx c = { .a = a, .e = e, .what = what };
	struct config_doc d = { 0 };
	const struct json *doc;
	int r = json_parse(a, text, n, LIMITS, what, &doc, e);

	if (r < 0)
		return r;
	r = json_read_rows(&c, doc, rows, ARRAY_SIZE(rows), &d);
	if (r < 0)
		return r;
	d.raw_config = json_get(doc, "config");
	config_fill(a, &d.config);
	STRINGS_FILL(&d.platform.os, &d.platform.arch, &d.platform.variant,
		     &d.platform.os_version, &d.author, &d.created);
	*ret = d;
	return 0;
}

/* ---- our record ---- */

void image_record_write(struct strbuf *b, const struct config_doc *doc, char *const *layers,
			const uint64_t *sizes, size_t nsizes)
{
	struct json_out o;
	uint64_t total = 0;

	for (size_t i = 0; i < nsizes; i++)
		total += sizes[i];
	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "os", doc->platform.os);
	json_out_str(&o, "architecture", doc->platform.arch);
	json_out_str(&o, "variant", doc->platform.variant);
	json_out_str(&o, "author", doc->author);
	json_out_str(&o, "created", doc->created);
	json_out_u64(&o, "size", total);
	json_out_strs(&o, "layers", layers);
	json_out_arr(&o, "sizes");
	for (size_t i = 0; i < nsizes; i++)
		json_out_u64(&o, NULL, sizes[i]);
	json_out_end_arr(&o);
	if (doc->raw_config && doc->raw_config->type == JSON_OBJECT)
		json_out_value(&o, "config", doc->raw_config);
	json_out_end_obj(&o);
}

int image_record_parse(struct arena *a, const char *text, size_t n, struct image *i, struct err *e)
{
	static const struct json_row rows[] = {
		{ "os", json_read_str, offsetof(struct image, os), true },
		{ "architecture", json_read_str, offsetof(struct image, arch), true },
		{ "variant", json_read_str, offsetof(struct image, variant), true },
		{ "author", json_read_str, offsetof(struct image, author), true },
		{ "created", json_read_str, offsetof(struct image, created), true },
		{ "size", json_read_u64, offsetof(struct image, size), true },
		{ "layers", json_read_strs, offsetof(struct image, layers), true },
		{ "config", read_config, offsetof(struct image, config), false },
	};
	struct json_ctx c = { .a = a, .e = e, .what = "image record" };
	const struct json *doc;
	int r = json_parse(a, text, n, LIMITS, c.what, &doc, e);

	if (r < 0)
		return r;
	r = json_read_rows(&c, doc, rows, ARRAY_SIZE(rows), i);
	if (r < 0)
		return r;
	for (i->nlayers = 0; i->layers[i->nlayers]; i->nlayers++)
		if (!str_is_hex(i->layers[i->nlayers], 64) || strlen(i->layers[i->nlayers]) != 64)
			return json_fail(&c, "layers[%zu] is no name of a layer", i->nlayers);
	config_fill(a, &i->config);
	return 0;
}

void descriptor_write(struct json_out *o, const char *key, const char *type,
		      const char *digest, uint64_t size)
{
	json_out_obj(o, key);
	json_out_str(o, "mediaType", type);
	json_out_str(o, "digest", digest);
	json_out_u64(o, "size", size);
	json_out_end_obj(o);
}
