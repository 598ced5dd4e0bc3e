/*
 * compose_init.c - what a container needs whose first process is an init: --systemd,
 * --shm-size-systemd; and --init-path.
 *
 * An init gets what systemd asks of those who run it (systemd.io/CONTAINER_INTERFACE): tmpfs where
 * it keeps its state, a cgroup of its own that it may write to, container_uuid.  No right more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/run_opts.h"

/* podman's rule: by the words of the command, so that nobody else pays for a look. */
static bool is_init(const char *program)
{
	return str_eq(path_base(program), "systemd") || str_eq(program, "/sbin/init") ||
	       str_eq(program, "/usr/sbin/init") || str_eq(program, "/usr/local/sbin/init");
}

static int systemd(struct compose *c, struct err *e)
{
	const char *when = c->o->systemd ? c->o->systemd : "true";
	bool always = str_eq(when, "always"), on = always, known = is_init(c->s->process.args[0]);

	if (!always && str_to_bool(when, &on) < 0)
		return err_say(e, EINVAL, "--systemd %s: expected true, false or always", when);
	if (always && c->o->init)
		return err_say(e, EINVAL, "--systemd always and --init exclude each other: the "
			       "init is the container's own");
	c->r->systemd = always || (on && known && !c->o->init);
	/* What hides behind a name is seen at the birth; behind a script it is systemd. */
	if (c->r->systemd && !known && !c->o->stop_signal && str_empty(c->image->stop_signal))
		c->r->stop_signal = "RTMIN+3";
	return 0;
}

/* A program of the host's, static as a rule, which runs the command that follows "--". */
static int init_path(struct compose *c, struct err *e)
{
	AUTO_FREE char *real = NULL;
	char **args = c->s->process.args;
	size_t n = 0;
	struct stat st;

	if (!c->o->init_path)
		return 0;
	if (!c->o->init)
		return err_say(e, EINVAL, "--init-path goes with --init");
	real = realpath(c->o->init_path, NULL);
	if (!real || stat(real, &st) < 0)
		return err_set(e, errno, "--init-path %s", c->o->init_path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_say(e, EINVAL, "--init-path %s: no program", c->o->init_path);
	c->r->init_path = arena_strdup(c->a, real);
	while (args[n])
		n++;
	c->s->process.args = arena_array(c->a, n + 3, sizeof(char *));
	c->s->process.args[0] = arena_strdup(c->a, RECORD_INIT_PATH);
	c->s->process.args[1] = arena_strdup(c->a, "--");
	memcpy(c->s->process.args + 2, args, n * sizeof(char *));
	return 0;
}

int compose_init(struct compose *c, struct err *e)
{
	int r = systemd(c, e);

	return r < 0 ? r : init_path(c, e);
}

int compose_init_mounts(struct compose *c, struct err *e)
{
	static const char *const dirs[] = { "/run", "/run/lock", "/tmp", "/var/log/journal" };
	char *options[] = { (char *)(uintptr_t)"nosuid", (char *)(uintptr_t)"nodev",
			    (char *)(uintptr_t)"tmpcopyup", NULL, NULL };
	char *bind[] = { (char *)(uintptr_t)"bind", (char *)(uintptr_t)"ro",
			 (char *)(uintptr_t)"rprivate", NULL };
	uint64_t size = 0;

	if (c->o->shm_size_systemd && str_to_bytes(c->o->shm_size_systemd, &size) < 0)
		return err_say(e, EINVAL, "--shm-size-systemd %s: expected a size as 64m",
			       c->o->shm_size_systemd);
	if (size)
		options[3] = arena_printf(c->a, "size=%llu", (unsigned long long)size);
	for (size_t i = 0; c->r->systemd && i < ARRAY_SIZE(dirs); i++)
		if (!compose_has_mount(c, dirs[i]) &&
		    !compose_add_mount(c, dirs[i], "tmpfs", "tmpfs", options, e))
			return -e->code;
	if (c->r->init_path &&
	    !compose_add_mount(c, RECORD_INIT_PATH, "bind", c->r->init_path, bind, e))
		return -e->code;
	return 0;
}
