/*
 * birth_volumes.h - what a container's volumes need before it is made: first contents, owners, and
 * mounts of their own for what is no plain folder (disks, parts of volumes, images, :O).
 *
 * Runs in: host, the process that becomes the supervisor.  Mounts are detached: they are sources
 * of the spec's mounts, and end with this process.
 */
#ifndef RUNTIME_BIRTH_VOLUMES_H
#define RUNTIME_BIRTH_VOLUMES_H

#include "image/image.h"
#include "runtime/record.h"

struct fill {
	const struct engine *en;
	const struct record *record;
	struct spec *spec;
	int dir, root;		/* the container's folder, its root */
	int userns;		/* with its id maps, or -1: it has the host's */
};

int birth_volumes(const struct fill *b, struct err *e);
/* An overlay is seen with the ids of the container's user namespace, if it has one. */
void birth_map_root(const struct spec *s, int userns, struct overlay_opts *o);

#endif
