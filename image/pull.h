/*
 * pull.h - an image from a registry: one process downloads, another unpacks.
 *
 * Used by berth-image.  The downloader may use the network and write into the store, and has no
 * capability; the unpacker has the capabilities that writing files needs, and no network.  They
 * share
 * the store and the maker's folder, and a socket:
 *
 *	downloader                                     unpacker
 *	PULL_MANIFEST (what the name stands for)  --->  the policy is applied
 *	layers are fetched only now               <---  one byte: it may come in
 *	PULL_BLOB (digest) for each that is there --->  a layer that waits for it is unpacked
 *	PULL_DONE, or PULL_FAILED with the error  --->  the end
 */
#ifndef IMAGE_PULL_H
#define IMAGE_PULL_H

#include "image/bars.h"
#include "image/lookaside.h"
#include "image/maker.h"
#include "image/registry.h"

enum pull_kind { PULL_MANIFEST = 1, PULL_BLOB, PULL_DONE, PULL_FAILED };

struct pull_msg {
	enum pull_kind kind;
	char digest[DIGEST_LEN + 1], type[128]; /* PULL_MANIFEST: of the platform's; or a blob */
	char top[DIGEST_LEN + 1], top_type[128];
	uint64_t top_size;
	char signature[DIGEST_LEN + 1]; /* manifest of the attached signatures, or "" */
	struct err err;
};

struct pull_opts {
	const char *platform, *authfile, *creds;
	const char *policy;	/* always, newer (or NULL), missing, never */
	bool quiet, all_platforms, all_tags, no_tls, tls;
};

/* What the downloader needs to know. */
struct download {
	struct maker *m;
	const struct places *places;
	const struct login *logins;	/* one for each place */
	const struct ref *ref;
	const struct pull_opts *opts;
	struct bars *bars;
	bool attached;			/* fetch the attached signatures too */
	const struct lookaside *lookaside; /* fetch what lies there too, or NULL */
	int sock;
};
/* Runs in the child; what went wrong is sent. */
void download_run(struct download *d);

/* The tags that NAME's registry has.  Confines this process. */
int pull_tags(const struct store *s, const char *name, const struct pull_opts *o,
	      struct strlist *ret, struct err *e);

/*
 * Who pulls confines himself, and could not pull once more: each is a process of its own, which
 * says what is wrong.  -EIO when one did not come.
 */
typedef int pull_one(const struct store *s, const char *name, const struct pull_opts *o,
		     struct err *e);
int several_pulls(const struct store *s, const struct strlist *names, const struct pull_opts *o,
		  pull_one *one, struct err *e);
/* Adds NAME:TAG for each tag that its registry has. */
int several_tags(const struct store *s, const char *name, const struct pull_opts *o,
		 struct strlist *ret, struct err *e);

/* Prints the manifest or index that a name stands for: the store's, else its registry's. */
int pull_manifest(const struct store *s, const char *name, const struct pull_opts *o,
		  struct err *e);

/* Two that change what one name stands for: the second waits, and then finds all that the first
 * brought.  Until *ret is closed. */
int pull_lock_name(const struct store *s, const char *full, int *ret, struct err *e);
/* Pulls and queues the image in a maker, confines this process on the way, commits. */
int pull_image(const struct store *s, const char *name, const struct pull_opts *o, struct err *e);

#endif
