/* What an error says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"

static void err_set__errno__text_and_reason(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ENOENT, "open %s", "/x"), -ENOENT);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	assert_int_equal(e.code, ENOENT);
	assert_int_equal(e.status, 0);
}

static void err_say__text__alone(void **state)
{
	struct err e = { .status = 127 };

	(void)state;
	assert_int_equal(err_say(&e, EINVAL, "no such thing"), -EINVAL);
	assert_string_equal(e.msg, "no such thing");
	assert_int_equal(e.status, 0);
}

static void err_wrap_hint_status__message__around(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_say(&e, EBUSY, "taken");
	assert_int_equal(err_wrap(&e, "container %s", "web"), -EBUSY);
	assert_int_equal(err_hint(&e, "stop it first"), -EBUSY);
	assert_int_equal(err_status(&e, ERR_STATUS_NOEXEC), -EBUSY);
	assert_string_equal(e.msg, "container web: taken; stop it first");
	assert_int_equal(e.status, 126);
}

static void err_set__own_message_as_argument__kept(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_say(&e, EIO, "inner");
	err_say(&e, EIO, "outer (%s)", e.msg);
	assert_string_equal(e.msg, "outer (inner)");
}

static void err_set__newlines__one_line(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_say(&e, EIO, "a\nb\tc\n");
	assert_string_equal(e.msg, "a b c");
}

static void err_set__too_long__cut_at_a_character(void **state)
{
	struct err e = ERR_INIT;
	char text[4000];

	(void)state;
	/* Two bytes each, from an odd place: the last does not fit whole. */
	text[0] = 'x';
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	assert_int_equal(err_set(&e, EIO, "%s", text), -EIO);
	assert_true(strlen(e.msg) >= sizeof(e.msg) - 3);
	assert_int_equal(strlen(e.msg) % 2, 1);
	err_wrap(&e, "%s", text);
	err_hint(&e, "%s", text);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	_Static_assert(sizeof(struct err) < PIPE_BUF, "goes through a pipe in one write");
}

static void err_set__no_code_or_no_struct__still_an_error(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(err_say(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(err_say(&e, 0, "x"), -EIO);
	assert_int_equal(err_set(&e, -EPERM, "x"), -EPERM);
	assert_true(err_wrap(NULL, "x") < 0 && err_hint(NULL, "x") < 0 && err_status(NULL, 1) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set__errno__text_and_reason),
		cmocka_unit_test(err_say__text__alone),
		cmocka_unit_test(err_wrap_hint_status__message__around),
		cmocka_unit_test(err_set__own_message_as_argument__kept),
		cmocka_unit_test(err_set__newlines__one_line),
		cmocka_unit_test(err_set__too_long__cut_at_a_character),
		cmocka_unit_test(err_set__no_code_or_no_struct__still_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
