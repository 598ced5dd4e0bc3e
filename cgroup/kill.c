/*
 * kill.c - the life of a cgroup that exists: find it, signal, freeze, wait, count, remove.
 *
 * Part of berth and of berth-supervisor (static): nothing here but libc and base's static
 * files.  Waiting is always poll(2) on cgroup.events, which the kernel marks POLLPRI when
 * "populated" or "frozen" changes; a read arms it again (cgroup-v2.rst, "cgroup.events").
 */
#include "cgroup/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define MAGIC_CGROUP2 0x63677270	/* CGROUP2_SUPER_MAGIC, linux/magic.h */
#define DEPTH_MAX 64			/* of cgroups below a container's that are listed */

static void dir_cleanup(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What is left of a timeout that began at `start`; -1 stays -1. */
static int ms_left(int64_t start, int timeout_ms)
{
	int64_t left;

	if (timeout_ms < 0)
		return -1;
	left = start + timeout_ms - now_ms();
	return left > 0 ? (int)left : 0;
}

/* A small kernel file into buf, NUL added; bytes or -errno. */
static ssize_t file_read(int dirfd, const char *name, char *buf, size_t n)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = fd_read_full(fd, buf, n - 1);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

int cgroup_file_write(int fd, const char *file, const char *text)
{
	AUTO_CLOSE int f = openat(fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (f < 0)
		return -errno;
	/* An empty write(2) does nothing; a newline empties what can be empty (cpuset.cpus). */
	if (write(f, *text ? text : "\n", *text ? strlen(text) : 1) < 0)
		return -errno;
	return 0;
}

/* The number behind "key " at the beginning of a line. */
static uint64_t line_value(const char *text, const char *key, uint64_t otherwise)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, key, n) == 0 && p[n] == ' ')
			return strtoull(p + n + 1, NULL, 10);
	return otherwise;
}

/* ---- finding -------------------------------------------------------------------------- */

static bool is_cgroup2(int fd)
{
	struct statfs s;

	return fstatfs(fd, &s) == 0 && (unsigned long)s.f_type == MAGIC_CGROUP2;
}

static int open_if_cgroup2(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !is_cgroup2(fd))
		return -1;
	return TAKE_FD(fd);
}

/* Undoes the octal escapes of mountinfo (\040 and its kin), in place. */
static void unescape(char *s)
{
	char *w = s;

	for (; *s; s++, w++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*w = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*w = *s;
		}
	}
	*w = '\0';
}

/* Mount point of one mountinfo line when it is a cgroup2, else NULL.  Changes the line. */
static char *mountinfo_cgroup2(char *line)
{
	char *dash = strstr(line, " - "), *p = line, *end;

	if (!dash || strncmp(dash + 3, "cgroup2 ", 8) != 0)
		return NULL;
	for (int i = 0; i < 4; i++) {
		p = strchr(p, ' ');
		if (!p)
			return NULL;
		p++;
	}
	end = strchr(p, ' ');
	if (!end)
		return NULL;
	*end = '\0';
	unescape(p);
	return p;
}

static int search_mountinfo(char *mount, size_t n)
{
	AUTO_CLOSE int info = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	char *save = NULL;

	if (info < 0 || fd_read_all(info, 16u << 20, &text, &len) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = mountinfo_cgroup2(line);
		int fd = at ? open_if_cgroup2(at) : -1;

		if (fd < 0)
			continue;
		if (mount)
			snprintf(mount, n, "%s", at);
		return fd;
	}
	return -1;
}

int cgroup_root_open(int *ret, char *mount, size_t n, struct err *e)
{
	static const char *const usual[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		fd = open_if_cgroup2(usual[i]);
		if (fd < 0)
			continue;
		if (mount)
			snprintf(mount, n, "%s", usual[i]);
		*ret = fd;
		return 0;
	}
	fd = search_mountinfo(mount, n);
	if (fd < 0)
		return err_say(e, ENOENT, "no cgroup v2 hierarchy is mounted (looked at "
			       "/sys/fs/cgroup, /sys/fs/cgroup/unified and /proc/self/mountinfo)");
	*ret = fd;
	return 0;
}

/* A path below the mount never climbs out of it. */
static bool path_is_inside(const char *path)
{
	const char *p = path;

	if (!*p || *p == '/')
		return false;
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '/' && !*++p)
			return false;
	}
	return true;
}

int cgroup_dir_open(const char *path, int *ret, struct err *e)
{
	AUTO_CLOSE int root = -1;
	int fd, r;

	if (!path_is_inside(path))
		return err_say(e, EINVAL, "cgroup path \"%s\" is not one below the mount", path);
	r = cgroup_root_open(&root, NULL, 0, e);
	if (r < 0)
		return r;
	fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(e, errno, "open cgroup %s", path);
	*ret = fd;
	return 0;
}

/* ---- state and waiting ---------------------------------------------------------------- */

/* Opens cgroup.events or memory.events: POLLPRI says that it changed; read again with pread. */
static int events_open(int fd, const char *file)
{
	int r = openat(fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return r < 0 ? -errno : r;
}

static int state_pread(int ev, struct cgroup_state *ret)
{
	char buf[256];
	ssize_t n = pread(ev, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	ret->populated = line_value(buf, "populated", 0) != 0;
	ret->frozen = line_value(buf, "frozen", 0) != 0;
	return 0;
}

int cgroup_state_read(int fd, struct cgroup_state *ret)
{
	AUTO_CLOSE int ev = events_open(fd, "cgroup.events");

	return ev < 0 ? ev : state_pread(ev, ret);
}

int cgroup_state_read_in(int fd, const char *path, struct cgroup_state *ret)
{
	AUTO_FREE char *file = mem_printf("%s/cgroup.events", path);
	AUTO_CLOSE int ev = events_open(fd, file);

	return ev < 0 ? ev : state_pread(ev, ret);
}

/* A cgroup that is removed while it freezes wakes nobody, nor does one whose freezing somebody
 * takes back before it came to that. */
#define LOOK_MS 100

enum wait_for { WAIT_EMPTY, WAIT_FROZEN, WAIT_THAWED };

static bool taken_back(int fd, enum wait_for what)
{
	char wish[8];

	return what != WAIT_EMPTY && file_read(fd, "cgroup.freeze", wish, sizeof(wish)) > 0 &&
	       *wish != (what == WAIT_FROZEN ? '1' : '0');
}

static int wait_until(int fd, enum wait_for what, int timeout_ms)
{
	AUTO_CLOSE int ev = events_open(fd, "cgroup.events");
	int64_t start = timeout_ms < 0 ? 0 : now_ms();

	if (ev < 0)
		return ev;
	for (;;) {
		struct pollfd p = { .fd = ev, .events = POLLPRI };
		struct cgroup_state s;
		int r = state_pread(ev, &s), left;

		if (r == -ENODEV && what == WAIT_EMPTY)
			return 0;	/* it was removed meanwhile */
		if (r < 0)
			return r;
		if ((what == WAIT_EMPTY && !s.populated) || (what == WAIT_FROZEN && s.frozen) ||
		    (what == WAIT_THAWED && !s.frozen))
			return 0;
		if (taken_back(fd, what))
			return -ECANCELED;
		left = ms_left(start, timeout_ms);
		r = poll(&p, 1, what != WAIT_EMPTY && left > LOOK_MS ? LOOK_MS : left);
		if (r == 0 && (what == WAIT_EMPTY || left <= LOOK_MS))
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

int cgroup_wait_empty(int fd, int timeout_ms)
{
	int r = wait_until(fd, WAIT_EMPTY, timeout_ms);

	return r == -ENOENT ? 0 : r;
}

static int freezer_failed(const char *what, int code, struct err *e)
{
	if (code == ENODEV || code == ENOENT)
		return err_say(e, ENODEV, "%s: the cgroup was removed meanwhile", what);
	if (code == ECANCELED)
		return err_say(e, EAGAIN, "%s: somebody took it back meanwhile", what);
	return err_set(e, code, "%s: write cgroup.freeze", what);
}

int cgroup_freeze(int fd, int timeout_ms, struct err *e)
{
	int r = cgroup_file_write(fd, "cgroup.freeze", "1");

	if (r < 0)
		return freezer_failed("freeze", -r, e);
	r = wait_until(fd, WAIT_FROZEN, timeout_ms);
	if (r == -ENODEV || r == -ENOENT || r == -ECANCELED)
		return freezer_failed("freeze", -r, e);
	if (r < 0) {
		cgroup_file_write(fd, "cgroup.freeze", "0");
		return err_set(e, -r, "freeze: processes did not stop within %d ms", timeout_ms);
	}
	return 0;
}

int cgroup_thaw(int fd, int timeout_ms, struct err *e)
{
	int r = cgroup_file_write(fd, "cgroup.freeze", "0");

	if (r < 0)
		return freezer_failed("thaw", -r, e);
	r = wait_until(fd, WAIT_THAWED, timeout_ms);
	if (r == -ENODEV || r == -ENOENT || r == -ECANCELED)
		return freezer_failed("thaw", -r, e);
	if (r < 0)
		return err_set(e, -r, "thaw: still frozen after %d ms (a parent cgroup may be "
			       "frozen)", timeout_ms);
	return 0;
}

/* ---- processes ------------------------------------------------------------------------ */

struct pids { pid_t *v; size_t n, cap; };

static void pids_cleanup(struct pids *p)
{
	free(p->v);
}

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = mem_resize(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

/* cgroup.procs of one cgroup.  In a threaded one it cannot be read (EOPNOTSUPP): its
 * processes are listed by the domain above. */
static int procs_read(int fd, struct pids *p)
{
	AUTO_CLOSE int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[4096];
	pid_t pid = 0;
	ssize_t n;

	if (procs < 0)
		return -errno;
	while ((n = read(procs, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EOPNOTSUPP || errno == ENODEV ? 0 : -errno;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (pid > 0)	/* 0: not visible in our PID namespace */
				pids_add(p, pid);
			pid = 0;
		}
	}
	return 0;
}

static int pids_walk(int fd, struct pids *p, unsigned depth)
{
	__attribute__((cleanup(dir_cleanup))) DIR *d = NULL;
	struct dirent *de;
	int r = procs_read(fd, p), copy;

	if (r < 0)
		return r;
	if (depth == 0)
		return 0;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(copy);
	if (!d) {
		close(copy);
		return -ENOMEM;
	}
	while ((de = readdir(d))) {
		AUTO_CLOSE int sub = -1;

		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		sub = openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub < 0)
			continue;	/* removed meanwhile */
		r = pids_walk(sub, p, depth - 1);
		if (r < 0 && r != -ENOENT && r != -ENODEV)
			return r;
	}
	return 0;
}

int cgroup_pids(int fd, pid_t **ret, size_t *ret_n, struct err *e)
{
	__attribute__((cleanup(pids_cleanup))) struct pids p = { 0 };
	int r = pids_walk(fd, &p, DEPTH_MAX);

	if (r < 0)
		return err_set(e, -r, "read the cgroup's processes");
	*ret = TAKE(p.v);
	*ret_n = p.n;
	return 0;
}

int cgroup_signal(int fd, int sig, struct err *e)
{
	__attribute__((cleanup(pids_cleanup))) struct pids p = { 0 };
	struct cgroup_state before = { 0 };
	struct err ignored = ERR_INIT;
	bool froze;
	int r;

	cgroup_state_read(fd, &before);
	/* One that cannot be stopped (uninterruptible sleep) must not keep the others from
	 * their signal; what forks meanwhile is then missed. */
	froze = !before.frozen && cgroup_freeze(fd, 500, &ignored) == 0;
	r = pids_walk(fd, &p, DEPTH_MAX);
	for (size_t i = 0; i < p.n; i++)
		if (kill(p.v[i], sig) < 0 && errno != ESRCH && r == 0)
			r = -errno;
	if (froze)
		cgroup_file_write(fd, "cgroup.freeze", "0");
	if (r < 0)
		return err_set(e, -r, "signal %d to the cgroup's processes", sig);
	return 0;
}

int cgroup_kill(int fd, struct err *e)
{
	int r = cgroup_file_write(fd, "cgroup.kill", "1");

	if (r == 0 || r == -ENODEV)
		return 0;
	/* EOPNOTSUPP: a threaded cgroup; ENOENT: not there in the root or in a stripped
	 * kernel. */
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return cgroup_signal(fd, SIGKILL, e);
	return err_set(e, -r, "write cgroup.kill");
}

/* ---- removing ------------------------------------------------------------------------- */

/* Removes what can be removed directly below dir.  0: nothing is left there; 1: busy holds the
 * name of one that is; -errno. */
static int remove_children(int dir, char *busy, size_t n)
{
	__attribute__((cleanup(dir_cleanup))) DIR *d = NULL;
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	int found = 0;

	if (copy < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(copy);
	if (!d) {
		close(copy);
		return -ENOMEM;
	}
	while ((de = readdir(d))) {
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		if (unlinkat(dir, de->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != EBUSY)
			return -errno;
		snprintf(busy, n, "%s", de->d_name);
		found = 1;
	}
	return found;
}

/*
 * Everything below dir, without recursion: a container may have nested as deep as it liked.
 * Cgroups cannot be renamed in v2, so ".." leads back where we came from.
 */
static int remove_below(int dir, int64_t start, int timeout_ms)
{
	AUTO_CLOSE int cur = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[256];
	unsigned depth = 0;

	if (cur < 0)
		return errno == ENOENT ? 0 : -errno;
	for (;;) {
		int r = remove_children(cur, name, sizeof(name)), next;

		if (r < 0)
			return r;
		if (r == 0 && depth == 0)
			return 0;
		next = openat(cur, r ? name : "..",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0 && errno == ENOENT && r)
			continue;
		if (next < 0)
			return -errno;
		close(cur);
		cur = next;
		depth = r ? depth + 1 : depth - 1;
		if (!r)
			continue;
		r = cgroup_wait_empty(cur, ms_left(start, timeout_ms));
		if (r < 0)
			return r;
	}
}

/* True when nothing lives inside any more (the directory may be gone). */
static int empty_out(int fd, int64_t start, int timeout_ms, struct err *e)
{
	struct cgroup_state s = { 0 };
	int r = cgroup_state_read(fd, &s);

	if (r < 0)
		return 0;	/* ENOENT, ENODEV: removed by somebody else */
	if (!s.populated)
		return 0;
	r = cgroup_kill(fd, e);
	if (r < 0)
		return r;
	if (s.frozen)
		cgroup_file_write(fd, "cgroup.freeze", "0");
	r = cgroup_wait_empty(fd, ms_left(start, timeout_ms));
	if (r < 0)
		return err_say(e, -r, "processes are still alive after SIGKILL and %d ms",
			       timeout_ms);
	return 0;
}

int cgroup_remove(const char *path, int timeout_ms, struct err *e)
{
	AUTO_CLOSE int root = -1, fd = -1;
	int64_t start = now_ms();
	int r;

	if (!path_is_inside(path))
		return err_say(e, EINVAL, "cgroup path \"%s\" is not one below the mount", path);
	r = cgroup_root_open(&root, NULL, 0, e);
	if (r < 0)
		return r;
	/* The usual case: empty, nothing below: one call. */
	if (unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return err_set(e, errno, "remove cgroup %s", path);
	fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open cgroup %s", path);
	for (;;) {
		r = empty_out(fd, start, timeout_ms, e);
		if (r < 0)
			return err_wrap(e, "remove cgroup %s", path);
		r = remove_below(fd, start, timeout_ms);
		if (r < 0)
			return err_set(e, -r, "remove what is below cgroup %s", path);
		if (unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		/* EBUSY again: something was started in it between; once more until time is
		 * up. */
		if (errno != EBUSY || (timeout_ms >= 0 && ms_left(start, timeout_ms) == 0))
			return err_set(e, errno, "remove cgroup %s", path);
	}
}

/* ---- counters that tell why it ended -------------------------------------------------- */

static uint64_t number_read(int fd, const char *name, uint64_t otherwise)
{
	char buf[64];

	if (file_read(fd, name, buf, sizeof(buf)) <= 0)
		return otherwise;
	if (strncmp(buf, "max", 3) == 0)
		return UINT64_MAX;
	return strtoull(buf, NULL, 10);
}

int cgroup_oom_read(int fd, struct cgroup_oom *ret)
{
	char buf[512];
	ssize_t n = file_read(fd, "memory.events", buf, sizeof(buf));

	if (n == -ENOENT) {
		*ret = (struct cgroup_oom){ .limit = UINT64_MAX };
		return 0;
	}
	if (n < 0)
		return (int)n;
	*ret = (struct cgroup_oom){
		.known = true,
		.oom = line_value(buf, "oom", 0),
		.oom_kill = line_value(buf, "oom_kill", 0),
		.oom_group_kill = line_value(buf, "oom_group_kill", 0),
		.max = line_value(buf, "max", 0),
		.high = line_value(buf, "high", 0),
		.limit = number_read(fd, "memory.max", UINT64_MAX),
		.peak = number_read(fd, "memory.peak", 0),	/* since 5.19 */
	};
	return 0;
}

int cgroup_cpu_read(int fd, uint64_t *ret_usec)
{
	char buf[1024];
	ssize_t n = file_read(fd, "cpu.stat", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	*ret_usec = line_value(buf, "usage_usec", 0);
	return 0;
}
