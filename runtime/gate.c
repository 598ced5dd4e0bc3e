/*
 * gate.c - where the init waits: for the host's turns, and at the gate for `start`.
 *
 * Runs in: container.  sync.h draws what is said.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/hookrun.h"
#include "runtime/init.h"
#include "runtime/sync.h"

int step_host_turn(struct init *in, struct err *e)
{
	int r;

	if (in->plan->report_mounted) {
		r = sync_send(in->sync, SYNC_MOUNTED, 0, -1);
		if (r < 0)
			return err_set(e, -r, "tell the host that all is mounted");
	}
	return in->plan->wait_go ? sync_wait(in->sync, SYNC_GO, e) : 0;
}

int step_hooks_create(struct init *in, struct err *e)
{
	struct hookrun how = {
		.kind = "createContainer",
		.state = in->plan->late ? in->plan->late->state[0] : NULL,
		.env = in->process->env,
	};

	return hookrun_all(&in->spec->hooks[SPEC_HOOK_CREATE_CONTAINER], &how, e);
}

int step_hooks_start(struct init *in, struct err *e)
{
	/* Programs of the container, so under its filter; ours comes as late as can be. */
	struct hookrun how = {
		.kind = "startContainer",
		.state = in->plan->late ? in->plan->late->state[1] : NULL,
		.env = in->env,
		.confine = filter_hook,
		.ctx = in,
	};

	return hookrun_all(&in->spec->hooks[SPEC_HOOK_START_CONTAINER], &how, e);
}

int step_ready(struct init *in, struct err *e)
{
	int r = sync_send(in->sync, SYNC_READY, 0, -1);

	return r < 0 ? err_set(e, -r, "tell the host that all is ready") : 0;
}

/* `create` ends and `start` comes to our socket.  Before SYNC_KEEP there is no record of us:
 * when the creator dies until then, so do we. */
static int wait_start(struct init *in, struct err *e)
{
	int gate = in->plan->fd[PLAN_FD_GATE];
	int r;

	r = sync_wait(in->sync, SYNC_KEEP, e);
	if (r < 0)
		_exit(ERR_STATUS_ENGINE);
	fd_close(&in->sync);
	in->answer = -1;
	for (;;) {
		AUTO_CLOSE int conn = accept4(gate, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return err_set(e, errno, "wait at the gate");
		}
		if (sync_wait(conn, SYNC_START, e) == 0) {
			in->answer = TAKE_FD(conn);
			close(gate);
			return 0;
		}
		*e = (struct err)ERR_INIT;
	}
}

static void end_now(int sig)
{
	_exit(128 + sig);
}

/* Process 1 of a namespace takes no signal but SIGKILL that it has no handler for.  One that
 * still waits is to end by `kill` as any process; execve puts the handlers back. */
static void end_by_signals(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		signal(sigs[i], end_now);
}

int step_gate(struct init *in, struct err *e)
{
	int r;

	end_by_signals();
	if (in->plan->fd[PLAN_FD_GATE] >= 0) {
		r = wait_start(in, e);
	} else {
		r = sync_wait(in->sync, SYNC_START, e);
		if (r < 0)
			_exit(ERR_STATUS_ENGINE);
	}
	if (r < 0)
		return r;
	/* What was inherited for the program; all else is close-on-exec. */
	for (size_t i = 0; i < in->plan->npreserved; i++)
		fd_cloexec(in->plan->preserved[i], false);
	umask(in->process->user.umask.set ? in->process->user.umask.v : 0022);
	return 0;
}
