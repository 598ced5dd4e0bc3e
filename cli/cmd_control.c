/* cmd_control.c - pause, unpause, rename, update, top: what changes or shows a running one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/pick.h"
#include "cli/run_opts.h"
#include "runtime/event.h"
#include "runtime/supervisor.h"

struct pause_opts { struct pick pick; };

static const struct opt pause_rows[] = {
	PICK_LATEST(pause_opts), PICK_ALL(pause_opts, 'a'), PICK_FILTER(pause_opts, 'f'),
	PICK_CIDFILE(pause_opts), OPT_END,
};

static int pause_one(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	bool pause = *(bool *)ctx;
	enum connect_state state;
	int r = connect_state(&c->en, id, &state, NULL, e);

	/* the cgroup of an exec that ends takes the mark of the whole away for a moment */
	for (int i = 0; r == 0 && !pause && state == STATE_RUNNING && i < 10; i++) {
		usleep(10000);
		r = connect_state(&c->en, id, &state, NULL, e);
	}
	if (r < 0)
		return r;
	/* what is neither is on its way to run: it may have been frozen there */
	if (pause ? state != STATE_RUNNING : state == STATE_RUNNING || state == STATE_EXITED)
		return err_say(e, EINVAL, "container %s is %s", name, connect_state_name(state));
	r = container_pause(&c->env, id, pause, e);
	if (r == 0) {
		connect_event(c, pause ? "pause" : "unpause", id, NULL);
		printf("%s\n", name);
	}
	return r;
}

static int run_pause(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	bool pause = str_eq(c->cmd->name, "pause");

	(void)opts;
	(void)e;
	return command_each(c, argc, argv, pause_one, &pause);
}

static int run_rename(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int lock = -1;
	char id[65];
	int rc;

	(void)opts;
	(void)argc;
	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = record_lock(&c->en, id, &lock, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0)
		return rc;
	rc = record_rename(&c->en, r, argv[1], e);
	if (rc == 0) {
		struct net_paths paths = engine_net_paths(&c->en);
		AUTO_FREE char *setting = mem_printf("name=%s", argv[1]);

		connect_tell(c, id, setting);
		event_log(c->en.root, "container", "rename", id,
			  (struct event_attr[]){
				  { "name", argv[1] }, { "oldName", argv[0] }, { 0 } });
		rc = net_rename(&paths, id, argv[1], e);
	}
	return rc;
}

/* ---- update ---- */

struct update_opts { const char *restart; struct limit_opts limit; };

static const struct opt *update_rows(void)
{
	static struct opt rows[LIMIT_OPTS + 2];

	rows[0] = (struct opt){ "restart", 0, OPT_STR, offsetof(struct update_opts, restart),
				"POLICY", "no, on-failure[:N], always or unless-stopped" };
	limit_opts_rows(rows, 1, offsetof(struct update_opts, limit));
	return rows;
}

static int read_limits(const struct update_opts *o, struct arena *a, struct cgroup_limits *ret,
		       struct err *e)
{
	int r = limit_opts_read(&o->limit, a, ret, e);

	if (r < 0 || (r = cgroup_limits_enough(ret, e)) < 0)
		return r;
	/* a limit below what is used would kill: reclaim first, and refuse what does not fit */
	if (ret->memory.limit.set)
		ret->memory.check_before_update = (struct json_opt_bool){ true, true };
	return cgroup_limits_check(ret, e);
}

static void tell_restart(struct cli *c, const struct record *r)
{
	char text[64];

	snprintf(text, sizeof(text), "restart=%d", (int)r->restart);
	connect_tell(c, r->id, text);
	snprintf(text, sizeof(text), "restart-max=%u", r->restart_max);
	connect_tell(c, r->id, text);
}

/* Live first: what the kernel refuses is not recorded either. */
static int update_one(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	const struct update_opts *o = ctx;
	AUTO(record) struct record *r = NULL;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct cgroup_limits l = { 0 };
	AUTO_CLOSE int lock = -1;
	int rc;

	if ((rc = record_lock(&c->en, id, &lock, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = record_load_spec(&c->en, r, a, e)) < 0 || (rc = read_limits(o, a, &l, e)) < 0)
		return rc;
	if (o->restart && (rc = compose_restart(o->restart, r, e)) < 0)
		return rc;
	if (run_alive(&c->en, id) && (rc = container_update(&c->env, id, &l, e)) < 0)
		return rc;
	cgroup_limits_merge(&r->spec->limits, a, &l);
	if ((rc = record_save(&c->en, r, true, e)) < 0)
		return rc;
	if (o->restart)
		tell_restart(c, r);
	connect_event(c, "update", id, r->name);
	printf("%s\n", name);
	return 0;
}

static int run_update(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)e;
	return command_each(c, argc, argv, update_one, opts);
}

/* ---- top ---- */

struct top_opts { struct pick pick; };

static const struct opt top_rows[] = { PICK_LATEST(top_opts), OPT_END };

/* ps(1) with the caller's options, only the container's processes. */
static int run_top(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	AUTO(strbuf) struct strbuf pids = STRBUF_INIT;
	struct container_state st = { 0 };
	AUTO_CLOSE int fd = -1;
	AUTO_FREE pid_t *v = NULL;
	enum connect_state state;
	char id[65];
	size_t n;
	int rc;

	(void)opts;
	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = connect_state(&c->en, id, &state, NULL, e)) < 0)
		return rc;
	if (state != STATE_RUNNING && state != STATE_PAUSED)
		return err_say(e, ESRCH, "container %s is not running", argv[0]);
	if ((rc = container_load(&c->env, id, &st, e)) < 0)
		return rc;
	rc = cgroup_dir_open(st.cgroup_path, &fd, e);
	container_state_clear(&st);
	if (rc < 0 || (rc = cgroup_pids(fd, &v, &n, e)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&pids, "%s%d", i ? "," : "", (int)v[i]);
	strlist_add(&args, "ps");
	for (int i = 1; i < argc; i++)
		strlist_add(&args, argv[i]);
	if (argc == 1)
		strlist_add(&args, "-f");
	/* -p would show others, too, where aux or -e asks for them */
	strlist_add(&args, "-q");
	strlist_add(&args, pids.s);
	execvp("ps", args.v);
	return err_set(e, errno, "run ps");
}

/* clang-format off */
const struct command command_pause = {
	.name = "pause", .args = "CONTAINER...", .summary = "Freeze all processes of containers",
	.opts = pause_rows, .size = sizeof(struct pause_opts), .min = 1, .max = -1,
	.pick = PICK_RUNNING, .complete = "running", .run = run_pause,
};
const struct command command_unpause = {
	.name = "unpause", .args = "CONTAINER...", .summary = "Let paused containers go on",
	.opts = pause_rows, .size = sizeof(struct pause_opts), .min = 1, .max = -1,
	.pick = PICK_PAUSED, .complete = "running", .run = run_pause,
};
const struct command command_rename = {
	.name = "rename", .args = "CONTAINER NAME", .summary = "Give a container another name",
	.min = 2, .max = 2, .complete = "container", .run = run_rename,
};
const struct command command_update = {
	.name = "update", .args = "CONTAINER...", .summary = "Change limits and the restart policy, live and for later starts",
	.rows = update_rows, .size = sizeof(struct update_opts), .min = 1, .max = -1,
	.complete = "container", .run = run_update,
};
const struct command command_top = {
	.name = "top", .args = "CONTAINER [PS-OPTION...]", .summary = "Show the processes of a container",
	.opts = top_rows, .size = sizeof(struct top_opts), .min = 1, .max = -1,
	.flags = CMD_STOP_AT_ARG, .pick = PICK_ANY, .complete = "running", .run = run_top,
};
/* clang-format on */
