/*
 * oci_create.c - create, run, start.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"
#include "runtime/plan.h"
#include "runtime/sdnotify.h"
#include "runtime/tty.h"

#define PRESERVE_MAX (1u << 20)	/* fs.nr_open */

struct create_opts {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	uint32_t preserve_fds;
	bool no_pivot, no_new_keyring, detach, keep, no_subreaper;
};

#define C(field) offsetof(struct create_opts, field)
/* clang-format off */
#define CREATE_ROWS \
	{ "bundle", 'b', OPT_STR, C(bundle), "DIR", "Folder of config.json (default: this one)", \
	  .complete = "dir" }, \
	{ "config", 'f', OPT_STR, C(config), "FILE", "Read FILE in place of config.json", \
	  .complete = "file" }, \
	{ "console-socket", 0, OPT_STR, C(console_socket), "SOCKET", \
	  "Send the terminal's master to SOCKET", .complete = "file" }, \
	{ "pid-file", 0, OPT_STR, C(pid_file), "FILE", "Write the PID to FILE", \
	  .complete = "file" }, \
	{ "pidfd-socket", 0, OPT_STR, C(pidfd_socket), "SOCKET", \
	  "Send a pidfd of the process to SOCKET", .complete = "file" }, \
	{ "preserve-fds", 0, OPT_U32, C(preserve_fds), "N", \
	  "Hand N descriptors from 3 on into the container" }, \
	{ "no-pivot", 0, OPT_BOOL, C(no_pivot), NULL, "Move the root instead of pivot_root" }, \
	{ "no-new-keyring", 0, OPT_BOOL, C(no_new_keyring), NULL, \
	  "Keep the caller's session keyring" }, \
	{ "no-subreaper", 0, OPT_BOOL, C(no_subreaper), NULL, "Do not reap the container's orphans" }
static const struct opt create_rows[] = { CREATE_ROWS, OPT_END };
static const struct opt run_rows[] = {
	CREATE_ROWS,
	{ "detach", 'd', OPT_BOOL, C(detach), NULL, "Return once it runs" },
	{ "keep", 0, OPT_BOOL, C(keep), NULL, "Do not delete it when it has ended" },
	OPT_END,
};
static const struct opt start_rows[] = { OPT_END };
/* clang-format on */

char *oci_absolute(struct arena *a, const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (!path || path[0] == '/')
		return arena_strdup(a, path);
	cwd = getcwd(NULL, 0);
	return arena_printf(a, "%s/%s", cwd ? cwd : "", path);
}

unsigned oci_listen_fds(void)
{
	const char *text = getenv("LISTEN_FDS"), *whose = getenv("LISTEN_PID");
	uint32_t n, pid;

	/* sd_listen_fds(3): what was passed to our parent is not ours. */
	if (whose && (str_to_u32(whose, &pid) < 0 || pid != (uint32_t)getpid()))
		return 0;
	return text && str_to_u32(text, &n) == 0 && n <= 1024 ? n : 0;
}

/* What we were given by accident is not to live on in the container's process, not even while it
 * waits for `start`: somebody may wait for the end of that pipe. */
int oci_keep_fds(uint32_t asked, uint32_t listen, struct err *e)
{
	uint32_t preserve = asked + listen;

	if (asked > PRESERVE_MAX)
		return err_say(e, EINVAL, "--preserve-fds %u: at most %u", asked, PRESERVE_MAX);
	fd_cloexec_from(3 + preserve);
	for (unsigned fd = 3; fd < 3 + preserve; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))	/* else it is one of ours */
			continue;
		log_warn("of %u descriptors to hand on %u is not open", preserve, fd);
		break;
	}
	return 0;
}

int oci_subreaper(struct err *e)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0
		       ? err_set(e, errno, "become a subreaper") : 0;
}

int oci_load_bundle(const char *bundle, const char *config, struct arena *a, char **ret_bundle,
		    struct spec **ret, struct err *e)
{
	AUTO_FREE char *dir = realpath(str_empty(bundle) ? "." : bundle, NULL);
	AUTO_FREE char *inside = NULL, *text = NULL;
	size_t n;
	int r;

	if (!dir)
		return err_set(e, errno, "bundle %s", str_empty(bundle) ? "." : bundle);
	inside = path_join(dir, "config.json");
	r = path_read_file(AT_FDCWD, config ? config : inside, SPEC_MAX_BYTES, &text, &n, e);
	if (r == -EFBIG)
		return err_say(e, EFBIG, "config.json: is larger than %u MiB",
			       SPEC_MAX_BYTES >> 20);
	if (r < 0)
		return r;
	r = spec_read(a, text, n, ret, e);
	if (r < 0)
		return r;
	/* Sources of binds may be relative to the bundle. */
	if (chdir(dir) < 0)
		return err_set(e, errno, "change to bundle %s", dir);
	*ret_bundle = TAKE(dir);
	return 0;
}

int oci_foreground(struct tty *t, struct launch *l, int *ret_code, struct err *e)
{
	int status = 0, r;

	t->plain = true;
	r = tty_open(t, l->console, e);
	l->console = -1;
	if (!r)
		r = tty_run(t, l->pid, l->pidfd, &status, e);
	tty_close(t);
	if (r < 0)
		return r;
	*ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

/* Where the program inside tells systemd (or podman) that it is ready. */
static const char *notify_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@') ? path : NULL;
}

/* In the foreground somebody else passes the word on, while we mind the terminal. */
static int forward_ready(const struct create_opts *c, const struct launch *l, int fd, struct err *e)
{
	pid_t pid;

	if (fd < 0)
		return 0;
	if (c->detach)
		return sdnotify_forward(fd, notify_socket(), l->pid, l->pidfd, e);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(sdnotify_forward(fd, notify_socket(), l->pid, l->pidfd, e) < 0);
	}
	close(fd);
	return pid < 0 ? err_set(e, errno, "fork") : 0;
}

static int fill_opts(struct oci *o, const struct create_opts *c, struct container_create_opts *co,
		     struct err *e)
{
	*co = (struct container_create_opts){
		.root_fd = -1, .stdio = { -1, -1, -1 },
		.no_pivot = c->no_pivot, .no_new_keyring = c->no_new_keyring,
		.console_socket = oci_absolute(o->arena, c->console_socket),
		.pid_file = oci_absolute(o->arena, c->pid_file),
		.pidfd_socket = oci_absolute(o->arena, c->pidfd_socket),
		.listen_fds = oci_listen_fds(),
		.sd_notify = notify_socket(),
	};
	co->preserve_fds = c->preserve_fds + co->listen_fds;
	return oci_keep_fds(c->preserve_fds, co->listen_fds, e);
}

static void close_launch(struct launch *l)
{
	fd_close(&l->pidfd);
	fd_close(&l->sync);
	fd_close(&l->console);
	fd_close(&l->seccomp_notify);
}

static int run_create(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct create_opts *c = opts;
	AUTO(arena) struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	AUTO_FREE char *bundle = NULL;
	struct container_create_opts co;
	struct launch l;
	struct spec *s;
	int r;

	(void)argc;
	r = fill_opts(o, c, &co, e);
	if (!r)
		r = container_id_check(argv[0], e);
	if (!r)
		r = oci_load_bundle(c->bundle, c->config, a, &bundle, &s, e);
	co.bundle = bundle;
	if (!r)
		r = container_create(&o->env, argv[0], s, &co, &l, e);
	if (!r)
		close_launch(&l);
	return r;
}

/* Everything is born, and runs: stay with it, or leave. */
static int run_on(struct oci *o, const struct create_opts *c, const char *id, struct spec *s,
		  struct launch *l, struct tty *t, struct err *e)
{
	int code = 0, notify = -1, r = 0;

	if (notify_socket())
		r = sdnotify_listen(&o->env, id, &notify, e);
	if (!r)
		r = container_open_gate(&o->env, id, s, l, e);
	if (!r)
		r = forward_ready(c, l, TAKE_FD(notify), e);
	if (!r && !c->detach)
		r = oci_foreground(t, l, &code, e);
	if (r < 0 || (!c->detach && !c->keep)) {
		struct err why = ERR_INIT;

		if (r < 0)
			launch_abort(l);
		if (container_delete(&o->env, id, true, &why) < 0)
			log_warn("%s", why.msg);
	}
	return r < 0 ? r : code;
}

static int run_run(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct create_opts *c = opts;
	AUTO(arena) struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	AUTO_FREE char *bundle = NULL;
	struct container_create_opts co;
	struct tty t = TTY_INIT;
	struct launch l;
	struct spec *s;
	int r;

	(void)argc;
	r = fill_opts(o, c, &co, e);
	if (!r)
		r = container_id_check(argv[0], e);
	if (!r)
		r = oci_load_bundle(c->bundle, c->config, a, &bundle, &s, e);
	co.bundle = bundle;
	co.own_gate = true;
	co.console_out = !c->detach && !co.console_socket;
	if (!r)
		s->process.console_plain = co.console_out;
	if (!r && !c->detach && !c->no_subreaper)
		r = oci_subreaper(e);
	if (!r && !c->detach)
		r = tty_signals(&t, e);
	if (!r)
		r = container_create(&o->env, argv[0], s, &co, &l, e);
	if (!r) {
		r = run_on(o, c, argv[0], s, &l, &t, e);
		close_launch(&l);
	}
	tty_close(&t);
	return r;
}

static int run_start(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)argc;
	return container_start(&o->env, argv[0], notify_socket(), e);
}

const struct oci_command oci_create = {
	"create", "ID", "Make a container; `start` runs it", create_rows,
	sizeof(struct create_opts), 1, 1, false, run_create,
};
const struct oci_command oci_run = {
	"run", "ID", "Make a container and run it", run_rows, sizeof(struct create_opts), 1, 1,
	false, run_run,
};
const struct oci_command oci_start = {
	"start", "ID", "Run the program of a created container", start_rows, 0, 1, 1, false,
	run_start,
};
