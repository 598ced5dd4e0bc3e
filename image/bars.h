/*
 * bars.h - how far each blob is, on standard error.
 *
 * Used by berth-image.  On a terminal a bar per blob, drawn anew in place; else one line when a
 * blob
 * begins and one when it is there.  Any thread may move a bar; one draws.
 */
#ifndef IMAGE_BARS_H
#define IMAGE_BARS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bar {
	char name[16];
	uint64_t size, at, begun_at;
	int64_t begun_ns;
	const char *state;
	bool said;
};
struct bars {
	pthread_mutex_t lock;
	struct bar *v;
	size_t n, drawn;
	bool quiet, terminal;
};

void bars_init(struct bars *b, size_t n, bool quiet);
void bars_cleanup(struct bars *b);
void bars_set(struct bars *b, size_t i, const char *digest, uint64_t size);
void bars_move(struct bars *b, size_t i, uint64_t more);
/* "waiting" "downloading" "there" "done": a constant string. */
void bars_state(struct bars *b, size_t i, const char *state);
void bars_draw(struct bars *b);

#endif
