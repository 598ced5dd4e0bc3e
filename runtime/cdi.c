/*
 * cdi.c - a file of the Container Device Interface → struct cdi_spec.
 *
 * Runs in: host.  Pure.
 */
#include "runtime/cdi.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "runtime/spec_part.h"

/* ---- names ------------------------------------------------------------------------------- */

/* First and last are letters (digits, where they may be); between them also what `more` has. */
static bool word_ok(const char *s, size_t n, bool digit_first, const char *more)
{
	if (!n || n > 253 || !(isalpha((unsigned char)s[0]) ||
			       (digit_first && isdigit((unsigned char)s[0]))))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (i == n - 1 || !strchr(more, s[i])))
			return false;
	return true;
}

static bool kind_ok(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t vendor = slash ? (size_t)(slash - s) : 0;

	return vendor && n - vendor - 1 <= 63 && word_ok(s, vendor, false, "_-.") &&
	       word_ok(slash + 1, n - vendor - 1, false, "_-.");
}

static bool device_ok(const char *s)
{
	return word_ok(s, strlen(s), true, "_-.:");
}

bool cdi_is_name(const char *text)
{
	const char *eq = strchr(text, '=');

	return eq && kind_ok(text, (size_t)(eq - text)) && device_ok(eq + 1);
}

/* ---- edits ------------------------------------------------------------------------------- */

static int absolute(struct json_ctx *c, const struct json *v, void *field)
{
	const char **path = field;
	int r = json_read_str(c, v, field);

	if (!r && **path != '/')
		return json_fail(c, "must be absolute, not \"%.200s\"", *path);
	return r;
}

static int read_env(struct json_ctx *c, const struct json *v, void *field)
{
	char ***env = field;
	int r = spec_read_strs(c, v, field);

	for (char **p = *env; !r && *p; p++)
		if (**p == '=' || !strchr(*p, '='))
			return json_fail(c, "\"%.100s\" is not NAME=VALUE", *p);
	return r;
}

static int read_permissions(struct json_ctx *c, const struct json *v, void *field)
{
	const char **text = field;
	int r = json_read_str(c, v, field);

	if (!r && !str_eq(*text, "none") && (*text)[strspn(*text, "rwm")])
		return json_fail(c, "expected some of rwm, or none, not \"%.100s\"", *text);
	return r;
}

static int read_node(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("path", struct cdi_node, d.path, absolute, true),
		SPEC_ROW("hostPath", struct cdi_node, host, absolute, false),
		SPEC_ROW("type", struct cdi_node, d, spec_read_device_type, false),
		SPEC_ROW("major", struct cdi_node, d.major, spec_read_device_number, false),
		SPEC_ROW("minor", struct cdi_node, d.minor, spec_read_device_number, false),
		SPEC_ROW("fileMode", struct cdi_node, d, spec_read_file_mode, false),
		SPEC_ROW("permissions", struct cdi_node, permissions, read_permissions, false),
		SPEC_ROW("uid", struct cdi_node, uid, json_read_opt_u32, false),
		SPEC_ROW("gid", struct cdi_node, gid, json_read_opt_u32, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_mount(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("hostPath", struct cdi_mount, host, json_read_str, true),
		SPEC_ROW("containerPath", struct cdi_mount, path, absolute, true),
		SPEC_ROW("type", struct cdi_mount, type, json_read_str, false),
		SPEC_ROW("options", struct cdi_mount, options, spec_read_strs, false),
	};
	struct cdi_mount *m = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (!r && !*m->host)
		return spec_fail(c, "hostPath", "must not be empty");
	if (!r && !m->options)
		m->options = arena_array(c->a, 1, sizeof(char *));
	return r;
}

static int read_hook_name(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_word words[SPEC_HOOK_COUNT + 1] = { { NULL, 0 } };

	for (unsigned i = 0; i < SPEC_HOOK_COUNT; i++)
		words[i] = (struct spec_word){ spec_hook_name(i), i };
	return spec_read_word(c, v, words, field);
}

static int read_hook(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("hookName", struct cdi_hook, kind, read_hook_name, true),
		SPEC_ROW("path", struct cdi_hook, hook.path, absolute, true),
		SPEC_ROW("args", struct cdi_hook, hook.args, spec_read_strs, false),
		SPEC_ROW("env", struct cdi_hook, hook.env, read_env, false),
		SPEC_ROW("timeout", struct cdi_hook, hook.timeout, spec_read_timeout, false),
	};
	struct cdi_hook *h = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (!r)
		spec_hook_complete(c->a, &h->hook);
	return r;
}

static int read_netdev(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("hostInterfaceName", struct spec_netdev, name, spec_read_ifname, true),
		SPEC_ROW("name", struct spec_netdev, to, spec_read_ifname, true),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_list(struct json_ctx *c, const struct json *v, unsigned max, size_t size,
		     json_reader *fn, void *ret, size_t *ret_n)
{
	int r = spec_read_bound(c, v, max);

	return r < 0 ? r : json_read_array(c, v, size, fn, ret, ret_n);
}

#define LIST(name, max, fn, member, number)						\
	static int name(struct json_ctx *c, const struct json *v, void *field)		\
	{										\
		struct cdi_edits *x = field;						\
											\
		return read_list(c, v, max, sizeof(*x->member), fn, &x->member, &x->number); \
	}

LIST(read_nodes, 4096, read_node, nodes, nnodes)
LIST(read_mounts, 4096, read_mount, mounts, nmounts)
LIST(read_hooks, SPEC_MAX_HOOKS, read_hook, hooks, nhooks)
LIST(read_gids, 1024, json_read_u32, gids, ngids)
LIST(read_netdevs, SPEC_MAX_NETDEVS, read_netdev, netdevs, nnetdevs)

static int read_edits(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("env", struct cdi_edits, env, read_env, false),
		SPEC_WHOLE("deviceNodes", read_nodes, false),
		SPEC_WHOLE("mounts", read_mounts, false),
		SPEC_WHOLE("hooks", read_hooks, false),
		SPEC_WHOLE("additionalGids", read_gids, false),
		SPEC_WHOLE("netDevices", read_netdevs, false),
		SPEC_ROW("intelRdt", struct cdi_edits, rdt, spec_read_rdt, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* ---- the document ------------------------------------------------------------------------ */

static int read_kind(struct json_ctx *c, const struct json *v, void *field)
{
	const char **kind = field;
	int r = json_read_str(c, v, field);

	if (!r && !kind_ok(*kind, strlen(*kind)))
		return json_fail(c, "\"%.100s\" is not VENDOR/CLASS", *kind);
	return r;
}

static int read_device_name(struct json_ctx *c, const struct json *v, void *field)
{
	const char **name = field;
	int r = json_read_str(c, v, field);

	if (!r && !device_ok(*name))
		return json_fail(c, "\"%.100s\" is not a name of a device", *name);
	return r;
}

static int read_device(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("name", struct cdi_device, name, read_device_name, true),
		SPEC_ROW("annotations", struct cdi_device, annotations, json_read_map, false),
		SPEC_ROW("containerEdits", struct cdi_device, edits, read_edits, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_devices(struct json_ctx *c, const struct json *v, void *field)
{
	struct cdi_spec *s = field;
	int r = read_list(c, v, 4096, sizeof(*s->devices), read_device, &s->devices, &s->ndevices);

	if (!r && !s->ndevices)
		return json_fail(c, "must name a device");
	for (size_t i = 0; !r && i < s->ndevices; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(s->devices[i].name, s->devices[k].name))
				return json_fail(c, "%.100s is there twice", s->devices[i].name);
	return r;
}

/* In order; what was published before 0.3.0 nobody reads any more. */
static const char *const versions[] = { "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0",
					"1.0.0", "1.1.0" };

static size_t version_of(const char *text)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(versions) && !str_eq(text + (*text == 'v'), versions[i]))
		i++;
	return i;
}

static int read_version(struct json_ctx *c, const struct json *v, void *field)
{
	const char **version = field;
	int r = json_read_str(c, v, field);

	if (!r && version_of(*version) == ARRAY_SIZE(versions))
		return json_fail(c, "\"%.50s\" is none of the versions %s to %s", *version,
				 versions[0], versions[ARRAY_SIZE(versions) - 1]);
	return r;
}

/* The version that brought what these edits use. */
static const char *edits_need(const struct cdi_edits *x)
{
	const char *need = "0.3.0";

	if (x->nnetdevs || x->rdt.schemata || x->rdt.monitoring)
		return "1.1.0";
	if (x->ngids || x->rdt.set)
		return "0.7.0";
	for (size_t i = 0; i < x->nmounts; i++)
		if (!str_empty(x->mounts[i].type))
			need = "0.4.0";
	for (size_t i = 0; i < x->nnodes; i++)
		if (x->nodes[i].host)
			need = "0.5.0";
	return need;
}

static int check_version(struct json_ctx *c, const struct cdi_spec *s)
{
	const char *need = edits_need(&s->edits);
	bool notes = s->annotations.n > 0 || strchr(strchr(s->kind, '/'), '.');
	bool digit = false;

	for (size_t i = 0; i < s->ndevices; i++) {
		const char *more = edits_need(&s->devices[i].edits);

		if (version_of(more) > version_of(need))
			need = more;
		notes |= s->devices[i].annotations.n > 0;
		digit |= isdigit((unsigned char)s->devices[i].name[0]) != 0;
	}
	if (notes && version_of(need) < version_of("0.6.0"))
		need = "0.6.0";
	if (digit && version_of(need) < version_of("0.5.0"))
		need = "0.5.0";
	if (version_of(s->version) < version_of(need))
		return spec_fail(c, "cdiVersion", "%s lacks something of this file: at least %s",
				 s->version, need);
	return 0;
}

int cdi_read(struct arena *a, const char *text, size_t n, const char *what, struct cdi_spec **ret,
	     struct err *e)
{
	static const struct json_row rows[] = {
		SPEC_ROW("cdiVersion", struct cdi_spec, version, read_version, true),
		SPEC_ROW("kind", struct cdi_spec, kind, read_kind, true),
		SPEC_ROW("annotations", struct cdi_spec, annotations, json_read_map, false),
		SPEC_WHOLE("devices", read_devices, true),
		SPEC_ROW("containerEdits", struct cdi_spec, edits, read_edits, false),
	};
	AUTO(arena) struct arena *tree = arena_new(json_tree_bytes(n));
	struct json_ctx c = { .a = a, .e = e, .what = what, .strict = true };
	struct json_limits lim = { CDI_MAX_BYTES, 16 };
	struct cdi_spec *s = arena_alloc(a, sizeof(*s));
	const struct json *v;
	int r = json_parse(tree, text, n, lim, what, &v, e);

	if (!r)
		r = json_read_rows(&c, v, rows, ARRAY_SIZE(rows), s);
	if (!r)
		r = check_version(&c, s);
	if (!r)
		*ret = s;
	return r;
}
