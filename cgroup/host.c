/*
 * host.c - what this machine's cgroup v2 hierarchy offers, and why not more.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cgroup/limits.h"
#include "cgroup/place.h"

static const struct { const char *name; unsigned bit; } controllers[] = {
	{ "cpuset", CGROUP_CPUSET }, { "cpu", CGROUP_CPU }, { "io", CGROUP_IO },
	{ "memory", CGROUP_MEMORY }, { "hugetlb", CGROUP_HUGETLB }, { "pids", CGROUP_PIDS },
	{ "rdma", CGROUP_RDMA }, { "misc", CGROUP_MISC },
};

static unsigned controller_bit(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strlen(controllers[i].name) == n && memcmp(controllers[i].name, name, n) == 0)
			return controllers[i].bit;
	return 0;
}

unsigned cgroup_controller_of_file(const char *file)
{
	return controller_bit(file, strcspn(file, "."));
}

unsigned cgroup_controllers_parse(const char *list)
{
	unsigned bits = 0;

	while (*list) {
		size_t n = strcspn(list, " \n");

		bits |= controller_bit(list, n);
		list += n;
		list += strspn(list, " \n");
	}
	return bits;
}

unsigned cgroup_controllers_at(int dirfd, const char *file)
{
	char buf[512];
	struct err ignored = ERR_INIT;

	if (path_read_line(dirfd, file, buf, sizeof(buf), &ignored) < 0)
		return 0;
	return cgroup_controllers_parse(buf);
}

const char *cgroup_controller_name(unsigned bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (controllers[i].bit == bit)
			return controllers[i].name;
	return "?";
}

void cgroup_controllers_show(unsigned bits, struct strbuf *b)
{
	bool some = false;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (bits & controllers[i].bit) {
			strbuf_addf(b, "%s%s", some ? " " : "", controllers[i].name);
			some = true;
		}
}

static const char *const drivers[] = {
	[CGROUP_DRIVER_CGROUPFS] = "cgroupfs",
	[CGROUP_DRIVER_SYSTEMD] = "systemd",
	[CGROUP_DRIVER_DISABLED] = "disabled",
	[CGROUP_DRIVER_AUTO] = "auto",
};

int cgroup_driver_parse(const char *s, enum cgroup_driver *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(s, drivers[i])) {
			*ret = (enum cgroup_driver)i;
			return 0;
		}
	return -EINVAL;
}

const char *cgroup_driver_name(enum cgroup_driver d)
{
	return (size_t)d < ARRAY_SIZE(drivers) ? drivers[d] : "?";
}

int cgroup_host_open(struct cgroup_host *ret, struct err *e)
{
	struct cgroup_host h = CGROUP_HOST_INIT;
	int r = cgroup_root_open(&h.fd, h.mount, sizeof(h.mount), e);

	if (r < 0)
		return r;
	h.hybrid = !str_eq(h.mount, "/sys/fs/cgroup");
	h.controllers = cgroup_controllers_at(h.fd, "cgroup.controllers");
	*ret = h;
	return 0;
}

void cgroup_host_cleanup(struct cgroup_host *h)
{
	fd_close(&h->fd);
}

/* ---- why a controller is not there ---------------------------------------------------- */

/* v1 called the io controller blkio. */
static const char *v1_name(unsigned bit)
{
	return bit == CGROUP_IO ? "blkio" : cgroup_controller_name(bit);
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

bool cgroup_v1_mount_of(const char *mountinfo, const char *controller, char *ret, size_t n)
{
	struct strlist lines AUTO(strlist) = STRLIST_INIT;

	strlist_split(&lines, mountinfo, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		struct strlist f AUTO(strlist) = STRLIST_INIT;
		const char *tail = strstr(lines.v[i], " - cgroup ");
		const char *options = tail ? strrchr(tail, ' ') : NULL;

		if (!options || !has_word(options + 1, controller))
			continue;
		strlist_split(&f, lines.v[i], ' ', true);
		if (f.n < 5)
			continue;
		strncpy(ret, f.v[4], n - 1);
		ret[n - 1] = '\0';
		return true;
	}
	return false;
}

/* The column "enabled" of /proc/cgroups: 1, 0, or -1 when the kernel does not know it. */
int cgroup_enabled_in(const char *proc_cgroups, const char *controller)
{
	size_t n = strlen(controller);

	for (const char *p = proc_cgroups; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		const char *last;

		if (strncmp(p, controller, n) != 0 || p[n] != '\t')
			continue;
		last = p + strcspn(p, "\n");
		return last[-1] == '1';
	}
	return -1;
}

int cgroup_controller_missing(const struct cgroup_host *h, unsigned bit, const char *where,
			      struct err *e)
{
	AUTO_FREE char *info = NULL, *known = NULL;
	const char *name = cgroup_controller_name(bit);
	struct err ignored = ERR_INIT;
	char at[256];
	size_t n;
	int on = 1;

	if (path_read_file(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &info, &n, &ignored) == 0 &&
	    cgroup_v1_mount_of(info, v1_name(bit), at, sizeof(at)))
		return err_say(e, ENOTSUP, "%s: the controller is bound to the v1 hierarchy at %s "
			       "(hybrid mode); boot with systemd.unified_cgroup_hierarchy=1 or "
			       "cgroup_no_v1=%s, or unmount it there", name, at, v1_name(bit));
	if (path_read_file(AT_FDCWD, "/proc/cgroups", 1u << 16, &known, &n, &ignored) == 0)
		on = cgroup_enabled_in(known, v1_name(bit));
	if (on == 0)
		return err_say(e, ENOTSUP, "%s: the controller is switched off by the kernel's "
			       "command line (cgroup_disable=%s)", name, name);
	if (on < 0)
		return err_say(e, ENOTSUP, "%s: this kernel was built without the controller",
			       name);
	if (!str_empty(where))
		return err_say(e, ENOTSUP, "%s: the controller is not delegated to cgroup %s; "
			       "root can do it with `berth delegate`", name, where);
	if (h->hybrid)
		return err_say(e, ENOTSUP, "%s: the controller is not on the v2 hierarchy at %s "
			       "(hybrid mode); boot with systemd.unified_cgroup_hierarchy=1",
			       name, h->mount);
	return err_say(e, ENOTSUP, "%s: the controller is not given to this cgroup namespace "
		       "(%s/cgroup.controllers)", name, h->mount);
}

int cgroup_host_check(const struct cgroup_host *h, const struct cgroup_limits *l, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(4u << 20);
	struct cgroup_plan p;

	cgroup_plan_make(l, a, &p);
	for (size_t i = 0; i < p.n; i++) {
		unsigned bit = p.v[i].controller;

		if (!bit || p.v[i].may_lack || (h->controllers & bit))
			continue;
		/* comes with a memory limit by itself: that one, which is further on, is named */
		if (str_eq(p.v[i].key, "memory.swap") && l->memory.limit.set && l->memory.limit.v)
			continue;
		cgroup_controller_missing(h, bit, NULL, e);
		return err_wrap(e, "%s", str_starts(p.v[i].key, "unified") ? p.v[i].file :
								       p.v[i].key);
	}
	return 0;
}
