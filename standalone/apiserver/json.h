// SPDX-License-Identifier: Apache-2.0
/*
 * JSON as the API server needs it: cJSON, with integers kept to the last digit.
 *
 * cJSON holds numbers as doubles and prints 15 digits; a Kubernetes int64 such as
 * 9223372036854775807 would come back as another number. Integers of more than 15
 * digits are therefore parsed into raw nodes, which print as they were written. So are
 * whole numbers not written as integers, such as 1e1, which no int32 or int64 may be.
 */
#ifndef BELLMAN_APISERVER_JSON_H
#define BELLMAN_APISERVER_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "standalone/apiserver/buf.h"

/*
 * Parse all of @text, which ends in a NUL at @len. NULL when it is no JSON (RFC 8259), holds a
 * number beyond a double or a string with \u0000, which C would cut there. What is no UTF-8 or half
 * a pair of surrogates becomes U+FFFD, as in Go.
 */
cJSON *js_parse(const char *text, size_t len);

/*
 * What a client may send and the store may hold. cJSON reads 1000 levels, and readers have some
 * around an object (a list, an event); members are looked up one by one, so their number costs its
 * square.
 */
enum { JS_DEPTH_MAX = 500, JS_MEMBERS_MAX = 8192 };

/* Levels, 1 for a plain value. Of what js_parse() made, or what is moderate. */
unsigned js_depth(const cJSON *json);
/* Within both limits? */
bool js_is_moderate(const cJSON *json);

/* Unformatted, as a shared text. */
struct text *js_print(const cJSON *json);

/* The node at a path of member names with dots between, such as "spec.type"; or NULL. */
cJSON *js_at(const cJSON *json, const char *path);
/* The string there; NULL when there is none. */
const char *js_text(const cJSON *json, const char *path);
/* The integer there, or @otherwise. */
long long js_int(const cJSON *json, const char *path, long long otherwise);
bool js_true(const cJSON *json, const char *path);

/* Add or replace a member; @item is taken over. */
void js_set(cJSON *object, const char *name, cJSON *item);
void js_set_text(cJSON *object, const char *name, const char *value);
void js_set_int(cJSON *object, const char *name, long long value);
void js_drop(cJSON *object, const char *name);
/* The member that is an object, made (or replaced by an empty one) when it is not. */
cJSON *js_object(cJSON *object, const char *name);

#endif
