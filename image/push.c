/* push.c - an image to a registry: blobs beside each other, then the manifests. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/bars.h"
#include "image/push.h"
#include "image/registry.h"
#include "image/sandbox.h"

#define THREADS 4

struct push_work {
	const struct store *s;
	struct registry *g;
	const struct parts *p;
	size_t next, ended;
	bool failed;
	struct err err;
	pthread_mutex_t lock;
	struct bars bars;
};
struct push_progress { struct push_work *w; size_t i; };

static int on_progress(void *ctx, uint64_t n)
{
	struct push_progress *p = ctx;

	bars_move(&p->w->bars, p->i, n);
	return p->w->failed;
}

static bool is_document(const struct descriptor *d)
{
	enum media_kind k = media_kind(d->media_type);

	return k == MEDIA_INDEX || k == MEDIA_MANIFEST;
}

static int put_one(struct push_work *w, struct http *h, size_t i, struct err *e)
{
	const struct descriptor *d = &w->p->v[i];
	struct push_progress p = { w, i };
	AUTO_CLOSE int fd = -1;
	char path[96];
	int r = registry_has_blob(w->g, h, d->digest, e);

	if (r != 0) {
		bars_state(&w->bars, i, "there already");
		return r < 0 ? r : 0;
	}
	fd = openat(w->s->fd, store_blob_path(d->digest, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open blob %.19s...", d->digest);
	bars_state(&w->bars, i, "uploading");
	r = registry_put_blob(w->g, h, d->digest, d->size, fd, on_progress, &p, e);
	if (r >= 0)
		bars_state(&w->bars, i, r == 1 ? "mounted" : "uploaded");
	return r < 0 ? r : 0;
}

static void *push_thread(void *arg)
{
	struct push_work *w = arg;
	AUTO(http) struct http h = { 0 };

	http_init(&h, &w->g->place->http);
	for (;;) {
		struct err e = ERR_INIT;
		size_t i;

		pthread_mutex_lock(&w->lock);
		while (w->next < w->p->n && is_document(&w->p->v[w->next]))
			w->next++;
		i = w->failed ? w->p->n : w->next++;
		pthread_mutex_unlock(&w->lock);
		if (i >= w->p->n)
			break;
		if (put_one(w, &h, i, &e) == 0)
			continue;
		pthread_mutex_lock(&w->lock);
		if (!w->failed)
			w->err = e;
		w->failed = true;
		pthread_mutex_unlock(&w->lock);
	}
	pthread_mutex_lock(&w->lock);
	w->ended++;
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static bool push_over(struct push_work *w, unsigned threads)
{
	bool over;

	pthread_mutex_lock(&w->lock);
	over = w->ended == threads;
	pthread_mutex_unlock(&w->lock);
	return over;
}

static int put_blobs(const struct store *s, struct registry *g, const struct parts *p, bool quiet,
		     struct err *e)
{
	struct push_work w = { .s = s, .g = g, .p = p };
	pthread_t threads[THREADS];
	unsigned started = 0;

	pthread_mutex_init(&w.lock, NULL);
	bars_init(&w.bars, p->n, quiet);
	for (size_t i = 0; i < p->n; i++)
		bars_set(&w.bars, i, p->v[i].digest, p->v[i].size);
	while (started < THREADS && pthread_create(&threads[started], NULL, push_thread, &w) == 0)
		started++;
	while (started && !push_over(&w, started)) {
		poll(NULL, 0, w.bars.terminal ? 100 : 20);
		bars_draw(&w.bars);
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	bars_draw(&w.bars);
	bars_cleanup(&w.bars);
	pthread_mutex_destroy(&w.lock);
	if (!started)
		return err_set(e, EAGAIN, "start a thread");
	if (w.failed)
		*e = w.err;
	return w.failed ? -e->code : 0;
}

static int put_documents(const struct store *s, struct registry *g, const struct parts *p,
			 const char *tag, struct err *e)
{
	AUTO(http) struct http h = { 0 };

	http_init(&h, &g->place->http);
	for (size_t i = 0; i < p->n; i++) {
		const struct descriptor *d = &p->v[i];
		bool last = i + 1 == p->n;
		AUTO_FREE char *text = NULL;
		size_t n;
		int r;

		if (!is_document(d) && !last)
			continue;
		r = store_read_blob(s, d->digest, &text, &n, e);
		if (r == 0)
			r = registry_put_manifest(g, &h, last ? tag : d->digest, d->media_type,
						  text, n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Another repository of the same registry that has this image: blobs may be mounted from it. */
static char *mount_from(const struct image *i, const struct ref *to)
{
	for (char **n = i->names; n && *n; n++) {
		struct err lost = ERR_INIT;
		struct ref r;

		if (ref_parse(*n, &r, &lost) == 0 && str_eq(r.domain, to->domain) &&
		    !str_eq(r.path, to->path))
			return mem_strdup(r.path);
	}
	return NULL;
}

static int push_to(const struct store *s, const struct image *i, const struct ref *to,
		   const struct push_opts *o, struct err *e)
{
	AUTO(places) struct places places = { .n = 0 };
	AUTO(login) struct login login = { 0 };
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO(parts) struct parts parts = { 0 };
	AUTO(registry) struct registry g = { 0 };
	AUTO_FREE char *from = mount_from(i, to);
	const char *tag = *to->tag ? to->tag : to->digest;
	char full[REF_MAX];
	int r = registries_find(to, false, o->no_tls ? 0 : o->tls ? 1 : -1, &places, e);

	if (r == 0)
		r = login_find(places.v[0].name, places.v[0].repo, o->authfile, &login, e);
	if (r == 0)
		r = maker_begin(s, &m, e);
	if (r == 0)
		r = parts_find(&m, i, false, &parts, e);
	if (r < 0)
		return r;
	if (!str_empty(o->digest_file)) {
		r = path_write_file(AT_FDCWD, o->digest_file, parts.top.digest, DIGEST_LEN, 0644,
				    false, e);
		if (r < 0)
			return r;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = sandbox_enter_network(s->fd, e);
	if (r == 0)
		r = registry_open(&g, &places.v[0], &login, "pull,push", from, e);
	if (r == 0)
		r = put_blobs(s, &g, &parts, o->quiet, e);
	if (r == 0)
		r = put_documents(s, &g, &parts, tag, e);
	if (r < 0)
		return r;
	if (o->quiet)
		printf("%s\n", parts.top.digest);
	else
		printf("Digest: %s\nPushed: %s\n", parts.top.digest, ref_full(to, full));
	return 0;
}

int push_image(const struct store *s, const char *name, const char *dest, const struct push_opts *o,
	       struct err *e)
{
	AUTO(image) struct image *i = NULL;
	struct ref to;
	int r = image_load_names(s, name, &i, e);

	if (r < 0)
		return r;
	if (!dest && !*i->name)
		return err_say(e, EINVAL, "push %s: an id names no registry; give a name as well",
			       name);
	r = ref_parse(dest ? dest : i->name, &to, e);
	if (r == 0)
		r = push_to(s, i, &to, o, e);
	return r < 0 ? err_wrap(e, "push %s", dest ? dest : name) : 0;
}
