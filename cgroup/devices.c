/*
 * devices.c - device rules as a program of type BPF_PROG_TYPE_CGROUP_DEVICE.
 *
 * The kernel runs the program for every open and mknod of a device inside the cgroup and denies
 * when it returns 0 (cgroup-v2.rst, "Device controller").  With BPF_F_ALLOW_MULTI every program
 * that is attached must allow; an update replaces ours in one step (BPF_F_REPLACE, 5.6), so at
 * no instant is a denied device allowed.
 */
#include "cgroup/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define PROG_NAME "berth_dev"	/* by which an update knows the program as ours */
#define ATTACHED_MAX 64

/* ---- rules as data -------------------------------------------------------------------- */

#define ANY (-1)
#define RWM (CGROUP_DEV_READ | CGROUP_DEV_WRITE | CGROUP_DEV_MKNOD)

/* What Docker, runc and crun allow in every container: Documentation/admin-guide/devices.txt. */
static const struct cgroup_device default_rules[] = {
	{ true, CGROUP_DEV_CHAR, ANY, ANY, CGROUP_DEV_MKNOD },
	{ true, CGROUP_DEV_BLOCK, ANY, ANY, CGROUP_DEV_MKNOD },
	{ true, CGROUP_DEV_CHAR, 1, 3, RWM },	/* null */
	{ true, CGROUP_DEV_CHAR, 1, 5, RWM },	/* zero */
	{ true, CGROUP_DEV_CHAR, 1, 7, RWM },	/* full */
	{ true, CGROUP_DEV_CHAR, 1, 8, RWM },	/* random */
	{ true, CGROUP_DEV_CHAR, 1, 9, RWM },	/* urandom */
	{ true, CGROUP_DEV_CHAR, 5, 0, RWM },	/* tty */
	{ true, CGROUP_DEV_CHAR, 5, 1, RWM },	/* console */
	{ true, CGROUP_DEV_CHAR, 5, 2, RWM },	/* ptmx */
	{ true, CGROUP_DEV_CHAR, 136, ANY, RWM },	/* pts */
};

static void append(struct cgroup_limits *l, struct arena *a, const struct cgroup_device *d,
		   size_t n)
{
	struct cgroup_device *v = arena_array(a, l->ndevices + n, sizeof(*v));

	if (l->ndevices)
		memcpy(v, l->devices, l->ndevices * sizeof(*v));
	memcpy(v + l->ndevices, d, n * sizeof(*v));
	l->devices = v;
	l->ndevices += n;
	l->devices_set = true;
}

void cgroup_devices_default(struct cgroup_limits *l, struct arena *a)
{
	append(l, a, default_rules, ARRAY_SIZE(default_rules));
}

void cgroup_devices_add(struct cgroup_limits *l, struct arena *a, struct cgroup_device d)
{
	append(l, a, &d, 1);
}

static bool is_for_all(const struct cgroup_device *d)
{
	return d->type == CGROUP_DEV_ALL && d->major < 0 && d->minor < 0 && d->access == RWM;
}

/* Everything is allowed when the last rule that allows all has no denial behind it. */
bool cgroup_devices_allow_all(const struct cgroup_limits *l)
{
	for (size_t i = l->ndevices; i-- > 0;) {
		const struct cgroup_device *d = &l->devices[i];

		if (!d->allow)
			return false;
		if (is_for_all(d))
			return true;
	}
	return false;
}

/* ---- the program ---------------------------------------------------------------------- */

/*
 * Not one jump: each rule is arithmetic on the set of accesses that are allowed so far, in the
 * order of the list, so the last match wins for each kind of access by itself.  Every jump costs
 * the kernel's verifier a copy of its state: with jumps, Docker's eleven rules took 300 us to
 * load and 1,000 rules were refused; without, a fifth of it, and 10,000 load.
 *
 * A device is one number, major << 20 | minor (the kernel's dev_t has 12 and 20 bits); R_CHAR
 * holds it with bits from 32 up set if it is no character device, R_BLOCK if it is no block
 * device.  A rule's miss is 0 exactly if it matches; less one, its top bit is 1 exactly then.
 * Neighbours that say the same share what follows (R_HIT).
 */
enum { R_RET = BPF_REG_0, R_CTX = BPF_REG_1, R_BLOCK = BPF_REG_2, R_WANT = BPF_REG_3,
       R_CHAR = BPF_REG_4, R_TMP = BPF_REG_5, R_MISS = BPF_REG_6, R_HIT = BPF_REG_7,
       R_ALLOWED = BPF_REG_8 };

#define MINOR_BITS 20
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

static void emit(struct cgroup_bpf *p, unsigned code, unsigned dst, unsigned src, int64_t imm)
{
	struct bpf_insn *i = &p->v[p->n++];

	memset(i, 0, sizeof(*i));
	i->code = (uint8_t)code;
	i->dst_reg = dst & 15;
	i->src_reg = src & 15;
	i->imm = (int32_t)imm;
}

static void emit_load(struct cgroup_bpf *p, unsigned dst, size_t off)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, dst, R_CTX, 0);
	p->v[p->n - 1].off = (int16_t)off;
}

static unsigned bpf_access(unsigned access)
{
	return (access & CGROUP_DEV_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0u) |
	       (access & CGROUP_DEV_READ ? BPF_DEVCG_ACC_READ : 0u) |
	       (access & CGROUP_DEV_WRITE ? BPF_DEVCG_ACC_WRITE : 0u);
}

static void emit_begin(struct cgroup_bpf *p)
{
	emit_load(p, R_WANT, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_load(p, R_MISS, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(p, R_TMP, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit(p, BPF_ALU64 | BPF_LSH | BPF_K, R_MISS, 0, MINOR_BITS);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_MISS, R_TMP, 0);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, R_CHAR, R_WANT, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, R_CHAR, 0, 0xffff);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, R_WANT, 0, 16);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, R_BLOCK, R_CHAR, 0);
	emit(p, BPF_ALU | BPF_XOR | BPF_K, R_CHAR, 0, BPF_DEVCG_DEV_CHAR);
	emit(p, BPF_ALU64 | BPF_LSH | BPF_K, R_CHAR, 0, 32);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_CHAR, R_MISS, 0);
	emit(p, BPF_ALU | BPF_XOR | BPF_K, R_BLOCK, 0, BPF_DEVCG_DEV_BLOCK);
	emit(p, BPF_ALU64 | BPF_LSH | BPF_K, R_BLOCK, 0, 32);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_BLOCK, R_MISS, 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, R_ALLOWED, 0, 0);
}

/* R_MISS of one rule for one type of device, then into R_HIT. */
static void emit_match(struct cgroup_bpf *p, const struct cgroup_device *d, unsigned key,
		       bool first)
{
	bool major = d->major >= 0, minor = d->minor >= 0;

	if (major && minor) {
		emit(p, BPF_ALU | BPF_MOV | BPF_K, R_MISS, 0, d->major << MINOR_BITS | d->minor);
		emit(p, BPF_ALU64 | BPF_XOR | BPF_X, R_MISS, key, 0);
	} else {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_MISS, key, 0);
		emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R_MISS, 0, major ? MINOR_BITS : 32);
		if (major)
			emit(p, BPF_ALU64 | BPF_XOR | BPF_K, R_MISS, 0, d->major);
	}
	if (minor && !major) {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, R_TMP, key, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, R_TMP, 0, MINOR_MAX);
		emit(p, BPF_ALU | BPF_XOR | BPF_K, R_TMP, 0, d->minor);
		emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_MISS, R_TMP, 0);
	}
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, R_MISS, 0, -1);
	emit(p, BPF_ALU64 | (first ? BPF_MOV : BPF_OR) | BPF_X, R_HIT, R_MISS, 0);
}

/* The rules from d on that say the same of the same accesses; returns how many. */
static size_t emit_group(struct cgroup_bpf *p, const struct cgroup_device *d, size_t max)
{
	bool first = true;
	size_t n = 0;

	for (; n < max && d[n].allow == d->allow && d[n].access == d->access; n++) {
		if (d[n].major > MAJOR_MAX || d[n].minor > MINOR_MAX)
			continue;	/* no such device can be */
		if (d[n].type != CGROUP_DEV_BLOCK) {
			emit_match(p, &d[n], R_CHAR, first);
			first = false;
		}
		if (d[n].type != CGROUP_DEV_CHAR) {
			emit_match(p, &d[n], R_BLOCK, first);
			first = false;
		}
	}
	if (first)
		return n;
	/* Not an arithmetic shift and a mask: for that pattern the verifier follows both
	 * outcomes (6.18). */
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R_HIT, 0, 63);
	emit(p, BPF_ALU64 | BPF_MUL | BPF_K, R_HIT, 0, bpf_access(d->access));
	if (d->allow) {
		emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_ALLOWED, R_HIT, 0);
	} else {
		emit(p, BPF_ALU64 | BPF_XOR | BPF_K, R_HIT, 0, -1);
		emit(p, BPF_ALU64 | BPF_AND | BPF_X, R_ALLOWED, R_HIT, 0);
	}
	return n;
}

void cgroup_devices_compile(const struct cgroup_limits *l, struct arena *a, struct cgroup_bpf *ret)
{
	struct cgroup_bpf p = { .n = 0 };
	size_t from = l->ndevices;

	/* What stands in front of a rule for everything has no say. */
	while (from > 0 && !is_for_all(&l->devices[from - 1]))
		from--;
	from -= from > 0;
	if (from < l->ndevices && is_for_all(&l->devices[from]) && !l->devices[from].allow)
		from++;		/* nothing is allowed to begin with */
	p.v = arena_array(a, (l->ndevices - from) * CGROUP_BPF_PER_RULE + 32, sizeof(*p.v));
	emit_begin(&p);
	while (from < l->ndevices)
		from += emit_group(&p, &l->devices[from], l->ndevices - from);
	/* 1 when nothing is wanted that is not allowed, else 0. */
	emit(&p, BPF_ALU64 | BPF_XOR | BPF_K, R_ALLOWED, 0, -1);
	emit(&p, BPF_ALU64 | BPF_AND | BPF_X, R_ALLOWED, R_WANT, 0);
	emit(&p, BPF_ALU64 | BPF_ADD | BPF_K, R_ALLOWED, 0, -1);
	emit(&p, BPF_ALU64 | BPF_RSH | BPF_K, R_ALLOWED, 0, 63);
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_X, R_RET, R_ALLOWED, 0);
	emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0);
	*ret = p;
}

/* ---- loading and attaching ------------------------------------------------------------ */

static int prog_load(const struct cgroup_bpf *p)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)p->v;
	attr.insn_cnt = (uint32_t)p->n;
	attr.license = (uintptr_t)"GPL";
	memcpy(attr.prog_name, PROG_NAME, sizeof(PROG_NAME));
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	/* EAGAIN: the verifier was interrupted by a signal. */
	for (int i = 0; fd < 0 && errno == EAGAIN && i < 5; i++)
		fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

static int prog_attach(int cgroup, int prog, int replace)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replace >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int prog_detach(int cgroup, int prog)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_DETACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* Descriptor of the program with that id if it is one of ours; -ENOENT for others'. */
static int prog_open_ours(uint32_t id)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	AUTO_CLOSE int fd = -1;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0)
		return -errno;
	return strncmp(info.name, PROG_NAME, sizeof(info.name)) == 0 ? TAKE_FD(fd) : -ENOENT;
}

/* Programs attached to this very cgroup.  Number of them or -errno. */
static int prog_query(int cgroup, uint32_t ids[ATTACHED_MAX])
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = ATTACHED_MAX;
	if (sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -errno;
	return (int)attr.query.prog_cnt;
}

int cgroup_devices_attach(int fd, const struct cgroup_limits *l, bool fresh, struct err *e)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	AUTO_CLOSE int prog = -1;
	uint32_t ids[ATTACHED_MAX];
	struct cgroup_bpf p;
	bool attached = false;
	int n = fresh ? 0 : prog_query(fd, ids), r;

	if (n < 0)
		return err_set(e, -n, "devices: ask for the cgroup's device programs");
	if (!cgroup_devices_allow_all(l)) {
		cgroup_devices_compile(l, a, &p);
		prog = prog_load(&p);
		if (prog < 0)
			return err_set(e, -prog, "devices: load the device program (%zu rules)",
				       l->ndevices);
	}
	for (int i = 0; i < n; i++) {
		AUTO_CLOSE int old = prog_open_ours(ids[i]);

		if (old < 0)
			continue;
		if (prog >= 0 && !attached)
			r = prog_attach(fd, prog, old);
		else
			r = prog_detach(fd, old);
		if (r < 0)
			return err_set(e, -r, "devices: replace the device program");
		attached = attached || prog >= 0;
	}
	if (prog < 0 || attached)
		return 0;
	r = prog_attach(fd, prog, -1);
	if (r < 0)
		return err_set(e, -r, "devices: attach the device program");
	return 0;
}

int cgroup_devices_apply(int fd, const struct cgroup_limits *l, struct err *e)
{
	return cgroup_devices_attach(fd, l, false, e);
}
