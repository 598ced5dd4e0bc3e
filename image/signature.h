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

struct identity { const char *type, *reference, *repository, *prefix, *signed_prefix; };

struct requirement {
	enum requirement_type type;
	const char *key_type, *key_path, *key_data;
	char **key_paths, **key_datas;
	struct identity identity;
};

struct signed_image {
	const struct store *store;
	const struct ref *ref;
	const char *top, *digest;
	const char *signature;	/* manifest of attached signatures, or "" */
};

/* Simple signing: signature-1.. in the lookaside folder ($BERTH_SIGSTORE, else
 * /var/lib/containers/sigstore)/REPOSITORY@sha256=HEX, verified by gpgv with the keys. */
int signature_check_gpg(const struct requirement *q, const struct signed_image *im, struct err *e);
/* cosign's: a layer of the attached manifest is the payload, its annotation the signature. */
int signature_check_sigstore(const struct requirement *q, const struct signed_image *im,
			     struct err *e);

/* The signed statement ("atomic container signature" or cosign's): digest and name fit.  Pure. */
int signature_read_payload(const char *text, size_t n, const struct requirement *q,
			   const struct signed_image *im, struct err *e);

#endif
