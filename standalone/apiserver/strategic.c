// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/strategic.h"

#include <stdlib.h>
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
 * key has @second_default. A patch that has one element of a first key does what it does there.
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

/* How many were added. */
static int unite(cJSON *list, const cJSON *more)
{
	const cJSON *value;
	int added = 0;

	cJSON_ArrayForEach (value, more)
		if (find_plain(list, value) == NULL) {
			cJSON_AddItemToArray(list, cJSON_Duplicate(value, 1));
			added++;
		}
	return added;
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

static bool is_element(const cJSON *item, const cJSON *element, const struct list_rule *rule)
{
	return same_key(item, element, rule->key, NULL) &&
	       (rule->second == NULL ||
		same_key(item, element, rule->second, rule->second_default));
}

/* Where an element does not say the second key, every one with its first key is meant. */
static struct list_rule loose(const struct list_rule *rule, const cJSON *element)
{
	struct list_rule one = *rule;

	if (one.second != NULL && cJSON_GetObjectItemCaseSensitive(element, one.second) == NULL)
		one.second = NULL;
	return one;
}

/* Does @names have one element alone with the first key of @element? */
static bool is_named_once(const cJSON *names, const cJSON *element, const struct list_rule *rule)
{
	const cJSON *name;
	int count = 0;

	cJSON_ArrayForEach (name, names)
		count += same_key(name, element, rule->key, NULL) ? 1 : 0;
	return count <= 1;
}

/*
 * The element of @list that @element patches. Where no other element of the patch has its first key
 * (@names: the order that comes with the patch, else the patch), it may give a new second one: a
 * port becomes UDP. Where it says no second key, that stays as it is.
 */
static cJSON *find_element(const cJSON *list, const cJSON *element, const cJSON *names,
			   const struct list_rule *rule)
{
	struct list_rule by_first = *rule;
	cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (is_element(item, element, rule))
			return item;
	by_first.second = NULL;
	if (loose(rule, element).second != NULL && !is_named_once(names, element, rule))
		return NULL;
	cJSON_ArrayForEach (item, list)
		if (is_element(item, element, &by_first))
			return item;
	return NULL;
}

/* kubectl deletes by the first key alone, and means every element that has it. */
static void delete_elements(cJSON *list, const cJSON *element, const struct list_rule *rule)
{
	const struct list_rule any = loose(rule, element);

	for (cJSON *item = list->child, *next; item != NULL; item = next) {
		next = item->next;
		if (is_element(item, element, &any))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
}

static bool is_directive(const cJSON *element, const char *what)
{
	const char *directive =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(element, "$patch"));

	return directive != NULL && strcmp(directive, what) == 0;
}

/* @type: of an element. @names: as in find_element(). *@ret_added: how many are new; they stand
 * behind the others. */
static cJSON *merge_elements(const struct object_type *type, cJSON *list, const cJSON *patch,
			     const cJSON *names, const struct list_rule *rule, int *ret_added)
{
	const cJSON *element;

	*ret_added = 0;
	cJSON_ArrayForEach (element, patch) {
		if (!cJSON_IsObject(element))
			return status_bad_request("%s: expected objects", patch->string);
		if (!is_directive(element, "replace") &&
		    cJSON_GetObjectItemCaseSensitive(element, rule->key) == NULL)
			return status_bad_request("map: %s does not contain declared merge key: %s",
						  patch->string, rule->key);
	}
	/* What is deleted goes first: another element may bring it anew. */
	cJSON_ArrayForEach (element, patch) {
		if (is_directive(element, "replace"))
			while (list->child != NULL)
				cJSON_Delete(cJSON_DetachItemViaPointer(list, list->child));
		else if (is_directive(element, "delete"))
			delete_elements(list, element, rule);
	}
	cJSON_ArrayForEach (element, patch) {
		if (is_directive(element, "replace") || is_directive(element, "delete"))
			continue;
		cJSON *found = find_element(list, element, names, rule);
		if (found == NULL) {
			found = cJSON_CreateObject();
			cJSON_AddItemToArray(list, found);
			++*ret_added;
		}
		cJSON *wrong = merge_map(type, found, element);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* --- order ----------------------------------------------------------------------------- */

struct place {
	cJSON *item; /* detached; NULL: put elsewhere */
	int at;      /* where it stood */
};

/*
 * Order @list as Kubernetes does: what @order names comes in its order, among the others, which
 * keep theirs, each before the first that stood behind it. New ones, the last @added of @list, come
 * as early as that allows. @rule has no second key where @order has none.
 */
static void set_order(cJSON *list, const cJSON *order, const struct list_rule *rule, int added)
{
	int size = cJSON_GetArraySize(list), named_count = 0;
	struct place *others = mem_zero((size_t)(size + 1) * sizeof(*others));
	struct place *named = mem_zero((size_t)(size + 1) * sizeof(*named));
	const cJSON *want;

	for (int i = 0; i < size; i++)
		others[i] = (struct place){ cJSON_DetachItemViaPointer(list, list->child), i };
	cJSON_ArrayForEach (want, order) {
		const struct list_rule any = loose(rule, want);

		for (int i = 0; i < size; i++) {
			cJSON *item = others[i].item;

			if (item == NULL || !(rule->key == NULL ? json_equal(item, want)
								: is_element(item, want, &any)))
				continue;
			named[named_count++] = others[i];
			others[i].item = NULL;
		}
	}
	for (int i = 0, n = 0; i < size || n < named_count;) {
		if (i < size && others[i].item == NULL)
			i++;
		else if (n == named_count ||
			 (i < size && others[i].at < named[n].at && named[n].at < size - added))
			cJSON_AddItemToArray(list, others[i++].item);
		else
			cJSON_AddItemToArray(list, named[n++].item);
	}
	free(others);
	free(named);
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

static const char order_prefix[] = "$setElementOrder/";

/* The order that @patch asks for in its list @name, or NULL. */
static const cJSON *order_of(const cJSON *patch, const char *name)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, patch)
		if (strncmp(member->string, order_prefix, sizeof(order_prefix) - 1) == 0 &&
		    strcmp(member->string + sizeof(order_prefix) - 1, name) == 0)
			return member;
	return NULL;
}

/* @order: that of order_of(), or NULL: the one of @patch itself. */
static cJSON *merge_list(const struct object_type *type, cJSON *object, const cJSON *patch,
			 const cJSON *order)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, patch->string), *wrong = NULL;
	struct list_rule rule;
	int added;

	if (!rule_of(type, patch->string, &rule)) {
		js_set(object, patch->string, cJSON_Duplicate(patch, 1));
		return NULL;
	}
	if (!cJSON_IsArray(list)) {
		list = cJSON_CreateArray();
		js_set(object, patch->string, list);
	}
	if (rule.key == NULL)
		added = unite(list, patch);
	else
		wrong = merge_elements(type_in(type, patch->string), list, patch,
				       order == NULL ? patch : order, &rule, &added);
	if (wrong != NULL)
		return wrong;
	if (order != NULL)
		rule.second = NULL; /* the first key is all that kubectl writes there */
	set_order(list, order == NULL ? patch : order, &rule, added);
	return NULL;
}

/* `$deleteFromPrimitiveList/NAME`, and `$setElementOrder/NAME` of a list that is not patched. */
static void apply_directive(const struct object_type *type, cJSON *object, const cJSON *patch,
			    const cJSON *directive)
{
	static const char delete_prefix[] = "$deleteFromPrimitiveList/";
	const char *name = strchr(directive->string, '/');
	struct list_rule rule;

	if (name == NULL)
		return;
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, ++name);
	if (strncmp(directive->string, delete_prefix, sizeof(delete_prefix) - 1) == 0) {
		subtract(list, directive);
	} else if (order_of(patch, name) == directive && cJSON_IsArray(list) &&
		   cJSON_GetObjectItemCaseSensitive(patch, name) == NULL &&
		   rule_of(type, name, &rule)) {
		rule.second = NULL;
		set_order(list, directive, &rule, 0);
	}
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

		if (member->string[0] == '$')
			apply_directive(type, object, patch, member);
		else if (cJSON_IsNull(member))
			js_drop(object, member->string);
		else if (cJSON_IsObject(member))
			wrong = merge_map(type_in(type, member->string),
					  js_object(object, member->string), member);
		else if (cJSON_IsArray(member))
			wrong = merge_list(type, object, member, order_of(patch, member->string));
		else
			js_set(object, member->string, cJSON_Duplicate(member, 1));
		if (wrong != NULL)
			return wrong;
	}
	const cJSON *retain = cJSON_GetObjectItemCaseSensitive(patch, "$retainKeys");
	if (cJSON_IsArray(retain))
		retain_keys(object, retain);
	return NULL;
}

cJSON *strategic_merge(const struct kind *kind, cJSON *object, const cJSON *patch)
{
	return merge_map(kind->type, object, patch);
}
