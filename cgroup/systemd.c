/*
 * systemd.c - scopes over D-Bus, through libsystemd's sd-bus loaded when it is asked for.
 *
 * Linking to libsystemd would cost every start; dlopen costs only those that use the systemd
 * driver.  org.freedesktop.systemd1(5): StartTransientUnit answers with a job, whose end is the
 * signal JobRemoved; only then the unit's cgroup is there.
 */
#include "cgroup/cgroup.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/unit.h"

#define LIBRARY "libsystemd.so.0"
#define DEST "org.freedesktop.systemd1"
#define ROOT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define WAIT_USEC (90ull * 1000000)	/* for an answer, and for a job: a busy host is slow */

/* clang-format off */
#define SD_FUNCTIONS(X) \
	X(sd_bus_open_system) X(sd_bus_open_user) X(sd_bus_new) X(sd_bus_set_address) \
	X(sd_bus_start) X(sd_bus_flush_close_unref) X(sd_bus_message_new_method_call) \
	X(sd_bus_message_append) X(sd_bus_message_append_basic) X(sd_bus_message_append_array) \
	X(sd_bus_message_open_container) X(sd_bus_message_close_container) \
	X(sd_bus_message_read) X(sd_bus_message_unref) X(sd_bus_call) X(sd_bus_call_method) \
	X(sd_bus_get_property_string) X(sd_bus_match_signal) X(sd_bus_process) X(sd_bus_wait) \
	X(sd_bus_error_free) X(sd_bus_set_method_call_timeout)
/* clang-format on */

struct sd {
	void *lib;
	sd_bus *bus;
#define X(name) __typeof__(&name) name;
	SD_FUNCTIONS(X)
#undef X
};

static void sd_close(struct sd *sd)
{
	if (sd->bus)
		sd->sd_bus_flush_close_unref(sd->bus);
	sd->bus = NULL;
	/* The library stays loaded: unloading one that keeps thread-local state is not safe. */
}

static int sd_load(struct sd *sd, struct err *e)
{
	static const char *const names[] = {
#define X(name) #name,
		SD_FUNCTIONS(X)
#undef X
	};
	void **slots[] = {
#define X(name) (void **)&sd->name,
		SD_FUNCTIONS(X)
#undef X
	};

	sd->lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!sd->lib)
		return err_say(e, ENOTSUP, "the systemd cgroup driver needs " LIBRARY ": %s",
			       dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*slots[i] = dlsym(sd->lib, names[i]);
		if (!*slots[i])
			return err_say(e, ENOTSUP, LIBRARY " has no %s", names[i]);
	}
	return 0;
}

/* Over the bus, or, where there is none, by the manager's own socket, as systemctl does. */
static int open_bus(struct sd *sd, bool user)
{
	int r = user ? sd->sd_bus_open_user(&sd->bus) : sd->sd_bus_open_system(&sd->bus);
	const char *run = getenv("XDG_RUNTIME_DIR");
	AUTO_FREE char *address = NULL;

	if (r >= 0)
		return 0;
	if ((user && str_empty(run)) || sd->sd_bus_new(&sd->bus) < 0)
		return r;
	address = mem_printf("unix:path=%s/systemd/private", user ? run : "/run");
	if (sd->sd_bus_set_address(sd->bus, address) >= 0 && sd->sd_bus_start(sd->bus) >= 0)
		return 0;
	sd_close(sd);
	return r;
}

static int sd_open(struct sd *sd, bool user, struct err *e)
{
	int r = sd_load(sd, e);

	if (r < 0)
		return r;
	r = open_bus(sd, user);
	if (r < 0)
		return err_set(e, -r, "the systemd cgroup driver cannot reach the %s bus",
			       user ? "user" : "system");
	sd->sd_bus_set_method_call_timeout(sd->bus, WAIT_USEC);
	return 0;
}

bool cgroup_systemd_is_there(bool user)
{
	struct sd sd __attribute__((cleanup(sd_close))) = { 0 };
	struct err ignored = ERR_INIT;

	return sd_open(&sd, user, &ignored) == 0;
}

/* "252.39-1~deb12u2" → 252; 0 when it does not say. */
static unsigned sd_version(struct sd *sd)
{
	sd_bus_error se = SD_BUS_ERROR_NULL;
	char *text = NULL;
	unsigned v = 0;

	if (sd->sd_bus_get_property_string(sd->bus, DEST, ROOT, MANAGER, "Version", &se,
					   &text) >= 0)
		v = (unsigned)strtoul(text + (text[0] == 'v'), NULL, 10);
	free(text);
	sd->sd_bus_error_free(&se);
	return v;
}

static int fail(struct sd *sd, sd_bus_error *se, int r, const char *what, const char *unit,
		struct err *e)
{
	int code = r < 0 ? -r : EIO;

	if (se->message)
		err_say(e, code, "systemd: %s %s: %s", what, unit, se->message);
	else
		err_set(e, code, "systemd: %s %s", what, unit);
	sd->sd_bus_error_free(se);
	return -code;
}

/* ---- properties on the wire ----------------------------------------------------------- */

static int append_value(struct sd *sd, sd_bus_message *m, const struct unit_prop *p)
{
	const struct unit_pair *pairs = p->v;
	const char *const *strings = p->v;
	uint32_t u32 = (uint32_t)p->u;
	uint16_t u16 = (uint16_t)p->u;
	uint8_t u8 = (uint8_t)p->u;
	int flag, r = 0;

	if (str_eq(p->sig, "a(ss)")) {
		r = sd->sd_bus_message_open_container(m, 'a', "(ss)");
		for (size_t i = 0; r >= 0 && i < p->n; i++)
			r = sd->sd_bus_message_append(m, "(ss)", pairs[i].a, pairs[i].b);
		return r < 0 ? r : sd->sd_bus_message_close_container(m);
	}
	if (p->sig[0] == 'a' && (p->sig[1] == 's' || p->sig[1] == 'o')) {
		r = sd->sd_bus_message_open_container(m, 'a', p->sig + 1);
		for (size_t i = 0; r >= 0 && i < p->n; i++)
			r = sd->sd_bus_message_append_basic(m, p->sig[1], strings[i]);
		return r < 0 ? r : sd->sd_bus_message_close_container(m);
	}
	if (p->sig[0] == 'a' && p->sig[1] == 'b') {
		r = sd->sd_bus_message_open_container(m, 'a', "b");
		for (size_t i = 0; r >= 0 && i < p->n; i++)
			r = sd->sd_bus_message_append_basic(m, 'b', (const int *)p->v + i);
		return r < 0 ? r : sd->sd_bus_message_close_container(m);
	}
	if (p->sig[0] == 'a') {
		static const char sizes[] = { ['y'] = 1, ['n'] = 2, ['q'] = 2, ['i'] = 4, ['u'] = 4,
					      ['x'] = 8, ['t'] = 8, ['d'] = 8 };

		return sd->sd_bus_message_append_array(m, p->sig[1], p->v,
						       p->n * (size_t)sizes[(int)p->sig[1]]);
	}
	switch (p->sig[0]) {
	case 'b':
		flag = p->b;
		return sd->sd_bus_message_append_basic(m, 'b', &flag);
	case 's': case 'o':
		return sd->sd_bus_message_append_basic(m, p->sig[0], p->s);
	case 'y':
		return sd->sd_bus_message_append_basic(m, 'y', &u8);
	case 'n': case 'q':
		return sd->sd_bus_message_append_basic(m, p->sig[0], &u16);
	case 'i': case 'u':
		return sd->sd_bus_message_append_basic(m, p->sig[0], &u32);
	default:
		return sd->sd_bus_message_append_basic(m, p->sig[0], &p->u);
	}
}

static int append_props(struct sd *sd, sd_bus_message *m, const struct unit_props *p)
{
	int r = sd->sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < p->n; i++) {
		r = sd->sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = sd->sd_bus_message_append_basic(m, 's', p->v[i].name);
		if (r >= 0)
			r = sd->sd_bus_message_open_container(m, 'v', p->v[i].sig);
		if (r >= 0)
			r = append_value(sd, m, &p->v[i]);
		if (r >= 0)
			r = sd->sd_bus_message_close_container(m);
		if (r >= 0)
			r = sd->sd_bus_message_close_container(m);
	}
	return r < 0 ? r : sd->sd_bus_message_close_container(m);
}

/* ---- jobs ----------------------------------------------------------------------------- */

/* JobRemoved(u id, o job, s unit, s result): kept for whoever waits. */
struct job { struct sd *sd; const char *path; char result[32]; bool done; };

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *se)
{
	struct job *j = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)se;
	if (j->sd->sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	if (!j->path || !str_eq(path, j->path))
		return 0;
	strncpy(j->result, result, sizeof(j->result) - 1);
	j->done = true;
	return 0;
}

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Signals that came while the answer was awaited are queued, so none is missed. */
static int job_wait(struct job *j, const char *what, const char *unit, struct err *e)
{
	uint64_t end = now_usec() + WAIT_USEC;

	while (!j->done) {
		uint64_t now = now_usec();
		int r = j->sd->sd_bus_process(j->sd->bus, NULL);

		if (r > 0)
			continue;
		if (r < 0)
			return err_set(e, -r, "systemd: %s %s", what, unit);
		if (now >= end)
			return err_say(e, ETIMEDOUT, "systemd: %s %s: no answer within %llu s",
				       what, unit, WAIT_USEC / 1000000);
		r = j->sd->sd_bus_wait(j->sd->bus, end - now);
		if (r < 0 && r != -EINTR)
			return err_set(e, -r, "systemd: %s %s", what, unit);
	}
	if (!str_eq(j->result, "done") && !str_eq(j->result, "skipped"))
		return err_say(e, EIO, "systemd: %s %s: the job ended as \"%s\"", what, unit,
			       j->result);
	return 0;
}

static int job_watch(struct sd *sd, struct job *j, struct err *e)
{
	sd_bus_error se = SD_BUS_ERROR_NULL;
	int r = sd->sd_bus_match_signal(sd->bus, NULL, NULL, ROOT, MANAGER, "JobRemoved",
					job_removed, j);

	if (r < 0)
		return err_set(e, -r, "systemd: wait for jobs");
	r = sd->sd_bus_call_method(sd->bus, DEST, ROOT, MANAGER, "Subscribe", &se, NULL, NULL);
	sd->sd_bus_error_free(&se);
	return 0;
}

/* ---- starting ------------------------------------------------------------------------- */

static int start_call(struct sd *sd, const char *unit, const struct unit_props *p,
		      sd_bus_error *se, sd_bus_message **ret)
{
	sd_bus_message *m = NULL;
	int r = sd->sd_bus_message_new_method_call(sd->bus, &m, DEST, ROOT, MANAGER,
						   "StartTransientUnit");

	if (r >= 0)
		r = sd->sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_props(sd, m, p);
	if (r >= 0)
		r = sd->sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd->sd_bus_call(sd->bus, m, 0, se, ret);
	sd->sd_bus_message_unref(m);
	return r;
}

static void reset_failed(struct sd *sd, const char *unit)
{
	sd_bus_error se = SD_BUS_ERROR_NULL;

	sd->sd_bus_call_method(sd->bus, DEST, ROOT, MANAGER, "ResetFailedUnit", &se, NULL, "s",
			       unit);
	sd->sd_bus_error_free(&se);
}

/* A unit of that name that failed earlier is forgotten; one that lives is an error. */
static int start_and_wait(struct sd *sd, const char *unit, const struct unit_props *p,
			  struct err *e)
{
	struct job j = { .sd = sd };
	sd_bus_message *reply = NULL;
	sd_bus_error se = SD_BUS_ERROR_NULL;
	int r = job_watch(sd, &j, e);

	if (r < 0)
		return r;
	r = start_call(sd, unit, p, &se, &reply);
	if (r < 0 && str_eq(se.name, "org.freedesktop.systemd1.UnitExists")) {
		sd->sd_bus_error_free(&se);
		se = SD_BUS_ERROR_NULL;
		reset_failed(sd, unit);
		r = start_call(sd, unit, p, &se, &reply);
	}
	if (r < 0)
		return fail(sd, &se, r, "start", unit, e);
	r = sd->sd_bus_message_read(reply, "o", &j.path);
	if (r < 0)
		err_set(e, -r, "systemd: start %s", unit);
	else
		r = job_wait(&j, "start", unit, e);
	sd->sd_bus_message_unref(reply);
	return r;
}

static int control_group(struct sd *sd, const char *unit, char **ret, struct err *e)
{
	sd_bus_error se = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	char *group = NULL;
	int r = sd->sd_bus_call_method(sd->bus, DEST, ROOT, MANAGER, "GetUnit", &se, &reply, "s",
				       unit);

	if (r >= 0)
		r = sd->sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = sd->sd_bus_get_property_string(sd->bus, DEST, path,
						   "org.freedesktop.systemd1.Scope",
						   "ControlGroup", &se, &group);
	sd->sd_bus_message_unref(reply);
	if (r < 0)
		return fail(sd, &se, r, "ask for the cgroup of", unit, e);
	if (group[0] != '/' || !group[1]) {
		free(group);
		return err_say(e, EIO, "systemd: %s has no cgroup", unit);
	}
	*ret = mem_strdup(group + 1);
	free(group);
	return 0;
}

static void add_bool(struct unit_props *p, const char *name, bool v)
{
	unit_props_add(p, name, "b")->b = v;
}

int cgroup_systemd_start(const struct cgroup_want *w, const struct cgroup_limits *l, pid_t pid,
			 char **ret_unit, char **ret_path, struct err *e)
{
	static const char *const on[] = { "Delegate", "CPUAccounting", "MemoryAccounting",
					  "IOAccounting", "TasksAccounting" };
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct sd sd __attribute__((cleanup(sd_close))) = { 0 };
	struct cgroup_unit u AUTO(cgroup_unit) = { NULL, NULL };
	struct unit_props p = { .a = a, .start = true };
	struct unit_prop *prop;
	uint32_t pids[1] = { (uint32_t)pid };
	int r = cgroup_unit_parse(w->oci_path, w->parent, w->id, w->rootless, &u, e);

	if (r == 0)
		r = sd_open(&sd, w->rootless, e);
	if (r < 0)
		return r;
	p.version = sd_version(&sd);
	unit_props_add(&p, "Description", "s")->s = arena_printf(a, "berth container %s", w->id);
	unit_props_add(&p, "Slice", "s")->s = u.slice;
	prop = unit_props_add(&p, "PIDs", "au");
	prop->v = pids;
	prop->n = 1;
	add_bool(&p, "DefaultDependencies", false);
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		add_bool(&p, on[i], true);
	/* Without this a scope whose processes failed stays until somebody resets it. */
	unit_props_add(&p, "CollectMode", "s")->s = "inactive-or-failed";
	unit_props_limits(&p, l);
	unit_props_devices(&p, l);
	r = unit_props_annotations(&p, w->annotations, e);
	if (r == 0)
		r = start_and_wait(&sd, u.unit, &p, e);
	if (r == 0)
		r = control_group(&sd, u.unit, ret_path, e);
	if (r < 0)
		return r;
	*ret_unit = TAKE(u.unit);
	return 0;
}

int cgroup_systemd_move_self(struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct sd sd __attribute__((cleanup(sd_close))) = { 0 };
	struct unit_props p = { .a = a, .start = true };
	const char *unit = arena_printf(a, "berth-process-%d.scope", (int)getpid());
	uint32_t pids[1] = { (uint32_t)getpid() };
	struct unit_prop *prop;
	int r = sd_open(&sd, true, e);

	if (r < 0)
		return r;
	unit_props_add(&p, "Description", "s")->s = "berth";
	unit_props_add(&p, "CollectMode", "s")->s = "inactive-or-failed";
	add_bool(&p, "DefaultDependencies", false);
	prop = unit_props_add(&p, "PIDs", "au");
	prop->v = pids;
	prop->n = 1;
	return start_and_wait(&sd, unit, &p, e);
}

/* ---- changing and stopping ------------------------------------------------------------ */

int cgroup_systemd_update(const char *unit, bool user, const struct cgroup_limits *l,
			  struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct sd sd __attribute__((cleanup(sd_close))) = { 0 };
	struct unit_props p = { .a = a };
	sd_bus_error se = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r;

	if (!cgroup_limits_any(l) && !l->devices_set)
		return 0;
	r = sd_open(&sd, user, e);
	if (r < 0)
		return r;
	p.version = sd_version(&sd);
	unit_props_limits(&p, l);
	unit_props_devices(&p, l);
	if (!p.n)
		return 0;
	r = sd.sd_bus_message_new_method_call(sd.bus, &m, DEST, ROOT, MANAGER,
					      "SetUnitProperties");
	if (r >= 0)
		r = sd.sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = append_props(&sd, m, &p);
	if (r >= 0)
		r = sd.sd_bus_call(sd.bus, m, 0, &se, NULL);
	sd.sd_bus_message_unref(m);
	return r < 0 ? fail(&sd, &se, r, "change the limits of", unit, e) : 0;
}

int cgroup_systemd_stop(const char *unit, bool user, struct err *e)
{
	struct sd sd __attribute__((cleanup(sd_close))) = { 0 };
	struct job j = { .sd = &sd };
	sd_bus_error se = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = sd_open(&sd, user, e);

	if (r == 0)
		r = job_watch(&sd, &j, e);
	if (r < 0)
		return r;
	r = sd.sd_bus_call_method(sd.bus, DEST, ROOT, MANAGER, "StopUnit", &se, &reply, "ss", unit,
				  "replace");
	if (r < 0 && str_eq(se.name, "org.freedesktop.systemd1.NoSuchUnit")) {
		sd.sd_bus_error_free(&se);
		return 0;
	}
	if (r < 0)
		return fail(&sd, &se, r, "stop", unit, e);
	r = sd.sd_bus_message_read(reply, "o", &j.path);
	if (r >= 0)
		r = job_wait(&j, "stop", unit, e);
	sd.sd_bus_message_unref(reply);
	reset_failed(&sd, unit);
	return r;
}
