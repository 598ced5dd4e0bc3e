/*
 * pid1.c - --init: our own static program stays as PID 1, reaps what nobody waits for,
 * hands signals on, and ends as its child does.
 *
 * Runs in: container, with the same user, capabilities and filter as the program; not
 * dumpable, so nobody inside may trace it; its file is the sealed memfd.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/init.h"

/* Reaps all that has ended; exits when the child did. */
static void reap(pid_t child)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		if (pid == child)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
}

static void __attribute__((noreturn)) serve(pid_t child, const sigset_t *all)
{
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD)
			reap(child);
		else if (sig > 0 && sig != SIGTTIN && sig != SIGTTOU)
			kill(child, sig);
	}
}

int step_pid1(struct init *in, struct err *e)
{
	sigset_t all, none;
	pid_t child;

	if (!in->plan->run_pid1)
		return 0;
	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "init");	/* the program gets its own by execve */
	child = fork();
	if (child < 0)
		return err_set(e, errno, "start the program below the init");
	if (child > 0) {
		/* Nothing of the program's stays open here: its readers see its end. */
		sys_close_range(0, ~0u, 0);
		serve(child, &all);
	}
	/* A group of its own in the foreground: keys of the terminal reach it, not us. */
	setpgid(0, 0);
	if (in->process->terminal)
		tcsetpgrp(0, getpid());
	if (in->plan->listen_fds > 0)
		env_put(in, mem_printf("LISTEN_PID=%d", (int)getpid()));
	if (in->plan->pdeathsig)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}
