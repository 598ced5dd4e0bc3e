/* cmd_wait.c - wait: for the end of containers, or for their health. */
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/connect.h"
#include "runtime/supervisor.h"

struct wait_opts { const char *condition; };

static const struct opt wait_rows[] = {
	{ "condition", 0, OPT_STR, offsetof(struct wait_opts, condition), "CONDITION",
	  "stopped (default), removed, running or healthy",
	  .complete = "stopped|removed|running|healthy" },
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

/* Until the supervisor says healthy; its end before that is an error. */
static int wait_healthy(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	static char data[SUP_DATA];
	AUTO_CLOSE int sock = -1;
	struct sup_head h;
	int r = control_connect(&c->en, id, &sock, e);

	(void)ctx;
	if (r < 0)
		return r;
	if (control_send(sock, SUP_WAIT, 1, 0, NULL, 0) < 0)
		return err_say(e, EPIPE, "container %s has ended", name);
	for (;;) {
		if (control_recv(sock, &h, data) < 0 || h.type == SUP_END)
			return err_say(e, ESRCH, "container %s ended before it was healthy", name);
		if (h.type == SUP_HEALTH && h.a == 1) {
			printf("healthy\n");
			return 0;
		}
	}
}

static int wait_running(struct cli *c, const char *id, const char *name, void *ctx, struct err *e)
{
	enum connect_state s;
	int r = connect_state(&c->en, id, &s, NULL, e);

	(void)ctx;
	if (r == 0 && s != STATE_RUNNING)
		return err_say(e, ESRCH, "container %s is %s", name, connect_state_name(s));
	if (r == 0)
		printf("running\n");
	return r;
}

static int run_wait(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *cond = ((struct wait_opts *)opts)->condition;

	if (!cond || str_eq(cond, "stopped") || str_eq(cond, "exited") || str_eq(cond, "removed") ||
	    str_eq(cond, "not-running"))
		return command_each(c, argc, argv, wait_end, NULL);
	if (str_eq(cond, "healthy"))
		return command_each(c, argc, argv, wait_healthy, NULL);
	if (str_eq(cond, "running"))
		return command_each(c, argc, argv, wait_running, NULL);
	return err_say(e, EINVAL, "--condition %s: expected stopped, removed, running or healthy",
		       cond);
}

/* clang-format off */
const struct command command_wait = {
	.name = "wait", .args = "CONTAINER...", .summary = "Wait until containers have ended, and print their exit codes",
	.opts = wait_rows, .size = sizeof(struct wait_opts), .min = 1, .max = -1,
	.complete = "container", .run = run_wait,
};
/* clang-format on */
