/*
 * test_lease.c - addresses and ports on disk: given once, whatever happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/path.h"
#include "netns/lease.h"

struct disk {
	char root[64];
	struct net_paths p;
	struct lease_dirs d;
	struct err e;
};

static int setup(void **state)
{
	struct disk *s = calloc(1, sizeof(*s));
	strcpy(s->root, "/tmp/berth-lease-XXXXXX");
	if (!mkdtemp(s->root))
		return -1;
	s->p = (struct net_paths){ .root = s->root, .run = s->root };
	s->d = (struct lease_dirs)LEASE_DIRS_INIT;
	*state = s;
	return lease_open(&s->d, &s->p, &s->e);
}

static int teardown(void **state)
{
	struct disk *s = *state;
	lease_close(&s->d);
	path_remove_tree(AT_FDCWD, s->root, &s->e);
	free(s);
	return 0;
}

static struct lease_pool pool(const char *subnet, const char *gateway)
{
	struct lease_pool p = { .network = "n" };
	assert_int_equal(cidr_parse(subnet, 0, &p.subnet), 0);
	assert_int_equal(addr_parse(gateway, 0, &p.gateway), 0);
	return p;
}

static void lease_take__whole_subnet__each_once_then_exhausted(void **state)
{
	struct disk *s = *state;
	struct lease_pool p = pool("10.0.0.0/28", "10.0.0.1");
	struct addr none = { 0 }, got;
	bool seen[16] = { false };
	char id[16], text[ADDR_TEXT];
	for (int i = 0; i < 13; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		assert_int_equal(lease_take(&s->d, &p, &none, id, &got, &s->e), 0);
		assert_false(seen[got.b[3]]);
		seen[got.b[3]] = true;
	}
	assert_false(seen[0] || seen[1] || seen[15]);
	assert_int_equal(lease_take(&s->d, &p, &none, "x", &got, &s->e), -ENOSPC);
	assert_non_null(strstr(s->e.msg, "network n"));
	lease_drop(&s->d, "n", "10.0.0.7", "stranger");
	assert_int_equal(lease_take(&s->d, &p, &none, "x", &got, &s->e), -ENOSPC);
	lease_drop(&s->d, "n", "10.0.0.7", "c5");
	assert_int_equal(lease_take(&s->d, &p, &none, "x", &got, &s->e), 0);
	assert_string_equal(addr_print(&got, text), "10.0.0.7");
}

static void lease_take__given_back__is_the_last_to_be_given_again(void **state)
{
	struct disk *s = *state;
	struct lease_pool p = pool("10.0.0.0/24", "10.0.0.1");
	struct addr none = { 0 }, a, b;
	char text[ADDR_TEXT];
	assert_int_equal(lease_take(&s->d, &p, &none, "a", &a, &s->e), 0);
	lease_drop(&s->d, "n", addr_print(&a, text), "a");
	assert_int_equal(lease_take(&s->d, &p, &none, "b", &b, &s->e), 0);
	assert_int_not_equal(addr_cmp(&a, &b), 0);
}

static void lease_take__fifty_processes__no_address_twice(void **state)
{
	struct disk *s = *state;
	struct lease_pool p = pool("10.0.0.0/24", "10.0.0.1");
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct addr none = { 0 }, got;
			char id[32];
			for (int k = 0; k < 5; k++) {
				snprintf(id, sizeof(id), "c%d-%d", i, k);
				if (lease_take(&s->d, &p, &none, id, &got, &s->e) < 0 ||
				    write(fds[1], &got.b[3], 1) != 1)
					_exit(1);
			}
			_exit(0);
		}
	}
	bool seen[256] = { false };
	for (int i = 0; i < 50; i++) {
		int st;
		wait(&st);
		assert_int_equal(st, 0);
	}
	for (int i = 0; i < 250; i++) {
		uint8_t b;
		assert_int_equal(read(fds[0], &b, 1), 1);
		assert_false(seen[b]);
		seen[b] = true;
	}
	close(fds[0]);
	close(fds[1]);
}

static void lease_port_take__overlapping_addresses__clash(void **state)
{
	struct disk *s = *state;
	char owner[256];
	static const struct { const char *first, *second; int code; } rows[] = {
		{ NULL, NULL, -EADDRINUSE }, { NULL, "127.0.0.1", -EADDRINUSE },
		{ "127.0.0.1", NULL, -EADDRINUSE }, { "127.0.0.1", "127.0.0.2", 0 },
		{ "0.0.0.0", "127.0.0.1", -EADDRINUSE }, { "0.0.0.0", "fd00::1", 0 },
		{ "::", "fd00::1", -EADDRINUSE }, { "::", "10.0.0.1", 0 },
		{ "0.0.0.0", "::", 0 }, { NULL, "::", -EADDRINUSE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_port a = { .ip = rows[i].first, .host = 80, .proto = IPPROTO_TCP };
		struct net_port b = { .ip = rows[i].second, .host = 80, .proto = IPPROTO_TCP };
		struct net_port other = { .ip = rows[i].second, .host = 80, .proto = IPPROTO_UDP };
		assert_int_equal(lease_port_take(&s->d, &a, "one", owner, &s->e), 0);
		assert_int_equal(lease_port_take(&s->d, &b, "two", owner, &s->e), rows[i].code);
		if (rows[i].code)
			assert_string_equal(owner, "one");
		assert_int_equal(lease_port_take(&s->d, &other, "two", owner, &s->e), 0);
		lease_port_drop(&s->d, &a, "two");
		assert_true(lease_port_is(&s->d, &a, "one"));
		lease_ports_drop_all(&s->d, "one");
		lease_ports_drop_all(&s->d, "two");
		assert_false(lease_port_is(&s->d, &a, "one"));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lease_take__whole_subnet__each_once_then_exhausted),
		T(lease_take__given_back__is_the_last_to_be_given_again),
		T(lease_take__fifty_processes__no_address_twice),
		T(lease_port_take__overlapping_addresses__clash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
