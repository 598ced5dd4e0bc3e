/* userns.c - see userns.h.  Runs in: host.  Source: user_namespaces(7). */
#include "runtime/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/birth.h"

/* A process that has joined it, and lives until our end of the pipe is closed: the kernel shows
 * maps as the one sees them who opens the file, so it cannot be the joined one itself. */
static int visit(int ns, int hold, int said)
{
	char c = 0;

	if (sys_setns(ns, CLONE_NEWUSER) < 0)
		c = (char)errno;
	if (write(said, &c, 1) == 1 && !c)
		c = (char)read(hold, &c, 1);
	_exit(0);
}

static void copy_map(struct arena *a, const struct idmap *from, struct spec_idmaps *ret)
{
	ret->n = from->n;
	ret->v = arena_array(a, from->n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < from->n; i++)
		ret->v[i] = (struct spec_idmap){ .container_id = from->v[i].inside,
						 .host_id = from->v[i].outside,
						 .size = from->v[i].size };
}

/* The maps of the namespace ns, into s. */
static int read_maps(int ns, struct spec *s, struct err *e)
{
	int hold[2] = { -1, -1 }, said[2] = { -1, -1 }, r;
	struct idmap_pair maps;
	char c = EIO;
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0) {
		r = err_set(e, errno, "make a pipe");
		fd_close(&hold[0]);
		fd_close(&hold[1]);
		return r;
	}
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		close(said[0]);
		visit(ns, hold[0], said[1]);
	}
	fd_close(&hold[0]);
	fd_close(&said[1]);
	if (pid < 0)
		r = err_set(e, errno, "fork");
	else if (read(said[0], &c, 1) != 1 || c)
		r = err_set(e, c, "join the user namespace %s", s->ns[SPEC_NS_USER].path);
	else
		r = idmap_of_process(pid, &maps, e);
	fd_close(&hold[1]);
	fd_close(&said[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	copy_map(s->arena, &maps.uids, &s->uids);
	copy_map(s->arena, &maps.gids, &s->gids);
	return 0;
}

int userns_open(struct spec *s, int *ret, struct err *e)
{
	const struct spec_namespace *ns = &s->ns[SPEC_NS_USER];
	AUTO_CLOSE int fd = -1;
	int r;

	if (ns->unshare)
		return ids_namespace(&s->uids, &s->gids, ret, e);
	if (!ns->path)
		return 0;
	fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "user namespace %s", ns->path);
	r = read_maps(fd, s, e);
	if (r < 0)
		return r;
	if (!plan_maps_id(&s->uids, 0) || !plan_maps_id(&s->gids, 0))
		return err_say(e, EINVAL, "the user namespace %s has no id 0; what is made for the "
			       "container belongs to that", ns->path);
	*ret = TAKE_FD(fd);
	return 0;
}

static bool has_userns(const struct spec *s)
{
	return s->ns[SPEC_NS_USER].unshare || s->ns[SPEC_NS_USER].path;
}

static int not_mapped(const char *what, uint32_t id, struct err *e)
{
	return err_say(e, EINVAL, "%s %u is not mapped in the container's user namespace", what,
		       id);
}

int userns_check(const struct spec *s, struct err *e)
{
	const struct spec_user *u = &s->process.user;

	if (!has_userns(s))
		return 0;
	if (!plan_maps_id(&s->uids, u->uid))
		return not_mapped("user", u->uid, e);
	if (!plan_maps_id(&s->gids, u->gid))
		return not_mapped("group", u->gid, e);
	for (size_t i = 0; i < u->ngroups; i++)
		if (!plan_maps_id(&s->gids, u->groups[i]))
			return not_mapped("group", u->groups[i], e);
	return 0;
}

uint32_t userns_uid(const struct spec *s, uint32_t uid)
{
	(void)birth_host_id(&s->uids, uid, &uid);
	return uid;
}

uint32_t userns_gid(const struct spec *s, uint32_t gid)
{
	(void)birth_host_id(&s->gids, gid, &gid);
	return gid;
}

int userns_give(const struct spec *s, int dir, const char *name, struct err *e)
{
	if (has_userns(s) && fchownat(dir, name, userns_uid(s, 0), userns_gid(s, 0),
				      AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "give %s to the container's root", name);
	return 0;
}
