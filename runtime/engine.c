/* engine.c - where one installation keeps its things.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/record.h"

static char *absolute(const char *path)
{
	if (path[0] == '/')
		return path_clean(path);
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	AUTO_FREE char *joined = path_join(cwd ? cwd : "/", path);

	return path_clean(joined);
}

/* Rootless users have folders of their own (XDG base directory specification). */
static int default_dirs(struct engine *en, struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *run = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");

	if (geteuid() == 0) {
		en->root = mem_strdup("/var/lib/berth");
		en->run = mem_strdup("/run/berth");
		return 0;
	}
	if (str_empty(data) && str_empty(home))
		return err_say(e, EINVAL, "HOME is not set; say where to keep the state with "
			       "--root");
	en->root = !str_empty(data) ? path_join(data, "berth")
				    : mem_printf("%s/.local/share/berth", home);
	en->run = !str_empty(run) ? path_join(run, "berth")
				  : mem_printf("/tmp/berth-%u", (unsigned)geteuid());
	return 0;
}

static int open_made(const char *path, int dirfd, const char *name, mode_t mode, int *ret,
		     struct err *e)
{
	if (dirfd < 0) {
		int r = path_mkdirs(path, mode, e);

		if (r < 0)
			return r;
		return path_open_dir(AT_FDCWD, path, ret, e);
	}
	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s/%s", path, name);
	return path_open_dir(dirfd, name, ret, e);
}

/* /tmp/berth-UID could be somebody else's, who then would own our locks and sockets. */
static int check_owner(const struct engine *en, struct err *e)
{
	struct stat st;

	if (fstat(en->run_fd, &st) < 0)
		return err_set(e, errno, "stat %s", en->run);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_say(e, EPERM, "%s belongs to uid %u", en->run, (unsigned)st.st_uid);
	return 0;
}

int engine_open(const char *root, struct engine *ret, struct err *e)
{
	AUTO(engine) struct engine en = { NULL, NULL, -1, -1, -1, -1 };
	int r = 0;

	if (str_empty(root))
		root = getenv("BERTH_ROOT");
	if (str_empty(root)) {
		r = default_dirs(&en, e);
	} else {
		en.root = absolute(root);
		en.run = path_join(en.root, "run");
	}
	if (r < 0 || (r = open_made(en.root, -1, NULL, 0711, &en.root_fd, e)) < 0 ||
	    (r = open_made(en.run, -1, NULL, 0700, &en.run_fd, e)) < 0 ||
	    (r = check_owner(&en, e)) < 0 ||
	    (r = open_made(en.root, en.root_fd, "containers", 0710, &en.containers_fd, e)) < 0 ||
	    (r = open_made(en.root, en.root_fd, "names", 0700, &en.names_fd, e)) < 0) {
		if (r == -EACCES && geteuid() != 0)
			err_hint(e, "run it as root, or say where to keep the state with --root");
		return r;
	}
	*ret = en;
	en = (struct engine){ NULL, NULL, -1, -1, -1, -1 };
	return 0;
}

void engine_close(struct engine *en)
{
	free(en->root);
	free(en->run);
	fd_close(&en->root_fd);
	fd_close(&en->run_fd);
	fd_close(&en->containers_fd);
	fd_close(&en->names_fd);
	en->root = en->run = NULL;
}

void engine_cleanup(struct engine *en)
{
	engine_close(en);
}

struct net_paths engine_net_paths(const struct engine *en)
{
	return (struct net_paths){ .root = en->root, .run = en->run, .bridge = NULL };
}

int engine_view_open(const struct engine *en, const char *key)
{
	AUTO_FREE char *path = mem_printf("mounts/%s", key);
	AUTO_CLOSE int at = openat(en->root_fd, path,
				   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int fd = -1;
	struct sys_mount_attr own = { .propagation = MS_PRIVATE };
	struct statx st;

	if (at < 0 || statx(at, "", AT_EMPTY_PATH, 0, &st) < 0 ||
	    !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return -1;
	fd = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &own) < 0)
		return -1;
	return TAKE_FD(fd);
}

void engine_view_remove(const struct engine *en, const char *key)
{
	AUTO_FREE char *path = mem_printf("%s/mounts/%s", en->root, key);
	AUTO_CLOSE int view = engine_view_open(en, key);

	if (view >= 0 && umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
		rmdir(path);
}
