/*
 * str.h - strings: a growing buffer, lists, strict numbers, sizes, times.
 *
 * Used by every program.  Parsers take the whole string or fail with -EINVAL or
 * -ERANGE; they set no struct err, since only the caller knows the noun.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct strbuf { char *s; size_t len, cap; };	/* s is NUL-terminated once anything was added */
#define STRBUF_INIT { NULL, 0, 0 }
void strbuf_cleanup(struct strbuf *b);		/* AUTO(strbuf) */
void strbuf_add(struct strbuf *b, const void *data, size_t n);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void strbuf_reset(struct strbuf *b);
char *strbuf_take(struct strbuf *b);		/* never NULL; caller frees */

struct strlist { char **v; size_t n; };		/* v is NULL-terminated once anything was added */
#define STRLIST_INIT { NULL, 0 }
void strlist_cleanup(struct strlist *l);	/* AUTO(strlist) */
void strlist_add(struct strlist *l, const char *s);
void strlist_addf(struct strlist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strlist_has(const struct strlist *l, const char *s);
void strlist_sort(struct strlist *l);
/* Splits at each sep; empty parts are kept unless skip_empty. */
void strlist_split(struct strlist *l, const char *s, char sep, bool skip_empty);

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && __builtin_strcmp(a, b) == 0);
}
static inline bool str_empty(const char *s) { return !s || !*s; }
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* The part of s behind prefix, or NULL. */
const char *str_after(const char *s, const char *prefix);

/* Decimal, whole string, no sign for the unsigned ones, no white space. */
int str_to_u32(const char *s, uint32_t *ret);
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);
int str_to_double(const char *s, double *ret);
int str_to_bool(const char *s, bool *ret);	/* true/false/1/0/yes/no/on/off */
/* Bytes: decimal (fraction allowed) and b k m g t p with optional i and B, powers of 1024. */
int str_to_bytes(const char *s, uint64_t *ret);
/* Nanoseconds: 1h30m, 2.5s, 100ms, 5us, 7ns; a bare number means seconds. */
int str_to_duration(const char *s, int64_t *ret_ns);
/* Octal mode up to 07777. */
int str_to_mode(const char *s, uint32_t *ret);

/* "1.5GiB"-like with 4 significant digits, into buf; returns buf. */
const char *str_bytes(uint64_t n, char buf[static 16]);
/* "About a minute"-like as Docker prints it ("3 minutes", "2 hours", "5 days"); returns buf. */
const char *str_ago(int64_t seconds, char buf[static 32]);
/* RFC 3339 in UTC with nanoseconds ("2026-11-21T15:04:05.000000001Z"); returns buf. */
const char *str_time(struct timespec t, char buf[static 40]);
/* RFC 3339, or seconds since the epoch[.fraction]. */
int str_to_time(const char *s, struct timespec *ret);
/* A time as people write it: the same, Docker's date without a zone (the host's then), or how long
 * ago ("10m").  -EINVAL. */
int str_to_when(const char *s, struct timespec *ret);

/* n random lower-case hex digits and a NUL into buf. */
void str_random_hex(char *buf, size_t n);
bool str_is_hex(const char *s, size_t n);	/* exactly n lower-case hex digits */
uint64_t str_hash(const void *data, size_t n, uint64_t seed);	/* FNV-1a 64; seed 0 to begin */

/* Edit distance (Damerau, optimal string alignment), capped at 100; for "did you mean". */
unsigned str_distance(const char *a, const char *b);
/* The nearest of names (NULL-terminated) within distance max(1, len/3), or NULL. */
const char *str_nearest(const char *s, const char *const *names);

/* Bytes of the well-formed UTF-8 character at s (RFC 3629), *ret its number; 0 when it is none. */
size_t str_utf8(const char *s, size_t n, uint32_t *ret);

/* Copies with control characters made visible (\xNN, \n, \t): for messages and terminals.
 * At most max output bytes; returns buf. */
const char *str_printable(const char *s, size_t n, char *buf, size_t max);

#endif
