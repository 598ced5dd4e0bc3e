/*
 * check.c - the rules that hold between the parts of a spec, and what this host must
 * have for it.
 *
 * Runs in: host, before the first side effect.  It only looks.
 *
 * checks[] is the order; each row is one rule of the specification or of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/plan.h"
#include "runtime/spec_part.h"

static bool has_ns(const struct spec *s, enum spec_ns ns)
{
	return s->ns[ns].unshare || s->ns[ns].path;
}

static int check_scheduler(const struct spec_scheduler *s, struct err *e)
{
	if (s->policy == 4)
		return err_say(e, ENOTSUP, "process.scheduler.policy: SCHED_ISO is in no Linux "
			       "kernel");
	if (s->nice < -20 || s->nice > 19)
		return err_say(e, EINVAL, "process.scheduler.nice: must be between -20 and 19, "
			       "not %d", s->nice);
	if (s->policy != 6) {
		if (s->runtime || s->deadline || s->period)
			return err_say(e, EINVAL, "process.scheduler: runtime, deadline and period "
				       "go with SCHED_DEADLINE only");
		return 0;
	}
	/* sched_setattr(2): 1024 <= runtime <= deadline <= period, and below 2^63. */
	if (!s->runtime)
		return err_say(e, EINVAL, "process.scheduler.runtime: SCHED_DEADLINE needs it");
	if (!s->deadline)
		return err_say(e, EINVAL, "process.scheduler.deadline: SCHED_DEADLINE needs it");
	if (s->runtime < 1024)
		return err_say(e, EINVAL, "process.scheduler.runtime: must be at least 1024 ns");
	if (s->runtime > s->deadline)
		return err_say(e, EINVAL, "process.scheduler.runtime: must not be above deadline");
	if (s->period && s->deadline > s->period)
		return err_say(e, EINVAL, "process.scheduler.deadline: must not be above period");
	if ((s->deadline | s->period) >> 63)
		return err_say(e, EINVAL, "process.scheduler: deadline and period must be below "
			       "2^63 ns");
	return 0;
}

static int check_process(const struct spec *s, struct err *e)
{
	const struct spec_process *p = &s->process;

	if (!s->has_process)
		return err_say(e, EINVAL, "process: must be given");
	if (!p->args || !p->args[0] || !p->args[0][0])
		return err_say(e, EINVAL, "process.args: must name a program");
	return p->scheduler.set ? check_scheduler(&p->scheduler, e) : 0;
}

static int check_lsm(const struct spec *s, struct err *e)
{
	bool selinux = path_exists(AT_FDCWD, "/sys/fs/selinux/enforce");

	if (!str_empty(s->process.apparmor_profile)) {
		char line[8] = "";
		struct err ignore = ERR_INIT;

		path_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", line,
			       sizeof(line), &ignore);
		if (line[0] != 'Y')
			return err_say(e, ENOTSUP, "process.apparmorProfile: AppArmor is not "
				       "enabled in this kernel");
	}
	if (!str_empty(s->process.selinux_label) && !selinux)
		return err_say(e, ENOTSUP, "process.selinuxLabel: SELinux is not enabled in this "
			       "kernel");
	if (!str_empty(s->mount_label) && !selinux)
		return err_say(e, ENOTSUP, "linux.mountLabel: SELinux is not enabled in this "
			       "kernel");
	if (!plan_label_option(s))
		return err_say(e, EINVAL, "annotations: run.oci.mount_context_type: expected "
			       "context, fscontext, defcontext or rootcontext");
	return 0;
}

/* In the host's mount namespace, or in a joined one, the container's mounts are made on its root,
 * which a chroot makes the root of its processes. */
static int check_host_mounts(const struct spec *s, struct err *e)
{
	if (s->ns[SPEC_NS_MOUNT].path && s->hooks[SPEC_HOOK_CREATE_CONTAINER].n)
		return err_say(e, EINVAL, "hooks.createContainer: their programs are the host's, "
			       "which are not to be seen in a mount namespace of others");
	if ((s->masked_paths && s->masked_paths[0]) || (s->readonly_paths && s->readonly_paths[0]))
		return err_say(e, EINVAL, "linux.%s: need a mount namespace of the container's own",
			       s->masked_paths && s->masked_paths[0] ? "maskedPaths" :
								       "readonlyPaths");
	if (has_ns(s, SPEC_NS_USER))
		return err_say(e, EINVAL, "linux.namespaces: a user namespace of its own has no "
			       "right to mount in a mount namespace of others");
	return 0;
}

static int check_namespaces(const struct spec *s, struct err *e)
{
	int r = s->ns[SPEC_NS_MOUNT].unshare ? 0 : check_host_mounts(s, e);

	if (r < 0)
		return r;
	for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
		char path[64];

		if (!has_ns(s, (enum spec_ns)ns))
			continue;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spec_ns_file((enum spec_ns)ns));
		if (!path_exists(AT_FDCWD, path))
			return err_say(e, ENOTSUP, "linux.namespaces: this kernel has no %s "
				       "namespaces", spec_ns_name((enum spec_ns)ns));
		if (s->ns[ns].path && access(s->ns[ns].path, F_OK) < 0)
			return err_set(e, errno, "linux.namespaces: %s namespace %.300s",
				       spec_ns_name((enum spec_ns)ns), s->ns[ns].path);
	}
	if (!str_empty(s->hostname) && !has_ns(s, SPEC_NS_UTS))
		return err_say(e, EINVAL, "hostname: cannot be set without a uts namespace of "
			       "the container's own");
	if (!str_empty(s->domainname) && !has_ns(s, SPEC_NS_UTS))
		return err_say(e, EINVAL, "domainname: cannot be set without a uts namespace of "
			       "the container's own");
	if (strnlen(s->hostname ? s->hostname : "", 66) > 64)
		return err_say(e, EINVAL, "hostname: is longer than 64 bytes");
	if (strnlen(s->domainname ? s->domainname : "", 66) > 64)
		return err_say(e, EINVAL, "domainname: is longer than 64 bytes");
	if ((s->monotonic.set || s->boottime.set) && !s->ns[SPEC_NS_TIME].unshare)
		return err_say(e, EINVAL, "linux.timeOffsets: need a new time namespace");
	if (s->nnetdevs && !has_ns(s, SPEC_NS_NETWORK))
		return err_say(e, EINVAL, "linux.netDevices: need a network namespace of the "
			       "container's own");
	return 0;
}

static int check_ids(const struct spec *s, struct err *e)
{
	bool user = s->ns[SPEC_NS_USER].unshare;

	if ((s->uids.n || s->gids.n) && !has_ns(s, SPEC_NS_USER))
		return err_say(e, EINVAL, "linux.%s: need a user namespace",
			       s->uids.n ? "uidMappings" : "gidMappings");
	if (user && !s->uids.n)
		return err_say(e, EINVAL, "linux.uidMappings: must be given for a new user "
			       "namespace");
	if (user && !s->gids.n)
		return err_say(e, EINVAL, "linux.gidMappings: must be given for a new user "
			       "namespace");
	return 0;
}

static bool is_root(const char *path)
{
	AUTO_FREE char *clean = path_clean(path);

	return str_eq(clean, "/");
}

static bool is_relative(const struct spec_idmaps *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].relative)
			return true;
	return false;
}

static int check_mounts(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (m->flags & SPEC_MOUNT_TMPCOPYUP && !str_eq(m->type, "tmpfs"))
			return err_say(e, EINVAL, "mounts[%zu].options: tmpcopyup is for tmpfs "
				       "only", i);
		if (m->flags & SPEC_MOUNT_TMPCOPYUP && is_root(m->destination))
			return err_say(e, EINVAL, "mounts[%zu].options: tmpcopyup of the whole "
				       "root is not possible", i);
		if (m->flags & SPEC_MOUNT_IDMAP && !(m->flags & SPEC_MOUNT_BIND))
			return err_say(e, EINVAL, "mounts[%zu]: idmap is for binds only", i);
		if (m->flags & SPEC_MOUNT_COPY_SYMLINK &&
		    m->flags & (SPEC_MOUNT_SRC_NOFOLLOW | SPEC_MOUNT_DEST_NOFOLLOW))
			return err_say(e, EINVAL, "mounts[%zu].options: copy-symlink does not go "
				       "with src-nofollow and dest-nofollow", i);
		if (m->flags & SPEC_MOUNT_IDMAP && !m->uids.n && !has_ns(s, SPEC_NS_USER))
			return err_say(e, EINVAL, "mounts[%zu]: idmap needs uidMappings and "
				       "gidMappings, or a user namespace of the container", i);
		if ((is_relative(&m->uids) || is_relative(&m->gids)) && !s->uids.n)
			return err_say(e, EINVAL, "mounts[%zu].options: idmap with @ needs a user "
				       "namespace with mappings", i);
		if (m->flags & SPEC_MOUNT_MKFILE && !(m->flags & SPEC_MOUNT_BIND))
			return err_say(e, EINVAL, "mounts[%zu].options: x-berth.mkfile is for "
				       "binds only", i);
	}
	return 0;
}

static int check_paths(const struct spec *s, struct err *e)
{
	for (size_t i = 0; s->masked_paths && s->masked_paths[i]; i++)
		if (s->masked_paths[i][0] != '/')
			return err_say(e, EINVAL, "linux.maskedPaths[%zu]: must be absolute, not "
				       "\"%.200s\"", i, s->masked_paths[i]);
	for (size_t i = 0; s->readonly_paths && s->readonly_paths[i]; i++)
		if (s->readonly_paths[i][0] != '/')
			return err_say(e, EINVAL, "linux.readonlyPaths[%zu]: must be absolute, not "
				       "\"%.200s\"", i, s->readonly_paths[i]);
	return 0;
}

/* A joined namespace that is the host's own would change the host. */
static bool is_hosts(const struct spec *s, enum spec_ns ns)
{
	struct stat own, joined;
	char path[64];

	if (s->ns[ns].unshare)
		return false;
	if (!s->ns[ns].path)
		return true;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", spec_ns_file(ns));
	return !stat(path, &own) && !stat(s->ns[ns].path, &joined) &&
	       own.st_ino == joined.st_ino && own.st_dev == joined.st_dev;
}

/* clang-format off */
static const struct { const char *prefix; bool exact; enum spec_ns ns; } sysctl_ns[] = {
	{ "fs/mqueue/",             false, SPEC_NS_IPC },
	{ "kernel/domainname",      true,  SPEC_NS_UTS },
	{ "kernel/hostname",        true,  SPEC_NS_UTS },
	{ "kernel/msgmax",          true,  SPEC_NS_IPC },
	{ "kernel/msgmnb",          true,  SPEC_NS_IPC },
	{ "kernel/msgmni",          true,  SPEC_NS_IPC },
	{ "kernel/msg_next_id",     true,  SPEC_NS_IPC },
	{ "kernel/auto_msgmni",     true,  SPEC_NS_IPC },
	{ "kernel/sem",             true,  SPEC_NS_IPC },
	{ "kernel/sem_next_id",     true,  SPEC_NS_IPC },
	{ "kernel/shmall",          true,  SPEC_NS_IPC },
	{ "kernel/shmmax",          true,  SPEC_NS_IPC },
	{ "kernel/shmmni",          true,  SPEC_NS_IPC },
	{ "kernel/shm_next_id",     true,  SPEC_NS_IPC },
	{ "kernel/shm_rmid_forced", true,  SPEC_NS_IPC },
	{ "net/",                   false, SPEC_NS_NETWORK },
	{ "user/",                  false, SPEC_NS_USER },
};
/* clang-format on */

static int check_one_sysctl(const struct spec *s, const char *key, const char *value,
			    struct err *e)
{
	char path[256];
	size_t n = strlen(key);
	bool slashed = key[strcspn(key, "./")] == '/';

	if (n >= sizeof(path) || !n)
		return err_say(e, EINVAL, "linux.sysctl: \"%.100s\" is no name of a setting", key);
	/* sysctl(8): the first separator decides whether dots or slashes separate. */
	for (size_t i = 0; i <= n; i++)
		path[i] = slashed ? key[i] : key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];
	if (strstr(path, "..") || path[0] == '/')
		return err_say(e, EINVAL, "linux.sysctl: \"%.100s\" is no name of a setting", key);
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_ns); i++) {
		if (sysctl_ns[i].exact ? !str_eq(path, sysctl_ns[i].prefix)
				       : !str_starts(path, sysctl_ns[i].prefix))
			continue;
		if (str_eq(path, "kernel/hostname"))
			return err_say(e, EINVAL, "linux.sysctl: %s: use hostname instead", key);
		if (str_eq(path, "kernel/domainname") && !str_empty(s->domainname) &&
		    !str_eq(s->domainname, value))
			return err_say(e, EINVAL, "linux.sysctl: %s contradicts domainname", key);
		if (is_hosts(s, sysctl_ns[i].ns))
			return err_say(e, EINVAL, "linux.sysctl: %s cannot be set, since the "
				       "container has no %s namespace of its own", key,
				       spec_ns_name(sysctl_ns[i].ns));
		return 0;
	}
	return err_say(e, EINVAL, "linux.sysctl: %s is not in a namespace, so it would change "
		       "the host", key);
}

static int check_sysctl(const struct spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->sysctl.n; i++)
		r = check_one_sysctl(s, s->sysctl.v[i].key, s->sysctl.v[i].value, e);
	return r;
}

static int check_limits(const struct spec *s, struct err *e)
{
	return cgroup_limits_check(&s->limits, e);
}

static int check_seccomp(const struct spec *s, struct err *e)
{
	struct filter_profile p;
	int r;

	if (!s->seccomp)
		return 0;
	p = *s->seccomp;
	/* crun's way of saying where the listener goes counts as well. */
	for (size_t i = 0; !p.listener_path && i < s->annotations.n; i++)
		if (str_eq(s->annotations.v[i].key, "run.oci.seccomp.receiver"))
			p.listener_path = s->annotations.v[i].value;
	r = filter_profile_check(&p, e);
	return r < 0 ? err_wrap(e, "linux.seccomp") : 0;
}

static int check_mempolicy(const struct spec *s, struct err *e)
{
	const struct spec_mempolicy *p = &s->mempolicy;
	const char *mode;
	bool none;

	if (!p->set)
		return 0;
	mode = spec_word_of(spec_words_mpol, (uint64_t)p->mode);
	none = p->mode == 0 || p->mode == 4;	/* MPOL_DEFAULT, MPOL_LOCAL */
	if (none && !str_empty(p->nodes))
		return err_say(e, EINVAL, "linux.memoryPolicy.nodes: must not be given with %s",
			       mode);
	/* MPOL_PREFERRED without a node means the local one, set_mempolicy(2). */
	if (!none && p->mode != 1 && str_empty(p->nodes))
		return err_say(e, EINVAL, "linux.memoryPolicy.nodes: must be given with %s", mode);
	return 0;
}

static int check_rdt(const struct spec *s, struct err *e)
{
	if (s->rdt.set && !path_exists(AT_FDCWD, "/sys/fs/resctrl/schemata"))
		return err_say(e, ENOTSUP, "linux.intelRdt: no resctrl file system is mounted at "
			       "/sys/fs/resctrl");
	return 0;
}

static int (*const checks[])(const struct spec *s, struct err *e) = {
	check_process, check_namespaces, check_ids, check_mounts, check_paths, check_sysctl,
	check_limits, check_seccomp, check_mempolicy, check_lsm, check_rdt,
};

int spec_check(const struct spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(checks); i++)
		r = checks[i](s, e);
	return r;
}
