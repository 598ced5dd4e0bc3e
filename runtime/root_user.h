/*
 * root_user.h - users and groups by the image's own /etc/passwd and /etc/group.
 *
 * Runs in: host.  Files are opened inside the root by descriptor and parsed here: no NSS,
 * no code of the container (CVE-2019-14271).
 */
#ifndef RUNTIME_ROOT_USER_H
#define RUNTIME_ROOT_USER_H

#include "base/err.h"
#include "base/mem.h"
#include "runtime/spec.h"

/* text: "", "user", "uid", "user:group", "uid:gid" (Docker's --user); extra: --group-add, names or
 * ids.  Without a group the user's own group and memberships count.  Names must be there; ids need
 * not.  *ret_home is the home folder or NULL. */
int root_user_find(int root_fd, const char *text, char *const *extra, struct arena *a,
		   struct spec_user *ret, const char **ret_home, struct err *e);

#endif
