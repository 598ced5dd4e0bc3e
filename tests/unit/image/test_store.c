#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/maker.h"

static int set_up(void **state)
{
	char *dir = mem_strdup("/tmp/berth-test-store-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;
	int r = path_remove_tree(AT_FDCWD, *state, &e);

	free(*state);
	return r;
}

/* An image of one layer that is an empty archive, told apart by its label. */
static void add_image(struct store *s, const char *label, char *const *names, char *ret_id)
{
	static const char empty[1024];
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	char layer[72], config[72], manifest[72];
	struct maker_request q = { .media_type = "application/vnd.oci.image.manifest.v1+json",
				   .names = names, .what = label };
	struct err e = ERR_INIT;
	const char *id = NULL;
	size_t n;

	assert_int_equal(maker_begin(s, &m, &e), 0);
	assert_int_equal(maker_add_blob(&m, empty, sizeof(empty), layer, &e), 0);
	strbuf_addf(
		&b,
		"{\"os\":\"linux\",\"architecture\":\"amd64\","
		"\"config\":{\"Labels\":{\"l\":\"%s\"}},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
		label, layer);
	assert_int_equal(maker_add_blob(&m, b.s, b.len, config, &e), 0);
	n = b.len;
	strbuf_reset(&b);
	strbuf_addf(&b, "{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":%zu},"
		    "\"layers\":[{\"digest\":\"%s\",\"size\":1024}]}", config, n, layer);
	assert_int_equal(maker_add_blob(&m, b.s, b.len, manifest, &e), 0);
	q.digest = q.top = manifest;
	q.top_type = q.media_type;
	q.top_size = b.len;
	if (maker_add_image(&m, &q, &id, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(maker_commit(&m, &e), 0);
	strcpy(ret_id, id);
}

static struct store *open_store(void **state)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;

	assert_int_equal(store_open(*state, &s, &e), 0);
	return s;
}

#define NAMES(...) (char *[]){ __VA_ARGS__, NULL }

static void image__loaded__is_found_by_name_id_and_prefix(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	char id[80], short_id[13], repo[128];
	struct err e = ERR_INIT;
	const char *ways[7];

	add_image(s, "one",
		  NAMES((char *)"docker.io/library/one:latest", (char *)"localhost/two:v1"), id);
	memcpy(short_id, id + 7, 12);
	short_id[12] = '\0';
	{
		AUTO(image) struct image *i = NULL;

		assert_int_equal(image_load(s, "one", &i, &e), 0);
		snprintf(repo, sizeof(repo), "one@%s", i->digest);
	}
	ways[0] = "one";
	ways[1] = "two:v1";		/* not on docker.io: then localhost */
	ways[2] = id;
	ways[3] = id + 7;
	ways[4] = short_id;
	ways[5] = "docker.io/library/one";
	ways[6] = repo;
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
		AUTO(image) struct image *i = NULL;

		if (image_load(s, ways[k], &i, &e) < 0)
			fail_msg("%s: %s", ways[k], e.msg);
		assert_string_equal(i->id, id);
		assert_int_equal(i->nlayers, 1);
		assert_string_equal(i->config.labels.v[0].value, "one");
	}
}

static void image__unknown__is_enoent(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	static const char *const names[] = { "nothing", "abcdef", "a.b/c:d", "sha256:abcd" };

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct err e = ERR_INIT;
		struct image *i = NULL;

		assert_int_equal(image_load(s, names[k], &i, &e), -ENOENT);
		assert_null(i);
	}
}

static void image__name_given_anew__leaves_the_old_nameless(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	AUTO(image_list) struct image_list *l = NULL;
	char first[80], second[80];
	struct err e = ERR_INIT;

	add_image(s, "a", NAMES((char *)"docker.io/library/x:latest"), first);
	add_image(s, "b", NAMES((char *)"docker.io/library/x:latest"), second);
	assert_int_equal(image_list(s, &l, &e), 0);
	assert_int_equal(l->n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(l->v[i].name, str_eq(l->v[i].id, second) ?
				    "docker.io/library/x:latest" : "");
}

static bool used_by(void *ctx, const char *id, char who[static 65])
{
	strcpy(who, "c0ffee");
	return str_eq(ctx, id);
}

static void image__removed__takes_what_no_other_has(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	AUTO(image_removed) struct image_removed gone = { 0 };
	AUTO(image_removed) struct image_removed gone2 = { 0 };
	AUTO(image_removed) struct image_removed gone3 = { 0 };
	AUTO(image) struct image *i = NULL;
	char one[80], two[80], path[160];
	struct err e = ERR_INIT;

	add_image(s, "one", NAMES((char *)"docker.io/library/one:latest"), one);
	add_image(s, "two", NAMES((char *)"docker.io/library/two:latest"), two);
	assert_int_equal(image_tag(s, "two", "three", &e), 0);
	assert_int_equal(image_load(s, "one", &i, &e), 0);
	snprintf(path, sizeof(path), "layers/%s/fs", i->layers[0]);

	assert_int_equal(image_remove(s, "one", false, used_by, one, &gone, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "c0ffee"));
	e = (struct err)ERR_INIT;
	assert_int_equal(image_remove(s, "one", false, NULL, NULL, &gone, &e), 0);
	assert_int_equal(gone.deleted.n, 1);
	assert_int_equal(gone.untagged.n, 1);
	assert_true(path_exists(s->fd, path));		/* two has it */
	assert_int_equal(image_remove(s, two, false, NULL, NULL, &gone2, &e),
			 -EBUSY); /* two names */
	e = (struct err)ERR_INIT;
	assert_int_equal(image_remove(s, two, true, NULL, NULL, &gone2, &e), 0);
	assert_int_equal(gone2.untagged.n, 2);
	assert_false(path_exists(s->fd, path));
	assert_int_equal(image_remove(s, "two", true, NULL, NULL, &gone3, &e), -ENOENT);
}

static void store__leftovers_of_the_dead__are_removed(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	AUTO_CLOSE int fd = -1;
	AUTO_CLOSE int lock = -1;
	char alive[40], path[64];
	struct err e = ERR_INIT;

	assert_int_equal(store_tmp_new(s, &fd, &lock, alive, &e), 0);
	mkdirat(s->fd, "tmp/dead", 0700);
	mkdirat(s->fd, "tmp/dead/l0", 0700);
	fd_close(&(int){ openat(s->fd, "tmp/dead/lock", O_CREAT | O_RDWR, 0600) });
	mkdirat(s->fd, "tmp/unlocked", 0700);
	store_tmp_clean(s);
	assert_false(path_exists(s->fd, "tmp/dead"));
	assert_false(path_exists(s->fd, "tmp/unlocked"));
	snprintf(path, sizeof(path), "tmp/%s", alive);
	assert_true(path_exists(s->fd, path));
}

static void prune__nameless__go_and_named_stay(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	AUTO(image_pruned) struct image_pruned dry = { 0 };
	AUTO(image_pruned) struct image_pruned wet = { 0 };
	AUTO(image_list) struct image_list *l = NULL;
	char first[80], second[80];
	struct err e = ERR_INIT;

	add_image(s, "a", NAMES((char *)"docker.io/library/x:latest"), first);
	add_image(s, "b", NAMES((char *)"docker.io/library/x:latest"), second);
	assert_int_equal(image_prune(s, false, true, NULL, NULL, NULL, &dry, &e), 0);
	assert_int_equal(dry.deleted.n, 1);
	assert_int_equal(image_prune(s, false, false, NULL, NULL, NULL, &wet, &e), 0);
	assert_int_equal(wet.deleted.n, 1);
	assert_string_equal(wet.deleted.v[0], first);
	assert_int_equal(image_list(s, &l, &e), 0);
	assert_int_equal(l->n, 1);
	assert_int_equal(image_prune(s, false, true, NAMES((char *)"nonsense=1"), NULL, NULL, &wet,
				     &e),
			 -EINVAL);
}

static void image__load__takes_little_time(void **state)
{
	AUTO(store) struct store *s = open_store(state);
	struct timespec a, b;
	char id[80];
	double us;

	for (int i = 0; i < 40; i++) {
		char name[64], label[16];

		snprintf(name, sizeof(name), "docker.io/library/many:%d", i);
		snprintf(label, sizeof(label), "%d", i);
		add_image(s, label, NAMES(name), id);
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 100; i++) {
		struct image *im = NULL;
		struct err e = ERR_INIT;

		assert_int_equal(image_load(s, "many:7", &im, &e), 0);
		image_free(im);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	us = ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / 100;
	print_message("image_load: %.0f us\n", us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(image__loaded__is_found_by_name_id_and_prefix,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(image__unknown__is_enoent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(image__name_given_anew__leaves_the_old_nameless,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(image__removed__takes_what_no_other_has, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(store__leftovers_of_the_dead__are_removed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(prune__nameless__go_and_named_stay, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(image__load__takes_little_time, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
