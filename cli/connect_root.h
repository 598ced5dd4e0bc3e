/*
 * connect_root.h - the root file system of a container from outside, running or not.
 *
 * Used by cp, mount, diff.  Everything below is reached with path_open_in.
 */
#ifndef CLI_CONNECT_ROOT_H
#define CLI_CONNECT_ROOT_H

#include "base/idmap.h"
#include "cli/command.h"

/* A directory descriptor: of a running container what it sees itself, with its volumes; else a
 * detached mount of its layers and upper directory (lock held in *ret_lock until closed).
 * *ret_ids: owners in there are ids of the host that stand for these (of a running one with a user
 * namespace), or NULL; the caller frees it. */
int connect_root(struct cli *c, const struct record *r, int *ret_root, int *ret_lock,
		 struct idmap_pair **ret_ids, struct err *e);
/* The same as arguments of berth-image's export and unpack. */
void connect_id_args(const struct idmap_pair *ids, struct strlist *args);
/* The image alone, read-only, without the container's own changes. */
int connect_lower(struct cli *c, const struct record *r, int *ret_root, struct err *e);

#endif
