// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/status.h"

/* --- label selectors ------------------------------------------------------------------- */

struct scan {
	const char *at;
};

static void skip_blanks(struct scan *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

/* A key, a value or a word: everything up to a blank or a character with a meaning. */
static char *take_word(struct scan *s)
{
	skip_blanks(s);
	size_t n = strcspn(s->at, " \t\r\n,()=!<>");
	char *word = mem_get(n + 1);

	memcpy(word, s->at, n);
	word[n] = '\0';
	s->at += n;
	skip_blanks(s);
	return word;
}

static bool take(struct scan *s, const char *token)
{
	size_t n = strlen(token);

	skip_blanks(s);
	if (strncmp(s->at, token, n) != 0)
		return false;
	s->at += n;
	return true;
}

static void add_value(struct term *t, char *value)
{
	char **slot = array_push(&t->values);

	if (slot == NULL)
		abort();
	*slot = value;
}

static void term_done(struct term *t)
{
	free(t->key);
	for (size_t i = 0; i < t->values.count; i++)
		free(t->values.items[i]);
	array_free(&t->values);
}

/* ( a, b ) */
static bool take_set(struct scan *s, struct term *t)
{
	if (!take(s, "("))
		return false;
	do
		add_value(t, take_word(s));
	while (take(s, ","));
	return take(s, ")");
}

static bool take_term(struct scan *s, struct term *t)
{
	if (take(s, "!")) {
		t->op = TERM_ABSENT;
		t->key = take_word(s);
		return t->key[0] != '\0';
	}
	t->key = take_word(s);
	if (t->key[0] == '\0')
		return false;
	if (take(s, "==") || take(s, "=")) {
		t->op = TERM_IN;
		add_value(t, take_word(s));
	} else if (take(s, "!=")) {
		t->op = TERM_NOT_IN;
		add_value(t, take_word(s));
	} else if (take(s, ">")) {
		t->op = TERM_GREATER;
		add_value(t, take_word(s));
	} else if (take(s, "<")) {
		t->op = TERM_LESS;
		add_value(t, take_word(s));
	} else if (*s->at == '\0' || *s->at == ',') {
		t->op = TERM_EXISTS;
	} else {
		char *word = take_word(s);
		bool in = strcmp(word, "in") == 0, not_in = strcmp(word, "notin") == 0;

		free(word);
		t->op = in ? TERM_IN : TERM_NOT_IN;
		return (in || not_in) && take_set(s, t);
	}
	return true;
}

static cJSON *parse_labels(const char *text, struct query *q)
{
	struct scan s = { .at = text };

	skip_blanks(&s);
	while (*s.at != '\0') {
		struct term *t = array_push(&q->labels);

		if (t == NULL)
			abort();
		if (!take_term(&s, t) || (*s.at != '\0' && !take(&s, ",")))
			return status_bad_request("unable to parse requirement: found '%s', "
						  "expected: ',', or 'end of string'",
						  s.at);
		skip_blanks(&s);
	}
	return NULL;
}

/* --- field selectors ------------------------------------------------------------------- */

/* What each kind may be asked for, beside metadata.name and metadata.namespace. */
static const struct {
	enum kind_id id;
	const char *field;
} known_fields[] = {
	{ KIND_SERVICE, "spec.clusterIP" },
	{ KIND_SERVICE, "spec.type" },
	{ KIND_EVENT, "involvedObject.kind" },
	{ KIND_EVENT, "involvedObject.namespace" },
	{ KIND_EVENT, "involvedObject.name" },
	{ KIND_EVENT, "involvedObject.uid" },
	{ KIND_EVENT, "involvedObject.apiVersion" },
	{ KIND_EVENT, "involvedObject.resourceVersion" },
	{ KIND_EVENT, "involvedObject.fieldPath" },
	{ KIND_EVENT, "reason" },
	{ KIND_EVENT, "reportingComponent" },
	{ KIND_EVENT, "source" },
	{ KIND_EVENT, "type" },
	{ KIND_POD, "spec.nodeName" },
	{ KIND_POD, "spec.restartPolicy" },
	{ KIND_POD, "spec.schedulerName" },
	{ KIND_POD, "spec.serviceAccountName" },
	{ KIND_POD, "spec.hostNetwork" },
	{ KIND_POD, "status.phase" },
	{ KIND_POD, "status.podIP" },
	{ KIND_POD, "status.nominatedNodeName" },
	{ KIND_NODE, "spec.unschedulable" },
	{ KIND_NAMESPACE, "status.phase" },
	{ KIND_SECRET, "type" },
};

enum { FIELD_UNKNOWN = -1, FIELD_NAME = -2, FIELD_NAMESPACE = -3 };

/* Its place among the facts of the kind. */
static int find_field(const struct kind *kind, const char *field)
{
	int place = 0;

	if (strcmp(field, "metadata.name") == 0)
		return FIELD_NAME;
	if (kind->namespaced && strcmp(field, "metadata.namespace") == 0)
		return FIELD_NAMESPACE;
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++) {
		if (known_fields[i].id != kind->id)
			continue;
		if (strcmp(known_fields[i].field, field) == 0)
			return place;
		place++;
	}
	return FIELD_UNKNOWN;
}

static size_t count_fields(const struct kind *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		n += known_fields[i].id == kind->id;
	return n;
}

/* One of a=b, a==b, a!=b; a backslash keeps the next character of the value. */
static bool split_field(const char *text, size_t len, struct term *t)
{
	size_t eq = 0, from;

	while (eq < len && text[eq] != '=')
		eq++;
	if (eq == 0 || eq == len)
		return false;
	bool not = text[eq - 1] == '!';
	from = eq + (eq + 1 < len && text[eq + 1] == '=' && !not ? 2 : 1);
	t->op = not ? TERM_NOT_IN : TERM_IN;
	t->key = mem_printf("%.*s", (int)(eq - (not ? 1 : 0)), text);
	char *value = mem_get(len - from + 1), *to = value;
	for (size_t i = from; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len)
			i++;
		*to++ = text[i];
	}
	*to = '\0';
	add_value(t, value);
	return true;
}

static cJSON *parse_fields(const struct kind *kind, const char *text, struct query *q)
{
	while (*text != '\0') {
		size_t n = 0;

		while (text[n] != '\0' && text[n] != ',')
			n += text[n] == '\\' && text[n + 1] != '\0' ? 2 : 1;
		if (n > 0) {
			struct term *t = array_push(&q->fields);
			if (t == NULL)
				abort();
			if (!split_field(text, n, t))
				return status_bad_request(
					"invalid field selector: \"%.*s\"; can't understand it",
					(int)n, text);
			t->field = find_field(kind, t->key);
			if (t->field == FIELD_UNKNOWN)
				return status_bad_request("field label not supported: %s", t->key);
		}
		text += n + (text[n] == ',' ? 1 : 0);
	}
	return NULL;
}

/* --- matching -------------------------------------------------------------------------- */

static bool compare_numbers(const struct term *t, const char *value)
{
	char *end_a, *end_b;
	long long have = strtoll(value, &end_a, 10), want = strtoll(t->values.items[0], &end_b, 10);

	if (*value == '\0' || *end_a != '\0' || *end_b != '\0')
		return false;
	return t->op == TERM_GREATER ? have > want : have < want;
}

/* @value NULL: absent. */
static bool term_matches(const struct term *t, const char *value)
{
	bool listed = false;

	for (size_t i = 0; value != NULL && i < t->values.count; i++)
		listed = listed || strcmp(t->values.items[i], value) == 0;
	switch (t->op) {
	case TERM_IN:
		return listed;
	case TERM_NOT_IN:
		return !listed;
	case TERM_EXISTS:
		return value != NULL;
	case TERM_ABSENT:
		return value == NULL;
	case TERM_GREATER:
	case TERM_LESS:
		return value != NULL && compare_numbers(t, value);
	}
	return false;
}

bool query_empty(const struct query *q)
{
	return q->labels.count == 0 && q->fields.count == 0;
}

static const char *skip_facts(const char *at, size_t n)
{
	while (n-- > 0)
		at += strlen(at) + 1;
	return at;
}

/* The value of a label, or NULL. */
static const char *find_label(const char *at, const char *end, const char *key)
{
	while (at < end) {
		const char *value = skip_facts(at, 1);

		if (strcmp(at, key) == 0)
			return value;
		at = skip_facts(value, 1);
	}
	return NULL;
}

bool query_matches(const struct query *q, const char *ns, const char *name,
		   const struct text *object)
{
	const char *facts = object->bytes + object->len + 1;

	for (size_t i = 0; i < q->fields.count; i++) {
		const struct term *t = &q->fields.items[i];
		const char *value = t->field == FIELD_NAME ? name
				    : t->field == FIELD_NAMESPACE
					    ? ns
					    : skip_facts(facts, (size_t)t->field);

		if (!term_matches(t, value))
			return false;
	}
	if (q->labels.count == 0)
		return true;
	const char *labels = skip_facts(facts, q->field_count);
	for (size_t i = 0; i < q->labels.count; i++)
		if (!term_matches(&q->labels.items[i], find_label(labels, facts + object->facts_len,
								  q->labels.items[i].key)))
			return false;
	return true;
}

/* --- facts ----------------------------------------------------------------------------- */

/* A field as text: what is absent is "", a boolean its word. */
static const char *field_value(const char *key, const cJSON *object)
{
	if (strcmp(key, "source") == 0)
		key = "source.component";
	const cJSON *v = js_at(object, key);
	if (cJSON_IsString(v))
		return v->valuestring;
	if (cJSON_IsBool(v))
		return cJSON_IsTrue(v) ? "true" : "false";
	return strcmp(key, "spec.unschedulable") == 0 || strcmp(key, "spec.hostNetwork") == 0
		       ? "false"
		       : "";
}

static void add_fact(struct buf *facts, const char *value)
{
	buf_add(facts, value, strlen(value) + 1);
}

struct text *query_text_of(const struct kind *kind, const cJSON *object, const char *printed,
			   size_t len)
{
	struct buf facts = { 0 };
	const cJSON *label;

	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (known_fields[i].id == kind->id)
			add_fact(&facts, field_value(known_fields[i].field, object));
	cJSON_ArrayForEach (label, js_at(object, "metadata.labels")) {
		if (!cJSON_IsString(label) || label->string == NULL)
			continue;
		add_fact(&facts, label->string);
		add_fact(&facts, label->valuestring);
	}
	struct text *t = text_new_with(printed, len, &facts);
	buf_done(&facts);
	return t;
}

struct text *query_text(const struct kind *kind, const cJSON *object)
{
	char *printed = cJSON_PrintUnformatted(object);

	if (printed == NULL)
		abort(); /* the hooks of main() never return NULL */
	struct text *t = query_text_of(kind, object, printed, strlen(printed));
	free(printed);
	return t;
}

/* --- whole queries --------------------------------------------------------------------- */

cJSON *query_parse(const struct kind *kind, const char *labels, const char *fields,
		   struct query *ret)
{
	struct query q = { .field_count = count_fields(kind) };
	cJSON *wrong = labels == NULL ? NULL : parse_labels(labels, &q);

	if (wrong == NULL && fields != NULL)
		wrong = parse_fields(kind, fields, &q);
	if (wrong != NULL)
		query_done(&q);
	else
		*ret = q;
	return wrong;
}

void query_done(struct query *q)
{
	for (size_t i = 0; i < q->labels.count; i++)
		term_done(&q->labels.items[i]);
	for (size_t i = 0; i < q->fields.count; i++)
		term_done(&q->fields.items[i]);
	array_free(&q->labels);
	array_free(&q->fields);
}
