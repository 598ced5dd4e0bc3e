/* cmd_inspect.c - inspect: containers, images, volumes and networks by one word. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/inspect.h"
#include "cli/output.h"
#include "cli/pick.h"
#include "runtime/volume.h"

struct inspect_opts { struct pick pick; const char *format, *type; bool size, all; };

#define O(f) offsetof(struct inspect_opts, f)
static const struct opt inspect_rows[] = {
	{ "format", 'f', OPT_STR, O(format), "FORMAT", "json, or a template as '{{.State.Pid}}'" },
	{ "size", 's', OPT_BOOL, O(size), NULL, "Also how much files take" },
	PICK_LATEST(inspect_opts),
	{ "type", 't', OPT_STR, O(type), "TYPE", "container, image, volume, network or secret",
	  .complete = "container|image|volume|network|secret" },
	OPT_END,
};
static const struct opt container_rows[] = {
	{ "format", 'f', OPT_STR, O(format), "FORMAT", "json, or a template as '{{.Id}}'" },
	{ "size", 's', OPT_BOOL, O(size), NULL, "Also how much files take" },
	PICK_LATEST(inspect_opts),
	OPT_END,
};
static const struct opt image_rows[] = {
	{ "format", 'f', OPT_STR, O(format), "FORMAT", "json, or a template as '{{.Id}}'" },
	OPT_END,
};
static const struct opt volume_rows[] = {
	{ "all", 'a', OPT_BOOL, O(all), NULL, "All volumes" },
	{ "format", 'f', OPT_STR, O(format), "FORMAT",
	  "json, or a template as '{{.Mountpoint}}'" },
	{ "size", 's', OPT_BOOL, O(size), NULL, "Also how much files take" },
	OPT_END,
};
static const struct opt network_rows[] = {
	{ "format", 'f', OPT_STR, O(format), "FORMAT", "json, or a template as '{{.Driver}}'" },
	OPT_END,
};
static const struct opt secret_rows[] = {
	{ "format", 'f', OPT_STR, O(format), "FORMAT",
	  "json, or a template as '{{.CreatedAt}}'" },
	OPT_END,
};
#undef O

static const struct { const char *type; inspect_fn *fn; } kinds[] = {
	{ "container", inspect_container }, { "image", inspect_image },
	{ "volume", inspect_volume },	    { "network", inspect_network },
	{ "secret", inspect_secret },
};

static int inspect_any(struct cli *c, const char *what, bool size, struct arena *a,
		       struct json **ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err one = ERR_INIT;
		int r = kinds[i].fn(c, what, size, a, ret, &one);

		if (r == 0)
			return 0;
		/* EINVAL: not even a name of that kind, or an ambiguous prefix */
		if (r != -ENOENT && (r != -EINVAL || i == 0)) {
			*e = one;
			return r;
		}
	}
	return err_say(e, ENOENT, "no such object: %s", what);
}

/* Prints each, says what is missing, goes on.  Returns the exit status. */
static int print_all(struct cli *c, inspect_fn *fn, const char *format, bool size, int argc,
		     char **argv, struct err *e)
{
	AUTO(output_list) struct output_list list;
	int status = 0, r = 0;

	output_list_init(&list);
	for (int i = 0; i < argc; i++) {
		struct err one = ERR_INIT;
		struct json *v;

		if (fn(c, argv[i], size, list.a, &v, &one) == 0) {
			output_list_add(&list, v);
			continue;
		}
		if (argc == 1 && !format)
			printf("[]\n");
		log_error(&one);
		status = one.code == ENOENT ? ERR_STATUS_NONE : ERR_STATUS_ENGINE;
	}
	if (!format || str_eq(format, "json")) {
		if (list.n && !format)
			output_array(list.v, list.n);
		else if (list.n)
			output_compact(list.v, list.n);
		return status;
	}
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = output_value(format, list.v[i], e);
	return r < 0 ? r : status;
}

static int run_inspect(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct inspect_opts *o = opts;
	inspect_fn *fn = inspect_any;

	for (size_t i = 0; o->type && i <= ARRAY_SIZE(kinds); i++) {
		if (i == ARRAY_SIZE(kinds))
			return err_say(e, EINVAL,
				       "--type %s: container, image, volume, network or secret",
				       o->type);
		if (str_eq(o->type, kinds[i].type)) {
			fn = kinds[i].fn;
			break;
		}
	}
	return print_all(c, fn, o->format, o->size, argc, argv, e);
}

/* "volume inspect" and its kin: the kind is the command's first word. */
static int run_typed(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct inspect_opts *o = opts;
	inspect_fn *fn = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(c->cmd->name, kinds[i].type))
			fn = kinds[i].fn;
	return print_all(c, fn, o->format, o->size, argc, argv, e);
}

static int run_volumes(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct inspect_opts *o = opts;
	AUTO(strlist) struct strlist all = STRLIST_INIT;
	int r = 0;

	if ((argc == 0) != o->all)
		return err_say(e, EINVAL, o->all ? "volume inspect --all takes no names"
						 : "usage: berth volume inspect NAME...");
	if (!o->all)
		return print_all(c, inspect_volume, o->format, o->size, argc, argv, e);
	r = volume_list(&c->en, &all, e);
	if (r == 0 && !all.n && !o->format)
		printf("[]\n");
	return r < 0 ? r : print_all(c, inspect_volume, o->format, o->size, (int)all.n, all.v,
					 e);
}

/* clang-format off */
const struct command command_inspect = {
	.name = "inspect", .args = "NAME...", .summary = "Show all about containers, images, volumes, networks",
	.text = "The members have Docker's names. A template that asks for one that there is not is told\n"
		"which there are.",
	.opts = inspect_rows, .size = sizeof(struct inspect_opts), .min = 1, .max = -1,
	.pick = PICK_ANY, .complete = "container", .run = run_inspect,
};
#define TYPED(kind, its_rows, states, what) \
	const struct command command_##kind##_inspect = { \
		.name = #kind " inspect", .args = "NAME...", .summary = "Show all about " what, \
		.opts = its_rows, .size = sizeof(struct inspect_opts), .min = 1, .max = -1, \
		.pick = states, \
		.complete = #kind, .run = run_typed, \
	}
TYPED(container, container_rows, PICK_ANY, "containers");
TYPED(image, image_rows, 0, "images");
TYPED(network, network_rows, 0, "networks");
TYPED(secret, secret_rows, 0, "secrets, but for what they hold");
#undef TYPED
const struct command command_volume_inspect = {
	.name = "volume inspect", .args = "NAME...", .summary = "Show all about volumes",
	.opts = volume_rows, .size = sizeof(struct inspect_opts), .max = -1,
	.complete = "volume", .run = run_volumes,
};
/* clang-format on */
