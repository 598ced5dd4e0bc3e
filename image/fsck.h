/*
 * fsck.h - whether the store is what it should be, and making it so.
 *
 * Used by berth-image.  Every blob is hashed; every layer is unpacked again beside the store and
 * compared.  What nothing stands on is no fault: that goes by `image prune`.
 */
#ifndef IMAGE_FSCK_H
#define IMAGE_FSCK_H

#include "image/maker.h"

struct fsck_opts { bool repair, quick; };	/* quick: layers are not unpacked again */

/* Prints a line for each thing that is wrong ("damaged ...", "missing ...", and behind it what was
 * done: ": unpacked again").  *ret_bad counts what stays wrong. */
int fsck_store(const struct store *s, const struct fsck_opts *o, unsigned *ret_bad, struct err *e);

/* Whether two trees look the same in a container: 1, 0, or -errno.  The first difference goes into
 * where. */
int compare_trees(int a, int b, char where[static 256], struct err *e);

#endif
