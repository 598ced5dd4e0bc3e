/*
 * netsweep.c - what a killed child of net_down left, taken away.
 */
#include "netns/net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/bridge.h"
#include "netns/journal.h"
#include "netns/link.h"
#include "netns/netidle.h"

/* Interfaces that nobody removed for more than a second: the child that should was killed. */
static int remove_gone(struct lease_dirs *d, struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	int fd = openat(d->gone, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;
	if (!dir)
		return 0;
	for (struct dirent *de; r == 0 && (de = readdir(dir));) {
		struct stat st;
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		/* Younger ones are their child's, and looking at an interface may wait long for
		 * the kernel's lock. */
		if (de->d_name[0] == '.' ||
		    (fstatat(d->gone, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		     now.tv_sec - st.st_mtim.tv_sec >= 0 && now.tv_sec - st.st_mtim.tv_sec < 2))
			continue;
		if (nl.fd < 0)
			r = nl_open(&nl, NETLINK_ROUTE, -1, e);
		if (r == 0)
			r = link_delete(&nl, de->d_name, e);
		if (r == 0)
			unlinkat(d->gone, de->d_name, 0);
	}
	closedir(dir);
	return r;
}

int net_tidy(const struct net_paths *p, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO_FREE char *leases = path_join(p->root, "leases");
	if (!path_exists(AT_FDCWD, leases))
		return 0;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = remove_gone(&d, e);
	return r < 0 ? r : netidle_sweep(&d, p, e);
}
