/* stage.c - entries of a layer become files beneath one directory, and nowhere else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/stage.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

void stage_init(struct stage *t, int root, bool user_xattrs)
{
	*t = (struct stage){
		.root = root, .side = -1, .parent_fd = -1, .privileged = geteuid() == 0
	};
	t->opaque_key = user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
	t->hash_size = 1024;
	t->hash = mem_array(t->hash_size, sizeof(*t->hash));
	strbuf_add(&t->names, "", 1);	/* the root's path */
	t->cap = 64;
	t->dirs = mem_array(t->cap, sizeof(*t->dirs));
	t->dirs[t->ndirs++] = (struct stage_dir){ .flags = STAGE_IMPLIED, .mode = 0755 };
}

void stage_cleanup(struct stage *t)
{
	for (size_t i = 0; i < t->nlinks; i++) {
		free(t->links[i].path);
		free(t->links[i].target);
	}
	free(t->links);
	free(t->whiteouts);
	free(t->hash);
	free(t->dirs);
	strbuf_cleanup(&t->names);
	fd_close(&t->parent_fd);
	fd_close(&t->side);
	*t = (struct stage){ .root = -1, .side = -1, .parent_fd = -1 };
}

static int entry_fail(const char *path, int code, const char *why, struct err *e)
{
	char shown[256];

	return err_say(e, code, "layer entry \"%s\": %s",
		       str_printable(path, strlen(path), shown, sizeof(shown) - 1), why);
}

static int entry_errno(const char *path, int code, const char *doing, struct err *e)
{
	char shown[256];

	return err_set(e, code, "layer entry \"%s\": %s",
		       str_printable(path, strlen(path), shown, sizeof(shown) - 1), doing);
}

int stage_clean(const char *name, char out[static STAGE_PATH_MAX], struct err *e)
{
	const char *p = name;
	size_t len = 0;

	if (*p == '/')
		return entry_fail(name, EINVAL, "an absolute name is refused", e);
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return entry_fail(name, EINVAL, "a name with \"..\" is refused", e);
		if (n > 255)
			return entry_fail(name, ENAMETOOLONG,
					  "a part of it is longer than 255 bytes", e);
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (len + 1 + n + 1 > STAGE_PATH_MAX)
				return entry_fail(name, ENAMETOOLONG,
						  "it is longer than 4095 bytes", e);
			if (len)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
		while (*p == '/')
			p++;
	}
	out[len] = '\0';
	return 0;
}

/* ---- the table of directories ---- */

static void hash_put(struct stage *t, uint32_t index)
{
	const char *path = stage_dir_path(t, &t->dirs[index]);
	size_t at = str_hash(path, strlen(path), 0) & (t->hash_size - 1);

	while (t->hash[at])
		at = (at + 1) & (t->hash_size - 1);
	t->hash[at] = index + 1;
}

struct stage_dir *stage_find_dir(const struct stage *t, const char *path)
{
	size_t at;

	if (!*path)
		return &t->dirs[0];
	for (at = str_hash(path, strlen(path), 0) & (t->hash_size - 1); t->hash[at];
	     at = (at + 1) & (t->hash_size - 1)) {
		struct stage_dir *d = &t->dirs[t->hash[at] - 1];

		if (str_eq(stage_dir_path(t, d), path))
			return d;
	}
	return NULL;
}

static struct stage_dir *dir_record(struct stage *t, const char *path)
{
	struct stage_dir *d = stage_find_dir(t, path);

	if (d)
		return d;
	if (t->ndirs == t->cap) {
		t->cap *= 2;
		t->dirs = mem_resize(t->dirs, t->cap, sizeof(*t->dirs));
	}
	if (t->ndirs * 2 >= t->hash_size) {
		free(t->hash);
		t->hash_size *= 4;
		t->hash = mem_array(t->hash_size, sizeof(*t->hash));
		for (size_t i = 1; i < t->ndirs; i++)
			hash_put(t, (uint32_t)i);
	}
	d = &t->dirs[t->ndirs];
	*d = (struct stage_dir){ .path = t->names.len, .mode = 0755 };
	strbuf_add(&t->names, path, strlen(path) + 1);
	hash_put(t, (uint32_t)t->ndirs++);
	return d;
}

/* The directory and all in it are gone; what comes again begins anew. */
static void dirs_forget(struct stage *t, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 1; i < t->ndirs; i++) {
		const char *p = stage_dir_path(t, &t->dirs[i]);

		if (strncmp(p, path, n) == 0 && (p[n] == '\0' || p[n] == '/'))
			t->dirs[i].flags = STAGE_GONE;
	}
}

/* ---- reaching places ---- */

int stage_open(int root, const char *path, int flags)
{
	int fd = sys_openat2(root, *path ? path : ".", (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
			     0, BENEATH);

	return fd < 0 ? -errno : fd;
}

bool stage_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int set_opaque(struct stage *t, int parent, const char *name, const char *path,
		      struct err *e)
{
	struct stage_xattr x = { t->opaque_key, "y", 1 };

	return stage_set_xattr(t, parent, name, &x, path, e);
}

/* One component on the way to an entry that is no directory of this layer. */
static int make_implied(struct stage *t, int at, const char *name, const char *dir,
			const char *path, struct err *e)
{
	struct stage_dir *d;
	struct stat st;
	bool hidden = false;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISLNK(st.st_mode))
			return entry_fail(path, EINVAL, "it goes through a symlink", e);
		if (!stage_is_whiteout(&st))
			return entry_fail(path, ENOTDIR, "it goes through what is not a directory",
					  e);
		if (unlinkat(at, name, 0) < 0)
			return entry_errno(path, errno, "replace a whiteout", e);
		hidden = true;
	}
	if (mkdirat(at, name, 0755) < 0)
		return entry_errno(path, errno, "make its directory", e);
	d = dir_record(t, dir);
	*d = (struct stage_dir){ .path = d->path, .mode = 0755, .flags = STAGE_IMPLIED };
	if (!hidden)
		return 0;
	d->flags |= STAGE_FRESH | STAGE_OPAQUE;
	return set_opaque(t, at, name, path, e);
}

static int walk_parent(struct stage *t, const char *path, const char *dir, int *ret, struct err *e)
{
	AUTO_CLOSE int cur = fcntl(t->root, F_DUPFD_CLOEXEC, 3);
	char prefix[STAGE_PATH_MAX], name[256];
	const char *p = dir;

	if (cur < 0)
		return entry_errno(path, errno, "open its directory", e);
	while (*p) {
		size_t n = strcspn(p, "/");
		int next, r;

		memcpy(name, p, n);
		name[n] = '\0';
		p += n;
		memcpy(prefix, dir, (size_t)(p - dir));
		prefix[p - dir] = '\0';
		if (*p == '/')
			p++;
		next = openat(cur, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0) {
			r = make_implied(t, cur, name, prefix, path, e);
			if (r < 0)
				return r;
			next = openat(cur, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		if (next < 0)
			return entry_errno(path, errno, "open its directory", e);
		close(cur);
		cur = next;
	}
	*ret = TAKE_FD(cur);
	return 0;
}

int stage_parent(struct stage *t, const char *path, int *ret_fd, const char **ret_name,
		 struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	char dir[STAGE_PATH_MAX];
	int fd, r;

	*ret_name = slash ? slash + 1 : path;
	if (t->parent_fd >= 0 && strncmp(t->parent_path, path, n) == 0 && !t->parent_path[n]) {
		*ret_fd = t->parent_fd;
		return 0;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = stage_open(t->root, dir, O_PATH | O_DIRECTORY);
	if (fd < 0) {
		r = walk_parent(t, path, dir, &fd, e);
		if (r < 0)
			return r;
	}
	fd_close(&t->parent_fd);
	t->parent_fd = fd;
	memcpy(t->parent_path, dir, n + 1);
	*ret_fd = fd;
	return 0;
}

int stage_remove(struct stage *t, int parent, const char *name, const char *path, struct err *e)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return entry_errno(path, errno, "replace what an earlier entry put there", e);
	dirs_forget(t, path);
	/* the cached descriptor may lie within */
	if (str_starts(t->parent_path, path) &&
	    (t->parent_path[strlen(path)] == '/' || !t->parent_path[strlen(path)])) {
		struct err lost = ERR_INIT;
		int r = path_remove_tree(parent, name, &lost);

		fd_close(&t->parent_fd);
		return r < 0 ? entry_errno(path, -r, "replace what an earlier entry put there", e) :
			       0;
	}
	return path_remove_tree(parent, name, e);
}

/* ---- attributes ---- */

/* What no layer may bring: overlayfs's own marks, and labels that belong to this host. */
static bool xattr_ignored(const char *name)
{
	static const char *const prefixes[] = {
		"trusted.overlay.", "user.overlay.", "security.selinux", "system.nfs4_acl",
		"security.ima", "security.evm",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(name, prefixes[i]))
			return true;
	return false;
}

int stage_set_xattr(struct stage *t, int parent, const char *name, const struct stage_xattr *x,
		   const char *path, struct err *e)
{
	char link[32], full[32 + 256];

	/* there is no setxattrat before 6.13; the last component is not followed */
	snprintf(full, sizeof(full), "%s/%s", path_of_fd(parent, link), name);
	if (lsetxattr(full, x->name, x->value, x->size, 0) == 0)
		return 0;
	if ((errno == EOPNOTSUPP || errno == EPERM) && str_starts(x->name, "user.") &&
	    !str_eq(x->name, t->opaque_key)) {
		if (!t->xattrs_lost)
			log_warn("the store's file system keeps no attribute %s of \"%s\"", x->name,
				 path);
		t->xattrs_lost = true;
		return 0;
	}
	if (errno == EPERM && !t->privileged)
		return 0;
	return entry_errno(path, errno, x->name, e);
}

static int set_xattrs(struct stage *t, int parent, const char *name, const char *path,
		      const struct stage_meta *m, struct err *e)
{
	for (size_t i = 0; i < m->nxattrs; i++) {
		int r;

		if (xattr_ignored(m->xattrs[i].name))
			continue;
		r = stage_set_xattr(t, parent, name, &m->xattrs[i], path, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool needs_owner(const struct stage *t, const struct stage_meta *m)
{
	return t->privileged && (m->uid != 0 || m->gid != 0);
}

/* Owner, attributes and times of parent/name, which is not followed; its mode it was made with. */
static int set_meta(struct stage *t, int parent, const char *name, const char *path,
		    const struct stage_meta *m, struct err *e)
{
	const struct timespec times[2] = { m->atime, m->mtime };
	int r;

	if (needs_owner(t, m)) {
		if (fchownat(parent, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return entry_errno(path, errno, "set its owner", e);
		/* a container that runs may have put a link there meanwhile */
		if (!S_ISLNK(m->mode) && (m->mode & 06000) &&
		    (r = fd_chmod(parent, name, m->mode)) < 0)
			return entry_errno(path, -r, "set its mode", e);
	}
	r = set_xattrs(t, parent, name, path, m, e);
	if (r < 0)
		return r;
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return entry_errno(path, errno, "set its times", e);
	return 0;
}

/* ---- entries ---- */

static int refuse_root(const char *path, struct err *e)
{
	return *path ? 0 : err_say(e, EINVAL, "layer entry \"./\": the root must be a directory");
}

int stage_add_dir(struct stage *t, const char *path, const struct stage_meta *m, struct err *e)
{
	struct stage_dir *d;
	const char *name = ".";
	int parent = t->root, r;
	bool hidden = false;
	struct stat st;

	if (*path) {
		r = stage_parent(t, path, &parent, &name, e);
		if (r < 0)
			return r;
		if (mkdirat(parent, name, 0755) < 0) {
			if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				return entry_errno(path, errno, "make the directory", e);
			if (!S_ISDIR(st.st_mode)) {
				hidden = stage_is_whiteout(&st);
				r = stage_remove(t, parent, name, path, e);
				if (r < 0)
					return r;
				if (mkdirat(parent, name, 0755) < 0)
					return entry_errno(path, errno, "make the directory", e);
			}
		}
	}
	d = dir_record(t, path);
	if (d->flags & STAGE_GONE)
		d->flags = 0;
	d->flags &= ~(unsigned)STAGE_IMPLIED;
	d->mode = m->mode & 07777;
	d->uid = m->uid;
	d->gid = m->gid;
	d->mtime = m->mtime;
	if (hidden) {
		d->flags |= STAGE_FRESH | STAGE_OPAQUE;
		r = set_opaque(t, parent, name, path, e);
		if (r < 0)
			return r;
	}
	if (t->privileged && fchownat(parent, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return entry_errno(path, errno, "set its owner", e);
	return set_xattrs(t, parent, name, path, m, e);
}

int stage_add_symlink(struct stage *t, const char *path, const char *target,
		     const struct stage_meta *m, struct err *e)
{
	const char *name;
	int parent, r = refuse_root(path, e);

	if (r == 0)
		r = stage_parent(t, path, &parent, &name, e);
	if (r < 0)
		return r;
	if (symlinkat(target, parent, name) < 0) {
		if (errno != EEXIST)
			return entry_errno(path, errno, "make the symlink", e);
		r = stage_remove(t, parent, name, path, e);
		if (r == 0)
			r = stage_parent(t, path, &parent, &name, e);
		if (r < 0)
			return r;
		if (symlinkat(target, parent, name) < 0)
			return entry_errno(path, errno, "make the symlink", e);
	}
	return set_meta(t, parent, name, path, m, e);
}

int stage_add_node(struct stage *t, const char *path, dev_t dev, const struct stage_meta *m,
		  struct err *e)
{
	const char *name;
	int parent, r = refuse_root(path, e);

	if (S_ISCHR(m->mode) && dev == makedev(0, 0))
		return entry_fail(path, EINVAL, "a character device 0:0 is overlayfs's own mark",
				  e);
	if (r == 0)
		r = stage_parent(t, path, &parent, &name, e);
	if (r == 0)
		r = stage_remove(t, parent, name, path, e);
	if (r == 0)
		r = stage_parent(t, path, &parent, &name, e);
	if (r < 0)
		return r;
	if (mknodat(parent, name, m->mode, dev) < 0) {
		if (errno == EPERM && !t->privileged) {
			log_warn("only root can make the device \"%s\": left out", path);
			return 0;
		}
		return entry_errno(path, errno, "make the node", e);
	}
	return set_meta(t, parent, name, path, m, e);
}

int stage_add_file(struct stage *t, const char *path, const struct stage_meta *m, int *ret_fd,
		  struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const char *name;
	int parent, fd, r = refuse_root(path, e);

	if (r == 0)
		r = stage_parent(t, path, &parent, &name, e);
	if (r < 0)
		return r;
	fd = openat(parent, name, flags, m->mode & 07777);
	if (fd < 0 && errno == EEXIST) {
		/* never written through: it may be a hard link to another entry */
		r = stage_remove(t, parent, name, path, e);
		if (r == 0)
			r = stage_parent(t, path, &parent, &name, e);
		if (r < 0)
			return r;
		fd = openat(parent, name, flags, m->mode & 07777);
	}
	if (fd < 0)
		return entry_errno(path, errno, "make the file", e);
	*ret_fd = fd;
	return 0;
}

int stage_end_file(struct stage *t, int fd, const char *path, const struct stage_meta *m,
		  struct err *e)
{
	const struct timespec times[2] = { m->atime, m->mtime };

	if (needs_owner(t, m) && fchown(fd, m->uid, m->gid) < 0)
		return entry_errno(path, errno, "set its owner", e);
	/* writing and chown(2) have cleared setuid and setgid */
	if ((m->mode & 06000) && fchmod(fd, m->mode & 07777) < 0)
		return entry_errno(path, errno, "set its mode", e);
	if (m->nxattrs) {
		const char *name;
		int parent, r;

		r = stage_parent(t, path, &parent, &name, e);
		if (r == 0)
			r = set_xattrs(t, parent, name, path, m, e);
		if (r < 0)
			return r;
	}
	if (futimens(fd, times) < 0)
		return entry_errno(path, errno, "set its times", e);
	return 0;
}

/* ---- hard links ---- */

static const struct stage_link *find_pending(const struct stage *t, const struct stat *st)
{
	for (size_t i = 0; i < t->nlinks; i++)
		if (t->links[i].ino == st->st_ino && t->links[i].dev == st->st_dev)
			return &t->links[i];
	return NULL;
}

/* Of the file that stands for a link until the layers below are there: all hole, and told from a
 * later entry that was given the same inode number. */
#define PLACEHOLDER_SIZE 0x5eed5eed

static int link_later(struct stage *t, const char *path, const char *target, struct err *e)
{
	const struct stage_meta m = { .mode = S_IFREG | 0600 };
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = stage_add_file(t, path, &m, &fd, e);

	if (r < 0)
		return r;
	if (ftruncate(fd, PLACEHOLDER_SIZE) < 0 || fstat(fd, &st) < 0)
		return entry_errno(path, errno, "make the file", e);
	t->links = mem_resize(t->links, t->nlinks + 1, sizeof(*t->links));
	t->links[t->nlinks++] = (struct stage_link){
		.path = mem_strdup(path), .target = mem_strdup(target),
		.dev = st.st_dev, .ino = st.st_ino,
	};
	return 0;
}

static int open_target(struct stage *t, const char *target, int *ret)
{
	const char *plnk = str_after(target, ".wh..wh.plnk/");
	int fd;

	if (plnk && t->side >= 0)
		fd = stage_open(t->side, plnk, O_PATH);
	else
		fd = stage_open(t->root, target, O_PATH);
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

int stage_add_link(struct stage *t, const char *path, const char *target, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	const struct stage_link *pending;
	char link[32];
	struct stat st;
	const char *name;
	int parent, r = refuse_root(path, e);

	if (r < 0)
		return r;
	if (str_eq(path, target))
		return entry_fail(path, EINVAL, "it is a hard link to itself", e);
	r = open_target(t, target, &fd);
	if (r == -ELOOP)
		return entry_fail(path, EINVAL,
				  "the target of the hard link goes through a symlink", e);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return entry_errno(path, -r, "open the target of the hard link", e);
	if (r < 0)
		return link_later(t, path, target, e);
	if (fstat(fd, &st) < 0)
		return entry_errno(path, errno, "stat", e);
	if (S_ISDIR(st.st_mode))
		return entry_fail(path, EPERM, "it is a hard link to a directory", e);
	if (stage_is_whiteout(&st))
		return entry_fail(path, ENOENT, "it is a hard link to what the layer removes", e);
	pending = S_ISREG(st.st_mode) && st.st_size == PLACEHOLDER_SIZE ? find_pending(t, &st) :
									  NULL;
	if (pending) {
		AUTO_FREE char *same = mem_strdup(pending->target);

		return link_later(t, path, same, e);
	}
	r = stage_parent(t, path, &parent, &name, e);
	if (r == 0)
		r = stage_remove(t, parent, name, path, e);
	if (r == 0)
		r = stage_parent(t, path, &parent, &name, e);
	if (r < 0)
		return r;
	/* by descriptor, which also links a symlink itself */
	if (linkat(AT_FDCWD, path_of_fd(fd, link), parent, name, AT_SYMLINK_FOLLOW) < 0)
		return entry_errno(path, errno, "make the hard link", e);
	return 0;
}

/* ---- whiteouts ---- */

int stage_add_whiteout(struct stage *t, const char *path, struct err *e)
{
	const char *name;
	struct stat st;
	int parent, r = stage_parent(t, path, &parent, &name, e);

	if (r < 0)
		return r;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		/* an entry of this layer wins; a directory hides what was below */
		struct stage_dir *d = S_ISDIR(st.st_mode) ? stage_find_dir(t, path) : NULL;

		if (!d)
			return 0;
		d->flags |= STAGE_FRESH | STAGE_OPAQUE;
		return set_opaque(t, parent, name, path, e);
	}
	/* no time of today's: the same layer gives the same directory */
	if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) < 0 ||
	    utimensat(parent, name, (const struct timespec[2]){ { 0 }, { 0 } },
		      AT_SYMLINK_NOFOLLOW) < 0)
		return entry_errno(path, errno, "make the whiteout", e);
	if (t->nwhiteouts == t->whiteouts_cap) {
		t->whiteouts_cap = t->whiteouts_cap ? 2 * t->whiteouts_cap : 64;
		t->whiteouts = mem_resize(t->whiteouts, t->whiteouts_cap, sizeof(*t->whiteouts));
	}
	t->whiteouts[t->nwhiteouts++] = t->names.len;
	strbuf_add(&t->names, path, strlen(path) + 1);
	return 0;
}

int stage_add_opaque(struct stage *t, const char *path, struct err *e)
{
	char inside[STAGE_PATH_MAX + 2];
	struct stage_dir *d;
	const char *name;
	int parent, r;

	/* the directory is made like the parent of any entry */
	snprintf(inside, sizeof(inside), "%s%s.", path, *path ? "/" : "");
	r = stage_parent(t, inside, &parent, &name, e);
	if (r < 0)
		return r;
	d = stage_find_dir(t, path);
	if (d)
		d->flags |= STAGE_OPAQUE;
	return set_opaque(t, parent, ".", *path ? path : "./", e);
}

/* ---- the end ---- */

int stage_finish(struct stage *t, struct err *e)
{
	for (size_t i = t->ndirs; i-- > 0;) {
		const struct stage_dir *d = &t->dirs[i];
		const struct timespec times[2] = { d->mtime, d->mtime };
		const char *path = stage_dir_path(t, d);
		AUTO_CLOSE int fd = -1;

		if (d->flags & STAGE_GONE)
			continue;
		fd = stage_open(t->root, path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return entry_errno(path, -fd, "open the directory", e);
		if (fchmod(fd, d->mode) < 0 || futimens(fd, times) < 0)
			return entry_errno(path, errno, "set mode and times of the directory", e);
	}
	return 0;
}
