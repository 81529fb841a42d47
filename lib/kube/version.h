// SPDX-License-Identifier: Apache-2.0
/* Which of two resourceVersions is older. */
#ifndef BELLMAN_KUBE_VERSION_H
#define BELLMAN_KUBE_VERSION_H

#include <stdbool.h>

/*
 * Is version @a older than @b? Versions are counters in every API server that there is (and by now
 * they may be compared, KEP 5504). Where one is NULL or no number, nothing is held to be older.
 */
bool kube_version_older(const char *a, const char *b);

#endif
