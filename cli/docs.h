/*
 * docs.h - man pages and completions out of the commands' rows: `berth internal-docs DIR`,
 * which `make` and `make install` call.
 *
 * Used by cli/ only.
 */
#ifndef CLI_DOCS_H
#define CLI_DOCS_H

extern const char *const docs_groups[];		/* "container" … NULL */

#endif
