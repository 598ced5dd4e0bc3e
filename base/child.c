/* child.c - see child.h. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

static void run(child_opens *fn, void *ctx, int sock, int *fds, size_t n)
{
	struct err e = ERR_INIT;
	int r = fn(ctx, fds, &n, &e);

	if (r == 0)	/* what was tried before the way that worked is no error */
		e = (struct err)ERR_INIT;
	fd_send(sock, &e, sizeof(e), fds, r == 0 ? n : 0);
	_exit(0);
}

int child_fds(child_opens *fn, void *ctx, int *fds, size_t *n, struct err *e)
{
	AUTO_CLOSE int ours = -1, theirs = -1;
	struct err got = ERR_INIT;
	int pair[2];
	ssize_t len;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0)
		run(fn, ctx, theirs, fds, *n);
	fd_close(&theirs);
	len = fd_recv(ours, &got, sizeof(got), fds, n);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (len != (ssize_t)sizeof(got))
		return err_say(e, EPIPE, "a helper process died");
	if (got.code)
		*e = got;
	return -got.code;
}

int child_run(char *const *args, char *const *env, int in, char *said, size_t size, struct err *e)
{
	AUTO_CLOSE int out = -1;
	posix_spawn_file_actions_t files;
	char rest[512];
	int r, status, pair[2];
	pid_t pid;
	ssize_t n;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "run %s", args[0]);
	out = pair[0];
	posix_spawn_file_actions_init(&files);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, pair[1], 2);
	r = posix_spawnp(&pid, args[0], &files, NULL, args, env);
	posix_spawn_file_actions_destroy(&files);
	close(pair[1]);
	if (r != 0)
		return err_set(e, r, "run %s", args[0]);
	n = fd_read_full(out, said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	while (n > 0 && (n = fd_read_full(out, rest, sizeof(rest))) > 0)
		;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for %s", args[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
