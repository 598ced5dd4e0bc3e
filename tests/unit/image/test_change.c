/* Instructions that change an image's config: change_apply, change_write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "image/change.h"

/* The config as JSON after these lines, from one that holds nothing at all (all NULL). */
static void changed(const char *lines, struct strbuf *out)
{
	AUTO(arena) struct arena *a = arena_new(1u << 20);
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct image_config c = { 0 };
	struct json_out o;

	strlist_split(&l, lines, '\n', true);
	for (size_t i = 0; i < l.n; i++) {
		struct err e = ERR_INIT;

		if (change_apply(a, &c, l.v[i], &e) < 0)
			fail_msg("%s: %s", l.v[i], e.msg);
	}
	json_out_init(&o, out, 0);
	json_out_obj(&o, NULL);
	change_write(&o, "c", &c);
	json_out_end_obj(&o);
}

static void change__each_instruction__is_in_the_config(void **state)
{
	static const struct { const char *lines, *wanted; } rows[] = {
		{ "", "{\"c\":{}}" },
		{ "CMD [\"a\",\"b c\"]", "{\"c\":{\"Cmd\":[\"a\",\"b c\"]}}" },
		{ "cmd a b", "{\"c\":{\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]}}" },
		{ "CMD []", "{\"c\":{}}" },
		{ "CMD [a", "{\"c\":{\"Cmd\":[\"/bin/sh\",\"-c\",\"[a\"]}}" },
		{ "ENTRYPOINT [\"x\"]\nCMD [\"y\"]",
		  "{\"c\":{\"Entrypoint\":[\"x\"],\"Cmd\":[\"y\"]}}" },
		{ "ENV A=1 B=\"x y\" C='z' D=a\\ b",
		  "{\"c\":{\"Env\":[\"A=1\",\"B=x y\",\"C=z\",\"D=a b\"]}}" },
		{ "ENV A x y\nENV A=2", "{\"c\":{\"Env\":[\"A=2\"]}}" },
		{ "LABEL a=b c=d\nLABEL a=e",
		  "{\"c\":{\"Labels\":{\"a\":\"e\",\"c\":\"d\"}}}" },
		{ "EXPOSE 80 53/udp\nEXPOSE 80",
		  "{\"c\":{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}}" },
		{ "VOLUME /a /b\nVOLUME [\"/c d\"]",
		  "{\"c\":{\"Volumes\":{\"/a\":{},\"/b\":{},\"/c d\":{}}}}" },
		{ "USER 1000:1000", "{\"c\":{\"User\":\"1000:1000\"}}" },
		{ "STOPSIGNAL SIGINT", "{\"c\":{\"StopSignal\":\"SIGINT\"}}" },
		{ "ONBUILD RUN x\nONBUILD RUN x\nONBUILD USER y",
		  "{\"c\":{\"OnBuild\":[\"RUN x\",\"USER y\"]}}" },
		/* the fuzzer's find: a relative one where there was none at all */
		{ "WORKDIR x", "{\"c\":{\"WorkingDir\":\"x\"}}" },
		{ "WORKDIR /a\nWORKDIR b\nWORKDIR c", "{\"c\":{\"WorkingDir\":\"/a/b/c\"}}" },
		{ "WORKDIR /a\nWORKDIR /b", "{\"c\":{\"WorkingDir\":\"/b\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;

		changed(rows[i].lines, &b);
		assert_string_equal(b.s, rows[i].wanted);
	}
}

static void change__what_is_none__is_refused(void **state)
{
	static const char *const rows[] = {
		"", "RUN x", "FROM x", "ENV", "ENV A", "ENV =x", "ENV A=\"x", "LABEL a", "LABEL =",
		"CMDX [\"a\"]", "HEALTHCHECK CMD x", "CMD [1]", "CMD [\"a\",{}]", "EXPOSE [80]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1u << 20);
		struct image_config c = { 0 };
		struct err e = ERR_INIT;

		if (change_apply(a, &c, rows[i], &e) != -EINVAL)
			fail_msg("taken: \"%s\"", rows[i]);
		assert_true(*e.msg);
	}
}

static void change__the_image_has_a_shell__it_is_used(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1u << 20);
	struct image_config c = { .shell = (char *[]){ (char *)"/bin/bash", (char *)"-ec", NULL } };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(change_apply(a, &c, "CMD x y", &e), 0);
	assert_string_equal(c.cmd[0], "/bin/bash");
	assert_string_equal(c.cmd[1], "-ec");
	assert_string_equal(c.cmd[2], "x y");
	assert_null(c.cmd[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(change__each_instruction__is_in_the_config),
		cmocka_unit_test(change__what_is_none__is_refused),
		cmocka_unit_test(change__the_image_has_a_shell__it_is_used),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
