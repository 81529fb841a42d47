// SPDX-License-Identifier: Apache-2.0
/* The resourceVersion of an object, and which of two is older. */
#ifndef BELLMAN_MODEL_VERSION_H
#define BELLMAN_MODEL_VERSION_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* metadata.resourceVersion, lent; NULL: none, or no object. */
const char *version_of(const cJSON *object);

/*
 * Is version @a older than @b? Versions are counters in every API server that there is (and by now
 * they may be compared, KEP 5504). Where one is NULL or no number, nothing is held to be older.
 */
bool version_older(const char *a, const char *b);

#endif
