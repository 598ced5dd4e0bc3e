/*
 * usage.h - how much room files take, for ps -s, system df and prune.
 *
 * Used by cli/ only.
 */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include <stdint.h>

#include "base/err.h"
#include "runtime/record.h"

/* Bytes of what lies below at/name: contents without holes, each hard link once as far as it is
 * a single one's.  Symlinks and other mounts are not entered; absent is 0.  Folders deeper than
 * 256 are left out. */
int usage_of(int at, const char *name, uint64_t *ret, struct err *e);
/* A volume's, as folder and as disk. */
int usage_of_volume(const struct engine *en, const char *name, uint64_t *ret, struct err *e);
/* What a container wrote in its root; 0 when it is gone. */
int usage_of_files(const struct engine *en, const struct record *r, uint64_t *ret, struct err *e);

#endif
