/*
 * record.h - what the engine knows of a container beyond its spec: name, image,
 * network, log, restart, health, volumes; and how it ended.
 *
 * Runs in: host.  A record is made once by composing and read by everything else;
 * command-line options and image configs end here.  One arena owns all of it.
 *
 *   ROOT/containers/ID/config.json   the spec (OCI)
 *   ROOT/containers/ID/record.json   this struct
 *   ROOT/containers/ID/status        last start and end, written by the supervisor (status.h)
 *   ROOT/containers/ID/{upper,work,log…}
 *   ROOT/containers/ID/disk          with --storage-opt: has upper and work in it (disk.h)
 *   ROOT/names/NAME                  symlink to ID: a name is taken by making it
 *   RUN/ID/{lock,sock,state.json,…}  only while something is going on; the one who works on
 *                                    the container holds the lock, and it dies with him
 */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "netns/net.h"
#include "runtime/disk.h"
#include "runtime/spec.h"

struct engine {			/* where one installation keeps its things */
	char *root, *run;	/* ROOT, RUN (absolute) */
	int root_fd, run_fd, containers_fd, names_fd;
};
/* root NULL: BERTH_ROOT, else the default (/var/lib/berth, /run/berth; rootless: XDG folders).
 * With a root of its own RUN is ROOT/run.  Folders are made. */
int engine_open(const char *root, struct engine *ret, struct err *e);
void engine_close(struct engine *en);
void engine_cleanup(struct engine *en);		/* AUTO(engine) */
struct net_paths engine_net_paths(const struct engine *en);
/* What `berth mount` shows of a container (key: its id) or an image (its digits), as a mount of its
 * own, or -1 when it is not mounted.  Two overlays must not write to one upper directory. */
int engine_view_open(const struct engine *en, const char *key);
void engine_view_remove(const struct engine *en, const char *key);

enum record_restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };
const char *record_restart_name(enum record_restart r);

enum record_volume_type { VOLUME_NAMED, VOLUME_BIND, VOLUME_TMPFS, VOLUME_IMAGE };
struct record_volume {
	const char *type;		/* "volume" "bind" "tmpfs" "image" */
	const char *name;		/* of a named or anonymous volume, else NULL */
	const char *source;		/* path on the host (bind), image (image) */
	const char *destination;
	char **options;			/* mount options; for tmpfs its data too */
	bool anonymous, nocopy, chown, overlay, idmap;	/* :U, :O … */
	const char *subpath;
	struct json_map labels, driver_options;	/* of one that is made with the container */
};

/* target: an absolute path, or with env the name of a variable */
struct record_secret { const char *name, *target; uint32_t uid, gid, mode; bool env; };

#define RECORD_INIT_PATH "/dev/init"

/* In config.json, the source of /dev/shm with --ipc container:X: found at the birth. */
#define RECORD_SHM_SOURCE "shm of its ipc namespace"

struct record_health {
	bool set;
	char **test;			/* {"CMD",…} or {"CMD-SHELL", text} */
	int64_t interval, timeout, start_period, start_interval;	/* ns */
	uint32_t retries;
	const char *on_failure;		/* "none" "kill" "restart" "stop" */
	uint32_t log_count, log_size;	/* results that are kept, bytes of each; 0: as usual */
	const char *log_to;	/* where they go besides: a folder, or "events_logger"; or NULL */
	char **startup_test;		/* before the test counts at all; NULL: there is none */
	int64_t startup_interval, startup_timeout;	/* ns */
	uint32_t startup_retries, startup_success;	/* 0: any number; one */
};
#define HEALTH_LOG_USUAL 5	/* results that are kept, and bytes of each */
#define HEALTH_SIZE_USUAL 4096
#define HEALTH_LOG_COUNT 100	/* as many may be */
#define HEALTH_LOG_SIZE 8192
#define HEALTH_LOG_MOST (8u << 20)	/* of all, each byte of them escaped */

struct record_log {
	const char *driver;		/* "k8s-file" "json-file" "journald" "none" "passthrough" */
	uint64_t max_size;		/* bytes of one file, 0: unbounded */
	uint32_t max_files;
	bool compress;
	const char *tag, *path;		/* path: NULL is containers/ID/log */
	uint64_t buffer;		/* non-blocking, with so many bytes; 0: blocking */
	struct json_map attrs;		/* what goes with each line */
	struct json_map more;		/* other options, as they were typed */
};

struct record {
	struct arena *arena;
	const char *id, *name, *created;	/* created: RFC 3339 */
	const char *image, *image_id;		/* as asked for; "" with --rootfs */
	const char *rootfs;			/* a folder in place of an image, or NULL */
	char **layers;				/* names in the store, bottom to top */
	const char *user;			/* as given; looked up in the root at the birth */
	char **groups;				/* --group-add, names or ids */
	const char *working_dir;
	char **entrypoint, **cmd;		/* what args came from, for inspect */
	struct net_config net;
	struct json_map labels;
	struct json_map joins;			/* "pid", "ipc", "network" → id of the container
						   whose namespace is shared */
	struct json_map links;			/* alias → id (--link) */
	char **requires;			/* ids of containers that run before it */
	char **exposed;				/* "80/tcp": the image's ports and --expose */
	size_t nvolumes;
	struct record_volume *volumes;
	size_t nsecrets;
	struct record_secret *secrets;
	struct record_log log;
	struct record_health health;
	enum record_restart restart;
	uint32_t restart_max;			/* on-failure:N, 0: no bound */
	const char *stop_signal;		/* "" with systemd: the init's own (root_init.h) */
	int64_t stop_timeout;			/* seconds, -1: for ever */
	int64_t timeout, idle_timeout, cpu_time;	/* ns, 0: none */
	bool tty, stdin_open, stdin_once, auto_remove, init, read_only, read_only_tmpfs, privileged;
	bool publish_all;
	bool systemd;				/* an init is the command: see compose_init.c */
	bool passwd;				/* a user by number gets a line in passwd, group */
	const char *passwd_entry, *group_entry;	/* templates of them, or NULL: root_names.c */
	char **host_users;			/* ready lines for its passwd (--hostuser) */
	const char *init_path;			/* --init-path, mounted as RECORD_INIT_PATH */
	struct disk_size disk;			/* what it may write in its root; 0: no bound */
	const char *cgroup_parent, *detach_keys, *hostname_set;
	const char *sdnotify;			/* "conmon" "container" "healthy" "ignore" */
	int64_t boot_order, boot_delay;		/* lower first; seconds */
	struct spec *spec;			/* config.json; NULL until loaded */
};

/* Pure; both ways.  read is strict: unknown members are refused. */
int record_read(struct arena *a, const char *text, size_t n, struct record **ret, struct err *e);
void record_write(const struct record *r, struct strbuf *b);

/* Takes the name and writes containers/ID whole.  -EEXIST: the name is in use (says by whom).
 * durable: survives a power cut. */
int record_create(const struct engine *en, const struct record *r, bool durable, struct err *e);
/* Records are changed by one at a time: loaded, changed and saved until *ret is closed. */
int record_lock(const struct engine *en, const char *id, int *ret, struct err *e);
/* Rewrites record.json (and config.json when with_spec) of an existing one. */
int record_save(const struct engine *en, const struct record *r, bool with_spec, struct err *e);
/* The record without and with its spec (whose arena is then the given one). */
int record_load(const struct engine *en, const char *id, struct record **ret, struct err *e);
/* Into an arena of the caller's (of RECORD_LOAD_ARENA bytes), which keeps it: not to be freed by
 * itself. */
#define RECORD_LOAD_ARENA ((size_t)256 << 20)
int record_load_in(const struct engine *en, const char *id, struct arena *a, struct record **ret,
		   struct err *e);
int record_load_spec(const struct engine *en, struct record *r, struct arena *a, struct err *e);
/* Record and spec of a container as another one with the id `as` would have them: an id is 64
 * random digits, so wherever it stands, in paths too, the other one is put.  Name and time of
 * creation are still the first one's. */
int record_copy(const struct engine *en, const char *id, const char *as, struct arena *a,
		struct record **ret, struct err *e);
/* The folder that has upper and work: its own, or its disk, mounted until *ret and what was made of
 * it are closed (a detached mount: overlay_opts.disk_fd). */
int record_open_files(const struct engine *en, const struct record *r, int *ret, struct err *e);
void record_free(struct record *r);
void record_cleanup(struct record **r);		/* AUTO(record) on a struct record * */
int record_rename(const struct engine *en, struct record *r, const char *name, struct err *e);
/* Removes name, folder, anonymous volumes when asked.  Absent parts are fine. */
int record_remove(const struct engine *en, const char *id, bool volumes, struct err *e);

/* Name, id, or unambiguous prefix of an id → id (64 hex digits; caller's buffer of 65).
 * -ENOENT: "no such container: x". */
int record_find(const struct engine *en, const char *what, char ret_id[static 65], struct err *e);
/* All ids, newest first by creation of their folder. */
int record_list(const struct engine *en, struct strlist *ret, struct err *e);
/* adjective_noun that is free. */
char *record_new_name(const struct engine *en);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128. */
int record_name_check(const char *name, struct err *e);

#endif
