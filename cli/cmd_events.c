/* cmd_events.c - events: what happened to containers, and what goes on happening. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/value.h"

#define FILE_MAX_BYTES (16u << 20)

struct events_opts { const char *since, *until, *format; struct strlist filter; bool trunc, ends; };

#define O(f) offsetof(struct events_opts, f)
static const struct opt rows[] = {
	{ "since", 0, OPT_STR, O(since), "TIME",
	  "Begin with what came after TIME (or the last 10m)" },
	{ "until", 0, OPT_STR, O(until), "TIME", "End at TIME" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "Only event=, type=, container=, image=, volume=, network=" },
	{ "stream", 0, OPT_OFF, O(ends), NULL, "Wait for more (default; --stream=false)" },
	{ "no-trunc", 0, OPT_OFF, O(trunc), NULL, "Cut no id short (default; --no-trunc=false)" },
	{ "format", 0, OPT_STR, O(format), "FORMAT", "json, or a template as '{{.Action}}'" },
	OPT_END,
};
#undef O

struct view {
	const struct events_opts *o;
	int64_t since, until;	/* ns */
	bool over;
};

static int when(const char *option, const char *text, int64_t *ret, struct err *e)
{
	struct timespec t;

	if (!text)
		return 0;
	if (str_to_when(text, &t) < 0)
		return err_say(e, EINVAL, "--%s %s: expected a time, or 10m", option, text);
	*ret = t.tv_sec < 0 ? 0 : INT64_MAX;	/* before all events, or behind them */
	if (t.tv_sec >= 0 && t.tv_sec < INT64_MAX / 1000000000)
		*ret = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	return 0;
}

static const char *attr(const struct json *v, const char *key)
{
	return json_str(json_get(json_get(json_get(v, "Actor"), "Attributes"), key));
}

static const char *const filter_keys[] = { "event", "type", "container", "image", "volume",
					   "network", NULL };

static int check_filters(const struct strlist *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t k = 0;

		while (filter_keys[k] && !(str_after(l->v[i], filter_keys[k]) &&
					   *str_after(l->v[i], filter_keys[k]) == '='))
			k++;
		if (!filter_keys[k])
			return err_say(e, EINVAL, "--filter %s: expected event=, type=, "
				       "container=, image=, volume= or network=", l->v[i]);
	}
	return 0;
}

/* Filters of one key are alternatives, of different keys all must hold. */
static bool wanted(const struct view *w, const struct json *v)
{
	const char *id = json_str(json_get(json_get(v, "Actor"), "ID"));
	const char *type = json_str(json_get(v, "Type"));
	const char *name = attr(v, "name") ? attr(v, "name") : id;

	for (size_t k = 0; filter_keys[k]; k++) {
		bool asked = false, hit = false;
		const char *is = str_eq(filter_keys[k], "event") ? json_str(json_get(v, "Action")) :
				 str_eq(filter_keys[k], "type") ? type :
				 str_eq(filter_keys[k], type) ? name :
				 str_eq(filter_keys[k], "image") ? attr(v, "image") : NULL;

		for (size_t i = 0; i < w->o->filter.n; i++) {
			const char *f = str_after(w->o->filter.v[i], filter_keys[k]);

			if (!f || *f != '=')
				continue;
			asked = true;
			hit |= str_eq(f + 1, is) ||
			       (k == 0 && is && str_starts(is, f + 1)) ||	/* exec: exec_die */
			       (is && id && f[1] && str_eq(filter_keys[k], type) &&
				str_starts(id, f + 1));
		}
		if (asked && !hit)
			return false;
	}
	return true;
}

/* With the names that Docker's and podman's templates have for the same. */
static struct json *for_template(struct arena *a, const struct json *v, int64_t ns)
{
	const struct json *actor = json_get(v, "Actor");
	struct json *all = value_object(a);

	value_put_str(a, all, "Status", json_str(json_get(v, "Action")));
	value_put_str(a, all, "ID", json_str(json_get(actor, "ID")));
	value_put_str(a, all, "Name", attr(v, "name"));
	value_put_str(a, all, "From", attr(v, "image"));
	value_put_str(a, all, "Scope", "local");
	value_put_i64(a, all, "Time", ns / 1000000000);
	value_put_i64(a, all, "TimeNano", ns);
	for (const struct json *m = v->child; m; m = m->next) {
		struct json *one = arena_alloc(a, sizeof(*one));

		*one = *m;
		one->next = NULL;
		value_put(all, m->key, one);
	}
	return all;
}

static void print(struct view *w, struct arena *a, const struct json *v, const char *line,
		  int64_t ns)
{
	const struct json *attrs = json_get(json_get(v, "Actor"), "Attributes");
	char text[40];

	if (w->o->format && !str_eq(w->o->format, "json")) {
		struct err e = ERR_INIT;

		if (output_value(w->o->format, for_template(a, v, ns), &e) < 0) {
			log_error(&e);
			w->over = true;
		}
		return;
	}
	if (w->o->format) {
		printf("%s\n", line);
		return;
	}
	const char *id = json_str(json_get(json_get(v, "Actor"), "ID"));

	printf("%s %s %s %.*s",
	       str_time((struct timespec){ ns / 1000000000, ns % 1000000000 }, text),
	       json_str(json_get(v, "Type")), json_str(json_get(v, "Action")),
	       w->o->trunc && str_is_hex(id, 64) ? 12 : INT_MAX, id);
	for (const struct json *m = attrs ? attrs->child : NULL; m; m = m->next)
		printf("%s%s=%s", m == attrs->child ? " (" : ", ", m->key, json_str(m));
	printf("%s\n", attrs && attrs->child ? ")" : "");
}

static void show_line(struct view *w, const char *line)
{
	AUTO(arena) struct arena *a = arena_new(4u << 20);
	struct err e = ERR_INIT;
	const struct json *v, *t;
	int64_t ns = 0;

	if (json_parse(a, line, strlen(line), (struct json_limits){ 65536, 8 }, "event", &v, &e) <
		    0 ||
	    !(t = json_get(v, "timeNano")) || t->type != JSON_NUMBER || str_to_i64(t->s, &ns) < 0)
		return;
	if (ns < w->since || !wanted(w, v))
		return;
	if (ns > w->until) {
		w->over = true;
		return;
	}
	print(w, a, v, line, ns);
}

static void show_text(struct view *w, char *text)
{
	for (char *line = text, *nl; line && !w->over && (nl = strchr(line, '\n')); line = nl + 1) {
		*nl = 0;
		show_line(w, line);
	}
}

/* The new file's bytes from *at on; begins anew after a rotation. */
static void show_new(struct cli *c, struct view *w, ino_t *ino, off_t *at)
{
	AUTO_CLOSE int fd = openat(c->en.root_fd, "events", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct stat st;
	char *end;
	size_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_ino != *ino) {
		*ino = st.st_ino;
		*at = 0;
	}
	if (lseek(fd, *at, SEEK_SET) < 0 || fd_read_all(fd, FILE_MAX_BYTES, &text, &n) < 0)
		return;
	end = n ? memrchr(text, '\n', n) : NULL;
	if (!end)
		return;
	end[1] = 0;
	*at += end + 1 - text;
	show_text(w, text);
	fflush(stdout);
}

static int run_events(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct events_opts *o = opts;
	struct view w = { .o = o, .until = INT64_MAX };
	AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	AUTO_FREE char *old = NULL;
	struct timespec now;
	struct err none = ERR_INIT;
	char path[32], junk[4096];
	ino_t ino = 0;
	off_t at = 0;
	size_t n;
	int rc;

	(void)argc;
	(void)argv;
	if ((rc = check_filters(&o->filter, e)) < 0 ||
	    (rc = when("since", o->since, &w.since, e)) < 0 ||
	    (rc = when("until", o->until, &w.until, e)) < 0)
		return rc;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!o->since && !o->ends)
		w.since = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (watch < 0 || inotify_add_watch(watch, path_of_fd(c->en.root_fd, path),
					   IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, errno, "watch %s", c->en.root);
	if ((o->since || o->ends) &&
	    path_read_file(c->en.root_fd, "events.1", FILE_MAX_BYTES, &old, &n, &none) == 0)
		show_text(&w, old);
	for (;;) {
		struct pollfd p = { .fd = watch, .events = POLLIN };
		int64_t left = -1;

		show_new(c, &w, &ino, &at);
		clock_gettime(CLOCK_REALTIME, &now);
		if (o->ends)
			break;
		if (o->until) {
			left = (w.until - (int64_t)now.tv_sec * 1000000000 - now.tv_nsec) / 1000000;
			if (left <= 0 || w.over)
				break;
		}
		poll(&p, 1, left > 3600000 ? 3600000 : (int)left);
		while (read(watch, junk, sizeof(junk)) > 0)
			;
	}
	return 0;
}

/* clang-format off */
const struct command command_events = {
	.name = "events", .args = "", .summary = "Show what happens to containers",
	.opts = rows, .size = sizeof(struct events_opts), .run = run_events,
};
/* clang-format on */
