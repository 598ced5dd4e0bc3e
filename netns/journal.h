/*
 * journal.h - what one container has of the network: written before it is made, removed after
 * it was taken away.
 *
 * Used inside netns/ only.  Only leases are taken before it is written; a walk finds those of an
 * id without a journal.  Everything lives in the caller's arena.
 */
#ifndef NETNS_JOURNAL_H
#define NETNS_JOURNAL_H

#include "netns/lease.h"
#include "netns/net.h"

struct journal {
	const char *id;
	const char *name;		/* of the container, or NULL */
	const char *hostname;
	const char *domainname;		/* or NULL */
	char **extra_hosts;		/* or NULL */
	struct net_result net;
};

int journal_save(struct lease_dirs *d, const struct journal *j, struct err *e);
/* 1: it is there but unreadable (a power cut can leave it empty); -ENOENT without a message:
 * there is none. */
int journal_load(struct lease_dirs *d, const char *id, struct arena *a, struct journal *ret,
		 struct err *e);
void journal_remove(struct lease_dirs *d, const char *id);
/* Ids with a journal. */
int journal_list(struct lease_dirs *d, struct strlist *ret, struct err *e);

#endif
