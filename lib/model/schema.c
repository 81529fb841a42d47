// SPDX-License-Identifier: Apache-2.0
#include "lib/model/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/model/meta.h"

#define OWN_PREFIX "bellman.io/"
#define FIELDS_MAX 64 /* of one table with its own fields */

static void fields_check(const struct json *map, const struct field *fields,
			 const struct field *own, bool in_file);
static void field_check(const struct json *j, const struct field *field, bool in_file);

int schema_range_parse(const char *text, bool single, struct ip_range *ret)
{
	struct ip_addr ip;

	if (!single || ip_parse(text, &ip) != 0)
		return ip_range_parse(text, ret);
	*ret = (struct ip_range){ ip, ip };
	return 0;
}

static void range_check(const struct json *j, bool single)
{
	const char *text = json_text(j);
	struct ip_range range;
	struct ip_addr ip;
	int rc = text == NULL ? 0 : schema_range_parse(text, single, &range);

	if (rc == -ERANGE)
		json_fault(j, "\"%s\" starts above its end", text);
	else if (rc != 0 && !single && ip_parse(text, &ip) == 0)
		json_fault(j, "\"%s\" has no length: a single address is \"%s/%u\"", text, text,
			   ip_bits(ip.family));
	else if (rc != 0)
		json_fault(j, "\"%s\" is neither ADDRESS/LENGTH nor FIRST-LAST%s", text,
			   single ? " nor an address" : "");
	if (rc != 0)
		json_summarize(j, "invalid CIDR \"%s\"", text);
}

static void asn_check(const struct json *j, const struct field *field)
{
	const char *text;
	int64_t n;

	if (!cJSON_IsString(j->value)) {
		json_int(j, field->min, UINT32_MAX, 0);
		return;
	}
	text = json_text(j);
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 10 || text[digits] != '\0') {
		json_fault(j, "\"%s\" is no AS number", text);
		return;
	}
	n = strtoll(text, NULL, 10);
	if (n < field->min || n > UINT32_MAX)
		json_fault(j, "%" PRId64 " is not in %" PRId64 "..%" PRIu32, n, field->min,
			   UINT32_MAX);
}

static int json_text_cmp(const void *a, const void *b)
{
	const struct json *x = a, *y = b;
	int c = strcmp(x->value->valuestring, y->value->valuestring);

	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

/* Point at each text of a list that is there already. */
static void unique_check(const struct json *list, const char *called)
{
	size_t n = 0;
	struct json *items = calloc(json_count(list) + 1, sizeof(*items));

	if (items == NULL) {
		json_fault(list, "out of memory");
		return;
	}
	json_each (j, list)
		if (cJSON_IsString(j.value))
			items[n++] = j;
	qsort(items, n, sizeof(*items), json_text_cmp);
	for (size_t i = 1; i < n; i++) {
		const char *text = items[i].value->valuestring;
		if (strcmp(items[i - 1].value->valuestring, text) != 0)
			continue;
		json_fault(&items[i], "\"%s\" is there twice", text);
		json_summarize(list, "duplicate definition of %s \"%s\"", called, text);
	}
	free(items);
}

static void map_check(const struct json *j, const struct field *field, bool in_file)
{
	if (!json_is_object(j))
		return;
	fields_check(j, field->fields, NULL, in_file);
	if (field->check != NULL)
		field->check(j);
}

static void list_check(const struct json *list, const struct field *field, bool in_file)
{
	if (!json_is_list(list))
		return;
	json_each (j, list) {
		if (json_absent(&j)) {
			json_fault(&j, "must not be null");
			continue;
		}
		switch (field->type) {
		case FIELD_RANGES:
		case FIELD_ADDRESSES:
			range_check(&j, field->type == FIELD_ADDRESSES);
			break;
		case FIELD_MAPS:
			map_check(&j, field, in_file);
			break;
		default:
			json_need_text(&j);
		}
	}
	if (field->type == FIELD_UNIQUE || field->type == FIELD_COMMUNITY)
		unique_check(list, field->called != NULL ? field->called : field->name);
}

/* The decoder is the check; what it reads is dropped again. */
static void selectors_check(const struct json *j, bool list)
{
	struct json_source *s = j->source;
	char path[256];
	int rc;

	json_path(j, path, sizeof(path));
	if (list) {
		struct selectors selectors = { 0 };
		rc = selectors_decode(j->value, s->where, s->faults, path, &selectors);
		selectors_done(&selectors);
	} else {
		struct selector selector = { 0 };
		rc = selector_decode(j->value, s->where, s->faults, path, &selector);
		selector_done(&selector);
	}
	if (rc != 0)
		s->failed = true;
}

/* The fault that was just told, in MetalLB's words. */
static void summarize(const struct json *j, const struct field *field)
{
	const char *text = cJSON_GetStringValue(j->value);
	int64_t n = 0;
	bool is_number = json_integer(j->value, &n);

	if (is_number && n == 0 && field->missing != NULL)
		json_summarize(j, "%s", field->missing);
	else if (is_number && field->called != NULL)
		json_summarize(j,
			       "invalid value %" PRId64 ", must be in %" PRId64 "-%" PRId64
			       " range\ninvalid %s value",
			       n, field->min, field->max, field->called);
	else if (text != NULL && field->called != NULL)
		json_summarize(j, "invalid %s \"%s\"", field->called, text);
}

static void value_check(const struct json *j, const struct field *field, bool in_file)
{
	const char *text;
	struct ip_addr ip;
	uint16_t port;
	uint64_t ns;

	switch (field->type) {
	case FIELD_TEXT:
		json_text(j);
		break;
	case FIELD_BOOL:
		json_bool(j, false);
		break;
	case FIELD_INT:
		json_int(j, field->min, field->max, 0);
		break;
	case FIELD_ASN:
		asn_check(j, field);
		break;
	case FIELD_WORD:
		json_word(j, field->words, 0);
		break;
	case FIELD_DURATION:
		text = json_text(j);
		if (text != NULL && duration_parse(text, &ns) != 0)
			json_fault(j, "\"%s\" is no duration such as \"90s\" or \"1m30s\"", text);
		break;
	case FIELD_IP:
		text = json_text(j); /* an empty one is none, as in Go */
		if (text != NULL && *text != '\0' && ip_parse(text, &ip) != 0)
			json_fault(j, "\"%s\" is no address", text);
		break;
	case FIELD_LISTEN:
		text = json_text(j);
		if (text != NULL && ip_listen_parse(text, &ip, &port) != 0)
			json_fault(j, "\"%s\" is no address and port such as \"127.0.0.1:7473\"",
				   text);
		break;
	case FIELD_SELECTOR:
	case FIELD_SELECTORS:
		selectors_check(j, field->type == FIELD_SELECTORS);
		break;
	case FIELD_MAP:
		map_check(j, field, in_file);
		break;
	case FIELD_COMMUNITY:
		if (cJSON_IsArray(j->value))
			list_check(j, field, in_file);
		else
			json_text(j);
		break;
	case FIELD_TEXTS:
	case FIELD_UNIQUE:
	case FIELD_RANGES:
	case FIELD_ADDRESSES:
	case FIELD_MAPS:
		list_check(j, field, in_file);
		break;
	case FIELD_CHECKED:
		field->check(j);
		break;
	}
}

static void field_check(const struct json *j, const struct field *field, bool in_file)
{
	const struct faults *faults = j->source->faults;
	size_t before = faults == NULL ? 0 : faults->count;

	if (json_absent(j))
		return;
	value_check(j, field, in_file);
	if (faults != NULL && faults->count > before)
		summarize(j, field);
}

static bool is_empty(const cJSON *value)
{
	return cJSON_IsString(value)  ? *value->valuestring == '\0'
	       : cJSON_IsArray(value) ? value->child == NULL
				      : false;
}

/* Append the fields that may stand here to @all; returns the new count. */
static size_t fields_collect(const struct field *from, bool in_file, const struct field **all,
			     size_t count)
{
	for (; from != NULL && from->name != NULL && count < FIELDS_MAX; from++)
		if (in_file || !from->file_only)
			all[count++] = from;
	return count;
}

/* A member that is none of @known: one for files only, or a slip. */
static void member_unknown(const struct json *j, const struct field *fields,
			   const char *const *known)
{
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (f->file_only && strcmp(f->name, j->key) == 0) {
			json_fault(j, "may stand in a configuration file only");
			return;
		}
	}
	json_unknown(j, known);
}

static void fields_check(const struct json *map, const struct field *fields,
			 const struct field *own, bool in_file)
{
	const struct field *all[FIELDS_MAX];
	const char *names[FIELDS_MAX + 1];
	size_t count = fields_collect(fields, in_file, all, 0);

	if (in_file)
		count = fields_collect(own, in_file, all, count);
	for (size_t i = 0; i < count; i++)
		names[i] = all[i]->name;
	names[count] = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!all[i]->required)
			continue;
		struct json j = json_get(map, all[i]->name);
		if (!json_absent(&j) && !is_empty(j.value))
			continue;
		json_fault(&j, json_absent(&j) ? "is required" : "must not be empty");
		if (all[i]->missing != NULL)
			json_summarize(&j, "%s", all[i]->missing);
	}
	if (json_absent(map))
		return;
	json_each (j, map) {
		size_t i = 0;
		while (i < count && strcmp(names[i], j.key) != 0)
			i++;
		if (i == count)
			member_unknown(&j, fields, names);
		else
			field_check(&j, all[i], in_file);
	}
}

void schema_check(const struct json *map, const struct field *fields)
{
	fields_check(map, fields, NULL, true);
}

void schema_check_field(const struct json *j, const struct field *field)
{
	field_check(j, field, true);
}

cJSON *kind_own_field(const cJSON *object, struct where where, const char *name)
{
	struct json_source source = { .where = where };
	struct json root = json_root(&source, object, "");
	struct json spec = json_get(&root, "spec"), metadata = json_get(&root, "metadata");
	struct json annotations = json_get(&metadata, "annotations");
	char key[64];

	if (doc_is_config_file(where.doc)) {
		struct json j = json_get(&spec, name);
		return json_absent(&j) ? NULL : cJSON_Duplicate(j.value, true);
	}
	snprintf(key, sizeof(key), OWN_PREFIX "%s", name);
	struct json annotation = json_get(&annotations, key);
	const char *text = json_text(&annotation);
	return text == NULL ? NULL : cJSON_Parse(text);
}

/* An annotation with our prefix that is no field of the kind; one of @own may be meant. */
static void annotation_unknown(const struct json *j, const struct field *own)
{
	const struct field *fields[FIELDS_MAX];
	const char *names[FIELDS_MAX + 1];
	size_t count = fields_collect(own, false, fields, 0);

	for (size_t i = 0; i < count; i++)
		names[i] = fields[i]->name;
	names[count] = NULL;
	const char *nearest = json_nearest(j->key + strlen(OWN_PREFIX), names);
	if (nearest != NULL)
		json_warn(j, "unknown annotation, ignored, did you mean " OWN_PREFIX "%s?",
			  nearest);
	else
		json_warn(j, "unknown annotation, ignored");
}

/* Bellman's own fields of a custom resource: annotations with a JSON value. */
static void annotations_check(const struct json *root, const struct field *own)
{
	struct json metadata = json_get(root, "metadata");
	struct json annotations = json_get(&metadata, "annotations");

	if (!json_is_object(&annotations))
		return;
	json_each (j, &annotations) {
		if (strncmp(j.key, OWN_PREFIX, strlen(OWN_PREFIX)) != 0)
			continue;
		const struct field *field = own;
		while (field != NULL && field->name != NULL &&
		       strcmp(field->name, j.key + strlen(OWN_PREFIX)) != 0)
			field++;
		if (field == NULL || field->name == NULL || field->file_only) {
			annotation_unknown(&j, own);
			continue;
		}
		const char *text = json_text(&j);
		cJSON *value = text == NULL ? NULL : cJSON_ParseWithOpts(text, NULL, true);
		if (text != NULL && value == NULL)
			json_fault(&j, "is not JSON: %s", text);
		struct json parsed = { root->source, &j, "", 0, value };
		field_check(&parsed, field, false);
		cJSON_Delete(value);
	}
}

int kind_check(const struct kind *kind, const cJSON *object, struct where where,
	       struct faults *faults)
{
	static const char *const members[] = { "apiVersion", "kind",   "metadata",
					       "spec",       "status", NULL };
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	struct json metadata = json_get(&root, "metadata"), name = json_get(&metadata, "name");
	struct json labels = json_get(&metadata, "labels"), spec = json_get(&root, "spec");
	struct labels read = { 0 };

	json_each (j, &root) {
		size_t i = 0;
		while (members[i] != NULL && strcmp(members[i], j.key) != 0)
			i++;
		if (members[i] == NULL)
			json_unknown(&j, members);
	}
	json_need_text(&name);
	if (labels_decode(labels.value, where, faults, "metadata.labels", &read) != 0)
		source.failed = true;
	labels_done(&read);
	annotations_check(&root, kind->own);
	if (json_absent(&spec) || json_is_object(&spec)) {
		fields_check(&spec, kind->spec, kind->own, doc_is_config_file(where.doc));
		if (kind->rules != NULL)
			kind->rules(&spec);
	}
	return source.failed ? -EBADMSG : 0;
}

const struct kind *kind_of(const cJSON *object)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "kind");
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "apiVersion");

	if (!cJSON_IsString(name) || !cJSON_IsString(version))
		return NULL;
	for (const struct kind *k = kinds; k->name != NULL; k++)
		if (strcmp(k->name, name->valuestring) == 0 &&
		    strcmp(k->api_version, version->valuestring) == 0)
			return k;
	return NULL;
}

bool kind_mistaken(const cJSON *object, struct where where, struct faults *faults)
{
	static const char *const written[] = { "ServiceL2Status", "ServiceBGPStatus",
					       "ConfigurationState" };
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "kind");
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "apiVersion");
	const char *known[16];
	size_t count = 0;

	if (!cJSON_IsString(version) || !cJSON_IsString(name) ||
	    (strncmp(version->valuestring, "metallb.io/", 11) != 0 &&
	     strncmp(version->valuestring, "bellman.io/", 11) != 0) ||
	    kind_of(object) != NULL)
		return false;
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		if (strcmp(written[i], name->valuestring) == 0)
			return false;
	for (const struct kind *k = kinds; k->name != NULL; k++) {
		if (strcmp(k->name, name->valuestring) == 0) {
			struct json j = json_get(&root, "apiVersion");
			json_fault(&j, "\"%s\" is no version of %s, %s is", version->valuestring,
				   k->name, k->api_version);
			return true;
		}
		if (k->list != NULL)
			known[count++] = k->name;
	}
	known[count] = NULL;
	const char *nearest = json_nearest(name->valuestring, known);
	struct json j = json_get(&root, "kind");
	json_fault(&j, "unknown kind \"%s\"%s%s%s", name->valuestring,
		   nearest != NULL ? ", did you mean " : "", nearest != NULL ? nearest : "",
		   nearest != NULL ? "?" : "");
	return true;
}
