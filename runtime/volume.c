/* volume.c - see volume.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/tree.h"
#include "runtime/volume.h"

#define VOLUME_JSON_MAX (256u << 10)

int volume_name_check(const char *name, struct err *e)
{
	return record_name_check(name, e) < 0
		       ? err_say(e, EINVAL,
				 "volume name '%s': only letters, digits, and then _.- are allowed",
				 name)
		       : 0;
}

static int none_such(const char *name, struct err *e)
{
	err_say(e, ENOENT, "no such volume: %s", name);
	return err_status(e, ERR_STATUS_NONE);
}

/* Other users of the host do not get to what is in volumes: it may be a set-ID program. */
static int open_volumes(const struct engine *en, int *ret, struct err *e)
{
	struct stat st;
	int r;

	if (mkdirat(en->root_fd, "volumes", 0710) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s/volumes", en->root);
	r = path_open_dir(en->root_fd, "volumes", ret, e);
	if (r == 0 && fstat(*ret, &st) == 0 && (st.st_mode & 07) && fchmod(*ret, 0710) < 0)
		log_warn("volumes of %s are open to other users: %s", en->root, strerror(errno));
	return r;
}

/* With the lock: what is half made, or half removed, is of somebody who was killed. */
static void tidy(int volumes)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	struct err ignored = ERR_INIT;

	path_list_all(volumes, ".", &names);
	for (size_t i = 0; i < names.n; i++)
		if (str_starts(names.v[i], ".new-") || str_starts(names.v[i], ".dead-"))
			path_remove_tree(volumes, names.v[i], &ignored);
}

int volume_lock(const struct engine *en, int *ret, struct err *e)
{
	AUTO_CLOSE int volumes = -1;
	int r = open_volumes(en, &volumes, e);

	if (r < 0)
		return r;
	if ((r = fd_lock(volumes, true, true)) < 0)
		return err_set(e, -r, "lock %s/volumes", en->root);
	tidy(volumes);
	*ret = TAKE_FD(volumes);
	return 0;
}

static int write_json(int dir, const char *name, bool anonymous, const struct json_map *labels,
		      const struct json_map *options, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;
	struct timespec now;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &now);
	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "name", name);
	json_out_str(&o, "created", str_time(now, text));
	json_out_bool(&o, "anonymous", anonymous);
	json_out_map(&o, "labels", labels);
	json_out_map(&o, "options", options);
	json_out_end_obj(&o);
	return path_write_file(dir, "volume.json", b.s, b.len, 0600, false, e);
}

/* Options uid, gid: whose the top of it is. */
static int give_top(int top, const struct json_map *options, struct err *e)
{
	uint32_t uid = UINT32_MAX, gid = UINT32_MAX;	/* stays as it is */

	for (size_t i = 0; options && i < options->n; i++)
		if (str_eq(options->v[i].key, "uid"))
			str_to_u32(options->v[i].value, &uid);
		else if (str_eq(options->v[i].key, "gid"))
			str_to_u32(options->v[i].value, &gid);
	return fchown(top, uid, gid) < 0 ? err_set(e, errno, "chown the volume") : 0;
}

/* "new" stays until it has been filled: a copy that was killed is made again. */
static int make_disk(int dir, const struct disk_size *disk, struct err *e)
{
	int r = disk_make(dir, disk, true, e);

	return r < 0 ? r : path_write_file(dir, "new", "", 0, 0600, false, e);
}

int volume_create(const struct engine *en, const char *name, bool anonymous,
		  const struct json_map *labels, const struct json_map *options, struct err *e)
{
	AUTO_CLOSE int volumes = -1, dir = -1, data = -1;
	AUTO_FREE char *temp = mem_printf(".new-%s", name);
	struct disk_size disk = { 0 };
	struct err ignored = ERR_INIT;
	int r = volume_name_check(name, e);

	if (r < 0 || (r = volume_disk_size(options, &disk, e)) < 0 ||
	    (r = open_volumes(en, &volumes, e)) < 0)
		return r;
	if (path_exists(volumes, name))
		return err_say(e, EEXIST, "volume %s exists already", name);
	if (mkdirat(volumes, temp, 0711) < 0)
		return err_set(e, errno, "make volume %s", name);
	if ((r = path_open_dir(volumes, temp, &dir, e)) < 0)
		return r;
	if (mkdirat(dir, "_data", 0755) < 0 || fchmodat(dir, "_data", 0755, 0) < 0)
		r = err_set(e, errno, "make volume %s", name);
	if (r == 0 && (r = path_open_dir(dir, "_data", &data, e)) == 0)
		r = give_top(data, options, e);
	if (r == 0 && disk.bytes)
		r = make_disk(dir, &disk, e);
	if (r == 0)
		r = write_json(dir, name, anonymous, labels, options, e);
	if (r == 0 && renameat(volumes, temp, volumes, name) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST
			    ? err_say(e, EEXIST, "volume %s exists already", name)
			    : err_set(e, errno, "make volume %s", name);
	if (r < 0)
		path_remove_tree(volumes, temp, &ignored);
	return r;
}

static const struct json_row volume_rows[] = {
	{ "name", json_read_str, offsetof(struct volume, name), true },
	{ "created", json_read_str, offsetof(struct volume, created), true },
	{ "anonymous", json_read_bool, offsetof(struct volume, anonymous), false },
	{ "labels", json_read_map, offsetof(struct volume, labels), false },
	{ "options", json_read_map, offsetof(struct volume, options), false },
};

int volume_load(const struct engine *en, const char *name, struct volume **ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("volumes/%s/volume.json", name);
	AUTO_FREE char *text = NULL;
	AUTO(arena) struct arena *a = NULL;
	struct json_ctx c = { .e = e, .what = "volume.json" };
	const struct json *v;
	struct volume *vol;
	size_t n;
	int r;

	if (volume_name_check(name, e) < 0)
		return none_such(name, e);
	r = path_read_file(en->root_fd, path, VOLUME_JSON_MAX, &text, &n, e);
	if (r == -ENOENT)
		return none_such(name, e);
	if (r < 0)
		return r;
	a = arena_new(64u << 20);
	c.a = a;
	vol = arena_alloc(a, sizeof(*vol));
	if ((r = json_parse(a, text, n, (struct json_limits){ VOLUME_JSON_MAX, 8 }, c.what, &v,
			    e)) < 0 ||
	    (r = json_read_rows(&c, v, volume_rows, ARRAY_SIZE(volume_rows), vol)) < 0)
		return err_wrap(e, "volume %s", name);
	vol->mountpoint = arena_printf(a, "%s/volumes/%s/_data", en->root, name);
	vol->driver = "local";
	vol->arena = a;
	TAKE(a);
	*ret = vol;
	return 0;
}

void volume_free(struct volume *v)
{
	if (v)
		arena_free(v->arena);
}

void volume_cleanup(struct volume **v)
{
	volume_free(*v);
	*v = NULL;
}

int volume_list(const struct engine *en, struct strlist *ret, struct err *e)
{
	AUTO_CLOSE int volumes = -1;
	int r = open_volumes(en, &volumes, e);

	if (r == 0 && (r = path_list(volumes, ".", ret)) < 0)
		return err_set(e, -r, "read %s/volumes", en->root);
	return r;
}

int volume_remove(const struct engine *en, const char *name, struct err *e)
{
	AUTO_CLOSE int volumes = -1;
	AUTO_FREE char *dead = mem_printf(".dead-%s", name);
	int r = open_volumes(en, &volumes, e);

	if (r < 0)
		return r;
	if (volume_name_check(name, e) < 0 || !path_exists(volumes, name))
		return none_such(name, e);
	/* gone in one step, whatever happens while its files are removed */
	if (renameat(volumes, name, volumes, dead) < 0)
		return err_set(e, errno, "remove volume %s", name);
	if ((r = path_remove_tree(volumes, dead, e)) < 0)
		return err_wrap(e, "volume %s is gone, its files are not", name);
	return 0;
}

static bool is_missing(const struct engine *en, const struct record_volume *v)
{
	AUTO_FREE char *path = mem_printf("volumes/%s", v->name ? v->name : "");

	return str_eq(v->type, "volume") && !path_exists(en->root_fd, path);
}

int volume_make_missing(const struct engine *en, const struct record *r, struct err *e)
{
	AUTO_CLOSE int lock = -1;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->nvolumes; i++) {
		const struct record_volume *v = &r->volumes[i];

		if (!is_missing(en, v))
			continue;
		if (lock < 0 && (rc = volume_lock(en, &lock, e)) < 0)
			return rc;
		if (is_missing(en, v))	/* still */
			rc = volume_create(en, v->name, v->anonymous, &v->labels,
					   &v->driver_options, e);
	}
	return rc;
}

/* Some container but `except` has it, or may have: one that cannot be read. */
static bool is_used(const struct engine *en, const char *name, const char *except)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct err ignored = ERR_INIT;

	if (record_list(en, &ids, &ignored) < 0)
		return true;
	for (size_t i = 0; i < ids.n; i++) {
		AUTO(record) struct record *r = NULL;
		int rc;

		if (str_eq(ids.v[i], except))
			continue;
		rc = record_load(en, ids.v[i], &r, &ignored);
		if (rc < 0 && rc != -ENOENT)	/* else it goes at this moment */
			return true;
		for (size_t k = 0; r && k < r->nvolumes; k++)
			if (str_eq(r->volumes[k].name, name))
				return true;
	}
	return false;
}

int volume_remove_own(const struct engine *en, const struct record *r, struct err *e)
{
	AUTO_CLOSE int lock = -1;
	int rc = 0;

	for (size_t i = 0; i < r->nvolumes; i++) {
		const struct record_volume *v = &r->volumes[i];

		if (!v->anonymous || !v->name)
			continue;
		if (lock < 0 && (rc = volume_lock(en, &lock, e)) < 0)
			return rc;
		rc = is_used(en, v->name, r->id) ? 0 : volume_remove(en, v->name, e);
		if (rc < 0 && rc != -ENOENT)
			return rc;
	}
	return 0;
}

static void map_ids(struct arena *a, uint32_t disk, uint32_t seen, struct spec_idmaps *ret)
{
	uint32_t lo = disk < seen ? disk : seen, hi = disk < seen ? seen : disk;
	struct spec_idmap all[] = {
		{ .container_id = disk, .host_id = seen, .size = 1 },
		{ .container_id = 0, .host_id = 0, .size = lo },
		{ .container_id = lo + 1, .host_id = lo + 1, .size = hi > lo ? hi - lo - 1 : 0 },
		{ .container_id = hi + 1, .host_id = hi + 1, .size = UINT32_MAX - hi - 1 },
	};

	ret->v = arena_array(a, ARRAY_SIZE(all), sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].size)
			ret->v[ret->n++] = all[i];
}

int volume_idmap(const char *source, const struct spec_user *u, struct arena *a,
		 struct spec_mount *m, struct err *e)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return err_set(e, errno, "idmap of %s", source);
	map_ids(a, st.st_uid, u->uid, &m->uids);
	map_ids(a, st.st_gid, u->gid, &m->gids);
	m->flags |= SPEC_MOUNT_IDMAP;
	return 0;
}

/* What the image has (from -1: nothing), but for the owner of the top that somebody asked for. */
static int copy(const struct engine *en, const char *name, int from, int to, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	int r = volume_load(en, name, &v, e);

	if (r == 0 && from >= 0 && (r = tree_copy(from, to, NULL, e)) == 0)
		r = tree_copy_attrs(from, to, NULL, e);
	return r < 0 ? r : give_top(to, &v->options, e);
}

/* Copied beside it and then put in its place: a volume is filled or empty, never half. */
static int fill(const struct engine *en, const char *name, int dir, int from, struct err *e)
{
	AUTO_CLOSE int to = -1;
	int r = path_remove_tree(dir, "_fill", e);

	if (r < 0)
		return r;
	if (mkdirat(dir, "_fill", 0700) < 0)
		return err_set(e, errno, "fill the volume");
	if ((r = path_open_dir(dir, "_fill", &to, e)) < 0 ||
	    (r = copy(en, name, from, to, e)) < 0)
		return r;
	if (renameat(dir, "_fill", dir, "_data") < 0)
		return errno == ENOTEMPTY || errno == EEXIST ? path_remove_tree(dir, "_fill", e)
							     : err_set(e, errno, "fill the volume");
	return 0;
}

/* VOLUME, and who fills it is alone. */
static int lock_first_use(const struct engine *en, const char *name, int *ret_dir, int *ret_lock,
			  struct err *e)
{
	AUTO_FREE char *path = mem_printf("volumes/%s", name);
	int r = path_open_dir(en->root_fd, path, ret_dir, e);

	if (r < 0)
		return r;
	*ret_lock = openat(*ret_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*ret_lock < 0 || fd_lock(*ret_lock, true, true) < 0)
		return err_set(e, errno, "lock volume %s", name);
	return 0;
}

int volume_copy_up(const struct engine *en, const char *name, int root_fd, const char *path,
		   struct err *e)
{
	AUTO_CLOSE int from = path_try_open_in(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	AUTO_CLOSE int dir = -1, data = -1, lock = -1;
	int r;

	if (from < 0)
		return 0;	/* the image has nothing there */
	if ((r = lock_first_use(en, name, &dir, &lock, e)) < 0 ||
	    (r = path_open_dir(dir, "_data", &data, e)) < 0)
		return r;
	return tree_is_empty(data, NULL) ? fill(en, name, dir, from, e) : 0;
}

/* ---- with a bound ---- */

int volume_disk_size(const struct json_map *options, struct disk_size *ret, struct err *e)
{
	*ret = (struct disk_size){ 0 };
	for (size_t i = 0; options && i < options->n; i++) {
		const struct json_pair *p = &options->v[i];
		AUTO_FREE char *text = mem_printf("%s=%s", p->key, p->value);

		if ((str_eq(p->key, "size") || str_eq(p->key, "inodes")) &&
		    disk_size_parse(text, ret, e) < 0)
			return -e->code;
	}
	return ret->inodes && !ret->bytes ? err_say(e, EINVAL, "inodes without size") : 0;
}

bool volume_is_folder(const struct volume *v)
{
	for (size_t i = 0; i < v->options.n; i++)
		if (str_eq(v->options.v[i].key, "type") || str_eq(v->options.v[i].key, "size"))
			return false;
	return true;
}

bool volume_is_disk(const struct engine *en, const char *name)
{
	AUTO_FREE char *path = mem_printf("volumes/%s/disk", name);

	return path_exists(en->root_fd, path);
}

static int fill_disk(const struct engine *en, const char *name, int dir, int disk, int root_fd,
		     const char *path, struct err *e)
{
	AUTO_CLOSE int from = path ? path_try_open_in(root_fd, path, O_RDONLY | O_DIRECTORY, 0)
				   : -1;
	AUTO_CLOSE int to = -1;
	int r = path_open_dir(disk, ".", &to, e);

	if (r < 0)
		return r;
	unlinkat(disk, "lost+found", AT_REMOVEDIR);	/* of mkfs.ext4 */
	if ((r = copy(en, name, from, to, e)) < 0)
		return r;
	return unlinkat(dir, "new", 0) < 0 ? err_set(e, errno, "fill the volume") : 0;
}

int volume_mount(const struct engine *en, const char *name, int root_fd, const char *path,
		 int *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1, lock = -1, disk = -1;
	int r;

	if ((r = lock_first_use(en, name, &dir, &lock, e)) < 0 ||
	    (r = disk_mount(dir, &disk, e)) < 0 ||
	    (path_exists(dir, "new") &&
	     (r = fill_disk(en, name, dir, disk, root_fd, path, e)) < 0))
		return err_wrap(e, "volume %s", name);
	*ret = TAKE_FD(disk);
	return 0;
}
