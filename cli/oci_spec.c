/*
 * oci_spec.c - spec: a config.json to begin with.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"

struct spec_opts { const char *bundle, *file; bool rootless; };
static const struct opt spec_rows[] = {
	{ "bundle", 'b', OPT_STR, offsetof(struct spec_opts, bundle), "DIR",
	  "Folder to write it to (default: this one)", .complete = "dir" },
	{ "rootless", 0, OPT_BOOL, offsetof(struct spec_opts, rootless), NULL,
	  "For a user namespace of yours" },
	{ "file", 'f', OPT_STR, offsetof(struct spec_opts, file), "FILE",
	  "Name of the file (default: config.json)" },
	OPT_END,
};

static void default_process(struct arena *a, struct spec_process *p)
{
	static char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       "TERM=xterm", NULL };
	static char *args[] = { "sh", NULL };
	/* kill, net_bind_service, audit_write: what runc and crun put there. */
	const uint64_t caps = UINT64_C(1) << 5 | UINT64_C(1) << 10 | UINT64_C(1) << 29;

	p->terminal = true;
	p->cwd = "/";
	p->env = arena_strv(a, env);
	p->args = arena_strv(a, args);
	p->caps = (struct spec_caps){ .set = true, .bounding = caps, .effective = caps,
				      .permitted = caps };
	p->rlimits = arena_array(a, 1, sizeof(*p->rlimits));
	p->rlimits[0] = (struct spec_rlimit){ RLIMIT_NOFILE, 1024, 1024 };
	p->nrlimits = 1;
	p->no_new_privileges = true;
}

static char **copy_names(struct arena *a, const char *const *names)
{
	size_t n = 0;
	char **v;

	while (names[n])
		n++;
	v = arena_array(a, n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = arena_strdup(a, names[i]);
	return v;
}

static void map_self(struct arena *a, struct spec_idmaps *m, uint32_t id)
{
	m->v = arena_array(a, 1, sizeof(*m->v));
	m->v[0] = (struct spec_idmap){ 0, id, 1 };
	m->n = 1;
}

/* What an ordinary user cannot do is left out: devices, a cgroup mount of one's own, sysfs
 * without a network namespace. */
static void make_rootless(struct arena *a, struct spec *s)
{
	size_t k = 0;

	s->ns[SPEC_NS_USER].unshare = true;
	s->ns[SPEC_NS_NETWORK].unshare = false;
	map_self(a, &s->uids, geteuid());
	map_self(a, &s->gids, getegid());
	for (size_t i = 0; i < s->nmounts; i++) {
		struct spec_mount m = s->mounts[i];

		if (str_eq(m.type, "sysfs")) {
			static char *options[] = { "rbind", "nosuid", "noexec", "nodev", "ro",
						   NULL };

			m.type = "none";
			m.source = "/sys";
			m.options = arena_strv(a, options);
		}
		if (!str_eq(m.type, "cgroup"))
			s->mounts[k++] = m;
	}
	s->nmounts = k;
}

static int make_spec(struct arena *a, bool rootless, struct spec *s, struct err *e)
{
	static const enum spec_ns own[] = { SPEC_NS_PID, SPEC_NS_NETWORK, SPEC_NS_IPC, SPEC_NS_UTS,
					    SPEC_NS_MOUNT, SPEC_NS_CGROUP };
	int r;

	s->version = SPEC_VERSION;
	s->root_path = "rootfs";
	s->root_readonly = true;
	s->hostname = "berth";
	s->has_process = true;
	default_process(a, &s->process);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		s->ns[own[i]].unshare = true;
	if (rootless)	/* before the mounts, which look at the mappings */
		map_self(a, &s->gids, getegid());
	r = spec_default_mounts(a, s, e);
	if (r < 0)
		return r;
	s->masked_paths = copy_names(a, spec_default_masked);
	s->readonly_paths = copy_names(a, spec_default_readonly);
	s->limits.devices_set = true;
	cgroup_devices_add(&s->limits, a, (struct cgroup_device){
		.allow = false, .type = CGROUP_DEV_ALL, .major = -1, .minor = -1,
		.access = CGROUP_DEV_MKNOD | CGROUP_DEV_READ | CGROUP_DEV_WRITE });
	if (rootless)
		make_rootless(a, s);
	return 0;
}

/* The writer makes one line; a person wants more. */
static int indent(struct arena *a, const struct strbuf *line, struct strbuf *ret, struct err *e)
{
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	const struct json *v;
	struct json_out o;
	int r = json_parse(a, line->s, line->len, lim, "spec", &v, e);

	if (r < 0)
		return r;
	json_out_init(&o, ret, 4);
	json_out_value(&o, NULL, v);
	strbuf_addc(ret, '\n');
	return 0;
}

static int run_spec(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct spec_opts *p = opts;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO(strbuf) struct strbuf line = STRBUF_INIT, text = STRBUF_INIT;
	const char *name = p->file ? p->file : "config.json";
	AUTO_CLOSE int dir = -1;
	struct spec s = { .arena = a };
	int r = path_open_dir(AT_FDCWD, p->bundle ? p->bundle : ".", &dir, e);

	(void)o;
	(void)argc;
	(void)argv;
	if (r < 0)
		return r;
	if (path_exists(dir, name))
		return err_say(e, EEXIST, "%s is there already; remove it first", name);
	r = make_spec(a, p->rootless, &s, e);
	if (r < 0)
		return r;
	spec_write(&s, &line);
	r = indent(a, &line, &text, e);
	return r < 0 ? r : path_write_file(dir, name, text.s, text.len, 0644, false, e);
}

const struct oci_command oci_spec = {
	"spec", "", "Write a config.json to begin with", spec_rows, sizeof(struct spec_opts), 0, 0,
	false, run_spec, .no_state = true,
};
