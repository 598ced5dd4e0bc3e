/* cmd_ps.c - ps: the containers there are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/fd.h"
#include "cli/filters.h"
#include "cli/output.h"
#include "cli/usage.h"
#include "cli/view.h"
#include "image/image.h"
#include "runtime/supervisor.h"

struct ps_opts {
	bool all, latest, size;
	int64_t last;
	const char *sort;
	struct strlist filter;
	struct output_opts out;
};

#define O(f) offsetof(struct ps_opts, f)
static const struct opt ps_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "Also those that do not run" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "id, name, label, status, ancestor, volume, network, health, exited, before, since …",
	  .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT_LONG(struct ps_opts, out),
	{ "last", 'n', OPT_I64, O(last), "N", "The N made last, whatever their state" },
	{ "latest", 'l', OPT_BOOL, O(latest), NULL, "The one made last" },
	{ "no-trunc", 0, OPT_BOOL, O(out.no_trunc), NULL, "Cut nothing short" },
	{ "noheading", 0, OPT_BOOL, O(out.no_heading), NULL, "No head of the table" },
	OUTPUT_OPT_QUIET(struct ps_opts, out, "ids"),
	{ "size", 's', OPT_BOOL, O(size), NULL, "Also how much each has written" },
	{ "sort", 0, OPT_STR, O(sort), "COLUMN",
	  "created, id, image, names, runningfor, status or size",
	  .complete = "created|id|image|names|runningfor|status|size" },
	OPT_END,
};
#undef O

static const char *const filter_keys[] = {
	"id", "name", "label", "status", "ancestor", "before", "since", "volume", "network",
	"health", "exited", "publish", "expose", "is-task", "until", NULL,
};

static const struct output_column headers[] = {
	{ "CONTAINER ID", "ID" }, { "CREATED", "RunningFor" }, { NULL, NULL },
};
static const struct output_column columns[] = {
	{ "CONTAINER ID", "{{.ID}}" }, { "IMAGE", "{{.Image}}" }, { "COMMAND", "{{.Command}}" },
	{ "CREATED", "{{.RunningFor}}" }, { "STATUS", "{{.Status}}" }, { "PORTS", "{{.Ports}}" },
	{ "NAMES", "{{.Names}}" }, { NULL, NULL },
};
static const struct output_column columns_size[] = {
	{ "CONTAINER ID", "{{.ID}}" }, { "IMAGE", "{{.Image}}" }, { "COMMAND", "{{.Command}}" },
	{ "CREATED", "{{.RunningFor}}" }, { "STATUS", "{{.Status}}" }, { "PORTS", "{{.Ports}}" },
	{ "NAMES", "{{.Names}}" }, { "SIZE", "{{.Size}}" }, { NULL, NULL },
};

/* ---- filters ---- */

struct ps {
	struct cli *c;
	const struct ps_opts *o;
	struct filters f;
	bool any;			/* also those that do not run */
	int64_t until;			/* seconds */
	int64_t before, since;		/* nanoseconds; 0: not asked for */
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

static int64_t created_ns(const struct record *r)
{
	struct timespec t;

	return str_to_time(r->created, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

/* Without its record: without -a only what runs. */
static bool state_is_shown(const struct ps *p, const struct view *v)
{
	return p->any || view_runs(v) || v->state == STATE_RESTARTING;
}

static bool is_shown(const struct ps *p, const struct view *v)
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
	    (p->before && created_ns(v->r) >= p->before) ||
	    (p->since && created_ns(v->r) <= p->since))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!filters_match(&p->f, rows[i].key, rows[i].fn, v))
			return false;
	return true;
}

/* before=CONTAINER, since=CONTAINER → when that was made */
static int made_when(struct ps *p, const char *key, int64_t *ret, struct err *e)
{
	for (size_t i = 0; i < p->f.n; i++) {
		AUTO(record) struct record *r = NULL;
		char id[65];
		int rc;

		if (!str_eq(p->f.v[i].key, key))
			continue;
		if ((rc = record_find(&p->c->en, p->f.v[i].value, id, e)) < 0 ||
		    (rc = record_load(&p->c->en, id, &r, e)) < 0)
			return rc;
		*ret = created_ns(r);
	}
	return 0;
}

static int check_filters(struct ps *p, struct err *e)
{
	static const char *const states[] = { "created", "running", "paused", "restarting",
					      "exited", "stopped", "removing", "dead", NULL };
	static const char *const healths[] = { "none", "starting", "healthy", "unhealthy", NULL };
	int r = filters_parse(&p->o->filter, filter_keys, &p->f, e);

	if (r < 0 || (r = filters_until(&p->f, &p->until, e)) < 0 ||
	    (r = made_when(p, "before", &p->before, e)) < 0 ||
	    (r = made_when(p, "since", &p->since, e)) < 0 ||
	    (r = filters_check_words(&p->f, "status", states, e)) < 0 ||
	    (r = filters_check_words(&p->f, "health", healths, e)) < 0)
		return r;
	return filters_check_bools(&p->f, "is-task", e);
}

/* ---- rows ---- */

struct ps_row { struct json *v; int64_t created; uint64_t size; };

static int add_size(struct ps *p, const struct view *v, struct arena *a, struct ps_row *row,
		    struct err *e)
{
	AUTO_FREE char *upper = mem_printf("%s/upper", v->id);
	char text[24];
	int r = usage_of(p->c->en.containers_fd, upper, &row->size, e);

	if (r == 0)
		value_put_str(a, row->v, "Size", view_size_text(row->size, text));
	return r;
}

static const char *const sort_keys[][2] = {
	{ "id", "ID" }, { "image", "Image" }, { "names", "Names" }, { "name", "Names" },
	{ "status", "Status" }, { "command", "Command" }, { "state", "State" },
	{ "created", NULL }, { "runningfor", NULL }, { "size", "" },
};

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct ps_row *x = a, *y = b;
	const char *key = ctx;
	int r = 0;

	if (key && !*key)
		r = x->size < y->size ? -1 : x->size > y->size;
	else if (key)
		r = strcasecmp(json_str(json_get(x->v, key)), json_str(json_get(y->v, key)));
	if (r == 0)	/* newest first */
		r = x->created < y->created ? 1 : x->created > y->created ? -1 : 0;
	return r;
}

static int sort_key(const struct ps_opts *o, const char **ret, struct err *e)
{
	*ret = NULL;
	if (!o->sort)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(sort_keys); i++)
		if (strcasecmp(o->sort, sort_keys[i][0]) == 0) {
			*ret = sort_keys[i][1];
			return 0;
		}
	return err_say(e, EINVAL,
		       "--sort %s: created, id, image, names, command, state, status or size",
		       o->sort);
}

static int collect(struct ps *p, const struct strlist *ids, struct arena *a, struct ps_row *rows,
		   size_t *ret_n, struct err *e)
{
	bool sizes = p->o->size || (p->o->sort && str_eq(p->o->sort, "size")) ||
		     (p->o->out.format && strstr(p->o->out.format, ".Size"));
	AUTO(arena) struct arena *one_record = arena_new(RECORD_LOAD_ARENA);
	AUTO_CLOSE int cgroups = -1;
	struct err ignored = ERR_INIT;
	size_t n = 0;

	cgroup_dir_open("berth", &cgroups, &ignored);
	for (size_t i = 0; i < ids->n; i++) {
		struct view v;
		struct err one = ERR_INIT;
		int r = view_load_state(&p->c->en, ids->v[i], cgroups, &v, &one);

		if (r == 0 && !state_is_shown(p, &v))
			continue;
		arena_reset(one_record);
		if (r == 0)
			r = view_load_record(&v, one_record, &one);
		if (r == -ENOENT)	/* it went just now */
			continue;
		if (r < 0) {	/* one broken record must not hide the others */
			log_warn("%s", one.msg);
			continue;
		}
		if (!is_shown(p, &v))
			continue;
		rows[n].v = view_row(a, &v, p->o->out.no_trunc);
		rows[n].created = created_ns(v.r);
		if (!sizes)
			value_put_str(a, rows[n].v, "Size", "0B");
		else if ((r = add_size(p, &v, a, &rows[n], e)) < 0)
			return r;
		n++;
		/* ids come newest first */
		if (p->o->last > 0 && (int64_t)n == p->o->last)
			break;
	}
	*ret_n = n;
	return 0;
}

static int show(struct ps *p, struct err *e)
{
	struct output out = { p->o->size ? columns_size : columns, headers, "{{.ID}}" };
	AUTO(output_list) struct output_list list;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	AUTO_FREE struct ps_row *rows = NULL;
	const char *key;
	size_t n;
	int r;

	output_list_init(&list);
	p->any = p->o->all || p->o->last > 0 || filters_has(&p->f, "status") ||
		 filters_has(&p->f, "exited");
	/* what runs has a folder in RUN, which the sweep has looked at anyway */
	if ((r = sort_key(p->o, &key, e)) < 0 ||
	    (r = sweep_run(&p->c->en, p->any ? NULL : &ids, e)) < 0 ||
	    (p->any && (r = record_list(&p->c->en, &ids, e)) < 0))
		return r;
	rows = mem_array(ids.n + 1, sizeof(*rows));
	r = collect(p, &ids, list.a, rows, &n, e);
	if (r < 0)
		return r;
	qsort_r(rows, n, sizeof(*rows), compare_rows, (void *)(uintptr_t)key);
	for (size_t i = 0; i < n; i++)
		output_list_add(&list, rows[i].v);
	return output_rows(&out, &p->o->out, list.v, list.n, e);
}

static int run_ps(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct ps_opts *o = opts;
	struct ps p = { .c = c, .o = o };
	int r;

	(void)argc;
	(void)argv;
	if (o->latest)
		o->last = 1;
	else if (o->last <= 0)
		o->last = -1;
	/* Docker's rule: the last n of all */
	r = check_filters(&p, e);
	if (r == 0)
		r = show(&p, e);
	filters_clear(&p.f);
	return r;
}

/* clang-format off */
const struct command command_ps = {
	.name = "ps", .summary = "List containers",
	.text = "Without options those that run. --filter may be given more than once: values of one\n"
		"key add up, different keys must all hold.",
	.args = "", .opts = ps_rows, .size = sizeof(struct ps_opts), .min = 0, .max = 0,
	.flags = CMD_NO_SWEEP,	/* by itself */
	.run = run_ps,
};
/* clang-format on */
