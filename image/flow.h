/*
 * flow.h - a ring of buffers from one producing thread to several consuming ones.
 *
 * Used by berth-image: inflating, hashing and writing go on at once, each on a thread of its
 * own.  Every consumer sees every byte.  Who fails stops the whole flow, so that
 * nobody waits for ever.
 *
 *	producer:  flow_fill -> buffer -> flow_filled(n) ... flow_end
 *	consumer:  flow_next(who) -> bytes (valid until the next call) ... 0 at the end
 */
#ifndef IMAGE_FLOW_H
#define IMAGE_FLOW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define FLOW_SLOTS 8
#define FLOW_SLOT_SIZE (256u << 10)
#define FLOW_CONSUMERS_MAX 3

struct flow {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *mem;
	size_t len[FLOW_SLOTS];
	unsigned long head;				/* slots filled so far */
	unsigned long tail[FLOW_CONSUMERS_MAX];		/* slots each consumer is done with */
	bool holds[FLOW_CONSUMERS_MAX];
	unsigned consumers;
	bool ended, stopped;
};

void flow_init(struct flow *f, unsigned consumers);
void flow_cleanup(struct flow *f);	/* AUTO(flow), when all threads are joined */

/* A free buffer of FLOW_SLOT_SIZE bytes, or NULL when the flow was stopped. */
void *flow_fill(struct flow *f);
void flow_filled(struct flow *f, size_t n);
void flow_end(struct flow *f);
/* Bytes, 0 at the end, -1 when the flow was stopped. */
long flow_next(struct flow *f, unsigned who, const void **ret);
void flow_stop(struct flow *f);

#endif
