/* child.c - see child.h. */
#include "base/child.h"

#include <errno.h>
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
