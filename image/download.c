/*
 * download.c - the process that talks to the registry.
 *
 * A blob on its way is store/partial/HEX, locked by who fetches it: who wants the same waits, and
 * a pull that was broken off is taken up where it ended.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "image/policy.h"
#include "image/pull.h"
#include "image/sandbox.h"
#include "image/transfer.h"

static void say(struct download *d, struct pull_msg *m)
{
	fd_send(d->sock, m, sizeof(*m), NULL, 0);
}

/* The manifest, and then the unpacker's word whether it may come in. */
static void say_manifest(struct download *d, struct pull_msg *m)
{
	size_t nfds = 0;
	char word;

	say(d, m);
	if (fd_recv(d->sock, &word, 1, NULL, &nfds) != 1)
		_exit(0);	/* it has said why not */
}

static void say_blob(struct download *d, const char *digest)
{
	struct pull_msg m = { .kind = PULL_BLOB };

	snprintf(m.digest, sizeof(m.digest), "%s", digest);
	say(d, &m);
}

/* ---- one blob into the store ---- */

static bool blob_there(struct download *d, const char *digest)
{
	char path[96];

	return faccessat(d->m->store->fd, store_blob_path(digest, path), F_OK, 0) == 0;
}

/* Opens and locks the partial file.  1: the blob has come meanwhile. */
static int open_partial(struct download *d, const char *digest, int *ret, struct err *e)
{
	const struct store *s = d->m->store;
	AUTO_FREE char *path = mem_printf("partial/%.64s", digest + 7);

	for (;;) {
		AUTO_CLOSE int fd = -1;
		struct stat st, now;

		if (blob_there(d, digest))
			return 1;
		fd = openat(s->fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno == ENOENT && mkdirat(s->fd, "partial", 0700) == 0)
			continue;
		if (fd < 0)
			return err_set(e, errno, "open %s/%s", s->path, path);
		if (fd_lock(fd, true, true) < 0)
			return err_set(e, errno, "lock %s/%s", s->path, path);
		/* while we waited it may have become a blob, or have been cleaned away */
		if (fstat(fd, &st) == 0 && fstatat(s->fd, path, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino == now.st_ino && st.st_dev == now.st_dev) {
			*ret = TAKE_FD(fd);
			return 0;
		}
	}
}

/* What came is on the disk before it has its name: a name in blobs/ is a promise. */
static int keep_partial(struct download *d, const char *digest, int fd, struct err *e)
{
	AUTO_FREE char *from = mem_printf("partial/%.64s", digest + 7);
	char to[96];

	if (fdatasync(fd) < 0 ||
	    renameat(d->m->store->fd, from, d->m->store->fd, store_blob_path(digest, to)) < 0)
		return err_set(e, errno, "put blob %.19s... into the store", digest);
	return 0;
}

/* p: the bar to move, or NULL.  1: it was there already. */
static int fetch_blob(struct download *d, struct registry *g, struct http *h,
		      const struct descriptor *x, struct transfer_bar *p, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = maker_pin(d->m, x->digest, e);

	if (r == 0)
		r = open_partial(d, x->digest, &fd, e);
	if (r != 0)
		return r;
	if (p) {
		if (fstat(fd, &st) == 0)
			bars_move(d->bars, p->bar, (uint64_t)st.st_size);
		bars_state(d->bars, p->bar, "downloading");
	}
	r = registry_get_blob(g, h, x->digest, x->size, fd, p ? transfer_progress : NULL, p, e);
	return r < 0 ? r : keep_partial(d, x->digest, fd, e);
}

/* A document that is in memory already. */
static int keep_document(struct download *d, const char *digest, const char *text, size_t n,
			 struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int r = maker_pin(d->m, digest, e);

	if (r == 0)
		r = open_partial(d, digest, &fd, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (ftruncate(fd, 0) < 0)
		return err_set(e, errno, "write to the store");
	r = fd_write_all(fd, text, n);
	return r < 0 ? err_set(e, -r, "write to the store") : keep_partial(d, digest, fd, e);
}

/* ---- manifests ---- */

struct got { char *text; size_t n; char digest[DIGEST_LEN + 1]; char *type; };

static void got_cleanup(struct got *t)
{
	free(t->text);
	free(t->type);
}

static int get_document(struct download *d, struct registry *g, struct http *h, const char *ref,
			struct got *t, struct arena *a, enum media_kind *kind, struct index *idx,
			struct manifest *m, struct err *e)
{
	int r = registry_get_manifest(g, h, ref, &t->text, &t->n, t->digest, &t->type, e);

	if (r == 0)
		r = manifest_parse(a, t->text, t->n, t->type, "manifest", kind, idx, m, e);
	if (r == 0)
		r = keep_document(d, t->digest, t->text, t->n, e);
	if (r == 0 && !t->type)
		t->type = mem_strdup(*kind == MEDIA_MANIFEST && *m->media_type ? m->media_type :
				     *kind == MEDIA_MANIFEST ?
				     "application/vnd.oci.image.manifest.v1+json" :
				     "application/vnd.oci.image.index.v1+json");
	return r;
}

/* ---- layers ---- */

static int fetch_layer(struct transfer *t, struct http *h, const struct descriptor *x, unsigned bar,
		       struct err *e)
{
	struct transfer_bar p = { t, bar };
	int r = fetch_blob(t->ctx, t->g, h, x, &p, e);

	if (r < 0)
		return r;
	bars_state(t->bars, bar, r == 1 ? "there already" : "downloaded");
	say_blob(t->ctx, x->digest);
	return 0;
}

static int fetch_layers(struct download *d, struct registry *g, const struct descriptor *v,
			size_t n, struct err *e)
{
	struct transfer t = { .g = g, .v = v, .n = n, .one = fetch_layer, .ctx = d,
			      .bars = d->bars };

	return transfer_run(&t, e);
}

/* ---- an image ---- */

static int fetch_image(struct download *d, struct registry *g, struct http *h,
		       const struct manifest *m, struct err *e)
{
	int r;

	for (size_t i = 0; i < m->nlayers; i++)
		if (m->layers[i].size > EXTRACT_BYTES_MAX)
			return err_say(e, EFBIG, "layer %.19s... is larger than 2 TiB",
				       m->layers[i].digest);
	if (m->config.size > MANIFEST_BYTES_MAX)
		return err_say(e, EFBIG, "the image's config is larger than %u MiB",
			       MANIFEST_BYTES_MAX >> 20);
	r = fetch_blob(d, g, h, &m->config, NULL, e);
	if (r < 0)
		return r;
	say_blob(d, m->config.digest);
	return fetch_layers(d, g, m->layers, m->nlayers, e);
}

/* The manifests of other platforms and all that they name. */
static int fetch_others(struct download *d, struct registry *g, struct http *h,
			const struct index *idx, long but, struct err *e)
{
	for (size_t i = 0; i < idx->n; i++) {
		AUTO(arena) struct arena *a = NULL;
		AUTO(got) struct got t = { 0 };
		enum media_kind kind = MEDIA_UNKNOWN;
		struct index sub = { 0 };
		struct manifest m = { 0 };
		int r;

		if ((long)i == but)
			continue;
		a = arena_new(MANIFEST_ARENA);
		r = get_document(d, g, h, idx->v[i].digest, &t, a, &kind, &sub, &m, e);
		if (r == 0 && kind == MEDIA_MANIFEST)
			r = fetch_image(d, g, h, &m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each as a file of the maker's folder, until there is none with the next number. */
static int fetch_lookaside(struct download *d, const struct registry *g, const char *digest,
			   struct err *e)
{
	for (unsigned n = 1; d->lookaside && n <= POLICY_SIGNATURES_MAX; n++) {
		AUTO_FREE char *url = lookaside_signature(d->lookaside, d->ref, digest, n);
		AUTO_FREE char *name = policy_fetched(".", digest, n);
		AUTO(http_reply) struct http_reply r = { 0 };
		int code = registry_get_beside(g, url, POLICY_SIGNATURE_BYTES, &r, e);

		if (code < 0)
			return code;
		if (r.status == 404)
			return 0;
		if (r.status != 200)
			return err_say(e, EIO, "lookaside %.300s: status %ld", url, r.status);
		code = path_write_file(d->m->fd, name, r.body.s ? r.body.s : "", r.body.len, 0600,
				       false, e);
		if (code < 0)
			return code;
	}
	return 0;
}

/* cosign(1) puts the signatures of sha256:HEX at the tag sha256-HEX.sig.  None is no error here. */
static int fetch_signature(struct download *d, struct registry *g, struct http *h,
			   const char *digest, struct pull_msg *msg, struct err *e)
{
	AUTO_FREE char *tag = mem_printf("sha256-%s.sig", digest + 7);
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO(got) struct got t = { 0 };
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	int r = fetch_lookaside(d, g, digest, e);

	if (r < 0 || !d->attached || *msg->signature)
		return r;
	r = get_document(d, g, h, tag, &t, a, &kind, &idx, &m, e);
	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	for (size_t i = 0; r >= 0 && i < m.nlayers && i < 32; i++)
		if (m.layers[i].size <= MANIFEST_BYTES_MAX)
			r = fetch_blob(d, g, h, &m.layers[i], NULL, e);
	if (r >= 0 && kind == MEDIA_MANIFEST)
		snprintf(msg->signature, sizeof(msg->signature), "%s", t.digest);
	return r < 0 ? r : 0;
}

static int fetch_chosen(struct download *d, struct registry *g, struct http *h, struct arena *a,
			const struct index *idx, struct pull_msg *msg, struct err *e)
{
	AUTO(got) struct got t = { 0 };
	enum media_kind kind = MEDIA_UNKNOWN;
	struct platform want;
	struct manifest m = { 0 };
	struct index sub = { 0 };
	long pick;
	int r = platform_parse(a, d->opts->platform, &want, e);

	if (r < 0)
		return r;
	pick = platform_choose(idx, &want);
	if (pick < 0)
		return err_say(e, ENOENT, "it has no image for the platform %s",
			       platform_show(a, &want));
	r = get_document(d, g, h, idx->v[pick].digest, &t, a, &kind, &sub, &m, e);
	if (r < 0)
		return r;
	if (kind != MEDIA_MANIFEST)
		return err_say(e, EINVAL,
			       "its index names another index where a manifest should be");
	if (*idx->v[pick].media_type && !str_eq(idx->v[pick].media_type, t.type))
		return err_say(e, EINVAL, "a manifest is \"%.80s\", but its index says \"%.80s\"",
			       t.type, idx->v[pick].media_type);
	snprintf(msg->digest, sizeof(msg->digest), "%s", t.digest);
	snprintf(msg->type, sizeof(msg->type), "%s", t.type);
	r = fetch_signature(d, g, h, t.digest, msg, e);
	if (r < 0)
		return r;
	say_manifest(d, msg);
	r = fetch_image(d, g, h, &m, e);
	return r < 0 || !d->opts->all_platforms ? r : fetch_others(d, g, h, idx, pick, e);
}

static int fetch_from(struct download *d, struct registry *g, struct http *h, struct got *top,
		      struct arena *a, enum media_kind kind, const struct index *idx,
		      const struct manifest *m, struct err *e)
{
	struct pull_msg msg = { .kind = PULL_MANIFEST, .top_size = top->n };
	int r;

	snprintf(msg.top, sizeof(msg.top), "%s", top->digest);
	snprintf(msg.top_type, sizeof(msg.top_type), "%s", top->type);
	r = fetch_signature(d, g, h, top->digest, &msg, e);
	if (r < 0)
		return r;
	if (kind == MEDIA_INDEX)
		return fetch_chosen(d, g, h, a, idx, &msg, e);
	snprintf(msg.digest, sizeof(msg.digest), "%s", top->digest);
	snprintf(msg.type, sizeof(msg.type), "%s", top->type);
	say_manifest(d, &msg);
	return fetch_image(d, g, h, m, e);
}

/* Mirrors first, the registry itself last; a place that has the manifest serves the rest. */
static int download(struct download *d, struct err *e)
{
	const char *ref = d->ref->digest[0] ? d->ref->digest : d->ref->tag;
	int r = 0;

	for (size_t i = 0; i < d->places->n; i++) {
		AUTO(arena) struct arena *a = arena_new(2 * (size_t)MANIFEST_ARENA);
		const struct place *p = &d->places->v[i];
		AUTO(registry) struct registry g = { 0 };
		AUTO(http) struct http h = { 0 };
		AUTO(got) struct got top = { 0 };
		enum media_kind kind = MEDIA_UNKNOWN;
		struct index idx = { 0 };
		struct manifest m = { 0 };

		*e = (struct err)ERR_INIT;
		r = registry_open(&g, p, &d->logins[i], "pull", NULL, e);
		http_init(&h, &p->http);
		if (r == 0)
			r = get_document(d, &g, &h, ref, &top, a, &kind, &idx, &m, e);
		if (r == 0)
			return fetch_from(d, &g, &h, &top, a, kind, &idx, &m, e);
		if (i + 1 < d->places->n)
			log_debug("mirror %s: %s", p->name, e->msg);
	}
	return r;
}

void download_run(struct download *d)
{
	struct pull_msg m = { .kind = PULL_DONE };
	pid_t parent = getppid();
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(ERR_STATUS_ENGINE);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = sandbox_enter_network(d->m->store->fd, &m.err);
	if (r == 0)
		r = download(d, &m.err);
	if (r < 0)
		m.kind = PULL_FAILED;
	else
		m.err = (struct err)ERR_INIT;
	say(d, &m);
}
