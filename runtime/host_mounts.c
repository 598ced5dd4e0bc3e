/*
 * host_mounts.c - a container without a mount namespace of its own: its root is mounted where the
 * host sees it, and is to go when the container goes.
 *
 * Runs in: host.  The root is a clone of root.path, attached there; all that the container mounts
 * lies on it, so it all goes with that one mount.  Which one that is is known by its ID, noted
 * before it is attached: something else may be mounted there as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"

#define MOUNTINFO_MAX (64u << 20)

int host_mounts_clone(const char *rootfs, int *ret, uint64_t *ret_id, struct err *e)
{
	AUTO_CLOSE int fd = sys_open_tree(AT_FDCWD, rootfs,
					  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct statx st;

	if (fd < 0 || syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return err_set(e, errno, "root.path %.300s", rootfs);
	*ret_id = st.stx_mnt_id;
	*ret = TAKE_FD(fd);
	return 0;
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

int host_mounts_undo(const struct container_state *s, struct err *e)
{
	AUTO_FREE char *text = NULL, *at = NULL;
	bool top = false;
	size_t n;
	int r;

	if (!s->root_mount)
		return 0;
	r = path_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &n, e);
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
