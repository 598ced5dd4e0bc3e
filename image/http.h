/*
 * http.h - one HTTP exchange with a registry, bounded.
 *
 * Used by berth-image while it may use the network.  libcurl does the protocol (HTTP/2, TLS,
 * proxies from the environment).  Redirects are followed here, also those of what is sent (307 and
 * 308): credentials stay with the host that they belong to, and https never becomes http.  A struct
 * http belongs to one thread.
 */
#ifndef IMAGE_HTTP_H
#define IMAGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"

/* How a host is talked to. */
struct http_host {
	bool insecure;		/* certificates are not checked, plain http may be used */
	char *ca;		/* more authorities, PEM, or NULL */
	size_t ca_len;
	char *cert, *key;	/* paths of the client's, or NULL */
};

struct http { void *curl; const struct http_host *host; };

/* Called as bytes go by (either way); anything but 0 ends the exchange with -EINTR. */
typedef int http_progress(void *ctx, uint64_t bytes);

struct http_request {
	const char *method, *url;
	const char *const *headers;	/* "Name: value", NULL-terminated, or NULL */
	const char *auth;		/* "Bearer ..." or "Basic ...", or NULL */
	bool foreign;			/* another host than the one that was given: no client's
					 * certificate for it */
	const void *body;		/* sent, or NULL */
	int body_fd;			/* sent instead when has_fd: body_len bytes from body_at */
	bool has_fd;
	uint64_t body_at;
	uint64_t body_len;
	int sink;			/* a successful answer's body goes there when has_sink */
	bool has_sink;
	bool ranged; /* a part was asked for: the whole (200) ends with -ESPIPE */
	struct digest *digest;		/* of what goes to the sink, or NULL */
	uint64_t max;			/* bytes of the answer's body */
	http_progress *progress;
	void *ctx;
};

struct http_reply {
	long status;
	char *type, *digest, *challenge, *link, *range;	/* headers, NULL: not there */
	char *location;			/* the header, made absolute */
	long retry_after;		/* seconds, 0: not said */
	struct strbuf body;		/* without a sink, and of every failure (cut at 64 KiB) */
	char *url;			/* where it ended up */
};
void http_reply_cleanup(struct http_reply *r);	/* AUTO(http_reply) */

void http_init(struct http *h, const struct http_host *host);
void http_cleanup(struct http *h);	/* AUTO(http) */
/* 0 whatever the status is; errors are those of the network (-EIO, -ETIMEDOUT, -ECONNREFUSED),
 * of TLS (-EPROTO), and of answers out of bounds (-EFBIG, -ELOOP). */
/* Scheme, host and port are the same. */
bool http_same_origin(const char *a, const char *b);
int http_do(struct http *h, const struct http_request *q, struct http_reply *ret, struct err *e);

#endif
