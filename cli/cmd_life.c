/* cmd_life.c - start, stop, restart, kill, rm, cleanup: the lives of containers that exist. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/attach.h"
#include "cli/image_use.h"
#include "cli/pick.h"
#include "cli/ready.h"
#include "runtime/supervisor.h"

/* ---- start ---- */

struct start_opts {
	struct pick pick;
	bool attach, interactive, sig_proxy_off;
	const char *detach_keys;
};

static const struct opt start_rows[] = {
	{ "attach", 'a', OPT_BOOL, offsetof(struct start_opts, attach), NULL,
	  "Stay and show its output" },
	{ "interactive", 'i', OPT_BOOL, offsetof(struct start_opts, interactive), NULL,
	  "Pass standard input on" },
	{ "detach-keys", 0, OPT_STR, offsetof(struct start_opts, detach_keys), "KEYS",
	  "Keys that leave it running" },
	{ "sig-proxy", 0, OPT_OFF, offsetof(struct start_opts, sig_proxy_off), NULL,
	  "Pass signals on (default; --sig-proxy=false)" },
	PICK_LATEST(start_opts),
	PICK_ALL(start_opts, 0),
	PICK_FILTER(start_opts, 'f'),
	OPT_END,
};

static int start_one(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	int r = connect_start_told(c, id, e);

	(void)ctx;
	if (r == 0)
		printf("%s\n", name);
	return r;
}

static int start_attached(struct cli *c, const struct start_opts *o, const char *name,
			  struct err *e)
{
	struct supervise_opts so = SUPERVISE_OPTS_INIT;
	struct attach_opts a = { .attached = true, .sig_proxy = !o->sig_proxy_off, .name = name };
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int ours = -1, theirs = -1;
	char id[65];
	int pair[2], rc;

	if ((rc = record_find(&c->en, name, id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0)
		return rc;
	a.detach_keys = o->detach_keys ? o->detach_keys : r->detach_keys;
	if ((rc = attach_check_keys(a.detach_keys, e)) < 0)
		return rc;
	if (connect_answers(c, id))
		return err_say(e, EBUSY, "container %s runs already; use berth attach", name);
	if ((rc = connect_required(c, r, e)) < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "socketpair");
	a.sock = ours = pair[0];
	theirs = pair[1];
	a.tty = r->tty;
	a.flags = SUP_STDOUT | SUP_STDERR | (o->interactive ? SUP_STDIN : 0) |
		  (r->tty ? 0 : SUP_LOSSLESS);
	so.clients[0] = (struct supervise_client){ theirs, a.flags };
	so.nclients = 1;
	attach_window(&so.rows, &so.cols);
	rc = ready_start(c, r, &so, ours, e);
	fd_close(&theirs);
	return rc < 0 ? rc : attach_run(&a, e);
}

static int run_start(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct start_opts *o = opts;

	if (!o->attach && !o->interactive)
		return command_each(c, argc, argv, start_one, NULL);
	if (argc != 1)
		return err_say(e, EINVAL, "start --attach takes one container");
	return start_attached(c, o, argv[0], e);
}

/* ---- stop, restart ---- */

struct stop_opts { struct pick pick; const char *time, *signal; };

#define STOP_ROWS \
	{ "time", 't', OPT_STR, offsetof(struct stop_opts, time), "SECONDS", \
	  "Time until it is killed (-1: never)" }, \
	{ "timeout", 0, OPT_STR, offsetof(struct stop_opts, time), "SECONDS", NULL }, \
	{ "signal", 's', OPT_STR, offsetof(struct stop_opts, signal), "SIGNAL", \
	  "Signal that asks it to stop", .complete = "signal" }, \
	PICK_LATEST(stop_opts), PICK_ALL(stop_opts, 'a'), PICK_FILTER(stop_opts, 'f'), \
	PICK_CIDFILE(stop_opts)

static const struct opt stop_rows[] = { STOP_ROWS, PICK_IGNORE(stop_opts, 'i'), OPT_END };
static const struct opt restart_rows[] = {
	STOP_ROWS,
	{ "running", 0, OPT_BOOL, offsetof(struct stop_opts, pick.running), NULL,
	  "All that run" },
	OPT_END,
};

struct stop_args { int sig; int32_t timeout; bool start; };

static int stop_args(const struct stop_opts *o, struct stop_args *ret, struct err *e)
{
	*ret = (struct stop_args){ .timeout = INT32_MIN };
	if (o->signal && proc_signal_parse(o->signal, &ret->sig) < 0)
		return err_say(e, EINVAL, "--signal %s: no such signal", o->signal);
	return connect_seconds(o->time, &ret->timeout, e);
}

/* Of --rm nothing would be there to start again: said before it is stopped. */
static int may_restart(struct cli *c, const char *id, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	enum connect_state s;
	int rc = record_load(&c->en, id, &r, e);

	if (rc < 0 || !r->auto_remove)
		return rc;
	rc = connect_state(&c->en, id, &s, NULL, e);
	return rc < 0 || s == STATE_CREATED ? rc :
		       err_say(e, EBUSY, "container %s goes when it ends (--rm), and cannot be "
			       "restarted", r->name);
}

static int stop_one(struct cli *c, const char *name, void *ctx)
{
	const struct stop_args *a = ctx;
	struct err e = ERR_INIT;
	char id[65];
	int r = record_find(&c->en, name, id, &e);

	if (r == 0 && a->start)
		r = may_restart(c, id, &e);
	if (r == 0)
		r = connect_stop(c, id, a->sig, a->timeout, &e);
	if (r == 0 && a->start)	/* it has another main process now */
		r = connect_start_told(c, id, &e);
	if (r == 0)
		connect_event(c, a->start ? "restart" : "stop", id, NULL);
	if (r < 0) {
		log_error(&e);
		return e.status ? e.status : 1;
	}
	printf("%s\n", name);
	return 0;
}

static int run_stop(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct stop_args a;
	int r = stop_args(opts, &a, e);

	return r < 0 ? r : command_spread(c, argc, argv, stop_one, &a);
}

static int run_restart(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct stop_args a;
	int r = stop_args(opts, &a, e);

	a.start = true;
	return r < 0 ? r : command_spread(c, argc, argv, stop_one, &a);
}

/* ---- kill ---- */

struct kill_opts { struct pick pick; const char *signal; };

static const struct opt kill_rows[] = {
	{ "signal", 's', OPT_STR, offsetof(struct kill_opts, signal), "SIGNAL",
	  "Signal to send (KILL)", .complete = "signal" },
	PICK_LATEST(kill_opts),
	PICK_ALL(kill_opts, 'a'),
	PICK_CIDFILE(kill_opts),
	OPT_END,
};

static int kill_one(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	int r = connect_kill(c, id, *(int *)ctx, e);

	if (r == 0) {
		connect_event(c, "kill", id, NULL);
		printf("%s\n", name);
	}
	return r;
}

static int run_kill(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct kill_opts *o = opts;
	int sig = SIGKILL;

	if (o->signal && proc_signal_parse(o->signal, &sig) < 0)
		return err_say(e, EINVAL, "--signal %s: no such signal", o->signal);
	return command_each(c, argc, argv, kill_one, &sig);
}

/* ---- rm ---- */

struct rm_opts { struct pick pick; bool force, volumes; const char *time; };

static const struct opt rm_rows[] = {
	{ "force", 'f', OPT_BOOL, offsetof(struct rm_opts, force), NULL,
	  "Kill it first if it runs" },
	{ "volumes", 'v', OPT_BOOL, offsetof(struct rm_opts, volumes), NULL,
	  "Remove its anonymous volumes too" },
	{ "time", 't', OPT_STR, offsetof(struct rm_opts, time), "SECONDS",
	  "With --force, ask it first to end, within that time" },
	PICK_LATEST(rm_opts),
	PICK_ALL(rm_opts, 'a'),
	PICK_FILTER(rm_opts, 0),
	PICK_CIDFILE(rm_opts),
	PICK_IGNORE(rm_opts, 'i'),
	{ "link", 0, OPT_REFUSED, 0, NULL,
	  "links belong to the container that has them, and go with it", .flags = OPT_HIDDEN },
	OPT_END,
};

struct rm_args { const struct rm_opts *o; int32_t seconds; };

static int rm_one(struct cli *c, const char *name, void *ctx)
{
	const struct rm_args *a = ctx;
	const struct rm_opts *o = a->o;
	struct err e = ERR_INIT;
	char id[65];
	int r = record_find(&c->en, name, id, &e);

	if (r == -ENOENT && (o->pick.ignore || o->force))
		return 0;
	if (r == 0 && o->force && o->time)
		r = connect_stop(c, id, 0, a->seconds, &e);
	if (r == 0)
		r = connect_remove(c, id, o->force, o->volumes, &e);
	if (r < 0) {
		log_error(&e);
		return 1;
	}
	printf("%s\n", name);
	return 0;
}

static int run_rm(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct rm_args a = { .o = opts };
	int r = connect_seconds(a.o->time, &a.seconds, e);

	return r < 0 ? r : command_spread(c, argc, argv, rm_one, &a);
}

/* ---- cleanup ---- */

struct cleanup_opts { struct pick pick; bool rm, rmi; };

static const struct opt cleanup_rows[] = {
	{ "rm", 0, OPT_BOOL, offsetof(struct cleanup_opts, rm), NULL, "And remove it" },
	{ "rmi", 0, OPT_BOOL, offsetof(struct cleanup_opts, rmi), NULL,
	  "And remove it and then its image, unless others use that" },
	PICK_LATEST(cleanup_opts),
	PICK_ALL(cleanup_opts, 'a'),
	{ "exec", 0, OPT_REFUSED, 0, NULL, "an exec leaves nothing when it ends",
	  .flags = OPT_HIDDEN },
	OPT_END,
};

/* What its processes had was swept before this command began, as before each. */
static int cleanup_one(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	const struct cleanup_opts *o = ctx;
	AUTO(record) struct record *rec = NULL;
	int r;

	if (connect_answers(c, id))
		return err_say(e, EBUSY, "container %s is running", name);
	if ((r = record_load(&c->en, id, &rec, e)) < 0)
		return r;
	engine_view_remove(&c->en, id);
	if (o->rm || o->rmi)
		r = connect_remove(c, id, false, true, e);
	if (r == 0)
		printf("%s\n", name);
	return r == 0 && o->rmi ? image_use_remove(&c->en, rec, e) : r;
}

static int run_cleanup(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)e;
	return command_each(c, argc, argv, cleanup_one, opts);
}

/* clang-format off */
const struct command command_start = {
	.name = "start", .args = "CONTAINER...", .summary = "Start containers that exist",
	.opts = start_rows, .size = sizeof(struct start_opts), .min = 1, .max = -1,
	.pick = PICK_ENDED,
	.complete = "container", .run = run_start,
};
const struct command command_stop = {
	.name = "stop", .args = "CONTAINER...", .summary = "Ask containers to end, and kill those that do not",
	.opts = stop_rows, .size = sizeof(struct stop_opts), .min = 1, .max = -1,
	.pick = PICK_LIVING,
	.complete = "running", .run = run_stop,
};
const struct command command_restart = {
	.name = "restart", .args = "CONTAINER...", .summary = "Stop containers and start them again",
	.opts = restart_rows, .size = sizeof(struct stop_opts), .min = 1, .max = -1,
	.pick = PICK_ANY, .complete = "container", .run = run_restart,
};
const struct command command_kill = {
	.name = "kill", .args = "CONTAINER...", .summary = "Send a signal to containers",
	.opts = kill_rows, .size = sizeof(struct kill_opts), .min = 1, .max = -1,
	.pick = PICK_LIVING,
	.complete = "running", .run = run_kill,
};
const struct command command_rm = {
	.name = "rm", .args = "CONTAINER...", .summary = "Remove containers",
	.opts = rm_rows, .size = sizeof(struct rm_opts), .min = 1, .max = -1,
	.pick = PICK_ANY,
	.complete = "container", .run = run_rm,
};
const struct command command_container_cleanup = {
	.name = "container cleanup", .args = "CONTAINER...",
	.summary = "Take away what is left of containers that do not run",
	.text = "Mounts of berth mount; whatever else a killed supervisor may have left is taken away by each\n"
		"command of berth before it does anything else.",
	.opts = cleanup_rows, .size = sizeof(struct cleanup_opts), .min = 1, .max = -1,
	.pick = PICK_ENDED, .complete = "container", .run = run_cleanup,
};
/* clang-format on */
