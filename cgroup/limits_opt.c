/*
 * limits_opt.c - limits as people type them.
 */
#include "cgroup/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroup/limits.h"

#define CPUS_PERIOD 100000	/* microseconds: what --cpus counts in, as Docker does */

static void *at(struct cgroup_limits *l, const struct cgroup_option *o)
{
	return (char *)l + o->off;
}

static int bad(const struct cgroup_option *o, const char *value, const char *want, struct err *e)
{
	return err_say(e, EINVAL, "--%s %s: expected %s", o->name, value, want);
}

/* ---- parsing -------------------------------------------------------------------------- */

static int bytes_or_max(const char *s, int64_t *ret)
{
	uint64_t n;

	if (str_eq(s, "-1") || str_eq(s, "max") || str_eq(s, "unlimited")) {
		*ret = -1;
		return 0;
	}
	if (str_to_bytes(s, &n) < 0 || n > INT64_MAX)
		return -EINVAL;
	*ret = (int64_t)n;
	return 0;
}

int limit_parse_bytes(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		      const char *value, struct err *e)
{
	int64_t n;

	(void)a;
	if (bytes_or_max(value, &n) < 0)
		return bad(o, value, "a size like 512m or 2g, or -1 for no limit", e);
	*(struct json_opt_i64 *)at(l, o) = (struct json_opt_i64){ n != 0, n };
	return 0;
}

int limit_parse_cpus(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	double n;

	(void)a;
	if (l->cpu.quota.set != l->cpu.period.set ||
	    (l->cpu.period.set && l->cpu.period.v != CPUS_PERIOD))
		return err_say(e, EINVAL, "--cpus cannot be given beside --cpu-quota or "
			       "--cpu-period");
	if (str_to_double(value, &n) < 0 || !(n == 0 || (n >= 0.01 && n <= 8192)))
		return bad(o, value, "a number of CPUs, 0.01 or more", e);
	if (n == 0) {
		l->cpu.quota.set = l->cpu.period.set = false;
		return 0;
	}
	l->cpu.quota = (struct json_opt_i64){ true, (int64_t)(n * CPUS_PERIOD + 0.5) };
	l->cpu.period = (struct json_opt_u64){ true, CPUS_PERIOD };
	return 0;
}

/* Both given already: only --cpus sets both at once. */
static int refuse_beside_cpus(const struct cgroup_limits *l, const struct cgroup_option *o,
			      struct err *e)
{
	if ((o->off == offsetof(struct cgroup_limits, cpu.quota) ||
	     o->off == offsetof(struct cgroup_limits, cpu.period)) &&
	    l->cpu.quota.set && l->cpu.period.set)
		return err_say(e, EINVAL, "--%s is given twice or beside --cpus", o->name);
	return 0;
}

int limit_parse_u64(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		    const char *value, struct err *e)
{
	uint64_t n;
	int r = refuse_beside_cpus(l, o, e);

	(void)a;
	if (r < 0)
		return r;
	if (str_to_u64(value, &n) < 0)
		return bad(o, value, "a number", e);
	*(struct json_opt_u64 *)at(l, o) = (struct json_opt_u64){ n != 0, n };
	return 0;
}

int limit_parse_quota(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		      const char *value, struct err *e)
{
	int64_t n;
	int r = refuse_beside_cpus(l, o, e);

	(void)a;
	if (r < 0)
		return r;
	if (str_to_i64(value, &n) < 0 || n < -1)
		return bad(o, value, "a number of microseconds, or -1 for no limit", e);
	*(struct json_opt_i64 *)at(l, o) = (struct json_opt_i64){ n != 0, n };
	return 0;
}

int limit_parse_idle(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	(void)a;
	if (!str_eq(value, "0") && !str_eq(value, "1"))
		return bad(o, value, "0 or 1", e);
	l->cpu.idle = (struct json_opt_i64){ true, value[0] - '0' };
	return 0;
}

bool cgroup_list_is_valid(const char *s)
{
	while (*s) {
		unsigned long long from = 0, to = 0;

		if (!isdigit((unsigned char)*s))
			return false;
		for (; isdigit((unsigned char)*s) && from < 1u << 20; s++)
			from = from * 10 + (unsigned long long)(*s - '0');
		to = from;
		if (*s == '-') {
			if (!isdigit((unsigned char)*++s))
				return false;
			for (to = 0; isdigit((unsigned char)*s) && to < 1u << 20; s++)
				to = to * 10 + (unsigned long long)(*s - '0');
		}
		if (to < from || to >= 1u << 16)
			return false;
		if (!*s)
			return true;
		if (*s++ != ',')
			return false;
	}
	return false;
}

int limit_parse_list(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	if (*value && !cgroup_list_is_valid(value))
		return bad(o, value, "a list like 0-3,7", e);
	*(const char **)at(l, o) = *value ? arena_strdup(a, value) : NULL;
	return 0;
}

int limit_parse_pids(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	int64_t n;

	(void)a;
	if (str_eq(value, "max") || str_eq(value, "unlimited"))
		value = "-1";
	if (str_to_i64(value, &n) < 0 || n < -1)
		return bad(o, value, "a number, or -1 for no limit", e);
	/* On Docker's command line 0 means no limit as well; in config.json it is a limit. */
	l->pids.limit = (struct json_opt_i64){ true, n == 0 ? -1 : n };
	return 0;
}

int limit_parse_weight(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		       const char *value, struct err *e)
{
	uint32_t n;

	(void)a;
	if (str_to_u32(value, &n) < 0 || (n != 0 && (n < 10 || n > 1000)))
		return bad(o, value, "a number from 10 to 1000", e);
	l->blkio.weight = (struct json_opt_u32){ n != 0, n };
	return 0;
}

/* "/dev/sda:rest" → device number and rest; "8:0:rest" is taken as well. */
static int split_device(const struct cgroup_option *o, struct arena *a, const char *value,
			int64_t *ret_major, int64_t *ret_minor, const char **ret_rest,
			struct err *e)
{
	const char *colon = strrchr(value, ':');
	uint32_t ma, mi;
	struct stat st;
	char *dev, *mid;

	if (!colon || colon == value || !colon[1])
		return bad(o, value, "DEVICE:NUMBER as in /dev/sda:10mb", e);
	dev = arena_strndup(a, value, (size_t)(colon - value));
	*ret_rest = colon + 1;
	mid = strchr(dev, ':');
	if (dev[0] != '/' && mid) {
		*mid = '\0';
		if (str_to_u32(dev, &ma) < 0 || str_to_u32(mid + 1, &mi) < 0)
			return bad(o, value, "DEVICE:NUMBER as in /dev/sda:10mb", e);
		*ret_major = ma;
		*ret_minor = mi;
		return 0;
	}
	if (dev[0] != '/')
		return bad(o, value, "an absolute path of a device", e);
	if (stat(dev, &st) < 0)
		return err_set(e, errno, "--%s %s", o->name, dev);
	if (!S_ISBLK(st.st_mode))
		return err_say(e, EINVAL, "--%s: %s is no block device", o->name, dev);
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}

int limit_parse_weight_device(struct cgroup_limits *l, struct arena *a,
			      const struct cgroup_option *o, const char *value, struct err *e)
{
	struct cgroup_blk_weight w = { .weight.set = true };
	struct cgroup_limits change = { 0 };
	const char *rest;
	int r = split_device(o, a, value, &w.major, &w.minor, &rest, e);

	if (r < 0)
		return r;
	if (str_to_u32(rest, &w.weight.v) < 0 || w.weight.v < 10 || w.weight.v > 1000)
		return bad(o, value, "a weight from 10 to 1000", e);
	change.blkio.nweights = 1;
	change.blkio.weights = &w;
	cgroup_limits_merge(l, a, &change);
	return 0;
}

int limit_parse_rate(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	struct cgroup_limits change = { 0 };
	struct cgroup_blk_rate rate;
	const char *rest;
	int r = split_device(o, a, value, &rate.major, &rate.minor, &rest, e);

	if (r < 0)
		return r;
	if (str_ends(o->name, "bps") ? str_to_bytes(rest, &rate.rate) < 0 :
				       str_to_u64(rest, &rate.rate) < 0)
		return bad(o, value, str_ends(o->name, "bps") ? "a rate like 10mb" : "a number", e);
	*(struct cgroup_blk_rates *)at(&change, o) = (struct cgroup_blk_rates){ 1, &rate };
	cgroup_limits_merge(l, a, &change);
	return 0;
}

int limit_parse_hugepage(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
			 const char *value, struct err *e)
{
	struct cgroup_limits change = { 0 };
	const char *colon = strchr(value, ':');
	struct cgroup_hugepage h;

	if (!colon || colon == value || str_to_bytes(colon + 1, &h.limit) < 0)
		return bad(o, value, "SIZE:BYTES as in 2MB:64m", e);
	h.page_size = arena_strndup(a, value, (size_t)(colon - value));
	change.nhugepages = 1;
	change.hugepages = &h;
	cgroup_limits_merge(l, a, &change);
	return 0;
}

int limit_parse_rdma(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	struct cgroup_limits change = { 0 };
	struct cgroup_rdma d = { 0 };
	char *text = arena_strdup(a, value), *h = strchr(text, ':'), *obj;

	if (!h || h == text)
		return bad(o, value, "DEVICE:HANDLES:OBJECTS (one of the two may be empty)", e);
	*h++ = '\0';
	obj = strchr(h, ':');
	if (obj)
		*obj++ = '\0';
	d.device = text;
	d.handles.set = *h != '\0';
	d.objects.set = !str_empty(obj);
	if ((d.handles.set && str_to_u32(h, &d.handles.v) < 0) ||
	    (d.objects.set && str_to_u32(obj, &d.objects.v) < 0) ||
	    (!d.handles.set && !d.objects.set))
		return bad(o, value, "DEVICE:HANDLES:OBJECTS (one of the two may be empty)", e);
	change.nrdma = 1;
	change.rdma = &d;
	cgroup_limits_merge(l, a, &change);
	return 0;
}

int limit_parse_unified_bytes(struct cgroup_limits *l, struct arena *a,
			      const struct cgroup_option *o, const char *value, struct err *e)
{
	int64_t n;

	if (bytes_or_max(value, &n) < 0)
		return bad(o, value, "a size like 512m or 2g, or -1 for no limit", e);
	cgroup_unified_set(l, a, o->file, n < 0 ? "max" : arena_printf(a, "%" PRId64, n));
	return 0;
}

/* A flag: absent value means true. */
static int flag_value(const struct cgroup_option *o, const char *value, bool *ret,
		      struct err *e)
{
	*ret = true;
	if (!str_empty(value) && str_to_bool(value, ret) < 0)
		return bad(o, value, "true or false", e);
	return 0;
}

int limit_parse_oom_group(struct cgroup_limits *l, struct arena *a,
			  const struct cgroup_option *o, const char *value, struct err *e)
{
	bool on;
	int r = flag_value(o, value, &on, e);

	if (r == 0)
		cgroup_unified_set(l, a, o->file, on ? "1" : "0");
	return r;
}

int limit_parse_oom_disable(struct cgroup_limits *l, struct arena *a,
			    const struct cgroup_option *o, const char *value, struct err *e)
{
	bool on;
	int r = flag_value(o, value, &on, e);

	(void)a;
	if (r == 0)
		l->memory.disable_oom_killer = (struct json_opt_bool){ true, on };
	return r;
}

int limit_parse_conf(struct cgroup_limits *l, struct arena *a, const struct cgroup_option *o,
		     const char *value, struct err *e)
{
	const char *eq = strchr(value, '=');
	char *file;
	int r;

	if (!eq || eq == value)
		return bad(o, value, "FILE=TEXT as in memory.high=1073741824", e);
	file = arena_strndup(a, value, (size_t)(eq - value));
	r = cgroup_unified_check(file, e);
	if (r < 0)
		return r;
	cgroup_unified_set(l, a, file, eq + 1);
	return 0;
}

static int parse_devno(const char **p, int64_t *ret)
{
	const char *s = *p;
	int64_t n = 0;

	if (*s == '*') {
		*p = s + 1;
		*ret = -1;
		return 0;
	}
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		n = n * 10 + (*s - '0');
		if (n > UINT32_MAX)
			return -EINVAL;
	}
	*p = s;
	*ret = n;
	return 0;
}

int cgroup_device_parse(const char *text, struct cgroup_device *ret)
{
	struct cgroup_device d = { .allow = true };
	const char *p = text;

	if (!*p || !strchr("abc", *p))
		return -EINVAL;
	d.type = (enum cgroup_device_type)*p++;
	if (*p++ != ' ' || parse_devno(&p, &d.major) < 0 || *p++ != ':' ||
	    parse_devno(&p, &d.minor) < 0 || *p++ != ' ' || !*p)
		return -EINVAL;
	for (; *p; p++) {
		unsigned bit = *p == 'r' ? CGROUP_DEV_READ : *p == 'w' ? CGROUP_DEV_WRITE :
			       *p == 'm' ? CGROUP_DEV_MKNOD : 0;

		if (!bit || d.access & bit)
			return -EINVAL;
		d.access |= bit;
	}
	*ret = d;
	return 0;
}
