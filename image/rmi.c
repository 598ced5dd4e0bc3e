/* rmi.c - taking images away: by name, by id, or all that nobody uses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/store.h"

void image_removed_cleanup(struct image_removed *r)
{
	strlist_cleanup(&r->untagged);
	strlist_cleanup(&r->deleted);
}

void image_pruned_cleanup(struct image_pruned *r)
{
	strlist_cleanup(&r->untagged);
	strlist_cleanup(&r->deleted);
}

static size_t names_of(const struct catalog *x, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += str_eq(x->v[i].id, id) && *x->v[i].name;
	return n;
}

static bool id_in(const struct catalog *x, const char *id)
{
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->v[i].id, id))
			return true;
	return false;
}

/* Writes the index, then moves to the trash what no entry stands on any more. */
static int sweep(const struct store *s, const struct catalog *x, const struct store_refs *had,
		 struct store_trash *t, image_used *used, void *ctx, struct err *e)
{
	AUTO(store_refs) struct store_refs kept = { 0 };
	int r = catalog_write(s, x, e);

	if (r == 0)
		r = store_refs_all(s, x, &kept, e);
	if (r == 0)
		r = store_refs_pins(s, &kept, e);
	if (r < 0)
		return r;
	store_set_sort(&kept.blobs);
	store_set_sort(&kept.images);
	store_set_sort(&kept.layers);
	return store_trash_refs(t, had, &kept, used, ctx, e);
}

static int drop_id(const struct store *s, struct catalog *x, const char *id, struct store_refs *had,
		   struct image_removed *out, struct err *e)
{
	for (size_t i = 0; i < x->n;) {
		int r;

		if (!str_eq(x->v[i].id, id)) {
			i++;
			continue;
		}
		r = store_refs_add(s, &x->v[i], false, had, e);
		if (r < 0)
			return r;
		if (*x->v[i].name)
			strlist_add(&out->untagged, x->v[i].name);
		catalog_delete(x, i);
	}
	strlist_add(&out->deleted, id);
	return 0;
}

static int check_used(const char *id, const char *name, image_used *used, void *ctx, struct err *e)
{
	char who[65] = "";

	if (!used || !used(ctx, id, who))
		return 0;
	if (!*who)
		return err_say(e, EBUSY, "image %s is mounted; berth umount takes that away", name);
	return err_say(e, EBUSY, "image %s is in use by container %.12s", name, who);
}

static int remove_locked(const struct store *s, struct catalog *x, const struct image *i,
			 const char *name, bool force, image_used *used, void *ctx,
			 struct store_refs *had, struct image_removed *out, struct err *e)
{
	size_t names = names_of(x, i->id);

	if (*i->name && names > 1) {
		for (size_t k = 0; k < x->n; k++) {
			int r;

			if (!str_eq(x->v[k].name, i->name))
				continue;
			r = store_refs_add(s, &x->v[k], false, had, e);
			if (r < 0)
				return r;
			strlist_add(&out->untagged, i->name);
			catalog_delete(x, k);
			break;
		}
		return 0;
	}
	if (!*i->name && names > 1 && !force)
		return err_say(e, EBUSY,
			       "image %s has %zu names; give one of them, or --force for all", name,
			       names);
	if (check_used(i->id, name, used, ctx, e) < 0)
		return -EBUSY;
	return drop_id(s, x, i->id, had, out, e);
}

int image_remove(const struct store *s, const char *name, bool force, image_used *used, void *ctx,
		 struct image_removed *ret, struct err *e)
{
	AUTO(image_removed) struct image_removed out = { 0 };
	AUTO(store_refs) struct store_refs had = { 0 };
	AUTO(catalog) struct catalog *x = NULL;
	AUTO(image) struct image *i = NULL;
	AUTO(store_trash) struct store_trash trash = { .fd = -1, .lock_fd = -1 };
	AUTO_CLOSE int lock = -1;	/* let go before the trash is emptied */
	int r = store_trash_new(s, &trash, e);

	if (r == 0)
		r = store_lock(s, true, &lock, e);
	if (r == 0)
		r = image_load(s, name, &i, e);
	if (r == 0)
		r = catalog_read(s, &x, e);
	if (r == 0)
		r = remove_locked(s, x, i, name, force, used, ctx, &had, &out, e);
	if (r == 0)
		r = sweep(s, x, &had, &trash, used, ctx, e);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct image_removed){ 0 };
	return 0;
}

/* ---- prune ---- */

static bool label_fits(const struct json_map *labels, const char *want)
{
	size_t n = strcspn(want, "=");

	for (size_t i = 0; i < labels->n; i++)
		if (strlen(labels->v[i].key) == n && strncmp(labels->v[i].key, want, n) == 0)
			return want[n] == '\0' || str_eq(labels->v[i].value, want + n + 1);
	return false;
}

/* 1: the image fits all filters. */
static int filters_fit(char *const *filters, const struct image_row *row, struct err *e)
{
	for (; filters && *filters; filters++) {
		const char *v;

		if ((v = str_after(*filters, "until="))) {
			struct timespec created, until;

			if (str_to_when(v, &until) < 0)
				return err_say(e, EINVAL, "filter until=%s: expected a time "
					       "(2026-01-31T00:00:00Z) or an age (24h)", v);
			if (str_to_time(row->created, &created) == 0 &&
			    created.tv_sec >= until.tv_sec)
				return 0;
		} else if ((v = str_after(*filters, "label="))) {
			if (!label_fits(&row->labels, v))
				return 0;
		} else if ((v = str_after(*filters, "label!="))) {
			if (label_fits(&row->labels, v))
				return 0;
		} else if (!str_eq(*filters, "dangling=true") &&
			   !str_eq(*filters, "dangling=false")) {
			return err_say(
				e, EINVAL,
				"filter \"%s\": expected until=, label= or label!=", *filters);
		}
	}
	return 1;
}

static void add_names(const char *folder, const struct store *s, struct store_set *set)
{
	int fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((d = readdir(dir)))
		if (str_is_hex(d->d_name, 64))
			store_set_add(set, d->d_name);
	closedir(dir);
}

/* All that lies in the store, whether an image stands on it or not. */
static void refs_of_folders(const struct store *s, struct store_refs *r)
{
	add_names("blobs/sha256", s, &r->blobs);
	add_names("images", s, &r->images);
	add_names("layers", s, &r->layers);
}

static int prune_choose(struct catalog *x, const struct image_list *l, bool all,
			char *const *filters, image_used *used, void *ctx,
			struct image_pruned *out, struct err *e)
{
	for (size_t k = 0; k < l->n; k++) {
		const struct image_row *row = &l->v[k];
		char who[65];
		int r = filters_fit(filters, row, e);

		if (r < 0)
			return r;
		if (r == 0 || !id_in(x, row->id) || (!all && names_of(x, row->id)))
			continue;
		if (used && used(ctx, row->id, who))
			continue;
		for (size_t i = 0; i < x->n;) {
			if (!str_eq(x->v[i].id, row->id)) {
				i++;
				continue;
			}
			if (*x->v[i].name)
				strlist_add(&out->untagged, x->v[i].name);
			catalog_delete(x, i);
		}
		strlist_add(&out->deleted, row->id);
	}
	return 0;
}

/* Blobs that a broken-off pull has begun, and that nobody goes on with at this moment. */
static void drop_partials(const struct store *s, uint64_t *bytes)
{
	AUTO(store_set) struct store_set l = { 0 };

	add_names("partial", s, &l);
	for (size_t i = 0; i < l.n; i++) {
		AUTO_FREE char *path = mem_printf("partial/%s", l.v[i]);
		AUTO_CLOSE int fd = openat(s->fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;

		if (fd < 0 || fd_lock(fd, true, false) < 0 || fstat(fd, &st) < 0)
			continue;
		if (unlinkat(s->fd, path, 0) == 0)
			*bytes += (uint64_t)st.st_blocks * 512;
	}
}

int image_prune(const struct store *s, bool all, bool dry_run, char *const *filters,
		image_used *used, void *ctx, struct image_pruned *ret, struct err *e)
{
	AUTO(image_pruned) struct image_pruned out = { 0 };
	AUTO(store_refs) struct store_refs had = { 0 };
	AUTO(image_list) struct image_list *l = NULL;
	AUTO(catalog) struct catalog *x = NULL;
	AUTO(store_trash) struct store_trash trash = { .fd = -1, .lock_fd = -1 };
	AUTO_CLOSE int lock = -1;
	int r;

	store_tmp_clean(s);
	r = store_trash_new(s, &trash, e);
	if (r == 0)
		r = store_lock(s, true, &lock, e);
	if (r == 0)
		r = image_list(s, &l, e);
	if (r == 0)
		r = catalog_read(s, &x, e);
	if (r == 0)
		r = prune_choose(x, l, all, filters, used, ctx, &out, e);
	if (r < 0)
		return r;
	if (!dry_run) {
		refs_of_folders(s, &had);
		r = sweep(s, x, &had, &trash, used, ctx, e);
		if (r < 0)
			return r;
		drop_partials(s, &out.bytes);
	}
	out.bytes += trash.bytes;
	for (size_t k = 0; k < l->n; k++)
		if (strlist_has(&out.deleted, l->v[k].id))
			out.bytes += l->v[k].size;
	*ret = out;
	out = (struct image_pruned){ 0 };
	return 0;
}
