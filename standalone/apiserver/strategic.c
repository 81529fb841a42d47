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

/* --- finding elements ------------------------------------------------------------------ */

/*
 * The elements of a list, with a hash of what they are found by: to look for the key of each in a
 * list of thousands, for each element of a patch, takes seconds; to look through numbers does not.
 */
struct elements {
	cJSON **items; /* NULL: gone */
	uint32_t *hashes;
	int count;
};

/* Of what json_equal() takes for equal the same (FNV-1a). @key NULL: of @item itself. */
static uint32_t hash_of(const cJSON *item, const char *key)
{
	const cJSON *value = key == NULL ? item : cJSON_GetObjectItemCaseSensitive(item, key);
	uint32_t hash = 2166136261u;

	if (cJSON_IsNumber(value))
		return (uint32_t)value->valueint;
	if (value == NULL || value->valuestring == NULL)
		return 0;
	for (const char *c = value->valuestring; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash;
}

static void elements_add(struct elements *e, cJSON *item, const char *key)
{
	e->items[e->count] = item;
	e->hashes[e->count++] = hash_of(item, key);
}

/* All of @list, with room for @more. */
static struct elements elements_of(const cJSON *list, const char *key, int more)
{
	size_t room = (size_t)cJSON_GetArraySize(list) + (size_t)more;
	struct elements e = { mem_get(room * sizeof(cJSON *)), mem_get(room * sizeof(uint32_t)),
			      0 };
	cJSON *item;

	cJSON_ArrayForEach (item, list)
		elements_add(&e, item, key);
	return e;
}

static void elements_free(struct elements *e)
{
	free(e->items);
	free(e->hashes);
}

/* The next one from @at on that has this hash; @at is behind it then. NULL: there is none. */
static cJSON *elements_next(const struct elements *e, uint32_t hash, int *at)
{
	while (*at < e->count) {
		int i = (*at)++;

		if (e->hashes[i] == hash && e->items[i] != NULL)
			return e->items[i];
	}
	return NULL;
}

/* --- sets of plain values -------------------------------------------------------------- */

static bool has_plain(const struct elements *e, const cJSON *value)
{
	const cJSON *item;
	int at = 0;

	while ((item = elements_next(e, hash_of(value, NULL), &at)) != NULL)
		if (json_equal(item, value))
			return true;
	return false;
}

/* How many were added. */
static int unite(cJSON *list, const cJSON *more)
{
	struct elements e = elements_of(list, NULL, cJSON_GetArraySize(more));
	const cJSON *value;
	int added = 0;

	cJSON_ArrayForEach (value, more)
		if (!has_plain(&e, value)) {
			cJSON *item = cJSON_Duplicate(value, 1);

			cJSON_AddItemToArray(list, item);
			elements_add(&e, item, NULL);
			added++;
		}
	elements_free(&e);
	return added;
}

static void subtract(cJSON *list, const cJSON *less)
{
	struct elements e = elements_of(less, NULL, 0);

	for (cJSON *item = list == NULL ? NULL : list->child, *next; item != NULL; item = next) {
		next = item->next;
		if (has_plain(&e, item))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
	elements_free(&e);
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
static bool is_named_once(const struct elements *names, const cJSON *element,
			  const struct list_rule *rule)
{
	const cJSON *name;
	int count = 0, at = 0;

	while ((name = elements_next(names, hash_of(element, rule->key), &at)) != NULL)
		count += same_key(name, element, rule->key, NULL) ? 1 : 0;
	return count <= 1;
}

/*
 * The element of @list that @element patches. Where no other element of the patch has its first key
 * (@names: the order that comes with the patch, else the patch), it may give a new second one: a
 * port becomes UDP. Where it says no second key, that stays as it is.
 */
static cJSON *find_element(const struct elements *list, const cJSON *element,
			   const struct elements *names, const struct list_rule *rule)
{
	const uint32_t hash = hash_of(element, rule->key);
	struct list_rule by_first = *rule;
	cJSON *item;
	int at = 0;

	while ((item = elements_next(list, hash, &at)) != NULL)
		if (is_element(item, element, rule))
			return item;
	by_first.second = NULL;
	if (loose(rule, element).second != NULL && !is_named_once(names, element, rule))
		return NULL;
	at = 0;
	while ((item = elements_next(list, hash, &at)) != NULL)
		if (is_element(item, element, &by_first))
			return item;
	return NULL;
}

/* kubectl deletes by the first key alone, and means every element that has it. */
static void delete_elements(cJSON *list, struct elements *e, const cJSON *element,
			    const struct list_rule *rule)
{
	const struct list_rule any = loose(rule, element);
	const uint32_t hash = hash_of(element, rule->key);
	cJSON *item;
	int at = 0;

	while ((item = elements_next(e, hash, &at)) != NULL)
		if (is_element(item, element, &any)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
			e->items[at - 1] = NULL;
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
	struct elements there = elements_of(list, rule->key, cJSON_GetArraySize(patch));
	struct elements named = elements_of(names, rule->key, 0);
	cJSON *wrong = NULL;
	/* What is deleted goes first: another element may bring it anew. */
	cJSON_ArrayForEach (element, patch) {
		if (is_directive(element, "replace")) {
			there.count = 0;
			while (list->child != NULL)
				cJSON_Delete(cJSON_DetachItemViaPointer(list, list->child));
		} else if (is_directive(element, "delete")) {
			delete_elements(list, &there, element, rule);
		}
	}
	cJSON_ArrayForEach (element, patch) {
		if (is_directive(element, "replace") || is_directive(element, "delete"))
			continue;
		cJSON *found = find_element(&there, element, &named, rule);
		bool is_new = found == NULL;
		if (is_new) {
			found = cJSON_CreateObject();
			cJSON_AddItemToArray(list, found);
			++*ret_added;
		}
		wrong = merge_map(type, found, element);
		if (wrong != NULL)
			break;
		if (is_new) /* it has its key now */
			elements_add(&there, found, rule->key);
	}
	elements_free(&there);
	elements_free(&named);
	return wrong;
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
	struct elements there = elements_of(list, rule->key, 0);
	int size = there.count, named_count = 0;
	struct place *others = mem_zero((size_t)(size + 1) * sizeof(*others));
	struct place *named = mem_zero((size_t)(size + 1) * sizeof(*named));
	const cJSON *want;

	for (int i = 0; i < size; i++)
		others[i] = (struct place){ cJSON_DetachItemViaPointer(list, list->child), i };
	cJSON_ArrayForEach (want, order) {
		const struct list_rule any = loose(rule, want);
		const uint32_t hash = hash_of(want, rule->key);
		const cJSON *item;
		int at = 0;

		while ((item = elements_next(&there, hash, &at)) != NULL) {
			if (!(rule->key == NULL ? json_equal(item, want)
						: is_element(item, want, &any)))
				continue;
			named[named_count++] = others[at - 1];
			others[at - 1].item = there.items[at - 1] = NULL;
		}
	}
	elements_free(&there);
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
