/*
 * delegate.c - subtrees that are ours or somebody else's: finding our own, enabling controllers
 * in it, giving one away.
 *
 * The no-internal-process rule: a cgroup that passes controllers to its children (cgroup.
 * subtree_control) may hold no processes itself, the machine's root excepted.  So whoever was
 * put into the root of a delegated subtree has to step aside into a leaf first.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cgroup/place.h"

#define LEAF CGROUP_STEP_ASIDE
#define USER_TREE "berth-user"	/* parent of what `berth delegate` makes */

static const char *shown(const char *path)
{
	return *path ? path : "/";
}

static int open_below(const struct cgroup_host *h, const char *path)
{
	int fd = openat(h->fd, *path ? path : ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* ---- where are we --------------------------------------------------------------------- */

int cgroup_of_pid(pid_t pid, char **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char file[64] = "/proc/self/cgroup";
	size_t n;
	int r;

	if (pid > 0)
		snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	r = path_read_file(AT_FDCWD, file, 64u << 10, &text, &n, e);
	if (r < 0)
		return r;
	for (char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		size_t len = strcspn(p, "\n");

		if (strncmp(p, "0::/", 4) != 0)
			continue;
		if (strncmp(p + 4, "..", 2) == 0)
			return err_say(e, EXDEV, "%s: the cgroup lies outside our cgroup "
				       "namespace", file);
		*ret = mem_strndup(p + 4, len - 4);
		return 0;
	}
	return err_say(e, ENOENT, "%s names no cgroup v2", file);
}

static bool may_write(const struct cgroup_host *h, const char *path)
{
	AUTO_FREE char *procs = mem_printf("%s%scgroup.procs", path, *path ? "/" : "");

	return faccessat(h->fd, *path ? path : ".", W_OK | X_OK, AT_EACCESS) == 0 &&
	       faccessat(h->fd, procs, W_OK, AT_EACCESS) == 0;
}

int cgroup_base_find(const struct cgroup_host *h, bool rootless, char **ret, struct err *e)
{
	AUTO_FREE char *own = NULL;
	int r;

	if (!rootless) {
		*ret = mem_strdup("");
		return 0;
	}
	r = cgroup_of_pid(0, &own, e);
	if (r < 0)
		return r;
	/* From the top: moving a process needs write access to the nearest common ancestor of
	 * where it is and where it goes, so the topmost one that is ours is the one. */
	for (size_t n = 0;; n++) {
		char c = own[n];

		if (c != '\0' && c != '/' && n != 0)
			continue;
		if (n == 0 ? may_write(h, "") : (own[n] = '\0', may_write(h, own))) {
			*ret = n == 0 ? mem_strdup("") : mem_strdup(own);
			return 0;
		}
		own[n] = c;
		if (c == '\0')
			break;
	}
	return err_say(e, EACCES, "cgroup %s is not delegated to user %d; log in through systemd, "
		       "or let root run `berth delegate`", shown(own), (int)geteuid());
}

int cgroup_mkdirs(const struct cgroup_host *h, const char *path, bool *ret_made, struct err *e)
{
	AUTO_FREE char *part = NULL;

	/* Somebody may remove an empty parent while we walk down: then from the top again. */
	for (int i = 0; i < 10; i++) {
		bool made = mkdirat(h->fd, path, 0755) == 0;

		if (made || errno == EEXIST) {
			*ret_made = made;
			return 0;
		}
		if (errno != ENOENT)
			break;
		free(part);
		part = mem_strdup(path);
		for (char *p = part; (p = strchr(p, '/')); *p++ = '/') {
			*p = '\0';
			if (mkdirat(h->fd, part, 0755) < 0 && errno != EEXIST && errno != ENOENT)
				return err_set(e, errno, "make cgroup %s", part);
		}
	}
	err_set(e, errno, "make cgroup %s", path);
	if (e->code == EROFS)
		err_hint(e, "%s is mounted read-only", h->mount);
	return -e->code;
}

/* ---- enabling controllers ------------------------------------------------------------- */

/* Moves every process of that cgroup into its leaf.  New ones may be forked meanwhile. */
static int step_aside(const struct cgroup_host *h, const char *path, int fd, struct err *e)
{
	AUTO_CLOSE int leaf = -1;

	if (mkdirat(fd, LEAF, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make cgroup %s/" LEAF, path);
	leaf = openat(fd, LEAF, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (leaf < 0)
		return err_set(e, errno, "open cgroup %s/" LEAF, path);
	for (int round = 0; round < 20; round++) {
		AUTO_FREE char *text = NULL;
		size_t n;
		int r = path_read_file(fd, "cgroup.procs", 4u << 20, &text, &n, e);

		if (r < 0)
			return r;
		if (!n)
			return 0;
		for (char *p = text, *end; *p; p = *end ? end + 1 : end) {
			long pid = strtol(p, &end, 10);

			if (pid <= 0)
				continue;
			r = cgroup_attach(leaf, (pid_t)pid, e);
			if (r < 0 && r != -ESRCH)
				return err_wrap(e, "cgroup %s holds processes, so it cannot pass "
						"controllers on", shown(path));
		}
	}
	return err_say(e, EBUSY, "cgroup %s: processes appear in it faster than they can be moved "
		       "into %s/%s/" LEAF, shown(path), h->mount, path);
}

static bool is_own(const char *path)
{
	AUTO_FREE char *own = NULL;
	struct err ignored = ERR_INIT;

	return cgroup_of_pid(0, &own, &ignored) == 0 && str_eq(own, path);
}

static int subtree_write(int fd, unsigned add)
{
	AUTO_CLOSE int f = -1;
	char text[128] = "";
	size_t n = 0;

	for (unsigned bit = 1; bit <= CGROUP_MISC; bit <<= 1)
		if (add & bit)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s+%s", n ? " " : "",
					      cgroup_controller_name(bit));
	f = openat(fd, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (f < 0 || write(f, text, n) < 0)
		return -errno;
	return 0;
}

/* Whether processes stand in the way of enabling.  The kernel lets threaded controllers (pids,
 * cpu, cpuset) pass all the same, but then the children are "domain invalid" and can hold none.
 * Only the machine's root, which has no cgroup.type, may have both. */
static bool is_occupied(int fd)
{
	char one[8];
	AUTO_CLOSE int procs = -1;

	if (faccessat(fd, "cgroup.type", F_OK, 0) < 0)
		return false;
	procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return procs >= 0 && read(procs, one, sizeof(one)) > 0;
}

/* Lets one cgroup pass `need` and, where it works, `want` on to its children. */
static int enable_in(const struct cgroup_host *h, const char *path, unsigned need, unsigned want,
		     struct err *e)
{
	AUTO_CLOSE int fd = open_below(h, path);
	unsigned has, on;
	int r;

	if (fd < 0)
		return err_set(e, -fd, "open cgroup %s", shown(path));
	on = cgroup_controllers_at(fd, "cgroup.subtree_control");
	if (!((need | want) & ~on))
		return 0;
	has = cgroup_controllers_at(fd, "cgroup.controllers");
	for (unsigned bit = 1; bit <= CGROUP_MISC; bit <<= 1)
		if (need & ~has & bit)
			return cgroup_controller_missing(h, bit, path, e);
	want &= has & ~on & ~need;
	need &= ~on;
	if (!need && !want)
		return 0;
	r = is_occupied(fd) ? -EBUSY : subtree_write(fd, need | want);
	if (r < 0 && r != -EBUSY && want) {
		/* One that cannot be does not cost the others. */
		for (unsigned bit = 1; bit <= CGROUP_MISC; bit <<= 1)
			if (want & bit)
				subtree_write(fd, bit);
		r = need ? subtree_write(fd, need) : 0;
	}
	if (r == 0 || !need)
		return 0;
	if (r == -EBUSY && (!*path || is_own(path))) {
		r = step_aside(h, path, fd, e);
		if (r < 0)
			return r;
		r = subtree_write(fd, need);
		if (r == 0)
			return 0;
	}
	if (r == -EBUSY)
		return err_say(e, EBUSY, "cgroup %s holds processes, so it cannot pass "
			       "controllers on to containers in it", shown(path));
	return err_set(e, -r, "enable controllers in cgroup %s", shown(path));
}

int cgroup_enable(const struct cgroup_host *h, const char *base, const char *path, unsigned need,
		  unsigned want, struct err *e)
{
	AUTO_FREE char *part = mem_strdup(path);
	size_t from = str_starts(path, base) ? strlen(base) : 0;
	AUTO_CLOSE int fd = open_below(h, path);
	int r;

	if (fd < 0)
		return err_set(e, -fd, "open cgroup %s", path);
	/* The usual case: the parents were prepared by an earlier container. */
	if (!((need | (want & h->controllers)) & ~cgroup_controllers_at(fd, "cgroup.controllers")))
		return 0;
	r = enable_in(h, base, need, want, e);
	for (char *p = part + from + (from ? 1 : 0); r == 0 && (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		r = enable_in(h, part, need, want, e);
	}
	return r;
}

/* ---- giving away ---------------------------------------------------------------------- */

int cgroup_attach(int fd, pid_t pid, struct err *e)
{
	char text[32];
	AUTO_CLOSE int f = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (f < 0 || write(f, text, (size_t)n) < 0)
		return err_set(e, errno, "move process %d into the cgroup", (int)pid);
	return 0;
}

int cgroup_delegate(int fd, uid_t uid, gid_t gid, struct err *e)
{
	/* runtime-spec, "Cgroup ownership": these when the kernel does not list them. */
	AUTO_FREE char *text = NULL;
	const char *list = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
	struct strlist files AUTO(strlist) = STRLIST_INIT;
	struct err ignored = ERR_INIT;
	size_t n;

	if (path_read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", 8192, &text, &n, &ignored) == 0)
		list = text;
	if (fchown(fd, uid, gid) < 0)
		return err_set(e, errno, "give the cgroup to %d:%d", (int)uid, (int)gid);
	strlist_split(&files, list, '\n', true);
	for (size_t i = 0; i < files.n; i++)
		if (fchownat(fd, files.v[i], uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_set(e, errno, "give %s to %d:%d", files.v[i], (int)uid,
				       (int)gid);
	return 0;
}

int cgroup_delegate_make(uid_t uid, gid_t gid, char **ret_path, struct err *e)
{
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	AUTO_FREE char *path = mem_printf(USER_TREE "/%u", (unsigned)uid);
	AUTO_FREE char *leaf = mem_printf("%s/" LEAF, path);
	AUTO_CLOSE int fd = -1, leaf_fd = -1;
	bool made;
	int r = cgroup_host_open(&h, e);

	if (r == 0)
		r = cgroup_mkdirs(&h, leaf, &made, e);
	if (r == 0)
		r = cgroup_enable(&h, "", path, 0, h.controllers, e);
	if (r < 0)
		return r;
	fd = open_below(&h, path);
	leaf_fd = open_below(&h, leaf);
	if (fd < 0 || leaf_fd < 0)
		return err_set(e, fd < 0 ? -fd : -leaf_fd, "open cgroup %s", leaf);
	r = cgroup_delegate(fd, uid, gid, e);
	if (r == 0)
		r = cgroup_delegate(leaf_fd, uid, gid, e);
	if (r < 0)
		return r;
	*ret_path = TAKE(path);
	return 0;
}

int cgroup_delegate_remove(uid_t uid, struct err *e)
{
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	AUTO_FREE char *path = mem_printf(USER_TREE "/%u", (unsigned)uid);
	AUTO_CLOSE int fd = -1;
	struct cgroup_state s = { 0 };
	int r = cgroup_host_open(&h, e);

	if (r < 0)
		return r;
	fd = open_below(&h, path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -fd, "open cgroup %s", path);
	if (cgroup_state_read(fd, &s) == 0 && s.populated)
		return err_say(e, EBUSY, "cgroup %s still holds processes", path);
	r = cgroup_remove(path, 1000, e);
	if (r == 0)
		unlinkat(h.fd, USER_TREE, AT_REMOVEDIR);	/* if it was the last user's */
	return r;
}
