/* watch.c - berth-supervisor: arguments and the loop.  Runs in: supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "runtime/alive.h"
#include "runtime/watch.h"

struct watch W;

static const struct row { const char *key; bool text; size_t off; } rows[] = {
#define TEXT(key, field) { key, true, offsetof(struct watch, field) }
#define NUM(key, field) { key, false, offsetof(struct watch, field) }
	TEXT("id", id), TEXT("root", root), TEXT("berth", berth), TEXT("cgroup", cgroup),
	TEXT("log", log), TEXT("log-name", log_name), TEXT("name", name), TEXT("image", image),
	TEXT("tag", tag), NUM("log-dir", log_dir), NUM("log-buffer", log_buffer),
	NUM("run", run), NUM("containers", containers), NUM("names", names), NUM("dir", dir),
	NUM("lock", lock), NUM("listen", listen), NUM("pidfd", pidfd), NUM("pid", pid),
	NUM("tty", tty), NUM("in", in), NUM("out", out), NUM("err", err),
	NUM("log-size", log_size), NUM("log-files", log_files),
	NUM("log-compress", log_compress), NUM("stop-signal", stop_signal),
	NUM("stop-timeout", stop_timeout), NUM("restart", restart), NUM("restart-max", restart_max),
	NUM("restarts", restarts), NUM("backoff", backoff), NUM("rm", rm), NUM("net", net),
	NUM("volumes", volumes), NUM("stdin-once", stdin_once), NUM("timeout", timeout),
	NUM("idle-timeout", idle_timeout), NUM("cpu-time", cpu_time), NUM("health", health),
	NUM("startup", startup), NUM("startup-interval", startup_interval),
	NUM("startup-retries", startup_retries), NUM("startup-success", startup_success),
	NUM("health-interval", health_interval), NUM("health-timeout", health_timeout),
	NUM("health-period", health_period), NUM("health-start-interval", health_start_interval),
	NUM("health-retries", health_retries), NUM("health-action", health_action),
#undef TEXT
#undef NUM
};

int64_t watch_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void watch_set_timer(enum watch_timer t, int64_t after_ns)
{
	W.deadline[t] = after_ns < 0 ? 0 : watch_now() + after_ns;
}

void watch_poll(int fd, bool rd, bool wr)
{
	struct epoll_event ev = { .events = (rd ? EPOLLIN : 0u) | (wr ? EPOLLOUT : 0u),
				  .data.fd = fd };

	if (fd == W.tty)
		W.tty_hung = false;
	if (!rd && !wr) {
		epoll_ctl(W.epoll, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (epoll_ctl(W.epoll, EPOLL_CTL_MOD, fd, &ev) < 0)
		epoll_ctl(W.epoll, EPOLL_CTL_ADD, fd, &ev);
}

int watch_berth(const char *const *args, bool wait)
{
	const char *argv[12] = { W.berth, "--root", W.root };
	char *env[] = { (char *)(uintptr_t)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawnattr_t at;
	sigset_t none;
	size_t n = 3;
	pid_t pid;
	int st = -1;

	while (*args && n < ARRAY_SIZE(argv) - 1)
		argv[n++] = *args++;
	argv[n] = NULL;
	sigemptyset(&none);
	posix_spawnattr_init(&at);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK);
	if (posix_spawn(&pid, W.berth, NULL, &at, (char **)(uintptr_t)argv, env) != 0)
		return -1;
	if (!wait)
		return pid;
	while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
		;
	return st;
}

static void add_client(const char *v)
{
	const char *colon = strchr(v, ':');
	uint32_t fd = 0, flags = 0;
	char num[16];

	if (!colon || (size_t)(colon - v) >= sizeof(num))
		return;
	memcpy(num, v, (size_t)(colon - v));
	num[colon - v] = 0;
	if (str_to_u32(num, &fd) == 0 && str_to_u32(colon + 1, &flags) == 0)
		clients_adopt((int)fd, (int)flags);
}

static void read_args(int argc, char **argv)
{
	W.run = W.containers = W.names = W.dir = W.lock = W.listen = W.pidfd = W.tty = W.in =
		W.out = W.err = W.log_dir = W.journal_fd = W.log_fd = -1;
	W.stop_signal = SIGTERM;
	W.stop_timeout = 10;
	for (int i = 1; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq)
			continue;
		*eq = 0;
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
			void *field = (char *)&W + rows[k].off;

			if (!str_eq(rows[k].key, argv[i]))
				continue;
			if (rows[k].text)
				*(const char **)field = eq + 1;
			else
				str_to_i64(eq + 1, field);
		}
		*eq = '=';
	}
}

static void watch_fd(int64_t fd)
{
	if (fd < 0)
		return;
	fd_nonblock((int)fd, true);
	watch_poll((int)fd, true, false);
}

static void begin(int argc, char **argv)
{
	struct err e = ERR_INIT;
	sigset_t set;

	W.epoll = epoll_create1(EPOLL_CLOEXEC);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	W.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	fd_cloexec_from(3);
	prctl(PR_SET_NAME, "berth-superv");
	status_load((int)W.dir, &W.status, &e);
	W.started = watch_now();
	logfile_open();
	watch_poll(W.sigfd, true, false);
	watch_fd(W.pidfd);
	watch_fd(W.listen);
	watch_fd(W.out);
	watch_fd(W.err);
	watch_fd(W.tty);
	if (W.in >= 0)
		fd_nonblock((int)W.in, true);
	for (int i = 1; i < argc; i++)
		if (str_after(argv[i], "client="))
			add_client(str_after(argv[i], "client="));
	if (W.timeout > 0)
		watch_set_timer(TIMER_WALL, W.timeout);
	if (W.idle_timeout > 0)
		watch_set_timer(TIMER_IDLE, W.idle_timeout);
	if (W.cpu_time > 0)
		watch_set_timer(TIMER_CPU, 1000000000);
	if (W.health)
		health_start();
	alive_take((int)W.run, W.id);
}

bool watch_output_paused(void)
{
	return W.held > 0;
}

/* Nobody holds the terminal's other end, which need not be the end: an init closes it and opens
 * /dev/console whenever it has something to say.  The hang-up is told once, not again and again. */
static void hang_tty(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET | (W.in_used ? EPOLLOUT : 0u),
				  .data.fd = (int)W.tty };

	if (W.tty_hung)
		return;
	W.tty_hung = epoll_ctl(W.epoll, EPOLL_CTL_MOD, (int)W.tty, &ev) == 0;
}

/* One read of the container's output; false at its end. */
static bool read_output(int64_t *fd, int type)
{
	char *buf = clients_chunk();
	ssize_t n = read((int)*fd, buf, WATCH_CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 && errno == EIO && fd == &W.tty && !W.ended) {
		hang_tty();
		return true;
	}
	if (n <= 0) {
		watch_poll((int)*fd, false, false);
		close((int)*fd);
		*fd = -1;
		return false;
	}
	if (fd == &W.tty && W.tty_hung)
		watch_poll((int)W.tty, true, W.in_used > 0);
	if (W.idle_timeout > 0 && W.deadline[TIMER_IDLE])
		watch_set_timer(TIMER_IDLE, W.idle_timeout);
	logfile_write(type, buf, (size_t)n);
	clients_output(type, buf, (size_t)n);
	return true;
}

static void check_cpu(void)
{
	AUTO_CLOSE int fd = -1;
	struct err e = ERR_INIT;
	uint64_t used;

	watch_set_timer(TIMER_CPU, 1000000000);
	if (!W.cgroup || cgroup_dir_open(W.cgroup, &fd, &e) < 0 || cgroup_cpu_read(fd, &used) < 0)
		return;
	if ((int64_t)(used * 1000) >= W.cpu_time) {
		watch_set_timer(TIMER_CPU, -1);
		stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_CPU_TIME);
	}
}

static void run_timer(enum watch_timer t)
{
	W.deadline[t] = 0;
	switch (t) {
	case TIMER_STOP: stop_kill_now(); break;
	case TIMER_WALL: stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_TIMEOUT); break;
	case TIMER_IDLE: stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_IDLE); break;
	case TIMER_CPU: check_cpu(); break;
	case TIMER_HEALTH: health_run(); break;
	case TIMER_DRAIN: finish_all(); break;
	case TIMER_RESTART: finish_restart(); break;
	case TIMER_COUNT: break;
	}
}

/* Milliseconds until the next timer, rounded up; -1: none. */
static int run_timers(void)
{
	int64_t now = watch_now(), next = 0;

	for (int t = 0; t < TIMER_COUNT; t++)
		if (W.deadline[t] && W.deadline[t] <= now)
			run_timer((enum watch_timer)t);
	for (int t = 0; t < TIMER_COUNT; t++)
		if (W.deadline[t] && (!next || W.deadline[t] < next))
			next = W.deadline[t];
	if (!next)
		return -1;
	next -= now;
	return next <= 0 ? 0 : next > 3600000000000 ? 3600000 : (int)((next + 999999) / 1000000);
}

static void read_signals(void)
{
	struct signalfd_siginfo si;
	pid_t pid;
	int st;

	while (read(W.sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT) {
			W.status.sender_pid = (int32_t)si.ssi_pid;
			W.status.sender_uid = (int32_t)si.ssi_uid;
			W.by_user = false;
			W.restart = RESTART_NO;
			stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_HOST_SHUTDOWN);
		}
	}
	if (W.health_pid > 0 && (pid = waitpid(W.health_pid, &st, WNOHANG)) > 0)
		health_result(st);
}

static void event(int fd, uint32_t events)
{
	if (fd == W.sigfd) {
		read_signals();
	} else if (fd == W.listen) {
		clients_accept();
	} else if (fd == W.pidfd) {
		finish_reap();
	} else if (fd == W.out || fd == W.err || fd == W.tty) {
		int64_t *which = fd == W.out ? &W.out : fd == W.err ? &W.err : &W.tty;

		if ((events & EPOLLOUT) && fd == W.tty)
			clients_input_ready();
		if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !watch_output_paused())
			read_output(which, fd == W.err ? SUP_ERR : SUP_OUT);
	} else if (fd == W.in) {
		clients_input_ready();
	} else if (clients_has(fd)) {
		clients_event(fd, events);
	}
	if (W.ended && W.out < 0 && W.err < 0 && W.tty < 0 && W.deadline[TIMER_DRAIN])
		finish_all();
}

/* When the buffers were used, a second of silence gives their memory back. */
static int idle_timeout(int timeout)
{
	if (!W.buffers_used || W.held || W.in_used)
		return timeout;
	return timeout < 0 || timeout > 1000 ? 1000 : timeout;
}

int main(int argc, char **argv)
{
	read_args(argc, argv);
	if (!W.id || !W.root || W.pidfd < 0 || W.dir < 0) {
		static const char text[] = "berth-supervisor: started by berth only\n";

		fd_write_all(2, text, sizeof(text) - 1);
		return 125;
	}
	begin(argc, argv);
	for (;;) {
		struct epoll_event ev[16];
		int timeout = run_timers();
		int n = epoll_wait(W.epoll, ev, 16, idle_timeout(timeout));

		if (n == 0)
			clients_give_back();
		for (int i = 0; i < n; i++)
			event(ev[i].data.fd, ev[i].events);
	}
}
