/* Words of registries and people: names, challenges, TOML, YAML, base64, instructions,
 * platforms. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/change.h"
#include "image/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on(void *ctx, const char *table, unsigned index, const char *key, const char *value)
{
	*(size_t *)ctx += strlen(table) + index + strlen(key) + strlen(value);
}

static int on_yaml(void *ctx, const char *const *keys, unsigned depth, const char *value,
		   struct err *e)
{
	(void)e;
	for (unsigned i = 0; i < depth; i++)
		*(size_t *)ctx += strlen(keys[i]);
	*(size_t *)ctx += strlen(value);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_strndup((const char *)data, size);
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO_FREE char *bytes = NULL;
	struct image_config config = { 0 };
	struct err e = ERR_INIT;
	struct challenge c;
	struct platform p;
	struct ref r, again;
	char full[REF_MAX], shown[REF_MAX];
	size_t n = 0;

	if (ref_parse(text, &r, &e) == 0) {
		/* what is shown means the same */
		ref_familiar(&r, shown);
		ref_full(&r, full);
		if (ref_parse(shown, &again, &e) < 0 || !str_eq(ref_full(&again, shown), full))
			abort();
	}
	challenge_parse(text, &c);
	toml_parse(text, "fuzz", on, &n, &e);
	yaml_parse(text, "fuzz", on_yaml, &n, &e);
	bytes = base64_decode(text, &n);
	change_apply(a, &config, text, &e);
	platform_parse(a, text, &p, &e);
	return 0;
}
