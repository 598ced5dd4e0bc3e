/* stop.c - ending a container: the signal, the time it gets, the end.  Runs in: supervisor. */
#include <errno.h>
#include <signal.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "runtime/watch.h"

void stop_signal_init(int sig)
{
	sys_pidfd_send_signal((int)W.pidfd, sig, NULL, 0);
}

/* A frozen container takes its signals only when thawed. */
static void thaw(void)
{
	AUTO_CLOSE int fd = -1;
	struct err e = ERR_INIT;

	if (!str_empty(W.cgroup) && cgroup_dir_open(W.cgroup, &fd, &e) == 0)
		cgroup_thaw(fd, 0, &e);
}

/* timeout_s < 0: waits for ever; 0: kills at once. */
void stop_begin(int sig, int64_t timeout_s, enum status_reason why)
{
	if (W.why == STATUS_NONE || W.why == STATUS_KILLED)
		W.why = why;
	if (W.deadline[TIMER_RESTART]) {	/* it waits to be started again: it will not be */
		watch_set_timer(TIMER_RESTART, -1);
		W.restart = RESTART_NO;
		finish_all();
		return;
	}
	if (W.ended)
		return;
	if (timeout_s == 0) {
		stop_kill_now();
		return;
	}
	stop_signal_init(sig);
	thaw();
	if (timeout_s > 0)
		watch_set_timer(TIMER_STOP, timeout_s * 1000000000);
}

/* Whoever is left in the cgroup. */
void stop_rest(void)
{
	AUTO_CLOSE int fd = -1;
	struct err e = ERR_INIT;

	if (!str_empty(W.cgroup) && cgroup_dir_open(W.cgroup, &fd, &e) == 0)
		cgroup_kill(fd, &e);
}

void stop_kill_now(void)
{
	if (W.why == STATUS_STOPPED)
		W.why = STATUS_STOP_TIMEOUT;
	W.killing = true;
	stop_signal_init(SIGKILL);
	stop_rest();
}
