/*
 * compose_userns.c - --userns, --uidmap, --gidmap, --subuidname, --subgidname: whose ids a
 * container's users have on the host.  Source: podman-run(1).
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/idmap.h"
#include "base/str.h"
#include "cli/run_opts.h"
#include "runtime/idrange.h"
#include "runtime/plan.h"

#define AUTO_SIZE 65536u	/* all that images have, nobody (65534) too */

/* CONTAINER:HOST[:LENGTH] */
static int parse_map(const char *option, const char *text, struct spec_idmap *ret, struct err *e)
{
	AUTO(strlist) struct strlist p = STRLIST_INIT;
	struct spec_idmap m = { .size = 1 };

	strlist_split(&p, text, ':', false);
	if (p.n < 2 || p.n > 3 || str_to_u32(p.v[0], &m.container_id) < 0 ||
	    str_to_u32(p.v[1], &m.host_id) < 0 || (p.n == 3 && str_to_u32(p.v[2], &m.size) < 0) ||
	    !m.size)
		return err_say(e, EINVAL, "%s %s: expected CONTAINER:HOST[:LENGTH], first ids and "
			       "how many", option, text);
	if (UINT32_MAX - m.container_id < m.size || UINT32_MAX - m.host_id < m.size)
		return err_say(e, EINVAL, "%s %s: the range ends above the last id", option, text);
	*ret = m;
	return 0;
}

static bool meet(uint32_t a, uint32_t an, uint32_t b, uint32_t bn)
{
	return (uint64_t)a < (uint64_t)b + bn && (uint64_t)b < (uint64_t)a + an;
}

static int add_map(struct compose *c, const char *option, struct spec_idmaps *to,
		   const struct spec_idmap *m, struct err *e)
{
	for (size_t i = 0; i < to->n; i++)
		if (meet(m->container_id, m->size, to->v[i].container_id, to->v[i].size) ||
		    meet(m->host_id, m->size, to->v[i].host_id, to->v[i].size))
			return err_say(e, EINVAL, "%s %u:%u:%u: overlaps %u:%u:%u", option,
				       m->container_id, m->host_id, m->size, to->v[i].container_id,
				       to->v[i].host_id, to->v[i].size);
	if (to->n == IDMAP_MAX)
		return err_say(e, EINVAL, "%s: more than %d ranges", option, IDMAP_MAX);
	if (!to->v)
		to->v = arena_array(c->a, IDMAP_MAX, sizeof(*to->v));
	to->v[to->n++] = *m;
	return 0;
}

static int map_list(struct compose *c, const char *option, const struct strlist *l,
		    struct spec_idmaps *to, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		struct spec_idmap m;
		int r = parse_map(option, l->v[i], &m, e);

		if (r < 0 || (r = add_map(c, option, to, &m, e)) < 0)
			return r;
	}
	return 0;
}

/* ---- auto[:size=N,uidmapping=…,gidmapping=…] ---- */

/* The first range that holds `at`, or begins behind it within n ids, or NULL. */
static const struct spec_idmap *next_fixed(const struct spec_idmaps *fixed, uint32_t at, uint32_t n)
{
	const struct spec_idmap *first = NULL;

	for (size_t i = 0; i < fixed->n; i++)
		if (meet(at, n, fixed->v[i].container_id, fixed->v[i].size) &&
		    (!first || fixed->v[i].container_id < first->container_id))
			first = &fixed->v[i];
	return first;
}

/* What a range of size ids at host is, but for those in `fixed`, which are somewhere else. */
static int around(struct compose *c, const struct spec_idmaps *fixed, uint32_t host, uint32_t size,
		  struct spec_idmaps *to, struct err *e)
{
	int r = 0;

	for (uint32_t at = 0; r == 0 && at < size;) {
		const struct spec_idmap *f = next_fixed(fixed, at, size - at);
		uint32_t end = f ? f->container_id : size;
		struct spec_idmap m = { .container_id = at, .host_id = host + at };

		if (end > at) {
			m.size = end - at;
			r = add_map(c, "--userns auto", to, &m, e);
		}
		at = f ? f->container_id + f->size : size;
	}
	for (size_t i = 0; r == 0 && i < fixed->n; i++)
		r = add_map(c, "--userns auto", to, &fixed->v[i], e);
	return r;
}

static int auto_option(struct compose *c, const char *text, uint32_t *size,
		       struct spec_idmaps *uids, struct spec_idmaps *gids, struct err *e)
{
	const char *v;
	struct spec_idmap m;
	bool uid;
	int r;

	if ((v = str_after(text, "size=")))
		return str_to_u32(v, size) < 0 || !*size || *size > IDRANGE_LAST
			       ? err_say(e, EINVAL, "--userns auto: size=%s: expected a number of "
					 "ids", v) : 0;
	uid = str_starts(text, "uidmapping=");
	if (!uid && !str_starts(text, "gidmapping="))
		return err_say(e, EINVAL, "--userns auto: %s: expected size=, uidmapping= or "
			       "gidmapping=", text);
	v = strchr(text, '=') + 1;
	r = parse_map("--userns auto:", v, &m, e);
	return r < 0 ? r : add_map(c, "--userns auto", uid ? uids : gids, &m, e);
}

static int own_range(struct compose *c, const char *options, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct spec_idmaps uids = { 0 }, gids = { 0 };
	uint32_t size = AUTO_SIZE, uid, gid;
	int r;

	strlist_split(&l, options, ',', true);
	for (size_t i = 0; i < l.n; i++)
		if ((r = auto_option(c, l.v[i], &size, &uids, &gids, e)) < 0)
			return r;
	if ((r = idrange_take(c->in->en, size, &uid, &gid, c->in->ids_lock, e)) < 0)
		return err_wrap(e, "--userns auto");
	r = around(c, &uids, uid, size, &c->s->uids, e);
	return r < 0 ? r : around(c, &gids, gid, size, &c->s->gids, e);
}

/* ---- --uidmap and the like ---- */

/* One of them alone says the other as well. */
static int own_maps(struct compose *c, struct err *e)
{
	const struct run_opts *o = c->o;
	int r;

	if ((o->subuidname || o->subgidname) && (o->uidmap.n || o->gidmap.n))
		return err_say(e, EINVAL, "--%s and --%s exclude each other",
			       o->subuidname ? "subuidname" : "subgidname",
			       o->uidmap.n ? "uidmap" : "gidmap");
	if (o->subuidname || o->subgidname) {
		const char *user = o->subuidname ? o->subuidname : o->subgidname;
		const char *group = o->subgidname ? o->subgidname : o->subuidname;

		r = idrange_granted(user, false, c->a, &c->s->uids, e);
		return r < 0 ? r : idrange_granted(group, true, c->a, &c->s->gids, e);
	}
	r = map_list(c, "--uidmap", o->uidmap.n ? &o->uidmap : &o->gidmap, &c->s->uids, e);
	if (r == 0)
		r = map_list(c, "--gidmap", o->gidmap.n ? &o->gidmap : &o->uidmap, &c->s->gids, e);
	if (r == 0 && (!plan_maps_id(&c->s->uids, 0) || !plan_maps_id(&c->s->gids, 0)))
		return err_say(e, EINVAL, "--%s: there is no id 0 in it; what is made for the "
			       "container belongs to that",
			       plan_maps_id(&c->s->uids, 0) ? "gidmap" : "uidmap");
	return r;
}

/* ---- somebody else's ---- */

static bool is_ours(const char *path)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat("/proc/self/ns/user", &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int others(struct compose *c, const char *mode, struct err *e)
{
	struct spec_namespace *ns = &c->s->ns[SPEC_NS_USER];
	const char *path;
	int r;

	if ((path = str_after(mode, "container:"))) {
		r = compose_join(c, SPEC_NS_USER, "--userns", path, e);
		if (r < 0 || !is_ours(ns->path))
			return r;
		c->r->joins.n--;	/* it has the host's */
		ns->path = NULL;
		return 0;
	}
	path = str_after(mode, "ns:");
	if (!path || *path != '/')
		return err_say(e, EINVAL, "--userns %s: expected host, auto[:OPTIONS], private, "
			       "container:NAME or ns:PATH", mode);
	if (is_ours(path))
		return err_say(e, EINVAL, "--userns %s: it is the host's", mode);
	ns->path = arena_strdup(c->a, path);
	return 0;
}

/* Whose namespace that is would have rights over what shows it (/proc, /sys), and we none. */
static int check_joins(const struct compose *c, struct err *e)
{
	if (c->s->ns[SPEC_NS_USER].unshare && c->r->joins.n)
		return err_say(e, EINVAL, "--userns: a user namespace of its own cannot share the "
			       "%s namespace of another container, unless that one's user "
			       "namespace as well: --userns container:NAME",
			       c->r->joins.v[0].key);
	return 0;
}

bool compose_has_userns(const struct compose *c)
{
	return c->s->ns[SPEC_NS_USER].unshare || c->s->ns[SPEC_NS_USER].path;
}

int compose_userns(struct compose *c, struct err *e)
{
	const char *mode = c->o->userns ? c->o->userns : "host", *options;
	bool maps = c->o->uidmap.n || c->o->gidmap.n || c->o->subuidname || c->o->subgidname;
	int r;

	if (str_starts(mode, "keep-id") || str_eq(mode, "nomap"))
		return err_say(e, EINVAL, "--userns %s: is for containers of users without root's "
			       "rights; root takes auto, or maps of its own (--uidmap)", mode);
	if (maps && c->o->userns && !str_eq(mode, "private"))
		return err_say(e, EINVAL, "--userns %s does not go with --uidmap, --gidmap, "
			       "--subuidname and --subgidname", mode);
	if (str_eq(mode, "private") && !maps)
		return err_say(e, EINVAL, "--userns private needs --uidmap, --gidmap, --subuidname "
			       "or --subgidname; auto finds a range by itself");
	options = str_starts(mode, "auto:") ? mode + 5 : str_eq(mode, "auto") ? "" : NULL;
	if (!maps && str_eq(mode, "host"))
		return 0;
	if (!maps && !options)
		return others(c, mode, e);
	c->s->ns[SPEC_NS_USER].unshare = true;
	r = check_joins(c, e);
	if (r == 0)
		r = maps ? own_maps(c, e) : own_range(c, options, e);
	return r;
}
