/*
 * registry.h - one repository at one place, by the OCI distribution specification.
 *
 * Used by berth-image while it may use the network.  A struct registry is shared by
 * threads, each with a struct http of its own.
 */
#ifndef IMAGE_REGISTRY_H
#define IMAGE_REGISTRY_H

#include <pthread.h>

#include "image/login.h"
#include "image/registries.h"

struct registry {
	const struct place *place;
	const struct login *login;
	const char *actions;		/* "pull" or "pull,push" */
	const char *from;		/* another repository to mount blobs from, or NULL */
	bool https;
	pthread_mutex_t lock;
	char *auth;			/* header value, or NULL */
	char *challenge;
};

/* Finds out by which protocol it is spoken to, and what it asks of us (GET /v2/). */
int registry_open(struct registry *g, const struct place *p, const struct login *l,
		  const char *actions, const char *from, struct err *e);
/* Asks GET /v2/ once more with what was found: 0 when we are let in. */
int registry_prove(struct registry *g, struct err *e);
void registry_cleanup(struct registry *g);	/* AUTO(registry) */

/* q->url is a path ("/v2/..."), or an absolute address that the registry gave.  Asks for a
 * token when
 * it must, and again after failures that pass.  Any status comes back. */
int registry_call(struct registry *g, struct http *h, struct http_request *q,
		  struct http_reply *ret, struct err *e);
bool registry_is_own(const struct registry *g, const char *url);
/* What lies at another address (signatures), without credentials.  Any status comes back. */
int registry_get_beside(const struct registry *g, const char *url, uint64_t max,
			struct http_reply *ret, struct err *e);
/* What an unwanted status means: a message with the registry's own words. */
int registry_fail(const struct registry *g, const struct http_reply *r, const char *doing,
		  struct err *e);

/* By tag or digest.  Checked against the digest, when there is one. */
int registry_get_manifest(struct registry *g, struct http *h, const char *ref, char **ret,
			  size_t *ret_n, char digest[static DIGEST_LEN + 1], char **ret_type,
			  struct err *e);
/* All tags of the repository, at most as many as a store holds names; words of the registry's. */
int registry_tags(struct registry *g, struct http *h, struct strlist *ret, struct err *e);
/* Goes on at the end of what fd holds already; done when fd holds the whole and it is right. */
int registry_get_blob(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		      http_progress *progress, void *ctx, struct err *e);

/* 1 there, 0 not. */
int registry_has_blob(struct registry *g, struct http *h, const char *digest, struct err *e);
/* Mounts it from g->from when that is set and works (1), else uploads it in chunks (0). */
int registry_put_blob(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		      http_progress *progress, void *ctx, struct err *e);
int registry_put_manifest(struct registry *g, struct http *h, const char *ref, const char *type,
			  const void *data, size_t n, struct err *e);

/* Seconds to wait before the nth try again (from 0), with some chance in it. */
void registry_wait(unsigned n, long asked);

#endif
