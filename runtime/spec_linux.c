/*
 * spec_linux.c - the "linux" object of config.json.
 *
 * Runs in: host.  Pure.
 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "base/str.h"
#include "runtime/spec_part.h"

/* ---- namespaces and ids ---------------------------------------------------------------- */

struct ns_entry { const char *type, *path; };

static int read_ns_entry(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("type", struct ns_entry, type, json_read_str, true),
		SPEC_ROW("path", struct ns_entry, path, json_read_str, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_namespace(struct json_ctx *c, const struct json *v, struct spec *s)
{
	struct ns_entry entry = { 0 };
	int r = read_ns_entry(c, v, &entry);

	if (r < 0)
		return r;
	for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
		if (!str_eq(entry.type, spec_ns_name((enum spec_ns)ns)))
			continue;
		if (s->ns[ns].unshare || s->ns[ns].path)
			return json_fail(c, "the namespace \"%s\" is there twice", entry.type);
		if (str_empty(entry.path))
			s->ns[ns].unshare = true;
		else if (entry.path[0] != '/')
			return spec_fail(c, "path", "must be absolute, not \"%.200s\"", entry.path);
		else
			s->ns[ns].path = entry.path;
		return 0;
	}
	return spec_fail(c, "type", "unknown namespace \"%.100s\"", entry.type);
}

static int read_namespaces(struct json_ctx *c, const struct json *v, void *field)
{
	long i = 0;
	int r = spec_read_bound(c, v, 64);

	for (const struct json *item = v->child; !r && item; item = item->next) {
		json_enter(c, NULL, i++);
		r = read_namespace(c, item, field);
		json_leave(c);
	}
	return r;
}

static int read_idmap(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("containerID", struct spec_idmap, container_id, json_read_u32, true),
		SPEC_ROW("hostID", struct spec_idmap, host_id, json_read_u32, true),
		SPEC_ROW("size", struct spec_idmap, size, json_read_u32, true),
	};
	struct spec_idmap *m = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (r < 0)
		return r;
	if (!m->size)
		return spec_fail(c, "size", "must not be 0");
	if (UINT32_MAX - m->container_id < m->size || UINT32_MAX - m->host_id < m->size)
		return spec_fail(c, "size", "the range ends above the last id");
	return 0;
}

static bool ranges_meet(uint32_t a, uint32_t an, uint32_t b, uint32_t bn)
{
	return (uint64_t)a < (uint64_t)b + bn && (uint64_t)b < (uint64_t)a + an;
}

int spec_read_idmaps(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_idmaps *maps = field;
	int r = spec_read_bound(c, v, SPEC_MAX_IDMAPS);

	if (!r)
		r = json_read_array(c, v, sizeof(*maps->v), read_idmap, &maps->v, &maps->n);
	for (size_t i = 0; !r && i < maps->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct spec_idmap *a = &maps->v[i], *b = &maps->v[k];

			if (ranges_meet(a->container_id, a->size, b->container_id, b->size) ||
			    ranges_meet(a->host_id, a->size, b->host_id, b->size))
				return json_fail(c, "entries %zu and %zu overlap", k, i);
		}
	return r;
}

static int read_nanosecs(struct json_ctx *c, const struct json *v, void *field)
{
	uint32_t *ns = field;
	int r = json_read_u32(c, v, field);

	if (!r && *ns > 999999999)
		return json_fail(c, "must be below 1000000000, not %u", *ns);
	return r;
}

static int read_offset(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("secs", struct spec_time_offset, secs, json_read_i64, false),
		SPEC_ROW("nanosecs", struct spec_time_offset, nanosecs, read_nanosecs, false),
	};
	struct spec_time_offset *o = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	o->set = !r;
	return r;
}

static int read_offsets(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("monotonic", struct spec, monotonic, read_offset, false),
		SPEC_ROW("boottime", struct spec, boottime, read_offset, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* ---- devices --------------------------------------------------------------------------- */

int spec_read_device_type(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_device *d = field;
	const char *type = NULL;
	int r = json_read_str(c, v, &type);

	if (r < 0)
		return r;
	if (strlen(type) != 1 || !strchr("cubp", type[0]))
		return json_fail(c, "must be \"c\", \"u\", \"b\" or \"p\", not \"%.100s\"", type);
	d->type = type[0] == 'u' ? 'c' : type[0];
	return 0;
}

int spec_read_device_number(struct json_ctx *c, const struct json *v, void *field)
{
	uint32_t *number = field;
	int64_t value = 0;
	int r = json_read_i64(c, v, &value);

	if (r < 0)
		return r;
	if (value < 0 || value > UINT32_MAX)
		return json_fail(c, "must be between 0 and 4294967295, not %lld", (long long)value);
	*number = (uint32_t)value;
	return 0;
}

int spec_read_file_mode(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_device *d = field;
	uint32_t mode = 0;
	int r = json_read_u32(c, v, &mode);

	if (r < 0)
		return r;
	/* Docker and podman hand the type bits of st_mode in as well. */
	d->mode = mode & 07777;
	d->mode_set = true;
	return 0;
}

static int read_device(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("path", struct spec_device, path, json_read_str, true),
		SPEC_WHOLE("type", spec_read_device_type, true),
		SPEC_ROW("major", struct spec_device, major, spec_read_device_number, false),
		SPEC_ROW("minor", struct spec_device, minor, spec_read_device_number, false),
		SPEC_WHOLE("fileMode", spec_read_file_mode, false),
		SPEC_ROW("uid", struct spec_device, uid, json_read_u32, false),
		SPEC_ROW("gid", struct spec_device, gid, json_read_u32, false),
	};
	struct spec_device *d = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (r < 0)
		return r;
	if (d->path[0] != '/')
		return spec_fail(c, "path", "must be absolute, not \"%.200s\"", d->path);
	if (str_ends(d->path, "/"))
		d->path = arena_strndup(c->a, d->path, strlen(d->path) - 1);
	if (!d->path[0])
		return spec_fail(c, "path", "must name a device");
	if (d->type != 'p' && (!json_get(v, "major") || !json_get(v, "minor")))
		return json_fail(c, "major and minor must be given for a device of type \"%c\"",
				 d->type);
	return 0;
}

static int read_devices(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec *s = field;
	int r = spec_read_bound(c, v, SPEC_MAX_DEVICES);

	if (r < 0)
		return r;
	return json_read_array(c, v, sizeof(*s->devices), read_device, &s->devices, &s->ndevices);
}

static bool ifname_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 15 || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	return !strpbrk(name, "/: \t\n\v\f\r");
}

int spec_read_ifname(struct json_ctx *c, const struct json *v, void *field)
{
	const char **name = field;
	int r = json_read_str(c, v, field);

	if (!r && !ifname_ok(*name))
		return json_fail(c, "\"%.50s\" is not a name of a network interface", *name);
	return r;
}

/* A key is the host's name of the interface, so this object is walked by hand. */
static int read_netdev(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("name", struct spec_netdev, to, json_read_str, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_netdevs(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec *s = field;
	int r = 0;

	if (v->type != JSON_OBJECT)
		return json_fail(c, "must be an object");
	if (v->n > SPEC_MAX_NETDEVS)
		return json_fail(c, "has more than %u members", SPEC_MAX_NETDEVS);
	s->netdevs = arena_array(c->a, v->n + 1, sizeof(*s->netdevs));
	for (const struct json *item = v->child; !r && item; item = item->next) {
		struct spec_netdev *d = &s->netdevs[s->nnetdevs++];

		json_enter(c, item->key, 0);
		d->name = arena_strdup(c->a, item->key);
		r = read_netdev(c, item, d);
		if (!r && str_empty(d->to))
			d->to = d->name;
		if (!r && (!ifname_ok(d->name) || !ifname_ok(d->to)))
			r = json_fail(c, "\"%.50s\" is not a name of a network interface",
				      ifname_ok(d->name) ? d->to : d->name);
		json_leave(c);
	}
	return r;
}

/* ---- the rest -------------------------------------------------------------------------- */

static int read_propagation(struct json_ctx *c, const struct json *v, void *field)
{
	const char *word = NULL;
	int r = json_read_str(c, v, &word);

	if (r < 0 || !*word)
		return r;
	return spec_read_word(c, v, spec_words_propagation, field);
}

static int read_persona_flags(struct json_ctx *c, const struct json *v, void *field)
{
	(void)field;
	if (v->type != JSON_ARRAY)
		return json_fail(c, "must be an array");
	if (v->n)	/* "currently no flag values are supported", config-linux.md */
		return json_fail(c, "there are no personality flags in this specification");
	return 0;
}

static int read_persona_domain(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec *s = field;
	uint64_t value = 0;
	int r = spec_read_word(c, v, spec_words_persona, &value);

	s->personality = (uint32_t)value;
	return r;
}

static int read_persona(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("domain", read_persona_domain, true),
		SPEC_WHOLE("flags", read_persona_flags, false),
	};
	struct spec *s = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	s->personality_set = !r;
	return r;
}

static int read_schema(struct json_ctx *c, const struct json *v, void *field)
{
	const char **text = field;
	int r = json_read_str(c, v, field);

	if (!r && strchr(*text, '\n'))
		return json_fail(c, "must not hold a line break");
	return r;
}

static int read_schemata(struct json_ctx *c, const struct json *v, void *field)
{
	char ***lines = field;
	int r = spec_read_strs(c, v, field);

	for (char **l = *lines; !r && *l; l++)
		if (strchr(*l, '\n'))
			return json_fail(c, "must not hold a line break");
	return r;
}

int spec_read_rdt(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("closID", struct spec_rdt, clos_id, json_read_str, false),
		SPEC_ROW("schemata", struct spec_rdt, schemata, read_schemata, false),
		SPEC_ROW("l3CacheSchema", struct spec_rdt, l3, read_schema, false),
		SPEC_ROW("memBwSchema", struct spec_rdt, mem_bw, read_schema, false),
		SPEC_ROW("enableMonitoring", struct spec_rdt, monitoring, json_read_bool, false),
	};
	struct spec_rdt *rdt = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (r < 0)
		return r;
	if (!str_empty(rdt->clos_id) && !str_eq(rdt->clos_id, "/") &&
	    (strchr(rdt->clos_id, '/') || str_eq(rdt->clos_id, ".") ||
	     str_eq(rdt->clos_id, "..")))
		return spec_fail(c, "closID", "\"%.100s\" is not a name of a folder", rdt->clos_id);
	if (!str_empty(rdt->mem_bw) && !str_starts(rdt->mem_bw, "MB:"))
		return spec_fail(c, "memBwSchema", "must begin with \"MB:\"");
	rdt->set = true;
	return 0;
}

static int read_mpol_mode(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_mempolicy *p = field;
	uint64_t value = 0;
	int r = spec_read_word(c, v, spec_words_mpol, &value);

	p->mode = (int)value;
	return r;
}

static int read_mpol_flags(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_mempolicy *p = field;
	uint64_t value = 0;
	int r = spec_read_words(c, v, spec_words_mpol_flag, &value);

	p->flags = (unsigned)value;
	return r;
}

static int read_mempolicy(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("mode", read_mpol_mode, true),
		SPEC_ROW("nodes", struct spec_mempolicy, nodes, spec_read_cpulist, false),
		SPEC_WHOLE("flags", read_mpol_flags, false),
	};
	struct spec_mempolicy *p = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	p->set = !r;
	return r;
}

int spec_read_linux(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("namespaces", read_namespaces, false),
		SPEC_ROW("uidMappings", struct spec, uids, spec_read_idmaps, false),
		SPEC_ROW("gidMappings", struct spec, gids, spec_read_idmaps, false),
		SPEC_WHOLE("timeOffsets", read_offsets, false),
		SPEC_WHOLE("devices", read_devices, false),
		SPEC_WHOLE("netDevices", read_netdevs, false),
		SPEC_ROW("cgroupsPath", struct spec, cgroups_path, json_read_str, false),
		SPEC_ROW("resources", struct spec, limits, cgroup_limits_read, false),
		SPEC_ROW("rootfsPropagation", struct spec, rootfs_propagation, read_propagation,
			 false),
		SPEC_ROW("seccomp", struct spec, seccomp, filter_profile_read, false),
		SPEC_ROW("sysctl", struct spec, sysctl, json_read_map, false),
		SPEC_ROW("maskedPaths", struct spec, masked_paths, spec_read_strs, false),
		SPEC_ROW("readonlyPaths", struct spec, readonly_paths, spec_read_strs, false),
		SPEC_ROW("mountLabel", struct spec, mount_label, json_read_str, false),
		SPEC_WHOLE("personality", read_persona, false),
		SPEC_ROW("intelRdt", struct spec, rdt, spec_read_rdt, false),
		SPEC_ROW("memoryPolicy", struct spec, mempolicy, read_mempolicy, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}
