/*
 * cgroup.c - a container's cgroup: where it goes, up and down.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroup/devices.h"
#include "cgroup/place.h"
#include "cgroup/unit.h"

#define DEFAULT_PARENT "berth"
#define REMOVE_MS 10000
#define SUBGROUP "run.oci.systemd.subgroup"
#define DELEGATE "run.oci.delegate-cgroup"

/* Enabled wherever they are there, without being asked for: `stats` and the reason of an end
 * need them.  cpu.stat is there without the cpu controller.  All of them, as with runc and crun,
 * for a caller that names the place and for a container that manages its cgroup: a systemd or
 * a kubelet inside passes them on. */
#define ACCOUNTING (CGROUP_MEMORY | CGROUP_PIDS | CGROUP_IO)

static const struct cgroup_limits no_limits;

static const struct cgroup_limits *limits_of(const struct cgroup_want *w)
{
	return w->limits ? w->limits : &no_limits;
}

void cgroup_cleanup(struct cgroup *c)
{
	cgroup_settle(c);
	fd_close(&c->fd);
	free(TAKE(c->path));
	free(TAKE(c->unit));
}

/* ---- where it goes -------------------------------------------------------------------- */

/* A clean path below the mount; the root itself is nobody's container. */
static int below(const char *base, const char *path, const char *leaf, char **ret, struct err *e)
{
	AUTO_FREE char *all = mem_printf("/%s/%s/%s", base, path, leaf ? leaf : "");
	AUTO_FREE char *clean = path_clean(all);

	if (str_eq(clean, "/") || strpbrk(clean, "\n"))
		return err_say(e, EINVAL, "cgroup path \"%s\" names no cgroup of its own", path);
	*ret = mem_strdup(clean + 1);
	return 0;
}

static int place_cgroupfs(const struct cgroup_want *w, const char *base, char **ret,
			  struct err *e)
{
	const char *path = w->oci_path ? w->oci_path : w->parent ? w->parent : DEFAULT_PARENT;
	const char *leaf = w->oci_path ? NULL : w->id, *rest = NULL;

	if (!str_empty(w->oci_path) && strchr(w->oci_path, ':') && !strchr(w->oci_path, '/'))
		return err_say(e, EINVAL, "linux.cgroupsPath: \"%s\" is systemd's form "
			       "slice:prefix:name, but the cgroup driver is cgroupfs", w->oci_path);
	/* An absolute path counts from the mount, as far as we may write there. */
	if (path[0] == '/' && *base)
		rest = str_after(path + 1, base);
	if (rest && (*rest == '/' || !*rest))
		path = rest;
	return below(base, path, leaf, ret, e);
}

static enum cgroup_driver choose_driver(const struct cgroup_want *w, const struct cgroup_host *h)
{
	AUTO_FREE char *base = NULL;
	struct err ignored = ERR_INIT;

	if (w->driver != CGROUP_DRIVER_AUTO &&
	    (w->driver != CGROUP_DRIVER_CGROUPFS || !w->rootless || w->oci_path))
		return w->driver;
	if (!w->rootless)
		return CGROUP_DRIVER_CGROUPFS;
	cgroup_base_find(h, true, &base, &ignored);
	/* Who asks for no place and no limit runs without a cgroup where none can be made. */
	if (w->driver == CGROUP_DRIVER_CGROUPFS)
		return base || cgroup_limits_any(limits_of(w)) ? CGROUP_DRIVER_CGROUPFS :
								 CGROUP_DRIVER_DISABLED;
	/* In a subtree that belongs to the user's systemd, it is the one who makes cgroups. */
	if (base && !strstr(base, "user@"))
		return CGROUP_DRIVER_CGROUPFS;
	if (cgroup_systemd_is_there(true))
		return CGROUP_DRIVER_SYSTEMD;
	return base ? CGROUP_DRIVER_CGROUPFS : CGROUP_DRIVER_DISABLED;
}

/* One that was there before is taken if nothing lives in it (runtime-spec, "Control groups"). */
static int check_existing(const char *path, int fd, struct err *e)
{
	struct cgroup_state s;
	int r = cgroup_state_read(fd, &s);

	if (r < 0)
		return err_set(e, -r, "read cgroup.events of %s", path);
	if (s.populated)
		return err_say(e, EBUSY, "container's cgroup is not empty: %s exists "
			       "already and holds processes", path);
	if (s.frozen)	/* or one above it */
		return err_say(e, EBUSY, "container's cgroup unexpectedly frozen: %s "
			       "exists already", path);
	return 0;
}

/* Who deletes a container kills whoever is in the cgroup that its state names. */
static int check_place(const struct cgroup_host *h, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = openat(h->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? 0 : check_existing(path, fd, e);
}

int cgroup_place(const struct cgroup_want *w, char **ret_path, struct err *e)
{
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	AUTO_FREE char *base = NULL, *slice = NULL, *path = NULL;
	struct cgroup_unit u AUTO(cgroup_unit) = { NULL, NULL };
	int r;

	if (w->driver == CGROUP_DRIVER_DISABLED) {
		*ret_path = mem_strdup("");
		return 0;
	}
	r = cgroup_host_open(&h, e);
	if (r < 0)
		return r;
	switch (choose_driver(w, &h)) {
	case CGROUP_DRIVER_DISABLED:
		*ret_path = mem_strdup("");
		return 0;
	case CGROUP_DRIVER_SYSTEMD:
		r = cgroup_unit_parse(w->oci_path, w->parent, w->id, w->rootless, &u, e);
		if (r == 0)
			r = cgroup_slice_path(u.slice, &slice, e);
		if (r == 0)
			path = mem_printf("%s%s%s", slice, *slice ? "/" : "", u.unit);
		break;
	default:
		r = cgroup_base_find(&h, w->rootless, &base, e);
		if (r == 0)
			r = place_cgroupfs(w, base, &path, e);
	}
	if (r == 0 && w->oci_path)
		r = check_place(&h, path, e);
	if (r == 0)
		*ret_path = TAKE(path);
	return r;
}

/* ---- up ------------------------------------------------------------------------------- */

static int open_dir(const struct cgroup_host *h, const char *path, int *ret, struct err *e)
{
	int fd = openat(h->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set(e, errno, "open cgroup %s", path);
	*ret = fd;
	return 0;
}

/* What is asked for counts, also while a process that has just come in is not frozen yet: clone3
 * into such a cgroup would not come back. */
static int check_thawed(const char *path, int fd, struct err *e)
{
	char value[8];
	int r = path_read_line(fd, "cgroup.freeze", value, sizeof(value), e);

	if (r < 0)
		return err_wrap(e, "cgroup %s", path);
	if (str_eq(value, "1"))
		return err_say(e, EBUSY, "container's cgroup unexpectedly frozen: %s "
			       "exists already", path);
	return 0;
}

static const char *annotation(const struct cgroup_want *w, const char *key)
{
	for (size_t i = 0; w->annotations && i < w->annotations->n; i++)
		if (str_eq(w->annotations->v[i].key, key))
			return w->annotations->v[i].value;
	return "";
}

int cgroup_devices_due(struct cgroup *c, const struct cgroup_limits *l, bool rootless,
		       struct err *e)
{
	int r;

	if (!c->devices_due)
		return 0;
	r = cgroup_devices_attach(c->fd, l, c->made && !c->unit, e);
	/* Without rights over devices nothing inside can make or open one that its user could not
	 * open anyway. */
	if (r < 0 && !(rootless && (r == -EPERM || r == -EACCES)))
		return r;
	c->devices_due = false;
	return 0;
}

/* Limits, devices, owner: the same for every driver. */
static int furnish(const struct cgroup_want *w, const struct cgroup_host *h, const char *base,
		   const struct cgroup_limits *l, struct cgroup *c, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(16u << 20);
	struct cgroup_plan p;
	unsigned need, want;
	int r;

	cgroup_plan_make(l, a, &p);
	need = cgroup_plan_controllers(&p);
	want = h->controllers & (w->oci_path || w->delegate ? ~0u : ACCOUNTING);
	if (need || want) {
		r = cgroup_enable(h, base, c->path, need, want, e);
		if (r < 0)
			return r;
	}
	if (p.n) {
		r = cgroup_plan_apply(c->fd, &p, false, e);
		if (r < 0)
			return r;
	}
	/* Whose c->fd moves down needs it now. */
	c->devices_due = l->devices_set;
	if (!w->devices_later || *annotation(w, DELEGATE) || *annotation(w, SUBGROUP)) {
		r = cgroup_devices_due(c, l, w->rootless, e);
		if (r < 0)
			return r;
	}
	return w->delegate ? cgroup_delegate(c->fd, w->uid, w->gid, e) : 0;
}

/*
 * crun's annotations: run.oci.systemd.subgroup puts the processes one level below the scope, so
 * that the scope stays systemd's; run.oci.delegate-cgroup one more level below, given to the
 * container with all controllers.  Limits stay where they are; only c->fd moves down.
 */
static int enter_subgroups(const struct cgroup_want *w, const struct cgroup_host *h,
			   const char *base, struct cgroup *c, struct err *e)
{
	const char *sub = c->unit ? annotation(w, SUBGROUP) : "";
	const char *given = annotation(w, DELEGATE);
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	bool made;
	int r;

	if (!*sub && !*given)
		return 0;
	path = mem_printf("%s/%s%s%s", c->path, sub, *sub && *given ? "/" : "", given);
	if (strchr(sub, '/') || strchr(given, '/') || sub[0] == '.' || given[0] == '.')
		return err_say(e, EINVAL, "annotation %s: \"%s\" is no name for a cgroup",
			       *given ? DELEGATE : SUBGROUP,
			       *given ? given : sub);
	r = cgroup_mkdirs(h, path, &made, e);
	if (r == 0)
		r = open_dir(h, path, &fd, e);
	/* Nobody may be in between where controllers are to be passed down. */
	if (r == 0 && c->hold_pid > 0)
		r = cgroup_attach(fd, c->hold_pid, e);
	if (r == 0 && *given)
		r = cgroup_enable(h, base, path, 0, h->controllers, e);
	if (r == 0 && *given)
		r = cgroup_delegate(fd, w->uid, w->gid, e);
	if (r < 0)
		return r;
	fd_close(&c->fd);
	c->fd = TAKE_FD(fd);
	return 0;
}

static int make_cgroupfs(const struct cgroup_want *w, const struct cgroup_host *h,
			 struct cgroup *c, struct err *e)
{
	AUTO_FREE char *base = NULL;
	int r = cgroup_base_find(h, w->rootless, &base, e);

	if (r == 0)
		r = place_cgroupfs(w, base, &c->path, e);
	if (r == 0)
		r = cgroup_mkdirs(h, c->path, &c->made, e);
	if (r < 0)
		return r;
	if (!c->made && !w->oci_path) {
		/* Left by one that was killed: begin anew, so that none of its limits stays. */
		AUTO_CLOSE int old = -1;

		r = open_dir(h, c->path, &old, e);
		if (r == 0)
			r = check_existing(c->path, old, e);
		if (r == 0)
			r = cgroup_remove(c->path, 1000, e);
		if (r == 0)
			r = cgroup_mkdirs(h, c->path, &c->made, e);
		if (r < 0)
			return r;
	}
	r = open_dir(h, c->path, &c->fd, e);
	if (r == 0 && !c->made)
		r = check_existing(c->path, c->fd, e);
	if (r == 0)
		r = furnish(w, h, base, limits_of(w), c, e);
	if (r == 0)
		r = enter_subgroups(w, h, base, c, e);
	if (r < 0 && c->made) {
		struct err ignored = ERR_INIT;

		cgroup_remove(c->path, 1000, &ignored);
	}
	return r;
}

/*
 * systemd makes no scope without a process.  A child of ours that does nothing but wait for the
 * end of a pipe is that process, until the container's first one was cloned into the scope.
 */
static int hold_start(struct cgroup *c, struct err *e)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	pid = fork();
	if (pid < 0) {
		int code = errno;

		close(p[0]);
		close(p[1]);
		return err_set(e, code, "fork");
	}
	if (pid == 0) {
		char b;
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(p[0], 0) < 0 || sys_close_range(1, ~0u, 0) < 0)
			_exit(1);
		while (read(0, &b, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	close(p[0]);
	c->hold = p[1];
	c->hold_pid = pid;
	return 0;
}

void cgroup_settle(struct cgroup *c)
{
	fd_close(&c->hold);
	if (c->hold_pid > 0) {
		/* The pipe may have been inherited by a child that has not executed anything yet;
		 * it is for the case that we are killed. */
		kill(c->hold_pid, SIGKILL);
		while (waitpid(c->hold_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	c->hold_pid = 0;
	if (c->one_task)
		cgroup_file_write(c->fd, "pids.max", "1");
	c->one_task = false;
}

/* Besides the process that holds the scope the first one of the container must find room. */
static void make_room(struct cgroup *c)
{
	struct err ignored = ERR_INIT;
	char line[16];

	c->one_task = path_read_line(c->fd, "pids.max", line, sizeof(line), &ignored) == 0 &&
		      str_eq(line, "1") && cgroup_file_write(c->fd, "pids.max", "2") == 0;
}

/*
 * A user's process in a login session lies outside of what his systemd may manage, and the
 * kernel lets nobody clone into a cgroup without rights over the nearest common ancestor.  So we
 * ask to be put into a scope of our own, beside the container's, as podman does.
 */
static int come_near(const struct cgroup_want *w, const struct cgroup_host *h, struct err *e)
{
	AUTO_FREE char *base = NULL;
	struct err ignored = ERR_INIT;

	if (!w->rootless || cgroup_base_find(h, true, &base, &ignored) == 0)
		return 0;
	return cgroup_systemd_move_self(e);
}

static int make_systemd(const struct cgroup_want *w, const struct cgroup_host *h,
			struct cgroup *c, struct err *e)
{
	struct cgroup_limits l = *limits_of(w);
	struct err ignored = ERR_INIT;
	const char *base;
	int r = come_near(w, h, e);

	if (r == 0)
		r = hold_start(c, e);
	if (r < 0)
		return r;
	r = cgroup_systemd_start(w, limits_of(w), c->hold_pid, &c->unit, &c->path, e);
	if (r < 0) {
		cgroup_settle(c);
		return r;
	}
	c->made = true;
	base = w->rootless ? c->path : "";
	unit_round_quota(&l);
	r = open_dir(h, c->path, &c->fd, e);
	if (r == 0)
		r = check_thawed(c->path, c->fd, e);
	if (r == 0)
		r = furnish(w, h, base, &l, c, e);
	if (r == 0)
		make_room(c);
	if (r == 0)
		r = enter_subgroups(w, h, base, c, e);
	if (r < 0) {
		cgroup_settle(c);
		cgroup_systemd_stop(c->unit, w->rootless, &ignored);
	}
	return r;
}

/* What needs no look at the cgroup: before anything is made. */
static int check_want(const struct cgroup_want *w, const struct cgroup_host *h, struct err *e)
{
	const struct cgroup_limits *l = limits_of(w);

	if (l->memory.swap.set && l->memory.swap.v > 0 &&
	    (!l->memory.limit.set || l->memory.limit.v == 0))
		return err_say(e, EINVAL, "memory.swap (--memory-swap): counts memory and swap "
			       "together, so it needs memory.limit (--memory)");
	return cgroup_host_check(h, l, e);
}

int cgroup_make(const struct cgroup_want *w, struct cgroup *ret, struct err *e)
{
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	struct cgroup c AUTO(cgroup) = CGROUP_INIT;
	int r = 0;

	c.driver = w->driver;
	if (c.driver != CGROUP_DRIVER_DISABLED) {
		r = cgroup_host_open(&h, e);
		if (r < 0 && c.driver != CGROUP_DRIVER_AUTO)
			return r;
		c.driver = r < 0 ? CGROUP_DRIVER_DISABLED : choose_driver(w, &h);
	}
	if (c.driver == CGROUP_DRIVER_DISABLED) {
		if (r < 0 && cgroup_limits_any(limits_of(w)))
			return r;
		if (cgroup_limits_any(limits_of(w)))
			return err_say(e, ENOTSUP, "no limit can be set without a cgroup of our "
				       "own (driver \"disabled\"); log in through systemd, or let "
				       "root run `berth delegate`");
		c.path = mem_strdup("");
	} else {
		r = check_want(w, &h, e);
		if (r < 0)
			return r;
		r = c.driver == CGROUP_DRIVER_SYSTEMD ? make_systemd(w, &h, &c, e) :
							make_cgroupfs(w, &h, &c, e);
		if (r < 0)
			return r;
	}
	*ret = c;
	c = (struct cgroup)CGROUP_INIT;
	return 0;
}

int cgroup_open(enum cgroup_driver driver, const char *path, const char *unit,
		struct cgroup *ret, struct err *e)
{
	struct cgroup c = CGROUP_INIT;

	c.driver = driver;
	if (driver != CGROUP_DRIVER_DISABLED && !str_empty(path)) {
		int r = cgroup_dir_open(path, &c.fd, e);

		if (r < 0)
			return r;
	}
	c.path = mem_strdup(path ? path : "");
	c.unit = str_empty(unit) ? NULL : mem_strdup(unit);
	*ret = c;
	return 0;
}

/* ---- down ----------------------------------------------------------------------------- */

int cgroup_destroy(enum cgroup_driver driver, const char *path, const char *unit, struct err *e)
{
	int r;

	if (driver == CGROUP_DRIVER_DISABLED || str_empty(path))
		return 0;
	r = cgroup_remove(path, REMOVE_MS, e);
	if (r < 0 || str_empty(unit))
		return r;
	return cgroup_systemd_stop(unit, geteuid() != 0, e);
}

/* ---- below a container's -------------------------------------------------------------- */

int cgroup_open_sub(const struct cgroup *c, const char *sub, int *ret_fd, struct err *e)
{
	AUTO_FREE char *clean = path_clean(sub);
	int fd;

	if (c->fd < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup (driver \"disabled\")");
	fd = openat(c->fd, clean[1] ? clean + 1 : ".",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(e, errno, "open cgroup %s below the container's", sub);
	*ret_fd = fd;
	return 0;
}

int cgroup_make_sub(const struct cgroup *c, const char *name, int *ret_fd, char **ret_path,
		    struct err *e)
{
	char picked[32] = "exec-";
	int fd;

	if (c->fd < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup (driver \"disabled\")");
	if (name && (!*name || strchr(name, '/') || name[0] == '.'))
		return err_say(e, EINVAL, "\"%s\" is no name for a cgroup", name);
	for (int i = 0; i < 20; i++) {
		if (!name)
			str_random_hex(picked + 5, 12);
		if (mkdirat(c->fd, name ? name : picked, 0755) == 0)
			break;
		if (name || errno != EEXIST)
			return err_set(e, errno, "make cgroup %s/%s", c->path,
				       name ? name : picked);
	}
	fd = openat(c->fd, name ? name : picked,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(e, errno, "open cgroup %s/%s", c->path, name ? name : picked);
	*ret_path = path_join(c->path, name ? name : picked);
	*ret_fd = fd;
	return 0;
}
