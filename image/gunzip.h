/*
 * gunzip.h - gzip (RFC 1952) to plain bytes, as they are asked for.
 *
 * Used by berth-image.  Any number of members, each with its checksum and its length, which are
 * checked; behind the last one only zeroes.  libisal inflates where berth is built with it, in half
 * of zlib's time; else zlib.  Both refuse what is cut off, damaged or goes on with something else;
 * libisal lets a needless bit of a block's header be wrong as long as the checksum holds
 * (tests/unit/image/test_gunzip.c compares them).
 */
#ifndef IMAGE_GUNZIP_H
#define IMAGE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GUNZIP_CHUNK (256u << 10)

struct gunzip_lib;
extern const struct gunzip_lib gunzip_zlib;
#ifdef BERTH_ISAL
extern const struct gunzip_lib gunzip_isal;
#endif
/* The one to take. */
extern const struct gunzip_lib *const gunzip_best;

struct gunzip {
	const struct gunzip_lib *lib;
	/* Packed bytes into buf, at most n: how many, 0 at the end, or an error. */
	long (*read)(void *ctx, void *buf, size_t n, struct err *e);
	void *ctx;
	/* inside */
	void *state;		/* the library's */
	unsigned char *buf;	/* GUNZIP_CHUNK, behind the last few bytes of what came before */
	unsigned char *in;	/* what is to be inflated next ... */
	size_t nin;
	unsigned char *out;	/* ... and where to */
	size_t nout;
	bool inside;		/* a member */
	bool padding;		/* behind the last one */
	bool ended;		/* nothing more is to be read */
};

/* lib, read and ctx are set by the caller. */
int gunzip_open(struct gunzip *g, struct err *e);
void gunzip_close(struct gunzip *g);
/* Fills out, less only at the end: how many bytes, 0 behind the end, or an error. */
long gunzip_read(struct gunzip *g, void *out, size_t n, struct err *e);

#endif
