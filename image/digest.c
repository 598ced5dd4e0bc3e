/* digest.c - SHA-256 through libcrypto's EVP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/digest.h"

/* libcrypto fails here only without memory, or when its configuration forbids SHA-256. */
static void must(int ok)
{
	if (ok == 1)
		return;
	fputs("berth: libcrypto cannot compute SHA-256\n", stderr);
	_exit(ERR_STATUS_ENGINE);
}

void digest_init(struct digest *d)
{
	d->ctx = EVP_MD_CTX_new();
	d->bytes = 0;
	must(d->ctx && EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	must(EVP_DigestUpdate(d->ctx, data, n));
	d->bytes += n;
}

void digest_cleanup(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
}

const char *digest_end(struct digest *d, char buf[static DIGEST_LEN + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(EVP_DigestFinal_ex(d->ctx, md, &n));
	digest_cleanup(d);
	memcpy(buf, "sha256:", 7);
	for (unsigned i = 0; i < 32; i++)
		snprintf(buf + 7 + 2 * i, 3, "%02x", md[i]);
	return buf;
}

const char *digest_of(const void *data, size_t n, char buf[static DIGEST_LEN + 1])
{
	struct digest d;

	digest_init(&d);
	digest_add(&d, data, n);
	return digest_end(&d, buf);
}

const char *digest_chain(const char *below, const char *diff_id, char buf[static DIGEST_LEN + 1])
{
	char text[2 * DIGEST_LEN + 2];

	if (!below) {
		snprintf(buf, DIGEST_LEN + 1, "%s", diff_id);
		return buf;
	}
	snprintf(text, sizeof(text), "%s %s", below, diff_id);
	return digest_of(text, strlen(text), buf);
}

int digest_copy(int in, int out, uint64_t max, char digest[static DIGEST_LEN + 1], uint64_t *ret_n,
		const char *what, struct err *e)
{
	const size_t size = 256 << 10;
	AUTO_FREE char *buf = mem_alloc(size);
	AUTO(digest) struct digest d = { 0 };

	digest_init(&d);
	for (;;) {
		ssize_t n = read(in, buf, size);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read %s", what);
		if (n == 0)
			break;
		if (d.bytes + (uint64_t)n > max)
			return err_say(e, EFBIG, "%s is longer than the %llu bytes it should have",
				       what, (unsigned long long)max);
		digest_add(&d, buf, (size_t)n);
		r = out < 0 ? 0 : fd_write_all(out, buf, (size_t)n);
		if (r < 0)
			return err_set(e, -r, "write %s", what);
	}
	/* on its way to the disk while we go on; who waits for it in the end waits less */
	if (out >= 0)
		sync_file_range(out, 0, 0, SYNC_FILE_RANGE_WRITE);
	*ret_n = d.bytes;
	digest_end(&d, digest);
	return 0;
}
