/*
 * interleave.c - times commands in turn, so that whatever slows the machine down slows all of
 * them alike.
 *
 *	interleave ROUNDS [--case NAME [--then | --before] COMMAND...]...
 *
 * Each round runs every case once; a case is one command or several, one behind the other; those
 * behind --before are not timed.  "@N@" in an argument becomes a number, the same within a case
 * and another in each round.  The first tenth of the rounds (at least one) warms caches up and is
 * not counted.  Prints, a case a line:
 *
 *	NAME <tab> median <tab> min <tab> max <tab> failures <tab> peak <tab> cpu
 *
 * in milliseconds; peak is the largest resident set of a timed command, in KB; cpu the processor
 * time of the thriftiest round, of the commands and what they waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

struct bench { const char *name; char **argv; double *ms; int failures; long peak; double cpu; };

enum { MAX_CASES = 32, MAX_ARGS = 64 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The argument with "@N@" replaced, in buf. */
static char *fill(char *arg, long n, char *buf, size_t size)
{
	char *at = strstr(arg, "@N@");

	if (!at)
		return arg;
	snprintf(buf, size, "%.*s%ld%s", (int)(at - arg), arg, n, at + 3);
	return buf;
}

static bool is_mark(const char *arg)
{
	return !arg || strcmp(arg, "--then") == 0 || strcmp(arg, "--before") == 0 ||
	       strcmp(arg, "--case") == 0;
}

static bool run_one(char **argv, long n, const posix_spawn_file_actions_t *fa, long *ret_peak,
		    double *ret_cpu)
{
	static char bufs[MAX_ARGS][512];
	char *args[MAX_ARGS + 1];
	int argc = 0, status;
	struct rusage usage;
	pid_t pid;

	for (; !is_mark(*argv) && argc < MAX_ARGS; argv++, argc++)
		args[argc] = fill(*argv, n, bufs[argc], sizeof(bufs[argc]));
	args[argc] = NULL;
	if (posix_spawnp(&pid, args[0], fa, NULL, args, environ) != 0)
		return false;
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	*ret_peak = usage.ru_maxrss;
	*ret_cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
		   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Milliseconds of what is timed. */
static double run_case(struct bench *c, long n, const posix_spawn_file_actions_t *fa)
{
	char **argv = c->argv;
	double ms = 0, total = 0;

	for (;;) {
		bool timed = strcmp(*argv, "--before") != 0;
		double start, cpu = 0;
		long peak = 0;

		if (is_mark(*argv))
			argv++;
		start = now();
		c->failures += !run_one(argv, n, fa, &peak, &cpu);
		if (timed) {
			ms += now() - start;
			total += cpu;
			c->peak = peak > c->peak ? peak : c->peak;
		}
		while (!is_mark(*argv))
			argv++;
		if (!*argv || strcmp(*argv, "--case") == 0)
			break;
	}
	if (c->cpu <= 0 || total < c->cpu)
		c->cpu = total;
	return ms;
}

int main(int argc, char **argv)
{
	struct bench cases[MAX_CASES];
	int ncases = 0, rounds = argc > 1 ? atoi(argv[1]) : 0, warm = rounds / 10 + 1;
	posix_spawn_file_actions_t fa;
	long n = (long)getpid() % 10000 * 100000;

	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--case") == 0 && i + 2 < argc && ncases < MAX_CASES)
			cases[ncases++] = (struct bench){ argv[i + 1], argv + i + 2,
							  calloc((size_t)rounds, sizeof(double)),
							  0, 0, 0 };
	if (rounds < 1 || ncases == 0) {
		fprintf(stderr, "usage: interleave ROUNDS --case NAME COMMAND...\n");
		return 125;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	if (!getenv("BENCH_STDERR"))
		posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	for (int r = -warm; r < rounds; r++) {
		for (int c = 0; c < ncases; c++) {
			double ms = run_case(&cases[c], n++, &fa);

			if (r >= 0)
				cases[c].ms[r] = ms;
		}
	}
	for (int c = 0; c < ncases; c++) {
		qsort(cases[c].ms, (size_t)rounds, sizeof(double), by_value);
		printf("%s\t%.3f\t%.3f\t%.3f\t%d\t%ld\t%.0f\n", cases[c].name,
		       cases[c].ms[rounds / 2], cases[c].ms[0], cases[c].ms[rounds - 1],
		       cases[c].failures, cases[c].peak, cases[c].cpu);
	}
	return 0;
}
