/* bars.c - progress, drawn on a terminal or said in lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

void bars_init(struct bars *b, size_t n, bool quiet)
{
	*b = (struct bars){ .n = n, .quiet = quiet, .terminal = isatty(2) };
	b->v = mem_array(n + 1, sizeof(*b->v));
	pthread_mutex_init(&b->lock, NULL);
}

void bars_cleanup(struct bars *b)
{
	pthread_mutex_destroy(&b->lock);
	free(b->v);
	b->v = NULL;
}

void bars_set(struct bars *b, size_t i, const char *digest, uint64_t size)
{
	snprintf(b->v[i].name, sizeof(b->v[i].name), "%.12s", digest + 7);
	b->v[i].size = size;
	b->v[i].state = "waiting";
}

void bars_move(struct bars *b, size_t i, uint64_t more)
{
	pthread_mutex_lock(&b->lock);
	b->v[i].at += more;
	pthread_mutex_unlock(&b->lock);
}

void bars_state(struct bars *b, size_t i, const char *state)
{
	pthread_mutex_lock(&b->lock);
	b->v[i].state = state;
	b->v[i].said = false;
	if (!b->v[i].begun_ns) {
		b->v[i].begun_ns = now_ns();
		b->v[i].begun_at = b->v[i].at;
	}
	pthread_mutex_unlock(&b->lock);
}

static void draw_one(const struct bar *v, struct strbuf *out)
{
	char at[16], size[16], rate[16];
	int64_t ns = v->begun_ns ? now_ns() - v->begun_ns : 0;
	int full = v->size ? (int)((double)v->at / (double)v->size * BAR_WIDTH) : BAR_WIDTH;

	full = full > BAR_WIDTH ? BAR_WIDTH : full;
	strbuf_addf(out, "\r\033[K%s ", v->name);
	if (!str_eq(v->state, "downloading")) {
		strbuf_addf(out, "%s  %s\n", v->state, str_bytes(v->size, size));
		return;
	}
	strbuf_addc(out, '[');
	for (int i = 0; i < BAR_WIDTH; i++)
		strbuf_addc(out, i < full ? '#' : '.');
	strbuf_addf(out, "] %s/%s", str_bytes(v->at, at), str_bytes(v->size, size));
	if (ns > 500000000)
		strbuf_addf(out, "  %s/s", str_bytes((uint64_t)((double)(v->at - v->begun_at) /
								((double)ns / 1e9)), rate));
	strbuf_addc(out, '\n');
}

void bars_draw(struct bars *b)
{
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;

	if (b->quiet)
		return;
	pthread_mutex_lock(&b->lock);
	if (b->terminal && b->drawn)
		strbuf_addf(&out, "\033[%zuA", b->drawn);
	for (size_t i = 0; i < b->n; i++) {
		struct bar *v = &b->v[i];
		char size[16];

		if (b->terminal) {
			draw_one(v, &out);
		} else if (!v->said && !str_eq(v->state, "waiting")) {
			strbuf_addf(&out, "%s: %s, %s\n", v->name, v->state,
				    str_bytes(v->size, size));
			v->said = true;
		}
	}
	b->drawn = b->n;
	pthread_mutex_unlock(&b->lock);
	if (out.len)
		fd_write_all(2, out.s, out.len);
}
