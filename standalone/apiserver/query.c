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

static bool is_known(const struct kind *kind, const char *field)
{
	if (strcmp(field, "metadata.name") == 0 ||
	    (kind->namespaced && strcmp(field, "metadata.namespace") == 0))
		return true;
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (known_fields[i].id == kind->id && strcmp(known_fields[i].field, field) == 0)
			return true;
	return false;
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
			if (!is_known(kind, t->key))
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

/* A field as text: what is absent is "", a boolean its word. */
static const char *field_value(const char *key, const char *ns, const char *name,
			       const cJSON *object)
{
	if (strcmp(key, "metadata.name") == 0)
		return name;
	if (strcmp(key, "metadata.namespace") == 0)
		return ns;
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

bool query_matches(const struct query *q, const char *ns, const char *name, const cJSON *object)
{
	const cJSON *labels = q->labels.count == 0 ? NULL : js_at(object, "metadata.labels");

	for (size_t i = 0; i < q->fields.count; i++)
		if (!term_matches(&q->fields.items[i],
				  field_value(q->fields.items[i].key, ns, name, object)))
			return false;
	for (size_t i = 0; i < q->labels.count; i++) {
		const cJSON *label =
			cJSON_GetObjectItemCaseSensitive(labels, q->labels.items[i].key);
		if (!term_matches(&q->labels.items[i], cJSON_GetStringValue(label)))
			return false;
	}
	return true;
}

bool query_empty(const struct query *q)
{
	return q->labels.count == 0 && q->fields.count == 0;
}

bool query_by_name(const struct query *q)
{
	for (size_t i = 0; i < q->fields.count; i++)
		if (strncmp(q->fields.items[i].key, "metadata.", 9) != 0)
			return false;
	return q->labels.count == 0;
}

cJSON *query_parse(const struct kind *kind, const char *labels, const char *fields,
		   struct query *ret)
{
	struct query q = { 0 };
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
