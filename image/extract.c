/* extract.c - each entry of a layer's archive, checked, into the tree. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/extract.h"

/* Files of that many bytes are on their way to the disk while the next are inflated. */
#define WRITE_BEHIND (256 << 10)

struct extract {
	struct archive *a;
	struct stage *t;
	unsigned flags;
	struct extract_stats stats;
	uint64_t logical;		/* bytes of files, holes included */
	struct stage_xattr *xattrs;
	size_t xattrs_cap;
};

static int extract_fail(const char *name, int code, const char *why, struct err *e)
{
	char shown[256];

	return err_say(e, code, "layer entry \"%s\": %s",
		       str_printable(name, strnlen(name, 4096), shown, sizeof(shown) - 1), why);
}

static int archive_fail(struct archive *a, const char *name, struct err *e)
{
	const char *why = archive_error_string(a);
	char shown[256];

	if (!name)
		return err_say(e, ENODATA, "the layer's archive is damaged: %s",
			       why ? why : "unreadable");
	return err_say(e, EINVAL, "layer entry \"%s\": the archive is damaged: %s",
		       str_printable(name, strnlen(name, 4096), shown, sizeof(shown) - 1),
		       why ? why : "unreadable");
}

/* ---- attributes ---- */

/*
 * libarchive 3.6 reads the pax time "-1.5" as -1 + 0.5; only a negative number of seconds with
 * a fraction tells.  ("-0.5" is beyond repair, and no tool writes it.)
 */
static struct timespec pax_time(time_t sec, long nsec)
{
	struct timespec t = { sec, nsec };

	if (sec < 0 && nsec > 0 && nsec < 1000000000 && archive_version_number() < 3007000) {
		t.tv_sec = sec - 1;
		t.tv_nsec = 1000000000 - nsec;
	}
	return t;
}

static int read_xattrs(struct extract *x, struct archive_entry *en, const char *name,
		       struct stage_meta *m, struct err *e)
{
	size_t total = 0, n = (size_t)archive_entry_xattr_reset(en);
	const char *key;
	const void *value;
	size_t size;

	m->xattrs = NULL;
	m->nxattrs = 0;
	if (n == 0)
		return 0;
	if (n > 1000)
		return extract_fail(name, E2BIG, "it has more than 1000 extended attributes", e);
	if (n > x->xattrs_cap) {
		x->xattrs = mem_resize(x->xattrs, n, sizeof(*x->xattrs));
		x->xattrs_cap = n;
	}
	for (size_t i = 0; i < n && archive_entry_xattr_next(en, &key, &value, &size) == ARCHIVE_OK;
	     i++) {
		total += strlen(key) + size;
		if (strlen(key) > 255 || size > 65536 || total > EXTRACT_XATTRS_MAX)
			return extract_fail(name, E2BIG, "its extended attributes are too big", e);
		x->xattrs[m->nxattrs++] = (struct stage_xattr){ key, value, size };
	}
	m->xattrs = x->xattrs;
	return 0;
}

static int read_meta(struct extract *x, struct archive_entry *en, const char *name,
		     struct stage_meta *m, struct err *e)
{
	int64_t uid = archive_entry_uid(en), gid = archive_entry_gid(en);

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return extract_fail(name, ERANGE, "its owner is out of range", e);
	m->mode = (archive_entry_filetype(en) & S_IFMT) | (archive_entry_perm(en) & 07777);
	m->uid = x->flags & EXTRACT_ROOTS ? 0 : (uid_t)uid;
	m->gid = x->flags & EXTRACT_ROOTS ? 0 : (gid_t)gid;
	if (x->t->ids && (!idmap_outside(&x->t->ids->uids, m->uid, &m->uid) ||
			  !idmap_outside(&x->t->ids->gids, m->gid, &m->gid)))
		return extract_fail(name, EOVERFLOW, "its owner is not mapped in the container's "
				    "user namespace", e);
	m->mtime = archive_entry_mtime_is_set(en) ?
		   pax_time(archive_entry_mtime(en), archive_entry_mtime_nsec(en)) :
		   (struct timespec){ 0 };
	m->atime = archive_entry_atime_is_set(en) ?
		   pax_time(archive_entry_atime(en), archive_entry_atime_nsec(en)) : m->mtime;
	return read_xattrs(x, en, name, m, e);
}

/* ---- files ---- */

static int write_data(struct extract *x, int fd, const char *path, int64_t size, struct err *e)
{
	int64_t at = 0;

	for (;;) {
		const void *buf;
		int64_t offset;
		size_t n;
		int r = archive_read_data_block(x->a, &buf, &n, &offset);

		/* whole, but for zeroes behind it: what follows is for the next header to say */
		if (r == ARCHIVE_EOF || (r == ARCHIVE_FATAL && at == size))
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_fail(x->a, path, e);
		if (offset < at || (int64_t)n > size - offset)
			return extract_fail(path, EINVAL, "its data lie outside its size", e);
		if (offset > at && lseek(fd, offset, SEEK_SET) < 0)
			return err_set(e, errno, "layer entry \"%s\"", path);
		r = fd_write_all(fd, buf, n);
		if (r < 0)
			return err_set(e, -r, "layer entry \"%s\": write", path);
		at = offset + (int64_t)n;
		x->stats.bytes += n;
	}
	if (at < size && ftruncate(fd, size) < 0)
		return err_set(e, errno, "layer entry \"%s\": set its size", path);
	if (at >= WRITE_BEHIND)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int add_file(struct extract *x, struct archive_entry *en, struct stage *t, const char *path,
		    const struct stage_meta *m, struct err *e)
{
	int64_t size = archive_entry_size_is_set(en) ? archive_entry_size(en) : 0;
	AUTO_CLOSE int fd = -1;
	int r;

	if (size < 0 || (uint64_t)size > EXTRACT_FILE_MAX)
		return extract_fail(path, EFBIG, "it is larger than 1 TiB", e);
	x->logical += (uint64_t)size;
	if (x->logical > EXTRACT_BYTES_MAX)
		return extract_fail(path, EFBIG, "the files of the layer are larger than 2 TiB", e);
	r = stage_add_file(t, path, m, &fd, e);
	if (r == 0 && size > 0)
		r = write_data(x, fd, path, size, e);
	if (r == 0)
		r = stage_end_file(t, fd, path, m, e);
	return r;
}

/* ---- whiteouts and what AUFS leaves ---- */

/* Files in AUFS's .wh..wh.plnk are kept beside the tree, for hard links to them. */
static int add_side(struct extract *x, struct archive_entry *en, const char *name,
		    const struct stage_meta *m, struct err *e)
{
	struct stage side;
	int r;

	if (!S_ISREG(m->mode) || strchr(name, '/') || archive_entry_hardlink(en) || x->t->side < 0)
		return 0;
	stage_init(&side, x->t->side, false);
	r = add_file(x, en, &side, name, m, e);
	stage_cleanup(&side);
	return r;
}

enum wh { WH_NO, WH_REMOVE, WH_OPAQUE, WH_AUFS, WH_PLNK };

/* A name that begins with ".wh." is never a file.  *ret_path is what it speaks of. */
static int whiteout_kind(const char *path, char out[static STAGE_PATH_MAX], enum wh *ret,
			 struct err *e)
{
	const char *base = strrchr(path, '/');
	const char *p = path;

	if (str_starts(path, ".wh..wh.plnk/")) {
		strcpy(out, path + 13);
		*ret = WH_PLNK;
		return 0;
	}
	for (; p; p = strchr(p, '/'), p = p ? p + 1 : NULL) {
		if (!str_starts(p, ".wh."))
			continue;
		if (str_starts(p, ".wh..wh.") && !str_eq(p, ".wh..wh..opq")) {
			*ret = WH_AUFS;
			return 0;
		}
		if (strchr(p, '/'))
			return extract_fail(path, EINVAL, "it lies in a whiteout", e);
	}
	base = base ? base + 1 : path;
	*ret = WH_NO;
	if (!str_starts(base, ".wh."))
		return 0;
	memcpy(out, path, (size_t)(base - path));
	out[base - path] = '\0';
	if (str_eq(base, ".wh..wh..opq")) {
		if (base > path)
			out[base - path - 1] = '\0';
		*ret = WH_OPAQUE;
		return 0;
	}
	base += 4;
	if (!*base || str_eq(base, ".") || str_eq(base, ".."))
		return extract_fail(path, EINVAL, "it is a whiteout of no file's name", e);
	strcat(out, base);
	*ret = WH_REMOVE;
	return 0;
}

/* ---- one entry ---- */

static int add_link(struct extract *x, const char *path, const char *to, struct err *e)
{
	char target[STAGE_PATH_MAX];
	struct err why = ERR_INIT;

	if (x->flags & EXTRACT_PLAIN)
		to += strspn(to, "/");
	if (stage_clean(to, target, &why) < 0 || !*target)
		return extract_fail(path, EINVAL, "it is a hard link to outside of the layer", e);
	return stage_add_link(x->t, path, target, e);
}

static int add_entry(struct extract *x, struct archive_entry *en, const char *path, struct err *e)
{
	const char *link = archive_entry_hardlink(en);
	char of[STAGE_PATH_MAX];
	enum wh wh = WH_NO;
	struct stage_meta m;
	int r = read_meta(x, en, path, &m, e);

	if (r == 0 && !(x->flags & EXTRACT_PLAIN))
		r = whiteout_kind(path, of, &wh, e);
	if (r < 0)
		return r;
	switch (wh) {
	case WH_AUFS:
		return 0;
	case WH_PLNK:
		return add_side(x, en, of, &m, e);
	case WH_OPAQUE:
		return stage_add_opaque(x->t, of, e);
	case WH_REMOVE:
		return stage_add_whiteout(x->t, of, e);
	case WH_NO:
		break;
	}
	if (link)
		return add_link(x, path, link, e);
	switch (m.mode & S_IFMT) {
	case S_IFREG:
		return add_file(x, en, x->t, path, &m, e);
	case S_IFDIR:
		return stage_add_dir(x->t, path, &m, e);
	case S_IFLNK:
		link = archive_entry_symlink(en);
		if (!link || !*link || strlen(link) >= STAGE_PATH_MAX)
			return extract_fail(path, EINVAL, "its target is empty or too long", e);
		return stage_add_symlink(x->t, path, link, &m, e);
	case S_IFCHR:
	case S_IFBLK:
		return stage_add_node(x->t, path, archive_entry_rdev(en), &m, e);
	case S_IFIFO:
		return stage_add_node(x->t, path, 0, &m, e);
	default:
		return extract_fail(path, EINVAL, "its type is unknown", e);
	}
}

static int extract_all(struct extract *x, struct err *e)
{
	struct archive_entry *en;
	char path[STAGE_PATH_MAX];

	for (;;) {
		const char *name;
		int r = archive_read_next_header(x->a, &en);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_fail(x->a, NULL, e);
		if (++x->stats.entries > EXTRACT_ENTRIES_MAX)
			return err_say(e, E2BIG, "the layer has more than %u entries",
				       EXTRACT_ENTRIES_MAX);
		name = archive_entry_pathname(en);
		if (!name)
			return archive_fail(x->a, NULL, e);
		if (x->flags & EXTRACT_PLAIN)
			name += strspn(name, "/");
		r = stage_clean(name, path, e);
		if (r == 0 && !*path && (x->flags & EXTRACT_INTO))
			continue;
		if (r == 0)
			r = add_entry(x, en, path, e);
		if (r < 0)
			return r;
	}
}

int extract_run(struct archive *a, struct stage *t, unsigned flags, struct extract_stats *ret,
		struct err *e)
{
	struct extract x = { .a = a, .t = t, .flags = flags };
	int r = extract_all(&x, e);

	free(x.xattrs);
	for (size_t i = 0; r == 0 && (flags & EXTRACT_INTO) && i < t->ndirs; i++)
		if (i == 0 || (t->dirs[i].flags & STAGE_IMPLIED))
			t->dirs[i].flags = STAGE_GONE;
	*ret = x.stats;
	return r;
}
