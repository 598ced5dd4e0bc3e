/*
 * worker.h - what the commands of berth-image have in common.
 *
 * Used by berth-image.
 */
#ifndef IMAGE_WORKER_H
#define IMAGE_WORKER_H

#include "image/load.h"
#include "image/sandbox.h"

/* Confines the process to the store (and input_dir, or -1), then begins a change. */
int worker_begin(const struct store *s, struct maker *m, int input_dir, struct err *e);
/* Commits, and prints "VERB image: NAME" for each name of each image (of one that has none: its
 * id), or, verb NULL, the ids alone. */
int worker_end(struct maker *m, const char *verb, struct err *e);

#endif
