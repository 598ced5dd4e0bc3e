/* plan.c - see plan.h.  Runs in: both. */
#include "runtime/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "base/sys.h"

#define PAGE 4096u

/* Sources: runtime-spec config-linux.md "Default Devices". */
static const struct {
	const char *path;
	uint32_t major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 },	 { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

const struct plan_sb_flag plan_sb_flags[] = {
	{ MS_RDONLY, "ro" },	     { MS_SYNCHRONOUS, "sync" }, { MS_DIRSYNC, "dirsync" },
	{ MS_LAZYTIME, "lazytime" }, { MS_MANDLOCK, "mand" },	 { MS_I_VERSION, "iversion" },
	{ 0, NULL },
};

const char *plan_label_option(const struct spec *s)
{
	static const char *const types[] = { "context", "fscontext", "defcontext", "rootcontext" };
	const char *want = types[0];

	for (size_t i = 0; i < s->annotations.n; i++)
		if (str_eq(s->annotations.v[i].key, "run.oci.mount_context_type"))
			want = s->annotations.v[i].value;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(want, types[i]))
			return types[i];
	return NULL;
}

struct plan *plan_new(struct arena *a)
{
	struct plan *p = arena_alloc(a, sizeof(*p));

	for (size_t i = 0; i < PLAN_FD_COUNT; i++)
		p->fd[i] = -1;
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		p->ns_fd[i] = -1;
	a->root = p;
	a->magic = PLAN_MAGIC;
	return p;
}

void *plan_late_room(struct arena *a, size_t size)
{
	uintptr_t at = (uintptr_t)arena_alloc(a, size + 2 * PAGE);

	return (void *)((at + PAGE - 1) / PAGE * PAGE);
}

void plan_set_filter(struct plan *p, struct arena *a, const struct filter_program *f)
{
	uintptr_t at = (uintptr_t)f->insns;
	size_t bytes = f->n * sizeof(*f->insns);

	p->filter = *f;
	if (f->n > 0 && (at < (uintptr_t)a || at >= (uintptr_t)a + a->max)) {
		void *copy = arena_alloc(a, bytes);

		memcpy(copy, f->insns, bytes);
		p->filter.insns = copy;
	}
}

bool plan_makes_dev(const struct spec *s)
{
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if ((m->flags & SPEC_MOUNT_BIND) &&
		    (str_eq(m->destination, "/dev") || str_eq(m->destination, "/dev/")))
			return false;
	}
	return true;
}

static bool in_spec(const struct spec *s, const char *path)
{
	for (size_t i = 0; i < s->ndevices; i++) {
		if (str_eq(s->devices[i].path, path))
			return true;
	}
	return false;
}

void plan_set_devices(struct plan *p, struct arena *a, const struct spec *s)
{
	struct spec_device *v =
		arena_array(a, s->ndevices + ARRAY_SIZE(default_devices), sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
		if (in_spec(s, default_devices[i].path))
			continue;
		v[n++] = (struct spec_device){
			.path = default_devices[i].path,
			.type = 'c',
			.major = default_devices[i].major,
			.minor = default_devices[i].minor,
			.mode = 0666,
			.mode_set = true,
			.supplied = true,
		};
	}
	for (size_t i = 0; i < s->ndevices; i++) {
		size_t k = 0;

		/* Two entries for one path: the last counts. */
		while (k < n && !str_eq(v[k].path, s->devices[i].path))
			k++;
		v[k] = s->devices[i];
		n += k == n;
	}
	/* The strings of the defaults are the host program's: they must cross too. */
	for (size_t i = 0; i < n; i++)
		v[i].path = arena_strdup(a, v[i].path);
	p->devices = v;
	p->ndevices = n;
}

uint64_t plan_bind_attrs(const struct spec_mount *m, struct spec_mount *ret)
{
	const uint64_t all = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			     MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
	bool times = (m->attr_clr & MOUNT_ATTR__ATIME) || (m->attr_set & MOUNT_ATTR_NODIRATIME);
	uint64_t unnamed = 0;

	*ret = *m;
	ret->attr_clr &= ~(uint64_t)(MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME);
	if (times)	/* nodiratime alone is relatime, mount(2) */
		ret->attr_clr |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~m->attr_set);
	if (m->flags & SPEC_MOUNT_NAMED)
		unnamed = all & ~(m->attr_set | m->attr_clr);
	ret->attr_clr |= unnamed;
	return unnamed;
}

bool plan_remounts_fs(const struct spec_mount *m)
{
	/* "ro" is the mount's, "rw" needs both; mount(8) */
	return !(m->flags & SPEC_MOUNT_BIND) && !str_eq(m->type, "none") &&
	       ((m->data && m->data[0]) || (m->sb_flags & ~(uint64_t)MS_RDONLY) ||
		(m->attr_clr & MOUNT_ATTR_RDONLY));
}

bool plan_maps_id(const struct spec_idmaps *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++) {
		if (id >= m->v[i].container_id && id - m->v[i].container_id < m->v[i].size)
			return true;
	}
	return false;
}

int plan_load(int fd, const struct plan **ret, struct err *e)
{
	struct arena *a = arena_map(fd, PLAN_MAGIC);
	const struct plan *p;

	if (!a)
		return err_set(e, errno, "map the plan");
	p = a->root;
	if ((uintptr_t)p > (uintptr_t)a + a->used - sizeof(*p) || !p->process)
		return err_say(e, EPROTO, "what was handed over is no plan");
	*ret = p;
	return 0;
}
