#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/image.h"

static void ref__good_names__are_normalised(void **state)
{
	static const struct { const char *in, *full, *familiar, *repository; } rows[] = {
		{ "debian", "docker.io/library/debian:latest", "debian:latest", "debian" },
		{ "debian:12", "docker.io/library/debian:12", "debian:12", "debian" },
		{ "me/app", "docker.io/me/app:latest", "me/app:latest", "me/app" },
		{ "index.docker.io/me/app", "docker.io/me/app:latest", "me/app:latest", "me/app" },
		{ "docker.io/debian", "docker.io/library/debian:latest", "debian:latest",
		  "debian" },
		{ "localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x" },
		{ "localhost:5000/x:v1", "localhost:5000/x:v1", "localhost:5000/x:v1",
		  "localhost:5000/x" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000/x" },
		{ "ghcr.io/a/b/c:Tag_1.x-y", "ghcr.io/a/b/c:Tag_1.x-y", "ghcr.io/a/b/c:Tag_1.x-y",
		  "ghcr.io/a/b/c" },
		{ "a__b/c-d.e_f", "docker.io/a__b/c-d.e_f:latest", "a__b/c-d.e_f:latest",
		  "a__b/c-d.e_f" },
		{ "quay.io/library/x", "quay.io/library/x:latest", "quay.io/library/x:latest",
		  "quay.io/library/x" },
		{ "library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
		  "library/a/b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[REF_MAX];
		struct err e = ERR_INIT;
		struct ref r;

		assert_int_equal(ref_parse(rows[i].in, &r, &e), 0);
		assert_string_equal(ref_full(&r, buf), rows[i].full);
		assert_string_equal(ref_familiar(&r, buf), rows[i].familiar);
		assert_string_equal(ref_repository(&r, buf), rows[i].repository);
		/* what is shown is understood again, and means the same */
		assert_int_equal(ref_parse(ref_familiar(&r, buf), &r, &e), 0);
		assert_string_equal(ref_full(&r, buf), rows[i].full);
	}
}

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void ref__digest__replaces_the_default_tag(void **state)
{
	struct err e = ERR_INIT;
	char buf[REF_MAX];
	struct ref r;

	(void)state;
	assert_int_equal(ref_parse("x@sha256:" D64, &r, &e), 0);
	assert_string_equal(r.tag, "");
	assert_string_equal(ref_full(&r, buf), "docker.io/library/x@sha256:" D64);
	assert_int_equal(ref_parse("x:1@sha256:" D64, &r, &e), 0);
	assert_string_equal(r.tag, "1");
	assert_string_equal(r.digest, "sha256:" D64);
}

static void ref__bad_names__are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"Debian",
		"a//b",
		"/a",
		"a/",
		"a:",
		":a",
		"a b",
		"a:b:c",
		"a@b",
		"a@sha256:12",
		"-a",
		"a-",
		"a..b",
		"a___b",
		"a._b",
		"../a",
		"a/../b",
		"host.com/",
		"host.com:0/a",
		"host.com:99999/a",
		"host_x.com/A",
		"a:-tag",
		"a:.tag",
		"[::1/x",
		D64,
		"a@sha512:" D64 D64,
		"a\nb",
		"\xff",
		".com/a",
		"a.-b.com/x",
	};
	char big[1000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct ref r;

		if (ref_parse(rows[i], &r, &e) == 0)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_true(e.code > 0 && e.msg[0]);
	}
	for (size_t n = 200; n < sizeof(big); n++) {
		struct err e = ERR_INIT;
		struct ref r;

		memset(big, 'a', n);
		big[n] = '\0';
		if (n > 255)
			assert_true(ref_parse(big, &r, &e) < 0);
		memcpy(big, "h.com/a:", 8);
		if (n - 8 > 128)
			assert_true(ref_parse(big, &r, &e) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ref__good_names__are_normalised),
		cmocka_unit_test(ref__digest__replaces_the_default_tag),
		cmocka_unit_test(ref__bad_names__are_refused),
	};

	return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
