/*
 * launch_plan.c - from spec and options to the plan: what is decided and opened before the
 * clone, while we still are who we are.
 *
 * Runs in: host.  Sources of binds and devices are opened here, as detached trees, so
 * that neither user namespaces nor races matter to the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/birth.h"
#include "runtime/mount_ns.h"

static bool is_bind(const struct spec_mount *m)
{
	return (m->flags & SPEC_MOUNT_BIND) || str_eq(m->type, "bind");
}

static int open_namespaces(struct birth *b, const struct spec *s, const struct launch_opts *o,
			   struct err *e)
{
	struct plan *p = b->plan;

	for (enum spec_ns i = 0; i < SPEC_NS_COUNT; i++) {
		const struct spec_namespace *ns = &s->ns[i];
		int fd, type;

		if (ns->unshare && i != SPEC_NS_CGROUP && i != SPEC_NS_TIME)
			p->clone_flags |= spec_ns_flag(i);
		if (ns->unshare || !ns->path)
			continue;
		fd = i == SPEC_NS_MOUNT && o->mount_ns > 0
			     ? fcntl(o->mount_ns, F_DUPFD_CLOEXEC, 3)
			     : open(ns->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return err_set(e, errno, "linux.namespaces: %s namespace %s",
				       spec_ns_name(i), ns->path);
		p->ns_fd[i] = birth_own_fd(b, fd);
		type = ioctl(fd, NS_GET_NSTYPE);
		if (type < 0 || (unsigned long)type != spec_ns_flag(i))
			return err_say(e, EINVAL, "linux.namespaces: %s is no %s namespace",
				       ns->path, spec_ns_name(i));
	}
	return 0;
}

/* PID and user namespaces that exist already are entered by a child of ours that then clones
 * the init; so is a new user namespace below which others are joined. */
static void decide_go_between(struct plan *p, const struct spec *s)
{
	bool joins = false, user = s->ns[SPEC_NS_USER].unshare;

	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		joins |= p->ns_fd[i] >= 0;
	p->userns = user || p->ns_fd[SPEC_NS_USER] >= 0;
	p->go_between =
		p->ns_fd[SPEC_NS_PID] >= 0 || p->ns_fd[SPEC_NS_USER] >= 0 ||
		(user && (joins || !plan_maps_id(&s->uids, 0) || !plan_maps_id(&s->gids, 0)));
	p->wait_mapped = user && p->go_between;
}

static int open_root(struct birth *b, const struct launch_opts *o, struct err *e)
{
	struct plan *p = b->plan;
	AUTO_FREE char *real = NULL;
	struct stat st;
	int fd;

	p->fd[PLAN_FD_ROOT] = o->root_fd;
	if (o->root_fd >= 0 && p->spec->ns[SPEC_NS_MOUNT].unshare && !spec_hooks_see_root(p->spec))
		return 0;
	b->root_path = o->root_path;
	real = realpath(o->root_path, NULL);
	if (!real || stat(real, &st) < 0)
		return err_set(e, errno, "root.path %s", o->root_path);
	p->root_path = arena_strdup(b->arena, real);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "root.path %s", o->root_path);
	if (o->root_fd >= 0)
		return 0;
	fd = sys_open_tree(AT_FDCWD, real,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd >= 0)
		p->fd[PLAN_FD_ROOT] = birth_own_fd(b, fd);
	else if (errno != EPERM)	/* without rights over our namespace the child does it */
		return err_set(e, errno, "root.path %s", o->root_path);
	return 0;
}

/* copy-symlink: true when the source is a link, which then is what crosses. */
static bool take_symlink(struct birth *b, const struct spec_mount *m, struct plan_source *src)
{
	char to[4096];
	ssize_t n;

	if (!(m->flags & SPEC_MOUNT_COPY_SYMLINK))
		return false;
	n = readlink(m->source, to, sizeof(to) - 1);
	if (n < 0)
		return false;
	src->symlink = arena_strndup(b->arena, to, (size_t)n);
	return true;
}

static const char *behind(const char *path, const char *dir)
{
	const char *rest = str_after(path, dir);

	return rest && *rest == '/' ? rest : NULL;
}

/* The part of a source's path behind that of the root, or NULL.  First by name, since what an
 * earlier mount will put there is not to be seen yet, and since a symbolic link in the root is
 * the container's: it leads to nothing of the host's. */
static const char *below_root(struct birth *b, const char *source)
{
	AUTO_FREE char *cwd = source[0] == '/' ? NULL : getcwd(NULL, 0);
	AUTO_FREE char *whole = mem_printf("%s/%s", cwd ? cwd : "", source);
	AUTO_FREE char *clean = path_clean(whole), *real = NULL;
	AUTO_FREE char *given = b->root_path ? path_clean(b->root_path) : NULL;
	const char *rest;

	if (!given)
		return NULL;
	rest = behind(clean, given);
	if (!rest)
		rest = behind(clean, b->plan->root_path);
	if (!rest) {
		real = realpath(source, NULL);
		rest = real ? behind(real, b->plan->root_path) : NULL;
	}
	return rest ? arena_strdup(b->arena, rest) : NULL;
}

static int source_is_dir(struct plan_source *src, struct err *e)
{
	struct stat st;

	if (fstat(src->fd, &st) < 0)
		return err_set(e, errno, "open source");
	src->is_dir = S_ISDIR(st.st_mode);
	return 0;
}

static int open_source(struct birth *b, const struct spec_mount *m, struct plan_source *src,
		       struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 (m->flags & SPEC_MOUNT_REC ? AT_RECURSIVE : 0) |
			 (m->flags & SPEC_MOUNT_SRC_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);

	src->idmap = birth_is_idmapped(m);
	if (m->source_fd > 0) {
		src->fd = birth_own_fd(b, m->source_fd);
		return source_is_dir(src, e);
	}
	if (str_empty(m->source))
		return err_say(e, EINVAL, "a bind needs a source");
	if (take_symlink(b, m, src))
		return 0;
	if (b->cwd_lost && m->source[0] != '/')
		return err_say(e, ENOENT, "the bundle is not in the joined mount namespace");
	src->in_root = below_root(b, m->source);
	if (src->in_root)
		return 0;
	src->fd = sys_open_tree(AT_FDCWD, m->source, flags);
	if (src->fd < 0) {
		if (errno == ENOENT && (m->flags & SPEC_MOUNT_OPTIONAL)) {
			src->absent = true;
			return 0;
		}
		/* Without rights over our mount namespace the child does it in its own. */
		if (errno != EPERM)
			return err_set(e, errno, "open source");
		return 0;
	}
	birth_own_fd(b, src->fd);
	return source_is_dir(src, e);
}

static int open_sources(struct birth *b, const struct spec *s, struct err *e)
{
	b->plan->mounts = arena_array(b->arena, s->nmounts, sizeof(*b->plan->mounts));
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		struct plan_source *src = &b->plan->mounts[i];
		int r;

		src->fd = -1;
		if (!is_bind(m) || (m->flags & SPEC_MOUNT_REMOUNT))
			continue;
		r = open_source(b, m, src, e);
		if (r < 0)
			return err_wrap(e, "mount %s (bind%s%s)", m->destination,
					m->source ? " from " : "", m->source ? m->source : "");
		/* It will ask while it mounts: until then the host must listen. */
		if (src->idmap && src->fd < 0)
			b->plan->report_mounted = b->plan->wait_go = true;
	}
	return 0;
}

/* As runc and crun have it, these paths are those of the namespace that is joined. */
static int open_paths(struct birth *b, const struct spec *s, const struct launch_opts *o,
		      struct err *e)
{
	struct mount_ns_visit v = MOUNT_NS_HOME;
	struct err why = ERR_INIT;
	int r = o->mount_ns > 0 ? mount_ns_enter(o->mount_ns, &v, e) : 0;

	b->cwd_lost = v.lost;
	if (r == 0)
		r = open_root(b, o, e);
	if (r == 0)
		r = open_sources(b, s, e);
	if (mount_ns_leave(&v, &why) < 0 && r == 0) {
		*e = why;
		r = -e->code;
	}
	return r;
}

static uint32_t host_id(const struct spec_idmaps *m, uint32_t id)
{
	(void)birth_host_id(m, id, &id);
	return id;
}

/* Where nodes are made for a user namespace: a tmpfs of the host's, since one of the
 * container's opens no device.  owned by b as PLAN_FD_NODES. */
static int open_nodes(struct birth *b, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(e, errno, "tmpfs for devices");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return err_set(e, errno, "tmpfs for devices");
	b->plan->fd[PLAN_FD_NODES] = birth_own_fd(b, fd);
	return 0;
}

static int make_node(struct birth *b, const struct spec *s, size_t i, struct err *e)
{
	const struct spec_device *d = &b->plan->devices[i];
	mode_t mode = (d->type == 'b' ? S_IFBLK : S_IFCHR) | (d->mode_set ? d->mode & 07777 : 0666);
	char name[24];
	int dir, r;

	r = b->plan->fd[PLAN_FD_NODES] < 0 ? open_nodes(b, e) : 0;
	if (r < 0)
		return r;
	dir = b->plan->fd[PLAN_FD_NODES];
	snprintf(name, sizeof(name), "%zu", i);
	if (mknodat(dir, name, mode, makedev(d->major, d->minor)) < 0 ||
	    fchmodat(dir, name, mode & 07777, 0) < 0 ||
	    fchownat(dir, name, host_id(&s->uids, d->uid), host_id(&s->gids, d->gid),
		     AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "make device %s", d->path);
	b->plan->device_sources[i].made = true;
	return 0;
}

static bool is_device(int fd, const struct spec_device *d)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (d->type == 'b' ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode)) &&
	       st.st_rdev == makedev(d->major, d->minor);
}

/* A node of our own has owner and mode as asked; where we may make none, the host's. */
static int open_device(struct birth *b, const struct spec *s, size_t i, struct err *e)
{
	const struct spec_device *d = &b->plan->devices[i];
	struct plan_source *src = &b->plan->device_sources[i];
	int fd, r;

	src->fd = -1;
	if (d->type == 'p')
		return 0;
	r = make_node(b, s, i, e);
	if (r != -EPERM)
		return r;
	fd = sys_open_tree(AT_FDCWD, d->path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (fd < 0 && errno != EPERM)	/* else the child does it in its own mount namespace */
		return r;
	if (fd >= 0)
		src->fd = birth_own_fd(b, fd);
	if (fd >= 0 && !is_device(fd, d))
		return r;
	*e = (struct err)ERR_INIT;
	return 0;
}

static int open_devices(struct birth *b, const struct spec *s, struct err *e)
{
	struct plan *p = b->plan;

	if (!plan_makes_dev(s))
		return 0;
	plan_set_devices(p, b->arena, s);
	if (!p->userns)
		return 0;
	p->device_sources = arena_array(b->arena, p->ndevices, sizeof(*p->device_sources));
	for (size_t i = 0; i < p->ndevices; i++) {
		int r = open_device(b, s, i, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool mounts_cgroup(const struct spec *s)
{
	for (size_t i = 0; i < s->nmounts; i++) {
		if (str_starts(s->mounts[i].type, "cgroup"))
			return true;
	}
	return false;
}

/* A bind: a new mount from the host's cgroup namespace would take options like nsdelegate from the
 * whole hierarchy (cgroup-v2.rst, "Mounting"). */
static void open_cgroups(struct birth *b, const struct launch_opts *o)
{
	struct err ignored = ERR_INIT;
	AUTO_CLOSE int top = -1;
	int fd;

	if (!o->own_cgroup && cgroup_root_open(&top, NULL, 0, &ignored) < 0)
		return;
	fd = sys_open_tree(o->own_cgroup ? o->cgroup_fd : top, "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (fd >= 0)
		b->plan->fd[PLAN_FD_CGROUP] = birth_own_fd(b, fd);
}

static int open_rest(struct birth *b, const struct spec *s, const struct launch_opts *o,
		     struct err *e)
{
	const struct spec_namespace *cg = &s->ns[SPEC_NS_CGROUP];
	struct plan *p = b->plan;
	int fd;

	if (!cg->unshare && !cg->path && mounts_cgroup(s))
		open_cgroups(b, o);
	if (o->sd_notify) {
		fd = sys_open_tree(AT_FDCWD, o->sd_notify_dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fd >= 0)
			p->fd[PLAN_FD_NOTIFY] = birth_own_fd(b, fd);
		else if (errno != EPERM)
			return err_set(e, errno, "NOTIFY_SOCKET: %s", o->sd_notify_dir);
		p->sd_notify = arena_strdup(b->arena, o->sd_notify);
		p->sd_notify_dir = arena_strdup(b->arena, o->sd_notify_dir);
	}
	p->fd[PLAN_FD_GATE] = o->gate_fd;
	return 0;
}

void birth_lsm(struct plan *p, const struct spec_process *process, const char *mount_label)
{
	char on = 'N';

	if (!str_empty(process->apparmor_profile)) {
		AUTO_CLOSE int fd =
			open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);

		p->has_apparmor = fd >= 0 && read(fd, &on, 1) == 1 && on == 'Y';
	}
	if (!str_empty(process->selinux_label) || !str_empty(mount_label))
		p->has_selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
}

int birth_plan(struct birth *b, const struct spec *s, const struct launch_opts *o, struct err *e)
{
	struct plan *p = b->plan = plan_new(b->arena);
	bool hooks = s->hooks[SPEC_HOOK_CREATE_CONTAINER].n > 0 ||
		     s->hooks[SPEC_HOOK_START_CONTAINER].n > 0;
	int r;

	p->spec = s;
	p->process = &s->process;
	birth_preserve(b, o->preserve_fds);
	p->listen_fds = o->listen_fds;
	p->pdeathsig = o->pdeathsig;
	p->no_pivot = o->no_pivot;
	p->run_pid1 = o->run_pid1;
	plan_own_all(b->arena, p, s);
	p->session_keyring = !o->no_new_keyring;
	p->report_mounted = o->mounts_ready || (hooks && o->state_write);
	p->wait_go = o->namespaces_ready || p->report_mounted;
	if (hooks)
		p->late = plan_late_room(b->arena, sizeof(*p->late));
	if (o->filter)
		plan_set_filter(p, b->arena, o->filter);
	birth_lsm(p, &s->process, s->mount_label);
	r = open_namespaces(b, s, o, e);
	if (r < 0)
		return r;
	decide_go_between(p, s);
	p->host_rlimits = p->userns && geteuid() == 0;
	r = open_paths(b, s, o, e);
	if (r == 0)
		r = birth_idmap(b, 0, e);
	if (r == 0)
		r = open_devices(b, s, e);
	return r == 0 ? open_rest(b, s, o, e) : r;
}
