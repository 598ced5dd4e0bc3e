/*
 * launch_join.c - an exec: a process in the namespaces of a container that runs.
 *
 * Runs in: host.  berth-init is executed first, outside, and joins then: no other program
 * of ours is ever visible in the container (CVE-2019-5736).
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/birth.h"

static void join_plan(struct birth *b, const struct spec_process *p, const struct spec *s,
		      const struct launch_join_opts *o)
{
	struct plan *plan = b->plan = plan_new(b->arena);

	plan->process = p;
	plan->fd[PLAN_FD_TARGET] = o->target_pidfd;
	plan->go_between = true;
	plan->join_mask = o->ns_mask;
	plan->userns = o->ns_mask & (1u << SPEC_NS_USER);
	plan->host_rlimits = plan->userns;
	birth_preserve(b, o->preserve_fds);
	plan->listen_fds = o->listen_fds;
	plan->pdeathsig = o->pdeathsig;
	plan->session_keyring = !o->no_new_keyring;
	plan_own_all(b->arena, plan, s);
	if (o->filter)
		plan_set_filter(plan, b->arena, o->filter);
	birth_lsm(plan, p, NULL);
}

/* Without a mount namespace of its own a container has a root all the same. */
static int open_root(struct birth *b, const struct spec *s, const struct launch_join_opts *o,
		     struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/root", (int)o->target_pid);
	int fd;

	if (s->ns[SPEC_NS_MOUNT].unshare)
		return 0;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* It is the target's as long as that lives. */
	if (fd < 0 || sys_pidfd_send_signal(o->target_pidfd, 0, NULL, 0) < 0) {
		err_set(e, errno, "the container's root");
		fd_close(&fd);
		return -e->code;
	}
	b->plan->fd[PLAN_FD_ROOT] = birth_own_fd(b, fd);
	return 0;
}

int launch_join(struct arena *a, const struct spec_process *p, const struct spec *s,
		const struct launch_join_opts *o, struct launch *ret, struct err *e)
{
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	AUTO(birth) struct birth b = BIRTH_INIT;
	int r;

	if (a->fd < 0)
		return err_say(e, EINVAL, "the process lies in no shared arena");
	if (!p->args || !p->args[0])
		return err_say(e, EINVAL, "process.args: there is no program to run");
	b.arena = a;
	b.stdio = o->stdio;
	b.cgroup_fd = o->cgroup_fd;
	b.listener = o->listener;
	b.ctx = o->ctx;
	plan_own_process(a, (struct spec_process *)(uintptr_t)p);
	join_plan(&b, p, s, o);
	r = open_root(&b, s, o, e);
	birth_give_pipes(&b, s);
	if (r == 0)
		r = birth_start(&b, &l, e);
	if (r == 0)
		r = birth_follow(&b, &l, SYNC_READY, e);
	if (r == 0)
		r = birth_rlimits(b.plan, &l, e);
	if (r == 0)
		r = launch_open_gate(&l, e);
	if (r < 0) {
		launch_abort(&l);
		return r;
	}
	*ret = l;
	return 0;
}
