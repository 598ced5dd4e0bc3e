/* connect_root.c - see connect_root.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/connect.h"
#include "cli/connect_root.h"
#include "image/image.h"
#include "runtime/supervisor.h"

static int mount_layers(struct cli *c, const struct record *r, bool upper, int *ret, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO_CLOSE int files = -1, up = -1, work = -1;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	int rc;

	if (r->rootfs) {
		*ret = sys_open_tree(AT_FDCWD, r->rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		return *ret < 0 ? err_set(e, errno, "open the root %s", r->rootfs) : 0;
	}
	if (upper && (*ret = engine_view_open(&c->en, r->id)) >= 0)
		return 0;
	if ((rc = store_open(c->en.root, &store, e)) < 0)
		return rc;
	if (upper && ((rc = record_open_files(&c->en, r, &files, e)) < 0 ||
		      (rc = path_open_dir(files, "upper", &up, e)) < 0 ||
		      (rc = path_open_dir(files, "work", &work, e)) < 0))
		return rc;
	o.layers = r->layers;
	while (r->layers[o.nlayers])
		o.nlayers++;
	o.upper_fd = up;
	o.work_fd = work;
	o.disk_fd = r->disk.bytes ? files : -1;
	return overlay_mount(store, &o, ret, e);
}

int connect_lower(struct cli *c, const struct record *r, int *ret_root, struct err *e)
{
	return mount_layers(c, r, false, ret_root, e);
}

static void map_arg(const char *option, const struct idmap *m, struct strlist *args)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < m->n; i++)
		strbuf_addf(&b, "%u %u %u\n", m->v[i].inside, m->v[i].outside, m->v[i].size);
	strlist_addf(args, "%s=%s", option, b.s);
}

void connect_id_args(const struct idmap_pair *ids, struct strlist *args)
{
	if (!ids)
		return;
	map_arg("--uid-map", &ids->uids, args);
	map_arg("--gid-map", &ids->gids, args);
}

/* NULL: its user namespace is ours. */
static int ids_of(pid_t pid, struct idmap_pair **ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/ns/user", (int)pid);
	AUTO_FREE struct idmap_pair *p = NULL;
	struct stat own, its;
	int r;

	if (stat("/proc/self/ns/user", &own) < 0 || stat(path, &its) < 0)
		return err_set(e, errno, "look at %s", path);
	if (own.st_dev == its.st_dev && own.st_ino == its.st_ino)
		return 0;
	p = mem_alloc(sizeof(*p));
	r = idmap_of_process(pid, p, e);
	if (r == 0)
		*ret = TAKE(p);
	return r;
}

int connect_root(struct cli *c, const struct record *r, int *ret_root, int *ret_lock,
		 struct idmap_pair **ret_ids, struct err *e)
{
	AUTO_CLOSE int lock = -1;
	pid_t pid, now;
	char id[65];
	int rc;

	if (connect_pid(&c->en, r->id, &pid, id, e) == 0) {
		AUTO_FREE char *path = mem_printf("/proc/%d/root", (int)pid);
		AUTO_FREE struct idmap_pair *ids = NULL;
		AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_set(e, errno, "open the root of container %s", r->name);
		if ((rc = ids_of(pid, &ids, e)) < 0)
			return rc;
		/* had it ended, its number could be of another by now, and the root the host's */
		if ((rc = connect_pid(&c->en, r->id, &now, id, e)) < 0)
			return rc;
		if (now != pid)
			return err_say(e, ESRCH, "container %s has just ended", r->name);
		*ret_root = TAKE_FD(fd);
		*ret_lock = -1;
		*ret_ids = TAKE(ids);
		return 0;
	}
	if ((rc = run_lock(&c->en, r->id, &lock, NULL, e)) < 0 ||
	    (rc = mount_layers(c, r, true, ret_root, e)) < 0)
		return rc;
	*ret_lock = TAKE_FD(lock);
	return 0;
}
