/* lookaside.c - the files of containers-registries.d(5), and the section that covers a name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "image/lookaside.h"
#include "image/registries.h"

#define FILE_MAX (1u << 20)
#define SECTIONS_MAX 1024u

enum attached { ATTACHED_UNSAID, ATTACHED_NO, ATTACHED_YES };

struct section {
	char *scope;		/* "": default-docker */
	char *url;
	enum attached attached;
	size_t file;		/* which file it stands in */
};

struct sections { struct section *v; size_t n, file; const char *what; };

static void sections_cleanup(struct sections *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].scope);
		free(t->v[i].url);
	}
	free(t->v);
}

void lookaside_cleanup(struct lookaside *l)
{
	free(l->base);
	*l = (struct lookaside){ 0 };
}

/* ---- reading ---- */

/* A section stands in one file only. */
static int section_of(struct sections *t, const char *scope, struct section **ret, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!str_eq(t->v[i].scope, scope))
			continue;
		if (t->v[i].file != t->file)
			return err_say(e, EINVAL, "%s: \"%.200s\" stands in another file too",
				       t->what, *scope ? scope : "default-docker");
		*ret = &t->v[i];
		return 0;
	}
	if (t->n == SECTIONS_MAX)
		return err_say(e, E2BIG, "%s: more than %u sections", t->what, SECTIONS_MAX);
	t->v = mem_resize(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n] = (struct section){ .scope = mem_strdup(scope), .file = t->file };
	*ret = &t->v[t->n++];
	return 0;
}

static int set_attached(struct section *s, const char *what, const char *value, struct err *e)
{
	bool on;

	if (str_to_bool(value, &on) < 0)
		return err_say(e, EINVAL,
			       "%s: use-sigstore-attachments: %.40s: expected true or false", what,
			       value);
	s->attached = on ? ATTACHED_YES : ATTACHED_NO;
	return 0;
}

static int on_value(void *ctx, const char *const *keys, unsigned depth, const char *value,
		    struct err *e)
{
	struct sections *t = ctx;
	bool general = depth == 2 && str_eq(keys[0], "default-docker");
	const char *key = keys[depth - 1];
	struct section *s = NULL;
	int r;

	if (!general && !(depth == 3 && str_eq(keys[0], "docker")))
		return err_say(e, EINVAL, "%s: \"%.100s\" is not known here", t->what, key);
	r = section_of(t, general ? "" : keys[1], &s, e);
	if (r < 0)
		return r;
	if (str_eq(key, "use-sigstore-attachments"))
		return set_attached(s, t->what, value, e);
	/* where signatures are written to is nothing to us */
	if (str_eq(key, "lookaside-staging") || str_eq(key, "sigstore-staging"))
		return 0;
	if (!str_eq(key, "lookaside") && !str_eq(key, "sigstore"))
		return err_say(e, EINVAL, "%s: \"%.100s\" is not known here", t->what, key);
	if (s->url && !str_eq(s->url, value))
		return err_say(e, EINVAL, "%s: two addresses for \"%.200s\"", t->what,
			       general ? "default-docker" : keys[1]);
	free(s->url);
	s->url = mem_strdup(value);
	return 0;
}

static int read_files(struct sections *t, const char *dir, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	DIR *d = opendir(dir);
	struct dirent *n;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", dir);
	while ((n = readdir(d)))
		if (str_ends(n->d_name, ".yaml"))
			strlist_addf(&l, "%s/%s", dir, n->d_name);
	closedir(d);
	strlist_sort(&l);
	for (t->file = 0; r == 0 && t->file < l.n; t->file++) {
		AUTO_FREE char *text = NULL;
		size_t size;

		t->what = l.v[t->file];
		r = path_read_file(AT_FDCWD, t->what, FILE_MAX, &text, &size, e);
		if (r == 0 && strlen(text) != size)
			r = err_say(e, EINVAL, "%s: it is no text", t->what);
		if (r == 0)
			r = yaml_parse(text, t->what, on_value, t, e);
	}
	return r;
}

static char *files_dir(void)
{
	const char *env = getenv("BERTH_REGISTRIES_D"), *home = getenv("HOME");

	if (!str_empty(env))
		return mem_strdup(env);
	if (!str_empty(home)) {
		AUTO_FREE char *own = mem_printf("%s/.config/containers/registries.d", home);

		if (access(own, F_OK) == 0)
			return TAKE(own);
	}
	return mem_strdup("/etc/containers/registries.d");
}

/* ---- finding ---- */

static const struct section *find(const struct sections *t, const char *scope)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].scope, scope))
			return &t->v[i];
	return NULL;
}

/* The whole name, then one part less at a time, then the default. */
static const struct section *find_covering(const struct sections *t, const struct ref *r)
{
	AUTO_FREE char *scope = mem_printf("%s/%s", r->domain, r->path);
	AUTO_FREE char *whole = r->digest[0] ? mem_printf("%s@%s", scope, r->digest) :
					       mem_printf("%s:%s", scope, r->tag);
	const struct section *s = find(t, whole);
	char *slash;

	while (!s) {
		s = find(t, scope);
		slash = strrchr(scope, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return s ? s : find(t, "");
}

static char *default_base(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return mem_strdup("/var/lib/containers/sigstore");
	if (!str_empty(data))
		return mem_printf("%s/containers/sigstore", data);
	return mem_printf("%s/.local/share/containers/sigstore", home ? home : "");
}

int lookaside_find(const struct ref *ref, struct lookaside *ret, struct err *e)
{
	AUTO(sections) struct sections t = { 0 };
	AUTO_FREE char *dir = files_dir();
	struct lookaside l = { .attached = true };
	const struct section *s;
	const char *path;
	int r = read_files(&t, dir, e);

	if (r < 0)
		return r;
	s = find_covering(&t, ref);
	if (s)
		l.attached = s->attached != ATTACHED_NO;
	if (!s || !s->url) {
		l.base = default_base();
	} else if ((path = str_after(s->url, "file://")) && *path == '/') {
		l.base = mem_strdup(path);
	} else if (str_starts(s->url, "http://") || str_starts(s->url, "https://")) {
		l.base = mem_strdup(s->url);
		l.remote = true;
	} else {
		return err_say(e, EINVAL,
			       "%s: lookaside %.200s: expected file:///PATH, https:// or http://",
			       dir, s->url);
	}
	for (size_t n = strlen(l.base); n > 1 && l.base[n - 1] == '/'; n--)
		l.base[n - 1] = '\0';
	*ret = l;
	return 0;
}

char *lookaside_signature(const struct lookaside *l, const struct ref *r, const char *digest,
			  unsigned n)
{
	return mem_printf("%s/%s@sha256=%s/signature-%u", l->base, r->path, digest + 7, n);
}
