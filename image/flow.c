/* flow.c - one producer, several consumers, a fixed ring of buffers between them. */
#include <stdlib.h>

#include "base/mem.h"
#include "image/flow.h"

void flow_init(struct flow *f, unsigned consumers)
{
	*f = (struct flow){ .consumers = consumers };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->moved, NULL);
	f->mem = mem_array(FLOW_SLOTS, FLOW_SLOT_SIZE);
}

void flow_cleanup(struct flow *f)
{
	if (!f->mem)
		return;
	pthread_cond_destroy(&f->moved);
	pthread_mutex_destroy(&f->lock);
	free(f->mem);
	f->mem = NULL;
}

static bool full(const struct flow *f)
{
	for (unsigned i = 0; i < f->consumers; i++)
		if (f->head - f->tail[i] == FLOW_SLOTS)
			return true;
	return false;
}

void *flow_fill(struct flow *f)
{
	void *p;

	pthread_mutex_lock(&f->lock);
	while (full(f) && !f->stopped)
		pthread_cond_wait(&f->moved, &f->lock);
	p = f->stopped ? NULL : f->mem + (f->head % FLOW_SLOTS) * FLOW_SLOT_SIZE;
	pthread_mutex_unlock(&f->lock);
	return p;
}

void flow_filled(struct flow *f, size_t n)
{
	pthread_mutex_lock(&f->lock);
	f->len[f->head % FLOW_SLOTS] = n;
	f->head++;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}

void flow_end(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}

long flow_next(struct flow *f, unsigned who, const void **ret)
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
		unsigned long slot = f->tail[who] % FLOW_SLOTS;

		f->holds[who] = true;
		*ret = f->mem + slot * FLOW_SLOT_SIZE;
		n = (long)f->len[slot];
	}
	pthread_mutex_unlock(&f->lock);
	return n;
}

void flow_stop(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopped = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}
