/*
 * masks.c - paths that the container shall not see, and paths that it shall not write.
 *
 * Runs in: container.  What covers a path is a descriptor that was checked (the real
 * null device, an empty read-only tmpfs), never a path of the image: a /dev/null that
 * is a symlink covers nothing (CVE-2025-31133).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/init.h"

#define CLONE_FD (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)

static int open_null(struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open the host's /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_say(e, ENXIO, "the host's /dev/null is not the null device");
	return TAKE_FD(fd);
}

static int new_tmpfs(struct init *in, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "mode", "0555", 0) < 0)
		return err_set(e, errno, "tmpfs for masked folders");
	if (in->plan->has_selinux && in->spec->mount_label &&
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, plan_label_option(in->spec),
			 in->spec->mount_label, 0) < 0)
		return err_set(e, errno, "linux.mountLabel");
	if (sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "tmpfs for masked folders");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			 MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? err_set(e, errno, "tmpfs for masked folders") : fd;
}

static int attach(int tree, int target, const char *path, struct err *e)
{
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "mask %s", path);
	return 0;
}

/* The list may name a path twice. */
static bool is_masked(const struct stat *st, int tmpfs)
{
	struct stat mask;

	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(1, 3);
	return tmpfs >= 0 && fstat(tmpfs, &mask) == 0 && st->st_dev == mask.st_dev;
}

/* *tmpfs is made for the first folder; the others get clones of it (of an attached mount:
 * kernels before 6.15 clone no detached one). */
static int mask_one(struct init *in, const char *path, int *tmpfs, struct err *e)
{
	AUTO_CLOSE int target = path_try_open_in(in->root, path, O_PATH, 0);
	AUTO_CLOSE int tree = -1;
	struct stat st;

	if (target < 0) {
		int r = -target;

		target = -1;
		return r == ENOENT || r == ENOTDIR ? 0 : err_set(e, r, "mask %s", path);
	}
	if (fstat(target, &st) < 0)
		return err_set(e, errno, "mask %s", path);
	if (is_masked(&st, *tmpfs))
		return 0;
	if (S_ISDIR(st.st_mode) && *tmpfs < 0) {
		*tmpfs = new_tmpfs(in, e);
		return *tmpfs < 0 ? *tmpfs : attach(*tmpfs, target, path, e);
	}
	tree = sys_open_tree(S_ISDIR(st.st_mode) ? *tmpfs : in->dev_null, "", CLONE_FD);
	if (tree < 0)
		return err_set(e, errno, "mask %s", path);
	return attach(tree, target, path, e);
}

static int readonly_one(struct init *in, const char *path, struct err *e)
{
	struct sys_mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int target = path_try_open_in(in->root, path, O_PATH, 0);
	AUTO_CLOSE int tree = -1;

	if (target < 0) {
		int r = -target;

		target = -1;
		return r == ENOENT || r == ENOTDIR ? 0 : err_set(e, r, "read-only %s", path);
	}
	tree = sys_open_tree(target, "", CLONE_FD | AT_RECURSIVE);
	if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro) < 0 ||
	    sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "read-only %s", path);
	return 0;
}

int step_masks(struct init *in, struct err *e)
{
	char **masked = in->spec->masked_paths, **ro = in->spec->readonly_paths;
	AUTO_CLOSE int tmpfs = -1;
	int r = 0;

	if (masked && masked[0]) {
		in->dev_null = open_null(e);
		if (in->dev_null < 0)
			return in->dev_null;
	}
	for (size_t i = 0; r == 0 && ro && ro[i]; i++)
		r = readonly_one(in, ro[i], e);
	/* Behind the read-only ones, whose clones would uncover what a mask covers. */
	for (size_t i = 0; r == 0 && masked && masked[i]; i++)
		r = mask_one(in, masked[i], &tmpfs, e);
	fd_close(&in->dev_null);
	return r;
}
