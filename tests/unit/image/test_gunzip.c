/* gzip through each library: what is whole comes out, what is not is refused, by both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "image/gunzip.h"

static const struct gunzip_lib *const libs[] = {
	&gunzip_zlib,
#ifdef BERTH_ISAL
	&gunzip_isal,
#endif
};

struct input { const unsigned char *p; size_t n, at, chunk; };

/* The same numbers in every run. */
static unsigned next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*seed >> 33);
}

static long give(void *ctx, void *buf, size_t n, struct err *e)
{
	struct input *i = ctx;
	size_t some = i->n - i->at;

	(void)e;
	some = some > i->chunk ? i->chunk : some;
	some = some > n ? n : some;
	memcpy(buf, i->p + i->at, some);
	i->at += some;
	return (long)some;
}

/* Everything, in pieces of `chunk` in and `room` out.  Whether it was whole. */
static bool run(const struct gunzip_lib *lib, const void *p, size_t n, size_t chunk, size_t room,
		struct strbuf *out)
{
	struct input i = { p, n, 0, chunk };
	struct gunzip g = { .lib = lib, .read = give, .ctx = &i };
	AUTO_FREE char *buf = mem_alloc(room);
	struct err e = ERR_INIT;
	long got;

	strbuf_reset(out);
	assert_int_equal(gunzip_open(&g, &e), 0);
	while ((got = gunzip_read(&g, buf, room, &e)) > 0)
		strbuf_add(out, buf, (size_t)got);
	gunzip_close(&g);
	assert_int_equal(got < 0, e.code != 0);
	return got == 0;
}

/* What a layer may be like: words again and again, noise, zeroes. */
static void make_data(struct strbuf *b, size_t n, uint64_t *seed)
{
	static const char *const words[] = { "usr/share/doc/", "ustar  ", "0000644", "right\n" };

	strbuf_reset(b);
	while (b->len < n) {
		char noise[64] = { 0 };
		unsigned r = next_random(seed);

		if (r % 4 == 0)
			for (size_t i = 0; i < sizeof(noise); i++)
				noise[i] = (char)next_random(seed);
		if (r % 4 < 2)
			strbuf_add(b, noise, sizeof(noise));
		else
			strbuf_adds(b, words[r / 4 % ARRAY_SIZE(words)]);
	}
}

/* One member more.  how: level, strategy and what its header has. */
static void add_member(struct strbuf *b, const void *p, size_t n, unsigned how)
{
	static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE };
	gz_header h = { .hcrc = how >> 8 & 1 };
	size_t room = n + n / 100 + 1000;
	AUTO_FREE unsigned char *out = mem_alloc(room);
	z_stream z = { 0 };

	if (how >> 9 & 1)
		h.name = (Bytef *)(uintptr_t) "a name";
	if (how >> 10 & 1)
		h.comment = (Bytef *)(uintptr_t) "a comment";
	if (how >> 11 & 1) {
		h.extra = (Bytef *)(uintptr_t) "ab\4\0four";
		h.extra_len = 8;
	}
	assert_int_equal(deflateInit2(&z, (int)(how % 10), Z_DEFLATED, 31, 8,
				      strategies[how / 10 % 4]), Z_OK);
	deflateSetHeader(&z, &h);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	strbuf_add(b, (char *)out, room - z.avail_out);
	deflateEnd(&z);
}

static bool same(const struct strbuf *a, const struct strbuf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->s, b->s, a->len) == 0);
}

static void gunzip__members__are_one_stream(void **state)
{
	AUTO(strbuf) struct strbuf data = STRBUF_INIT;
	AUTO(strbuf) struct strbuf packed = STRBUF_INIT;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	uint64_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned members = 1 + next_random(&seed) % 5;
		size_t at = 0;

		make_data(&data, next_random(&seed) % (round % 10 ? 5000 : 400000), &seed);
		strbuf_reset(&packed);
		for (unsigned m = 1; m <= members; m++) {
			size_t n = m == members ? data.len - at :
						  next_random(&seed) % (data.len - at + 1);

			add_member(&packed, data.s ? data.s + at : "", n, next_random(&seed));
			at += n;
		}
		if (round % 3 == 0)	/* padding, as of a tape */
			for (unsigned i = next_random(&seed) % 600; i > 0; i--)
				strbuf_add(&packed, "", 1);
		for (size_t i = 0; i < ARRAY_SIZE(libs); i++) {
			size_t chunk = round % 4 ? 1 + next_random(&seed) % 300 : 1 << 20;
			size_t room = round % 4 ? 1 + next_random(&seed) % 3000 : 256 << 10;

			assert_true(run(libs[i], packed.s, packed.len, chunk, room, &out));
			assert_true(same(&out, &data));
		}
	}
}

static void gunzip__cut_at_any_byte__is_refused(void **state)
{
	AUTO(strbuf) struct strbuf data = STRBUF_INIT;
	AUTO(strbuf) struct strbuf packed = STRBUF_INIT;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	uint64_t seed = 2;
	size_t first;

	(void)state;
	make_data(&data, 3000, &seed);
	add_member(&packed, data.s, 2000, 0xf06);
	first = packed.len;
	add_member(&packed, data.s + 2000, data.len - 2000, 9);
	for (size_t n = 1; n < packed.len; n++)
		for (size_t i = 0; i < ARRAY_SIZE(libs); i++)
			for (size_t chunk = 1; chunk <= 1 << 16; chunk <<= 8)
				assert_int_equal(run(libs[i], packed.s, n, chunk, 1000, &out),
						 n == first);
}

static void gunzip__wrong_checksum_or_length_or_tail__is_refused(void **state)
{
	AUTO(strbuf) struct strbuf data = STRBUF_INIT;
	AUTO(strbuf) struct strbuf packed = STRBUF_INIT;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	uint64_t seed = 3;
	size_t n;

	(void)state;
	make_data(&data, 3000, &seed);
	add_member(&packed, data.s, data.len, 6);
	n = packed.len;
	for (size_t i = 0; i < ARRAY_SIZE(libs); i++) {
		for (size_t back = 1; back <= 8; back++)
			for (unsigned bit = 0; bit < 8; bit++) {
				packed.s[n - back] = (char)(packed.s[n - back] ^ 1 << bit);
				assert_false(run(libs[i], packed.s, n, n, 5000, &out));
				packed.s[n - back] = (char)(packed.s[n - back] ^ 1 << bit);
			}
		assert_true(run(libs[i], packed.s, n, n, 5000, &out));
	}
	/* noise, half a header, zeroes with something behind them */
	for (unsigned kind = 0; kind < 4; kind++) {
		static const char tails[][6] = { "noise", "\x1f", "\x1f\x8b\x08",
						 "\0\0\0\x1f\x8b" };
		static const size_t lens[] = { 5, 1, 3, 5 };

		packed.len = n;
		strbuf_add(&packed, tails[kind], lens[kind]);
		for (size_t i = 0; i < ARRAY_SIZE(libs); i++)
			for (size_t chunk = 1; chunk < 10000; chunk *= 3)
				assert_false(run(libs[i], packed.s, packed.len, chunk, 777, &out));
	}
}

static void gunzip__random_damage__is_refused_or_harmless(void **state)
{
	AUTO(strbuf) struct strbuf data = STRBUF_INIT;
	AUTO(strbuf) struct strbuf packed = STRBUF_INIT;
	AUTO(strbuf) struct strbuf bad = STRBUF_INIT;
	struct strbuf out[2] = { STRBUF_INIT, STRBUF_INIT };
	uint64_t seed = 4;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		bool whole[2];

		if (round % 20 == 0) {
			make_data(&data, 1 + next_random(&seed) % 3000, &seed);
			strbuf_reset(&packed);
			add_member(&packed, data.s, data.len / 2, next_random(&seed));
			add_member(&packed, data.s + data.len / 2, data.len - data.len / 2,
				   next_random(&seed));
		}
		strbuf_reset(&bad);
		strbuf_add(&bad, packed.s, packed.len);
		for (unsigned k = 1 + next_random(&seed) % 3; k > 0; k--) {
			size_t at = next_random(&seed) % bad.len;

			bad.s[at] = (char)(bad.s[at] ^ 1 << next_random(&seed) % 8);
		}
		for (size_t i = 0; i < ARRAY_SIZE(libs); i++)
			whole[i] = run(libs[i], bad.s, bad.len, 1 + next_random(&seed) % 3000,
				       1 + next_random(&seed) % 3000, &out[i]);
		for (size_t i = 0; i < ARRAY_SIZE(libs); i++) {
			assert_true(!whole[0] || whole[i]);
			assert_true(!whole[i] || same(&out[i], &data));
		}
	}
	strbuf_cleanup(&out[0]);
	strbuf_cleanup(&out[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gunzip__members__are_one_stream),
		cmocka_unit_test(gunzip__cut_at_any_byte__is_refused),
		cmocka_unit_test(gunzip__wrong_checksum_or_length_or_tail__is_refused),
		cmocka_unit_test(gunzip__random_damage__is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
