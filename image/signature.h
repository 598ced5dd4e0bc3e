/*
 * signature.h - whether one requirement of the policy holds for one image.
 *
 * Used by berth-image, before it confines itself: gpgv is a program that is started.
 */
#ifndef IMAGE_SIGNATURE_H
#define IMAGE_SIGNATURE_H

#include "image/manifest.h"
#include "image/policy.h"

enum requirement_type { REQUIRE_NOTHING, REQUIRE_REJECT, REQUIRE_GPG, REQUIRE_SIGSTORE };

/* Which name a signature has to be for; containers-policy.json(5) has them in this order. */
enum match {
	MATCH_DIGEST_OR_EXACT,	/* matchRepoDigestOrExact, the default */
	MATCH_EXACT,
	MATCH_REPOSITORY,
	MATCH_EXACT_REFERENCE,
	MATCH_EXACT_REPOSITORY,
	MATCH_REMAP,
};

struct identity {
	enum match type;
	const char *reference, *repository, *prefix, *signed_prefix;
};

struct requirement {
	enum requirement_type type;
	const char *key_type, *key_path, *key_data;
	char **key_paths, **key_datas;
	struct identity identity;
};

/* Simple signing: what lies in the lookaside (lookaside.h), verified by gpg with the keys alone. */
int signature_check_gpg(const struct requirement *q, const struct signed_image *im, struct err *e);
/* cosign's: a layer of the attached manifest is the payload, its annotation the signature. */
int signature_check_sigstore(const struct requirement *q, const struct signed_image *im,
			     struct err *e);

/* The signed statement ("atomic container signature" or cosign's): digest and name fit.  Pure. */
int signature_read_payload(const char *text, size_t n, const struct requirement *q,
			   const struct signed_image *im, struct err *e);

#endif
