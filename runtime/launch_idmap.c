/*
 * launch_idmap.c - idmapped mounts: only the host may say how the files of its file systems
 * are to be mapped.
 *
 * Runs in: host.  A bind is mapped before it is attached: where the host has opened its source,
 * before the clone, or, by the namespace that the clone makes, while the init waits for its own
 * id maps; where the init has opened it (what an earlier mount of the same container provides),
 * when it asks (SYNC_IDMAP).  Source: mount_setattr(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/birth.h"
#include "runtime/sync.h"

bool birth_is_idmapped(const struct spec_mount *m)
{
	return (m->flags & (SPEC_MOUNT_IDMAP | SPEC_MOUNT_IDMAP_REC)) || m->uids.n > 0;
}

bool birth_host_id(const struct spec_idmaps *m, uint32_t id, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (id < m->v[i].container_id || id - m->v[i].container_id >= m->v[i].size)
			continue;
		*ret = m->v[i].host_id + (id - m->v[i].container_id);
		return true;
	}
	return false;
}

/* Ranges with an @ say ids of the container. */
static int to_host(const struct spec_idmaps *m, const struct spec_idmaps *container,
		   struct spec_idmaps *ret, struct err *e)
{
	ret->n = m->n;
	ret->v = mem_array(m->n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < m->n; i++) {
		ret->v[i] = m->v[i];
		if (m->v[i].relative &&
		    !birth_host_id(container, m->v[i].host_id, &ret->v[i].host_id))
			return err_say(e, EINVAL, "idmap: id %u is not mapped in the container",
				       m->v[i].host_id);
	}
	return 0;
}

/* By its own maps, or by the container's user namespace: that of pid, or the one it joins. */
static int namespace_of(const struct spec *s, const struct spec_mount *m, pid_t pid, int *ret,
			struct err *e)
{
	struct spec_idmaps uids = { 0 }, gids = { 0 };
	AUTO_FREE char *path = NULL;
	int r;

	if (m->uids.n == 0) {
		path = pid > 0 ? mem_printf("/proc/%d/ns/user", (int)pid) :
				 mem_strdup(s->ns[SPEC_NS_USER].path);
		*ret = open(path, O_RDONLY | O_CLOEXEC);
		return *ret < 0 ? err_set(e, errno, "open the container's user namespace") : 0;
	}
	r = to_host(&m->uids, &s->uids, &uids, e);
	if (r == 0)
		r = to_host(&m->gids, &s->gids, &gids, e);
	if (r == 0)
		r = ids_namespace(&uids, &gids, ret, e);
	mem_free_cleanup(&uids.v);
	mem_free_cleanup(&gids.v);
	return r;
}

int launch_idmap(const struct spec *s, const struct spec_mount *m, pid_t pid, int fd,
		 struct err *e)
{
	struct sys_mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	unsigned rec = m->flags & SPEC_MOUNT_IDMAP_REC ? AT_RECURSIVE : 0;
	AUTO_CLOSE int userns = -1;
	int r = namespace_of(s, m, pid, &userns, e);

	if (r == 0) {
		a.userns_fd = (uint64_t)userns;
		if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | rec, &a) < 0)
			r = err_set(e, errno, "idmap (the file system must allow it)");
	}
	return r < 0 ? err_wrap(e, "mount %s (bind from %s)", m->destination, m->source) : 0;
}

int birth_idmap(struct birth *b, pid_t pid, struct err *e)
{
	const struct spec *s = b->plan->spec;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		bool after = m->uids.n == 0 && s->ns[SPEC_NS_USER].unshare;

		if (birth_is_idmapped(m) && b->plan->mounts[i].fd >= 0 && after == (pid > 0))
			r = launch_idmap(s, m, pid, b->plan->mounts[i].fd, e);
	}
	return r;
}

int birth_idmap_late(struct birth *b, const struct launch *l, int index, int fd, struct err *e)
{
	const struct spec *s = b->plan->spec;
	int r;

	if (!s || fd < 0 || index < 0 || (size_t)index >= s->nmounts ||
	    !b->plan->mounts[index].idmap)
		return err_say(e, EPROTO, "berth-init asked for a mapping that nobody wants");
	r = launch_idmap(s, &s->mounts[index], l->pid, fd, e);
	if (r == 0 && sync_send(l->sync, SYNC_MAPPED, 0, -1) < 0)
		return 0;	/* it has failed: birth_follow reads why */
	return r;
}
