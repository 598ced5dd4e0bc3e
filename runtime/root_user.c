/* root_user.c - see root_user.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/root_user.h"

#define FILE_MAX_BYTES (4u << 20)
#define GROUPS_MAX 1024

/* Absent files are empty ones, and so is what the container has there instead of a file. */
static int read_in(int root_fd, const char *path, char **ret, struct err *e)
{
	AUTO_CLOSE int at = path_try_open_in(root_fd, path, O_PATH, 0);
	AUTO_CLOSE int fd = at < 0 ? -1 : fd_reopen_file(at, O_RDONLY);
	size_t n;
	int r;

	if (fd < 0) {
		*ret = mem_strdup("");
		return 0;
	}
	r = fd_read_all(fd, FILE_MAX_BYTES, ret, &n);
	return r < 0 ? err_set(e, -r, "read %s of the container", path) : 0;
}

/* The fields of one line in place; returns how many. */
static size_t split(char *line, char *fields[], size_t max)
{
	size_t n = 0;

	for (char *p = line; p && n < max; n++) {
		fields[n] = p;
		p = strchr(p, ':');
		if (p)
			*p++ = 0;
	}
	return n;
}

static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = 0;
	*text = end;
	return line;
}

/* An id of all ones means "leave as it is" to setresuid(2): whoever had it would stay root. */
static int parse_id(const char *text, uint32_t *ret)
{
	uint32_t id;

	if (str_to_u32(text, &id) < 0 || id == UINT32_MAX)
		return -EINVAL;
	*ret = id;
	return 0;
}

struct found_user { bool found; char *name; uint32_t uid, gid; const char *home; };

static void find_user(char *passwd, const char *want, struct arena *a, struct found_user *u)
{
	uint32_t id = 0;
	bool numeric = parse_id(want, &id) == 0;
	struct found_user by_id = { .found = false };
	char *line;

	while ((line = next_line(&passwd))) {
		char *f[7];
		uint32_t uid, gid;
		size_t n = split(line, f, 7);

		if (n < 4 || parse_id(f[2], &uid) < 0 || parse_id(f[3], &gid) < 0)
			continue;
		struct found_user here = { true, f[0], uid, gid, NULL };

		if (n > 5)
			here.home = arena_strdup(a, f[5]);
		if (str_eq(f[0], want)) {
			*u = here;
			return;
		}
		if (numeric && uid == id && !by_id.found)
			by_id = here;
	}
	*u = by_id;
}

static bool find_group(char *group, const char *want, uint32_t *ret)
{
	char *line;

	while ((line = next_line(&group))) {
		char *f[4];

		if (split(line, f, 4) >= 3 && str_eq(f[0], want) && parse_id(f[2], ret) == 0)
			return true;
	}
	return false;
}

static void add_group(struct spec_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->ngroups; i++)
		if (u->groups[i] == gid)
			return;
	if (u->ngroups < GROUPS_MAX)
		u->groups[u->ngroups++] = gid;
}

static bool is_member(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == 0))
			return true;
	return false;
}

static void add_memberships(char *group, const char *name, struct spec_user *u)
{
	char *line;
	uint32_t gid;

	while ((line = next_line(&group))) {
		char *f[4];

		if (split(line, f, 4) == 4 && is_member(f[3], name) && parse_id(f[2], &gid) == 0)
			add_group(u, gid);
	}
}

static int group_id(const char *group_text, const char *want, uint32_t *ret, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(group_text);

	if (find_group(copy, want, ret) || parse_id(want, ret) == 0)
		return 0;
	return err_say(e, ENOENT, "no group \"%s\" in the container's /etc/group", want);
}

int root_user_find(int root_fd, const char *text, char *const *extra, struct arena *a,
		   struct spec_user *ret, const char **ret_home, struct err *e)
{
	AUTO_FREE char *passwd = NULL, *group = NULL, *want = mem_strdup(text ? text : "");
	char *want_group = strchr(want, ':');
	struct found_user found = { .found = false };
	struct spec_user u = { .umask = ret->umask };
	int r;

	if ((r = read_in(root_fd, "etc/passwd", &passwd, e)) < 0 ||
	    (r = read_in(root_fd, "etc/group", &group, e)) < 0)
		return r;
	if (want_group)
		*want_group++ = 0;
	find_user(passwd, *want ? want : "0", a, &found);
	if (found.found) {
		u.uid = found.uid;
		u.gid = found.gid;
	} else if (*want && parse_id(want, &u.uid) < 0) {
		return err_say(e, ENOENT, "no user \"%s\" in the container's /etc/passwd", want);
	}
	u.groups = arena_array(a, GROUPS_MAX, sizeof(*u.groups));
	if (!str_empty(want_group)) {
		if ((r = group_id(group, want_group, &u.gid, e)) < 0)
			return r;
	} else if (found.found) {
		AUTO_FREE char *copy = mem_strdup(group);

		add_memberships(copy, found.name, &u);
	}
	for (; extra && *extra; extra++) {
		uint32_t gid;

		if ((r = group_id(group, *extra, &gid, e)) < 0)
			return r;
		add_group(&u, gid);
	}
	*ret = u;
	*ret_home = found.found && !str_empty(found.home) ? found.home : NULL;
	return 0;
}
