// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/json_path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 256, PATH_MAX_LEN = 1024 /* each step is a call in a call */ };

typedef void (*found_fn)(void *arg, const cJSON *node);

static void walk(const cJSON *node, const char *path, found_fn found, void *arg);

/* .name with backslashes before dots, or what stands between the quotes of ['name']. */
static const char *take_name(const char *at, const char *ends, char name[NAME_MAX_LEN])
{
	size_t n = 0;

	for (; *at != '\0' && strchr(ends, *at) == NULL; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (n + 1 == NAME_MAX_LEN)
			return NULL;
		name[n++] = *at;
	}
	name[n] = '\0';
	return at;
}

/* [?(@.name=="value")] */
static void walk_filter(const cJSON *node, const char *at, found_fn found, void *arg)
{
	char name[NAME_MAX_LEN], value[NAME_MAX_LEN];
	const cJSON *item;

	if (strncmp(at, "?(@.", 4) != 0 || (at = take_name(at + 4, "= ", name)) == NULL)
		return;
	at += strspn(at, "= ");
	if (*at != '"' && *at != '\'')
		return;
	const char quote[2] = { *at, '\0' };
	at = take_name(at + 1, quote, value);
	if (at == NULL || *at == '\0' || strncmp(at + 1, ")]", 2) != 0)
		return;
	cJSON_ArrayForEach (item, node) {
		const char *text = js_text(item, name);
		if (text != NULL && strcmp(text, value) == 0)
			walk(item, at + 3, found, arg);
	}
}

static void walk_bracket(const cJSON *node, const char *at, found_fn found, void *arg)
{
	char name[NAME_MAX_LEN];
	const cJSON *item;

	if (*at == '?') {
		walk_filter(node, at, found, arg);
	} else if (strncmp(at, "*]", 2) == 0) {
		cJSON_ArrayForEach (item, node)
			walk(item, at + 2, found, arg);
	} else if (*at == '\'' || *at == '"') {
		const char quote[2] = { *at, '\0' };

		at = take_name(at + 1, quote, name);
		if (at != NULL && *at != '\0' && at[1] == ']')
			walk(cJSON_GetObjectItemCaseSensitive(node, name), at + 2, found, arg);
	} else if (isdigit((unsigned char)*at)) {
		char *end;
		long index = strtol(at, &end, 10);

		if (*end == ']' && cJSON_IsArray(node) && index < 1 << 20)
			walk(cJSON_GetArrayItem(node, (int)index), end + 1, found, arg);
	}
}

static void walk(const cJSON *node, const char *path, found_fn found, void *arg)
{
	char name[NAME_MAX_LEN];

	if (node == NULL)
		return;
	if (*path == '\0') {
		found(arg, node);
	} else if (*path == '[') {
		walk_bracket(node, path + 1, found, arg);
	} else if (*path == '.') {
		path = take_name(path + 1, ".[", name);
		if (path != NULL)
			walk(name[0] == '\0' ? node : cJSON_GetObjectItemCaseSensitive(node, name),
			     path, found, arg);
	}
}

static void walk_whole(const cJSON *root, const char *path, found_fn found, void *arg)
{
	if (strlen(path) <= PATH_MAX_LEN)
		walk(root, path, found, arg);
}

static void keep_first(void *arg, const cJSON *node)
{
	const cJSON **first = arg;

	if (*first == NULL)
		*first = node;
}

const cJSON *json_path_first(const cJSON *root, const char *path)
{
	const cJSON *first = NULL;

	walk_whole(root, path, keep_first, &first);
	return first;
}

static void print(void *arg, const cJSON *node)
{
	struct buf *b = arg;

	if (b->len > 0)
		buf_puts(b, " ");
	if (cJSON_IsString(node)) {
		buf_puts(b, node->valuestring);
	} else {
		struct text *t = js_print(node);
		buf_add(b, t->bytes, t->len);
		text_unref(t);
	}
}

void json_path_print(struct buf *b, const cJSON *root, const char *path)
{
	walk_whole(root, path, print, b);
}
