/*
 * bars.h - how far each blob is, on standard error.
 *
 * Used by berth-image.  On a terminal a bar per blob, drawn anew in place; else a line when a
 * blob begins, is there, is unpacked.  The memory is shared with processes that are forked, so one
 * may download, another unpack, and one of them draw.  A bar is moved by one thread at a time; no
 * lock is held, so nobody waits for who was killed.
 */
#ifndef IMAGE_BARS_H
#define IMAGE_BARS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARS_MAX 512u	/* what is more is not shown */

struct bar {
	char digest[72];
	uint64_t size, begun_at;
	_Atomic uint64_t at;
	_Atomic int64_t begun_ns;
	_Atomic(const char *) state;	/* a constant string */
	const char *said;		/* by who draws */
};
struct bars {
	_Atomic unsigned n;
	unsigned drawn;
	bool quiet, terminal;
	struct bar v[BARS_MAX];
};

/* NULL when there is no memory; all the others take NULL. */
struct bars *bars_new(bool quiet);
void bars_free(struct bars *b);

/* One thread adds. */
unsigned bars_add(struct bars *b, const char *digest, uint64_t size);
void bars_move(struct bars *b, unsigned i, uint64_t more);
/* "waiting" "downloading" "uploading" (which are drawn as bars) "downloaded" "unpacking" ... */
void bars_state(struct bars *b, unsigned i, const char *state);
/* The same by digest. */
void bars_state_of(struct bars *b, const char *digest, const char *state);
void bars_draw(struct bars *b);
/* Milliseconds between two drawings. */
int bars_interval(const struct bars *b);

#endif
