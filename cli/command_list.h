/*
 * command_list.h - the names of all commands, in the order of `berth help all`.
 *
 * Used by commands.c.  A new command is a line here and a const struct command in its
 * cmd_*.c, called command_NAME.
 */
#ifndef CLI_COMMAND_LIST_H
#define CLI_COMMAND_LIST_H

#define COMMAND_LIST \
	COMMAND(run) COMMAND(create) COMMAND(start) COMMAND(stop) COMMAND(restart) COMMAND(kill) \
	COMMAND(wait) COMMAND(rm) COMMAND(exec) COMMAND(attach) COMMAND(logs) \
	COMMAND(ps) COMMAND(inspect) COMMAND(container_inspect) COMMAND(image_inspect) \
	COMMAND(volume_inspect) COMMAND(network_inspect) COMMAND(secret_inspect) \
	COMMAND(images) COMMAND(rmi) COMMAND(tag) COMMAND(untag) COMMAND(history) \
	COMMAND(image_exists) COMMAND(image_tree) COMMAND(image_mount) COMMAND(image_unmount) \
	COMMAND(port) COMMAND(info) COMMAND(version) COMMAND(container_exists) \
	COMMAND(container_clone) COMMAND(container_cleanup) \
	COMMAND(container_prune) COMMAND(image_prune) COMMAND(system_df) COMMAND(system_prune) \
	COMMAND(volume_create) COMMAND(volume_ls) COMMAND(volume_rm) COMMAND(volume_exists) \
	COMMAND(volume_mount) COMMAND(volume_unmount) COMMAND(volume_reload) \
	COMMAND(volume_prune) COMMAND(volume_export) COMMAND(volume_import) \
	COMMAND(network_create) COMMAND(network_ls) COMMAND(network_rm) \
	COMMAND(network_update) COMMAND(network_reload) \
	COMMAND(network_exists) COMMAND(network_prune) COMMAND(network_connect) \
	COMMAND(network_disconnect) COMMAND(secret_create) COMMAND(secret_ls) COMMAND(secret_rm) \
	COMMAND(secret_exists) \
	COMMAND(cp) COMMAND(diff) COMMAND(mount) COMMAND(umount) COMMAND(pause) COMMAND(unpause) \
	COMMAND(rename) COMMAND(update) COMMAND(top) COMMAND(stats) COMMAND(events) COMMAND(why) \
	COMMAND(healthcheck_run) COMMAND(boot) COMMAND(shutdown) COMMAND(delegate) \
	COMMAND(load) COMMAND(pull) COMMAND(push) COMMAND(save) COMMAND(import) COMMAND(login) \
	COMMAND(logout) COMMAND(manifest_inspect) COMMAND(manifest_create) COMMAND(manifest_add) \
	COMMAND(manifest_annotate) COMMAND(manifest_remove) COMMAND(commit) COMMAND(export) \
	COMMAND(system_check) COMMAND(help) \
	COMMAND(internal_health) COMMAND(internal_compress) \
	COMMAND(internal_complete) COMMAND(internal_docs) \
	COMMAND(internal_supervise) COMMAND(internal_netdown) COMMAND(internal_remove)

#define COMMAND(name) extern const struct command command_##name;
COMMAND_LIST
#undef COMMAND

#endif
