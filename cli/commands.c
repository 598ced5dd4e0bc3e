/* commands.c - all commands and their other names, and how one is found. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/command_list.h"
#include "cli/help.h"

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
	COMMAND_LIST
#undef COMMAND
	NULL,
};

const struct alias aliases[] = {
	{ "container ls", "ps" },	    { "container list", "ps" },
	{ "container ps", "ps" },	    { "container run", "run" },
	{ "container create", "create" },   { "container start", "start" },
	{ "container stop", "stop" },	    { "container restart", "restart" },
	{ "container kill", "kill" },	    { "container pause", "pause" },
	{ "container unpause", "unpause" }, { "container wait", "wait" },
	{ "container rm", "rm" },	    { "container rename", "rename" },
	{ "container logs", "logs" },	    { "container exec", "exec" },
	{ "container attach", "attach" },   { "container cp", "cp" },
	{ "container top", "top" },	    { "container stats", "stats" },
	{ "container port", "port" },	    { "container diff", "diff" },
	{ "container update", "update" },   { "container commit", "commit" },
	{ "container export", "export" },
	{ "image ls", "images" },	    { "image list", "images" },
	{ "image rm", "rmi" },		    { "image remove", "rmi" },
	{ "image pull", "pull" },	    { "image push", "push" },
	{ "image load", "load" },	    { "image save", "save" },
	{ "image import", "import" },	    { "image tag", "tag" },
	{ "image history", "history" },	    { "image untag", "untag" },
	{ "image diff", "diff" },	    { "image umount", "image unmount" },
	{ "volume list", "volume ls" },	    { "volume remove", "volume rm" },
	{ "network list", "network ls" },   { "network remove", "network rm" },
	{ "secret list", "secret ls" },	    { "secret remove", "secret rm" },
	{ "container remove", "rm" },
	{ "system info", "info" },	    { "system events", "events" },
	{ "manifest push", "push" },	    { "manifest rm", "rmi" },
	{ "manifest exists", "image exists" },
	{ "unmount", "umount" },	    { NULL, NULL },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	for (size_t i = 0; aliases[i].name; i++)
		if (str_eq(aliases[i].name, name))
			return command_find(aliases[i].command);
	return NULL;
}

/* Of docker and podman; a row whose name is one word stands for all of the group. */
static const struct { const char *name, *instead; } missing[] = {
	{ "search", "skopeo list-tags lists a repository, the registry's own pages the others" },
	{ "image search", "skopeo list-tags lists a repository" },
	{ "image scp", "berth save IMAGE | ssh HOST berth load copies it" },
	{ "image sign", "cosign and skopeo sign; berth verifies (containers-policy.json(5))" },
	{ "image trust", "containers-policy.json(5) is a file to edit" },
	{ "artifact", "skopeo copy moves what is no image" },
	{ "runlabel", "berth image inspect shows the label" },
	{ "container runlabel", "berth image inspect shows the label" },
	{ "init", "berth start makes all ready, in milliseconds" },
	{ "container init", "berth start makes all ready, in milliseconds" },
	{ "container checkpoint", "berth-oci checkpoint does it for the OCI runtime's" },
	{ "container restore", "berth-oci restore does it for the OCI runtime's" },
	{ "volume update", "it is for a cluster's volumes" },
	{ "generate", "berth boot starts what has --restart, from any init: see examples/boot" },
	{ "quadlet", "berth boot starts what has --restart, from any init: see examples/boot" },
	{ "auto-update", "berth pull IMAGE && berth run --replace --name NAME IMAGE" },
	{ "unshare", "berth oci spec --rootless makes one with the user's own ids" },
	{ "pod", "--network, --ipc and --pid container:NAME share a container's namespaces" },
	{ "kube", "it needs pods; --network container:NAME joins containers" },
	{ "play", "it needs pods; --network container:NAME joins containers" },
	{ "compose", "it needs a daemon; --requires orders containers" },
	{ "build", "buildah bud makes an image, and berth load -i takes it" },
	{ "image build", "buildah bud makes an image, and berth load -i takes it" },
	{ "buildx", "buildah bud makes an image, and berth load -i takes it" },
	{ "builder", "nothing is built here, so there is no cache of it" },
	{ "machine", "containers run on this one" },
	{ "farm", "nothing is built here" },
	{ "context", "there is no daemon elsewhere to talk to; ssh HOST berth is one" },
	{ "system connection", "there is no daemon elsewhere to talk to; ssh HOST berth is one" },
	{ "system service", "there is no daemon, and no socket of one" },
	{ "system reset", "berth rm -af && berth system prune -af --volumes takes all away" },
	{ "system migrate", "nothing is kept by another version that would have to be" },
	{ "system renumber", "locks are files of the containers and have no numbers" },
	{ "system dial-stdio", "there is no daemon to talk to" },
	{ "swarm", "it is for one machine" }, { "node", "it is for one machine" },
	{ "service", "it is for one machine" }, { "stack", "it is for one machine" },
	{ "config", "it is for one machine; berth secret is there" },
	{ "plugin", "volumes and networks are berth's own" },
	{ "trust", "containers-policy.json(5) is a file to edit" },
};

/* What there is in its place, or NULL. */
static const char *known_elsewhere(int argc, char **argv)
{
	AUTO_FREE char *two = argc > 1 ? mem_printf("%s %s", argv[0], argv[1]) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		if (argc > 0 && (str_eq(missing[i].name, argv[0]) ||
				 (two && str_eq(missing[i].name, two))))
			return missing[i].instead;
	return NULL;
}

static int unknown_in_group(const char *group, const char *word, struct err *e)
{
	AUTO(strlist) struct strlist words = STRLIST_INIT;
	AUTO_FREE char *prefix = mem_printf("%s ", group);
	const char *near;

	for (size_t i = 0; commands[i]; i++)
		if (str_starts(commands[i]->name, prefix) && !(commands[i]->flags & CMD_HIDDEN))
			strlist_add(&words, commands[i]->name + strlen(prefix));
	for (size_t i = 0; aliases[i].name; i++)
		if (str_starts(aliases[i].name, prefix))
			strlist_add(&words, aliases[i].name + strlen(prefix));
	near = str_nearest(word, (const char *const *)words.v);
	if (near)
		return err_say(e, EINVAL, "unknown command: %s %s (did you mean %s %s?)", group,
			       word, group, near);
	return err_say(e, EINVAL, "unknown command: %s %s; see berth help %s", group, word, group);
}

int command_unknown(int argc, char **argv, struct err *e)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	const char *near = known_elsewhere(argc, argv);

	if (near && !help_is_group(argv[0]))
		return err_say(e, EINVAL, "berth has no %s: %s", argv[0], near);
	if (near && argc > 1)
		return err_say(e, EINVAL, "berth has no %s %s: %s", argv[0], argv[1], near);
	if (argc > 0 && help_is_group(argv[0])) {
		if (argc == 1) {
			help_group(argv[0], stdout);
			return 0;
		}
		return unknown_in_group(argv[0], argv[1], e);
	}
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN))
			strlist_add(&names, commands[i]->name);
	near = str_nearest(argv[0], (const char *const *)names.v);
	return err_say(e, EINVAL, near ? "unknown command: %s (did you mean %s?)"
				       : "unknown command: %s; see berth help", argv[0], near);
}

static const struct opt no_rows[] = { OPT_END };

const struct opt *command_rows(const struct command *c)
{
	if (c->rows)
		return c->rows();
	return c->opts ? c->opts : no_rows;
}

enum { SPREAD = 16 };

int command_spread(struct cli *c, int argc, char **argv,
		   int (*one)(struct cli *c, const char *name, void *ctx), void *ctx)
{
	int status = 0, running = 0, ended;

	if (argc == 1)
		return one(c, argv[0], ctx);
	fflush(stdout);
	for (int i = 0; i < argc || running > 0;) {
		pid_t pid = -1;

		if (i < argc && running < SPREAD) {
			pid = fork();
			if (pid == 0) {
				int code = one(c, argv[i], ctx);

				_exit(fflush(stdout) == 0 ? code : 1);
			}
		}
		if (pid > 0) {
			running++;
			i++;
		} else if (running == 0) {	/* no more processes: then without one */
			int code = one(c, argv[i++], ctx);

			status = code ? code : status;
		} else if (wait(&ended) > 0) {
			running--;
			if (!WIFEXITED(ended) || WEXITSTATUS(ended))
				status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 1;
		} else if (errno != EINTR) {
			running = 0;
		}
	}
	return status;
}

int command_each(struct cli *c, int argc, char **argv,
		 int (*fn)(struct cli *c, const char *id, const char *name, void *ctx,
			   struct err *e),
		 void *ctx)
{
	int status = 0;

	for (int i = 0; i < argc; i++) {
		struct err e = ERR_INIT;
		char id[65];

		if (record_find(&c->en, argv[i], id, &e) < 0 ||
		    fn(c, id, argv[i], ctx, &e) < 0) {
			log_error(&e);
			status = e.status ? e.status : 1;
		}
	}
	return status;
}
