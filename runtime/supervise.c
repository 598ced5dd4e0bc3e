/*
 * supervise.c - the birth of an engine container, in the process that becomes its
 * supervisor.  Runs in: host.
 *
 * Steps, in order; whatever fails undoes what was done before it:
 *   lock - record - user namespace - root (overlay) - user - volumes - network files - streams -
 *   create (namespaces, network, hooks) - status - gate - execve of berth-supervisor
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/image.h"
#include "runtime/birth_volumes.h"
#include "runtime/container.h"
#include "runtime/event.h"
#include "runtime/join.h"
#include "runtime/log_place.h"
#include "runtime/plan.h"
#include "runtime/root_init.h"
#include "runtime/root_names.h"
#include "runtime/root_user.h"
#include "runtime/secret.h"
#include "runtime/status.h"
#include "runtime/supervisor.h"
#include "runtime/userns.h"

struct birth {
	const struct engine *en;
	const char *id;
	const struct supervise_opts *o;
	struct container_env env;
	struct record *record;
	struct spec *spec;
	struct arena *arena;		/* shared: the spec */
	struct net_result net;
	bool net_made, created;
	int lock, run_dir, dir, listen, root;
	int stop_signal;		/* of the init that it runs, else 0: the record says it */
	int log_dir;
	const char *log_name;
	int volumes;			/* lock of join_volumes, or -1 */
	int userns;			/* with the container's id maps, or -1: it has the host's */
	int streams[3]; /* ours: write end of stdin, read ends of stdout and stderr */
	int child_io[3];		/* the container's ends */
	struct launch launch;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int load(struct birth *b, struct err *e)
{
	int r = record_load(b->en, b->id, &b->record, e);

	if (r < 0)
		return r;
	b->arena = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	r = record_load_spec(b->en, b->record, b->arena, e);
	if (r < 0)
		return r;
	b->spec = b->record->spec;
	if ((r = join_namespaces(b->en, b->record, b->spec, e)) < 0)
		return r;
	if ((r = path_open_dir(b->en->containers_fd, b->id, &b->dir, e)) < 0 ||
	    (r = log_place_open(b->en, b->record, &b->log_dir, &b->log_name, e)) < 0)
		return r;
	return fd_unix_listen(b->run_dir, "sock", SOCK_SEQPACKET, &b->listen, e);
}

static int open_userns(struct birth *b, struct err *e)
{
	return userns_open(b->spec, &b->userns, e);
}

/* --rootfs: what is in there has the container's ids as well. */
static int open_folder(struct birth *b, struct err *e)
{
	struct sys_mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				       .userns_fd = (uint64_t)b->userns };

	b->root = sys_open_tree(AT_FDCWD, b->record->rootfs,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (b->root < 0)
		return err_set(e, errno, "open the root %s", b->record->rootfs);
	if (b->userns >= 0 && sys_mount_setattr(b->root, "", AT_EMPTY_PATH, &attr) < 0)
		return err_set(e, errno, "id-map the root %s (its file system must allow it)",
			       b->record->rootfs);
	return 0;
}

static int open_root(struct birth *b, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO_CLOSE int files = -1, upper = -1, work = -1;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	int r;

	if (b->record->rootfs)
		return open_folder(b, e);
	if ((b->root = engine_view_open(b->en, b->id)) >= 0)
		return b->userns < 0 ? 0 : err_say(e, EBUSY, "berth mount shows it with other ids "
						   "than its own: berth umount it first");
	if ((r = store_open(b->en->root, &store, e)) < 0 ||
	    (r = record_open_files(b->en, b->record, &files, e)) < 0 ||
	    (r = path_open_dir(files, "upper", &upper, e)) < 0 ||
	    (r = path_open_dir(files, "work", &work, e)) < 0)
		return r;
	o.layers = b->record->layers;
	while (b->record->layers[o.nlayers])
		o.nlayers++;
	o.upper_fd = upper;
	o.work_fd = work;
	o.disk_fd = b->record->disk.bytes ? files : -1;
	o.throw_away = b->record->auto_remove;
	birth_map_root(b->spec, b->userns, &o);
	return overlay_mount(store, &o, &b->root, e);
}

static int find_user(struct birth *b, struct err *e)
{
	struct spec_user *u = &b->spec->process.user;
	const struct record *rec = b->record;
	const char *home;
	int r = root_names_host(b->root, rec, e);

	if (r == 0)
		r = root_user_find(b->root, rec->user, rec->groups, b->arena, u, &home, e);
	if (r == 0 && (r = root_names_user(b->root, rec, u, e)) > 0)
		r = root_user_find(b->root, rec->user, rec->groups, b->arena, u, &home, e);
	if (r == 0 && rec->systemd && str_empty(rec->stop_signal))
		b->stop_signal = root_init_signal(b->root, b->spec->process.args[0]);
	return r < 0 ? r : userns_check(b->spec, e);
}

static int fill_volumes(struct birth *b, struct err *e)
{
	const struct fill f = { b->en, b->record, b->spec, b->dir, b->root, b->userns };

	return birth_volumes(&f, e);
}

static int net_files(struct birth *b, struct err *e)
{
	static const char *const files[] = { "hosts", "resolv.conf", "hostname" };
	struct net_paths p = engine_net_paths(b->en);
	int r = net_files_make(&p, b->id, b->record->name, &b->record->net, NULL, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = userns_give(b->spec, b->run_dir, files[i], e);
	return r;
}

static int streams(struct birth *b, struct err *e)
{
	const struct record *r = b->record;
	int p[2];

	if (str_eq(r->log.driver, "passthrough")) {
		for (int i = 0; i < 3; i++)
			b->child_io[i] = b->o->stdio[i];
		return 0;
	}
	if (r->tty)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (i == 0 && !r->stdin_open) {
			b->child_io[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (b->child_io[0] < 0)
				return err_set(e, errno, "open /dev/null");
			continue;
		}
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_set(e, errno, "make a pipe");
		b->child_io[i] = p[i == 0 ? 0 : 1];
		b->streams[i] = p[i == 0 ? 1 : 0];
	}
	return 0;
}

static int make_network(void *ctx, pid_t pid, int netns_fd, struct err *e)
{
	struct birth *b = ctx;
	struct net_paths p = engine_net_paths(b->en);
	int r;

	(void)pid;
	b->net_made = b->record->net.mode == NET_BRIDGE;
	r = net_up(&p, b->id, b->record->name, netns_fd, &b->record->net, b->record->arena, &b->net,
		   e);
	return r < 0 ? err_wrap(e, "network of %s", b->record->name) : 0;
}

static int create(struct birth *b, struct err *e)
{
	struct container_create_opts o = {
		.bundle = b->spec->root_path,
		.root_fd = b->root,
		.stdio = { b->child_io[0], b->child_io[1], b->child_io[2] },
		.console_out = b->record->tty,
		.run_pid1 = b->record->init && !b->record->init_path,
		.engine = true,
		.sd_notify = b->o->sd_notify,
		.preserve_fds = b->o->preserve_fds,
		.own_gate = true,
		.pdeathsig = SIGKILL,	/* without its supervisor it ends */
		.network = make_network,
		.ctx = b,
	};
	AUTO_FREE char *bundle = mem_printf("%s/containers/%s", b->en->root, b->id);
	int r;

	o.bundle = bundle;
	/* to be seen in the container's mount namespace only */
	if (spec_hooks_see_root(b->spec) && mkdirat(b->dir, b->spec->root_path, 0711) < 0 &&
	    errno != EEXIST)
		return err_set(e, errno, "make %s", b->spec->root_path);
	if (b->o->rows && b->o->cols) {
		b->spec->process.console_height = b->o->rows;
		b->spec->process.console_width = b->o->cols;
	}
	r = container_create(&b->env, b->id, b->spec, &o, &b->launch, e);
	b->created = r == 0;
	return r;
}

static int note_start(struct birth *b, struct err *e)
{
	struct status s;
	int r = status_load(b->dir, &s, e);

	if (r < 0)
		return r;
	s = (struct status){ .created_ns = s.created_ns, .started_ns = now_ns(),
			     .restarts = b->o->restarts, .sender_pid = -1, .sender_uid = -1,
			     .syscall = -1, .pid = b->launch.pid, .pid_start = b->launch.start_time,
			     .supervisor = getpid() };
	if (b->record->health.set)
		strcpy(s.health, "starting");
	return status_save(b->dir, &s, false, e);
}

static int tell(struct birth *b, struct err *e)
{
	struct event_attr attrs[] = { { "name", b->record->name }, { "image", b->record->image },
				      { 0 } };

	(void)e;
	event_log(b->en->root, "container", "start", b->id, attrs);
	return 0;
}

static int open_gate(struct birth *b, struct err *e)
{
	return container_open_gate(&b->env, b->id, b->spec, &b->launch, e);
}

static int give_secrets(struct birth *b, struct err *e)
{
	return secret_give(b->en, b->record, b->spec, e);
}

static int share_volumes(struct birth *b, struct err *e)
{
	return join_volumes(b->en, b->record, b->spec, &b->volumes, e);
}

static int find_links(struct birth *b, struct err *e)
{
	return join_links(b->en, b->record, b->spec, e);
}

static int check_joins(struct birth *b, struct err *e)
{
	return join_check(b->en, b->record, e);
}

static const struct step {
	const char *name;
	int (*run)(struct birth *b, struct err *e);
} steps[] = {
	{ "record", load },		{ "user namespace", open_userns },
	{ "root", open_root },
	{ "user", find_user },		{ "volumes", fill_volumes },
	{ "shared volumes", share_volumes },
	{ "secrets", give_secrets },	{ "links", find_links },
	{ "network files", net_files },
	{ "streams", streams },		{ "create", create }, { "joins", check_joins },
	{ "status", note_start },	{ "start", open_gate },
	{ "event", tell },
};

static void undo(struct birth *b)
{
	struct net_paths p = engine_net_paths(b->en);
	struct end_paths paths = { b->en->run_fd, b->en->containers_fd, b->id, NULL };
	struct err e = ERR_INIT;
	struct status s;

	if (b->created)
		launch_abort(&b->launch);
	if (b->created && container_delete(&b->env, b->id, true, &e) < 0)
		log_debug("%s", e.msg);
	if (b->net_made && net_down(&p, b->id, &e) < 0)
		log_debug("%s", e.msg);
	net_hold_close(&b->net);
	if (b->dir >= 0 && status_load(b->dir, &s, &e) == 0 && s.pid) {
		s.pid = 0;
		status_save(b->dir, &s, false, &e);
	}
	if (end_run_dir(&paths, &e) < 0)
		log_debug("%s", e.msg);
}

/* ---- becoming the supervisor ---- */

static void arg_fd(struct strlist *l, const char *key, int fd)
{
	if (fd < 0)
		return;
	fd_cloexec(fd, false);
	strlist_addf(l, "%s=%d", key, fd);
}

static void arg_num(struct strlist *l, const char *key, int64_t v)
{
	if (v)
		strlist_addf(l, "%s=%lld", key, (long long)v);
}

static void health_args(struct strlist *l, const struct record_health *h)
{
	static const char *const actions[] = { "none", "kill", "restart", "stop" };

	if (!h->set)
		return;
	arg_num(l, "health", 1);
	arg_num(l, "health-interval", h->interval);
	arg_num(l, "health-timeout", h->timeout);
	arg_num(l, "health-period", h->start_period);
	arg_num(l, "health-start-interval", h->start_interval);
	arg_num(l, "health-retries", h->retries);
	arg_num(l, "startup", h->startup_test != NULL);
	arg_num(l, "startup-interval", h->startup_interval);
	arg_num(l, "startup-retries", h->startup_retries);
	arg_num(l, "startup-success", h->startup_success);
	for (size_t i = 1; i < ARRAY_SIZE(actions); i++)
		if (str_eq(h->on_failure, actions[i]))
			arg_num(l, "health-action", (int64_t)i);
}

static void supervisor_args(struct birth *b, struct strlist *l)
{
	const struct record *r = b->record;
	AUTO_FREE char *self = proc_self_dir();
	int sig = b->stop_signal ? b->stop_signal : SIGTERM;

	strlist_add(l, "berth-supervisor");
	strlist_addf(l, "id=%s", b->id);
	strlist_addf(l, "root=%s", b->en->root);
	strlist_addf(l, "berth=%s/berth", self);
	arg_fd(l, "run", b->en->run_fd);
	arg_fd(l, "containers", b->en->containers_fd);
	arg_fd(l, "dir", b->dir);
	arg_fd(l, "names", b->en->names_fd);
	strlist_addf(l, "name=%s", b->record->name);
	arg_fd(l, "lock", b->lock);
	arg_fd(l, "listen", b->listen);
	arg_fd(l, "pidfd", b->launch.pidfd);
	arg_num(l, "pid", b->launch.pid);
	arg_fd(l, "tty", b->launch.console);
	arg_fd(l, "in", b->streams[0]);
	arg_fd(l, "out", b->streams[1]);
	arg_fd(l, "err", b->streams[2]);
	for (unsigned i = 0; i < b->o->nclients; i++) {
		fd_cloexec(b->o->clients[i].fd, false);
		strlist_addf(l, "client=%d:%d", b->o->clients[i].fd, b->o->clients[i].flags);
	}
	for (size_t i = 0; i < b->net.nhold; i++)
		fd_cloexec(b->net.hold[i], false);
	strlist_addf(l, "image=%s", r->image ? r->image : "");
	strlist_addf(l, "log=%s", r->log.driver);
	strlist_addf(l, "log-name=%s", b->log_name);
	arg_fd(l, "log-dir", b->log_dir);
	arg_num(l, "log-buffer", (int64_t)r->log.buffer);
	if (r->log.tag)
		strlist_addf(l, "tag=%s", r->log.tag);
	arg_num(l, "log-size", (int64_t)r->log.max_size);
	arg_num(l, "log-files", r->log.max_files);
	arg_num(l, "log-compress", r->log.compress);
	if (!str_empty(r->stop_signal))
		proc_signal_parse(r->stop_signal, &sig);
	arg_num(l, "stop-signal", sig);
	strlist_addf(l, "stop-timeout=%lld", (long long)r->stop_timeout);
	arg_num(l, "restart", (int64_t)r->restart);
	arg_num(l, "restart-max", r->restart_max);
	arg_num(l, "restarts", b->o->restarts);
	arg_num(l, "backoff", b->o->backoff_ns);
	arg_num(l, "rm", r->auto_remove);
	arg_num(l, "net", b->net_made);
	arg_num(l, "volumes", r->auto_remove && r->nvolumes > 0);
	arg_num(l, "stdin-once", r->stdin_once);
	arg_num(l, "timeout", r->timeout);
	arg_num(l, "idle-timeout", r->idle_timeout);
	arg_num(l, "cpu-time", r->cpu_time);
	health_args(l, &r->health);
}

static int become_supervisor(struct birth *b, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	AUTO_FREE char *program = proc_libexec("berth-supervisor");
	struct container_state st = { 0 };
	AUTO(strbuf) struct strbuf attrs = STRBUF_INIT;
	char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL,
			NULL };
	int null;

	fd_cloexec_from(3);	/* what was for the program is nothing to us */
	supervisor_args(b, &args);
	strbuf_adds(&attrs, LOG_PLACE_ATTRS "=");
	log_place_attrs(b->record, &attrs);
	if (b->record->log.attrs.n)
		env[1] = attrs.s;
	if (container_load(&b->env, b->id, &st, e) == 0) {
		if (!str_empty(st.cgroup_path))
			strlist_addf(&args, "cgroup=%s", st.cgroup_path);
		container_state_clear(&st);
	}
	null = open("/dev/null", O_RDWR);
	for (int i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	fd_close(&null);
	execve(program, args.v, env);
	return err_set(e, errno, "start %s", program);
}

/* A restart finds what its last life left in the run folder. */
static void forget_last(struct birth *b)
{
	struct err ignored = ERR_INIT;

	unlinkat(b->run_dir, "sock", 0);
	if (path_exists(b->run_dir, "state.json"))
		container_delete(&b->env, b->id, true, &ignored);
}

/* The birth itself, in the process that is to become the supervisor; returns only on failure,
 * with everything undone. */
static int supervise(const struct engine *en, const char *id, struct supervise_opts *o,
		     struct err *e)
{
	struct birth b = {
		.en = en,
		.id = id,
		.o = o,
		.lock = o->lock_fd,
		.run_dir = -1,
		.dir = -1,
		.log_dir = -1,
		.listen = -1,
		.root = -1,
		.volumes = -1,
		.userns = -1,
		.streams = { -1, -1, -1 },
		.child_io = { -1, -1, -1 },
		.launch = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 },
		.env = { .run_root = en->run, .cache_dir = en->root }
	};
	int r;

	if (b.lock < 0)
		r = run_lock(en, id, &b.lock, &b.run_dir, e);
	else
		r = path_open_dir(en->run_fd, id, &b.run_dir, e);
	if (r < 0)
		return r;
	forget_last(&b);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++) {
		r = steps[i].run(&b, e);
		log_debug("birth of %.12s: %s: %s", id, steps[i].name, r < 0 ? e->msg : "done");
	}
	if (r == 0)
		r = become_supervisor(&b, e);
	undo(&b);
	record_free(b.record);
	arena_free(b.arena);
	return r;
}

int supervise_start(const struct engine *en, const char *id, const struct supervise_opts *o,
		    struct err *e)
{
	struct supervise_opts opts = *o;
	AUTO_CLOSE int turn = turn_take(en->run_fd);
	struct err told = ERR_INIT;
	int ready[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0) {
		close(ready[0]);
		setsid();
		signal(SIGINT, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		supervise(en, id, &opts, e);
		fd_write_all(ready[1], e, sizeof(*e));
		_exit(1);
	}
	close(ready[1]);
	n = fd_read_full(ready[0], &told, sizeof(told));
	close(ready[0]);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(told))
		return err_say(e, EPIPE, "the birth of container %.12s ended without a word", id);
	*e = told;
	return -e->code;
}

/* ---- the way back, for a restart ---- */

static int resume_arg(const char *arg, struct supervise_opts *o, const char **ret_id)
{
	const char *v;
	int64_t n;

	if ((v = str_after(arg, "id="))) {
		*ret_id = v;
		return 0;
	}
	if ((v = str_after(arg, "client="))) {
		struct supervise_client *c = &o->clients[o->nclients];

		if (o->nclients == SUPERVISE_CLIENTS ||
		    sscanf(v, "%d:%d", &c->fd, &c->flags) != 2)
			return -EINVAL;
		fd_cloexec(c->fd, true);
		o->nclients++;
		return 0;
	}
	if ((v = str_after(arg, "lock=")) && str_to_i64(v, &n) == 0) {
		o->lock_fd = (int)n;
		fd_cloexec(o->lock_fd, true);
		return 0;
	}
	if ((v = str_after(arg, "restarts=")) && str_to_i64(v, &n) == 0) {
		o->restarts = (uint32_t)n;
		return 0;
	}
	if ((v = str_after(arg, "backoff=")))
		return str_to_i64(v, &o->backoff_ns);
	return -EINVAL;
}

int supervise_resume(const struct engine *en, int argc, char **argv, struct err *e)
{
	struct supervise_opts o = SUPERVISE_OPTS_INIT;
	AUTO_CLOSE int dir = -1;
	const char *id = NULL;
	struct err ignored = ERR_INIT;
	struct status s;
	int r;

	for (int i = 0; i < argc; i++)
		if (resume_arg(argv[i], &o, &id) < 0)
			return err_say(e, EINVAL, "bad argument %s", argv[i]);
	if (!id || !str_is_hex(id, 64))
		return err_say(e, EINVAL, "id= is missing");
	r = supervise(en, id, &o, e);
	if (path_open_dir(en->containers_fd, id, &dir, &ignored) == 0 &&
	    status_load(dir, &s, &ignored) == 0) {
		s.reason = STATUS_START_FAILED;
		s.exit_code = e->status ? e->status : ERR_STATUS_ENGINE;
		s.pid = 0;
		s.finished_ns = now_ns();
		str_printable(e->msg, strlen(e->msg), s.error, sizeof(s.error));
		status_save(dir, &s, false, &ignored);
	}
	for (unsigned i = 0; i < o.nclients; i++)
		control_send(o.clients[i].fd, SUP_END, e->status ? e->status : ERR_STATUS_ENGINE, 0,
			     NULL, 0);
	return r;
}
