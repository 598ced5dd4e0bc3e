/* cmd_why.c - why: how a container ended, in words, with the last lines that it wrote. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/connect.h"
#include "cli/log_reader.h"
#include "seccomp/filter.h"

struct why_opts { const char *tail, *format; };

static const struct opt rows[] = {
	{ "tail", 'n', OPT_STR, offsetof(struct why_opts, tail), "N",
	  "Lines of its log to show (5)" },
	{ "format", 0, OPT_STR, offsetof(struct why_opts, format), "json", "Print JSON instead",
	  .complete = "json" },
	OPT_END,
};

static void sender(const struct status *s, struct strbuf *b)
{
	if (s->sender_uid < 0)
		return;
	strbuf_addf(b, ", asked for by uid %d (pid %d)", s->sender_uid, s->sender_pid);
}

static void memory(const struct status *s, struct strbuf *b)
{
	char a[16], p[16];

	if (*s->oom_task)
		strbuf_addf(b, ": %s, process %d", s->oom_task, s->oom_pid);
	if (s->oom_limit)
		strbuf_addf(b, " (limit %s, peak %s)", str_bytes(s->oom_limit, a),
			    s->oom_peak ? str_bytes(s->oom_peak, p) : "unknown");
}

static void sentence(const struct status *s, struct strbuf *b)
{
	char sig[16];

	switch (s->reason) {
	case STATUS_EXIT:
		strbuf_addf(b, "its command exited with %d", s->exit_code);
		break;
	case STATUS_SIGNAL:
		strbuf_addf(b, "signal %s ended its command", proc_signal_name(s->signal, sig));
		break;
	case STATUS_OOM:
		strbuf_adds(b, "the kernel killed it for want of memory");
		memory(s, b);
		break;
	case STATUS_TIMEOUT: strbuf_adds(b, "its time (--timeout) was over"); break;
	case STATUS_IDLE:
		strbuf_adds(b, "it wrote nothing for as long as --idle-timeout says");
		break;
	case STATUS_CPU_TIME: strbuf_adds(b, "it used up its CPU time (--cpu-time)"); break;
	case STATUS_STOPPED:
		strbuf_adds(b, "it was asked to stop and did");
		sender(s, b);
		break;
	case STATUS_STOP_TIMEOUT:
		strbuf_adds(b, "it was asked to stop, did not in time, and was killed");
		sender(s, b);
		break;
	case STATUS_KILLED:
		strbuf_addf(b, "it was killed by signal %s", proc_signal_name(s->signal, sig));
		sender(s, b);
		break;
	case STATUS_SECCOMP: {
		char name[32];

		strbuf_adds(b, "it made a system call that its filter does not allow");
		if (s->syscall >= 0)
			strbuf_addf(b, " (%s)",
				    filter_syscall_name(s->syscall_arch, s->syscall, name,
							sizeof(name)));
		else
			strbuf_adds(b, " (the kernel's log does not say which)");
		break;
	}
	case STATUS_HOST_SHUTDOWN: strbuf_adds(b, "the host was going down"); break;
	case STATUS_UNHEALTHY: strbuf_adds(b, "its health check failed too often"); break;
	case STATUS_SUPERVISOR_LOST:
		strbuf_adds(b, "its supervisor was killed, and it with it");
		break;
	case STATUS_START_FAILED: strbuf_addf(b, "it could not be started: %s", s->error); break;
	case STATUS_NONE: strbuf_adds(b, "it was never started"); break;
	}
	if (s->oom_killed && s->reason != STATUS_OOM) {
		strbuf_adds(b, "; before, the kernel killed a process of it for want of memory");
		memory(s, b);
	}
}

static int last_lines(struct cli *c, const struct record *r, uint64_t want, struct strlist *ret,
		      struct err *e)
{
	struct log_reader *reader;
	struct log_line l;
	uint64_t all = 0;
	int rc;

	if (str_eq(r->log.driver, "none") || str_eq(r->log.driver, "passthrough"))
		return 0;
	if ((rc = log_reader_open(&c->en, r, &reader, e)) == -ENOENT) {
		*e = (struct err)ERR_INIT;	/* somebody took the folder of --log-opt path= */
		return 0;
	}
	if (rc < 0)
		return rc;
	rc = log_reader_count(reader, &all, e);
	log_reader_rewind(reader);
	while (rc >= 0 && (rc = log_reader_next(reader, &l, e)) > 0) {
		AUTO_FREE char *text = NULL;

		if (all > want) {
			all -= l.whole;
			continue;
		}
		text = mem_alloc(l.n * 4 + 1);
		strlist_add(ret, str_printable(l.text, l.n, text, l.n * 4 + 1));
	}
	log_reader_free(reader);
	return rc < 0 ? rc : 0;
}

static void as_json(const struct record *r, const struct status *s, enum connect_state state,
		    const char *text, const struct strlist *lines)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;
	char name[32];

	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "id", r->id);
	json_out_str(&o, "name", r->name);
	json_out_str(&o, "state", connect_state_name(state));
	json_out_str(&o, "reason", status_reason_name(s->reason));
	json_out_str(&o, "text", text);
	json_out_i64(&o, "exitCode", s->exit_code);
	json_out_i64(&o, "signal", s->signal);
	json_out_bool(&o, "oomKilled", s->oom_killed);
	json_out_str(&o, "oomTask", s->oom_task);
	json_out_i64(&o, "oomPid", s->oom_pid);
	json_out_str(&o, "syscall", s->syscall < 0 ? "" :
		     filter_syscall_name(s->syscall_arch, s->syscall, name, sizeof(name)));
	json_out_u64(&o, "memoryLimit", s->oom_limit);
	json_out_u64(&o, "memoryPeak", s->memory_peak);
	json_out_u64(&o, "cpuMicroseconds", s->cpu_usec);
	json_out_i64(&o, "senderPid", s->sender_pid);
	json_out_i64(&o, "senderUid", s->sender_uid);
	json_out_strs(&o, "lastLines", lines->v);
	json_out_end_obj(&o);
	printf("%s\n", b.s);
}

static int run_why(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct why_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;
	enum connect_state state;
	struct status s;
	struct err no_log = ERR_INIT;
	uint64_t want = 5;
	char id[65];
	int rc;

	(void)argc;
	if (o->format && !str_eq(o->format, "json"))
		return err_say(e, EINVAL, "--format %s: expected json", o->format);
	if (o->tail && str_to_u64(o->tail, &want) < 0)
		return err_say(e, EINVAL, "--tail %s: expected a number", o->tail);
	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = connect_state(&c->en, id, &state, &s, e)) < 0)
		return rc;
	if (last_lines(c, r, want, &lines, &no_log) < 0)
		log_warn("%s", no_log.msg);
	if (state == STATE_RUNNING || state == STATE_PAUSED)
		strbuf_addf(&text, "it is %s", connect_state_name(state));
	else
		sentence(&s, &text);
	if (o->format) {
		as_json(r, &s, state, text.s, &lines);
		return 0;
	}
	printf("%s: %s", r->name, text.s);
	if (state == STATE_EXITED || state == STATE_RESTARTING)
		printf(" (exit code %d)", s.exit_code);
	printf("\n");
	if (s.restarts)
		printf("  restarted %u times\n", s.restarts);
	for (size_t i = 0; i < lines.n; i++)
		printf("  | %s\n", lines.v[i]);
	return 0;
}

/* clang-format off */
const struct command command_why = {
	.name = "why", .args = "CONTAINER", .summary = "Say how a container ended",
	.opts = rows, .size = sizeof(struct why_opts), .min = 1, .max = 1,
	.complete = "container", .run = run_why,
};
/* clang-format on */
