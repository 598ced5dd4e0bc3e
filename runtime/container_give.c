/*
 * container_give.c - what create and exec need beside the birth itself: the compiled
 * filter, and what they give to their callers (console, pidfd, pid file).
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"
#include "runtime/tty.h"

#define BPF_MAX (4096u * 8)	/* BPF_MAXINSNS instructions of 8 bytes */

int container_hand_over(const struct container_outputs *o, struct launch *l, struct err *e)
{
	char text[16];
	int r = 0;

	if (o->console_socket && l->console >= 0) {
		r = tty_send(o->console_socket, l->console, "/dev/ptmx", e);
		fd_close(&l->console);
		if (r < 0)
			return err_wrap(e, "--console-socket %.300s", o->console_socket);
	}
	if (o->pidfd_socket) {
		r = tty_send(o->pidfd_socket, l->pidfd, "pidfd", e);
		if (r < 0)
			return err_wrap(e, "--pidfd-socket %.300s", o->pidfd_socket);
	}
	if (o->pid_file) {
		snprintf(text, sizeof(text), "%d", (int)l->pid);
		r = path_write_file(AT_FDCWD, o->pid_file, text, strlen(text), 0644, false, e);
		if (r < 0)
			return err_wrap(e, "--pid-file");
	}
	return 0;
}

/* Standard alphabet, padding optional.  Bytes written, or -EINVAL. */
static ssize_t base64_decode(const char *in, uint8_t *out, size_t max)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, have = 0;
	size_t n = 0;

	for (; *in && *in != '='; in++) {
		const char *d = strchr(digits, *in);

		if (!d)
			return -EINVAL;
		bits = bits << 6 | (unsigned)(d - digits);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == max)
			return -EINVAL;
		out[n++] = (uint8_t)(bits >> have);
	}
	return (ssize_t)n;
}

/* clang-format off */
static const struct cgroup_device all_devices = { false, CGROUP_DEV_ALL, -1, -1, 7 };
static const struct cgroup_device own_devices[] = {
	{ true, CGROUP_DEV_CHAR,  -1, -1, CGROUP_DEV_MKNOD },
	{ true, CGROUP_DEV_BLOCK, -1, -1, CGROUP_DEV_MKNOD },
	{ true, CGROUP_DEV_CHAR,   1,  3, 7 },	/* null */
	{ true, CGROUP_DEV_CHAR,   1,  5, 7 },	/* zero */
	{ true, CGROUP_DEV_CHAR,   1,  7, 7 },	/* full */
	{ true, CGROUP_DEV_CHAR,   1,  8, 7 },	/* random */
	{ true, CGROUP_DEV_CHAR,   1,  9, 7 },	/* urandom */
	{ true, CGROUP_DEV_CHAR,   5,  0, 7 },	/* tty */
	{ true, CGROUP_DEV_CHAR,   5,  2, 7 },	/* ptmx */
	{ true, CGROUP_DEV_CHAR, 136, -1, 7 },	/* pts */
};
/* clang-format on */

void container_devices(struct cgroup_limits *l, struct arena *a)
{
	if (!l->ndevices)
		cgroup_devices_add(l, a, all_devices);
	for (size_t i = 0; i < ARRAY_SIZE(own_devices); i++)
		cgroup_devices_add(l, a, own_devices[i]);
}

const char *container_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		if (str_eq(s->annotations.v[i].key, key))
			return s->annotations.v[i].value;
	return NULL;
}

void container_warn_caps(const struct spec *s, const struct spec_process *p)
{
	const struct spec_caps *c = &p->caps;
	/* A user namespace of the container's own has all of them. */
	bool userns = s->ns[SPEC_NS_USER].unshare || s->ns[SPEC_NS_USER].path;
	uint64_t ours = userns ? ~UINT64_C(0) : sys_caps_permitted();
	uint64_t barred = (c->bounding | c->permitted | c->inheritable) & ~ours;
	uint64_t ambient = c->ambient & ~(c->inheritable & c->permitted);

	for (int i = 0; spec_cap_name(i); i++) {
		if (barred & UINT64_C(1) << i)
			log_warn("process.capabilities: %s cannot be given, we do not have it "
				 "ourselves", spec_cap_name(i));
		if (ambient & UINT64_C(1) << i)	/* runc's words */
			log_warn("can't raise ambient capability %s: it is not permitted and "
				 "inheritable", spec_cap_name(i));
	}
}

int container_give_listener(const struct container_state *st, const struct spec *s,
			    struct launch *l, struct err *e)
{
	AUTO(strbuf) struct strbuf json = STRBUF_INIT;
	const char *path = container_annotation(s, "run.oci.seccomp.receiver"), *metadata = NULL;
	int r;

	if (l->seccomp_notify < 0)
		return 0;
	if (s->seccomp && s->seccomp->listener_path)
		path = s->seccomp->listener_path;
	if (s->seccomp)
		metadata = s->seccomp->listener_metadata;
	if (!path)
		return err_say(e, EINVAL, "linux.seccomp.listenerPath: must be given with "
			       "SCMP_ACT_NOTIFY");
	container_state_write(st, &json);
	r = filter_notify_send(path, metadata, l->seccomp_notify, l->pid, json.s, e);
	fd_close(&l->seccomp_notify);
	return r < 0 ? err_wrap(e, "linux.seccomp.listenerPath") : 0;
}

int container_filter(const struct container_env *env, const struct spec *s, struct arena *a,
		     struct filter_program *ret, struct err *e)
{
	const char *raw = container_annotation(s, "run.oci.seccomp_bpf_data");
	const char *fail = container_annotation(s, "run.oci.seccomp_fail_unknown_syscall");
	AUTO_CLOSE int cache = -1;
	struct filter_options opt = { .cache_dirfd = -1 };
	int r;

	if (raw) {
		uint8_t *data = arena_alloc(a, BPF_MAX);
		ssize_t n = base64_decode(raw, data, BPF_MAX);

		if (n <= 0)
			return err_say(e, EINVAL, "annotations.run.oci.seccomp_bpf_data: is not "
				       "base64 of at most %u bytes", BPF_MAX);
		r = filter_load_raw(a, data, (size_t)n, ret, e);
		return r < 0 ? err_wrap(e, "annotations.run.oci.seccomp_bpf_data") : 0;
	}
	if (!s->seccomp)
		return 0;
	opt.fail_unknown = fail && !str_eq(fail, "0") && !str_eq(fail, "false");
	if (env->cache_dir && filter_cache_open(env->cache_dir, &cache) == 0)
		opt.cache_dirfd = cache;
	r = filter_compile(s->seccomp, &opt, a, ret, e);
	return r < 0 ? err_wrap(e, "linux.seccomp") : 0;
}
