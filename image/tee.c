/* tee.c - see tee.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "image/tee.h"

/* Who waits for the disk in the end waits less when that much is always on its way. */
#define WRITE_BEHIND (16u << 20)

void tee_open(struct tee *t, int in, uint64_t at, uint64_t size, int out)
{
	*t = (struct tee){ .in = in, .at = at, .end = at + size, .out = out };
	if (out >= 0)
		digest_init(&t->digest);
}

void tee_cleanup(struct tee *t)
{
	digest_cleanup(&t->digest);
}

static int keep(struct tee *t, const void *buf, size_t n, struct err *e)
{
	uint64_t fresh;
	int r;

	digest_add(&t->digest, buf, n);
	r = fd_write_all(t->out, buf, n);
	if (r < 0)
		return err_set(e, -r, "write to the store");
	fresh = t->digest.bytes - t->begun;
	if (fresh >= WRITE_BEHIND || (t->at == t->end && t->begun > 0)) {
		sync_file_range(t->out, (off_t)t->begun, (off_t)fresh, SYNC_FILE_RANGE_WRITE);
		t->begun += fresh;
	}
	return 0;
}

long tee_read(struct tee *t, void *buf, size_t n, struct err *e)
{
	ssize_t got;
	int r = 0;

	if (n > t->end - t->at)
		n = (size_t)(t->end - t->at);
	if (n == 0)
		return 0;
	do
		got = pread(t->in, buf, n, (off_t)t->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(e, errno, "read");
	if (got == 0)
		return err_say(e, EBADMSG, "it ends too early");
	t->at += (uint64_t)got;
	if (t->out >= 0)
		r = keep(t, buf, (size_t)got, e);
	return r < 0 ? r : got;
}

int tee_finish(struct tee *t, const char *want, const char *what,
	       char digest[static DIGEST_LEN + 1], struct err *e)
{
	const size_t size = 256 << 10;
	AUTO_FREE char *buf = t->at < t->end ? mem_alloc(size) : NULL;
	long n = 0;

	while (t->at < t->end && (n = tee_read(t, buf, size, e)) > 0)
		;
	if (n < 0)
		return err_wrap(e, "%s", what);
	digest_end(&t->digest, digest);
	if (want && !str_eq(want, digest))
		return err_say(e, EBADMSG, "%s is %.19s..., but should be %.19s...", what, digest,
			       want);
	return 0;
}
