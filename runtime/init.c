/*
 * init.c - berth-init: the birth of a container's process as an ordered list of steps.
 *
 * Runs in: container.  The only program of ours that is ever visible inside.  It is
 * executed from a sealed memfd, gets one plan (plan.h) and nothing else, and ends in
 * execve.  The order of the rows matters; where it does, the row says why.
 */
#include "runtime/init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/sync.h"

enum { IN_INIT = 1, IN_EXEC = 2, IN_BOTH = 3 };

struct step {
	const char *name;	/* for a failure that has no words of its own */
	init_step *run;
	unsigned where;
};

/* clang-format off */
static const struct step steps[] = {
	{ "namespaces",		step_ns,		IN_INIT },	/* cgroupns: we are in the cgroup by now */
	{ "session",		step_session,		IN_BOTH },
	{ "root",		step_root_attach,	IN_INIT },
	{ "root",		step_root_join,		IN_EXEC },
	{ "mounts",		step_mounts,		IN_INIT },	/* sources of binds are still to be seen */
	{ "notify socket",	step_notify,		IN_INIT },
	{ "devices",		step_dev,		IN_INIT },
	{ "procfs",		step_procfs,		IN_BOTH },	/* before masks hide parts of it */
	{ "host",		step_host_turn,		IN_INIT },	/* network is up, runtime hooks are done */
	{ "createContainer",	step_hooks_create,	IN_INIT },	/* their programs are the host's */
	{ "hostname",		step_hostname,		IN_INIT },
	{ "sysctl",		step_sysctl,		IN_INIT },	/* behind the network: net.ipv4.conf.eth0 */
	{ "masks",		step_masks,		IN_INIT },	/* the host's null device is still to be seen */
	{ "work directory",	step_cwd_open,		IN_BOTH },	/* before the root is read-only */
	{ "root",		step_root_enter,	IN_INIT },
	{ "terminal",		step_console,		IN_BOTH },
	{ "read-only root",	step_root_seal,		IN_INIT },	/* the terminal made /dev/console */
	{ "environment",	step_env,		IN_BOTH },
	{ "label",		step_lsm,		IN_BOTH },
	{ "scheduling",		step_sched,		IN_BOTH },
	{ "standard files",	step_stdio,		IN_BOTH },
	{ "rlimits",		step_rlimits,		IN_BOTH },
	{ "work directory",	step_cwd_root,		IN_BOTH },
	{ "filter",		step_filter_early,	IN_BOTH },	/* needs CAP_SYS_ADMIN without no_new_privs */
	{ "bounding set",	step_caps_bounding,	IN_BOTH },	/* needs CAP_SETPCAP */
	{ "user",		step_creds,		IN_BOTH },
	{ "capabilities",	step_caps,		IN_BOTH },
	{ "work directory",	step_cwd,		IN_BOTH },	/* as the user: it may be barred to root */
	{ "program",		step_program,		IN_BOTH },
	{ "filter",		step_filter_listen,	IN_BOTH },
	{ "ready",		step_ready,		IN_BOTH },
	{ "gate",		step_gate,		IN_BOTH },
	{ "startContainer",	step_hooks_start,	IN_INIT },
	{ "filter",		step_filter_last,	IN_BOTH },
	{ "init",		step_pid1,		IN_INIT },
};
/* clang-format on */

/* Handlers are gone with execve, ignored signals are not; the mask stays too. */
static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The whole birth but the execve. */
static int run_steps(struct init *in, struct err *e)
{
	unsigned here = in->plan->spec ? IN_INIT : IN_EXEC;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r;

		if (!(steps[i].where & here))
			continue;
		r = steps[i].run(in, e);
		if (r < 0) {
			if (!e->msg[0])
				err_set(e, -r, "%s", steps[i].name);
			return r;
		}
	}
	return 0;
}

static int run_program(struct init *in, struct err *e)
{
	execve(in->program, in->process->args, in->env);
	/* The words that Docker and containerd look for are in lower case. */
	if (errno == ENOENT)
		err_say(e, ENOENT, "exec %s: no such file or directory", in->program);
	else if (errno == EACCES)
		err_say(e, EACCES, "exec %s: permission denied", in->program);
	else
		err_set(e, errno, "exec %s", in->program);
	return err_status(e, e->code == ENOENT ? ERR_STATUS_NOTFOUND : ERR_STATUS_NOEXEC);
}

static int born(const struct plan *plan, struct err *e)
{
	struct init in = {
		.plan = plan,
		.spec = plan->spec,
		.process = plan->process,
		.sync = plan->fd[PLAN_FD_SYNC],
		.answer = plan->fd[PLAN_FD_SYNC],
		.root = -1,
		.proc = -1,
		.cwd = -1,
		.dev_null = -1,
	};
	int r;

	r = plan->wait_mapped ? ns_mapped(plan, e) : 0;
	in.uid = geteuid();
	in.gid = getegid();
	if (r == 0)
		r = run_steps(&in, e);
	if (r == 0)
		r = run_program(&in, e);
	if (in.answer >= 0)
		sync_send_err(in.answer, e);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	const struct plan *plan;
	uint32_t fd;

	/* Nobody inside may look at us, nor through us at what we have open. */
	prctl(PR_SET_DUMPABLE, 0);
	if (argc != 2 || str_to_u32(argv[1], &fd) < 0 || fd > INT32_MAX) {
		static const char text[] = "berth-init: started by berth alone\n";

		(void)!write(2, text, sizeof(text) - 1);
		return ERR_STATUS_ENGINE;
	}
	if (plan_load((int)fd, &plan, &e) < 0)
		return PLAN_EXIT_FOREIGN;
	close((int)fd);
	prctl(PR_SET_NAME, "berth-init");
	umask(0);
	reset_signals();
	/* Nothing of ours may be there after execve; what is to stay is marked at the end. */
	fd_cloexec_from(3);
	if (plan->go_between && ns_enter(plan, &e) < 0) {
		sync_send_err(plan->fd[PLAN_FD_SYNC], &e);
		return ERR_STATUS_ENGINE;
	}
	born(plan, &e);
	return e.status ? e.status : ERR_STATUS_ENGINE;
}
