/* test_plan.c - what crosses to berth-init: whole, in one arena, and checked on arrival. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/birth.h"
#include "runtime/plan.h"

static bool inside(const struct arena *a, const void *p)
{
	return (uintptr_t)p >= (uintptr_t)a && (uintptr_t)p < (uintptr_t)a + a->used;
}

static struct spec *new_spec(struct arena *a)
{
	static char *args[] = { (char *)"/bin/true", NULL },
		    *masked[] = { (char *)"/proc/keys", NULL };
	struct spec *s = arena_alloc(a, sizeof(*s));

	s->arena = a;
	s->process.cwd = "/";
	s->process.args = args;
	s->masked_paths = masked;
	s->hostname = "h";
	s->nmounts = 1;
	s->mounts = arena_array(a, 1, sizeof(*s->mounts));
	s->mounts[0].destination = "/proc";
	s->mounts[0].type = "proc";
	return s;
}

static void plan__strings_of_the_program__are_copied_into_the_arena(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct spec *s = new_spec(a);

	(void)state;
	plan_own_spec(a, s);
	assert_true(inside(a, s->process.cwd));
	assert_true(inside(a, s->process.args) && inside(a, s->process.args[0]));
	assert_string_equal(s->process.args[0], "/bin/true");
	assert_true(inside(a, s->masked_paths[0]));
	assert_true(inside(a, s->mounts[0].type));
	assert_true(inside(a, s->hostname));
	arena_free(a);
}

static void plan__other_process__reads_the_same(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct spec *s = new_spec(a);
	struct plan *p = plan_new(a);
	int fd = dup(a->fd), status;
	pid_t pid;

	(void)state;
	plan_own_spec(a, s);
	p->spec = s;
	p->process = &s->process;
	pid = fork();
	if (pid == 0) {
		const struct plan *q;
		struct err e = ERR_INIT;

		arena_free(a);
		if (plan_load(fd, &q, &e) < 0)
			_exit(1);
		_exit(q == p && str_eq(q->spec->hostname, "h") && q->fd[PLAN_FD_GATE] == -1 ? 0 :
											      2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	arena_free(a);
}

static void plan__written_after_the_mapping__is_seen(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct spec *s = new_spec(a);
	struct plan *p = plan_new(a);
	int fd = dup(a->fd), status, ready[2], go[2];
	pid_t pid;
	char c;

	(void)state;
	p->process = &s->process;
	p->late = plan_late_room(a, sizeof(*p->late));
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		const struct plan *q;
		struct err e = ERR_INIT;

		arena_free(a);
		if (plan_load(fd, &q, &e) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		(void)!read(go[0], &c, 1);
		_exit(str_eq(q->late->state[0], "{}") ? 0 : 2);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	p->late->state[0] = arena_strdup(a, "{}");
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	arena_free(a);
}

static void plan__no_plan__is_refused(void **state)
{
	struct err e = ERR_INIT;
	const struct plan *p;
	int fd = memfd_create("x", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_true(plan_load(fd, &p, &e) < 0);
	assert_true(e.msg[0]);
	close(fd);
}

static void plan__filter_elsewhere__is_copied(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct sock_filter insns[2] = { { 6, 0, 0, 1 }, { 6, 0, 0, 2 } };
	struct filter_program f = { .insns = insns, .n = 2, .flags = 4 };
	struct plan *p = plan_new(a);

	(void)state;
	plan_set_filter(p, a, &f);
	assert_true(inside(a, p->filter.insns));
	assert_int_equal(p->filter.n, 2);
	assert_memory_equal(p->filter.insns, insns, sizeof(insns));
	arena_free(a);
}

static void plan__spec_device__wins_over_the_default(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct spec *s = new_spec(a);
	struct plan *p = plan_new(a);
	unsigned nulls = 0;

	(void)state;
	s->ndevices = 2;
	s->devices = arena_array(a, 2, sizeof(*s->devices));
	s->devices[0] = (struct spec_device){ "/dev/null", 'c', 1, 3, 0600, true, 5, 6 };
	s->devices[1] = (struct spec_device){ "/dev/fuse", 'c', 10, 229, 0666, true, 0, 0 };
	plan_set_devices(p, a, s);
	assert_int_equal(p->ndevices, 7);
	for (size_t i = 0; i < p->ndevices; i++) {
		if (!strcmp(p->devices[i].path, "/dev/null")) {
			assert_int_equal(p->devices[i].mode, 0600);
			nulls++;
		}
	}
	assert_int_equal(nulls, 1);
	arena_free(a);
}

static void plan__whole_dev_bound__makes_no_nodes(void **state)
{
	struct arena *a = arena_new_shared(1 << 20, 0);
	struct spec *s = new_spec(a);

	(void)state;
	assert_true(plan_makes_dev(s));
	s->mounts[0].destination = "/dev";
	s->mounts[0].type = "bind";
	s->mounts[0].flags = SPEC_MOUNT_BIND;
	assert_false(plan_makes_dev(s));
	arena_free(a);
}

static void plan__id_maps__are_looked_up_without_overflow(void **state)
{
	struct spec_idmap v[2] = { { 0, 100000, 10 }, { UINT32_MAX - 1, 5, 2 } };
	struct spec_idmaps m = { 2, v };

	(void)state;
	assert_true(plan_maps_id(&m, 0));
	assert_true(plan_maps_id(&m, 9));
	assert_false(plan_maps_id(&m, 10));
	assert_true(plan_maps_id(&m, UINT32_MAX));
	assert_false(plan_maps_id(&m, UINT32_MAX - 2));
}

static void plan__label_option__is_one_of_four(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	const char *text =
		"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		"\"args\":[\"a\"],\"user\":{\"uid\":0,\"gid\":0}},\"linux\":{},"
		"\"annotations\":{\"run.oci.mount_context_type\":\"defcontext\"}}";
	struct err e = ERR_INIT;
	struct spec *s;

	(void)state;
	if (spec_read(a, text, strlen(text), &s, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(plan_label_option(s), "defcontext");
	s->annotations.v[0].value = (char *)"contexts";
	assert_null(plan_label_option(s));
	s->annotations.n = 0;
	assert_string_equal(plan_label_option(s), "context");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan__strings_of_the_program__are_copied_into_the_arena),
		cmocka_unit_test(plan__other_process__reads_the_same),
		cmocka_unit_test(plan__written_after_the_mapping__is_seen),
		cmocka_unit_test(plan__no_plan__is_refused),
		cmocka_unit_test(plan__filter_elsewhere__is_copied),
		cmocka_unit_test(plan__spec_device__wins_over_the_default),
		cmocka_unit_test(plan__whole_dev_bound__makes_no_nodes),
		cmocka_unit_test(plan__id_maps__are_looked_up_without_overflow),
		cmocka_unit_test(plan__label_option__is_one_of_four),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
