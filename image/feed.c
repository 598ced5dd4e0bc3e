/* feed.c - one producer, several consumers, a fixed ring of buffers between them. */
#include <stdlib.h>

#include "base/mem.h"
#include "image/feed.h"

void feed_init(struct feed *f, unsigned consumers)
{
	*f = (struct feed){ .consumers = consumers };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->moved, NULL);
	f->mem = mem_array(FEED_SLOTS, FEED_SLOT_SIZE);
}

void feed_cleanup(struct feed *f)
{
	if (!f->mem)
		return;
	pthread_cond_destroy(&f->moved);
	pthread_mutex_destroy(&f->lock);
	free(f->mem);
	f->mem = NULL;
}

static bool full(const struct feed *f)
{
	for (unsigned i = 0; i < f->consumers; i++)
		if (f->head - f->tail[i] == FEED_SLOTS)
			return true;
	return false;
}

void *feed_fill(struct feed *f)
{
	void *p;

	pthread_mutex_lock(&f->lock);
	while (full(f) && !f->stopped)
		pthread_cond_wait(&f->moved, &f->lock);
	p = f->stopped ? NULL : f->mem + (f->head % FEED_SLOTS) * FEED_SLOT_SIZE;
	pthread_mutex_unlock(&f->lock);
	return p;
}

void feed_filled(struct feed *f, size_t n)
{
	pthread_mutex_lock(&f->lock);
	f->len[f->head % FEED_SLOTS] = n;
	f->head++;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}

void feed_end(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}

long feed_next(struct feed *f, unsigned who, const void **ret)
{
	long n;

	pthread_mutex_lock(&f->lock);
	if (f->holds[who]) {
		f->holds[who] = false;
		f->tail[who]++;
		pthread_cond_broadcast(&f->moved);
	}
	while (f->tail[who] == f->head && !f->ended && !f->stopped)
		pthread_cond_wait(&f->moved, &f->lock);
	if (f->stopped) {
		n = -1;
	} else if (f->tail[who] == f->head) {
		n = 0;
	} else {
		unsigned long slot = f->tail[who] % FEED_SLOTS;

		f->holds[who] = true;
		*ret = f->mem + slot * FEED_SLOT_SIZE;
		n = (long)f->len[slot];
	}
	pthread_mutex_unlock(&f->lock);
	return n;
}

void feed_stop(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopped = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}
