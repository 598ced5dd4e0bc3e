/*
 * alive.h - RUN/.alive: the supervisors that live, so that a sweep need not ask for the lock of
 * every container.
 *
 * Each supervisor has a slot with its container's id and a word that the kernel marks when the
 * process ends or executes another program (a robust futex: get_robust_list(2), and
 * Documentation/locking/robust-futex-ABI.rst).  Who has no slot, or a marked one, may live all the
 * same: then its lock says so.  There is such a file only where RUN is a tmpfs: there no slot
 * outlives the kernel that would have marked it, and no page of it is written back.
 */
#ifndef RUNTIME_ALIVE_H
#define RUNTIME_ALIVE_H

#include <stdbool.h>
#include <stddef.h>

/* In a supervisor, once, for as long as it lives.  Without a slot nothing is lost but time. */
void alive_take(int run_fd, const char *id);

struct alive {
	char *bytes;
	const char **ids;	/* in order; 64 digits each, in bytes */
	size_t n;
};
/* As of now; empty where there is none. */
void alive_load(int run_fd, struct alive *ret);
bool alive_has(const struct alive *a, const char *id);
void alive_cleanup(struct alive *a);	/* AUTO(alive) */

#endif
