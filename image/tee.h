/*
 * tee.h - a blob is read where it lies, and kept and hashed on the way.
 *
 * Used by berth-image.  What is loaded need not be copied before it is unpacked: who unpacks it
 * reads through this, and when the digest turns out wrong, nothing of it is kept.  The descriptors
 * are the caller's; several may read one file, since nobody moves its offset.
 */
#ifndef IMAGE_TEE_H
#define IMAGE_TEE_H

#include "image/digest.h"

struct tee {
	int in;
	uint64_t at, end;	/* what is to be read of it still */
	int out;		/* a new file that gets the same, or -1 */
	uint64_t begun;		/* bytes of out that are on their way to the disk */
	struct digest digest;	/* only when there is out */
};

void tee_open(struct tee *t, int in, uint64_t at, uint64_t size, int out);
void tee_cleanup(struct tee *t);	/* AUTO(tee) */
/* Bytes into buf: how many, 0 at the end, or an error. */
long tee_read(struct tee *t, void *buf, size_t n, struct err *e);
/* Reads on to the end and gives the digest, which must be `want` when that is not NULL.  what: for
 * messages. */
int tee_finish(struct tee *t, const char *want, const char *what,
	       char digest[static DIGEST_LEN + 1], struct err *e);

#endif
