/*
 * change.h - an image's config is changed, and written.
 *
 * Used by berth-image: import, commit (and build).
 */
#ifndef IMAGE_CHANGE_H
#define IMAGE_CHANGE_H

#include "image/pack.h"

/* "CMD [\"sh\"]", "ENV K=V", "EXPOSE 80/tcp", ...: one instruction of a Containerfile that needs
 * no build.  Strings are in a. */
int change_apply(struct arena *a, struct image_config *c, const char *line, struct err *e);
/* The member "config" of an image's config. */
void change_write(struct json_out *o, const char *key, const struct image_config *c);

/* A new image out of layers: config and manifest become blobs, and the image is queued. */
struct made_image {
	const struct config_doc *base;		/* or NULL */
	const struct json *base_doc; /* the same document whole, for its history; or NULL */
	const struct descriptor *layers;	/* of the base */
	size_t nlayers;
	const struct packed *layer;		/* the new one on top */
	const struct image_config *config;
	struct platform platform;
	const char *author, *created_by, *comment;
	char *const *names;
	const char *what;
};
int change_make(struct maker *m, const struct made_image *i, const char **ret_id, struct err *e);

struct import_opts { const char *name, *message, *platform; char **changes; };
/* A root file system: a tar archive ("-": standard input) or a directory. */
int import_root(const struct store *s, const char *input, const struct import_opts *o,
		struct err *e);

struct commit_opts { const char *name, *author, *message; char **changes; };
/* upper: the overlayfs upper directory of a container made from the image. */
int commit_upper(const struct store *s, const char *upper, const char *image,
		 const struct commit_opts *o, struct err *e);

#endif
