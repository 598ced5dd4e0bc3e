/*
 * container.c - create: everything from a checked spec to a process that waits for
 * `start`.
 *
 * Runs in: host
 *
 *	folder and lock - state "creating" - cgroup - filter - gate - birth
 *	(pid and spec noted; device rules, network; prestart and createRuntime hooks; seccomp
 *	listener) - console, pid file - state
 *
 * The state names what is about to be made before it is made, so whoever finds it after
 * a kill -9 can undo it (container_end.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "netns/net.h"
#include "runtime/container_part.h"
#include "runtime/sdnotify.h"
#include "runtime/tty.h"

struct birth {
	const struct container_env *env;
	const char *id;
	struct spec *s;
	const struct container_create_opts *o;
	struct container_state state;
	struct cgroup cgroup;
	struct filter_program filter;
	struct launch l;
	int dir, gate;
	bool made_dir, launched, hooks_owed;
};

/* ---- what is known before anything is made ---------------------------------------------- */

static int check_console(const struct birth *b, struct err *e)
{
	bool terminal = b->s->process.terminal;

	if (terminal && !b->o->console_socket && !b->o->console_out)
		return err_say(e, EINVAL, "process.terminal: a detached container with a terminal "
			       "needs --console-socket");
	if (!terminal && b->o->console_socket)
		return err_say(e, EINVAL, "--console-socket: process.terminal is not set");
	return 0;
}

static int check_root(struct birth *b, struct err *e)
{
	struct arena *a = b->state.arena;
	const char *path = b->s->root_path;

	if (!path && b->o->root_fd < 0)
		return err_say(e, EINVAL, "root.path: must be given");
	b->state.rootfs = !path ? "" : *path == '/' ? path
			: arena_printf(a, "%s/%s", b->o->bundle, path);
	if (b->o->root_fd < 0 && !b->s->ns[SPEC_NS_MOUNT].path &&
	    access(b->state.rootfs, F_OK) < 0)
		return err_set(e, errno, "root.path: %.400s", b->state.rootfs);
	return 0;
}

static const char *owner_name(struct arena *a)
{
	uid_t uid = getuid();

	return uid ? arena_printf(a, "%u", uid) : "root";	/* no NSS for a label */
}

static int fill_state(struct birth *b, struct err *e)
{
	struct arena *a = arena_new(64u << 20);	/* strings of config.json, once or twice */
	struct container_state *st = &b->state;
	struct timespec now;
	char text[40];

	*st = (struct container_state){ .arena = a, .id = b->id, .bundle = b->o->bundle,
		.oci_version = SPEC_VERSION, .owner = owner_name(a), .cgroup_path = "",
		.cgroup_driver = cgroup_driver_name(b->env->driver), .scope = "", .rdt_group = "",
		.rootfs = "", .annotations = b->s->annotations, .engine = b->o->engine,
		.creating = true, .status = CONTAINER_CREATING,
		.own_pidns = b->s->ns[SPEC_NS_PID].unshare };
	clock_gettime(CLOCK_REALTIME, &now);
	st->created = arena_strdup(a, str_time(now, text));
	if (proc_boot_id(text) < 0)
		return err_say(e, EIO, "no boot id in /proc/sys/kernel/random/boot_id");
	st->boot_id = arena_strdup(a, text);
	for (int k = 0; k < SPEC_HOOK_COUNT; k++)
		if (b->s->hooks[k].n)
			st->hooks |= 1u << k;
	return 0;
}

static void map_one(struct arena *a, struct spec_idmaps *m, uint32_t inside, uint32_t outside)
{
	m->v = arena_array(a, 1, sizeof(*m->v));
	m->v[0] = (struct spec_idmap){ inside, outside, 1 };
	m->n = 1;
}

/* A user namespace without mappings: the container's user is the caller, as under crun. */
static void default_mappings(struct spec *s)
{
	if (!s->ns[SPEC_NS_USER].unshare || s->uids.n || s->gids.n)
		return;
	map_one(s->arena, &s->uids, s->process.user.uid, geteuid());
	map_one(s->arena, &s->gids, s->process.user.gid, getegid());
}

static int check_all(struct birth *b, struct err *e)
{
	int r = fill_state(b, e);

	default_mappings(b->s);
	if (r < 0)
		return r;
	r = spec_check(b->s, e);
	if (!r)
		r = check_console(b, e);
	if (!r)
		r = check_root(b, e);
	if (!r)
		container_warn_caps(b->s, &b->s->process);
	return r < 0 && !b->o->engine ? err_wrap(e, "config.json") : r;
}

/* ---- steps ------------------------------------------------------------------------------ */

static int make_dir(struct birth *b, struct err *e)
{
	return state_dir_make(b->env, b->id, b->o->engine, &b->dir, &b->made_dir, e);
}

static uid_t host_root(const struct spec_idmaps *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->v[i].container_id)
			return m->v[i].host_id;
	return 0;
}

/* The container manages its cgroup when it sees only that, and may write. */
static bool wants_delegation(const struct spec *s)
{
	if (!s->ns[SPEC_NS_CGROUP].unshare || s->ns[SPEC_NS_USER].path)
		return false;
	for (size_t i = 0; i < s->nmounts; i++)
		if (str_starts(s->mounts[i].type, "cgroup") &&
		    !(s->mounts[i].sb_flags & MS_RDONLY))
			return true;
	return false;
}

static int make_cgroup(struct birth *b, struct err *e)
{
	struct cgroup_want w = {
		.driver = b->env->driver, .id = b->id, .oci_path = b->s->cgroups_path,
		.limits = &b->s->limits, .annotations = &b->s->annotations,
		.rootless = b->env->rootless, .delegate = wants_delegation(b->s),
		.devices_later = true,
		.uid = host_root(&b->s->uids), .gid = host_root(&b->s->gids),
	};

	if (str_empty(w.oci_path))
		w.oci_path = NULL;
	/* The engine composes its own; without rights over devices there are no rules. */
	if (!b->o->engine && !b->env->rootless && w.driver != CGROUP_DRIVER_DISABLED)
		container_devices(&b->s->limits, b->s->arena);
	return state_cgroup_make(b->dir, &b->state, &w, &b->cgroup, e);
}

static int save_spec(struct birth *b, struct err *e)
{
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;

	spec_write(b->s, &text);
	return path_write_file(b->dir, STATE_CONFIG, text.s, text.len, 0600, false, e);
}

static int make_filter(struct birth *b, struct err *e)
{
	return container_filter(b->env, b->s, b->s->arena, &b->filter, e);
}

/* A socket for `start`, or, when we open the gate ourselves, a mark. */
static int make_gate(struct birth *b, struct err *e)
{
	if (unlinkat(b->dir, STATE_GATE, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove an old gate");
	if (!b->o->own_gate)
		return fd_unix_listen(b->dir, STATE_GATE, SOCK_SEQPACKET, &b->gate, e);
	b->gate = openat(b->dir, STATE_GATE, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (b->gate < 0)
		return err_set(e, errno, "create the gate");
	fd_close(&b->gate);
	return 0;
}

/* One that is joined by its path: the init may not have got there yet. */
static int netns_open(const struct spec_namespace *ns, pid_t pid, int *ret, struct err *e)
{
	char own[64];
	const char *path = ns->path ? ns->path : own;

	snprintf(own, sizeof(own), "/proc/%d/ns/net", (int)pid);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret < 0 && errno == ENOENT && !ns->path)
		return 0;	/* it has died meanwhile, and will say why */
	return *ret < 0 ? err_set(e, errno, "open %s", path) : 0;
}

static int give_devices(const struct spec *s, int netns, struct err *e)
{
	for (size_t i = 0; i < s->nnetdevs; i++) {
		int r = net_move_device(netns, s->netdevs[i].name, s->netdevs[i].to, e);

		if (r < 0)
			return err_wrap(e, "linux.netDevices.%s", s->netdevs[i].name);
	}
	return 0;
}

/* Runs while the init makes its mounts: what it has no need of, so that neither waits. */
static int on_namespaces(void *ctx, const struct launch *l, struct err *e)
{
	struct birth *b = ctx;
	bool own_net = b->s->ns[SPEC_NS_NETWORK].unshare;
	AUTO_CLOSE int netns = -1;
	int r;

	b->state.pid = l->pid;
	b->state.start_time = l->start_time;
	r = state_save(b->dir, &b->state, e);
	if (!r)
		r = cgroup_devices_due(&b->cgroup, &b->s->limits, b->env->rootless, e);
	if (!r)
		r = save_spec(b, e);
	if (!r && b->s->rdt.set)
		r = rdt_join(RDT_ROOT, &b->s->rdt, b->id, l->pid, b->state.arena,
			     &b->state.rdt_group, e);
	if (!r && b->s->rdt.set)
		r = state_save(b->dir, &b->state, e);
	if (!r && (own_net || b->o->network || b->s->nnetdevs))
		r = netns_open(&b->s->ns[SPEC_NS_NETWORK], l->pid, &netns, e);
	if (netns < 0)
		return r;
	if (own_net && !b->o->network)
		r = net_loopback(netns, e);
	if (!r)
		r = give_devices(b->s, netns, e);
	if (!r && b->o->network)
		r = b->o->network(b->o->ctx, l->pid, netns, e);
	return r;
}

static int on_mounts(void *ctx, const struct launch *l, struct err *e)
{
	struct birth *b = ctx;
	int r;

	(void)l;
	b->hooks_owed = true;
	r = container_hooks(&b->state, b->s, SPEC_HOOK_PRESTART, CONTAINER_CREATING, e);
	if (!r)
		r = container_hooks(&b->state, b->s, SPEC_HOOK_CREATE_RUNTIME,
				    CONTAINER_CREATING, e);
	return r;
}

/* For the hooks inside: the PID is the one that the container sees. */
static void on_state(void *ctx, const struct launch *l, const char *status, struct strbuf *json)
{
	struct birth *b = ctx;
	struct container_state now = b->state;

	b->hooks_owed = true;
	now.status = str_eq(status, "created") ? CONTAINER_CREATED : CONTAINER_CREATING;
	now.pid = now.own_pidns ? 1 : l->pid;
	container_state_write(&now, json);
}

static int on_listener(void *ctx, struct launch *l, struct err *e)
{
	struct birth *b = ctx;
	struct container_state now = b->state;

	now.status = CONTAINER_CREATING;
	return container_give_listener(&now, b->s, l, e);
}

static int give_birth(struct birth *b, struct err *e)
{
	const struct container_create_opts *o = b->o;
	AUTO_CLOSE int root = -1, mount_ns = -1;
	struct launch_opts lo = {
		.root_fd = o->root_fd, .root_path = b->state.rootfs, .cgroup_fd = b->cgroup.fd,
		.stdio = { o->stdio[0], o->stdio[1], o->stdio[2] },
		.preserve_fds = o->preserve_fds, .gate_fd = b->gate, .no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring, .run_pid1 = o->run_pid1,
		.listen_fds = o->listen_fds, .pdeathsig = o->pdeathsig,
		.filter = b->filter.n ? &b->filter : NULL,
		.own_cgroup = o->engine, .namespaces_ready = on_namespaces, .state_write = on_state,
		.listener = on_listener, .ctx = b,
	};
	int r;

	if (!b->s->ns[SPEC_NS_MOUNT].unshare) {
		r = host_mounts_clone(b->s->ns[SPEC_NS_MOUNT].path, &b->state, &root, &mount_ns,
				      e);
		if (!r)
			r = state_save(b->dir, &b->state, e);
		if (r < 0)
			return r;
		lo.root_path = b->state.rootfs;
		lo.root_fd = root;
		lo.mount_ns = mount_ns > 0 ? mount_ns : 0;
	}
	if (o->sd_notify) {
		/* Anything that is no path (an abstract name) has its folder elsewhere. */
		lo.sd_notify = o->sd_notify[0] == '/' ? o->sd_notify : "/run/notify";
		lo.sd_notify_dir = arena_printf(b->state.arena, "%s/%s/" SDNOTIFY_DIR,
						b->env->run_root, b->id);
		r = sdnotify_make(b->dir, e);
		if (r < 0)
			return r;
	}
	if (b->s->hooks[SPEC_HOOK_PRESTART].n || b->s->hooks[SPEC_HOOK_CREATE_RUNTIME].n)
		lo.mounts_ready = on_mounts;
	r = launch_init(b->s, &lo, &b->l, e);
	b->launched = r == 0;
	cgroup_settle(&b->cgroup);
	return r;
}

static int hand_over(struct birth *b, struct err *e)
{
	struct container_outputs out = { b->o->console_socket, b->o->pid_file, b->o->pidfd_socket };

	if (!out.pidfd_socket)
		out.pidfd_socket = container_annotation(b->s, "run.oci.pidfd_receiver");
	return container_hand_over(&out, &b->l, e);
}

/* The last word is the state's: whoever finds "creating" without a maker undoes it, the init that
 * we let go included. */
static int settle(struct birth *b, struct err *e)
{
	int r = b->o->own_gate ? 0 : launch_keep(&b->l, e);

	if (r < 0)
		return r;
	b->state.pid = b->l.pid;
	b->state.start_time = b->l.start_time;
	b->state.creating = false;
	return state_save(b->dir, &b->state, e);
}

static const struct { const char *name; int (*run)(struct birth *b, struct err *e); } steps[] = {
	{ "check", check_all },		{ "folder", make_dir },
	{ "cgroup", make_cgroup },	{ "filter", make_filter },
	{ "gate", make_gate },		{ "birth", give_birth },
	{ "hand over", hand_over },	{ "state", settle },
};

static void undo(struct birth *b)
{
	struct err e = ERR_INIT;

	if (b->launched)
		launch_abort(&b->l);
	if (b->cgroup.hold >= 0 || b->cgroup.hold_pid)
		cgroup_settle(&b->cgroup);
	if (b->dir >= 0 && container_undo(b->env, b->dir, &b->state, b->hooks_owed, b->made_dir,
					  &e) < 0)
		log_warn("clean-up after a failed create: %s", e.msg);
	if (b->o->pid_file && b->launched)
		unlink(b->o->pid_file);
}

int container_create(const struct container_env *env, const char *id, struct spec *s,
		     const struct container_create_opts *o, struct launch *ret, struct err *e)
{
	struct birth b = { .env = env, .id = id, .s = s, .o = o, .cgroup = CGROUP_INIT,
			   .l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 },
			   .dir = -1, .gate = -1 };
	int r = container_id_check(id, e);

	for (size_t i = 0; !r && i < ARRAY_SIZE(steps); i++) {
		r = steps[i].run(&b, e);
		if (r < 0)
			log_debug("create %s: %s: %s", id, steps[i].name, e->msg);
	}
	if (r < 0)
		undo(&b);
	else
		*ret = b.l;
	fd_close(&b.gate);
	fd_close(&b.dir);
	cgroup_cleanup(&b.cgroup);
	if (b.state.arena)
		container_state_clear(&b.state);
	return r;
}
