/* gunzip.c - members of gzip, one after the other, by zlib or libisal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef BERTH_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/mem.h"
#include "image/gunzip.h"

#define BACK 8		/* so many bytes a library may have read too far at a member's end */

struct gunzip_lib {
	size_t size;			/* of its state, which begins as zeroes */
	int (*begin)(struct gunzip *g);	/* of a member; -1: no memory */
	/* Takes from in, gives to out.  1: the member ended and its checksum holds; -1: damaged. */
	int (*step)(struct gunzip *g);
	void (*end)(void *state);
};

/* ---- zlib ---- */

struct zlib { z_stream z; bool open; };

static int zlib_begin(struct gunzip *g)
{
	struct zlib *s = g->state;
	int r = s->open ? inflateReset(&s->z) : inflateInit2(&s->z, 16 + MAX_WBITS);

	s->open = s->open || r == Z_OK;
	return r == Z_OK ? 0 : -1;
}

static int zlib_step(struct gunzip *g)
{
	z_stream *z = &((struct zlib *)g->state)->z;
	int r;

	z->next_in = g->in;
	z->avail_in = (uInt)g->nin;
	z->next_out = g->out;
	z->avail_out = (uInt)g->nout;
	r = inflate(z, Z_NO_FLUSH);
	g->in = z->next_in;
	g->nin = z->avail_in;
	g->out = z->next_out;
	g->nout = z->avail_out;
	return r == Z_STREAM_END ? 1 : r == Z_OK || r == Z_BUF_ERROR ? 0 : -1;
}

static void zlib_end(void *state)
{
	struct zlib *s = state;

	if (s->open)
		inflateEnd(&s->z);
}

const struct gunzip_lib gunzip_zlib = { sizeof(struct zlib), zlib_begin, zlib_step, zlib_end };

/* ---- libisal ---- */

#ifdef BERTH_ISAL

struct isal {
	struct inflate_state s;
	struct isal_gzip_header header;
	bool header_read;
};

static int isal_begin(struct gunzip *g)
{
	struct isal *i = g->state;

	isal_inflate_init(&i->s);
	isal_gzip_header_init(&i->header);
	i->header_read = false;
	return 0;
}

#define GZIP_RESERVED 0xe0	/* of a header's flags, which it does not look at */

/* isal_inflate reads a header, too, but only one that comes in one piece. */
static int isal_header(struct isal *i)
{
	int r = isal_read_gzip_header(&i->s, &i->header);

	i->header_read = r == ISAL_DECOMP_OK;
	if (r == ISAL_END_INPUT)
		return 0;
	i->s.crc_flag = ISAL_GZIP_NO_HDR_VER;
	return r == ISAL_DECOMP_OK && !(i->header.flags & GZIP_RESERVED) ? 0 : -1;
}

static int isal_step(struct gunzip *g)
{
	struct isal *i = g->state;
	struct inflate_state *s = &i->s;
	int r;

	s->next_in = g->in;
	s->avail_in = (uint32_t)g->nin;
	s->next_out = g->out;
	s->avail_out = (uint32_t)g->nout;
	r = i->header_read ? isal_inflate(s) : isal_header(i);
	g->in = s->next_in;
	g->nin = s->avail_in;
	g->out = s->next_out;
	g->nout = s->avail_out;
	if (r != 0)
		return -1;
	if (!i->header_read || s->block_state != ISAL_BLOCK_FINISH)
		return 0;
	/* whole bytes behind the member that lie in its bit buffer */
	g->in -= s->read_in_length / 8;
	g->nin += (size_t)s->read_in_length / 8;
	return 1;
}

static void isal_end(void *state)
{
	(void)state;
}

const struct gunzip_lib gunzip_isal = { sizeof(struct isal), isal_begin, isal_step, isal_end };
const struct gunzip_lib *const gunzip_best = &gunzip_isal;
#else
const struct gunzip_lib *const gunzip_best = &gunzip_zlib;
#endif

/* ---- members ---- */

int gunzip_open(struct gunzip *g, struct err *e)
{
	g->state = mem_alloc(g->lib->size);
	g->buf = mem_alloc(BACK + GUNZIP_CHUNK);
	g->in = g->buf + BACK;
	g->nin = 0;
	g->ended = g->padding = false;
	g->inside = g->lib->begin(g) == 0;
	return g->inside ? 0 : err_set(e, ENOMEM, "inflate");
}

void gunzip_close(struct gunzip *g)
{
	if (g->state)
		g->lib->end(g->state);
	free(g->state);
	free(g->buf);
	g->state = g->buf = NULL;
}

static int refill(struct gunzip *g, struct err *e)
{
	long n;

	memmove(g->buf, g->in - BACK, BACK);
	g->in = g->buf + BACK;
	n = g->read(g->ctx, g->in, GUNZIP_CHUNK, e);
	if (n < 0)
		return (int)n;
	g->nin = (size_t)n;
	g->ended = n == 0;
	return 0;
}

static int damaged(const char *how, struct err *e)
{
	return err_say(e, EINVAL, "the layer cannot be unpacked: its gzip data are %s", how);
}

/* Behind a member: another one, or zeroes to the end. */
static int next_member(struct gunzip *g, struct err *e)
{
	if (*g->in != 0 && !g->padding) {
		g->inside = g->lib->begin(g) == 0;
		return g->inside ? 0 : err_set(e, ENOMEM, "inflate");
	}
	g->padding = true;
	for (; g->nin > 0; g->in++, g->nin--)
		if (*g->in != 0)
			return damaged("followed by something else", e);
	return 0;
}

long gunzip_read(struct gunzip *g, void *out, size_t n, struct err *e)
{
	unsigned idle = 0;

	g->out = out;
	g->nout = n;
	while (g->nout > 0) {
		size_t in = g->nin, room = g->nout;
		int r = 0;

		if (in == 0 && !g->ended) {
			r = refill(g, e);
			if (r < 0)
				return r;
			continue;
		}
		if (!g->inside && in == 0)
			break;
		if (!g->inside) {
			r = next_member(g, e);
			if (r < 0)
				return r;
			continue;
		}
		r = g->lib->step(g);
		idle = g->nin == in && g->nout == room && r == 0 ? idle + 1 : 0;
		if (idle == 2 && g->ended)
			return damaged("truncated", e);
		if (r < 0 || idle == 2)
			return damaged("damaged", e);
		g->inside = r == 0;
	}
	return (long)(n - g->nout);
}
