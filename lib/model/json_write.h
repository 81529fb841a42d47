// SPDX-License-Identifier: Apache-2.0
/* Members of JSON objects that are printed for programs. Running out of memory ends the process. */
#ifndef BELLMAN_MODEL_JSON_WRITE_H
#define BELLMAN_MODEL_JSON_WRITE_H

#include <cjson/cJSON.h>
#include <stdint.h>

/* All 64 bits; cJSON's own numbers are doubles. */
void json_add_number(cJSON *to, const char *key, uint64_t n);
/* Nanoseconds as seconds, with all nine decimals. */
void json_add_seconds(cJSON *to, const char *key, uint64_t ns);
/* NULL is null. */
void json_add_text(cJSON *to, const char *key, const char *text);
/* A new object at the end of @list. */
cJSON *json_add_object(cJSON *list);

#endif
