/*
 * compose_mounts.c - the mounts that people ask for with -v, --mount, --tmpfs, --volumes-from, and
 * those that images name.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/mount_want.h"
#include "cli/pairs.h"
#include "cli/run_opts.h"
#include "runtime/volume.h"

struct spec_mount *compose_add_mount(struct compose *c, const char *dst, const char *type,
				     const char *src, char *const *options, struct err *e)
{
	struct spec_mount *m;

	if (c->s->nmounts == c->mounts_cap) {
		size_t cap = c->mounts_cap ? c->mounts_cap * 2 : 32;
		struct spec_mount *v;

		if (cap < c->s->nmounts + 16)
			cap = c->s->nmounts + 16;
		v = arena_array(c->a, cap, sizeof(*v));
		if (c->s->nmounts)
			memcpy(v, c->s->mounts, c->s->nmounts * sizeof(*v));
		c->s->mounts = v;
		c->mounts_cap = cap;
	}
	m = &c->s->mounts[c->s->nmounts];
	memset(m, 0, sizeof(*m));
	m->destination = arena_strdup(c->a, dst);
	m->type = arena_strdup(c->a, type);
	m->source = arena_strdup(c->a, src);
	m->options = arena_strv(c->a, options);
	if (spec_mount_options(c->a, m, m->options, e) < 0)
		return NULL;
	c->s->nmounts++;
	return m;
}

static struct record_volume *add_volume(struct compose *c)
{
	struct record_volume *v;

	if (c->r->nvolumes == c->volumes_cap) {
		c->volumes_cap = c->volumes_cap ? c->volumes_cap * 2 : 16;
		v = arena_array(c->a, c->volumes_cap, sizeof(*v));
		if (c->r->nvolumes)
			memcpy(v, c->r->volumes, c->r->nvolumes * sizeof(*v));
		c->r->volumes = v;
	}
	v = &c->r->volumes[c->r->nvolumes++];
	memset(v, 0, sizeof(*v));
	return v;
}

bool compose_has_volume(const struct compose *c, const char *dst)
{
	for (size_t i = 0; i < c->r->nvolumes; i++)
		if (str_eq(c->r->volumes[i].destination, dst))
			return true;
	return false;
}

/* A folder that is to be made: where it will be. */
static char *not_there(const char *source)
{
	AUTO_FREE char *here = source[0] == '/' ? mem_strdup("/") : getcwd(NULL, 0);
	AUTO_FREE char *path = here ? path_join(here, source) : NULL;

	return path ? path_clean(path) : NULL;
}

static int volume_source(struct compose *c, struct mount_want *w, struct record_volume *v,
			 struct err *e)
{
	AUTO_FREE char *real = NULL;

	if (str_eq(w->type, "image")) {	/* the birth mounts it in place of this source */
		v->name = v->source = arena_strdup(c->a, w->source);
		return 0;
	}
	if (str_eq(w->type, "bind")) {
		real = realpath(w->source, NULL);
		if (!real && errno != ENOENT)
			return err_set(e, errno, "%s: %s", w->option, w->source);
		if (!real && (w->source[0] == '/' || w->source[0] == '.'))
			real = not_there(w->source);
		if (!real)
			return err_set(e, ENOENT, "%s: %s", w->option, w->source);
		v->source = arena_strdup(c->a, real);
		return 0;
	}
	if (str_empty(w->source)) {
		char hex[65];

		str_random_hex(hex, 64);
		v->name = arena_strdup(c->a, hex);
		v->anonymous = true;
	} else {
		if (volume_name_check(w->source, e) < 0)
			return err_wrap(e, "%s", w->option);
		v->name = arena_strdup(c->a, w->source);
	}
	v->source = arena_printf(c->a, "%s/volumes/%s/_data%s%s", c->in->en->root, v->name,
				 w->subpath ? "/" : "", w->subpath ? w->subpath : "");
	return 0;
}

/* :O, what is written goes into a folder of the container's, which the next start empties. */
static int add_overlay(struct compose *c, struct mount_want *w, struct record_volume *v,
		       struct err *e)
{
	char *own = arena_printf(c->a, "%s/containers/%s/over-%zu", c->in->en->root, c->in->id,
				 c->r->nvolumes - 1);
	char *options[] = { arena_printf(c->a, "lowerdir=%s", v->source),
			    arena_printf(c->a, "upperdir=%s/upper", own),
			    arena_printf(c->a, "workdir=%s/work", own), NULL };

	if (str_eq(w->type, "image") || strpbrk(v->source, ":\\") || w->options.n || w->readonly ||
	    w->chown || w->subpath)
		return err_say(e, EINVAL, "%s: O stands alone, with a folder or a volume whose "
			       "path has no colon or backslash", w->option);
	v->overlay = true;
	v->nocopy = true;
	v->options = arena_strv(c->a, options);
	if (!compose_add_mount(c, v->destination, "overlay", "overlay", v->options, e))
		return err_wrap(e, "%s", w->option);
	return 0;
}

static int destination(struct compose *c, const struct mount_want *w, char **ret, struct err *e)
{
	AUTO_FREE char *dst = w->destination ? path_clean(w->destination) : NULL;

	if (!dst || w->destination[0] != '/')
		return err_say(e, EINVAL, "%s: the path in the container must be absolute",
			       w->option);
	if (str_eq(dst, "/"))
		return err_say(e, EINVAL, "%s: the root itself cannot be mounted over", w->option);
	if (compose_has_volume(c, dst))
		return err_say(e, EINVAL, "%s: %s is mounted twice", w->option, dst);
	*ret = TAKE(dst);
	return 0;
}

static int add_want(struct compose *c, struct mount_want *w, struct err *e)
{
	AUTO_FREE char *dst = NULL;
	struct record_volume *v;
	struct spec_mount *m;
	bool tmpfs = str_eq(w->type, "tmpfs");

	if (destination(c, w, &dst, e) < 0)
		return -EINVAL;
	if (w->subpath && !str_eq(w->type, "volume"))
		return err_say(e, EINVAL, "%s: subpath is a volume's", w->option);
	v = add_volume(c);
	v->type = arena_strdup(c->a, w->type);
	v->destination = arena_strdup(c->a, dst);
	v->nocopy = w->nocopy;
	v->chown = w->chown;
	v->idmap = w->idmap;
	if (w->idmap && (w->overlay || (!str_eq(w->type, "bind") && !str_eq(w->type, "volume"))))
		return err_say(e, EINVAL, "%s: idmap is for folders and volumes", w->option);
	v->subpath = arena_strdup(c->a, w->subpath);
	if (!tmpfs && volume_source(c, w, v, e) < 0)
		return -e->code;
	if (w->overlay)
		return add_overlay(c, w, v, e);
	if (str_eq(w->type, "volume")) {
		int r = pairs_parse(c->a, &w->volume_labels, "volume-label", &v->labels, e);

		if (r < 0 || (r = compose_volume_options(c->a, &w->volume_opts, &v->driver_options,
							 e)) < 0)
			return err_wrap(e, "%s", w->option);
		if ((r = compose_volume(c, v, &w->options, w->readonly, e)) != 0)
			return r < 0 ? r : 0;
	} else if (w->volume_opts.n || w->volume_labels.n) {
		return err_say(e, EINVAL, "%s: volume-opt and volume-label are for volumes",
			       w->option);
	}
	if (tmpfs) {
		static const char *const defaults[] = { "nosuid", "nodev", "noexec" };

		for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
			if (!strlist_has(&w->options, defaults[i] + 2))
				strlist_add(&w->options, defaults[i]);
		v->source = NULL;
	} else {
		bool propagation = false;

		for (size_t i = 0; i < w->options.n; i++)
			propagation |= str_ends(w->options.v[i], "shared") ||
				       str_ends(w->options.v[i], "slave") ||
				       str_ends(w->options.v[i], "private");
		if (!strlist_has(&w->options, "bind"))
			strlist_add(&w->options, "rbind");
		if (!propagation)
			strlist_add(&w->options, "rprivate");
	}
	if (w->readonly)
		strlist_add(&w->options, "ro");
	v->options = compose_strv(c->a, &w->options);
	m = compose_add_mount(c, dst, tmpfs ? "tmpfs" : "bind", tmpfs ? "tmpfs" : v->source,
			      v->options, e);
	if (!m)
		return err_wrap(e, "%s", w->option);
	if (!tmpfs && m->data && m->data[0])
		return err_say(e, EINVAL, "%s: unknown option %s", w->option, m->data[0]);
	return 0;
}

/* What is no volume of any kind: a file system of the container's own. */
static int add_fs(struct compose *c, struct mount_want *w, struct err *e)
{
	static const char *const devpts[] = { "nosuid", "noexec", "newinstance", "ptmxmode=0666" };
	static const char *const ramfs[] = { "nosuid", "nodev", "noexec" };
	bool pts = str_eq(w->type, "devpts");
	AUTO_FREE char *dst = NULL;

	if (destination(c, w, &dst, e) < 0)
		return -EINVAL;
	if (w->source || w->subpath || w->nocopy || w->chown || w->idmap)
		return err_say(e, EINVAL, "%s: %s has no source", w->option, w->type);
	for (size_t i = 0; !pts && i < w->options.n; i++)
		if (str_starts(w->options.v[i], "size="))
			return err_say(e, EINVAL, "%s: a ramfs knows no size; a tmpfs does",
				       w->option);
	for (size_t i = 0; pts && i < ARRAY_SIZE(devpts); i++)
		strlist_add(&w->options, devpts[i]);
	for (size_t i = 0; !pts && i < ARRAY_SIZE(ramfs); i++)
		if (!strlist_has(&w->options, ramfs[i] + 2))
			strlist_add(&w->options, ramfs[i]);
	if (w->readonly)
		strlist_add(&w->options, "ro");
	if (!compose_add_mount(c, dst, w->type, w->type, w->options.v, e))
		return err_wrap(e, "%s", w->option);
	return 0;
}

/* Each file of the host that the pattern matches now, at its own path or in the folder given. */
static int add_glob(struct compose *c, const struct mount_want *w, struct err *e)
{
	glob_t found = { .gl_pathc = 0 };
	int r = 0;

	if (glob(w->source, GLOB_ERR, NULL, &found) != 0)
		r = err_say(e, ENOENT, "%s: no file matches %s", w->option, w->source);
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
		struct mount_want one = *w;
		AUTO_FREE char *dst = w->destination ? path_join(w->destination,
								 path_base(found.gl_pathv[i]))
						     : mem_strdup(found.gl_pathv[i]);

		one.type = "bind";
		one.source = found.gl_pathv[i];
		one.destination = dst;
		one.options = (struct strlist)STRLIST_INIT;
		for (size_t k = 0; k < w->options.n; k++)
			strlist_add(&one.options, w->options.v[k]);
		r = add_want(c, &one, e);
		strlist_cleanup(&one.options);
	}
	globfree(&found);
	return r;
}

static int add_by_type(struct compose *c, struct mount_want *w, struct err *e)
{
	bool image = str_eq(w->type, "image"), bind = str_eq(w->type, "bind");

	if (str_eq(w->type, "devpts") || str_eq(w->type, "ramfs"))
		return add_fs(c, w, e);
	if ((image || bind || str_eq(w->type, "glob")) && str_empty(w->source))
		return err_say(e, EINVAL, "%s: source%s is missing", w->option,
			       image ? ", the image," : "");
	if (str_eq(w->type, "glob"))
		return add_glob(c, w, e);
	if (bind && access(w->source, F_OK) < 0)
		return err_set(e, errno, "%s: %s", w->option, w->source);
	if (!image && !bind && !str_eq(w->type, "volume") && !str_eq(w->type, "tmpfs"))
		return err_say(e, EINVAL, "%s: type must be bind, glob, volume, tmpfs, ramfs, "
			       "devpts or image", w->option);
	w->readonly |= image;
	return add_want(c, w, e);
}

static int volume_option(struct compose *c, const char *text, struct err *e)
{
	AUTO(mount_want) struct mount_want w = { 0 };

	return mount_want_volume(&w, text, e) < 0 ? -e->code : add_want(c, &w, e);
}

static int mount_option(struct compose *c, const char *text, struct err *e)
{
	AUTO(mount_want) struct mount_want w = { 0 };

	return mount_want_mount(&w, text, e) < 0 ? -e->code : add_by_type(c, &w, e);
}

static int tmpfs_option(struct compose *c, const char *text, struct err *e)
{
	AUTO(mount_want) struct mount_want w = { 0 };

	mount_want_tmpfs(&w, text);
	return add_want(c, &w, e);
}

static int volumes_from(struct compose *c, const char *text, struct err *e)
{
	AUTO_FREE char *name = mem_strdup(text);
	char *colon = strchr(name, ':');
	AUTO(strlist) struct strlist how = STRLIST_INIT;
	AUTO(record) struct record *r = NULL;
	char id[65];
	int rc;

	if (colon)
		*colon++ = 0;
	strlist_split(&how, colon ? colon : "", ',', true);
	for (size_t i = 0; i < how.n; i++)
		if (!str_eq(how.v[i], "ro") && !str_eq(how.v[i], "rw") && !str_eq(how.v[i], "z"))
			return err_say(e, EINVAL, "--volumes-from %s: expected CONTAINER[:ro|rw]",
				       text);
	if ((rc = record_find(c->in->en, name, id, e)) < 0 ||
	    (rc = record_load(c->in->en, id, &r, e)) < 0)
		return err_wrap(e, "--volumes-from");
	for (size_t i = 0; i < r->nvolumes; i++) {
		const struct record_volume *v = &r->volumes[i];
		struct mount_want w = { .type = v->type, .source = v->name ? v->name : v->source,
				  .destination = v->destination, .subpath = v->subpath,
				  .nocopy = true, .readonly = strlist_has(&how, "ro"),
				  .idmap = v->idmap, .option = text };

		if (str_eq(v->type, "tmpfs") || v->overlay || compose_has_volume(c, v->destination))
			continue;
		for (char **o = v->options; *o; o++)
			strlist_add(&w.options, *o);
		rc = add_want(c, &w, e);
		strlist_cleanup(&w.options);
		if (rc < 0)
			return rc;
		/* it goes with the last one that has it */
		c->r->volumes[c->r->nvolumes - 1].anonymous = v->anonymous;
	}
	return 0;
}

static int image_volumes(struct compose *c, struct err *e)
{
	const char *kind = c->o->image_volume;

	if (str_eq(kind, "ignore"))
		return 0;
	if (kind && !str_eq(kind, "anonymous") && !str_eq(kind, "bind") && !str_eq(kind, "tmpfs"))
		return err_say(e, EINVAL, "--image-volume %s: expected anonymous, tmpfs or ignore",
			       kind);
	for (char **p = c->image->volumes; *p; p++) {
		AUTO_FREE char *dst = path_clean(*p);
		struct mount_want w = { .type = str_eq(kind, "tmpfs") ? "tmpfs" : "volume",
				  .destination = dst,
				  .option = "volume of the image" };
		int r;

		if (compose_has_volume(c, dst) || str_eq(dst, "/"))
			continue;
		r = add_want(c, &w, e);
		strlist_cleanup(&w.options);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* A mount that lies in another comes after it; else the order stays. */
static void sort_by_depth(struct spec_mount *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct spec_mount m = v[i];
		size_t k = i;

		for (; k > 0 && depth(v[k - 1].destination) > depth(m.destination); k--)
			v[k] = v[k - 1];
		v[k] = m;
	}
}

static int each(struct compose *c, const struct strlist *l,
		int (*fn)(struct compose *c, const char *text, struct err *e), struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = fn(c, l->v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

int compose_mounts(struct compose *c, struct err *e)
{
	const char *driver = c->o->volume_driver;
	size_t first;
	int r = compose_own_first(c, e);

	if (r == 0 && driver && !str_eq(driver, "local"))
		return err_say(e, EINVAL, "--volume-driver %s: local is the only one", driver);
	first = c->s->nmounts;
	if (r < 0 || (r = each(c, &c->o->volume, volume_option, e)) < 0 ||
	    (r = each(c, &c->o->mount, mount_option, e)) < 0 ||
	    (r = each(c, &c->o->tmpfs, tmpfs_option, e)) < 0 ||
	    (r = each(c, &c->o->volumes_from, volumes_from, e)) < 0 ||
	    (r = image_volumes(c, e)) < 0 || (r = compose_init_mounts(c, e)) < 0 ||
	    (r = compose_read_only_tmpfs(c, e)) < 0 ||
	    (r = compose_cdi_mounts(c, first, e)) < 0)
		return r;
	sort_by_depth(c->s->mounts + first, c->s->nmounts - first);
	return compose_own_last(c, e);
}
