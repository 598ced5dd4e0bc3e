/*
 * root_init.h - which signal asks an init to shut down, by what it is.
 *
 * Runs in: host.  /sbin/init is a symlink as a rule: what it leads to inside the root says who
 * it is.  Nothing is read or run.
 */
#ifndef RUNTIME_ROOT_INIT_H
#define RUNTIME_ROOT_INIT_H

/* SIGTERM for what is unknown, and for what is not there. */
int root_init_signal(int root_fd, const char *program);

#endif
