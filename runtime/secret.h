/*
 * secret.h - secrets: kept in ROOT/secrets (0600), given to containers as files in memory,
 * never in a record, in `inspect` or in an image.
 *
 * Runs in: host.
 */
#ifndef RUNTIME_SECRET_H
#define RUNTIME_SECRET_H

#include "runtime/record.h"

#define SECRET_MAX (512u << 10)	/* bytes of one secret, as Docker and podman have it */

struct secret_info { char name[256]; char id[26]; int64_t created_ns; uint64_t size; };

int secret_create(const struct engine *en, const char *name, const void *data, size_t n,
		  bool replace, char ret_id[static 26], struct err *e);
int secret_load(const struct engine *en, const char *name, struct secret_info *ret, struct err *e);
int secret_list(const struct engine *en, struct strlist *ret, struct err *e);
int secret_remove(const struct engine *en, const char *name, struct err *e);
/* Prepares the files of the record's secrets for its mounts (RUN/ID/secrets/NAME). */
int secret_give(const struct engine *en, const struct record *r, int run_dir,
		const struct spec_user *user, struct err *e);

#endif
