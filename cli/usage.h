/*
 * usage.h - how much room files take, for ps -s, system df and prune.
 *
 * Used by cli/ only.
 */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include <stdint.h>

#include "base/err.h"

/* Bytes of what lies below at/name: contents, each hard link once as far as it is a single
 * one's.  Symlinks and other mounts are not entered; absent is 0.  Folders deeper than 256 are
 * left out. */
int usage_of(int at, const char *name, uint64_t *ret, struct err *e);

#endif
