/*
 * interleave.c - times commands in turn, so that whatever slows the machine down slows all of
 * them alike.
 *
 *	interleave ROUNDS [--case NAME COMMAND... [--then COMMAND...]...]...
 *
 * Each round runs every case once; a case is one command or several, one behind the other.
 * "@N@" in an argument becomes a number that no other run of this program's had.  The first
 * tenth of the rounds (at least one) warms caches up and is not counted.  Prints, a case a line:
 *
 *	NAME <tab> median <tab> min <tab> max <tab> failures	(milliseconds)
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
#include <sys/wait.h>

extern char **environ;

struct bench { const char *name; char **argv; double *ms; int failures; };

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

static bool run_one(char **argv, char **end, long n, const posix_spawn_file_actions_t *fa)
{
	static char bufs[MAX_ARGS][512];
	char *args[MAX_ARGS + 1];
	int argc = 0, status;
	pid_t pid;

	for (; argv < end && argc < MAX_ARGS; argv++, argc++)
		args[argc] = fill(*argv, n, bufs[argc], sizeof(bufs[argc]));
	args[argc] = NULL;
	if (posix_spawnp(&pid, args[0], fa, NULL, args, environ) != 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool run_case(char **argv, long n, const posix_spawn_file_actions_t *fa)
{
	bool good = true;

	while (*argv) {
		char **end = argv;

		while (*end && strcmp(*end, "--then") != 0 && strcmp(*end, "--case") != 0)
			end++;
		good = run_one(argv, end, n, fa) && good;
		if (!*end || strcmp(*end, "--case") == 0)
			break;
		argv = end + 1;
	}
	return good;
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
							  0 };
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
			double start = now();
			bool good = run_case(cases[c].argv, n++, &fa);

			if (r >= 0)
				cases[c].ms[r] = now() - start;
			cases[c].failures += !good;
		}
	}
	for (int c = 0; c < ncases; c++) {
		qsort(cases[c].ms, (size_t)rounds, sizeof(double), by_value);
		printf("%s\t%.3f\t%.3f\t%.3f\t%d\n", cases[c].name, cases[c].ms[rounds / 2],
		       cases[c].ms[0], cases[c].ms[rounds - 1], cases[c].failures);
	}
	return 0;
}
