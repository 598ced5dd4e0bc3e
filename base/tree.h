/*
 * tree.h - copies a tree of files by descriptors: owner, mode, times, xattrs, links,
 * holes, nodes.
 *
 * Used by berth (volumes, cp).  Neither side is ever followed through a symlink, so
 * both may belong to somebody else.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/idmap.h"

#define TREE_DEPTH_MAX 512	/* folders within folders */

struct tree_opts {
	bool replace;		/* a folder may replace a file, and a file a folder */
	bool no_owner;		/* files belong to uid, gid instead of who they belonged to */
	uid_t uid;
	gid_t gid;
	/* The side's ids are those of a user namespace, and meant are those in there; or NULL. */
	const struct idmap_pair *from_ids, *to_ids;
};

/* What is in directory `from` goes into directory `to` (both O_RDONLY or O_PATH).  Files that are
 * there already are replaced, folders are merged; a folder never replaces a file, or a file a
 * folder (-EEXIST), unless o says so.  The top itself keeps what it has: see tree_copy_attrs. */
int tree_copy(int from, int to, const struct tree_opts *o, struct err *e);
/* One entry of directory `from`, under the name to_name in `to`. */
int tree_copy_entry(int from, const char *name, int to, const char *to_name,
		    const struct tree_opts *o, struct err *e);
/* Owner, mode, xattrs and times of an open file or directory. */
int tree_copy_attrs(int from, int to, const struct tree_opts *o, struct err *e);
/* Gives directory `dir` and all below to uid:gid; symlinks themselves, never what they point at. */
int tree_chown(int dir, uid_t uid, gid_t gid, struct err *e);
/* True when the directory has no entry, or only `but` (NULL: none). */
bool tree_is_empty(int dir, const char *but);

#endif
