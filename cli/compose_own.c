/*
 * compose_own.c - the mounts that containers have besides those that were asked for: proc, dev
 * and the like, the engine's own files, the time zone, secrets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/run_opts.h"
#include "runtime/secret.h"

/* ---- --secret NAME[,target=…,uid=…,gid=…,mode=…] ---- */

static int secret_option(struct compose *c, const char *text, struct err *e)
{
	AUTO(strlist) struct strlist p = STRLIST_INIT;
	struct record_secret *v = arena_array(c->a, c->r->nsecrets + 1, sizeof(*v));
	struct record_secret s = { .mode = 0444 };
	char *options[] = { (char *)(uintptr_t)"bind", (char *)(uintptr_t)"ro",
			    (char *)(uintptr_t)"nosuid", (char *)(uintptr_t)"nodev",
			    (char *)(uintptr_t)"noexec", NULL };

	strlist_split(&p, text, ',', true);
	for (size_t i = 0; i < p.n; i++) {
		const char *x = p.v[i], *y;
		int bad = 0;

		if (i == 0 && !strchr(x, '='))
			s.name = arena_strdup(c->a, x);
		else if ((y = str_after(x, "id=")) || (y = str_after(x, "source=")))
			s.name = arena_strdup(c->a, y);
		else if ((y = str_after(x, "target=")))
			s.target = arena_strdup(c->a, y);
		else if ((y = str_after(x, "uid=")))
			bad = str_to_u32(y, &s.uid);
		else if ((y = str_after(x, "gid=")))
			bad = str_to_u32(y, &s.gid);
		else if ((y = str_after(x, "mode=")))
			bad = str_to_mode(y, &s.mode);
		else if (str_eq(x, "type=env"))
			s.env = true;
		else if (!str_eq(x, "type=mount"))
			bad = -EINVAL;
		if (bad < 0)
			return err_say(e, EINVAL, "--secret %s: expected NAME[,type=mount|env,"
				       "target=TARGET,uid=N,gid=N,mode=MODE]", text);
	}
	if (str_empty(s.name) || strchr(s.name, '/') || s.name[0] == '.')
		return err_say(e, EINVAL, "--secret %s: not a name of a secret", text);
	if (c->r->nsecrets == SECRETS_MAX)
		return err_say(e, EINVAL, "--secret %s: more than %d", text, SECRETS_MAX);
	if (!s.target)
		s.target = s.name;
	if (s.env && strchr(s.target, '='))
		return err_say(e, EINVAL, "--secret %s: not a name of a variable", text);
	if (!s.env && s.target[0] != '/')
		s.target = arena_printf(c->a, "/run/secrets/%s", s.target);
	if (c->r->nsecrets)
		memcpy(v, c->r->secrets, c->r->nsecrets * sizeof(*v));
	v[c->r->nsecrets++] = s;
	c->r->secrets = v;
	/* The birth gives it a file of a tmpfs in place of this source (secret_give). */
	return s.env || compose_add_mount(c, s.target, "bind", SECRET_SOURCE, options, e)
		       ? 0 : -e->code;
}

/* ---- what every container has ---- */

static size_t find_mount(const struct compose *c, const char *dst)
{
	size_t i = 0;

	while (i < c->s->nmounts && !str_eq(c->s->mounts[i].destination, dst))
		i++;
	return i;
}

bool compose_has_mount(const struct compose *c, const char *dst)
{
	return find_mount(c, dst) < c->s->nmounts;
}

int compose_read_only_tmpfs(struct compose *c, struct err *e)
{
	static const char *const dirs[] = { "/run", "/tmp", "/var/tmp" };
	char *options[] = { (char *)(uintptr_t)"nosuid", (char *)(uintptr_t)"nodev",
			    (char *)(uintptr_t)"tmpcopyup", NULL };

	if (!c->o->read_only || c->o->read_only_tmpfs_off)
		return 0;
	c->r->read_only_tmpfs = true;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!compose_has_mount(c, dirs[i]) &&
		    !compose_add_mount(c, dirs[i], "tmpfs", "tmpfs", options, e))
			return -e->code;
	return 0;
}

bool compose_no_dns(const struct compose *c)
{
	return strlist_has(&c->o->dns, "none");
}

static int engine_files(struct compose *c, const char *below, struct err *e)
{
	static const char *const files[] = { "resolv.conf", "hosts", "hostname" };
	const char *whose = c->r->net.mode == NET_CONTAINER ? c->r->net.target : c->in->id;
	char *options[] = { (char *)(uintptr_t)"bind", (char *)(uintptr_t)"rprivate", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *dst = arena_printf(c->a, "%s/etc/%s", below, files[i]);

		if (compose_has_volume(c, dst) ||
		    (c->o->no_hosts && str_eq(files[i], "hosts")) ||
		    (compose_no_dns(c) && str_eq(files[i], "resolv.conf")))
			continue;
		if (!compose_add_mount(c, dst, "bind",
				       arena_printf(c->a, "%s/%s/%s", c->in->en->run, whose,
						    files[i]),
				       options, e))
			return -e->code;
	}
	return 0;
}

/* --chrootdirs: who changes its root to there finds them as well. */
static int engine_files_below(struct compose *c, const char *dir, struct err *e)
{
	AUTO_FREE char *clean = path_clean(dir);

	if (dir[0] != '/' || str_eq(clean, "/"))
		return err_say(e, EINVAL, "--chrootdirs %s: expected an absolute path of a folder "
			       "in the container", dir);
	return engine_files(c, clean, e);
}

static int shm_size(struct compose *c, struct spec_mount *m, struct err *e)
{
	uint64_t n;

	if (!c->o->shm_size)
		return 0;
	if (str_to_bytes(c->o->shm_size, &n) < 0 || n == 0)
		return err_say(e, EINVAL, "--shm-size %s: expected a size as 64m", c->o->shm_size);
	for (char **o = m->options; *o; o++)
		if (str_starts(*o, "size="))
			*o = arena_printf(c->a, "size=%llu", (unsigned long long)n);
	return spec_mount_options(c->a, m, m->options, e);
}

static void drop_mount(struct compose *c, size_t i)
{
	struct spec_mount *m = c->s->mounts;

	if (i < c->s->nmounts)
		memmove(&m[i], &m[i + 1], (--c->s->nmounts - i) * sizeof(*m));
}

/* /dev/shm goes with the IPC namespace: the host's, another container's, or with none, none. */
static int shared_memory(struct compose *c, struct err *e)
{
	const struct spec_namespace *ns = &c->s->ns[SPEC_NS_IPC];
	struct spec_mount *m = c->s->mounts;
	size_t i = find_mount(c, "/dev/shm");

	if (i == c->s->nmounts)
		return 0;
	if (c->o->shm_size && (!ns->unshare || str_eq(c->o->ipc, "none")))
		return err_say(e, EINVAL, "--shm-size and --ipc %s exclude each other", c->o->ipc);
	if (str_eq(c->o->ipc, "none")) {
		drop_mount(c, i);
		return 0;
	}
	if (ns->unshare || (ns->path && !str_starts(c->o->ipc, "container:")))
		return shm_size(c, &m[i], e);
	m[i] = (struct spec_mount){ .destination = m[i].destination, .type = "bind" };
	m[i].source = ns->path ? RECORD_SHM_SOURCE : "/dev/shm";
	m[i].options = arena_array(c->a, 3, sizeof(char *));
	m[i].options[0] = arena_strdup(c->a, "bind");
	m[i].options[1] = arena_strdup(c->a, "rprivate");
	return spec_mount_options(c->a, &m[i], m[i].options, e);
}

int compose_own_first(struct compose *c, struct err *e)
{
	int r = spec_default_mounts(c->a, c->s, e);

	if (r < 0)
		return r;
	c->mounts_cap = c->s->nmounts;
	for (size_t i = 0; i < c->s->nmounts; i++) {
		struct spec_mount *m = &c->s->mounts[i];
		size_t k = 0;

		if (!c->o->privileged && !(c->r->systemd && c->s->ns[SPEC_NS_CGROUP].unshare &&
					   str_eq(m->type, "cgroup")))
			continue;

		for (char **o = m->options; *o; o++)
			if (!str_eq(*o, "ro"))
				m->options[k++] = *o;
		m->options[k] = NULL;
		*m = (struct spec_mount){ .destination = m->destination, .type = m->type,
					  .source = m->source, .options = m->options };
		if ((r = spec_mount_options(c->a, m, m->options, e)) < 0)
			return r;
	}
	/* the host's queues are bound, which not every host has mounted */
	if (compose_has_userns(c) && str_eq(c->o->ipc, "host") && access("/dev/mqueue", F_OK) < 0)
		drop_mount(c, find_mount(c, "/dev/mqueue"));
	return shared_memory(c, e);
}

/* The host's description of the zone, since few images have any; a program that reads TZ and has
 * its own finds that. */
static int time_zone(struct compose *c, struct err *e)
{
	char *options[] = { (char *)(uintptr_t)"bind", (char *)(uintptr_t)"ro",
			    (char *)(uintptr_t)"rprivate", NULL };
	const char *zone = c->o->tz;
	AUTO_FREE char *file = NULL, *real = NULL;

	if (!zone)
		return 0;
	file = str_eq(zone, "local") ? mem_strdup("/etc/localtime")
				     : mem_printf("/usr/share/zoneinfo/%s", zone);
	real = realpath(file, NULL);
	if (!real && str_eq(zone, "local"))
		return 0;	/* a host without one has UTC, as the container */
	if (!real || strstr(zone, "..") || zone[0] == '/' || !*zone)
		return err_say(e, EINVAL, "--tz %s: no such time zone on this host", zone);
	if (compose_has_volume(c, "/etc/localtime"))
		return 0;
	return compose_add_mount(c, "/etc/localtime", "bind", real, options, e) ? 0 : -e->code;
}

int compose_own_last(struct compose *c, struct err *e)
{
	AUTO(strlist) struct strlist below = STRLIST_INIT;
	int r = engine_files(c, "", e);

	for (size_t i = 0; i < c->o->chrootdirs.n; i++)
		strlist_split(&below, c->o->chrootdirs.v[i], ',', true);
	for (size_t i = 0; r == 0 && i < below.n; i++)
		r = engine_files_below(c, below.v[i], e);
	if (r == 0)
		r = time_zone(c, e);
	for (size_t i = 0; r == 0 && i < c->o->secret.n; i++)
		r = secret_option(c, c->o->secret.v[i], e);
	return r;
}
