/* present.c - whether the image that a name stands for is there, for a platform, too. */
#include <errno.h>
#include <unistd.h>

#include "image/store.h"

static int read_document(const struct store *s, struct arena *a, const char *digest,
			 enum media_kind *kind, struct index *idx, struct manifest *m,
			 struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = store_read_blob(s, digest, &text, &n, e);

	return r < 0 ? r : manifest_parse(a, text, n, NULL, digest, kind, idx, m, e);
}

static bool all_there(const struct store *s, const struct manifest *m)
{
	char path[96];

	for (size_t i = 0; i <= m->nlayers; i++) {
		const char *digest = i ? m->layers[i - 1].digest : m->config.digest;

		if (faccessat(s->fd, store_blob_path(digest, path), F_OK, 0) < 0)
			return false;
	}
	return true;
}

static int not_for(const struct image *i, const char *name, const char *platform, struct err *e)
{
	return err_say(e, ENOENT, "image %s is for %s/%s%s%s, not for %s", name, i->os, i->arch,
		       *i->variant ? "/" : "", i->variant, platform);
}

/* As image_load_for.  -EINVAL: the top is no index that we have. */
static int find_in_index(const struct store *s, const struct image *i, const struct platform *want,
			 const char *name, const char *platform, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(2 * (size_t)MANIFEST_ARENA);
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	struct err lost = ERR_INIT;
	long pick;

	if (!*i->top || str_eq(i->top, i->digest) ||
	    read_document(s, a, i->top, &kind, &idx, &m, &lost) < 0 || kind != MEDIA_INDEX)
		return -EINVAL;
	pick = platform_choose(&idx, want);
	if (pick >= 0 && str_eq(idx.v[pick].digest, i->digest))
		return 0;
	if (pick >= 0 && read_document(s, a, idx.v[pick].digest, &kind, &idx, &m, &lost) == 0 &&
	    kind == MEDIA_MANIFEST && all_there(s, &m))
		return 1;
	return not_for(i, name, platform, e);
}

int image_load_for(const struct store *s, const char *name, const char *platform,
		   struct image **ret, struct err *e)
{
	AUTO(image) struct image *i = NULL;
	int r = image_load(s, name, &i, e);

	if (r == 0 && platform) {
		struct platform have = { i->os, i->arch, i->variant, "" }, want;

		r = platform_parse(i->a, platform, &want, e);
		if (r == 0)
			r = find_in_index(s, i, &want, name, platform, e);
		if (r == -EINVAL && !e->code)
			r = platform_fits(&have, &want) ? 0 : not_for(i, name, platform, e);
	}
	if (r == 0)
		*ret = TAKE(i);
	return r;
}
