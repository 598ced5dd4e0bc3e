/*
 * spec_default.c - what a container gets when nobody says otherwise: Docker's
 * capabilities, mounts, masked and read-only paths.
 *
 * Runs in: host.  Pure.  Used by `berth-oci spec` and by the engine's composing.
 */
#include <linux/capability.h>

#include "base/str.h"
#include "runtime/spec.h"

#define CAP_BIT(c) (UINT64_C(1) << (c))

/* clang-format off */
const uint64_t spec_default_caps =
	CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) |
	CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETGID) |
	CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) |
	CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) |
	CAP_BIT(CAP_AUDIT_WRITE);

const char *const spec_default_masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
	"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	"/sys/fs/selinux", NULL,
};

const char *const spec_default_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

#define DEFAULT_OPTIONS 8
static const struct {
	const char *destination, *type, *source, *options[DEFAULT_OPTIONS];
} default_mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};
/* clang-format on */

/* In a user namespace that has no group 5 (tty) devpts refuses gid=5. */
static bool tty_group_mapped(const struct spec *s)
{
	if (!s->gids.n)
		return true;
	for (size_t i = 0; i < s->gids.n; i++)
		if (s->gids.v[i].container_id <= 5 &&
		    5 - s->gids.v[i].container_id < s->gids.v[i].size)
			return true;
	return false;
}

int spec_default_mounts(struct arena *a, struct spec *s, struct err *e)
{
	size_t n = ARRAY_SIZE(default_mounts);
	struct spec_mount *v = arena_array(a, s->nmounts + n, sizeof(*v));

	for (size_t i = 0; i < s->nmounts; i++)
		v[i] = s->mounts[i];
	for (size_t i = 0; i < n; i++) {
		struct spec_mount *m = &v[s->nmounts + i];
		size_t k = 0;
		int r;

		m->destination = default_mounts[i].destination;
		m->type = default_mounts[i].type;
		m->source = default_mounts[i].source;
		m->options = arena_array(a, DEFAULT_OPTIONS + 1, sizeof(char *));
		for (const char *const *o = default_mounts[i].options; *o; o++)
			if (!str_eq(*o, "gid=5") || tty_group_mapped(s))
				m->options[k++] = arena_strdup(a, *o);
		m->destination = arena_strdup(a, m->destination);
		m->type = arena_strdup(a, m->type);
		m->source = arena_strdup(a, m->source);
		r = spec_mount_options(a, m, m->options, e);
		if (r < 0)
			return r;
	}
	s->mounts = v;
	s->nmounts += n;
	return 0;
}
