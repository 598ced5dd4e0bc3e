/* Documents of images: index, manifest, config, our own record, signed statements. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *a;
	struct err e = ERR_INIT;
	enum media_kind kind = MEDIA_UNKNOWN;
	struct index idx = { 0 };
	struct manifest m = { 0 };
	struct config_doc doc = { 0 };
	struct image image = { 0 };
	struct platform want;
	const char *text = (const char *)data;

	a = arena_new(MANIFEST_ARENA);
	if (manifest_parse(a, text, size, NULL, "fuzz", &kind, &idx, &m, &e) == 0 &&
	    kind == MEDIA_INDEX && platform_parse(a, "linux/arm64", &want, &e) == 0)
		platform_choose(&idx, &want);
	if (config_parse(a, text, size, "fuzz", &doc, &e) == 0) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		char *none[] = { NULL };

		image_record_write(&b, &doc, none, NULL, 0);
		image.a = a;
		/* what we write of a config, we must be able to read */
		if (image_record_parse(a, b.s, b.len, &image, &e) < 0)
			abort();
	}
	image.a = a;
	image_record_parse(a, text, size, &image, &e);
	{
		const struct requirement q = { .type = REQUIRE_GPG };
		const struct ref r = { .domain = "a.b", .path = "c", .tag = "d" };
		const struct signed_image im = { .ref = &r, .top = "sha256:0", .digest = "sha256:1",
						 .attached = "" };

		signature_read_payload(text, size, &q, &im, &e);
	}
	arena_free(a);
	return 0;
}
