/* source.c - directories and archives that images are loaded from. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/source.h"
#include "image/tee.h"

#define SPOOL_BYTES_MAX (1ull << 41)

static void forget_files(struct source *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].target);
	}
	s->n = 0;
}

void source_cleanup(struct source *s)
{
	forget_files(s);
	free(s->v);
	fd_close(&s->dir_fd);
	fd_close(&s->tar_fd);
	*s = (struct source)SOURCE_INIT;
}

static const char *shown(const char *name, char buf[static 256])
{
	return str_printable(name, strlen(name), buf, 255);
}

/* ---- spooling ---- */

static int spool_data(struct archive *a, int fd, struct source_file *f, uint64_t *total,
		      struct err *e)
{
	const size_t size = 256 << 10;
	AUTO_FREE char *buf = mem_alloc(size);
	AUTO(digest) struct digest d = { 0 };
	char name[256];

	digest_init(&d);
	for (;;) {
		ssize_t n = archive_read_data(a, buf, size);
		int r;

		if (n < 0)
			return err_say(e, EINVAL, "file \"%s\" of the archive: %s",
				       shown(f->name, name), archive_error_string(a));
		if (n == 0)
			break;
		*total += (uint64_t)n;
		if (*total > SPOOL_BYTES_MAX)
			return err_say(e, EFBIG, "the archive is larger than 2 TiB");
		digest_add(&d, buf, (size_t)n);
		r = fd_write_all(fd, buf, (size_t)n);
		if (r < 0)
			return err_set(e, -r, "write to the store");
	}
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);	/* see digest_copy */
	f->size = d.bytes;
	digest_end(&d, f->digest);
	return 0;
}

/* "a/b/layer.tar" -> "../c/layer.tar" is "a/c/layer.tar". */
static char *link_target(const char *name, const char *to)
{
	const char *slash = strrchr(name, '/');
	AUTO_FREE char *joined = mem_printf("/%.*s/%s", slash ? (int)(slash - name) : 0, name, to);
	AUTO_FREE char *clean = path_clean(joined);

	return mem_strdup(clean + 1);
}

/* ret: the new file when it is one with bytes, else NULL. */
static int add_entry(struct source *s, struct archive_entry *en, struct source_file **ret,
		     struct err *e)
{
	const char *hard = archive_entry_hardlink(en), *soft = archive_entry_symlink(en);
	const char *raw = archive_entry_pathname(en);
	char name[STAGE_PATH_MAX], to[STAGE_PATH_MAX];
	struct source_file *f;
	int r;

	*ret = NULL;
	if (!raw)
		return err_say(e, EINVAL, "a file of the archive has no name");
	r = stage_clean(raw, name, e);
	if (r < 0)
		return r;
	if (!hard && !soft && archive_entry_filetype(en) != AE_IFREG)
		return 0;
	if (s->n == SOURCE_FILES_MAX)
		return err_say(e, E2BIG, "the archive has more than %u files", SOURCE_FILES_MAX);
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = mem_resize(s->v, s->cap, sizeof(*s->v));
	}
	f = &s->v[s->n++];
	*f = (struct source_file){ .name = mem_strdup(name) };
	if (hard) {
		r = stage_clean(hard, to, e);
		if (r == 0)
			f->target = mem_strdup(to);
		return r;
	}
	if (soft)
		f->target = link_target(name, soft);
	else
		*ret = f;
	return 0;
}

static int spool_all(struct source *s, struct archive *a, struct err *e)
{
	struct archive_entry *en;
	uint64_t total = 0;

	for (;;) {
		struct source_file *f;
		AUTO_CLOSE int fd = -1;
		int r = archive_read_next_header(a, &en);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return err_say(e, EINVAL, "it is no image archive: %s",
				       archive_error_string(a));
		r = add_entry(s, en, &f, e);
		if (r == 0 && f)
			r = maker_new_file(s->m, &fd, f->file, e);
		if (r == 0 && f)
			r = spool_data(a, fd, f, &total, e);
		if (r < 0)
			return r;
	}
}

struct archive *source_tar_reader(void)
{
	struct archive *a = archive_read_new();

	archive_read_support_filter_gzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	return a;
}

static int source_spool(struct source *s, int fd, struct err *e)
{
	struct archive *a = source_tar_reader();
	int r;

	if (archive_read_open_fd(a, fd, 256 << 10) != ARCHIVE_OK)
		r = err_say(e, EINVAL, "it is no image archive: %s", archive_error_string(a));
	else
		r = spool_all(s, a, e);
	archive_read_free(a);
	return r;
}

/* ---- where files lie ---- */

/* A file's data, filled up to whole blocks, end where the next header begins. */
static bool place_file(struct source_file *f, uint64_t base, uint64_t header, uint64_t end,
		       uint64_t file_end)
{
	uint64_t blocks = (f->size + 511) / 512 * 512;

	if (f->size > INT64_MAX - 512 || end < header + 512 || end - header - 512 < blocks)
		return false;
	f->at = base + end - blocks;
	return f->at + f->size <= file_end;
}

/* Whether all is plain.  When it is not, spooling says why, or reads it. */
static bool map_all(struct source *s, struct archive *a, uint64_t base, uint64_t file_end)
{
	struct source_file *last = NULL;
	struct archive_entry *en;
	uint64_t header = 0;

	for (;;) {
		struct err lost = ERR_INIT;
		int r = archive_read_next_header(a, &en);
		uint64_t now = (uint64_t)archive_read_header_position(a);

		if (r != ARCHIVE_OK && r != ARCHIVE_WARN && r != ARCHIVE_EOF)
			return false;
		if (last && !place_file(last, base, header, now, file_end))
			return false;
		if (r == ARCHIVE_EOF)
			return true;
		if (add_entry(s, en, &last, &lost) < 0)
			return false;
		if (last && (archive_entry_sparse_count(en) > 0 || archive_entry_size(en) < 0))
			return false;
		if (last)
			last->size = (uint64_t)archive_entry_size(en);
		header = now;
	}
}

int source_scan(struct source *s, int fd, struct err *e)
{
	off_t base = lseek(fd, 0, SEEK_CUR);
	struct archive *a;
	struct stat st;
	bool mapped;

	if (base < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return source_spool(s, fd, e);
	a = archive_read_new();
	archive_read_support_format_tar(a);
	mapped = archive_read_open_fd(a, fd, 64 << 10) == ARCHIVE_OK &&
		 map_all(s, a, (uint64_t)base, (uint64_t)st.st_size);
	archive_read_free(a);
	if (mapped)
		s->tar_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->tar_fd >= 0)
		return 0;
	forget_files(s);
	if (lseek(fd, base, SEEK_SET) < 0)
		return err_set(e, errno, "read the archive again");
	return source_spool(s, fd, e);
}

/* ---- finding ---- */

/* The last file of that name wins, as when an archive is unpacked; links are followed. */
static struct source_file *find_file(struct source *s, const char *name)
{
	for (unsigned hops = 0; hops < 16; hops++) {
		struct source_file *f = NULL;

		for (size_t i = s->n; i-- > 0 && !f;)
			if (str_eq(s->v[i].name, name))
				f = &s->v[i];
		if (!f || !f->target)
			return f;
		name = f->target;
	}
	return NULL;
}

static int open_in_dir(struct source *s, const char *name)
{
	struct stat st;
	int fd = path_try_open_in(s->dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

bool source_has(struct source *s, const char *name)
{
	AUTO_CLOSE int fd = -1;

	if (s->dir_fd < 0)
		return find_file(s, name) != NULL;
	fd = open_in_dir(s, name);
	return fd >= 0;
}

/* Opens it, and says where in the descriptor it lies. */
static int open_file(struct source *s, const char *name, int *ret, uint64_t *ret_at,
		     uint64_t *ret_size, struct err *e)
{
	struct source_file *f;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char buf[256];

	*ret_at = 0;
	if (s->dir_fd >= 0) {
		fd = open_in_dir(s, name);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_set(e, fd < 0 ? -fd : errno, "open %s", shown(name, buf));
		*ret_size = (uint64_t)st.st_size;
		*ret = TAKE_FD(fd);
		return 0;
	}
	f = find_file(s, name);
	if (!f)
		return err_say(e, ENOENT, "file \"%s\" is missing", shown(name, buf));
	*ret_size = f->size;
	if (s->tar_fd >= 0) {
		*ret_at = f->at;
		*ret = fcntl(s->tar_fd, F_DUPFD_CLOEXEC, 3);
		return *ret < 0 ? err_set(e, errno, "open %s", shown(name, buf)) : 0;
	}
	*ret = openat(s->m->fd, f->file, O_RDONLY | O_CLOEXEC);
	if (*ret >= 0)
		return 0;
	/* taken already: it is a blob now */
	return maker_open_blob(s->m, f->digest, ret, e);
}

int source_read(struct source *s, const char *name, char **ret, size_t *ret_n, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO(tee) struct tee t = { 0 };
	AUTO_CLOSE int fd = -1;
	uint64_t at, size;
	size_t n = 0;
	char buf[256];
	int r = open_file(s, name, &fd, &at, &size, e);

	if (r < 0)
		return r;
	if (size > MANIFEST_BYTES_MAX)
		return err_say(e, EFBIG, "file \"%s\" is larger than %u MiB", shown(name, buf),
			       MANIFEST_BYTES_MAX >> 20);
	text = mem_alloc((size_t)size + 1);
	tee_open(&t, fd, at, size, -1);
	while (n < size) {
		long got = tee_read(&t, text + n, (size_t)size - n, e);

		if (got < 0)
			return err_wrap(e, "%s", shown(name, buf));
		n += (size_t)got;
	}
	*ret = TAKE(text);
	*ret_n = n;
	return 0;
}

static int check_size(const char *name, uint64_t size, int64_t want, struct err *e)
{
	char buf[256];

	if (want < 0 || size == (uint64_t)want)
		return 0;
	if (size > (uint64_t)want)
		return err_say(e, EFBIG, "%s is longer than the %lld bytes it should have",
			       shown(name, buf), (long long)want);
	return err_say(e, EBADMSG, "%s has %llu bytes, but should have %lld", shown(name, buf),
		       (unsigned long long)size, (long long)want);
}

/* One that was spooled is a blob as it is. */
static int take_spooled(struct source *s, const char *name, const char *want, int64_t size,
			char digest[static DIGEST_LEN + 1], uint64_t *ret_size, struct err *e)
{
	struct source_file *f = find_file(s, name);
	char buf[256];
	int r;

	if (!f)
		return err_say(e, ENOENT, "file \"%s\" is missing", shown(name, buf));
	r = check_size(name, f->size, size, e);
	if (r < 0)
		return r;
	if (want && !str_eq(want, f->digest))
		return err_say(e, EBADMSG, "%s is %.19s..., but should be %.19s...",
			       shown(name, buf), f->digest, want);
	if (!store_set_has(&s->m->blobs, f->digest)) {
		r = maker_keep_file(s->m, f->file, f->digest, e);
		if (r < 0)
			return r;
	}
	strcpy(digest, f->digest);
	*ret_size = f->size;
	return 0;
}

int source_take(struct source *s, const char *name, const char *want, int64_t size,
		char digest[static DIGEST_LEN + 1], uint64_t *ret_size, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	uint64_t at, found;
	char buf[256];
	int r;

	if (s->dir_fd < 0 && s->tar_fd < 0)
		return take_spooled(s, name, want, size, digest, ret_size, e);
	r = open_file(s, name, &fd, &at, &found, e);
	if (r == 0)
		r = check_size(name, found, size, e);
	if (r == 0)
		r = maker_copy_blob(s->m, fd, at, found, want, shown(name, buf), digest, e);
	if (r == 0)
		*ret_size = found;
	return r;
}

static const char *blob_name(const char *digest, char name[static 96])
{
	snprintf(name, 96, "blobs/sha256/%.64s", digest + 7);
	return name;
}

int source_fetch(struct source *s, const char *digest, uint64_t size, struct err *e)
{
	char found[DIGEST_LEN + 1], name[96];
	uint64_t n;

	if (maker_has_blob(s->m, digest))
		return 0;
	return source_take(s, blob_name(digest, name), digest, (int64_t)size, found, &n, e);
}

/* Where it lies (maker.h, find_blob). */
static int find_blob(void *source, const struct descriptor *d, int *ret_fd, uint64_t *ret_at,
		     struct err *e)
{
	AUTO_CLOSE int fd = -1;
	uint64_t size;
	char name[96];
	int r = open_file(source, blob_name(d->digest, name), &fd, ret_at, &size, e);

	if (r == 0)
		r = check_size(name, size, (int64_t)d->size, e);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int source_fetch_layer(struct source *s, const struct descriptor *d, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	uint64_t at;

	if (s->dir_fd < 0 && s->tar_fd < 0)
		return source_fetch(s, d->digest, d->size, e);
	if (maker_has_blob(s->m, d->digest))
		return 0;
	s->m->find_blob = find_blob;
	s->m->wait_ctx = s;
	return find_blob(s, d, &fd, &at, e);
}
