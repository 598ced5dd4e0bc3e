/*
 * extract.h - a tar archive into a tree, within stated bounds.
 *
 * Used by berth-image.  libarchive reads the archive (pax, GNU, ustar, sparse files); what it
 * says of each entry is checked here before anything is made.
 */
#ifndef IMAGE_EXTRACT_H
#define IMAGE_EXTRACT_H

#include <archive.h>

#include "image/stage.h"

#define EXTRACT_ENTRIES_MAX 2000000u		/* of one layer */
#define EXTRACT_FILE_MAX (1ull << 40)		/* bytes of one file, holes included */
#define EXTRACT_BYTES_MAX (1ull << 41)		/* of all files of one layer, holes included */
#define EXTRACT_XATTRS_MAX (256u << 10)		/* bytes of one entry's attributes */

struct extract_stats { uint64_t entries, bytes; };	/* bytes: of data, without holes */

/* What a plain tar file means (import): no whiteouts, names may begin with "/". */
enum extract_flags {
	EXTRACT_PLAIN = 1,
	EXTRACT_INTO = 2,	/* the tree has something already (cp): it keeps its own mode,
				   owner and times, and so do folders that no entry names */
	EXTRACT_ROOTS = 4,	/* everything belongs to root, whatever the archive says */
};

/* ret is filled in any case.  -ENODATA: what should follow the last entry, which is whole, cannot
 * be read. */
int extract_run(struct archive *a, struct stage *t, unsigned flags, struct extract_stats *ret,
		struct err *e);

#endif
