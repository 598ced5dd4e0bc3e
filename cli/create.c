/* create.c - see create.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/connect.h"
#include "cli/create.h"
#include "runtime/secret.h"
#include "runtime/supervisor.h"
#include "runtime/volume.h"

void create_locks_cleanup(struct create_locks *l)
{
	fd_close(&l->store);
	fd_close(&l->ids);
}

int create_allowed(struct err *e)
{
	if (geteuid() == 0)
		return 0;
	return err_say(e, EPERM, "containers of the engine are made by root; for one's own there "
		       "are berth-oci spec --rootless and berth-oci run");
}

static int pull(struct cli *c, const struct run_opts *o, const char *name, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	int r;

	strlist_add(&args, "pull");
	strlist_addf(&args, "--policy=%s", o->pull ? o->pull : "missing");
	if (o->quiet)
		strlist_add(&args, "--quiet");
	if (o->platform)
		strlist_addf(&args, "--platform=%s", o->platform);
	if (o->authfile)
		strlist_addf(&args, "--authfile=%s", o->authfile);
	if (o->tls_verify)
		strlist_addf(&args, "--tls-verify=%s", *o->tls_verify ? o->tls_verify : "true");
	strlist_add(&args, name);
	r = image_work(c->en.root, args.v, &out, e);
	if (r < 0)
		return r;
	return r == 0 ? 0 : err_say(e, EIO, "%s", "");	/* berth-image has said why */
}

int create_find_image(struct cli *c, const struct run_opts *o, const char *name,
		      struct image **ret, int *ret_lock, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	const char *when = o->pull ? o->pull : "missing";
	AUTO_CLOSE int lock = -1;
	bool ignored;
	int r;

	if (!str_empty(o->tls_verify) && str_to_bool(o->tls_verify, &ignored) < 0)
		return err_say(e, EINVAL, "--tls-verify %s: expected true or false", o->tls_verify);
	if (!str_eq(when, "missing") && !str_eq(when, "always") && !str_eq(when, "never") &&
	    !str_eq(when, "newer"))
		return err_say(e, EINVAL, "--pull %s: expected missing, always, newer or never",
			       when);
	if (str_eq(when, "always") || str_eq(when, "newer"))
		if ((r = pull(c, o, name, e)) < 0)
			return r;
	if ((r = store_open(c->en.root, &s, e)) < 0 || (r = store_lock(s, false, &lock, e)) < 0)
		return r;
	r = image_load_for(s, name, o->platform, ret, e);
	if (r == 1 || (r == -ENOENT && !str_eq(when, "never"))) {
		fd_close(&lock);
		*e = (struct err)ERR_INIT;
		if ((r = pull(c, o, name, e)) < 0 || (r = store_lock(s, false, &lock, e)) < 0)
			return r;
		r = image_load_for(s, name, o->platform, ret, e);
		if (r == 1)
			r = err_say(e, ENOENT, "image %s was replaced by another command meanwhile",
				    name);
	}
	if (r == 0)
		*ret_lock = TAKE_FD(lock);
	return r;
}

/* What a record names: volumes, folders of -v. */
static int make_volumes(struct cli *c, const struct record *r, struct err *e)
{
	int rc = volume_make_missing(&c->en, r, e);

	for (size_t i = 0; rc == 0 && i < r->nvolumes; i++) {
		const struct record_volume *v = &r->volumes[i];

		if (str_eq(v->type, "bind") && access(v->source, F_OK) < 0)
			rc = path_mkdirs(v->source, 0755, e);
	}
	return rc;
}

/* Those that it names are there now; the birth looks again. */
static int check_secrets(struct cli *c, const struct record *r, struct err *e)
{
	struct secret_info ignored;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->nsecrets; i++)
		rc = secret_load(&c->en, r->secrets[i].name, &ignored, e);
	return rc;
}

char *create_name(struct cli *c, const char *like)
{
	char *s = *like ? mem_printf("%s-clone", like) : record_new_name(&c->en);

	for (unsigned i = 1; *like && path_exists(c->en.names_fd, s); i++) {
		free(s);
		s = mem_printf("%s-clone%u", like, i);
	}
	return s;
}

static int save_record(struct cli *c, struct record *r, const char *like, struct err *e)
{
	int rc = record_create(&c->en, r, !r->auto_remove, e);

	/* two commands at once may make up the same name: the later one makes up another */
	for (int tries = 0; rc == -EEXIST && like && tries < 20; tries++) {
		AUTO_FREE char *name = create_name(c, like);

		r->name = arena_strdup(r->arena, name);
		*e = (struct err)ERR_INIT;
		rc = record_create(&c->en, r, !r->auto_remove, e);
	}
	return rc;
}

int create_id_file(const char *path, const char *text, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "write %s", path);
	if (fd_write_all(fd, text, strlen(text)) == 0)
		return 0;
	err_set(e, errno, "write %s", path);
	unlink(path);	/* else the next try would find it there */
	return -e->code;
}

int create_record(struct cli *c, struct record *r, const char *like, const char *cidfile,
		  struct create_locks *held, int *ret_lock, struct err *e)
{
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, r->id, NULL };
	AUTO_CLOSE int lock = -1;
	bool saved;
	int rc = check_secrets(c, r, e);

	if (rc < 0)	/* nothing is made yet */
		return rc;
	rc = run_lock(&c->en, r->id, &lock, NULL, e);
	if (rc == 0)
		rc = save_record(c, r, like, e);
	saved = rc == 0;
	create_locks_cleanup(held);
	if (rc == 0)
		rc = make_volumes(c, r, e);
	if (rc == 0)
		rc = create_id_file(cidfile, r->id, e);
	if (rc < 0) {
		struct err ignored = ERR_INIT;

		if (saved)
			record_remove(&c->en, r->id, true, &ignored);
		end_run_dir(&p, &ignored);
		return rc;
	}
	connect_event(c, "create", r->id, r->name);
	*ret_lock = TAKE_FD(lock);
	return 0;
}
