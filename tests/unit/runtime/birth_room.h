/*
 * birth_room.h - for tests of the birth: a tiny root of busybox in a temporary folder, specs
 * from a few JSON pieces, and what a process said and how it ended.
 *
 * Used by tests/unit/runtime/test_launch*.c.  All static: each test program has its own.
 */
#ifndef TESTS_UNIT_RUNTIME_BIRTH_ROOM_H
#define TESTS_UNIT_RUNTIME_BIRTH_ROOM_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/launch.h"
#include "runtime/spec.h"

static char room[64];	/* the temporary folder: room/root is the container's root */

/* The program under test lies in the same build folder: B/unit/runtime/test_x → B/libexec. */
char *proc_libexec(const char *name)
{
	AUTO_FREE char *dir = proc_self_dir();

	return mem_printf("%s/../../libexec/berth/%s", dir, name);
}

__attribute__((format(printf, 1, 2))) static void room_shell(const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert_int_equal(system(line), 0);
}

static bool room_usable(void)
{
	return geteuid() == 0 && access("/bin/busybox", X_OK) == 0;
}

static int room_open(void **state)
{
	(void)state;
	snprintf(room, sizeof(room), "/tmp/berth-birth-XXXXXX");
	if (!room_usable() || !mkdtemp(room))
		return -1;
	chmod(room, 0755);
	room_shell(
		"cd %s && mkdir -p root/bin root/etc root/proc root/sys root/dev root/tmp host && "
		"install -m 755 /bin/busybox root/bin/busybox && for c in sh cat ls id true sleep "
		"grep mount hostname stat "
		"readlink tty stty touch mkdir wc umask ps head; do ln -s busybox root/bin/$c; "
		"done && "
		"printf 'root:x:0:0:root:/root:/bin/sh\\nu:x:1000:1000::/home/u:/bin/sh\\n' > "
		"root/etc/passwd && chmod 1777 root/tmp && echo outside > host/secret",
		room);
	return 0;
}

static int room_close(void **state)
{
	(void)state;
	room_shell("rm -rf --one-file-system %s", room);
	return 0;
}

/* Pieces of a config.json.  NULL: what is written behind. */
struct room_spec {
	const char *script;	/* for /bin/sh -c */
	const char *args;	/* instead: a JSON list */
	const char *process;	/* members, each with a comma in front */
	const char *cwd;
	const char *caps;	/* names for all sets, "" */
	const char *namespaces;	/* pid, mount, network, ipc, uts, cgroup */
	const char *mounts;	/* more of them, each with a comma in front */
	const char *linux_;	/* members, comma in front */
	const char *top;	/* members, comma in front */
};

#define ROOM_NAMESPACES \
	"{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"network\"},{\"type\":\"ipc\"}," \
	"{\"type\":\"uts\"},{\"type\":\"cgroup\"}"

static struct spec *room_spec(struct arena *a, const struct room_spec *r)
{
	const char *caps = r->caps ? r->caps : "";
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct spec *s = NULL;

	strbuf_addf(&b,
		    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"x\"},\"hostname\":\"inside\","
		    "\"process\":{\"cwd\":\"%s\",\"env\":[\"PATH=/"
		    "bin\"],\"capabilities\":{\"bounding\":[%s],"
		    "\"effective\":[%s],\"permitted\":[%s]}%s,\"args\":",
		    r->cwd ? r->cwd : "/", caps, caps, caps, r->process ? r->process : "");
	if (r->script) {
		strbuf_adds(&b, "[\"/bin/sh\",\"-c\",");
		json_quote(&b, r->script, strlen(r->script));
		strbuf_adds(&b, "]");
	} else {
		strbuf_adds(&b, r->args ? r->args : "[\"/bin/true\"]");
	}
	strbuf_addf(
		&b,
		"},\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/"
		"dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\","
		"\"mode=755\"]},{\"destination\":\"/dev/"
		"pts\",\"type\":\"devpts\",\"source\":\"devpts\","
		"\"options\":[\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
		"{\"destination\":\"/"
		"sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"ro\"]}%s],"
		"\"linux\":{\"namespaces\":[%s]%s}%s}",
		r->mounts ? r->mounts : "", r->namespaces ? r->namespaces : ROOM_NAMESPACES,
		r->linux_ ? r->linux_ : "", r->top ? r->top : "");
	if (spec_read(a, b.s, b.len, &s, &e) < 0)
		fail_msg("%s\n%s", e.msg, b.s);
	return s;
}

struct room_birth {
	struct arena *a;
	struct spec *s;
	struct launch_opts o;
	struct launch l;
	struct filter_program filter;
	struct err e;
	int out;		/* what it says, until EOF */
	char said[16384];
	int status;		/* of wait */
};

static void room_prepare(struct room_birth *b, const struct room_spec *r)
{
	static char root[80];
	struct filter_options fo = { .cache_dirfd = -1 };

	memset(b, 0, sizeof(*b));
	snprintf(root, sizeof(root), "%s/root", room);
	b->a = arena_new_shared(SPEC_ARENA_MAX, 0);
	b->s = room_spec(b->a, r);
	if (b->s->seccomp)
		assert_int_equal(filter_compile(b->s->seccomp, &fo, b->a, &b->filter, &b->e), 0);
	b->o = (struct launch_opts){
		.root_fd = -1,
		.root_path = root,
		.cgroup_fd = -1,
		.stdio = { -1, -1, -1 },
		.gate_fd = -1,
		.no_new_keyring = true,
		.filter = b->filter.n ? &b->filter : NULL,
	};
}

static int room_launch(struct room_birth *b)
{
	int out[2], r;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	if (!b->s->process.terminal)
		b->o.stdio[1] = b->o.stdio[2] = out[1];
	r = launch_init(b->s, &b->o, &b->l, &b->e);
	close(out[1]);
	b->out = out[0];
	return r;
}

/* Reads all that it says, then its status. */
static void room_finish(struct room_birth *b)
{
	int fd = b->l.console >= 0 ? b->l.console : b->out;
	size_t n = 0;
	ssize_t k;

	while (n < sizeof(b->said) - 1 && (k = read(fd, b->said + n, sizeof(b->said) - 1 - n)) > 0)
		n += (size_t)k;
	b->said[n] = '\0';
	assert_int_equal(waitpid(b->l.pid, &b->status, 0), b->l.pid);
	fd_close(&b->l.pidfd);
	fd_close(&b->l.console);
}

static void room_clear(struct room_birth *b)
{
	fd_close(&b->out);
	arena_free(b->a);
	b->a = NULL;
}

/* The whole life; the message of a failure is in b->e, what was said in b->said. */
static int room_run(struct room_birth *b, const struct room_spec *r)
{
	int ret;

	room_prepare(b, r);
	ret = room_launch(b);
	if (ret == 0) {
		ret = launch_open_gate(&b->l, &b->e);
		room_finish(b);
	}
	room_clear(b);
	return ret;
}

/* A life that must go well. */
static inline void room_lives(struct room_birth *b, const struct room_spec *r)
{
	if (room_run(b, r) < 0)
		fail_msg("%s", b->e.msg);
}

#define assert_said(b, text) \
	do { \
		if (!strstr((b)->said, (text))) \
			fail_msg("\"%s\" is not in: %s%s", (text), (b)->said, (b)->e.msg); \
	} while (0)
#define assert_not_said(b, text) \
	do { \
		if (strstr((b)->said, (text))) \
			fail_msg("\"%s\" is in: %s", (text), (b)->said); \
	} while (0)
#define assert_failed(b, text) \
	do { \
		if (!strstr((b)->e.msg, (text))) \
			fail_msg("\"%s\" is not in: %s", (text), (b)->e.msg); \
	} while (0)

#endif
