/*
 * netsweep.c - the network of containers that are dead, taken away; the table built again.
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

struct sweep {
	struct strlist dead;
	net_alive *alive;
	void *arg;
	struct lease_dirs *d;
};

static void note_dead(const char *network, const char *name, const char *id, void *arg)
{
	struct sweep *s = arg;
	(void)network;
	(void)name;
	if (!path_exists(s->d->ids, id) && !strlist_has(&s->dead, id) && !s->alive(id, s->arg))
		strlist_add(&s->dead, id);
}

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

static void remove_temporaries(struct lease_dirs *d)
{
	int fd = openat(d->ids, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	for (struct dirent *de; (de = readdir(dir));)
		if (str_starts(de->d_name, ".tmp-"))
			unlinkat(d->ids, de->d_name, 0);
	closedir(dir);
}

int net_sweep(const struct net_paths *p, net_alive *alive, void *arg, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(strlist) struct strlist journals = STRLIST_INIT;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = journal_list(&d, &journals, e);
	if (r < 0)
		return r;
	struct err later = ERR_INIT;
	int first = 0;
	for (size_t i = 0; i < journals.n; i++) {
		if (alive(journals.v[i], arg))
			continue;
		r = net_down(p, journals.v[i], first < 0 ? &later : e);
		first = first < 0 ? first : r;
	}
	/* Leases whose journal did not survive a power cut. */
	struct sweep s = { .dead = STRLIST_INIT, .alive = alive, .arg = arg, .d = &d };
	r = lease_lock(&d, first < 0 ? &later : e);
	if (r == 0) {
		lease_walk(&d, NULL, note_dead, &s);
		for (size_t i = 0; i < s.dead.n; i++) {
			lease_drop_all(&d, s.dead.v[i]);
			lease_ports_drop_all(&d, s.dead.v[i]);
		}
		remove_temporaries(&d);
		lease_unlock(&d);
		r = remove_gone(&d, first < 0 ? &later : e);
		if (r == 0)
			r = netidle_sweep(&d, p, first < 0 ? &later : e);
	}
	strlist_cleanup(&s.dead);
	return first < 0 ? first : r;
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

int net_reload(const struct net_paths *p, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = lease_lock(&d, e);
	if (r == 0)
		r = bridge_build_table(&d, p, e);
	return r < 0 ? r : bridge_forward(false, e);
}
