/*
 * mounts.c - the mounts of the spec: made detached, attached by descriptor.
 *
 * Runs in: container.  Targets are resolved below the root's descriptor by the kernel
 * (openat2 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) and attached to what that found, so
 * nobody who swaps directories for symlinks meanwhile leads us anywhere else
 * (CVE-2021-30465, CVE-2019-19921, CVE-2023-27561).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/init.h"

/* What may be mounted on within /proc: what lxcfs and its like replace. */
static const char *const proc_targets[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",   "/proc/stat",
	"/proc/swaps",	 "/proc/uptime",    "/proc/loadavg",   "/proc/slabinfo",
	"/proc/net/dev", "/proc/sys/kernel/ns_last_pid",       "/proc/sys/crypto/fips_enabled",
	"/proc/sys/kernel/random/boot_id",
};

static bool is_bind(const struct spec_mount *m)
{
	return (m->flags & SPEC_MOUNT_BIND) || str_eq(m->type, "bind");
}

int mounts_target(struct init *in, const char *path, bool is_dir, bool nofollow, int *ret,
		  struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	fd = path_try_open_in(in->root, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0);
	if (fd == -ENOENT) {
		fd = -1;
		r = is_dir ? path_mkdir_in(in->root, path, 0755, in->uid, in->gid, &fd, e) :
			     path_touch_in(in->root, path, &fd, e);
		if (r < 0)
			return r;
	} else if (fd < 0) {
		r = -fd;
		fd = -1;
		return err_set(e, r, "open target %s", path);
	}
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "target %s", path);
	if (is_dir && S_ISLNK(st.st_mode))
		return err_say(e, ENOTDIR,
			       "%s must be mounted on ordinary directory, not on a symbolic link",
			       path);
	if (is_dir != (bool)S_ISDIR(st.st_mode))
		return err_say(e, is_dir ? ENOTDIR : EISDIR, "target %s is %s directory", path,
			       is_dir ? "no" : "a");
	*ret = TAKE_FD(fd);
	return 0;
}

/* A mount over a part of /proc would let the container forge what we and others read. */
static int check_proc_target(int target, const char *path, struct err *e)
{
	struct statfs sfs;
	struct stat st;

	if (fstatfs(target, &sfs) < 0 || fstat(target, &st) < 0)
		return err_set(e, errno, "target %s", path);
	if (sfs.f_type != PROC_SUPER_MAGIC || st.st_ino == 1)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(proc_targets); i++) {
		if (str_eq(path, proc_targets[i]))
			return 0;
	}
	return err_say(e, EPERM, "nothing may be mounted inside /proc");
}

int mounts_attach(struct init *in, int tree, const char *path, bool is_dir, struct err *e)
{
	AUTO_CLOSE int target = -1;
	int r;

	r = mounts_target(in, path, is_dir, false, &target, e);
	if (r < 0)
		return r;
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach at %s", path);
	return 0;
}

static int set_attr(int fd, const struct sys_mount_attr *a, bool rec, const char *what,
		    struct err *e)
{
	struct sys_mount_attr copy = *a;

	if (!copy.attr_set && !copy.attr_clr && !copy.propagation)
		return 0;
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0), &copy) == 0)
		return 0;
	if (errno == EPERM && copy.attr_clr)
		return err_say(e, EPERM, "%s: an option of the source is locked by its owner",
			       what);
	return err_set(e, errno, "%s", what);
}

int mount_attrs(struct init *in, const struct spec_mount *m, int fd, bool recursive,
		struct err *e)
{
	struct sys_mount_attr one = { .attr_set = m->attr_set, .attr_clr = m->attr_clr };
	struct sys_mount_attr rec = { .attr_set = m->rec_set, .attr_clr = m->rec_clr };
	struct sys_mount_attr prop = { .propagation = m->propagation & ~(uint64_t)(MS_REC) };
	bool prop_rec = m->propagation & MS_REC;
	uint64_t root = in->spec->rootfs_propagation;
	int r;

	if (prop.propagation == 0 && is_bind(m) && !(root & MS_SHARED)) {
		prop.propagation = root & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;
		prop_rec = true;
	}
	if (!recursive && rec.attr_set == 0 && rec.attr_clr == 0) {
		/* One mount: one call. */
		one.propagation = prop.propagation;
		return set_attr(fd, &one, false, "set options", e);
	}
	r = set_attr(fd, &one, false, "set options", e);
	if (r == 0)
		r = set_attr(fd, &rec, true, "set recursive options", e);
	if (r == 0)
		r = set_attr(fd, &prop, prop_rec, "set propagation", e);
	return r;
}

static int remount(struct init *in, const struct spec_mount *m, const char *path, struct err *e)
{
	AUTO_CLOSE int target = -1;
	AUTO_CLOSE int fs = -1;
	int r;

	r = path_open_in(in->root, path, O_PATH, 0, &target, e);
	if (r < 0)
		return r;
	r = mount_attrs(in, m, target, false, e);
	if (r < 0 || !plan_remounts_fs(m))
		return r;
	fs = sys_fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs < 0)
		return err_set(e, errno, "open the file system");
	for (const struct plan_sb_flag *f = plan_sb_flags; f->flag; f++)
		if (m->sb_flags & f->flag &&
		    sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, f->name, NULL, 0) < 0)
			return err_set(e, errno, "option %s", f->name);
	if (m->attr_clr & MOUNT_ATTR_RDONLY &&
	    sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "rw", NULL, 0) < 0)
		return err_set(e, errno, "option rw");
	for (char **d = m->data; d && *d; d++) {
		AUTO_FREE char *key = mem_strdup(*d);
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		if (sys_fsconfig(fs, value ? SYS_FSCONFIG_SET_STRING : SYS_FSCONFIG_SET_FLAG, key,
				 value, 0) < 0)
			return err_set(e, errno, "option %s", *d);
	}
	if (sys_fsconfig(fs, SYS_FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "change options");
	return 0;
}

/* Copies what the image has at the target into the new tmpfs. */
static int copy_up(struct init *in, const char *path, int tree, struct err *e)
{
	AUTO_CLOSE int from = path_try_open_in(in->root, path, O_RDONLY | O_DIRECTORY, 0);

	if (from == -ENOENT) {
		from = -1;
		return 0;
	}
	if (from < 0) {
		int r = -from;

		from = -1;
		return err_set(e, r, "open %s for tmpcopyup", path);
	}
	return copyup_tree(from, tree, e);
}

static int attach(struct init *in, const struct spec_mount *m, const char *path, int tree,
		  bool is_dir, struct err *e)
{
	/* CVE-2019-16884: a /proc or /sys that is a symlink would put procfs where the image
	 * wants it, a /dev the devices. */
	bool real = str_eq(m->type, "proc") || str_eq(m->type, "sysfs") || str_eq(path, "/dev");
	AUTO_CLOSE int target = -1;
	int r;

	r = mounts_target(in, path, is_dir, real || (m->flags & SPEC_MOUNT_DEST_NOFOLLOW), &target,
			  e);
	if (r == 0)
		r = check_proc_target(target, path, e);
	if (r < 0)
		return r;
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach");
	return 0;
}

/* A tmpfs gets its read-only flag only when what it shall hold is there: mount targets of
 * later mounts, device nodes, /dev/console. */
static bool readonly_later(const struct spec_mount *m, const char *path)
{
	return (m->attr_set & MOUNT_ATTR_RDONLY) && !is_bind(m) &&
	       (str_eq(m->type, "tmpfs") || str_eq(path, "/dev"));
}

static int mount_one(struct init *in, const struct spec_mount *spec, const struct plan_source *src,
		     const char *path, struct err *e)
{
	bool later = readonly_later(spec, path), is_dir = true;
	struct spec_mount m = *spec;
	AUTO_CLOSE int tree = -1;
	int r;

	/* "none" is no file system: what is there gets the options. */
	if ((m.flags & SPEC_MOUNT_REMOUNT) || str_eq(m.type, "none"))
		return remount(in, &m, path, e);
	if (later) {
		m.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		m.sb_flags &= ~(uint64_t)MS_RDONLY;
	}
	if (is_bind(&m)) {
		r = mount_bind_make(in, &m, src, &tree, &is_dir, e);
		if (r < 0 || tree < 0)
			return r;
	} else {
		r = mount_fs_make(in, &m, path, &tree, e);
	}
	if (r == 0 && (m.flags & SPEC_MOUNT_TMPCOPYUP))
		r = copy_up(in, path, tree, e);
	if (r == 0)
		r = attach(in, &m, path, tree, is_dir, e);
	if (r == 0 && later)
		in->readonly_later[in->nreadonly++] = fcntl(tree, F_DUPFD_CLOEXEC, 3);
	/* What lies over the root is the root from now on. */
	if (r == 0 && str_eq(path, "/"))
		in->root = TAKE_FD(tree);
	return r;
}

/* A destination may be given as the host's path of the root and what is behind it, as runc has
 * it. */
static const char *inside_path(const struct plan *p, const char *path)
{
	const char *rest = p->root_path ? str_after(path, p->root_path) : NULL;

	return rest && rest[0] == '/' && rest[1] ? rest : path;
}

int step_mounts(struct init *in, struct err *e)
{
	const struct spec *s = in->spec;

	in->readonly_later = mem_array(s->nmounts + 1, sizeof(int));
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		AUTO_FREE char *clean = path_clean(m->destination);
		int r = mount_one(in, m, &in->plan->mounts[i], inside_path(in->plan, clean), e);

		if (r < 0)
			return err_wrap(e, "mount %s (%s%s%s)", m->destination,
					is_bind(m) ? "bind" : m->type, m->source ? " from " : "",
					m->source ? m->source : "");
	}
	return 0;
}

/* Read-only is the folder: a socket in there is connected to all the same. */
int step_notify(struct init *in, struct err *e)
{
	struct sys_mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
				    .propagation = MS_PRIVATE };
	AUTO_CLOSE int tree = in->plan->fd[PLAN_FD_NOTIFY];
	int r = 0;

	if (!in->plan->sd_notify)
		return 0;
	if (tree < 0)
		r = mount_bind_path(in->plan->sd_notify_dir, false, &tree, e);
	if (r == 0 && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &a) < 0)
		r = err_set(e, errno, "options");
	if (r == 0)
		r = mounts_attach(in, tree, in->plan->sd_notify, true, e);
	return r < 0 ? err_wrap(e, "NOTIFY_SOCKET") : 0;
}
