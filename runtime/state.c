/*
 * state.c - RUN_ROOT/ID: the folder of a container that exists, its lock, and its
 * state.json.
 *
 * Runs in: host
 *
 *	RUN_ROOT/ID/state.json	what create found out; written whole by rename
 *	RUN_ROOT/ID/config.json	the spec as it was created
 *	RUN_ROOT/ID/gate	socket (or empty file) that is there until it is started
 *
 * What a container does now is never stored: it is looked up.  A process counts only with
 * its start time and the boot id, so neither a reused PID nor a reboot makes a wrong answer:
 *
 *	stored "creating", folder locked		-> creating
 *	stored "creating", nobody holds the lock	-> stopped (create was killed)
 *	other boot, no such process, or it has ended	-> stopped
 *	gate is there and the process is still ours	-> created
 *	cgroup frozen					-> paused
 *	else						-> running
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"
#include "runtime/spec_part.h"

int container_id_check(const char *id, struct err *e)
{
	size_t n = strlen(id);

	if (!n)
		return err_say(e, EINVAL, "a container ID must not be empty");
	if (n > 255)
		return err_say(e, EINVAL, "a container ID has at most 255 characters, not %zu", n);
	if (strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-") != n ||
	    id[0] == '.')
		return err_say(e, EINVAL, "invalid character in container ID \"%.100s\": it "
			       "consists of letters, digits and _ + - . and does not begin "
			       "with a dot", id);
	return 0;
}

/* ---- folder and lock ------------------------------------------------------------------- */

int state_dir_open(const struct container_env *env, const char *id, int *ret, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = container_id_check(id, e), fd;

	if (r < 0)
		return r;
	path = path_join(env->run_root, id);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "container \"%s\" does not exist", id);
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	*ret = fd;
	return 0;
}

/* Whoever deletes holds the lock too: once we have it the folder may be gone, or be another. */
static bool still_named(const struct container_env *env, const char *id, int fd)
{
	AUTO_FREE char *path = path_join(env->run_root, id);
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int state_dir_lock(const struct container_env *env, const char *id, int *ret, struct err *e)
{
	for (;;) {
		AUTO_CLOSE int fd = -1;
		int r = state_dir_open(env, id, &fd, e);

		if (r < 0)
			return r;
		r = fd_lock(fd, true, true);
		if (r < 0)
			return err_set(e, -r, "lock container %s", id);
		if (!still_named(env, id, fd))
			continue;
		*ret = TAKE_FD(fd);
		return 0;
	}
}

/* Somebody makes or deletes one of that name right now, or was killed at it, and a child of his
 * has not let go yet. */
static int wait_lock(int fd)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	int r;

	for (int i = 0; (r = fd_lock(fd, true, false)) == -EWOULDBLOCK && i < 200; i++)
		nanosleep(&nap, NULL);
	return r;
}

/* The folder was there before us, and we hold its lock: what is in it? */
static int take_over(const struct container_env *env, const char *id, bool engine, int fd,
		     struct err *e)
{
	struct container_state s = { 0 };
	int r;

	if (!path_exists(fd, STATE_FILE))
		return 0;	/* an engine's, or a create that died before it did anything */
	r = state_load(fd, id, &s, e);
	if (r < 0)
		return err_say(e, EEXIST, "container with id \"%s\" already exists", id);
	if (s.creating || (engine && s.engine && s.status == CONTAINER_STOPPED))
		r = container_undo(env, fd, &s, false, false, e);
	else
		r = err_say(e, EEXIST, "container with id \"%s\" already exists", id);
	container_state_clear(&s);
	return r;
}

int state_dir_make(const struct container_env *env, const char *id, bool engine, int *ret,
		   bool *ret_made, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = container_id_check(id, e);

	if (r < 0)
		return r;
	r = path_mkdirs(env->run_root, 0700, e);
	if (r < 0)
		return r;
	path = path_join(env->run_root, id);
	for (;;) {
		AUTO_CLOSE int fd = -1;
		bool made = !mkdir(path, 0700);

		if (!made && errno != EEXIST)
			return err_set(e, errno, "create %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, errno, "open %s", path);
		r = wait_lock(fd);
		if (r < 0)
			return err_say(e, EEXIST, "container with id \"%s\" already exists", id);
		if (!still_named(env, id, fd))
			continue;
		/* Also when we made it: another may have come between our mkdir and our lock. */
		r = take_over(env, id, engine, fd, e);
		if (r < 0)
			return r;
		*ret = TAKE_FD(fd);
		*ret_made = !engine || made;
		return 0;
	}
}

/* ---- state.json ------------------------------------------------------------------------ */

int state_save(int dirfd, const struct container_state *s, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;

	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ociVersion", s->oci_version);
	json_out_str(&o, "id", s->id);
	json_out_str(&o, "bundle", s->bundle);
	json_out_str(&o, "rootfs", s->rootfs);
	json_out_str(&o, "created", s->created);
	json_out_str(&o, "owner", s->owner);
	json_out_i64(&o, "pid", s->pid);
	json_out_u64(&o, "startTime", s->start_time);
	json_out_str(&o, "bootId", s->boot_id);
	json_out_str(&o, "cgroupPath", s->cgroup_path);
	json_out_u64(&o, "cgroupIno", s->cgroup_ino);
	json_out_str(&o, "cgroupDriver", s->cgroup_driver);
	json_out_str(&o, "scope", s->scope);
	json_out_str(&o, "rdtGroup", s->rdt_group);
	json_out_u64(&o, "rootMount", s->root_mount);
	if (s->mount_ns) {
		json_out_str(&o, "mountNs", s->mount_ns);
		json_out_u64(&o, "mountNsIno", s->mount_ns_ino);
	}
	json_out_bool(&o, "engine", s->engine);
	json_out_bool(&o, "creating", s->creating);
	json_out_bool(&o, "ownPidns", s->own_pidns);
	json_out_u64(&o, "hooks", s->hooks);
	json_out_map(&o, "annotations", &s->annotations);
	json_out_end_obj(&o);
	return path_write_file(dirfd, STATE_FILE, b.s, b.len, 0600, false, e);
}

static int read_pid(struct json_ctx *c, const struct json *v, void *field)
{
	int32_t pid = 0;
	int r = json_read_i32(c, v, &pid);

	if (!r && pid < 0)
		return json_fail(c, "must not be negative");
	*(pid_t *)field = pid;
	return r;
}

#define STATE_ROW(key, field, reader) SPEC_ROW(key, struct container_state, field, reader, true)
static const struct json_row state_rows[] = {
	STATE_ROW("ociVersion", oci_version, json_read_str),
	STATE_ROW("id", id, json_read_str),
	STATE_ROW("bundle", bundle, json_read_str),
	STATE_ROW("rootfs", rootfs, json_read_str),
	STATE_ROW("created", created, json_read_str),
	STATE_ROW("owner", owner, json_read_str),
	STATE_ROW("pid", pid, read_pid),
	STATE_ROW("startTime", start_time, json_read_u64),
	STATE_ROW("bootId", boot_id, json_read_str),
	STATE_ROW("cgroupPath", cgroup_path, json_read_str),
	SPEC_ROW("cgroupIno", struct container_state, cgroup_ino, json_read_u64, false),
	STATE_ROW("cgroupDriver", cgroup_driver, json_read_str),
	STATE_ROW("scope", scope, json_read_str),
	STATE_ROW("rdtGroup", rdt_group, json_read_str),
	STATE_ROW("rootMount", root_mount, json_read_u64),
	SPEC_ROW("mountNs", struct container_state, mount_ns, json_read_str, false),
	SPEC_ROW("mountNsIno", struct container_state, mount_ns_ino, json_read_u64, false),
	STATE_ROW("engine", engine, json_read_bool),
	STATE_ROW("creating", creating, json_read_bool),
	STATE_ROW("ownPidns", own_pidns, json_read_bool),
	STATE_ROW("hooks", hooks, json_read_u32),
	STATE_ROW("annotations", annotations, json_read_map),
};

static int state_parse(struct arena *a, const char *text, size_t n, struct container_state *ret,
		       struct err *e)
{
	AUTO(arena) struct arena *tree = arena_new(json_tree_bytes(n));
	struct json_ctx c = { .a = a, .e = e, .what = STATE_FILE, .strict = true };
	struct json_limits lim = { STATE_MAX, 8 };
	const struct json *v;
	int r = json_parse(tree, text, n, lim, STATE_FILE, &v, e);

	return r < 0 ? r : json_read_rows(&c, v, state_rows, ARRAY_SIZE(state_rows), ret);
}

/* ---- what it does now ------------------------------------------------------------------ */

/* True when exactly that process has not ended.  A leader that is a zombie while its threads go
 * on has not; poll on the pidfd tells the two apart. */
static bool init_lives(const struct container_state *s)
{
	AUTO_CLOSE int fd = -1;
	char state;

	if (s->pid <= 0 || proc_open(s->pid, s->start_time, &fd) < 0)
		return false;
	if (proc_state(s->pid, &state) < 0 || state == 'X')
		return false;
	if (state == 'Z') {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		return poll(&p, 1, 0) == 0;
	}
	return true;
}

/* The gate is removed after the execve; when its remover was killed in between, what the process
 * is says it.  Our init runs from a sealed memfd of this name. */
static bool init_waits(const struct container_state *s)
{
	char path[64], exe[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)s->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return true;
	exe[n] = 0;
	return strstr(exe, "berth-init") != NULL;
}

bool state_frozen(const struct container_state *s)
{
	AUTO_CLOSE int fd = -1;
	struct cgroup_state now = { 0 };
	struct err ignore = ERR_INIT;

	if (str_empty(s->cgroup_path) || cgroup_dir_open(s->cgroup_path, &fd, &ignore) < 0)
		return false;
	return !cgroup_state_read(fd, &now) && now.frozen;
}

static enum container_status status_now(int dirfd, const struct container_state *s)
{
	char boot[37];

	if (s->creating) {
		AUTO_CLOSE int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		/* Another open file description: the maker's lock keeps us out, also our own. */
		if (own >= 0 && fd_lock(own, false, false) < 0)
			return CONTAINER_CREATING;
		return CONTAINER_STOPPED;
	}
	if (proc_boot_id(boot) < 0 || !str_eq(boot, s->boot_id) || !init_lives(s))
		return CONTAINER_STOPPED;
	if (path_exists(dirfd, STATE_GATE) && init_waits(s))
		return CONTAINER_CREATED;
	return state_frozen(s) ? CONTAINER_PAUSED : CONTAINER_RUNNING;
}

/* What has ended holds no cgroup: it may be gone, and another container's have its name. */
static bool cgroup_taken(const struct container_state *s)
{
	AUTO_CLOSE int fd = -1;
	struct err ignore = ERR_INIT;
	struct stat st;

	return s->status == CONTAINER_STOPPED && s->cgroup_ino && !str_empty(s->cgroup_path) &&
	       cgroup_dir_open(s->cgroup_path, &fd, &ignore) == 0 && fstat(fd, &st) == 0 &&
	       st.st_ino != s->cgroup_ino;
}

int state_load(int dirfd, const char *id, struct container_state *ret, struct err *e)
{
	AUTO(arena) struct arena *a = NULL;
	AUTO_FREE char *text = NULL;
	struct container_state s = { 0 };
	size_t n;
	int r;

	r = path_read_file(dirfd, STATE_FILE, STATE_MAX, &text, &n, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "container \"%s\" does not exist", id);
	if (r < 0)
		return r;
	a = arena_new(json_tree_bytes(n));
	r = state_parse(a, text, n, &s, e);
	if (r < 0)
		return err_wrap(e, "container %s", id);
	s.status = status_now(dirfd, &s);
	if (cgroup_taken(&s))
		s.cgroup_path = s.scope = "";
	s.arena = TAKE(a);
	*ret = s;
	return 0;
}

int container_load(const struct container_env *env, const char *id, struct container_state *ret,
		   struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int r = state_dir_open(env, id, &fd, e);

	return r < 0 ? r : state_load(fd, id, ret, e);
}

void container_state_clear(struct container_state *s)
{
	arena_free(s->arena);
	*s = (struct container_state){ 0 };
}

int container_list(const struct container_env *env, struct strlist *ret, struct err *e)
{
	DIR *d = opendir(env->run_root);
	struct dirent *entry;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_set(e, errno, "open %s", env->run_root);
	while ((entry = readdir(d))) {
		AUTO_FREE char *file = NULL;
		struct err ignore = ERR_INIT;

		if (container_id_check(entry->d_name, &ignore) < 0)
			continue;
		file = mem_printf("%s/" STATE_FILE, entry->d_name);
		if (path_exists(dirfd(d), file))
			strlist_add(ret, entry->d_name);
	}
	closedir(d);
	strlist_sort(ret);
	return 0;
}

/* ---- out ------------------------------------------------------------------------------- */

const char *container_status_name(enum container_status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused",
					     "stopped" };

	return names[s];
}

void container_state_write(const struct container_state *s, struct strbuf *b)
{
	struct json_out o;

	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ociVersion", s->oci_version);
	json_out_str(&o, "id", s->id);
	json_out_str(&o, "status", container_status_name(s->status));
	if (s->status != CONTAINER_STOPPED && s->pid > 0)
		json_out_i64(&o, "pid", s->pid);
	json_out_str(&o, "bundle", s->bundle);
	if (s->annotations.n)
		json_out_map(&o, "annotations", &s->annotations);
	json_out_end_obj(&o);
}

int container_spec(const struct container_env *env, const char *id, struct arena *a,
		   struct spec **ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = state_dir_open(env, id, &fd, e);

	if (r < 0)
		return r;
	r = path_read_file(fd, STATE_CONFIG, STATE_MAX, &text, &n, e);
	if (r == -ENOENT)	/* not yet, or no more */
		return err_say(e, EBUSY, "container %s is being created or deleted", id);
	if (!r)
		r = spec_read(a, text, n, ret, e);
	return r < 0 ? err_wrap(e, "container %s", id) : 0;
}

int state_cgroup_make(int dirfd, struct container_state *s, const struct cgroup_want *w,
		      struct cgroup *ret, struct err *e)
{
	AUTO_FREE char *place = NULL;
	struct stat st;
	int r = cgroup_place(w, &place, e);

	if (r < 0)
		return r;
	s->cgroup_path = arena_strdup(s->arena, place);
	r = state_save(dirfd, s, e);
	if (!r)
		r = cgroup_make(w, ret, e);
	if (r < 0) {
		s->cgroup_path = "";	/* nothing is left; what was there is not ours */
		return r;
	}
	s->cgroup_path = arena_strdup(s->arena, ret->path ? ret->path : "");
	s->scope = ret->unit ? arena_strdup(s->arena, ret->unit) : "";
	s->cgroup_ino = ret->fd >= 0 && fstat(ret->fd, &st) == 0 ? st.st_ino : 0;
	return 0;
}

int container_cgroup(const struct container_state *s, struct cgroup *ret, struct err *e)
{
	enum cgroup_driver driver;

	if (str_empty(s->cgroup_path) || cgroup_driver_parse(s->cgroup_driver, &driver) < 0)
		return err_say(e, ENOENT, "container \"%s\" has no cgroup (cgroup manager "
			       "\"disabled\")", s->id);
	return cgroup_open(driver, s->cgroup_path, str_empty(s->scope) ? NULL : s->scope, ret, e);
}
