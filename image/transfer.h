/*
 * transfer.h - blobs on their way to or from a registry, several beside each other.
 *
 * Used by berth-image while it may use the network.
 */
#ifndef IMAGE_TRANSFER_H
#define IMAGE_TRANSFER_H

#include <pthread.h>

#include "image/bars.h"
#include "image/manifest.h"
#include "image/registry.h"

struct transfer {
	struct registry *g;
	const struct descriptor *v;
	size_t n;
	/* One of them, which has that bar; any thread. */
	int (*one)(struct transfer *t, struct http *h, const struct descriptor *d, unsigned bar,
		   struct err *e);
	void *ctx;
	struct bars *bars;		/* or NULL */
	bool draw;			/* bars are drawn here */
	/* inside */
	unsigned first;			/* bar */
	size_t next, ended;
	_Atomic bool failed;
	struct err err;
	pthread_mutex_t lock;
};
/* All of them.  The first that fails ends the others. */
int transfer_run(struct transfer *t, struct err *e);

/* For http_request.progress: moves the bar, and ends what goes on when another has failed. */
struct transfer_bar { struct transfer *t; unsigned bar; };
int transfer_progress(void *transfer_bar, uint64_t bytes);

#endif
