/* cmd_info.c - info, version: what this is and what it runs on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/image_use.h"
#include "cli/output.h"
#include "cli/view.h"

struct format_opts { const char *format; };

static const struct opt info_rows[] = {
	{ "format", 'f', OPT_STR, offsetof(struct format_opts, format), "FORMAT",
	  "json, or a template as '{{.ServerVersion}}'" },
	OPT_END,
};
static const struct opt version_rows[] = {
	{ "format", 'f', OPT_STR, offsetof(struct format_opts, format), "FORMAT",
	  "json, or a template as '{{.Version}}'" },
	OPT_END,
};

/* ---- version ---- */

static struct json *component(struct arena *a)
{
	struct json *v = value_object(a);
	struct utsname u;

	uname(&u);
	value_put_str(a, v, "Version", BERTH_VERSION);
	value_put_str(a, v, "ApiVersion", "none");
	value_put_str(a, v, "OciVersion", SPEC_VERSION);
	value_put_str(a, v, "Os", "linux");
	value_put_str(a, v, "Arch", u.machine);
	value_put_str(a, v, "KernelVersion", u.release);
	value_put_str(a, v, "Built", __DATE__);
	return v;
}

static int run_version(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct format_opts *o = opts;
	AUTO(output_list) struct output_list l;
	struct json *v;
	struct utsname u;

	(void)c;
	(void)argc;
	(void)argv;
	output_list_init(&l);
	v = value_object(l.a);
	value_put(v, "Client", component(l.a));
	/* there is no server: what does the work is the same program */
	value_put(v, "Server", component(l.a));
	value_put_str(l.a, v, "Version", BERTH_VERSION);
	if (o->format)
		return output_value(o->format, v, e);
	uname(&u);
	printf("berth version %s\nOCI runtime-spec %s\nkernel %s on %s\n", BERTH_VERSION,
	       SPEC_VERSION, u.release, u.machine);
	return 0;
}

/* ---- info ---- */

static const char *os_name(struct arena *a)
{
	AUTO_FREE char *text = NULL;
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	struct err ignored = ERR_INIT;
	size_t n;

	if (path_read_file(-1, "/etc/os-release", 64u << 10, &text, &n, &ignored) < 0)
		return "Linux";
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		const char *name = str_after(lines.v[i], "PRETTY_NAME=");
		size_t len;

		if (!name)
			continue;
		name += *name == '"';
		len = strlen(name);
		return arena_strndup(a, name, len - (len && name[len - 1] == '"'));
	}
	return "Linux";
}

static int put_containers(struct cli *c, struct arena *a, struct json *v, struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int64_t n[3] = { 0, 0, 0 }, all = 0;
	int r = record_list(&c->en, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		enum connect_state s;
		struct err gone = ERR_INIT;

		if (connect_state(&c->en, ids.v[i], &s, NULL, &gone) < 0)
			continue;
		all++;
		n[s == STATE_RUNNING || s == STATE_RESTARTING ? 0 : s == STATE_PAUSED ? 1 : 2]++;
	}
	value_put_i64(a, v, "Containers", all);
	value_put_i64(a, v, "ContainersRunning", n[0]);
	value_put_i64(a, v, "ContainersPaused", n[1]);
	value_put_i64(a, v, "ContainersStopped", n[2]);
	return r;
}

static int put_images(struct cli *c, struct arena *a, struct json *v, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	AUTO(image_list) struct image_list *l = NULL;
	AUTO(strlist) struct strlist seen = STRLIST_INIT;
	int r;

	if ((r = store_open(c->en.root, &s, e)) < 0 || (r = image_list(s, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l->n; i++)
		if (!strlist_has(&seen, l->v[i].id))
			strlist_add(&seen, l->v[i].id);
	value_put_i64(a, v, "Images", (int64_t)seen.n);
	return 0;
}

static void put_cgroups(struct arena *a, struct json *v)
{
	AUTO(cgroup_host) struct cgroup_host h = CGROUP_HOST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err ignored = ERR_INIT;

	value_put_str(a, v, "CgroupDriver", "cgroupfs");
	value_put_str(a, v, "CgroupVersion", "2");
	if (cgroup_host_open(&h, &ignored) < 0) {
		value_put_str(a, v, "CgroupControllers", "");
		value_put_bool(a, v, "CgroupHybrid", false);
		return;
	}
	cgroup_controllers_show(h.controllers, &b);
	value_put_str(a, v, "CgroupControllers", b.s);
	value_put_bool(a, v, "CgroupHybrid", h.hybrid);
}

static void put_host(struct cli *c, struct arena *a, struct json *v)
{
	struct sysinfo si = { .totalram = 0 };
	struct utsname u;

	uname(&u);
	sysinfo(&si);
	value_put_str(a, v, "KernelVersion", u.release);
	value_put_str(a, v, "OperatingSystem", os_name(a));
	value_put_str(a, v, "OSType", "linux");
	value_put_str(a, v, "Architecture", u.machine);
	value_put_i64(a, v, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	value_put(v, "MemTotal", value_u64(a, (uint64_t)si.totalram * si.mem_unit));
	value_put_str(a, v, "Name", u.nodename);
	value_put_str(a, v, "DockerRootDir", c->en.root);
	value_put_str(a, v, "RunDir", c->en.run);
	value_put_bool(a, v, "Rootless", geteuid() != 0);
	value_put_str(a, v, "ServerVersion", BERTH_VERSION);
}

static void put_runtime(struct arena *a, struct json *v)
{
	struct json *security = value_put(v, "SecurityOptions", value_array(a));
	struct json *runtimes;

	if (path_exists(-1, "/sys/kernel/security/apparmor"))
		value_push(security, value_str(a, "name=apparmor"));
	value_push(security, value_str(a, "name=seccomp,profile=builtin"));
	value_push(security, value_str(a, "name=cgroupns"));
	runtimes = value_put(v, "Runtimes", value_map(a));
	value_put_str(a, value_put(runtimes, "berth", value_object(a)), "path", "berth-oci");
	value_put_str(a, v, "DefaultRuntime", "berth");
}

static void print_info(const struct json *v)
{
	static const char *const rows[][2] = {
		{ "Containers", "Containers" }, { " Running", "ContainersRunning" },
		{ " Paused", "ContainersPaused" }, { " Stopped", "ContainersStopped" },
		{ "Images", "Images" }, { "Version", "ServerVersion" },
		{ "Storage Driver", "Driver" }, { "Logging Driver", "LoggingDriver" },
		{ "Cgroup Driver", "CgroupDriver" }, { "Cgroup Version", "CgroupVersion" },
		{ "Cgroup Controllers", "CgroupControllers" },
		{ "Kernel Version", "KernelVersion" },
		{ "Operating System", "OperatingSystem" }, { "Architecture", "Architecture" },
		{ "CPUs", "NCPU" }, { "Total Memory", "MemTotal" }, { "Name", "Name" },
		{ "Root Dir", "DockerRootDir" }, { "Run Dir", "RunDir" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct json *m = json_get(v, rows[i][1]);
		char bytes[16];
		uint64_t n;

		if (str_eq(rows[i][1], "MemTotal") && str_to_u64(m->s, &n) == 0)
			printf("%s: %s\n", rows[i][0], str_bytes(n, bytes));
		else
			printf("%s: %s\n", rows[i][0], m->s);
	}
}

static int run_info(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct format_opts *o = opts;
	AUTO(output_list) struct output_list l;
	struct json *v;
	int r;

	(void)argc;
	(void)argv;
	output_list_init(&l);
	v = value_object(l.a);
	if ((r = put_containers(c, l.a, v, e)) < 0 || (r = put_images(c, l.a, v, e)) < 0)
		return r;
	value_put_str(l.a, v, "Driver", "overlay");
	value_put_str(l.a, v, "LoggingDriver", "k8s-file");
	put_cgroups(l.a, v);
	put_host(c, l.a, v);
	put_runtime(l.a, v);
	if (o->format)
		return output_value(o->format, v, e);
	print_info(v);
	return 0;
}

/* clang-format off */
const struct command command_version = {
	.name = "version", .args = "", .summary = "Show the version",
	.opts = version_rows, .size = sizeof(struct format_opts), .min = 0, .max = 0,
	.flags = CMD_NO_ENGINE, .run = run_version,
};
const struct command command_info = {
	.name = "info", .args = "", .summary = "Show what there is, and what it runs on",
	.opts = info_rows, .size = sizeof(struct format_opts), .min = 0, .max = 0,
	.run = run_info,
};
/* clang-format on */
