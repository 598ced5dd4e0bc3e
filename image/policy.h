/*
 * policy.h - containers-policy.json(5): whether an image may come in.
 *
 * Used by berth-image.  reject, insecureAcceptAnything, signedBy (GPG simple signing, by gpgv) and
 * sigstoreSigned (a given public key).  Applied before anything is unpacked.
 */
#ifndef IMAGE_POLICY_H
#define IMAGE_POLICY_H

#include "image/lookaside.h"

struct policy;

/* The requirements for that name, from $BERTH_POLICY, ~/.config/containers/policy.json or
 * /etc/containers/policy.json; without a file anything is accepted. */
int policy_load(const struct ref *r, struct policy **ret, struct err *e);
void policy_free(struct policy *p);
/* Which signatures have to be fetched: those attached in the registry, those of GPG. */
bool policy_wants_sigstore(const struct policy *p);
bool policy_wants_gpg(const struct policy *p);

struct signed_image {
	const struct store *store;
	const struct ref *ref;
	const char *top, *digest;	/* what the name stands for, and this platform's manifest:
					 * signed is the one or the other */
	const char *attached;		/* manifest of attached signatures, whose blobs are in the
					 * store, or "" */
	const struct lookaside *lookaside;
	const char *fetched;		/* the maker's folder, for a remote lookaside's */
};
/* -EPERM, with what to do, unless each requirement holds for the image. */
int policy_check(const struct policy *p, const struct signed_image *im, struct err *e);
/* The file in that folder which has the image's n-th signature.  Caller frees. */
char *policy_fetched(const char *folder, const char *digest, unsigned n);
#define POLICY_SIGNATURES_MAX 32u
#define POLICY_SIGNATURE_BYTES (1u << 20)

#endif
