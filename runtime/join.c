/* join.c - see join.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/join.h"
#include "runtime/status.h"

struct other { pid_t pid; uint64_t start; const char *path; };

static int find_running(const struct engine *en, const char *id, struct other *ret, struct err *e)
{
	AUTO_CLOSE int dir = openat(en->containers_fd, id, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct status s;
	uint64_t start;
	int r;

	if (dir < 0)
		return err_say(e, ENOENT, "container %.12s is not there any more", id);
	if ((r = status_load(dir, &s, e)) < 0)
		return r;
	if (s.pid <= 0 || proc_start_time(s.pid, &start) < 0 || start != s.pid_start)
		return err_say(e, ESRCH, "container %.12s is not running", id);
	*ret = (struct other){ s.pid, s.pid_start, NULL };
	return 0;
}

/* In a child: in its mount namespace, and in nobody else's who has got its PID meanwhile. */
static int enter_mounts(const struct other *o, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;

	if (proc_open(o->pid, o->start, &pidfd) < 0)
		return err_say(e, ESRCH, "process %d has ended", (int)o->pid);
	if (sys_setns(pidfd, CLONE_NEWNS) < 0)
		return err_set(e, errno, "enter the mounts of process %d", (int)o->pid);
	return 0;
}

/* A mount can be cloned only by who is in its mount namespace.  What lies at the path is the
 * container's to change, a symlink to its /proc without what masks that: it must be a mount. */
static int open_mount(const struct other *o, const char *path, int flags, int *ret, struct err *e)
{
	AUTO_CLOSE int root = -1, at = -1;
	struct statx st;
	int r = enter_mounts(o, e);

	if (r < 0)
		return r;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	at = path_try_open_in(root, path, O_PATH | O_DIRECTORY | flags, 0);
	if (at < 0 || statx(at, "", AT_EMPTY_PATH, 0, &st) < 0 ||
	    !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return err_say(e, ENOENT, "the other container has no mount at %s", path);
	*ret = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return *ret < 0 ? err_set(e, errno, "open %s of process %d", path, (int)o->pid) : 0;
}

static int open_shm(void *ctx, int *fds, size_t *n, struct err *e)
{
	*n = 1;
	return open_mount(ctx, "/dev/shm", O_NOFOLLOW, &fds[0], e);
}

/* /dev/shm goes with the IPC namespace. */
static int share_memory(struct spec *s, struct other *o, struct err *e)
{
	for (size_t k = 0; k < s->nmounts; k++) {
		size_t n = 1;

		if (str_eq(s->mounts[k].source, RECORD_SHM_SOURCE))
			return child_fds(open_shm, o, &s->mounts[k].source_fd, &n, e);
	}
	return 0;
}

int join_namespaces(const struct engine *en, const struct record *r, struct spec *s,
		    struct err *e)
{
	for (size_t i = 0; i < r->joins.n; i++) {
		const char *name = r->joins.v[i].key;
		enum spec_ns ns = 0;
		struct other o;

		if (find_running(en, r->joins.v[i].value, &o, e) < 0)
			return err_wrap(e, "whose %s namespace it shares", name);
		while (ns < SPEC_NS_COUNT && !str_eq(spec_ns_name(ns), name))
			ns++;
		if (ns == SPEC_NS_COUNT)
			return err_say(e, EINVAL, "record.json: joins: no namespace \"%s\"", name);
		s->ns[ns].path = arena_printf(s->arena, "/proc/%d/ns/%s", (int)o.pid,
					      spec_ns_file(ns));
		if (ns == SPEC_NS_IPC && share_memory(s, &o, e) < 0)
			return -e->code;
	}
	return 0;
}

int join_check(const struct engine *en, const struct record *r, struct err *e)
{
	struct other o;

	for (size_t i = 0; i < r->joins.n; i++)
		if (find_running(en, r->joins.v[i].value, &o, e) < 0)
			return err_wrap(e, "whose %s namespace it shares", r->joins.v[i].key);
	return 0;
}

/* ---- volumes in memory ---- */

static int open_volume(void *ctx, int *fds, size_t *n, struct err *e)
{
	const struct other *o = ctx;
	struct statfs fs;
	int r = open_mount(o, o->path, 0, &fds[0], e);

	*n = 1;
	if (r == 0 && (fstatfs(fds[0], &fs) < 0 || fs.f_type != TMPFS_MAGIC))
		return err_say(e, ENOENT, "no volume at %s", o->path);
	return r;
}

/* The mount of volume `name` in a container that runs, or -1. */
static int find_volume(const struct engine *en, const char *name, const char *own_id)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct err ignored = ERR_INIT;

	if (record_list(en, &ids, &ignored) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		AUTO(record) struct record *r = NULL;
		struct other o;

		if (str_eq(ids.v[i], own_id) || find_running(en, ids.v[i], &o, &ignored) < 0 ||
		    record_load(en, ids.v[i], &r, &ignored) < 0)
			continue;
		for (size_t k = 0; k < r->nvolumes; k++) {
			size_t n = 1;
			int fd;

			o.path = r->volumes[k].destination;
			if (str_eq(r->volumes[k].name, name) &&
			    child_fds(open_volume, &o, &fd, &n, &ignored) == 0 && n == 1)
				return fd;
		}
	}
	return -1;
}

static struct spec_mount *tmpfs_of(struct spec *s, const struct record_volume *v)
{
	for (size_t i = 0; str_eq(v->type, "volume") && i < s->nmounts; i++)
		if (str_eq(s->mounts[i].destination, v->destination) &&
		    str_eq(s->mounts[i].type, "tmpfs"))
			return &s->mounts[i];
	return NULL;
}

int join_volumes(const struct engine *en, const struct record *r, struct spec *s, int *ret_lock,
		 struct err *e)
{
	for (size_t i = 0; i < r->nvolumes; i++) {
		struct spec_mount *m = tmpfs_of(s, &r->volumes[i]);
		char bind[] = "bind";
		int fd;

		if (!m)
			continue;
		/* two that start at once: the second finds the first */
		if (*ret_lock < 0)
			*ret_lock = openat(en->root_fd, "volumes/.lock",
					   O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (*ret_lock < 0 || fd_lock(*ret_lock, true, true) < 0)
			return err_set(e, errno, "lock the volumes");
		fd = find_volume(en, r->volumes[i].name, r->id);
		if (fd < 0)
			continue;
		/* its size and the like are those of the first; what the mount itself has
		 * (read-only, noexec) stays */
		m->source_fd = fd;
		m->type = "bind";
		m->flags |= SPEC_MOUNT_BIND;
		m->data = NULL;
		m->options = arena_strv(s->arena, (char *const[]){ bind, NULL });
	}
	return 0;
}

/* ---- links ---- */

static char **strv_plus(struct arena *a, char **v, const struct strlist *more)
{
	size_t n = 0;
	char **ret;

	while (v && v[n])
		n++;
	ret = arena_array(a, n + more->n + 1, sizeof(*ret));
	if (n)
		memcpy(ret, v, n * sizeof(*ret));
	for (size_t i = 0; i < more->n; i++)
		ret[n + i] = arena_strdup(a, more->v[i]);
	return ret;
}

/* The other one's address on a network that we are on too, else its first. */
static const char *address(const struct net_result *n, const struct net_config *ours)
{
	for (size_t i = 0; i < n->nifaces; i++)
		for (size_t k = 0; k < ours->nattach; k++)
			if (str_eq(n->ifaces[i].network, ours->attach[k].network))
				return n->ifaces[i].ip;
	return n->nifaces ? n->ifaces[0].ip : NULL;
}

/* DB_NAME=/web/db, DB_PORT_5432_TCP_ADDR=…, DB_ENV_X=…, as Docker's "Environment variables" of
 * legacy links has them. */
static void variables(struct strlist *env, const struct record *r, const char *alias,
		      const char *ip, const struct record *other, const struct spec *its)
{
	AUTO_FREE char *up = mem_strdup(alias);
	bool first = true;

	for (char *c = up; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) :
		     *c == '-' || *c == '.' ? '_' : *c;
	strlist_addf(env, "%s_NAME=/%s/%s", up, r->name, alias);
	for (char **p = other->exposed; *p; p++) {
		const char *slash = strchr(*p, '/'), *proto = slash ? slash + 1 : "tcp";
		int port = atoi(*p);
		AUTO_FREE char *key = mem_printf("%s_PORT_%d_%s", up, port,
						 str_eq(proto, "udp") ? "UDP" :
						 str_eq(proto, "sctp") ? "SCTP" : "TCP");

		if (first)
			strlist_addf(env, "%s_PORT=%s://%s:%d", up, proto, ip, port);
		first = false;
		strlist_addf(env, "%s=%s://%s:%d", key, proto, ip, port);
		strlist_addf(env, "%s_ADDR=%s", key, ip);
		strlist_addf(env, "%s_PORT=%d", key, port);
		strlist_addf(env, "%s_PROTO=%s", key, proto);
	}
	for (char **v = its->process.env; v && *v; v++)
		if (!str_starts(*v, "PATH=") && !str_starts(*v, "HOME=") &&
		    !str_starts(*v, "HOSTNAME=") && !str_starts(*v, "container="))
			strlist_addf(env, "%s_ENV_%s", up, *v);
}

static int link_one(const struct engine *en, struct record *r, const char *alias, const char *id,
		    struct strlist *hosts, struct strlist *env, struct err *e)
{
	struct net_paths paths = engine_net_paths(en);
	AUTO(record) struct record *other = NULL;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct net_result net = { .nifaces = 0 };
	struct other running;
	const char *ip;
	int rc;

	if ((rc = find_running(en, id, &running, e)) < 0 ||
	    (rc = record_load(en, id, &other, e)) < 0 ||
	    (rc = record_load_spec(en, other, a, e)) < 0 ||
	    (rc = net_load(&paths, id, a, &net, e)) < 0)
		return rc;
	ip = address(&net, &r->net);
	if (!ip)
		return err_say(e, EADDRNOTAVAIL, "container %s has no address", other->name);
	strlist_addf(hosts, "%s:%s", alias, ip);
	if (!str_eq(alias, other->name))
		strlist_addf(hosts, "%s:%s", other->name, ip);
	variables(env, r, alias, ip, other, other->spec);
	return 0;
}

int join_links(const struct engine *en, struct record *r, struct spec *s, struct err *e)
{
	AUTO(strlist) struct strlist hosts = STRLIST_INIT, env = STRLIST_INIT;

	for (size_t i = 0; i < r->links.n; i++)
		if (link_one(en, r, r->links.v[i].key, r->links.v[i].value, &hosts, &env, e) < 0)
			return err_wrap(e, "--link %s", r->links.v[i].key);
	r->net.extra_hosts = strv_plus(r->arena, r->net.extra_hosts, &hosts);
	s->process.env = strv_plus(s->arena, s->process.env, &env);
	return 0;
}
