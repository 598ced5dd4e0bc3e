/*
 * checkpoint.c - a container's processes into files, by criu.
 *
 * Runs in: host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/checkpoint_part.h"

/* Names of the standard files, as runc writes them: restore looks for the pipes. */
static int save_descriptors(const struct checkpoint_opts *o, pid_t pid, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *path = path_join(checkpoint_images(o), DESCRIPTORS);
	struct json_out out;

	json_out_init(&out, &b, 0);
	json_out_arr(&out, NULL);
	for (int fd = 0; fd < 3; fd++) {
		char link[64], name[4096] = "";

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
		if (readlink(link, name, sizeof(name) - 1) < 0)
			name[0] = 0;
		json_out_str(&out, NULL, name);
	}
	json_out_end_arr(&out);
	return path_write_file(AT_FDCWD, path, b.s, b.len, 0600, false, e);
}

static int page_server_args(const struct checkpoint_opts *o, struct strbuf *b, struct err *e)
{
	AUTO(strbuf) struct strbuf server = STRBUF_INIT;
	AUTO_FREE char *address = NULL;
	const char *colon = o->page_server ? strrchr(o->page_server, ':') : NULL;
	uint32_t port;

	if (!o->page_server)
		return 0;
	if (!colon || str_to_u32(colon + 1, &port) < 0 || port > UINT16_MAX)
		return err_say(e, EINVAL, "--page-server %s: expected ADDRESS:PORT",
			       o->page_server);
	address = mem_strndup(o->page_server, (size_t)(colon - o->page_server));
	criu_text(&server, 1, address);
	criu_num(&server, 2, port);
	criu_part(b, CRIU_PAGE_SERVER, &server);
	return 0;
}

/* criu takes it relative to the images. */
static int parent_args(const struct checkpoint_opts *o, const struct checkpoint_dirs *d,
		       struct strbuf *b, struct err *e)
{
	if (!o->parent_path)
		return 0;
	if (o->parent_path[0] == '/')
		return err_say(e, EINVAL, "--parent-path %s: must be relative to --image-path",
			       o->parent_path);
	if (!path_exists(d->images, o->parent_path))
		return err_set(e, ENOENT, "--parent-path %s", o->parent_path);
	criu_text(b, CRIU_PARENT_IMG, o->parent_path);
	return 0;
}

static int on_dump(void *ctx, const char *script, pid_t pid, int *fd, struct err *e)
{
	const struct checkpoint_opts *o = ctx;

	(void)pid;
	(void)fd;
	/* The pages of a lazy dump can be fetched now. */
	if (str_eq(script, "status-ready") && o->status_fd >= 0 && write(o->status_fd, "", 1) != 1)
		return err_set(e, errno, "--status-fd %d", o->status_fd);
	return 0;
}

static int dump_loaded(const struct container_state *st, const struct spec *s,
		       const struct checkpoint_opts *o, struct err *e)
{
	struct criu_call c = { .request = o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP,
			       .opts = STRBUF_INIT, .notify = on_dump,
			       .ctx = (void *)(uintptr_t)o };
	AUTO(checkpoint_dirs) struct checkpoint_dirs d = CHECKPOINT_DIRS_INIT;
	int r;

	if (st->status != CONTAINER_RUNNING && st->status != CONTAINER_PAUSED)
		return err_say(e, EINVAL, "container cannot be checkpointed in %s state",
			       container_status_name(st->status));
	r = checkpoint_check(s, e);
	if (!r)
		r = path_mkdirs(checkpoint_images(o), 0700, e);
	if (!r)
		r = path_mkdirs(checkpoint_work(o), 0700, e);
	if (!r && !o->pre_dump)
		r = save_descriptors(o, st->pid, e);
	if (!r)
		r = checkpoint_args(s, o, true, &d, &c.opts, e);
	if (!r)
		r = page_server_args(o, &c.opts, e);
	if (!r)
		r = parent_args(o, &d, &c.opts, e);
	if (r < 0) {
		strbuf_cleanup(&c.opts);
		return r;
	}
	criu_num(&c.opts, CRIU_PID, (uint64_t)st->pid);
	criu_text(&c.opts, CRIU_ROOT, st->rootfs);
	if (!o->pre_dump)
		checkpoint_mount_args(s, st->rootfs, true, &c.opts);
	checkpoint_namespace_args(s, &c.opts);
	if (o->pre_dump || o->parent_path)
		criu_num(&c.opts, CRIU_TRACK_MEM, 1);
	r = criu_run(&c, NULL, e);
	if (r < 0 && e->code == EIO)
		checkpoint_add_reason(o, "dump.log", e);
	return r;
}

/* Frozen into files it is no more, as under runc and crun. */
int checkpoint_dump(const struct container_env *env, const char *id,
		    const struct checkpoint_opts *o, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_CLOSE int dir = -1;
	struct container_state st = { 0 };
	struct spec *s;
	int r = state_dir_lock(env, id, &dir, e);

	if (!r)
		r = state_load(dir, id, &st, e);
	if (r < 0)
		return r;
	r = container_spec(env, id, a, &s, e);
	if (!r)
		r = dump_loaded(&st, s, o, e);
	if (!r && !o->leave_running && !o->pre_dump)
		r = container_undo(env, dir, &st, true, !st.engine, e);
	container_state_clear(&st);
	return r;
}
