/* test_sync.c - the words of a birth: what arrives, what is refused, what an end looks like. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/sync.h"

static void sync__message_with_descriptor__arrives_with_it(void **state)
{
	struct err e = ERR_INIT;
	struct sync_msg m;
	int pair[2], p[2], fd = -1;

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(sync_send(pair[0], SYNC_CONSOLE, 7, p[1]), 0);
	assert_int_equal(sync_recv(pair[1], &m, &fd, &e), 1);
	assert_int_equal(m.type, SYNC_CONSOLE);
	assert_int_equal(m.pid, 7);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(p[i]);
	}
	close(fd);
}

static void sync__descriptor_nobody_asked_for__is_closed(void **state)
{
	struct err e = ERR_INIT;
	struct sync_msg m;
	char c;
	int pair[2], p[2];

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(sync_send(pair[0], SYNC_READY, 0, p[1]), 0);
	close(p[1]);
	assert_int_equal(sync_recv(pair[1], &m, NULL, &e), 1);
	assert_int_equal(read(p[0], &c, 1), 0);	/* no writer is left */
	close(p[0]);
	close(pair[0]);
	close(pair[1]);
}

static void sync__error__comes_through_unchanged(void **state)
{
	struct err e = ERR_INIT, sent = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	err_set(&sent, ENOENT, "mount /data (bind from /x): open source");
	err_status(&sent, ERR_STATUS_NOTFOUND);
	sync_send_err(pair[0], &sent);
	assert_int_equal(sync_wait(pair[1], SYNC_READY, &e), -ENOENT);
	assert_string_equal(e.msg, sent.msg);
	assert_int_equal(e.status, ERR_STATUS_NOTFOUND);
	close(pair[0]);
	close(pair[1]);
}

static void sync__other_side_gone__is_end_not_message(void **state)
{
	struct err e = ERR_INIT;
	struct sync_msg m;
	int pair[2];

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	close(pair[0]);
	assert_int_equal(sync_recv(pair[1], &m, NULL, &e), 0);
	assert_int_equal(sync_wait(pair[1], SYNC_GO, &e), -EPIPE);
	assert_int_equal(sync_send(pair[1], SYNC_GO, 0, -1), -EPIPE);
	close(pair[1]);
}

/* The child fails and ends while the host's word is on its way. */
static void sync__last_word__is_heard_though_ours_was_not(void **state)
{
	struct err e = ERR_INIT, sent = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	assert_int_equal(sync_send(pair[1], SYNC_GO, 0, -1), 0);
	err_say(&sent, EPERM, "why it failed");
	sync_send_err(pair[0], &sent);
	close(pair[0]);
	assert_int_equal(sync_wait(pair[1], SYNC_READY, &e), -EPERM);
	assert_string_equal(e.msg, "why it failed");
	close(pair[1]);
}

static void sync__wrong_turn__is_refused(void **state)
{
	struct err e = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(sync_pair(pair, &e), 0);
	assert_int_equal(sync_send(pair[0], SYNC_GO, 0, -1), 0);
	assert_int_equal(sync_wait(pair[1], SYNC_START, &e), -EPROTO);
	close(pair[0]);
	close(pair[1]);
}

/* Each is a datagram that is none of ours. */
static void sync__malformed__is_refused(void **state)
{
	struct sync_msg bad[5] = { 0 }, m;
	size_t size[5];
	int pair[2];
	struct err e;

	(void)state;
	bad[0].type = 0;
	size[0] = offsetof(struct sync_msg, err);
	bad[1].type = 99;
	size[1] = offsetof(struct sync_msg, err);
	bad[2].type = SYNC_READY;
	size[2] = 3;
	bad[3].type = SYNC_ERROR;	/* no errno */
	size[3] = sizeof(m);
	bad[4].type = SYNC_ERROR;	/* text without an end */
	bad[4].err.code = 1;
	memset(bad[4].err.msg, 'a', sizeof(bad[4].err.msg));
	size[4] = sizeof(m);
	e = (struct err)ERR_INIT;
	assert_int_equal(sync_pair(pair, &e), 0);
	for (size_t i = 0; i < 5; i++) {
		e = (struct err)ERR_INIT;
		assert_int_equal(fd_send(pair[0], &bad[i], size[i], NULL, 0), 0);
		assert_int_equal(sync_recv(pair[1], &m, NULL, &e), -EPROTO);
	}
	close(pair[0]);
	close(pair[1]);
}

static void sync__every_type__has_a_name(void **state)
{
	(void)state;
	for (unsigned t = SYNC_ERROR; t <= SYNC_KEEP; t++)
		assert_string_not_equal(sync_name(t), "unknown");
	assert_string_equal(sync_name(SYNC_KEEP + 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sync__message_with_descriptor__arrives_with_it),
		cmocka_unit_test(sync__descriptor_nobody_asked_for__is_closed),
		cmocka_unit_test(sync__error__comes_through_unchanged),
		cmocka_unit_test(sync__other_side_gone__is_end_not_message),
		cmocka_unit_test(sync__last_word__is_heard_though_ours_was_not),
		cmocka_unit_test(sync__wrong_turn__is_refused),
		cmocka_unit_test(sync__malformed__is_refused),
		cmocka_unit_test(sync__every_type__has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
