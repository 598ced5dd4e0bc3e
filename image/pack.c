/* pack.c - directory trees into archives, in the order of names, so that the same gives the
 * same. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/pack.h"

#define XATTR_MAX 65536
#define DEPTH_MAX 2000

struct link { dev_t dev; ino_t ino; char *name; };

struct pack {
	struct archive *a;
	unsigned flags;
	const struct idmap_pair *ids;
	uint64_t mount;			/* of the root */
	struct link *links;
	size_t nlinks, links_cap;
	char *buf, *list, *value;
};

static int pack_fail(struct pack *p, const char *name, struct err *e)
{
	int code = archive_errno(p->a);
	const char *why = code > 0 ? strerror(code) : archive_error_string(p->a);
	char shown[256];

	return err_say(e, code > 0 ? code : EIO, "pack \"%s\": %s",
		       str_printable(name, strlen(name), shown, 255), why ? why : "cannot write");
}

static int pack_errno(const char *name, int code, struct err *e)
{
	char shown[256];

	return err_set(e, code, "pack \"%s\"", str_printable(name, strlen(name), shown, 255));
}

/* ---- one entry ---- */

static void add_xattrs(struct pack *p, struct archive_entry *en, int parent, const char *name)
{
	char link[32];
	AUTO_FREE char *path = mem_printf("%s/%s", path_of_fd(parent, link), name);
	ssize_t n = llistxattr(path, p->list, XATTR_MAX);

	for (const char *k = p->list; n > 0 && k < p->list + n; k += strlen(k) + 1) {
		ssize_t len;

		if (str_starts(k, "trusted.overlay.") || str_starts(k, "user.overlay.") ||
		    str_starts(k, "security.selinux") || str_starts(k, "security.ima") ||
		    str_starts(k, "security.evm"))
			continue;
		len = lgetxattr(path, k, p->value, XATTR_MAX);
		if (len >= 0)
			archive_entry_xattr_add_entry(en, k, p->value, (size_t)len);
	}
}

static void add_holes(struct archive_entry *en, int fd, off_t size)
{
	off_t at = 0;

	if (lseek(fd, 0, SEEK_HOLE) >= size)
		return;
	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		archive_entry_sparse_add_entry(en, data, hole - data);
		at = hole;
	}
	if (archive_entry_sparse_count(en) == 0)
		archive_entry_sparse_add_entry(en, 0, 0);
}

/* The name under which the same file went in before. */
static const char *seen_before(struct pack *p, const struct stat *st, const char *name)
{
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return NULL;
	for (size_t i = 0; i < p->nlinks; i++)
		if (p->links[i].ino == st->st_ino && p->links[i].dev == st->st_dev)
			return p->links[i].name;
	if (p->nlinks == p->links_cap) {
		p->links_cap = p->links_cap ? 2 * p->links_cap : 64;
		p->links = mem_resize(p->links, p->links_cap, sizeof(*p->links));
	}
	p->links[p->nlinks++] = (struct link){ st->st_dev, st->st_ino, mem_strdup(name) };
	return NULL;
}

static int write_file(struct pack *p, int fd, const char *name, off_t size, struct err *e)
{
	off_t at = 0;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return pack_errno(name, errno, e);
	while (at < size) {
		size_t want = size - at < (256 << 10) ? (size_t)(size - at) : 256 << 10;
		ssize_t n = read(fd, p->buf, want);

		if (n < 0)
			return pack_errno(name, errno, e);
		if (n == 0)	/* it became shorter meanwhile: zeros stand for the rest */
			memset(p->buf, 0, (size_t)(n = (ssize_t)want));
		if (archive_write_data(p->a, p->buf, (size_t)n) != n)
			return pack_fail(p, name, e);
		at += n;
	}
	return 0;
}

/* An empty file: a whiteout. */
static int write_mark(struct pack *p, const char *dir, const char *mark, const char *base,
		      struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s%s%s%s", dir, *dir ? "/" : "", mark, base);
	struct archive_entry *en = archive_entry_new();
	int r;

	archive_entry_copy_pathname(en, name);
	archive_entry_set_filetype(en, AE_IFREG);
	archive_entry_set_perm(en, 0);
	archive_entry_set_size(en, 0);
	archive_entry_set_mtime(en, 0, 0);
	r = archive_write_header(p->a, en);
	archive_entry_free(en);
	return r < ARCHIVE_WARN ? pack_fail(p, name, e) : 0;
}

static bool is_opaque(int fd)
{
	char v = 0;

	return (fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y') ||
	       (fgetxattr(fd, "user.overlay.opaque", &v, 1) == 1 && v == 'y');
}

static int write_entry(struct pack *p, int parent, const char *base, const char *name,
		       const struct stat *st, int fd, struct err *e)
{
	struct archive_entry *en = archive_entry_new();
	const char *first = seen_before(p, st, name);
	char target[STAGE_PATH_MAX];
	int r = 0;

	archive_entry_copy_stat(en, st);
	if (p->ids) {
		archive_entry_set_uid(en, idmap_inside(&p->ids->uids, st->st_uid));
		archive_entry_set_gid(en, idmap_inside(&p->ids->gids, st->st_gid));
	}
	archive_entry_unset_atime(en);
	archive_entry_unset_ctime(en);
	archive_entry_unset_birthtime(en);
	archive_entry_copy_pathname(en, name);
	if (first) {
		archive_entry_copy_hardlink(en, first);
		archive_entry_set_size(en, 0);
	} else {
		add_xattrs(p, en, parent, base);
		if (S_ISLNK(st->st_mode)) {
			ssize_t n = readlinkat(parent, base, target, sizeof(target) - 1);

			target[n < 0 ? 0 : n] = '\0';
			archive_entry_copy_symlink(en, target);
		}
		if (S_ISREG(st->st_mode))
			add_holes(en, fd, st->st_size);
		else
			archive_entry_set_size(en, 0);
	}
	if (archive_write_header(p->a, en) < ARCHIVE_WARN)
		r = pack_fail(p, name, e);
	else if (!first && S_ISREG(st->st_mode))
		r = write_file(p, fd, name, st->st_size, e);
	archive_entry_free(en);
	return r;
}

/* ---- the walk ---- */

static int pack_dir(struct pack *p, int fd, const char *dir, unsigned depth, struct err *e);

static int mount_of(int fd, const char *name, uint64_t *ret, struct err *e)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return pack_errno(name, errno, e);
	*ret = stx.stx_mnt_id;
	return 0;
}

static int pack_one(struct pack *p, int parent, const char *dir, const char *base, unsigned depth,
		    struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s%s%s", dir, *dir ? "/" : "", base);
	AUTO_CLOSE int fd = -1;
	uint64_t mount = p->mount;
	struct stat st;
	int r = 0;

	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : pack_errno(name, errno, e);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if ((p->flags & PACK_UPPER) && stage_is_whiteout(&st))
		return write_mark(p, dir, ".wh.", base, e);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		fd = openat(parent, base,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? 0 : pack_errno(name, errno, e);
		if (fstat(fd, &st) < 0)
			return pack_errno(name, errno, e);
		if (p->flags & PACK_ONE_FS)
			r = mount_of(fd, name, &mount, e);
	}
	if (mount != p->mount && S_ISREG(st.st_mode))
		st.st_size = 0;	/* a secret, hosts, a bound file: not its own */
	if (r == 0)
		r = write_entry(p, parent, base, name, &st, fd, e);
	if (r < 0 || !S_ISDIR(st.st_mode) || mount != p->mount)
		return r;
	return pack_dir(p, fd, name, depth + 1, e);
}

static int pack_dir(struct pack *p, int fd, const char *dir, unsigned depth, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	int r;

	if (depth > DEPTH_MAX)
		return err_say(e, ELOOP, "pack: folders within folders, more than %d deep",
			       DEPTH_MAX);
	if ((p->flags & PACK_UPPER) && is_opaque(fd)) {
		r = write_mark(p, dir, ".wh..wh..opq", "", e);
		if (r < 0)
			return r;
	}
	r = path_list_all(fd, ".", &l);
	if (r < 0)
		return pack_errno(*dir ? dir : "/", -r, e);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = pack_one(p, fd, dir, l.v[i], depth, e);
	return r;
}

static int pack_root(struct pack *p, int dir, struct err *e)
{
	struct stat st;
	int r = 0;

	if (fstat(dir, &st) < 0)
		return pack_errno("./", errno, e);
	r = mount_of(dir, "./", &p->mount, e);
	if (r == 0 && !(p->flags & PACK_NO_ROOT))
		r = write_entry(p, dir, ".", "./", &st, dir, e);
	return r < 0 ? r : pack_dir(p, dir, "", 0, e);
}

static int pack_archive(struct archive *a, int dir, const char *only, unsigned flags,
			const struct idmap_pair *ids, struct err *e)
{
	struct pack p = { .a = a, .flags = flags, .ids = ids };
	int r;

	p.buf = mem_alloc(256 << 10);
	p.list = mem_alloc(XATTR_MAX);
	p.value = mem_alloc(XATTR_MAX);
	r = only ? pack_one(&p, dir, "", only, 0, e) : pack_root(&p, dir, e);
	if (r == 0 && archive_write_close(a) != ARCHIVE_OK)
		r = pack_fail(&p, "./", e);
	for (size_t i = 0; i < p.nlinks; i++)
		free(p.links[i].name);
	free(p.links);
	free(p.buf);
	free(p.list);
	free(p.value);
	return r;
}

/* Names are bytes: those that are not UTF-8 are marked as such, entry by entry.  In the locale "C"
 * that would be all but ASCII ones, and GNU tar warns of each mark.  What reads archives needs
 * that locale, see worker.c: no command does both. */
static void set_format(struct archive *a)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	archive_write_set_format_pax(a);	/* with nanoseconds for each */
	archive_write_set_bytes_per_block(a, 64 << 10);
	archive_write_set_bytes_in_last_block(a, 1);
}

int pack_tar(int dir, const char *only, int fd, unsigned flags, const struct idmap_pair *ids,
	     struct err *e)
{
	struct archive *a = archive_write_new();
	int r;

	set_format(a);
	if (archive_write_open_fd(a, fd) != ARCHIVE_OK)
		r = err_say(e, EIO, "write the archive: %s", archive_error_string(a));
	else
		r = pack_archive(a, dir, only, flags, ids, e);
	archive_write_free(a);
	return r;
}

/* ---- as a layer: tar -> SHA-256 -> gzip -> SHA-256 -> file ---- */

struct squeeze { z_stream z; struct digest plain, packed; int fd, code; unsigned char *out; };

#define SQUEEZE_OUT (128u << 10)

static int squeeze_some(struct squeeze *q, const void *data, size_t n, int flush)
{
	q->z.next_in = (unsigned char *)(uintptr_t)data;
	q->z.avail_in = (unsigned)n;
	do {
		size_t got;

		q->z.next_out = q->out;
		q->z.avail_out = SQUEEZE_OUT;
		deflate(&q->z, flush);
		got = SQUEEZE_OUT - q->z.avail_out;
		q->code = fd_write_all(q->fd, q->out, got);
		if (q->code < 0)
			return q->code;
		digest_add(&q->packed, q->out, got);
	} while (q->z.avail_out == 0);
	return 0;
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t n)
{
	struct squeeze *q = arg;

	digest_add(&q->plain, data, n);
	if (squeeze_some(q, data, n, Z_NO_FLUSH) < 0) {
		archive_set_error(a, -q->code, "%s", strerror(-q->code));
		return -1;
	}
	return (la_ssize_t)n;
}

static int squeeze_begin(struct squeeze *q, struct maker *m, char name[static 24], struct err *e)
{
	int r = maker_new_file(m, &q->fd, name, e);

	if (r < 0)
		return r;
	q->out = mem_alloc(SQUEEZE_OUT);
	digest_init(&q->plain);
	digest_init(&q->packed);
	/* 16: a gzip header, which zlib writes without a time */
	if (deflateInit2(&q->z, 4, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_say(e, ENOMEM, "zlib cannot start");
	return 0;
}

static int squeeze_end(struct squeeze *q, struct maker *m, const char *name, struct packed *ret,
		       struct err *e)
{
	if (squeeze_some(q, NULL, 0, Z_FINISH) < 0)
		return err_set(e, -q->code, "write a layer");
	ret->size = q->packed.bytes;
	digest_end(&q->plain, ret->diff_id);
	digest_end(&q->packed, ret->digest);
	return maker_keep_file(m, name, ret->digest, e);
}

static void squeeze_cleanup(struct squeeze *q)
{
	deflateEnd(&q->z);
	digest_cleanup(&q->plain);
	digest_cleanup(&q->packed);
	free(q->out);
	fd_close(&q->fd);
}

int pack_layer(struct maker *m, int dir, unsigned flags, struct packed *ret, struct err *e)
{
	AUTO(squeeze) struct squeeze q = { .fd = -1 };
	struct archive *a;
	char name[24];
	int r = squeeze_begin(&q, m, name, e);

	if (r < 0)
		return r;
	a = archive_write_new();
	set_format(a);
	if (archive_write_open(a, &q, NULL, on_write, NULL) != ARCHIVE_OK)
		r = err_say(e, EIO, "write the archive: %s", archive_error_string(a));
	else
		r = pack_archive(a, dir, NULL, flags, NULL, e);
	archive_write_free(a);
	return r < 0 ? r : squeeze_end(&q, m, name, ret, e);
}
