/*
 * token.h - what a registry asks of us (RFC 7235), and getting it.
 *
 * Used by berth-image while it may use the network.
 */
#ifndef IMAGE_TOKEN_H
#define IMAGE_TOKEN_H

#include "image/registry.h"

struct challenge { bool bearer, basic; char realm[1024], service[256], scope[1024], error[128]; };

/* Parses WWW-Authenticate.  Pure. */
void challenge_parse(const char *s, struct challenge *ret);
/* The Authorization that answers it, or NULL: nobody.  Caller frees. */
int token_get(const struct registry *g, const char *challenge, char **ret, struct err *e);

#endif
