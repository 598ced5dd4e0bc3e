/*
 * mount_ns.c - see mount_ns.h.
 *
 * Runs in: host.  Sources: setns(2), mount_namespaces(7).
 */
#include "runtime/mount_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

static void forget(struct mount_ns_visit *v)
{
	fd_close(&v->home);
	fd_close(&v->root);
	fd_close(&v->cwd);
}

int mount_ns_enter(int ns, struct mount_ns_visit *v, struct err *e)
{
	AUTO_FREE char *cwd = getcwd(NULL, 0);

	v->home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	v->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->home < 0 || v->root < 0 || v->cwd < 0 || sys_setns(ns, CLONE_NEWNS) < 0) {
		err_set(e, errno, "enter the mount namespace");
		forget(v);
		return -e->code;
	}
	v->lost = !cwd || chdir(cwd) < 0;
	return 0;
}

int mount_ns_leave(struct mount_ns_visit *v, struct err *e)
{
	if (v->home < 0)
		return 0;
	/* By way of the root: who started us may have done so in a chroot. */
	if (sys_setns(v->home, CLONE_NEWNS) < 0 || fchdir(v->root) < 0 || chroot(".") < 0 ||
	    fchdir(v->cwd) < 0)
		return err_set(e, errno, "leave the mount namespace");
	forget(v);
	return 0;
}
