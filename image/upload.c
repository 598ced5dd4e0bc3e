/* upload.c - blobs and manifests, up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/manifest.h"
#include "image/registry.h"

#define CHUNK (32ull << 20)
#define TRIES 5

int registry_has_blob(struct registry *g, struct http *h, const char *digest, struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *path = mem_printf("/v2/%s/blobs/%s", g->place->repo, digest);
	struct http_request q = { .method = "HEAD", .url = path, .max = 1 << 16 };
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status == 200)
		return 1;
	return r.status == 404 ? 0 : registry_fail(g, &r, "look for a blob", e);
}

/* POST: mounts (1), or begins an upload whose address comes out (0). */
static int begin_upload(struct registry *g, struct http *h, const char *digest, char **ret,
			struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *path = g->from ? mem_printf("/v2/%s/blobs/uploads/?mount=%s&from=%s",
						    g->place->repo, digest, g->from) :
					 mem_printf("/v2/%s/blobs/uploads/", g->place->repo);
	struct http_request q = { .method = "POST", .url = path, .max = 1 << 16 };
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status == 201)
		return 1;
	if (r.status != 202)
		return registry_fail(g, &r, "begin to upload a blob", e);
	*ret = TAKE(r.location);
	return *ret ? 0 :
		      err_say(e, EPROTO, "registry %s does not say where to upload",
			      g->place->name);
}

static int send_chunk(struct registry *g, struct http *h, char **location, int fd, uint64_t at,
		      uint64_t n, http_progress *progress, void *ctx, struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *range = mem_printf("Content-Range: %llu-%llu", (unsigned long long)at,
					   (unsigned long long)(at + n - 1));
	const char *headers[] = { "Content-Type: application/octet-stream", range, NULL };
	struct http_request q = { .method = "PATCH",
				  .url = *location,
				  .headers = headers,
				  .body_fd = fd,
				  .has_fd = true,
				  .body_at = at,
				  .body_len = n,
				  .max = 1 << 16,
				  .progress = progress,
				  .ctx = ctx };
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status != 202 && r.status != 201 && r.status != 204)
		return registry_fail(g, &r, "upload a blob", e);
	if (r.location) {
		free(*location);
		*location = TAKE(r.location);
	}
	return 0;
}

static int end_upload(struct registry *g, struct http *h, const char *location, const char *digest,
		      struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *url =
		mem_printf("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', digest);
	struct http_request q = { .method = "PUT", .url = url, .body = "", .max = 1 << 16 };
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status != 201)
		return registry_fail(g, &r, "end the upload of a blob", e);
	if (r.digest && !str_eq(r.digest, digest))
		return err_say(e, EBADMSG, "registry %s took blob %.19s... as %.19s...",
			       g->place->name, digest, r.digest);
	return 0;
}

static int upload(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		  http_progress *progress, void *ctx, struct err *e)
{
	AUTO_FREE char *location = NULL;
	uint64_t at = 0;
	int r = begin_upload(g, h, digest, &location, e);

	if (r != 0)
		return r;
	while (r == 0 && at < size) {
		uint64_t n = size - at < CHUNK ? size - at : CHUNK;

		r = send_chunk(g, h, &location, fd, at, n, progress, ctx, e);
		at += n;
	}
	return r < 0 ? r : end_upload(g, h, location, digest, e);
}

int registry_put_blob(struct registry *g, struct http *h, const char *digest, uint64_t size, int fd,
		      http_progress *progress, void *ctx, struct err *e)
{
	int r = 0;

	/* an upload that broke is begun anew: registries forget half of one as they like */
	for (unsigned n = 0; n < TRIES; n++) {
		*e = (struct err)ERR_INIT;
		r = upload(g, h, digest, size, fd, progress, ctx, e);
		if (r >= 0 || (r != -EIO && r != -ETIMEDOUT))
			break;
		registry_wait(n, 0);
	}
	return r;
}

int registry_put_manifest(struct registry *g, struct http *h, const char *ref, const char *type,
			  const void *data, size_t n, struct err *e)
{
	AUTO(http_reply) struct http_reply r = { 0 };
	AUTO_FREE char *path = mem_printf("/v2/%s/manifests/%s", g->place->repo, ref);
	AUTO_FREE char *header = mem_printf("Content-Type: %s", type);
	const char *headers[] = { header, NULL };
	struct http_request q = { .method = "PUT", .url = path, .headers = headers, .body = data,
				  .body_len = n, .max = 1 << 16 };
	char digest[DIGEST_LEN + 1];
	int code = registry_call(g, h, &q, &r, e);

	if (code < 0)
		return code;
	if (r.status != 201 && r.status != 200 && r.status != 202)
		return registry_fail(g, &r, "put the manifest", e);
	digest_of(data, n, digest);
	if (r.digest && !str_eq(r.digest, digest))
		return err_say(e, EBADMSG, "registry %s took the manifest %.19s... as %.19s...",
			       g->place->name, digest, r.digest);
	return 0;
}
