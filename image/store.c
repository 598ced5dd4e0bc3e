/* store.c - the store's folder: open, lock, read, makers' folders, taking away. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/store.h"

static const char *const folders[] = {
	"blobs", "blobs/sha256", "images", "layers", "empty", "tmp", "partial",
};

static const char oci_layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

static int make_folders(const struct store *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(s->fd, folders[i], i == 4 ? 0755 : 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make %s/%s", s->path, folders[i]);
	return 0;
}

static int store_make(struct store *s, struct err *e)
{
	int r = make_folders(s, e);

	if (r < 0)
		return r;
	return path_write_file(s->fd, "oci-layout", oci_layout, sizeof(oci_layout) - 1, 0644, false,
			       e);
}

int store_open(const char *root, struct store **ret, struct err *e)
{
	AUTO(store) struct store *s = mem_alloc(sizeof(*s));
	int r;

	s->path = path_join(root, "store");
	s->user_xattrs = geteuid() != 0;
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 && errno == ENOENT) {
		r = path_mkdirs(s->path, 0700, e);
		if (r < 0)
			return r;
		s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->fd < 0)
		return err_set(e, errno, "open %s", s->path);
	if (faccessat(s->fd, "oci-layout", F_OK, 0) < 0) {
		r = store_make(s, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE(s);
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	fd_close(&s->fd);
	free(s->path);
	free(s);
}

void store_cleanup(struct store **s)
{
	store_free(*s);
	*s = NULL;
}

int store_lock(const struct store *s, bool exclusive, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_set(e, errno, "open %s/lock", s->path);
	r = fd_lock(fd, exclusive, true);
	if (r < 0)
		return err_set(e, -r, "lock %s", s->path);
	*ret = TAKE_FD(fd);
	return 0;
}

/* ---- files ---- */

static const char *hex_of(const char *digest)
{
	const char *hex = str_after(digest, "sha256:");

	return hex ? hex : digest;
}

const char *store_blob_path(const char *digest, char buf[static 96])
{
	snprintf(buf, 96, "blobs/sha256/%.64s", hex_of(digest));
	return buf;
}

const char *store_layer_path(const char *name, char buf[static 96])
{
	snprintf(buf, 96, "layers/%.64s/fs", hex_of(name));
	return buf;
}

int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *ret_n,
		    struct err *e)
{
	char path[96];

	return path_read_file(s->fd, store_blob_path(digest, path), MANIFEST_BYTES_MAX, ret, ret_n,
			      e);
}

int store_read_record(const struct store *s, const char *id, struct image *i, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char path[96];
	size_t n;
	int r;

	snprintf(path, sizeof(path), "images/%.64s", hex_of(id));
	r = path_read_file(s->fd, path, MANIFEST_BYTES_MAX, &text, &n, e);
	if (r < 0)
		return r;
	r = image_record_parse(i->a, text, n, i, e);
	if (r < 0)
		return err_hint(e, "image %.12s is damaged: load or pull it again", hex_of(id));
	return 0;
}

/* ---- sets ---- */

void store_set_cleanup(struct store_set *t)
{
	free(t->v);
	*t = (struct store_set){ 0 };
}

void store_set_add(struct store_set *t, const char *hex_or_digest)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->v = mem_resize(t->v, t->cap, sizeof(*t->v));
	}
	snprintf(t->v[t->n++], sizeof(*t->v), "%.64s", hex_of(hex_or_digest));
	t->sorted = false;
}

static int set_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void store_set_sort(struct store_set *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), set_compare);
	t->sorted = true;
}

bool store_set_has(const struct store_set *t, const char *hex_or_digest)
{
	const char *hex = hex_of(hex_or_digest);

	if (t->n == 0)
		return false;
	if (t->sorted)
		return bsearch(hex, t->v, t->n, sizeof(*t->v), set_compare);
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i], hex))
			return true;
	return false;
}

/* ---- what an entry stands on ---- */

void store_refs_cleanup(struct store_refs *r)
{
	store_set_cleanup(&r->blobs);
	store_set_cleanup(&r->images);
	store_set_cleanup(&r->layers);
}

static int refs_add_image(const struct store *s, const char *id, bool strict,
			  struct store_refs *r, struct err *e)
{
	AUTO(arena) struct arena *a = NULL;
	struct image i = { 0 };
	struct err lost = ERR_INIT;
	int ret;

	if (store_set_has(&r->images, id))
		return 0;
	i.a = a = arena_new(MANIFEST_ARENA);
	ret = store_read_record(s, id, &i, strict ? e : &lost);
	if (ret < 0)
		return strict ? ret : 0;
	store_set_add(&r->images, id);
	for (size_t n = 0; n < i.nlayers; n++)
		store_set_add(&r->layers, i.layers[n]);
	return 0;
}

static int refs_add_document(const struct store *s, const char *digest, const char *media_type,
			     bool strict, unsigned depth, struct store_refs *r, struct err *e)
{
	AUTO(arena) struct arena *a = NULL;
	AUTO_FREE char *text = NULL;
	struct err lost = ERR_INIT, *ee = strict ? e : &lost;
	struct index x = { 0 };
	struct manifest m = { 0 };
	enum media_kind kind = MEDIA_UNKNOWN;
	size_t n;
	int ret;

	store_set_add(&r->blobs, digest);
	ret = store_read_blob(s, digest, &text, &n, ee);
	if (ret < 0)
		return strict ? ret : 0;
	a = arena_new(MANIFEST_ARENA);
	ret = manifest_parse(a, text, n, media_type, digest, &kind, &x, &m, ee);
	if (ret < 0)
		return strict ? ret : 0;
	for (size_t i = 0; kind == MEDIA_INDEX && i < x.n && depth < 4; i++) {
		char path[96];

		/* other platforms' manifests are there only when they were asked for */
		if (faccessat(s->fd, store_blob_path(x.v[i].digest, path), F_OK, 0) < 0)
			continue;
		ret = refs_add_document(s, x.v[i].digest, x.v[i].media_type, false, depth + 1, r,
					e);
		if (ret < 0)
			return ret;
	}
	if (kind == MEDIA_MANIFEST) {
		store_set_add(&r->blobs, m.config.digest);
		refs_add_image(s, m.config.digest, false, r, &lost);
		for (size_t i = 0; i < m.nlayers; i++)
			store_set_add(&r->blobs, m.layers[i].digest);
	}
	return 0;
}

int store_refs_add(const struct store *s, const struct catalog_entry *n, bool strict,
		   struct store_refs *r, struct err *e)
{
	int ret;

	ret = refs_add_document(s, n->top, n->media_type, strict, 0, r, e);
	if (ret < 0)
		return ret;
	if (*n->digest && !str_eq(n->top, n->digest)) {
		ret = refs_add_document(s, n->digest, NULL, strict, 1, r, e);
		if (ret < 0)
			return ret;
	}
	store_set_add(&r->blobs, n->id);
	return refs_add_image(s, n->id, strict, r, e);
}

int store_refs_all(const struct store *s, const struct catalog *x, struct store_refs *r,
		   struct err *e)
{
	for (size_t i = 0; i < x->n; i++) {
		int ret = store_refs_add(s, &x->v[i], false, r, e);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Calls fn for each name in dirfd/path.  A folder that is not there is empty. */
static int each_name(int dirfd, const char *path, void (*fn)(void *ctx, const char *name),
		     void *ctx)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			fn(ctx, d->d_name);
	closedir(dir);
	return 0;
}

struct pin_walk { const struct store *s; struct store_refs *r; };

static void pin_add(void *ctx, const char *name)
{
	struct pin_walk *w = ctx;

	if (strlen(name) != 64)
		return;
	store_set_add(&w->r->blobs, name);
	store_set_add(&w->r->images, name);
	store_set_add(&w->r->layers, name);
}

static void pins_of(void *ctx, const char *maker)
{
	struct pin_walk *w = ctx;
	AUTO_FREE char *path = mem_printf("tmp/%s/pins", maker);

	each_name(w->s->fd, path, pin_add, w);
}

int store_refs_pins(const struct store *s, struct store_refs *r, struct err *e)
{
	struct pin_walk w = { s, r };
	int ret = each_name(s->fd, "tmp", pins_of, &w);

	return ret < 0 ? err_set(e, -ret, "read %s/tmp", s->path) : 0;
}

/* ---- makers' folders ---- */

int store_tmp_new(const struct store *s, int *ret_fd, int *ret_lock, char name[static 40],
		  struct err *e)
{
	AUTO_CLOSE int guard = -1;
	AUTO_CLOSE int lock = -1;
	AUTO_CLOSE int fd = -1;
	char path[64], random[17];
	int r = make_folders(s, e);	/* one may have been taken away */

	/* the shared lock keeps store_tmp_clean away until the new folder is locked */
	if (r == 0)
		r = store_lock(s, false, &guard, e);
	if (r < 0)
		return r;
	str_random_hex(random, 16);
	snprintf(name, 40, "%s", random);
	snprintf(path, sizeof(path), "tmp/%s", random);
	if (mkdirat(s->fd, path, 0700) < 0)
		return err_set(e, errno, "make %s/%s", s->path, path);
	fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %s/%s", s->path, path);
	lock = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || mkdirat(fd, "pins", 0700) < 0)
		return err_set(e, errno, "make %s/%s", s->path, path);
	r = fd_lock(lock, true, false);
	if (r < 0)
		return err_set(e, -r, "lock %s/%s", s->path, path);
	*ret_fd = TAKE_FD(fd);
	*ret_lock = TAKE_FD(lock);
	return 0;
}

void store_tmp_remove(const struct store *s, const char *name)
{
	AUTO_FREE char *path = mem_printf("tmp/%s", name);
	struct err e = ERR_INIT;

	path_remove_tree(s->fd, path, &e);	/* what stays, the next maker removes */
}

static void tmp_clean_one(void *ctx, const char *name)
{
	const struct store *s = ctx;
	AUTO_FREE char *path = mem_printf("tmp/%s/lock", name);
	AUTO_CLOSE int fd = openat(s->fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 ? errno == ENOENT : fd_lock(fd, true, false) == 0)
		store_tmp_remove(s, name);
}

struct name_list { struct strlist l; };

static void name_add(void *ctx, const char *name)
{
	strlist_add(&((struct name_list *)ctx)->l, name);
}

void store_tmp_clean(const struct store *s)
{
	struct name_list names = { STRLIST_INIT };
	AUTO_CLOSE int guard = -1;
	struct err e = ERR_INIT;

	if (store_lock(s, true, &guard, &e) < 0)
		return;
	/* only the looking needs the lock: whoever begins later is not in the list */
	each_name(s->fd, "tmp", name_add, &names);
	fd_close(&guard);
	for (size_t i = 0; i < names.l.n; i++)
		tmp_clean_one((void *)(uintptr_t)s, names.l.v[i]);
	strlist_cleanup(&names.l);
}

/* ---- taking away ---- */

int store_trash_new(const struct store *s, struct store_trash *t, struct err *e)
{
	struct store_trash n = { .s = s, .fd = -1, .lock_fd = -1 };
	int r = store_tmp_new(s, &n.fd, &n.lock_fd, n.name, e);

	if (r < 0)
		return r;
	*t = n;
	return 0;
}

int store_trash_move(struct store_trash *t, const char *folder, const char *name, struct err *e)
{
	AUTO_FREE char *from = mem_printf("%s/%s", folder, name);
	char to[24];
	struct stat st;

	snprintf(to, sizeof(to), "%u", t->n);
	if (fstatat(t->s->fd, from, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		t->bytes += (uint64_t)st.st_blocks * 512;
	if (renameat(t->s->fd, from, t->fd, to) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "remove %s/%s", t->s->path, from);
	t->n++;
	return 0;
}

void store_trash_cleanup(struct store_trash *t)
{
	if (t->fd < 0 || !t->s)
		return;
	fd_close(&t->fd);
	store_tmp_remove(t->s, t->name);
	fd_close(&t->lock_fd);
}

static int trash_set(struct store_trash *t, const char *folder, const struct store_set *had,
		     const struct store_set *kept, image_used *used, void *ctx, struct err *e)
{
	char who[65];

	for (size_t i = 0; i < had->n; i++) {
		int r;

		if (store_set_has(kept, had->v[i]))
			continue;
		if (used && used(ctx, had->v[i], who))
			continue;
		r = store_trash_move(t, folder, had->v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int store_trash_refs(struct store_trash *t, const struct store_refs *had,
		     const struct store_refs *kept, image_used *used, void *ctx, struct err *e)
{
	int r;

	/* records first: an image without its record is not there, whatever else is */
	r = trash_set(t, "images", &had->images, &kept->images, NULL, NULL, e);
	if (r == 0)
		r = trash_set(t, "blobs/sha256", &had->blobs, &kept->blobs, NULL, NULL, e);
	if (r == 0)
		r = trash_set(t, "layers", &had->layers, &kept->layers, used, ctx, e);
	return r;
}
