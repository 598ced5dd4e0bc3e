/*
 * compose_health.c - the health check of a container and, before it counts, that of its start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "cli/run_opts.h"

/* The first that was given, or NULL. */
static const char *health_option(const struct run_opts *o)
{
	const struct { const char *name, *value; } rows[] = {
		{ "health-cmd", o->health_cmd },
		{ "health-interval", o->health_interval },
		{ "health-timeout", o->health_timeout },
		{ "health-retries", o->health_retries },
		{ "health-start-period", o->health_start_period },
		{ "health-start-interval", o->health_start_interval },
		{ "health-on-failure", o->health_on_failure },
		{ "health-log-destination", o->health_log_destination },
		{ "health-max-log-count", o->health_max_log_count },
		{ "health-max-log-size", o->health_max_log_size },
		{ "health-startup-cmd", o->health_startup_cmd },
		{ "health-startup-interval", o->health_startup_interval },
		{ "health-startup-timeout", o->health_startup_timeout },
		{ "health-startup-retries", o->health_startup_retries },
		{ "health-startup-success", o->health_startup_success },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].value)
			return rows[i].name;
	return NULL;
}

static int number(const char *option, const char *text, uint32_t least, uint32_t most,
		  uint32_t *ret, struct err *e)
{
	uint32_t n;

	if (!text)
		return 0;
	if (str_to_u32(text, &n) < 0 || n < least || n > most)
		return err_say(e, EINVAL, "--%s %s: expected a number from %u to %u", option, text,
			       least, most);
	*ret = n;
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

static int startup(struct compose *c, struct record_health *h, struct err *e)
{
	const struct run_opts *o = c->o;
	const char *more = o->health_startup_interval ? "interval" :
			   o->health_startup_timeout ? "timeout" :
			   o->health_startup_retries ? "retries" :
			   o->health_startup_success ? "success" : NULL;
	int r;

	if (!o->health_startup_cmd)
		return more ? err_say(e, EINVAL, "--health-startup-%s goes with "
				      "--health-startup-cmd", more) : 0;
	h->startup_test = read_test(c->a, o->health_startup_cmd);
	if ((r = compose_duration("health-startup-interval", o->health_startup_interval,
				  &h->startup_interval, e)) < 0 ||
	    (r = compose_duration("health-startup-timeout", o->health_startup_timeout,
				  &h->startup_timeout, e)) < 0 ||
	    (r = number("health-startup-retries", o->health_startup_retries, 0, INT32_MAX,
			&h->startup_retries, e)) < 0)
		return r;
	return number("health-startup-success", o->health_startup_success, 0, INT32_MAX,
		      &h->startup_success, e);
}

static int intervals(struct compose *c, struct record_health *h, struct err *e)
{
	const struct run_opts *o = c->o;
	const struct { const char *option, *text; int64_t *to; } rows[] = {
		{ "health-interval", o->health_interval, &h->interval },
		{ "health-timeout", o->health_timeout, &h->timeout },
		{ "health-start-period", o->health_start_period, &h->start_period },
		{ "health-start-interval", o->health_start_interval, &h->start_interval },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		r = compose_duration(rows[i].option, rows[i].text, rows[i].to, e);
	if (r == 0)
		r = number("health-max-log-count", o->health_max_log_count, 1, HEALTH_LOG_COUNT,
			   &h->log_count, e);
	if (r == 0)
		r = number("health-max-log-size", o->health_max_log_size, 1, HEALTH_LOG_SIZE,
			   &h->log_size, e);
	if (r == 0)
		r = log_destination(c, o->health_log_destination, h, e);
	return r < 0 ? r : startup(c, h, e);
}

int compose_health(struct compose *c, struct err *e)
{
	const struct image_health *from = &c->image->health;
	struct record_health *h = &c->r->health;
	const char *any = health_option(c->o);
	int r;

	if (c->o->no_healthcheck && any)
		return err_say(e, EINVAL, "--no-healthcheck and --%s exclude each other", any);
	if (c->o->no_healthcheck)
		return 0;
	if (!c->o->health_cmd && (!from->set || !from->test[0]))
		return any ? err_say(e, EINVAL, "--%s: there is no health check: neither "
				     "--health-cmd nor one of the image", any) : 0;
	if (c->o->health_cmd)
		h->test = read_test(c->a, c->o->health_cmd);
	else
		h->test = arena_strv(c->a, from->test);
	if (str_eq(h->test[0], "NONE") || str_eq(c->o->health_cmd, "none"))
		return 0;
	h->set = true;
	h->interval = from->interval;
	h->timeout = from->timeout;
	h->start_period = from->start_period;
	h->start_interval = from->start_interval;
	h->retries = (uint32_t)from->retries;
	h->on_failure = c->o->health_on_failure ? arena_strdup(c->a, c->o->health_on_failure)
						: "none";
	if (!str_eq(h->on_failure, "none") && !str_eq(h->on_failure, "kill") &&
	    !str_eq(h->on_failure, "restart") && !str_eq(h->on_failure, "stop"))
		return err_say(e, EINVAL,
			       "--health-on-failure %s: expected none, kill, restart or stop",
			       h->on_failure);
	if ((r = number("health-retries", c->o->health_retries, 0, UINT32_MAX, &h->retries, e)) < 0)
		return r;
	return intervals(c, h, e);
}
