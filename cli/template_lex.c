/* template_lex.c - what stands between {{ and }}, as tokens. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/template_part.h"

int template_lex_fail(struct template_lex *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_say(l->e, EINVAL, "template, column %zu: %s", l->at + 1, text);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

static char peek(const struct template_lex *l, size_t ahead)
{
	return l->at + ahead < l->n ? l->s[l->at + ahead] : 0;
}

static int take(struct template_lex *l, enum template_tok tok, size_t skip, size_t n)
{
	l->tok = tok;
	l->text = arena_strndup(l->a, l->s + l->at + skip, n);
	l->at += skip + n;
	return 0;
}

static size_t word_at(const struct template_lex *l, size_t from)
{
	size_t n = 0;

	while (l->at + from + n < l->n && is_word(l->s[l->at + from + n]))
		n++;
	return n;
}

static int escape(struct template_lex *l, size_t *i, struct strbuf *b)
{
	static const char from[] = "ntr\\\"'ab", to[] = "\n\t\r\\\"'\a\b";
	const char *k;

	(*i)++;
	k = *i < l->n && l->s[*i] ? strchr(from, l->s[*i]) : NULL;
	if (!k)
		return template_lex_fail(l, "unknown escape in a string");
	strbuf_addc(b, to[k - from]);
	return 0;
}

static int quoted(struct template_lex *l)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	char quote = l->s[l->at];
	size_t i;

	for (i = l->at + 1; i < l->n && l->s[i] != quote; i++) {
		if (l->s[i] == '\\' && quote == '"') {
			int r = escape(l, &i, &b);

			if (r < 0)
				return r;
			continue;
		}
		strbuf_addc(&b, l->s[i]);
	}
	if (i >= l->n)
		return template_lex_fail(l, "the string does not end");
	l->tok = TOK_STRING;
	l->text = arena_strndup(l->a, b.len ? b.s : "", b.len);
	l->at = i + 1;
	return 0;
}

static int number(struct template_lex *l)
{
	size_t n = 1;

	while (is_word(peek(l, n)) || peek(l, n) == '.')
		n++;
	AUTO_FREE char *text = mem_strndup(l->s + l->at, n);
	double d;
	int64_t i;

	if (str_to_i64(text, &i) < 0 && str_to_double(text[0] == '-' ? text + 1 : text, &d) < 0)
		return template_lex_fail(l, "bad number %.40s", text);
	return take(l, TOK_NUMBER, 0, n);
}

static int punctuation(struct template_lex *l)
{
	switch (l->s[l->at]) {
	case '(':
		return take(l, TOK_OPEN, 1, 0);
	case ')':
		return take(l, TOK_CLOSE, 1, 0);
	case '|':
		return take(l, TOK_PIPE, 1, 0);
	case ',':
		return take(l, TOK_COMMA, 1, 0);
	case '=':
		return take(l, TOK_ASSIGN, 1, 0);
	case ':':
		if (peek(l, 1) == '=')
			return take(l, TOK_DECLARE, 2, 0);
		break;
	}
	return template_lex_fail(l, "unexpected '%c'",
				 l->s[l->at] >= ' ' && l->s[l->at] < 127 ? l->s[l->at] : '?');
}

int template_lex_next(struct template_lex *l)
{
	size_t before = l->at, k;
	char c;

	while (l->at < l->n && is_space(l->s[l->at]))
		l->at++;
	l->glued = l->at == before;
	if (l->at >= l->n)
		return template_lex_fail(l, "}} is missing");
	l->trim = !l->glued && l->n - l->at >= 3 && memcmp(l->s + l->at, "-}}", 3) == 0;
	if (l->trim || (l->n - l->at >= 2 && memcmp(l->s + l->at, "}}", 2) == 0))
		return take(l, TOK_END, l->trim ? 3 : 2, 0);
	c = l->s[l->at];
	if (c == '.' && (k = word_at(l, 1)) > 0)
		return take(l, TOK_FIELD, 1, k);
	if (c == '.')
		return take(l, TOK_DOT, 1, 0);
	if (c == '$')
		return take(l, TOK_VAR, 0, 1 + word_at(l, 1));
	if (c == '"' || c == '`')
		return quoted(l);
	if ((c >= '0' && c <= '9') || ((c == '-' || c == '+') && is_word(peek(l, 1))))
		return number(l);
	if ((k = word_at(l, 0)) > 0)
		return take(l, TOK_WORD, 0, k);
	return punctuation(l);
}
