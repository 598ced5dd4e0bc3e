/* cmd_prune.c - container, image, volume, network and system prune. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/prune.h"
#include "cli/view.h"

#define O(f) offsetof(struct prune_opts, f)
#define FORCE { "force", 'f', OPT_BOOL, O(force), NULL, "Do not ask" }
#define FILTER(text) { "filter", 0, OPT_LIST, O(filter), "KEY=VALUE", text, .flags = OPT_REPEAT }
#define DRY { "dry-run", 0, OPT_BOOL, O(dry_run), NULL, "Only say what would go" }
static const struct opt plain_rows[] = {
	FILTER("until=TIME, label=KEY[=VALUE], label!=…"), FORCE, DRY, OPT_END,
};
static const struct opt image_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "Also those with a name that no container uses" },
	FILTER("until=TIME, label=KEY[=VALUE], dangling"), FORCE, DRY, OPT_END,
};
static const struct opt volume_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "Also those with a name that somebody gave" },
	FILTER("label=KEY[=VALUE], all"), FORCE, DRY, OPT_END,
};
static const struct opt system_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "All images that no container uses" },
	{ "volumes", 0, OPT_BOOL, O(volumes), NULL, "Anonymous volumes too" },
	FILTER("until=TIME, label=KEY[=VALUE]"), FORCE, DRY, OPT_END,
};
#undef O

/* True: go on. */
static bool ask(const struct prune_opts *o, const char *what)
{
	char answer[16];

	if (o->force || o->dry_run)
		return true;
	printf("This will remove:\n%s\nAre you sure? [y/N] ", what);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void say(const char *what, const char *prefix, const struct strlist *l, bool dry_run)
{
	for (size_t i = 0; i < l->n; i++) {
		if (i == 0 && what)
			printf(dry_run ? "%s that would go:\n" : "Deleted %s:\n", what);
		printf("%s%s\n", prefix, l->v[i]);
	}
}

static void say_all(const struct prune_opts *o, const struct pruned *p, bool bytes)
{
	struct strlist names = STRLIST_INIT;
	char size[24];

	for (size_t i = 0; i < p->untagged.n; i++) {
		struct err ignored = ERR_INIT;
		char buf[REF_MAX];
		struct ref ref;

		strlist_add(&names, ref_parse(p->untagged.v[i], &ref, &ignored) == 0
					    ? ref_familiar(&ref, buf) : p->untagged.v[i]);
	}
	say("Containers", "", &p->containers, o->dry_run);
	say("Networks", "", &p->networks, o->dry_run);
	say("Volumes", "", &p->volumes, o->dry_run);
	say("Images", "untagged: ", &names, o->dry_run);
	say(names.n ? NULL : "Images", "deleted: ", &p->deleted, o->dry_run);
	strlist_cleanup(&names);
	if (bytes)
		printf("%sTotal %s space: %s\n",
		       p->containers.n + p->networks.n + p->volumes.n + p->untagged.n + p->deleted.n
			       ? "\n" : "",
		       o->dry_run ? "reclaimable" : "reclaimed", view_size_text(p->bytes, size));
}

typedef int prune_fn(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e);

static int run_one(struct cli *c, struct prune_opts *o, prune_fn *fn, const char *what, bool bytes,
		   struct err *e)
{
	AUTO(pruned) struct pruned p = PRUNED_INIT;
	int r = 1;

	if (ask(o, what)) {
		r = fn(c, o, &p, e);
		say_all(o, &p, bytes && r == 0);
		if (r == 0)
			r = p.status;
	}
	return r;
}

static int run_containers(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return run_one(c, opts, prune_containers, "  - all containers that do not run", true, e);
}

static int run_images(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune_opts *o = opts;

	(void)argc;
	(void)argv;
	return run_one(c, opts, prune_images, o->all ? "  - all images that no container uses"
						     : "  - all images without a name", true, e);
}

static int run_volumes(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune_opts *o = opts;

	(void)argc;
	(void)argv;
	return run_one(c, opts, prune_volumes,
		       o->all ? "  - all volumes that no container has"
			      : "  - anonymous volumes that no container has",
		       true, e);
}

static int run_networks(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return run_one(c, opts, prune_networks, "  - all networks that no container is on", false,
		       e);
}

static int everything(struct cli *c, const struct prune_opts *o, struct pruned *p, struct err *e)
{
	struct prune_opts volumes = *o;
	int r;

	volumes.all = false;
	/* what frees room comes first: on a disk that is full nothing can be written before */
	if ((r = prune_containers(c, o, p, e)) < 0)
		return r;
	if (o->volumes && (r = prune_volumes(c, &volumes, p, e)) < 0)
		return r;
	r = prune_images(c, o, p, e);
	return r < 0 ? r : prune_networks(c, o, p, e);
}

static int run_system(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct prune_opts *o = opts;
	AUTO_FREE char *what = mem_printf(
		"  - all containers that do not run\n"
		"  - all networks that no container is on\n%s%s",
		o->volumes ? "  - anonymous volumes that no container has\n" : "",
		o->all ? "  - all images that no container uses" : "  - all images without a name");

	(void)argc;
	(void)argv;
	return run_one(c, opts, everything, what, true, e);
}

/* clang-format off */
#define PRUNE(kind, word, what, options, fn) \
	const struct command command_##kind##_prune = { \
		.name = word " prune", .args = "", .summary = what, .opts = options, \
		.size = sizeof(struct prune_opts), .min = 0, .max = 0, .run = fn, \
	}
PRUNE(container, "container", "Remove all containers that do not run", plain_rows, run_containers);
PRUNE(image, "image", "Remove images that nothing uses", image_rows, run_images);
PRUNE(volume, "volume", "Remove volumes that no container has", volume_rows, run_volumes);
PRUNE(network, "network", "Remove networks that no container is on", plain_rows, run_networks);
PRUNE(system, "system", "Remove all that nothing uses", system_rows, run_system);
#undef PRUNE
/* clang-format on */
