/*
 * checkpoint_args.c - what criu must be told of a container, at both ends.
 *
 * Runs in: host.  Source: criu(8).
 *
 * What lies outside of the container and is not in its images is external, and named the
 * same way by dump and restore:
 *	bind mounts, masked files	mnt[DESTINATION]:DESTINATION -> mnt[DESTINATION]:SOURCE
 *	joined network, PID namespaces	net[INODE]:berth-net	     -> fd[N]:berth-net
 *	joined IPC, UTS namespaces	nothing: who restores says their paths
 *	the terminal's master		criu hands us a new one (orphan-pts-master)
 *	standard files			their names in descriptors.json (as runc's)
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/checkpoint_part.h"

void checkpoint_dirs_cleanup(struct checkpoint_dirs *d)
{
	fd_close(&d->images);
	fd_close(&d->work);
}

const char *checkpoint_images(const struct checkpoint_opts *o)
{
	return o->image_path ? o->image_path : "checkpoint";
}

const char *checkpoint_work(const struct checkpoint_opts *o)
{
	return o->work_path ? o->work_path : checkpoint_images(o);
}

/* Options by table: which field, where it counts. */
static void flag_args(const struct checkpoint_opts *o, bool dump, struct strbuf *b)
{
	const struct { bool set; enum criu_field field; bool dump, restore; } flags[] = {
		{ o->leave_running, CRIU_LEAVE_RUNNING, true, false },
		{ o->tcp_established, CRIU_TCP_ESTABLISHED, true, true },
		{ o->tcp_close, CRIU_TCP_CLOSE, false, true },
		{ o->tcp_skip_in_flight, CRIU_TCP_SKIP_IN_FLIGHT, true, false },
		{ o->ext_unix_sk, CRIU_EXT_UNIX_SK, true, true },
		{ o->shell_job, CRIU_SHELL_JOB, true, true },
		{ o->file_locks, CRIU_FILE_LOCKS, true, true },
		{ o->link_remap, CRIU_LINK_REMAP, true, false },
		{ o->lazy_pages, CRIU_LAZY_PAGES, true, true },
		{ o->auto_dedup, CRIU_AUTO_DEDUP, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].set && (dump ? flags[i].dump : flags[i].restore))
			criu_num(b, flags[i].field, 1);
	if (o->empty_network)
		criu_num(b, CRIU_EMPTY_NS, CLONE_NEWNET);
}

static void config_arg(const struct spec *s, struct strbuf *b)
{
	/* runc does not know the second, crun looks at it first. */
	static const char *const files[] = { "/etc/criu/berth.conf", "/etc/criu/crun.conf",
					     "/etc/criu/runc.conf" };
	const char *file = container_annotation(s, "org.criu.config");

	for (size_t i = 0; !file && i < ARRAY_SIZE(files); i++)
		if (path_exists(AT_FDCWD, files[i]))
			file = files[i];
	if (!str_empty(file))
		criu_text(b, CRIU_CONFIG_FILE, file);
}

/* "ignore" is 0, and so on; -1: none of them. */
static int word_of(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (str_eq(word, words[i]))
			return i;
	return -1;
}

int checkpoint_args(const struct spec *s, const struct checkpoint_opts *o, bool dump,
		    struct checkpoint_dirs *d, struct strbuf *b, struct err *e)
{
	static const char *const modes[] = { "ignore", "none", "props", "soft", "full", "strict",
					     NULL };
	static const char *const locks[] = { "", "iptables", "nftables", "skip", NULL };
	int mode = word_of(o->manage_cgroups, modes), lock = word_of(o->network_lock, locks), r;

	r = path_open_dir(AT_FDCWD, checkpoint_images(o), &d->images, e);
	if (!r)
		r = path_open_dir(AT_FDCWD, checkpoint_work(o), &d->work, e);
	if (r < 0)
		return r;
	if (o->network_lock && lock < 1)
		return err_say(e, EINVAL, "--network-lock %s: expected iptables, nftables or skip",
			       o->network_lock);
	criu_num(b, CRIU_IMAGES_DIR_FD, (uint64_t)d->images);
	criu_num(b, CRIU_WORK_DIR_FD, (uint64_t)d->work);
	criu_text(b, CRIU_LOG_FILE, dump ? "dump.log" : "restore.log");
	criu_num(b, CRIU_LOG_LEVEL, 4);
	criu_num(b, CRIU_NOTIFY_SCRIPTS, 1);
	criu_num(b, CRIU_ORPHAN_PTS_MASTER, 1);
	criu_num(b, CRIU_MANAGE_CGROUPS_MODE, mode < 0 ? 0 : (uint64_t)mode);
	if (lock > 0)
		criu_num(b, CRIU_NETWORK_LOCK, (uint64_t)lock);
	config_arg(s, b);
	flag_args(o, dump, b);
	return 0;
}

static void external(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void external(struct strbuf *b, const char *fmt, ...)
{
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	criu_text(b, CRIU_EXTERNAL, text.s);
}

/* Where a destination is below the root: links in there are the container's. */
static char *real_destination(int root, const char *path)
{
	AUTO_CLOSE int fd = path_try_open_in(root, path, O_PATH, 0);
	AUTO_CLOSE int top = fd < 0 ? -1 : path_try_open_in(root, "/", O_PATH, 0);
	char at[4096] = "", above[4096] = "", link[32];
	const char *rest;

	if (fd < 0 || top < 0)
		return path_clean(path);
	if (readlink(path_of_fd(fd, link), at, sizeof(at) - 1) < 0 ||
	    readlink(path_of_fd(top, link), above, sizeof(above) - 1) < 0)
		return path_clean(path);
	rest = str_after(at, above);
	return rest && *rest == '/' ? mem_strdup(rest) : path_clean(path);
}

/* Without a cgroup namespace it is a bind of the host's. */
static bool is_bound_cgroup(const struct spec *s, const struct spec_mount *m)
{
	return str_starts(m->type, "cgroup") && !s->ns[SPEC_NS_CGROUP].unshare &&
	       !s->ns[SPEC_NS_CGROUP].path;
}

void checkpoint_mount_args(const struct spec *s, const char *rootfs, bool dump, struct strbuf *b)
{
	AUTO_CLOSE int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int top = -1;
	struct err ignored = ERR_INIT;
	char cgroups[4096] = "";

	cgroup_root_open(&top, cgroups, sizeof(cgroups), &ignored);
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		bool cgroup = is_bound_cgroup(s, m);
		AUTO_FREE char *at = NULL, *source = NULL;

		if ((!(m->flags & SPEC_MOUNT_BIND) && !cgroup) || m->flags & SPEC_MOUNT_REMOUNT)
			continue;
		at = real_destination(root, m->destination);
		/* criu's working directory is not the bundle. */
		source = dump || cgroup ? NULL : realpath(m->source, NULL);
		external(b, "mnt[%s]:%s", at, dump ? at : cgroup ? cgroups :
			 source ? source : m->source);
	}
	for (char **p = s->masked_paths; p && *p; p++) {
		struct stat st;

		/* Folders are covered by a tmpfs, which is part of the images. */
		if (stat(*p, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		external(b, "mnt[%s]:%s", *p, dump ? *p : "/dev/null");
	}
}

/* Namespaces that others made: criu leaves them alone. */
const struct checkpoint_joined checkpoint_joined[CHECKPOINT_JOINED] = {
	{ SPEC_NS_NETWORK, "berth-net" }, { SPEC_NS_PID, "berth-pid" },
};

void checkpoint_namespace_args(const struct spec *s, struct strbuf *b)
{
	for (size_t i = 0; i < CHECKPOINT_JOINED; i++) {
		const char *path = s->ns[checkpoint_joined[i].ns].path;
		struct stat st;

		if (path && stat(path, &st) == 0)
			external(b, "%s[%llu]:%s", spec_ns_file(checkpoint_joined[i].ns),
				 (unsigned long long)st.st_ino, checkpoint_joined[i].name);
	}
}

int checkpoint_check(const struct spec *s, struct err *e)
{
	static const enum spec_ns others[] = { SPEC_NS_MOUNT, SPEC_NS_USER, SPEC_NS_CGROUP,
					       SPEC_NS_TIME };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (s->ns[others[i]].path)
			return err_say(e, ENOTSUP, "checkpoint: the container shares the %s "
				       "namespace of others", spec_ns_name(others[i]));
	return 0;
}

/* The first line of criu's log that says Error: what a person needs of its ten thousand. */
void checkpoint_add_reason(const struct checkpoint_opts *o, const char *log, struct err *e)
{
	AUTO_FREE char *path = path_join(checkpoint_work(o), log), *text = NULL;
	struct err ignore = ERR_INIT;
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	size_t n;

	if (path_read_file(AT_FDCWD, path, 64u << 20, &text, &n, &ignore) < 0)
		return;
	strlist_split(&lines, text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		const char *at = strstr(lines.v[i], "Error ");

		if (at && !strstr(at, "criu/tun.c")) {	/* tun: it only tried */
			err_hint(e, "%.300s", at);
			break;
		}
	}
	err_hint(e, "see %s", path);
}
