/* cmd_ps.c - ps: the containers there are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/fd.h"
#include "cli/output.h"
#include "cli/ps_filter.h"
#include "cli/usage.h"
#include "runtime/supervisor.h"

struct ps_opts {
	bool all, latest, size, ignored;
	int64_t last;
	const char *sort, *watch;
	struct strlist filter;
	struct output_opts out;
};

#define O(f) offsetof(struct ps_opts, f)
static const struct opt ps_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "Also those that do not run" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "id, name, label, status, ancestor, volume, network, health, exited, before, since …",
	  .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT(struct ps_opts, out, "'table {{.ID}}\\t{{.Names}}'"),
	{ "last", 'n', OPT_I64, O(last), "N", "The N made last, whatever their state" },
	{ "latest", 'l', OPT_BOOL, O(latest), NULL, "The one made last" },
	{ "no-trunc", 0, OPT_BOOL, O(out.no_trunc), NULL, "Cut nothing short" },
	{ "noheading", 0, OPT_BOOL, O(out.no_heading), NULL, "No head of the table" },
	OUTPUT_OPT_QUIET(struct ps_opts, out, "ids"),
	{ "size", 's', OPT_BOOL, O(size), NULL, "Also how much each has written" },
	{ "sort", 0, OPT_STR, O(sort), "COLUMN",
	  "created, id, image, names, runningfor, status or size",
	  .complete = "created|id|image|names|runningfor|status|size" },
	{ "watch", 'w', OPT_STR, O(watch), "SECONDS", "Show it again and again, after that time" },
	/* podman's: what other programs have in its store, and a database brought up to date */
	{ "external", 0, OPT_BOOL, O(ignored), NULL, NULL },
	{ "sync", 0, OPT_BOOL, O(ignored), NULL, NULL },
	OPT_END,
};
#undef O

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

struct ps {
	struct cli *c;
	const struct ps_opts *o;
	struct ps_filter f;
	bool shown;
	bool any;			/* also those that do not run */
};

/* Without its record: without -a only what runs. */
static bool state_is_shown(const struct ps *p, const struct view *v)
{
	return p->any || view_runs(v) || v->state == STATE_RESTARTING;
}

/* ---- rows ---- */

struct ps_row { struct json *v; int64_t created; uint64_t size; };

static int add_size(struct ps *p, const struct view *v, struct arena *a, struct ps_row *row,
		    struct err *e)
{
	char text[24];
	int r = usage_of_files(&p->c->en, v->r, &row->size, e);

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
		if (!ps_filter_match(&p->f, &v))
			continue;
		rows[n].v = view_row(a, &v, p->o->out.no_trunc);
		rows[n].created = ps_filter_created(v.r);
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
	p->any = p->o->all || p->o->last > 0 || filters_has(&p->f.f, "status") ||
		 filters_has(&p->f.f, "exited");
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
	uint32_t seconds = 0;
	int r;

	(void)argc;
	(void)argv;
	if (o->watch && (str_to_u32(o->watch, &seconds) < 0 || !seconds))
		return err_say(e, EINVAL, "--watch %s: expected seconds", o->watch);
	/* its few milliseconds come before those of who starts and stops many, unless it was told
	 * its place; without the right to, it has to wait */
	if (getpriority(PRIO_PROCESS, 0) == 0)
		setpriority(PRIO_PROCESS, 0, -20);
	if (o->latest)
		o->last = 1;
	else if (o->last <= 0)
		o->last = -1;
	/* Docker's rule: the last n of all */
	r = ps_filter_parse(&c->en, &o->filter, &p.f, e);
	for (bool again = true; r == 0 && again; again = seconds && fflush(stdout) == 0) {
		if (p.shown)
			sleep(seconds);
		if (seconds && output_screen())
			printf("\033[H\033[J");
		r = show(&p, e);
		p.shown = true;
	}
	filters_clear(&p.f.f);
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
