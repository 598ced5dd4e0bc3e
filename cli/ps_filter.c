/* ps_filter.c - see ps_filter.h. */
#include <stdio.h>
#include <string.h>

#include "cli/ps_filter.h"
#include "image/image.h"

static const char *const filter_keys[] = {
	"id", "name", "label", "status", "ancestor", "before", "since", "volume", "network",
	"health", "exited", "publish", "expose", "is-task", "until", NULL,
};

static bool match_volume(const char *value, const void *ctx)
{
	const struct view *v = ctx;

	for (size_t i = 0; i < v->r->nvolumes; i++) {
		const struct record_volume *w = &v->r->volumes[i];

		if (str_eq(w->name, value) || str_eq(w->source, value) ||
		    str_eq(w->destination, value))
			return true;
	}
	return false;
}

static bool match_network(const char *value, const void *ctx)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	view_networks(ctx, &l);
	return strlist_has(&l, value);
}

static bool match_image(const char *value, const void *ctx)
{
	const struct view *v = ctx;
	char a[REF_MAX], b[REF_MAX];
	const char *hex = str_after(value, "sha256:");
	struct err ignored = ERR_INIT;
	struct ref want, have;

	if (str_eq(value, v->r->image))
		return true;
	if (!str_empty(v->r->image_id) && strlen(hex ? hex : value) >= 4 &&
	    str_starts(v->r->image_id + strlen("sha256:"), hex ? hex : value))
		return true;
	if (ref_parse(value, &want, &ignored) < 0 || ref_parse(v->r->image, &have, &ignored) < 0)
		return false;
	return str_eq(ref_full(&want, a), ref_full(&have, b));
}

/* VALUE is PORT[-PORT][/PROTO]; side 0: the container's, 1: the host's. */
static bool match_port(const char *value, const struct view *v, bool host)
{
	unsigned from, to;
	int n = sscanf(value, "%u-%u", &from, &to);

	if (n < 1)
		return false;
	if (n == 1)
		to = from;
	for (size_t i = 0; i < v->r->net.nports; i++) {
		const struct net_port *p = &v->r->net.ports[i];
		unsigned first = host ? p->host : p->ctr, count = host ? p->host_n : p->n;

		if (first <= to && first + (count ? count : 1) > from && first != 0)
			return true;
	}
	return false;
}

static bool match_publish(const char *value, const void *ctx)
{
	return match_port(value, ctx, true) || match_port(value, ctx, false);
}

static bool match_expose(const char *value, const void *ctx)
{
	return match_port(value, ctx, false);
}

static bool match_exited(const char *value, const void *ctx)
{
	const struct view *v = ctx;
	int64_t code;

	return v->state == STATE_EXITED && str_to_i64(value, &code) == 0 &&
	       code == v->s.exit_code;
}

static bool match_status(const char *value, const void *ctx)
{
	const struct view *v = ctx;

	return str_eq(value, connect_state_name(v->state)) ||
	       (str_eq(value, "stopped") && v->state == STATE_EXITED);
}

static bool match_health(const char *value, const void *ctx)
{
	return str_eq(value, view_health(ctx));
}

static bool match_task(const char *value, const void *ctx)
{
	bool b = true;

	(void)ctx;
	return str_to_bool(value, &b) == 0 && !b;
}

int64_t ps_filter_created(const struct record *r)
{
	struct timespec t;

	return str_to_time(r->created, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

bool ps_filter_match(const struct ps_filter *p, const struct view *v)
{
	static const struct { const char *key; filters_test *fn; } rows[] = {
		{ "volume", match_volume },   { "network", match_network },
		{ "ancestor", match_image },  { "publish", match_publish },
		{ "expose", match_expose },   { "exited", match_exited },
		{ "status", match_status },   { "health", match_health },
		{ "is-task", match_task },
	};

	if (!filters_match(&p->f, "id", filters_prefix, v->id) ||
	    !filters_match(&p->f, "name", filters_name, v->r->name) ||
	    !filters_labels(&p->f, &v->r->labels))
		return false;
	if (view_seconds(v->r->created) > p->until ||
	    (p->before && ps_filter_created(v->r) >= p->before) ||
	    (p->since && ps_filter_created(v->r) <= p->since))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!filters_match(&p->f, rows[i].key, rows[i].fn, v))
			return false;
	return true;
}

/* before=CONTAINER, since=CONTAINER → when that was made */
static int made_when(struct ps_filter *p, const char *key, int64_t *ret, struct err *e)
{
	for (size_t i = 0; i < p->f.n; i++) {
		AUTO(record) struct record *r = NULL;
		char id[65];
		int rc;

		if (!str_eq(p->f.v[i].key, key))
			continue;
		if ((rc = record_find(p->en, p->f.v[i].value, id, e)) < 0 ||
		    (rc = record_load(p->en, id, &r, e)) < 0)
			return rc;
		*ret = ps_filter_created(r);
	}
	return 0;
}

int ps_filter_parse(const struct engine *en, const struct strlist *given, struct ps_filter *p,
		    struct err *e)
{
	static const char *const states[] = { "created", "running", "paused", "restarting",
					      "exited", "stopped", "removing", "dead", NULL };
	static const char *const healths[] = { "none", "starting", "healthy", "unhealthy", NULL };
	int r;

	*p = (struct ps_filter){ .en = en };
	r = filters_parse(given, filter_keys, &p->f, e);
	if (r < 0 || (r = filters_until(&p->f, &p->until, e)) < 0 ||
	    (r = made_when(p, "before", &p->before, e)) < 0 ||
	    (r = made_when(p, "since", &p->since, e)) < 0 ||
	    (r = filters_check_words(&p->f, "status", states, e)) < 0 ||
	    (r = filters_check_words(&p->f, "health", healths, e)) < 0)
		return r;
	return filters_check_bools(&p->f, "is-task", e);
}
