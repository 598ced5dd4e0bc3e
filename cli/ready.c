/* ready.c - see ready.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/connect.h"
#include "cli/ready.h"
#include "runtime/sdnotify.h"

struct ready {
	const char *host;	/* NOTIFY_SOCKET, or NULL: nobody is to be told */
	const char *mode;
	int listen;		/* the container's socket; mode container only */
};

/* The folder is there before the birth, which mounts it. */
static int listen_for(struct cli *c, const struct record *r, struct supervise_opts *o,
		      struct ready *w, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int rc = o->lock_fd < 0 ? run_lock(&c->en, r->id, &o->lock_fd, NULL, e) : 0;

	if (rc < 0 || (rc = path_open_dir(c->en.run_fd, r->id, &dir, e)) < 0 ||
	    (rc = sdnotify_make(dir, e)) < 0)
		return rc;
	o->sd_notify = w->host;
	return sdnotify_listen(&c->env, r->id, &w->listen, e);
}

/* Nothing is to be waited for: we say it ourselves, which every manager takes. */
static bool at_once(const struct ready *w)
{
	return str_eq(w->mode, "conmon");
}

static int tell(struct cli *c, const struct record *r, struct ready *w, bool main, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;
	enum connect_state state;
	struct status s;
	int rc = connect_state(&c->en, r->id, &state, &s, e);

	if (rc < 0)
		return rc;
	if (!at_once(w) && state != STATE_RUNNING)
		return 0;
	if (str_eq(w->mode, "healthy") && connect_wait_healthy(c, r->id, e) <= 0)
		return 0;
	if (!str_eq(w->mode, "container"))
		return sdnotify_ready(w->host, main ? s.supervisor : 0, e);
	if (proc_open(s.pid, s.pid_start, &pidfd) < 0)
		return 0;
	return sdnotify_forward(TAKE_FD(w->listen), w->host, main ? s.supervisor : 0, pidfd, e);
}

/* What is the birth's, and the program's: who else has it keeps others from seeing its end. */
static void close_theirs(const struct supervise_opts *o)
{
	for (unsigned i = 0; i < o->nclients; i++)
		close(o->clients[i].fd);
	for (int fd = 3; fd < 3 + (int)o->preserve_fds; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			close(fd);
	}
}

/* Beside us, who serve the terminal; it goes when we go. */
static void tell_beside(struct cli *c, const struct record *r, const struct supervise_opts *o,
			struct ready *w, int attached)
{
	struct err e = ERR_INIT;
	pid_t pid = fork();

	if (pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	close(attached);
	close_theirs(o);
	if (tell(c, r, w, false, &e) < 0)
		log_error(&e);
	_exit(0);
}

int ready_start(struct cli *c, const struct record *r, struct supervise_opts *o, int attached,
		struct err *e)
{
	struct ready w = { .host = getenv("NOTIFY_SOCKET"), .mode = r->sdnotify, .listen = -1 };
	struct err told = ERR_INIT;
	int rc = 0;

	if (str_empty(w.mode))
		w.mode = "conmon";
	if (str_empty(w.host) || str_eq(w.mode, "ignore"))
		w.host = NULL;
	if (w.host && str_eq(w.mode, "container"))
		rc = listen_for(c, r, o, &w, e);
	if (rc == 0)
		rc = supervise_start(&c->en, r->id, o, e);
	fd_close(&o->lock_fd);
	/* it runs, whoever hears of it */
	if (rc == 0 && w.host && attached >= 0 && !at_once(&w))
		tell_beside(c, r, o, &w, attached);
	else if (rc == 0 && w.host && tell(c, r, &w, attached < 0, &told) < 0)
		log_error(&told);
	fd_close(&w.listen);
	return rc;
}
