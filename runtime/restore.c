/*
 * restore.c - a container out of the files of its processes, by criu.
 *
 * Runs in: host; criu is a child, in a mount namespace of its own.
 *
 * Cgroups are ours (criu is told to ignore them): criu itself is put into the container's
 * cgroup, and what it restores is born there, as our child.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/checkpoint_part.h"

struct restore {
	const struct container_env *env;
	struct spec *s;
	const struct container_create_opts *co;
	const struct checkpoint_opts *o;
	struct container_state state;
	struct cgroup cgroup;
	struct launch l;
	int dir, joined[CHECKPOINT_JOINED];
	bool made_dir, hooks_owed;
};

static int fill(struct restore *r, const char *id, struct err *e)
{
	struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct timespec now;
	char text[40];

	r->state = (struct container_state){ .arena = a, .id = id, .bundle = r->co->bundle,
		.oci_version = SPEC_VERSION, .owner = getuid() ? arena_printf(a, "%u", getuid())
							       : "root",
		.cgroup_path = "", .cgroup_driver = cgroup_driver_name(r->env->driver),
		.scope = "", .rdt_group = "", .annotations = r->s->annotations, .creating = true,
		.own_pidns = r->s->ns[SPEC_NS_PID].unshare };
	clock_gettime(CLOCK_REALTIME, &now);
	r->state.created = arena_strdup(a, str_time(now, text));
	if (proc_boot_id(text) < 0)
		return err_say(e, EIO, "no boot id in /proc/sys/kernel/random/boot_id");
	r->state.boot_id = arena_strdup(a, text);
	if (!r->s->root_path)
		return err_say(e, EINVAL, "config.json: root.path: must be given");
	r->state.rootfs = *r->s->root_path == '/' ? r->s->root_path
			: arena_printf(a, "%s/%s", r->co->bundle, r->s->root_path);
	for (int k = 0; k < SPEC_HOOK_COUNT; k++)
		if (r->s->hooks[k].n)
			r->state.hooks |= 1u << k;
	return 0;
}

static int make_cgroup(struct restore *r, struct err *e)
{
	struct cgroup_want w = {
		.driver = r->env->driver, .id = r->state.id,
		.oci_path = str_empty(r->s->cgroups_path) ? NULL : r->s->cgroups_path,
		.limits = &r->s->limits, .annotations = &r->s->annotations,
		.rootless = r->env->rootless,
	};
	int code;

	if (!r->env->rootless && w.driver != CGROUP_DRIVER_DISABLED)
		container_devices(&r->s->limits, r->s->arena);
	code = state_cgroup_make(r->dir, &r->state, &w, &r->cgroup, e);
	return code < 0 ? code : state_save(r->dir, &r->state, e);
}

static int save_spec(struct restore *r, struct err *e)
{
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;

	spec_write(r->s, &text);
	return path_write_file(r->dir, STATE_CONFIG, text.s, text.len, 0600, false, e);
}

static void inherit(struct strbuf *b, const char *key, int fd)
{
	AUTO(strbuf) struct strbuf one = STRBUF_INIT;

	criu_text(&one, 1, key);
	criu_num(&one, 2, (uint64_t)fd);
	criu_part(b, CRIU_INHERIT_FD, &one);
}

static int inherit_args(const struct restore *r, struct strbuf *b, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_FREE char *path = path_join(checkpoint_images(r->o), DESCRIPTORS), *text = NULL;
	struct json_limits lim = { 65536, 4 };
	const struct json *v;
	size_t n;
	int fd = 0, code = path_read_file(AT_FDCWD, path, lim.bytes, &text, &n, e);

	if (!code)
		code = json_parse(a, text, n, lim, DESCRIPTORS, &v, e);
	if (code < 0)
		return code;
	for (const struct json *item = v->child; item && fd < 3; item = item->next, fd++) {
		const char *name = json_str(item);

		if (name && (str_starts(name, "pipe:") || str_starts(name, "socket:")))
			inherit(b, name, fd);
	}
	for (size_t i = 0; i < CHECKPOINT_JOINED; i++)
		if (r->joined[i] >= 0)
			inherit(b, checkpoint_joined[i].name, r->joined[i]);
	return 0;
}

/* criu enters these before it makes the first process. */
static void join_args(const struct spec *s, struct strbuf *b)
{
	static const enum spec_ns kinds[] = { SPEC_NS_IPC, SPEC_NS_UTS };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO(strbuf) struct strbuf one = STRBUF_INIT;

		if (!s->ns[kinds[i]].path)
			continue;
		criu_text(&one, 1, spec_ns_file(kinds[i]));
		criu_text(&one, 2, s->ns[kinds[i]].path);
		criu_part(b, CRIU_JOIN_NS, &one);
	}
}

/* In the child that becomes criu: the root must be a mount point.  Where the host's mounts are
 * shared it has to be a slave, as the container's was: criu copies that from it. */
static void prepare_restore(void *ctx)
{
	struct restore *r = ctx;
	struct err e = ERR_INIT;

	if (r->cgroup.fd >= 0 && cgroup_attach(r->cgroup.fd, getpid(), &e) < 0)
		_exit(126);
	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    sys_mount(r->state.rootfs, r->state.rootfs, NULL, MS_BIND | MS_REC, NULL) < 0)
		_exit(126);
	for (size_t i = 0; i < CHECKPOINT_JOINED; i++)
		if (r->joined[i] >= 0)
			fd_cloexec(r->joined[i], false);
}

/* The mount whose file system the destination of mount i lies in, or NULL: the root's. */
static const struct spec_mount *mount_below(const struct spec *s, size_t i)
{
	const struct spec_mount *found = NULL;
	size_t longest = 0;

	for (size_t k = 0; k < i; k++) {
		const char *dir = s->mounts[k].destination;
		const char *rest = str_after(s->mounts[i].destination, dir);

		if (rest && *rest == '/' && strlen(dir) > longest) {
			longest = strlen(dir);
			found = &s->mounts[k];
		}
	}
	return found;
}

/* criu mounts where there is a place; create made these, and somebody may have cleaned up. */
static int make_target(const struct restore *r, size_t i, struct err *e)
{
	const struct spec *s = r->s;
	const struct spec_mount *m = &s->mounts[i], *below = mount_below(s, i);
	const char *path = m->destination, *top = r->state.rootfs;
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int made = -1;
	struct stat st;
	bool is_dir = true;

	if (m->flags & SPEC_MOUNT_BIND) {
		if (m->flags & SPEC_MOUNT_REMOUNT || stat(m->source, &st) < 0)
			return 0;
		is_dir = S_ISDIR(st.st_mode);
	}
	if (below && !(below->flags & SPEC_MOUNT_BIND))
		return 0;	/* that file system comes back with what was in it */
	if (below) {
		path += strlen(below->destination);
		top = below->source;
	}
	if (path_open_dir(AT_FDCWD, top, &root, e) < 0)
		return -e->code;
	return is_dir ? path_mkdir_in(root, path, 0755, 0, 0, &made, e) :
			path_touch_in(root, path, &made, e);
}

static int make_targets(const struct restore *r, struct err *e)
{
	int code = 0;

	for (size_t i = 0; !code && i < r->s->nmounts; i++) {
		code = make_target(r, i, e);
		if (code < 0)
			err_wrap(e, "restore: %s", r->s->mounts[i].destination);
	}
	return code;
}

static int on_restore(void *ctx, const char *script, pid_t pid, int *fd, struct err *e)
{
	struct restore *r = ctx;
	int code;

	if (str_eq(script, "orphan-pts-master") && *fd >= 0 && r->l.console < 0)
		r->l.console = TAKE_FD(*fd);
	if (!str_eq(script, "setup-namespaces"))
		return 0;
	r->state.pid = pid;
	if (proc_start_time(pid, &r->state.start_time) < 0)
		return err_set(e, ESRCH, "the process that is restored");
	r->hooks_owed = true;
	code = container_hooks(&r->state, r->s, SPEC_HOOK_PRESTART, CONTAINER_CREATING, e);
	if (!code)
		code = container_hooks(&r->state, r->s, SPEC_HOOK_CREATE_RUNTIME,
				       CONTAINER_CREATING, e);
	return code;
}

/* criu gives what it restores a time namespace, that its clocks go on; an exec is to join that,
 * too, or the two could not be dumped together again. */
static int note_time(struct restore *r, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/ns/time", (int)r->l.pid);
	struct spec_namespace *ns = &r->s->ns[SPEC_NS_TIME];
	struct stat own, its;

	if (ns->unshare || stat("/proc/self/ns/time", &own) < 0 || stat(path, &its) < 0 ||
	    own.st_ino == its.st_ino)
		return 0;
	ns->unshare = true;
	return save_spec(r, e);
}

static int note_pid(struct restore *r, struct err *e)
{
	int code;

	if (r->l.pid <= 0)
		return err_say(e, EPROTO, "criu named no process");
	r->l.pidfd = sys_pidfd_open(r->l.pid, 0);
	if (r->l.pidfd < 0 || proc_start_time(r->l.pid, &r->l.start_time) < 0)
		return err_set(e, errno, "the restored process %d", (int)r->l.pid);
	r->state.pid = r->l.pid;
	r->state.start_time = r->l.start_time;
	r->state.creating = false;
	code = note_time(r, e);
	return code < 0 ? code : state_save(r->dir, &r->state, e);
}

static int restore_args(struct restore *r, struct checkpoint_dirs *d, struct strbuf *b,
			struct err *e)
{
	int code = checkpoint_args(r->s, r->o, false, d, b, e);

	if (!code)
		code = inherit_args(r, b, e);
	if (code < 0)
		return code;
	join_args(r->s, b);
	criu_text(b, CRIU_ROOT, r->state.rootfs);
	criu_num(b, CRIU_RST_SIBLING, 1);
	criu_num(b, CRIU_EVASIVE_DEVICES, 1);
	checkpoint_mount_args(r->s, r->state.rootfs, false, b);
	if (r->o->lsm_profile)
		criu_text(b, CRIU_LSM_PROFILE, r->o->lsm_profile);
	if (r->o->lsm_mount_context)
		criu_text(b, CRIU_LSM_MOUNT_CONTEXT, r->o->lsm_mount_context);
	return 0;
}

static int bring_back(struct restore *r, struct err *e)
{
	struct container_outputs out = { r->co->console_socket, r->co->pid_file,
					 r->co->pidfd_socket };
	struct criu_call c = { .request = CRIU_RESTORE, .opts = STRBUF_INIT,
			       .prepare = prepare_restore, .notify = on_restore, .ctx = r };
	AUTO(checkpoint_dirs) struct checkpoint_dirs d = CHECKPOINT_DIRS_INIT;
	int code = make_targets(r, e);

	if (!code)
		code = restore_args(r, &d, &c.opts, e);
	if (code < 0) {
		strbuf_cleanup(&c.opts);
		return code;
	}
	code = criu_run(&c, &r->l.pid, e);
	cgroup_settle(&r->cgroup);
	if (code < 0) {
		if (e->code == EIO)
			checkpoint_add_reason(r->o, "restore.log", e);
		return code;
	}
	code = note_pid(r, e);
	return code < 0 ? code : container_hand_over(&out, &r->l, e);
}

static int open_joined(struct restore *r, struct err *e)
{
	for (size_t i = 0; i < CHECKPOINT_JOINED; i++) {
		const char *path = r->s->ns[checkpoint_joined[i].ns].path;

		if (!path)
			continue;
		r->joined[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (r->joined[i] < 0)
			return err_set(e, errno, "%s", path);
	}
	return 0;
}

static int restore_steps(struct restore *r, const char *id, struct err *e)
{
	int code = fill(r, id, e);

	if (!code)
		code = spec_check(r->s, e);
	if (!code)
		code = checkpoint_check(r->s, e);
	if (!code)
		code = open_joined(r, e);
	if (!code)
		code = state_dir_make(r->env, id, false, &r->dir, &r->made_dir, e);
	if (!code)
		code = make_cgroup(r, e);
	if (!code)
		code = save_spec(r, e);
	return code < 0 ? code : bring_back(r, e);
}

static int check_console(const struct spec *s, const struct container_create_opts *co,
			 struct err *e)
{
	if (s->process.terminal && !co->console_socket && !co->console_out)
		return err_say(e, EINVAL, "process.terminal: a detached container with a terminal "
			       "needs --console-socket");
	if (!s->process.terminal && co->console_socket)
		return err_say(e, EINVAL, "--console-socket: process.terminal is not set");
	return 0;
}

int checkpoint_restore(const struct container_env *env, const char *id, struct spec *s,
		       const struct container_create_opts *co, const struct checkpoint_opts *o,
		       struct launch *ret, struct err *e)
{
	struct restore r = { .env = env, .s = s, .co = co, .o = o, .cgroup = CGROUP_INIT, .dir = -1,
			     .joined = { -1, -1 },
			     .l = { .pidfd = -1, .sync = -1, .console = -1,
				    .seccomp_notify = -1 } };
	int code = check_console(s, co, e);

	if (!code)
		code = restore_steps(&r, id, e);
	if (code < 0 && r.dir >= 0) {
		struct err why = ERR_INIT;

		launch_abort(&r.l);
		if (container_undo(env, r.dir, &r.state, r.hooks_owed, r.made_dir, &why) < 0)
			log_warn("%s", why.msg);
	}
	if (!code)
		*ret = r.l;
	for (size_t i = 0; i < CHECKPOINT_JOINED; i++)
		fd_close(&r.joined[i]);
	fd_close(&r.dir);
	cgroup_cleanup(&r.cgroup);
	if (r.state.arena)
		container_state_clear(&r.state);
	return code;
}
