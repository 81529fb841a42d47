// SPDX-License-Identifier: Apache-2.0
/*
 * Label selectors: decoding, matching, and the duplicates that MetalLB refuses
 * (compatibility page 1). Requirements and values are kept sorted, so that equal selectors
 * are equal structures however they were written.
 */
#include "lib/model/meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/json.h"

static const char *const op_names[] = { "In", "NotIn", "Exists", "DoesNotExist", NULL };

static void requirement_done(struct requirement *r)
{
	intern_unref(r->key);
	for (uint32_t i = 0; i < r->value_count; i++)
		intern_unref(r->values[i]);
	free(r->values);
}

void selector_done(struct selector *s)
{
	for (size_t i = 0; i < s->count; i++)
		requirement_done(&s->items[i]);
	array_free(s);
}

void selectors_done(struct selectors *s)
{
	for (size_t i = 0; i < s->count; i++)
		selector_done(&s->items[i]);
	array_free(s);
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int requirement_cmp(const void *a, const void *b)
{
	const struct requirement *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	if (c == 0)
		c = (x->op > y->op) - (x->op < y->op);
	if (c == 0)
		c = (x->value_count > y->value_count) - (x->value_count < y->value_count);
	for (uint32_t i = 0; c == 0 && i < x->value_count; i++)
		c = strcmp(x->values[i], y->values[i]);
	return c;
}

int selector_cmp(const struct selector *a, const struct selector *b)
{
	int c = (a->count > b->count) - (a->count < b->count);

	for (size_t i = 0; c == 0 && i < a->count; i++)
		c = requirement_cmp(&a->items[i], &b->items[i]);
	return c;
}

static struct requirement *push(struct selector *s, const char *key, enum selector_op op,
				size_t values)
{
	struct requirement *r = array_push(s);

	if (r == NULL)
		return NULL;
	r->key = intern(key);
	r->op = op;
	if (values > 0 && (r->values = calloc(values, sizeof(*r->values))) == NULL)
		return NULL;
	return r;
}

/* matchLabels: {"key": "value"}, each as `key In (value)`. */
static int match_labels_decode(const struct json *labels, struct selector *s)
{
	if (!json_is_object(labels))
		return 0;
	json_each (label, labels) {
		const char *value = json_text(&label);
		struct requirement *r = push(s, label.key, SELECTOR_IN, 1);
		if (r == NULL)
			return -ENOMEM;
		if (json_absent(&label))
			value = "";
		if (value != NULL)
			r->values[r->value_count++] = intern(value);
	}
	return 0;
}

static void known_members(const struct json *object, const char *const *known)
{
	json_each (member, object) {
		size_t i = 0;
		while (known[i] != NULL && strcmp(known[i], member.key) != 0)
			i++;
		if (known[i] == NULL)
			json_unknown(&member, known);
	}
}

static void duplicate_value(const struct json *values, const char *value)
{
	json_fault(values, "\"%s\" is there twice", value);
	json_summarize(values,
		       "duplicate definition of match expression value in label selector \"%s\"",
		       value);
}

/* @twins: what is there twice is a fault. */
static int expression_decode(const struct json *expression, bool twins, struct selector *s)
{
	static const char *const members[] = { "key", "operator", "values", NULL };
	struct json key = json_get(expression, "key"), op = json_get(expression, "operator");
	struct json values = json_get(expression, "values");

	if (!json_is_object(expression)) {
		if (json_absent(expression))
			json_fault(expression, "must be a map");
		return 0;
	}
	known_members(expression, members);
	json_need_text(&key);
	json_need_text(&op);
	int op_index = json_word(&op, op_names, -1);
	size_t count = json_count(&values);
	if (json_text(&key) == NULL || op_index < 0)
		return 0;
	bool wants = op_index == SELECTOR_IN || op_index == SELECTOR_NOT_IN;
	if (wants && count == 0)
		json_fault(&values, "must not be empty for %s", op_names[op_index]);
	if (!wants && count > 0)
		json_fault(&values, "must be empty for %s", op_names[op_index]);

	struct requirement *r = push(s, json_text(&key), (enum selector_op)op_index, count);
	if (r == NULL)
		return -ENOMEM;
	if (count == 0)
		return 0;
	json_each (value, &values) {
		const char *text = json_text(&value);
		if (json_absent(&value))
			json_fault(&value, "must be a string");
		if (text != NULL)
			r->values[r->value_count++] = intern(text);
	}
	qsort(r->values, r->value_count, sizeof(*r->values), text_cmp);
	for (uint32_t i = 1; twins && i < r->value_count; i++)
		if (r->values[i] == r->values[i - 1])
			duplicate_value(&values, r->values[i]);
	return 0;
}

static void duplicate_expression(const struct json *expressions, const char *key)
{
	json_fault(expressions, "the expression on \"%s\" is there twice", key);
	json_summarize(expressions, "duplicate definition of match expressions on \"%s\"", key);
}

static int selector_read(const struct json *j, bool twins, struct selector *s)
{
	static const char *const members[] = { "matchLabels", "matchExpressions", NULL };
	struct json labels = json_get(j, "matchLabels");
	struct json expressions = json_get(j, "matchExpressions");

	if (!json_is_object(j)) {
		if (json_absent(j))
			json_fault(j, "must be a map");
		return 0;
	}
	known_members(j, members);
	int rc = match_labels_decode(&labels, s);
	size_t from = s->count;
	if (json_is_list(&expressions)) {
		for (struct json e = json_first(&expressions); rc == 0 && e.value != NULL;
		     e = json_next(&e))
			rc = expression_decode(&e, twins, s);
	}
	if (rc != 0)
		return rc;
	/* Among the expressions alone: a label said as an expression too is no fault. */
	if (s->count - from > 1) {
		qsort(s->items + from, s->count - from, sizeof(*s->items), requirement_cmp);
		for (size_t i = from + 1; twins && i < s->count; i++)
			if (requirement_cmp(&s->items[i - 1], &s->items[i]) == 0)
				duplicate_expression(&expressions, s->items[i].key);
	}
	if (s->count > 1)
		qsort(s->items, s->count, sizeof(*s->items), requirement_cmp);
	array_trim(s);
	return 0;
}

int selector_decode(const cJSON *json, struct where where, struct faults *faults, const char *field,
		    struct selector *ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, json, field);
	struct selector s = { 0 };

	/* Only in lists does MetalLB look for what is there twice. */
	int rc = selector_read(&root, false, &s);
	if (rc == 0 && source.failed)
		rc = -EBADMSG;
	if (rc == 0)
		*ret = s;
	else
		selector_done(&s);
	return rc;
}

/* The last part of a path such as spec.nodeSelectors. */
static const char *list_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot == NULL ? path : dot + 1;
}

/* One of a list, and how it is written. */
struct written {
	const struct selector *selector;
	const cJSON *json;
};

static int written_cmp(const void *a, const void *b)
{
	const struct written *x = a, *y = b;
	int c = selector_cmp(x->selector, y->selector);

	return c != 0 ? c : (x->selector > y->selector) - (x->selector < y->selector);
}

/* NULL when it is absent or an empty map or list, which are the same in Go. */
static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	bool is_empty = (cJSON_IsObject(item) || cJSON_IsArray(item)) && item->child == NULL;

	return cJSON_IsNull(item) || is_empty ? NULL : item;
}

static size_t length(const cJSON *list)
{
	return list == NULL ? 0 : (size_t)cJSON_GetArraySize(list);
}

/*
 * Of two that select the same: are they written alike, the order of values aside? What is a label
 * in one and an expression in the other, or in another order, MetalLB takes.
 */
static bool written_alike(const cJSON *a, const cJSON *b)
{
	const cJSON *x = member(a, "matchExpressions"), *y = member(b, "matchExpressions");

	if (!json_equal(member(a, "matchLabels"), member(b, "matchLabels")) ||
	    length(x) != length(y))
		return false;
	x = x == NULL ? NULL : x->child;
	y = y == NULL ? NULL : y->child;
	for (; x != NULL; x = x->next, y = y->next)
		if (!json_equal(member(x, "key"), member(y, "key")) ||
		    !json_equal(member(x, "operator"), member(y, "operator")))
			return false;
	return true;
}

/* No two of a list may be equal: sorted they lie side by side. */
static int duplicates_find(const struct json *list, const struct selectors *s)
{
	size_t n = 0;

	if (s->count < 2)
		return 0;
	struct written *order = calloc(s->count, sizeof(*order));
	if (order == NULL)
		return -ENOMEM;
	json_each (j, list) {
		order[n] = (struct written){ &s->items[n], j.value };
		n++;
	}
	qsort(order, n, sizeof(*order), written_cmp);
	for (size_t i = 1; i < n; i++) {
		if (selector_cmp(order[i - 1].selector, order[i].selector) == 0 &&
		    written_alike(order[i - 1].json, order[i].json)) {
			json_fault(list, "the same selector is there twice");
			json_summarize(list, "duplicate definition of %s", list_name(list->key));
			break;
		}
	}
	free(order);
	return 0;
}

int selectors_decode(const cJSON *json, struct where where, struct faults *faults,
		     const char *field, struct selectors *ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, json, field);
	struct selectors list = { 0 };
	int rc = 0;

	if (json_is_list(&root)) {
		for (struct json j = json_first(&root); rc == 0 && j.value != NULL;
		     j = json_next(&j)) {
			struct selector *s = array_push(&list);
			rc = s == NULL ? -ENOMEM : selector_read(&j, true, s);
		}
		if (rc == 0)
			rc = duplicates_find(&root, &list);
	}
	if (rc == 0 && source.failed)
		rc = -EBADMSG;
	if (rc != 0) {
		selectors_done(&list);
		return rc;
	}
	array_trim(&list);
	*ret = list;
	return 0;
}

static bool requirement_holds(const struct requirement *r, const struct labels *l)
{
	const char *value = labels_get(l, r->key);
	bool listed = false;

	/* Both are interned: equal texts are equal pointers. */
	for (uint32_t i = 0; value != NULL && i < r->value_count && !listed; i++)
		listed = r->values[i] == value;
	switch (r->op) {
	case SELECTOR_IN:
		return listed;
	case SELECTOR_NOT_IN: /* holds too where the label is missing, as in Kubernetes */
		return !listed;
	case SELECTOR_EXISTS:
		return value != NULL;
	case SELECTOR_DOES_NOT_EXIST:
		return value == NULL;
	}
	return false;
}

bool selector_matches(const struct selector *s, const struct labels *l)
{
	for (size_t i = 0; i < s->count; i++)
		if (!requirement_holds(&s->items[i], l))
			return false;
	return true;
}

bool selectors_match(const struct selectors *s, const struct labels *l)
{
	for (size_t i = 0; i < s->count; i++)
		if (selector_matches(&s->items[i], l))
			return true;
	return false;
}
