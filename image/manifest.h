/*
 * manifest.h - the documents of an image: index, manifest, config, and our record of one.
 *
 * Used inside image/ by both programs.  Parsing is pure and bounded: bytes from outside
 * become structs in the caller's arena, or an error; nothing is touched.  OCI image
 * specification 1.1 and Docker's image manifest v2, schema 2.
 */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include "image/image.h"

#define MANIFEST_BYTES_MAX (4u << 20)	/* a manifest, index or config; as registries take */
#define MANIFEST_LAYERS_MAX 500		/* overlayfs stacks no more */
#define MANIFEST_DESCRIPTORS_MAX 4096	/* of one index */
#define MANIFEST_ARENA (256u << 20)	/* address space for any document within the bounds */

enum media_kind {
	MEDIA_UNKNOWN,
	MEDIA_INDEX,		/* also Docker's manifest list */
	MEDIA_MANIFEST,
	MEDIA_CONFIG,
	MEDIA_LAYER,		/* how it is compressed, its first bytes say */
	MEDIA_LAYER_FOREIGN,	/* "nondistributable": fetched from urls; refused */
};
enum media_kind media_kind(const char *media_type);

struct platform { const char *os, *arch, *variant, *os_version; };	/* "" when not said */

struct descriptor {
	const char *media_type;	/* "" when not said (index.json of an old writer) */
	const char *digest;	/* "sha256:..." checked for form */
	uint64_t size;
	const char *artifact_type;
	const char *ref_name;	/* annotation org.opencontainers.image.ref.name, or "" */
	const char *io_name;	/* annotation io.containerd.image.name, or "" */
	struct platform platform;
	struct json_map annotations;
};

struct index { struct descriptor *v; size_t n; struct json_map annotations; };

struct manifest {
	const char *media_type;
	struct descriptor config, *layers;
	size_t nlayers;
	struct json_map annotations;
};

struct config_doc {
	struct platform platform;
	const char *author, *created;
	char **diff_ids;	/* "sha256:..." */
	size_t ndiff_ids;
	struct image_config config;
	const struct json *raw_config;	/* the member "config", or NULL */
	struct image_step *history;
	size_t nhistory;
};

/* media_type: what the descriptor or the registry called it, or NULL.  A document that says
 * another, or that could be both an index and a manifest, is refused (CVE-2021-41190).
 * Returns MEDIA_INDEX or MEDIA_MANIFEST in *ret_kind with the one that it is filled. */
int manifest_parse(struct arena *a, const char *text, size_t n, const char *media_type,
		   const char *what, enum media_kind *ret_kind, struct index *ret_index,
		   struct manifest *ret_manifest, struct err *e);
int config_parse(struct arena *a, const char *text, size_t n, const char *what,
		 struct config_doc *ret, struct err *e);

/* "linux/arm64/v8", "arm64", "linux/amd64": strings in a.  NULL: this machine's. */
int platform_parse(struct arena *a, const char *s, struct platform *ret, struct err *e);
/* The entry of idx that fits best, or -1.  Entries of unknown platform fit when they are alone. */
long platform_choose(const struct index *idx, const struct platform *want);
bool platform_fits(const struct platform *have, const struct platform *want);
/* "linux/arm64/v8" in a. */
const char *platform_show(struct arena *a, const struct platform *p);

/* The record store/images/HEX.  Writing takes the raw config through.  layers: names of
 * directories,
 * bottom to top, NULL-terminated; sizes: of all layers of the image, which may be more. */
void image_record_write(struct strbuf *b, const struct config_doc *doc, char *const *layers,
			const uint64_t *sizes, size_t nsizes);
int image_record_parse(struct arena *a, const char *text, size_t n, struct image *i,
		       struct err *e);

/* The three members that every descriptor has. */
void descriptor_write(struct json_out *o, const char *key, const char *type, const char *digest,
		      uint64_t size);

/* Form of a digest: "sha256:" and 64 lower-case hex digits. */
bool digest_valid(const char *s);

#endif
