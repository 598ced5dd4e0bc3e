/*
 * procfs.c - a procfs of our own: what we write under /proc goes through it.
 *
 * Runs in: container.  It is attached nowhere, so nothing that the container mounts or
 * links can stand in the way of /proc/self/attr/exec or of a sysctl (CVE-2025-52881,
 * CVE-2019-16884).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/init.h"

static bool needed(const struct init *in)
{
	return (in->spec && in->spec->sysctl.n > 0) || !str_empty(in->process->apparmor_profile) ||
	       !str_empty(in->process->selinux_label);
}

static int make_new(void)
{
	AUTO_CLOSE int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);

	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* Where we may not mount one (a PID namespace that is not ours): a clone of the one that is
 * there, without what is mounted on it. */
static int clone_old(void)
{
	return sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			     AT_SYMLINK_NOFOLLOW);
}

int procfs_make(int *ret, struct err *e)
{
	AUTO_CLOSE int fd = make_new();
	struct statfs sfs;
	struct stat st;

	if (fd < 0)
		fd = clone_old();
	if (fd < 0)
		return err_set(e, errno, "a procfs of our own");
	if (fstatfs(fd, &sfs) < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "a procfs of our own");
	/* 1 is the number of its root: not a folder of it that was bound to /proc. */
	if (sfs.f_type != PROC_SUPER_MAGIC || st.st_ino != 1)
		return err_say(e, EINVAL, "/proc is no procfs");
	*ret = TAKE_FD(fd);
	return 0;
}

int step_procfs(struct init *in, struct err *e)
{
	return needed(in) ? procfs_make(&in->proc, e) : 0;
}

int procfs_open(struct init *in, const char *path, int flags)
{
	int fd = sys_openat2(in->proc, path, (uint64_t)(unsigned)flags | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);

	return fd < 0 ? -errno : fd;
}
