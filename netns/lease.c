/*
 * lease.c - leases of addresses and host ports, as symbolic links.
 */
#include "netns/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/proc.h"
#include "netns/netname.h"
#include "netns/publish.h"

#define PORTS_DIR ".ports"
#define GONE_DIR ".gone"
#define OWNER_MAX 256

static int open_dir(int at, const char *name, int *ret, struct err *e)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make folder %s", name);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return err_set(e, errno, "open folder %s", name);
	*ret = fd;
	return 0;
}

static int open_dirs(struct lease_dirs *d, struct err *e)
{
	int r = open_dir(d->leases, ".id", &d->ids, e);
	if (r == 0)
		r = open_dir(d->leases, PORTS_DIR, &d->ports, e);
	if (r == 0)
		r = open_dir(d->leases, GONE_DIR, &d->gone, e);
	return r;
}

static bool is_boot(struct lease_dirs *d, const char *boot)
{
	char old[37] = "";
	AUTO_CLOSE int fd = openat(d->leases, ".boot", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && pread(fd, old, 36, 0) == 36 && str_eq(old, boot);
}

/* Leases are of things in the kernel, and die with it. */
static int drop_earlier_boot(struct lease_dirs *d, const char *boot, struct err *e)
{
	int r = lease_lock(d, e);
	if (r < 0)
		return r;
	int fd = is_boot(d, boot) ? -1 : openat(d->leases, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *de; dir && r == 0 && (de = readdir(dir));)
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, "..") &&
		    !str_eq(de->d_name, ".lock") && !str_eq(de->d_name, ".idle"))
			r = path_remove_tree(d->leases, de->d_name, e);
	if (dir) {
		closedir(dir);
		if (r == 0)
			r = path_write_file(d->leases, ".boot", boot, 36, 0600, false, e);
	}
	lease_unlock(d);
	return r;
}

int lease_open(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	AUTO(lease_dirs) struct lease_dirs made = LEASE_DIRS_INIT;
	AUTO_CLOSE int root = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char boot[37];
	if (root < 0 && errno == ENOENT) {
		int r = path_mkdirs(p->root, 0711, e);
		if (r < 0)
			return r;
		root = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (root < 0)
		return err_set(e, errno, "open %s", p->root);
	int r = open_dir(root, "networks", &made.networks, e);
	if (r == 0)
		r = open_dir(root, "leases", &made.leases, e);
	if (r == 0 && proc_boot_id(boot) == 0 && !is_boot(&made, boot))
		r = drop_earlier_boot(&made, boot, e);
	if (r == 0)
		r = open_dirs(&made, e);
	if (r < 0)
		return r;
	*d = made;
	made = (struct lease_dirs)LEASE_DIRS_INIT;
	return 0;
}

void lease_close(struct lease_dirs *d)
{
	fd_close(&d->networks);
	fd_close(&d->leases);
	fd_close(&d->ids);
	fd_close(&d->ports);
	fd_close(&d->gone);
	fd_close(&d->lock);
}

void lease_dirs_cleanup(struct lease_dirs *d)
{
	lease_close(d);
}

int lease_lock(struct lease_dirs *d, struct err *e)
{
	if (d->lock >= 0)
		return 0;
	AUTO_CLOSE int fd =
		openat(d->leases, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "open the network lock");
	int r = fd_lock(fd, true, true);
	if (r < 0)
		return err_set(e, -r, "take the network lock");
	d->lock = TAKE_FD(fd);
	return 0;
}

void lease_unlock(struct lease_dirs *d)
{
	fd_close(&d->lock);
}

/* The owner of a lease, or -ENOENT. */
static int owner_of(int dir, const char *name, char ret[static OWNER_MAX])
{
	ssize_t n = readlinkat(dir, name, ret, OWNER_MAX - 1);
	if (n < 0)
		return -errno;
	ret[n] = 0;
	return 0;
}

static void drop(int dir, const char *name, const char *id)
{
	char owner[OWNER_MAX];
	if (owner_of(dir, name, owner) == 0 && str_eq(owner, id))
		unlinkat(dir, name, 0);
}

static int take_wanted(int dir, const struct lease_pool *pool, const struct addr *want,
		       const char *id, struct err *e)
{
	char text[ADDR_TEXT], net[ADDR_TEXT], owner[OWNER_MAX];
	addr_print(want, text);
	struct addr first = cidr_first(&pool->subnet), last = cidr_last(&pool->subnet);
	if (!cidr_has(&pool->subnet, want))
		return err_say(e, EINVAL, "address %s is outside of network %s (%s)", text,
			       pool->network, cidr_print(&pool->subnet, net));
	if (addr_cmp(want, &pool->gateway) == 0)
		return err_say(e, EADDRINUSE, "address %s is the gateway of network %s", text,
			       pool->network);
	if (addr_cmp(want, &first) == 0 || (want->family == 2 && addr_cmp(want, &last) == 0))
		return err_say(e, EINVAL, "address %s is the network's own in %s", text,
			       cidr_print(&pool->subnet, net));
	if (symlinkat(id, dir, text) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, errno, "lease of address %s", text);
	if (owner_of(dir, text, owner) < 0)
		owner[0] = 0;
	if (str_eq(owner, id))
		return 0;
	return err_say(e, EADDRINUSE, "address %s on network %s is in use by container %.12s", text,
		       pool->network, owner);
}

static uint64_t read_next(int dir)
{
	char buf[24] = "";
	uint64_t v = 0;
	AUTO_CLOSE int fd = openat(dir, ".next", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	return str_to_u64(buf, &v) < 0 ? 0 : v;
}

static void write_next(int dir, uint64_t v)
{
	char buf[24];
	AUTO_CLOSE int fd = openat(dir, ".next", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Of fixed width: cutting a file off costs a quarter of a millisecond on ext4.  Only a
	 * hint: whatever happens to it, a lease is still given once. */
	int n = snprintf(buf, sizeof(buf), "%012llu", (unsigned long long)v);
	if (fd >= 0 && pwrite(fd, buf, (size_t)n, 0) < 0)
		return;
}

/* Goes round the pool from where the last search ended, so that an address that was just given
 * back is the last to be given again (neighbours still know its old owner). */
static int take_free(int dir, const struct lease_pool *pool, const char *id, struct addr *ret,
		     struct err *e)
{
	char text[ADDR_TEXT];
	const struct cidr *from = pool->range.addr.family ? &pool->range : &pool->subnet;
	struct addr base = cidr_first(from), net = cidr_first(&pool->subnet);
	struct addr bcast = cidr_last(&pool->subnet);
	uint64_t size = cidr_size(from), next = read_next(dir);
	if (size > 1u << 20)
		size = 1u << 20;
	for (uint64_t i = 0; i < size; i++) {
		uint64_t at = (next + i) % size;
		struct addr a = addr_plus(&base, at);
		if (addr_cmp(&a, &net) == 0 || addr_cmp(&a, &pool->gateway) == 0 ||
		    (a.family == 2 && addr_cmp(&a, &bcast) == 0))
			continue;
		addr_print(&a, text);
		if (symlinkat(id, dir, text) == 0) {
			write_next(dir, (at + 1) % size);
			*ret = a;
			return 0;
		}
		if (errno != EEXIST)
			return err_set(e, errno, "lease of address %s", text);
	}
	return err_say(e, ENOSPC, "network %s has no free address left in %s", pool->network,
		       cidr_print(from, text));
}

int lease_take(struct lease_dirs *d, const struct lease_pool *pool, const struct addr *want,
	       const char *id, struct addr *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = open_dir(d->leases, pool->network, &dir, e);
	if (r < 0)
		return r;
	if (!want->family)
		return take_free(dir, pool, id, ret, e);
	r = take_wanted(dir, pool, want, id, e);
	if (r == 0)
		*ret = *want;
	return r;
}

void lease_drop(struct lease_dirs *d, const char *network, const char *address, const char *id)
{
	AUTO_CLOSE int dir = openat(d->leases, network, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && address)
		drop(dir, address, id);
}

void lease_forget(struct lease_dirs *d, const char *network)
{
	struct err ignored = ERR_INIT;
	path_remove_tree(d->leases, network, &ignored);
}

/* ---- walking ---- */

static int walk_dir(int at, const char *name, lease_seen *fn, void *arg)
{
	AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int raw = dup(fd);
	DIR *dir = raw < 0 ? NULL : fdopendir(raw);
	if (!dir)
		return -errno;
	for (struct dirent *de; (de = readdir(dir));) {
		char owner[OWNER_MAX];
		if (de->d_name[0] != '.' && owner_of(fd, de->d_name, owner) == 0)
			fn(name, de->d_name, owner, arg);
	}
	closedir(dir);
	return 0;
}

int lease_walk(struct lease_dirs *d, const char *network, lease_seen *fn, void *arg)
{
	if (network)
		return walk_dir(d->leases, network, fn, arg);
	int raw = openat(d->leases, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = raw < 0 ? NULL : fdopendir(raw);
	if (!dir)
		return -errno;
	int r = 0;
	for (struct dirent *de; (de = readdir(dir));) {
		if (de->d_name[0] == '.' && !str_eq(de->d_name, PORTS_DIR))
			continue;
		int one = walk_dir(d->leases, de->d_name, fn, arg);
		r = r ? r : one;
	}
	closedir(dir);
	return r;
}

static bool dir_any(struct lease_dirs *d, const char *name)
{
	int raw = openat(d->leases, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = raw < 0 ? NULL : fdopendir(raw);
	bool any = false;
	if (!dir)
		return false;
	for (struct dirent *de; !any && (de = readdir(dir));)
		any = de->d_name[0] != '.';
	closedir(dir);
	return any;
}

bool lease_any(struct lease_dirs *d, const char *network)
{
	if (network)
		return dir_any(d, network);
	int raw = openat(d->leases, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = raw < 0 ? NULL : fdopendir(raw);
	bool any = false;
	if (!dir)
		return false;
	for (struct dirent *de; !any && (de = readdir(dir));)
		any = de->d_name[0] != '.' && dir_any(d, de->d_name);
	closedir(dir);
	return any || dir_any(d, PORTS_DIR);
}

struct dropping {
	struct lease_dirs *d;
	const char *id;
};

static void drop_seen(const char *network, const char *name, const char *id, void *arg)
{
	struct dropping *p = arg;
	if (str_eq(id, p->id))
		lease_drop(p->d, network, name, id);
}

void lease_drop_all(struct lease_dirs *d, const char *id)
{
	struct dropping p = { d, id };
	lease_walk(d, NULL, drop_seen, &p);
}

void lease_ports_drop_all(struct lease_dirs *d, const char *id)
{
	struct dropping p = { d, id };
	lease_walk(d, PORTS_DIR, drop_seen, &p);
}

/* ---- ports ---- */

static const char *port_ip(const struct net_port *p)
{
	if (!p->ip)
		return "any";
	if (str_eq(p->ip, "0.0.0.0"))
		return "any4";
	if (str_eq(p->ip, "::"))
		return "any6";
	return p->ip;
}

static void port_name(const struct net_port *p, char ret[static 96])
{
	snprintf(ret, 96, "%s-%u-%s", publish_proto_name(p->proto), p->host, port_ip(p));
}

static bool is_six(const char *ip)
{
	return strchr(ip, ':') || str_eq(ip, "any6");
}

/* Do two addresses of the host, as port_ip names them, stand for a common one? */
static bool ips_clash(const char *a, const char *b)
{
	if (str_eq(a, b) || str_eq(a, "any") || str_eq(b, "any"))
		return true;
	if (is_six(a) != is_six(b))
		return false;
	return str_starts(a, "any") || str_starts(b, "any");
}

/* Wide and narrow names of one port clash too, so all names are read; whose they are is asked for
 * those of this port alone. */
static void find_clash(struct lease_dirs *d, const struct net_port *p, const char *id,
		       char owner[static OWNER_MAX])
{
	char prefix[24];
	int fd = openat(d->ports, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	owner[0] = 0;
	if (!dir)
		return;
	snprintf(prefix, sizeof(prefix), "%s-%u-", publish_proto_name(p->proto), p->host);
	for (struct dirent *de; !owner[0] && (de = readdir(dir));) {
		const char *ip = str_after(de->d_name, prefix);
		if (ip && ips_clash(ip, port_ip(p)) &&
		    (owner_of(d->ports, de->d_name, owner) < 0 || str_eq(owner, id)))
			owner[0] = 0;
	}
	closedir(dir);
}

int lease_port_take(struct lease_dirs *d, const struct net_port *p, const char *id,
		    char ret_owner[static 256], struct err *e)
{
	char name[96];
	port_name(p, name);
	find_clash(d, p, id, ret_owner);
	if (ret_owner[0])
		return err_say(e, EADDRINUSE, "port %u/%s is in use by container %.12s", p->host,
			       publish_proto_name(p->proto), ret_owner);
	if (symlinkat(id, d->ports, name) == 0)
		return 0;
	if (errno == EEXIST && lease_port_is(d, p, id))
		return err_say(e, EADDRINUSE, "port %u/%s is published twice", p->host,
			       publish_proto_name(p->proto));
	return err_set(e, errno, "lease of port %s", name);
}

void lease_port_drop(struct lease_dirs *d, const struct net_port *p, const char *id)
{
	char name[96];
	port_name(p, name);
	drop(d->ports, name, id);
}

bool lease_port_is(struct lease_dirs *d, const struct net_port *p, const char *id)
{
	char name[96], owner[OWNER_MAX];
	port_name(p, name);
	return owner_of(d->ports, name, owner) == 0 && str_eq(owner, id);
}
