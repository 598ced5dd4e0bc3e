/*
 * push.h - images out of the store: to a registry, into a layout or an archive.
 *
 * Used by berth-image.
 */
#ifndef IMAGE_PUSH_H
#define IMAGE_PUSH_H

#include "image/maker.h"

/* All that one name stands for: its blobs in the order in which they must come (what names others,
 * after them), the top last. */
struct parts {
	struct arena *a;
	struct descriptor *v;
	size_t n;
	struct descriptor top;
};
void parts_cleanup(struct parts *p);	/* AUTO(parts) */
/* An index goes out whole (`all`: or not at all), else only this platform's manifest.  Each part is
 * pinned by the maker, so that it stays until the maker ends. */
int parts_find(struct maker *m, const struct image *i, bool all, struct parts *ret, struct err *e);

struct push_opts { const char *authfile, *creds, *digest_file; bool quiet, all, no_tls, tls; };
/* dest: a name, or NULL: the image's own. */
int push_image(const struct store *s, const char *name, const char *dest, const struct push_opts *o,
	       struct err *e);

enum save_format { SAVE_OCI_ARCHIVE, SAVE_DOCKER_ARCHIVE, SAVE_OCI_DIR };
/* names: one or more images; out: a file, "-" is standard output, a directory for SAVE_OCI_DIR.
 * tag: what the image is called in that directory, which keeps its others; or NULL. */
int save_images(const struct store *s, char *const *names, size_t n, enum save_format format,
		const char *out, const char *tag, struct err *e);

#endif
