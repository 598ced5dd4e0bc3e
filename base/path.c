/* path.c - see path.h. */
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define LINKS_MAX 8

/* openat2 says EAGAIN when something was renamed or mounted anywhere while it looked at "..";
 * the answer is to ask again, though not for ever. */
static int open_retry(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	int fd = -1;

	for (int i = 0; i < 1000; i++) {
		fd = sys_openat2(dirfd, path, flags | O_CLOEXEC, mode, resolve);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : fd;
}

static bool is_name(const char *s)
{
	return *s && !str_eq(s, ".") && !str_eq(s, "..");
}

static uint64_t mode_if_used(int flags, mode_t mode)
{
	/* openat2 refuses a mode that would be ignored. */
	return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode & 07777 : 0;
}

int path_try_open_in(int rootfd, const char *path, int flags, mode_t mode)
{
	return open_retry(rootfd, *path ? path : ".", (uint64_t)(unsigned)flags,
			  (mode_t)mode_if_used(flags, mode), IN_ROOT);
}

int path_try_open_nofollow_in(int rootfd, const char *path, int flags)
{
	return path_try_open_in(rootfd, path, flags | O_NOFOLLOW, 0);
}

int path_open_in(int rootfd, const char *path, int flags, mode_t mode, int *ret, struct err *e)
{
	int fd = path_try_open_in(rootfd, path, flags, mode);

	if (fd < 0)
		return err_set(e, -fd, "open %s", path);
	*ret = fd;
	return 0;
}

/* Where a symlink that leads nowhere would lead, as a path from the root. */
static char *dangling(int rootfd, const char *path)
{
	AUTO_CLOSE int parent = -1;
	AUTO_FREE char *dir = NULL;
	const char *name;
	char target[4096];
	ssize_t n;

	if (path_parent_in(rootfd, path, &parent, &name, NULL) < 0)
		return NULL;
	n = readlinkat(parent, name, target, sizeof(target) - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	if (target[0] == '/')
		return mem_strdup(target);
	dir = mem_strndup(path, (size_t)(name - path));
	return mem_printf("%s%s", dir, target);
}

struct owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static int make_dir(int rootfd, const char *path, const struct owner *o)
{
	AUTO_CLOSE int parent = -1;
	AUTO_CLOSE int fd = -1;
	const char *name;
	struct stat st;
	int r;

	r = path_parent_in(rootfd, path, &parent, &name, NULL);
	if (r < 0)
		return r;
	if (mkdirat(parent, name, 0700) < 0)
		return -errno;
	fd = open_retry(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != o->uid || st.st_gid != o->gid) && fchown(fd, o->uid, o->gid) < 0)
		return -errno;
	/* After chown, which clears set-ID bits; mkdir's mode would meet the umask.  What a
	 * set-group-ID parent hands down stays. */
	return fchmod(fd, (o->mode & 07777) | (st.st_mode & S_ISGID)) < 0 ? -errno : 0;
}

/* Makes each component of path that is missing.  Each is looked up from the root again, so
 * that the kernel alone decides where symlinks and ".." lead.  A symlink that leads nowhere
 * gets what it leads to (/var/run -> /run of an image without /run). */
static int make_dirs(int rootfd, const char *path, const struct owner *o, unsigned links)
{
	AUTO_FREE char *sofar = mem_strdup(path);

	for (size_t end = 0;;) {
		char keep;
		int at, r;

		end += strspn(sofar + end, "/");
		if (!sofar[end])
			return 0;
		end += strcspn(sofar + end, "/");
		keep = sofar[end];
		sofar[end] = '\0';
		at = path_try_open_in(rootfd, sofar, O_PATH | O_DIRECTORY, 0);
		if (at == -ENOENT) {
			r = make_dir(rootfd, sofar, o);
			if (r == -EEXIST) {
				AUTO_FREE char *to = dangling(rootfd, sofar);

				if (links == 0)
					return -ELOOP;
				r = to ? make_dirs(rootfd, to, o, links - 1) : 0;
			}
			if (r < 0)
				return r;
		} else if (at < 0) {
			return at;
		}
		fd_close(&at);
		sofar[end] = keep;
	}
}

int path_mkdir_in(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, int *ret,
		  struct err *e)
{
	struct owner o = { mode, uid, gid };
	int fd, r;

	/* What is there already is one call. */
	fd = path_try_open_in(rootfd, path, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		r = make_dirs(rootfd, path, &o, LINKS_MAX);
		if (r < 0)
			return err_set(e, -r, "mkdir %s", path);
		fd = path_try_open_in(rootfd, path, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return err_set(e, -fd, "mkdir %s", path);
	if (ret)
		*ret = fd;
	else
		close(fd);
	return 0;
}

int path_parent_in(int rootfd, const char *path, int *ret_fd, const char **ret_name,
		   struct err *e)
{
	const char *name = path_base(path);
	AUTO_FREE char *dir = NULL;
	int fd;

	if (!is_name(name))
		return err_say(e, EINVAL, "path \"%s\" does not end in a name", path);
	dir = mem_strndup(path, (size_t)(name - path));
	fd = path_try_open_in(rootfd, dir, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return err_set(e, -fd, "open directory of %s", path);
	*ret_fd = fd;
	*ret_name = name;
	return 0;
}

/* The descriptor, or -errno. */
static int touch(int rootfd, const char *path, unsigned links)
{
	struct owner o = { 0755, geteuid(), getegid() };
	AUTO_CLOSE int parent = -1;
	AUTO_CLOSE int made = -1;
	AUTO_FREE char *dir = NULL;
	AUTO_FREE char *to = NULL;
	const char *name = path_base(path);
	int fd, r;

	fd = path_try_open_in(rootfd, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	if (!is_name(name))
		return -EINVAL;
	dir = mem_strndup(path, (size_t)(name - path));
	r = make_dirs(rootfd, dir, &o, links);
	if (r < 0)
		return r;
	r = path_parent_in(rootfd, path, &parent, &name, NULL);
	if (r < 0)
		return r;
	made = open_retry(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0600,
			  RESOLVE_BENEATH);
	if (made >= 0)
		return fchmod(made, 0644) < 0 ? -errno : path_try_open_in(rootfd, path, O_PATH, 0);
	if (made != -EEXIST)
		return made;
	/* A symlink that leads nowhere (/etc/resolv.conf of many images), or a faster one. */
	to = dangling(rootfd, path);
	if (!to)
		return path_try_open_in(rootfd, path, O_PATH, 0);
	return links > 0 ? touch(rootfd, to, links - 1) : -ELOOP;
}

int path_touch_in(int rootfd, const char *path, int *ret, struct err *e)
{
	int fd = touch(rootfd, path, LINKS_MAX);

	if (fd < 0)
		return err_set(e, -fd, "create %s", path);
	*ret = fd;
	return 0;
}

int path_mkdirs(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *p = mem_strdup(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))	/* most often it is there */
		return 0;
	for (size_t end = strspn(p, "/");;) {
		char keep;

		end += strcspn(p + end, "/");
		keep = p[end];
		p[end] = '\0';
		if (*p && mkdir(p, mode) < 0) {
			int code = errno;	/* EROFS and EACCES also for what is there */

			if (stat(p, &st) < 0)
				return err_set(e, code, "mkdir %s", p);
			if (!S_ISDIR(st.st_mode))
				return err_set(e, ENOTDIR, "mkdir %s", p);
		}
		if (!keep)
			return 0;
		p[end] = keep;
		end += strspn(p + end, "/");
		if (!p[end])
			return 0;
	}
}

int path_open_dir(int dirfd, const char *name, int *ret, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open directory %s", name);
	*ret = fd;
	return 0;
}

/* fsync of the folder of dirfd/name: what makes a rename outlive a power cut. */
static int sync_folder(int dirfd, const char *name)
{
	AUTO_FREE char *dir = mem_strndup(name, (size_t)(path_base(name) - name));
	AUTO_CLOSE int fd = openat(dirfd, *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_tmp(int fd, const void *data, size_t n, mode_t mode)
{
	int r = fd_write_all(fd, data, n);

	if (r < 0)
		return r;
	return fchmod(fd, mode & 07777) < 0 ? -errno : 0;
}

/* Whoever had the lock of fd before may have renamed or removed it by now. */
static bool has_name(int fd, int dirfd, const char *name, struct stat *ret)
{
	struct stat now;

	return fstat(fd, ret) == 0 && fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_ino == ret->st_ino && now.st_dev == ret->st_dev;
}

/* The temporary file beside the one that it becomes.  Its name is always the same, so that a
 * writer that was killed leaves one at most, which the next takes; its lock keeps two writers
 * apart.  Descriptor or -errno. */
static int open_tmp(int dirfd, const char *tmp)
{
	for (;;) {
		AUTO_CLOSE int fd =
			openat(dirfd, tmp, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat st;
		int r;

		if (fd < 0)
			return -errno;
		r = fd_lock(fd, true, true);
		if (r < 0)
			return r;
		if (!has_name(fd, dirfd, tmp, &st))
			continue;
		if (st.st_size > 0 && ftruncate(fd, 0) < 0)
			return -errno;
		return TAKE_FD(fd);
	}
}

struct tmps {
	int fd[PATH_FILES_MAX];
	char *name[PATH_FILES_MAX];
	size_t n, renamed;
};

static void tmps_cleanup(struct tmps *t)
{
	for (size_t i = 0; i < t->n; i++) {
		close(t->fd[i]);
		free(t->name[i]);
	}
}

/* Which disk it is that is full, or may only be read. */
static int write_failed(int dirfd, const char *name, int code, struct err *e)
{
	char link[32], folder[4096];
	ssize_t n = -1;

	if (dirfd >= 0 && (code == ENOSPC || code == EDQUOT || code == EROFS))
		n = readlink(path_of_fd(dirfd, link), folder, sizeof(folder));
	if (n <= 0)
		return err_set(e, code, "write %s", name);
	return err_set(e, code, "write %.*s/%s", (int)n, folder, name);
}

static int write_tmps(int dirfd, const struct path_file *v, size_t n, mode_t mode, struct tmps *t,
		      struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *base = path_base(v[i].name);
		AUTO_FREE char *tmp =
			mem_printf("%.*s.tmp-%s", (int)(base - v[i].name), v[i].name, base);
		int fd = open_tmp(dirfd, tmp), r;

		if (fd < 0)
			return write_failed(dirfd, v[i].name, -fd, e);
		t->fd[t->n] = fd;
		t->name[t->n++] = TAKE(tmp);
		if ((r = write_tmp(fd, v[i].data, v[i].n, mode)) < 0)
			return write_failed(dirfd, v[i].name, -r, e);
	}
	return 0;
}

/* All are under way before the first is waited for, so that one commit of the file system's
 * journal has them all. */
static int sync_tmps(int dirfd, const struct path_file *v, const struct tmps *t, struct err *e)
{
	for (size_t i = 0; t->n > 1 && i < t->n; i++)
		sync_file_range(t->fd[i], 0, 0, SYNC_FILE_RANGE_WRITE);
	for (size_t i = 0; i < t->n; i++)
		if (fsync(t->fd[i]) < 0)
			return write_failed(dirfd, v[i].name, errno, e);
	return 0;
}

static int rename_tmps(int dirfd, const struct path_file *v, struct tmps *t, struct err *e)
{
	for (; t->renamed < t->n; t->renamed++)
		if (renameat(dirfd, t->name[t->renamed], dirfd, v[t->renamed].name) < 0)
			return err_set(e, errno, "write %s", v[t->renamed].name);
	return 0;
}

int path_write_files(int dirfd, const struct path_file *v, size_t n, mode_t mode, bool durable,
		     struct err *e)
{
	AUTO(tmps) struct tmps t = { .n = 0 };
	int r = write_tmps(dirfd, v, n, mode, &t, e);

	if (r == 0 && durable)
		r = sync_tmps(dirfd, v, &t, e);
	if (r == 0)
		r = rename_tmps(dirfd, v, &t, e);
	if (r < 0) {
		for (size_t i = t.renamed; i < t.n; i++)
			unlinkat(dirfd, t.name[i], 0);
		return r;
	}
	r = durable ? sync_folder(dirfd, v[0].name) : 0;
	return r < 0 ? err_set(e, -r, "sync the folder of %s", v[0].name) : 0;
}

void path_tidy(int dirfd)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;

	path_list_all(dirfd, ".", &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_CLOSE int fd = -1;
		struct stat st;

		if (!str_starts(names.v[i], ".tmp-"))
			continue;
		fd = openat(dirfd, names.v[i], O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fd_lock(fd, true, false) == 0 &&
		    has_name(fd, dirfd, names.v[i], &st))
			unlinkat(dirfd, names.v[i], 0);
	}
}

int path_write_file(int dirfd, const char *name, const void *data, size_t n, mode_t mode,
		    bool durable, struct err *e)
{
	return path_write_files(dirfd, &(struct path_file){ name, data, n }, 1, mode, durable, e);
}

int path_read_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_n,
		   struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	/* O_NONBLOCK: a FIFO put there must not hold us up.  One that the user names is a shell's
	 * <(command), which may yet have to write. */
	if (fd < 0)
		return err_set(e, errno, "open %s", name);
	if (dirfd == AT_FDCWD)
		fd_nonblock(fd, false);
	r = fd_read_all(fd, max, ret, ret_n);
	if (r < 0)
		return err_set(e, -r, "read %s", name);
	return 0;
}

int path_write_kernel(int dirfd, const char *name, const char *value, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = strlen(value);
	ssize_t k;

	if (fd < 0)
		return err_set(e, errno, "open %s", name);
	do	/* the kernel takes one value by one write */
		k = write(fd, value, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_set(e, errno, "write \"%s\" to %s", value, name);
	if ((size_t)k != n)
		return err_say(e, EIO, "write \"%s\" to %s: only %zd bytes were taken", value, name,
			       k);
	return 0;
}

int path_read_line(int dirfd, const char *name, char *buf, size_t n, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t k;
	char *end;

	if (fd < 0)
		return err_set(e, errno, "open %s", name);
	k = fd_read_full(fd, buf, n - 1);
	if (k < 0)
		return err_set(e, (int)-k, "read %s", name);
	buf[k] = '\0';
	end = strchr(buf, '\n');
	if (end)
		*end = '\0';
	else if ((size_t)k == n - 1 && fd_read_full(fd, &(char){ 0 }, 1) > 0)
		return err_set(e, EFBIG, "read %s", name);
	return 0;
}

/*
 * Removing a tree.  The way down is a stack of open directories, REMOVE_DEPTH at most; a
 * directory deeper than that is first moved up into the top one, which is read again until
 * it is empty.  So neither stack nor descriptors depend on how deep a hostile tree is.
 */
#define REMOVE_DEPTH 48
#define REMOVE_BUF 16384

struct raw_entry {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

struct level {
	int fd;
	bool progress;		/* something went away since it was read from its start */
	size_t pos, n;		/* of buf */
	char *buf;
	char name[NAME_MAX + 1];	/* in the level above */
};

struct removal {
	struct level *v;
	size_t n;
};

static void removal_cleanup(struct removal *rm)
{
	while (rm->n > 0) {
		struct level *l = &rm->v[--rm->n];

		fd_close(&l->fd);
		free(l->buf);
	}
	free(rm->v);
}

/* Opens a directory on the same mount, with the permissions that removing needs. */
static int open_to_remove(int dirfd, const char *name)
{
	const uint64_t flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	struct stat st;
	int fd;

	fd = open_retry(dirfd, name, flags, 0, RESOLVE_NO_XDEV);
	if (fd == -EACCES) {	/* only without CAP_DAC_OVERRIDE */
		AUTO_CLOSE int at = open_retry(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
					       RESOLVE_NO_XDEV);
		char proc[32];

		if (at < 0 || chmod(path_of_fd(at, proc), 0700) < 0)
			return -EACCES;
		fd = open_retry(dirfd, name, flags, 0, RESOLVE_NO_XDEV);
	}
	if (fd >= 0 && geteuid() != 0 && fstat(fd, &st) == 0 && (st.st_mode & 0300) != 0300 &&
	    fchmod(fd, 0700) < 0) {
		/* unlinkat will say it */
	}
	return fd;
}

static void push_level(struct removal *rm, int fd, const char *name)
{
	struct level *l = &rm->v[rm->n++];
	size_t n = strnlen(name, sizeof(l->name) - 1);

	l->fd = fd;
	l->progress = false;
	l->pos = l->n = 0;
	l->buf = mem_resize(NULL, REMOVE_BUF, 1);
	memcpy(l->name, name, n);
	l->name[n] = '\0';
}

static int descend(struct removal *rm, const char *name)
{
	struct level *l = &rm->v[rm->n - 1];
	char up[32] = ".deep-";
	int fd = open_to_remove(l->fd, name);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (rm->n < REMOVE_DEPTH) {
		push_level(rm, fd, name);
		return 0;
	}
	close(fd);
	str_random_hex(up + 6, 16);
	if (renameat(l->fd, name, rm->v[0].fd, up) < 0)
		return -errno;
	l->progress = rm->v[0].progress = true;
	return 0;
}

static int remove_entry(struct removal *rm, const struct raw_entry *d)
{
	struct level *l = &rm->v[rm->n - 1];
	int r, r2;

	if (!is_name(d->name))
		return 0;
	if (d->type == 4)	/* DT_DIR */
		return descend(rm, d->name);
	if (unlinkat(l->fd, d->name, 0) == 0 || errno == ENOENT) {
		l->progress = true;
		return 0;
	}
	r = -errno;
	if (r != -EISDIR && r != -EPERM)
		return r;
	/* A file system that does not tell types. */
	r2 = descend(rm, d->name);
	return r2 == -ENOTDIR ? r : r2;
}

/* The end of a directory: takes it away, or begins again with what was moved there or
 * was passed over while entries went. */
static int finish_level(struct removal *rm, int dirfd)
{
	struct level *l = &rm->v[rm->n - 1];
	int above = rm->n > 1 ? rm->v[rm->n - 2].fd : dirfd;

	if (unlinkat(above, l->name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		if ((errno != ENOTEMPTY && errno != EEXIST) || !l->progress)
			return -errno;
		if (lseek(l->fd, 0, SEEK_SET) < 0)
			return -errno;
		l->progress = false;
		return 0;
	}
	fd_close(&l->fd);
	free(l->buf);
	rm->n--;
	if (rm->n > 0)
		rm->v[rm->n - 1].progress = true;
	return 0;
}

static int remove_step(struct removal *rm, int dirfd)
{
	struct level *l = &rm->v[rm->n - 1];
	const struct raw_entry *d;
	long k;

	if (l->pos < l->n) {
		d = (const struct raw_entry *)(const void *)(l->buf + l->pos);
		l->pos += d->len;
		return remove_entry(rm, d);
	}
	k = syscall(SYS_getdents64, l->fd, l->buf, REMOVE_BUF);
	if (k < 0 && errno != ENOENT)
		return -errno;
	l->pos = 0;
	l->n = k > 0 ? (size_t)k : 0;
	return l->n > 0 ? 0 : finish_level(rm, dirfd);
}

int path_remove_tree(int dirfd, const char *name, struct err *e)
{
	AUTO(removal) struct removal rm = { NULL, 0 };
	AUTO_FREE char *path = mem_strdup(name);
	AUTO_CLOSE int parent = -1;
	size_t n = strlen(path);
	const char *last;
	int fd, code, r = 0;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	last = path_base(path);
	if (!is_name(last) || strlen(last) > NAME_MAX)
		return err_say(e, EINVAL, "remove %s: not the name of a file", name);
	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	code = errno;
	if (code != EISDIR && code != EPERM)
		return err_set(e, code, "remove %s", name);
	if (last != path) {
		AUTO_FREE char *dir = mem_strndup(path, (size_t)(last - path));

		parent = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return err_set(e, errno, "remove %s", name);
		dirfd = parent;
	}
	fd = open_to_remove(dirfd, last);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, fd == -ENOTDIR ? code : -fd, "remove %s", name);
	rm.v = mem_array(REMOVE_DEPTH, sizeof(*rm.v));
	push_level(&rm, fd, last);
	while (r == 0 && rm.n > 0)
		r = remove_step(&rm, dirfd);
	if (r == -EXDEV)	/* from open_to_remove: what is mounted belongs to somebody else */
		return err_say(e, EXDEV, "remove %s: something is mounted in %s: unmount it first",
			       name, rm.v[rm.n - 1].name);
	if (r < 0)
		return err_set(e, -r, "remove %s: in %s", name, rm.v[rm.n - 1].name);
	return 0;
}

static int list(int dirfd, const char *name, bool hidden, struct strlist *ret)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		fd_close(&fd);
		return -errno;
	}
	while ((de = readdir(d)))
		if (hidden ? !str_eq(de->d_name, ".") && !str_eq(de->d_name, "..") :
			     de->d_name[0] != '.')
			strlist_add(ret, de->d_name);
	closedir(d);
	strlist_sort(ret);
	return 0;
}

int path_list(int dirfd, const char *name, struct strlist *ret)
{
	return list(dirfd, name, false, ret);
}

int path_list_all(int dirfd, const char *name, struct strlist *ret)
{
	return list(dirfd, name, true, ret);
}

bool path_exists(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

char *path_clean(const char *path)
{
	char *out = mem_alloc(strlen(path) + 2);
	size_t len = 0;

	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n != 1 || path[0] != '.') {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 0 && a[n - 1] == '/')
		n--;
	b += strspn(b, "/");
	if (n == 0 && a[0] != '/')
		return mem_strdup(b);
	return mem_printf("%.*s/%s", (int)n, a, b);
}

const char *path_of_fd(int fd, char buf[static 32])
{
	snprintf(buf, 32, "/proc/self/fd/%d", fd);
	return buf;
}
