/*
 * record_json.c - record.json, both ways by one table.  Runs in: host.
 *
 * A row is a member: its key, its place in the struct, how it is read and how written.
 */
#include <errno.h>
#include <string.h>

#include "runtime/record.h"

#define RECORD_MAX_BYTES (4u << 20)

struct field {
	const char *key;
	json_reader *read;
	void (*write)(struct json_out *o, const char *key, const void *field);
	size_t off;
};

static void write_str(struct json_out *o, const char *key, const void *f)
{
	const char *s = *(const char *const *)f;

	if (s)
		json_out_str(o, key, s);
}

static void write_strs(struct json_out *o, const char *key, const void *f)
{
	char *const *v = *(char *const *const *)f;

	if (v)
		json_out_strs(o, key, v);
}

static void write_bool(struct json_out *o, const char *key, const void *f)
{
	if (*(const bool *)f)
		json_out_bool(o, key, true);
}

static void write_u32(struct json_out *o, const char *key, const void *f)
{
	if (*(const uint32_t *)f)
		json_out_u64(o, key, *(const uint32_t *)f);
}

static void write_i64(struct json_out *o, const char *key, const void *f)
{
	if (*(const int64_t *)f)
		json_out_i64(o, key, *(const int64_t *)f);
}

static void write_u64(struct json_out *o, const char *key, const void *f)
{
	if (*(const uint64_t *)f)
		json_out_u64(o, key, *(const uint64_t *)f);
}

static void write_map(struct json_out *o, const char *key, const void *f)
{
	const struct json_map *m = f;

	if (m->n)
		json_out_map(o, key, m);
}

static void write_fields(struct json_out *o, const struct field *rows, size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++)
		rows[i].write(o, rows[i].key, (const char *)base + rows[i].off);
}

/* Reads by the same rows. */
static int read_fields(struct json_ctx *c, const struct json *v, const struct field *rows,
		       size_t n, void *out)
{
	struct json_row json_rows[64];

	if (n > ARRAY_SIZE(json_rows))
		return json_fail(c, "table too long");
	for (size_t i = 0; i < n; i++)
		json_rows[i] = (struct json_row){ rows[i].key, rows[i].read, rows[i].off, false };
	return json_read_rows(c, v, json_rows, n, out);
}

#define F(type, key, field, kind) \
	{ key, json_read_##kind, write_##kind, offsetof(struct type, field) }

/* clang-format off */
static const struct field volume_fields[] = {
	F(record_volume, "type", type, str),
	F(record_volume, "name", name, str),
	F(record_volume, "source", source, str),
	F(record_volume, "destination", destination, str),
	F(record_volume, "options", options, strs),
	F(record_volume, "anonymous", anonymous, bool),
	F(record_volume, "nocopy", nocopy, bool),
	F(record_volume, "chown", chown, bool),
	F(record_volume, "overlay", overlay, bool),
	F(record_volume, "idmap", idmap, bool),
	F(record_volume, "subpath", subpath, str),
	F(record_volume, "labels", labels, map),
	F(record_volume, "driverOptions", driver_options, map),
};

static const struct field secret_fields[] = {
	F(record_secret, "name", name, str),
	F(record_secret, "target", target, str),
	F(record_secret, "uid", uid, u32),
	F(record_secret, "gid", gid, u32),
	F(record_secret, "mode", mode, u32),
	F(record_secret, "env", env, bool),
};

static const struct field health_fields[] = {
	F(record_health, "set", set, bool),
	F(record_health, "test", test, strs),
	F(record_health, "interval", interval, i64),
	F(record_health, "timeout", timeout, i64),
	F(record_health, "startPeriod", start_period, i64),
	F(record_health, "startInterval", start_interval, i64),
	F(record_health, "retries", retries, u32),
	F(record_health, "onFailure", on_failure, str),
	F(record_health, "logCount", log_count, u32),
	F(record_health, "logSize", log_size, u32),
	F(record_health, "logTo", log_to, str),
	F(record_health, "startupTest", startup_test, strs),
	F(record_health, "startupInterval", startup_interval, i64),
	F(record_health, "startupTimeout", startup_timeout, i64),
	F(record_health, "startupRetries", startup_retries, u32),
	F(record_health, "startupSuccess", startup_success, u32),
};

static const struct field log_fields[] = {
	F(record_log, "driver", driver, str),
	F(record_log, "maxSize", max_size, u64),
	F(record_log, "maxFiles", max_files, u32),
	F(record_log, "compress", compress, bool),
	F(record_log, "tag", tag, str),
	F(record_log, "path", path, str),
	F(record_log, "buffer", buffer, u64),
	F(record_log, "attrs", attrs, map),
	F(record_log, "more", more, map),
};
/* clang-format on */

#define OBJECT(name, type) \
	static int read_##name(struct json_ctx *c, const struct json *v, void *field) \
	{ \
		return read_fields(c, v, name##_fields, ARRAY_SIZE(name##_fields), field); \
	} \
	static void write_##name(struct json_out *o, const char *key, const void *field) \
	{ \
		json_out_obj(o, key); \
		write_fields(o, name##_fields, ARRAY_SIZE(name##_fields), field); \
		json_out_end_obj(o); \
	}
OBJECT(volume, struct record_volume)
OBJECT(secret, struct record_secret)
OBJECT(health, struct record_health)
OBJECT(log, struct record_log)

static int read_volumes(struct json_ctx *c, const struct json *v, void *field)
{
	struct record *r = (struct record *)((char *)field - offsetof(struct record, volumes));

	return json_read_array(c, v, sizeof(*r->volumes), read_volume, &r->volumes, &r->nvolumes);
}

static int read_secrets(struct json_ctx *c, const struct json *v, void *field)
{
	struct record *r = (struct record *)((char *)field - offsetof(struct record, secrets));

	return json_read_array(c, v, sizeof(*r->secrets), read_secret, &r->secrets, &r->nsecrets);
}

static void write_volumes(struct json_out *o, const char *key, const void *field)
{
	const struct record *r =
		(const struct record *)((const char *)field - offsetof(struct record, volumes));

	if (!r->nvolumes)
		return;
	json_out_arr(o, key);
	for (size_t i = 0; i < r->nvolumes; i++)
		write_volume(o, NULL, &r->volumes[i]);
	json_out_end_arr(o);
}

static void write_secrets(struct json_out *o, const char *key, const void *field)
{
	const struct record *r =
		(const struct record *)((const char *)field - offsetof(struct record, secrets));

	if (!r->nsecrets)
		return;
	json_out_arr(o, key);
	for (size_t i = 0; i < r->nsecrets; i++)
		write_secret(o, NULL, &r->secrets[i]);
	json_out_end_arr(o);
}

static void write_net(struct json_out *o, const char *key, const void *field)
{
	net_config_write(o, key, field);
}

static const char *const restart_names[] = {
	[RESTART_NO] = "no",
	[RESTART_ON_FAILURE] = "on-failure",
	[RESTART_ALWAYS] = "always",
	[RESTART_UNLESS_STOPPED] = "unless-stopped",
};

const char *record_restart_name(enum record_restart r)
{
	return restart_names[r];
}

static int read_restart(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = json_str(v);

	for (size_t i = 0; i < ARRAY_SIZE(restart_names); i++)
		if (str_eq(s, restart_names[i])) {
			*(enum record_restart *)field = (enum record_restart)i;
			return 0;
		}
	return json_fail(c, "unknown restart policy");
}

static void write_restart(struct json_out *o, const char *key, const void *field)
{
	json_out_str(o, key, restart_names[*(const enum record_restart *)field]);
}

/* clang-format off */
static const struct field record_fields[] = {
	F(record, "id", id, str),
	F(record, "name", name, str),
	F(record, "created", created, str),
	F(record, "image", image, str),
	F(record, "imageId", image_id, str),
	F(record, "rootfs", rootfs, str),
	F(record, "layers", layers, strs),
	F(record, "user", user, str),
	F(record, "groups", groups, strs),
	F(record, "workingDir", working_dir, str),
	F(record, "entrypoint", entrypoint, strs),
	F(record, "cmd", cmd, strs),
	{ "net", net_config_read, write_net, offsetof(struct record, net) },
	F(record, "labels", labels, map),
	F(record, "joins", joins, map),
	F(record, "links", links, map),
	F(record, "requires", requires, strs),
	F(record, "exposed", exposed, strs),
	{ "volumes", read_volumes, write_volumes, offsetof(struct record, volumes) },
	{ "secrets", read_secrets, write_secrets, offsetof(struct record, secrets) },
	{ "log", read_log, write_log, offsetof(struct record, log) },
	{ "health", read_health, write_health, offsetof(struct record, health) },
	{ "restart", read_restart, write_restart, offsetof(struct record, restart) },
	F(record, "restartMax", restart_max, u32),
	F(record, "stopSignal", stop_signal, str),
	F(record, "stopTimeout", stop_timeout, i64),
	F(record, "timeout", timeout, i64),
	F(record, "idleTimeout", idle_timeout, i64),
	F(record, "cpuTime", cpu_time, i64),
	F(record, "tty", tty, bool),
	F(record, "stdinOpen", stdin_open, bool),
	F(record, "stdinOnce", stdin_once, bool),
	F(record, "autoRemove", auto_remove, bool),
	F(record, "init", init, bool),
	F(record, "readOnly", read_only, bool),
	F(record, "readOnlyTmpfs", read_only_tmpfs, bool),
	F(record, "privileged", privileged, bool),
	F(record, "publishAll", publish_all, bool),
	F(record, "systemd", systemd, bool),
	F(record, "passwd", passwd, bool),
	F(record, "passwdEntry", passwd_entry, str),
	F(record, "groupEntry", group_entry, str),
	F(record, "hostUsers", host_users, strs),
	F(record, "initPath", init_path, str),
	F(record, "cgroupParent", cgroup_parent, str),
	F(record, "detachKeys", detach_keys, str),
	F(record, "hostnameSet", hostname_set, str),
	F(record, "sdnotify", sdnotify, str),
	F(record, "bootOrder", boot_order, i64),
	F(record, "bootDelay", boot_delay, i64),
	F(record, "diskBytes", disk.bytes, u64),
	F(record, "diskInodes", disk.inodes, u64),
};
/* clang-format on */

static char *empty_list[] = { NULL };

/* What readers of a record may rely on: lists are never NULL. */
static void fill(struct record *r)
{
	char ***lists[] = { &r->layers, &r->groups, &r->entrypoint, &r->cmd, &r->health.test,
			    &r->exposed, &r->host_users };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!*lists[i])
			*lists[i] = empty_list;
	for (size_t i = 0; i < r->nvolumes; i++)
		if (!r->volumes[i].options)
			r->volumes[i].options = empty_list;
}

int record_read(struct arena *a, const char *text, size_t n, struct record **ret, struct err *e)
{
	const struct json *v;
	struct json_ctx c = { .a = a, .e = e, .what = "record.json", .strict = true };
	struct record *r = arena_alloc(a, sizeof(*r));
	int rc =
		json_parse(a, text, n, (struct json_limits){ RECORD_MAX_BYTES, 32 }, c.what, &v, e);

	if (rc < 0)
		return rc;
	if (v->type != JSON_OBJECT)
		return json_fail(&c, "expected an object");
	rc = read_fields(&c, v, record_fields, ARRAY_SIZE(record_fields), r);
	if (rc < 0)
		return rc;
	if (!r->id || !str_is_hex(r->id, 64) || !r->name || !r->log.driver)
		return json_fail(&c, "id, name or log is missing");
	r->arena = a;
	fill(r);
	*ret = r;
	return 0;
}

void record_write(const struct record *r, struct strbuf *b)
{
	struct json_out o;

	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	write_fields(&o, record_fields, ARRAY_SIZE(record_fields), r);
	json_out_end_obj(&o);
	strbuf_addc(b, '\n');
}
