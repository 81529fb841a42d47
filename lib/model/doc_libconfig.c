// SPDX-License-Identifier: Apache-2.0
/*
 * Configuration files: libconfig's settings into the custom resources that they stand for.
 *
 * An entry of `pools` becomes an IPAddressPool and so on (kinds.c says which list is which);
 * `name` and `labels` go to metadata, the rest to spec, types as they are: what is wrong with
 * them is for the schema to tell. libconfig cannot spell kubernetes.io/x as a name, so maps of
 * labels are lists of "key=value".
 */
#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"
#include "lib/model/schema.h"

struct reader {
	struct doc *doc;
	struct faults *faults;
	int rc;
};

static cJSON *value_of(struct reader *r, const config_setting_t *s);

/* The way to @s as the user wrote it: pools[0].labels[1]. Returns the length, short of @size. */
static size_t setting_path(const config_setting_t *s, char *buf, size_t size)
{
	const config_setting_t *parent = config_setting_parent(s);
	int n;

	if (parent == NULL) {
		buf[0] = '\0';
		return 0;
	}
	size_t at = setting_path(parent, buf, size);
	if (config_setting_name(s) == NULL)
		n = snprintf(buf + at, size - at, "[%d]", config_setting_index(s));
	else
		n = snprintf(buf + at, size - at, "%s%s", at > 0 ? "." : "",
			     config_setting_name(s));
	at += n < 0 ? 0 : (size_t)n;
	return at < size ? at : size - 1;
}

static void __attribute__((format(printf, 3, 4)))
fault_at(const struct reader *r, const config_setting_t *s, const char *fmt, ...)
{
	char path[512], why[256];
	va_list ap;

	setting_path(s, path, sizeof(path));
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	faults_add(r->faults, false, r->doc->file, config_setting_source_line(s), path, "%s", why);
}

/* Note where @node was written; it is freed and NULL comes back when there is no memory. */
static cJSON *noted(struct reader *r, cJSON *node, const config_setting_t *s)
{
	if (node == NULL || doc_note(r->doc, node, config_setting_source_line(s)) != 0) {
		cJSON_Delete(node);
		r->rc = -ENOMEM;
		return NULL;
	}
	return node;
}

static void add_member(cJSON *map, const char *key, cJSON *value)
{
	if (value != NULL)
		cJSON_AddItemToObject(map, key, value);
}

/* ( "key=value", ... ) as a map. */
static cJSON *label_map_of(struct reader *r, const config_setting_t *s)
{
	cJSON *map = noted(r, cJSON_CreateObject(), s);
	int count = config_setting_length(s);

	for (int i = 0; map != NULL && i < count; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(e);
		const char *equals = text == NULL ? NULL : strchr(text, '=');
		if (equals == NULL || equals == text) {
			fault_at(r, e, "must be \"key=value\"");
			continue;
		}
		char *key = strndup(text, (size_t)(equals - text));
		if (key == NULL) {
			r->rc = -ENOMEM;
			break;
		}
		add_member(map, key, noted(r, cJSON_CreateString(equals + 1), e));
		free(key);
	}
	if (map != NULL && r->rc == 0)
		r->rc = doc_check_keys(r->doc, map, r->faults);
	return map;
}

static bool is_list(const config_setting_t *s)
{
	return config_setting_is_list(s) || config_setting_is_array(s);
}

static cJSON *text_of(const char *text)
{
	/* It was a number: kept as one, so that it is refused as one. */
	return *text == LIBCONFIG_TOO_LONG ? cJSON_CreateRaw(text + 1) : cJSON_CreateString(text);
}

static cJSON *number_of(long long n)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%lld", n);
	return doc_integer(digits);
}

static cJSON *aggregate_of(struct reader *r, const config_setting_t *s)
{
	bool map = config_setting_is_group(s);
	cJSON *node = noted(r, map ? cJSON_CreateObject() : cJSON_CreateArray(), s);
	int count = config_setting_length(s);

	for (int i = 0; node != NULL && r->rc == 0 && i < count; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		cJSON *value = value_of(r, e);
		if (value != NULL && map)
			cJSON_AddItemToObject(node, config_setting_name(e), value);
		else if (value != NULL)
			cJSON_AddItemToArray(node, value);
	}
	return node;
}

static cJSON *value_of(struct reader *r, const config_setting_t *s)
{
	const char *name = config_setting_name(s);

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return noted(r, number_of(config_setting_get_int64(s)), s);
	case CONFIG_TYPE_FLOAT:
		return noted(r, cJSON_CreateNumber(config_setting_get_float(s)), s);
	case CONFIG_TYPE_BOOL:
		return noted(r, cJSON_CreateBool(config_setting_get_bool(s)), s);
	case CONFIG_TYPE_STRING:
		return noted(r, text_of(config_setting_get_string(s)), s);
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		if (name != NULL && strcmp(name, "matchLabels") == 0)
			return label_map_of(r, s);
		return aggregate_of(r, s);
	case CONFIG_TYPE_GROUP:
		return aggregate_of(r, s);
	default:
		return noted(r, cJSON_CreateNull(), s);
	}
}

/* One entry as an object; @name is for what has none of its own. */
static cJSON *object_of(struct reader *r, const struct kind *kind, const config_setting_t *entry,
			const char *name)
{
	cJSON *object = noted(r, cJSON_CreateObject(), entry);
	cJSON *metadata = noted(r, cJSON_CreateObject(), entry);
	cJSON *spec = noted(r, cJSON_CreateObject(), entry);

	if (object == NULL || metadata == NULL || spec == NULL) {
		cJSON_Delete(object);
		cJSON_Delete(metadata);
		cJSON_Delete(spec);
		return NULL;
	}
	cJSON_AddStringToObject(object, "apiVersion", kind->api_version);
	cJSON_AddStringToObject(object, "kind", kind->name);
	cJSON_AddItemToObject(object, "metadata", metadata);
	cJSON_AddItemToObject(object, "spec", spec);
	if (name != NULL)
		cJSON_AddStringToObject(metadata, "name", name);
	for (int i = 0; i < config_setting_length(entry); i++) {
		const config_setting_t *e = config_setting_get_elem(entry, (unsigned)i);
		const char *key = config_setting_name(e);
		if (name == NULL && strcmp(key, "name") == 0)
			add_member(metadata, key, value_of(r, e));
		else if (name == NULL && strcmp(key, "labels") == 0)
			add_member(metadata, key, is_list(e) ? label_map_of(r, e) : value_of(r, e));
		else
			add_member(spec, key, value_of(r, e));
	}
	return object;
}

static void add_entry(struct reader *r, const struct kind *kind, const config_setting_t *entry,
		      const char *name)
{
	char path[64];

	if (!config_setting_is_group(entry)) {
		fault_at(r, entry, "must be a group { }");
		return;
	}
	cJSON *object = object_of(r, kind, entry, name);
	setting_path(entry, path, sizeof(path));
	if (object != NULL && r->rc == 0)
		r->rc = doc_add_object(r->doc, object, path, r->faults);
	else
		cJSON_Delete(object);
}

static const struct kind *kind_of_list(const char *list)
{
	for (const struct kind *k = kinds; k->name != NULL; k++)
		if (k->list != NULL && strcmp(k->list, list) == 0)
			return k;
	return NULL;
}

static void fault_unknown(const struct reader *r, const config_setting_t *s)
{
	const char *known[16];
	size_t count = 0;

	for (const struct kind *k = kinds; k->name != NULL && count < 15; k++)
		if (k->list != NULL)
			known[count++] = k->list;
	known[count] = NULL;
	const char *nearest = json_nearest(config_setting_name(s), known);
	if (nearest != NULL)
		fault_at(r, s, "unknown list, did you mean %s?", nearest);
	else
		fault_at(r, s, "unknown list");
}

static void read_list(struct reader *r, const config_setting_t *s)
{
	const struct kind *kind = kind_of_list(config_setting_name(s));

	if (kind == NULL) {
		fault_unknown(r, s);
	} else if (strcmp(kind->list, "settings") == 0) {
		add_entry(r, kind, s, "settings");
	} else if (!is_list(s)) {
		fault_at(r, s, "must be a list of groups ( { }, ... )");
	} else {
		int count = config_setting_length(s);
		for (int i = 0; r->rc == 0 && i < count; i++)
			add_entry(r, kind, config_setting_get_elem(s, (unsigned)i), NULL);
	}
}

static void read_lists(struct reader *r, const config_setting_t *root)
{
	for (int i = 0; r->rc == 0 && i < config_setting_length(root); i++)
		read_list(r, config_setting_get_elem(root, (unsigned)i));
}

static void read_tree(struct reader *r, const config_setting_t *root)
{
	cJSON *tree = aggregate_of(r, root);

	if (tree == NULL || doc_keep(r->doc, tree) != 0)
		r->rc = -ENOMEM;
	else
		r->doc->tree = tree;
}

/* Parse, and have @read make something of it. */
static int read_with(struct doc *d, const char *text, size_t len, struct faults *faults,
		     void (*read)(struct reader *r, const config_setting_t *root))
{
	struct reader r = { d, faults, 0 };
	config_t config;
	char *prepared;

	int rc = libconfig_prepare(d->file, text, len, faults, &prepared);
	if (rc != 0)
		return rc;
	config_init(&config);
	if (!config_read_string(&config, prepared)) {
		faults_add(faults, false, d->file, (unsigned)config_error_line(&config), "", "%s",
			   config_error_text(&config));
		rc = -EBADMSG;
	} else {
		read(&r, config_root_setting(&config));
		rc = r.rc;
	}
	config_destroy(&config);
	free(prepared);
	return rc;
}

int doc_read_libconfig(struct doc *d, const char *text, size_t len, struct faults *faults)
{
	return read_with(d, text, len, faults, read_lists);
}

int doc_read_libconfig_tree(struct doc *d, const char *text, size_t len, struct faults *faults)
{
	return read_with(d, text, len, faults, read_tree);
}
