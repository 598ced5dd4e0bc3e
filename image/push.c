/* push.c - an image to a registry: blobs beside each other, then the manifests. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/push.h"
#include "image/sandbox.h"
#include "image/transfer.h"

static bool is_document(const struct descriptor *d)
{
	enum media_kind k = media_kind(d->media_type);

	return k == MEDIA_INDEX || k == MEDIA_MANIFEST;
}

static int put_one(struct transfer *t, struct http *h, const struct descriptor *d, unsigned bar,
		   struct err *e)
{
	const struct store *s = t->ctx;
	struct transfer_bar p = { t, bar };
	AUTO_CLOSE int fd = -1;
	char path[96];
	int r = registry_has_blob(t->g, h, d->digest, e);

	if (r < 0)
		return r;
	if (r == 1) {
		bars_state(t->bars, bar, "there already");
		return 0;
	}
	fd = openat(s->fd, store_blob_path(d->digest, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open blob %.19s...", d->digest);
	bars_state(t->bars, bar, "uploading");
	r = registry_put_blob(t->g, h, d->digest, d->size, fd, transfer_progress, &p, e);
	if (r >= 0)
		bars_state(t->bars, bar, r == 1 ? "mounted" : "uploaded");
	return r < 0 ? r : 0;
}

static int put_blobs(const struct store *s, struct registry *g, const struct parts *p, bool quiet,
		     struct err *e)
{
	AUTO_FREE struct descriptor *v = mem_array(p->n + 1, sizeof(*v));
	struct transfer t = { .g = g, .v = v, .one = put_one, .ctx = (void *)(uintptr_t)s,
			      .bars = bars_new(quiet), .draw = true };
	int r;

	for (size_t i = 0; i < p->n; i++)
		if (!is_document(&p->v[i]))
			v[t.n++] = p->v[i];
	r = transfer_run(&t, e);
	bars_free(t.bars);
	return r;
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
	AUTO_CLOSE int digest_fd = -1;
	const char *tag = *to->tag ? to->tag : to->digest;
	char full[REF_MAX];
	int r = registries_find(to, false, o->no_tls ? 0 : o->tls ? 1 : -1, &places, e);

	if (r == 0)
		r = login_find_or(o->creds, to->domain, places.v[0].name, places.v[0].repo,
				  o->authfile, &login, e);
	if (r == 0)
		r = maker_begin(s, &m, e);
	if (r == 0)
		r = parts_find(&m, i, o->all, &parts, e);
	if (r < 0)
		return r;
	/* opened now, since nothing of the host can be later, and written when all has gone */
	if (!str_empty(o->digest_file)) {
		digest_fd = open(o->digest_file, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
		if (digest_fd < 0)
			return err_set(e, errno, "--digestfile %s", o->digest_file);
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
	if (digest_fd >= 0) {
		(void)!ftruncate(digest_fd, 0);	/* of a file, that is; a pipe is just written to */
		r = fd_write_all(digest_fd, parts.top.digest, DIGEST_LEN);
		if (r < 0)
			return err_set(e, -r, "--digestfile %s", o->digest_file);
	}
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
