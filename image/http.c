/* http.c - libcurl, one exchange at a time; redirects and their rules. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/http.h"

#define REDIRECTS_MAX 5
#define FAILURE_BODY_MAX (64u << 10)

void http_init(struct http *h, const struct http_host *host)
{
	h->curl = curl_easy_init();
	h->host = host;
}

void http_cleanup(struct http *h)
{
	if (h->curl)
		curl_easy_cleanup(h->curl);
	h->curl = NULL;
}

void http_reply_cleanup(struct http_reply *r)
{
	free(r->type);
	free(r->digest);
	free(r->location);
	free(r->challenge);
	free(r->link);
	free(r->range);
	free(r->url);
	strbuf_cleanup(&r->body);
	*r = (struct http_reply){ 0 };
}

/* ---- what libcurl calls ---- */

struct exchange {
	struct http *h;
	const struct http_request *q;
	struct http_reply *r;
	uint64_t got, sent;
	int code;			/* what stopped it, 0: nothing of ours */
	int errnum;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(x->h->curl, CURLINFO_RESPONSE_CODE, &status);
	x->got += n;
	if (x->q->ranged && status == 200) {
		x->code = ESPIPE;
		return 0;
	}
	if (x->q->has_sink && (status == 200 || status == 206)) {
		if (x->got > x->q->max) {
			x->code = EFBIG;
			return 0;
		}
		x->errnum = -fd_write_all(x->q->sink, data, n);
		if (x->errnum) {
			x->code = x->errnum;
			return 0;
		}
		if (x->q->digest)
			digest_add(x->q->digest, data, n);
	} else if (status >= 300) {
		if (x->r->body.len + n <= FAILURE_BODY_MAX)
			strbuf_add(&x->r->body, data, n);
		else if (x->got > x->q->max + FAILURE_BODY_MAX)
			x->code = EFBIG;
	} else {
		if (x->got > x->q->max)
			x->code = EFBIG;
		else
			strbuf_add(&x->r->body, data, n);
	}
	if (x->code)
		return 0;
	if (x->q->progress && x->q->has_sink && x->q->progress(x->q->ctx, n) != 0) {
		x->code = EINTR;
		return 0;
	}
	return n;
}

static size_t on_send(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	uint64_t left = x->q->body_len - x->sent;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (x->q->has_fd) {
		ssize_t r = pread(x->q->body_fd, data, n, (off_t)(x->q->body_at + x->sent));

		if (r < 0 || (r == 0 && n > 0)) {
			x->code = r < 0 ? errno : EIO;
			return CURL_READFUNC_ABORT;
		}
		n = (size_t)r;
	} else {
		memcpy(data, (const char *)x->q->body + x->sent, n);
	}
	x->sent += n;
	if (x->q->progress && n && x->q->progress(x->q->ctx, n) != 0) {
		x->code = EINTR;
		return CURL_READFUNC_ABORT;
	}
	return n;
}

/* libcurl rewinds the body to send it again (a connection that had been closed meanwhile). */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->q->body_len)
		return CURL_SEEKFUNC_FAIL;
	x->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void keep(char **field, const char *v, size_t n)
{
	free(*field);
	*field = mem_strndup(v, n);
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct http_reply *r = x->r;
	const struct { const char *name; char **field; } rows[] = {
		{ "content-type", &r->type }, { "docker-content-digest", &r->digest },
		{ "location", &r->location }, { "www-authenticate", &r->challenge },
		{ "link", &r->link }, { "content-range", &r->range },
	};
	const char *colon, *v;
	size_t len;

	n *= size;
	colon = memchr(data, ':', n);
	if (!colon || n > 16384)
		return n;
	for (v = colon + 1; v < data + n && (*v == ' ' || *v == '\t'); v++)
		;
	for (len = n - (size_t)(v - data); len > 0 && strchr("\r\n \t", v[len - 1]); len--)
		;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strlen(rows[i].name) != (size_t)(colon - data) ||
		    strncasecmp(rows[i].name, data, (size_t)(colon - data)) != 0)
			continue;
		/* of several challenges the one that berth understands best is Bearer */
		if (rows[i].field == &r->challenge && r->challenge &&
		    strncasecmp(r->challenge, "bearer", 6) == 0)
			continue;
		keep(rows[i].field, v, len);
	}
	if (colon - data == 11 && strncasecmp(data, "retry-after", 11) == 0)
		r->retry_after = strtol(v, NULL, 10);
	return n;
}

/* ---- one hop ---- */

static void set_host(CURL *c, const struct http_host *host, bool foreign)
{
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, host->insecure ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, host->insecure ? 0L : 2L);
	if (host->ca) {
		struct curl_blob blob = { host->ca, host->ca_len, CURL_BLOB_NOCOPY };

		curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (foreign)
		return;
	if (host->cert)
		curl_easy_setopt(c, CURLOPT_SSLCERT, host->cert);
	if (host->key)
		curl_easy_setopt(c, CURLOPT_SSLKEY, host->key);
}

static void set_method(CURL *c, const struct http_request *q)
{
	if (str_eq(q->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		return;
	}
	if (str_eq(q->method, "GET"))
		return;
	if (q->has_fd || q->body || !str_eq(q->method, "DELETE")) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_len);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
}

static int curl_errno(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return EPROTO;
	default:
		return EIO;
	}
}

/*
 * With TLS 1.3 a server refuses a client without a certificate only after the
 * handshake, and its alert may be lost to the reset that follows it.
 */
static bool may_want_certificate(const struct http *h, CURLcode code)
{
	curl_off_t tls = 0;
	long status = 0;

	curl_easy_getinfo(h->curl, CURLINFO_APPCONNECT_TIME_T, &tls);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	return tls > 0 && status == 0 && !h->host->cert &&
	       (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
		code == CURLE_GOT_NOTHING);
}

static int exchange_fail(const struct exchange *x, CURLcode code, const char *url, const char *why,
			 struct err *e)
{
	char shown[300];

	if (!*why)
		why = curl_easy_strerror(code);

	str_printable(url, strcspn(url, "?"), shown, sizeof(shown) - 1);
	if (x->code == EFBIG)
		return err_say(e, EFBIG, "%s: the answer is longer than %llu bytes", shown,
			       (unsigned long long)x->q->max);
	if (x->code)
		return err_set(e, x->code, "%.300s", shown);
	/* an alert is an answer; a reset may be a mishap, to be tried again */
	if (may_want_certificate(x->h, code))
		return err_say(e, strstr(why, " alert ") ? EPROTO : EIO,
			       "%s: the server hung up after the TLS handshake (%s); if it wants a"
			       " client's certificate, put a .cert and its .key into certs.d",
			       shown, why);
	return err_say(e, curl_errno(code), "%s: %s", shown, why);
}

/* How long less than 128 bytes a second are borne; for tests, which cannot wait. */
static long stall_seconds(void)
{
	const char *env = getenv("BERTH_STALL_SECONDS");
	uint32_t n;

	return env && str_to_u32(env, &n) == 0 && n > 0 && n < 3600 ? (long)n : 30;
}

static int one_hop(struct http *h, const struct http_request *q, const char *url, const char *auth,
		   bool foreign, struct http_reply *r, struct err *e)
{
	struct exchange x = { .h = h, .q = q, .r = r };
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *c = h->curl;
	CURLcode code;

	http_reply_cleanup(r);
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	/* a server that lets drops fall is as good as none */
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 128L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall_seconds());
	curl_easy_setopt(c, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &x);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_READDATA, &x);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, &x);
	set_host(c, h->host, foreign);
	set_method(c, q);
	for (size_t i = 0; q->headers && q->headers[i]; i++)
		headers = curl_slist_append(headers, q->headers[i]);
	headers = curl_slist_append(headers, "Expect:");
	if (auth) {
		AUTO_FREE char *line = mem_printf("Authorization: %s", auth);

		headers = curl_slist_append(headers, line);
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(c);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		return exchange_fail(&x, code, url, why, e);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r->status);
	return 0;
}

/* ---- redirects ---- */

static char *url_part(const char *url, CURLUPart part)
{
	CURLU *u = curl_url();
	char *v = NULL, *copy = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, part, &v, CURLU_DEFAULT_PORT) == CURLUE_OK)
		copy = mem_strdup(v);
	curl_free(v);
	curl_url_cleanup(u);
	return copy;
}

static bool same_part(const char *a, const char *b, CURLUPart part)
{
	AUTO_FREE char *x = url_part(a, part);
	AUTO_FREE char *y = url_part(b, part);

	return x && y && strcasecmp(x, y) == 0;
}

bool http_same_origin(const char *a, const char *b)
{
	return same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT) &&
	       same_part(a, b, CURLUPART_SCHEME);
}

static char *url_join(const char *base, const char *location)
{
	CURLU *u = curl_url();
	char *v = NULL, *copy = NULL;

	if (curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &v, 0) == CURLUE_OK)
		copy = mem_strdup(v);
	curl_free(v);
	curl_url_cleanup(u);
	return copy;
}

/* What is sent goes elsewhere only by those two, which keep method and body (RFC 9110). */
static bool is_redirect(const struct http_request *q, long status)
{
	bool reads = str_eq(q->method, "GET") || str_eq(q->method, "HEAD");

	return status == 307 || status == 308 ||
	       (reads && (status == 301 || status == 302 || status == 303));
}

int http_do(struct http *h, const struct http_request *q, struct http_reply *ret, struct err *e)
{
	AUTO_FREE char *url = mem_strdup(q->url);
	AUTO(http_reply) struct http_reply r = { 0 };
	const char *auth = q->auth;
	bool foreign = q->foreign;

	for (unsigned hops = 0; hops <= REDIRECTS_MAX; hops++) {
		int code = one_hop(h, q, url, auth, foreign, &r, e);

		if (code < 0)
			return code;
		if (r.location) {
			AUTO_FREE char *next = url_join(url, r.location);

			free(r.location);
			r.location = TAKE(next);
		}
		if (!is_redirect(q, r.status)) {
			r.url = TAKE(url);
			http_reply_cleanup(ret);
			*ret = r;
			r = (struct http_reply){ 0 };
			return 0;
		}
		if (!r.location)
			return err_say(e, EPROTO, "%.300s redirects to what is no address", url);
		if (str_starts(url, "https:") && !str_starts(r.location, "https:"))
			return err_say(e, EPROTO, "%.200s redirects from https to %.100s: refused",
				       url, r.location);
		/* CVE-2020-15157: a token is for the host that it was given for */
		if (!http_same_origin(url, r.location)) {
			foreign = true;
			auth = NULL;
		}
		free(url);
		url = TAKE(r.location);
	}
	return err_say(e, ELOOP, "%.300s: more than %d redirects", q->url, REDIRECTS_MAX);
}
