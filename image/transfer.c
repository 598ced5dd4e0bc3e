/* transfer.c - the threads that fetch or send blobs. */
#include <errno.h>
#include <poll.h>

#include "image/transfer.h"

#define THREADS 4

int transfer_progress(void *transfer_bar, uint64_t bytes)
{
	const struct transfer_bar *p = transfer_bar;

	bars_move(p->t->bars, p->bar, bytes);
	return p->t->failed;
}

static void *transfer_thread(void *arg)
{
	struct transfer *t = arg;
	AUTO(http) struct http h = { 0 };

	http_init(&h, &t->g->place->http);
	for (;;) {
		struct err e = ERR_INIT;
		size_t i;

		pthread_mutex_lock(&t->lock);
		i = t->failed ? t->n : t->next;
		t->next += i < t->n;
		pthread_mutex_unlock(&t->lock);
		if (i >= t->n)
			break;
		if (t->one(t, &h, &t->v[i], t->first + (unsigned)i, &e) == 0)
			continue;
		pthread_mutex_lock(&t->lock);
		if (!t->failed)
			t->err = e;
		t->failed = true;
		pthread_mutex_unlock(&t->lock);
	}
	pthread_mutex_lock(&t->lock);
	t->ended++;
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static bool over(struct transfer *t, unsigned threads)
{
	bool ended;

	pthread_mutex_lock(&t->lock);
	ended = t->ended == threads;
	pthread_mutex_unlock(&t->lock);
	return ended;
}

int transfer_run(struct transfer *t, struct err *e)
{
	pthread_t threads[THREADS];
	unsigned started = 0;

	pthread_mutex_init(&t->lock, NULL);
	t->first = t->bars ? t->bars->n : 0;
	for (size_t i = 0; i < t->n; i++)
		bars_add(t->bars, t->v[i].digest, t->v[i].size);
	while (started < THREADS && started < t->n &&
	       pthread_create(&threads[started], NULL, transfer_thread, t) == 0)
		started++;
	while (t->draw && started && !over(t, started)) {
		poll(NULL, 0, bars_interval(t->bars));
		bars_draw(t->bars);
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (t->draw)
		bars_draw(t->bars);
	pthread_mutex_destroy(&t->lock);
	if (t->n && !started)
		return err_set(e, EAGAIN, "start a thread");
	if (t->failed)
		*e = t->err;
	return t->failed ? -e->code : 0;
}
