/*
 * hookrun.c - see hookrun.h.
 *
 * Runs in: both
 *
 * The state comes in a memfd, not a pipe: a hook that does not read it blocks nobody.
 * Its output goes to a pipe, so that the message can say what the hook said; our own is the
 * container's.
 */
#include "runtime/hookrun.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define SAID_MAX 512

struct run {
	const struct spec_hook *hook;
	pid_t pid;
	int pidfd, out;
	char said[SAID_MAX];
	size_t nsaid;
};

static int open_state(const char *state, struct err *e)
{
	AUTO_CLOSE int fd = sys_memfd_create("state", MFD_CLOEXEC);
	size_t n = state ? strlen(state) : 0;

	if (fd < 0 || fd_write_all(fd, state ? state : "", n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "state for hooks");
	return TAKE_FD(fd);
}

static int child_files(const struct hookrun *how, int state, int said, struct err *e)
{
	const char *const files[] = { NULL, how->out, how->err };
	int from[] = { state, said, said };

	for (int i = 0; i < 3; i++) {
		if (files[i])
			from[i] = open(files[i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (from[i] < 0 || dup2(from[i], i) < 0)
			return err_set(e, errno, "%s", files[i] ? files[i] : "standard files");
	}
	return 0;
}

static void __attribute__((noreturn)) child(const struct spec_hook *h, const struct hookrun *how,
					    int state, int out)
{
	char *no_args[] = { (char *)(uintptr_t)h->path, NULL };
	struct err e = ERR_INIT;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (child_files(how, state, out, &e) == 0) {
		if (how->cwd)
			(void)!chdir(how->cwd);	/* the bundle may be gone by its poststop hooks */
		fd_cloexec_from(3);
		if (!how->confine || how->confine(how->ctx, &e) == 0) {
			execve(h->path, h->args && h->args[0] ? h->args : no_args,
			       h->env && h->env[0] ? h->env : how->env);
			err_set(&e, errno, "exec");
		}
	}
	(void)!write(out, e.msg, strlen(e.msg));
	_exit(127);
}

static void listen_out(struct run *r)
{
	char rest[256];

	for (;;) {
		bool keep = r->nsaid < SAID_MAX - 1;
		ssize_t n = read(r->out, keep ? r->said + r->nsaid : rest,
				 keep ? SAID_MAX - 1 - r->nsaid : sizeof(rest));

		if (n == 0)
			fd_close(&r->out);
		if (n <= 0)
			return;
		r->nsaid += keep ? (size_t)n : 0;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for its end; true when it took too long and was killed. */
static bool watch(struct run *r)
{
	int64_t end = r->hook->timeout > 0 ? now_ms() + (int64_t)r->hook->timeout * 1000 : 0;

	for (;;) {
		struct pollfd p[2] = { { r->pidfd, POLLIN, 0 }, { r->out, POLLIN, 0 } };
		int64_t left = end ? end - now_ms() : -1;

		if (end && left <= 0)
			break;
		if (poll(p, 2, end ? (int)(left > 1000000 ? 1000000 : left) : -1) < 0 &&
		    errno != EINTR)
			break;
		if (p[1].revents)
			listen_out(r);
		if (p[0].revents)
			return false;
	}
	sys_pidfd_send_signal(r->pidfd, SIGKILL, NULL, 0);
	return true;
}

/* "bad system call": as shells say it. */
static const char *signal_text(int sig, char text[static 64])
{
	const char *name = strsignal(sig);

	snprintf(text, 64, "%s", name ? name : "unknown");
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int report(struct run *r, int status, bool late, struct err *e)
{
	char said[SAID_MAX], name[64];

	if (late)
		err_say(e, ETIMEDOUT, "%s: took longer than its %d s and was killed",
			r->hook->path, r->hook->timeout);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	else if (WIFEXITED(status))
		err_say(e, ECANCELED, "%s: exit status %d", r->hook->path, WEXITSTATUS(status));
	else
		err_say(e, ECANCELED, "%s: killed by signal %d: %s", r->hook->path,
			WTERMSIG(status), signal_text(WTERMSIG(status), name));
	while (r->nsaid > 0 && strchr("\n ", r->said[r->nsaid - 1]))
		r->nsaid--;
	if (r->nsaid > 0)
		err_hint(e, "%s", str_printable(r->said, r->nsaid, said, sizeof(said)));
	return -e->code;
}

static int run_one(const struct spec_hook *h, const struct hookrun *how, struct err *e)
{
	AUTO_CLOSE int in = -1;
	int pipes[2], status = 0;
	struct run r = { .hook = h };
	bool late;

	in = open_state(how->state, e);
	if (in < 0)
		return TAKE_FD(in);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(e, errno, "%s", h->path);
	r.out = pipes[0];
	fd_nonblock(r.out, true);
	r.pid = fork();
	if (r.pid == 0)
		child(h, how, in, pipes[1]);
	fd_close(&pipes[1]);
	r.pidfd = r.pid > 0 ? sys_pidfd_open(r.pid, 0) : -1;
	if (r.pidfd < 0) {
		err_set(e, errno, "%s", h->path);
		fd_close(&r.out);
		return -e->code;
	}
	late = watch(&r);
	if (r.out >= 0)
		listen_out(&r);
	while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_close(&r.out);
	fd_close(&r.pidfd);
	return report(&r, status, late, e);
}

int hookrun_all(const struct spec_hooks *h, const struct hookrun *how, struct err *e)
{
	for (size_t i = 0; i < h->n; i++)
		if (run_one(&h->v[i], how, e) < 0) /* runc's words, which callers show */
			return err_wrap(e, "error running %s hook #%zu", how->kind, i);
	return 0;
}
