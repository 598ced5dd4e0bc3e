/*
 * signin.h - berth login and logout.
 *
 * Used by berth-image.
 */
#ifndef IMAGE_SIGNIN_H
#define IMAGE_SIGNIN_H

#include "image/login.h"

struct signin_opts {
	const char *user, *password, *authfile;
	bool password_stdin, no_tls, tls, get, all;
};

/* Tries name and password at the registry, and keeps them when they hold. */
int signin_login(const struct store *s, const char *host, const struct signin_opts *o,
		 struct err *e);
/* host NULL: all of them. */
int signin_logout(const char *host, const char *authfile, struct err *e);
/* Prints the user's name that is kept. */
int signin_show(const char *host, const char *authfile, struct err *e);

#endif
