/*
 * record.c - the folder of a container: made whole, found, renamed, removed.
 * Runs in: host.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/record.h"
#include "runtime/supervisor.h"
#include "runtime/volume.h"

#define RECORD_MAX_BYTES (4u << 20)

int record_name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0 || n > 128)
		return err_say(e, EINVAL, "container name '%s': 1 to 128 characters", name);
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');

		if (!alnum && (i == 0 || !strchr("_.-", c)))
			return err_say(
				e, EINVAL,
				"container name '%s': only letters, digits, and then _.- are allowed",
				name);
	}
	return 0;
}

/* Claims names/NAME for id; one that points at nothing is taken over. */
static int claim_name(const struct engine *en, const char *name, const char *id, struct err *e)
{
	for (int tries = 0; tries < 3; tries++) {
		char owner[128];

		if (symlinkat(id, en->names_fd, name) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set(e, errno, "take the name %s", name);
		ssize_t n = readlinkat(en->names_fd, name, owner, sizeof(owner) - 1);

		if (n < 0 && errno == ENOENT)
			continue;
		if (n < 0)
			return err_set(e, errno, "read the name %s", name);
		owner[n] = 0;
		if (str_eq(owner, id))	/* of a rename that was killed */
			return 0;
		if (path_exists(en->containers_fd, owner) || run_alive(en, owner))
			return err_say(
				e, EEXIST,
				"the name \"%s\" is in use by container %.12s; "
				"remove or rename that one, or take another name",
				name, owner);
		unlinkat(en->names_fd, name, 0);
	}
	return err_say(e, EEXIST, "the name \"%s\" is in use", name);
}

/* Lets a name go, if it is this container's. */
static void release_name(const struct engine *en, const char *name, const char *id)
{
	char owner[128];
	ssize_t n = readlinkat(en->names_fd, name, owner, sizeof(owner) - 1);

	if (n < 0)
		return;
	owner[n] = 0;
	if (str_eq(owner, id))
		unlinkat(en->names_fd, name, 0);
}

static int write_files(const struct record *r, int dir, bool with_spec, bool durable,
		       struct err *e)
{
	AUTO(strbuf) struct strbuf spec = STRBUF_INIT, record = STRBUF_INIT;
	struct path_file files[2];
	size_t n = 0;

	if (with_spec) {
		spec_write(r->spec, &spec);
		files[n++] = (struct path_file){ "config.json", spec.s, spec.len };
	}
	record_write(r, &record);
	files[n++] = (struct path_file){ "record.json", record.s, record.len };
	return path_write_files(dir, files, n, 0600, durable, e);
}

int record_create(const struct engine *en, const struct record *r, bool durable, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct err undo = ERR_INIT;
	int rc;

	rc = record_name_check(r->name, e);
	if (rc < 0)
		return rc;
	if (mkdirat(en->containers_fd, r->id, 0710) < 0)
		return err_set(e, errno, "make the folder of container %.12s", r->id);
	rc = claim_name(en, r->name, r->id, e);
	if (rc == 0)
		rc = path_open_dir(en->containers_fd, r->id, &dir, e);
	if (rc == 0 && (mkdirat(dir, "upper", 0755) < 0 || mkdirat(dir, "work", 0700) < 0))
		rc = err_set(e, errno, "make the folders of container %.12s", r->id);
	if (rc == 0 && r->disk.bytes)
		rc = disk_make(dir, &r->disk, durable, e);
	if (rc == 0)
		rc = write_files(r, dir, true, durable, e);
	if (rc < 0) {
		release_name(en, r->name, r->id);
		path_remove_tree(en->containers_fd, r->id, &undo);
	}
	return rc;
}

int record_lock(const struct engine *en, const char *id, int *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = path_open_dir(en->containers_fd, id, &dir, e);

	if (r < 0)
		return r;
	if ((r = fd_lock(dir, true, true)) < 0)
		return err_set(e, -r, "lock container %.12s", id);
	*ret = TAKE_FD(dir);
	return 0;
}

int record_save(const struct engine *en, const struct record *r, bool with_spec, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int rc = path_open_dir(en->containers_fd, r->id, &dir, e);

	return rc < 0 ? rc : write_files(r, dir, with_spec, true, e);
}

int record_load_in(const struct engine *en, const char *id, struct arena *a, struct record **ret,
		   struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/record.json", id), *text = NULL;
	size_t n;
	int rc;

	rc = path_read_file(en->containers_fd, path, RECORD_MAX_BYTES, &text, &n, e);
	if (rc == -ENOENT)
		return err_say(e, ENOENT, "no such container: %s", id);
	if (rc < 0)
		return err_wrap(e, "container %.12s", id);
	rc = record_read(a, text, n, ret, e);
	return rc < 0 ? err_wrap(e, "container %.12s", id) : 0;
}

int record_load(const struct engine *en, const char *id, struct record **ret, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(RECORD_LOAD_ARENA);
	int rc = record_load_in(en, id, a, ret, e);

	if (rc == 0)
		TAKE(a);
	return rc;
}

int record_load_spec(const struct engine *en, struct record *r, struct arena *a, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/config.json", r->id);
	AUTO_FREE char *text = NULL;
	size_t n;
	int rc = path_read_file(en->containers_fd, path, SPEC_MAX_BYTES, &text, &n, e);

	if (rc < 0)
		return err_wrap(e, "container %.12s", r->id);
	return spec_read(a, text, n, &r->spec, e);
}

static int read_as(const struct engine *en, const char *id, const char *as, const char *file,
		   size_t max, char **ret, size_t *ret_n, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", id, file);
	int rc = path_read_file(en->containers_fd, path, max, ret, ret_n, e);

	for (char *p = rc < 0 ? NULL : strstr(*ret, id); p; p = strstr(p, id))
		memcpy(p, as, strlen(id));
	return rc < 0 ? err_wrap(e, "container %.12s", id) : 0;
}

int record_copy(const struct engine *en, const char *id, const char *as, struct arena *a,
		struct record **ret, struct err *e)
{
	AUTO_FREE char *record = NULL;
	AUTO_FREE char *spec = NULL;
	struct record *r = NULL;
	size_t n, m;
	int rc;

	if ((rc = read_as(en, id, as, "record.json", RECORD_MAX_BYTES, &record, &n, e)) < 0 ||
	    (rc = read_as(en, id, as, "config.json", SPEC_MAX_BYTES, &spec, &m, e)) < 0 ||
	    (rc = record_read(a, record, n, &r, e)) < 0 ||
	    (rc = spec_read(a, spec, m, &r->spec, e)) < 0)
		return rc;
	*ret = r;
	return 0;
}

int record_open_files(const struct engine *en, const struct record *r, int *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1, disk = -1;
	int rc = path_open_dir(en->containers_fd, r->id, &dir, e);

	if (rc == 0 && !r->disk.bytes)
		*ret = TAKE_FD(dir);
	if (rc < 0 || !r->disk.bytes)
		return rc;
	if ((rc = disk_mount(dir, &disk, e)) < 0)
		return err_wrap(e, "disk of container %s", r->name);
	if ((mkdirat(disk, "upper", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(disk, "work", 0700) < 0 && errno != EEXIST))
		return err_set(e, errno, "disk of container %s", r->name);
	*ret = TAKE_FD(disk);
	return 0;
}

void record_free(struct record *r)
{
	if (r)
		arena_free(r->arena);
}

void record_cleanup(struct record **r)
{
	record_free(*r);
	*r = NULL;
}

int record_rename(const struct engine *en, struct record *r, const char *name, struct err *e)
{
	const char *old = r->name;
	int rc = record_name_check(name, e);

	if (rc < 0 || str_eq(old, name))
		return rc < 0 ? rc
			      : err_say(e, EINVAL, "container is called \"%s\" already", name);
	rc = claim_name(en, name, r->id, e);
	if (rc < 0)
		return rc;
	r->name = arena_strdup(r->arena, name);
	rc = record_save(en, r, false, e);
	if (rc < 0) {
		release_name(en, name, r->id);
		r->name = old;
		return rc;
	}
	release_name(en, old, r->id);
	return 0;
}

/* The name of a container whose record cannot be read. */
static void release_names_of(const struct engine *en, const char *id)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;

	if (path_list(en->names_fd, ".", &names) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		release_name(en, names.v[i], id);
}

int record_remove(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/record.json", id);
	AUTO(record) struct record *r = NULL;
	struct err ignored = ERR_INIT;
	int rc;

	if (!str_is_hex(id, 64))
		return err_say(e, EINVAL, "not the id of a container: %s", id);
	engine_view_remove(en, id);
	if (record_load(en, id, &r, &ignored) < 0) {
		release_names_of(en, id);
		return path_remove_tree(en->containers_fd, id, e);
	}
	if (volumes && (rc = volume_remove_own(en, r, e)) < 0)
		return rc;
	/* first of all, so that whoever comes after a kill sees half a container, and sweeps it */
	unlinkat(en->containers_fd, file, 0);
	rc = path_remove_tree(en->containers_fd, id, e);
	if (rc == 0)
		release_name(en, r->name, id);
	return rc;
}

static bool is_hex(const char *s)
{
	return *s && strspn(s, "0123456789abcdef") == strlen(s);
}

/* With the nearest name that there is. */
static int no_such(const struct engine *en, const char *what, struct err *e)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	const char *near = NULL;

	if (path_list(en->names_fd, ".", &names) == 0 && names.n)
		near = str_nearest(what, (const char *const *)names.v);
	err_say(e, ENOENT, near ? "no such container: %s (did you mean %s?)"
				: "no such container: %s", what, near);
	return err_status(e, ERR_STATUS_NONE);
}

/* An id by its beginning. */
static int find_prefix(const struct engine *en, const char *what, char ret_id[static 65],
		       struct err *e)
{
	AUTO_CLOSE int fd = openat(en->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	char found[65] = "";
	int n = 0;

	if (!d)
		return err_set(e, errno, "read %s/containers", en->root);
	TAKE_FD(fd);
	while ((de = readdir(d)))
		if (str_starts(de->d_name, what) && str_is_hex(de->d_name, 64)) {
			memcpy(found, de->d_name, 65);
			n++;
		}
	closedir(d);
	if (n > 1)
		return err_say(e, EINVAL,
			       "%s is the beginning of %d containers' ids; give more digits", what,
			       n);
	if (n == 0)
		return no_such(en, what, e);
	memcpy(ret_id, found, 65);
	return 0;
}

int record_find(const struct engine *en, const char *what, char ret_id[static 65], struct err *e)
{
	char id[128];
	ssize_t n;

	if (str_empty(what) || strchr(what, '/') || strlen(what) > 255)
		return no_such(en, what, e);
	n = readlinkat(en->names_fd, what, id, sizeof(id) - 1);
	if (n == 64) {
		id[n] = 0;
		if (path_exists(en->containers_fd, id)) {
			memcpy(ret_id, id, 65);
			return 0;
		}
	}
	if (is_hex(what) && strlen(what) <= 64)
		return find_prefix(en, what, ret_id, e);
	return no_such(en, what, e);
}

struct dated { char id[65]; struct timespec t; };

static int newer_first(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	if (x->t.tv_sec != y->t.tv_sec)
		return x->t.tv_sec < y->t.tv_sec ? 1 : -1;
	if (x->t.tv_nsec != y->t.tv_nsec)
		return x->t.tv_nsec < y->t.tv_nsec ? 1 : -1;
	return strcmp(x->id, y->id);
}

int record_list(const struct engine *en, struct strlist *ret, struct err *e)
{
	AUTO_CLOSE int fd = openat(en->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	AUTO_FREE struct dated *v = NULL;
	struct dirent *de;
	size_t n = 0, cap = 0;

	if (!d)
		return err_set(e, errno, "read %s/containers", en->root);
	TAKE_FD(fd);
	while ((de = readdir(d))) {
		char path[288];
		struct stat st;

		if (!str_is_hex(de->d_name, 64))
			continue;
		/* config.json is written once, before record.json makes the container real */
		snprintf(path, sizeof(path), "%s/config.json", de->d_name);
		if (fstatat(dirfd(d), path, &st, 0) < 0)
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			v = mem_resize(v, cap, sizeof(*v));
		}
		memcpy(v[n].id, de->d_name, 65);
		v[n++].t = st.st_mtim;
	}
	closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), newer_first);
	for (size_t i = 0; i < n; i++)
		strlist_add(ret, v[i].id);
	return 0;
}
