/*
 * names.c - the files hosts, resolv.conf and hostname of containers.
 *
 * They are bound into the containers as files, so they are written in place: the inode stays.
 * What the container wrote into its hosts outside of our section is kept.  One that has a lease on
 * the file (F_SETLEASE) is not waited for, O_NONBLOCK: others would wait with us.
 */
#include "netns/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/hosts.h"
#include "netns/netname.h"
#include "netns/network.h"

#define HOSTS_MAX (1u << 20)

/* What Docker and podman fall back to: public resolvers, used only when each of the host's own
 * listens on loopback alone. */
static const char *const fallback_servers[] = { "1.1.1.1", "8.8.8.8", NULL };

static int write_in_place(int dir, const char *name, const struct strbuf *b, struct err *e)
{
	AUTO_CLOSE int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0)
		return err_set(e, errno, "create %s", name);
	int r = b->len ? fd_write_all(fd, b->s, b->len) : 0;
	if (r == 0 && (ftruncate(fd, (off_t)b->len) < 0 || fchmod(fd, 0644) < 0))
		r = -errno;
	return r < 0 ? err_set(e, -r, "write %s", name) : 0;
}

static bool has_resolver(const char *text)
{
	struct net_config none = { 0 };
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	bool lost;
	hosts_resolv(&none, text, false, NULL, &b, &lost);
	return !lost;
}

/* The host's resolv.conf; when it names only a stub on loopback, the list that the stub itself
 * asks (systemd-resolved keeps it in a file). */
static char *host_resolv_text(void)
{
	static const char *const files[] = { "/etc/resolv.conf",
					     "/run/systemd/resolve/resolv.conf" };
	char *text = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct err ignored = ERR_INIT;
		AUTO_FREE char *one = NULL;
		size_t n;
		if (path_read_file(AT_FDCWD, files[i], HOSTS_MAX, &one, &n, &ignored) < 0)
			continue;
		if (i == 0 || has_resolver(one)) {
			free(text);
			text = TAKE(one);
		}
		if (text && has_resolver(text))
			break;
	}
	return text ? text : mem_strdup("");
}

static int host_hosts(struct strbuf *b)
{
	struct err ignored = ERR_INIT;
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = path_read_file(AT_FDCWD, "/etc/hosts", HOSTS_MAX, &text, &n, &ignored);
	if (r == 0)
		strbuf_add(b, text, n);
	return r;
}

int net_files_make(const struct net_paths *p, const char *id, const char *name,
		   const struct net_config *c, const char *host_resolv, struct err *e)
{
	AUTO(strbuf) struct strbuf resolv = STRBUF_INIT, hosts = STRBUF_INIT, host = STRBUF_INIT;
	AUTO_FREE char *dir_path = path_join(p->run, id);
	AUTO_FREE char *own = host_resolv ? NULL : host_resolv_text();
	(void)name;
	int r = path_mkdirs(dir_path, 0711, e);
	if (r < 0)
		return r;
	AUTO_CLOSE int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open %s", dir_path);
	bool lost, shared = c->mode == NET_HOST;
	hosts_resolv(c, host_resolv ? host_resolv : own, shared, fallback_servers, &resolv, &lost);
	if (shared && host_hosts(&hosts) == 0) {
		if (hosts.len && hosts.s[hosts.len - 1] != '\n')
			strbuf_addc(&hosts, '\n');
		for (char **x = c->extra_hosts; x && *x; x++) {
			const char *colon = strchr(*x, ':');
			const char *ip = str_eq(colon + 1, "host-gateway") ? "127.0.0.1" :
									     colon + 1;
			strbuf_addf(&hosts, "%s\t%.*s\n", ip, (int)(colon - *x), *x);
		}
	} else {
		/* host-gateway is known once there is an address; it stands in our section. */
		hosts_static(c->extra_hosts, NULL, &hosts);
	}
	if (c->hostname)
		strbuf_addf(&host, "%s\n", c->hostname);
	else
		strbuf_addf(&host, "%.12s\n", id);
	/* Without an address of its own a container still finds its own name. */
	if (c->mode == NET_NONE)
		strbuf_addf(&hosts, "127.0.0.1\t%s", host.s);
	r = write_in_place(dir, "resolv.conf", &resolv, e);
	if (r == 0)
		r = write_in_place(dir, "hosts", &hosts, e);
	if (r == 0)
		r = write_in_place(dir, "hostname", &host, e);
	return r;
}

int names_resolv(const struct net_paths *p, const char *id, const struct net_config *c,
		 const struct network *nets, size_t n, bool anew, struct err *e)
{
	AUTO(strlist) struct strlist servers = STRLIST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *dir_path = path_join(p->run, id);
	struct net_config with = *c;
	bool lost;
	for (size_t i = 0; i < n; i++)
		for (char **s = nets[i].doc.dns; s && *s; s++)
			if (!strlist_has(&servers, *s))
				strlist_add(&servers, *s);
	if ((c->dns && *c->dns) || (!servers.n && !anew))
		return 0;
	with.dns = servers.v;
	AUTO_FREE char *text = host_resolv_text();
	AUTO_CLOSE int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open %s", dir_path);
	hosts_resolv(&with, text, false, fallback_servers, &b, &lost);
	return write_in_place(dir, "resolv.conf", &b, e);
}

int net_resolv(const struct net_paths *p, const char *id, const struct net_config *c,
	       struct err *e)
{
	static const struct net_attach first = { .network = NET_NAME_DEFAULT };
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	const struct net_attach *at = c->nattach ? c->attach : &first;
	size_t n = c->mode != NET_BRIDGE ? 0 : c->nattach ? c->nattach : 1;
	struct network *nets = arena_array(a, n + 1, sizeof(*nets));
	int r = lease_open(&d, p, e);
	if (r == 0)
		r = lease_lock(&d, e);	/* the last to write has read the last change */
	for (size_t i = 0; r == 0 && i < n; i++)
		r = network_load(&d, p, at[i].network, a, &nets[i], e);
	return r < 0 ? r : names_resolv(p, id, c, nets, n, true, e);
}

/* ---- our section of hosts ---- */

struct section {
	struct arena *a;
	struct hosts_name *v;
	size_t n, cap;
	struct lease_dirs *d;
	const struct journal *self;
};

static void add_line(struct section *s, const char *ip, const char *names)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct hosts_name *v = arena_array(s->a, cap, sizeof(*v));
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = (struct hosts_name){ ip, names };
}

static void add_unique(struct strlist *l, const char *s)
{
	if (!str_empty(s) && netname_is_host(s) && !strlist_has(l, s))
		strlist_add(l, s);
}

static void add_iface(struct section *s, const struct journal *j, const struct net_iface *f)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	if (j->domainname && j->hostname) {
		AUTO_FREE char *full = mem_printf("%s.%s", j->hostname, j->domainname);
		add_unique(&names, full);
	}
	add_unique(&names, j->hostname);
	if (s->self != j || !str_eq(f->network, NET_NAME_DEFAULT)) {
		AUTO_FREE char *shortid = mem_strndup(j->id, 12);
		add_unique(&names, j->name);
		add_unique(&names, shortid);
		for (char **al = f->aliases; al && *al; al++)
			add_unique(&names, *al);
	}
	for (size_t i = 0; i < names.n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", names.v[i]);
	if (!names.n)
		return;
	const char *text = arena_strdup(s->a, b.s);
	if (f->ip)
		add_line(s, f->ip, text);
	if (f->ip6)
		add_line(s, f->ip6, text);
}

/* A neighbour's lease; the same container may have two (IPv4 and IPv6), so only addresses that
 * its journal gives as the first are taken. */
static void add_neighbour(const char *network, const char *address, const char *id, void *arg)
{
	struct section *s = arg;
	struct err ignored = ERR_INIT;
	struct journal j;
	if (str_eq(id, s->self->id) || journal_load(s->d, id, s->a, &j, &ignored) != 0)
		return;
	for (size_t i = 0; i < j.net.nifaces; i++) {
		const struct net_iface *f = &j.net.ifaces[i];
		if (str_eq(f->network, network) && str_eq(f->ip ? f->ip : f->ip6, address))
			add_iface(s, &j, f);
	}
}

static void add_gateway(struct section *s, const struct journal *j)
{
	for (size_t i = 0; i < j->net.nifaces; i++) {
		const char *gw = j->net.ifaces[i].gateway;
		if (!gw)
			continue;
		add_line(s, gw, "host.docker.internal host.containers.internal");
		for (char **x = j->extra_hosts; x && *x; x++) {
			const char *colon = strchr(*x, ':');
			if (colon && str_eq(colon + 1, "host-gateway"))
				add_line(s, gw, arena_strndup(s->a, *x, (size_t)(colon - *x)));
		}
		return;
	}
}

void names_write(struct lease_dirs *d, const struct net_paths *p, const struct journal *j,
		 struct arena *a)
{
	struct err ignored = ERR_INIT;
	struct section s = { .a = a, .d = d, .self = j };
	AUTO_FREE char *dir_path = path_join(p->run, j->id);
	AUTO_CLOSE int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = dir < 0 ? -1 :
				      openat(dir, "hosts",
					     O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO_FREE char *old = NULL;
	size_t n;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, HOSTS_MAX, &old, &n) < 0)
		return;
	add_gateway(&s, j);
	for (size_t i = 0; i < j->net.nifaces; i++)
		add_iface(&s, j, &j->net.ifaces[i]);
	for (size_t i = 0; i < j->net.nifaces; i++)
		if (!str_eq(j->net.ifaces[i].network, NET_NAME_DEFAULT))
			lease_walk(d, j->net.ifaces[i].network, add_neighbour, &s);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	hosts_replace(old, s.v, s.n, &b);
	if (b.len == n && memcmp(b.s, old, n) == 0)
		return;
	write_in_place(dir, "hosts", &b, &ignored);
}

struct telling {
	struct lease_dirs *d;
	const struct net_paths *p;
	const char *id;
};

static void tell_one(const char *network, const char *address, const char *id, void *arg)
{
	struct telling *t = arg;
	struct err ignored = ERR_INIT;
	struct journal j;
	(void)network;
	if (str_eq(id, t->id) || strchr(address, ':'))
		return;
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	if (journal_load(t->d, id, a, &j, &ignored) == 0)
		names_write(t->d, t->p, &j, a);
}

void names_tell(struct lease_dirs *d, const struct net_paths *p, const char *network,
		const char *id)
{
	struct telling t = { d, p, id };
	if (!str_eq(network, NET_NAME_DEFAULT))
		lease_walk(d, network, tell_one, &t);
}
