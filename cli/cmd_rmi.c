/* cmd_rmi.c - rmi, tag, image exists, image prune: names and images that go and come. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/image_use.h"
#include "cli/prune.h"
#include "cli/view.h"

/* ---- rmi ---- */

struct rmi_opts { bool force, all, ignore, no_prune; };

static const struct opt rmi_rows[] = {
	{ "force", 'f', OPT_BOOL, offsetof(struct rmi_opts, force), NULL,
	  "Also with several names, mounted, or with containers made from it that do not run" },
	{ "all", 'a', OPT_BOOL, offsetof(struct rmi_opts, all), NULL, "All images" },
	{ "ignore", 'i', OPT_BOOL, offsetof(struct rmi_opts, ignore), NULL,
	  "An image that is not there is no error" },
	{ "no-prune", 0, OPT_BOOL, offsetof(struct rmi_opts, no_prune), NULL, NULL,
	  .flags = OPT_HIDDEN },
	OPT_END,
};

/* "Untagged: NAME", "Deleted: ID" */
static void say_removed(const struct strlist *untagged, const struct strlist *deleted)
{
	for (size_t i = 0; i < untagged->n; i++) {
		struct err ignored = ERR_INIT;
		char buf[REF_MAX];
		struct ref ref;

		printf("Untagged: %s\n", ref_parse(untagged->v[i], &ref, &ignored) == 0
						 ? ref_familiar(&ref, buf) : untagged->v[i]);
	}
	for (size_t i = 0; i < deleted->n; i++)
		printf("Deleted: %s\n", deleted->v[i]);
}

static int remove_one(struct cli *c, const struct store *s, const struct rmi_opts *o,
		      const char *name, struct err *e)
{
	AUTO(image_use) struct image_use use = IMAGE_USE_INIT(&c->en);
	struct image_removed gone = { STRLIST_INIT, STRLIST_INIT };
	int r;

	use.running_only = o->force;
	r = image_remove(s, name, o->force, image_use_is, &use, &gone, e);
	if (r == 0)
		say_removed(&gone.untagged, &gone.deleted);
	image_removed_cleanup(&gone);
	return r;
}

int image_all_ids(const struct store *s, struct strlist *ret, struct err *e)
{
	AUTO(image_list) struct image_list *l = NULL;
	int r = image_list(s, &l, e);

	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (!strlist_has(ret, l->v[i].id))
			strlist_add(ret, l->v[i].id);
	return r;
}

static int run_rmi(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rmi_opts *o = opts;
	AUTO(store) struct store *s = NULL;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	struct rmi_opts how = *o;
	int status = 0, r = store_open(c->en.root, &s, e);

	if (r < 0)
		return r;
	if ((argc == 0) != o->all)
		return err_say(e, EINVAL,
			       o->all ? "rmi --all takes no names" : "usage: berth rmi IMAGE...");
	for (int i = 0; i < argc; i++)
		strlist_add(&names, argv[i]);
	if (o->all && (r = image_all_ids(s, &names, e)) < 0)
		return r;
	how.force |= o->all;
	for (size_t i = 0; i < names.n; i++) {
		struct err one = ERR_INIT;

		r = remove_one(c, s, &how, names.v[i], &one);
		if (r == 0 || (r == -ENOENT && o->ignore))
			continue;
		log_error(&one);
		if (r != -ENOENT || !o->force)	/* as Docker: said, but no failure */
			status = ERR_STATUS_ENGINE;
	}
	return status;
}

/* ---- tag, exists ---- */

static int run_tag(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	int r = store_open(c->en.root, &s, e);

	(void)opts;
	for (int i = 1; r == 0 && i < argc; i++)
		r = image_tag(s, argv[0], argv[i], e);
	return r;
}

/* Without further names: all that the image has. */
static int run_untag(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	int r = store_open(c->en.root, &s, e);

	(void)opts;
	if (r == 0 && argc == 1)
		r = image_untag(s, argv[0], NULL, e);
	for (int i = 1; r == 0 && i < argc; i++)
		r = image_untag(s, argv[0], argv[i], e);
	return r;
}

static int run_exists(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	AUTO(image) struct image *i = NULL;
	struct err no = ERR_INIT;
	int r = store_open(c->en.root, &s, e);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	r = image_load(s, argv[0], &i, &no);
	if (r == -ENOENT)
		return 1;
	if (r < 0)
		*e = no;
	return r;
}

/* clang-format off */
const struct command command_rmi = {
	.name = "rmi", .args = "IMAGE...", .summary = "Remove names of images, and images without one",
	.text = "The last name that goes takes the image with it, and the layers that no other has.",
	.opts = rmi_rows, .size = sizeof(struct rmi_opts), .min = 0, .max = -1,
	.complete = "image", .run = run_rmi,
};
const struct command command_tag = {
	.name = "tag", .args = "IMAGE NAME[:TAG]...", .summary = "Give an image another name",
	.min = 2, .max = -1, .complete = "image", .run = run_tag,
};
const struct command command_untag = {
	.name = "untag", .args = "IMAGE [NAME[:TAG]...]", .summary = "Take names from an image, which stays",
	.text = "Without NAME: all its names.",
	.min = 1, .max = -1, .complete = "image", .run = run_untag,
};
const struct command command_image_exists = {
	.name = "image exists", .args = "IMAGE", .summary = "Exit with 0 if it is there, else with 1",
	.min = 1, .max = 1, .complete = "image", .run = run_exists,
};
/* clang-format on */
