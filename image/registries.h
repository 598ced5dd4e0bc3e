/*
 * registries.h - how registries are reached: registries.conf(5), certs.d(5).
 *
 * Used by berth-image.  Of registries.conf, version 2: prefix, location, insecure, blocked,
 * mirror (location, insecure, pull-from-mirror) and mirror-by-digest-only; other keys are ignored.
 */
#ifndef IMAGE_REGISTRIES_H
#define IMAGE_REGISTRIES_H

#include "image/http.h"
#include "image/image.h"

#define PLACES_MAX 17	/* mirrors, and the registry itself last */

/* One place where a repository may be got. */
struct place {
	char host[256];		/* "registry-1.docker.io", "localhost:5000": who is connected to */
	char name[256];		/* the host that credentials are kept for: "docker.io" */
	char repo[256];
	struct http_host http;
};
struct places { struct place v[PLACES_MAX]; size_t n; };
void places_cleanup(struct places *p);	/* AUTO(places) */

/* Where the repository is to be looked for, in order; mirrors only when pulling.  tls_verify: -1 as
 * configured, 0, 1.  -EPERM when it is blocked. */
int registries_find(const struct ref *r, bool pull, int tls_verify, struct places *ret,
		    struct err *e);

/* A small part of TOML: tables, arrays of tables, strings, booleans, arrays of strings.  Calls
 * on(ctx, table, index, key, value): index counts [[table]]s from 0; a boolean is "true" or
 * "false"; strings in arrays come one by one.  Pure. */
typedef void toml_on(void *ctx, const char *table, unsigned index, const char *key,
		     const char *value);
int toml_parse(const char *text, const char *what, toml_on *on, void *ctx, struct err *e);

/* A small part of YAML: mappings by indentation, keys and values plain or quoted.  Calls
 * on(ctx, keys, depth, value) for each value, the keys from the outermost; what it returns ends the
 * reading when negative.  Everything else of YAML is -EINVAL with the line.  Pure. */
#define YAML_DEPTH 4
#define YAML_WORD 1024
typedef int yaml_on(void *ctx, const char *const *keys, unsigned depth, const char *value,
		    struct err *e);
int yaml_parse(const char *text, const char *what, yaml_on *on, void *ctx, struct err *e);

#endif
