/*
 * store.h - the store from inside: its index, what it holds, and taking away.
 *
 * Used by image/ in both programs.  index.json is only ever replaced whole, under the
 * exclusive lock, so a reader needs none.  What is in use is derived each time: from the
 * entries of the index, from the records of their images, and from the pins of running
 * makers (tmp/NAME/pins, see below); nothing is counted or stored.
 *
 * A maker (load, pull, commit, build) owns a folder store/tmp/RANDOM with a file "lock" that it
 * holds with flock for as long as it lives; when nobody holds it, the folder is a dead maker's
 * and is removed by the next maker.  In it the maker pins, under the shared lock, what it is going
 * to rely on, as empty files "pins/HEX" (a blob's digest or the name of a layer), before it
 * looks whether that is there.  Who removes reads the pins under the exclusive lock.
 */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include "image/catalog.h"

/* Blob and record files.  hex is the digest without "sha256:". */
int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *ret_n,
		    struct err *e);
int store_read_record(const struct store *s, const char *id, struct image *i, struct err *e);
const char *store_blob_path(const char *digest, char buf[static 96]);
const char *store_layer_path(const char *name, char buf[static 96]);	/* ".../fs" */

/* Sets of digests and names. */
struct store_set { char (*v)[65]; size_t n, cap; bool sorted; };
void store_set_cleanup(struct store_set *t);	/* AUTO(store_set) */
void store_set_add(struct store_set *t, const char *hex_or_digest);
void store_set_sort(struct store_set *t);
bool store_set_has(const struct store_set *t, const char *hex_or_digest);

/* Everything that an entry stands on: blobs (top, manifests, configs, layers), image records,
 * layer directories.  What cannot be read is skipped unless strict. */
struct store_refs { struct store_set blobs, images, layers; };
void store_refs_cleanup(struct store_refs *r);	/* AUTO(store_refs) */
int store_refs_add(const struct store *s, const struct catalog_entry *n, bool strict,
		   struct store_refs *r, struct err *e);
/* Adds the pins of running makers.  The caller holds the exclusive lock. */
int store_refs_pins(const struct store *s, struct store_refs *r, struct err *e);
int store_refs_all(const struct store *s, const struct catalog *x, struct store_refs *r,
		   struct err *e);

/* Moves layers/NAME out of the way into `trash` (relative to the store); 0 also when absent.  The
 * caller holds the exclusive lock, and removes the trash when it has let go. */
struct store_trash {
	const struct store *s;
	int fd, lock_fd;
	char name[40];
	unsigned n;
	uint64_t bytes;
};
int store_trash_new(const struct store *s, struct store_trash *t, struct err *e);
int store_trash_move(struct store_trash *t, const char *folder, const char *name, struct err *e);
void store_trash_cleanup(struct store_trash *t); /* AUTO(store_trash): removes what is in it */
/* Moves all that is in `had` and not in `kept` to the trash. */
int store_trash_refs(struct store_trash *t, const struct store_refs *had,
		     const struct store_refs *kept, image_used *used, void *ctx, struct err *e);

/* A maker's folder: *ret_fd the folder, *ret_lock held until closed; name its name in tmp/. */
int store_tmp_new(const struct store *s, int *ret_fd, int *ret_lock, char name[static 40],
		  struct err *e);
void store_tmp_remove(const struct store *s, const char *name);
/* Removes the folders of makers that are dead. */
void store_tmp_clean(const struct store *s);

#endif
