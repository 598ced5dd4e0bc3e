/*
 * compose_names.c - lines that a container's /etc/passwd and /etc/group get: --passwd,
 * --passwd-entry, --group-entry, --hostuser.  The birth adds them (runtime/root_names.c).
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "cli/run_opts.h"

/* One line with that many colons. */
static int entry(struct compose *c, const char *option, const char *text, unsigned colons,
		 const char **ret, struct err *e)
{
	unsigned n = 0;

	for (const char *p = text; p && *p; p++) {
		n += *p == ':';
		if ((unsigned char)*p < 0x20)
			n = colons + 1;
	}
	if (text && (n != colons || *text == ':'))
		return err_say(e, EINVAL, "--%s \"%.200s\": expected one line as %s has, with %u "
			       "colons", option, text, colons == 3 ? "group(5)" : "passwd(5)",
			       colons);
	*ret = arena_strdup(c->a, text);
	return 0;
}

/* A home that the container does not have would be a promise. */
static const char *home_of(struct compose *c, const char *home)
{
	for (size_t i = 0; i < c->r->nvolumes; i++) {
		const char *rest = str_after(home, c->r->volumes[i].destination);

		if (rest && (!*rest || *rest == '/'))
			return home;
	}
	return c->r->working_dir;
}

static int host_user(struct compose *c, const char *name, const char **ret, struct err *e)
{
	const struct passwd *p;
	uint32_t uid;

	errno = 0;
	p = getpwnam(name);
	if (!p && str_to_u32(name, &uid) == 0)
		p = getpwuid(uid);
	if (!p)
		return err_say(e, ENOENT, "--hostuser %s: no such user on this host", name);
	return entry(c, "hostuser",
		     arena_printf(c->a, "%s:*:%u:%u:%s:%s:/bin/sh", p->pw_name, p->pw_uid,
				  p->pw_gid, p->pw_gecos ? p->pw_gecos : "",
				  home_of(c, p->pw_dir ? p->pw_dir : "/")),
		     6, ret, e);
}

int compose_names(struct compose *c, struct err *e)
{
	const struct run_opts *o = c->o;
	const char *first = o->hostuser.n ? "hostuser" : o->passwd_entry ? "passwd-entry" :
			    o->group_entry ? "group-entry" : NULL;
	int r;

	if (first && (o->rootfs || o->passwd_off))
		return err_say(e, EINVAL, "--%s does not go with --%s", first,
			       o->rootfs ? "rootfs, whose files are the host's" : "passwd=false");
	if ((r = entry(c, "passwd-entry", o->passwd_entry, 6, &c->r->passwd_entry, e)) < 0 ||
	    (r = entry(c, "group-entry", o->group_entry, 3, &c->r->group_entry, e)) < 0)
		return r;
	c->r->passwd = !o->passwd_off && !o->rootfs;
	c->r->host_users = arena_array(c->a, o->hostuser.n + 1, sizeof(char *));
	for (size_t i = 0; i < o->hostuser.n; i++) {
		const char *line;

		if ((r = host_user(c, o->hostuser.v[i], &line, e)) < 0)
			return r;
		c->r->host_users[i] = (char *)(uintptr_t)line;
	}
	return 0;
}
