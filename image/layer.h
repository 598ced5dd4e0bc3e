/*
 * layer.h - a layer's blob becomes a directory that overlayfs can use.
 *
 * Used by berth-image.  Reading and inflating, hashing, and writing go on at once on their own
 * threads, several layers beside each other.
 *
 * A layer directory store/layers/NAME holds "fs" and "info" ("bytes N entries N").  NAME is the hex
 * of the diff id for a layer that looks the same on whatever it stands; of one that depends
 * on the layers below it (depend.h) it is the hex of SHA-256 of "berth " and the chain id.
 */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

#include "image/depend.h"
#include "image/digest.h"
#include "image/extract.h"

#define LAYER_RATIO_MAX 200u			/* unpacked to packed bytes, once ... */
#define LAYER_RATIO_FROM (1ull << 30)		/* ... this many are unpacked */

/* One layer on its way. */
struct layer {
	/* Called first when set: waits for the blob and opens it. */
	int (*open_blob)(struct layer *l, struct err *e);
	void (*done)(struct layer *l);	/* called last when set */
	void *ctx;
	const void *ctx2;
	const char *diff_id;		/* what it must be, or NULL: any */
	char found[DIGEST_LEN + 1];	/* what it is */
	char name[65];			/* of its directory, once known */
	int blob_fd;			/* packed bytes ... */
	uint64_t blob_at;		/* ... from here on */
	uint64_t blob_size;		/* 0: not known yet, taken in order */
	/* A blob that is not in the store is copied to a new file as it is read: */
	char keep_name[24];		/* of that file, or "" */
	int keep_fd;			/* or -1 */
	const char *keep_digest;	/* that it must have */
	int dir_fd, fs_fd;		/* dir_fd: parent of fs while it is made, else -1 */
	bool there;			/* in the store already: fs_fd and name are set ... */
	bool verify;			/* ... but whether the blob is that layer is to be seen */
	bool begun;
	struct stage tree;
	struct extract_stats stats;
	unsigned flags;			/* enum extract_flags */
	struct err err;
};
#define LAYER_INIT { .blob_fd = -1, .keep_fd = -1, .dir_fd = -1, .fs_fd = -1, \
		     .tree = { .root = -1, .side = -1, .parent_fd = -1 } }
void layer_cleanup(struct layer *l);

/* Unpacks l->blob_fd below l->dir_fd ("fs" is made there).  Directories are unfinished until
 * layer_settle.  What is there is only hashed.  Runs two threads more. */
int layer_unpack(struct layer *l, bool user_xattrs, struct err *e);
/* All of v that are not there or are to be verified, `threads` at a time.  The error of the
 * lowest that failed. */
int layer_unpack_all(struct layer *v, size_t n, unsigned threads, bool user_xattrs,
		     struct err *e);
/* Finishes a layer on the ones below it (v[0..n), bottom to top) and names it.  chain: its
 * chain id. */
int layer_settle(struct layer *l, const struct layer *v, size_t n, const char *chain,
		 bool user_xattrs, struct err *e);
/* The name that a layer depending on its chain has. */
void layer_chain_name(const char *chain, char name[static 65]);

#endif
