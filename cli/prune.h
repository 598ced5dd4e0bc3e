/*
 * prune.h - taking away what nothing uses: containers, images, volumes, networks; what the single
 * commands and system prune share.
 *
 * Used by cli/ only.
 */
#ifndef CLI_PRUNE_H
#define CLI_PRUNE_H

#include "cli/filters.h"
#include "cli/image_use.h"

/* The options that all prunes have. */
struct prune_opts { bool force, all, volumes, dry_run; struct strlist filter; };

struct pruned {
	struct strlist containers, untagged, deleted, volumes, networks;
	uint64_t bytes;
	int status;	/* 0, or that of the last one that did not go and was told of */
};
#define PRUNED_INIT { .bytes = 0 }
void pruned_cleanup(struct pruned *p);		/* AUTO(pruned) */

/* Each adds to *p what is gone (or with dry_run would be).  An error of one container, volume or
 * network is printed, and the others go all the same. */
int prune_containers(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e);
/* Containers in p->containers do not count as users (after a dry run they are still there). */
int prune_images(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e);
int prune_volumes(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e);
int prune_networks(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e);

/* Who has which volume: one walk over all records.  Containers in except (or NULL) do not count. */
struct volume_use {
	struct strlist volumes, containers;	/* side by side */
	struct err unknown;	/* of a record that cannot be read: its volumes are not known */
};
#define VOLUME_USE_INIT { STRLIST_INIT, STRLIST_INIT, ERR_INIT }
int volume_use_load(const struct engine *en, const struct strlist *except, struct volume_use *ret,
		    struct err *e);
/* 0 when all users are known: who takes volumes away has to ask. */
int volume_use_known(const struct volume_use *u, struct err *e);
void volume_use_cleanup(struct volume_use *u);	/* AUTO(volume_use) */
/* How many containers have it, and the first one's name (or NULL). */
size_t volume_use_count(const struct volume_use *u, const char *volume, const char **ret_first);

/* The ids of all images, each once. */
int image_all_ids(const struct store *s, struct strlist *ret, struct err *e);

#endif
