/* idrange.c - see idrange.h.  Runs in: host.  Source: subuid(5), podman-run(1) "--userns". */
#include "runtime/idrange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/spec.h"

#define FILE_BYTES_MAX (4u << 20)

static const char *const files[] = { "/etc/subuid", "/etc/subgid" };	/* uids, gids */

struct range { uint64_t first, end; };		/* end: the first id behind it */
struct ranges { struct range *v; size_t n, cap; };

static void ranges_cleanup(struct ranges *l)
{
	free(l->v);
}

static void add(struct ranges *l, uint64_t first, uint64_t size)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = mem_resize(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct range){ first, first + size };
}

/* Lines of NAME:FIRST:SIZE; user NULL: everybody's.  Others are no business of ours. */
static int read_file(const char *path, const char *user, struct ranges *ret, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = path_read_file(AT_FDCWD, path, FILE_BYTES_MAX, &text, &n, e);

	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		AUTO(strlist) struct strlist f = STRLIST_INIT;
		uint32_t first, size;

		strlist_split(&f, lines.v[i], ':', false);
		if (f.n != 3 || (user && !str_eq(f.v[0], user)) || str_to_u32(f.v[1], &first) < 0 ||
		    str_to_u32(f.v[2], &size) < 0 || !size || UINT32_MAX - first < size)
			continue;
		add(ret, first, size);
	}
	return 0;
}

static int none_for(const char *user, const char *path, struct err *e)
{
	return err_say(e, ENOENT, "user %s has no ids in %s: add a line, as \"%s:%u:%u\"", user,
		       path, user, IDRANGE_FIRST, 65536 * 64);
}

int idrange_granted(const char *user, bool groups, struct arena *a, struct spec_idmaps *ret,
		    struct err *e)
{
	AUTO(ranges) struct ranges l = { 0 };
	uint32_t inside = 0;
	int r = read_file(files[groups], user, &l, e);

	if (r < 0)
		return r;
	if (l.n == 0)
		return none_for(user, files[groups], e);
	ret->v = arena_array(a, l.n, sizeof(*ret->v));
	for (size_t i = 0; i < l.n; i++) {
		uint32_t size = (uint32_t)(l.v[i].end - l.v[i].first);

		ret->v[i] = (struct spec_idmap){ .container_id = inside, .size = size,
						 .host_id = (uint32_t)l.v[i].first };
		inside += size;
	}
	ret->n = l.n;
	return 0;
}

/* ---- what is taken ---- */

static void add_maps(struct ranges *l, const struct spec_idmaps *m)
{
	for (size_t i = 0; i < m->n; i++)
		add(l, m->v[i].host_id, m->v[i].size);
}

/* A config.json that cannot be read is of a container that cannot start. */
static void add_record(const struct engine *en, const char *id, struct ranges *uids,
		       struct ranges *gids)
{
	AUTO_FREE char *path = mem_printf("%s/config.json", id), *text = NULL;
	AUTO(arena) struct arena *a = NULL;
	struct err ignored = ERR_INIT;
	struct spec *s;
	size_t n;

	if (path_read_file(en->containers_fd, path, SPEC_MAX_BYTES, &text, &n, &ignored) < 0 ||
	    !strstr(text, "uidMappings"))
		return;
	a = arena_new(SPEC_ARENA_MAX);
	if (spec_read(a, text, n, &s, &ignored) < 0 || !s->ns[SPEC_NS_USER].unshare)
		return;
	add_maps(uids, &s->uids);
	add_maps(gids, &s->gids);
}

static bool find_free(const struct ranges *from, const struct ranges *used, uint32_t size,
		      uint32_t *ret)
{
	for (size_t i = 0; i < from->n; i++) {
		uint64_t at = from->v[i].first;

		for (size_t k = 0; k < used->n && at + size <= from->v[i].end; k++) {
			if (at >= used->v[k].end || at + size <= used->v[k].first)
				continue;
			at = used->v[k].end;
			k = SIZE_MAX;	/* from the beginning: they are in no order */
		}
		if (at + size > from->v[i].end)
			continue;
		*ret = (uint32_t)at;
		return true;
	}
	return false;
}

static int take(size_t k, uint32_t size, struct ranges *used, bool by_default, uint32_t *ret,
		struct err *e)
{
	AUTO(ranges) struct ranges from = { 0 };
	int r = by_default ? 0 : read_file(files[k], IDRANGE_USER, &from, e);

	if (r < 0)
		return r;
	if (!by_default && from.n == 0)
		return none_for(IDRANGE_USER, files[k], e);
	if (by_default) {
		add(&from, IDRANGE_FIRST, IDRANGE_LAST - IDRANGE_FIRST + 1);
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			if ((r = read_file(files[i], NULL, used, e)) < 0)
				return r;
	}
	if (!find_free(&from, used, size, ret))
		return err_say(e, ENOSPC, "no %u ids in a row are free in %s: give user %s more "
			       "there, or the container fewer (size=)", size,
			       by_default ? "the default range" : files[k], IDRANGE_USER);
	return 0;
}

/* In one of the files at least. */
static int user_has_ids(bool *ret, struct err *e)
{
	AUTO(ranges) struct ranges l = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = read_file(files[i], IDRANGE_USER, &l, e);
	*ret = l.n > 0;
	return r;
}

int idrange_take(const struct engine *en, uint32_t size, uint32_t *ret_uid, uint32_t *ret_gid,
		 int *ret_lock, struct err *e)
{
	AUTO_CLOSE int lock = openat(en->root_fd, "ids.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	AUTO(ranges) struct ranges uids = { 0 };
	AUTO(ranges) struct ranges gids = { 0 };
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	uint32_t uid, gid;
	bool granted;
	int r;

	if (lock < 0 || fd_lock(lock, true, true) < 0)
		return err_set(e, errno, "lock the ids of containers");
	if ((r = user_has_ids(&granted, e)) < 0 || (r = record_list(en, &ids, e)) < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++)
		add_record(en, ids.v[i], &uids, &gids);
	if ((r = take(0, size, &uids, !granted, &uid, e)) < 0 ||
	    (r = take(1, size, &gids, !granted, &gid, e)) < 0)
		return r;
	*ret_uid = uid;
	*ret_gid = gid;
	*ret_lock = TAKE_FD(lock);
	return 0;
}
