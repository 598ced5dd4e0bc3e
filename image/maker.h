/*
 * maker.h - one change of the store: what comes, comes whole or not at all.
 *
 * Used by berth-image.  A maker collects blobs, unpacks layers and queues names in a
 * folder of its own (see store.h); maker_commit makes all of it durable, moves it into place and
 * replaces the index last.  Until then nothing of it is to be seen; what is there already is
 * pinned.
 */
#ifndef IMAGE_MAKER_H
#define IMAGE_MAKER_H

#include "image/catalog.h"
#include "image/layer.h"
#include "image/store.h"

struct maker_image {
	const char *id, *digest, *top, *media_type, *what;
	uint64_t top_size;
	struct platform platform;
	char **names;			/* full; empty: one entry without a name */
	char *record;
};

struct maker {
	const struct store *store;
	struct arena *a;
	int fd, lock_fd, blobs_fd;
	char name[40];
	unsigned next;			/* for names of files */
	struct store_set blobs;		/* that are in blobs_fd by their hex name */
	struct strlist layers;		/* "N NAME": folder in fd, name in layers/ */
	struct strlist proofs;		/* "NAME/blob-HEX": that blob unpacked to that layer */
	struct maker_image *images;
	size_t nimages;
	unsigned threads;
	bool anew; /* layers are unpacked even when the store has them (check) */
	/* Called before a blob is needed, when set: waits until it is in the store.  Any thread. */
	int (*wait_blob)(void *ctx, const char *digest, struct err *e);
	/* Opens a layer's blob that is neither here nor in the store, when set, and says where in
	 * the file it begins; its size is right.  It is kept while it is unpacked.  Any thread. */
	int (*find_blob)(void *ctx, const struct descriptor *d, int *ret_fd, uint64_t *ret_at,
			 struct err *e);
	/* Told how each layer goes, when set: "unpacking", "done".  Any thread. */
	void (*tell)(void *ctx, const char *digest, const char *state);
	void *wait_ctx;
};

int maker_begin(const struct store *s, struct maker *m, struct err *e);
void maker_cleanup(struct maker *m);	/* AUTO(maker): whatever was not committed is gone */

/* Nobody removes what has that name (a digest or the name of a layer) from here on. */
int maker_pin(struct maker *m, const char *hex_or_digest, struct err *e);

/* A blob: a new file to write, then its digest; or all at once.  The same digest twice is fine. */
int maker_new_file(struct maker *m, int *ret_fd, char name[static 24], struct err *e);
int maker_keep_file(struct maker *m, const char *name, const char *digest, struct err *e);
int maker_add_blob(struct maker *m, const void *data, size_t n, char digest[static DIGEST_LEN + 1],
		   struct err *e);
/* Copies a blob of that size that begins at `at` of the file; its digest is checked when wanted.
 * Gives what it is. */
int maker_copy_blob(struct maker *m, int fd, uint64_t at, uint64_t size, const char *want,
		    const char *what, char digest[static DIGEST_LEN + 1], struct err *e);
/* Whether it is here or in the store (then it is pinned). */
bool maker_has_blob(struct maker *m, const char *digest);
int maker_open_blob(struct maker *m, const char *digest, int *ret, struct err *e);
/* Whole, bounded.  what: for messages. */
int maker_read_blob(struct maker *m, const char *digest, const char *what, char **ret,
		    size_t *ret_n, struct err *e);

/*
 * An image whose blobs are all there: manifest (digest), config and layers.  Checks that they
 * belong together, unpacks what is missing, and queues it under the names.  top: what the
 * names stand for (an index), or the manifest again.  what: a noun for messages.
 */
struct maker_request {
	const char *digest, *media_type;	/* of the manifest */
	const char *top, *top_type;
	uint64_t top_size;
	char *const *names;			/* full names, may be empty */
	const char *what;
};
int maker_add_image(struct maker *m, const struct maker_request *q, const char **ret_id,
		    struct err *e);

int maker_commit(struct maker *m, struct err *e);

#endif
