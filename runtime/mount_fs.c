/*
 * mount_fs.c - new file systems: fsopen, fsconfig, fsmount; and what stands in for one
 * that we may not make.
 *
 * Runs in: container.  Sources: fsopen(2), user_namespaces(7) on which file systems may
 * be mounted, cgroup_namespaces(7).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/init.h"

#define FS_VALUE_MAX 255	/* of fsconfig's strings */

/* clang-format off */
/* Who owns the namespace that a file system shows may mount it.  A container that shares the
 * host's namespace, but not its user namespace, gets the host's mount. */
static const struct {
	const char *type, *host_path;
	enum spec_ns ns;
} stand_ins[] = {
	{ "proc",	"/proc",		SPEC_NS_PID },
	{ "sysfs",	"/sys",			SPEC_NS_NETWORK },
	{ "mqueue",	"/dev/mqueue",		SPEC_NS_IPC },
	{ "cgroup2",	"/sys/fs/cgroup",	SPEC_NS_CGROUP },
};
/* clang-format on */

static int set_one(int fs, const char *key, const char *value, struct err *e)
{
	char why[256];
	int saved;

	if (sys_fsconfig(fs, value ? SYS_FSCONFIG_SET_STRING : SYS_FSCONFIG_SET_FLAG, key, value,
			 0) == 0)
		return 0;
	saved = errno;
	sys_fs_reason(fs, why, sizeof(why));
	err_set(e, saved, "option %s%s%s", key, value ? "=" : "", value ? value : "");
	return why[0] ? err_hint(e, "%s", why) : -saved;
}

static int set_option(int fs, const char *option, struct err *e)
{
	AUTO_FREE char *key = mem_strdup(option);
	char *value = strchr(key, '=');

	if (value)
		*value++ = '\0';
	return set_one(fs, key, value, e);
}

/* Group 5 (tty) need not be mapped in a user namespace. */
static bool unmapped_gid(const struct init *in, const struct spec_mount *m, const char *option)
{
	const char *value = str_after(option, "gid=");
	const struct spec_idmaps *g = &in->spec->gids;
	uint32_t gid;

	if (!value || !in->plan->userns || !str_eq(m->type, "devpts") ||
	    str_to_u32(value, &gid) < 0)
		return false;
	return g->n > 0 && !plan_maps_id(g, gid);
}

/* Without a mode of its own a tmpfs gets that of what it covers, as under runc: /tmp stays
 * 1777. */
static int keep_mode(struct init *in, int fs, const struct spec_mount *m, const char *target,
		     struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char mode[8];

	if (!str_eq(m->type, "tmpfs"))
		return 0;
	for (char **d = m->data; d && *d; d++) {
		if (str_starts(*d, "mode="))
			return 0;
	}
	fd = path_try_open_in(in->root, target, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	snprintf(mode, sizeof(mode), "%04o", st.st_mode & 07777u);
	return set_one(fs, "mode", mode, e);
}

static int set_options(struct init *in, int fs, const struct spec_mount *m, struct err *e)
{
	int r = 0;

	for (const struct plan_sb_flag *f = plan_sb_flags; r == 0 && f->flag; f++) {
		if (m->sb_flags & f->flag)
			r = set_one(fs, f->name, NULL, e);
	}
	for (char **d = m->data; r == 0 && d && *d; d++) {
		if (!unmapped_gid(in, m, *d))
			r = set_option(fs, *d, e);
	}
	if (r == 0 && in->spec->mount_label && in->plan->has_selinux &&
	    (str_eq(m->type, "tmpfs") || str_eq(m->type, "mqueue")))
		r = set_one(fs, plan_label_option(in->spec), in->spec->mount_label, e);
	return r;
}

/* fsconfig knows no option longer than a page, and iversion of a few file systems only. */
static bool needs_classic(const struct spec_mount *m)
{
	if (m->sb_flags & MS_I_VERSION)
		return true;
	for (char **d = m->data; d && *d; d++) {
		const char *value = strchr(*d, '=');

		if (value && strlen(value + 1) > FS_VALUE_MAX)
			return true;
	}
	return false;
}

/* mount(2) takes what fsconfig cannot.  It knows no detached
 * mounts, so the target itself is mounted on for a moment, by descriptor. */
static int make_classic(struct init *in, const struct spec_mount *m, const char *target, int *ret,
			struct err *e)
{
	AUTO(strbuf) struct strbuf data = STRBUF_INIT;
	AUTO_CLOSE int at = -1;
	AUTO_CLOSE int top = -1;
	char path[32];
	int r;

	for (char **d = m->data; *d; d++)
		strbuf_addf(&data, "%s%s", data.len ? "," : "", *d);
	r = mounts_target(in, target, true, false, &at, e);
	if (r < 0)
		return r;
	if (sys_mount(m->source ? m->source : m->type, path_of_fd(at, path), m->type,
		      (unsigned long)m->sb_flags, data.s) < 0)
		return err_set(e, errno, "mount");
	r = path_open_in(in->root, target, O_PATH, 0, &top, e);
	if (r < 0)
		return r;
	*ret = sys_open_tree(top, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (*ret < 0)
		return err_set(e, errno, "open the mount");
	if (sys_umount2(path_of_fd(top, path), MNT_DETACH) < 0)
		return err_set(e, errno, "move the mount");
	return 0;
}

/* Without a cgroup namespace it is a bind of what the host chose. */
static int bound_cgroup(struct init *in, int *ret)
{
	int fd = in->plan->fd[PLAN_FD_CGROUP];

	if (fd < 0 || in->spec->ns[SPEC_NS_CGROUP].unshare || in->spec->ns[SPEC_NS_CGROUP].path)
		return 0;
	*ret = fd;
	return 1;
}

static bool stand_in(struct init *in, const char *type, int *ret)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(stand_ins); i++) {
		const struct spec_namespace *ns = &in->spec->ns[stand_ins[i].ns];

		if (str_eq(type, stand_ins[i].type) && !ns->unshare && !ns->path)
			return mount_bind_path(stand_ins[i].host_path, true, ret, &ignored) == 0;
	}
	return false;
}

static int make_new(struct init *in, const struct spec_mount *m, const char *type,
		    const char *target, int *ret, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen(type, FSOPEN_CLOEXEC);
	char why[256];
	int r;

	if (fs < 0)
		return errno == ENODEV ?
			err_say(e, ENODEV, "file system %s is not known to this kernel", type) :
			err_set(e, errno, "open file system %s", type);
	r = set_one(fs, "source", m->source && *m->source ? m->source : type, e);
	if (r == 0)
		r = keep_mode(in, fs, m, target, e);
	if (r == 0)
		r = set_options(in, fs, m, e);
	if (r < 0)
		return r;
	if (sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		r = errno;
		sys_fs_reason(fs, why, sizeof(why));
		err_set(e, r, "make file system %s", type);
		return why[0] ? err_hint(e, "%s", why) : -r;
	}
	*ret = sys_fsmount(fs, FSMOUNT_CLOEXEC,
			   (unsigned)m->attr_set & ~(unsigned)MOUNT_ATTR_IDMAP);
	if (*ret < 0)
		return err_set(e, errno, "mount file system %s", type);
	return 0;
}

static bool has_data(const struct spec_mount *m)
{
	return m->data && m->data[0];
}

/* A bind of the host's mount is no file system of ours to set options of. */
static int no_data(const struct spec_mount *m, struct err *e)
{
	return err_say(e, EINVAL, "option %s: the container gets the host's mount, whose options "
		       "are the host's", m->data[0]);
}

int mount_fs_make(struct init *in, const struct spec_mount *m, const char *target, int *ret,
		  struct err *e)
{
	const char *type = str_eq(m->type, "cgroup") ? "cgroup2" : m->type;
	struct spec_mount rest = *m;
	AUTO_CLOSE int fd = -1;
	int r;

	if (str_eq(type, "cgroup2") && bound_cgroup(in, &fd)) {
		if (has_data(m))
			return no_data(m, e);
		r = mount_attrs(in, m, fd, false, e);
		if (r == 0)
			*ret = TAKE_FD(fd);
		return r;
	}
	if (needs_classic(m))
		r = make_classic(in, m, target, &fd, e);
	else
		r = make_new(in, m, type, target, &fd, e);
	if (r == -EPERM || r == -EBUSY) {
		if (!stand_in(in, type, &fd))
			return r;
		*e = (struct err)ERR_INIT;
		if (has_data(m))
			return no_data(m, e);
		/* It comes with all that is mounted on it. */
		rest.rec_set |= m->attr_set;
		rest.rec_clr |= m->attr_clr;
	} else if (r < 0) {
		return r;
	} else if (!needs_classic(m)) {
		rest.attr_set = rest.attr_clr = 0;	/* fsmount has done it */
	}
	r = mount_attrs(in, &rest, fd, false, e);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}
