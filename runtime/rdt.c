/*
 * rdt.c - linux.intelRdt: a class of service in the resctrl file system.
 *
 * Runs in: host.  Source: kernel Documentation/arch/x86/resctrl.rst; config-linux.md "IntelRdt".
 *
 * closID given: that group, made when it is not there.  Not given: a group by the container's
 * name, ours to remove.  The schemata of a group that others may use are compared, not written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/container_part.h"

#define SCHEMATA_MAX 65536

static bool wants_schemata(const struct spec_rdt *w)
{
	return !str_empty(w->l3) || !str_empty(w->mem_bw) || (w->schemata && w->schemata[0]);
}

/* Every line is a write of its own: the kernel takes one schema at a time and says which failed. */
static int write_line(int dir, const char *line, struct err *e)
{
	AUTO_FREE char *text = mem_printf("%s\n", line);
	int r = path_write_kernel(dir, "schemata", text, e);

	if (r < 0) {
		char why[256];
		struct err ignore = ERR_INIT;

		if (path_read_line(AT_FDCWD, RDT_ROOT "/info/last_cmd_status", why, sizeof(why),
				   &ignore) == 0 && !str_eq(why, "ok"))
			err_hint(e, "%s", why);
		return err_wrap(e, "linux.intelRdt: \"%.200s\"", line);
	}
	return 0;
}

static int write_schemata(int dir, const struct spec_rdt *w, struct err *e)
{
	int r = 0;

	if (!str_empty(w->l3))
		r = write_line(dir, w->l3, e);
	if (!r && !str_empty(w->mem_bw))
		r = write_line(dir, w->mem_bw, e);
	for (char **l = w->schemata; !r && l && *l; l++)
		r = write_line(dir, *l, e);
	return r;
}

/* "L3:0=7f0;1=1f" against a line "    L3:0=7f0;1=01f": each domain that is asked for, by value. */
static bool line_agrees(const char *want, const char *have)
{
	AUTO(strlist) struct strlist parts = STRLIST_INIT;
	const char *colon = strchr(want, ':');

	if (!colon)
		return false;
	strlist_split(&parts, colon + 1, ';', true);
	for (size_t i = 0; i < parts.n; i++) {
		char *eq = strchr(parts.v[i], '='), *at;
		AUTO_FREE char *key = NULL;

		if (!eq)
			return false;
		key = mem_strndup(parts.v[i], (size_t)(eq + 1 - parts.v[i]));
		at = strstr(have, key);
		if (!at || strtoull(at + strlen(key), NULL, 16) != strtoull(eq + 1, NULL, 16))
			return false;
	}
	return true;
}

static bool text_agrees(const char *want, const char *text)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	size_t n = strcspn(want, ":") + 1;

	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.v[i] + strspn(lines.v[i], " ");

		if (!strncmp(line, want, n))
			return line_agrees(want, line);
	}
	return false;
}

static int compare_schemata(int dir, const struct spec_rdt *w, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = path_read_file(dir, "schemata", SCHEMATA_MAX, &text, &n, e);
	const char *bad = NULL;

	if (r < 0)
		return r;
	if (!str_empty(w->l3) && !text_agrees(w->l3, text))
		bad = w->l3;
	if (!str_empty(w->mem_bw) && !text_agrees(w->mem_bw, text))
		bad = w->mem_bw;
	for (char **l = w->schemata; l && *l; l++)
		if (!text_agrees(*l, text))
			bad = *l;
	if (bad)
		return err_say(e, EINVAL, "linux.intelRdt.closID: the group \"%s\" exists, and its "
			       "schemata are not \"%.200s\"", w->clos_id, bad);
	return 0;
}

static int group_open(const char *root, const struct spec_rdt *w, const char *id, bool *ret_made,
		      int *ret, struct err *e)
{
	const char *name = str_empty(w->clos_id) ? id : w->clos_id;
	AUTO_FREE char *path = path_join(root, str_eq(name, "/") ? "." : name);
	int fd;

	*ret_made = false;
	if (!str_eq(name, "/")) {
		*ret_made = !mkdir(path, 0755);
		if (!*ret_made && errno != EEXIST)
			return err_set(e, errno, "linux.intelRdt: create %s", path);
		if (!*ret_made && str_empty(w->clos_id))
			return err_say(e, EEXIST, "linux.intelRdt: %s exists already", path);
		if (*ret_made && !str_empty(w->clos_id) && !wants_schemata(w)) {
			rmdir(path);
			return err_say(e, ENOENT, "linux.intelRdt.closID: there is no group "
				       "\"%s\", and no schemata to make it with", name);
		}
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "linux.intelRdt: open %s", path);
	*ret = fd;
	return 0;
}

static int add_task(int dir, pid_t pid, const struct spec_rdt *w, const char *id, struct err *e)
{
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%d", (int)pid);
	r = path_write_kernel(dir, "tasks", text, e);
	if (!r && w->monitoring) {
		AUTO_FREE char *mon = mem_printf("mon_groups/%s", id);
		AUTO_FREE char *tasks = mem_printf("%s/tasks", mon);

		if (mkdirat(dir, mon, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "linux.intelRdt.enableMonitoring: create %s", mon);
		r = path_write_kernel(dir, tasks, text, e);
	}
	return r < 0 ? err_wrap(e, "linux.intelRdt") : 0;
}

int rdt_join(const char *root, const struct spec_rdt *want, const char *id, pid_t pid,
	     struct arena *a, const char **ret_group, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	bool made;
	int r = group_open(root, want, id, &made, &dir, e);
	const char *group = str_empty(want->clos_id) ? id : want->clos_id;

	if (r < 0)
		return r;
	if (wants_schemata(want))
		r = made ? write_schemata(dir, want, e) : compare_schemata(dir, want, e);
	if (!r)
		r = add_task(dir, pid, want, id, e);
	if (r < 0) {
		struct err ignore = ERR_INIT;

		if (made)
			rdt_leave(root, group, id, &ignore);
		return r;
	}
	*ret_group = made ? arena_strdup(a, group)
		   : want->monitoring ? arena_printf(a, "=%s", group) : "";
	return 0;
}

static int group_of(const char *root, const struct spec_rdt *want, const char *id, int *ret,
		    struct err *e)
{
	const char *name = str_empty(want->clos_id) ? id : want->clos_id;
	AUTO_FREE char *path = path_join(root, str_eq(name, "/") ? "." : name);

	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "linux.intelRdt: open %s", path) : 0;
}

int rdt_update(const char *root, const struct spec_rdt *want, const char *id, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = group_of(root, want, id, &dir, e);

	return r < 0 ? r : write_schemata(dir, want, e);
}

int rdt_schemata(const char *root, const struct spec_rdt *want, const char *id,
		 struct strlist *ret, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO_CLOSE int dir = -1;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = group_of(root, want, id, &dir, e);

	if (!r)
		r = path_read_file(dir, "schemata", SCHEMATA_MAX, &text, &n, e);
	if (r < 0)
		return r;
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++)
		strlist_add(ret, lines.v[i] + strspn(lines.v[i], " "));
	return 0;
}

/* rmdir of a group moves its tasks to the default one; the files inside need no removal.  "=NAME":
 * the group is not ours, only what watches it. */
int rdt_leave(const char *root, const char *group, const char *id, struct err *e)
{
	bool ours = *group != '=';
	AUTO_FREE char *path = path_join(root, ours ? group : group + 1);
	AUTO_FREE char *mon = mem_printf("%s/mon_groups/%s", path, id);

	rmdir(mon);
	if (ours && rmdir(path) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove resctrl group %s", path);
	return 0;
}
