/*
 * portbind.h - host ports against the host's own programs: test by binding, keep by holding.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_PORTBIND_H
#define NETNS_PORTBIND_H

#include <stdbool.h>

#include "base/err.h"
#include "netns/net.h"

#define PORTBIND_HELD 256	/* sockets that are kept at most */

struct portbind {
	int *fds;
	size_t n, cap;
};
void portbind_cleanup(struct portbind *b);	/* AUTO(portbind): closes all */

/* Binds (and for TCP listens on) p->ip:p->host, or, when p->host is 0, on a port that the kernel
 * picks, which is then written to p->host.  six: also on IPv6 when p->ip is NULL.  The sockets
 * are added to b.  -EADDRINUSE names the program that has the port. */
int portbind_take(struct portbind *b, struct net_port *p, bool six, struct err *e);

#endif
