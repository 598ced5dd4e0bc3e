/*
 * lookaside.h - containers-registries.d(5): where the signatures of images lie.
 *
 * Used by berth-image.  One section is in force for an image: that of the longest scope below
 * "docker" which covers its name, else "default-docker".
 */
#ifndef IMAGE_LOOKASIDE_H
#define IMAGE_LOOKASIDE_H

#include "image/image.h"

struct lookaside {
	char *base;		/* a folder's path, or an address; no "/" at the end */
	bool remote;		/* base is an address */
	bool attached;		/* signatures may be attached in the registry */
};
void lookaside_cleanup(struct lookaside *l);	/* AUTO(lookaside) */

/* Reads $BERTH_REGISTRIES_D, ~/.config/containers/registries.d or /etc/containers/registries.d.
 * Without a word there: /var/lib/containers/sigstore (without root, below ~/.local/share). */
int lookaside_find(const struct ref *r, struct lookaside *ret, struct err *e);
/* Path or address of an image's signature, counted from 1. */
char *lookaside_signature(const struct lookaside *l, const struct ref *r, const char *digest,
			  unsigned n);

#endif
