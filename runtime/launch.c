/*
 * launch.c - see launch.h: the host's side of a birth.
 *
 * Runs in: host; the functions named child_* run in the clone until it executes berth-init.
 * Sources: clone3(2), pidfd_open(2), execveat(2).
 */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "runtime/birth.h"
#include "runtime/sync.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

void birth_cleanup(struct birth *b)
{
	for (size_t i = 0; i < b->nfds; i++)
		close(b->fds[i]);
	mem_free_cleanup(&b->fds);
	b->nfds = 0;
	fd_close(&b->program);
	fd_close(&b->sync_child);
}

int birth_own_fd(struct birth *b, int fd)
{
	if (b->nfds % 16 == 0)
		b->fds = mem_resize(b->fds, b->nfds + 16, sizeof(*b->fds));
	b->fds[b->nfds++] = fd;
	return fd;
}

void birth_preserve(struct birth *b, unsigned n)
{
	struct plan *p = b->plan;

	p->preserved = arena_array(b->arena, n, sizeof(*p->preserved));
	for (unsigned i = 0; i < n; i++) {
		int flags = fcntl(3 + (int)i, F_GETFD);

		/* All of ours are close-on-exec, no inherited one is. */
		if (flags >= 0 && !(flags & FD_CLOEXEC))
			p->preserved[p->npreserved++] = 3 + (int)i;
	}
}

static int child_stdio(const struct birth *b, struct err *e)
{
	int from[3];

	/* First out of the way of 0..2, so that none overwrites another. */
	for (int i = 0; i < 3; i++) {
		from[i] = b->stdio[i];
		if (from[i] >= 0 && from[i] < 3 && from[i] != i)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0 && b->stdio[i] >= 0)
			return err_set(e, errno, "standard file %d", i);
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] == i)
			fd_cloexec(i, false);
		else if (from[i] >= 0 && dup2(from[i], i) < 0)
			return err_set(e, errno, "standard file %d", i);
	}
	return 0;
}

static int child_inherit(const struct birth *b, struct err *e)
{
	const struct plan *p = b->plan;
	int r = fd_cloexec(b->arena->fd, false);

	for (size_t i = 0; r == 0 && i < PLAN_FD_COUNT; i++)
		r = p->fd[i] >= 0 ? fd_cloexec(p->fd[i], false) : 0;
	for (size_t i = 0; r == 0 && i < b->nfds; i++)
		r = fd_cloexec(b->fds[i], false);
	return r < 0 ? err_set(e, -r, "hand descriptors to berth-init") : 0;
}

/* Without an id map execve would take all capabilities of the new namespace away. */
static int child_wait_mapped(const struct birth *b, struct err *e)
{
	int r = sync_wait(b->plan->fd[PLAN_FD_SYNC], SYNC_MAPPED, e);

	if (r < 0)
		return r;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become root of the user namespace");
	return 0;
}

/* pid 0: our own. */
static int set_oom_score(const struct spec_process *p, pid_t pid, struct err *e)
{
	char path[40] = "/proc/self/oom_score_adj", text[24];
	AUTO_CLOSE int fd = -1;
	int n;

	if (!p->oom_score_adj.set)
		return 0;
	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	n = snprintf(text, sizeof(text), "%lld", (long long)p->oom_score_adj.v);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)n) != n) {
		err_set(e, errno, "process.oomScoreAdj %s", text);
		return e->code == EACCES ? err_hint(e, "below our own it needs CAP_SYS_RESOURCE") :
					   -e->code;
	}
	return 0;
}

struct child {
	struct birth *b;
	int sync_host;
};

/* In the host's memory perhaps (birth_clone): it writes to nothing but its own stack. */
static void child_run(void *arg)
{
	const struct child *c = arg;
	const struct birth *b = c->b;
	const struct plan *p = b->plan;
	struct err e = ERR_INIT;
	char number[16];
	char *argv[] = { (char *)"berth-init", number, NULL }, *envp[] = { NULL };
	int r = 0;

	/* Ours alone now: when the host ends, we read its end. */
	close(c->sync_host);
	if ((p->clone_flags & CLONE_NEWUSER) && !p->go_between)
		r = child_wait_mapped(b, &e);
	if (r == 0)
		r = child_stdio(b, &e);
	if (r == 0)
		r = child_inherit(b, &e);
	if (r == 0 && p->go_between)	/* the init is to be cloned with it */
		r = set_oom_score(p->process, 0, &e);
	if (r == 0) {
		snprintf(number, sizeof(number), "%d", b->arena->fd);
		sys_execveat(b->program, "", argv, envp, AT_EMPTY_PATH);
		err_set(&e, errno, "execute berth-init");
	}
	sync_send_err(p->fd[PLAN_FD_SYNC], &e);
	_exit(ERR_STATUS_ENGINE);
}

static int explain_clone(int code, const struct birth *b, struct err *e)
{
	err_set(e, code, "clone3");
	if (code == EBUSY && b->cgroup_fd >= 0)
		return err_hint(
			e,
			"the cgroup has controllers enabled for its children, or is not its own");
	if ((code == ENOENT || code == ENODEV) && b->cgroup_fd >= 0)
		return err_hint(e, "the cgroup was removed meanwhile");
	if (code == ENOSPC)
		return err_hint(e, "/proc/sys/user/max_*_namespaces is reached");
	if (code == EPERM && (b->plan->clone_flags & CLONE_NEWUSER))
		return err_hint(
			e, "user namespaces may be forbidden: /proc/sys/user/max_user_namespaces, "
			   "/proc/sys/kernel/unprivileged_userns_clone");
	return -e->code;
}

static int clone_child(struct birth *b, struct launch *ret, struct err *e)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = (uint64_t)CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			 (b->plan->go_between ? 0 : b->plan->clone_flags) |
			 (b->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (__u64)(unsigned)(b->cgroup_fd >= 0 ? b->cgroup_fd : 0),
	};
	struct child c = { .b = b, .sync_host = ret->sync };
	/* With a new user namespace the child waits for the id maps before it executes. */
	pid_t pid = birth_clone(&args, !(args.flags & CLONE_NEWUSER), child_run, &c);

	if (pid < 0)
		return explain_clone(errno, b, e);
	ret->pid = pid;
	ret->pidfd = pidfd;
	return 0;
}

/* The go-between tells who the init is; it is our child too (CLONE_PARENT). */
static int meet_init(struct launch *l, struct err *e)
{
	struct sync_msg m;
	siginfo_t info;
	int fd, r;

	r = sync_recv(l->sync, &m, NULL, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_say(e, EPIPE, "berth-init ended before it could clone");
	if (m.type == SYNC_ERROR) {
		*e = m.err;
		return -e->code;
	}
	fd = m.type == SYNC_BORN && m.pid > 0 ? sys_pidfd_open(m.pid, 0) : -1;
	if (fd < 0)
		return err_say(e, EPROTO, "berth-init named no child");
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
		fd_close(&fd);
		return err_say(e, EPROTO, "berth-init named a stranger");
	}
	waitid(P_PIDFD, (id_t)l->pidfd, &info, WEXITED);
	fd_close(&l->pidfd);
	l->pid = m.pid;
	l->pidfd = fd;
	return 0;
}

static int map_ids(struct birth *b, pid_t pid, struct err *e)
{
	const struct spec *s = b->plan->spec;
	int r;

	if (!s || !s->ns[SPEC_NS_USER].unshare)
		return 0;
	r = ids_write(pid, &s->uids, &s->gids, e);
	return r == 0 ? birth_idmap(b, pid, e) : r;
}

static int start(struct birth *b, struct launch *ret, struct err *e)
{
	bool new_user = b->plan->clone_flags & CLONE_NEWUSER;
	int r;

	r = clone_child(b, ret, e);
	fd_close(&b->sync_child);
	if (r == 0 && !b->plan->go_between)
		r = set_oom_score(b->plan->process, ret->pid, e);
	if (r == 0 && b->plan->go_between)
		r = meet_init(ret, e);
	if (r == 0)
		r = map_ids(b, ret->pid, e);
	if (r == 0 && new_user)
		r = sync_send(ret->sync, SYNC_MAPPED, 0, -1);
	if (r == 0)
		r = proc_start_time(ret->pid, &ret->start_time);
	if (r < 0 && !e->msg[0])
		err_set(e, -r, "berth-init");
	return r;
}

void birth_give_pipes(const struct birth *b, const struct spec *s)
{
	const struct spec_process *p = b->plan->process;
	uint32_t uid, gid;
	struct stat st;

	if (!b->plan->userns || p->terminal || !birth_host_id(&s->uids, p->user.uid, &uid) ||
	    !birth_host_id(&s->gids, p->user.gid, &gid))
		return;
	for (int i = 0; i < 3; i++) {
		int fd = b->stdio[i] >= 0 ? b->stdio[i] : i;

		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			(void)!fchown(fd, uid, gid);
	}
}

int birth_start(struct birth *b, struct launch *ret, struct err *e)
{
	int pair[2], r;

	r = seal_program(&b->program, e);
	if (r == 0)
		r = sync_pair(pair, e);
	if (r < 0)
		return r;
	ret->sync = pair[0];
	b->sync_child = b->plan->fd[PLAN_FD_SYNC] = pair[1];
	/* From here on the plan changes only through our own mapping. */
	(void)fcntl(b->arena->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	return start(b, ret, e);
}

/* It closed its end without a word. */
static int autopsy(struct launch *l, struct err *e)
{
	struct pollfd p = { .fd = l->pidfd, .events = POLLIN };
	siginfo_t info = { 0 };

	if (poll(&p, 1, 1000) == 1 &&
	    waitid(P_PIDFD, (id_t)l->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid) {
		if (info.si_code == CLD_EXITED && info.si_status == PLAN_EXIT_FOREIGN)
			return err_say(e, EPROTO, "berth-init was not built with this program");
		if (info.si_code == CLD_EXITED)
			return err_say(e, EPIPE,
				       "the init ended with status %d before it was ready",
				       info.si_status);
		return err_say(e, EPIPE, "the init was killed by signal %d before it was ready",
			       info.si_status);
	}
	return err_say(e, EPIPE, "the init ended before it was ready");
}

static void take_listener(struct birth *b, struct launch *l, int fd, struct err *e)
{
	l->seccomp_notify = fd;
	if (fd < 0)
		err_say(e, EPROTO, "berth-init sent no listener");
	else if (b->listener)
		b->listener(b->ctx, l, e);
}

int birth_follow(struct birth *b, struct launch *l, enum sync_type until, struct err *e)
{
	for (;;) {
		struct err said = ERR_INIT;	/* e may hold a failure that was none in the end */
		struct sync_msg m;
		AUTO_CLOSE int fd = -1;
		int r = sync_recv(l->sync, &m, &fd, e);

		if (r < 0)
			return r;
		if (r == 0)
			return autopsy(l, e);
		if (m.type == SYNC_ERROR)
			said = m.err;
		else if (m.type == SYNC_CONSOLE && l->console < 0)
			l->console = TAKE_FD(fd);
		else if (m.type == SYNC_FILTER && l->seccomp_notify < 0)
			take_listener(b, l, TAKE_FD(fd), &said);
		else if (m.type == SYNC_IDMAP)
			birth_idmap_late(b, l, m.pid, fd, &said);
		else if (m.type != until)
			err_say(&said, EPROTO, "berth-init said \"%s\" out of turn",
				sync_name(m.type));
		if (said.code) {
			*e = said;
			return -e->code;
		}
		if (m.type == until)
			return 0;
	}
}

int birth_rlimits(const struct plan *p, const struct launch *l, struct err *e)
{
	for (size_t i = 0; p->host_rlimits && i < p->process->nrlimits; i++) {
		const struct spec_rlimit *v = &p->process->rlimits[i];

		if (sys_set_rlimit(l->pid, v->resource, v->soft, v->hard) < 0)
			return err_set(e, errno, "process.rlimits: %s, soft %llu, hard %llu",
				       spec_rlimit_name(v->resource), (unsigned long long)v->soft,
				       (unsigned long long)v->hard);
	}
	return 0;
}

/* The host's turns: network while the init mounts, hooks when it has, state for its own. */
static int take_turns(struct birth *b, const struct launch_opts *o, struct launch *l, struct err *e)
{
	static const char *const status[] = { "creating", "created" };
	struct plan *p = b->plan;
	int r = 0;

	if (o->namespaces_ready)
		r = o->namespaces_ready(o->ctx, l, e);
	if (r == 0 && p->report_mounted)
		r = birth_follow(b, l, SYNC_MOUNTED, e);
	if (r == 0 && o->mounts_ready)
		r = o->mounts_ready(o->ctx, l, e);
	if (r < 0)
		return r;
	for (size_t i = 0; p->late && o->state_write && i < ARRAY_SIZE(status); i++) {
		AUTO(strbuf) struct strbuf state = STRBUF_INIT;

		o->state_write(o->ctx, l, status[i], &state);
		p->late->state[i] = arena_strdup(b->arena, state.s ? state.s : "");
	}
	if (p->wait_go && sync_send(l->sync, SYNC_GO, 0, -1) < 0)
		return 0;	/* it has failed: birth_follow reads why */
	return 0;
}

static int launch(struct birth *b, const struct launch_opts *o, struct launch *l, struct err *e)
{
	int r;

	r = birth_start(b, l, e);
	if (r == 0)
		r = take_turns(b, o, l, e);
	if (r == 0)
		r = birth_follow(b, l, SYNC_READY, e);
	return r == 0 ? birth_rlimits(b->plan, l, e) : r;
}

/* In too little memory the init may die at any step, or the kernel may refuse it one. */
static void explain_memory(const struct birth *b, struct err *e)
{
	struct cgroup_oom oom;

	if ((e->code == EPIPE || e->code == ENOMEM) && b->cgroup_fd >= 0 &&
	    cgroup_oom_read(b->cgroup_fd, &oom) == 0 && oom.oom > 0)
		err_wrap(e, "the memory limit of %" PRIu64 " bytes is too low", oom.limit);
}

int launch_init(const struct spec *s, const struct launch_opts *o, struct launch *ret,
		struct err *e)
{
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	AUTO(birth) struct birth b = BIRTH_INIT;
	int r;

	if (s->arena->fd < 0)
		return err_say(e, EINVAL, "the spec lies in no shared arena");
	if (!s->process.args || !s->process.args[0])
		return err_say(e, EINVAL, "process.args: there is no program to run");
	b.arena = s->arena;
	b.stdio = o->stdio;
	b.cgroup_fd = o->cgroup_fd;
	b.listener = o->listener;
	b.ctx = o->ctx;
	plan_own_spec(s->arena, (struct spec *)(uintptr_t)s);
	r = birth_plan(&b, s, o, e);
	if (r == 0)
		birth_give_pipes(&b, s);
	if (r == 0)
		r = launch(&b, o, &l, e);
	if (r < 0) {
		explain_memory(&b, e);
		launch_abort(&l);
		return r;
	}
	*ret = l;
	return 0;
}

int launch_keep(struct launch *l, struct err *e)
{
	int r = sync_send(l->sync, SYNC_KEEP, 0, -1);

	if (r < 0)
		return err_say(e, -r, "the init has ended");
	fd_close(&l->sync);
	return 0;
}

int launch_gate_open(int fd, struct err *e)
{
	struct sync_msg m;
	int r;

	r = sync_send(fd, SYNC_START, 0, -1);
	if (r < 0)
		return err_say(e, -r, "the init has ended");
	r = sync_recv(fd, &m, NULL, e);
	if (r <= 0)
		return r;
	if (m.type != SYNC_ERROR)
		return err_say(e, EPROTO, "the init said \"%s\" at its gate", sync_name(m.type));
	*e = m.err;
	return -e->code;
}

int launch_open_gate(struct launch *l, struct err *e)
{
	int r = launch_gate_open(l->sync, e);

	fd_close(&l->sync);
	return r;
}

void launch_abort(struct launch *l)
{
	siginfo_t info;

	fd_close(&l->sync);
	fd_close(&l->console);
	fd_close(&l->seccomp_notify);
	if (l->pidfd < 0)
		return;
	sys_pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)l->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(&l->pidfd);
}
