/*
 * list.h - an index made here: images for several platforms under one name (`manifest create`).
 *
 * Used by berth-image.  In the store it is what an index that was pulled with all its platforms is:
 * the top of a name, which goes out whole, and of which run takes the platform that it wants.
 */
#ifndef IMAGE_LIST_H
#define IMAGE_LIST_H

#include "image/image.h"

enum list_change { LIST_CREATE, LIST_ADD, LIST_ANNOTATE, LIST_REMOVE };

struct list_opts {
	bool amend;		/* LIST_CREATE: one that is there is added to */
	bool all;		/* of an image that is itself an index: all of it */
	const char *os, *arch, *variant, *os_version;	/* or NULL */
	struct strlist annotations;			/* "KEY=VALUE" */
};

/* images: names of the store, or digests of entries; at least one.  Prints the index's digest.  The
 * process confines itself. */
int list_change(const struct store *s, enum list_change how, const char *name,
		char *const *images, size_t n, const struct list_opts *o, struct err *e);

#endif
