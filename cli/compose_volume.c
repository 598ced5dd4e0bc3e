/*
 * compose_volume.c - volumes made with --opt type=, device=, o=: what mount(8) would mount so,
 * in place of the volume's folder.
 *
 * Each container mounts it for itself, so nothing of it is left on the host when it ends; one of
 * type tmpfs the first, and the others take that (join.h).  Without those the volume is ours: a
 * folder, or with size a disk.
 */
#include <errno.h>

#include "cli/pairs.h"
#include "cli/run_opts.h"
#include "runtime/volume.h"

static bool one_of(const char *const *v, const char *key)
{
	while (*v && !str_eq(*v, key))
		v++;
	return *v;
}

static int check_options(const struct json_map *m, struct err *e)
{
	static const char *const of_mount[] = { "type", "device", "o", NULL };
	static const char *const of_ours[] = { "size", "inodes", "uid", "gid", NULL };
	const char *typed = NULL, *own = NULL;
	struct disk_size disk;
	uint32_t id;

	for (size_t i = 0; i < m->n; i++) {
		const char *key = m->v[i].key;

		if (one_of(of_mount, key))
			typed = key;
		else if (one_of(of_ours, key))
			own = key;
		else
			return err_say(e, EINVAL, "--opt %s: unknown; there are size, inodes, uid, "
				       "gid, type, device and o", key);
		if (str_ends(key, "id") && str_to_u32(m->v[i].value, &id) < 0)
			return err_say(e, EINVAL, "--opt %s=%s: expected a number", key,
				       m->v[i].value);
	}
	if (volume_disk_size(m, &disk, e) < 0)
		return err_wrap(e, "--opt");
	if (own && typed)
		return err_say(e, EINVAL, "--opt %s: a volume of ours has one, without type, "
			       "device and o", own);
	if (typed && (!pairs_get(m, "type") || !pairs_get(m, "device")))
		return err_say(e, EINVAL, "--opt: type and device belong together");
	return 0;
}

/* podman's o=size=…,inodes=…,uid=…,gid=… without a type is the same as each by itself. */
int compose_volume_options(struct arena *a, const struct strlist *given, struct json_map *ret,
			   struct err *e)
{
	AUTO(strlist) struct strlist all = STRLIST_INIT;
	bool typed = false;
	int r;

	for (size_t i = 0; i < given->n; i++)
		typed |= str_starts(given->v[i], "type=") || str_starts(given->v[i], "device=");
	for (size_t i = 0; i < given->n; i++) {
		const char *own = typed ? NULL : str_after(given->v[i], "o=");

		if (own)
			strlist_split(&all, own, ',', true);
		else
			strlist_add(&all, given->v[i]);
	}
	r = pairs_parse(a, &all, "--opt", ret, e);
	return r < 0 ? r : check_options(ret, e);
}

int compose_volume(struct compose *c, struct record_volume *v, const struct strlist *more,
		   bool readonly, struct err *e)
{
	AUTO(volume) struct volume *vol = NULL;
	AUTO(strlist) struct strlist options = STRLIST_INIT;
	const struct json_map *how = &v->driver_options;	/* when it is yet to be made */
	struct err none = ERR_INIT;
	const char *type, *device, *o;
	int r = volume_load(c->in->en, v->name, &vol, &none);

	if (r < 0 && r != -ENOENT) {
		*e = none;
		return r;
	}
	if (vol && how->n && !pairs_same(how, &vol->options))
		return err_say(e, EEXIST, "volume %s exists already, with other options", v->name);
	if (vol)
		how = &vol->options;
	type = pairs_get(how, "type");
	device = pairs_get(how, "device");
	o = pairs_get(how, "o");
	if (!type || !device)
		return 0;
	if (v->subpath)
		return err_say(e, EINVAL, "volume %s: one of type %s has no subpath", v->name,
			       type);
	if (o)
		strlist_split(&options, o, ',', true);
	for (size_t i = 0; i < more->n; i++)
		strlist_add(&options, more->v[i]);
	if (readonly)
		strlist_add(&options, "ro");
	v->nocopy = true;
	v->options = compose_strv(c->a, &options);
	if (str_eq(type, "none"))
		type = "bind";
	if (!compose_add_mount(c, v->destination, arena_strdup(c->a, type),
			       arena_strdup(c->a, device), v->options, e))
		return err_wrap(e, "volume %s", v->name);
	return 1;
}
