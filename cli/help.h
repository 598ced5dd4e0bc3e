/*
 * help.h - what `berth`, `berth help`, and --help print; man pages and completions from
 * the same rows.
 *
 * Used by cli/ only.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"

void help_main(const struct opt *globals, FILE *to);
/* "berth stop [OPTION...] CONTAINER..." */
void help_usage(const struct command *c, struct strbuf *b);
void help_command(const struct command *c, FILE *to);
bool help_is_group(const char *word);
void help_group(const char *word, FILE *to);

#endif
