/*
 * depend.h - what a layer's directory takes from the layers below it.
 *
 * Used by berth-image, after a layer is unpacked and when all layers below it are in place.
 */
#ifndef IMAGE_DEPEND_H
#define IMAGE_DEPEND_H

#include "image/stage.h"

/* The layers below, top first: descriptors of their fs directories, owned by the caller. */
struct below { int *fds; size_t n; const char *opaque_key; };

/* Whether the result depends on what is below, so that it cannot be shared by diff id. */
bool depend_needed(const struct stage *t, const struct below *b);

/* Implied directories get the look that the layers below say, hard links to files of layers below
 * become copies, whiteouts that hide nothing go.  Before stage_finish. */
int depend_resolve(struct stage *t, const struct below *b, struct err *e);

#endif
