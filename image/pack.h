/*
 * pack.h - a directory tree into a tar archive.
 *
 * Used by berth-image: import of a directory, export, cp, commit.  Everything that a layer can hold
 * goes in; overlayfs's marks become whiteouts.  Sockets are left out, as no archive holds them.
 */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include "base/idmap.h"
#include "image/maker.h"

enum pack_flags {
	PACK_UPPER = 1,		/* an overlayfs upper directory: its marks become whiteouts */
	PACK_NO_ROOT = 2,	/* no entry for the directory itself */
	PACK_ONE_FS = 4,	/* what is mounted on a folder or file is empty */
};

/* As a tar archive to fd; only: that one entry of the directory, with what is in it, or NULL; ids:
 * owners are those of that user namespace, and written as in there, or NULL. */
int pack_tar(int dir, const char *only, int fd, unsigned flags, const struct idmap_pair *ids,
	     struct err *e);
/* As a gzip layer into the maker: its digest, size and diff id come out. */
struct packed { char digest[DIGEST_LEN + 1], diff_id[DIGEST_LEN + 1]; uint64_t size; };
int pack_layer(struct maker *m, int dir, unsigned flags, struct packed *ret, struct err *e);

#endif
