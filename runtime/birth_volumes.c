/*
 * birth_volumes.c - see birth_volumes.h.  Runs in: host.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/tree.h"
#include "runtime/birth_volumes.h"
#include "runtime/userns.h"
#include "runtime/volume.h"

void birth_map_root(const struct spec *s, int userns, struct overlay_opts *o)
{
	o->userns_fd = userns;
	o->uid = userns_uid(s, 0);
	o->gid = userns_gid(s, 0);
}

/* :U, what is mounted belongs to the container's user. */
static int give_to_user(const struct fill *b, const struct record_volume *v, int dir, struct err *e)
{
	const struct spec_user *u = &b->spec->process.user;

	return tree_chown(dir, userns_uid(b->spec, u->uid), userns_gid(b->spec, u->gid), e) < 0 ?
		       err_wrap(e, "%s", v->source) :
		       0;
}

/* A volume that nobody has used yet: its first container's root could not write to root's. */
static int give_new(const struct fill *b, const struct record_volume *v, int dir, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "look at %s", v->source);
	return st.st_uid == 0 && tree_is_empty(dir, NULL) ? userns_give(b->spec, dir, ".", e) : 0;
}

/* :idmap, in a user namespace as that maps; else the folder's owner is the container's user. */
static int map_volume(const struct fill *b, const struct record_volume *v, int dir, struct err *e)
{
	char link[32];
	const char *source = dir >= 0 ? path_of_fd(dir, link) : v->source;

	for (size_t k = 0; k < b->spec->nmounts; k++) {
		struct spec_mount *m = &b->spec->mounts[k];
		int r;

		if (!str_eq(m->destination, v->destination))
			continue;
		m->flags |= SPEC_MOUNT_IDMAP;
		r = b->userns >= 0 ?
			    0 :
			    volume_idmap(source, &b->spec->process.user, b->spec->arena, m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* :O in a user namespace: mounted here, where its directories may be id-mapped, as the root. */
static int mount_mapped(const struct fill *b, const struct record_volume *v, int below, int upper,
			int work, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	AUTO_CLOSE int tree = -1;
	int r;

	o.below_fd = below;
	o.upper_fd = upper;
	o.work_fd = work;
	birth_map_root(b->spec, b->userns, &o);
	if ((r = store_open(b->en->root, &store, e)) < 0 ||
	    (r = overlay_mount(store, &o, &tree, e)) < 0)
		return err_wrap(e, "%s", v->destination);
	for (size_t i = 0; i < b->spec->nmounts; i++)
		if (str_eq(b->spec->mounts[i].destination, v->destination)) {
			b->spec->mounts[i].flags |= SPEC_MOUNT_BIND;
			b->spec->mounts[i].data = NULL;
			b->spec->mounts[i].source_fd = TAKE_FD(tree);
		}
	return 0;
}

/* :O, what was written in the last life is gone. */
static int empty_overlay(const struct fill *b, size_t index, struct err *e)
{
	AUTO_FREE char *name = mem_printf("over-%zu", index);
	AUTO_CLOSE int dir = -1, upper = -1, below = -1, work = -1;
	int r = path_remove_tree(b->dir, name, e);

	if (r < 0)
		return r;
	below = open(b->record->volumes[index].source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (below < 0)
		return err_set(e, errno, "open %s", b->record->volumes[index].source);
	if (mkdirat(b->dir, name, 0711) < 0 ||
	    (dir = openat(b->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    mkdirat(dir, "work", 0700) < 0 || mkdirat(dir, "upper", 0755) < 0 ||
	    (upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (work = openat(dir, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_set(e, errno, "make %s", name);
	r = tree_copy_attrs(below, upper, NULL, e); /* the top shows what upper has */
	return r < 0 || b->userns < 0 ?
		       r :
		       mount_mapped(b, &b->record->volumes[index], below, upper, work, e);
}

/* A mount of ours as the source of the spec's. */
static void give_mount(const struct fill *b, const struct record_volume *v, int *fd)
{
	for (size_t i = 0; i < b->spec->nmounts; i++)
		if (str_eq(b->spec->mounts[i].destination, v->destination))
			b->spec->mounts[i].source_fd = TAKE_FD(*fd);
}

/* A volume with a bound: what is mounted is its disk. */
static int open_disk(const struct fill *b, const struct record_volume *v, int *ret_dir,
		     struct err *e)
{
	AUTO_CLOSE int disk = -1;
	int r;

	if (v->subpath || v->overlay || v->idmap)
		return err_say(e, EINVAL, "volume %s: one with a size has no subpath, O or idmap",
			       v->name);
	if ((r = volume_mount(b->en, v->name, b->root, v->nocopy ? NULL : v->destination, &disk,
			      e)) < 0 ||
	    (r = path_open_dir(disk, ".", ret_dir, e)) < 0)
		return r;
	give_mount(b, v, &disk);
	return 0;
}

/* A part of a volume.  What containers have put on the way there leads to nothing outside. */
static int open_subpath(const struct fill *b, const struct record_volume *v, int *ret_dir,
			struct err *e)
{
	AUTO_FREE char *path = mem_printf("volumes/%s/_data", v->name);
	AUTO_CLOSE int data = -1, at = -1, tree = -1;
	int r;

	if (v->overlay)
		return err_say(e, EINVAL, "volume %s: subpath does not go with O", v->name);
	if ((r = path_open_dir(b->en->root_fd, path, &data, e)) < 0 ||
	    (r = path_open_in(data, v->subpath, O_PATH, 0, &at, e)) < 0 ||
	    ((v->chown || v->idmap) && (r = path_open_dir(at, ".", ret_dir, e)) < 0))
		return err_wrap(e, "volume %s: subpath %s", v->name, v->subpath);
	tree = sys_open_tree(at, "",
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return err_set(e, errno, "volume %s: subpath %s", v->name, v->subpath);
	give_mount(b, v, &tree);
	return 0;
}

/* What is to be done with the folder: its descriptor, else -1; and what is no folder of a path is
 * mounted from here. */
static int open_volume(const struct fill *b, const struct record_volume *v, bool disk,
		       bool maybe_new, int *ret_dir, struct err *e)
{
	if (disk)
		return open_disk(b, v, ret_dir, e);
	if (str_eq(v->type, "volume") && v->subpath)
		return open_subpath(b, v, ret_dir, e);
	return maybe_new || (v->chown && v->source) ?
		       path_open_dir(AT_FDCWD, v->source, ret_dir, e) :
		       0;
}

/* Named volumes that are empty get what the image has at their place (Docker: first use). */
static int fill_volume(const struct fill *b, size_t i, struct err *e)
{
	const struct record_volume *v = &b->record->volumes[i];
	bool named = str_eq(v->type, "volume"), disk = named && volume_is_disk(b->en, v->name);
	bool maybe_new = named && !v->subpath && b->userns >= 0;
	AUTO_CLOSE int dir = -1;
	int r;

	if (named && !v->nocopy && !v->subpath && !disk) {
		r = volume_copy_up(b->en, v->name, b->root, v->destination, e);
		if (r < 0)
			return err_wrap(e, "volume %s", v->name);
	}
	if ((r = open_volume(b, v, disk, maybe_new, &dir, e)) < 0)
		return r;
	if (maybe_new && (r = give_new(b, v, dir, e)) < 0)
		return r;
	if (v->chown && v->source && (r = give_to_user(b, v, dir, e)) < 0)
		return r;
	if (v->overlay && (r = empty_overlay(b, i, e)) < 0)
		return r;
	return v->idmap ? map_volume(b, v, dir, e) : 0;
}

/* An image as a volume: its root, read-only, as the source of the spec's mount. */
static int mount_image(const struct fill *b, const struct store *store,
		       const struct record_volume *v, struct err *e)
{
	AUTO(image) struct image *image = NULL;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	AUTO_CLOSE int root = -1;
	int r = image_load(store, v->name, &image, e);

	if (r < 0)
		return r;
	o.layers = image->layers;
	o.nlayers = image->nlayers;
	o.attrs = MOUNT_ATTR_RDONLY;
	birth_map_root(b->spec, b->userns, &o);
	if ((r = overlay_mount(store, &o, &root, e)) < 0)
		return r;
	give_mount(b, v, &root);
	return 0;
}

static int mount_images(const struct fill *b, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->record->nvolumes; i++) {
		if (!str_eq(b->record->volumes[i].type, "image"))
			continue;
		if (!store)
			r = store_open(b->en->root, &store, e);
		if (r == 0)
			r = mount_image(b, store, &b->record->volumes[i], e);
	}
	return r;
}

int birth_volumes(const struct fill *b, struct err *e)
{
	int r = volume_make_missing(b->en, b->record, e);

	for (size_t i = 0; r == 0 && i < b->record->nvolumes; i++)
		r = fill_volume(b, i, e);
	return r < 0 ? r : mount_images(b, e);
}
