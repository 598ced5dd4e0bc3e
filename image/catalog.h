/*
 * catalog.h - store/index.json: which names stand for which images.
 *
 * Used by image/ in both programs.  The file is an OCI image index with one entry a line,
 * replaced whole under the store's exclusive lock; readers take no lock.  A catalog owns its
 * strings in one arena.
 */
#ifndef IMAGE_CATALOG_H
#define IMAGE_CATALOG_H

#include "image/manifest.h"

struct catalog_entry {
	const char *name;	/* full, or "" */
	const char *id;		/* of the config: this machine's or the chosen platform's image */
	const char *digest;	/* of that image's manifest */
	const char *top;	/* what the name stands for: an index, or the manifest */
	const char *media_type;	/* of top */
	uint64_t top_size;
	const char *loaded;	/* RFC 3339: when it came */
	struct platform platform;
};
struct catalog { struct arena *a; struct catalog_entry *v; size_t n, cap; };

void catalog_free(struct catalog *x);
void catalog_cleanup(struct catalog **x);	/* AUTO(catalog) on a pointer */

/* An absent file is an empty catalog. */
int catalog_read(const struct store *s, struct catalog **ret, struct err *e);
/* Durable.  The caller holds the exclusive lock. */
int catalog_write(const struct store *s, const struct catalog *x, struct err *e);
/* Adds a copy of n.  The name leaves the entry that had it, which stays nameless when its image has
 * no other; a nameless entry of the same image goes when a named one comes. */
void catalog_add(struct catalog *x, const struct catalog_entry *n);
void catalog_delete(struct catalog *x, size_t i);
/* Takes the name from entry i: the entry goes, or stays nameless when it was its image's last. */
void catalog_untag(struct catalog *x, size_t i, bool keep_nameless);
/* Finds one name without reading the rest: 1 found, 0 not there, -errno.  Strings are in a. */
int catalog_find(const struct store *s, struct arena *a, const char *full,
		 struct catalog_entry *ret, struct err *e);

#endif
