/*
 * login.h - who we are to a registry: auth.json, Docker's config.json, credential helpers.
 *
 * Used by berth-image, before it confines itself (a helper is a program that is started).
 */
#ifndef IMAGE_LOGIN_H
#define IMAGE_LOGIN_H

#include "image/image.h"

struct login {
	char *user, *password;	/* NULL: nobody */
	char *identity;		/* an identity token instead of a password, or NULL */
};
void login_cleanup(struct login *l);	/* AUTO(login) */

/* For "host[:port]" and a repository there; the longest key that fits wins.  authfile: the only
 * one to
 * look into, or NULL: $REGISTRY_AUTH_FILE, else containers-auth.json(5)'s, then Docker's. */
int login_find(const char *host, const char *repo, const char *authfile, struct login *ret,
	       struct err *e);
/* The same, but for `own` (the host that an image's name says) what --creds gave: USER:PASSWORD. */
int login_find_or(const char *creds, const char *own, const char *host, const char *repo,
		  const char *authfile, struct login *ret, struct err *e);
/* Where login writes, in memory of the caller. */
char *login_file(const char *authfile);
/* Writes or (user NULL) removes the entry (host NULL: all); the rest of the file stays.  1: was
 * there, 0: was not. */
int login_store(const char *host, const char *authfile, const char *user, const char *password,
		struct err *e);

char *base64_encode(const void *data, size_t n);
/* NULL when it is none. */
char *base64_decode(const char *s, size_t *ret_n);

#endif
