/*
 * finish.c - the end of a container: reaped, drained, written down, cleaned up; then
 * restarted, or over.  Runs in: supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "runtime/event.h"
#include "runtime/kmsg.h"
#include "runtime/watch.h"

#define SECOND INT64_C(1000000000)
#define BACKOFF_FIRST (SECOND / 10)
#define BACKOFF_MOST (60 * SECOND)
#define BACKOFF_RESET (10 * SECOND)	/* who ran that long begins anew */
#define P_PIDFD_ 3

void finish_reap(void)
{
	siginfo_t si = { .si_pid = 0 };

	if (waitid(P_PIDFD_, (id_t)W.pidfd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
		return;
	watch_poll((int)W.pidfd, false, false);
	W.ended = true;
	if (si.si_code == CLD_EXITED) {
		W.status.exit_code = si.si_status & 255;
		W.status.signal = 0;
	} else {
		W.status.exit_code = 128 + si.si_status;
		W.status.signal = si.si_status;
	}
	watch_set_timer(TIMER_STOP, -1);
	watch_set_timer(TIMER_WALL, -1);
	watch_set_timer(TIMER_IDLE, -1);
	watch_set_timer(TIMER_CPU, -1);
	watch_set_timer(TIMER_HEALTH, -1);
	/* With a PID namespace of its own all others are dead now; else the cgroup sees to it,
	 * and the last output comes at once. */
	stop_rest();
	if (W.tty >= 0 && W.tty_hung)
		watch_poll((int)W.tty, true, false);	/* what was left in it, and its end */
	watch_set_timer(TIMER_DRAIN, 2 * SECOND);
}

static void count_usage(void)
{
	AUTO_CLOSE int fd = -1;
	struct err e = ERR_INIT;
	struct cgroup_oom oom;

	if (str_empty(W.cgroup) || cgroup_dir_open(W.cgroup, &fd, &e) < 0)
		return;
	cgroup_cpu_read(fd, &W.status.cpu_usec);
	if (cgroup_oom_read(fd, &oom) < 0 || !oom.known)
		return;
	W.status.oom_killed = oom.oom_kill > 0;
	W.status.memory_peak = oom.peak;
	W.status.oom_limit = oom.limit == UINT64_MAX ? 0 : oom.limit;
	W.status.oom_peak = oom.peak;
}

static enum status_reason reason(void)
{
	if (W.status.oom_killed && W.status.signal == SIGKILL && !W.killing)
		return STATUS_OOM;
	if (W.why == STATUS_KILLED)
		return W.status.signal ? STATUS_KILLED : STATUS_EXIT;
	if (W.why != STATUS_NONE)
		return W.why;
	if (W.status.oom_killed && W.status.exit_code == 137)
		return STATUS_OOM;
	if (W.status.signal == SIGSYS)
		return STATUS_SECCOMP;
	return W.status.signal ? STATUS_SIGNAL : STATUS_EXIT;
}

static bool will_restart(void)
{
	if (W.by_user || W.why == STATUS_HOST_SHUTDOWN)
		return false;
	switch (W.restart) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return true;
	case RESTART_ON_FAILURE:
		return W.status.exit_code != 0 &&
		       (W.restart_max == 0 || W.restarts < W.restart_max);
	default:
		return false;
	}
}

/* The kernel's log says it now; later it may be overwritten. */
static void ask_log(void)
{
	struct kmsg_call call;
	struct kmsg_victim victim;

	if (W.status.signal == SIGSYS && kmsg_find_call((pid_t)W.pid, W.started, &call)) {
		W.status.syscall = call.nr;
		W.status.syscall_arch = call.arch;
	}
	if (W.status.oom_killed && kmsg_find_victim(W.id, W.started, &victim)) {
		memcpy(W.status.oom_task, victim.task, sizeof(victim.task));
		W.status.oom_pid = victim.pid;
	}
}

static void close_output(int64_t *fd)
{
	if (*fd < 0)
		return;
	watch_poll((int)*fd, false, false);
	close((int)*fd);
	*fd = -1;
}

static void tell(const char *action)
{
	AUTO_FREE char *code = mem_printf("%d", W.status.exit_code);
	struct event_attr attrs[] = { { "name", W.name ? W.name : "" }, { "image", W.image },
				      { "exitCode", code },
				      { "reason", status_reason_name(W.status.reason) }, { 0 } };

	event_log(W.root, "container", action, W.id, attrs);
}

static void write_down(void)
{
	struct err e = ERR_INIT;
	struct timespec t;

	count_usage();
	ask_log();
	clock_gettime(CLOCK_REALTIME, &t);
	W.status.finished_ns = (int64_t)t.tv_sec * SECOND + t.tv_nsec;
	W.status.reason = reason();
	W.status.stopped_by_user = W.by_user;
	W.status.pid = 0;
	W.status.supervisor = 0;
	W.status.health[0] = 0;
	if (!W.rm)
		status_save((int)W.dir, &W.status, true, &e);
	if (W.status.oom_killed)
		tell("oom");
	tell("die");
}

static void take_down(void)
{
	struct end_paths p = { (int)W.run, (int)W.containers, W.id, W.cgroup };
	AUTO_CLOSE int turn = turn_take((int)W.run);
	struct err e = ERR_INIT;

	if (W.health_pid > 0) {
		kill(W.health_pid, SIGKILL);
		waitpid(W.health_pid, NULL, 0);
	}
	W.left_over = end_cgroup(&p, &e) < 0;
	if (W.net) {
		const char *args[] = { "internal-netdown", W.id, NULL };
		int tries = 0;

		/* somebody may kill it, as anything of ours */
		while (watch_berth(args, true) != 0 && ++tries < 3)
			;
		W.left_over |= tries == 3;
	}
}

static void over(void)
{
	struct end_paths p = { (int)W.run, (int)W.containers, W.id, W.cgroup };
	struct err e = ERR_INIT;

	if (W.left_over) {	/* the run folder stays: the next command's sweep goes on here */
		clients_end(W.status.exit_code);
		_exit(1);
	}
	if (W.rm && W.volumes) {
		const char *args[] = { "internal-remove", W.id, NULL };

		if (watch_berth(args, true) != 0 && watch_berth(args, true) != 0)
			_exit(1);
	} else if (W.rm) {
		end_container_dir(&p, &e);
		if (W.names >= 0 && W.name)
			unlinkat((int)W.names, W.name, 0);
	}
	if (W.rm)
		tell("destroy");
	end_run_dir(&p, &e);
	fd_close(&(int){ (int)W.lock });
	clients_end(W.status.exit_code);
	_exit(W.status.exit_code);	/* to who took us for the main process: --sdnotify */
}

static void wait_for_restart(void)
{
	bool ran_well = watch_now() - W.started >= BACKOFF_RESET;

	if (W.backoff <= 0 || ran_well)
		W.backoff = BACKOFF_FIRST;
	else
		W.backoff = W.backoff * 2 > BACKOFF_MOST ? BACKOFF_MOST : W.backoff * 2;
	watch_set_timer(TIMER_RESTART, W.backoff);
}

void finish_all(void)
{
	static bool down;

	watch_set_timer(TIMER_DRAIN, -1);
	close_output(&W.out);
	close_output(&W.err);
	close_output(&W.tty);
	if (!down) {
		write_down();
		take_down();
		down = true;
		if (will_restart()) {
			wait_for_restart();
			return;
		}
	}
	over();
}

/* Back into berth for the next birth: same PID, same lock, same attached clients. */
void finish_restart(void)
{
	AUTO(strlist) struct strlist a = STRLIST_INIT;
	char *env[] = { (char *)(uintptr_t)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	sigset_t none;

	strlist_addf(&a, "berth");
	strlist_addf(&a, "--root");
	strlist_add(&a, W.root);
	strlist_add(&a, "internal-supervise");
	strlist_addf(&a, "id=%s", W.id);
	strlist_addf(&a, "restarts=%lld", (long long)W.restarts + 1);
	strlist_addf(&a, "backoff=%lld", (long long)W.backoff);
	fd_cloexec((int)W.lock, false);
	strlist_addf(&a, "lock=%lld", (long long)W.lock);
	for (int i = 0, n = 0; i < WATCH_CLIENTS && n < SUPERVISE_CLIENTS; i++) {
		if (W.client[i].kind != CLIENT_ATTACHED)
			continue;
		fd_cloexec(W.client[i].fd, false);
		strlist_addf(&a, "client=%d:%d", W.client[i].fd, W.client[i].flags);
		n++;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(W.berth, a.v, env);
	over();
}
