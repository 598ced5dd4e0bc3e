/*
 * compose.c - options and an image's config → a record with its spec.
 *
 * Pure but for files that options name.  Below the record no option exists any more: run,
 * create and what comes later differ only in here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/run_opts.h"

#define ENV_FILE_MAX (1u << 20)
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char **compose_strv(struct arena *a, const struct strlist *l)
{
	char **v = arena_array(a, l->n + 1, sizeof(*v));

	for (size_t i = 0; i < l->n; i++)
		v[i] = arena_strdup(a, l->v[i]);
	return v;
}

/* ---- command ---- */

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int command(struct compose *c, struct err *e)
{
	char **args = c->in->args;
	char **entry = c->image->entrypoint;
	char **cmd = *args ? args : c->image->cmd;
	size_t n = 0;

	if (c->o->entrypoint) {
		entry = arena_array(c->a, 2, sizeof(*entry));
		if (*c->o->entrypoint)
			entry[0] = arena_strdup(c->a, c->o->entrypoint);
		cmd = args;	/* the image's arguments belong to its own entry point */
	}
	c->r->entrypoint = arena_strv(c->a, entry);
	c->r->cmd = arena_strv(c->a, cmd);
	c->s->process.args = arena_array(c->a, count(entry) + count(cmd) + 1, sizeof(char *));
	for (char **p = c->r->entrypoint; p && *p; p++)
		c->s->process.args[n++] = *p;
	for (char **p = c->r->cmd; p && *p; p++)
		c->s->process.args[n++] = *p;
	if (n == 0)
		return err_say(e, EINVAL, "no command given, and the image %s names none",
			       c->in->image_name);
	return 0;
}

/* ---- environment ---- */

static void env_set(struct strlist *env, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], assignment, n + 1) == 0) {
			free(env->v[i]);
			env->v[i] = mem_strdup(assignment);
			return;
		}
	strlist_add(env, assignment);
}

void compose_env(struct compose *c, const char *assignment)
{
	env_set(&c->env, assignment);
	c->s->process.env = compose_strv(c->a, &c->env);
}

static bool env_has(const struct strlist *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return true;
	return false;
}

static void env_unset(struct strlist *env, const char *name)
{
	size_t n = strlen(name), k = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			free(env->v[i]);
		else
			env->v[k++] = env->v[i];
	}
	env->n = k;
	if (env->v)
		env->v[k] = NULL;
}

/* NAME=VALUE, NAME (from our own environment), NAME* (all that begin so). */
static int env_option(struct strlist *env, const char *text, const char *where, struct err *e)
{
	extern char **environ;
	size_t n = strcspn(text, "=");

	if (n == 0 || strchr(text, '\n') == text)
		return err_say(e, EINVAL, "%s \"%s\": expected NAME=VALUE or NAME", where, text);
	if (text[n] == '=') {
		env_set(env, text);
		return 0;
	}
	for (char **p = environ; *p; p++) {
		bool all = text[n - 1] == '*';

		if (all ? strncmp(*p, text, n - 1) == 0
			: strncmp(*p, text, n) == 0 && (*p)[n] == '=')
			env_set(env, *p);
	}
	return 0;
}

static int read_lines(const char *path, const char *option, struct strlist *lines, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(strlist) struct strlist all = STRLIST_INIT;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return err_set(e, errno, "%s %s", option, path);
	if ((r = fd_read_all(fd, ENV_FILE_MAX, &text, &n)) < 0)
		return err_set(e, -r, "%s %s", option, path);
	if (strlen(text) != n)
		return err_say(e, EINVAL, "%s %s: has a NUL byte", option, path);
	strlist_split(&all, text, '\n', true);
	for (size_t i = 0; i < all.n; i++) {
		char *line = all.v[i] + strspn(all.v[i], " \t");
		size_t len = strlen(line);

		if (len && line[len - 1] == '\r')
			line[len - 1] = 0;
		if (*line && *line != '#')
			strlist_add(lines, line);
	}
	return 0;
}

const char *compose_env_get(const struct strlist *env, const char *name, size_t n)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

/* NAME=TEXT with ${NAME} and $NAME of what is there so far */
static int env_merge(struct strlist *env, const char *text, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *p = strchr(text, '=');

	if (!p || p == text)
		return err_say(e, EINVAL, "--env-merge %s: expected NAME=TEXT", text);
	strbuf_add(&b, text, (size_t)(p - text) + 1);
	for (p++; *p;) {
		bool braces = p[0] == '$' && p[1] == '{';
		const char *name = p + 1 + braces, *value;
		size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789_");

		if (*p != '$' || !n || (braces && name[n] != '}')) {
			strbuf_addc(&b, *p++);
			continue;
		}
		if ((value = compose_env_get(env, name, n)))
			strbuf_adds(&b, value);
		p = name + n + braces;
	}
	env_set(env, b.s);
	return 0;
}

static int environment(struct compose *c, struct err *e)
{
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
	};
	struct strlist *env = &c->env;
	int r;

	strlist_add(env, DEFAULT_PATH);
	if (c->o->tty)
		strlist_add(env, "TERM=xterm");
	strlist_addf(env, "HOSTNAME=%s", c->s->hostname ? c->s->hostname : "");
	if (c->o->env_host && (r = env_option(env, "*", "--env-host", e)) < 0)
		return r;
	for (size_t i = 0; c->o->http_proxy && i < ARRAY_SIZE(proxies); i++)
		if ((r = env_option(env, proxies[i], "--http-proxy", e)) < 0)
			return r;
	if (!c->o->unsetenv_all)
		for (char **p = c->image->env; *p; p++)
			env_set(env, *p);
	for (size_t i = 0; i < c->o->unsetenv.n; i++)
		env_unset(env, c->o->unsetenv.v[i]);
	for (size_t i = 0; i < c->o->env_merge.n; i++)
		if ((r = env_merge(env, c->o->env_merge.v[i], e)) < 0)
			return r;
	for (size_t i = 0; i < c->o->env_file.n; i++) {
		AUTO(strlist) struct strlist lines = STRLIST_INIT;

		r = read_lines(c->o->env_file.v[i], "--env-file", &lines, e);
		for (size_t k = 0; r == 0 && k < lines.n; k++)
			r = env_option(env, lines.v[k], c->o->env_file.v[i], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < c->o->env.n; i++)
		if ((r = env_option(env, c->o->env.v[i], "--env", e)) < 0)
			return r;
	if (c->o->tz && !str_eq(c->o->tz, "local") && !env_has(env, "TZ"))
		strlist_addf(env, "TZ=%s", c->o->tz);
	if (!env_has(env, "container"))
		strlist_add(env, "container=berth");
	if (c->r->systemd && !env_has(env, "container_uuid"))	/* an image's machine-id is empty */
		strlist_addf(env, "container_uuid=%.32s", c->in->id);
	c->s->process.env = compose_strv(c->a, env);
	return 0;
}

/* ---- labels and annotations ---- */

static void map_set(struct arena *a, struct json_map *m, size_t cap, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *key = arena_strndup(a, text, n);
	const char *value = arena_strdup(a, text[n] ? text + n + 1 : "");

	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].key, key)) {
			m->v[i].value = value;
			return;
		}
	if (m->n < cap)
		m->v[m->n++] = (struct json_pair){ key, value };
}

static int labels(struct compose *c, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	const struct json_map *from = &c->image->labels;
	size_t cap;
	int r;

	for (size_t i = 0; i < c->o->label_file.n; i++)
		if ((r = read_lines(c->o->label_file.v[i], "--label-file", &lines, e)) < 0)
			return r;
	cap = from->n + lines.n + c->o->label.n;
	c->r->labels.v = arena_array(c->a, cap + 1, sizeof(struct json_pair));
	for (size_t i = 0; i < from->n; i++)
		c->r->labels.v[c->r->labels.n++] =
			(struct json_pair){ arena_strdup(c->a, from->v[i].key),
					    arena_strdup(c->a, from->v[i].value) };
	for (size_t i = 0; i < lines.n; i++)
		map_set(c->a, &c->r->labels, cap, lines.v[i]);
	for (size_t i = 0; i < c->o->label.n; i++) {
		if (c->o->label.v[i][0] == '=' || !c->o->label.v[i][0])
			return err_say(e, EINVAL, "--label \"%s\": expected KEY[=VALUE]",
				       c->o->label.v[i]);
		map_set(c->a, &c->r->labels, cap, c->o->label.v[i]);
	}
	c->s->annotations.v =
		arena_array(c->a, c->o->annotation.n + 1, sizeof(struct json_pair));
	for (size_t i = 0; i < c->o->annotation.n; i++) {
		if (!strchr(c->o->annotation.v[i], '=') || c->o->annotation.v[i][0] == '=')
			return err_say(e, EINVAL, "--annotation \"%s\": expected KEY=VALUE",
				       c->o->annotation.v[i]);
		map_set(c->a, &c->s->annotations, c->o->annotation.n, c->o->annotation.v[i]);
	}
	/* An init has all of a cgroup below that of the limits, which it could lift else. */
	if (c->r->systemd && c->s->ns[SPEC_NS_CGROUP].unshare)
		map_set(c->a, &c->s->annotations, c->o->annotation.n + 1,
			"run.oci.delegate-cgroup=init");
	return 0;
}

/* ---- process ---- */

static int process(struct compose *c, struct err *e)
{
	struct spec_process *p = &c->s->process;
	const char *dir = c->o->workdir ? c->o->workdir : c->image->workdir;
	AUTO_FREE char *clean = path_clean(str_empty(dir) ? "/" : dir);
	uint32_t mode;

	if (c->o->workdir && c->o->workdir[0] != '/')
		return err_say(e, EINVAL, "--workdir %s: must be absolute", c->o->workdir);
	c->s->has_process = true;
	p->cwd = arena_strdup(c->a, clean);
	p->terminal = c->o->tty;
	p->console_height = c->in->rows;
	p->console_width = c->in->cols;
	if (c->o->umask) {
		if (str_to_mode(c->o->umask, &mode) < 0 || mode > 0777)
			return err_say(e, EINVAL, "--umask %s: expected an octal mode",
				       c->o->umask);
		p->user.umask.set = true;
		p->user.umask.v = mode;
	}
	c->r->user = arena_strdup(c->a, c->o->user ? c->o->user : c->image->user);
	c->r->groups = compose_strv(c->a, &c->o->group_add);
	c->r->working_dir = p->cwd;
	c->r->tty = c->o->tty;
	c->r->stdin_open = c->o->interactive;
	c->r->stdin_once = c->o->interactive && !c->o->detach;
	c->r->init = c->o->init;
	return command(c, e);
}

/* --network container:X, whose name in the network is X's. */
static int hostname_of_other(struct compose *c, struct err *e)
{
	AUTO(record) struct record *other = NULL;
	int r;

	if (c->o->hostname || c->o->domainname)
		return err_say(e, EINVAL, "--%s does not go with --network container:NAME, whose "
			       "name it has", c->o->hostname ? "hostname" : "domainname");
	if (!c->s->ns[SPEC_NS_UTS].unshare)
		return 0;
	if ((r = record_load(c->in->en, c->r->net.target, &other, e)) < 0)
		return r;
	c->s->hostname = arena_strdup(c->a, other->net.hostname);
	return 0;
}

static int hostname(struct compose *c, struct err *e)
{
	const char *h = c->o->hostname;

	if (h && (strlen(h) > 64 || !*h))
		return err_say(e, EINVAL, "--hostname %s: 1 to 64 characters", h);
	if (h && (c->s->ns[SPEC_NS_UTS].path || !c->s->ns[SPEC_NS_UTS].unshare))
		return err_say(e, EINVAL, "--hostname goes with a uts namespace of its own");
	c->r->hostname_set = arena_strdup(c->a, h);
	c->s->domainname = arena_strdup(c->a, c->o->domainname);
	if (c->r->net.mode == NET_CONTAINER)
		return hostname_of_other(c, e);
	if (c->s->ns[SPEC_NS_UTS].unshare)
		c->s->hostname = h ? arena_strdup(c->a, h) : arena_strndup(c->a, c->in->id, 12);
	c->r->net.hostname = c->s->hostname;
	c->r->net.domainname = c->s->domainname;
	return 0;
}

static void identity(struct compose *c)
{
	struct timespec now;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &now);
	c->r->arena = c->a;
	c->r->spec = c->s;
	c->r->id = arena_strdup(c->a, c->in->id);
	c->r->name = arena_strdup(c->a, c->in->name);
	c->r->created = arena_strdup(c->a, str_time(now, text));
	c->r->image = arena_strdup(c->a, c->in->image_name);
	c->r->image_id = arena_strdup(c->a, c->in->image ? c->in->image->id : "");
	c->r->layers = arena_strv(c->a, c->in->image ? c->in->image->layers : (char *[]){ NULL });
	c->r->auto_remove = c->o->rm;
	c->r->privileged = c->o->privileged;
	c->r->read_only = c->o->read_only;
	c->r->publish_all = c->o->publish_all;
	c->r->cgroup_parent = arena_strdup(c->a, c->o->cgroup_parent);
	c->r->detach_keys = arena_strdup(c->a, c->o->detach_keys);
	c->s->arena = c->a;
	c->s->version = SPEC_VERSION;
	c->s->root_path = "rootfs";
	c->s->root_readonly = c->o->read_only;
	c->s->cgroups_path = c->o->cgroup_parent
				     ? arena_printf(c->a, "%s/%s", c->o->cgroup_parent, c->in->id)
				     : arena_printf(c->a, "/berth/%s", c->in->id);
}

static int disk(struct compose *c, struct err *e)
{
	for (size_t i = 0; i < c->o->storage_opt.n; i++)
		if (disk_size_parse(c->o->storage_opt.v[i], &c->r->disk, e) < 0)
			return err_wrap(e, "--storage-opt");
	if (c->o->storage_opt.n && !c->r->disk.bytes)
		return err_say(e, EINVAL, "--storage-opt: expected size=SIZE[,inodes=N]");
	if (c->r->disk.bytes && c->r->rootfs)
		return err_say(e, EINVAL, "--storage-opt: the folder of --rootfs has no bound");
	return 0;
}

static char *no_strings[] = { NULL };
static const struct image_config no_image = {
	.env = no_strings, .cmd = no_strings, .entrypoint = no_strings, .onbuild = no_strings,
	.shell = no_strings, .ports = no_strings, .volumes = no_strings, .user = "",
	.workdir = "", .stop_signal = "",
};

int compose_record(struct arena *a, const struct compose_in *in, struct record **ret,
		   struct err *e)
{
	/* clang-format off */
	static int (*const steps[])(struct compose *c, struct err *e) = {
		compose_namespaces, hostname, process, compose_init, environment, labels,
		compose_security, compose_resources, compose_engine, compose_cdi, compose_mounts,
		compose_names, disk,
	};
	/* clang-format on */
	struct compose c = { .in = in, .o = in->o, .a = a,
			     .image = in->image ? &in->image->config : &no_image };
	AUTO_FREE char *rootfs = NULL;
	int r = 0;

	c.r = arena_alloc(a, sizeof(*c.r));
	c.s = arena_alloc(a, sizeof(*c.s));
	identity(&c);
	if (in->o->rootfs) {
		rootfs = realpath(in->o->rootfs, NULL);
		if (!rootfs)
			return err_set(e, errno, "--rootfs %s", in->o->rootfs);
		c.r->rootfs = arena_strdup(a, rootfs);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](&c, e);
	strlist_cleanup(&c.env);
	if (r == 0)
		r = spec_check(c.s, e);
	if (r == 0)
		*ret = c.r;
	return r;
}
