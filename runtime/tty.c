/*
 * tty.c - the terminal of a container in the host.
 *
 * Runs in: host
 *
 * `run` and `exec` in the foreground: the caller's terminal becomes raw, bytes go both ways,
 * SIGWINCH becomes a new size, other signals go to the container's process.  The output side
 * never waits for the container, and a stalled reader of ours stops only the reading of the
 * master, so neither side can make the other spin.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/tty.h"

int tty_send(const char *path, int fd, const char *text, struct err *e)
{
	AUTO_FREE char *folder = mem_strndup(path, (size_t)(path_base(path) - path));
	AUTO_CLOSE int dir = open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int sock = -1;
	int r;

	if (dir < 0)
		return err_set(e, errno, "open %s", *folder ? folder : ".");
	r = fd_unix_connect(dir, path_base(path), SOCK_STREAM, &sock, e);
	if (r < 0)
		return r;
	r = fd_send(sock, text, strlen(text), &fd, 1);
	return r < 0 ? err_set(e, -r, "send to %s", path) : 0;
}

/* ---- the caller's terminal -------------------------------------------------------------- */

/* What must be put back whatever happens; the one piece of state that a signal handler needs. */
static struct { volatile sig_atomic_t set; int fd; struct termios was; } saved;

static void restore(void)
{
	if (saved.set) {
		saved.set = 0;
		tcsetattr(saved.fd, TCSANOW, &saved.was);
	}
}

static void restore_and_die(int sig)
{
	restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };

static int make_raw(struct tty *t, struct err *e)
{
	struct termios raw;

	if (tcgetattr(0, &saved.was) < 0)
		return errno == ENOTTY ? 0 : err_set(e, errno, "read the terminal's settings");
	saved.fd = 0;
	raw = saved.was;
	cfmakeraw(&raw);
	if (t->plain)
		raw.c_oflag |= OPOST;
	saved.set = 1;
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		signal(fatal[i], restore_and_die);
	atexit(restore);
	if (tcsetattr(0, TCSANOW, &raw) < 0)
		return err_set(e, errno, "set the terminal raw");
	t->raw = true;
	return 0;
}

static void copy_size(int master)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

/* ---- signals ---------------------------------------------------------------------------- */

int tty_signals(struct tty *t, struct err *e)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigdelset(&set, fatal[i]);
	/* Job control of our own terminal stays with the kernel; Go programs use SIGURG among
	 * themselves. */
	sigdelset(&set, SIGTSTP);
	sigdelset(&set, SIGTTIN);
	sigdelset(&set, SIGTTOU);
	sigdelset(&set, SIGURG);
	sigdelset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, &t->before) < 0)
		return err_set(e, errno, "block signals");
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return err_set(e, errno, "signalfd");
	return 0;
}

int tty_open(struct tty *t, int master, struct err *e)
{
	int r;

	t->master = master;
	if (master < 0)
		return 0;
	r = make_raw(t, e);
	if (r < 0)
		return r;
	fd_nonblock(master, true);
	if (t->raw)
		copy_size(master);
	return 0;
}

void tty_close(struct tty *t)
{
	restore();
	t->raw = false;
	fd_close(&t->master);
	if (t->signals >= 0) {
		fd_close(&t->signals);
		sigprocmask(SIG_SETMASK, &t->before, NULL);
	}
}

/* ---- the loop --------------------------------------------------------------------------- */

struct flow { int from, to; char buf[16384]; size_t have; bool done; };

/* One turn: reads when empty, writes what it can.  Sets done at the end of the source. */
static void flow_turn(struct flow *f)
{
	ssize_t n;

	if (!f->have) {
		n = read(f->from, f->buf, sizeof(f->buf));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			f->done = true;
		if (n > 0)
			f->have = (size_t)n;
	}
	if (!f->have)
		return;
	n = write(f->to, f->buf, f->have);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		f->done = true;
	if (n > 0) {
		f->have -= (size_t)n;
		memmove(f->buf, f->buf + n, f->have);
	}
}

/* True when pid has ended and *ret_status is set. */
static bool reap(pid_t pid, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t got;

	while ((got = waitpid(-1, &status, WNOHANG)) > 0)
		if (got == pid) {
			*ret_status = status;
			ended = true;
		}
	return ended;
}

static bool on_signal(struct tty *t, pid_t pid, int pidfd, int *ret_status)
{
	struct signalfd_siginfo si;
	bool ended = false;

	while (read(t->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			ended |= reap(pid, ret_status);
		else if (si.ssi_signo == SIGWINCH) {
			if (t->master >= 0)
				copy_size(t->master);
		} else if (ended || si.ssi_code != SI_KERNEL || kill(-pid, (int)si.ssi_signo) < 0) {
			/* What our terminal sent is for the whole group, which it leads
			 * (step_session): a shell ends with what it waits for. */
			sys_pidfd_send_signal(pidfd, (int)si.ssi_signo, NULL, 0);
		}
	}
	return ended;
}

/* What the container wrote before it ended is still in the master. */
static void drain(struct flow *out)
{
	fd_nonblock(out->from, true);
	while (!out->done) {
		size_t before = out->have;

		if (!before) {
			ssize_t n = read(out->from, out->buf, sizeof(out->buf));

			if (n <= 0)
				return;
			out->have = (size_t)n;
		}
		if (fd_write_all(out->to, out->buf, out->have) < 0)
			return;
		out->have = 0;
	}
}

int tty_run(struct tty *t, pid_t pid, int pidfd, int *ret_status, struct err *e)
{
	struct flow in = { .from = 0, .to = t->master, .done = t->master < 0 };
	struct flow out = { .from = t->master, .to = 1, .done = t->master < 0 };

	bool ended = reap(pid, ret_status);	/* before its SIGCHLD could be seen */

	while (!ended) {
		struct pollfd p[4] = {
			{ .fd = t->signals, .events = POLLIN },
			{ .fd = in.done ? -1 : in.have ? in.to : in.from,
			  .events = in.have ? POLLOUT : POLLIN },
			{ .fd = out.done ? -1 : out.have ? out.to : out.from,
			  .events = out.have ? POLLOUT : POLLIN },
		};

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "poll");
		if (p[1].revents)
			flow_turn(&in);
		if (p[2].revents)
			flow_turn(&out);
		if (p[0].revents)
			ended = on_signal(t, pid, pidfd, ret_status);
	}
	if (t->master >= 0)
		drain(&out);
	return 0;
}
