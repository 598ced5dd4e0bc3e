/*
 * prune.h - taking away what nothing uses: containers, images, volumes, networks; what the single
 * commands and system prune share.
 *
 * Used by cli/ only.
 */
#ifndef CLI_PRUNE_H
#define CLI_PRUNE_H

#include "cli/filter.h"
#include "cli/image_use.h"

/* "Untagged: NAME", "Deleted: ID" */
void image_say_removed(const struct strlist *untagged, const struct strlist *deleted);

#endif
