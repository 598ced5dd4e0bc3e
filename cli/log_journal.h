/*
 * log_journal.h - what a container wrote into the journal, read through journalctl.
 *
 * Used by log_reader.c alone.  journalctl runs beside us while it is read.
 */
#ifndef CLI_LOG_JOURNAL_H
#define CLI_LOG_JOURNAL_H

#include "cli/log_reader.h"

struct log_journal;
struct log_journal *log_journal_new(const char *id);
void log_journal_free(struct log_journal *j);
/* As log_reader_next, and log_reader_rewind. */
int log_journal_next(struct log_journal *j, struct log_line *ret, struct err *e);
void log_journal_rewind(struct log_journal *j);
/* From here on what comes: a descriptor of ours to poll. */
int log_journal_follow(struct log_journal *j, int *ret, struct err *e);
/* No more comes but what is on its way. */
void log_journal_finish(struct log_journal *j);

#endif
