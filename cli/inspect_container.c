/* inspect_container.c - a container in Docker's words, see inspect.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/path.h"
#include "base/proc.h"
#include "cli/inspect.h"
#include "cli/usage.h"

#define NEVER "0001-01-01T00:00:00Z"

static const char *time_of(int64_t ns, char buf[static 40])
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	if (ns <= 0)
		return NEVER;
	return str_time(t, buf);
}

struct json *inspect_exposed(struct arena *a, char *const *ports)
{
	struct json *v = value_map(a);

	for (; ports && *ports; ports++)
		value_put(v, arena_strdup(a, *ports), value_map(a));
	return v;
}

struct json *inspect_health_config(struct arena *a, char *const *test, int64_t interval,
				   int64_t timeout, int64_t start_period, int64_t start_interval,
				   int64_t retries)
{
	const struct { const char *key; int64_t v; } rows[] = {
		{ "Interval", interval }, { "Timeout", timeout }, { "StartPeriod", start_period },
		{ "StartInterval", start_interval }, { "Retries", retries },
	};
	struct json *v = value_object(a);

	value_put(v, "Test", value_strs(a, test));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		value_put(v, rows[i].key, rows[i].v ? value_i64(a, rows[i].v) : value_absent(a));
	return v;
}

/* ---- State ---- */

/* One line of RUN/ID/health: START END CODE "TEXT", times in ns since the epoch, text as JSON. */
static struct json *health_result(struct arena *a, const char *line)
{
	struct json *v = value_object(a);
	struct err ignored = ERR_INIT;
	const struct json *text;
	long long start, end;
	int code, at = 0;
	char buf[40];

	if (sscanf(line, "%lld %lld %d %n", &start, &end, &code, &at) < 3 || at == 0 ||
	    json_parse(a, line + at, strlen(line + at), (struct json_limits){ 1u << 16, 1 },
		       "health", &text, &ignored) < 0 || !json_str(text))
		return NULL;
	value_put_str(a, v, "Start", time_of(start, buf));
	value_put_str(a, v, "End", time_of(end, buf));
	value_put_i64(a, v, "ExitCode", code);
	value_put(v, "Output", value_strn(a, text->s, text->n));
	return v;
}

struct json *inspect_health_log(const struct engine *en, const char *id, struct arena *a)
{
	AUTO_FREE char *path = mem_printf("%s/health", id);
	AUTO_FREE char *text = NULL;
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	struct json *list = value_array(a);
	struct err ignored = ERR_INIT;
	size_t n;

	if (path_read_file(en->run_fd, path, HEALTH_LOG_MOST, &text, &n, &ignored) < 0)
		return list;
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		struct json *one = health_result(a, lines.v[i]);

		if (one)
			value_push(list, one);
	}
	return list;
}

static struct json *health(const struct inspect_part *p)
{
	struct json *v;

	if (!p->r->health.set)
		return value_absent(p->a);
	v = value_object(p->a);
	value_put_str(p->a, v, "Status", str_empty(p->v->s.health) ? "starting" : p->v->s.health);
	value_put_i64(p->a, v, "FailingStreak", p->v->s.health_failing);
	value_put(v, "Log", inspect_health_log(&p->c->en, p->v->id, p->a));
	return v;
}

static struct json *state(const struct inspect_part *p)
{
	const struct status *s = &p->v->s;
	enum connect_state st = p->v->state;
	bool runs = view_runs(p->v);
	struct json *v = value_object(p->a);
	char buf[40], sig[16];

	value_put_str(p->a, v, "Status", connect_state_name(st));
	value_put_bool(p->a, v, "Running", runs);
	value_put_bool(p->a, v, "Paused", st == STATE_PAUSED);
	value_put_bool(p->a, v, "Restarting", st == STATE_RESTARTING);
	value_put_bool(p->a, v, "OOMKilled", s->oom_killed);
	value_put_bool(p->a, v, "Dead", false);
	value_put_i64(p->a, v, "Pid", runs ? s->pid : 0);
	value_put_i64(p->a, v, "ExitCode", runs ? 0 : s->exit_code);
	value_put_str(p->a, v, "Error", s->error);
	value_put_str(p->a, v, "StartedAt", time_of(s->started_ns, buf));
	value_put_str(p->a, v, "FinishedAt", time_of(s->finished_ns, buf));
	/* ours: why it ended */
	value_put_str(p->a, v, "Reason", status_reason_name(s->reason));
	value_put_str(p->a, v, "Signal", s->signal ? proc_signal_name(s->signal, sig) : "");
	value_put(v, "Health", health(p));
	return v;
}

/* ---- Config ---- */

static struct json *config_health(const struct inspect_part *p)
{
	const struct record_health *h = &p->r->health;

	if (!h->set)
		return value_absent(p->a);
	return inspect_health_config(p->a, h->test, h->interval, h->timeout, h->start_period,
				     h->start_interval, h->retries);
}

/* What podman has besides. */
static void put_more_health(const struct inspect_part *p, struct json *v)
{
	const struct record_health *h = &p->r->health;
	struct json *start = value_absent(p->a);

	if (!h->set)
		return;
	if (h->startup_test) {
		start = inspect_health_config(p->a, h->startup_test, h->startup_interval,
					      h->startup_timeout, 0, 0, h->startup_retries);
		value_put_i64(p->a, start, "Successes", h->startup_success);
	}
	value_put(v, "StartupHealthCheck", start);
	value_put_str(p->a, v, "HealthcheckOnFailureAction", h->on_failure);
	value_put_str(p->a, v, "HealthLogDestination", h->log_to ? h->log_to : "local");
	value_put_i64(p->a, v, "HealthMaxLogCount", h->log_count ? h->log_count : HEALTH_LOG_USUAL);
	value_put_i64(p->a, v, "HealthMaxLogSize", h->log_size ? h->log_size : HEALTH_SIZE_USUAL);
}

static struct json *config_volumes(const struct inspect_part *p)
{
	struct json *v = value_map(p->a);

	for (size_t i = 0; i < p->r->nvolumes; i++)
		if (p->r->volumes[i].anonymous)
			value_put(v, arena_strdup(p->a, p->r->volumes[i].destination),
				  value_map(p->a));
	return v->n ? v : value_null(p->a);
}

static struct json *list_or_null(struct arena *a, char *const *v)
{
	return v && *v ? value_strs(a, v) : value_null(a);
}

static struct json *config(const struct inspect_part *p)
{
	const struct record *r = p->r;
	struct json *v = value_object(p->a);
	struct arena *a = p->a;
	const char *host = p->s->hostname ? p->s->hostname : r->net.hostname;

	value_put_str(a, v, "Hostname", host);
	value_put_str(a, v, "Domainname", r->net.domainname);
	value_put_str(a, v, "User", r->user);
	value_put_bool(a, v, "AttachStdin", r->stdin_once);
	value_put_bool(a, v, "AttachStdout", !r->stdin_once ? r->tty : true);
	value_put_bool(a, v, "AttachStderr", !r->stdin_once ? r->tty : true);
	value_put(v, "ExposedPorts", *r->exposed ? inspect_exposed(a, r->exposed)
						 : value_absent(a));
	value_put_bool(a, v, "Tty", r->tty);
	value_put_bool(a, v, "OpenStdin", r->stdin_open);
	value_put_bool(a, v, "StdinOnce", r->stdin_once);
	value_put(v, "Env", value_strs(a, p->s->process.env));
	value_put(v, "Cmd", list_or_null(a, r->cmd));
	value_put(v, "Healthcheck", config_health(p));
	put_more_health(p, v);
	value_put_str(a, v, "Image", r->image);
	value_put(v, "Volumes", config_volumes(p));
	value_put_str(a, v, "WorkingDir", r->working_dir);
	value_put(v, "Entrypoint", list_or_null(a, r->entrypoint));
	value_put(v, "OnBuild", value_null(a));
	value_put(v, "Labels", value_of_map(a, &r->labels));
	value_put(v, "StopSignal", str_empty(r->stop_signal) ? value_absent(a) :
		  str_starts(r->stop_signal, "SIG") ? value_str(a, r->stop_signal) :
		  value_str(a, arena_printf(a, "SIG%s", r->stop_signal)));
	value_put_i64(a, v, "StopTimeout", r->stop_timeout);
	value_put_bool(a, v, "SystemdMode", r->systemd);
	value_put_bool(a, v, "Passwd", r->passwd);
	value_put(v, "Annotations", value_of_map(a, &p->s->annotations));
	return v;
}

/* ---- Mounts ---- */

static bool has_option(char *const *options, const char *name)
{
	for (; options && *options; options++)
		if (str_eq(*options, name))
			return true;
	return false;
}

static struct json *one_mount(const struct inspect_part *p, const struct record_volume *w)
{
	static const char *const propagations[] = { "private", "rprivate", "shared", "rshared",
						    "slave", "rslave" };
	AUTO(strbuf) struct strbuf mode = STRBUF_INIT;
	struct json *v = value_object(p->a);
	const char *propagation = "";

	for (char **o = w->options; o && *o; o++) {
		bool own = str_eq(*o, "bind") || str_eq(*o, "rbind");

		for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
			if (str_eq(*o, propagations[i])) {
				propagation = propagations[i];
				own = true;
			}
		if (!own)
			strbuf_addf(&mode, "%s%s", mode.len ? "," : "", *o);
	}
	value_put_str(p->a, v, "Type", w->type);
	value_put(v, "Name", w->name ? value_str(p->a, w->name) : value_absent(p->a));
	value_put_str(p->a, v, "Source", w->source);
	value_put_str(p->a, v, "Destination", w->destination);
	value_put(v, "Driver", w->name ? value_str(p->a, "local") : value_absent(p->a));
	value_put_str(p->a, v, "Mode", mode.s);
	value_put_bool(p->a, v, "RW", !has_option(w->options, "ro"));
	value_put_str(p->a, v, "Propagation", str_eq(propagation, "rprivate") && w->name
						       ? "" : propagation);
	return v;
}

static struct json *mounts(const struct inspect_part *p)
{
	struct json *v = value_array(p->a);

	for (size_t i = 0; i < p->r->nvolumes; i++)
		value_push(v, one_mount(p, &p->r->volumes[i]));
	return v;
}

/* ---- the whole ---- */

static struct json *graph(const struct inspect_part *p)
{
	struct json *v = value_object(p->a), *data = value_object(p->a);
	/* what is on a disk has no path on the host */
	static const char *const parts[][2] = { { "UpperDir", "upper" }, { "WorkDir", "work" },
						{ "Disk", "disk" } };
	AUTO(strbuf) struct strbuf lower = STRBUF_INIT;
	size_t n = 0;

	while (p->r->layers && p->r->layers[n])
		n++;
	while (n-- > 0)
		strbuf_addf(&lower, "%s%s/store/layers/%s/fs", lower.len ? ":" : "",
			    p->c->en.root, p->r->layers[n]);
	value_put_str(p->a, data, "LowerDir", lower.s);
	for (size_t i = p->r->disk.bytes ? 2 : 0; i < (p->r->disk.bytes ? 3 : 2); i++)
		value_put_str(p->a, data, parts[i][0],
			      arena_printf(p->a, "%s/containers/%s/%s", p->c->en.root, p->v->id,
					   parts[i][1]));
	value_put_str(p->a, v, "Name", "overlay");
	value_put(v, "Data", data);
	return v;
}

static int sizes(const struct inspect_part *p, bool want, struct json *v, struct err *e)
{
	uint64_t n;
	int r;

	if (!want) {
		value_put(v, "SizeRw", value_absent(p->a));
		value_put(v, "SizeRootFs", value_absent(p->a));
		return 0;
	}
	r = usage_of_files(&p->c->en, p->r, &n, e);
	if (r < 0)
		return r;
	value_put(v, "SizeRw", value_u64(p->a, n));
	value_put(v, "SizeRootFs", value_u64(p->a, n + (p->image ? p->image->size : 0)));
	return 0;
}

static void put_paths(const struct inspect_part *p, struct json *v)
{
	static const char *const files[][2] = { { "ResolvConfPath", "resolv.conf" },
						{ "HostnamePath", "hostname" },
						{ "HostsPath", "hosts" } };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		value_put_str(p->a, v, files[i][0],
			      arena_printf(p->a, "%s/%s/%s", p->c->en.run, p->v->id, files[i][1]));
	value_put_str(p->a, v, "LogPath", p->r->log.path ? p->r->log.path :
		      str_ends(p->r->log.driver, "-file") ?
		      arena_printf(p->a, "%s/containers/%s/log", p->c->en.root, p->v->id) : "");
}

static int whole(const struct inspect_part *p, bool size, struct json **ret, struct err *e)
{
	const struct record *r = p->r;
	struct arena *a = p->a;
	struct json *v = value_object(a);
	char **args = p->s->process.args;
	int rc;

	value_put_str(a, v, "Id", p->v->id);
	value_put_str(a, v, "Created", r->created);
	value_put_str(a, v, "Path", args && *args ? *args : "");
	value_put(v, "Args", value_strs(a, args && *args ? args + 1 : NULL));
	value_put(v, "State", state(p));
	value_put_str(a, v, "Image", r->image_id);
	put_paths(p, v);
	value_put_str(a, v, "Name", arena_printf(a, "/%s", r->name));
	value_put_i64(a, v, "RestartCount", p->v->s.restarts);
	value_put_str(a, v, "Driver", "overlay");
	value_put_str(a, v, "Platform", "linux");
	value_put_str(a, v, "MountLabel", p->s->mount_label);
	value_put_str(a, v, "ProcessLabel", p->s->process.selinux_label);
	value_put_str(a, v, "AppArmorProfile", p->s->process.apparmor_profile);
	value_put(v, "ExecIDs", value_null(a));
	value_put(v, "HostConfig", inspect_host_config(p));
	value_put(v, "GraphDriver", graph(p));
	rc = sizes(p, size, v, e);
	if (rc < 0)
		return rc;
	value_put(v, "Mounts", mounts(p));
	value_put(v, "Config", config(p));
	value_put(v, "NetworkSettings", inspect_network_settings(p));
	*ret = v;
	return 0;
}

int inspect_container(struct cli *c, const char *what, bool size, struct arena *a,
		      struct json **ret, struct err *e)
{
	AUTO(view) struct view v = { .r = NULL };
	AUTO(arena) struct arena *spec = NULL;
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	struct err ignored = ERR_INIT;
	struct inspect_part p = { .v = &v, .a = a, .c = c };
	char id[65];
	int r;

	if ((r = record_find(&c->en, what, id, e)) < 0 || (r = view_load(&c->en, id, &v, e)) < 0)
		return r;
	spec = arena_new(SPEC_ARENA_MAX);
	if ((r = record_load_spec(&c->en, v.r, spec, e)) < 0)
		return r;
	if (!str_empty(v.r->image_id) && store_open(c->en.root, &store, &ignored) == 0)
		image_load(store, v.r->image_id, &image, &ignored);
	p.r = v.r;
	p.s = v.r->spec;
	p.image = image;
	return whole(&p, size, ret, e);
}
