/*
 * checkpoint.c - checkpoint and restore through the program `criu`.
 *
 * Runs in: host; criu is a child, for restore in a mount namespace of its own.
 *
 * What lies outside of the container and is not in its images is external, and named the
 * same way at both ends:
 *	bind mounts, masked files	mnt[DESTINATION]:DESTINATION -> mnt[DESTINATION]:SOURCE
 *	a joined network namespace	net[INODE]:berth-net	     -> fd[N]:berth-net
 *	standard files			their names in descriptors.json (as runc's)
 * Cgroups are ours (criu is told to ignore them): criu itself is put into the container's
 * cgroup, and what it restores is born there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/checkpoint.h"
#include "runtime/container_part.h"

#define DESCRIPTORS "descriptors.json"
#define NET_NAME "berth-net"
#define PID_FILE "criu.pid"

/* ---- arguments -------------------------------------------------------------------------- */

static const char *image_dir(const struct checkpoint_opts *o)
{
	return o->image_path ? o->image_path : "checkpoint";
}

static const char *work_dir(const struct checkpoint_opts *o)
{
	return o->work_path ? o->work_path : image_dir(o);
}

/* Options by table: which field, which word for criu, where it counts. */
static void flag_args(const struct checkpoint_opts *o, bool dump, struct strlist *args)
{
	const struct { bool set; const char *word; bool dump, restore; } flags[] = {
		{ o->leave_running, "--leave-running", true, false },
		{ o->tcp_established, "--tcp-established", true, true },
		{ o->tcp_close, "--tcp-close", false, true },
		{ o->tcp_skip_in_flight, "--skip-in-flight", true, false },
		{ o->ext_unix_sk, "--ext-unix-sk", true, true },
		{ o->shell_job, "--shell-job", true, true },
		{ o->file_locks, "--file-locks", true, true },
		{ o->link_remap, "--link-remap", true, false },
		{ o->lazy_pages, "--lazy-pages", true, true },
		{ o->auto_dedup, "--auto-dedup", true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].set && (dump ? flags[i].dump : flags[i].restore))
			strlist_add(args, flags[i].word);
	if (o->empty_network) {
		strlist_add(args, "--empty-ns");
		strlist_add(args, "net");
	}
	if (o->network_lock)
		strlist_addf(args, "--network-lock=%s", o->network_lock);
	if (o->status_fd >= 0)
		strlist_addf(args, "--status-fd=%d", o->status_fd);
}

static void config_args(const struct spec *s, struct strlist *args)
{
	static const char *const files[] = { "/etc/criu/berth.conf", "/etc/criu/runc.conf",
					     "/etc/criu/crun.conf" };
	const char *file = container_annotation(s, "org.criu.config");

	for (size_t i = 0; !file && i < ARRAY_SIZE(files); i++)
		if (path_exists(AT_FDCWD, files[i]))
			file = files[i];
	if (!str_empty(file))
		strlist_addf(args, "--config=%s", file);
}

static void common_args(const struct spec *s, const struct checkpoint_opts *o, bool dump,
			struct strlist *args)
{
	strlist_addf(args, "--images-dir=%s", image_dir(o));
	strlist_addf(args, "--work-dir=%s", work_dir(o));
	strlist_addf(args, "--log-file=%s", dump ? "dump.log" : "restore.log");
	strlist_add(args, "-v4");
	strlist_addf(args, "--manage-cgroups=%s", o->manage_cgroups ? o->manage_cgroups : "ignore");
	config_args(s, args);
	flag_args(o, dump, args);
}

static void mount_args(const struct spec *s, bool dump, struct strlist *args)
{
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!(m->flags & SPEC_MOUNT_BIND))
			continue;
		strlist_add(args, "--external");
		strlist_addf(args, "mnt[%s]:%s", m->destination, dump ? m->destination : m->source);
	}
	for (char **p = s->masked_paths; p && *p; p++) {
		struct stat st;

		/* Folders are covered by a tmpfs, which is part of the images. */
		if (stat(*p, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		strlist_add(args, "--external");
		strlist_addf(args, "mnt[%s]:%s", *p, dump ? *p : "/dev/null");
	}
}

static int check_spec(const struct spec *s, struct err *e)
{
	static const enum spec_ns joined[] = { SPEC_NS_PID, SPEC_NS_IPC, SPEC_NS_UTS, SPEC_NS_MOUNT,
					       SPEC_NS_USER, SPEC_NS_CGROUP, SPEC_NS_TIME };

	for (size_t i = 0; i < ARRAY_SIZE(joined); i++)
		if (s->ns[joined[i]].path)
			return err_say(e, ENOTSUP, "checkpoint: the container shares the %s "
				       "namespace of others", spec_ns_name(joined[i]));
	return 0;
}

/* ---- criu ------------------------------------------------------------------------------- */

/* The first line of criu's log that says Error: what a person needs of its ten thousand. */
static void add_reason(const struct checkpoint_opts *o, const char *log, struct err *e)
{
	AUTO_FREE char *path = path_join(work_dir(o), log), *text = NULL;
	struct err ignore = ERR_INIT;
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	size_t n;

	if (path_read_file(AT_FDCWD, path, 64u << 20, &text, &n, &ignore) < 0)
		return;
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		const char *at = strstr(lines.v[i], "Error ");

		if (at && !strstr(at, "criu/tun.c")) {	/* tun: it only tried */
			err_hint(e, "%.300s", at);
			break;
		}
	}
	err_hint(e, "see %s", path);
}

static int run_criu(struct strlist *args, void (*prepare)(void *ctx), void *ctx, struct err *e)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return err_set(e, errno, "fork");
	if (!pid) {
		if (prepare)
			prepare(ctx);
		execvp(args->v[0], args->v);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for criu");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_say(e, ENOENT, "there is no program criu (package criu)");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_say(e, EIO, "criu %s failed", args->v[1]);
	return 0;
}

/* ---- checkpoint ------------------------------------------------------------------------- */

/* Names of the standard files, as runc writes them: restore looks for the pipes. */
static int save_descriptors(const struct checkpoint_opts *o, pid_t pid, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *path = path_join(image_dir(o), DESCRIPTORS);
	struct json_out out;

	json_out_init(&out, &b, 0);
	json_out_arr(&out, NULL);
	for (int fd = 0; fd < 3; fd++) {
		char link[64], name[4096] = "";

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
		if (readlink(link, name, sizeof(name) - 1) < 0)
			name[0] = 0;
		json_out_str(&out, NULL, name);
	}
	json_out_end_arr(&out);
	return path_write_file(AT_FDCWD, path, b.s, b.len, 0600, false, e);
}

static void net_arg(const struct spec *s, pid_t pid, struct strlist *args)
{
	char path[64];
	struct stat st;

	if (!s->ns[SPEC_NS_NETWORK].path)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) == 0) {
		strlist_add(args, "--external");
		strlist_addf(args, "net[%llu]:" NET_NAME, (unsigned long long)st.st_ino);
	}
}

static int page_server_args(const struct checkpoint_opts *o, struct strlist *args, struct err *e)
{
	const char *colon = o->page_server ? strrchr(o->page_server, ':') : NULL;

	if (!o->page_server)
		return 0;
	if (!colon)
		return err_say(e, EINVAL, "--page-server %s: expected ADDRESS:PORT",
			       o->page_server);
	strlist_add(args, "--page-server");
	strlist_addf(args, "--address=%.*s", (int)(colon - o->page_server), o->page_server);
	strlist_addf(args, "--port=%s", colon + 1);
	return 0;
}

static int dump_loaded(const struct container_state *st, const struct spec *s,
		       const struct checkpoint_opts *o, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	int r;

	if (st->status != CONTAINER_RUNNING && st->status != CONTAINER_PAUSED)
		return err_say(e, EINVAL, "container cannot be checkpointed in %s state",
			       container_status_name(st->status));
	r = check_spec(s, e);
	if (!r)
		r = path_mkdirs(image_dir(o), 0700, e);
	if (!r)
		r = path_mkdirs(work_dir(o), 0700, e);
	if (!r && !o->pre_dump)
		r = save_descriptors(o, st->pid, e);
	if (r < 0)
		return r;
	strlist_add(&args, "criu");
	strlist_add(&args, o->pre_dump ? "pre-dump" : "dump");
	strlist_addf(&args, "--tree=%d", (int)st->pid);
	common_args(s, o, true, &args);
	mount_args(s, true, &args);
	net_arg(s, st->pid, &args);
	if (o->pre_dump || o->parent_path)
		strlist_add(&args, "--track-mem");
	if (o->parent_path)
		strlist_addf(&args, "--prev-images-dir=%s", o->parent_path);
	r = page_server_args(o, &args, e);
	if (!r)
		r = run_criu(&args, NULL, NULL, e);
	if (r < 0 && e->code == EIO)
		add_reason(o, "dump.log", e);
	return r;
}

int checkpoint_dump(const struct container_env *env, const char *id,
		    const struct checkpoint_opts *o, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_CLOSE int dir = -1;
	struct container_state st = { 0 };
	struct spec *s;
	int r = state_dir_lock(env, id, &dir, e);

	if (!r)
		r = state_load(dir, id, &st, e);
	if (r < 0)
		return r;
	r = container_spec(env, id, a, &s, e);
	if (!r)
		r = dump_loaded(&st, s, o, e);
	container_state_clear(&st);
	return r;
}

/* ---- restore ---------------------------------------------------------------------------- */

struct restore {
	const struct container_env *env;
	struct spec *s;
	const struct container_create_opts *co;
	const struct checkpoint_opts *o;
	struct container_state state;
	struct cgroup cgroup;
	int dir, net;
	bool made_dir;
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
	code = state_save(r->dir, &r->state, e);
	if (!code)
		code = cgroup_make(&w, &r->cgroup, e);
	if (code < 0)
		return code;
	r->state.cgroup_path = arena_strdup(r->state.arena, r->cgroup.path ? r->cgroup.path : "");
	r->state.scope = r->cgroup.unit ? arena_strdup(r->state.arena, r->cgroup.unit) : "";
	return state_save(r->dir, &r->state, e);
}

static int save_spec(struct restore *r, struct err *e)
{
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;

	spec_write(r->s, &text);
	return path_write_file(r->dir, STATE_CONFIG, text.s, text.len, 0600, false, e);
}

static int inherit_args(const struct restore *r, struct strlist *args, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_FREE char *path = path_join(image_dir(r->o), DESCRIPTORS), *text = NULL;
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

		if (name && (str_starts(name, "pipe:") || str_starts(name, "socket:"))) {
			strlist_add(args, "--inherit-fd");
			strlist_addf(args, "fd[%d]:%s", fd, name);
		}
	}
	if (r->net >= 0) {
		strlist_add(args, "--inherit-fd");
		strlist_addf(args, "fd[%d]:" NET_NAME, r->net);
	}
	return 0;
}

/* In the child that becomes criu: the root must be a mount point, and nobody else's. */
static void prepare_restore(void *ctx)
{
	struct restore *r = ctx;
	struct err e = ERR_INIT;

	if (r->cgroup.fd >= 0 && cgroup_attach(r->cgroup.fd, getpid(), &e) < 0)
		_exit(126);
	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    sys_mount(r->state.rootfs, r->state.rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    sys_mount(NULL, r->state.rootfs, NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(126);
	if (r->net >= 0)
		fd_cloexec(r->net, false);
}

static int read_pid(struct restore *r, struct launch *ret, struct err *e)
{
	char text[32];
	uint32_t pid;
	int code = path_read_line(r->dir, PID_FILE, text, sizeof(text), e);

	if (code < 0)
		return code;
	unlinkat(r->dir, PID_FILE, 0);
	if (str_to_u32(text, &pid) < 0 || !pid)
		return err_say(e, EPROTO, "criu named no process");
	ret->pid = (pid_t)pid;
	ret->pidfd = sys_pidfd_open(ret->pid, 0);
	if (ret->pidfd < 0 || proc_start_time(ret->pid, &ret->start_time) < 0)
		return err_set(e, errno, "the restored process %u", pid);
	r->state.pid = ret->pid;
	r->state.start_time = ret->start_time;
	r->state.creating = false;
	return state_save(r->dir, &r->state, e);
}

static int bring_back(struct restore *r, struct launch *ret, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	struct container_outputs out = { NULL, r->co->pid_file, r->co->pidfd_socket };
	int code;

	strlist_add(&args, "criu");
	strlist_add(&args, "restore");
	strlist_add(&args, "--restore-detached");
	strlist_addf(&args, "--pidfile=%s/%s/" PID_FILE, r->env->run_root, r->state.id);
	strlist_addf(&args, "--root=%s", r->state.rootfs);
	common_args(r->s, r->o, false, &args);
	mount_args(r->s, false, &args);
	if (r->o->lsm_profile)
		strlist_addf(&args, "--lsm-profile=%s", r->o->lsm_profile);
	if (r->o->lsm_mount_context)
		strlist_addf(&args, "--lsm-mount-context=%s", r->o->lsm_mount_context);
	code = inherit_args(r, &args, e);
	if (code < 0)
		return code;
	code = run_criu(&args, prepare_restore, r, e);
	cgroup_settle(&r->cgroup);
	if (code < 0) {
		if (e->code == EIO)
			add_reason(r->o, "restore.log", e);
		return code;
	}
	code = read_pid(r, ret, e);
	return code < 0 ? code : container_hand_over(&out, ret, e);
}

static int restore_steps(struct restore *r, const char *id, struct launch *ret, struct err *e)
{
	int code = fill(r, id, e);

	if (!code)
		code = spec_check(r->s, e);
	if (!code)
		code = check_spec(r->s, e);
	if (!code && r->s->ns[SPEC_NS_NETWORK].path) {
		r->net = open(r->s->ns[SPEC_NS_NETWORK].path, O_RDONLY | O_CLOEXEC);
		if (r->net < 0)
			code = err_set(e, errno, "%s", r->s->ns[SPEC_NS_NETWORK].path);
	}
	if (!code)
		code = state_dir_make(r->env, id, false, &r->dir, &r->made_dir, e);
	if (!code)
		code = make_cgroup(r, e);
	if (!code)
		code = save_spec(r, e);
	return code < 0 ? code : bring_back(r, ret, e);
}

int checkpoint_restore(const struct container_env *env, const char *id, struct spec *s,
		       const struct container_create_opts *co, const struct checkpoint_opts *o,
		       struct launch *ret, struct err *e)
{
	struct restore r = { .env = env, .s = s, .co = co, .o = o, .cgroup = CGROUP_INIT, .dir = -1,
			     .net = -1 };
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	int code;

	if (s->process.terminal)
		return err_say(e, ENOTSUP, "restore: a container with a terminal is not supported");
	code = restore_steps(&r, id, &l, e);
	if (code < 0 && r.dir >= 0) {
		struct err why = ERR_INIT;

		if (container_undo(env, r.dir, &r.state, false, r.made_dir, &why) < 0)
			log_warn("%s", why.msg);
	}
	if (!code)
		*ret = l;
	fd_close(&r.net);
	fd_close(&r.dir);
	cgroup_cleanup(&r.cgroup);
	container_state_clear(&r.state);
	return code;
}
