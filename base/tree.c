/* tree.c - see tree.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/tree.h"

#define XATTR_LIST_MAX 65536

struct seen { dev_t dev; ino_t ino; char *path; };	/* a file with several names */

struct copy {
	const struct tree_opts *o;
	struct err *e;
	int top;			/* of the target: where paths of `seen` begin */
	struct strbuf path;		/* of where we are, below top */
	struct seen *seen;
	size_t nseen, cap;
};

static int xattrs(int from, int to, const char *name, struct err *e)
{
	char a[32], b[32];
	AUTO_FREE char *list = NULL, *value = NULL;
	ssize_t n;

	/* through /proc/self/fd: works for O_PATH descriptors, and follows nothing else */
	path_of_fd(from, a);
	path_of_fd(to, b);
	n = listxattr(a, NULL, 0);
	if (n <= 0 || n > XATTR_LIST_MAX)
		return 0;
	list = mem_alloc((size_t)n);
	value = mem_alloc(XATTR_LIST_MAX);
	n = listxattr(a, list, (size_t)n);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1) {
		ssize_t len;

		if (str_starts(list + i, "trusted.overlay."))
			continue;
		len = getxattr(a, list + i, value, XATTR_LIST_MAX);
		if (len < 0 || setxattr(b, list + i, value, (size_t)len, 0) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != EPERM)
			return err_set(e, errno, "copy the attribute %s of %s", list + i, name);
	}
	return 0;
}

static int owner(const struct tree_opts *o, const struct stat *st, uid_t *ret_uid, gid_t *ret_gid,
		 const char *name, struct err *e)
{
	uint32_t uid = o->no_owner ? o->uid : st->st_uid, gid = o->no_owner ? o->gid : st->st_gid;

	if (o->from_ids && !o->no_owner) {
		uid = idmap_inside(&o->from_ids->uids, uid);
		gid = idmap_inside(&o->from_ids->gids, gid);
	}
	if (o->to_ids && (!idmap_outside(&o->to_ids->uids, uid, &uid) ||
			  !idmap_outside(&o->to_ids->gids, gid, &gid)))
		return err_say(e, EOVERFLOW, "%s: its owner %u:%u is not mapped in the container's "
			       "user namespace", name, uid, gid);
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}

/* A set-ID bit speaks of the owner that the file had, as for cp(1): what a user of a container made
 * is no program of the host's root. */
static mode_t mode_of(const struct tree_opts *o, const struct stat *st)
{
	bool other = o->no_owner && (st->st_uid != o->uid || st->st_gid != o->gid);

	return st->st_mode & (S_ISREG(st->st_mode) && other ? 01777 : 07777);
}

static int attrs(int from, int to, const char *name, const struct tree_opts *o, struct err *e)
{
	struct stat st;
	uid_t uid;
	gid_t gid;
	char b[32];

	if (fstat(from, &st) < 0)
		return err_set(e, errno, "look at %s", name);
	if (owner(o, &st, &uid, &gid, name, e) < 0)
		return -e->code;
	if (fchownat(to, "", uid, gid, AT_EMPTY_PATH) < 0)
		return err_set(e, errno, "set the owner of %s", name);
	/* after chown, which clears set-id bits and capabilities */
	path_of_fd(to, b);
	if (chmod(b, mode_of(o, &st)) < 0)
		return err_set(e, errno, "set the mode of %s", name);
	if (xattrs(from, to, name, e) < 0)
		return -e->code;
	struct timespec times[2] = { st.st_atim, st.st_mtim };

	if (utimensat(AT_FDCWD, b, times, 0) < 0)
		return err_set(e, errno, "set the times of %s", name);
	return 0;
}

int tree_copy_attrs(int from, int to, const struct tree_opts *o, struct err *e)
{
	static const struct tree_opts none;

	return attrs(from, to, ".", o ? o : &none, e);
}

/* Data between holes. */
static int contents(int from, int to, off_t size, const char *name, struct err *e)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), end;

		if (data < 0)
			break;	/* a hole to the end */
		end = lseek(from, data, SEEK_HOLE);
		if (end < 0)
			end = size;
		if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return err_set(e, errno, "copy %s", name);
		while (data < end) {
			ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)(end - data), 0);

			if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP))
				n = sendfile(to, from, NULL, (size_t)(end - data));
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return err_set(e, errno, "copy %s", name);
			if (n == 0)
				return err_say(e, EIO, "copy %s: it became shorter meanwhile",
					       name);
			data += n;
		}
		at = end;
	}
	return ftruncate(to, size) < 0 ? err_set(e, errno, "copy %s", name) : 0;
}

/* A link to what was copied before, which is still there: true when one was made.  Who shares the
 * folder may have put links on the way. */
static bool make_link(int top, const char *path, int to, const char *name)
{
	AUTO_CLOSE int fd = path_try_open_nofollow_in(top, path, O_PATH);
	char link[32];

	return fd >= 0 && linkat(AT_FDCWD, path_of_fd(fd, link), to, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool link_seen(struct copy *c, const struct stat *st, int to, const char *name)
{
	for (size_t i = 0; i < c->nseen; i++)
		if (c->seen[i].ino == st->st_ino && c->seen[i].dev == st->st_dev)
			return make_link(c->top, c->seen[i].path, to, name);
	if (c->nseen == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 32;
		c->seen = mem_resize(c->seen, c->cap, sizeof(*c->seen));
	}
	c->seen[c->nseen++] = (struct seen){ st->st_dev, st->st_ino, mem_strdup(c->path.s) };
	return false;
}

static int directory(struct copy *c, int from, const char *name, int to, const char *to_name,
		     unsigned depth);

static int file(struct copy *c, int from, const char *name, int to, const char *to_name,
		const struct stat *st)
{
	AUTO_CLOSE int at = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int in = at < 0 ? -errno : fd_reopen_file(at, O_RDONLY);
	AUTO_CLOSE int out = -1;
	int r;

	if (in < 0)
		return err_set(c->e, -in, "open %s", c->path.s);
	if (st->st_nlink > 1 && link_seen(c, st, to, to_name))
		return 0;
	out = openat(to, to_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(c->e, errno, "make %s", c->path.s);
	r = contents(in, out, st->st_size, c->path.s, c->e);
	return r < 0 ? r : attrs(in, out, c->path.s, c->o, c->e);
}

static int special(struct copy *c, int from, const char *name, int to, const char *to_name,
		   const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	uid_t uid;
	gid_t gid;
	int r;

	if (owner(c->o, st, &uid, &gid, c->path.s, c->e) < 0)
		return -c->e->code;
	if (S_ISLNK(st->st_mode)) {
		char target[4096];
		ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

		if (n < 0)
			return err_set(c->e, errno, "read link %s", c->path.s);
		target[n] = 0;
		if (symlinkat(target, to, to_name) < 0)
			return err_set(c->e, errno, "make link %s", c->path.s);
	} else if (mknodat(to, to_name, st->st_mode & (S_IFMT | 07777), st->st_rdev) < 0) {
		return err_set(c->e, errno, "make %s", c->path.s);
	}
	if (fchownat(to, to_name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(c->e, errno, "set the owner of %s", c->path.s);
	/* who shares the folder may have put a link there meanwhile */
	if (!S_ISLNK(st->st_mode) && (r = fd_chmod(to, to_name, st->st_mode)) < 0)
		return err_set(c->e, -r, "set the mode of %s", c->path.s);
	utimensat(to, to_name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* For a folder where a file is, and the other way round. */
static int make_room(struct copy *c, int to, const char *to_name, bool folder)
{
	struct stat old;

	if (fstatat(to, to_name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (bool)S_ISDIR(old.st_mode) == folder)
		return 0;
	if (c->o->replace)
		return path_remove_tree(to, to_name, c->e);
	return err_say(c->e, EEXIST, "%s: a %s is there already", c->path.s,
		       folder ? "file" : "folder");
}

static int entry(struct copy *c, int from, const char *name, int to, const char *to_name,
		 unsigned depth)
{
	size_t len = c->path.len;
	struct stat st;
	int r;

	strbuf_addf(&c->path, "%s%s", len ? "/" : "", to_name);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		r = err_set(c->e, errno, "look at %s", c->path.s);
	} else if ((r = make_room(c, to, to_name, S_ISDIR(st.st_mode))) < 0) {
		;
	} else if (S_ISDIR(st.st_mode)) {
		r = directory(c, from, name, to, to_name, depth);
	} else {
		unlinkat(to, to_name, 0);
		r = S_ISREG(st.st_mode) ? file(c, from, name, to, to_name, &st)
					: special(c, from, name, to, to_name, &st);
	}
	c->path.len = len;
	if (c->path.s)
		c->path.s[len] = 0;
	return r;
}

static int inside(struct copy *c, int from, int to, unsigned depth)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = err_set(c->e, errno, "read %s", c->path.s ? c->path.s : ".");
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			r = entry(c, dirfd(d), de->d_name, to, de->d_name, depth);
	closedir(d);
	return r;
}

static int directory(struct copy *c, int from, const char *name, int to, const char *to_name,
		     unsigned depth)
{
	AUTO_CLOSE int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int out = -1;
	int r;

	if (depth >= TREE_DEPTH_MAX)
		return err_say(c->e, ELOOP, "%s: more than %d folders deep", c->path.s,
			       TREE_DEPTH_MAX);
	if (in < 0)
		return err_set(c->e, errno, "open %s", c->path.s);
	if (mkdirat(to, to_name, 0700) < 0 && errno != EEXIST)
		return err_set(c->e, errno, "make %s", c->path.s);
	out = openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_set(c->e, errno, "open %s", c->path.s);
	r = inside(c, in, out, depth + 1);
	return r < 0 ? r : attrs(in, out, c->path.s, c->o, c->e);
}

static int run(int from, const char *name, int to, const char *to_name, const struct tree_opts *o,
	       struct err *e)
{
	static const struct tree_opts none;
	struct copy c = { .o = o ? o : &none, .e = e, .top = to };
	int r = name ? entry(&c, from, name, to, to_name, 0) : inside(&c, from, to, 0);

	for (size_t i = 0; i < c.nseen; i++)
		free(c.seen[i].path);
	free(c.seen);
	strbuf_cleanup(&c.path);
	return r;
}

int tree_copy(int from, int to, const struct tree_opts *o, struct err *e)
{
	return run(from, NULL, to, NULL, o, e);
}

int tree_copy_entry(int from, const char *name, int to, const char *to_name,
		    const struct tree_opts *o, struct err *e)
{
	return run(from, name, to, to_name, o, e);
}

static int chown_inside(int dir, uid_t uid, gid_t gid, unsigned depth, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	if (!d || depth > TREE_DEPTH_MAX) {
		r = err_set(e, d ? ELOOP : errno, "give a folder to %u:%u", uid, gid);
		if (d)
			closedir(d);
		else
			fd_close(&fd);
		return r;
	}
	while (r == 0 && (de = readdir(d))) {
		AUTO_CLOSE int sub = -1;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;	/* gone meanwhile */
		if ((st.st_uid != uid || st.st_gid != gid) &&
		    fchownat(dirfd(d), de->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			r = err_set(e, errno, "give %s to %u:%u", de->d_name, uid, gid);
		if (r < 0 || !S_ISDIR(st.st_mode))
			continue;
		sub = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = chown_inside(sub, uid, gid, depth + 1, e);
	}
	closedir(d);
	return r;
}

int tree_chown(int dir, uid_t uid, gid_t gid, struct err *e)
{
	if (fchownat(dir, "", uid, gid, AT_EMPTY_PATH) < 0)
		return err_set(e, errno, "give a folder to %u:%u", uid, gid);
	return chown_inside(dir, uid, gid, 0, e);
}

bool tree_is_empty(int dir, const char *but)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	bool empty = true;

	if (!d) {
		fd_close(&fd);
		return false;
	}
	while (empty && (de = readdir(d)))
		empty = str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
			str_eq(de->d_name, but);
	closedir(d);
	return empty;
}
