/*
 * portbind.c - host ports against the host's own programs.
 *
 * The sockets never see a packet: our rules translate before the routing decision.  They only
 * keep other programs from binding the port, and say at once when one has it already.
 */
#include "netns/portbind.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "netns/addr.h"
#include "netns/publish.h"

void portbind_cleanup(struct portbind *b)
{
	for (size_t i = 0; i < b->n; i++)
		close(b->fds[i]);
	free(b->fds);
	*b = (struct portbind){ 0 };
}

static int push(struct portbind *b, int fd)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 4;
		b->fds = mem_resize(b->fds, b->cap, sizeof(*b->fds));
	}
	b->fds[b->n++] = fd;
	return 0;
}

/* The socket's inode in /proc/net/{tcp,udp}[6], or 0. */
static unsigned long find_inode(const char *table, unsigned port, bool listening)
{
	FILE *f = fopen(table, "re");
	char line[512];
	unsigned long found = 0;
	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f)) {
		unsigned lport, state;
		unsigned long inode;
		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
			   &lport, &state, &inode) != 3)
			continue;
		if (lport == port && (!listening || state == 0x0a))
			found = inode;
	}
	fclose(f);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[300], want[32], link[64];
	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	DIR *dir = opendir(path);
	bool found = false;
	if (!dir)
		return false;
	for (struct dirent *de; !found && (de = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), de->d_name, link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = 0;
			found = str_eq(link, want);
		}
	}
	closedir(dir);
	return found;
}

/* "nginx (process 123)", or "" when that cannot be known.  Slow, only for the message. */
static void name_owner(const struct net_port *p, char *ret, size_t n)
{
	const char *base = publish_proto_name(p->proto);
	unsigned long inode = 0;
	ret[0] = 0;
	for (int six = 0; six < 2 && !inode; six++) {
		char table[40];
		snprintf(table, sizeof(table), "/proc/net/%s%s", base, six ? "6" : "");
		inode = find_inode(table, p->host, p->proto == IPPROTO_TCP);
	}
	DIR *proc = inode ? opendir("/proc") : NULL;
	if (!proc)
		return;
	for (struct dirent *de; (de = readdir(proc));) {
		if (de->d_name[0] < '0' || de->d_name[0] > '9' || !has_socket(de->d_name, inode))
			continue;
		char path[64], comm[32] = "";
		snprintf(path, sizeof(path), "/proc/%.20s/comm", de->d_name);
		FILE *f = fopen(path, "re");
		if (f) {
			if (fgets(comm, sizeof(comm), f))
				comm[strcspn(comm, "\n")] = 0;
			fclose(f);
		}
		char shown[64];
		snprintf(ret, n, "%s (process %.20s)",
			 str_printable(comm, strlen(comm), shown, sizeof(shown)), de->d_name);
		break;
	}
	closedir(proc);
}

static int in_use(const struct net_port *p, struct err *e)
{
	char owner[128];
	name_owner(p, owner, sizeof(owner));
	return err_say(e, EADDRINUSE, "port %s%s%u/%s is in use by %s", p->ip ? p->ip : "",
		       p->ip ? ":" : "", p->host, publish_proto_name(p->proto),
		       owner[0] ? owner : "another program");
}

static int bind_one(struct portbind *b, struct net_port *p, int family, struct err *e)
{
	int type = p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	AUTO_CLOSE int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, p->proto);
	if (fd < 0) {
		/* No SCTP or no IPv6 in this kernel: then no program has the port either. */
		if ((p->proto == IPPROTO_SCTP || family == AF_INET6) && p->host)
			return 0;
		return err_set(e, errno, "socket for published port %u/%s", p->host,
			       publish_proto_name(p->proto));
	}
	int one = 1;
	/* For TCP this lets connections that have just ended be; listening still excludes. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(p->host) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(p->host) };
	if (p->ip && inet_pton(family, p->ip,
			       family == AF_INET ? (void *)&four.sin_addr : &six.sin6_addr) != 1)
		return err_say(e, EINVAL, "published address '%s' is not an IP address", p->ip);
	struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&four :
						  (struct sockaddr *)&six;
	socklen_t len = family == AF_INET ? sizeof(four) : sizeof(six);
	/* Not listening on IPv6: calls to ::1 are not translated, and must be refused so that the
	 * caller goes on to 127.0.0.1. */
	if (bind(fd, sa, len) < 0 ||
	    (type == SOCK_STREAM && family == AF_INET && listen(fd, 1) < 0)) {
		if (errno == EADDRINUSE)
			return in_use(p, e);
		if (errno == EADDRNOTAVAIL && family == AF_INET6 && !p->ip)
			return 0; /* IPv6 is switched off */
		return err_set(e, errno, "bind published port %s:%u/%s", p->ip ? p->ip : "",
			       p->host, publish_proto_name(p->proto));
	}
	if (!p->host) {
		if (getsockname(fd, sa, &len) < 0)
			return err_set(e, errno, "picked port");
		p->host = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
		p->host_n = 1;
	}
	/* Beyond that a port is known to be free, but not kept: descriptors are few (1024). */
	return b->n < PORTBIND_HELD ? push(b, TAKE_FD(fd)) : 0;
}

int portbind_take(struct portbind *b, struct net_port *p, bool six, struct err *e)
{
	bool want4 = !p->ip || !strchr(p->ip, ':');
	bool want6 = p->ip ? !want4 : six;
	uint16_t asked = p->host, asked_n = p->host_n;
	for (int tries = 0;; tries++) {
		size_t before = b->n;
		int r = want4 ? bind_one(b, p, AF_INET, e) : 0;
		if (r == 0 && want6)
			r = bind_one(b, p, AF_INET6, e);
		if (r == 0)
			return 0;
		while (b->n > before)
			close(b->fds[--b->n]);
		/* The kernel picked one for IPv4 that IPv6 does not have free: pick again. */
		if (r != -EADDRINUSE || asked || tries == 20)
			return r;
		*e = (struct err)ERR_INIT;
		p->host = asked;
		p->host_n = asked_n;
	}
}
