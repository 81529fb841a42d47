// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/name_rules.h"
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

/* What comes next, for a message: a word, or the longest token that begins there. */
static void put_found(struct buf *b, struct scan *s)
{
	static const char *const tokens[] = { "==", "!=", "=", "!", ">", "<", "(", ")", "," };
	size_t n;

	skip_blanks(s);
	n = strcspn(s->at, " \t\r\n,()=!<>");
	for (size_t i = 0; n == 0 && i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (strncmp(s->at, tokens[i], strlen(tokens[i])) == 0)
			n = strlen(tokens[i]);
	buf_add(b, s->at, n);
}

/* "found 'X', expected: @expected", the caller's. */
static char *unexpected(struct scan *s, const char *expected)
{
	struct buf b = { 0 };

	buf_puts(&b, "found '");
	put_found(&b, s);
	buf_printf(&b, "', expected: %s", expected);
	return buf_take(&b);
}

static bool at_word(struct scan *s)
{
	skip_blanks(s);
	return *s->at != '\0' && strchr(",()=!<>", *s->at) == NULL;
}

/* ( a, b ): empty ones count, as in "(a,)". */
static char *take_set(struct scan *s, struct term *t)
{
	if (!take(s, "("))
		return unexpected(s, "'('"); /* with a comma that Kubernetes forgot */
	skip_blanks(s);
	if (!at_word(s) && *s->at != ',' && *s->at != ')')
		return unexpected(s, "',', ')' or identifier");
	do
		add_value(t, take_word(s));
	while (take(s, ","));
	return take(s, ")") ? NULL : unexpected(s, "',' or ')'");
}

static char *take_one(struct scan *s, struct term *t)
{
	skip_blanks(s);
	if (!at_word(s) && *s->at != '\0' && *s->at != ',')
		return unexpected(s, "identifier");
	add_value(t, take_word(s));
	return NULL;
}

static char *take_operator(struct scan *s, struct term *t)
{
	static const struct {
		const char *token;
		enum term_op op;
	} operators[] = {
		{ "==", TERM_IN },     { "=", TERM_IN },   { "!=", TERM_NOT_IN },
		{ ">", TERM_GREATER }, { "<", TERM_LESS },
	};
	struct scan before = *s;

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (take(s, operators[i].token)) {
			t->op = operators[i].op;
			return take_one(s, t);
		}
	char *word = take_word(s);
	bool in = strcmp(word, "in") == 0, not_in = strcmp(word, "notin") == 0;
	free(word);
	t->op = in ? TERM_IN : TERM_NOT_IN;
	return in || not_in ? take_set(s, t) : unexpected(&before, "in, notin, =, ==, !=, gt, lt");
}

/* What the key and the values are not; NULL: nothing. */
static char *check_term(const struct term *t)
{
	struct rule_causes causes = { 0 };
	char *wrong = NULL, field[352];

	name_check_qualified(&causes, "<nil>", t->key);
	for (size_t i = 0; i < t->values.count && causes.count == 0; i++) {
		const char *value = t->values.items[i];
		char *end;

		snprintf(field, sizeof(field), "values[%zu]", i);
		strtoll(value, &end, 10);
		if ((t->op == TERM_GREATER || t->op == TERM_LESS) &&
		    (*value == '\0' || *end != '\0')) {
			cause_invalid_text(
				&causes, field, value,
				"for 'Gt', 'Lt' operators, the value must be an integer");
			break;
		}
		snprintf(field, sizeof(field), "values[%zu][%.300s]", i, t->key);
		name_check_label_value(&causes, field, value);
	}
	if (causes.count > 0)
		wrong = mem_printf("%s: %s", causes.items[0].field, causes.items[0].message);
	causes_free(&causes);
	return wrong;
}

static char *take_term(struct scan *s, struct term *t)
{
	bool absent = take(s, "!");
	char *wrong = NULL;

	if (!at_word(s))
		return unexpected(s, "identifier");
	t->key = take_word(s);
	if (absent || *s->at == '\0' || *s->at == ',')
		t->op = absent ? TERM_ABSENT : TERM_EXISTS;
	else
		wrong = take_operator(s, t);
	return wrong == NULL ? check_term(t) : wrong;
}

/* "unable to parse requirement: @why", which is freed. */
static cJSON *refuse_term(char *why)
{
	cJSON *s = status_bad_request("unable to parse requirement: %s", why);

	free(why);
	return s;
}

/* @why is freed. */
static cJSON *refuse_text(char *why)
{
	cJSON *s = status_bad_request("%s", why);

	free(why);
	return s;
}

static cJSON *parse_labels(const char *text, struct query *q)
{
	struct scan s = { .at = text };

	skip_blanks(&s);
	if (*s.at == '\0')
		return NULL;
	if (!at_word(&s) && *s.at != '!')
		return refuse_text(unexpected(&s, "!, identifier, or 'end of string'"));
	for (;;) {
		struct term *t = array_push(&q->labels);
		if (t == NULL)
			abort();
		char *why = take_term(&s, t);

		if (why != NULL)
			return refuse_term(why);
		skip_blanks(&s);
		if (*s.at == '\0')
			return NULL;
		if (!take(&s, ","))
			return refuse_text(unexpected(&s, "',' or 'end of string'"));
		if (!at_word(&s) && *s.at != '!')
			return refuse_text(unexpected(&s, "identifier after ','"));
	}
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

/* Kinds that select by no field of their own say so in other words. */
static cJSON *refuse_field(const struct kind *kind, const char *field)
{
	if (count_fields(kind) > 0 || kind->id == KIND_CUSTOM)
		return status_bad_request("field label not supported: %s", field);
	return status_bad_request("\"%s\" is not a known field selector: only \"metadata.name\", "
				  "\"metadata.namespace\"",
				  field);
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
					"invalid selector: '%.*s'; can't understand '%.*s'", (int)n,
					text, (int)n, text);
			t->field = find_field(kind, t->key);
			if (t->field == FIELD_UNKNOWN)
				return refuse_field(kind, t->key);
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
