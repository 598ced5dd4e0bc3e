/*
 * join.h - what a container has of other containers: namespaces (--pid container:X and the like),
 * links (--link) and volumes in memory, found anew at each birth, since the other one may have
 * been restarted.
 *
 * Runs in: host.  The record keeps ids; what is found goes into the spec of the birth alone.
 */
#ifndef RUNTIME_JOIN_H
#define RUNTIME_JOIN_H

#include "runtime/record.h"

/* Paths of shared namespaces, and of /dev/shm with the IPC one.  -ESRCH: X does not run. */
int join_namespaces(const struct engine *en, const struct record *r, struct spec *s,
		    struct err *e);
/* Behind their opening: that X runs yet says that they were X's, whoever may get its PID. */
int join_check(const struct engine *en, const struct record *r, struct err *e);
/* Each linked container as a line for hosts (into r->net.extra_hosts) and as the variables that
 * Docker makes of it (into the process's environment), all in s->arena. */
int join_links(const struct engine *en, struct record *r, struct spec *s, struct err *e);

/* A volume of type tmpfs is there while a container that has it runs, and is one for all of them:
 * another one's mount takes the place of a new one.  *ret_lock, when not -1: keep it until this
 * container can be seen to run. */
int join_volumes(const struct engine *en, const struct record *r, struct spec *s, int *ret_lock,
		 struct err *e);

#endif
