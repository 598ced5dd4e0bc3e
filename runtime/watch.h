/*
 * watch.h - the inside of berth-supervisor: one struct, and who does what with it.
 *
 * Runs in: supervisor (static, no library).  watch.c reads the arguments and turns the
 * loop; clients.c serves the socket; streams of the container go through logfile.c;
 * stop.c ends the container; health.c looks after it; finish.c writes down how it ended
 * and takes everything away.  The memory is fixed: nothing grows with what is said.
 */
#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/status.h"
#include "runtime/supervisor.h"

#define WATCH_CLIENTS 64
#define WATCH_CHUNK 16384	/* bytes read at once from the container */

enum watch_timer { TIMER_STOP, TIMER_WALL, TIMER_IDLE, TIMER_CPU, TIMER_HEALTH, TIMER_DRAIN,
		   TIMER_RESTART, TIMER_COUNT };

enum watch_client_kind { CLIENT_FREE, CLIENT_NEW, CLIENT_ATTACHED, CLIENT_WAIT, CLIENT_HEALTHY,
			 CLIENT_EXEC };

struct watch_client {
	int fd;
	uint8_t kind;			/* enum watch_client_kind */
	uint8_t flags;			/* enum sup_attach_flags */
	bool stalled;			/* lossless, and its socket is full */
	uint64_t lost;			/* bytes that a slow reader did not get */
	pid_t pid;			/* of the peer */
	uid_t uid;
	char exec[32];			/* CLIENT_EXEC: sub-cgroup */
};

struct watch {
	/* arguments */
	const char *id, *root, *berth, *cgroup, *log, *log_name, *name, *image, *tag;
	int64_t run, containers, names, dir, lock, listen, pidfd, pid, tty, in, out, err;
	int64_t log_dir, log_size, log_files, log_compress, log_buffer;
	int64_t stop_signal, stop_timeout, restart, restart_max, restarts, backoff;
	int64_t rm, net, volumes, stdin_once, timeout, idle_timeout, cpu_time;
	int64_t startup, startup_interval, startup_retries, startup_success;
	int64_t health, health_interval, health_timeout, health_period, health_start_interval,
		health_retries, health_action;

	int epoll, sigfd;
	struct watch_client client[WATCH_CLIENTS];
	int64_t deadline[TIMER_COUNT];	/* CLOCK_MONOTONIC ns, 0: off */
	int64_t started;		/* CLOCK_MONOTONIC ns */
	struct status status;
	enum status_reason why;		/* what we did to it, if we did something */
	bool ended, by_user, killing;
	bool tty_hung;			/* nobody in the container holds it open */
	bool left_over;			/* something could not be taken down */
	int wait_status;
	/* a chunk that a lossless client could not take yet */
	size_t held;
	int held_type;
	/* input that the container could not take yet */
	size_t in_used, in_done;
	bool in_eof;
	pid_t health_pid;
	int64_t startup_passed;	/* in a row */
	/* log */
	int log_fd, journal_fd;
	bool journal_hangs;
	char new_name[160];	/* after a rename: `name` points here */
	bool buffers_used;	/* since they were last given back */
	int64_t log_bytes, log_number;	/* of the last file that was full; 0: not looked for */
};

extern struct watch W;	/* the one thing of this program */

int64_t watch_now(void);			/* CLOCK_MONOTONIC, ns */
void watch_set_timer(enum watch_timer t, int64_t after_ns);	/* < 0: off */
void watch_poll(int fd, bool read, bool write);	/* (re)registers; neither: unregisters */
bool watch_output_paused(void);
/* Starts `berth --root ROOT args…`; wait: returns its wait status.  Otherwise its PID, -1. */
int watch_berth(const char *const *args, bool wait);

void clients_accept(void);
void clients_event(int fd, uint32_t events);
bool clients_has(int fd);
void clients_adopt(int fd, int flags);
void clients_output(int type, const char *data, size_t n);	/* SUP_OUT, SUP_ERR */
void clients_end(int32_t code);
void clients_health(void);			/* tells who waits for healthy */
void clients_input_ready(void);			/* the container takes input again */
char *clients_chunk(void);			/* WATCH_CHUNK bytes for a read of output */
void clients_give_back(void);			/* the buffers' memory, while nothing is in them */

void logfile_open(void);
void logfile_write(int type, const char *data, size_t n);

void stop_begin(int sig, int64_t timeout_s, enum status_reason why);
void stop_kill_now(void);
void stop_rest(void);
void stop_signal_init(int sig);

void health_start(void);
void health_run(void);
void health_result(int wait_status);

void finish_reap(void);				/* the init has ended */
void finish_all(void);				/* and its output is drained */
void finish_restart(void);

#endif
