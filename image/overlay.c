/*
 * overlay.c - the layers and an upper directory as one detached mount.
 *
 * Runs in: host.  Three ways to name the lower directories, by what the kernel can:
 *
 *   6.13  "lowerdir+" takes a descriptor, one call a layer
 *   6.8   "lowerdir+" takes a path: /proc/self/fd/N
 *   5.14  "lowerdir" takes all in one string of at most 255 bytes; when they are more,
 *         a child with a mount namespace of its own calls mount(2), whose page of options
 *         holds 500 names of 3 digits (its working directory is /proc/self/fd), and hands
 *         a detached clone back
 *
 * Id-mapped layers go through the child as well: overlayfs refuses a detached mount as a
 * layer before 6.15, so each is attached on top of itself there, where nobody sees it.  So is the
 * folder of the upper directory: what root of the namespace writes is root's on the disk.  And so
 * is a disk that has the upper directory: it stays as long as the overlay, and no longer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/store.h"

enum overlay_way { WAY_FD, WAY_PATH, WAY_STRING, WAY_COUNT };

/* Lower directories, top first, and where upper and work are; descriptors of this namespace. */
struct stack {
	int *fds;
	size_t n;
	int upper, work;
};

static void stack_cleanup(struct stack *st)
{
	for (size_t i = 0; i < st->n; i++)
		fd_close(&st->fds[i]);
	free(st->fds);
	st->fds = NULL;
	st->n = 0;
}

static int stack_add(struct stack *st, int store_fd, const char *path, const struct store *s,
		     struct err *e)
{
	int fd = openat(store_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT,
			       "layer %.12s is not in the store: load or pull the image again",
			       path + strcspn(path, "/") + 1);
	if (fd < 0)
		return err_set(e, errno, "open %s/%s", s->path, path);
	st->fds[st->n++] = fd;
	return 0;
}

static int stack_open(const struct store *s, int store_fd, const struct overlay_opts *o,
		      struct stack *st, struct err *e)
{
	char path[96];
	int r;

	st->fds = mem_array(o->nlayers + 1, sizeof(int));
	for (size_t i = o->nlayers; i-- > 0;) {
		r = stack_add(st, store_fd, store_layer_path(o->layers[i], path), s, e);
		if (r < 0)
			return r;
	}
	/* overlayfs wants a second directory below when nothing is above */
	if (o->nlayers == 0 || (o->nlayers == 1 && o->upper_fd < 0))
		return stack_add(st, store_fd, "empty", s, e);
	return 0;
}

/* ---- fsopen, fsconfig, fsmount ---- */

/* -EINVAL, -EOPNOTSUPP (before 6.5): this kernel does not know that way. */
static int config_lowers(int fs, const struct stack *st, enum overlay_way way)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	char path[32];

	for (size_t i = 0; i < st->n; i++) {
		int r = 0;

		if (way == WAY_FD)
			r = sys_fsconfig(fs, SYS_FSCONFIG_SET_FD, "lowerdir+", NULL, st->fds[i]);
		else if (way == WAY_PATH)
			r = sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "lowerdir+",
					 path_of_fd(st->fds[i], path), 0);
		else
			strbuf_addf(&b, "%s%s", i ? ":" : "", path_of_fd(st->fds[i], path));
		if (r < 0)
			return -errno;
	}
	if (way != WAY_STRING)
		return 0;
	if (b.len > 255)
		return -EINVAL;
	return sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "lowerdir", b.s, 0) < 0 ? -errno : 0;
}

static int config_upper(int fs, const struct stack *st, const struct overlay_opts *o)
{
	char path[32];

	if (st->upper < 0)
		return 0;
	if (sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "upperdir", path_of_fd(st->upper, path), 0) <
		    0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "workdir", path_of_fd(st->work, path), 0) < 0)
		return -errno;
	if (o->throw_away && sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -errno;
	/* st_dev is to be the same for all files, wherever they lie: find -xdev, tar */
	if (o->disk_fd >= 0 && sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "xino", "auto", 0) < 0)
		return -errno;
	return 0;
}

static int overlay_fail(int fs, int code, struct err *e)
{
	char why[256];

	if (fs >= 0 && *sys_fs_reason(fs, why, sizeof(why)))
		return err_say(e, code, "mount the image's layers: %s: %s", why, strerror(code));
	return err_set(e, code, "mount the image's layers");
}

/* *ret_again: the kernel does not know this way, the next may work. */
static int try_way(const struct store *s, const struct stack *st, const struct overlay_opts *o,
		   enum overlay_way way, bool *ret_again, int *ret, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	AUTO_CLOSE int mnt = -1;
	int r;

	*ret_again = false;
	*e = (struct err)ERR_INIT;
	if (fs < 0 && errno == ENODEV)
		return err_say(e, ENODEV, "this kernel has no overlayfs (CONFIG_OVERLAY_FS): "
					  "try \"modprobe overlay\"");
	if (fs < 0)
		return err_set(e, errno, "open the overlay file system");
	r = config_lowers(fs, st, way);
	if (r == -EINVAL || r == -EOPNOTSUPP) {
		*ret_again = true;
		return overlay_fail(fs, -r, e);
	}
	if (r == 0)
		r = config_upper(fs, st, o);
	if (r == 0 && s->user_xattrs &&
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "source", "berth", 0) < 0)
		r = -errno;
	if (r == 0 && sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		r = -errno;
		/* before 6.5 any option is taken, and found to be unknown only here */
		*ret_again = way == WAY_PATH && r == -EINVAL;
	}
	if (r < 0)
		return overlay_fail(fs, -r, e);
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, o->attrs);
	if (mnt < 0)
		return overlay_fail(fs, errno, e);
	*ret = TAKE_FD(mnt);
	return 0;
}

static int try_ways(const struct store *s, const struct stack *st, const struct overlay_opts *o,
		    bool *ret_again, int *ret, struct err *e)
{
	int r = -EINVAL;

	*ret_again = true;
	for (int way = 0; way < WAY_COUNT && *ret_again; way++)
		r = try_way(s, st, o, (enum overlay_way)way, ret_again, ret, e);
	return r;
}

/* ---- the child with a mount namespace of its own ---- */

/* The same directory, reached through this namespace's mounts: overlayfs takes no others. */
static int reopen_here(int fd, int *ret, struct err *e)
{
	char link[32], path[PATH_MAX];
	struct stat a, b;
	ssize_t n = readlink(path_of_fd(fd, link), path, sizeof(path) - 1);
	AUTO_CLOSE int here = -1;

	if (n < 0)
		return err_set(e, errno, "read %s", link);
	path[n] = '\0';
	here = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0)
		return err_set(e, errno, "open %s", path);
	if (fstat(fd, &a) < 0 || fstat(here, &b) < 0 || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino)
		return err_say(e, ESTALE, "%s is not the same directory any more",
			       path);
	*ret = TAKE_FD(here);
	return 0;
}

/* Puts an id-mapped clone of the folder on top of itself. */
static int map_folder(int at, const char *path, int userns_fd, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				       .userns_fd = (uint64_t)userns_fd };
	AUTO_CLOSE int tree = sys_open_tree(at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return err_set(e, errno, "clone %.20s", path);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_set(e, errno, "id-map %.20s (its file system may not support id-mapped "
					 "mounts)", path);
	if (sys_move_mount(tree, "", at, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach %.20s", path);
	return 0;
}

/* Upper and work are to be on one mount: that of the folder that holds both. */
static int map_upper(const struct overlay_opts *o, struct err *e)
{
	AUTO_CLOSE int above = openat(o->upper_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int here = -1;
	int r;

	if (above < 0)
		return err_set(e, errno, "open the folder of the upper directory");
	r = reopen_here(above, &here, e);
	return r < 0 ? r : map_folder(here, ".", o->userns_fd, e);
}

/* On top of a folder that is opened already where it is a layer.  What was opened through the
 * mount before is what overlayfs takes from then on. */
static int attach_disk(const struct overlay_opts *o, int store_fd, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				       .userns_fd = (uint64_t)o->userns_fd };

	if (o->userns_fd >= 0 && sys_mount_setattr(o->disk_fd, "", AT_EMPTY_PATH, &attr) < 0)
		return err_set(e, errno, "id-map the container's disk");
	if (sys_move_mount(o->disk_fd, "", store_fd, "empty", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach the container's disk");
	return 0;
}

/* Upper and work, seen through the mounts of the child; fds that are to be closed. */
static int upper_in_child(const struct overlay_opts *o, int store_fd, int *ret_upper, int *ret_work,
			  struct err *e)
{
	int r;

	if (o->disk_fd >= 0) {
		*ret_upper = fcntl(o->upper_fd, F_DUPFD_CLOEXEC, 0);
		*ret_work = fcntl(o->work_fd, F_DUPFD_CLOEXEC, 0);
		r = *ret_upper < 0 || *ret_work < 0
			    ? err_set(e, errno, "open the container's disk anew")
			    : attach_disk(o, store_fd, e);
	} else {
		r = o->userns_fd >= 0 ? map_upper(o, e) : 0;
		if (r == 0)
			r = reopen_here(o->upper_fd, ret_upper, e);
		if (r == 0)
			r = reopen_here(o->work_fd, ret_work, e);
	}
	/* What overlayfs makes in there (work/work) it makes as who mounts it, and only ids that
	 * are mapped can own files. */
	if (r == 0 && o->userns_fd >= 0 && sys_set_fsids(o->uid, o->gid) < 0)
		return err_set(e, errno, "act as id %u", o->uid);
	return r;
}

/* What lies below is a directory of anybody's. */
static int below_open(const struct overlay_opts *o, struct stack *st, struct err *e)
{
	AUTO_CLOSE int here = -1;
	int r;

	if ((r = reopen_here(o->below_fd, &here, e)) < 0 ||
	    (r = map_folder(here, ".", o->userns_fd, e)) < 0)
		return r;
	st->fds = mem_array(1, sizeof(int));
	r = reopen_here(o->below_fd, &st->fds[0], e);	/* what is on top of it now */
	st->n = r == 0;
	return r;
}

static int mount_page(const struct store *s, int store_fd, const struct stack *st,
		      const struct overlay_opts *o, int *ret, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_CLOSE int tree = -1;
	AUTO_CLOSE int empty = -1;
	struct sys_mount_attr attr = { .attr_set = o->attrs };
	char path[32];

	strbuf_adds(&b, "lowerdir=");
	for (size_t i = 0; i < st->n; i++)
		strbuf_addf(&b, "%s%d", i ? ":" : "", st->fds[i]);
	if (st->upper >= 0)
		strbuf_addf(&b, ",upperdir=%d,workdir=%d", st->upper, st->work);
	if (st->upper >= 0 && o->throw_away)
		strbuf_adds(&b, ",volatile");
	if (o->disk_fd >= 0)
		strbuf_adds(&b, ",xino=auto");
	if (s->user_xattrs)
		strbuf_adds(&b, ",userxattr");
	if (b.len >= 4095)
		return err_say(e, E2BIG,
			       "mount the image's layers: %zu are too many for this kernel", st->n);
	empty = openat(store_fd, "empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (empty < 0)
		return err_set(e, errno, "open %s/empty", s->path);
	if (chdir("/proc/self/fd") < 0)
		return err_set(e, errno, "enter /proc/self/fd");
	if (sys_mount("berth", path_of_fd(empty, path), "overlay", 0, b.s) < 0)
		return overlay_fail(-1, errno, e);
	tree = sys_open_tree(store_fd, "empty", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return err_set(e, errno, "clone the mount of the image's layers");
	if (o->attrs && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_set(e, errno, "set attributes of the image's mount");
	*ret = TAKE_FD(tree);
	return 0;
}

struct in_child { const struct store *s; const struct overlay_opts *o; };

static int mount_in_child(void *ctx, int *fds, size_t *n, struct err *e)
{
	const struct store *s = ((struct in_child *)ctx)->s;
	const struct overlay_opts *o = ((struct in_child *)ctx)->o;
	AUTO(stack) struct stack st = { .upper = -1, .work = -1 };
	AUTO_CLOSE int upper = -1;
	AUTO_CLOSE int work = -1;
	AUTO_CLOSE int store_fd = -1;
	char path[96];
	bool again;
	int r;

	if (sys_unshare(CLONE_NEWNS) < 0)
		return err_set(e, errno, "make a mount namespace");
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make the new mount namespace private");
	r = reopen_here(s->fd, &store_fd, e);
	for (size_t i = 0; r == 0 && o->userns_fd >= 0 && i < o->nlayers; i++)
		r = map_folder(store_fd, store_layer_path(o->layers[i], path), o->userns_fd, e);
	if (r == 0)
		r = o->below_fd >= 0 ? below_open(o, &st, e) : stack_open(s, store_fd, o, &st, e);
	if (r == 0 && o->upper_fd >= 0)
		r = upper_in_child(o, store_fd, &upper, &work, e);
	if (r < 0)
		return r;
	st.upper = upper;
	st.work = work;
	r = try_ways(s, &st, o, &again, fds, e);
	*n = 1;
	if (r < 0 && again)
		r = mount_page(s, store_fd, &st, o, fds, e);
	return r == -EINVAL && o->userns_fd >= 0
		       ? err_hint(e, "id-mapped layers need Linux 5.19 or later") : r;
}

static int mount_by_child(const struct store *s, const struct overlay_opts *o, int *ret,
			  struct err *e)
{
	struct in_child in = { s, o };
	size_t n = 1;
	int r = child_fds(mount_in_child, &in, ret, &n, e);

	return r < 0 ? err_wrap(e, "mount the image's layers") : 0;
}

/* Nothing below and nothing above: a read-only look at the empty directory. */
static int mount_empty(const struct store *s, const struct overlay_opts *o, int *ret, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = o->attrs | MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int tree = sys_open_tree(s->fd, "empty", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_set(e, errno, "mount %s/empty", s->path);
	*ret = TAKE_FD(tree);
	return 0;
}

int overlay_mount(const struct store *s, const struct overlay_opts *o, int *ret, struct err *e)
{
	AUTO(stack) struct stack st = { .upper = o->upper_fd, .work = o->work_fd };
	bool again = false;
	int r;

	if ((o->upper_fd < 0) != (o->work_fd < 0))
		return err_say(e, EINVAL, "an upper directory needs a work directory");
	if (o->nlayers == 0 && o->upper_fd < 0)
		return mount_empty(s, o, ret, e);
	if (o->userns_fd >= 0 || o->disk_fd >= 0)
		return mount_by_child(s, o, ret, e);
	r = stack_open(s, s->fd, o, &st, e);
	if (r < 0)
		return r;
	r = try_ways(s, &st, o, &again, ret, e);
	if (r < 0 && !again)
		return r;
	*e = (struct err)ERR_INIT;
	return r < 0 ? mount_by_child(s, o, ret, e) : 0;
}
