/*
 * cmd_run.c - run and create: options → record → (start, attach).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/attach.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/create.h"
#include "cli/image_use.h"
#include "cli/ready.h"
#include "runtime/status.h"
#include "runtime/supervisor.h"

/* ---- record ---- */

static int remove_same_name(struct cli *c, const char *name, struct err *e)
{
	char id[65];
	struct err none = ERR_INIT;

	/* not one whose id begins so */
	if (!path_exists(c->en.names_fd, name) || record_find(&c->en, name, id, &none) < 0)
		return 0;
	return connect_remove(c, id, true, true, e);
}

/* --arch, --os, --variant: podman's way to say --platform */
static int platform(struct run_opts *o, struct arena *a, struct err *e)
{
	if (!o->arch && !o->os && !o->variant)
		return 0;
	if (o->platform || (o->os && !str_eq(o->os, "linux")) || (o->variant && !o->arch))
		return err_say(e, EINVAL, "--%s %s: expected --arch ARCH [--variant VARIANT], with "
			       "--os linux, or --platform alone", o->os ? "os" : o->arch ? "arch" :
			       "variant", o->os ? o->os : o->arch ? o->arch : o->variant);
	if (o->arch)
		o->platform = arena_printf(a, "linux/%s%s%s", o->arch, o->variant ? "/" : "",
					   o->variant ? o->variant : "");
	return 0;
}

static int make_record(struct cli *c, struct run_opts *o, int argc, char **argv,
		       struct record **ret, struct create_locks *held, struct err *e)
{
	AUTO(image) struct image *image = NULL;
	AUTO(arena) struct arena *a = arena_new(CREATE_ARENA);
	AUTO_CLOSE int lock = -1;
	AUTO_FREE char *name = NULL;
	char id[65];
	struct compose_in in = { .o = o, .en = &c->en, .id = id, .find = connect_pid,
				 .ids_lock = &held->ids };
	struct record *r;
	int first = 0, rc;

	if (!o->rootfs && argc < 1)
		return err_say(e, EINVAL, "usage: berth %s [OPTION...] IMAGE [COMMAND] [ARG...]; "
			       "see berth help %s", c->cmd->name, c->cmd->name);
	if (o->replace && !o->name)
		return err_say(e, EINVAL, "--replace goes with --name");
	if ((rc = attach_check_keys(o->detach_keys, e)) < 0 || (rc = platform(o, a, e)) < 0 ||
	    (o->name && (rc = record_name_check(o->name, e)) < 0))	/* before a pull */
		return rc;
	if (!o->rootfs) {
		rc = create_find_image(c, o, argv[0], &image, &lock, e);
		if (rc < 0)
			return rc;
		in.image_name = argv[0];
		first = 1;
	}
	str_random_hex(id, 64);
	name = o->name ? mem_strdup(o->name) : record_new_name(&c->en);
	in.name = name;
	in.image = image;
	in.image_name = in.image_name ? in.image_name : "";
	in.args = argv + first;
	attach_window(&in.rows, &in.cols);
	rc = compose_record(a, &in, &r, e);
	if (rc < 0 || (o->replace && (rc = remove_same_name(c, name, e)) < 0))
		return rc;
	*ret = r;
	held->store = TAKE_FD(lock);
	TAKE(a);
	return 0;
}

static int create(struct cli *c, struct run_opts *o, int argc, char **argv, struct record **ret,
		  int *ret_lock, struct err *e)
{
	AUTO(create_locks) struct create_locks held = CREATE_LOCKS_INIT;
	int rc = create_allowed(e);

	if (rc < 0 || (rc = make_record(c, o, argc, argv, ret, &held, e)) < 0)
		return rc;
	return create_record(c, *ret, o->name ? NULL : "", o->cidfile, &held, ret_lock, e);
}

static int stream_flags(const struct run_opts *o, int *ret, struct err *e)
{
	AUTO(strlist) struct strlist streams = STRLIST_INIT;
	int flags = SUP_STDOUT | SUP_STDERR;

	for (size_t i = 0; i < o->attach.n; i++)
		strlist_split(&streams, o->attach.v[i], ',', false);
	if (streams.n) {
		flags = 0;
		for (size_t i = 0; i < streams.n; i++) {
			const char *s = streams.v[i];

			if (strcasecmp(s, "stdin") == 0)
				flags |= SUP_STDIN;
			else if (strcasecmp(s, "stdout") == 0)
				flags |= SUP_STDOUT;
			else if (strcasecmp(s, "stderr") == 0)
				flags |= SUP_STDERR;
			else
				return err_say(e, EINVAL,
					       "--attach %s: expected stdin, stdout or stderr", s);
		}
	} else if (o->interactive) {
		flags |= SUP_STDIN;
	}
	if (!o->tty)
		flags |= SUP_LOSSLESS;
	*ret = flags;
	return 0;
}

static int run_create(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int lock = -1;
	int flags, rc = stream_flags(opts, &flags, e);

	if (rc < 0 || (rc = create(c, opts, argc, argv, &r, &lock, e)) < 0)
		return rc;
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, r->id, NULL };

	end_run_dir(&p, e);
	printf("%s\n", r->id);
	return 0;
}

/* ---- run ---- */

static int check_run(struct run_opts *o, struct err *e)
{
	if (o->rmi && o->detach)
		return err_say(e, EINVAL, "--rmi goes with a container in the foreground, whose "
			       "end is waited for");
	o->rm |= o->rmi;
	if (o->detach && o->attach.n)
		return err_say(e, EINVAL, "--detach and --attach exclude each other");
	if (!o->detach && o->tty && o->interactive && !isatty(0))
		return err_say(e, ENOTTY,
			       "--tty with --interactive: standard input is no terminal");
	return 0;
}

/* Descriptors of our caller's for the program (--preserve-fds, --preserve-fd). */
#define PASSED_MAX 128
struct passed { int v[PASSED_MAX], n, most; };

static int add_fd(struct passed *p, const char *option, int64_t fd, struct err *e)
{
	int flags = fd > 2 && fd < 1024 ? fcntl((int)fd, F_GETFD) : -1;

	if (flags < 0 || (flags & FD_CLOEXEC))	/* one of ours */
		return err_say(e, EBADF, "--%s: descriptor %lld is not open", option,
			       (long long)fd);
	for (int i = 0; i < p->n; i++)
		if (p->v[i] == fd)
			return 0;
	if (p->n == PASSED_MAX)
		return err_say(e, EINVAL, "--%s: at most %d", option, PASSED_MAX);
	p->v[p->n++] = (int)fd;
	p->most = fd > p->most ? (int)fd : p->most;
	return 0;
}

/* From here on nothing that we start gets them, nor any other: see pass_fds. */
static int find_fds(const struct run_opts *o, struct passed *ret, struct err *e)
{
	AUTO(strlist) struct strlist list = STRLIST_INIT;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < o->preserve_fds; i++)
		r = add_fd(ret, "preserve-fds", 3 + (int64_t)i, e);
	for (size_t i = 0; i < o->preserve_fd.n; i++)
		strlist_split(&list, o->preserve_fd.v[i], ',', true);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		int64_t fd;

		if (str_to_i64(list.v[i], &fd) < 0)
			r = err_say(e, EINVAL, "--preserve-fd %s: expected numbers of descriptors",
				    list.v[i]);
		else
			r = add_fd(ret, "preserve-fd", fd, e);
	}
	if (r == 0)
		fd_cloexec_from(3);
	return r;
}

/* To the birth; afterwards they are the container's alone. */
static void pass_fds(const struct passed *p, bool on)
{
	for (int i = 0; i < p->n; i++) {
		if (on)
			fd_cloexec(p->v[i], false);
		else
			close(p->v[i]);
	}
}

/* What we could not do leaves everything as it was: no record.  A command that was not there or
 * cannot be executed is the container's own end: it stays, as Docker's does, unless it was to be
 * thrown away. */
static void note_failure(struct cli *c, const struct record *r, const struct err *why)
{
	AUTO_CLOSE int dir = -1;
	struct err e = ERR_INIT;
	struct status s;

	if (r->auto_remove || !why->status || why->status == ERR_STATUS_ENGINE) {
		record_remove(&c->en, r->id, true, &e);
		return;
	}
	if (path_open_dir(c->en.containers_fd, r->id, &dir, &e) < 0 || status_load(dir, &s, &e) < 0)
		return;
	s.reason = STATUS_START_FAILED;
	s.exit_code = why->status ? why->status : ERR_STATUS_ENGINE;
	str_printable(why->msg, strlen(why->msg), s.error, sizeof(s.error));
	status_save(dir, &s, false, &e);
}

static int write_pid(const char *path, int64_t pid, struct err *e)
{
	char text[24];

	if (!path)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)pid);
	unlink(path);
	return create_id_file(path, text, e);
}

/* --pidfile, --conmon-pidfile */
static int write_pidfiles(struct cli *c, const struct run_opts *o, const char *id, struct err *e)
{
	enum connect_state state;
	struct status s;
	int r;

	if (!o->pidfile && !o->conmon_pidfile)
		return 0;
	if ((r = connect_state(&c->en, id, &state, &s, e)) < 0)
		return r;
	if (state != STATE_RUNNING && state != STATE_PAUSED)
		return err_say(e, ESRCH, "container %s is not running", id);
	r = write_pid(o->pidfile, s.pid, e);
	return r < 0 ? r : write_pid(o->conmon_pidfile, s.supervisor, e);
}

static int run_run(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct run_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	struct supervise_opts so = SUPERVISE_OPTS_INIT;
	AUTO_CLOSE int lock = -1, sock = -1, theirs = -1;
	struct passed fds = { .n = 0 };
	int flags = 0, pair[2], rc;

	if ((rc = check_run(o, e)) < 0 || (rc = find_fds(o, &fds, e)) < 0 ||
	    (rc = stream_flags(o, &flags, e)) < 0 ||
	    (rc = create(c, o, argc, argv, &r, &lock, e)) < 0)
		return rc;
	so.lock_fd = TAKE_FD(lock);
	so.preserve_fds = fds.most > 2 ? (unsigned)fds.most - 2 : 0;
	if (!o->detach) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return err_set(e, errno, "socketpair");
		sock = pair[0];
		theirs = pair[1];
		so.clients[0] = (struct supervise_client){ theirs, flags };
		so.nclients = 1;
		attach_window(&so.rows, &so.cols);
	}
	if (str_eq(r->log.driver, "passthrough"))
		for (int i = 0; i < 3; i++)
			so.stdio[i] = i;
	if ((rc = connect_required(c, r, e)) == 0) {
		pass_fds(&fds, true);
		rc = ready_start(c, r, &so, sock, e);
		pass_fds(&fds, false);
	}
	fd_close(&theirs);
	fd_close(&so.lock_fd);
	if (rc < 0) {
		note_failure(c, r, e);
		return rc;
	}
	if ((rc = write_pidfiles(c, o, r->id, e)) < 0)
		return rc;
	if (!o->detach) {
		struct attach_opts a = { .sock = sock, .attached = true, .flags = flags,
					 .tty = r->tty, .sig_proxy = !o->sig_proxy_off,
					 .detach_keys = o->detach_keys, .name = r->name };

		rc = attach_run(&a, e);
		/* who was detached from runs */
		if (rc >= 0 && o->rmi && !connect_answers(c, r->id) &&
		    image_use_remove(&c->en, r, e) < 0)
			return -e->code;
		return rc;
	}
	printf("%s\n", r->id);
	return 0;
}

const struct command command_run = {
	.name = "run",
	.args = "IMAGE [COMMAND] [ARG...]",
	.summary = "Make a container from an image and run a command in it",
	.text =
		"The exit status is the command's own, 128+N when signal N ended it, 125 when berth\n"
		"could not do it, 126 when the command cannot be run, 127 when it was not found.\n\n"
		"Signals go to the command, Ctrl-C as SIGINT. It is process 1, which the kernel spares\n"
		"what it has no handler for (sleep and cat have none): with --init it ends.",
	.rows = run_rows,
	.size = sizeof(struct run_opts),
	.min = 0,
	.max = -1,
	.flags = CMD_STOP_AT_ARG | CMD_RUNS,
	.complete = "image",
	.run = run_run,
};

const struct command command_create = {
	.name = "create",
	.args = "IMAGE [COMMAND] [ARG...]",
	.summary = "Make a container without starting it",
	.rows = create_rows,
	.size = sizeof(struct run_opts),
	.min = 0,
	.max = -1,
	.flags = CMD_STOP_AT_ARG | CMD_RUNS,
	.complete = "image",
	.run = run_create,
};
