/* maker.c - blobs, layers and names on their way into the store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/maker.h"
#include "image/tee.h"

int maker_begin(const struct store *s, struct maker *m, struct err *e)
{
	AUTO(maker) struct maker n = { .store = s, .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	store_tmp_clean(s);
	r = store_tmp_new(s, &n.fd, &n.lock_fd, n.name, e);
	if (r < 0)
		return r;
	if (mkdirat(n.fd, "blobs", 0700) < 0)
		return err_set(e, errno, "make a folder in %s/tmp", s->path);
	r = path_open_dir(n.fd, "blobs", &n.blobs_fd, e);
	if (r < 0)
		return r;
	n.a = arena_new(1u << 30);
	n.threads = cpus > 8 ? 8 : cpus > 1 ? (unsigned)cpus : 1;
	*m = n;
	n = (struct maker){ .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	return 0;
}

void maker_cleanup(struct maker *m)
{
	fd_close(&m->blobs_fd);
	fd_close(&m->fd);
	if (m->lock_fd >= 0)
		store_tmp_remove(m->store, m->name);
	fd_close(&m->lock_fd);
	store_set_cleanup(&m->blobs);
	strlist_cleanup(&m->layers);
	strlist_cleanup(&m->proofs);
	free(m->images);
	if (m->a)
		arena_free(m->a);
	*m = (struct maker){ .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
}

/* ---- pins ---- */

int maker_pin(struct maker *m, const char *hex_or_digest, struct err *e)
{
	const char *digest = str_after(hex_or_digest, "sha256:");
	const char *hex = digest ? digest : hex_or_digest;
	AUTO_FREE char *path = mem_printf("pins/%.64s", hex);
	AUTO_CLOSE int lock = -1;
	AUTO_CLOSE int fd = -1;
	int r = store_lock(m->store, false, &lock, e);

	if (r < 0)
		return r;
	fd = openat(m->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "pin %s", path) : 0;
}

/* ---- blobs ---- */

int maker_new_file(struct maker *m, int *ret_fd, char name[static 24], struct err *e)
{
	int fd;

	snprintf(name, 24, "f%u", m->next++);
	fd = openat(m->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "make a file in %s/tmp", m->store->path);
	*ret_fd = fd;
	return 0;
}

int maker_keep_file(struct maker *m, const char *name, const char *digest, struct err *e)
{
	if (renameat(m->fd, name, m->blobs_fd, digest + 7) < 0)
		return err_set(e, errno, "keep blob %.19s", digest);
	if (!store_set_has(&m->blobs, digest))
		store_set_add(&m->blobs, digest);
	return 0;
}

int maker_copy_blob(struct maker *m, int fd, uint64_t at, uint64_t size, const char *want,
		    const char *what, char digest[static DIGEST_LEN + 1], struct err *e)
{
	AUTO(tee) struct tee t = { 0 };
	AUTO_CLOSE int out = -1;
	char name[24];
	int r = maker_new_file(m, &out, name, e);

	if (r < 0)
		return r;
	tee_open(&t, fd, at, size, out);
	r = tee_finish(&t, want, what, digest, e);
	return r < 0 ? r : maker_keep_file(m, name, digest, e);
}

int maker_add_blob(struct maker *m, const void *data, size_t n, char digest[static DIGEST_LEN + 1],
		   struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char name[24];
	int r;

	digest_of(data, n, digest);
	if (store_set_has(&m->blobs, digest))
		return 0;
	r = maker_new_file(m, &fd, name, e);
	if (r < 0)
		return r;
	r = fd_write_all(fd, data, n);
	if (r < 0)
		return err_set(e, -r, "write blob %.19s", digest);
	return maker_keep_file(m, name, digest, e);
}

bool maker_has_blob(struct maker *m, const char *digest)
{
	struct err lost = ERR_INIT;
	char path[96];

	if (store_set_has(&m->blobs, digest))
		return true;
	if (faccessat(m->store->fd, store_blob_path(digest, path), F_OK, 0) < 0)
		return false;
	/* looked at again behind the pin */
	return maker_pin(m, digest + 7, &lost) == 0 && faccessat(m->store->fd, path, F_OK, 0) == 0;
}

int maker_open_blob(struct maker *m, const char *digest, int *ret, struct err *e)
{
	char path[96];
	int fd;

	if (store_set_has(&m->blobs, digest))
		fd = openat(m->blobs_fd, digest + 7, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	else
		fd = openat(m->store->fd, store_blob_path(digest, path),
			    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open blob %.19s", digest);
	*ret = fd;
	return 0;
}

int maker_read_blob(struct maker *m, const char *digest, const char *what, char **ret,
		    size_t *ret_n, struct err *e)
{
	char found[DIGEST_LEN + 1];
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = -1;
	size_t n;
	int r = maker_open_blob(m, digest, &fd, e);

	if (r < 0)
		return r;
	r = fd_read_all(fd, MANIFEST_BYTES_MAX, &text, &n);
	if (r == -EFBIG)
		return err_say(e, EFBIG, "%s is larger than %u MiB", what,
			       MANIFEST_BYTES_MAX >> 20);
	if (r < 0)
		return err_set(e, -r, "read %s", what);
	/* whoever put it there: layers are checked by what these documents say */
	if (!str_eq(digest_of(text, n, found), digest))
		return err_say(e, EBADMSG, "%s: blob %.19s... in the store is damaged", what,
			       digest);
	*ret = TAKE(text);
	*ret_n = n;
	return 0;
}

/* ---- layers ---- */

static int open_layer(const struct store *s, const char *name)
{
	char path[96];

	return openat(s->fd, store_layer_path(name, path),
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* In the store, by diff id or as this chain made it; or made for another image of this maker. */
static int find_layer(struct maker *m, struct layer *l, const char *chain, struct err *e)
{
	char names[2][65];

	memcpy(names[0], l->diff_id + 7, 65);
	layer_chain_name(chain, names[1]);
	for (size_t i = 0; i < 2; i++) {
		int r;

		for (size_t k = 0; k < m->layers.n; k++) {
			const char *name = strchr(m->layers.v[k], ' ') + 1;
			AUTO_FREE char *path = NULL;

			if (!str_eq(name, names[i]))
				continue;
			path = mem_printf("%.*s/fs", (int)(name - 1 - m->layers.v[k]),
					  m->layers.v[k]);
			l->fs_fd = openat(m->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		if (l->fs_fd < 0) {
			l->fs_fd = m->anew ? -1 : open_layer(m->store, names[i]);
			if (l->fs_fd < 0)
				continue;
			fd_close(&l->fs_fd);
			r = maker_pin(m, names[i], e);
			if (r < 0)
				return r;
			l->fs_fd = open_layer(m->store, names[i]);
			if (l->fs_fd < 0)
				continue;
		}
		memcpy(l->name, names[i], 65);
		memcpy(l->found, l->diff_id, DIGEST_LEN + 1);
		l->there = true;
		return 0;
	}
	return 0;
}

/*
 * That a blob unpacks to a layer is seen once and then kept as an empty file beside the layer, so
 * that it goes with it.  A layer that is there says nothing about a blob that claims to be it: who
 * packed that blob may have given anybody's diff id.
 */
static bool is_proven(struct maker *m, const struct layer *l, const char *blob)
{
	AUTO_FREE char *proof = mem_printf("%s/blob-%s", l->name, blob + 7);
	AUTO_FREE char *path = mem_printf("layers/%s", proof);

	for (size_t i = 0; i < m->proofs.n; i++)
		if (str_eq(m->proofs.v[i], proof))
			return true;
	return str_eq(blob, l->diff_id) || (!m->anew && path_exists(m->store->fd, path));
}

/* One that cannot be written costs the next maker time. */
static void write_proofs(struct maker *m)
{
	for (size_t i = 0; i < m->proofs.n; i++) {
		AUTO_FREE char *path = mem_printf("layers/%s", m->proofs.v[i]);
		int fd = openat(m->store->fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
				0600);

		fd_close(&fd);
	}
}

static int layer_info(struct maker *m, const struct layer *l, uint64_t *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int dir = openat(l->fs_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned long long bytes;
	size_t n;
	int r = path_read_file(dir, "info", 4096, &text, &n, e);

	(void)m;
	if (r < 0)
		return r;
	if (sscanf(text, "bytes %llu", &bytes) != 1)
		return err_say(e, EINVAL, "layer %.12s: its info is damaged", l->name);
	*ret = bytes;
	return 0;
}

/* Opens a blob and checks its size. */
static int open_checked(struct maker *m, const struct descriptor *d, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = m->wait_blob ? m->wait_blob(m->wait_ctx, d->digest, e) : 0;

	if (r < 0)
		return r;
	if (!maker_has_blob(m, d->digest))
		return err_say(e, ENOENT, "blob %.19s... is missing", d->digest);
	r = maker_open_blob(m, d->digest, &fd, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != d->size)
		return err_say(e, EBADMSG, "blob %.19s... has %lld bytes, the manifest says %llu",
			       d->digest, (long long)st.st_size, (unsigned long long)d->size);
	*ret = TAKE_FD(fd);
	return 0;
}

/* Opens a blob where it lies, and the file that it is to be. */
static int open_found(struct maker *m, struct layer *l, const struct descriptor *d, struct err *e)
{
	int r = m->find_blob(m->wait_ctx, d, &l->blob_fd, &l->blob_at, e);

	if (r < 0)
		return r;
	l->keep_digest = d->digest;
	l->keep_fd = openat(m->fd, l->keep_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return l->keep_fd < 0 ? err_set(e, errno, "make a file in %s/tmp", m->store->path) : 0;
}

static int open_layer_blob(struct layer *l, struct err *e)
{
	const struct descriptor *d = l->ctx2;
	struct maker *m = l->ctx;
	int r;

	if (*l->keep_name)
		r = open_found(m, l, d, e);
	else
		r = open_checked(m, d, &l->blob_fd, e);
	l->blob_size = d->size;
	if (r == 0 && m->tell)
		m->tell(m->wait_ctx, d->digest, l->there ? "verifying" : "unpacking");
	return r;
}

static void layer_done(struct layer *l)
{
	const struct descriptor *d = l->ctx2;
	struct maker *m = l->ctx;

	if (m->tell)
		m->tell(m->wait_ctx, d->digest, "done");
}

static int prepare_layer(struct maker *m, struct layer *l, const struct descriptor *d,
			 const char *chain, char dir[static 24], struct err *e)
{
	int r = find_layer(m, l, chain, e);

	if (r < 0)
		return r;
	if (m->find_blob && !maker_has_blob(m, d->digest))
		snprintf(l->keep_name, sizeof(l->keep_name), "f%u", m->next++);
	l->verify = l->there && (*l->keep_name || !is_proven(m, l, d->digest));
	l->open_blob = open_layer_blob;
	l->done = layer_done;
	l->ctx = m;
	l->ctx2 = d;
	if (!m->wait_blob)
		l->blob_size = d->size;
	if (l->there)
		return 0;
	snprintf(dir, 24, "l%u", m->next++);
	if (mkdirat(m->fd, dir, 0700) < 0)
		return err_set(e, errno, "make a folder in %s/tmp", m->store->path);
	return path_open_dir(m->fd, dir, &l->dir_fd, e);
}

struct layers { struct layer *v; char (*dirs)[24]; size_t n; };

static void layers_cleanup(struct layers *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		layer_cleanup(&ls->v[i]);
	free(ls->v);
	free(ls->dirs);
}

/* The lowest layer that is seen: a layer whose root hides all below it ends the stack, since
 * overlayfs
 * does not heed that mark on a root. */
static size_t lowest_seen(const struct layers *ls, bool user_xattrs)
{
	const char *key = user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
	char v;

	for (size_t i = ls->n; i-- > 1;)
		if (fgetxattr(ls->v[i].fs_fd, key, &v, 1) == 1)
			return i;
	return 0;
}

/* Unpacks what is missing of the manifest's layers; names and sizes come out. */
static int maker_layers(struct maker *m, const struct manifest *mf, const struct config_doc *doc,
			char **names, uint64_t *sizes, size_t *ret_lowest, struct err *e)
{
	AUTO(layers) struct layers ls = { .n = mf->nlayers };
	char (*chains)[DIGEST_LEN + 1] = arena_array(m->a, mf->nlayers + 1, sizeof(*chains));
	bool user = m->store->user_xattrs;
	int r = 0;

	ls.v = mem_array(ls.n + 1, sizeof(*ls.v));
	ls.dirs = mem_array(ls.n + 1, sizeof(*ls.dirs));
	for (size_t i = 0; i < ls.n; i++)
		ls.v[i] = (struct layer)LAYER_INIT;
	for (size_t i = 0; r == 0 && i < ls.n; i++) {
		ls.v[i].diff_id = doc->diff_ids[i];
		digest_chain(i ? chains[i - 1] : NULL, doc->diff_ids[i], chains[i]);
		r = prepare_layer(m, &ls.v[i], &mf->layers[i], chains[i], ls.dirs[i], e);
	}
	if (r == 0)
		r = layer_unpack_all(ls.v, ls.n, m->threads, user, e);
	for (size_t i = 0; r == 0 && i < ls.n; i++) {
		struct layer *l = &ls.v[i];

		if (*l->keep_name)
			r = maker_keep_file(m, l->keep_name, mf->layers[i].digest, e);
		if (r < 0)
			return r;
		if (!l->there) {
			r = layer_settle(l, ls.v, i, chains[i], user, e);
			if (r == 0)
				strlist_addf(&m->layers, "%s %s", ls.dirs[i], l->name);
			sizes[i] = l->stats.bytes;
		} else {
			r = layer_info(m, l, &sizes[i], e);
		}
		if (r == 0) {
			names[i] = arena_strdup(m->a, l->name);
			strlist_addf(&m->proofs, "%s/blob-%s", l->name, mf->layers[i].digest + 7);
		}
	}
	if (r == 0)
		*ret_lowest = lowest_seen(&ls, user);
	return r;
}

/* ---- images ---- */

/* One directory may stand only once in a stack; its topmost place is the one that counts. */
static char **names_once(struct arena *a, char *const *names, size_t n)
{
	char **once = arena_array(a, n + 1, sizeof(*once));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		bool again = false;

		for (size_t j = i + 1; j < n && !again; j++)
			again = str_eq(names[i], names[j]);
		if (!again)
			once[k++] = names[i];
	}
	return once;
}

/* What is there already is looked at before anything is unpacked. */
static int check_blobs(struct maker *m, const struct manifest *mf, struct err *e)
{
	for (size_t i = 0; i <= mf->nlayers; i++) {
		AUTO_CLOSE int fd = -1;
		int r;

		/* layers come while others are unpacked, or as they are */
		if (i > 0 && (m->wait_blob ||
			      (m->find_blob && !maker_has_blob(m, mf->layers[i - 1].digest))))
			continue;
		r = open_checked(m, i ? &mf->layers[i - 1] : &mf->config, &fd, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of an image; what is attached to one (signatures, attestations) has layers of other kinds. */
static int check_kinds(const struct manifest *mf, struct err *e)
{
	for (size_t i = 0; i < mf->nlayers; i++) {
		const char *type = mf->layers[i].media_type;
		char shown[100];

		if (*type && media_kind(type) != MEDIA_LAYER)
			return err_say(e, EINVAL,
				       "layers[%zu]: \"%s\" is no kind of layer that we know", i,
				       str_printable(type, strlen(type), shown, sizeof(shown) - 1));
	}
	return 0;
}

static int parse_image(struct maker *m, const struct maker_request *q, struct manifest *mf,
		       struct config_doc *doc, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *config = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx;
	size_t n;
	int r = maker_read_blob(m, q->digest, q->what, &text, &n, e);

	if (r == 0)
		r = manifest_parse(m->a, text, n, q->media_type, q->what, &kind, &idx, mf, e);
	if (r < 0)
		return r;
	if (kind != MEDIA_MANIFEST)
		return err_say(e, EINVAL, "%s: an index where a manifest should be", q->what);
	if (*mf->config.media_type && media_kind(mf->config.media_type) != MEDIA_CONFIG)
		return err_say(e, EINVAL, "%s: its config is \"%.100s\": an artifact, not an image",
			       q->what, mf->config.media_type);
	r = check_kinds(mf, e);
	if (r == 0)
		r = check_blobs(m, mf, e);
	if (r < 0)
		return err_wrap(e, "%s", q->what);
	if (r == 0)
		r = maker_read_blob(m, mf->config.digest, q->what, &config, &n, e);
	if (r == 0)
		r = config_parse(m->a, config, n, q->what, doc, e);
	if (r < 0)
		return r;
	if (doc->ndiff_ids != mf->nlayers)
		return err_say(e, EINVAL,
			       "%s: the manifest has %zu layers, the config %zu diff_ids", q->what,
			       mf->nlayers, doc->ndiff_ids);
	return 0;
}

int maker_add_image(struct maker *m, const struct maker_request *q, const char **ret_id,
		    struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct manifest mf = { 0 };
	struct config_doc doc = { 0 };
	struct maker_image *i;
	uint64_t *sizes;
	size_t lowest = 0;
	char **names;
	int r = parse_image(m, q, &mf, &doc, e);

	if (r < 0)
		return r;
	names = arena_array(m->a, mf.nlayers + 1, sizeof(*names));
	sizes = arena_array(m->a, mf.nlayers + 1, sizeof(*sizes));
	r = maker_layers(m, &mf, &doc, names, sizes, &lowest, e);
	if (r < 0)
		return err_wrap(e, "%s", q->what);
	names = names_once(m->a, names + lowest, mf.nlayers - lowest);
	image_record_write(&b, &doc, names, sizes, mf.nlayers);
	m->images = mem_resize(m->images, m->nimages + 1, sizeof(*m->images));
	i = &m->images[m->nimages++];
	*i = (struct maker_image){
		.id = arena_strdup(m->a, mf.config.digest),
		.digest = arena_strdup(m->a, q->digest),
		.top = arena_strdup(m->a, q->top),
		.media_type = arena_strdup(m->a, q->top_type),
		.what = arena_strdup(m->a, q->what),
		.top_size = q->top_size,
		.platform = doc.platform,
		.names = arena_strv(m->a, q->names),
		.record = arena_strndup(m->a, b.s, b.len),
	};
	*ret_id = i->id;
	return 0;
}

/* ---- into place ---- */

static int move_blobs(struct maker *m, struct err *e)
{
	char path[96];

	for (size_t i = 0; i < m->blobs.n; i++)
		if (renameat(m->blobs_fd, m->blobs.v[i], m->store->fd,
			     store_blob_path(m->blobs.v[i], path)) < 0 && errno != ENOENT)
			return err_set(e, errno, "put blob %.12s into the store", m->blobs.v[i]);
	return 0;
}

static int move_layers(struct maker *m, struct err *e)
{
	for (size_t i = 0; i < m->layers.n; i++) {
		const char *name = strchr(m->layers.v[i], ' ') + 1;
		AUTO_FREE char *from =
			mem_strndup(m->layers.v[i], (size_t)(name - 1 - m->layers.v[i]));
		AUTO_FREE char *to = mem_printf("layers/%s", name);

		/* another maker may have been faster: the same layer */
		if (renameat(m->fd, from, m->store->fd, to) < 0 && errno != ENOTEMPTY &&
		    errno != EEXIST)
			return err_set(e, errno, "put layer %.12s into the store", name);
	}
	return 0;
}

static int write_records(struct maker *m, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = path_open_dir(m->store->fd, "images", &dir, e);

	if (r == 0)
		path_tidy(dir);
	for (size_t i = 0; r == 0 && i < m->nimages; i++)
		r = path_write_file(dir, m->images[i].id + 7, m->images[i].record,
				    strlen(m->images[i].record), 0600, true, e);
	return r;
}

static void queue_entry(struct catalog *x, const struct maker_image *i, const char *name)
{
	char now[40];
	struct timespec t;
	struct catalog_entry n = {
		.name = name, .id = i->id, .digest = i->digest, .top = i->top,
		.media_type = i->media_type, .top_size = i->top_size, .platform = i->platform,
	};

	clock_gettime(CLOCK_REALTIME, &t);
	n.loaded = str_time(t, now);
	catalog_add(x, &n);
}

static int maker_sync(struct maker *m, struct err *e)
{
	return syncfs(m->store->fd) < 0 ? err_set(e, errno, "write the store to the disk") : 0;
}

int maker_commit(struct maker *m, struct err *e)
{
	AUTO(catalog) struct catalog *x = NULL;
	AUTO_CLOSE int lock = -1;
	int r = maker_sync(m, e);	/* before the lock, which is to be held for short */

	if (r == 0)
		r = store_lock(m->store, true, &lock, e);
	if (r == 0)
		r = catalog_read(m->store, &x, e);
	if (r == 0)
		r = move_blobs(m, e);
	if (r == 0)
		r = move_layers(m, e);
	if (r == 0)
		r = write_records(m, e);
	if (r < 0)
		return r;
	write_proofs(m);
	for (size_t i = 0; i < m->nimages; i++) {
		if (!*m->images[i].names)
			queue_entry(x, &m->images[i], "");
		for (char **n = m->images[i].names; *n; n++)
			queue_entry(x, &m->images[i], *n);
	}
	return catalog_write(m->store, x, e);
}
