/* image_use.c - see image_use.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cli/image_use.h"
#include "runtime/supervisor.h"

static char **copy_strv(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	char **out = mem_array(n + 1, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = mem_strdup(v[i]);
	return out;
}

static bool is_skipped(const struct image_use *u, const char *id)
{
	for (size_t i = 0; i < u->nskip; i++)
		if (str_eq(u->skip[i], id))
			return true;
	return false;
}

static void load(struct image_use *u)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct err why = ERR_INIT;

	u->loaded = true;
	if (record_list(u->en, &ids, &why) < 0) {
		strcpy(u->unknown, "(unknown)");
		return;
	}
	u->v = mem_array(ids.n + 1, sizeof(*u->v));
	for (size_t i = 0; i < ids.n; i++) {
		AUTO(record) struct record *r = NULL;
		struct image_use_row *row = &u->v[u->n];
		int rc;

		if (is_skipped(u, ids.v[i]))
			continue;
		rc = record_load(u->en, ids.v[i], &r, &why);
		if (rc < 0 && rc != -ENOENT)	/* else it goes at this moment */
			memcpy(u->unknown, ids.v[i], sizeof(u->unknown));
		if (rc < 0)
			continue;
		memcpy(row->id, ids.v[i], sizeof(row->id));
		row->image = mem_strdup(r->image_id ? r->image_id : "");
		row->layers = copy_strv(r->layers);
		row->runs = run_alive(u->en, ids.v[i]);
		u->n++;
	}
}

static bool has_layer(const struct image_use_row *row, const char *layer)
{
	for (char **l = row->layers; *l; l++)
		if (str_eq(*l, layer))
			return true;
	return false;
}

/* What `berth mount` shows is in use; with --force it is taken down. */
static bool is_mounted(const struct image_use *u, const char *digits)
{
	AUTO_CLOSE int view = engine_view_open(u->en, digits);

	if (view < 0 || !u->running_only)
		return view >= 0;
	engine_view_remove(u->en, digits);
	return false;
}

bool image_use_is(void *ctx, const char *id_or_layer, char who[static 65])
{
	struct image_use *u = ctx;
	bool image = str_starts(id_or_layer, "sha256:");

	if (!u->loaded)
		load(u);
	if (*u->unknown) {
		memcpy(who, u->unknown, sizeof(u->unknown));
		return true;
	}
	for (size_t i = 0; i < u->n; i++) {
		const struct image_use_row *row = &u->v[i];
		bool hit = image ? str_eq(row->image, id_or_layer) &&
					   (row->runs || !u->running_only)
				 : has_layer(row, id_or_layer);

		if (hit) {
			memcpy(who, row->id, sizeof(row->id));
			return true;
		}
	}
	*who = 0;
	return image && is_mounted(u, id_or_layer + strlen("sha256:"));
}

size_t image_use_count(struct image_use *u, const char *image_id)
{
	size_t n = 0;

	if (!u->loaded)
		load(u);
	for (size_t i = 0; i < u->n; i++)
		n += str_eq(u->v[i].image, image_id);
	return n;
}

int image_use_remove(const struct engine *en, const struct record *r, struct err *e)
{
	AUTO(image_use) struct image_use before = IMAGE_USE_INIT(en), use = IMAGE_USE_INIT(en);
	AUTO(image_removed) struct image_removed gone = { 0 };
	AUTO(store) struct store *s = NULL;
	AUTO(image) struct image *image = NULL;
	struct err one = ERR_INIT;
	char who[65];
	int rc;

	if (!*r->image)		/* made with --rootfs */
		return 0;
	if ((rc = store_open(en->root, &s, e)) < 0)
		return rc;
	rc = image_load(s, r->image, &image, &one);
	/* a name of several is taken away whoever uses the image, and may be another's by now */
	if (rc == 0 && (!str_eq(image->id, r->image_id) || image_use_is(&before, image->id, who)))
		return 0;
	if (rc == 0)
		rc = image_remove(s, r->image, false, image_use_is, &use, &gone, &one);
	if (rc == 0 || rc == -EBUSY || rc == -ENOENT)
		return 0;
	*e = one;
	return rc;
}

void image_use_cleanup(struct image_use *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].image);
		for (char **l = u->v[i].layers; *l; l++)
			free(*l);
		free(u->v[i].layers);
	}
	free(u->v);
}
