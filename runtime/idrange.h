/*
 * idrange.h - which of the host's ids a container's user namespace gets.
 *
 * Runs in: host.  Nothing is kept beside the records: a range is taken as long as a record names
 * it, so a command that is killed leaves none taken.
 */
#ifndef RUNTIME_IDRANGE_H
#define RUNTIME_IDRANGE_H

#include "runtime/record.h"

/* Whose lines of /etc/subuid and /etc/subgid containers get ranges from; as podman's. */
#define IDRANGE_USER "containers"
/* Where it has none: above what useradd gives to users (SUB_UID_MAX), within what systemd has for
 * containers; without what those files give to anybody. */
#define IDRANGE_FIRST 0x30000000u
#define IDRANGE_LAST 0x6fffffffu

/* The ranges of a user in one of them, one after the other from id 0 on.  -ENOENT: it has none. */
int idrange_granted(const char *user, bool groups, struct arena *a, struct spec_idmaps *ret,
		    struct err *e);
/* size ids and as many groups that no record's user namespace has; the host's first ones come out.
 * *ret_lock: to be kept until a record has them. */
int idrange_take(const struct engine *en, uint32_t size, uint32_t *ret_uid, uint32_t *ret_gid,
		 int *ret_lock, struct err *e);

#endif
