/* cmd_history.c - history, image tree: the steps that made an image, and its layers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/view.h"
#include "image/image.h"

struct history_opts { struct output_opts out; bool raw; };

#define O(f) offsetof(struct history_opts, f)
static const struct opt history_rows[] = {
	OUTPUT_OPT_FORMAT(struct history_opts, out, "'table {{.Size}}\\t{{.CreatedBy}}'"),
	{ "human", 'H', OPT_OFF, O(raw), NULL,
	  "Sizes and dates for people (default; --human=false)" },
	OUTPUT_OPT_NO_TRUNC(struct history_opts, out),
	OUTPUT_OPT_QUIET(struct history_opts, out, "ids"),
	OPT_END,
};
#undef O

static const struct output_column columns[] = {
	{ "IMAGE", "{{.ID}}" }, { "CREATED", "{{.CreatedSince}}" },
	{ "CREATED BY", "{{.CreatedBy}}" }, { "SIZE", "{{.Size}}" }, { "COMMENT", "{{.Comment}}" },
	{ NULL, NULL },
};
static const struct output_column columns_raw[] = {
	{ "IMAGE", "{{.ID}}" }, { "CREATED AT", "{{.CreatedAt}}" },
	{ "CREATED BY", "{{.CreatedBy}}" }, { "SIZE", "{{.Size}}" }, { "COMMENT", "{{.Comment}}" },
	{ NULL, NULL },
};
static const struct output_column headers[] = {
	{ "IMAGE", "ID" }, { "CREATED", "CreatedSince" }, { NULL, NULL },
};

static struct json *make_row(struct arena *a, const struct history_opts *o, const char *id,
			     const struct image_step *s)
{
	AUTO(strbuf) struct strbuf by = STRBUF_INIT;
	struct json *row = value_object(a);
	char ago[48], size[24];

	value_put_str(a, row, "ID", id);
	value_put_str(a, row, "CreatedSince", view_ago(view_seconds(s->created), view_now(), ago));
	value_put_str(a, row, "CreatedAt", s->created);
	view_cut(&by, s->created_by ? s->created_by : "", o->out.no_trunc ? SIZE_MAX : 45);
	value_put_str(a, row, "CreatedBy", by.s);
	value_put_str(a, row, "Size", o->raw ? arena_printf(a, "%llu", (unsigned long long)s->size)
					     : view_size_text(s->size, size));
	value_put_str(a, row, "Comment", s->comment);
	return row;
}

static int run_history(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct history_opts *o = opts;
	const struct output out = { o->raw ? columns_raw : columns, headers, "{{.ID}}" };
	AUTO(store) struct store *s = NULL;
	AUTO(image) struct image *i = NULL;
	AUTO(image_history) struct image_history *h = NULL;
	AUTO(output_list) struct output_list l;
	char id[IMAGE_ID_LEN + 1];
	int r;

	(void)argc;
	output_list_init(&l);
	if ((r = store_open(c->en.root, &s, e)) < 0 || (r = image_load(s, argv[0], &i, e)) < 0 ||
	    (r = image_load_history(s, i, &h, e)) < 0)
		return r;
	snprintf(id, sizeof(id), o->out.no_trunc ? "%s" : "%.12s",
		 i->id + (o->out.no_trunc ? 0 : strlen("sha256:")));
	/* steps before the last have no images of their own */
	for (size_t k = h->n; k-- > 0;)
		output_list_add(&l, make_row(l.a, o, k + 1 == h->n ? id : "<missing>", &h->v[k]));
	return output_rows(&out, &o->out, l.v, l.n, e);
}

/* ---- image tree ---- */

/* The last of the steps that made a layer made the last layer; an image may have fewer steps. */
static void layer_size(const struct image_history *h, size_t from_top, char buf[static 24])
{
	snprintf(buf, 24, "-");
	for (size_t k = h->n; k-- > 0;)
		if (!h->v[k].empty && from_top-- == 0) {
			view_size_text(h->v[k].size, buf);
			return;
		}
}

/* Names of the images that end with that layer. */
static int print_tops(const struct store *s, const struct image_list *all, const char *layer)
{
	const char *before = "  Top Layer of: [";
	char shown[REF_MAX];

	for (size_t i = 0; i < all->n; i++) {
		AUTO(image) struct image *one = NULL;
		struct err lost = ERR_INIT;
		struct ref r;

		if (image_load(s, all->v[i].id, &one, &lost) < 0 || one->nlayers == 0 ||
		    !str_eq(one->layers[one->nlayers - 1], layer))
			continue;
		printf("%s%s", before, ref_parse(all->v[i].name, &r, &lost) == 0 ?
					       ref_familiar(&r, shown) : "<none>:<none>");
		before = " ";
	}
	return puts(str_eq(before, " ") ? "]" : "");
}

static int run_tree(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	AUTO(image) struct image *i = NULL;
	AUTO(image_history) struct image_history *h = NULL;
	AUTO(image_list) struct image_list *all = NULL;
	char shown[REF_MAX], size[24];
	struct err odd = ERR_INIT;
	struct ref r;
	int rc;

	(void)opts;
	(void)argc;
	if ((rc = store_open(c->en.root, &s, e)) < 0 ||
	    (rc = image_load_names(s, argv[0], &i, e)) < 0 ||
	    (rc = image_load_history(s, i, &h, e)) < 0 || (rc = image_list(s, &all, e)) < 0)
		return rc;
	printf("Image ID: %.12s\nTags:     [", i->id + strlen("sha256:"));
	for (char **n = i->names; *n; n++)
		printf("%s%s", n == i->names ? "" : " ",
		       ref_parse(*n, &r, &odd) == 0 ? ref_familiar(&r, shown) : *n);
	printf("]\nSize:     %s\nImage Layers\n", view_size_text(i->size, size));
	for (size_t k = 0; k < i->nlayers; k++) {
		layer_size(h, i->nlayers - 1 - k, size);
		printf("%s ID: %.12s Size: %8s", k + 1 < i->nlayers ? "├──" : "└──", i->layers[k],
		       size);
		print_tops(s, all, i->layers[k]);
	}
	return 0;
}

/* clang-format off */
const struct command command_image_tree = {
	.name = "image tree", .args = "IMAGE", .summary = "Show the layers of an image, and which images end with them",
	.min = 1, .max = 1, .complete = "image", .run = run_tree,
};
const struct command command_history = {
	.name = "history", .args = "IMAGE", .summary = "Show the steps that made an image",
	.opts = history_rows, .size = sizeof(struct history_opts), .min = 1, .max = 1,
	.complete = "image", .run = run_history,
};
/* clang-format on */
