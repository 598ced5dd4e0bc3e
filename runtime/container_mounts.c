/*
 * container_mounts.c - mounts that come and go while a container runs.
 *
 * Runs in: host; a child of ours joins the container's mount namespace and places them.
 *
 * A mount is made detached here (open_tree, fsmount), where its source means what the caller
 * means, and attached there by descriptor: the target is resolved by the kernel inside the
 * container's root, so no symlink of the container leads elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/tree.h"
#include "runtime/container_part.h"
#include "runtime/plan.h"

static int bind_source(const struct spec_mount *m, int *ret, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (m->flags & SPEC_MOUNT_REC)
		flags |= AT_RECURSIVE;
	if (m->flags & SPEC_MOUNT_SRC_NOFOLLOW)
		flags |= AT_SYMLINK_NOFOLLOW;
	*ret = sys_open_tree(AT_FDCWD, m->source, flags);
	return *ret < 0 ? err_set(e, errno, "source %.300s", m->source) : 0;
}

static int set_data(int fs, const struct spec_mount *m, struct err *e)
{
	/* A tmpfs that is yet to be filled is read-only as a mount. */
	for (const struct plan_sb_flag *f = plan_sb_flags; f->flag; f++)
		if (m->sb_flags & f->flag && !(m->flags & SPEC_MOUNT_TMPCOPYUP) &&
		    sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, f->name, NULL, 0) < 0)
			return err_set(e, errno, "option %s", f->name);
	for (char **d = m->data; d && *d; d++) {
		const char *eq = strchr(*d, '=');
		AUTO_FREE char *key = mem_strndup(*d, eq ? (size_t)(eq - *d) : strlen(*d));
		int r = eq ? sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, key, eq + 1, 0)
			   : sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, key, NULL, 0);

		if (r < 0)
			return err_set(e, errno, "option %.200s", *d);
	}
	return 0;
}

/* These show the namespaces of who mounts them: ours. */
static bool shows_ours(const char *type)
{
	static const char *const types[] = { "proc", "sysfs", "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(type, types[i]))
			return true;
	return false;
}

static int new_fs(const struct spec_mount *m, int *ret, struct err *e)
{
	AUTO_CLOSE int fs = -1;
	char why[256];
	int r;

	if (shows_ours(m->type))
		return err_say(e, ENOTSUP, "%s would be the host's; it is mounted when the "
			       "container is created", m->type);
	fs = sys_fsopen(m->type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_set(e, errno, "file system %.100s", m->type);
	if (!str_empty(m->source) &&
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return err_set(e, errno, "source %.300s", m->source);
	r = set_data(fs, m, e);
	if (r < 0)
		return r;
	if (sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "%s", sys_fs_reason(fs, why, sizeof(why)));
	*ret = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return *ret < 0 ? err_set(e, errno, "fsmount") : 0;
}

static int set_attributes(int fd, const struct spec_mount *given, struct err *e)
{
	struct sys_mount_attr one = { 0 }, rec = { 0 };
	struct spec_mount m = *given;

	if (m.flags & SPEC_MOUNT_BIND && !(m.flags & SPEC_MOUNT_REMOUNT))
		plan_bind_attrs(given, &m);
	one = (struct sys_mount_attr){ m.attr_set, m.attr_clr, 0, 0 };
	rec = (struct sys_mount_attr){ m.rec_set, m.rec_clr, 0, 0 };

	if ((one.attr_set || one.attr_clr) &&
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH, &one) < 0)
		return err_set(e, errno, "options");
	if ((rec.attr_set || rec.attr_clr) &&
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &rec) < 0)
		return err_set(e, errno, "recursive options");
	return 0;
}

/* What is there already goes into the new file system, which then gets its options.  By way of
 * the process's root, since copying needs our own /proc. */
static int copy_up(const struct container_state *st, const struct spec_mount *m, int fd,
		   struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/root", (int)st->pid);
	struct tree_opts as_it_is = { 0 };
	AUTO_CLOSE int pidfd = -1;
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int from = -1;
	int r;

	if (proc_open(st->pid, st->start_time, &pidfd) < 0)
		return err_say(e, ESRCH, "container not running");
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || sys_pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
		return err_set(e, errno, "open %s", path);
	r = path_open_in(root, m->destination, O_RDONLY | O_DIRECTORY, 0, &from, e);
	if (!r)
		r = tree_copy(from, fd, &as_it_is, e);
	if (!r)
		r = tree_copy_attrs(from, fd, &as_it_is, e);
	return r < 0 ? err_wrap(e, "tmpcopyup") : 0;
}

/* "none" is no file system: what is there gets the options, as by remount. */
static bool only_changes(const struct spec_mount *m)
{
	return m->flags & SPEC_MOUNT_REMOUNT || str_eq(m->type, "none");
}

static int make_detached(const struct spec *s, const struct container_state *st,
			 const struct spec_mount *m, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int r;

	if (only_changes(m))
		return 0;
	if (m->flags & SPEC_MOUNT_IDMAP && !(m->flags & SPEC_MOUNT_BIND))
		return err_say(e, EINVAL, "idmap is for binds only");
	if (m->flags & SPEC_MOUNT_IDMAP && !m->uids.n && !s->ns[SPEC_NS_USER].unshare &&
	    !s->ns[SPEC_NS_USER].path)
		return err_say(e, EINVAL, "idmap needs uidMappings and gidMappings, or a user "
			       "namespace of the container");
	if (m->flags & SPEC_MOUNT_TMPCOPYUP && !str_eq(m->type, "tmpfs"))
		return err_say(e, EINVAL, "tmpcopyup is for tmpfs only");
	r = m->flags & SPEC_MOUNT_BIND ? bind_source(m, &fd, e) : new_fs(m, &fd, e);
	if (!r && m->flags & SPEC_MOUNT_IDMAP)
		r = launch_idmap(s, m, st->pid, fd, e);
	if (!r && m->flags & SPEC_MOUNT_TMPCOPYUP)
		r = copy_up(st, m, fd, e);
	if (!r)
		r = set_attributes(fd, m, e);
	if (!r)
		*ret = TAKE_FD(fd);
	return r;
}

/* ---- inside the container's mount namespace --------------------------------------------- */

static int open_target(int root, const struct spec_mount *m, int source, int *ret, struct err *e)
{
	struct stat st;
	int fd = path_try_open_in(root, m->destination, O_PATH, 0);

	if (fd >= 0) {
		*ret = fd;
		return 0;
	}
	if (fstat(source, &st) < 0)
		return err_set(e, errno, "stat");
	return S_ISDIR(st.st_mode) ? path_mkdir_in(root, m->destination, 0755, 0, 0, ret, e)
				   : path_touch_in(root, m->destination, ret, e);
}

static int change(int root, const struct spec_mount *m, struct err *e)
{
	struct sys_mount_attr how = { .propagation = m->propagation & ~(uint64_t)MS_REC };
	unsigned rec = m->propagation & MS_REC ? AT_RECURSIVE : 0;
	AUTO_CLOSE int target = -1;
	AUTO_CLOSE int fs = -1;
	int r = path_open_in(root, m->destination, O_PATH, 0, &target, e);

	if (!r)
		r = set_attributes(target, m, e);
	if (r < 0)
		return r;
	if (how.propagation && sys_mount_setattr(target, "", AT_EMPTY_PATH | rec, &how) < 0)
		return err_set(e, errno, "propagation");
	if (!plan_remounts_fs(m))
		return 0;
	fs = sys_fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs < 0)
		return err_set(e, errno, "open the file system");
	if (m->attr_clr & MOUNT_ATTR_RDONLY &&
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "rw", NULL, 0) < 0)
		return err_set(e, errno, "option rw");
	r = set_data(fs, m, e);
	if (!r && sys_fsconfig(fs, SYS_FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		r = err_set(e, errno, "change options");
	return r;
}

static int attach(int root, const struct spec_mount *m, int source, struct err *e)
{
	AUTO_CLOSE int target = -1;
	struct sys_mount_attr how = { .propagation = m->propagation & ~(uint64_t)MS_REC };
	unsigned rec = m->propagation & MS_REC ? AT_RECURSIVE : 0;
	int r;

	if (only_changes(m))
		return change(root, m, e);
	r = open_target(root, m, source, &target, e);
	if (r < 0)
		return r;
	if (sys_move_mount(source, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach");
	if (how.propagation && sys_mount_setattr(source, "", AT_EMPTY_PATH | rec, &how) < 0)
		return err_set(e, errno, "propagation");
	return 0;
}

static int detach(int root, const struct spec_mount *m, struct err *e)
{
	AUTO_CLOSE int parent = -1;
	const char *name;
	int r = path_parent_in(root, m->destination, &parent, &name, e);

	if (r < 0)
		return r;
	if (fchdir(parent) < 0 || sys_umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_set(e, errno, "unmount");
	return 0;
}

static int work_inside(int ns, const struct spec_mount *m, size_t n, const int *sources,
		       struct err *e)
{
	AUTO_CLOSE int root = -1;
	int r = 0;

	if (sys_setns(ns, CLONE_NEWNS) < 0)
		return err_set(e, errno, "join the mount namespace");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, errno, "open the root");
	for (size_t i = 0; !r && i < n; i++) {
		r = sources ? attach(root, &m[i], sources[i], e) : detach(root, &m[i], e);
		if (r < 0)
			err_wrap(e, "%.300s", m[i].destination);
	}
	return r;
}

/* A child goes, so that our own view of files stays.  Its error comes by pipe in one write. */
static int in_child(int ns, const struct spec_mount *m, size_t n, const int *sources,
		    struct err *e)
{
	AUTO_CLOSE int from = -1;
	struct err got;
	int ends[2], status;
	ssize_t k;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	from = ends[0];
	pid = fork();
	if (!pid) {
		if (work_inside(ns, m, n, sources, e) < 0)
			fd_write_all(ends[1], e, sizeof(*e));
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0)
		return err_set(e, errno, "fork");
	k = fd_read_full(from, &got, sizeof(got));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (k == (ssize_t)sizeof(got)) {
		*e = got;
		return -e->code;
	}
	return WIFEXITED(status) ? 0 : err_say(e, EIO, "the helper in the mount namespace died");
}

static int with_namespace(const struct container_state *st, const struct spec_mount *m, size_t n,
			  const int *sources, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;
	AUTO_CLOSE int ns = -1;
	char path[64];

	if (st->status == CONTAINER_STOPPED || st->status == CONTAINER_CREATING ||
	    proc_open(st->pid, st->start_time, &pidfd) < 0)
		return err_say(e, ESRCH, "container not running");
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)st->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	/* Only if it has not ended since is what we opened its own. */
	if (ns < 0 || sys_pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
		return err_set(e, errno, "open %s", path);
	return in_child(ns, m, n, sources, e);
}

int container_mounts(const struct container_env *env, const char *id,
		     const struct spec_mount *m, size_t n, bool add, struct err *e)
{
	AUTO_FREE int *sources = add ? mem_array(n + 1, sizeof(*sources)) : NULL;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct container_state st = { 0 };
	struct spec *s = NULL;
	size_t made = 0;
	int r = container_load(env, id, &st, e);

	if (r < 0)
		return r;
	r = container_spec(env, id, a, &s, e);
	if (!r && !s->ns[SPEC_NS_MOUNT].unshare)
		r = err_say(e, ENOTSUP, "container %s has no mount namespace of its own", id);
	for (; add && !r && made < n; made++) {
		sources[made] = -1;
		r = make_detached(s, &st, &m[made], &sources[made], e);
		if (r < 0)
			err_wrap(e, "mounts[%zu]", made);
	}
	if (!r)
		r = with_namespace(&st, m, n, sources, e);
	for (size_t i = 0; i < made; i++)
		fd_close(&sources[i]);
	container_state_clear(&st);
	return r;
}
