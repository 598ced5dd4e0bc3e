/*
 * compose_security.c - namespaces, capabilities, filter, masks and devices of a container,
 * from Docker's options.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/run_opts.h"
#include "runtime/cdi.h"

#define PROFILE_MAX (4u << 20)

/* ---- namespaces ---- */

/* The path is that of now: the birth looks the id up again (join.c). */
int compose_join(struct compose *c, enum spec_ns ns, const char *option, const char *what,
		 struct err *e)
{
	struct json_map *m = &c->r->joins;
	char id[65];
	pid_t pid;
	int r = c->in->find(c->in->en, what, &pid, id, e);

	if (r < 0)
		return err_wrap(e, "%s container:%s", option, what);
	if (!m->v)
		m->v = arena_array(c->a, SPEC_NS_COUNT, sizeof(*m->v));
	m->v[m->n++] = (struct json_pair){ spec_ns_name(ns), arena_strdup(c->a, id) };
	c->s->ns[ns].unshare = false;
	c->s->ns[ns].path = arena_printf(c->a, "/proc/%d/ns/%s", (int)pid, spec_ns_file(ns));
	return 0;
}

static int choose(struct compose *c, enum spec_ns ns, const char *option, const char *value,
		  bool by_default, struct err *e)
{
	const char *other;

	c->s->ns[ns].unshare = by_default;
	if (str_empty(value))
		return 0;
	if (str_eq(value, "host"))
		c->s->ns[ns].unshare = false;
	else if (str_eq(value, "private") ||
		 (ns == SPEC_NS_IPC && (str_eq(value, "shareable") || str_eq(value, "none"))))
		c->s->ns[ns].unshare = true;
	else if ((other = str_after(value, "container:"))) {
		return compose_join(c, ns, option, other, e);
	} else if ((other = str_after(value, "ns:")) && *other == '/') {
		c->s->ns[ns].unshare = false;
		c->s->ns[ns].path = arena_strdup(c->a, other);
	} else {
		return err_say(e, EINVAL,
			       "%s %s: expected host, private, container:NAME or ns:PATH", option,
			       value);
	}
	return 0;
}

int compose_namespaces(struct compose *c, struct err *e)
{
	struct net_config *n = &c->r->net;
	int r;

	c->s->ns[SPEC_NS_MOUNT].unshare = true;
	if ((r = choose(c, SPEC_NS_PID, "--pid", c->o->pid, true, e)) < 0 ||
	    (r = choose(c, SPEC_NS_IPC, "--ipc", c->o->ipc, true, e)) < 0 ||
	    (r = choose(c, SPEC_NS_UTS, "--uts", c->o->uts, true, e)) < 0 ||
	    (r = choose(c, SPEC_NS_CGROUP, "--cgroupns", c->o->cgroupns, true, e)) < 0)
		return r;
	for (size_t i = 0; i < c->o->network.n; i++)
		if ((r = net_parse_network(c->a, c->o->network.v[i], n, e)) < 0)
			return r;
	switch (n->mode) {
	case NET_HOST:
		if (!c->o->uts && !c->o->hostname)
			c->s->ns[SPEC_NS_UTS].unshare = false;
		break;
	case NET_CONTAINER:
		if ((r = compose_join(c, SPEC_NS_NETWORK, "--network", n->target,
				      e)) < 0)
			return r;
		n->target = c->r->joins.v[c->r->joins.n - 1].value;
		break;
	case NET_NS:
		c->s->ns[SPEC_NS_NETWORK].path = n->target;
		break;
	default:
		c->s->ns[SPEC_NS_NETWORK].unshare = true;
	}
	return compose_userns(c, e);
}

/* ---- capabilities ---- */

static uint64_t all_caps(void)
{
	uint64_t mask = 0;

	for (int i = 0; i < 64 && spec_cap_name(i); i++)
		mask |= UINT64_C(1) << i;
	return mask;
}

/* Those that we have ourselves: a container cannot get more. */
static uint64_t own_caps(void)
{
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	size_t n;
	const char *p;

	if (fd < 0 || fd_read_all(fd, 65536, &text, &n) < 0 || !(p = strstr(text, "CapBnd:")))
		return all_caps();
	return strtoull(p + 7, NULL, 16);
}

static int cap_list(const struct strlist *l, const char *option, uint64_t *ret_mask, bool *ret_all,
		    struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		AUTO(strlist) struct strlist parts = STRLIST_INIT;

		strlist_split(&parts, l->v[i], ',', true);
		for (size_t k = 0; k < parts.n; k++) {
			int bit;

			if (strcasecmp(parts.v[k], "all") == 0) {
				*ret_all = true;
				continue;
			}
			bit = spec_cap_parse(parts.v[k]);
			if (bit < 0)
				return err_say(e, EINVAL, "%s %s: no such capability", option,
					       parts.v[k]);
			*ret_mask |= UINT64_C(1) << bit;
		}
	}
	return 0;
}

static int capabilities(struct compose *c, struct err *e)
{
	uint64_t add = 0, drop = 0, mask;
	bool add_all = c->o->privileged, drop_all = false;
	struct spec_caps *p = &c->s->process.caps;
	int r;

	if ((r = cap_list(&c->o->cap_add, "--cap-add", &add, &add_all, e)) < 0 ||
	    (r = cap_list(&c->o->cap_drop, "--cap-drop", &drop, &drop_all, e)) < 0)
		return r;
	mask = drop_all ? 0 : spec_default_caps;
	if (add_all)
		mask = own_caps() & all_caps();
	mask = (mask & ~drop) | add;
	p->set = true;
	p->bounding = p->permitted = p->effective = mask;
	p->inheritable = p->ambient = 0;	/* CVE-2022-24769 */
	return 0;
}

/* ---- --security-opt ---- */

static int seccomp_file(struct compose *c, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct filter_host host = { c->s->process.caps.bounding, proc_kernel_version() };
	struct filter_profile *p;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return err_set(e, errno, "--security-opt seccomp=%s", path);
	if ((r = fd_read_all(fd, PROFILE_MAX, &text, &n)) < 0)
		return err_set(e, -r, "--security-opt seccomp=%s", path);
	r = filter_profile_parse(c->a, text, n, &host, &p, e);
	if (r < 0)
		return err_wrap(e, "--security-opt seccomp=%s", path);
	c->s->seccomp = p;
	return 0;
}

/* image: the profile is the image's own, in a label */
static int seccomp_policy(struct compose *c, struct err *e)
{
	struct filter_host host = { c->s->process.caps.bounding, proc_kernel_version() };
	const char *policy = c->o->seccomp_policy, *text = NULL;
	struct filter_profile *p;
	int r;

	if (!policy || str_eq(policy, "default"))
		return 0;
	if (!str_eq(policy, "image"))
		return err_say(e, EINVAL, "--seccomp-policy %s: expected default or image", policy);
	for (size_t i = 0; i < c->image->labels.n; i++)
		if (str_eq(c->image->labels.v[i].key, "io.containers.seccomp.profile"))
			text = c->image->labels.v[i].value;
	if (!text || c->o->privileged)
		return 0;
	r = filter_profile_parse(c->a, text, strlen(text), &host, &p, e);
	if (r < 0)
		return err_wrap(e, "--seccomp-policy image");
	c->s->seccomp = p;
	return 0;
}

static void masked_list(struct compose *c, const char *value, char ***list)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	for (char **p = *list; p && *p; p++)
		strlist_add(&l, *p);
	strlist_split(&l, value, ':', true);
	*list = compose_strv(c->a, &l);
}

/* unmask=ALL or paths: taken out of masked and read-only ones. */
static void unmask(struct compose *c, const char *value)
{
	AUTO(strlist) struct strlist out = STRLIST_INIT;
	char **lists[2] = { c->s->masked_paths, c->s->readonly_paths };

	strlist_split(&out, value, ':', true);
	for (int i = 0; i < 2; i++) {
		size_t k = 0;

		for (char **p = lists[i]; p && *p; p++)
			if (strcasecmp(value, "all") != 0 && !strlist_has(&out, *p))
				lists[i][k++] = *p;
		if (lists[i])
			lists[i][k] = NULL;
	}
}

static int security_opt(struct compose *c, const char *text, struct err *e)
{
	const char *v;
	bool on = true;

	if (str_eq(text, "no-new-privileges") || str_eq(text, "no_new_privs")) {
		c->s->process.no_new_privileges = true;
		return 0;
	}
	if ((v = str_after(text, "no-new-privileges=")) ||
	    (v = str_after(text, "no-new-privileges:"))) {
		if (str_to_bool(v, &on) < 0)
			return err_say(e, EINVAL, "--security-opt %s: expected true or false",
				       text);
		c->s->process.no_new_privileges = on;
		return 0;
	}
	if ((v = str_after(text, "seccomp=")) || (v = str_after(text, "seccomp:"))) {
		if (str_eq(v, "unconfined")) {
			c->s->seccomp = NULL;
			return 0;
		}
		return str_eq(v, "builtin") ? 0 : seccomp_file(c, v, e);
	}
	if ((v = str_after(text, "apparmor=")) || (v = str_after(text, "apparmor:"))) {
		c->s->process.apparmor_profile = str_eq(v, "unconfined") ? NULL
									 : arena_strdup(c->a, v);
		return 0;
	}
	if ((v = str_after(text, "label=")) || (v = str_after(text, "label:"))) {
		if (str_eq(v, "disable"))
			return 0;
		return err_say(e, EINVAL, "--security-opt %s: only label=disable is supported",
			       text);
	}
	if ((v = str_after(text, "mask="))) {
		masked_list(c, v, &c->s->masked_paths);
		return 0;
	}
	if ((v = str_after(text, "unmask=")) ||
	    (str_eq(text, "systempaths=unconfined") && (v = "ALL"))) {
		unmask(c, v);
		return 0;
	}
	return err_say(
		e, EINVAL,
		"--security-opt %s: expected no-new-privileges, seccomp=, apparmor=, label=, mask= or unmask=",
		text);
}

static char **copy_list(struct arena *a, const char *const *v)
{
	return arena_strv(a, (char *const *)(uintptr_t)v);
}

/* ---- devices ---- */

static void add_device(struct compose *c, const struct spec_device *d, unsigned access)
{
	size_t n = c->s->ndevices;

	if ((n & (n - 1)) == 0) {	/* 0, 1, 2, 4, 8 …: full */
		struct spec_device *v = arena_array(c->a, n ? 2 * n : 1, sizeof(*v));

		if (n)
			memcpy(v, c->s->devices, n * sizeof(*v));
		c->s->devices = v;
	}
	c->s->devices[c->s->ndevices++] = *d;
	if (!access)	/* allowed by a rule of its own */
		return;
	cgroup_devices_add(&c->s->limits, c->a,
			   (struct cgroup_device){ .allow = true,
						   .type = d->type == 'b' ? CGROUP_DEV_BLOCK
									  : CGROUP_DEV_CHAR,
						   .major = d->major, .minor = d->minor,
						   .access = access });
}

static int access_bits(const char *s, unsigned *ret)
{
	unsigned bits = 0;

	for (; *s; s++) {
		unsigned b = *s == 'r' ? CGROUP_DEV_READ : *s == 'w' ? CGROUP_DEV_WRITE
				       : *s == 'm'	 ? CGROUP_DEV_MKNOD : 0;

		if (!b || (bits & b))
			return -EINVAL;
		bits |= b;
	}
	*ret = bits;
	return bits ? 0 : -EINVAL;
}

void compose_add_device(struct compose *c, const struct spec_device *d, unsigned access)
{
	size_t n = 0;

	for (size_t i = 0; i < c->s->ndevices; i++)
		if (!str_eq(c->s->devices[i].path, d->path))
			c->s->devices[n++] = c->s->devices[i];
	c->s->ndevices = n;
	add_device(c, d, access);
}

static void device_node(struct compose *c, const struct stat *st, const char *inside,
			unsigned access)
{
	struct spec_device d = { .mode_set = true, .type = S_ISBLK(st->st_mode) ? 'b' : 'c',
				 .major = major(st->st_rdev), .minor = minor(st->st_rdev),
				 .mode = st->st_mode & 0777, .uid = st->st_uid,
				 .gid = st->st_gid };

	d.path = arena_strdup(c->a, inside);
	add_device(c, &d, access);
}

/* All devices below a folder, as Docker has it for /dev/dri and /dev/snd. */
static int device_folder(struct compose *c, const char *host, const char *inside,
			 unsigned access, struct err *e)
{
	/* what a container has for itself */
	static const char *const own[] = { "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console",
					   "/dev/fd", NULL };
	DIR *d = opendir(host);
	struct dirent *de;
	int r = 0;

	if (!d)
		return err_set(e, errno, "--device %s", host);
	while (r == 0 && (de = readdir(d))) {
		AUTO_FREE char *from = path_join(host, de->d_name);
		AUTO_FREE char *to = path_join(inside, de->d_name);
		struct stat st;
		bool skip = str_eq(de->d_name, ".") || str_eq(de->d_name, "..");

		for (size_t i = 0; own[i]; i++)
			skip |= str_eq(from, own[i]);
		/* an init would have the host's consoles: its screen, its keyboard */
		skip |= c->r->systemd && str_starts(from, "/dev/tty") && from[8] >= '0' &&
			from[8] <= '9';
		if (skip || fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			r = device_folder(c, from, to, access, e);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			device_node(c, &st, to, access);
	}
	closedir(d);
	return r;
}

/* HOST[:CTR][:rwm] */
static int device_option(struct compose *c, const char *text, struct err *e)
{
	AUTO(strlist) struct strlist p = STRLIST_INIT;
	unsigned access = CGROUP_DEV_MKNOD | CGROUP_DEV_READ | CGROUP_DEV_WRITE;
	const char *inside;
	struct stat st;

	strlist_split(&p, text, ':', false);
	if (p.n < 1 || p.n > 3 || p.v[0][0] != '/')
		return err_say(e, EINVAL, "--device %s: expected HOST[:CONTAINER][:rwm] or "
			       "VENDOR/CLASS=NAME", text);
	inside = p.v[0];
	if (p.n == 2 && p.v[1][0] != '/') {
		if (access_bits(p.v[1], &access) < 0)
			return err_say(e, EINVAL, "--device %s: expected some of rwm, not \"%s\"",
				       text, p.v[1]);
	} else if (p.n >= 2) {
		inside = p.v[1];
		if (p.n == 3 && access_bits(p.v[2], &access) < 0)
			return err_say(e, EINVAL, "--device %s: expected some of rwm, not \"%s\"",
				       text, p.v[2]);
	}
	if (stat(p.v[0], &st) < 0)
		return err_set(e, errno, "--device %s", p.v[0]);
	if (S_ISDIR(st.st_mode)) {
		size_t before = c->s->ndevices;
		int r = device_folder(c, p.v[0], inside, access, e);

		return r < 0 || c->s->ndevices > before
			       ? r : err_say(e, ENODEV, "--device %s: no device in it", p.v[0]);
	}
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_say(e, ENODEV, "--device %s: not a device", p.v[0]);
	device_node(c, &st, inside, access);
	return 0;
}

static int devices(struct compose *c, struct err *e)
{
	struct cgroup_device all = { .allow = true,
				     .type = CGROUP_DEV_ALL,
				     .major = -1,
				     .minor = -1,
				     .access = CGROUP_DEV_MKNOD | CGROUP_DEV_READ |
					       CGROUP_DEV_WRITE };
	int r;

	/* In a user namespace it has all rights over what is its own, which the host's devices are
	 * not: --device gives one. */
	if (c->o->privileged && !compose_has_userns(c)) {
		if ((r = device_folder(c, "/dev", "/dev", 0, e)) < 0)
			return r;
		cgroup_devices_add(&c->s->limits, c->a, all);
		c->s->limits.devices_set = true;
	} else {
		cgroup_devices_default(&c->s->limits, c->a);
	}
	for (size_t i = 0; i < c->o->device.n; i++)	/* names are compose_cdi's */
		if (!cdi_is_name(c->o->device.v[i]) &&
		    (r = device_option(c, c->o->device.v[i], e)) < 0)
			return r;
	for (size_t i = 0; i < c->o->device_cgroup_rule.n; i++) {
		struct cgroup_device d;

		if (cgroup_device_parse(c->o->device_cgroup_rule.v[i], &d) < 0)
			return err_say(e, EINVAL,
				       "--device-cgroup-rule \"%s\": expected as \"c 10:200 rwm\"",
				       c->o->device_cgroup_rule.v[i]);
		d.allow = true;
		cgroup_devices_add(&c->s->limits, c->a, d);
	}
	return 0;
}

int compose_security(struct compose *c, struct err *e)
{
	int r = capabilities(c, e);

	if (r < 0)
		return r;
	if (!c->o->privileged) {
		c->s->masked_paths = copy_list(c->a, spec_default_masked);
		c->s->readonly_paths = copy_list(c->a, spec_default_readonly);
		c->s->seccomp = filter_profile_builtin(c->a, c->s->process.caps.bounding);
	}
	if ((r = seccomp_policy(c, e)) < 0)
		return r;
	for (size_t i = 0; i < c->o->security_opt.n; i++)
		if ((r = security_opt(c, c->o->security_opt.v[i], e)) < 0)
			return r;
	return devices(c, e);
}
