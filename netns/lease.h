/*
 * lease.h - the state on disk: which address and which host port belongs to which container.
 *
 * Used inside netns/ only.  A lease is a symbolic link whose name is what is taken and whose
 * text is the container's id: made in one system call or not at all, so no kill leaves half of
 * one, and two processes never get the same.
 *
 *	leases/.lock		one lock for all changes
 *	leases/.idle		held by the child that removes what is unused (netidle.h)
 *	leases/.id/ID		the journal of a container (journal.h)
 *	leases/.ports/PROTO-PORT-IP -> ID	IP is "any", "any4", "any6" or an address
 *	leases/.gone/VETH -> ID	interfaces that net_down's child is removing
 *	leases/NETWORK/ADDRESS -> ID
 *	leases/NETWORK/.next	where the search for a free address goes on
 */
#ifndef NETNS_LEASE_H
#define NETNS_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "netns/addr.h"
#include "netns/net.h"

struct lease_dirs {
	int networks, leases, ids, ports, gone;	/* folders */
	int lock;				/* held while >= 0 */
};
#define LEASE_DIRS_INIT { -1, -1, -1, -1, -1, -1 }
/* What an earlier boot of the host left is dropped first. */
int lease_open(struct lease_dirs *d, const struct net_paths *p, struct err *e);
void lease_close(struct lease_dirs *d);
void lease_dirs_cleanup(struct lease_dirs *d);	/* AUTO(lease_dirs) */
int lease_lock(struct lease_dirs *d, struct err *e);
void lease_unlock(struct lease_dirs *d);

/* Where a network's addresses come from. */
struct lease_pool {
	const char *network;
	struct cidr subnet;
	struct cidr range;	/* part of the subnet; family 0: all of it */
	struct addr gateway;	/* never handed out */
};
/* *want: the address asked for, or family 0 for a free one.  -EADDRINUSE (owner named) or
 * -EINVAL (outside of the subnet) for the former; -ENOSPC for the latter. */
int lease_take(struct lease_dirs *d, const struct lease_pool *pool, const struct addr *want,
	       const char *id, struct addr *ret, struct err *e);
/* Only what belongs to id is dropped; absent is success. */
void lease_drop(struct lease_dirs *d, const char *network, const char *address, const char *id);
/* Whatever id has on any network. */
void lease_drop_all(struct lease_dirs *d, const char *id);
/* Removes the folder of a network that nobody uses. */
void lease_forget(struct lease_dirs *d, const char *network);

/* Host ports.  ip NULL: all addresses.  -EADDRINUSE with the owner's id in ret_owner. */
int lease_port_take(struct lease_dirs *d, const struct net_port *p, const char *id,
		    char ret_owner[static 256], struct err *e);
void lease_port_drop(struct lease_dirs *d, const struct net_port *p, const char *id);
bool lease_port_is(struct lease_dirs *d, const struct net_port *p, const char *id);
void lease_ports_drop_all(struct lease_dirs *d, const char *id);

/* Calls fn for each lease of a network (NULL: of all, and of the ports): its name and owner. */
typedef void lease_seen(const char *network, const char *name, const char *id, void *arg);
/* Is there any at all (of that network)? */
bool lease_any(struct lease_dirs *d, const char *network);
int lease_walk(struct lease_dirs *d, const char *network, lease_seen *fn, void *arg);

#endif
