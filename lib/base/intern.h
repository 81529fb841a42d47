// SPDX-License-Identifier: Apache-2.0
/*
 * Interned strings: one copy of each text in the process, counted by its users.
 *
 * Names of namespaces, nodes, label keys and values recur thousands of times in a
 * cluster's objects; here they cost a pointer each, and equal texts are equal
 * pointers. One table a process, no locks: the daemons have one thread. Running
 * out of memory ends the process; there is no way on without a name.
 */
#ifndef BELLMAN_BASE_INTERN_H
#define BELLMAN_BASE_INTERN_H

#include <stddef.h>

/* The shared copy of @text with one more user, or NULL for NULL. Give back by intern_unref(). */
const char *intern(const char *text);
/* The same for at most @len bytes; a NUL ends the text before that, but need not be there. */
const char *intern_len(const char *text, size_t len);

/* One more user of a string that came from intern(). NULL is fine. Returns @text. */
const char *intern_ref(const char *text);

/* One user less; the last one frees it. NULL is fine. Always returns NULL. */
const char *intern_unref(const char *text);

/* How many different strings there are, for metrics and leak tests. */
size_t intern_count(void);

#endif
