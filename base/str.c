/* str.c - see str.h. */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The growing buffer. */

static void grow(struct strbuf *b, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(b->len, more, &need) || __builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX;	/* mem_resize refuses it */
	if (need <= b->cap)
		return;
	b->cap = need < 64 ? 64 : need > SIZE_MAX / 2 ? need : need + need / 2;
	b->s = mem_resize(b->s, b->cap, 1);
}

void strbuf_cleanup(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf)STRBUF_INIT;
}

void strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	grow(b, n);
	if (n > 0)
		memcpy(b->s + b->len, data, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	grow(b, (size_t)n);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(b, fmt, ap);
	va_end(ap);
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

char *strbuf_take(struct strbuf *b)
{
	char *s = b->s ? b->s : mem_strdup("");

	*b = (struct strbuf)STRBUF_INIT;
	return s;
}

/* The list. */

void strlist_cleanup(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strlist)STRLIST_INIT;
}

static void push(struct strlist *l, char *s)
{
	/* Grows at powers of two: n + 2 slots are needed, NULL included. */
	if (!l->v || ((l->n + 1) & l->n) == 0)
		l->v = mem_resize(l->v, 2 * (l->n + 1), sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strlist_add(struct strlist *l, const char *s)
{
	push(l, mem_strdup(s));
}

void strlist_addf(struct strlist *l, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	push(l, strbuf_take(&b));
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(struct strlist *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

void strlist_split(struct strlist *l, const char *s, char sep, bool skip_empty)
{
	for (;;) {
		const char *end = strchr(s, sep);
		size_t n = end ? (size_t)(end - s) : strlen(s);

		if (n > 0 || !skip_empty)
			push(l, mem_strndup(s, n));
		if (!end || sep == '\0')
			return;
		s = end + 1;
	}
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t k = strlen(prefix);

	return strncmp(s, prefix, k) == 0 ? s + k : NULL;
}

/* Numbers. */

/* Digits from *s on, which moves behind them.  -EINVAL without a digit, -ERANGE above max. */
static int digits(const char **s, uint64_t max, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;
	bool over = false;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	}
	*s = p;
	if (over || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;
	int r = digits(&s, UINT64_MAX, &v);

	if (r != -EINVAL && *s)
		return -EINVAL;
	if (r == 0)
		*ret = v;
	return r;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	uint64_t v = 0;
	int r = str_to_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	bool minus = *s == '-';
	uint64_t v = 0;
	int r;

	if (*s == '-' || *s == '+')
		s++;
	r = str_to_u64(s, &v);
	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + minus)
		return -ERANGE;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_to_double(const char *s, double *ret)
{
	const char *p = s;
	char *end;
	double v;

	/* strtod also takes "inf", "nan", hexadecimal and white space. */
	if (*p == '-' || *p == '+')
		p++;
	if (!is_digit(*p) && *p != '.')
		return -EINVAL;
	for (const char *q = p; *q; q++)
		if (!is_digit(*q) && !strchr(".eE+-", *q))
			return -EINVAL;
	errno = 0;
	v = strtod(s, &end);
	if (end == s || *end)
		return -EINVAL;
	if (errno == ERANGE && (v > 1 || v < -1))
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_bool(const char *s, bool *ret)
{
	static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *w = words[i], *p = s;

		while (*w && lower(*p) == *w)
			w++, p++;
		if (!*w && !*p) {
			*ret = i & 1;
			return 0;
		}
	}
	return -EINVAL;
}

/* What is behind the point, as a fraction of 10^18.  *s stands on the point, if any. */
static int fraction(const char **s, uint64_t *ret)
{
	uint64_t v = 0, unit = 1000000000000000000;
	const char *p = *s;

	*ret = 0;
	if (*p != '.')
		return 0;
	if (!is_digit(*++p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		unit /= 10;
		v += unit * (uint64_t)(*p - '0');
	}
	*s = p;
	*ret = v;
	return 0;
}

/* whole.frac * unit, rounded down; -ERANGE above max. */
static int scale(uint64_t whole, uint64_t frac, uint64_t unit, uint64_t max, uint64_t *ret)
{
	unsigned __int128 v = (unsigned __int128)whole * unit;

	v += (unsigned __int128)frac * unit / 1000000000000000000;
	if (v > max)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
	static const char units[] = "bkmgtp";
	uint64_t whole = 0, frac;
	unsigned shift = 0;
	const char *u;
	int r, r2;

	r = digits(&s, UINT64_MAX, &whole);
	if (r == -EINVAL)
		return r;
	r2 = fraction(&s, &frac);
	if (r2 < 0)
		return r2;
	if (*s) {
		u = strchr(units, lower(*s));
		if (!u)
			return -EINVAL;
		shift = 10 * (unsigned)(u - units);
		s++;
		if (shift > 0 && lower(*s) == 'i')
			s++;
		if (shift > 0 && lower(*s) == 'b')
			s++;
		if (*s)
			return -EINVAL;
	}
	return r < 0 ? r : scale(whole, frac, 1ULL << shift, UINT64_MAX, ret);
}

static int time_unit(const char **s, uint64_t *ret)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "ms", 1000000 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "ns", 1 },
		{ "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const char *rest = str_after(*s, units[i].name);

		if (rest) {
			*s = rest;
			*ret = units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

int str_to_duration(const char *s, int64_t *ret_ns)
{
	uint64_t sum = 0;
	bool first = true, over = false;

	do {
		uint64_t whole = 0, frac, unit = 1000000000, ns = 0;
		int r = digits(&s, UINT64_MAX, &whole);

		if (r == -EINVAL)
			return r;
		over |= r == -ERANGE;
		if (fraction(&s, &frac) < 0)
			return -EINVAL;
		if ((*s || !first) && time_unit(&s, &unit) < 0)
			return -EINVAL;
		over |= scale(whole, frac, unit, INT64_MAX, &ns) < 0;
		sum += ns;
		over |= sum > INT64_MAX;
		if (over)
			sum = 0;	/* the rest is still checked, so that nonsense is EINVAL */
		first = false;
	} while (*s);
	if (over)
		return -ERANGE;
	*ret_ns = (int64_t)sum;
	return 0;
}

int str_to_mode(const char *s, uint32_t *ret)
{
	uint32_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '7')
			return -EINVAL;
		v = v * 8 + (uint32_t)(*s - '0');
		if (v > 07777)
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

/* Sizes and times for people. */

const char *str_bytes(uint64_t n, char buf[static 16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 1024 && u + 1 < ARRAY_SIZE(units); u++)
		v /= 1024;
	snprintf(buf, 16, "%.4g%s", v, units[u]);
	return buf;
}

const char *str_ago(int64_t seconds, char buf[static 32])
{
	long long s = seconds < 0 ? 0 : seconds, m = s / 60, h = (s + 1800) / 3600;

	if (s < 1)
		snprintf(buf, 32, "Less than a second");
	else if (s == 1)
		snprintf(buf, 32, "1 second");
	else if (s < 60)
		snprintf(buf, 32, "%lld seconds", s);
	else if (m == 1)
		snprintf(buf, 32, "About a minute");
	else if (m < 60)
		snprintf(buf, 32, "%lld minutes", m);
	else if (h == 1)
		snprintf(buf, 32, "About an hour");
	else if (h < 48)
		snprintf(buf, 32, "%lld hours", h);
	else if (h < 24 * 7 * 2)
		snprintf(buf, 32, "%lld days", h / 24);
	else if (h < 24 * 30 * 2)
		snprintf(buf, 32, "%lld weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		snprintf(buf, 32, "%lld months", h / 24 / 30);
	else
		snprintf(buf, 32, "%lld years", h / 24 / 365);
	return buf;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, by years that begin in March. */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m + (m > 2 ? -3U : 9U)) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

const char *str_time(struct timespec t, char buf[static 40])
{
	int64_t day = t.tv_sec / 86400, sec = t.tv_sec % 86400, era, y;
	unsigned doe, yoe, doy, mp, d, m;

	if (sec < 0) {
		sec += 86400;
		day--;
	}
	day += 719468;
	era = (day >= 0 ? day : day - 146096) / 146097;
	doe = (unsigned)(day - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d = doy - (153 * mp + 2) / 5 + 1;
	m = mp < 10 ? mp + 3 : mp - 9;
	y = (int64_t)yoe + era * 400 + (m <= 2);
	if (y < 0 || y > 9999)	/* RFC 3339 has no other years */
		snprintf(buf, 40, "0001-01-01T00:00:00Z");
	else
		snprintf(buf, 40, "%04d-%02u-%02uT%02d:%02d:%02d.%09ldZ", (int)y, m, d,
			 (int)(sec / 3600), (int)(sec / 60 % 60), (int)(sec % 60), t.tv_nsec);
	return buf;
}

/* Exactly n digits, then the character `then` (unless it is 0). */
static bool field(const char **s, int n, char then, unsigned *ret)
{
	unsigned v = 0;

	for (; n > 0; n--, (*s)++) {
		if (!is_digit(**s))
			return false;
		v = v * 10 + (unsigned)(**s - '0');
	}
	*ret = v;
	if (then && lower(*(*s)++) != then)
		return false;
	return true;
}

int str_to_time(const char *s, struct timespec *ret)
{
	unsigned y, mo, d, h, mi, sec, oh = 0, om = 0;
	uint64_t whole = 0, frac;
	bool west = false;
	const char *p = s;
	int64_t t;
	int r;

	if (!field(&p, 4, '-', &y)) {
		r = digits(&s, INT64_MAX, &whole);
		if (r == -EINVAL || fraction(&s, &frac) < 0 || *s)
			return -EINVAL;
		if (r == 0)
			*ret = (struct timespec){ (time_t)whole, (long)(frac / 1000000000) };
		return r;
	}
	if (!field(&p, 2, '-', &mo) || !field(&p, 2, 't', &d) || !field(&p, 2, ':', &h) ||
	    !field(&p, 2, ':', &mi) || !field(&p, 2, 0, &sec) || fraction(&p, &frac) < 0)
		return -EINVAL;
	if (lower(*p) == 'z') {
		p++;
	} else {
		west = *p == '-';
		if ((*p != '-' && *p != '+') || (p++, !field(&p, 2, ':', &oh)) ||
		    !field(&p, 2, 0, &om))
			return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60 || oh > 23 ||
	    om > 59)
		return -ERANGE;
	/* A day that the month does not have is a day of the next month. */
	if (d > 28 && days_of(y, mo, d) >= days_of(mo == 12 ? y + 1 : y, mo == 12 ? 1 : mo + 1, 1))
		return -ERANGE;
	t = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	t += (west ? 1 : -1) * (int64_t)(oh * 3600 + om * 60);
	*ret = (struct timespec){ (time_t)t, (long)(frac / 1000000000) };
	return 0;
}

static int local_time(const char *text, struct timespec *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		int day = tm.tm_mday;
		time_t t;

		if (!end || *end)
			continue;
		t = mktime(&tm);
		if (tm.tm_mday != day)
			return -EINVAL;	/* 31 February is no day */
		*ret = (struct timespec){ .tv_sec = t };
		return 0;
	}
	return -EINVAL;
}

int str_to_when(const char *text, struct timespec *ret)
{
	int64_t ns;

	if (str_to_time(text, ret) == 0)
		return 0;
	if (str_to_duration(text, &ns) < 0)
		return local_time(text, ret);
	clock_gettime(CLOCK_REALTIME, ret);
	ret->tv_sec -= ns / 1000000000;
	ret->tv_nsec -= ns % 1000000000;
	if (ret->tv_nsec < 0) {
		ret->tv_nsec += 1000000000;
		ret->tv_sec--;
	}
	return 0;
}

/* Identifiers. */

void str_random_hex(char *buf, size_t n)
{
	unsigned char raw[64];
	size_t have = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % (2 * sizeof(raw)) == 0) {
			/* Up to 256 bytes come whole, once the kernel has entropy (random(7)). */
			do
				have = (size_t)getrandom(raw, sizeof(raw), 0);
			while (have != sizeof(raw));
		}
		buf[i] = "0123456789abcdef"[raw[i / 2 % sizeof(raw)] >> (i % 2 * 4) & 15];
	}
	buf[n] = '\0';
}

bool str_is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return s[n] == '\0';
}

uint64_t str_hash(const void *data, size_t n, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ? seed : 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* Did you mean. */

#define DISTANCE_MAX 100

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned str_distance(const char *a, const char *b)
{
	unsigned char rows[3][DISTANCE_MAX + 1];
	unsigned char *prev2 = rows[0], *prev = rows[1], *cur = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na >= DISTANCE_MAX || nb >= DISTANCE_MAX)
		return strcmp(a, b) == 0 ? 0 : DISTANCE_MAX;
	for (size_t j = 0; j <= nb; j++)
		prev[j] = (unsigned char)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned char *t = prev2;

		cur[0] = (unsigned char)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned v = min(prev[j] + 1U, cur[j - 1] + 1U);

			v = min(v, prev[j - 1] + (a[i - 1] != b[j - 1] ? 1U : 0U));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				v = min(v, prev2[j - 2] + 1U);
			cur[j] = (unsigned char)v;
		}
		prev2 = prev;
		prev = cur;
		cur = t;
	}
	return prev[nb];
}

const char *str_nearest(const char *s, const char *const *names)
{
	size_t n = strlen(s);
	unsigned limit = n / 3 > 1 ? (unsigned)(n / 3) : 1, best = limit + 1;
	const char *found = NULL, *longer = NULL;
	unsigned nlonger = 0;

	for (; *names; names++) {
		unsigned d = str_distance(s, *names);

		if (d < best) {
			best = d;
			found = *names;
		}
		if (n >= 3 && str_starts(*names, s)) {
			longer = *names;
			nlonger++;
		}
	}
	/* "mem" is far from "memory", and yet means it when nothing else begins so. */
	return found ? found : nlonger == 1 ? longer : NULL;
}

size_t str_utf8(const char *s, size_t n, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t k;

	if (n == 0)
		return 0;
	c = p[0];
	k = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (k == 0 || k > n)
		return 0;
	if (k > 1)
		c &= 0x7fU >> k;
	for (size_t i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least[k] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*ret = c;
	return k;
}

/* Bytes of the character at s if it does not steer a terminal: controls (C0, DEL, C1) and the
 * marks that turn the direction of writing do. */
static size_t harmless(const char *s, size_t n)
{
	uint32_t c = 0;
	size_t k = str_utf8(s, n, &c);

	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return 0;
	return k;
}

const char *str_printable(const char *s, size_t n, char *buf, size_t max)
{
	size_t out = 0;

	if (max == 0)
		return buf;
	for (size_t i = 0; i < n;) {
		size_t k = harmless(s + i, n - i), len;
		char esc[8];

		if (k > 0)
			memcpy(esc, s + i, len = k);
		else if (s[i] == '\n' || s[i] == '\t')
			len = (size_t)snprintf(esc, sizeof(esc), "\\%c", s[i] == '\n' ? 'n' : 't');
		else
			len = (size_t)snprintf(esc, sizeof(esc), "\\x%02x", (unsigned char)s[i]);
		if (len >= max - out)
			break;
		memcpy(buf + out, esc, len);
		out += len;
		i += k ? k : 1;
	}
	buf[out] = '\0';
	return buf;
}
