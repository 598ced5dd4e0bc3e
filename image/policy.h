/*
 * policy.h - containers-policy.json(5): whether an image may come in.
 *
 * Used by berth-image.  reject, insecureAcceptAnything, signedBy (GPG simple signing, by gpgv) and
 * sigstoreSigned (a given public key).  Applied before anything is unpacked.
 */
#ifndef IMAGE_POLICY_H
#define IMAGE_POLICY_H

#include "image/image.h"

struct policy;

/* The requirements for that name, from $BERTH_POLICY, ~/.config/containers/policy.json or
 * /etc/containers/policy.json; without a file anything is accepted. */
int policy_load(const struct ref *r, struct policy **ret, struct err *e);
void policy_free(struct policy *p);
/* Whether signatures that are attached in the registry have to be fetched. */
bool policy_wants_sigstore(const struct policy *p);
/* -EPERM, with what to do, unless each requirement holds for the image: signed is what the name
 * stands for (top) or this platform's manifest (digest).  signature: the manifest of
 * attached signatures, whose blobs are in the store, or "". */
int policy_check(const struct policy *p, const struct store *s, const struct ref *r,
		 const char *top, const char *digest, const char *signature, struct err *e);

#endif
