/*
 * secret.h - secrets: kept in ROOT/secrets (0600), given to containers as files of a tmpfs of their
 * own or as variables; never in a record, in `inspect`, in an image, or elsewhere on a disk.
 *
 * Runs in: host.
 */
#ifndef RUNTIME_SECRET_H
#define RUNTIME_SECRET_H

#include "base/child.h"
#include "runtime/record.h"

#define SECRET_MAX (512u << 10)	/* bytes of one secret, as Docker and podman have it */

struct secret_info { char name[256]; char id[26]; int64_t created_ns; uint64_t size; };

int secret_create(const struct engine *en, const char *name, const void *data, size_t n,
		  bool replace, char ret_id[static 26], struct err *e);
int secret_load(const struct engine *en, const char *name, struct secret_info *ret, struct err *e);
int secret_list(const struct engine *en, struct strlist *ret, struct err *e);
int secret_remove(const struct engine *en, const char *name, struct err *e);
/* What a writer that was killed left is removed: it may be a secret. */
void secret_tidy(const struct engine *en);
#define SECRET_SOURCE "secret"	/* of a secret's mount in config.json: it has no other */
#define SECRETS_MAX CHILD_FDS_MAX	/* of one container */

/* At the birth: makes the secrets that are to be files in a tmpfs that nobody else can see, and
 * puts descriptors of them into the spec's mounts; the others go to secret_env. */
int secret_give(const struct engine *en, const struct record *r, struct spec *s, struct err *e);
/* Those of type env alone, as p->secret_env, in a.  ignore_gone, for an exec: one that is not there
 * any more is left out. */
int secret_env(const struct engine *en, const struct record *r, bool ignore_gone,
	       struct arena *a, struct spec_process *p, struct err *e);

#endif
