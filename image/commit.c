/* commit.c - new images: a container's upper directory on top of its image, or a root file
 * system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/change.h"
#include "image/worker.h"

#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* ---- documents ---- */

static void now(char buf[static 40])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct timespec t;

	if (str_empty(epoch) || str_to_time(epoch, &t) < 0)
		clock_gettime(CLOCK_REALTIME, &t);
	str_time(t, buf);
}

static void write_history(struct json_out *o, const struct made_image *i, const char *created)
{
	const struct json *old = json_get(i->base_doc, "history");

	json_out_arr(o, "history");
	for (const struct json *h = old && old->type == JSON_ARRAY ? old->child : NULL; h;
	     h = h->next)
		json_out_value(o, NULL, h);
	json_out_obj(o, NULL);
	json_out_str(o, "created", created);
	json_out_str(o, "created_by", i->created_by);
	if (!str_empty(i->author))
		json_out_str(o, "author", i->author);
	if (!str_empty(i->comment))
		json_out_str(o, "comment", i->comment);
	json_out_end_obj(o);
	json_out_end_arr(o);
}

static void write_config(struct strbuf *b, const struct made_image *i)
{
	struct json_out o;
	char created[40];

	now(created);
	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "created", created);
	if (!str_empty(i->author))
		json_out_str(&o, "author", i->author);
	json_out_str(&o, "architecture", i->platform.arch);
	if (!str_empty(i->platform.variant))
		json_out_str(&o, "variant", i->platform.variant);
	json_out_str(&o, "os", i->platform.os);
	change_write(&o, "config", i->config);
	json_out_obj(&o, "rootfs");
	json_out_str(&o, "type", "layers");
	json_out_arr(&o, "diff_ids");
	for (size_t k = 0; i->base && k < i->base->ndiff_ids; k++)
		json_out_str(&o, NULL, i->base->diff_ids[k]);
	json_out_str(&o, NULL, i->layer->diff_id);
	json_out_end_arr(&o);
	json_out_end_obj(&o);
	write_history(&o, i, created);
	json_out_end_obj(&o);
}

/* Docker's types, of a base that Docker made, have these names in OCI. */
static const char *oci_type(const char *type)
{
	if (str_ends(type, "zstd"))
		return "application/vnd.oci.image.layer.v1.tar+zstd";
	return str_ends(type, "gzip") ? LAYER_TYPE : "application/vnd.oci.image.layer.v1.tar";
}

static void write_manifest(struct strbuf *b, const struct made_image *i, const char *config,
			   uint64_t config_size)
{
	struct json_out o;

	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_u64(&o, "schemaVersion", 2);
	json_out_str(&o, "mediaType", MANIFEST_TYPE);
	descriptor_write(&o, "config", CONFIG_TYPE, config, config_size);
	json_out_arr(&o, "layers");
	for (size_t k = 0; k < i->nlayers; k++)
		descriptor_write(&o, NULL, oci_type(i->layers[k].media_type), i->layers[k].digest,
				 i->layers[k].size);
	descriptor_write(&o, NULL, LAYER_TYPE, i->layer->digest, i->layer->size);
	json_out_end_arr(&o);
	json_out_end_obj(&o);
}

int change_make(struct maker *m, const struct made_image *i, const char **ret_id, struct err *e)
{
	AUTO(strbuf) struct strbuf config = STRBUF_INIT;
	AUTO(strbuf) struct strbuf manifest = STRBUF_INIT;
	char config_digest[DIGEST_LEN + 1], digest[DIGEST_LEN + 1];
	struct maker_request q = { .digest = digest, .media_type = MANIFEST_TYPE, .top = digest,
				   .top_type = MANIFEST_TYPE, .names = i->names, .what = i->what };
	int r;

	write_config(&config, i);
	r = maker_add_blob(m, config.s, config.len, config_digest, e);
	if (r < 0)
		return r;
	write_manifest(&manifest, i, config_digest, config.len);
	r = maker_add_blob(m, manifest.s, manifest.len, digest, e);
	if (r < 0)
		return r;
	q.top_size = manifest.len;
	return maker_add_image(m, &q, ret_id, e);
}

static int full_name(struct arena *a, const char *name, char ***ret, struct err *e)
{
	char **names = arena_array(a, 2, sizeof(*names)), full[REF_MAX];
	struct ref r;

	if (!str_empty(name)) {
		if (ref_parse(name, &r, e) < 0)
			return -EINVAL;
		names[0] = arena_strdup(a, ref_full(&r, full));
	}
	*ret = names;
	return 0;
}

static int apply_changes(struct arena *a, struct image_config *c, char *const *changes,
			 struct err *e)
{
	int r = 0;

	for (; r == 0 && changes && *changes; changes++)
		r = change_apply(a, c, *changes, e);
	return r;
}

/* ---- import ---- */

/* A tar file of anybody's becomes a layer of ours: unpacked as plain files, packed again, so that
 * names that begin with "/" or ".wh." mean nothing special to anyone later. */
static int pack_plain(struct maker *m, int fd, struct packed *ret, struct err *e)
{
	struct layer l = LAYER_INIT;
	struct below nothing = { 0 };
	AUTO_CLOSE int file = -1;
	char name[24], digest[DIGEST_LEN + 1];
	uint64_t n = 0;
	int r = maker_new_file(m, &file, name, e);

	if (r == 0)
		r = digest_copy(fd, file, EXTRACT_BYTES_MAX, digest, &n, "the archive", e);
	if (r < 0)
		return r;
	l.flags = EXTRACT_PLAIN;
	l.blob_fd = TAKE_FD(file);
	l.blob_size = n;
	if (mkdirat(m->fd, "import", 0700) < 0)
		return err_set(e, errno, "make a folder in the store");
	r = path_open_dir(m->fd, "import", &l.dir_fd, e);
	if (r == 0)
		r = layer_unpack(&l, m->store->user_xattrs, e);
	if (r == 0)
		r = depend_resolve(&l.tree, &nothing, e);
	if (r == 0)
		r = stage_finish(&l.tree, e);
	if (r == 0)
		r = pack_layer(m, l.fs_fd, 0, ret, e);
	layer_cleanup(&l);
	return r;
}

static int import_open(const char *input, int *ret_fd, bool *ret_dir, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (str_eq(input, "-")) {
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
		if (isatty(0))
			return err_say(e, EINVAL,
				       "import reads an archive from standard input, which is a "
				       "terminal");
	} else {
		fd = open(input, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %s", input);
	*ret_dir = S_ISDIR(st.st_mode);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int import_root(const struct store *s, const char *input, const struct import_opts *o,
		struct err *e)
{
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct image_config config = { 0 };
	struct packed layer;
	struct made_image made = { .layer = &layer, .config = &config, .what = input,
				   .comment = o->message };
	AUTO_CLOSE int fd = -1;
	const char *id;
	char **names;
	bool dir = false;
	int r = full_name(a, o->name, &names, e);

	if (r == 0)
		r = platform_parse(a, o->platform, &made.platform, e);
	if (r == 0)
		r = apply_changes(a, &config, o->changes, e);
	if (r == 0)
		r = import_open(input, &fd, &dir, e);
	if (r == 0)
		r = worker_begin(s, &m, dir ? fd : -1, e);
	if (r == 0)
		r = dir ? pack_layer(&m, fd, 0, &layer, e) : pack_plain(&m, fd, &layer, e);
	if (r < 0)
		return r < 0 && e->code ? err_wrap(e, "import %s", input) : r;
	made.names = names;
	made.created_by = arena_printf(a, "berth import %s", input);
	r = change_make(&m, &made, &id, e);
	return r < 0 ? r : worker_end(&m, "Imported", e);
}

/* ---- commit ---- */

static int read_base(struct maker *m, const struct image *i, struct manifest *mf,
		     struct config_doc *doc, const struct json **raw, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *config = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx;
	size_t n;
	int r;

	if (!*i->digest || !maker_has_blob(m, i->digest) || !maker_has_blob(m, i->id))
		return err_say(e, ENOENT, "the manifest of image %.19s... is not in the store",
			       i->id);
	r = maker_read_blob(m, i->digest, "manifest", &text, &n, e);
	if (r == 0)
		r = manifest_parse(m->a, text, n, NULL, "manifest", &kind, &idx, mf, e);
	if (r == 0)
		r = maker_read_blob(m, i->id, "config", &config, &n, e);
	if (r == 0)
		r = config_parse(m->a, config, n, "config", doc, e);
	if (r == 0)
		r = json_parse(m->a, config, n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 },
			       "config", raw, e);
	return r;
}

int commit_upper(const struct store *s, const char *upper, const char *image,
		 const struct commit_opts *o, struct err *e)
{
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO(image) struct image *i = NULL;
	struct manifest mf = { 0 };
	struct config_doc doc = { 0 };
	struct packed layer;
	struct made_image made = { .base = &doc,
				   .layer = &layer,
				   .author = o->author,
				   .what = image,
				   .comment = o->message,
				   .created_by = "berth commit" };
	AUTO_CLOSE int fd = -1;
	const char *id;
	char **names;
	int r = image_load_names(s, image, &i, e);

	if (r == 0)
		r = path_open_dir(AT_FDCWD, upper, &fd, e);
	if (r == 0)
		r = worker_begin(s, &m, fd, e);
	if (r == 0)
		r = full_name(m.a, o->name, &names, e);
	if (r == 0)
		r = read_base(&m, i, &mf, &doc, &made.base_doc, e);
	if (r == 0)
		r = apply_changes(m.a, &doc.config, o->changes, e);
	if (r == 0)
		r = pack_layer(&m, fd, PACK_UPPER | PACK_NO_ROOT, &layer, e);
	if (r < 0)
		return r;
	made.config = &doc.config;
	made.layers = mf.layers;
	made.nlayers = mf.nlayers;
	made.platform = doc.platform;
	made.names = names;
	r = change_make(&m, &made, &id, e);
	return r < 0 ? r : worker_end(&m, "Committed", e);
}
