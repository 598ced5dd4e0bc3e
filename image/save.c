/* save.c - images into an OCI layout (directory or tar) or a docker-archive. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/digest.h"
#include "image/push.h"

/* Where files go: an archive, or a directory, which is locked: what is being written in it has one
 * name at a time. */
#define PART "blobs/.part"
struct sink { struct archive *a; int dir_fd; struct store_set done; };

static int sink_fail(struct sink *k, struct err *e)
{
	int code = archive_errno(k->a);

	if (code > 0)
		return err_set(e, code, "write the archive");
	return err_say(e, EIO, "write the archive: %s", archive_error_string(k->a));
}

static int sink_header(struct sink *k, const char *name, uint64_t size, struct err *e)
{
	struct archive_entry *en = archive_entry_new();
	int r;

	archive_entry_set_pathname(en, name);
	archive_entry_set_filetype(en, AE_IFREG);
	archive_entry_set_perm(en, 0644);
	archive_entry_set_size(en, (int64_t)size);
	archive_entry_set_mtime(en, 0, 0);
	r = archive_write_header(k->a, en);
	archive_entry_free(en);
	return r < ARCHIVE_WARN ? sink_fail(k, e) : 0;
}

static int sink_bytes(struct sink *k, const char *name, const void *data, size_t n, struct err *e)
{
	int r;

	if (!k->a)
		return path_write_file(k->dir_fd, name, data, n, 0644, false, e);
	r = sink_header(k, name, n, e);
	if (r < 0)
		return r;
	return n && archive_write_data(k->a, data, n) != (la_ssize_t)n ? sink_fail(k, e) : 0;
}

static int sink_fd(struct sink *k, const char *name, int fd, uint64_t size, struct err *e)
{
	const size_t max = 256 << 10;
	AUTO_FREE char *buf = mem_alloc(max);
	AUTO_CLOSE int out = -1;
	ssize_t n;
	int r;

	if (k->a) {
		r = sink_header(k, name, size, e);
		if (r < 0)
			return r;
	} else {
		out = openat(k->dir_fd, PART,
			     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (out < 0)
			return err_set(e, errno, "make %s", name);
	}
	while ((n = read(fd, buf, max)) > 0) {
		if (k->a && archive_write_data(k->a, buf, (size_t)n) != n)
			return sink_fail(k, e);
		r = k->a ? 0 : fd_write_all(out, buf, (size_t)n);
		if (r < 0)
			return err_set(e, -r, "write %s", name);
	}
	if (n < 0)
		return err_set(e, errno, "read a blob");
	return !k->a && renameat(k->dir_fd, PART, k->dir_fd, name) < 0 ?
		       err_set(e, errno, "make %s", name) : 0;
}

static int sink_blob(struct sink *k, const struct store *s, const char *digest, const char *name,
		     struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char path[96];

	if (store_set_has(&k->done, digest))
		return 0;
	store_set_add(&k->done, digest);
	fd = openat(s->fd, store_blob_path(digest, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open blob %.19s...", digest);
	return sink_fd(k, name, fd, (uint64_t)st.st_size, e);
}

/* ---- OCI ---- */

#define REF_NAME "org.opencontainers.image.ref.name"

static const char *ref_name_of(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon && !strchr(colon, '/') && !strchr(name, '@') ? colon + 1 : name;
}

static void index_entry(struct json_out *o, const struct descriptor *d, const char *name,
			const char *tag)
{
	json_out_obj(o, NULL);
	json_out_str(o, "mediaType", d->media_type);
	json_out_str(o, "digest", d->digest);
	json_out_u64(o, "size", d->size);
	if (*name || tag) {
		json_out_obj(o, "annotations");
		if (*name)
			json_out_str(o, "io.containerd.image.name", name);
		json_out_str(o, REF_NAME, tag ? tag : ref_name_of(name));
		json_out_end_obj(o);
	}
	json_out_end_obj(o);
}

/* What a layout names already stays, but for what gets that tag now. */
static int old_entries(struct json_out *o, const struct sink *k, const char *tag, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO_FREE char *text = NULL;
	const struct json *doc, *list;
	size_t n;
	int r;

	if (!tag)
		return 0;
	r = path_read_file(k->dir_fd, "index.json", MANIFEST_BYTES_MAX, &text, &n, e);
	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;	/* none yet */
	}
	if (r < 0)
		return r;
	r = json_parse(a, text, n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 }, "index.json",
		       &doc, e);
	list = r < 0 ? NULL : json_get(doc, "manifests");
	for (const struct json *m = list && list->type == JSON_ARRAY ? list->child : NULL; m;
	     m = m->next)
		if (!str_eq(json_str(json_get(json_get(m, "annotations"), REF_NAME)), tag))
			json_out_value(o, NULL, m);
	return r;
}

static int save_oci(struct maker *mk, struct sink *k, char *const *names, size_t n, const char *tag,
		    struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;
	int r = 0;

	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_u64(&o, "schemaVersion", 2);
	json_out_str(&o, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_out_arr(&o, "manifests");
	r = old_entries(&o, k, tag, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		AUTO(image) struct image *im = NULL;
		AUTO(parts) struct parts p = { 0 };
		char path[96];

		r = image_load_names(mk->store, names[i], &im, e);
		if (r == 0)
			r = parts_find(mk, im, false, &p, e);
		for (size_t j = 0; r == 0 && j < p.n; j++)
			r = sink_blob(k, mk->store, p.v[j].digest,
				      store_blob_path(p.v[j].digest, path), e);
		if (r < 0)
			return r;
		index_entry(&o, &p.top, im->name, tag);
	}
	json_out_end_arr(&o);
	json_out_end_obj(&o);
	if (r == 0)
		r = sink_bytes(k, "oci-layout", layout, sizeof(layout) - 1, e);
	return r < 0 ? r : sink_bytes(k, "index.json", b.s, b.len, e);
}

/* ---- docker-archive ---- */

/* `docker load` takes layers as they are, also compressed; the name of a file is its digest. */
static int save_docker_image(struct maker *mk, struct sink *k, const char *name,
			     struct json_out *o, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO(image) struct image *im = NULL;
	AUTO(parts) struct parts p = { 0 };
	AUTO_FREE char *text = NULL;
	const struct store *s = mk->store;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	char familiar[REF_MAX], file[96];
	struct ref ref;
	size_t n;
	int r = image_load_names(s, name, &im, e);

	if (r == 0)
		r = parts_find(mk, im, false, &p, e);
	if (r == 0)
		r = store_read_blob(s, im->digest, &text, &n, e);
	if (r == 0)
		r = manifest_parse(a, text, n, NULL, im->digest, &kind, &idx, &m, e);
	if (r < 0)
		return r;
	json_out_obj(o, NULL);
	snprintf(file, sizeof(file), "%s.json", m.config.digest + 7);
	json_out_str(o, "Config", file);
	r = sink_blob(k, s, m.config.digest, file, e);
	json_out_arr(o, "RepoTags");
	if (*im->name && ref_parse(im->name, &ref, e) == 0 && *ref.tag)
		json_out_str(o, NULL, ref_familiar(&ref, familiar));
	json_out_end_arr(o);
	json_out_arr(o, "Layers");
	for (size_t i = 0; r == 0 && i < m.nlayers; i++) {
		snprintf(file, sizeof(file), "%s/layer.tar", m.layers[i].digest + 7);
		json_out_str(o, NULL, file);
		r = sink_blob(k, s, m.layers[i].digest, file, e);
	}
	json_out_end_arr(o);
	json_out_end_obj(o);
	return r;
}

static int save_docker(struct maker *mk, struct sink *k, char *const *names, size_t n,
		       struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;

	json_out_init(&o, &b, 0);
	json_out_arr(&o, NULL);
	for (size_t i = 0; i < n; i++) {
		int r = save_docker_image(mk, k, names[i], &o, e);

		if (r < 0)
			return r;
	}
	json_out_end_arr(&o);
	return sink_bytes(k, "manifest.json", b.s, b.len, e);
}

/* ---- the whole ---- */

static int save_dir(struct maker *mk, char *const *names, size_t n, const char *out,
		    const char *tag, struct err *e)
{
	struct sink k = { .dir_fd = -1 };
	AUTO_FREE char *blobs = path_join(out, "blobs/sha256");
	int r = path_mkdirs(blobs, 0755, e);

	if (r == 0)
		r = path_open_dir(AT_FDCWD, out, &k.dir_fd, e);
	/* two that write into one layout take turns, else the index would lose an entry */
	if (r == 0 && fd_lock(k.dir_fd, true, true) < 0)
		r = err_set(e, errno, "lock %s", out);
	if (r == 0)
		r = save_oci(mk, &k, names, n, tag, e);
	fd_close(&k.dir_fd);
	store_set_cleanup(&k.done);
	return r;
}

static int save_archive(struct maker *mk, char *const *names, size_t n, enum save_format format,
			int fd, struct err *e)
{
	struct sink k = { .a = archive_write_new(), .dir_fd = -1 };
	int r;

	archive_write_set_format_pax_restricted(k.a);
	archive_write_set_bytes_per_block(k.a, 256 << 10);
	archive_write_set_bytes_in_last_block(k.a, 1);
	if (archive_write_open_fd(k.a, fd) != ARCHIVE_OK)
		r = sink_fail(&k, e);
	else
		r = format == SAVE_DOCKER_ARCHIVE ? save_docker(mk, &k, names, n, e) :
						    save_oci(mk, &k, names, n, NULL, e);
	if (r == 0 && archive_write_close(k.a) != ARCHIVE_OK)
		r = sink_fail(&k, e);
	archive_write_free(k.a);
	store_set_cleanup(&k.done);
	return r;
}

/* A file appears whole or not at all; what is there and no file (a pipe, a device) is written
 * to. */
static int save_file(struct maker *mk, char *const *names, size_t n, enum save_format format,
		     const char *out, struct err *e)
{
	AUTO_FREE char *part = NULL;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (stat(out, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(out, O_WRONLY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "open %s", out) :
				save_archive(mk, names, n, format, fd, e);
	}
	part = mem_printf("%s.part", out);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "make %s", part);
	r = save_archive(mk, names, n, format, fd, e);
	if (r == 0 && rename(part, out) < 0)
		r = err_set(e, errno, "make %s", out);
	if (r < 0)
		unlink(part);
	return r;
}

int save_images(const struct store *s, char *const *names, size_t n, enum save_format format,
		const char *out, const char *tag, struct err *e)
{
	AUTO(maker) struct maker mk = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	int r = maker_begin(s, &mk, e);

	if (r < 0)
		return r;
	if (format == SAVE_OCI_DIR)
		return save_dir(&mk, names, n, out, tag, e);
	if (!str_eq(out, "-"))
		return save_file(&mk, names, n, format, out, e);
	if (isatty(1))
		return err_say(e, EINVAL, "save writes an archive to standard output, which is a "
					  "terminal: give a file with -o");
	return save_archive(&mk, names, n, format, 1, e);
}
