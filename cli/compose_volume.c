/*
 * compose_volume.c - volumes made with --opt type=, device=, o=: what mount(8) would mount so,
 * in place of the volume's folder.
 *
 * Each container mounts it for itself, so nothing of it is left on the host when it ends; one of
 * type tmpfs the first, and the others take that (join.h).
 */
#include <errno.h>

#include "cli/pairs.h"
#include "cli/run_opts.h"
#include "runtime/volume.h"

int compose_volume(struct compose *c, struct record_volume *v, const struct strlist *more,
		   bool readonly, struct err *e)
{
	AUTO(volume) struct volume *vol = NULL;
	AUTO(strlist) struct strlist options = STRLIST_INIT;
	struct err none = ERR_INIT;
	const char *type, *device, *o;
	int r = volume_load(c->in->en, v->name, &vol, &none);

	if (r == -ENOENT)	/* it is about to be made, as a plain one */
		return 0;
	if (r < 0) {
		*e = none;
		return r;
	}
	type = pairs_get(&vol->options, "type");
	device = pairs_get(&vol->options, "device");
	o = pairs_get(&vol->options, "o");
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
