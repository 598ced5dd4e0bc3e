/* cmd_clone.c - container clone: a new container with the configuration of one that exists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "cli/connect.h"
#include "cli/create.h"
#include "runtime/supervisor.h"

struct clone_opts { bool destroy, force, run; const char *name; struct limit_opts limit; };

#define O(f) offsetof(struct clone_opts, f)
static const struct opt *clone_rows(void)
{
	/* clang-format off */
	static const struct opt own[] = {
		{ "destroy", 0, OPT_BOOL, O(destroy), NULL, "Remove the first one" },
		{ "force", 'f', OPT_BOOL, O(force), NULL, "With --destroy, also when it runs" },
		{ "name", 0, OPT_STR, O(name), "NAME", "Name of the new one (the first one's and -clone)" },
		{ "run", 0, OPT_BOOL, O(run), NULL, "Start the new one" },
		{ "pod", 0, OPT_REFUSED, 0, NULL, "there are no pods", .flags = OPT_HIDDEN },
	};
	/* clang-format on */
	static struct opt rows[ARRAY_SIZE(own) + LIMIT_OPTS + 1];

	memcpy(rows, own, sizeof(own));
	limit_opts_rows(rows, ARRAY_SIZE(own), O(limit));
	return rows;
}
#undef O

/* A variable that is the beginning of the id. */
static void set_env(struct record *r, struct arena *a, const char *old, const char *name, int n)
{
	AUTO_FREE char *was = mem_printf("%s=%.*s", name, n, old);

	for (char **p = r->spec->process.env; p && *p; p++)
		if (str_eq(*p, was))
			*p = arena_printf(a, "%s=%.*s", name, n, r->id);
}

/* Two of them must not write one file: the new one's log is where it usually is. */
static void drop_log_path(struct record_log *l)
{
	size_t n = 0;

	l->path = NULL;
	for (size_t i = 0; i < l->more.n; i++)
		if (!str_eq(l->more.v[i].key, "path"))
			l->more.v[n++] = l->more.v[i];
	l->more.n = n;
}

/* What is called after the id, unless somebody wished it otherwise. */
static void set_identity(struct record *r, struct arena *a, const char *old)
{
	struct timespec now;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &now);
	r->created = arena_strdup(a, str_time(now, text));
	drop_log_path(&r->log);
	set_env(r, a, old, "container_uuid", 32);	/* an init's machine-id */
	if (r->hostname_set || !r->spec->hostname || strlen(r->spec->hostname) != 12 ||
	    !str_starts(old, r->spec->hostname))
		return;
	r->spec->hostname = arena_strndup(a, r->id, 12);
	r->net.hostname = r->spec->hostname;
	set_env(r, a, old, "HOSTNAME", 12);
}

static int set_limits(struct record *r, struct arena *a, const struct limit_opts *o, struct err *e)
{
	struct cgroup_limits l = { 0 };
	int rc;

	if ((rc = limit_opts_read(o, a, &l, e)) < 0 || (rc = cgroup_limits_enough(&l, e)) < 0)
		return rc;
	cgroup_limits_merge(&r->spec->limits, a, &l);
	cgroup_limits_default(&r->spec->limits);
	return spec_check(r->spec, e);
}

static int set_image(struct cli *c, struct record *r, struct arena *a, const char *name,
		     struct create_locks *held, struct err *e)
{
	AUTO(image) struct image *image = NULL;
	struct run_opts *o;
	int rc;

	if (r->rootfs)
		return err_say(e, EINVAL, "container %s has a folder as its root (--rootfs), no "
			       "image", r->name);
	o = arena_alloc(a, sizeof(*o));
	if ((rc = create_find_image(c, o, name, &image, &held->store, e)) < 0)
		return rc;
	r->image = arena_strdup(a, name);
	r->image_id = arena_strdup(a, image->id);
	r->layers = arena_strv(a, image->layers);
	return 0;
}

/* The first one's image cannot go before the new record is there: it is looked at under the
 * store's lock. */
static int copy(struct cli *c, const struct clone_opts *o, const char *id, int argc, char **argv,
		struct record **ret, struct err *e)
{
	AUTO(create_locks) struct create_locks held = CREATE_LOCKS_INIT;
	AUTO(arena) struct arena *a = arena_new(CREATE_ARENA);
	AUTO(store) struct store *s = NULL;
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int lock = -1;
	struct record *r;
	const char *like;
	char as[65];
	int rc;

	str_random_hex(as, 64);
	if ((rc = store_open(c->en.root, &s, e)) < 0 ||
	    (argc < 3 && (rc = store_lock(s, false, &held.store, e)) < 0) ||
	    (rc = record_copy(&c->en, id, as, a, &r, e)) < 0 ||
	    (argc == 3 && (rc = set_image(c, r, a, argv[2], &held, e)) < 0))
		return rc;
	set_identity(r, a, id);
	like = o->name || argc > 1 ? NULL : r->name;
	name = like ? create_name(c, like) : mem_strdup(o->name ? o->name : argv[1]);
	r->name = arena_strdup(a, name);
	if ((rc = set_limits(r, a, &o->limit, e)) < 0 ||
	    (rc = create_record(c, r, like, NULL, &held, &lock, e)) < 0)
		return rc;
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, r->id, NULL };

	end_run_dir(&p, e);
	*ret = r;
	TAKE(a);
	return 0;
}

static int run_clone(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct clone_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	char id[65];
	int rc = create_allowed(e);

	if (rc < 0 || (rc = record_find(&c->en, argv[0], id, e)) < 0)
		return rc;
	if (o->force && !o->destroy)
		return err_say(e, EINVAL, "--force goes with --destroy");
	if (o->name && argc > 1)
		return err_say(e, EINVAL, "--name %s and %s: one name is enough", o->name, argv[1]);
	if (o->destroy && !o->force && connect_answers(c, id))
		return err_say(e, EBUSY, "container %s is running; stop it first, or use --force",
			       argv[0]);
	if ((rc = copy(c, o, id, argc, argv, &r, e)) < 0)
		return rc;
	printf("%s\n", r->id);
	/* without its volumes: the new one has them */
	if (o->destroy && (rc = connect_remove(c, id, o->force, false, e)) < 0)
		return rc;
	return o->run ? connect_start(c, r->id, e) : 0;
}

/* clang-format off */
const struct command command_container_clone = {
	.name = "container clone", .args = "CONTAINER [NAME [IMAGE]]",
	.summary = "Make a container with the configuration of another one",
	.text = "The new one has the same command, volumes (anonymous ones too), networks, ports and ids of a\n"
		"user namespace, and with IMAGE another image below them; but none of what the first one wrote\n"
		"outside of volumes: berth commit makes an image of that. Limits are the first one's where no\n"
		"option says otherwise. Its log is berth's to keep, whatever --log-opt path= the first one has.",
	.rows = clone_rows, .size = sizeof(struct clone_opts), .min = 1, .max = 3,
	.complete = "container", .run = run_clone,
};
/* clang-format on */
