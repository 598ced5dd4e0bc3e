/* prune.c - see prune.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/prune.h"
#include "cli/usage.h"
#include "cli/view.h"
#include "netns/net.h"
#include "runtime/volume.h"

void pruned_cleanup(struct pruned *p)
{
	strlist_cleanup(&p->containers);
	strlist_cleanup(&p->untagged);
	strlist_cleanup(&p->deleted);
	strlist_cleanup(&p->volumes);
	strlist_cleanup(&p->networks);
}

static int parse(const struct prune_opts *o, const char *const *keys, struct filters *f,
		 int64_t *until, struct err *e)
{
	int r = filters_parse(&o->filter, keys, f, e);

	return r < 0 ? r : filters_until(f, until, e);
}

static bool has_all(const struct prune_opts *o, const struct filters *f)
{
	const bool yes = true;

	return o->all || (filters_has(f, "all") && filters_match(f, "all", filters_bool, &yes));
}

/* One does not go: the others do. */
static void stays(struct pruned *p, const struct err *why)
{
	log_error(why);
	p->status = why->status ? why->status : ERR_STATUS_ENGINE;
}

/* ---- containers ---- */

static int prune_one(struct cli *c, const struct prune_opts *o, const struct view *v,
		     struct pruned *p, struct err *e)
{
	uint64_t bytes = 0;
	struct err busy = ERR_INIT;
	int r = usage_of(c->en.containers_fd, v->id, &bytes, e);

	if (r == 0 && !o->dry_run) {
		r = connect_remove(c, v->id, false, false, &busy);
		if (r == -EBUSY)	/* somebody starts or removes it at this moment */
			return 0;
		if (r < 0)
			*e = busy;
	}
	if (r < 0)
		return r;
	strlist_add(&p->containers, v->id);
	p->bytes += bytes;
	return 0;
}

int prune_containers(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e)
{
	static const char *const keys[] = { "until", "label", NULL };
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int64_t until;
	int r;

	if ((r = parse(o, keys, &f, &until, e)) < 0 || (r = record_list(&c->en, &ids, e)) < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++) {
		AUTO(view) struct view v = { .r = NULL };
		struct err unreadable = ERR_INIT, one = ERR_INIT;

		if (view_load(&c->en, ids.v[i], &v, &unreadable) < 0)
			continue;
		if (v.state != STATE_EXITED && v.state != STATE_CREATED)
			continue;
		if (!filters_labels(&f, &v.r->labels) || view_seconds(v.r->created) > until)
			continue;
		if (prune_one(c, o, &v, p, &one) < 0)
			stays(p, &one);
	}
	return 0;
}

/* ---- images ---- */

int prune_images(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e)
{
	static const char *const keys[] = { "until", "label", "dangling", NULL };
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist texts = STRLIST_INIT;
	AUTO(store) struct store *s = NULL;
	AUTO(image_use) struct image_use use = IMAGE_USE_INIT(&c->en);
	struct image_pruned gone = { STRLIST_INIT, STRLIST_INIT, 0 };
	bool all = o->all, dangling = true;
	int64_t until;
	int r = parse(o, keys, &f, &until, e);

	if (r < 0 || (r = filters_check_bools(&f, "dangling", e)) < 0 ||
	    (r = store_open(c->en.root, &s, e)) < 0)
		return r;
	if (filters_has(&f, "dangling"))
		all = !filters_match(&f, "dangling", filters_bool, &dangling);
	for (size_t i = 0; i < o->filter.n; i++)
		if (!str_starts(o->filter.v[i], "dangling="))
			strlist_add(&texts, o->filter.v[i]);
	use.skip = p->containers.v;
	use.nskip = p->containers.n;
	r = image_prune(s, all, o->dry_run, texts.n ? texts.v : NULL, image_use_is, &use, &gone, e);
	for (size_t i = 0; r == 0 && i < gone.untagged.n; i++)
		strlist_add(&p->untagged, gone.untagged.v[i]);
	for (size_t i = 0; r == 0 && i < gone.deleted.n; i++)
		strlist_add(&p->deleted, gone.deleted.v[i]);
	p->bytes += gone.bytes;
	image_pruned_cleanup(&gone);
	return r;
}

/* ---- volumes ---- */

int volume_use_load(const struct engine *en, const struct strlist *except, struct volume_use *ret,
		    struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r = record_list(en, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		AUTO(record) struct record *rec = NULL;
		struct err unreadable = ERR_INIT;

		if (except && strlist_has(except, ids.v[i]))
			continue;
		if (record_load(en, ids.v[i], &rec, &unreadable) < 0) {
			if (unreadable.code != ENOENT)	/* that one goes at this moment */
				ret->unknown = unreadable;
			continue;
		}
		for (size_t k = 0; k < rec->nvolumes; k++)
			if (rec->volumes[k].name) {
				strlist_add(&ret->volumes, rec->volumes[k].name);
				strlist_add(&ret->containers, rec->name);
			}
	}
	return r;
}

int volume_use_known(const struct volume_use *u, struct err *e)
{
	if (u->unknown.code)
		*e = u->unknown;
	return -u->unknown.code;
}

void volume_use_cleanup(struct volume_use *u)
{
	strlist_cleanup(&u->volumes);
	strlist_cleanup(&u->containers);
}

size_t volume_use_count(const struct volume_use *u, const char *volume, const char **ret_first)
{
	const char *last = NULL;
	size_t n = 0;

	if (ret_first)
		*ret_first = NULL;
	for (size_t i = 0; i < u->volumes.n; i++) {
		/* a container may have it at two places; its rows stand together */
		if (!str_eq(u->volumes.v[i], volume) || str_eq(u->containers.v[i], last))
			continue;
		last = u->containers.v[i];
		if (n++ == 0 && ret_first)
			*ret_first = last;
	}
	return n;
}

static int prune_volume(struct cli *c, const struct prune_opts *o, const struct filters *f,
			const char *name, struct pruned *p, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	struct err unreadable = ERR_INIT;
	uint64_t bytes;
	int r;

	if (volume_load(&c->en, name, &v, &unreadable) < 0 ||
	    (!has_all(o, f) && !v->anonymous) || !filters_labels(f, &v->labels))
		return 0;
	if ((r = usage_of_volume(&c->en, name, &bytes, e)) < 0 ||
	    (!o->dry_run && (r = volume_remove(&c->en, name, e)) < 0))
		return r;
	strlist_add(&p->volumes, name);
	p->bytes += bytes;
	return 0;
}

int prune_volumes(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e)
{
	static const char *const keys[] = { "label", "all", "until", NULL };
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(volume_use) struct volume_use use = VOLUME_USE_INIT;
	AUTO_CLOSE int lock = -1;
	int64_t until;
	int r;

	if ((r = parse(o, keys, &f, &until, e)) < 0 ||
	    (r = filters_check_bools(&f, "all", e)) < 0 ||
	    (r = volume_lock(&c->en, &lock, e)) < 0 ||
	    (r = volume_list(&c->en, &names, e)) < 0 ||
	    (r = volume_use_load(&c->en, &p->containers, &use, e)) < 0 ||
	    (r = volume_use_known(&use, e)) < 0)
		return r;
	if (filters_has(&f, "until"))
		return err_say(e, EINVAL, "--filter until: volumes have no such filter");
	for (size_t i = 0; i < names.n; i++) {
		struct err one = ERR_INIT;

		if (volume_use_count(&use, names.v[i], NULL) == 0 &&
		    prune_volume(c, o, &f, names.v[i], p, &one) < 0)
			stays(p, &one);
	}
	return 0;
}

/* ---- networks ---- */

/* By a container that does not run, too: it would not start any more. */
static int record_networks(struct cli *c, const struct strlist *except, struct strlist *ret,
			   struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r = record_list(&c->en, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct view v = { .r = NULL };
		struct err unreadable = ERR_INIT;

		if (strlist_has(except, ids.v[i]) ||
		    record_load(&c->en, ids.v[i], &v.r, &unreadable) < 0)
			continue;
		view_networks(&v, ret);
		view_clear(&v);
	}
	return r;
}

int prune_networks(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e)
{
	static const char *const keys[] = { "until", "label", NULL };
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist used = STRLIST_INIT;
	struct net_network *all;
	int64_t until;
	size_t n;
	int r;

	if ((r = parse(o, keys, &f, &until, e)) < 0 ||
	    (r = record_networks(c, &p->containers, &used, e)) < 0 ||
	    (r = net_network_list(&paths, a, &all, &n, e)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct net_network *w = &all[i];
		struct err busy = ERR_INIT;

		if (str_eq(w->name, NET_NAME_DEFAULT) || strlist_has(&used, w->name) ||
		    !filters_labels(&f, &w->labels) || view_seconds(w->created) > until)
			continue;
		r = o->dry_run ? 0 : net_network_remove(&paths, w->name, &busy);
		if (r == 0)
			strlist_add(&p->networks, w->name);
		else if (r != -EBUSY && r != -ENOENT)
			stays(p, &busy);
	}
	return 0;
}
