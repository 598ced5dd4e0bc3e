/*
 * rootfs.c - the container's root: attached over "/", entered by pivot_root, sealed.
 *
 * Runs in: container.  Sources: pivot_root(2) "pivot_root(".", ".")", mount_namespaces(7),
 * runtime-spec config-linux.md "Rootfs Mount Propagation".
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/init.h"

static int set_attr(int fd, unsigned flags, uint64_t set, uint64_t propagation)
{
	struct sys_mount_attr a = { .attr_set = set, .propagation = propagation };

	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | flags, &a);
}

/*
 * Who started us in a chroot has the rest of the host's mounts above it.  pivot_root from there
 * would leave them in the namespace, and who joins that later, as exec does, starts at its root:
 * the host's.  Joining our own namespace takes us to its top; paths are still those of the chroot.
 */
static int go_to_top(void)
{
	AUTO_CLOSE int self = sys_pidfd_open(getpid(), 0);

	return self < 0 ? -1 : sys_setns(self, CLONE_NEWNS);
}

static int go_back(int root, int cwd)
{
	return fchdir(root) < 0 || chroot(".") < 0 ? -1 : fchdir(cwd);
}

/* In the host's mount namespace: visible there, but nothing of it spreads from there. */
static int attach_in_host(struct init *in, struct err *e)
{
	const char *at = in->plan->root_path;

	in->root = in->plan->fd[PLAN_FD_ROOT];
	if (in->root < 0 || !at)
		return err_say(e, EINVAL, "the host's mount namespace needs a root.path");
	if (set_attr(in->root, AT_RECURSIVE, 0, MS_PRIVATE) < 0 ||
	    sys_move_mount(in->root, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    set_attr(in->root, AT_RECURSIVE, 0, MS_PRIVATE) < 0)
		return err_set(e, errno, "attach the root file system at %s", at);
	return 0;
}

int step_root_attach(struct init *in, struct err *e)
{
	struct sys_mount_attr slave = { .propagation = MS_SLAVE };
	AUTO_CLOSE int before = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);	/* of hooks */
	const char *at = in->plan->root_path;
	uint64_t asked = in->spec->rootfs_propagation;

	if (!in->spec->ns[SPEC_NS_MOUNT].unshare)
		return attach_in_host(in, e);
	/* What we mount must not reach the host; what the host mounts later may reach us. */
	if (before < 0 || cwd < 0 || go_to_top() < 0 ||
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave) < 0 || go_back(before, cwd) < 0)
		return err_set(e, errno, "make the mounts of the new namespace slaves");
	in->root = in->plan->fd[PLAN_FD_ROOT];
	if (in->root < 0) {
		in->root = sys_open_tree(AT_FDCWD, in->plan->root_path,
					 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (in->root < 0)
			return err_set(e, errno, "root file system %s", in->plan->root_path);
	}
	if (set_attr(in->root, AT_RECURSIVE, 0, MS_SLAVE) < 0 ||
	    ((asked & MS_PRIVATE) &&
	     set_attr(in->root, asked & MS_REC ? AT_RECURSIVE : 0, 0, MS_PRIVATE) < 0))
		return err_set(e, errno, "make the root file system a slave");
	/* Hooks expect it at the path that the spec gives.  One that has none goes over "/": for
	 * pivot_root any mount below the old root will do. */
	if (sys_move_mount(in->root, "", AT_FDCWD, at ? at : "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach the root file system at %s", at ? at : "/");
	return 0;
}

/* The root goes over "/", as if it had always been the namespace's.  The host's /proc and /sys go
 * first: while a whole one can be seen, the kernel lets the container mount another. */
static int cover_old_root(struct init *in, struct err *e)
{
	static const char *const gone[] = { "/proc", "/sys" };

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		while (sys_umount2(gone[i], MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			;
		if (errno != EINVAL && errno != ENOENT)
			return err_set(e, errno, "unmount the host's %s", gone[i]);
	}
	if (in->plan->root_path &&
	    sys_move_mount(in->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "move the root file system over the old one");
	if (fchdir(in->root) < 0 || chroot(".") < 0)
		return err_set(e, errno, "chroot");
	return 0;
}

static int pivot(struct init *in, struct err *e)
{
	AUTO_CLOSE int before = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (before < 0 || go_to_top() < 0 || fchdir(in->root) < 0)
		return err_set(e, errno, "go to the root of the new mount namespace");
	if (sys_pivot_root(".", ".") == 0)
		return 0;
	/* EBUSY: what lies over the namespace's own root is the new root itself */
	if (errno == EBUSY && go_back(before, in->root) == 0 &&
	    sys_pivot_root(".", ".") == 0)
		return 0;
	err_set(e, errno, "pivot_root");
	return err_hint(e, "on an initramfs use --no-pivot");
}

int step_root_enter(struct init *in, struct err *e)
{
	int r;

	if (fchdir(in->root) < 0)
		return err_set(e, errno, "enter the root file system");
	if (!in->spec->ns[SPEC_NS_MOUNT].unshare) {
		if (chroot(".") < 0)
			return err_set(e, errno, "chroot");
	} else if (in->plan->no_pivot) {
		r = cover_old_root(in, e);
		if (r < 0)
			return r;
	} else {
		r = pivot(in, e);
		if (r < 0)
			return r;
		/* The old root lies over the new one now; with it goes all of the host's. */
		if (sys_umount2(".", MNT_DETACH) < 0)
			return err_set(e, errno, "detach the old root");
	}
	if (chdir("/") < 0)
		return err_set(e, errno, "enter the root file system");
	return 0;
}

int step_root_seal(struct init *in, struct err *e)
{
	uint64_t propagation = in->spec->rootfs_propagation;
	unsigned rec = propagation & MS_REC ? AT_RECURSIVE : 0;

	for (size_t i = 0; i < in->nreadonly; i++) {
		if (set_attr(in->readonly_later[i], 0, MOUNT_ATTR_RDONLY, 0) < 0)
			return err_set(e, errno, "make a mount read-only");
		close(in->readonly_later[i]);
	}
	if (in->spec->root_readonly && set_attr(in->root, 0, MOUNT_ATTR_RDONLY, 0) < 0)
		return err_set(e, errno, "make the root read-only");
	/* Slave and private were there before the mounts, whose own propagation wins. */
	propagation &= MS_SHARED | MS_UNBINDABLE;
	/* "Shared" is a peer group of its own, nobody's slave; what is mounted in the root keeps
	 * its masters, which rslave volumes want. */
	if (propagation == MS_SHARED && set_attr(in->root, 0, 0, MS_PRIVATE) < 0)
		return err_set(e, errno, "linux.rootfsPropagation");
	if (propagation && set_attr(in->root, rec, 0, propagation) < 0)
		return err_set(e, errno, "linux.rootfsPropagation");
	return 0;
}

int step_root_join(struct init *in, struct err *e)
{
	int theirs = in->plan->fd[PLAN_FD_ROOT];

	/* They are in our mount namespace, but chroot'ed. */
	if (theirs >= 0 && (fchdir(theirs) < 0 || chroot(".") < 0))
		return err_set(e, errno, "enter the container's root");
	in->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->root < 0)
		return err_set(e, errno, "open the container's root");
	return 0;
}
