/*
 * layer.c - the pipeline of one layer, and several pipelines at once.
 *
 *	inflater thread:  blob -> (kept and hashed) -> gunzip or libarchive's filters -> flow
 *	hasher thread:    flow -> SHA-256, the diff id
 *	calling thread:   flow -> libarchive's tar reader -> tree
 */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/feed.h"
#include "image/gunzip.h"
#include "image/layer.h"
#include "image/tee.h"

struct pipeline {
	struct layer *l;
	struct tee tee;
	struct feed feed;
	struct err inflate_err;
	int64_t read;			/* bytes of the archive that the writer was given */
	bool ended;			/* and there are no more */
};

void layer_cleanup(struct layer *l)
{
	stage_cleanup(&l->tree);
	fd_close(&l->blob_fd);
	fd_close(&l->keep_fd);
	fd_close(&l->dir_fd);
	fd_close(&l->fs_fd);
}

/* ---- inflating ---- */

static long blob_read(void *arg, void *buf, size_t n, struct err *e)
{
	struct pipeline *p = arg;

	return tee_read(&p->tee, buf, n, e);
}

/* Whatever gives the layer's archive, until its end. */
static int inflate_all(struct pipeline *p, long (*more)(void *from, void *buf, size_t n,
							struct err *e), void *from, struct err *e)
{
	uint64_t total = 0;

	for (;;) {
		void *buf = feed_fill(&p->feed);
		long n;

		if (!buf)
			return 0;	/* stopped by another thread, which says why */
		n = more(from, buf, FEED_SLOT_SIZE, e);
		if (n <= 0)
			return (int)n;
		total += (uint64_t)n;
		if (total > LAYER_RATIO_FROM && total / LAYER_RATIO_MAX > p->l->blob_size)
			return err_say(e, EFBIG, "the layer unpacks to more than %u times its size",
				       LAYER_RATIO_MAX);
		feed_filled(&p->feed, (size_t)n);
	}
}

static long gzip_more(void *from, void *buf, size_t n, struct err *e)
{
	return gunzip_read(from, buf, n, e);
}

static int inflate_gzip(struct pipeline *p, struct err *e)
{
	struct gunzip g = { .lib = gunzip_best, .read = blob_read, .ctx = p };
	int r = gunzip_open(&g, e);

	if (r == 0)
		r = inflate_all(p, gzip_more, &g, e);
	gunzip_close(&g);
	return r;
}

/* All other packings are libarchive's. */
struct unpacker { struct archive *a; struct pipeline *p; struct err read_err; char *buf; };

static la_ssize_t unpacker_read(struct archive *a, void *arg, const void **buf)
{
	struct unpacker *u = arg;
	long n = blob_read(u->p, u->buf, GUNZIP_CHUNK, &u->read_err);

	*buf = u->buf;
	if (n < 0)
		archive_set_error(a, EIO, "%s", u->read_err.msg);
	return n;
}

static int unpacker_fail(struct unpacker *u, struct err *e)
{
	return err_say(e, EINVAL, "the layer cannot be unpacked: %s", archive_error_string(u->a));
}

static long unpacker_more(void *from, void *buf, size_t n, struct err *e)
{
	struct unpacker *u = from;
	la_ssize_t got = archive_read_data(u->a, buf, n);

	return got < 0 ? unpacker_fail(u, e) : got;
}

static int inflate_other(struct pipeline *p, struct err *e)
{
	AUTO_FREE char *buf = mem_alloc(GUNZIP_CHUNK);
	struct unpacker u = { .a = archive_read_new(), .p = p, .buf = buf };
	struct archive_entry *en;
	int r;

	archive_read_support_filter_zstd(u.a);
	archive_read_support_filter_bzip2(u.a);
	archive_read_support_filter_xz(u.a);
	archive_read_support_format_raw(u.a);
	archive_read_support_format_empty(u.a);
	r = archive_read_open(u.a, &u, NULL, unpacker_read, NULL);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(u.a, &en);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		r = inflate_all(p, unpacker_more, &u, e);
	else
		r = r == ARCHIVE_EOF ? 0 : unpacker_fail(&u, e);
	archive_read_free(u.a);
	return r;
}

/* A blob that is not the one that was asked for is the cause of all else. */
static void keep_blob(struct pipeline *p)
{
	const char *want = p->l->keep_digest;
	AUTO_FREE char *what = mem_printf("blobs/sha256/%s", want + 7);
	char found[DIGEST_LEN + 1];
	struct err e = ERR_INIT;

	if (tee_finish(&p->tee, want, what, found, &e) < 0) {
		p->inflate_err = e;
		feed_stop(&p->feed);
	}
}

static void *inflate_thread(void *arg)
{
	struct pipeline *p = arg;
	struct layer *l = p->l;
	unsigned char magic[2] = { 0 };
	int r;

	tee_open(&p->tee, l->blob_fd, l->blob_at, l->blob_size, l->keep_fd);
	if (pread(l->blob_fd, magic, sizeof(magic), (off_t)l->blob_at) == (ssize_t)sizeof(magic) &&
	    magic[0] == 0x1f && magic[1] == 0x8b)
		r = inflate_gzip(p, &p->inflate_err);
	else
		r = inflate_other(p, &p->inflate_err);
	if (r < 0)
		feed_stop(&p->feed);
	if (l->keep_fd >= 0)
		keep_blob(p);
	feed_end(&p->feed);
	tee_cleanup(&p->tee);
	return NULL;
}

/* ---- hashing ---- */

static void *hash_thread(void *arg)
{
	struct pipeline *p = arg;
	struct digest d;
	const void *buf;
	long n;

	digest_init(&d);
	while ((n = feed_next(&p->feed, 1, &buf)) > 0)
		digest_add(&d, buf, (size_t)n);
	digest_end(&d, p->l->found);
	return NULL;
}

/* ---- writing ---- */

static la_ssize_t feed_read(struct archive *a, void *arg, const void **buf)
{
	struct pipeline *p = arg;
	long n = feed_next(&p->feed, 0, buf);

	p->read += n > 0 ? n : 0;
	p->ended = n == 0;
	if (n < 0)
		archive_set_error(a, EIO, "unpacking was stopped");
	return n;
}

static int write_layer(struct pipeline *p, struct err *e)
{
	struct archive *a;
	const void *rest;
	int r;

	while (p->l->there && feed_next(&p->feed, 0, &rest) > 0)
		;
	if (p->l->there)
		return 0;	/* only the digest is wanted */
	a = archive_read_new();
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	if (archive_read_open(a, p, NULL, feed_read, NULL) != ARCHIVE_OK)
		r = err_say(e, EINVAL, "the layer is no tar archive: %s", archive_error_string(a));
	else
		r = extract_run(a, &p->l->tree, p->l->flags, &p->l->stats, e);
	/* some write no zeroes behind the last file's last byte; Go's readers do not miss them */
	if (r == -ENODATA && p->ended && archive_filter_bytes(a, -1) == p->read) {
		*e = (struct err)ERR_INIT;
		r = 0;
	}
	archive_read_free(a);
	if (r < 0) {
		feed_stop(&p->feed);
		return r;
	}
	while (feed_next(&p->feed, 0, &rest) > 0)
		;	/* what is behind the archive's end belongs to the digest */
	return 0;
}

static int pipeline_run(struct pipeline *p, struct err *e)
{
	pthread_t inflater, hasher;
	int r;

	feed_init(&p->feed, 2);
	r = pthread_create(&inflater, NULL, inflate_thread, p);
	if (r != 0) {
		feed_cleanup(&p->feed);
		return err_set(e, r, "start a thread");
	}
	r = pthread_create(&hasher, NULL, hash_thread, p);
	if (r != 0) {
		feed_stop(&p->feed);
		pthread_join(inflater, NULL);
		feed_cleanup(&p->feed);
		return err_set(e, r, "start a thread");
	}
	r = write_layer(p, e);
	pthread_join(inflater, NULL);
	pthread_join(hasher, NULL);
	feed_cleanup(&p->feed);
	/* who failed first stopped the others; an inflater's error is the cause of the writer's */
	if (p->inflate_err.code) {
		*e = p->inflate_err;
		r = -e->code;
	}
	return r;
}

static int make_folders(struct layer *l, bool user_xattrs, struct err *e)
{
	int side;

	if (mkdirat(l->dir_fd, "fs", 0755) < 0 || mkdirat(l->dir_fd, "plnk", 0700) < 0)
		return err_set(e, errno, "make the layer's directory");
	l->fs_fd = openat(l->dir_fd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	side = openat(l->dir_fd, "plnk", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->fs_fd < 0 || side < 0) {
		int r = err_set(e, errno, "open the layer's directory");

		fd_close(&side);
		return r;
	}
	stage_init(&l->tree, l->fs_fd, user_xattrs);
	l->tree.side = side;
	return 0;
}

int layer_unpack(struct layer *l, bool user_xattrs, struct err *e)
{
	struct pipeline p = { .l = l };
	int r = l->open_blob ? l->open_blob(l, e) : 0;

	if (r == 0 && !l->there)
		r = make_folders(l, user_xattrs, e);
	if (r < 0)
		return r;
	r = pipeline_run(&p, e);
	fd_close(&l->blob_fd);
	fd_close(&l->keep_fd);
	if (r < 0)
		return r;
	if (l->diff_id && !str_eq(l->diff_id, l->found))
		return err_say(e, EBADMSG,
			       "a layer's content is %.19s..., but the image says %.19s...",
			       l->found, l->diff_id);
	return 0;
}

/* ---- several at once ---- */

struct crew { struct layer *v; size_t n; bool user_xattrs, failed; pthread_mutex_t lock; };

/* The largest first, so that none is left for one thread alone in the end. */
static void *crew_thread(void *arg)
{
	struct crew *c = arg;

	for (;;) {
		struct layer *l = NULL;

		pthread_mutex_lock(&c->lock);
		for (size_t i = 0; !c->failed && i < c->n; i++)
			if ((!c->v[i].there || c->v[i].verify) && !c->v[i].begun &&
			    (!l || c->v[i].blob_size > l->blob_size))
				l = &c->v[i];
		if (l)
			l->begun = true;
		pthread_mutex_unlock(&c->lock);
		if (!l)
			return NULL;
		if (layer_unpack(l, c->user_xattrs, &l->err) == 0) {
			if (l->done)
				l->done(l);
			continue;
		}
		pthread_mutex_lock(&c->lock);
		c->failed = true;
		pthread_mutex_unlock(&c->lock);
	}
}

int layer_unpack_all(struct layer *v, size_t n, unsigned threads, bool user_xattrs, struct err *e)
{
	struct crew c = { .v = v, .n = n, .user_xattrs = user_xattrs };
	pthread_t others[16];
	unsigned started = 0;

	pthread_mutex_init(&c.lock, NULL);
	while (started + 1 < threads && started + 1 < n && started < ARRAY_SIZE(others) &&
	       pthread_create(&others[started], NULL, crew_thread, &c) == 0)
		started++;
	crew_thread(&c);
	for (unsigned i = 0; i < started; i++)
		pthread_join(others[i], NULL);
	pthread_mutex_destroy(&c.lock);
	for (size_t i = 0; i < n; i++) {
		if (v[i].err.code) {
			*e = v[i].err;
			return -e->code;
		}
	}
	return 0;
}

/* ---- on the layers below ---- */

void layer_chain_name(const char *chain, char name[static 65])
{
	AUTO_FREE char *text = mem_printf("berth %s", chain);
	char digest[DIGEST_LEN + 1];

	digest_of(text, strlen(text), digest);
	memcpy(name, digest + 7, 65);
}

int layer_settle(struct layer *l, const struct layer *v, size_t n, const char *chain,
		 bool user_xattrs, struct err *e)
{
	AUTO_FREE int *fds = mem_array(n + 1, sizeof(int));
	struct below b = { fds, n, user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque" };
	char info[96];
	int r = 0;

	for (size_t i = 0; i < n; i++)
		fds[i] = v[n - 1 - i].fs_fd;
	if (depend_needed(&l->tree, &b)) {
		layer_chain_name(chain, l->name);
		r = depend_resolve(&l->tree, &b, e);
	} else {
		memcpy(l->name, l->found + 7, 65);
	}
	if (r == 0)
		r = stage_finish(&l->tree, e);
	if (r == 0)
		r = path_remove_tree(l->dir_fd, "plnk", e);
	if (r < 0)
		return r;
	snprintf(info, sizeof(info), "bytes %llu entries %llu\n",
		 (unsigned long long)l->stats.bytes, (unsigned long long)l->stats.entries);
	r = path_write_file(l->dir_fd, "info", info, strlen(info), 0600, false, e);
	if (r < 0)
		return r;
	if (fchmod(l->dir_fd, 0755) < 0)
		return err_set(e, errno, "set the mode of the layer's directory");
	return 0;
}
