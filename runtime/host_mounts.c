/*
 * host_mounts.c - a container without a mount namespace of its own: its root is mounted where the
 * host, or whoever else lives in the namespace that it joins, sees it, and is to go when the
 * container goes.
 *
 * Runs in: host.  The root is a clone of root.path, attached there; all that the container mounts
 * lies on it, so it all goes with that one mount.  Which one that is is known by its ID, noted
 * before it is attached: something else may be mounted there as well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/stat.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"
#include "runtime/mount_ns.h"

#define MOUNTINFO_MAX (64u << 20)

static int clone_root(struct container_state *st, int *ret, struct err *e)
{
	AUTO_FREE char *real = realpath(st->rootfs, NULL);
	AUTO_CLOSE int fd = !real ? -1 : sys_open_tree(AT_FDCWD, real, OPEN_TREE_CLONE |
						       OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct statx sx;

	if (fd < 0 || syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return err_set(e, errno, "root.path %.300s", st->rootfs);
	if (str_eq(real, "/"))	/* whoever joins the namespace later would be in the container */
		return err_say(e, EINVAL, "root.path: / needs a mount namespace of the container's "
			       "own");
	st->rootfs = arena_strdup(st->arena, real);
	st->root_mount = sx.stx_mnt_id;
	*ret = TAKE_FD(fd);
	return 0;
}

static int clone_in(const char *path, struct container_state *st, int *ret_root, int *ret_ns,
		    struct err *e)
{
	struct mount_ns_visit v = MOUNT_NS_HOME;
	AUTO_CLOSE int ns = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct err why = ERR_INIT;
	struct stat now;
	int r;

	if (ns < 0 || fstat(ns, &now) < 0)
		return err_set(e, errno, "open");
	if (ioctl(ns, NS_GET_NSTYPE) != CLONE_NEWNS)
		return err_say(e, EINVAL, "it is none");
	r = mount_ns_enter(ns, &v, e);
	if (r == 0)
		r = clone_root(st, ret_root, e);
	if (mount_ns_leave(&v, &why) < 0) {
		*e = why;
		r = -e->code;
	}
	if (r < 0)
		return r;
	st->mount_ns = arena_strdup(st->arena, path);
	st->mount_ns_ino = now.st_ino;
	*ret_ns = TAKE_FD(ns);
	return 0;
}

int host_mounts_clone(const char *ns, struct container_state *st, int *ret_root, int *ret_ns,
		      struct err *e)
{
	if (!ns)
		return clone_root(st, ret_root, e);
	return clone_in(ns, st, ret_root, ret_ns, e) < 0
		       ? err_wrap(e, "linux.namespaces: mount namespace %.300s", ns) : 0;
}

/* A space is \040 in there, proc_pid_mountinfo(5). */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* Where mount `id` is attached; *ret_top: nothing is mounted over it.  NULL: nowhere. */
static char *find(const char *text, uint64_t id, bool *ret_top)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	char *found = NULL;

	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		AUTO(strlist) struct strlist part = STRLIST_INIT;

		strlist_split(&part, lines.v[i], ' ', true);
		if (part.n < 5)
			continue;
		unescape(part.v[4]);
		if (strtoull(part.v[0], NULL, 10) == id) {
			found = mem_strdup(part.v[4]);
			*ret_top = true;
		} else if (found && str_eq(part.v[4], found)) {
			*ret_top = false;
		}
	}
	return found;
}

static int open_if(const char *path, uint64_t ino)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == ino ? TAKE_FD(fd) : -1;
}

/* The namespace that the container had joined: at its path, or, when that has gone or is another
 * now, with anybody who lives in it.  -1: it has gone with all its mounts. */
static int find_ns(const struct container_state *s)
{
	int fd = open_if(s->mount_ns, s->mount_ns_ino);
	DIR *d = fd < 0 ? opendir("/proc") : NULL;
	struct dirent *entry;

	while (fd < 0 && d && (entry = readdir(d))) {
		AUTO_FREE char *path = mem_printf("/proc/%s/ns/mnt", entry->d_name);

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			fd = open_if(path, s->mount_ns_ino);
	}
	if (d)
		closedir(d);
	return fd;
}

static int undo_here(const struct container_state *s, int proc, struct err *e)
{
	AUTO_FREE char *text = NULL, *at = NULL;
	bool top = false;
	size_t n;
	int r = path_read_file(proc, "self/mountinfo", MOUNTINFO_MAX, &text, &n, e);

	if (r < 0)
		return r;
	at = find(text, s->root_mount, &top);
	if (!at || !str_starts(at, s->rootfs))
		return 0;
	if (!top)
		return err_say(e, EBUSY, "the root of container %s at %.300s is covered by another "
			       "mount", s->id, at);
	if (sys_umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_set(e, errno, "unmount the root of container %s at %.300s", s->id, at);
	return 0;
}

int host_mounts_undo(const struct container_state *s, struct err *e)
{
	struct mount_ns_visit v = MOUNT_NS_HOME;
	AUTO_CLOSE int proc = -1, ns = -1;
	struct err why = ERR_INIT;
	int r = 0;

	if (!s->root_mount)
		return 0;
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ns = s->mount_ns ? find_ns(s) : -1;
	if (s->mount_ns && ns < 0)
		return 0;
	if (ns >= 0)
		r = mount_ns_enter(ns, &v, e);
	if (r == 0)
		r = undo_here(s, proc, e);
	if (mount_ns_leave(&v, &why) < 0) {
		*e = why;
		r = -e->code;
	}
	return r;
}
