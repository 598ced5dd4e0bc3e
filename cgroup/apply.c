/*
 * apply.c - limits into kernel files: in a safe order, and back again when one is refused.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cgroup/place.h"
#include "cgroup/unit.h"

#define FILE_MAX_BYTES (64u << 10)

/* ---- taking back ---------------------------------------------------------------------- */

/* What a keyed line ("8:0 rbps=1") is set to when the file has none for the key. */
static const char *line_default(struct arena *a, const char *file, const char *key, size_t n)
{
	const char *rest = str_eq(file, "io.max") ? "rbps=max wbps=max riops=max wiops=max" :
			   str_eq(file, "rdma.max") ? "hca_handle=max hca_object=max" : "default";

	return arena_printf(a, "%.*s %s", (int)n, key, rest);
}

/* The text that restores the file, or NULL when it cannot be known. */
static const char *text_before(int fd, struct arena *a, const struct cgroup_write *w)
{
	AUTO_FREE char *text = NULL;
	struct err ignored = ERR_INIT;
	size_t n, key = strcspn(w->text, " ");

	if (path_read_file(fd, w->file, FILE_MAX_BYTES, &text, &n, &ignored) < 0)
		return NULL;
	if (!w->line)
		return arena_strndup(a, text, strcspn(text, "\n"));
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		if (len > key && memcmp(p, w->text, key) == 0 && p[key] == ' ')
			return arena_strndup(a, p, len);
		p += len + (p[len] == '\n');
	}
	return line_default(a, w->file, w->text, key);
}

/* ---- one write ------------------------------------------------------------------------ */

static int explain(int fd, const struct cgroup_write *w, int code, struct err *e)
{
	unsigned bit = w->controller;
	char line[256];
	struct err ignored = ERR_INIT;

	if (code == ENOENT && bit && !(cgroup_controllers_at(fd, "cgroup.controllers") & bit))
		return err_say(e, ENOTSUP, "%s: the %s controller is not enabled for the cgroup",
			       w->key, cgroup_controller_name(bit));
	if (code == ENOENT && !bit && !str_starts(w->file, "cgroup."))
		return err_say(e, ENOTSUP, "%s: the requested cgroup controller `%.*s` is not "
			       "available", w->key, (int)strcspn(w->file, "."), w->file);
	if (code == ENOENT)
		return err_say(e, ENOTSUP, "%s: this kernel has no %s (no such file or directory)",
			       w->key, w->file);
	err_set(e, code, "%s: write \"%s\" to %s", w->key, w->text, w->file);
	if (code == ENODEV && str_starts(w->file, "io."))
		return err_hint(e, "it must be the number of a whole disk, not of a partition");
	if (code == EINVAL && str_eq(w->file, "cpu.weight") &&
	    path_read_line(fd, "cpu.idle", line, sizeof(line), &ignored) == 0 && str_eq(line, "1"))
		return err_hint(e, "the cgroup is idle; set cpu.idle to 0 as well");
	if (bit == CGROUP_CPUSET && path_read_line(fd, str_eq(w->file, "cpuset.mems") ?
			"cpuset.mems.effective" : "cpuset.cpus.effective", line, sizeof(line),
			&ignored) == 0)
		return err_hint(e, "there are %s", line);
	return -code;
}

static int write_one(int fd, const struct cgroup_write *w)
{
	int r;

	if (w->alt_file) {
		r = cgroup_file_write(fd, w->alt_file, w->alt_text);
		/* EOPNOTSUPP: the file is there, but no disk uses the BFQ scheduler. */
		if (r != -ENOENT && r != -EOPNOTSUPP)
			return r;
	}
	r = cgroup_file_write(fd, w->file, w->text);
	return r == -ENOENT && w->may_lack ? 0 : r;
}

struct undo { const char *file, *text; };

static void take_back(int fd, struct undo *u, size_t n)
{
	while (n-- > 0)
		if (u[n].text)
			cgroup_file_write(fd, u[n].file, u[n].text);
}

/*
 * Two rounds: what the kernel refuses with EINVAL or EBUSY in the first may depend on a file
 * that comes later (burst above the old quota, a weight while cpu.idle is still 1).
 */
int cgroup_plan_apply(int fd, const struct cgroup_plan *p, bool undo, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct undo *u = arena_array(a, p->n + 1, sizeof(*u));
	bool *again = arena_array(a, p->n + 1, sizeof(*again));
	size_t done = 0;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < p->n; i++) {
			const struct cgroup_write *w = &p->v[i];
			const char *before = NULL;
			int r;

			if (round == 1 && !again[i])
				continue;
			if (undo)
				before = text_before(fd, a, w);
			r = write_one(fd, w);
			if (r == 0) {
				again[i] = false;
				u[done++] = (struct undo){ w->file, before };
				continue;
			}
			if (round == 0 && (r == -EINVAL || r == -EBUSY)) {
				again[i] = true;
				continue;
			}
			if (undo)
				take_back(fd, u, done);
			return explain(fd, w, -r, e);
		}
	}
	return 0;
}

/* ---- live update ---------------------------------------------------------------------- */

static int read_i64(int fd, const char *file, int64_t *ret)
{
	char line[64];
	struct err ignored = ERR_INIT;
	int r = path_read_line(fd, file, line, sizeof(line), &ignored);

	if (r < 0)
		return r;
	if (str_eq(line, "max")) {
		*ret = -1;
		return 0;
	}
	return str_to_i64(line, ret);
}

/* Fills what a live change leaves out and its files need: cpu.max takes quota and period
 * together, swap counts memory. */
static int limits_complete(int fd, struct cgroup_limits *l, struct err *e)
{
	bool quota = l->cpu.quota.set && l->cpu.quota.v != 0;
	bool period = l->cpu.period.set && l->cpu.period.v != 0;
	char line[64], *space;
	struct err ignored = ERR_INIT;
	uint64_t usec;
	int64_t v;

	if (period != quota && path_read_line(fd, "cpu.max", line, sizeof(line), &ignored) == 0 &&
	    (space = strchr(line, ' '))) {
		*space++ = '\0';
		if (!quota && str_to_i64(line, &v) == 0)
			l->cpu.quota = (struct json_opt_i64){ true, v };
		if (!period && str_to_u64(space, &usec) == 0)
			l->cpu.period = (struct json_opt_u64){ true, usec };
	}
	if (!l->memory.swap.set || l->memory.swap.v <= 0 ||
	    (l->memory.limit.set && l->memory.limit.v != 0))
		return 0;
	if (read_i64(fd, "memory.max", &v) < 0)
		return 0;	/* the write that follows says what is missing */
	if (v == -1)
		return err_say(e, EINVAL, "memory.swap (--memory-swap): counts memory and swap "
			       "together, so it needs memory.limit (--memory)");
	if (l->memory.swap.v < v)
		return err_say(e, EINVAL, "memory.swap: %" PRId64 " is less than the memory limit "
			       "of %" PRId64, l->memory.swap.v, v);
	l->memory.limit = (struct json_opt_i64){ true, v };
	return 0;
}

/* Asks the kernel to reclaim down to `limit`: memory.reclaim (5.19), else a moment of
 * memory.high.  Best effort. */
static void reclaim_to(int fd, int64_t used, int64_t limit)
{
	char text[32], before[64];
	struct err ignored = ERR_INIT;

	snprintf(text, sizeof(text), "%" PRId64, used - limit);
	if (cgroup_file_write(fd, "memory.reclaim", text) != -ENOENT)
		return;
	if (path_read_line(fd, "memory.high", before, sizeof(before), &ignored) < 0)
		return;
	snprintf(text, sizeof(text), "%" PRId64, limit);
	cgroup_file_write(fd, "memory.high", text);
	cgroup_file_write(fd, "memory.high", before);
}

/* The specification's checkBeforeUpdate: v1 refused a limit below the use, v2 would call the
 * OOM killer. */
static int check_usage(int fd, const struct cgroup_limits *l, struct err *e)
{
	int64_t used, swapped = 0, limit = l->memory.limit.v, both = l->memory.swap.v;
	bool swap = l->memory.swap.set && both > 0;

	if (!l->memory.check_before_update.set || !l->memory.check_before_update.v ||
	    !l->memory.limit.set || limit <= 0)
		return 0;
	if (read_i64(fd, "memory.current", &used) < 0 || used <= limit)
		return 0;
	reclaim_to(fd, used, limit);
	if (read_i64(fd, "memory.current", &used) < 0 || used <= limit)
		return 0;
	if (swap && read_i64(fd, "memory.swap.current", &swapped) == 0 && used + swapped > both)
		return err_say(e, EBUSY, "memory.swap: rejecting memory+swap limit %" PRId64 ", it "
			       "is below the %" PRId64 " bytes in use", both, used + swapped);
	return err_say(e, EBUSY, "memory.limit: rejecting memory limit %" PRId64 ", it is below "
		       "the %" PRId64 " bytes in use, and they cannot be reclaimed", limit, used);
}

/* A memory limit that grows goes before the swap limit, one that shrinks behind it: at no
 * instant do both allow less than the old or the new pair. */
static void order_memory(int fd, const struct cgroup_limits *l, struct cgroup_plan *p)
{
	size_t mem = p->n, swap = p->n;
	int64_t now, want = l->memory.limit.v;
	struct cgroup_write w;

	for (size_t i = 0; i < p->n; i++) {
		if (str_eq(p->v[i].key, "memory.limit"))
			mem = i;
		if (str_eq(p->v[i].key, "memory.swap"))
			swap = i;
	}
	if (mem == p->n || swap == p->n || swap > mem || read_i64(fd, "memory.max", &now) < 0)
		return;
	if (want == -1 || (now != -1 && want > now)) {
		w = p->v[mem];
		p->v[mem] = p->v[swap];
		p->v[swap] = w;
	}
}

/* systemd writes its own idea of memory.oom.group whenever it applies a memory limit, and before
 * version 253 a scope cannot tell it another: what was there is put back. */
static int update_unit(struct cgroup *c, const struct cgroup_limits *l, bool user, struct err *e)
{
	static const char file[] = "memory.oom.group";
	struct err ignored = ERR_INIT;
	char before[16], after[16];
	bool known = path_read_line(c->fd, file, before, sizeof(before), &ignored) == 0;
	int r = cgroup_systemd_update(c->unit, user, l, e);

	if (r == 0 && known &&
	    path_read_line(c->fd, file, after, sizeof(after), &ignored) == 0 &&
	    !str_eq(before, after))
		r = cgroup_file_write(c->fd, file, before);
	return r;
}

static bool is_user_path(const char *path)
{
	return str_starts(path, "user.slice/") || strstr(path, "/user@") != NULL;
}

/* A limit may need a controller that nothing needed when the cgroup was made. */
static int enable_later(const struct cgroup_host *h, const struct cgroup *c, unsigned need,
			struct err *e)
{
	AUTO_FREE char *base = NULL;
	int r;

	if (!(need & ~cgroup_controllers_at(c->fd, "cgroup.controllers")))
		return 0;
	r = cgroup_base_find(h, geteuid() != 0, &base, e);
	return r < 0 ? r : cgroup_enable(h, base, c->path, need, 0, e);
}

int cgroup_apply(struct cgroup *c, const struct cgroup_limits *limits, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(16u << 20);
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	struct cgroup_limits l = *limits;
	struct cgroup_plan p;
	int r;

	if (c->driver == CGROUP_DRIVER_DISABLED || c->fd < 0) {
		if (!cgroup_limits_any(limits) && !limits->devices_set)
			return 0;
		return err_say(e, ENOTSUP, "the container has no cgroup (driver \"disabled\"), so "
			       "no limit can be set");
	}
	r = cgroup_host_open(&h, e);
	if (r < 0)
		return r;
	r = cgroup_host_check(&h, &l, e);
	if (r < 0)
		return r;
	cgroup_plan_make(&l, a, &p);
	if (!c->unit)
		r = enable_later(&h, c, cgroup_plan_controllers(&p), e);
	if (r == 0)
		r = limits_complete(c->fd, &l, e);
	if (r == 0)
		r = check_usage(c->fd, &l, e);
	if (r < 0)
		return r;
	if (c->unit)
		unit_round_quota(&l);
	cgroup_plan_make(&l, a, &p);
	order_memory(c->fd, &l, &p);
	if (c->unit) {
		/* systemd enables what its properties need; the rest is ours. */
		r = update_unit(c, &l, is_user_path(c->path) && geteuid() != 0, e);
		if (r == 0)
			r = enable_later(&h, c, cgroup_plan_controllers(&p), e);
		if (r < 0)
			return r;
	}
	r = cgroup_plan_apply(c->fd, &p, true, e);
	if (r < 0)
		return r;
	return l.devices_set ? cgroup_devices_apply(c->fd, &l, e) : 0;
}
