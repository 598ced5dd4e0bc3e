/* depend.c - a layer meets the layers below it: implied directories, hard links, whiteouts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/depend.h"

#define XATTR_LIST_MAX 65536

static bool is_opaque(int fd, const char *key)
{
	char link[32], v = 0;

	return getxattr(path_of_fd(fd, link), key, &v, 1) == 1 && v == 'y';
}

enum look { LOOK_FOUND, LOOK_BELOW, LOOK_ABSENT, LOOK_SYMLINK, LOOK_NOTDIR };

/* One layer's answer; *ret_fd only when LOOK_FOUND. */
static enum look look_in(int root, const char *key, const char *path, int *ret_fd)
{
	AUTO_CLOSE int cur = stage_open(root, path, O_PATH);
	bool masks = false;
	char name[256];

	/* what hides lower layers matters only where the way ends in this one */
	if (cur >= 0) {
		struct stat st;

		if (fstat(cur, &st) < 0 || stage_is_whiteout(&st))
			return LOOK_ABSENT;
		*ret_fd = TAKE_FD(cur);
		return LOOK_FOUND;
	}
	cur = fcntl(root, F_DUPFD_CLOEXEC, 3);
	while (*path) {
		size_t n = strcspn(path, "/");
		struct stat st;
		int next;

		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '/');
		next = openat(cur, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return masks ? LOOK_ABSENT : LOOK_BELOW;
		close(cur);
		cur = next;
		if (fstat(cur, &st) < 0 || stage_is_whiteout(&st))
			return LOOK_ABSENT;
		if (*path && S_ISLNK(st.st_mode))
			return LOOK_SYMLINK;
		if (*path && !S_ISDIR(st.st_mode))
			return LOOK_NOTDIR;
		masks = masks || (S_ISDIR(st.st_mode) && is_opaque(cur, key));
	}
	*ret_fd = TAKE_FD(cur);
	return LOOK_FOUND;
}

/* What the merged layers show at path: an O_PATH descriptor, -ENOENT, -ELOOP when the way leads
 * through a symlink, -ENOTDIR; no message. */
static int below_open(const struct below *b, const char *path)
{
	for (size_t i = 0; i < b->n; i++) {
		int fd = -1;

		switch (look_in(b->fds[i], b->opaque_key, path, &fd)) {
		case LOOK_FOUND:
			return fd;
		case LOOK_ABSENT:
			return -ENOENT;
		case LOOK_SYMLINK:
			return -ELOOP;
		case LOOK_NOTDIR:
			return -ENOTDIR;
		case LOOK_BELOW:
			break;
		}
	}
	return -ENOENT;
}

static bool root_plain(const struct below *b)
{
	struct stat st;

	if (b->n == 0)
		return true;
	return fstat(b->fds[0], &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_uid == 0 &&
	       st.st_gid == 0;
}

bool depend_needed(const struct stage *t, const struct below *b)
{
	if (t->nlinks || t->nwhiteouts)
		return true;
	for (size_t i = 1; i < t->ndirs; i++)
		if ((t->dirs[i].flags & (STAGE_IMPLIED | STAGE_GONE)) == STAGE_IMPLIED)
			return true;
	return (t->dirs[0].flags & STAGE_IMPLIED) && !root_plain(b);
}

/* Whether a directory above path, in this layer, hides what is below. */
static bool hidden_by_ancestor(const struct stage *t, const char *path)
{
	char dir[STAGE_PATH_MAX];
	size_t n = strlen(path);

	memcpy(dir, path, n + 1);
	for (;;) {
		const struct stage_dir *d;

		while (n > 0 && dir[n - 1] != '/')
			n--;
		dir[n ? n - 1 : 0] = '\0';
		d = stage_find_dir(t, dir);
		if (d && (d->flags & (STAGE_OPAQUE | STAGE_FRESH)))
			return true;
		if (n == 0)
			return false;
		n--;
	}
}

static int depend_fail(const char *path, const char *why, struct err *e)
{
	char shown[256];

	return err_say(e, EINVAL, "layer entry below \"%s\": %s",
		       str_printable(path, strlen(path), shown, sizeof(shown) - 1), why);
}

/* ---- extended attributes from below ---- */

static int copy_xattrs(struct stage *t, int from, int parent, const char *name, const char *path,
		       struct err *e)
{
	AUTO_FREE char *list = NULL;
	AUTO_FREE char *value = NULL;
	char link[32];
	ssize_t n = listxattr(path_of_fd(from, link), NULL, 0);

	if (n <= 0)
		return 0;
	list = mem_alloc(XATTR_LIST_MAX);
	value = mem_alloc(XATTR_LIST_MAX);
	n = listxattr(link, list, XATTR_LIST_MAX);
	for (const char *k = list; n > 0 && k < list + n; k += strlen(k) + 1) {
		ssize_t len;
		struct stage_xattr x = { k, value, 0 };
		int r;

		if (str_starts(k, "trusted.overlay.") || str_starts(k, "user.overlay.") ||
		    str_eq(k, "security.selinux"))
			continue;
		len = getxattr(link, k, value, XATTR_LIST_MAX);
		if (len < 0)
			continue;
		x.size = (size_t)len;
		r = stage_set_xattr(t, parent, name, &x, path, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- implied directories ---- */

static int resolve_dir(struct stage *t, size_t i, const struct below *b, struct err *e)
{
	struct stage_dir *d = &t->dirs[i];
	const char *path = stage_dir_path(t, d), *name = ".";
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int parent = t->root, r;

	if (i > 0 && hidden_by_ancestor(t, path)) {
		d->flags |= STAGE_FRESH;
		return 0;
	}
	fd = below_open(b, path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return depend_fail(
			path,
			fd == -ELOOP ?
				"the way there goes through a symlink of a lower layer" :
				"the way there goes through what is no directory in a lower layer",
			e);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat \"%s\" of a lower layer", path);
	if (S_ISLNK(st.st_mode))
		return depend_fail(path, "it is a symlink in a lower layer", e);
	if (!S_ISDIR(st.st_mode))
		return depend_fail(path, "it is no directory in a lower layer", e);
	d->mode = st.st_mode & 07777;
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	d->mtime = st.st_mtim;
	if (i > 0) {
		r = stage_parent(t, path, &parent, &name, e);
		if (r < 0)
			return r;
	}
	if (t->privileged && fchownat(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "layer entry \"%s\": set its owner", path);
	return copy_xattrs(t, fd, parent, name, path, e);
}

/* ---- hard links ---- */

static int copy_data(int in, int out, struct err *e)
{
	off_t end = lseek(in, 0, SEEK_END);
	off_t at = 0;

	if (end < 0 || ftruncate(out, end) < 0)
		return err_set(e, errno, "copy a file of a lower layer");
	while (at < end) {
		off_t data = lseek(in, at, SEEK_DATA), hole;

		if (data < 0)
			break;		/* ENXIO: the rest is a hole */
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			hole = end;
		for (off_t from = data, to = data; from < hole;) {
			ssize_t n = copy_file_range(in, &from, out, &to, (size_t)(hole - from), 0);

			if (n <= 0)
				return err_set(e, n < 0 ? errno : EIO,
					       "copy a file of a lower layer");
		}
		at = hole;
	}
	return 0;
}

static void meta_of(const struct stat *st, struct stage_meta *m)
{
	*m = (struct stage_meta){ .mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid,
				 .atime = st->st_mtim, .mtime = st->st_mtim };
}

/* Makes `path` what the lower layers have at `target`: as copying up does. */
static int copy_up(struct stage *t, int from, const char *path, struct err *e)
{
	struct stage_meta m;
	struct stat st;
	const char *name;
	int parent, r;
	char link[32];

	if (fstat(from, &st) < 0)
		return err_set(e, errno, "stat a file of a lower layer");
	meta_of(&st, &m);
	if (S_ISDIR(st.st_mode))
		return depend_fail(path, "it is a hard link to a directory of a lower layer", e);
	if (S_ISLNK(st.st_mode)) {
		char to[STAGE_PATH_MAX];
		ssize_t n = readlinkat(from, "", to, sizeof(to) - 1);

		if (n < 0)
			return err_set(e, errno, "read a symlink of a lower layer");
		to[n] = '\0';
		return stage_add_symlink(t, path, to, &m, e);
	}
	if (!S_ISREG(st.st_mode)) {
		r = stage_add_node(t, path, st.st_rdev, &m, e);
		if (r < 0)
			return r;
	} else {
		AUTO_CLOSE int in = open(path_of_fd(from, link), O_RDONLY | O_CLOEXEC);
		AUTO_CLOSE int out = -1;

		if (in < 0)
			return err_set(e, errno, "open a file of a lower layer");
		r = stage_add_file(t, path, &m, &out, e);
		if (r == 0)
			r = copy_data(in, out, e);
		if (r == 0)
			r = stage_end_file(t, out, path, &m, e);
		if (r < 0)
			return r;
	}
	r = stage_parent(t, path, &parent, &name, e);
	if (r == 0)
		r = copy_xattrs(t, from, parent, name, path, e);
	if (r == 0) {
		const struct timespec times[2] = { m.atime, m.mtime };

		if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, errno, "layer entry \"%s\": set its times", path);
	}
	return r;
}

/* Whether path still is the placeholder, and nothing came in its place. */
static bool still_pending(const struct stage *t, const struct stage_link *l)
{
	struct stat st;
	AUTO_CLOSE int fd = stage_open(t->root, l->path, O_PATH);

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == l->ino && st.st_dev == l->dev;
}

static int resolve_link(struct stage *t, const struct stage_link *l, const struct below *b,
			struct err *e)
{
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int here = -1;

	if (!still_pending(t, l))
		return 0;
	here = stage_open(t->root, l->target, O_PATH);
	if (here < 0) {
		from = hidden_by_ancestor(t, l->target) ? -ENOENT : below_open(b, l->target);
		if (from == -ELOOP)
			return depend_fail(l->path,
					   "the target of the hard link goes through a symlink", e);
		if (from < 0) {
			char shown[256], shown2[256];

			return err_say(e, ENOENT,
				       "layer entry \"%s\": it is a hard link to \"%s\", "
				       "which is in no layer",
				       str_printable(l->path, strlen(l->path), shown, 255),
				       str_printable(l->target, strlen(l->target), shown2, 255));
		}
		/* the other name comes up too, so that both stay one file */
		if (copy_up(t, from, l->target, e) < 0)
			return -e->code;
	}
	return stage_add_link(t, l->path, l->target, e);
}

/* ---- whiteouts ---- */

static int resolve_whiteout(struct stage *t, const char *path, const struct below *b, struct err *e)
{
	char dir[STAGE_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	AUTO_CLOSE int parent = -1;
	AUTO_CLOSE int lower = -1;
	struct stat st;
	bool merged;

	memcpy(dir, path, n);
	dir[n] = '\0';
	parent = stage_open(t->root, dir, O_PATH | O_DIRECTORY);
	if (parent < 0 || fstatat(parent, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !stage_is_whiteout(&st))
		return 0;	/* something came in its place */
	merged = !hidden_by_ancestor(t, path);
	if (merged) {
		lower = below_open(b, dir);
		merged = lower >= 0 && fstat(lower, &st) == 0 && S_ISDIR(st.st_mode);
	}
	if (!merged && unlinkat(parent, slash ? slash + 1 : path, 0) < 0)
		return err_set(e, errno, "remove the whiteout of \"%s\"", path);
	return 0;
}

int depend_resolve(struct stage *t, const struct below *b, struct err *e)
{
	size_t ndirs;
	int r;

	/* links first: a copied target may imply directories of its own */
	for (size_t i = 0; i < t->nlinks; i++) {
		const struct stage_link l = { mem_strdup(t->links[i].path),
					      mem_strdup(t->links[i].target), t->links[i].dev,
					      t->links[i].ino };

		r = resolve_link(t, &l, b, e);
		free(l.path);
		free(l.target);
		if (r < 0)
			return r;
	}
	ndirs = t->ndirs;
	for (size_t i = 0; i < ndirs; i++) {
		if ((t->dirs[i].flags & (STAGE_IMPLIED | STAGE_GONE | STAGE_FRESH)) !=
		    STAGE_IMPLIED)
			continue;
		r = resolve_dir(t, i, b, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < t->nwhiteouts; i++) {
		AUTO_FREE char *path = mem_strdup(t->names.s + t->whiteouts[i]);

		r = resolve_whiteout(t, path, b, e);
		if (r < 0)
			return r;
	}
	return 0;
}
