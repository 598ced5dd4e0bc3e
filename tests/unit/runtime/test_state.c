/* What a container does now is looked up: state.json names a process, and that is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/container_part.h"

struct room { char root[32]; struct container_env env; int dir; pid_t child; char boot[37]; };

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct err e = ERR_INIT;
	bool made;

	strcpy(r->root, "/tmp/berth-state-XXXXXX");
	assert_non_null(mkdtemp(r->root));
	r->env = (struct container_env){ .run_root = r->root };
	r->child = fork();	/* before there is a lock that it would share */
	if (!r->child) {
		pause();
		_exit(0);
	}
	assert_int_equal(state_dir_make(&r->env, "c", false, &r->dir, &made, &e), 0);
	assert_true(made);
	assert_int_equal(proc_boot_id(r->boot), 0);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;
	struct err e = ERR_INIT;

	kill(r->child, SIGKILL);
	waitpid(r->child, NULL, 0);
	fd_close(&r->dir);
	path_remove_tree(AT_FDCWD, r->root, &e);
	free(r);
	return 0;
}

/* A state that names our child. */
static struct container_state named(struct room *r)
{
	struct container_state s = { .id = "c", .bundle = "/b", .oci_version = SPEC_VERSION,
				     .owner = "root", .pid = r->child, .boot_id = r->boot,
				     .created = "2026-01-01T00:00:00Z", .rootfs = "/b/rootfs",
				     .cgroup_path = "", .cgroup_driver = "disabled", .scope = "",
				     .rdt_group = "", .own_pidns = true, .hooks = 5 };

	assert_int_equal(proc_start_time(r->child, &s.start_time), 0);
	return s;
}

static enum container_status seen(struct room *r, const struct container_state *s)
{
	struct container_state got = { 0 };
	struct err e = ERR_INIT;
	enum container_status status;

	assert_int_equal(state_save(r->dir, s, &e), 0);
	if (container_load(&r->env, "c", &got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(got.bundle, "/b");
	assert_int_equal(got.hooks, 5);
	assert_true(got.own_pidns);
	status = got.status;
	container_state_clear(&got);
	return status;
}

static void state__living_process__is_running(void **state)
{
	struct container_state s = named(*state);

	assert_int_equal(seen(*state, &s), CONTAINER_RUNNING);
}

static void state__other_start_time__is_stopped(void **state)
{
	struct container_state s = named(*state);

	s.start_time++;
	assert_int_equal(seen(*state, &s), CONTAINER_STOPPED);
}

static void state__other_boot__is_stopped(void **state)
{
	struct container_state s = named(*state);

	s.boot_id = "00000000-0000-0000-0000-000000000000";
	assert_int_equal(seen(*state, &s), CONTAINER_STOPPED);
}

static void state__zombie__is_stopped(void **state)
{
	struct room *r = *state;
	struct container_state s = named(r);
	siginfo_t info;

	kill(r->child, SIGKILL);
	waitid(P_PID, (id_t)r->child, &info, WEXITED | WNOWAIT);
	assert_int_equal(seen(r, &s), CONTAINER_STOPPED);
}

static void state__gate_of_another_program__is_running(void **state)
{
	struct room *r = *state;
	struct container_state s = named(r);
	int fd = openat(r->dir, STATE_GATE, O_CREAT | O_WRONLY, 0600);

	/* Whoever removes the gate was killed after the execve: the program says so itself. */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(seen(r, &s), CONTAINER_RUNNING);
}

static void state__creating__depends_on_its_maker(void **state)
{
	struct room *r = *state;
	struct container_state s = named(r);

	s.creating = true;
	assert_int_equal(seen(r, &s), CONTAINER_CREATING);	/* we hold the lock */
	fd_close(&r->dir);
	r->dir = open(r->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	{
		struct container_state got = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(container_load(&r->env, "c", &got, &e), 0);
		assert_int_equal(got.status, CONTAINER_STOPPED);
		container_state_clear(&got);
	}
}

static void state__no_file__is_no_container(void **state)
{
	struct room *r = *state;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct container_state got = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(container_load(&r->env, "c", &got, &e), -ENOENT);
	assert_string_equal(e.msg, "container \"c\" does not exist");
	assert_int_equal(container_list(&r->env, &ids, &e), 0);
	assert_int_equal(ids.n, 0);
}

static void id__strange_ones__are_refused(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a b", "a\n", "\303\244" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(container_id_check(bad[i], &e), -EINVAL);
	assert_int_equal(container_id_check("a_b+c.d-E9", &e), 0);
}

/* ---- rdt.c, on a folder that looks like resctrl ----------------------------------------- */

static void put(const char *root, const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(root, name);
	struct err e = ERR_INIT;

	assert_int_equal(path_write_file(AT_FDCWD, path, text, strlen(text), 0644, false, &e), 0);
}

static void rdt__existing_group__is_compared_not_written(void **state)
{
	struct room *r = *state;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_FREE char *dir = path_join(r->root, "gold");
	struct spec_rdt want = { .set = true, .clos_id = "gold", .l3 = "L3:0=7f0;1=1f" };
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	const char *group = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(mkdir(dir, 0755), 0);
	put(dir, "schemata", "    L3:0=007f0;1=0001f\n    MB:0=100\n");
	put(dir, "tasks", "");
	if (rdt_join(r->root, &want, "c", 42, a, &group, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(group, "");		/* not ours to remove */
	if (rdt_schemata(r->root, &want, "c", &lines, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(lines.n, 2);
	assert_string_equal(lines.v[0], "L3:0=007f0;1=0001f");
	assert_string_equal(lines.v[1], "MB:0=100");
	want.l3 = "L3:0=7f1";
	assert_int_equal(rdt_join(r->root, &want, "c", 42, a, &group, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "linux.intelRdt.closID"));
}

static void rdt__unknown_group_without_schemata__is_refused(void **state)
{
	struct room *r = *state;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec_rdt want = { .set = true, .clos_id = "none" };
	const char *group = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(rdt_join(r->root, &want, "c", 42, a, &group, &e), -ENOENT);
	assert_int_equal(rdt_leave(r->root, "none", "c", &e), 0);	/* absent is fine */
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOM(state__living_process__is_running),
		IN_ROOM(state__other_start_time__is_stopped),
		IN_ROOM(state__other_boot__is_stopped),
		IN_ROOM(state__zombie__is_stopped),
		IN_ROOM(state__gate_of_another_program__is_running),
		IN_ROOM(state__creating__depends_on_its_maker),
		IN_ROOM(state__no_file__is_no_container),
		cmocka_unit_test(id__strange_ones__are_refused),
		IN_ROOM(rdt__existing_group__is_compared_not_written),
		IN_ROOM(rdt__unknown_group_without_schemata__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
