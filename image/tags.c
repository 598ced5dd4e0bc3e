/* tags.c - the tags of a repository, page by page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "image/manifest.h"
#include "image/registry.h"

#define PAGE "n=1000"
#define PAGES_MAX 100

/* "</v2/x/tags/list?last=a&n=1000>; rel=\"next\"" (RFC 8288): the address, or NULL. */
static char *next_page(const char *link)
{
	const char *end = link && *link == '<' ? strchr(link, '>') : NULL;

	return end && strstr(end, "next") ? mem_strndup(link + 1, (size_t)(end - link - 1)) : NULL;
}

static int read_page(const char *text, size_t n, struct strlist *ret, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	const struct json *doc, *tags;
	int r = json_parse(a, text, n, (struct json_limits){ MANIFEST_BYTES_MAX, 8 },
			   "list of tags", &doc, e);

	if (r < 0)
		return r;
	tags = json_get(doc, "tags");
	for (const struct json *t = tags && tags->type == JSON_ARRAY ? tags->child : NULL; t;
	     t = t->next) {
		/* a name with anything else behind it may be another registry's */
		if (!json_str(t) || !ref_tag_valid(json_str(t)))
			return err_say(e, EBADMSG, "list of tags: one is none");
		if (ret->n == MANIFEST_DESCRIPTORS_MAX)
			return err_say(e, E2BIG,
				       "the repository has more than %d tags: pull those you want",
				       MANIFEST_DESCRIPTORS_MAX);
		strlist_add(ret, json_str(t));
	}
	return 0;
}

int registry_tags(struct registry *g, struct http *h, struct strlist *ret, struct err *e)
{
	AUTO_FREE char *url = mem_printf("/v2/%s/tags/list?" PAGE, g->place->repo);
	AUTO_FREE char *doing = mem_printf("list the tags of %s", g->place->repo);

	for (unsigned page = 0; url; page++) {
		AUTO(http_reply) struct http_reply r = { 0 };
		struct http_request q = { .method = "GET", .url = url, .max = MANIFEST_BYTES_MAX };
		int code = page < PAGES_MAX ? registry_call(g, h, &q, &r, e) :
			   err_say(e, E2BIG, "%s: there is no end of pages", doing);

		if (code == 0 && r.status != 200)
			code = registry_fail(g, &r, doing, e);
		if (code == 0)
			code = read_page(r.body.s ? r.body.s : "", r.body.len, ret, e);
		if (code < 0)
			return code;
		free(url);
		url = next_page(r.link);
		if (url && *url != '/' && !str_starts(url, "http"))
			return err_say(e, EBADMSG, "%s: no address of a page: %s", doing, url);
	}
	return 0;
}
