/* compare.c - two directory trees, by all that a container can see of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/fsck.h"

#define XATTRS_MAX 65536

struct compare { char *a, *b, *la, *lb; char *where; };

static bool same_content(struct compare *c, int a, int b)
{
	for (;;) {
		ssize_t n = fd_read_full(a, c->a, XATTRS_MAX),
			m = fd_read_full(b, c->b, XATTRS_MAX);

		if (n != m || n < 0 || memcmp(c->a, c->b, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of attributes in order, each with its value's bytes. */
static size_t attributes(const char *path, char *list, char *out)
{
	ssize_t n = llistxattr(path, list, XATTRS_MAX);
	AUTO_FREE char **names = mem_array(XATTRS_MAX / 2, sizeof(char *));
	size_t k = 0, len = 0;

	for (char *p = list; n > 0 && p < list + n && k < 1000; p += strlen(p) + 1)
		names[k++] = p;
	qsort(names, k, sizeof(*names), compare_names);
	for (size_t i = 0; i < k; i++) {
		size_t name = strlen(names[i]) + 1;
		ssize_t v;

		if (len + name >= XATTRS_MAX)
			break;
		memcpy(out + len, names[i], name);
		len += name;
		v = lgetxattr(path, names[i], out + len, XATTRS_MAX - len);
		len += v > 0 ? (size_t)v : 0;
	}
	return len;
}

static bool same_attributes(struct compare *c, int da, int db, const char *name)
{
	char la[32], lb[32];
	AUTO_FREE char *pa = mem_printf("%s/%s", path_of_fd(da, la), name);
	AUTO_FREE char *pb = mem_printf("%s/%s", path_of_fd(db, lb), name);
	size_t n = attributes(pa, c->la, c->a), m = attributes(pb, c->lb, c->b);

	return n == m && memcmp(c->a, c->b, n) == 0;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       (S_ISDIR(a->st_mode) || (a->st_size == b->st_size && a->st_nlink == b->st_nlink)) &&
	       ((!S_ISCHR(a->st_mode) && !S_ISBLK(a->st_mode)) || a->st_rdev == b->st_rdev);
}

static bool same_target(int da, int db, const char *name, struct compare *c)
{
	ssize_t n = readlinkat(da, name, c->a, 4096), m = readlinkat(db, name, c->b, 4096);

	return n == m && n >= 0 && memcmp(c->a, c->b, (size_t)n) == 0;
}

static int differ(struct compare *c, const char *path)
{
	str_printable(path, strlen(path), c->where, 255);
	return 0;
}

static int compare_dirs(struct compare *c, int a, int b, const char *path, unsigned depth,
			struct err *e);

static int compare_one(struct compare *c, int da, int db, const char *name, const char *path,
		       unsigned depth, struct err *e)
{
	AUTO_CLOSE int a = -1;
	AUTO_CLOSE int b = -1;
	struct stat x, y;

	if (fstatat(da, name, &x, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(db, name, &y, AT_SYMLINK_NOFOLLOW) < 0)
		return differ(c, path);
	if (!same_stat(&x, &y) || !same_attributes(c, da, db, name))
		return differ(c, path);
	if (S_ISLNK(x.st_mode))
		return same_target(da, db, name, c) ? 1 : differ(c, path);
	if (!S_ISREG(x.st_mode) && !S_ISDIR(x.st_mode))
		return 1;
	a = openat(da, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	b = openat(db, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (a < 0 || b < 0)
		return err_set(e, errno, "open %s", path);
	if (S_ISDIR(x.st_mode))
		return compare_dirs(c, a, b, path, depth + 1, e);
	return same_content(c, a, b) ? 1 : differ(c, path);
}

static int compare_dirs(struct compare *c, int a, int b, const char *path, unsigned depth,
			struct err *e)
{
	AUTO(strlist) struct strlist x = STRLIST_INIT;
	AUTO(strlist) struct strlist y = STRLIST_INIT;
	int r = path_list_all(a, ".", &x);

	if (r == 0)
		r = path_list_all(b, ".", &y);
	if (r < 0)
		return err_set(e, -r, "read %s", path);
	if (depth > 2100)
		return err_say(e, ELOOP, "folders within folders, more than 2100 deep");
	for (size_t i = 0; i < x.n || i < y.n; i++) {
		AUTO_FREE char *full = mem_printf("%s/%s", path, i < x.n ? x.v[i] : y.v[i]);

		if (i >= x.n || i >= y.n || !str_eq(x.v[i], y.v[i]))
			return differ(c, full);
		r = compare_one(c, a, b, x.v[i], full, depth, e);
		if (r != 1)
			return r;
	}
	return 1;
}

int compare_trees(int a, int b, char where[static 256], struct err *e)
{
	struct compare c = { .where = where };
	int r;

	c.a = mem_alloc(XATTRS_MAX + 4096);
	c.b = mem_alloc(XATTRS_MAX + 4096);
	c.la = mem_alloc(XATTRS_MAX);
	c.lb = mem_alloc(XATTRS_MAX);
	r = compare_one(&c, a, b, ".", "", 0, e);
	free(c.a);
	free(c.b);
	free(c.la);
	free(c.lb);
	return r;
}
