// SPDX-License-Identifier: Apache-2.0
/*
 * The group `settings` of a configuration file: what a daemon may also be told by flags.
 *
 * Read once at start; a flag or its variable wins over the file. Pools and the rest of
 * the file are followed by config_source.h.
 */
#ifndef BELLMAN_DAEMON_SETTINGS_H
#define BELLMAN_DAEMON_SETTINGS_H

#include <stddef.h>

#include "lib/model/doc.h"

/* The settings of a file, or NULL: it has none or cannot be read (whoever follows it says why). */
struct settings *settings_load(const char *path);
struct settings *settings_free(struct settings *s); /* NULL is fine; returns NULL */

/*
 * What the file says for flag @name ("lb-class" is loadBalancerClass, "ml-bindport" is ml.bindport,
 * others are the flag in camelCase), as the flag's value would be written. NULL: nothing, or a map.
 * Borrowed until the next call.
 */
const char *settings_get(struct settings *s, const char *name);

#endif
