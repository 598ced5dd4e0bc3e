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

#define SPOOL_BYTES_MAX (1ull << 41)

void source_cleanup(struct source *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].target);
	}
	free(s->v);
	fd_close(&s->dir_fd);
	*s = (struct source){ .dir_fd = -1 };
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

static int spool_entry(struct source *s, struct archive *a, struct archive_entry *en,
		       uint64_t *total, struct err *e)
{
	const char *hard = archive_entry_hardlink(en), *soft = archive_entry_symlink(en);
	const char *raw = archive_entry_pathname(en);
	char name[STAGE_PATH_MAX], to[STAGE_PATH_MAX];
	struct source_file *f;
	AUTO_CLOSE int fd = -1;
	int r;

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
	if (soft) {
		f->target = link_target(name, soft);
		return 0;
	}
	r = maker_new_file(s->m, &fd, f->file, e);
	return r < 0 ? r : spool_data(a, fd, f, total, e);
}

static int spool_all(struct source *s, struct archive *a, struct err *e)
{
	struct archive_entry *en;
	uint64_t total = 0;

	for (;;) {
		int r = archive_read_next_header(a, &en);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return err_say(e, EINVAL, "it is no image archive: %s",
				       archive_error_string(a));
		r = spool_entry(s, a, en, &total, e);
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

int source_spool(struct source *s, int fd, struct err *e)
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

static int open_file(struct source *s, const char *name, int *ret, struct err *e)
{
	struct source_file *f;
	char buf[256];
	int fd;

	if (s->dir_fd >= 0) {
		fd = open_in_dir(s, name);
		if (fd < 0)
			return err_set(e, -fd, "open %s", shown(name, buf));
		*ret = fd;
		return 0;
	}
	f = find_file(s, name);
	if (!f)
		return err_say(e, ENOENT, "file \"%s\" is missing", shown(name, buf));
	fd = openat(s->m->fd, f->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)	/* taken already: it is a blob now */
		return maker_open_blob(s->m, f->digest, ret, e);
	*ret = fd;
	return 0;
}

int source_read(struct source *s, const char *name, char **ret, size_t *ret_n, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char buf[256];
	int r = open_file(s, name, &fd, e);

	if (r < 0)
		return r;
	r = fd_read_all(fd, MANIFEST_BYTES_MAX, ret, ret_n);
	if (r == -EFBIG)
		return err_say(e, EFBIG, "file \"%s\" is larger than %u MiB", shown(name, buf),
			       MANIFEST_BYTES_MAX >> 20);
	return r < 0 ? err_set(e, -r, "read %s", shown(name, buf)) : 0;
}

int source_take(struct source *s, const char *name, const char *want, int64_t size,
		char digest[static DIGEST_LEN + 1], uint64_t *ret_size, struct err *e)
{
	struct source_file *f;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char buf[256];
	int r;

	if (s->dir_fd >= 0) {
		r = open_file(s, name, &fd, e);
		if (r < 0)
			return r;
		r = maker_copy_blob(s->m, fd, want, size, shown(name, buf), digest, e);
		if (r < 0)
			return r;
		*ret_size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
		return 0;
	}
	f = find_file(s, name);
	if (!f)
		return err_say(e, ENOENT, "file \"%s\" is missing", shown(name, buf));
	if (size >= 0 && f->size != (uint64_t)size)
		return err_say(e, EBADMSG, "%s has %llu bytes, but should have %lld",
			       shown(name, buf), (unsigned long long)f->size, (long long)size);
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

int source_fetch(struct source *s, const char *digest, uint64_t size, struct err *e)
{
	char found[DIGEST_LEN + 1], name[96];
	uint64_t n;

	if (maker_has_blob(s->m, digest))
		return 0;
	snprintf(name, sizeof(name), "blobs/sha256/%.64s", digest + 7);
	return source_take(s, name, digest, (int64_t)size, found, &n, e);
}
