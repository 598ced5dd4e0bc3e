/*
 * health.c - the health check: a program in the container, run at intervals by
 * `berth internal-health`; what its answers add up to.  Runs in: supervisor.
 *
 *   startup check, when there is one: ──ok──▶ starting; retries failed ──▶ restart
 *
 *   starting ──ok──▶ healthy ◀──ok── unhealthy
 *       └── retries failed, start period over ──▶ unhealthy ── action
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "runtime/event.h"
#include "runtime/watch.h"

#define SECOND INT64_C(1000000000)

enum { ACTION_NONE, ACTION_KILL, ACTION_RESTART, ACTION_STOP };

static bool in_start_period(void)
{
	return W.health_period > 0 && watch_now() - W.started < W.health_period &&
	       strcmp(W.status.health, "starting") == 0;
}

static void schedule(void)
{
	int64_t every = W.startup ? W.startup_interval : W.health_interval;

	if (every <= 0)
		every = 30 * SECOND;
	if (!W.startup && in_start_period() && W.health_start_interval > 0)
		every = W.health_start_interval;
	watch_set_timer(TIMER_HEALTH, every);
}

void health_start(void)
{
	schedule();
}

void health_run(void)
{
	const char *args[] = { "internal-health", W.id, W.startup ? "startup" : NULL, NULL };

	if (W.ended || W.health_pid > 0)
		return;
	W.health_pid = watch_berth(args, false);
	if (W.health_pid <= 0)
		schedule();
}

static void save(const char *state)
{
	struct err e = ERR_INIT;

	if (strcmp(W.status.health, state) != 0) {
		AUTO_FREE char *action = mem_printf("health_status: %s", state);
		struct event_attr attrs[] = { { "name", W.name ? W.name : "" }, { 0 } };

		strcpy(W.status.health, state);
		event_log(W.root, "container", action, W.id, attrs);
	}
	status_save((int)W.dir, &W.status, false, &e);
	clients_health();
}

static void act(int64_t action)
{
	switch (action) {
	case ACTION_KILL:
		W.why = STATUS_UNHEALTHY;
		stop_kill_now();
		break;
	case ACTION_RESTART:
		W.restart = RESTART_ALWAYS;	/* whatever its exit status, this time */
		stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_UNHEALTHY);
		break;
	case ACTION_STOP:
		W.by_user = true;
		stop_begin((int)W.stop_signal, W.stop_timeout, STATUS_UNHEALTHY);
		break;
	default:
		break;
	}
}

static void startup_result(bool ok)
{
	W.startup_passed = ok ? W.startup_passed + 1 : 0;
	W.status.health_failing = ok ? 0 : W.status.health_failing + 1;
	if (ok && W.startup_passed >= W.startup_success) {
		W.startup = 0;
		watch_set_timer(TIMER_HEALTH, 0);
	}
	save("starting");
	if (W.startup_retries > 0 && W.status.health_failing >= W.startup_retries) {
		watch_set_timer(TIMER_HEALTH, -1);
		act(ACTION_RESTART);
	}
}

void health_result(int wait_status)
{
	bool ok = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	uint32_t retries = W.health_retries > 0 ? (uint32_t)W.health_retries : 3;

	W.health_pid = 0;
	if (W.ended)
		return;
	schedule();
	if (W.startup) {
		startup_result(ok);
		return;
	}
	if (ok) {
		W.status.health_failing = 0;
		save("healthy");
		return;
	}
	if (in_start_period())
		return;
	W.status.health_failing++;
	if (W.status.health_failing >= retries && strcmp(W.status.health, "unhealthy") != 0) {
		save("unhealthy");
		act(W.health_action);
	} else {
		save(W.status.health);
	}
}
