/* image.c - names to images, lists, history, tags; and starting berth-image. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dirent.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "image/store.h"

extern char **environ;

void image_free(struct image *i)
{
	if (i)
		arena_free(i->a);	/* the struct lies in it */
}

void image_cleanup(struct image **i)
{
	image_free(*i);
	*i = NULL;
}

/* ---- resolving ---- */

struct found { struct catalog_entry entry; bool by_name; char id[IMAGE_ID_LEN + 1]; };

static int find_name(const struct store *s, struct arena *a, const struct ref *r,
		     struct found *f, struct err *e)
{
	char full[REF_MAX];
	struct ref below;
	int ret = catalog_find(s, a, ref_full(r, full), &f->entry, e);

	if (ret == 0 && str_eq(r->domain, "docker.io")) {
		const char *path = str_after(r->path, "library/");

		below = *r;
		strcpy(below.domain, "localhost");
		if (path)
			memmove(below.path, path, strlen(path) + 1);
		ret = catalog_find(s, a, ref_full(&below, full), &f->entry, e);
	}
	if (ret == 1)
		f->by_name = true;
	return ret;
}

/* name@digest: any entry of that repository with that manifest or index. */
static int find_digest(const struct store *s, struct arena *a, const struct ref *want,
		       struct found *f, struct err *e)
{
	AUTO(catalog) struct catalog *x = NULL;
	int r = catalog_read(s, &x, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < x->n; i++) {
		const struct catalog_entry *n = &x->v[i];
		struct err lost = ERR_INIT;
		struct ref have;

		if (!str_eq(n->top, want->digest) && !str_eq(n->digest, want->digest))
			continue;
		if (!*n->name || ref_parse(n->name, &have, &lost) < 0 ||
		    !str_eq(have.domain, want->domain) || !str_eq(have.path, want->path))
			continue;
		f->entry = *n;
		f->entry.name = arena_strdup(a, n->name);
		f->entry.id = arena_strdup(a, n->id);
		f->entry.digest = arena_strdup(a, n->digest);
		f->entry.top = arena_strdup(a, n->top);
		f->by_name = true;
		return 1;
	}
	return 0;
}

static int find_id(const struct store *s, const char *prefix, struct found *f, struct err *e)
{
	size_t n = strlen(prefix), hits = 0;
	AUTO_CLOSE int fd = -1;
	struct dirent *d;
	DIR *dir;

	fd = openat(s->fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "open %s/images", s->path);
	TAKE_FD(fd);
	while ((d = readdir(dir))) {
		if (!str_is_hex(d->d_name, 64) || strncmp(d->d_name, prefix, n) != 0)
			continue;
		snprintf(f->id, sizeof(f->id), "sha256:%.64s", d->d_name);
		hits++;
	}
	closedir(dir);
	if (hits > 1)
		return err_say(e, EEXIST, "image id %s is short: %zu images begin so", prefix,
			       hits);
	return hits == 1;
}

static bool is_id(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 64 && strspn(s, "0123456789abcdef") == n;
}

/* 1 found, 0 not there, -errno. */
static int image_find(const struct store *s, struct arena *a, const char *name, struct found *f,
		      struct err *e)
{
	const char *hex = str_after(name, "sha256:");
	struct err why = ERR_INIT;
	struct ref r;
	int ret;

	if (hex && is_id(hex))
		return find_id(s, hex, f, e);
	if (is_id(name) && strlen(name) == 64)
		return find_id(s, name, f, e);
	ret = ref_parse(name, &r, &why);
	if (ret < 0 && !is_id(name)) {
		*e = why;
		return ret;
	}
	if (ret == 0) {
		ret = r.digest[0] ? find_digest(s, a, &r, f, e) : find_name(s, a, &r, f, e);
		if (ret != 0)
			return ret;
	}
	return is_id(name) ? find_id(s, name, f, e) : 0;
}

/* And which name may have been meant. */
static int not_there(const struct store *s, const char *name, struct err *e)
{
	AUTO(catalog) struct catalog *x = NULL;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	struct err lost = ERR_INIT;
	const char *near = NULL;
	char shown[REF_MAX];

	if (catalog_read(s, &x, &lost) == 0) {
		for (size_t i = 0; i < x->n; i++) {
			struct ref r;

			if (ref_parse(x->v[i].name, &r, &lost) == 0)
				strlist_add(&names, strchr(name, ':') ? ref_familiar(&r, shown) :
							ref_repository(&r, shown));
		}
		near = names.n ? str_nearest(name, (const char *const *)names.v) : NULL;
	}
	if (near)
		return err_say(e, ENOENT, "image %s is not in the store (did you mean %s?)", name,
			       near);
	return err_say(e, ENOENT, "image %s is not in the store", name);
}

int image_load(const struct store *s, const char *name, struct image **ret, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	struct found f = { 0 };
	struct image *i;
	int r = image_find(s, a, name, &f, e);

	if (r < 0)
		return r;
	if (r == 0)
		return not_there(s, name, e);
	i = arena_alloc(a, sizeof(*i));
	i->a = a;
	i->id = f.by_name ? f.entry.id : arena_strdup(a, f.id);
	i->name = f.by_name ? f.entry.name : "";
	i->digest = f.by_name ? f.entry.digest : "";
	i->top = f.by_name ? f.entry.top : "";
	r = store_read_record(s, i->id, i, e);
	if (r < 0)
		return err_wrap(e, "image %s", name);
	TAKE(a);
	*ret = i;
	return 0;
}

int image_load_names(const struct store *s, const char *name, struct image **ret, struct err *e)
{
	AUTO(image) struct image *i = NULL;
	AUTO(catalog) struct catalog *x = NULL;
	size_t n = 0;
	int r = image_load(s, name, &i, e);

	if (r < 0)
		return r;
	r = catalog_read(s, &x, e);
	if (r < 0)
		return r;
	i->names = arena_array(i->a, x->n + 1, sizeof(char *));
	for (size_t k = 0; k < x->n; k++) {
		if (!str_eq(x->v[k].id, i->id))
			continue;
		if (*x->v[k].name)
			i->names[n++] = arena_strdup(i->a, x->v[k].name);
		if (!*i->digest) {
			i->digest = arena_strdup(i->a, x->v[k].digest);
			i->top = arena_strdup(i->a, x->v[k].top);
		}
	}
	*ret = TAKE(i);
	return 0;
}

/* ---- lists ---- */

void image_list_free(struct image_list *l)
{
	if (l)
		arena_free(l->a);
}

void image_list_cleanup(struct image_list **l)
{
	image_list_free(*l);
	*l = NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct image_row *x = a, *y = b;
	int r = strcmp(y->created, x->created);

	return r ? r : strcmp(x->name, y->name);
}

static void row_fill(const struct store *s, struct arena *a, const struct catalog_entry *n,
		     struct image_row *row)
{
	struct err lost = ERR_INIT;
	struct image i = { .a = a };

	*row = (struct image_row){
		.name = arena_strdup(a, n->name),
		.id = arena_strdup(a, n->id),
		.digest = arena_strdup(a, n->digest),
		.top = arena_strdup(a, n->top),
		.created = "", .os = "", .arch = "", .variant = "",
	};
	if (store_read_record(s, n->id, &i, &lost) < 0)
		return;		/* shown, so that it can be removed */
	row->created = i.created;
	row->os = i.os;
	row->arch = i.arch;
	row->variant = i.variant;
	row->size = i.size;
	row->nlayers = i.nlayers;
	row->labels = i.config.labels;
}

int image_list(const struct store *s, struct image_list **ret, struct err *e)
{
	AUTO(catalog) struct catalog *x = NULL;
	AUTO(arena) struct arena *a = NULL;
	struct image_list *l;
	int r = catalog_read(s, &x, e);

	if (r < 0)
		return r;
	/* a record is parsed for each row: address space, of which only what is used costs */
	a = arena_new(MANIFEST_ARENA + x->n * (1u << 20));
	l = arena_alloc(a, sizeof(*l));
	l->v = arena_array(a, x->n + 1, sizeof(*l->v));
	for (size_t i = 0; i < x->n; i++)
		row_fill(s, a, &x->v[i], &l->v[l->n++]);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), newest_first);
	l->a = TAKE(a);
	*ret = l;
	return 0;
}

/* ---- history ---- */

void image_history_free(struct image_history *h)
{
	if (h)
		arena_free(h->a);
}

void image_history_cleanup(struct image_history **h)
{
	image_history_free(*h);
	*h = NULL;
}

static int read_sizes(struct json_ctx *c, const struct json *v, void *field)
{
	struct { uint64_t *v; size_t n; } *out = field;

	return json_read_array(c, v, sizeof(uint64_t), json_read_u64, &out->v, &out->n);
}

static int history_sizes(const struct store *s, const struct image *i, struct image_history *h,
			 struct err *e)
{
	struct { uint64_t *v; size_t n; } sizes = { 0 };
	const struct json_row rows[] = { { "sizes", read_sizes, 0, true } };
	struct json_ctx c = { .a = h->a, .e = e, .what = "image record" };
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *path = mem_printf("images/%s", i->id + 7);
	const struct json *doc;
	size_t n, k = 0;
	int r = path_read_file(s->fd, path, MANIFEST_BYTES_MAX, &text, &n, e);

	if (r < 0)
		return r;
	r = json_parse(h->a, text, n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 }, c.what, &doc,
		       e);
	if (r < 0)
		return r;
	r = json_read_rows(&c, doc, rows, 1, &sizes);
	if (r < 0)
		return r;
	for (size_t j = 0; j < h->n; j++)
		if (!h->v[j].empty && k < sizes.n)
			h->v[j].size = sizes.v[k++];
	return 0;
}

int image_load_history(const struct store *s, const struct image *i, struct image_history **ret,
		       struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(2 * (size_t)MANIFEST_ARENA);
	struct image_history *h = arena_alloc(a, sizeof(*h));
	AUTO_FREE char *text = NULL;
	struct config_doc doc;
	size_t n;
	int r = store_read_blob(s, i->id, &text, &n, e);

	if (r < 0)
		return r;
	r = config_parse(a, text, n, "image config", &doc, e);
	if (r < 0)
		return r;
	h->a = a;
	h->v = doc.history;
	h->n = doc.nhistory;
	r = history_sizes(s, i, h, e);
	if (r < 0)
		return r;
	TAKE(a);
	*ret = h;
	return 0;
}

/* ---- tags ---- */

int image_tag(const struct store *s, const char *name, const char *new_name, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO(catalog) struct catalog *x = NULL;
	AUTO_CLOSE int lock = -1;
	struct found f = { 0 };
	struct catalog_entry n = { 0 };
	char full[REF_MAX];
	const char *id;
	struct ref ref;
	int r = ref_parse(new_name, &ref, e);

	if (r < 0)
		return r;
	if (ref.digest[0])
		return err_say(e, EINVAL, "image name \"%s\": a digest cannot be given as a name",
			       new_name);
	r = store_lock(s, true, &lock, e);
	if (r < 0)
		return r;
	r = image_find(s, a, name, &f, e);
	if (r < 0)
		return r;
	if (r == 0)
		return not_there(s, name, e);
	r = catalog_read(s, &x, e);
	if (r < 0)
		return r;
	id = f.by_name ? f.entry.id : f.id;
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->v[i].id, id) && (!f.by_name || str_eq(x->v[i].name, f.entry.name)))
			n = x->v[i];
	if (!n.id)
		return err_say(e, ENOENT, "image %s is not in the store", name);
	n.name = ref_full(&ref, full);
	catalog_add(x, &n);
	return catalog_write(s, x, e);
}

int image_untag(const struct store *s, const char *name, const char *which, struct err *e)
{
	AUTO(image) struct image *i = NULL;
	AUTO(catalog) struct catalog *x = NULL;
	AUTO_CLOSE int lock = -1;
	char full[REF_MAX] = "";
	struct ref ref;
	bool found = false;
	int r = store_lock(s, true, &lock, e);

	if (r == 0)
		r = image_load(s, name, &i, e);
	if (r == 0 && which && (r = ref_parse(which, &ref, e)) == 0)
		ref_full(&ref, full);
	if (r == 0)
		r = catalog_read(s, &x, e);
	if (r < 0)
		return r;
	for (size_t k = 0; k < x->n;) {
		size_t before = x->n;

		if (*x->v[k].name && str_eq(x->v[k].id, i->id) &&
		    (!which || str_eq(x->v[k].name, full))) {
			catalog_untag(x, k, true);
			found = true;
		}
		k += x->n == before;
	}
	if (which && !found)
		return err_say(e, ENOENT, "image %s is not called %s", name, which);
	return catalog_write(s, x, e);
}

/* ---- the other program ---- */

static int work_read(int fd, struct strbuf *out)
{
	char buf[4096];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		strbuf_add(out, buf, (size_t)n);
	}
}

int image_work(const char *root, char *const *args, struct strbuf *out, struct err *e)
{
	AUTO_FREE char *program = proc_libexec("berth-image");
	AUTO_FREE char **argv = NULL;
	AUTO_CLOSE int rd = -1;
	AUTO_CLOSE int wr = -1;
	posix_spawn_file_actions_t act;
	int r, status, pipefd[2];
	size_t n = 0;
	pid_t pid;

	while (args[n])
		n++;
	argv = mem_array(n + 4, sizeof(*argv));
	argv[0] = (char *)"berth-image";
	argv[1] = (char *)"--root";
	argv[2] = (char *)(uintptr_t)root;
	memcpy(argv + 3, args, n * sizeof(*argv));
	posix_spawn_file_actions_init(&act);
	if (out) {
		if (pipe2(pipefd, O_CLOEXEC) < 0) {
			posix_spawn_file_actions_destroy(&act);
			return err_set(e, errno, "make a pipe");
		}
		rd = pipefd[0];
		wr = pipefd[1];
		posix_spawn_file_actions_adddup2(&act, wr, 1);
	}
	r = posix_spawn(&pid, program, &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	if (r != 0)
		return err_set(e, r, "start %s", program);
	fd_close(&wr);
	if (out)
		work_read(rd, out);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for %s", program);
	if (WIFSIGNALED(status))
		return err_say(e, EPIPE, "%s was killed by signal %d", program, WTERMSIG(status));
	return WEXITSTATUS(status);
}
