/* idmap.c - see idmap.h. */
#include "base/idmap.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"

#define MAP_BYTES_MAX 65536
#define OVERFLOW_ID 65534u

static int parse_line(char *line, struct idmap_range *ret)
{
	AUTO(strlist) struct strlist words = STRLIST_INIT;

	strlist_split(&words, line, ' ', true);
	if (words.n != 3 || str_to_u32(words.v[0], &ret->inside) < 0 ||
	    str_to_u32(words.v[1], &ret->outside) < 0 || str_to_u32(words.v[2], &ret->size) < 0)
		return -EINVAL;
	return 0;
}

int idmap_parse(const char *text, struct idmap *ret)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;

	ret->n = 0;
	strlist_split(&lines, text, '\n', true);
	if (lines.n > IDMAP_MAX)
		return -EINVAL;
	for (size_t i = 0; i < lines.n; i++)
		if (parse_line(lines.v[i], &ret->v[ret->n++]) < 0)
			return -EINVAL;
	return 0;
}

static int read_map(pid_t pid, const char *file, struct idmap *ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/%s", (int)pid, file), *text = NULL;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n;
	int r;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ESRCH : errno, "open %s", path);
	r = fd_read_all(fd, MAP_BYTES_MAX, &text, &n);
	if (r == 0)
		r = idmap_parse(text, ret);
	return r < 0 ? err_set(e, -r, "read %s", path) : 0;
}

int idmap_of_process(pid_t pid, struct idmap_pair *ret, struct err *e)
{
	int r = read_map(pid, "uid_map", &ret->uids, e);

	return r < 0 ? r : read_map(pid, "gid_map", &ret->gids, e);
}

uint32_t idmap_inside(const struct idmap *m, uint32_t outside)
{
	for (size_t i = 0; i < m->n; i++)
		if (outside >= m->v[i].outside && outside - m->v[i].outside < m->v[i].size)
			return m->v[i].inside + (outside - m->v[i].outside);
	return m->n ? OVERFLOW_ID : outside;
}

bool idmap_outside(const struct idmap *m, uint32_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < m->n; i++)
		if (inside >= m->v[i].inside && inside - m->v[i].inside < m->v[i].size) {
			*ret = m->v[i].outside + (inside - m->v[i].inside);
			return true;
		}
	*ret = inside;
	return m->n == 0;
}

int idmap_act_as_root(const struct idmap_pair *ids, struct err *e)
{
	uint32_t uid, gid;

	if (!idmap_outside(&ids->uids, 0, &uid) || !idmap_outside(&ids->gids, 0, &gid))
		return err_say(e, EOVERFLOW, "the container's user namespace has no root");
	return sys_set_fsids(uid, gid) < 0 ? err_set(e, errno, "act as id %u", uid) : 0;
}
