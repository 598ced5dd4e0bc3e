/* cmd_df.c - system df: what takes how much room. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "cli/image_use.h"
#include "cli/output.h"
#include "cli/prune.h"
#include "cli/usage.h"
#include "cli/view.h"
#include "runtime/volume.h"

struct df_opts { struct output_opts out; bool verbose; };

static const struct opt df_rows[] = {
	OUTPUT_OPT_FORMAT(struct df_opts, out, "'{{.Type}} {{.Size}}'"),
	{ "verbose", 'v', OPT_BOOL, offsetof(struct df_opts, verbose), NULL, "Each of them" },
	OPT_END,
};

static const struct output_column columns[] = {
	{ "TYPE", "{{.Type}}" }, { "TOTAL", "{{.TotalCount}}" }, { "ACTIVE", "{{.Active}}" },
	{ "SIZE", "{{.Size}}" }, { "RECLAIMABLE", "{{.Reclaimable}}" }, { NULL, NULL },
};
static const struct output_column headers[] = { { "TOTAL", "TotalCount" }, { NULL, NULL } };
static const struct output_column image_columns[] = {
	{ "REPOSITORY", "{{.Repository}}" }, { "TAG", "{{.Tag}}" }, { "IMAGE ID", "{{.ID}}" },
	{ "CREATED", "{{.CreatedSince}}" }, { "SIZE", "{{.Size}}" },
	{ "SHARED SIZE", "{{.SharedSize}}" }, { "UNIQUE SIZE", "{{.UniqueSize}}" },
	{ "CONTAINERS", "{{.Containers}}" }, { NULL, NULL },
};
static const struct output_column container_columns[] = {
	{ "CONTAINER ID", "{{.ID}}" }, { "IMAGE", "{{.Image}}" }, { "COMMAND", "{{.Command}}" },
	{ "LOCAL VOLUMES", "{{.LocalVolumes}}" }, { "SIZE", "{{.Size}}" }, { "LOGS", "{{.Logs}}" },
	{ "CREATED", "{{.RunningFor}}" }, { "STATUS", "{{.Status}}" }, { "NAMES", "{{.Names}}" },
	{ NULL, NULL },
};
static const struct output_column volume_columns[] = {
	{ "VOLUME NAME", "{{.Name}}" }, { "LINKS", "{{.Links}}" }, { "SIZE", "{{.Size}}" },
	{ NULL, NULL },
};

struct total { uint64_t n, active, bytes, reclaimable; };
struct df {
	struct cli *c;
	bool verbose;
	struct total images, containers, volumes, logs;
	struct output_list image_rows, container_rows, volume_rows;
};

/* ---- images: layers are counted once, however many images have them ---- */

struct layer { char *name; uint64_t size; unsigned images; bool active; };
struct layers { struct layer *v; size_t n; };

static struct layer *find_layer(struct layers *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

static int note_layers(struct df *d, struct layers *l, const struct image *i, bool active,
		       struct err *e)
{
	for (size_t k = 0; k < i->nlayers; k++) {
		struct layer *one = find_layer(l, i->layers[k]);
		AUTO_FREE char *path = mem_printf("store/layers/%s/fs", i->layers[k]);
		int r;

		if (!one) {
			l->v = mem_resize(l->v, l->n + 1, sizeof(*l->v));
			one = &l->v[l->n++];
			*one = (struct layer){ .name = mem_strdup(i->layers[k]) };
			if ((r = usage_of(d->c->en.root_fd, path, &one->size, e)) < 0)
				return r;
		}
		one->images++;
		one->active |= active;
	}
	return 0;
}

static void image_row(struct df *d, struct layers *l, const struct image_row *row,
		      const struct image *i, size_t users)
{
	struct arena *a = d->image_rows.a;
	struct json *v = value_object(a);
	struct err ignored = ERR_INIT;
	uint64_t shared = 0, unique = 0;
	char buf[REF_MAX], ago[48], size[24];
	struct ref ref;
	bool named = !str_empty(row->name) && ref_parse(row->name, &ref, &ignored) == 0;

	for (size_t k = 0; k < i->nlayers; k++) {
		const struct layer *one = find_layer(l, i->layers[k]);

		*(one->images > 1 ? &shared : &unique) += one->size;
	}
	value_put_str(a, v, "Repository", named ? ref_repository(&ref, buf) : "<none>");
	value_put_str(a, v, "Tag", named && ref.tag[0] ? ref.tag : "<none>");
	value_put(v, "ID", value_strn(a, row->id + strlen("sha256:"), 12));
	value_put_str(a, v, "CreatedSince", view_ago(view_seconds(row->created), view_now(), ago));
	value_put_str(a, v, "Size", view_size_text(shared + unique, size));
	value_put_str(a, v, "SharedSize", view_size_text(shared, size));
	value_put_str(a, v, "UniqueSize", view_size_text(unique, size));
	value_put(v, "Containers", value_u64(a, users));
	output_list_add(&d->image_rows, v);
}

static bool seen_before(const struct image_list *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(l->v[k].id, l->v[i].id))
			return true;
	return false;
}

static int walk_images(struct df *d, const struct store *s, const struct image_list *list,
		       struct layers *l, struct err *e)
{
	AUTO(image_use) struct image_use use = IMAGE_USE_INIT(&d->c->en);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t k = 0; k < list->n; k++) {
			AUTO(image) struct image *i = NULL;
			struct err gone = ERR_INIT;
			size_t users = image_use_count(&use, list->v[k].id);
			int r;

			if (image_load(s, list->v[k].id, &i, &gone) < 0)
				continue;
			if (pass == 1) {
				image_row(d, l, &list->v[k], i, users);
				continue;
			}
			if (seen_before(list, k))
				continue;
			d->images.n++;
			d->images.active += users > 0;
			if ((r = note_layers(d, l, i, users > 0, e)) < 0)
				return r;
		}
	}
	return 0;
}

static int images(struct df *d, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	AUTO(image_list) struct image_list *list = NULL;
	struct layers l = { .n = 0 };
	int r;

	if ((r = store_open(d->c->en.root, &s, e)) < 0 || (r = image_list(s, &list, e)) < 0)
		return r;
	r = walk_images(d, s, list, &l, e);
	for (size_t i = 0; i < l.n; i++) {
		d->images.bytes += l.v[i].size;
		d->images.reclaimable += l.v[i].active ? 0 : l.v[i].size;
		free(l.v[i].name);
	}
	free(l.v);
	return r;
}

/* ---- containers and their logs ---- */

static int container(struct df *d, const char *id, struct err *e)
{
	AUTO(view) struct view v = { .r = NULL };
	AUTO_FREE char *disk = mem_printf("%s/disk", id);
	struct err gone = ERR_INIT;
	uint64_t bytes, all, room;
	struct json *row;
	char size[24];
	int r;

	if (view_load(&d->c->en, id, &v, &gone) < 0)
		return 0;
	if ((r = usage_of_files(&d->c->en, v.r, &bytes, e)) < 0 ||
	    (r = usage_of(d->c->en.containers_fd, disk, &room, e)) < 0 ||
	    (r = usage_of(d->c->en.containers_fd, id, &all, e)) < 0)
		return r;
	if (!v.r->disk.bytes)
		room = bytes;
	all = all > room ? all - room : 0;	/* what is not the root file system: logs, mostly */
	d->containers.n++;
	d->containers.bytes += bytes;
	d->logs.n++;
	d->logs.bytes += all;
	if (view_runs(&v) || v.state == STATE_RESTARTING) {
		d->containers.active++;
		d->logs.active++;
	} else {
		d->containers.reclaimable += bytes;
		d->logs.reclaimable += all;
	}
	row = view_row(d->container_rows.a, &v, false);
	value_put_str(d->container_rows.a, row, "Size", view_size_text(bytes, size));
	value_put_str(d->container_rows.a, row, "Logs", view_size_text(all, size));
	output_list_add(&d->container_rows, row);
	return 0;
}

static int containers(struct df *d, struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r = record_list(&d->c->en, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = container(d, ids.v[i], e);
	return r;
}

/* ---- volumes ---- */

static int volumes(struct df *d, struct err *e)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(volume_use) struct volume_use use = VOLUME_USE_INIT;
	struct arena *a = d->volume_rows.a;
	int r = volume_list(&d->c->en, &names, e);

	if (r == 0)
		r = volume_use_load(&d->c->en, NULL, &use, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		size_t users = volume_use_count(&use, names.v[i], NULL);
		struct json *row;
		uint64_t bytes;
		char size[24];

		if ((r = usage_of_volume(&d->c->en, names.v[i], &bytes, e)) < 0)
			break;
		d->volumes.n++;
		d->volumes.active += users > 0;
		d->volumes.bytes += bytes;
		d->volumes.reclaimable += users ? 0 : bytes;
		row = value_object(a);
		value_put_str(a, row, "Name", names.v[i]);
		value_put(row, "Links", value_u64(a, users));
		value_put_str(a, row, "Size", view_size_text(bytes, size));
		output_list_add(&d->volume_rows, row);
	}
	return r;
}

/* ---- the whole ---- */

static struct json *total_row(struct arena *a, const char *type, const struct total *t)
{
	struct json *v = value_object(a);
	char size[24];

	value_put_str(a, v, "Type", type);
	value_put_str(a, v, "TotalCount", arena_printf(a, "%llu", (unsigned long long)t->n));
	value_put_str(a, v, "Active", arena_printf(a, "%llu", (unsigned long long)t->active));
	value_put_str(a, v, "Size", view_size_text(t->bytes, size));
	view_size_text(t->reclaimable, size);
	value_put_str(a, v, "Reclaimable", !t->bytes ? size :
		      arena_printf(a, "%s (%llu%%)", size,
				   (unsigned long long)(t->reclaimable * 100 / t->bytes)));
	return v;
}

static int print_totals(struct df *d, const struct output_opts *o, struct err *e)
{
	static const struct output out = { columns, headers, "{{.Type}}" };
	AUTO(output_list) struct output_list l;

	output_list_init(&l);
	output_list_add(&l, total_row(l.a, "Images", &d->images));
	output_list_add(&l, total_row(l.a, "Containers", &d->containers));
	output_list_add(&l, total_row(l.a, "Logs", &d->logs));
	output_list_add(&l, total_row(l.a, "Local Volumes", &d->volumes));
	return output_rows(&out, o, l.v, l.n, e);
}

static int print_each(struct df *d, struct err *e)
{
	const struct {
		const char *title;
		const struct output_column *columns;
		const struct output_list *list;
	} parts[] = {
		{ "Images", image_columns, &d->image_rows },
		{ "Containers", container_columns, &d->container_rows },
		{ "Local Volumes", volume_columns, &d->volume_rows },
	};
	static const struct output_opts plain = { .quiet = false };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct output out = { parts[i].columns, NULL, "" };
		int r;

		printf("%s%s space usage:\n\n", i ? "\n" : "", parts[i].title);
		r = output_rows(&out, &plain, parts[i].list->v, parts[i].list->n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* {{json .}} and templates of df -v see it as one. */
static int print_whole(struct df *d, const char *format, struct err *e)
{
	const struct { const char *key; const struct output_list *list; } parts[] = {
		{ "Images", &d->image_rows }, { "Containers", &d->container_rows },
		{ "Volumes", &d->volume_rows },
	};
	struct json *v = value_object(d->image_rows.a);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct json *list = value_put(v, parts[i].key, value_array(d->image_rows.a));

		for (size_t k = 0; k < parts[i].list->n; k++)
			value_push(list, parts[i].list->v[k]);
	}
	return output_value(format, v, e);
}

static int run_df(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct df_opts *o = opts;
	struct df d = { .c = c };
	int r;

	(void)argc;
	(void)argv;
	output_list_init(&d.image_rows);
	output_list_init(&d.container_rows);
	output_list_init(&d.volume_rows);
	if ((r = images(&d, e)) == 0 && (r = containers(&d, e)) == 0 && (r = volumes(&d, e)) == 0) {
		if (!o->verbose)
			r = print_totals(&d, &o->out, e);
		else
			r = o->out.format ? print_whole(&d, o->out.format, e) : print_each(&d, e);
	}
	output_list_cleanup(&d.image_rows);
	output_list_cleanup(&d.container_rows);
	output_list_cleanup(&d.volume_rows);
	return r;
}

/* clang-format off */
const struct command command_system_df = {
	.name = "system df", .args = "", .summary = "Show what takes how much room",
	.text = "Layers that several images have are counted once. Logs are what a container's folder\n"
		"holds beside its files.",
	.opts = df_rows, .size = sizeof(struct df_opts), .min = 0, .max = 0, .run = run_df,
};
/* clang-format on */
