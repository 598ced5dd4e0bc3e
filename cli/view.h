/*
 * view.h - a container as people see it: what ps, filters, inspect and prune look at.
 *
 * Used by cli/ only.
 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "cli/connect.h"
#include "cli/value.h"

struct view {			/* one container at this moment */
	char id[65];
	struct record *r;
	struct status s;
	enum connect_state state;
	struct engine const *en;
};
/* -ENOENT: there is none (any more). */
int view_load(const struct engine *en, const char *id, struct view *ret, struct err *e);
/* The same in two steps, for who looks at many: r is NULL after the first, and lies in the caller's
 * arena after the second, so that nothing is to be cleared.  cgroups: as for
 * connect_state_of. */
int view_load_state(const struct engine *en, const char *id, int cgroups, struct view *ret,
		    struct err *e);
int view_load_record(struct view *v, struct arena *a, struct err *e);
void view_clear(struct view *v);
void view_cleanup(struct view *v);	/* AUTO(view) */
static inline bool view_runs(const struct view *v)
{
	return v->state == STATE_RUNNING || v->state == STATE_PAUSED;
}

const char *view_proto(uint8_t proto);	/* "tcp", "udp", "sctp" */
/* Names of its networks, or its mode; into list. */
void view_networks(const struct view *v, struct strlist *ret);
/* "starting", "healthy", "unhealthy", or "none" */
const char *view_health(const struct view *v);

/* A row of ps, with Docker's names. */
struct json *view_row(struct arena *a, const struct view *v, bool no_trunc);

/* ---- for all that show rows ---- */

/* "2026-11-21 16:19:13 +0000 UTC" of RFC 3339; "" when it is none. */
const char *view_date(const char *rfc3339, char buf[static 40]);
int64_t view_seconds(const char *rfc3339);	/* since the epoch, 0: unknown */
/* "3 minutes ago", "N/A" */
const char *view_ago(int64_t then, int64_t now, char buf[static 48]);
int64_t view_now(void);
/* At most n characters, the last one "…" when it is cut. */
void view_cut(struct strbuf *b, const char *s, size_t n);
/* "12.3MB": powers of 1000, as Docker shows sizes. */
const char *view_size_text(uint64_t n, char buf[static 24]);
/* Row members of an object with labels: Labels as text, Label as a method. */
void view_put_labels(struct arena *a, struct json *row, const struct json_map *m);

#endif
