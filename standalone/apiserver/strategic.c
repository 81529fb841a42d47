// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/strategic.h"

#include <stdio.h>
#include <string.h>

#include "lib/model/json.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/types_tables.h"

/* How a list merges. No key: a set of plain values. */
struct list_rule {
	const char *key, *second, *second_default;
};

/*
 * Two keys where Kubernetes merges by the first alone: port 53 for TCP and UDP are two ports, and
 * merging them into one is its oldest bug of this kind (#39188). An element without the second
 * key has @second_default.
 */
static const struct {
	const struct object_type *type;
	const char *list, *second, *second_default;
} second_keys[] = {
	{ &type_service_spec, "ports", "protocol", "TCP" },
	{ &type_node_status, "addresses", "address", NULL },
	{ &type_container, "ports", "protocol", "TCP" },
};

/* False: the list is replaced as a whole. */
static bool rule_of(const struct object_type *type, const char *name, struct list_rule *ret)
{
	const struct field *f = type == NULL ? NULL : types_field(type, name);

	if (f == NULL || f->merge_key == NULL)
		return false;
	*ret = (struct list_rule){ .key = f->merge_key[0] == '\0' ? NULL : f->merge_key };
	for (size_t i = 0; i < sizeof(second_keys) / sizeof(second_keys[0]); i++)
		if (second_keys[i].type == type && strcmp(second_keys[i].list, name) == 0) {
			ret->second = second_keys[i].second;
			ret->second_default = second_keys[i].second_default;
		}
	return true;
}

/* The type of what is in a member; NULL: none that merging knows. */
static const struct object_type *type_in(const struct object_type *type, const char *name)
{
	const struct field *f = type == NULL ? NULL : types_field(type, name);

	return f == NULL ? NULL : f->object;
}

static cJSON *merge_map(const struct object_type *type, cJSON *object, const cJSON *patch);

/* --- sets of plain values -------------------------------------------------------------- */

static cJSON *find_plain(const cJSON *list, const cJSON *value)
{
	cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (json_equal(item, value))
			return item;
	return NULL;
}

static void unite(cJSON *list, const cJSON *more)
{
	const cJSON *value;

	cJSON_ArrayForEach (value, more)
		if (find_plain(list, value) == NULL)
			cJSON_AddItemToArray(list, cJSON_Duplicate(value, 1));
}

static void subtract(cJSON *list, const cJSON *less)
{
	const cJSON *value;
	cJSON *found;

	cJSON_ArrayForEach (value, less)
		while ((found = find_plain(list, value)) != NULL)
			cJSON_Delete(cJSON_DetachItemViaPointer(list, found));
}

/* --- lists that are maps --------------------------------------------------------------- */

static bool same_key(const cJSON *a, const cJSON *b, const char *key, const char *otherwise)
{
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, key);
	const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, key);
	cJSON fill = { .type = cJSON_String, .valuestring = (char *)(uintptr_t)otherwise };

	if (otherwise != NULL) {
		x = x == NULL ? &fill : x;
		y = y == NULL ? &fill : y;
	}
	return x != NULL && y != NULL && json_equal(x, y);
}

/* The element of @list that @element patches. An element that lacks the second key, where it has
 * no default, means the first one with its first key. */
static cJSON *find_element(const cJSON *list, const cJSON *element, const struct list_rule *rule)
{
	bool one_key = rule->second == NULL ||
		       (rule->second_default == NULL &&
			cJSON_GetObjectItemCaseSensitive(element, rule->second) == NULL);
	cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (same_key(item, element, rule->key, NULL) &&
		    (one_key || same_key(item, element, rule->second, rule->second_default)))
			return item;
	return NULL;
}

static bool is_directive(const cJSON *element, const char *what)
{
	const char *directive =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(element, "$patch"));

	return directive != NULL && strcmp(directive, what) == 0;
}

/* @type: of an element. */
static cJSON *merge_elements(const struct object_type *type, cJSON *list, const cJSON *patch,
			     const struct list_rule *rule)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, patch)
		if (is_directive(element, "replace"))
			while (list->child != NULL)
				cJSON_Delete(cJSON_DetachItemViaPointer(list, list->child));
	cJSON_ArrayForEach (element, patch) {
		if (!cJSON_IsObject(element))
			return status_bad_request("%s: expected objects", patch->string);
		if (is_directive(element, "replace"))
			continue;
		if (cJSON_GetObjectItemCaseSensitive(element, rule->key) == NULL)
			return status_bad_request("map: %s does not contain declared merge key: %s",
						  patch->string, rule->key);
		cJSON *found = find_element(list, element, rule);
		if (is_directive(element, "delete")) {
			if (found != NULL)
				cJSON_Delete(cJSON_DetachItemViaPointer(list, found));
			continue;
		}
		if (found == NULL) {
			found = cJSON_CreateObject();
			cJSON_AddItemToArray(list, found);
		}
		cJSON *wrong = merge_map(type, found, element);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/*
 * `$setElementOrder/NAME`: elements it names come in its order, the others keep their place
 * behind the element they followed. @rule NULL: plain values.
 */
static void set_order(cJSON *list, const cJSON *order, const struct list_rule *rule)
{
	const cJSON *want;
	cJSON *named = cJSON_CreateArray();

	cJSON_ArrayForEach (want, order) {
		cJSON *item;

		/* By the first key alone: that is all kubectl writes here. Every match, in order.
		 */
		for (item = list->child; item != NULL;) {
			cJSON *next = item->next;
			if (rule->key == NULL ? json_equal(item, want)
					      : same_key(item, want, rule->key, NULL))
				cJSON_AddItemToArray(named, cJSON_DetachItemViaPointer(list, item));
			item = next;
		}
	}
	/* What nobody ordered goes behind. */
	while (list->child != NULL)
		cJSON_AddItemToArray(named, cJSON_DetachItemViaPointer(list, list->child));
	while (named->child != NULL)
		cJSON_AddItemToArray(list, cJSON_DetachItemViaPointer(named, named->child));
	cJSON_Delete(named);
}

/* --- maps ------------------------------------------------------------------------------ */

static void retain_keys(cJSON *object, const cJSON *keys)
{
	for (cJSON *member = object->child, *next; member != NULL; member = next) {
		const cJSON *key;
		bool kept = false;

		next = member->next;
		cJSON_ArrayForEach (key, keys)
			kept = kept || (cJSON_IsString(key) &&
					strcmp(key->valuestring, member->string) == 0);
		if (!kept)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
	}
}

static cJSON *merge_list(const struct object_type *type, cJSON *object, const cJSON *patch)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, patch->string);
	struct list_rule rule;

	if (!rule_of(type, patch->string, &rule)) {
		js_set(object, patch->string, cJSON_Duplicate(patch, 1));
		return NULL;
	}
	if (!cJSON_IsArray(list)) {
		list = cJSON_CreateArray();
		js_set(object, patch->string, list);
	}
	if (rule.key == NULL) {
		unite(list, patch);
		return NULL;
	}
	return merge_elements(type_in(type, patch->string), list, patch, &rule);
}

/* `$name/list` directives. Returns true when @member is one. */
static bool apply_directive(const struct object_type *type, cJSON *object, const cJSON *member,
			    bool ordering)
{
	static const char order[] = "$setElementOrder/";
	static const char delete[] = "$deleteFromPrimitiveList/";
	const char *name = strchr(member->string, '/');
	struct list_rule rule;

	if (member->string[0] != '$' || name == NULL)
		return member->string[0] == '$';
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, ++name);
	if (!ordering && strncmp(member->string, delete, sizeof(delete) - 1) == 0)
		subtract(list, member);
	else if (ordering && strncmp(member->string, order, sizeof(order) - 1) == 0 &&
		 cJSON_IsArray(list) && rule_of(type, name, &rule))
		set_order(list, member, &rule);
	return true;
}

static cJSON *merge_map(const struct object_type *type, cJSON *object, const cJSON *patch)
{
	const cJSON *member;

	if (is_directive(patch, "delete") || is_directive(patch, "replace")) {
		while (object->child != NULL)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, object->child));
		if (is_directive(patch, "delete"))
			return NULL;
	}
	cJSON_ArrayForEach (member, patch) {
		cJSON *wrong = NULL;

		if (apply_directive(type, object, member, false))
			continue;
		if (cJSON_IsNull(member))
			js_drop(object, member->string);
		else if (cJSON_IsObject(member))
			wrong = merge_map(type_in(type, member->string),
					  js_object(object, member->string), member);
		else if (cJSON_IsArray(member))
			wrong = merge_list(type, object, member);
		else
			js_set(object, member->string, cJSON_Duplicate(member, 1));
		if (wrong != NULL)
			return wrong;
	}
	const cJSON *retain = cJSON_GetObjectItemCaseSensitive(patch, "$retainKeys");
	if (cJSON_IsArray(retain))
		retain_keys(object, retain);
	cJSON_ArrayForEach (member, patch)
		apply_directive(type, object, member, true);
	return NULL;
}

cJSON *strategic_merge(const struct kind *kind, cJSON *object, const cJSON *patch)
{
	return merge_map(kind->type, object, patch);
}
