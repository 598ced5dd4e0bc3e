/*
 * userns.h - what the engine does at a birth for a container with a user namespace: files of the
 * host that it must own, and the ids that others see.
 *
 * Runs in: host.
 */
#ifndef RUNTIME_USERNS_H
#define RUNTIME_USERNS_H

#include "runtime/spec.h"

/* Opens a user namespace with the container's maps, for idmapped mounts: one of its own that nobody
 * is in, or the one that it joins, whose maps go into s.  *ret stays: it has the host's ids. */
int userns_open(struct spec *s, int *ret, struct err *e);
/* Its user and groups are mapped. */
int userns_check(const struct spec *s, struct err *e);
/* The host's ids for those of the container, which userns_check has looked at. */
uint32_t userns_uid(const struct spec *s, uint32_t uid);
uint32_t userns_gid(const struct spec *s, uint32_t gid);
/* A file of ours in directory dir belongs to the container's root. */
int userns_give(const struct spec *s, int dir, const char *name, struct err *e);

#endif
