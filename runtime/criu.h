/*
 * criu.h - a conversation with the program criu (criu swrk): one request, what criu says on the
 * way, and its answer.
 *
 * Runs in: host.  Used by checkpoint.c.  Only so it hands over the master of a container's
 * terminal.  The messages are protocol buffers of criu's rpc.proto; the numbers of the fields are
 * its interface.
 */
#ifndef RUNTIME_CRIU_H
#define RUNTIME_CRIU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum criu_request { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4 };

enum criu_field {		/* of the message criu_opts */
	CRIU_IMAGES_DIR_FD = 1, CRIU_PID = 2, CRIU_LEAVE_RUNNING = 3, CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5, CRIU_EVASIVE_DEVICES = 6, CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8, CRIU_LOG_LEVEL = 9, CRIU_LOG_FILE = 10, CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12, CRIU_ROOT = 13, CRIU_PARENT_IMG = 14, CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16, CRIU_WORK_DIR_FD = 17, CRIU_LINK_REMAP = 18,
	CRIU_MANAGE_CGROUPS = 24, CRIU_RST_SIBLING = 26, CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS_MODE = 34, CRIU_EXTERNAL = 37, CRIU_EMPTY_NS = 38,
	CRIU_JOIN_NS = 39,
	CRIU_TCP_SKIP_IN_FLIGHT = 46, CRIU_LAZY_PAGES = 48, CRIU_STATUS_FD = 49,
	CRIU_ORPHAN_PTS_MASTER = 50, CRIU_CONFIG_FILE = 51, CRIU_TCP_CLOSE = 52,
	CRIU_LSM_PROFILE = 53, CRIU_LSM_MOUNT_CONTEXT = 63, CRIU_NETWORK_LOCK = 64,
};

/* Fields of a message. */
void criu_num(struct strbuf *b, unsigned field, uint64_t v);	/* also bool and enum */
void criu_text(struct strbuf *b, unsigned field, const char *text);
void criu_part(struct strbuf *b, unsigned field, const struct strbuf *message);

struct criu_call {
	enum criu_request request;
	struct strbuf opts;
	/* In criu's process, before it is executed; NULL: nothing. */
	void (*prepare)(void *ctx);
	/* criu is at `script` ("setup-namespaces", "orphan-pts-master", …); *fd is a descriptor
	 * that came along, or -1, and may be taken.  An error ends the request. */
	int (*notify)(void *ctx, const char *script, pid_t pid, int *fd, struct err *e);
	void *ctx;
};
/* Frees opts.  *ret_pid: who was restored, our child; may be NULL.  -EIO: criu itself refused. */
int criu_run(struct criu_call *c, pid_t *ret_pid, struct err *e);

#endif
