#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/manifest.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DESC \
	"{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" D \
	"\",\"size\":7}"
#define OCI_M "application/vnd.oci.image.manifest.v1+json"
#define OCI_I "application/vnd.oci.image.index.v1+json"

static int parse(const char *text, const char *type, enum media_kind *kind, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	struct index idx = { 0 };
	struct manifest m = { 0 };

	return manifest_parse(a, text, strlen(text), type, "test", kind, &idx, &m, e);
}

static void manifest__good_documents__are_told_apart(void **state)
{
	enum media_kind kind;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[" DESC "]}",
			       OCI_M, &kind, &e),
			 0);
	assert_int_equal(kind, MEDIA_MANIFEST);
	assert_int_equal(parse("{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[]}", NULL,
			       &kind, &e),
			 0);
	assert_int_equal(kind, MEDIA_MANIFEST);
	assert_int_equal(parse("{\"schemaVersion\":2,\"manifests\":[" DESC "]}", OCI_I, &kind, &e),
			 0);
	assert_int_equal(kind, MEDIA_INDEX);
}

static void manifest__bad_documents__are_refused(void **state)
{
	static const struct { const char *text, *type, *says; } rows[] = {
		{ "{\"manifests\":[],\"layers\":[],\"config\":" DESC "}", NULL,
		  "both an index and a manifest" },
		{ "{\"manifests\":[],\"mediaType\":\"" OCI_I "\"}", OCI_M, "but was given as" },
		{ "{\"manifests\":[]}", OCI_M, "neither" },
		{ "{\"layers\":[],\"config\":" DESC "}", OCI_I, "neither" },
		{ "{\"layers\":[]}", OCI_M, "config" },
		{ "{\"schemaVersion\":1,\"layers\":[],\"config\":" DESC "}", OCI_M,
		  "schemaVersion" },
		{ "{\"config\":{\"digest\":\"md5:00\",\"size\":1},\"layers\":[]}", OCI_M,
		  "no sha256 digest" },
		{ "{\"config\":{\"digest\":\"sha512:00\",\"size\":1},\"layers\":[]}", OCI_M,
		  "no sha256 digest" },
		{ "{\"config\":{\"digest\":\"" D "\",\"size\":-1},\"layers\":[]}", OCI_M, "size" },
		{ "{\"config\":{\"digest\":\"" D "\",\"size\":18446744073709551615},\"layers\":[]}",
		  OCI_M, "size" },
		{ "{\"config\":{\"digest\":\"" D "\"},\"layers\":[]}", OCI_M, "size" },
		{ "{\"config\":" DESC ",\"config\":" DESC ",\"layers\":[]}", OCI_M, "config" },
		{ "{\"config\":" DESC ",\"layers\":{}}", OCI_M, "layers" },
		{ "[]", OCI_M, "object" },
		{ "", OCI_M, "test" },
		{ "{", OCI_M, "test" },
		{ "{\"config\":" DESC ",\"layers\":[{\"mediaType\":"
		  "\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\",\"digest\":\"" D
		  "\",\"size\":1}]}",
		  OCI_M, "outside the registry" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum media_kind kind;
		struct err e = ERR_INIT;

		if (parse(rows[i].text, rows[i].type, &kind, &e) == 0)
			fail_msg("row %zu was taken", i);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static void manifest__too_many_layers__are_refused(void **state)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	enum media_kind kind;
	struct err e = ERR_INIT;

	(void)state;
	strbuf_adds(&b, "{\"config\":" DESC ",\"layers\":[");
	for (int i = 0; i <= MANIFEST_LAYERS_MAX; i++)
		strbuf_adds(&b, i ? "," DESC : DESC);
	strbuf_adds(&b, "]}");
	assert_true(parse(b.s, OCI_M, &kind, &e) < 0);
	assert_non_null(strstr(e.msg, "at most"));
}

static void config__everything__is_read(void **state)
{
	static const char text[] =
		"{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\","
		"\"created\":\"2026-01-01T00:00:00Z\","
		"\"config\":{\"Env\":[\"A=b\"],\"Cmd\":null,\"Entrypoint\":[\"/e\"],"
		"\"User\":\"1:2\","
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/v\":{}},\"Labels\":{\"k\":\"v\"},"
		"\"StopSignal\":\"SIGINT\",\"WorkingDir\":\"/w\","
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],"
		"\"Interval\":5000000000,\"Retries\":3},\"OnBuild\":[\"RUN x\"],"
		"\"Shell\":[\"/bin/bash\"],"
		"\"ArgsEscaped\":true},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D "\"]},"
		"\"history\":[{\"created_by\":\"a\"},{\"created_by\":\"b\",\"empty_layer\":true}]}";
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO(arena) struct arena *a2 = arena_new(MANIFEST_ARENA);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct config_doc d;
	struct image i = { .a = a2 };
	char *names[] = { (char *)(uintptr_t)&D[7], NULL };

	(void)state;
	assert_int_equal(config_parse(a, text, strlen(text), "config", &d, &e), 0);
	assert_int_equal(d.ndiff_ids, 1);
	assert_int_equal(d.nhistory, 2);
	assert_true(d.history[1].empty);
	/* and comes through our own record unchanged */
	image_record_write(&b, &d, names, (const uint64_t[]){ 123 }, 1);
	assert_int_equal(image_record_parse(a2, b.s, b.len, &i, &e), 0);
	assert_string_equal(i.arch, "arm64");
	assert_string_equal(i.variant, "v8");
	assert_int_equal(i.size, 123);
	assert_int_equal(i.nlayers, 1);
	assert_string_equal(i.config.env[0], "A=b");
	assert_null(i.config.cmd[0]);
	assert_string_equal(i.config.entrypoint[0], "/e");
	assert_string_equal(i.config.ports[0], "80/tcp");
	assert_string_equal(i.config.volumes[0], "/v");
	assert_string_equal(i.config.user, "1:2");
	assert_string_equal(i.config.workdir, "/w");
	assert_string_equal(i.config.stop_signal, "SIGINT");
	assert_string_equal(i.config.labels.v[0].value, "v");
	assert_true(i.config.health.set);
	assert_int_equal(i.config.health.interval, 5000000000);
	assert_int_equal(i.config.health.retries, 3);
	assert_string_equal(i.config.onbuild[0], "RUN x");
	assert_string_equal(i.config.shell[0], "/bin/bash");
}

static void config__nothing_said__is_empty_not_null(void **state)
{
	static const char text[] = "{\"rootfs\":{\"diff_ids\":[]}}";
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	struct err e = ERR_INIT;
	struct config_doc d;

	(void)state;
	assert_int_equal(config_parse(a, text, strlen(text), "config", &d, &e), 0);
	assert_non_null(d.config.env);
	assert_non_null(d.config.health.test);
	assert_string_equal(d.config.user, "");
	assert_false(d.config.health.set);
}

static void platform__variants__are_chosen(void **state)
{
	struct descriptor v[] = {
		{ .platform = { "linux", "amd64", "v3", "" }, .artifact_type = "" },
		{ .platform = { "linux", "amd64", "", "" }, .artifact_type = "" },
		{ .platform = { "linux", "arm", "v6", "" }, .artifact_type = "" },
		{ .platform = { "linux", "arm", "v7", "" }, .artifact_type = "" },
		{ .platform = { "linux", "arm64", "v8", "" }, .artifact_type = "" },
		{ .platform = { "unknown", "unknown", "", "" }, .artifact_type = "" },
		{ .platform = { "windows", "amd64", "", "" }, .artifact_type = "" },
	};
	static const struct { const char *want; long at; } rows[] = {
		{ "linux/amd64", 1 },	{ "linux/amd64/v3", 0 }, { "x86_64", 1 },
		{ "linux/arm/v7", 3 },	{ "linux/arm/v6", 2 },	 { "linux/arm/v5", -1 },
		{ "arm64", 4 },		{ "linux/arm64/v9", 4 }, { "linux/s390x", -1 },
		{ "windows/amd64", 6 }, { "linux/armhf", 3 },
	};
	const struct index idx = { .v = v, .n = ARRAY_SIZE(v) };
	AUTO(arena) struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct platform p;

		assert_int_equal(platform_parse(a, rows[i].want, &p, &e), 0);
		if (platform_choose(&idx, &p) != rows[i].at)
			fail_msg("%s chose %ld", rows[i].want, platform_choose(&idx, &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest__good_documents__are_told_apart),
		cmocka_unit_test(manifest__bad_documents__are_refused),
		cmocka_unit_test(manifest__too_many_layers__are_refused),
		cmocka_unit_test(config__everything__is_read),
		cmocka_unit_test(config__nothing_said__is_empty_not_null),
		cmocka_unit_test(platform__variants__are_chosen),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
