// SPDX-License-Identifier: Apache-2.0
/*
 * The JSONPath of printer columns, as far as CustomResourceDefinitions use it:
 * .a.b, ['a'], a\.b, [0], [*] and [?(@.a=="b")].
 */
#ifndef BELLMAN_APISERVER_JSON_PATH_H
#define BELLMAN_APISERVER_JSON_PATH_H

#include "standalone/apiserver/json.h"

/* The first node that @path leads to, or NULL: none, or not a path of that form. */
const cJSON *json_path_first(const cJSON *root, const char *path);
/* All of them as text, blanks between; lists and objects as JSON. */
void json_path_print(struct buf *b, const cJSON *root, const char *path);

#endif
