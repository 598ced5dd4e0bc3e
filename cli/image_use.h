/*
 * image_use.h - which images and layers containers use: the callback of image_remove, the prunes
 * and the sizes.
 *
 * Used by cli/ only.
 */
#ifndef CLI_IMAGE_USE_H
#define CLI_IMAGE_USE_H

#include "cli/command.h"
#include "image/image.h"

/* The records are read once, at the first question: under the store's exclusive lock, so that no
 * container can come after. */
struct image_use {
	const struct engine *en;
	bool running_only;	/* of images: rmi --force, which also takes mounts of them away;
				   layers are always looked up in all */
	bool loaded;
	size_t n;
	struct image_use_row { char id[65]; char *image; char **layers; bool runs; } *v;
	size_t nskip;		/* containers that do not count: system prune removes them */
	char *const *skip;
	char unknown[65];	/* whose record cannot be read: it may use anything; or "" */
};
#define IMAGE_USE_INIT(engine) { .en = (engine) }

/* [image_used], with the struct as ctx. */
bool image_use_is(void *ctx, const char *id_or_layer, char who[static 65]);
/* How many containers are made from the image. */
size_t image_use_count(struct image_use *u, const char *image_id);
/* For --rmi: the image of a container that is gone.  One that others use, or that is gone too, is
 * none of its business. */
int image_use_remove(const struct engine *en, const struct record *r, struct err *e);
void image_use_cleanup(struct image_use *u);	/* AUTO(image_use) */

#endif
