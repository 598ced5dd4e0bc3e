/* cmd_images.c - images: what the store has. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "cli/filters.h"
#include "cli/image_use.h"
#include "cli/output.h"
#include "cli/view.h"

struct images_opts {
	bool all, digests;
	const char *sort;
	struct strlist filter;
	struct output_opts out;
};

#define O(f) offsetof(struct images_opts, f)
static const struct opt images_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "All of them (which is what is shown anyway)" },
	{ "digests", 0, OPT_BOOL, O(digests), NULL, "Also the digests of the manifests" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "reference, label, dangling, before, since, until", .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT(struct images_opts, out, "'table {{.ID}}\\t{{.Repository}}'"),
	OUTPUT_OPT_NO_TRUNC(struct images_opts, out),
	{ "noheading", 'n', OPT_BOOL, O(out.no_heading), NULL, "No head of the table" },
	OUTPUT_OPT_QUIET(struct images_opts, out, "ids"),
	{ "sort", 0, OPT_STR, O(sort), "COLUMN", "created, repository, tag, id or size",
	  .complete = "created|repository|tag|id|size" },
	OPT_END,
};
#undef O

static const char *const filter_keys[] = { "reference", "label", "dangling", "before", "since",
					   "until", "id", NULL };
static const struct output_column headers[] = {
	{ "IMAGE ID", "ID" }, { "CREATED", "CreatedSince" }, { NULL, NULL },
};
static const struct output_column columns[] = {
	{ "REPOSITORY", "{{.Repository}}" }, { "TAG", "{{.Tag}}" }, { "IMAGE ID", "{{.ID}}" },
	{ "CREATED", "{{.CreatedSince}}" }, { "SIZE", "{{.Size}}" }, { NULL, NULL },
};
static const struct output_column columns_digests[] = {
	{ "REPOSITORY", "{{.Repository}}" }, { "TAG", "{{.Tag}}" }, { "DIGEST", "{{.Digest}}" },
	{ "IMAGE ID", "{{.ID}}" }, { "CREATED", "{{.CreatedSince}}" }, { "SIZE", "{{.Size}}" },
	{ NULL, NULL },
};

struct images {
	struct cli *c;
	const struct images_opts *o;
	struct store *store;
	struct filters f;
	int64_t until, before, since;
	const char *pattern;		/* REPOSITORY[:TAG] argument, or NULL */
};

/* PATTERN of a repository, with tag or without; * does not cross a slash, as in Docker. */
static bool match_reference(const char *value, const void *ctx)
{
	const struct image_row *row = ctx;
	struct err ignored = ERR_INIT;
	char name[REF_MAX], repository[REF_MAX], full[REF_MAX];
	struct ref ref;

	if (str_empty(row->name) || ref_parse(row->name, &ref, &ignored) < 0)
		return false;
	ref_familiar(&ref, name);
	ref_repository(&ref, repository);
	ref_full(&ref, full);
	if (fnmatch(value, name, FNM_PATHNAME) == 0 ||
	    fnmatch(value, repository, FNM_PATHNAME) == 0 ||
	    fnmatch(value, full, FNM_PATHNAME) == 0)
		return true;
	/* a name as people type it: localhost/ may be left out, docker.io/ written */
	const char *local = str_after(name, "localhost/");
	struct ref want;

	if (local && (fnmatch(value, local, FNM_PATHNAME) == 0 ||
		      fnmatch(value, repository + strlen("localhost/"), FNM_PATHNAME) == 0))
		return true;
	if (strpbrk(value, "*?[") || ref_parse(value, &want, &ignored) < 0)
		return false;
	return str_eq(want.domain, ref.domain) && str_eq(want.path, ref.path) &&
	       (!strchr(path_base(value), ':') || str_eq(want.tag, ref.tag));
}

static bool is_shown(const struct images *m, const struct image_row *row)
{
	bool dangling = str_empty(row->name);
	int64_t made = view_seconds(row->created);

	if (!filters_match(&m->f, "dangling", filters_bool, &dangling) ||
	    !filters_match(&m->f, "reference", match_reference, row) ||
	    !filters_match(&m->f, "id", filters_prefix, row->id + strlen("sha256:")) ||
	    !filters_labels(&m->f, &row->labels))
		return false;
	if (made > m->until || (m->before && made >= m->before) ||
	    (m->since && made <= m->since))
		return false;
	return !m->pattern || match_reference(m->pattern, row);
}

static int made_when(struct images *m, const char *key, int64_t *ret, struct err *e)
{
	for (size_t i = 0; i < m->f.n; i++) {
		AUTO(image) struct image *image = NULL;
		int r;

		if (!str_eq(m->f.v[i].key, key))
			continue;
		if ((r = image_load(m->store, m->f.v[i].value, &image, e)) < 0)
			return r;
		*ret = view_seconds(image->created);
	}
	return 0;
}

static struct json *make_row(struct arena *a, const struct images *m, struct image_use *use,
			     const struct image_row *row)
{
	struct json *v = value_object(a);
	struct err ignored = ERR_INIT;
	char buf[REF_MAX], date[40], ago[48], size[24];
	bool no_trunc = m->o->out.no_trunc;
	struct ref ref;

	value_put(v, "ID", no_trunc ? value_str(a, row->id)
				    : value_strn(a, row->id + strlen("sha256:"), 12));
	if (!str_empty(row->name) && ref_parse(row->name, &ref, &ignored) == 0) {
		value_put_str(a, v, "Repository", ref_repository(&ref, buf));
		value_put_str(a, v, "Tag", ref.tag[0] ? ref.tag : "<none>");
	} else {
		value_put_str(a, v, "Repository", "<none>");
		value_put_str(a, v, "Tag", "<none>");
	}
	value_put_str(a, v, "Digest", str_empty(row->top) ? "<none>" : row->top);
	value_put_str(a, v, "CreatedSince", view_ago(view_seconds(row->created), view_now(), ago));
	value_put_str(a, v, "CreatedAt", view_date(row->created, date));
	value_put_str(a, v, "Size", view_size_text(row->size, size));
	value_put_str(a, v, "VirtualSize", view_size_text(row->size, size));
	value_put_str(a, v, "UniqueSize", "N/A");
	value_put_str(a, v, "SharedSize", "N/A");
	value_put(v, "Containers", value_str(a, arena_printf(a, "%zu",
		  image_use_count(use, row->id))));
	value_put_str(a, v, "Platform", arena_printf(a, "%s/%s%s%s", row->os, row->arch,
		      str_empty(row->variant) ? "" : "/", row->variant ? row->variant : ""));
	view_put_labels(a, v, &row->labels);
	return v;
}

/* ---- order ---- */

struct sorted { const struct image_row *row; struct json *v; };

static const char *const sort_keys[] = { "created", "repository", "tag", "id", "size", NULL };

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct sorted *x = a, *y = b;
	const char *key = ctx;

	if (str_eq(key, "size"))
		return x->row->size < y->row->size ? 1 : x->row->size > y->row->size ? -1 : 0;
	if (str_eq(key, "created"))
		return -strcmp(x->row->created ? x->row->created : "",
			       y->row->created ? y->row->created : "");
	key = str_eq(key, "repository") ? "Repository" : str_eq(key, "tag") ? "Tag" : "ID";
	return strcmp(json_str(json_get(x->v, key)), json_str(json_get(y->v, key)));
}

static int sort_rows(struct sorted *rows, size_t n, const char *key, struct err *e)
{
	bool known = false;

	if (!key)
		return 0;
	for (size_t i = 0; sort_keys[i]; i++)
		known |= str_eq(sort_keys[i], key);
	if (!known)
		return err_say(e, EINVAL,
			       "--sort %s: expected created, repository, tag, id or size", key);
	qsort_r(rows, n, sizeof(*rows), compare_rows, (void *)(uintptr_t)key);
	return 0;
}

static int show(struct images *m, struct err *e)
{
	struct output out = { m->o->digests ? columns_digests : columns, headers, "{{.ID}}" };
	AUTO(image_use) struct image_use use = IMAGE_USE_INIT(&m->c->en);
	AUTO(image_list) struct image_list *images = NULL;
	AUTO(output_list) struct output_list list;
	AUTO_FREE struct sorted *rows = NULL;
	size_t n = 0;
	int r;

	output_list_init(&list);
	if ((r = image_list(m->store, &images, e)) < 0)
		return r;
	rows = mem_array(images->n + 1, sizeof(*rows));
	for (size_t i = 0; i < images->n; i++)
		if (is_shown(m, &images->v[i])) {
			rows[n].row = &images->v[i];
			rows[n++].v = make_row(list.a, m, &use, &images->v[i]);
		}
	if ((r = sort_rows(rows, n, m->o->sort, e)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		output_list_add(&list, rows[i].v);
	return output_rows(&out, &m->o->out, list.v, list.n, e);
}

static int run_images(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct images_opts *o = opts;
	struct images m = { .c = c, .o = o, .pattern = argc ? argv[0] : NULL };
	AUTO(store) struct store *store = NULL;
	int r;

	if ((r = store_open(c->en.root, &store, e)) < 0)
		return r;
	m.store = store;
	if ((r = filters_parse(&o->filter, filter_keys, &m.f, e)) == 0 &&
	    (r = filters_check_bools(&m.f, "dangling", e)) == 0 &&
	    (r = filters_until(&m.f, &m.until, e)) == 0 &&
	    (r = made_when(&m, "before", &m.before, e)) == 0 &&
	    (r = made_when(&m, "since", &m.since, e)) == 0)
		r = show(&m, e);
	filters_clear(&m.f);
	return r;
}

/* clang-format off */
const struct command command_images = {
	.name = "images", .args = "[REPOSITORY[:TAG]]", .summary = "List images",
	.opts = images_rows, .size = sizeof(struct images_opts), .min = 0, .max = 1,
	.complete = "image", .run = run_images,
};
/* clang-format on */
