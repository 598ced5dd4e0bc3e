/* fsck.c - the store against what its blobs say. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/fsck.h"

struct check {
	const struct store *s;
	const struct fsck_opts *o;
	struct maker *m;
	struct catalog *x, *was;	/* was: as it was read */
	struct store_trash *trash;
	struct store_set blobs;		/* that are whole */
	bool index_changed;
	unsigned bad;
};

static void say(struct check *c, bool repaired, const char *done, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct check *c, bool repaired, const char *done, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s%s\n", repaired ? ": " : "", repaired ? done : "");
	c->bad += !repaired;
}

static int names_in(const struct store *s, const char *folder, struct strlist *l, struct err *e)
{
	int r = path_list_all(s->fd, folder, l);

	return r < 0 ? err_set(e, -r, "open %s/%s", s->path, folder) : 0;
}

/* Under the exclusive lock, so that no maker finds what is about to go. */
static int throw_away(struct check *c, const char *folder, const char *name, struct err *e)
{
	AUTO_CLOSE int lock = -1;
	int r = store_lock(c->s, true, &lock, e);

	return r < 0 ? r : store_trash_move(c->trash, folder, name, e);
}

/* ---- blobs ---- */

static int check_blob(struct check *c, const char *hex, struct err *e)
{
	AUTO_FREE char *path = mem_printf("blobs/sha256/%s", hex);
	AUTO_CLOSE int fd = openat(c->s->fd, path,
				   O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char digest[DIGEST_LEN + 1] = "";
	struct stat st;
	uint64_t n;
	int r = 0;

	if (str_is_hex(hex, 64) && strlen(hex) == 64 && fd >= 0 && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		r = digest_copy(fd, -1, INT64_MAX, digest, &n, path, e);
		if (r < 0 && r != -EIO)
			return r;
	}
	if (*digest && str_eq(digest + 7, hex)) {
		store_set_add(&c->blobs, hex);
		return 0;
	}
	*e = (struct err)ERR_INIT;
	if (c->o->repair) {
		r = throw_away(c, "blobs/sha256", hex, e);
		if (r < 0)
			return r;
	}
	say(c, c->o->repair, "removed", "damaged blob %.80s", hex);
	return 0;
}

static int check_blobs(struct check *c, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	int r = names_in(c->s, "blobs/sha256", &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = check_blob(c, l.v[i], e);
	store_set_sort(&c->blobs);
	return r;
}

/* ---- the index, when it is lost ---- */

static void adopt_manifest(struct check *c, const char *hex, const char *text, size_t n)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO_FREE char *digest = mem_printf("sha256:%s", hex);
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	struct err lost = ERR_INIT;
	struct catalog_entry entry = { .name = "", .loaded = "" };
	AUTO_FREE char *record = NULL;

	if (manifest_parse(a, text, n, NULL, hex, &kind, &idx, &m, &lost) < 0 ||
	    kind != MEDIA_MANIFEST)
		return;
	record = mem_printf("images/%s", m.config.digest + 7);
	if (!path_exists(c->s->fd, record))
		return;
	entry.id = m.config.digest;
	entry.digest = entry.top = digest;
	entry.top_size = n;
	entry.media_type = *m.media_type ? m.media_type :
					   "application/vnd.oci.image.manifest.v1+json";
	catalog_add(c->x, &entry);
}

/* The names are lost with it; the images are not. */
static int rebuild_index(struct check *c, struct err *e)
{
	c->x = mem_alloc(sizeof(*c->x));
	c->x->a = arena_new(MANIFEST_ARENA);
	for (size_t i = 0; i < c->blobs.n; i++) {
		AUTO_FREE char *text = NULL;
		struct err lost = ERR_INIT;
		size_t n;

		if (store_read_blob(c->s, c->blobs.v[i], &text, &n, &lost) == 0 && n &&
		    *text == '{')
			adopt_manifest(c, c->blobs.v[i], text, n);
	}
	c->index_changed = true;
	(void)e;
	return 0;
}

static int check_index(struct check *c, struct err *e)
{
	struct err why = ERR_INIT;
	int r = catalog_read(c->s, &c->was, &why);

	/* in this order: what comes in between counts as new in the end */
	if (r == 0)
		r = catalog_read(c->s, &c->x, &why);
	if (r == 0)
		return 0;
	catalog_cleanup(&c->was);
	say(c, c->o->repair, "made anew, without the names", "damaged index.json: %s", why.msg);
	return rebuild_index(c, e);
}

/* ---- images and their layers ---- */

static int lose_image(struct check *c, size_t i, const char *why, struct err *e)
{
	const struct catalog_entry *n = &c->x->v[i];

	(void)e;
	say(c, c->o->repair, "the name is gone; load or pull it again", "damaged image %s: %s",
	    *n->name ? n->name : n->id, why);
	if (c->o->repair) {
		catalog_delete(c->x, i);
		c->index_changed = true;
	}
	return c->o->repair ? 1 : 0;
}

static const char *missing_blob(struct check *c, const struct store_refs *r)
{
	for (size_t k = 0; k < r->blobs.n; k++)
		if (!store_set_has(&c->blobs, r->blobs.v[k]))
			return r->blobs.v[k];
	return NULL;
}

/* 1: the entry is gone. */
static int check_entry(struct check *c, size_t i, struct err *e)
{
	AUTO(store_refs) struct store_refs refs = { 0 };
	struct catalog_entry *n = &c->x->v[i];
	struct err why = ERR_INIT;
	char *none[] = { NULL };
	struct maker_request q = { .digest = n->digest, .top = n->top, .top_type = n->media_type,
				   .names = none, .what = "image" };
	const char *id = NULL, *blob;
	int r;

	/* an index that is lost: the image itself may still be whole */
	if (!str_eq(n->top, n->digest) && !store_set_has(&c->blobs, n->top) &&
	    store_set_has(&c->blobs, n->digest)) {
		say(c, c->o->repair, "only this platform's is kept", "missing index %.19s... of %s",
		    n->top, n->name);
		n->top = n->digest;
		n->media_type = "application/vnd.oci.image.manifest.v1+json";
		c->index_changed = true;
	}
	r = store_refs_add(c->s, n, false, &refs, &why);
	blob = missing_blob(c, &refs);
	if (r < 0 || blob) {
		AUTO_FREE char *text = mem_printf("blob %.12s... is missing", blob ? blob : "");

		return lose_image(c, i, r < 0 ? why.msg : text, e);
	}
	if (c->o->quick)
		return 0;
	r = maker_add_image(c->m, &q, &id, &why);
	if (r == -ENOSPC || r == -EDQUOT) {
		*e = why;	/* the room to look is missing, which is no fault of the image */
		return err_wrap(e, "unpack image %s to compare it", *n->name ? n->name : n->id);
	}
	if (r == 0 && !str_eq(id, n->id))
		r = err_say(&why, EINVAL, "the index has another id");
	return r < 0 ? lose_image(c, i, why.msg, e) : 0;
}

static int swap_layer(struct check *c, const char *from, const char *name, struct err *e)
{
	AUTO_FREE char *to = mem_printf("layers/%s", name);
	AUTO_CLOSE int lock = -1;
	int r;

	if (syncfs(c->s->fd) < 0)
		return err_set(e, errno, "write the store to the disk");
	r = store_lock(c->s, true, &lock, e);
	if (r == 0)
		r = store_trash_move(c->trash, "layers", name, e);
	if (r < 0)
		return r;
	if (renameat(c->m->fd, from, c->s->fd, to) < 0)
		return err_set(e, errno, "put layer %.12s into the store", name);
	return 0;
}

/* One layer as it was unpacked now, against the store's. */
static int check_layer(struct check *c, const char *entry, struct err *e)
{
	const char *name = strchr(entry, ' ') + 1;
	AUTO_FREE char *from = mem_strndup(entry, (size_t)(name - 1 - entry));
	AUTO_FREE char *fresh_path = mem_printf("%s/fs", from);
	AUTO_FREE char *info_path = mem_printf("layers/%s/info", name);
	AUTO_CLOSE int fresh = -1;
	AUTO_CLOSE int have = -1;
	char path[96], where[256] = "";
	int r;

	have = openat(c->s->fd, store_layer_path(name, path),
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (have >= 0) {
		fresh = openat(c->m->fd, fresh_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fresh < 0)
			return err_set(e, errno, "open %s", fresh_path);
		r = compare_trees(fresh, have, where, e);
		if (r < 0)
			return r;
		if (r == 1 && path_exists(c->s->fd, info_path))
			return 0;
	}
	if (c->o->repair) {
		r = swap_layer(c, from, name, e);
		if (r < 0)
			return r;
	}
	if (have < 0)
		say(c, c->o->repair, "unpacked again", "missing layer %.12s", name);
	else
		say(c, c->o->repair, "unpacked again", "damaged layer %.12s: %s", name,
		    *where ? where : "/");
	return 0;
}

static int check_record(struct check *c, const struct maker_image *im, struct err *e)
{
	AUTO_FREE char *path = mem_printf("images/%s", im->id + 7);
	AUTO_FREE char *text = NULL;
	struct err why = ERR_INIT;
	size_t n;
	int r = path_read_file(c->s->fd, path, MANIFEST_BYTES_MAX, &text, &n, &why);

	if (r == 0 && str_eq(text, im->record))
		return 0;
	if (c->o->repair) {
		r = path_remove_tree(c->s->fd, path, e);
		if (r == 0)
			r = path_write_file(c->s->fd, path, im->record, strlen(im->record), 0600,
					    true, e);
		if (r < 0)
			return r;
	}
	say(c, c->o->repair, "made anew", "damaged record of image %.12s", im->id + 7);
	return 0;
}

static int check_images(struct check *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->x->n;) {
		r = check_entry(c, i, e);
		if (r == 0)
			i++;
	}
	for (size_t i = 0; r >= 0 && i < c->m->layers.n; i++)
		r = check_layer(c, c->m->layers.v[i], e);
	for (size_t i = 0; r >= 0 && i < c->m->nimages; i++)
		r = check_record(c, &c->m->images[i], e);
	return r < 0 ? r : 0;
}

/* Without unpacking: that each layer that a record names is there. */
static int check_present(struct check *c, struct err *e)
{
	AUTO(store_refs) struct store_refs refs = { 0 };
	int r = store_refs_all(c->s, c->x, &refs, e);

	for (size_t i = 0; r == 0 && i < refs.layers.n; i++) {
		char path[96];

		if (!path_exists(c->s->fd, store_layer_path(refs.layers.v[i], path)))
			say(c, false, "", "missing layer %.12s", refs.layers.v[i]);
	}
	for (size_t i = 0; r == 0 && i < c->x->n; i++)
		if (!store_set_has(&refs.images, c->x->v[i].id))
			say(c, false, "", "damaged record of image %.12s", c->x->v[i].id + 7);
	return r;
}

/* ---- the end ---- */

static bool has_entry(const struct catalog *x, const struct catalog_entry *n)
{
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->v[i].name, n->name) && str_eq(x->v[i].id, n->id))
			return true;
	return false;
}

/* What other commands changed while the check took its time. */
static void follow_others(struct check *c, const struct catalog *now)
{
	for (size_t i = 0; i < c->x->n;) {
		if (has_entry(c->was, &c->x->v[i]) && !has_entry(now, &c->x->v[i]))
			catalog_delete(c->x, i);
		else
			i++;
	}
	for (size_t i = 0; i < now->n; i++)
		if (!has_entry(c->was, &now->v[i]))
			catalog_add(c->x, &now->v[i]);
}

static int write_index(struct check *c, struct err *e)
{
	AUTO(catalog) struct catalog *now = NULL;
	AUTO_CLOSE int lock = -1;
	struct err damaged = ERR_INIT;
	int r;

	if (!c->index_changed || !c->o->repair)
		return 0;
	r = store_lock(c->s, true, &lock, e);
	if (r < 0)
		return r;
	if (c->was && catalog_read(c->s, &now, &damaged) == 0)
		follow_others(c, now);
	return catalog_write(c->s, c->x, e);
}

static int run_check(struct check *c, struct err *e)
{
	int r = check_blobs(c, e);

	if (r == 0)
		r = check_index(c, e);
	if (r == 0)
		r = check_images(c, e);
	if (r == 0 && c->o->quick)
		r = check_present(c, e);
	if (r == 0)
		r = write_index(c, e);
	catalog_free(c->x);
	catalog_free(c->was);
	store_set_cleanup(&c->blobs);
	return r;
}

int fsck_store(const struct store *s, const struct fsck_opts *o, unsigned *ret_bad, struct err *e)
{
	AUTO(store_trash) struct store_trash trash = { .fd = -1, .lock_fd = -1 };
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	struct check c = { .s = s, .o = o, .m = &m, .trash = &trash };
	int r = maker_begin(s, &m, e);

	if (r == 0)
		r = store_trash_new(s, &trash, e);
	if (r < 0)
		return r;
	m.anew = true;
	r = run_check(&c, e);
	if (r == 0)
		*ret_bad = c.bad;
	return r;
}
