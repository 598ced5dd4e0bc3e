/*
 * root_names.h - lines that a container's own /etc/passwd and /etc/group get.
 *
 * Runs in: host, before the container.  They go into its upper directory, not over it as a mount:
 * useradd and its kin replace the files.  What is there already stays as it is, so a second birth
 * adds nothing; a root without the files gets none.
 */
#ifndef RUNTIME_ROOT_NAMES_H
#define RUNTIME_ROOT_NAMES_H

#include "base/err.h"
#include "runtime/record.h"

/* The host's users of the record: before the container's user is looked up. */
int root_names_host(int root_fd, const struct record *r, struct err *e);
/* The container's user, u, and its group, where r->user says numbers.  1: something was added, so
 * that a look finds more now. */
int root_names_user(int root_fd, const struct record *r, const struct spec_user *u, struct err *e);

#endif
