/*
 * feed.h - a ring of buffers from one producing thread to several consuming ones.
 *
 * Used by berth-image: inflating, hashing and writing go on at once, each on a thread of its
 * own.  Every consumer sees every byte.  Who fails stops the whole flow, so that
 * nobody waits for ever.
 *
 *	producer:  feed_fill -> buffer -> feed_filled(n) ... feed_end
 *	consumer:  feed_next(who) -> bytes (valid until the next call) ... 0 at the end
 */
#ifndef IMAGE_FEED_H
#define IMAGE_FEED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define FEED_SLOTS 8
#define FEED_SLOT_SIZE (256u << 10)
#define FEED_CONSUMERS_MAX 3

struct feed {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *mem;
	size_t len[FEED_SLOTS];
	unsigned long head;				/* slots filled so far */
	unsigned long tail[FEED_CONSUMERS_MAX];		/* slots each consumer is done with */
	bool holds[FEED_CONSUMERS_MAX];
	unsigned consumers;
	bool ended, stopped;
};

void feed_init(struct feed *f, unsigned consumers);
void feed_cleanup(struct feed *f);	/* AUTO(flow), when all threads are joined */

/* A free buffer of FEED_SLOT_SIZE bytes, or NULL when the flow was stopped. */
void *feed_fill(struct feed *f);
void feed_filled(struct feed *f, size_t n);
void feed_end(struct feed *f);
/* Bytes, 0 at the end, -1 when the flow was stopped. */
long feed_next(struct feed *f, unsigned who, const void **ret);
void feed_stop(struct feed *f);

#endif
