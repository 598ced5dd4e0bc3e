/* registries.c - registries.conf(5): mirrors, insecure and blocked registries; certs.d(5). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/registries.h"

#define CONF_MAX (1u << 20)
#define ENTRIES_MAX 256

struct conf_mirror { char location[256]; bool insecure; char when[16]; };
struct conf_entry {
	char prefix[256], location[256];
	bool insecure, blocked, digest_only;
	struct conf_mirror mirrors[PLACES_MAX - 1];
	unsigned nmirrors;
};
struct conf { struct conf_entry *v; unsigned n, base; long last_mirror; };

void places_cleanup(struct places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].http.ca);
		free(p->v[i].http.cert);
		free(p->v[i].http.key);
	}
	p->n = 0;
}

/* ---- registries.conf ---- */

static void copy_word(char out[static 256], const char *v)
{
	snprintf(out, 256, "%s", v);
}

static void on_mirror(struct conf *c, unsigned index, const char *key, const char *value)
{
	struct conf_entry *n = c->n > c->base ? &c->v[c->n - 1] : NULL;
	struct conf_mirror *m;

	if (!n)
		return;
	if ((long)index != c->last_mirror) {
		if (n->nmirrors == ARRAY_SIZE(n->mirrors))
			return;
		c->last_mirror = index;
		n->nmirrors++;
	}
	if (n->nmirrors == 0)
		return;
	m = &n->mirrors[n->nmirrors - 1];
	if (str_eq(key, "location"))
		copy_word(m->location, value);
	else if (str_eq(key, "insecure"))
		m->insecure = str_eq(value, "true");
	else if (str_eq(key, "pull-from-mirror"))
		snprintf(m->when, sizeof(m->when), "%s", value);
}

static void on_value(void *ctx, const char *table, unsigned index, const char *key,
		     const char *value)
{
	struct conf *c = ctx;
	struct conf_entry *n;

	if (str_eq(table, "registry.mirror")) {
		on_mirror(c, index, key, value);
		return;
	}
	if (!str_eq(table, "registry") || c->base + index >= ENTRIES_MAX)
		return;
	while (c->n <= c->base + index)
		c->v[c->n++] = (struct conf_entry){ 0 };
	n = &c->v[c->base + index];
	if (str_eq(key, "prefix"))
		copy_word(n->prefix, value);
	else if (str_eq(key, "location"))
		copy_word(n->location, value);
	else if (str_eq(key, "insecure"))
		n->insecure = str_eq(value, "true");
	else if (str_eq(key, "blocked"))
		n->blocked = str_eq(value, "true");
	else if (str_eq(key, "mirror-by-digest-only"))
		n->digest_only = str_eq(value, "true");
}

static int conf_file(struct conf *c, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err why = ERR_INIT;
	size_t n;
	int r = path_read_file(AT_FDCWD, path, CONF_MAX, &text, &n, &why);

	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	c->base = c->n;
	c->last_mirror = -1;
	return toml_parse(text, path, on_value, c, e);
}

static int conf_dir(struct conf *c, const char *path, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	DIR *d = opendir(path);
	struct dirent *n;

	if (!d)
		return 0;
	while ((n = readdir(d)))
		if (str_ends(n->d_name, ".conf"))
			strlist_addf(&l, "%s/%s", path, n->d_name);
	closedir(d);
	strlist_sort(&l);
	for (size_t i = 0; i < l.n; i++) {
		int r = conf_file(c, l.v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int conf_read(struct conf *c, struct err *e)
{
	const char *env = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME");
	int r;

	if (!str_empty(env))
		return conf_file(c, env, e);
	if (geteuid() != 0 && !str_empty(home)) {
		AUTO_FREE char *own = mem_printf("%s/.config/containers/registries.conf", home);

		if (access(own, F_OK) == 0)
			return conf_file(c, own, e);
	}
	r = conf_file(c, "/etc/containers/registries.conf", e);
	return r < 0 ? r : conf_dir(c, "/etc/containers/registries.conf.d", e);
}

/* Bytes of the name that the prefix covers; "*.example.com" covers hosts below it. */
static size_t prefix_fits(const char *prefix, const char *full)
{
	size_t n = strlen(prefix);

	if (str_starts(prefix, "*.")) {
		size_t host = strcspn(full, "/:");

		return host > n - 1 && strncmp(full + host - (n - 1), prefix + 1, n - 1) == 0 ?
			       host :
			       0;
	}
	if (strncmp(full, prefix, n) != 0 || (full[n] && !strchr("/:@", full[n])))
		return 0;
	return n;
}

static const struct conf_entry *conf_find(const struct conf *c, const char *full, size_t *ret_n)
{
	const struct conf_entry *best = NULL;
	size_t most = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct conf_entry *n = &c->v[i];
		size_t fits = prefix_fits(*n->prefix ? n->prefix : n->location, full);

		if (fits > most) {
			most = fits;
			best = n;
		}
	}
	*ret_n = most;
	return best;
}

/* ---- certs.d ---- */

static void add_ca(struct http_host *h, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct err lost = ERR_INIT;
	size_t n;

	if (path_read_file(AT_FDCWD, path, CONF_MAX, &text, &n, &lost) < 0)
		return;
	h->ca = mem_resize(h->ca, h->ca_len + n + 2, 1);
	memcpy(h->ca + h->ca_len, text, n);
	h->ca_len += n;
	h->ca[h->ca_len++] = '\n';
	h->ca[h->ca_len] = '\0';
}

static void read_certs(struct http_host *h, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *n;

	if (!d)
		return;
	while ((n = readdir(d))) {
		AUTO_FREE char *path = mem_printf("%s/%s", dir, n->d_name);

		if (str_ends(n->d_name, ".crt")) {
			add_ca(h, path);
		} else if (str_ends(n->d_name, ".cert") && !h->cert) {
			h->key = mem_printf("%.*skey", (int)strlen(path) - 4, path);
			h->cert = TAKE(path);
		}
	}
	closedir(d);
}

static void find_certs(struct place *p)
{
	static const char *const dirs[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };
	const char *home = getenv("HOME"), *env = getenv("BERTH_CERTS_DIR");

	if (!str_empty(env)) {
		AUTO_FREE char *dir = mem_printf("%s/%s", env, p->name);

		read_certs(&p->http, dir);
	}
	if (!str_empty(home)) {
		AUTO_FREE char *dir = mem_printf("%s/.config/containers/certs.d/%s", home, p->name);

		read_certs(&p->http, dir);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && !p->http.ca && !p->http.cert; i++) {
		AUTO_FREE char *dir = mem_printf("%s/%s", dirs[i], p->name);

		read_certs(&p->http, dir);
	}
}

/* ---- places ---- */

static bool is_loopback(const char *host)
{
	return str_starts(host, "localhost") || str_starts(host, "127.") ||
	       str_starts(host, "[::1]");
}

/* location: "host[:port][/path]", to which the rest of the repository's name is added. */
static int add_place(struct places *ps, const char *location, const char *rest, bool insecure,
		     int tls_verify, struct err *e)
{
	struct place *p = &ps->v[ps->n];
	AUTO_FREE char *full = mem_printf("%s%s", location, rest);
	char *slash = strchr(full, '/');

	*p = (struct place){ 0 };
	if (!slash || (size_t)(slash - full) >= sizeof(p->name) || strlen(slash) > sizeof(p->repo))
		return err_say(e, EINVAL,
			       "registries.conf: location \"%.200s\" makes no repository",
			       location);
	*slash = '\0';
	strcpy(p->name, full);
	strcpy(p->repo, slash + 1);
	strcpy(p->host, str_eq(p->name, "docker.io") ? "registry-1.docker.io" : p->name);
	/* plain http to this very machine harms nobody */
	p->http.insecure = tls_verify == 0 ||
			   (tls_verify < 0 && (insecure || is_loopback(p->host)));
	find_certs(p);
	if (tls_verify < 0 && p->http.ca && !insecure)
		p->http.insecure = false;
	ps->n++;
	return 0;
}

static bool mirror_serves(const struct conf_entry *n, const struct conf_mirror *m,
			  const struct ref *r)
{
	if (r->digest[0])
		return !str_eq(m->when, "tag-only");
	return !n->digest_only && !str_eq(m->when, "digest-only");
}

int registries_find(const struct ref *r, bool pull, int tls_verify, struct places *ret,
		    struct err *e)
{
	struct conf c = { .v = mem_array(ENTRIES_MAX + 1, sizeof(*c.v)), .last_mirror = -1 };
	AUTO_FREE void *owned = c.v;
	AUTO(places) struct places ps = { .n = 0 };
	AUTO_FREE char *full = mem_printf("%s/%s", r->domain, r->path);
	const struct conf_entry *n;
	size_t covered;
	int code = conf_read(&c, e);

	if (code < 0)
		return code;
	n = conf_find(&c, full, &covered);
	if (n && n->blocked)
		return err_say(e, EPERM, "registry %s is blocked by registries.conf", r->domain);
	for (unsigned i = 0; code == 0 && pull && n && i < n->nmirrors; i++)
		if (mirror_serves(n, &n->mirrors[i], r))
			code = add_place(&ps, n->mirrors[i].location, full + covered,
					 n->mirrors[i].insecure, tls_verify, e);
	if (code == 0 && n && *n->location)
		code = add_place(&ps, n->location, full + covered, n->insecure, tls_verify, e);
	else if (code == 0)
		code = add_place(&ps, full, "", n && n->insecure, tls_verify, e);
	if (code < 0)
		return code;
	*ret = ps;
	ps.n = 0;
	return 0;
}
