/*
 * checkpoint.h - a container's processes frozen into files, and brought back, by CRIU.
 *
 * Runs in: host.  The program `criu` does the work; here is what it must be told of a
 * container: its root, its external mounts and namespaces, its standard files.
 */
#ifndef RUNTIME_CHECKPOINT_H
#define RUNTIME_CHECKPOINT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/container.h"

struct checkpoint_opts {
	const char *image_path, *work_path;	/* absolute; NULL: ./checkpoint, image_path */
	const char *parent_path;	/* as criu takes it: relative to image_path */
	const char *manage_cgroups;	/* "soft" "full" "strict" "ignore"; NULL: ignore */
	const char *page_server;	/* ADDRESS:PORT, or NULL */
	const char *lsm_profile, *lsm_mount_context, *network_lock;
	int status_fd;			/* --status-fd, or -1 */
	bool leave_running, tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, shell_job,
		file_locks, pre_dump, link_remap, lazy_pages, auto_dedup, empty_network;
};

/* Writes the images.  Unless leave_running or pre_dump the container is deleted afterwards. */
int checkpoint_dump(const struct container_env *env, const char *id,
		    const struct checkpoint_opts *o, struct err *e);
/* Makes a container `id` of bundle and images.  co as for container_create: bundle, pid_file,
 * console_socket, console_out.  *ret names the process, our child. */
int checkpoint_restore(const struct container_env *env, const char *id, struct spec *s,
		       const struct container_create_opts *co, const struct checkpoint_opts *o,
		       struct launch *ret, struct err *e);

#endif
