/*
 * netidle.c - what is taken away some time after a container.
 *
 * Removing a veth pair waits for two grace periods of RCU: 26 ms, ten times as long as all else
 * of net_down.  To leave it to the end of the namespace is no answer: a TCP socket that was open
 * when the container died keeps the namespace for a minute or more.  So a child waits a little
 * for the kernel, which takes the interfaces of many namespaces away at once and cheaply, and
 * then does it itself.
 *
 * Bridges and table are removed when they have been idle for a second, not at once: to build
 * them takes ten times as long as to use them, and one container often follows another.
 */
#include "netns/netidle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "netns/link.h"
#include "netns/netname.h"
#include "netns/network.h"
#include "netns/nft.h"

#define IDLE_MS 1000

static void nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static bool any_left(struct nl *nl, const struct journal *j)
{
	struct err ignored = ERR_INIT;
	struct link_info l;
	for (size_t i = 0; i < j->net.nifaces; i++)
		if (j->net.ifaces[i].veth &&
		    link_find(nl, j->net.ifaces[i].veth, &l, &ignored) == 0)
			return true;
	return false;
}

static void remove_veths(struct lease_dirs *d, struct nl *nl, const struct journal *j)
{
	struct err ignored = ERR_INIT;
	for (long ms = 5; ms < 400 && any_left(nl, j); ms *= 2)
		nap(ms);
	for (size_t i = 0; i < j->net.nifaces; i++) {
		const char *veth = j->net.ifaces[i].veth;
		if (veth && netname_is_ifname(veth) && link_delete(nl, veth, &ignored) == 0)
			unlinkat(d->gone, veth, 0);
	}
}

/* With the lock held, so nobody begins to use what is found unused. */
static int remove_unused(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(nl) struct nl nl = NL_INIT;
	char table[NFT_TABLE_MAX];
	struct network *all;
	size_t n, used = 0;
	int r = network_list(d, a, &all, &n, e);
	if (r == 0)
		r = nl_open(&nl, NETLINK_ROUTE, -1, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (lease_any(d, all[i].doc.name))
			used++;
		else if (all[i].bridged)
			r = network_remove_bridge(&nl, &all[i], e);
	}
	if (r < 0 || used)
		return r;
	bool there;
	netname_table(p, table);
	r = nft_check(table, &there, e);
	return r == 0 && there ? nft_remove(table, e) : r;
}

/*
 * One at a time: .idle is held while a child waits.  It is dropped under the lock, after looking:
 * whoever ends later either was seen running, and takes .idle itself, or left nothing to do.
 */
static int take_idle(struct lease_dirs *d)
{
	int fd = openat(d->leases, ".idle", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fd_lock(fd, true, false) < 0)
		fd_close(&fd);
	return fd;
}

static void remove_after_a_while(struct lease_dirs *d, const struct net_paths *p)
{
	struct err ignored = ERR_INIT;
	AUTO_CLOSE int idle = lease_any(d, NULL) ? -1 : take_idle(d);
	if (idle < 0)
		return;
	nap(IDLE_MS);
	if (lease_lock(d, &ignored) == 0)
		remove_unused(d, p, &ignored);
	fd_close(&idle);
	lease_unlock(d);
}

int netidle_sweep(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	if (lease_any(d, NULL))
		return 0;
	AUTO_CLOSE int idle = take_idle(d);
	if (idle < 0)
		return 0;
	int r = lease_lock(d, e);
	if (r == 0)
		r = remove_unused(d, p, e);
	fd_close(&idle);
	lease_unlock(d);
	return r;
}

/*
 * The child has no exit signal, so no wait(2) of the caller ever sees it, and it holds none of
 * the caller's descriptors, so no reader of a pipe waits for it.
 */
void netidle_watch(const struct net_paths *p, const struct journal *j)
{
	struct lease_dirs d = LEASE_DIRS_INIT;
	struct nl nl = NL_INIT;
	struct err ignored = ERR_INIT;
	struct clone_args args = { .flags = 0, .exit_signal = 0 };
	if (sys_clone3(&args) != 0)
		return;
	setsid();
	prctl(PR_SET_NAME, "berth-netidle");	/* for who wonders what it is, and tests/run */
	if (sys_close_range(0, ~0U, 0) < 0 || open("/dev/null", O_RDWR) != 0 || dup(0) != 1 ||
	    dup(0) != 2)
		_exit(1);
	/* Not made again when somebody has just removed all of it. */
	if (!path_exists(AT_FDCWD, p->root) || lease_open(&d, p, &ignored) < 0 ||
	    nl_open(&nl, NETLINK_ROUTE, -1, &ignored) < 0 || chdir("/") < 0)
		_exit(1);
	remove_veths(&d, &nl, j);
	remove_after_a_while(&d, p);
	_exit(0);
}
