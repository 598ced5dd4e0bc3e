/*
 * hooks.c - the hooks of the lifecycle that run in the host: prestart, createRuntime,
 * poststart, poststop.
 *
 * Runs in: host.  (createContainer and startContainer run in berth-init.)
 *
 * A hook gets the state on stdin as a memfd, so one that never reads cannot block us.  With
 * no environment given it inherits ours, as under runc.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"

static int state_memfd(const char *json, int *ret, struct err *e)
{
	AUTO_CLOSE int fd = sys_memfd_create("state", 1 /* MFD_CLOEXEC */);
	int r;

	if (fd < 0)
		return err_set(e, errno, "memfd_create");
	r = fd_write_all(fd, json, strlen(json));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, r < 0 ? -r : errno, "write the state for a hook");
	*ret = TAKE_FD(fd);
	return 0;
}

static int spawn_hook(const struct spec_hook *h, int in, const struct hooks_how *how,
		      pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int code;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	if (how->out)
		posix_spawn_file_actions_addopen(&files, 1, how->out,
						 O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (how->err)
		posix_spawn_file_actions_addopen(&files, 2, how->err,
						 O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (how->cwd && !access(how->cwd, X_OK))
		posix_spawn_file_actions_addchdir_np(&files, how->cwd);
	code = posix_spawn(ret, h->path, &files, &attr, h->args, h->env[0] ? h->env : environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -code;
}

/* Waits at most timeout seconds (0: for ever).  *ret_status as of waitpid. */
static int wait_hook(pid_t pid, int timeout, int *ret_status)
{
	AUTO_CLOSE int fd = sys_pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool late = false;

	if (timeout && fd >= 0) {
		int n;

		do
			n = poll(&p, 1, timeout > 2000000 ? -1 : timeout * 1000);
		while (n < 0 && errno == EINTR);
		late = n == 0;
		if (late)
			kill(pid, SIGKILL);
	}
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return late ? -ETIMEDOUT : 0;
}

static int run_one(const struct spec_hook *h, int in, const struct hooks_how *how, struct err *e)
{
	char name[16];
	pid_t pid;
	int status, r;

	r = spawn_hook(h, in, how, &pid);
	if (r < 0)
		return err_set(e, -r, "%.400s", h->path);
	r = wait_hook(pid, h->timeout, &status);
	if (r == -ETIMEDOUT)
		return err_say(e, ETIMEDOUT, "%.400s took longer than its %d s and was killed",
			       h->path, h->timeout);
	if (r < 0)
		return err_set(e, -r, "wait for %.400s", h->path);
	if (WIFSIGNALED(status))
		return err_say(e, EIO, "%.400s: signal: %s", h->path,
			       proc_signal_name(WTERMSIG(status), name));
	if (WEXITSTATUS(status))
		return err_say(e, EIO, "%.400s: exit status %d", h->path, WEXITSTATUS(status));
	return 0;
}

int hooks_run(const struct spec_hooks *list, enum spec_hook_kind kind, const char *state_json,
	      const struct hooks_how *how, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		AUTO_CLOSE int in = -1;
		int r = state_memfd(state_json, &in, e);

		if (!r)
			r = run_one(&list->v[i], in, how, e);
		if (r < 0)
			return err_wrap(e, "error running %s hook #%zu", spec_hook_name(kind), i);
	}
	return 0;
}
