/*
 * netidle.h - what is taken away some time after a container: its veth, and bridges and table
 * that nobody uses any more.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_NETIDLE_H
#define NETNS_NETIDLE_H

#include "netns/journal.h"

/* Makes a child that nobody waits for, which sees to the interfaces of j (they are noted in
 * .gone) and, when no container is left, to the rest.  Without the child, net_tidy does it. */
void netidle_watch(const struct net_paths *p, const struct journal *j);
/* For net_tidy: removes unused bridges, and the table, unless such a child is about to. */
int netidle_sweep(struct lease_dirs *d, const struct net_paths *p, struct err *e);

#endif
