/* pull.c - the process that unpacks what the other downloads. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "image/load.h"
#include "image/policy.h"
#include "image/pull.h"
#include "image/sandbox.h"

/* What the downloader has said so far.  The thread that listens draws the bars too. */
struct news {
	int sock;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct store_set blobs;
	bool ended;		/* the downloader is */
	bool unpacked;		/* all is: nothing more to draw */
	struct err err;
	struct bars *bars;
	pthread_t reader;
};

/* One message.  Whether it was the last. */
static bool read_news(struct news *n)
{
	struct pull_msg m;
	size_t nfds = 0;
	ssize_t r = fd_recv(n->sock, &m, sizeof(m), NULL, &nfds);

	pthread_mutex_lock(&n->lock);
	if (r != (ssize_t)sizeof(m)) {
		n->ended = true;
		err_say(&n->err, EPIPE, "the downloading process died");
	} else if (m.kind == PULL_BLOB) {
		m.digest[DIGEST_LEN] = '\0';
		store_set_add(&n->blobs, m.digest);
	} else {
		n->ended = true;
		if (m.kind == PULL_FAILED)
			n->err = m.err;
	}
	pthread_cond_broadcast(&n->more);
	pthread_mutex_unlock(&n->lock);
	return n->ended;
}

/* Until all is unpacked, or for a while. */
static bool wait_unpacked(struct news *n)
{
	struct timespec t;
	bool over;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += (long)bars_interval(n->bars) * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_mutex_lock(&n->lock);
	if (!n->unpacked)
		pthread_cond_timedwait(&n->more, &n->lock, &t);
	over = n->unpacked;
	pthread_mutex_unlock(&n->lock);
	return over;
}

static void *reader_thread(void *arg)
{
	struct news *n = arg;
	struct pollfd p = { .fd = n->sock, .events = POLLIN };
	bool ended = false;

	while (!ended) {
		if (poll(&p, 1, bars_interval(n->bars)) > 0)
			ended = read_news(n);
		bars_draw(n->bars);
	}
	while (!wait_unpacked(n))
		bars_draw(n->bars);
	bars_draw(n->bars);
	return NULL;
}

static void tell_state(void *ctx, const char *digest, const char *state)
{
	struct news *n = ctx;

	bars_state_of(n->bars, digest, state);
}

static int news_error(struct news *n, struct err *e)
{
	if (!n->err.code)
		return err_say(e, EPIPE, "the downloading process ended too early");
	*e = n->err;
	return -e->code;
}

/* The first message, before there are threads. */
static int wait_manifest(int sock, struct pull_msg *ret, struct err *e)
{
	struct pull_msg m;
	size_t nfds = 0;

	if (fd_recv(sock, &m, sizeof(m), NULL, &nfds) != (ssize_t)sizeof(m))
		return err_say(e, EPIPE, "the downloading process died");
	if (m.kind == PULL_FAILED && m.err.code) {
		*e = m.err;
		return -e->code;
	}
	m.digest[DIGEST_LEN] = m.top[DIGEST_LEN] = m.signature[DIGEST_LEN] = '\0';
	m.type[sizeof(m.type) - 1] = m.top_type[sizeof(m.top_type) - 1] = '\0';
	if (m.kind != PULL_MANIFEST || !digest_valid(m.digest) || !digest_valid(m.top))
		return err_say(e, EPROTO, "the downloading process says what it should not");
	*ret = m;
	return 0;
}

static int wait_blob(void *ctx, const char *digest, struct err *e)
{
	struct news *n = ctx;
	int r = 0;

	pthread_mutex_lock(&n->lock);
	while (!store_set_has(&n->blobs, digest) && !n->ended)
		pthread_cond_wait(&n->more, &n->lock);
	if (!store_set_has(&n->blobs, digest))
		r = news_error(n, e);
	pthread_mutex_unlock(&n->lock);
	return r;
}

/* The downloader's end, and the last picture. */
static int wait_end(struct news *n, struct err *e)
{
	pthread_mutex_lock(&n->lock);
	n->unpacked = true;
	pthread_cond_broadcast(&n->more);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->reader, NULL);
	if (!n->err.code)
		return 0;
	*e = n->err;
	return -e->code;
}

/* ---- the order of things ---- */

struct pull {
	const struct store *s;
	const struct pull_opts *o;
	struct ref ref;
	char full[REF_MAX];
	struct places places;
	struct login *logins;
	struct policy *policy;
	struct lookaside lookaside;
	struct bars *bars;
};

static void pull_cleanup(struct pull *p)
{
	for (size_t i = 0; p->logins && i < p->places.n; i++)
		login_cleanup(&p->logins[i]);
	free(p->logins);
	places_cleanup(&p->places);
	policy_free(p->policy);
	lookaside_cleanup(&p->lookaside);
	bars_free(p->bars);
}

/* Everything that needs files or programs of this machine, before we confine ourselves. */
static int pull_prepare(struct pull *p, const char *name, struct err *e)
{
	int tls = p->o->no_tls ? 0 : p->o->tls ? 1 : -1;
	int r = ref_parse(name, &p->ref, e);

	if (r < 0)
		return r;
	/* a tag beside a digest is only a word: the digest says what comes */
	ref_full(&p->ref, p->full);
	r = registries_find(&p->ref, true, tls, &p->places, e);
	if (r < 0)
		return r;
	p->logins = mem_array(p->places.n + 1, sizeof(*p->logins));
	for (size_t i = 0; i < p->places.n; i++) {
		r = login_find_or(p->o->creds, p->ref.domain, p->places.v[i].name,
				  p->places.v[i].repo, p->o->authfile, &p->logins[i], e);
		if (r < 0)
			return r;
	}
	r = policy_load(&p->ref, &p->policy, e);
	if (r == 0 && (policy_wants_gpg(p->policy) || policy_wants_sigstore(p->policy)))
		r = lookaside_find(&p->ref, &p->lookaside, e);
	return r;
}

int pull_lock_name(const struct store *s, const char *full, int *ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("partial/name-%016llx",
					  (unsigned long long)str_hash(full, strlen(full), 0));
	int fd;

	mkdirat(s->fd, "partial", 0700);
	fd = openat(s->fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "open %s/%s", s->path, path);
	if (fd_lock(fd, true, true) < 0) {
		close(fd);
		return err_set(e, errno, "lock %s/%s", s->path, path);
	}
	*ret = fd;
	return 0;
}

static int start_download(struct pull *p, struct maker *m, int *ret_sock, pid_t *ret_pid,
			  struct err *e)
{
	struct download d = { .m = m, .places = &p->places, .logins = p->logins, .ref = &p->ref,
			      .opts = p->o, .bars = p->bars };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket pair");
	d.attached = policy_wants_sigstore(p->policy) && p->lookaside.attached;
	if (policy_wants_gpg(p->policy) && p->lookaside.remote)
		d.lookaside = &p->lookaside;
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return err_set(e, errno, "fork");
	}
	if (pid == 0) {
		close(pair[0]);
		d.sock = pair[1];
		download_run(&d);
		_exit(0);
	}
	close(pair[1]);
	*ret_sock = pair[0];
	*ret_pid = pid;
	return 0;
}

static int unpack(struct pull *p, struct maker *m, struct news *n, const struct pull_msg *msg,
		  struct err *e)
{
	char *names[2] = { p->full, NULL };
	const struct maker_request q = {
		.digest = msg->digest,
		.media_type = msg->type,
		.top = msg->top,
		.top_type = msg->top_type,
		.top_size = msg->top_size,
		.names = names,
		.what = p->full,
	};
	const char *id;
	int r;

	m->wait_blob = wait_blob;
	m->tell = tell_state;
	m->wait_ctx = n;
	r = maker_add_image(m, &q, &id, e);
	/* after a failure here the downloader is told by the closing of the socket */
	if (r < 0) {
		struct err lost = ERR_INIT;

		shutdown(n->sock, SHUT_RDWR);
		wait_end(n, &lost);
		return r;
	}
	r = wait_end(n, e);
	return r < 0 ? r : maker_commit(m, e);
}

static int check_policy(const struct pull *p, const struct maker *m, const struct pull_msg *msg,
			struct err *e)
{
	AUTO_FREE char *fetched = mem_printf("%s/tmp/%s", p->s->path, m->name);
	const struct signed_image im = {
		.store = p->s,
		.ref = &p->ref,
		.top = msg->top,
		.digest = msg->digest,
		.attached = msg->signature,
		.lookaside = &p->lookaside,
		.fetched = fetched,
	};

	return policy_check(p->policy, &im, e);
}

static void say_pulled(const struct pull *p, const char *top)
{
	if (p->o->quiet)
		printf("%s\n", top);
	else
		printf("Digest: %s\nPulled: %s\n", top, p->full);
}

/* The policy may start programs, so it is asked before this process confines itself. */
static int run(struct pull *p, struct maker *m, int sock, struct err *e)
{
	struct news n = { .sock = sock, .bars = p->bars };
	struct pull_msg msg = { 0 };
	int r = wait_manifest(sock, &msg, e);

	if (r == 0)
		r = check_policy(p, m, &msg, e);
	if (r == 0)
		r = fd_send(sock, "y", 1, NULL, 0) < 0 ?
		    err_say(e, EPIPE, "the downloading process died") : 0;
	if (r == 0)
		r = sandbox_enter(p->s->fd, -1, e);
	if (r < 0)
		return r;
	pthread_mutex_init(&n.lock, NULL);
	pthread_cond_init(&n.more, NULL);
	r = pthread_create(&n.reader, NULL, reader_thread, &n);
	if (r != 0)
		return err_set(e, r, "start a thread");
	r = unpack(p, m, &n, &msg, e);
	store_set_cleanup(&n.blobs);
	if (r == 0)
		say_pulled(p, msg.top);
	return r;
}

/* Another platform of an index that came with all of them: the store is a layout, too. */
static int from_store(struct pull *p, const struct image *i, struct maker *m, struct err *e)
{
	struct source src = { .m = m, .dir_fd = p->s->fd, .label = "" };
	const struct load_opts o = { .platform = p->o->platform, .select = i->name };
	const struct pull_msg msg = { 0 };
	int r = check_policy(p, m, &msg, e);

	if (r == 0)
		r = sandbox_enter(p->s->fd, -1, e);
	if (r == 0)
		r = load_source(&src, &o, e);
	if (r == 0)
		r = maker_commit(m, e);
	if (r == 0)
		say_pulled(p, i->top);
	return r;
}

/* What --policy says of what is there already.  1: it is to come from the registry; ret_why: what
 * is wrong with what is there, if that is why. */
static int look_first(struct pull *p, const char *name, struct maker *m, struct err *ret_why,
		      struct err *e)
{
	AUTO(image) struct image *i = NULL;
	const char *when = p->o->policy ? p->o->policy : "always";
	bool signed_ = policy_wants_gpg(p->policy) || policy_wants_sigstore(p->policy);
	int r;

	if (str_eq(when, "always") || str_eq(when, "newer"))
		return 1;
	if (!str_eq(when, "missing") && !str_eq(when, "never"))
		return err_say(e, EINVAL, "--policy %s: expected always, missing, never or newer",
			       when);
	r = image_load_for(p->s, name, p->o->platform, &i, e);
	if (r == 0)
		say_pulled(p, i->top);
	if (r == 1 && !signed_)
		return image_load(p->s, name, &i, e) < 0 ? -e->code : from_store(p, i, m, e);
	if (r == 1 && str_eq(when, "never"))
		return err_say(e, EPERM, "its signature is in the registry only");
	if (r == -ENOENT && str_eq(when, "missing")) {
		*ret_why = *e;
		*e = (struct err)ERR_INIT;
		return 1;
	}
	return r;
}

int pull_image(const struct store *s, const char *name, const struct pull_opts *o, struct err *e)
{
	AUTO(pull) struct pull p = { .s = s, .o = o, .bars = bars_new(o->quiet) };
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO_CLOSE int name_lock = -1;
	AUTO_CLOSE int sock = -1;
	struct err why = ERR_INIT;
	pid_t pid = -1;
	int r = pull_prepare(&p, name, e);

	if (r == 0)
		r = pull_lock_name(s, p.full, &name_lock, e);
	if (r == 0)
		r = maker_begin(s, &m, e);
	if (r == 0)
		r = look_first(&p, name, &m, &why, e);
	if (r == 1)
		r = start_download(&p, &m, &sock, &pid, e);
	if (r == 0 && pid > 0)
		r = run(&p, &m, sock, e);
	if (r < 0 && why.code)
		err_wrap(e, "%s, and could not be fetched", why.msg);
	return r < 0 ? err_wrap(e, "pull %s", name) : 0;
}

typedef int asked(struct registry *g, struct http *h, void *ctx, struct err *e);

/* Mirrors first, as when it is pulled. */
static int ask(struct pull *p, asked *one, void *ctx, struct err *e)
{
	int r;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = sandbox_enter_network(p->s->fd, e);
	for (size_t i = 0; r == 0 && i < p->places.n; i++) {
		const struct place *at = &p->places.v[i];
		AUTO(registry) struct registry g = { 0 };
		AUTO(http) struct http h = { 0 };

		*e = (struct err)ERR_INIT;
		http_init(&h, &at->http);
		r = registry_open(&g, at, &p->logins[i], "pull", NULL, e);
		if (r == 0)
			r = one(&g, &h, ctx, e);
		if (r == 0)
			return 0;
		r = i + 1 < p->places.n ? 0 : r;
	}
	return r;
}

static int ask_tags(struct registry *g, struct http *h, void *ctx, struct err *e)
{
	strlist_cleanup(ctx);	/* what a mirror had that could not go on */
	return registry_tags(g, h, ctx, e);
}

int pull_tags(const struct store *s, const char *name, const struct pull_opts *o,
	      struct strlist *ret, struct err *e)
{
	AUTO(pull) struct pull p = { .s = s, .o = o };
	int r = pull_prepare(&p, name, e);

	if (r == 0)
		r = ask(&p, ask_tags, ret, e);
	return r < 0 ? err_wrap(e, "pull --all-tags %s", name) : 0;
}

struct document { const char *ref; char *text; size_t n; };

static int ask_manifest(struct registry *g, struct http *h, void *ctx, struct err *e)
{
	struct document *d = ctx;
	AUTO_FREE char *type = NULL;
	char digest[DIGEST_LEN + 1];

	return registry_get_manifest(g, h, d->ref, &d->text, &d->n, digest, &type, e);
}

/* As it is; on a terminal, which might obey it, as we would write it. */
static int print_document(const struct document *d, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(MANIFEST_ARENA);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const struct json *doc;
	struct json_out o;
	int r = json_parse(a, d->text, d->n, (struct json_limits){ MANIFEST_BYTES_MAX, 32 },
			   "manifest", &doc, e);

	if (r < 0)
		return r;
	if (isatty(STDOUT_FILENO)) {
		json_out_init(&o, &b, 2);
		json_out_value(&o, NULL, doc);
	} else {
		strbuf_add(&b, d->text, d->n);
	}
	if (b.s[b.len - 1] != '\n')
		strbuf_addc(&b, '\n');
	fwrite(b.s, 1, b.len, stdout);
	return 0;
}

int pull_manifest(const struct store *s, const char *name, const struct pull_opts *o, struct err *e)
{
	AUTO(pull) struct pull p = { .s = s, .o = o };
	AUTO(image) struct image *i = NULL;
	struct document d = { 0 };
	int r = image_load_names(s, name, &i, e);

	if (r == 0 && *i->top) {
		r = store_read_blob(s, i->top, &d.text, &d.n, e);
	} else if (r == 0 || r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		r = pull_prepare(&p, name, e);
		d.ref = p.ref.digest[0] ? p.ref.digest : p.ref.tag;
		if (r == 0)
			r = ask(&p, ask_manifest, &d, e);
	}
	if (r == 0)
		r = print_document(&d, e);
	free(d.text);
	return r < 0 ? err_wrap(e, "manifest inspect %s", name) : 0;
}
