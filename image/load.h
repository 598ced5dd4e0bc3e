/*
 * load.h - images out of a directory or an archive into the store.
 *
 * Used by berth-image.
 */
#ifndef IMAGE_LOAD_H
#define IMAGE_LOAD_H

#include "image/source.h"

struct load_opts {
	const char *platform;	/* or NULL: this machine's */
	const char *name;	/* instead of the names that it brings, or NULL */
	const char *select;	/* only the entry that the layout calls so, or NULL */
};

/* Finds out what it is (OCI image layout, docker-archive) and queues its images in the maker. */
int load_source(struct source *s, const struct load_opts *o, struct err *e);

/* dockertar.c: manifest.json of `docker save`. */
int load_docker(struct source *s, const struct load_opts *o, struct err *e);

#endif
