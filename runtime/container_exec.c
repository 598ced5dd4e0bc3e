/*
 * container_exec.c - a further process in a container that runs.
 *
 * Runs in: host
 *
 * It joins the namespaces that the container has of its own and, unless a sub-cgroup is named,
 * the container's cgroup.  Where an init like systemd has enabled controllers below it that one
 * takes no processes (cgroup-v2.rst, "No Internal Process Constraint"); then the init's own leaf.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/container_part.h"

static unsigned namespaces_of(const struct spec *s)
{
	unsigned mask = 0;

	for (int ns = 0; ns < SPEC_NS_COUNT; ns++)
		if (s->ns[ns].unshare || s->ns[ns].path)
			mask |= 1u << ns;
	return mask;
}

/* The container's own as long as it may hold processes; else where the init has gone to. */
static int usual_cgroup(const struct container_state *st, int *ret, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int own = -1;
	char controllers[128] = "";
	struct err ignore = ERR_INIT, gone = ERR_INIT;
	const char *below;
	int r = cgroup_dir_open(st->cgroup_path, &own, &gone);

	if (r == -ENOENT && cgroup_of_pid(st->pid, &path, &ignore) == 0)
		return cgroup_dir_open(path, ret, e);
	if (r < 0) {
		*e = gone;
		return r;
	}
	path_read_line(own, "cgroup.subtree_control", controllers, sizeof(controllers), &ignore);
	if (controllers[0] && cgroup_of_pid(st->pid, &path, &ignore) == 0) {
		below = str_after(path, st->cgroup_path);
		if (below && *below == '/')
			return cgroup_dir_open(path, ret, e);
	}
	*ret = TAKE_FD(own);
	return 0;
}

static int choose_cgroup(const struct container_state *st, const struct container_exec_opts *o,
			 int *ret, struct err *e)
{
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	AUTO_FREE char *path = NULL;
	int r;

	if (o->cgroup && (str_eq(o->cgroup, "..") || str_starts(o->cgroup, "../") ||
			  strstr(o->cgroup, "/../") || str_ends(o->cgroup, "/..")))
		return err_say(e, EINVAL, "--cgroup %.200s: bad sub cgroup path, it leads "
			       "out of the container's cgroup", o->cgroup);
	if (str_empty(st->cgroup_path)) {
		if (o->cgroup && !str_eq(o->cgroup, "/"))
			return err_say(e, ENOENT, "--cgroup: container %s has no cgroup", st->id);
		return 0;
	}
	if (!o->cgroup)
		return usual_cgroup(st, ret, e);
	r = container_cgroup(st, &c, e);
	if (r < 0)
		return r;
	if (o->cgroup_make)
		return cgroup_make_sub(&c, o->cgroup, ret, &path, e);
	return cgroup_open_sub(&c, o->cgroup, ret, e);
}

static int exec_refused(const struct container_state *st, bool ignore_paused, struct err *e)
{
	bool paused = st->status == CONTAINER_PAUSED;

	switch (st->status) {
	case CONTAINER_STOPPED:
		return err_say(e, ESRCH, "cannot exec in a stopped container");
	case CONTAINER_CREATING:
		return err_say(e, EBUSY, "cannot exec in a container that is being created");
	case CONTAINER_CREATED:		/* which it is said to be when it is paused, too */
		paused = state_frozen(st);
		break;
	case CONTAINER_PAUSED:
	case CONTAINER_RUNNING:
		break;
	}
	if (paused && !ignore_paused)
		return err_say(e, EBUSY, "cannot exec in a paused container (use "
			       "--ignore-paused to override)");
	return 0;
}

static int check_terminal(const struct spec_process *p, const struct container_exec_opts *o,
			  struct err *e)
{
	if (!p->args || !p->args[0] || !p->args[0][0])
		return err_say(e, EINVAL, "process.args: must name a program");
	if (!p->terminal && o->console_socket)
		return err_say(e, EINVAL, "--console-socket: the process has no terminal");
	return 0;
}

/* What a process document leaves out is the container's, as with runc and crun: a process without a
 * profile or limits of its own is not to be one without any. */
static void inherit(struct spec_process *p, const struct spec_process *of)
{
	if (!p->caps.set)
		p->caps = of->caps;
	if (str_empty(p->apparmor_profile))
		p->apparmor_profile = of->apparmor_profile;
	if (str_empty(p->selinux_label))
		p->selinux_label = of->selinux_label;
	if (!p->nrlimits) {
		p->rlimits = of->rlimits;
		p->nrlimits = of->nrlimits;
	}
	if (!p->oom_score_adj.set)	/* else the caller's: an engine is the last to be killed */
		p->oom_score_adj = of->oom_score_adj;
	if (!p->scheduler.set)
		p->scheduler = of->scheduler;
	if (!p->ioprio.set)
		p->ioprio = of->ioprio;
	if (!p->affinity_initial && !p->affinity_final) {
		p->affinity_initial = of->affinity_initial;
		p->affinity_final = of->affinity_final;
	}
}

struct exec { const struct container_state *st; const struct spec *s; };

static int on_listener(void *ctx, struct launch *l, struct err *e)
{
	const struct exec *x = ctx;

	return container_give_listener(x->st, x->s, l, e);
}

static int exec_loaded(const struct container_env *env, const struct container_state *st,
		       struct arena *a, struct spec_process *p,
		       const struct container_exec_opts *o, struct launch *ret, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;
	AUTO_CLOSE int cgroup = -1;
	struct launch_join_opts jo = {
		.stdio = { o->stdio[0], o->stdio[1], o->stdio[2] },
		.preserve_fds = o->preserve_fds, .no_new_keyring = o->no_new_keyring,
		.pdeathsig = o->pdeathsig, .listen_fds = o->listen_fds,
	};
	struct container_outputs out = { o->console_socket, o->pid_file, o->pidfd_socket };
	struct filter_program filter = { 0 };
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	struct spec *s;
	int r = container_spec(env, st->id, a, &s, e);

	if (!r)
		r = container_filter(env, s, a, &filter, e);
	if (!r)
		r = choose_cgroup(st, o, &cgroup, e);
	if (r < 0)
		return r;
	inherit(p, &s->process);
	container_warn_caps(s, p);
	if (proc_open(st->pid, st->start_time, &pidfd) < 0)
		return err_say(e, ESRCH, "cannot exec in a stopped container");
	jo.target_pid = st->pid;
	jo.target_pidfd = pidfd;
	jo.ns_mask = namespaces_of(s);
	jo.cgroup_fd = cgroup;
	jo.filter = filter.n ? &filter : NULL;
	jo.listener = on_listener;
	jo.ctx = &(struct exec){ st, s };
	r = launch_join(a, p, s, &jo, &l, e);
	if (r < 0)
		return r;
	r = container_hand_over(&out, &l, e);
	if (r < 0)
		launch_abort(&l);
	else
		*ret = l;
	return r;
}

int container_exec(const struct container_env *env, const char *id, struct arena *a,
		   struct spec_process *p, const struct container_exec_opts *o,
		   struct launch *ret, struct err *e)
{
	struct container_state st = { 0 };
	int r = check_terminal(p, o, e);

	if (!r)
		r = container_load(env, id, &st, e);
	if (r < 0)
		return r;
	r = exec_refused(&st, o->ignore_paused, e);
	if (!r)
		r = exec_loaded(env, &st, a, p, o, ret, e);
	container_state_clear(&st);
	return r;
}
