/*
 * digest.h - SHA-256 while bytes go by.
 *
 * Used by berth-image.  libcrypto does the work (with the processor's SHA instructions).
 */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGEST_LEN 71	/* "sha256:" and 64 hex digits */

struct digest { void *ctx; uint64_t bytes; };

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t n);
/* "sha256:..." into buf, and the end of d. */
const char *digest_end(struct digest *d, char buf[static DIGEST_LEN + 1]);
void digest_cleanup(struct digest *d);	/* AUTO(digest) */

const char *digest_of(const void *data, size_t n, char buf[static DIGEST_LEN + 1]);
/* The chain id of a layer on top of a chain (image specification, "Layer ChainID"); below
 * may be NULL for the first: then it is the diff id. */
const char *digest_chain(const char *below, const char *diff_id, char buf[static DIGEST_LEN + 1]);

/* Copies in to out (both from their offsets) until EOF, at most max bytes, with the digest of what
 * went by.  out < 0: only reads. */
int digest_copy(int in, int out, uint64_t max, char digest[static DIGEST_LEN + 1], uint64_t *ret_n,
		const char *what, struct err *e);

#endif
