/*
 * idmap.h - which ids of a user namespace stand for which of the host's.
 *
 * Used by berth and berth-image, for files that a container's users see otherwise than we do.
 * Source: user_namespaces(7), "User and group ID mappings".
 */
#ifndef BASE_IDMAP_H
#define BASE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define IDMAP_MAX 340	/* UID_GID_MAP_MAX_EXTENTS */

struct idmap_range { uint32_t inside, outside, size; };
struct idmap { size_t n; struct idmap_range v[IDMAP_MAX]; };	/* n 0: ids are the host's */
struct idmap_pair { struct idmap uids, gids; };

/* As in /proc/PID/uid_map: lines of three numbers.  -EINVAL. */
int idmap_parse(const char *text, struct idmap *ret);
/* Those of the user namespace that process pid lives in.  -ESRCH: it has ended. */
int idmap_of_process(pid_t pid, struct idmap_pair *ret, struct err *e);
/* What stat(2) says in there; 65534 for an id that it has none for. */
uint32_t idmap_inside(const struct idmap *m, uint32_t outside);
/* false: nobody in there has that id. */
bool idmap_outside(const struct idmap *m, uint32_t inside, uint32_t *ret);
/* New files of this process are root's of that namespace: what is made where a namespace's ids are
 * must have an owner that is mapped from the beginning. */
int idmap_act_as_root(const struct idmap_pair *ids, struct err *e);

#endif
