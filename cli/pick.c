/* pick.c - see pick.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "cli/pick.h"
#include "cli/ps_filter.h"

#define CIDFILE_MAX 4096

bool pick_any(const struct pick *p)
{
	return p->latest || p->all || p->running || p->filter.n || p->cidfile.n;
}

static void add(struct cli *c, const struct pick *p, const char *name, struct strlist *ret)
{
	struct err none = ERR_INIT;
	char id[65];

	if (!p->ignore || record_find(&c->en, name, id, &none) != -ENOENT)
		strlist_add(ret, name);
}

static int from_file(struct cli *c, const struct pick *p, const char *path, struct strlist *ret,
		     struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = path_read_file(AT_FDCWD, path, CIDFILE_MAX, &text, &n, e);

	if (r == -ENOENT && p->ignore)
		return 0;
	if (r < 0)
		return err_wrap(e, "--cidfile");
	text[strcspn(text, "\r\n")] = 0;
	add(c, p, text, ret);
	return 0;
}

/* ids come newest first */
static int by_state(struct cli *c, const struct pick *p, struct strlist *ret, struct err *e)
{
	unsigned states = p->running ? PICK_LIVING : c->cmd->pick;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	struct ps_filter f;
	int r = ps_filter_parse(&c->en, &p->filter, &f, e);

	if (r == 0)
		r = record_list(&c->en, &ids, e);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		AUTO(view) struct view v = { .r = NULL };
		struct err one = ERR_INIT;

		if (view_load(&c->en, ids.v[i], &v, &one) < 0) {
			if (one.code != ENOENT)	/* else it goes at this moment */
				log_warn("%s", one.msg);
		} else if ((states & 1u << v.state) && ps_filter_match(&f, &v)) {
			strlist_add(ret, ids.v[i]);
		}
	}
	filters_clear(&f.f);
	return r;
}

static int latest(struct cli *c, struct strlist *ret, struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	int r = record_list(&c->en, &ids, e);

	if (r == 0 && !ids.n)
		return err_say(e, ENOENT, "--latest: there is no container");
	if (r == 0)
		strlist_add(ret, ids.v[0]);
	return r;
}

int pick_names(struct cli *c, const struct pick *p, int argc, char **argv, struct strlist *ret,
	       struct err *e)
{
	const char *option = p->latest ? "latest" : p->all ? "all" :
			     p->running ? "running" : "filter";
	bool whole = p->all || p->running || p->filter.n;
	int r = 0;

	/* behind the container of exec and top its command follows */
	if ((whole || p->latest) && !(c->cmd->flags & CMD_STOP_AT_ARG) &&
	    (argc > 0 || p->cidfile.n || (whole && p->latest)))
		return err_say(e, EINVAL, "--%s stands alone: no other container is named beside "
			       "it", option);
	if (p->latest)
		r = latest(c, ret, e);
	else if (whole)
		r = by_state(c, p, ret, e);
	for (size_t i = 0; r == 0 && i < p->cidfile.n; i++)
		r = from_file(c, p, p->cidfile.v[i], ret, e);
	for (int i = 0; r == 0 && i < argc; i++)
		add(c, p, argv[i], ret);
	return r;
}
