// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/json_patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "standalone/apiserver/status.h"

enum {
	OPS_MAX = 10000,             /* as Kubernetes */
	COPIED_BYTES_MAX = 3u << 20, /* all `copy` of one patch: each may double the document */
	NAME_MAX_LEN = 1024,
};

/* Where a pointer leads: the place @name or @index in @parent, which need not be taken. */
struct place {
	cJSON *parent;  /* NULL: the whole document */
	cJSON *node;    /* NULL: nothing there */
	unsigned depth; /* tokens of the pointer */
	char name[NAME_MAX_LEN];
	int index; /* in an array; its length for "-" and the end */
};

/* One reference token, unescaped (RFC 6901 section 4). Returns the rest, or NULL. */
static const char *take_token(const char *at, char *name, size_t size)
{
	size_t n = 0;

	if (*at++ != '/')
		return NULL;
	for (; *at != '\0' && *at != '/'; at++) {
		char c = *at;

		if (c == '~') {
			at++;
			if (*at != '0' && *at != '1')
				return NULL;
			c = *at == '0' ? '~' : '/';
		}
		if (n + 1 >= size)
			return NULL;
		name[n++] = c;
	}
	name[n] = '\0';
	return at;
}

/* "0", "17", not "01" nor "1a"; "-" is the place behind the last. -1: not of that form. */
static int array_index(const cJSON *array, const char *name)
{
	char *end;

	if (strcmp(name, "-") == 0)
		return cJSON_GetArraySize(array);
	if (name[0] < '0' || name[0] > '9' || (name[0] == '0' && name[1] != '\0'))
		return -1;
	errno = 0;
	long n = strtol(name, &end, 10);
	return *end != '\0' || errno != 0 || n > 1 << 24 ? -1 : (int)n;
}

static bool find(cJSON *root, const char *pointer, struct place *ret)
{
	struct place p = { .node = root };

	while (*pointer != '\0') {
		if (p.node == NULL ||
		    (pointer = take_token(pointer, p.name, sizeof(p.name))) == NULL)
			return false;
		p.depth++;
		p.parent = p.node;
		if (cJSON_IsObject(p.parent)) {
			p.node = cJSON_GetObjectItemCaseSensitive(p.parent, p.name);
		} else if (cJSON_IsArray(p.parent)) {
			p.index = array_index(p.parent, p.name);
			if (p.index < 0 || p.index > cJSON_GetArraySize(p.parent))
				return false;
			p.node = cJSON_GetArrayItem(p.parent, p.index);
		} else {
			return false;
		}
	}
	*ret = p;
	return true;
}

static cJSON *detach(cJSON **root, const struct place *p)
{
	if (p->parent != NULL)
		return cJSON_DetachItemViaPointer(p->parent, p->node);
	cJSON *whole = *root;
	*root = cJSON_CreateNull();
	return whole;
}

/*
 * Link @item in front of @at. By hand: cJSON_InsertItemInArray() refuses arrays that came from
 * the parser in Debian's 1.7.15-1+deb12u. The first element's prev is the last one.
 */
static void insert_before(cJSON *array, cJSON *at, cJSON *item)
{
	item->next = at;
	item->prev = at->prev;
	if (array->child == at)
		array->child = item;
	else
		at->prev->next = item;
	at->prev = item;
}

enum outcome { DONE, DOES_NOT_FIT, TOO_BIG };

/* Put @value, which is taken over, at @p; @insert: array elements move up. */
static enum outcome put(cJSON **root, const struct place *p, cJSON *value, bool insert)
{
	if (p->depth + js_depth(value) > JS_DEPTH_MAX) {
		cJSON_Delete(value);
		return TOO_BIG;
	}
	if (p->parent == NULL) {
		cJSON_Delete(*root);
		*root = value;
	} else if (cJSON_IsObject(p->parent)) {
		js_set(p->parent, p->name, value);
	} else if (p->node == NULL) {
		cJSON_AddItemToArray(p->parent, value);
	} else if (insert) {
		insert_before(p->parent, p->node, value);
	} else {
		cJSON_ReplaceItemViaPointer(p->parent, p->node, value);
	}
	return DONE;
}

static size_t size_of(const cJSON *node)
{
	struct text *t = js_print(node);
	size_t len = t->len;

	text_unref(t);
	return len;
}

static enum outcome apply(cJSON **root, const cJSON *op, size_t *copied)
{
	const char *what = js_text(op, "op"), *path = js_text(op, "path"),
		   *from = js_text(op, "from");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(op, "value");
	struct place to, source;

	if (strcmp(what, "move") == 0 || strcmp(what, "copy") == 0) {
		if (from == NULL || !find(*root, from, &source) || source.node == NULL)
			return DOES_NOT_FIT;
		bool move = what[0] == 'm';
		size_t len = strlen(from);
		if (move && strncmp(path, from, len) == 0 && path[len] == '/')
			return DOES_NOT_FIT; /* into itself */
		if (!move && (*copied += size_of(source.node)) > COPIED_BYTES_MAX)
			return TOO_BIG;
		cJSON *node = move ? detach(root, &source) : cJSON_Duplicate(source.node, 1);
		if (!find(*root, path, &to)) {
			cJSON_Delete(node);
			return DOES_NOT_FIT;
		}
		return put(root, &to, node, true);
	}
	if (!find(*root, path, &to))
		return DOES_NOT_FIT;
	if (strcmp(what, "remove") == 0) {
		if (to.node == NULL)
			return DOES_NOT_FIT;
		cJSON_Delete(detach(root, &to));
		return DONE;
	}
	if (value == NULL)
		return DOES_NOT_FIT;
	if (strcmp(what, "test") == 0)
		return to.node != NULL && json_equal(to.node, value) ? DONE : DOES_NOT_FIT;
	if (strcmp(what, "replace") == 0 && to.node == NULL)
		return DOES_NOT_FIT;
	return put(root, &to, cJSON_Duplicate(value, 1), strcmp(what, "add") == 0);
}

static bool is_operation(const char *what)
{
	static const char *const known[] = { "add", "remove", "replace", "move", "copy", "test" };

	for (size_t i = 0; what != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], what) == 0)
			return true;
	return false;
}

cJSON *json_patch_apply(const cJSON *patch, cJSON **root)
{
	const cJSON *op;
	size_t copied = 0;

	if (!cJSON_IsArray(patch))
		return status_bad_request("json patch: the body must be an array of operations");
	if (cJSON_GetArraySize(patch) > OPS_MAX)
		return status_failure(
			413, "RequestEntityTooLarge",
			"The allowed maximum operations in a JSON patch is %d, got %d", OPS_MAX,
			cJSON_GetArraySize(patch));
	cJSON_ArrayForEach (op, patch) {
		const char *what = js_text(op, "op"), *path = js_text(op, "path");

		if (!is_operation(what) || path == NULL)
			return status_bad_request("json patch: an operation needs op and path");
		switch (apply(root, op, &copied)) {
		case DONE:
			break;
		case DOES_NOT_FIT:
			return status_failure(422, "Invalid",
					      "the server rejected our request due to an error in "
					      "our request");
		case TOO_BIG:
			return status_failure(
				413, "RequestEntityTooLarge",
				"json patch: copies more than %u bytes, or makes more "
				"than %d levels",
				COPIED_BYTES_MAX, JS_DEPTH_MAX);
		}
	}
	return NULL;
}
