/*
 * end.c - the downs of a container that need no library: cgroup, run folder, own folder.
 * Runs in: host, supervisor.  Each is safe twice and on what is half there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "runtime/supervisor.h"

#define CGROUP_EMPTY_MS 10000

int end_cgroup(const struct end_paths *p, struct err *e)
{
	if (str_empty(p->cgroup))
		return 0;
	return cgroup_remove(p->cgroup, CGROUP_EMPTY_MS, e);
}

/* Out of the way in one step, so that who begins anew with this id meets nothing half gone. */
int end_run_dir(const struct end_paths *p, struct err *e)
{
	AUTO_FREE char *dead = mem_printf(END_DEAD_PREFIX "%s", p->id);

	path_remove_tree(p->run_fd, dead, e);
	if (renameat(p->run_fd, p->id, p->run_fd, dead) < 0)
		return errno == ENOENT ? 0 :
					 err_set(e, errno, "remove the run folder of %s", p->id);
	return path_remove_tree(p->run_fd, dead, e);
}

int end_container_dir(const struct end_paths *p, struct err *e)
{
	return path_remove_tree(p->containers_fd, p->id, e);
}
