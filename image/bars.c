/* bars.c - progress, drawn on a terminal or said in lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "image/bars.h"

#define BAR_WIDTH 24

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct bars *bars_new(bool quiet)
{
	struct bars *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		return NULL;
	b->quiet = quiet;
	b->terminal = isatty(2);
	return b;
}

void bars_free(struct bars *b)
{
	if (b)
		munmap(b, sizeof(*b));
}

unsigned bars_add(struct bars *b, const char *digest, uint64_t size)
{
	unsigned i = b ? b->n : BARS_MAX;

	if (i >= BARS_MAX)
		return BARS_MAX;
	snprintf(b->v[i].digest, sizeof(b->v[i].digest), "%s", digest);
	b->v[i].size = size;
	b->v[i].state = "waiting";
	b->n = i + 1;
	return i;
}

void bars_move(struct bars *b, unsigned i, uint64_t more)
{
	if (b && i < BARS_MAX)
		b->v[i].at += more;
}

static bool moves(const char *state)
{
	return str_eq(state, "downloading") || str_eq(state, "uploading");
}

void bars_state(struct bars *b, unsigned i, const char *state)
{
	if (!b || i >= BARS_MAX)
		return;
	if (moves(state) && !b->v[i].begun_ns) {
		b->v[i].begun_at = b->v[i].at;
		b->v[i].begun_ns = now_ns();
	}
	b->v[i].state = state;
}

void bars_state_of(struct bars *b, const char *digest, const char *state)
{
	for (unsigned i = 0; b && i < b->n; i++)
		if (str_eq(b->v[i].digest, digest))
			bars_state(b, i, state);
}

int bars_interval(const struct bars *b)
{
	return b && b->terminal ? 100 : 20;
}

/* ---- drawing ---- */

static void draw_one(const struct bar *v, struct strbuf *out)
{
	const char *state = v->state;
	uint64_t at = v->at;
	int64_t begun = v->begun_ns, ns = begun ? now_ns() - begun : 0;
	int full = v->size ? (int)((double)at / (double)v->size * BAR_WIDTH) : BAR_WIDTH;
	char here[16], size[16], rate[16];

	full = full > BAR_WIDTH ? BAR_WIDTH : full;
	strbuf_addf(out, "\r\033[K%.12s ", v->digest + 7);
	if (!moves(state)) {
		strbuf_addf(out, "%s  %s\n", state, str_bytes(v->size, size));
		return;
	}
	strbuf_addc(out, '[');
	for (int i = 0; i < BAR_WIDTH; i++)
		strbuf_addc(out, i < full ? '#' : '.');
	strbuf_addf(out, "] %s/%s", str_bytes(at, here), str_bytes(v->size, size));
	if (ns > 500000000)
		strbuf_addf(out, "  %s/s", str_bytes((uint64_t)((double)(at - v->begun_at) /
								((double)ns / 1e9)), rate));
	strbuf_addc(out, '\n');
}

/* As many as the terminal has room for: those that are over make room first. */
static void draw_all(struct bars *b, struct strbuf *out)
{
	struct winsize w;
	unsigned n = b->n, rows = 24, from = 0;

	if (ioctl(2, TIOCGWINSZ, &w) == 0 && w.ws_row > 1)
		rows = w.ws_row;
	if (b->drawn)
		strbuf_addf(out, "\033[%uA", b->drawn);
	while (n - from >= rows && str_eq(b->v[from].state, "done"))
		from++;
	if (n - from >= rows)
		n = from + rows - 1;
	for (unsigned i = from; i < n; i++)
		draw_one(&b->v[i], out);
	b->drawn = n - from;
}

void bars_draw(struct bars *b)
{
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;

	if (!b || b->quiet)
		return;
	if (b->terminal)
		draw_all(b, &out);
	for (unsigned i = 0; !b->terminal && i < b->n; i++) {
		struct bar *v = &b->v[i];
		const char *state = v->state;
		char size[16];

		if (str_eq(state, "unpacking"))
			state = "downloaded";	/* its end follows soon enough */
		if (str_eq(state, "waiting") || str_eq(state, v->said))
			continue;
		strbuf_addf(&out, "%.12s: %s, %s\n", v->digest + 7, state,
			    str_bytes(v->size, size));
		v->said = state;
	}
	if (out.len)
		fd_write_all(2, out.s, out.len);
}
