/* cmd_wait.c - wait: for the end of containers, or for their health. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/pick.h"

struct wait_opts { struct pick pick; struct strlist condition; const char *interval; };

static const struct opt wait_rows[] = {
	{ "condition", 0, OPT_LIST, offsetof(struct wait_opts, condition), "CONDITION",
	  "stopped (default), removed, created, running, paused or healthy",
	  .complete = "stopped|removed|created|running|paused|healthy" },
	/* podman's, which asks again and again: here the end tells itself */
	{ "interval", 'i', OPT_STR, offsetof(struct wait_opts, interval), "TIME", NULL },
	PICK_LATEST(wait_opts),
	PICK_IGNORE(wait_opts, 0),
	OPT_END,
};

static int wait_end(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	int code, r = connect_wait(c, id, &code, e);

	(void)name;
	(void)ctx;
	if (r == 0)
		printf("%d\n", code);
	return r;
}

static int wait_healthy(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	int r = connect_wait_healthy(c, id, e);

	(void)ctx;
	if (r == 0)
		return err_say(e, ESRCH, "container %s ended before it was healthy", name);
	if (r > 0)
		printf("healthy\n");
	return r < 0 ? r : 0;
}

/* Until look() says so.  What it looks at are files below containers/ (a container's folder, its
 * status), so a change of a folder is when to look again. */
static int wait_change(struct cli *c, const char *id,
		       bool (*look)(struct cli *c, const char *id, enum connect_state want),
		       enum connect_state want, struct err *e)
{
	AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	AUTO_FREE char *own = mem_printf("%s/containers/%s", c->en.root, id);
	struct pollfd p = { .fd = watch, .events = POLLIN };
	char path[32], junk[4096];

	if (watch < 0 || inotify_add_watch(watch, path_of_fd(c->en.containers_fd, path),
					   IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
		return err_set(e, errno, "watch %s/containers", c->en.root);
	inotify_add_watch(watch, own, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
	while (!look(c, id, want)) {
		/* that it is gone may be what is waited for */
		if (!path_exists(c->en.containers_fd, id))
			return look(c, id, want) ? 0 : err_say(e, ESRCH, "container %.12s was "
							       "removed", id);
		/* freezing and thawing change no file */
		poll(&p, 1, want == STATE_PAUSED ? 200 : 5000);
		while (read(watch, junk, sizeof(junk)) > 0)
			;
	}
	return 0;
}

static bool is_in(struct cli *c, const char *id, enum connect_state want)
{
	enum connect_state s;
	struct err ignored = ERR_INIT;

	return connect_state(&c->en, id, &s, NULL, &ignored) == 0 && s == want;
}

static bool is_gone(struct cli *c, const char *id, enum connect_state want)
{
	(void)want;
	return !path_exists(c->en.containers_fd, id);
}

static int wait_state(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	enum connect_state want = *(enum connect_state *)ctx;
	int r = wait_change(c, id, is_in, want, e);

	(void)name;
	if (r == 0)
		printf("%s\n", connect_state_name(want));
	return r;
}

/* Its code is known before it goes, and not after. */
static int wait_removed(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	int code = 0, r = connect_wait(c, id, &code, e);

	(void)name;
	(void)ctx;
	if (r < 0 && path_exists(c->en.containers_fd, id))
		return r;
	*e = (struct err)ERR_INIT;
	if ((r = wait_change(c, id, is_gone, STATE_EXITED, e)) == 0)
		printf("%d\n", code);
	return r;
}

static int run_wait(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const enum connect_state states[] = { STATE_CREATED, STATE_RUNNING, STATE_PAUSED };
	const struct wait_opts *o = opts;
	const char *cond = o->condition.n ? o->condition.v[0] : NULL;
	int64_t ns;

	if (o->condition.n > 1)
		return err_say(e, EINVAL, "--condition stands once: to wait for the first of "
			       "several, run a wait for each");
	if (o->interval && str_to_duration(o->interval, &ns) < 0)
		return err_say(e, EINVAL, "--interval %s: expected a time as 250ms", o->interval);
	if (!cond || str_eq(cond, "stopped") || str_eq(cond, "exited") ||
	    str_eq(cond, "not-running"))
		return command_each(c, argc, argv, wait_end, NULL);
	if (str_eq(cond, "removed"))
		return command_each(c, argc, argv, wait_removed, NULL);
	if (str_eq(cond, "healthy"))
		return command_each(c, argc, argv, wait_healthy, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_eq(cond, connect_state_name(states[i]))) {
			enum connect_state want = states[i];

			return command_each(c, argc, argv, wait_state, &want);
		}
	return err_say(e, EINVAL, "--condition %s: expected stopped, removed, created, running, "
		       "paused or healthy", cond);
}

/* clang-format off */
const struct command command_wait = {
	.name = "wait", .args = "CONTAINER...", .summary = "Wait until containers have ended, and print their exit codes",
	.opts = wait_rows, .size = sizeof(struct wait_opts), .min = 1, .max = -1,
	.pick = PICK_ANY, .complete = "container", .run = run_wait,
};
/* clang-format on */
