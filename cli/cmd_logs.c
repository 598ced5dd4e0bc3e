/* cmd_logs.c - logs: what a container wrote, and what it goes on writing. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/pick.h"
#include "cli/log_reader.h"
#include "cli/output.h"
#include "runtime/supervisor.h"

struct logs_opts {
	struct pick pick;
	bool follow, timestamps, details, names, color, several;
	const char *since, *until, *tail;
};

#define O(f) offsetof(struct logs_opts, f)
static const struct opt rows[] = {
	{ "follow", 'f', OPT_BOOL, O(follow), NULL, "Go on until the container ends" },
	{ "since", 0, OPT_STR, O(since), "TIME",
	  "Only what came after TIME, or within the last 10m" },
	{ "until", 0, OPT_STR, O(until), "TIME", "Only what came before TIME" },
	{ "tail", 'n', OPT_STR, O(tail), "N", "Only the last N lines (all)" },
	{ "timestamps", 't', OPT_BOOL, O(timestamps), NULL, "Put the time before each line" },
	{ "names", 0, OPT_BOOL, O(names), NULL, "Put the container's name before each line" },
	{ "details", 0, OPT_BOOL, O(details), NULL,
	  "Put labels and variables of --log-opt labels=, env= before each line" },
	{ "color", 0, OPT_BOOL, O(color), NULL, NULL },	/* on a terminal they are there anyway */
	PICK_LATEST(logs_opts),
	OPT_END,
};
#undef O

struct view {
	const struct logs_opts *o;
	const char *name;
	char since[40], until[40];	/* in the log's own form, or "" */
	bool tty, past_until;
	const char *colour;		/* of its name, or "" */
	const char *details;		/* what goes before each line, or "" */
	size_t most;			/* bytes of one write: whole lines, where several write */
	bool at_start[2];		/* of a line, by stream */
	struct strbuf out;
	int out_fd;
};

/* Times are UTC with nanoseconds and so compare as text. */
static int parse_when(const char *option, const char *text, char out[static 40], struct err *e)
{
	struct timespec t;

	if (!text)
		return 0;
	if (str_to_when(text, &t) < 0)
		return err_say(e, EINVAL, "--%s %s: expected 2026-01-02T03:04:05Z, seconds since "
			       "1970, or 10m", option, text);
	str_time(t, out);
	return 0;
}

static int flush(struct view *v)
{
	int r = v->out.len ? fd_write_all(v->out_fd, v->out.s, v->out.len) : 0;

	strbuf_reset(&v->out);
	return r;
}

static int show(struct view *v, const struct log_line *l)
{
	int fd = l->err && !v->tty ? 2 : 1;

	if (v->since[0] && strcmp(l->time, v->since) < 0)
		return 0;
	if (v->until[0] && strcmp(l->time, v->until) > 0) {
		v->past_until = true;
		return 0;
	}
	if (fd != v->out_fd || v->out.len + l->n + 64 > v->most) {
		int r = flush(v);

		if (r < 0)
			return r;
		v->out_fd = fd;
	}
	if (v->at_start[fd - 1]) {
		if (v->o->names)
			strbuf_addf(&v->out, "%s%s%s ", v->colour, v->name,
				    *v->colour ? "\033[0m" : "");
		if (v->o->timestamps)
			strbuf_addf(&v->out, "%s ", l->time);
		strbuf_adds(&v->out, v->details);
	}
	strbuf_add(&v->out, l->text, l->n);
	if (l->whole)
		strbuf_addc(&v->out, '\n');
	v->at_start[fd - 1] = l->whole;
	return 0;
}

static int show_all(struct view *v, struct log_reader *r, uint64_t *skip, struct err *e)
{
	struct log_line l;
	int rc, written;

	while ((rc = log_reader_next(r, &l, e)) > 0 && !v->past_until) {
		if (*skip) {
			*skip -= l.whole;
			continue;
		}
		if ((written = show(v, &l)) < 0)
			return written;
	}
	if ((written = flush(v)) < 0)
		return written;
	return rc < 0 ? rc : 0;
}

/* Waits for more: 1 something was written, 0 the container has ended. */
static int wait_more(struct cli *c, const char *id, int watch, int *sock)
{
	static char data[SUP_DATA];
	struct pollfd p[2] = { { .fd = watch, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	struct err e = ERR_INIT;
	struct sup_head h;

	if (*sock < 0) {
		if (control_connect(&c->en, id, sock, &e) == 0)
			control_send(*sock, SUP_WAIT, 0, 0, NULL, 0);
		else if (!run_alive(&c->en, id))
			return 0;
	}
	p[1].fd = *sock;
	/* between two lives of a restarting container nobody listens: look again */
	if (poll(p, 2, *sock < 0 ? 50 : -1) < 0)
		return 1;
	if (p[1].revents) {
		ssize_t n = control_recv(*sock, &h, data);

		if (n < 0) {
			fd_close(sock);
			return run_alive(&c->en, id);
		}
		return h.type != SUP_END;
	}
	return 1;
}

static int follow(struct cli *c, const char *id, struct view *v, struct log_reader *r,
		  struct err *e)
{
	AUTO_CLOSE int sock = -1;
	uint64_t none = 0;
	int watch, more = 1, rc = log_reader_watch(r, &watch, e);

	while (rc == 0) {
		rc = show_all(v, r, &none, e);
		if (rc < 0 || v->past_until || !more)
			break;
		more = wait_more(c, id, watch, &sock);
		log_reader_woken(r);
		if (!more)
			log_reader_finish(r);
	}
	return rc;
}

static const char *colour_of(const char *name)
{
	static const char *const all[] = { "\033[36m", "\033[33m", "\033[32m", "\033[35m",
					   "\033[34m" };

	return output_colour() ? all[str_hash(name, strlen(name), 0) % ARRAY_SIZE(all)] : "";
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct json_pair *)a)->key, ((const struct json_pair *)b)->key);
}

/* As in a query of HTTP, which is how Docker keeps '=', ',' and ' ' apart from what they part. */
static void add_escaped(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			strbuf_addc(b, *s);
		else if (*s == ' ')
			strbuf_addc(b, '+');
		else
			strbuf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

/* "KEY=VALUE,KEY=VALUE ", by name. */
static char *details_of(const struct record *r)
{
	const struct json_map *m = &r->log.attrs;
	struct strbuf b = STRBUF_INIT;

	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), compare_pairs);
	for (size_t i = 0; i < m->n; i++) {
		strbuf_adds(&b, i ? "," : "");
		add_escaped(&b, m->v[i].key);
		strbuf_addc(&b, '=');
		add_escaped(&b, m->v[i].value);
	}
	if (m->n)
		strbuf_addc(&b, ' ');
	return strbuf_take(&b);
}

static int show_log(struct cli *c, const struct logs_opts *o, const struct record *r, struct err *e)
{
	struct view v = { .o = o, .name = r->name, .tty = r->tty, .at_start = { true, true },
			  .out_fd = 1, .details = "", .colour = colour_of(r->name),
			  .most = o->several ? 4096 : 65536 };
	AUTO_FREE char *details = NULL;
	struct log_reader *reader;
	uint64_t skip = 0, all = 0, want;
	int rc;

	if ((rc = parse_when("since", o->since, v.since, e)) < 0 ||
	    (rc = parse_when("until", o->until, v.until, e)) < 0 ||
	    (rc = log_reader_open(&c->en, r, &reader, e)) < 0)
		return rc;
	if (o->details)
		v.details = details = details_of(r);
	if (o->tail && !str_eq(o->tail, "all") && !str_eq(o->tail, "-1")) {
		if (str_to_u64(o->tail, &want) < 0)
			rc = err_say(e, EINVAL, "--tail %s: expected a number, or all", o->tail);
		else
			rc = log_reader_count(reader, &all, e);
		skip = rc == 0 && all > want ? all - want : 0;
		log_reader_rewind(reader);
	}
	if (rc == 0)
		rc = show_all(&v, reader, &skip, e);
	if (rc == 0 && o->follow && !v.past_until)
		rc = follow(c, r->id, &v, reader, e);
	strbuf_cleanup(&v.out);
	log_reader_free(reader);
	if (rc == -EPIPE && !e->code)
		return 0;	/* who read us has gone: no error */
	return rc < 0 && !e->code ? err_set(e, -rc, "write the log") : rc;
}

static int show_one(struct cli *c, const char *name, const struct logs_opts *o, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	char id[65];
	int rc;

	if ((rc = record_find(&c->en, name, id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0)
		return rc;
	if (str_eq(r->log.driver, "none") || str_eq(r->log.driver, "passthrough"))
		return err_say(e, ENODATA, "container %s keeps no log (log driver %s)", name,
			       r->log.driver);
	return show_log(c, o, r, e);
}

static int follow_one(struct cli *c, const char *name, void *ctx)
{
	struct err e = ERR_INIT;

	if (show_one(c, name, ctx, &e) == 0)
		return 0;
	log_error(&e);
	return e.status ? e.status : ERR_STATUS_ENGINE;
}

static int run_logs(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct logs_opts *o = opts;
	int rc = 0;

	o->several = argc > 1;
	if (o->follow && argc > 16)
		return err_say(e, EINVAL, "--follow: 16 containers at once, not %d", argc);
	if (o->follow && o->several)
		return command_spread(c, argc, argv, follow_one, o);
	for (int i = 0; rc == 0 && i < argc; i++)
		rc = show_one(c, argv[i], o, e);
	return rc;
}

/* clang-format off */
const struct command command_logs = {
	.name = "logs", .args = "CONTAINER...", .summary = "Show what containers wrote",
	.opts = rows, .size = sizeof(struct logs_opts), .min = 1, .max = -1,
	.pick = PICK_ANY, .complete = "container", .run = run_logs,
};
/* clang-format on */
