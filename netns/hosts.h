/*
 * hosts.h - the texts of resolv.conf and hosts.
 *
 * Used inside netns/ only.  Pure.
 */
#ifndef NETNS_HOSTS_H
#define NETNS_HOSTS_H

#include "base/str.h"
#include "netns/net.h"

/* resolv.conf from the host's text and what the user asked for.  Resolvers at loopback addresses
 * cannot be reached from the container and are left out; *ret_lost says that the host had only
 * such ones (then fallback, NULL-terminated, or nothing is used). */
void hosts_resolv(const struct net_config *c, const char *host_text, bool keep_loopback,
		  const char *const *fallback, struct strbuf *ret, bool *ret_lost);

struct hosts_name {		/* one line */
	const char *ip;
	const char *names;	/* separated by blanks */
};
/* The part of hosts that does not change: localhost and what the user added.  gateway (may be
 * NULL) stands for host-gateway. */
void hosts_static(char *const *extra, const char *gateway, struct strbuf *ret);
/* `old` with our section replaced (or appended) by these lines; what else the container wrote
 * there stays. */
void hosts_replace(const char *old, const struct hosts_name *names, size_t n, struct strbuf *ret);

#endif
