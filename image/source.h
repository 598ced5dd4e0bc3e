/*
 * source.h - where an image is loaded from: a directory, or an archive read once.
 *
 * Used by berth-image.  A directory's files are opened beneath it.  Of an archive that is a plain
 * tar file it is found out where each file lies; any other (compressed, from a pipe) is spooled
 * into the maker's folder first, each file under its digest, since the order of its entries is
 * nobody's promise and a pipe cannot be read twice.
 */
#ifndef IMAGE_SOURCE_H
#define IMAGE_SOURCE_H

#include "image/maker.h"

#define SOURCE_FILES_MAX 65536u

struct archive;
struct source_file {
	char *name;
	char *target;			/* of a link, else NULL */
	char file[24];			/* of one that was spooled: in the maker's folder ... */
	char digest[DIGEST_LEN + 1];	/* ... and what it is */
	uint64_t at, size;		/* of any other: where it lies in the archive */
};

struct source {
	struct maker *m;
	int dir_fd;			/* a directory, or -1 */
	int tar_fd;			/* an archive that is read where it lies, or -1 */
	struct source_file *v;		/* of an archive */
	size_t n, cap;
	const char *label;		/* "busybox" of busybox.tar.gz, "" of standard input */
};
#define SOURCE_INIT { .dir_fd = -1, .tar_fd = -1 }
void source_cleanup(struct source *s);	/* AUTO(source) */

/* Reads tar archives, plain or packed in any way that we know; archive_read_free ends it. */
struct archive *source_tar_reader(void);
/* An archive, from where fd stands: its files become known. */
int source_scan(struct source *s, int fd, struct err *e);
bool source_has(struct source *s, const char *name);
/* A document by name. */
int source_read(struct source *s, const char *name, char **ret, size_t *ret_n, struct err *e);
/* A blob by name, into the maker; digest comes out, and is checked when want is not NULL. */
int source_take(struct source *s, const char *name, const char *want, int64_t size,
		char digest[static DIGEST_LEN + 1], uint64_t *ret_size, struct err *e);
/* blobs/sha256/HEX of an OCI layout, unless the maker or the store has it. */
int source_fetch(struct source *s, const char *digest, uint64_t size, struct err *e);
/* The same for what is unpacked: when it can be read where it lies, only whether it is there. */
int source_fetch_layer(struct source *s, const struct descriptor *d, struct err *e);

#endif
