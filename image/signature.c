/* signature.c - GPG simple signing and sigstore with a given key. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "image/login.h"
#include "image/signature.h"
#include "image/store.h"

extern char **environ;

/* ---- the signed statement ---- */

/* "host/a/b" as "other/a/b": the prefix covers whole parts of the name. */
static int remap(const struct identity *id, const struct ref *r, struct ref *ret, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/%s", r->domain, r->path);
	const char *rest = str_after(name, id->prefix);
	AUTO_FREE char *mapped = NULL;

	if (!rest || (*rest && *rest != '/'))
		return 0;
	mapped = mem_printf("%s%s%s%s", id->signed_prefix, rest,
			    r->digest[0] ? "@" : ":", r->digest[0] ? r->digest : r->tag);
	return ref_parse(mapped, ret, e);
}

/* Whether the signature names what is wanted: containers-policy.json(5), signedIdentity. */
static bool name_fits(const char *said, const struct requirement *q, const struct ref *r,
		      struct err *e)
{
	const struct identity *id = &q->identity;
	const char *last = strrchr(said, '/');
	struct ref signed_ref, want = *r;
	char a[REF_MAX], b[REF_MAX];
	bool exact;

	if (ref_parse(said, &signed_ref, e) < 0)
		return false;
	switch (id->type) {
	case MATCH_EXACT_REFERENCE:
	case MATCH_EXACT_REPOSITORY:
		if (ref_parse(id->reference ? id->reference : id->repository, &want, e) < 0)
			return false;
		break;
	case MATCH_REMAP:
		if (remap(id, r, &want, e) < 0)
			return false;
		break;
	default:
		break;
	}
	if (!str_eq(signed_ref.domain, want.domain) || !str_eq(signed_ref.path, want.path))
		return false;
	exact = id->type == MATCH_EXACT || id->type == MATCH_EXACT_REFERENCE ||
		((id->type == MATCH_DIGEST_OR_EXACT || id->type == MATCH_REMAP) && !r->digest[0]);
	/* who signed a name without a tag did not mean "latest" */
	return !exact || (strpbrk(last ? last : said, ":@") &&
			  str_eq(ref_full(&signed_ref, a), ref_full(&want, b)));
}

int signature_read_payload(const char *text, size_t n, const struct requirement *q,
			   const struct signed_image *im, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(256u << 20);
	const struct json *doc, *critical;
	const char *digest, *type, *name;
	struct err lost = ERR_INIT;
	const struct json_limits lim = { POLICY_SIGNATURE_BYTES, 16 };
	int r = json_parse(a, text, n, lim, "signature", &doc, e);

	if (r < 0)
		return r;
	critical = json_get(doc, "critical");
	type = json_str(json_get(critical, "type"));
	digest = json_str(json_get(json_get(critical, "image"), "docker-manifest-digest"));
	name = json_str(json_get(json_get(critical, "identity"), "docker-reference"));
	if (!digest || !type)
		return err_say(e, EPERM, "a signature says nothing of an image");
	if (!str_eq(type, q->type == REQUIRE_GPG ? "atomic container signature" :
						   "cosign container image signature"))
		return err_say(e, EPERM, "a signature is of the unknown type \"%.64s\"", type);
	if (!str_eq(digest, im->top) && !str_eq(digest, im->digest))
		return err_say(e, EPERM, "a signature is for %.19s..., the image is %.19s...",
			       digest, im->top);
	if (name && name_fits(name, q, im->ref, &lost))
		return 0;
	return err_say(e, EPERM, "a signature is for the name \"%.200s\"", name ? name : "");
}

/* ---- GPG ---- */

/* Keys as one file: gpgv reads several key rings, but only binary ones, so gpg imports them. */
static int run_program(char *const *argv, struct strbuf *out, struct err *e)
{
	posix_spawn_file_actions_t act;
	int fds[2], status = -1, r;
	char buf[4096];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&act, fds[1], 1);
	r = posix_spawnp(&pid, argv[0], &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	close(fds[1]);
	if (r != 0) {
		close(fds[0]);
		return err_set(e, r, "start %s (package gnupg)", argv[0]);
	}
	while ((n = read(fds[0], buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || out->len + (size_t)n > POLICY_SIGNATURE_BYTES) {
			kill(pid, SIGKILL);
			break;
		}
		strbuf_add(out, buf, (size_t)n);
	}
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int import_key(const char *home, const char *path, struct err *e)
{
	char *argv[] = { (char *)"gpg",	     (char *)"--homedir",     (char *)(uintptr_t)home,
			 (char *)"--batch",  (char *)"--quiet",	      (char *)"--no-autostart",
			 (char *)"--import", (char *)(uintptr_t)path, NULL };
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	int r = run_program(argv, &out, e);

	if (r > 0)
		return err_say(e, EPERM, "gpg cannot read the key %s", path);
	return r;
}

static int import_data(const char *home, const char *data, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data.key", home);
	AUTO_FREE char *bytes = NULL;
	size_t n;
	int r;

	bytes = base64_decode(data, &n);
	if (!bytes)
		return err_say(e, EPERM, "keyData is not base64");
	r = path_write_file(AT_FDCWD, path, bytes, n, 0600, false, e);
	return r < 0 ? r : import_key(home, path, e);
}

static int import_keys(const struct requirement *q, const char *home, struct err *e)
{
	int r = 0;

	if (q->key_path)
		r = import_key(home, q->key_path, e);
	for (char **p = q->key_paths; r == 0 && p && *p; p++)
		r = import_key(home, *p, e);
	if (r == 0 && q->key_data)
		r = import_data(home, q->key_data, e);
	for (char **p = q->key_datas; r == 0 && p && *p; p++)
		r = import_data(home, *p, e);
	return r;
}

/* The statement inside of a signature that one of the keys has made. */
static int verify_gpg(const char *home, const char *path, struct strbuf *statement, struct err *e)
{
	AUTO_FREE char *said = mem_printf("%s/statement", home);
	AUTO(strbuf) struct strbuf status = STRBUF_INIT;
	AUTO_FREE char *text = NULL;
	char *argv[] = { (char *)"gpg",
			 (char *)"--homedir",
			 (char *)(uintptr_t)home,
			 (char *)"--batch",
			 (char *)"--yes",
			 (char *)"--no-autostart",
			 (char *)"--trust-model",
			 (char *)"always",
			 (char *)"--status-fd",
			 (char *)"1",
			 (char *)"--output",
			 said,
			 (char *)"--decrypt",
			 (char *)(uintptr_t)path,
			 NULL };
	size_t n;
	int r;

	unlink(said);
	r = run_program(argv, &status, e);
	if (r < 0)
		return r;
	if (r != 0 || !status.s || !strstr(status.s, "[GNUPG:] VALIDSIG ") ||
	    strstr(status.s, "[GNUPG:] BADSIG") || strstr(status.s, "[GNUPG:] EXPKEYSIG") ||
	    strstr(status.s, "[GNUPG:] REVKEYSIG"))
		return err_say(e, EPERM, "the signature %s does not hold", path_base(path));
	r = path_read_file(AT_FDCWD, said, POLICY_SIGNATURE_BYTES, &text, &n, e);
	if (r == 0)
		strbuf_add(statement, text, n);
	return r;
}

static int check_lookaside(const struct requirement *q, const struct signed_image *im,
			   const char *digest, const char *home, unsigned *seen, struct err *e)
{
	for (unsigned i = 1; i <= POLICY_SIGNATURES_MAX; i++) {
		AUTO_FREE char *path = im->lookaside->remote ?
			policy_fetched(im->fetched, digest, i) :
			lookaside_signature(im->lookaside, im->ref, digest, i);
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;

		if (access(path, R_OK) < 0)
			return -ENOENT;
		*seen += 1;
		*e = (struct err)ERR_INIT;
		if (verify_gpg(home, path, &b, e) == 0 &&
		    signature_read_payload(b.s, b.len, q, im, e) == 0)
			return 0;
	}
	return -ENOENT;
}

int signature_check_gpg(const struct requirement *q, const struct signed_image *im, struct err *e)
{
	/* in the maker's folder, so that it goes with it */
	AUTO_FREE char *home = mem_printf("%s/gpg-XXXXXX", im->fetched);
	struct err lost = ERR_INIT;
	unsigned seen = 0;
	int r;

	if (!mkdtemp(home))
		return err_set(e, errno, "make a folder for gpg");
	r = import_keys(q, home, e);
	if (r == 0)
		r = check_lookaside(q, im, im->top, home, &seen, e);
	if (r == -ENOENT && !str_eq(im->top, im->digest))
		r = check_lookaside(q, im, im->digest, home, &seen, e);
	path_remove_tree(AT_FDCWD, home, &lost);
	if (r == -ENOENT && !seen)
		return err_say(e, EPERM, "the image %.19s... has none in %s", im->top,
			       im->lookaside->base);
	return r == -ENOENT ? -EPERM : r;
}

/* ---- sigstore ---- */

static EVP_PKEY *read_key(const char *data, size_t n)
{
	BIO *bio = BIO_new_mem_buf(data, (int)n);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return key;
}

static bool verify_key(EVP_PKEY *key, const char *payload, size_t n, const char *sig, size_t sig_n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool pure = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	bool good = c &&
		    EVP_DigestVerifyInit(c, NULL, pure ? NULL : EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(c, (const unsigned char *)sig, sig_n,
				     (const unsigned char *)payload, n) == 1;

	EVP_MD_CTX_free(c);
	return good;
}

static int try_key(const char *pem, size_t pem_n, const char *what, const char *payload, size_t n,
		   const char *sig, size_t sig_n, struct err *e)
{
	EVP_PKEY *key = read_key(pem, pem_n);
	bool good;

	if (!key)
		return err_say(e, EPERM, "%s is no public key in PEM", what);
	good = verify_key(key, payload, n, sig, sig_n);
	EVP_PKEY_free(key);
	return good;
}

static int try_key_file(const char *path, const char *payload, size_t n, const char *sig,
			size_t sig_n, struct err *e)
{
	AUTO_FREE char *pem = NULL;
	size_t pem_n;
	int r = path_read_file(AT_FDCWD, path, POLICY_SIGNATURE_BYTES, &pem, &pem_n, e);

	return r < 0 ? r : try_key(pem, pem_n, path, payload, n, sig, sig_n, e);
}

static int try_key_data(const char *data, const char *payload, size_t n, const char *sig,
			size_t sig_n, struct err *e)
{
	AUTO_FREE char *pem = NULL;
	size_t pem_n;

	pem = base64_decode(data, &pem_n);
	if (!pem)
		return err_say(e, EPERM, "keyData is not base64");
	return try_key(pem, pem_n, "keyData", payload, n, sig, sig_n, e);
}

/* 1: one of the keys has made it. */
static int try_keys(const struct requirement *q, const char *payload, size_t n, const char *sig,
		    size_t sig_n, struct err *e)
{
	int r = 0;

	if (q->key_path)
		r = try_key_file(q->key_path, payload, n, sig, sig_n, e);
	for (char **p = q->key_paths; r == 0 && p && *p; p++)
		r = try_key_file(*p, payload, n, sig, sig_n, e);
	if (r == 0 && q->key_data)
		r = try_key_data(q->key_data, payload, n, sig, sig_n, e);
	for (char **p = q->key_datas; r == 0 && p && *p; p++)
		r = try_key_data(*p, payload, n, sig, sig_n, e);
	return r;
}

static int check_attached(const struct requirement *q, const struct signed_image *im,
			  const struct descriptor *d, struct err *e)
{
	AUTO_FREE char *payload = NULL;
	AUTO_FREE char *sig = NULL;
	const char *text = NULL;
	size_t n, sig_n;
	int r;

	for (size_t i = 0; i < d->annotations.n; i++)
		if (str_eq(d->annotations.v[i].key, "dev.cosignproject.cosign/signature"))
			text = d->annotations.v[i].value;
	if (!text)
		return err_say(e, EPERM, "an attached signature has no signature");
	sig = base64_decode(text, &sig_n);
	if (!sig)
		return err_say(e, EPERM, "an attached signature is not base64");
	r = store_read_blob(im->store, d->digest, &payload, &n, e);
	if (r < 0)
		return r;
	/* whose bytes they are, the key says: their digest need not be looked at */
	r = try_keys(q, payload, n, sig, sig_n, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_say(e, EPERM, "an attached signature does not hold");
	return signature_read_payload(payload, n, q, im, e);
}

int signature_check_sigstore(const struct requirement *q, const struct signed_image *im,
			     struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO_FREE char *text = NULL;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	size_t n;
	int r;

	if (str_empty(im->attached))
		return err_say(e, EPERM, "the image %.19s... has none in the registry", im->top);
	r = store_read_blob(im->store, im->attached, &text, &n, e);
	if (r == 0)
		r = manifest_parse(a, text, n, NULL, "signatures", &kind, &idx, &m, e);
	if (r < 0)
		return r;
	r = err_say(e, EPERM, "the image %.19s... has none in the registry", im->top);
	for (size_t i = 0; i < m.nlayers && i < POLICY_SIGNATURES_MAX; i++) {
		*e = (struct err)ERR_INIT;
		r = check_attached(q, im, &m.layers[i], e);
		if (r == 0)
			return 0;
	}
	return r;
}
