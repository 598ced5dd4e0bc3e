/*
 * cmd_boot.c - boot and shutdown: what should run is brought up, what runs is taken down.
 *
 * One-shot commands for any init.  boot starts, in order (--boot-order, lower first; equal ones
 * beside each other), the containers whose restart policy asks for it and that nobody stopped:
 * always, and what ran when the host went down with unless-stopped or on-failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/connect.h"
#include "runtime/supervisor.h"

struct boot_opts { uint32_t jobs; const char *time; bool dry_run; };

#define JOBS { "jobs", 'j', OPT_U32, offsetof(struct boot_opts, jobs), "N", "So many at once (4)" }
#define DRY { "dry-run", 0, OPT_BOOL, offsetof(struct boot_opts, dry_run), NULL, "Only say which" }
static const struct opt boot_rows[] = { JOBS, DRY, OPT_END };
static const struct opt shutdown_rows[] = {
	JOBS,
	{ "time", 't', OPT_STR, offsetof(struct boot_opts, time), "SECONDS",
	  "Time until they are killed (each container's own; -1: never)" },
	DRY,
	OPT_END,
};

struct job { char id[65]; char name[130]; int64_t order, delay; };

static int by_order(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool wants_boot(const struct record *r, const struct status *s)
{
	/* of one that was running when the machine went down the pid is still noted */
	bool ran = s->pid > 0 || s->reason == STATUS_HOST_SHUTDOWN ||
		   s->reason == STATUS_SUPERVISOR_LOST;

	switch (r->restart) {
	case RESTART_ALWAYS: return s->started_ns > 0;
	case RESTART_UNLESS_STOPPED: return s->started_ns > 0 && !s->stopped_by_user;
	case RESTART_ON_FAILURE: return ran;
	default: return false;
	}
}

static int collect(struct cli *c, bool running, struct job **ret, size_t *ret_n, struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct job *v = NULL;
	size_t n = 0;
	int rc = record_list(&c->en, &ids, e);

	if (rc < 0)
		return rc;
	v = mem_array(ids.n + 1, sizeof(*v));
	for (size_t i = 0; i < ids.n; i++) {
		AUTO(record) struct record *r = NULL;
		enum connect_state state;
		struct err one = ERR_INIT;
		struct status s;

		if (record_load(&c->en, ids.v[i], &r, &one) < 0 ||
		    connect_state(&c->en, ids.v[i], &state, &s, &one) < 0)
			continue;
		if (running ? !run_alive(&c->en, ids.v[i])
			    : run_alive(&c->en, ids.v[i]) || !wants_boot(r, &s))
			continue;
		memcpy(v[n].id, ids.v[i], 65);
		snprintf(v[n].name, sizeof(v[n].name), "%s", r->name);
		v[n].order = r->boot_order;
		v[n++].delay = r->boot_delay;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_order);
	*ret = v;
	*ret_n = n;
	return 0;
}

/* Each in a process of its own, at most jobs at once; a new order waits for the one before. */
static int run_jobs(struct cli *c, const struct job *v, size_t n, bool up, uint32_t jobs,
		    int32_t timeout)
{
	unsigned busy = 0;
	int failed = 0, st;

	for (size_t i = 0; i <= n; i++) {
		bool barrier = i == n || (i > 0 && v[i].order != v[i - 1].order);

		while (busy && (barrier || busy >= jobs)) {
			if (wait(&st) < 0)
				break;
			busy--;
			failed += !WIFEXITED(st) || WEXITSTATUS(st) != 0;
		}
		if (i == n)
			break;
		pid_t pid = fork();

		if (pid == 0) {
			struct err e = ERR_INIT;
			int r = up ? connect_start(c, v[i].id, &e)
				   : connect_shutdown(c, v[i].id, timeout, &e);

			if (r < 0) {
				err_wrap(&e, "container %s", v[i].name);
				log_error(&e);
			} else {
				printf("%s\n", v[i].name);
				fflush(stdout);
			}
			if (up && v[i].delay > 0)
				sleep((unsigned)v[i].delay);
			_exit(r < 0);
		}
		busy += pid > 0;
	}
	return failed ? 1 : 0;
}

static int run_boot(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct boot_opts *o = opts;
	bool up = str_eq(c->cmd->name, "boot");
	AUTO_FREE struct job *v = NULL;
	int32_t timeout = INT32_MIN;
	size_t n;
	int rc;

	(void)argc;
	(void)argv;
	if ((rc = connect_seconds(o->time, &timeout, e)) < 0 ||
	    (rc = collect(c, !up, &v, &n, e)) < 0)
		return rc;
	if (!up)	/* down goes the other way round */
		for (size_t i = 0; i < n / 2; i++) {
			struct job t = v[i];

			v[i] = v[n - 1 - i];
			v[n - 1 - i] = t;
		}
	for (size_t i = 0; o->dry_run && i < n; i++)
		printf("%s\n", v[i].name);
	if (o->dry_run)
		return 0;
	return run_jobs(c, v, n, up, o->jobs ? o->jobs : 4, timeout);
}

/* clang-format off */
const struct command command_boot = {
	.name = "boot", .args = "", .summary = "Start what should run, after the host has started",
	.opts = boot_rows, .size = sizeof(struct boot_opts), .run = run_boot,
};
const struct command command_shutdown = {
	.name = "shutdown", .args = "", .summary = "Stop what runs, before the host goes down",
	.opts = shutdown_rows, .size = sizeof(struct boot_opts), .run = run_boot,
};
/* clang-format on */
