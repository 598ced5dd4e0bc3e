/*
 * compose_health.c - the health check of a container and, before it counts, that of its start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "cli/run_opts.h"

/* An option with a time or a number; with neither it is read elsewhere. */
struct row { const char *option, *text; int64_t *time; uint32_t *number, least, most; };

static int read_row(const struct row *o, struct err *e)
{
	uint32_t n;

	if (o->time)
		return compose_duration(o->option, o->text, o->time, e);
	if (!o->number || !o->text)
		return 0;
	if (str_to_u32(o->text, &n) < 0 || n < o->least || n > o->most)
		return err_say(e, EINVAL, "--%s %s: expected a number from %u to %u", o->option,
			       o->text, o->least, o->most);
	*o->number = n;
	return 0;
}

/* A line for the shell, or podman's ["PROGRAM","ARGUMENT",…], as in a Dockerfile. */
static char **read_test(struct arena *a, const char *text)
{
	struct err no_list = ERR_INIT;
	struct json_ctx ctx = { .a = a, .e = &no_list, .what = "health-cmd" };
	AUTO(strlist) struct strlist test = STRLIST_INIT;
	const struct json *v;
	char **list = NULL;

	if (text[0] == '[' && json_parse(a, text, strlen(text), (struct json_limits){ 1u << 20, 2 },
					 ctx.what, &v, &no_list) == 0 &&
	    json_read_strs(&ctx, v, &list) == 0 && list[0]) {
		if (!str_eq(list[0], "CMD") && !str_eq(list[0], "CMD-SHELL"))
			strlist_add(&test, "CMD");
		for (; *list; list++)
			strlist_add(&test, *list);
	} else {
		strlist_add(&test, "CMD-SHELL");
		strlist_add(&test, text);
	}
	return compose_strv(a, &test);
}

static int log_destination(struct compose *c, const char *text, struct record_health *h,
			   struct err *e)
{
	AUTO_FREE char *real = NULL;
	struct stat st;

	if (!text || str_eq(text, "local"))
		return 0;
	if (!str_eq(text, "events_logger")) {
		real = realpath(text, NULL);
		if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
			return err_say(e, EINVAL, "--health-log-destination %s: expected local, "
				       "events_logger or a folder that is there", text);
	}
	h->log_to = arena_strdup(c->a, real ? real : text);
	return 0;
}

static int on_failure(const char *text, struct record_health *h, struct err *e)
{
	static const char *const all[] = { "none", "kill", "restart", "stop" };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (str_eq(text ? text : "none", all[i]))
			h->on_failure = all[i];
	return h->on_failure ? 0 : err_say(e, EINVAL, "--health-on-failure %s: expected none, "
					   "kill, restart or stop", text);
}

int compose_health(struct compose *c, struct err *e)
{
	const struct image_health *from = &c->image->health;
	const struct run_opts *o = c->o;
	struct record_health *h = &c->r->health;
	const char *any = NULL;
	int r = 0;
	/* clang-format off */
	const struct row rows[] = {
		{ "health-cmd", o->health_cmd },
		{ "health-interval", o->health_interval, &h->interval },
		{ "health-timeout", o->health_timeout, &h->timeout },
		{ "health-retries", o->health_retries, NULL, &h->retries, 0, UINT32_MAX },
		{ "health-start-period", o->health_start_period, &h->start_period },
		{ "health-start-interval", o->health_start_interval, &h->start_interval },
		{ "health-on-failure", o->health_on_failure },
		{ "health-log-destination", o->health_log_destination },
		{ "health-max-log-count", o->health_max_log_count, NULL, &h->log_count, 1, HEALTH_LOG_COUNT },
		{ "health-max-log-size", o->health_max_log_size, NULL, &h->log_size, 1, HEALTH_LOG_SIZE },
		{ "health-startup-cmd", o->health_startup_cmd },
		{ "health-startup-interval", o->health_startup_interval, &h->startup_interval },
		{ "health-startup-timeout", o->health_startup_timeout, &h->startup_timeout },
		{ "health-startup-retries", o->health_startup_retries, NULL, &h->startup_retries, 0, INT32_MAX },
		{ "health-startup-success", o->health_startup_success, NULL, &h->startup_success, 0, INT32_MAX },
	};
	/* clang-format on */

	for (size_t i = ARRAY_SIZE(rows); i-- > 0;)
		any = rows[i].text ? rows[i].option : any;
	if (o->no_healthcheck)
		return any ? err_say(e, EINVAL, "--no-healthcheck and --%s exclude each other", any)
			   : 0;
	if (!o->health_cmd && (!from->set || !from->test[0]))
		return any ? err_say(e, EINVAL, "--%s: there is no health check: neither "
				     "--health-cmd nor one of the image", any) : 0;
	h->test = o->health_cmd ? read_test(c->a, o->health_cmd) : arena_strv(c->a, from->test);
	if (str_eq(h->test[0], "NONE") || str_eq(o->health_cmd, "none"))
		return 0;
	h->set = true;
	h->interval = from->interval;
	h->timeout = from->timeout;
	h->start_period = from->start_period;
	h->start_interval = from->start_interval;
	h->retries = (uint32_t)from->retries;
	if (o->health_startup_cmd)
		h->startup_test = read_test(c->a, o->health_startup_cmd);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		const char *option = rows[i].option;

		if (rows[i].text && !h->startup_test && str_starts(option, "health-startup-"))
			return err_say(e, EINVAL, "--%s goes with --health-startup-cmd", option);
		r = read_row(&rows[i], e);
	}
	if (r == 0)
		r = on_failure(o->health_on_failure, h, e);
	return r < 0 ? r : log_destination(c, o->health_log_destination, h, e);
}
