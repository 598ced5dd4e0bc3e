/*
 * create.h - a record becomes a container that exists: what run, create and container clone share.
 *
 * Used by cli/ only.
 */
#ifndef CLI_CREATE_H
#define CLI_CREATE_H

#include "cli/command.h"
#include "cli/run_opts.h"

#define CREATE_ARENA ((size_t)1 << 30)	/* of a record that is composed */

/* Held for as long as the record is not on disk: nobody removes the image, nor takes the ids. */
struct create_locks { int store, ids; };
#define CREATE_LOCKS_INIT { -1, -1 }
void create_locks_cleanup(struct create_locks *l);	/* AUTO(create_locks) */

/* The engine's root file systems, bridges and cgroups are the host's: who is not root is told. */
int create_allowed(struct err *e);
/* The image of that name, pulled as o says.  On success the store's shared lock is held: nobody
 * removes the image until the record is there. */
int create_find_image(struct cli *c, const struct run_opts *o, const char *name,
		      struct image **ret, int *ret_lock, struct err *e);
/* A name that is free: LIKE-clone, LIKE-clone1 and so on; "": any. */
char *create_name(struct cli *c, const char *like);
/* The record is on disk, and then what it names; the locks are let go between.  like: of a name
 * that is nobody's wish, which becomes another create_name when it is taken; else NULL.
 * cidfile: gets the id, or NULL.  *ret_lock is RUN/ID/engine.lock, which the caller hands to the
 * birth or lets go with the folder. */
int create_record(struct cli *c, struct record *r, const char *like, const char *cidfile,
		  struct create_locks *held, int *ret_lock, struct err *e);
/* A new file with the text, for --cidfile and --pidfile.  path NULL: none. */
int create_id_file(const char *path, const char *text, struct err *e);

#endif
