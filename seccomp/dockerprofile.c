/*
 * dockerprofile.c - profile files as Docker and podman take them, resolved for one container.
 *
 * The format is OCI's with three additions: archMap (an architecture brings others with
 * it), includes and excludes (a rule counts or not by capability, architecture, kernel), and
 * podman's names of errno values.  What is written for others counts as they read it: of
 * includes all conditions must hold, of excludes any one takes the rule away.  Pure.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct cond {
	char **caps, **arches;
	const char *min_kernel;
};

struct entry {
	struct filter_rule rule;	/* first: readers of rules get its address */
	const char *name;
	const char *errno_name;
	const char *comment;
	struct cond includes, excludes;
};

struct arch_map {
	const char *arch;
	char **subs;
};

struct file {
	struct filter_profile profile;
	const char *errno_name;
	size_t nmaps;
	struct arch_map *maps;
	size_t nentries;
	struct entry *entries;
};

/* By number, as in capability.h. */
static const char *const cap_names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
	"SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
};

static bool has_cap(uint64_t caps, const char *name)
{
	const char *bare = str_after(name, "CAP_");

	for (size_t i = 0; bare && i < ARRAY_SIZE(cap_names); i++)
		if (strcmp(cap_names[i], bare) == 0)
			return caps >> i & 1;
	return false;
}

static bool has_str(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (strcmp(*v, s) == 0)
			return true;
	return false;
}

/* ---- reading ---- */

static int read_kernel(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = NULL;
	unsigned major, minor;
	char end;
	int rc = json_read_str(c, v, &s);

	if (rc < 0)
		return rc;
	if (sscanf(s, "%5u.%5u%c", &major, &minor, &end) != 2)
		return json_fail(c, "must be a kernel version like 4.8, not %s", s);
	*(const char **)field = s;
	return 0;
}

static int read_cond(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "caps", json_read_strs, offsetof(struct cond, caps), false },
		{ "arches", json_read_strs, offsetof(struct cond, arches), false },
		{ "minKernel", read_kernel, offsetof(struct cond, min_kernel), false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_errno(struct json_ctx *c, const struct json *v, void *field)
{
	const char *name = NULL;
	uint32_t number;
	int rc = json_read_str(c, v, &name);

	if (rc < 0)
		return rc;
	if (*name && str_to_u32(name, &number) < 0) {
		for (number = 1; number < 256; number++) {
			const char *known = strerrorname_np((int)number);

			if (known && strcmp(known, name) == 0)
				break;
		}
		if (number == 256)
			return json_fail(c, "unknown error %s", name);
	}
	*(const char **)field = name;
	return 0;
}

static void apply_errno(const char *name, struct json_opt_u32 *v)
{
	uint32_t number;

	if (str_empty(name))
		return;
	if (str_to_u32(name, &number) < 0)
		for (number = 1; number < 255; number++)
			if (str_eq(strerrorname_np((int)number), name))
				break;
	*v = (struct json_opt_u32){ true, number };
}

static int read_entry(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "name", json_read_str, offsetof(struct entry, name), false },
		{ "names", json_read_strs, offsetof(struct entry, rule.names), false },
		{ "action", profile_read_action, offsetof(struct entry, rule.action), true },
		{ "errnoRet", json_read_opt_u32, offsetof(struct entry, rule.errno_ret), false },
		{ "errno", read_errno, offsetof(struct entry, errno_name), false },
		{ "args", profile_read_args, offsetof(struct entry, rule), false },
		{ "comment", json_read_str, offsetof(struct entry, comment), false },
		{ "includes", read_cond, offsetof(struct entry, includes), false },
		{ "excludes", read_cond, offsetof(struct entry, excludes), false },
	};
	struct entry *entry = field;
	int rc = json_read_rows(c, v, rows, ARRAY_SIZE(rows), entry);

	if (rc < 0)
		return rc;
	if (!str_empty(entry->name)) {
		if (entry->rule.names && entry->rule.names[0])
			return json_fail(c, "name and names exclude one another");
		entry->rule.names = arena_array(c->a, 2, sizeof(char *));
		entry->rule.names[0] = arena_strdup(c->a, entry->name);
	}
	if (!entry->rule.names || !entry->rule.names[0])
		return json_fail(c, "names must hold a name");
	apply_errno(entry->errno_name, &entry->rule.errno_ret);
	return 0;
}

static int read_map(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "architecture", json_read_str, offsetof(struct arch_map, arch), true },
		{ "subArchitectures", json_read_strs, offsetof(struct arch_map, subs), false },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_maps(struct json_ctx *c, const struct json *v, void *field)
{
	struct file *f = field;

	return json_read_array(c, v, sizeof(*f->maps), read_map, &f->maps, &f->nmaps);
}

static int read_entries(struct json_ctx *c, const struct json *v, void *field)
{
	struct file *f = field;

	return json_read_array(c, v, sizeof(*f->entries), read_entry, &f->entries, &f->nentries);
}

static int read_file(struct json_ctx *c, const struct json *v, struct file *f)
{
#define ROW(key, fn, member) { key, fn, offsetof(struct file, member), false }
	static const struct json_row rows[] = {
		{ "defaultAction", profile_read_action,
		  offsetof(struct file, profile.default_action), true },
		ROW("defaultErrnoRet", json_read_opt_u32, profile.default_errno),
		ROW("defaultErrno", read_errno, errno_name),
		ROW("architectures", json_read_strs, profile.archs),
		ROW("archMap", read_maps, profile),
		ROW("flags", profile_read_flags, profile.flags),
		ROW("listenerPath", json_read_str, profile.listener_path),
		ROW("listenerMetadata", json_read_str, profile.listener_metadata),
		ROW("syscalls", read_entries, profile),
	};
#undef ROW
	int rc = json_read_rows(c, v, rows, ARRAY_SIZE(rows), f);

	if (rc < 0)
		return rc;
	if (f->nmaps && f->profile.archs && f->profile.archs[0])
		return json_fail(c, "architectures and archMap exclude one another");
	f->profile.flags_set = json_get(v, "flags") != NULL;
	apply_errno(f->errno_name, &f->profile.default_errno);
	return 0;
}

/* ---- resolving ---- */

static bool kernel_reaches(unsigned kernel, const char *min)
{
	unsigned major = 0, minor = 0;

	sscanf(min, "%5u.%5u", &major, &minor);
	return kernel >= (major << 16 | minor);
}

static bool is_included(const struct cond *c, const struct filter_host *host)
{
	if (c->arches && c->arches[0] && !has_str(c->arches, sysnames_native()->go))
		return false;
	for (char **cap = c->caps; cap && *cap; cap++)
		if (!has_cap(host->caps, *cap))
			return false;
	return !c->min_kernel || kernel_reaches(host->kernel, c->min_kernel);
}

static bool is_excluded(const struct cond *c, const struct filter_host *host)
{
	if (has_str(c->arches, sysnames_native()->go))
		return true;
	for (char **cap = c->caps; cap && *cap; cap++)
		if (has_cap(host->caps, *cap))
			return true;
	return c->min_kernel && kernel_reaches(host->kernel, c->min_kernel);
}

static void resolve_archs(struct arena *a, struct file *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nmaps; i++) {
		const struct arch_map *map = &f->maps[i];

		if (strcmp(map->arch, sysnames_native()->oci) != 0)
			continue;
		while (map->subs && map->subs[n])
			n++;
		f->profile.archs = arena_array(a, n + 2, sizeof(char *));
		f->profile.archs[0] = arena_strdup(a, map->arch);
		for (size_t k = 0; k < n; k++)
			f->profile.archs[k + 1] = map->subs[k];
		return;
	}
}

int filter_profile_parse(struct arena *a, const char *text, size_t n,
			 const struct filter_host *host, struct filter_profile **ret,
			 struct err *e)
{
	struct json_limits limits = { 1u << 20, 16 };
	struct json_ctx c = { .a = a, .e = e, .what = "seccomp profile" };
	const struct json *root = NULL;
	struct filter_profile *p;
	struct file f = { 0 };
	int rc;

	rc = json_parse(a, text, n, limits, c.what, &root, e);
	if (rc < 0)
		return rc;
	rc = read_file(&c, root, &f);
	if (rc < 0)
		return rc;
	resolve_archs(a, &f);
	p = arena_alloc(a, sizeof(*p));
	*p = f.profile;
	p->rules = arena_array(a, f.nentries + 1, sizeof(*p->rules));
	for (size_t i = 0; i < f.nentries; i++)
		if (is_included(&f.entries[i].includes, host) &&
		    !is_excluded(&f.entries[i].excludes, host))
			p->rules[p->nrules++] = f.entries[i].rule;
	for (char **arch = p->archs; arch && *arch; arch++)
		if (!sysnames_find(*arch))
			return err_say(e, EINVAL, "seccomp profile: unknown architecture %s",
				       *arch);
	rc = filter_profile_check(p, e);
	if (rc < 0)
		return err_wrap(e, "seccomp profile");
	*ret = p;
	return 0;
}
