// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/protobuf.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cursor.h"
#include "standalone/apiserver/types_tables.h"

enum { DEPTH_MAX = 16 };

static const struct {
	const char *api_version, *kind;
	const struct object_type *type;
} kinds[] = {
	{ NULL, "DeleteOptions", &type_delete_options }, /* those of any group */
	{ "v1", "Namespace", &type_namespace },
	{ "v1", "Node", &type_node },
	{ "v1", "Pod", &type_pod },
	{ "v1", "ConfigMap", &type_config_map },
	{ "v1", "Secret", &type_secret },
	{ "v1", "ServiceAccount", &type_service_account },
	{ "v1", "Service", &type_service },
	{ "v1", "Endpoints", &type_endpoints },
	{ "v1", "Event", &type_event },
	{ "discovery.k8s.io/v1", "EndpointSlice", &type_endpoint_slice },
	{ "coordination.k8s.io/v1", "Lease", &type_lease },
	{ "events.k8s.io/v1", "Event", &type_events_event },
	{ "networking.k8s.io/v1", "Ingress", &type_ingress },
	{ "networking.k8s.io/v1", "IngressClass", &type_ingress_class },
};

/* --- wire format (protobuf encoding guide) --------------------------------------------- */

enum wire { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

static uint64_t read_varint(struct rd *r)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = rd_u8(r);

		n |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0)
			return n;
	}
	r->failed = true; /* more than ten bytes */
	return 0;
}

/* One field: its number, and its value as a number or as bytes. */
struct value {
	uint32_t number;
	enum wire wire;
	uint64_t varint;
	struct rd bytes;
};

static struct value read_value(struct rd *r)
{
	uint64_t key = read_varint(r);
	struct value v = { .number = (uint32_t)(key >> 3), .wire = (enum wire)(key & 7) };

	switch (v.wire) {
	case VARINT:
		v.varint = read_varint(r);
		break;
	case DELIMITED:
		v.varint = read_varint(r);
		v.bytes = rd_sub(r, v.varint > SIZE_MAX ? SIZE_MAX : (size_t)v.varint);
		break;
	case FIXED64:
		rd_take(r, 8);
		break;
	case FIXED32:
		rd_take(r, 4);
		break;
	default:
		r->failed = true;
	}
	return v;
}

/* NULL: it holds a NUL, where C would cut it. */
static char *take_text(struct rd bytes)
{
	size_t len = rd_left(&bytes);
	const uint8_t *at = rd_take(&bytes, len);

	if (memchr(at, '\0', len) != NULL)
		return NULL;
	char *text = mem_get(len + 1);
	memcpy(text, at, len);
	text[len] = '\0';
	return text;
}

static cJSON *text_node(struct rd bytes)
{
	char *text = take_text(bytes);
	cJSON *node = text == NULL ? NULL : cJSON_CreateString(text);

	free(text);
	return node;
}

static cJSON *blob_node(struct rd bytes)
{
	size_t len = rd_left(&bytes);
	char *text = mem_get(BASE64_ENCODE_RAW_LENGTH(len) + 1);

	base64_encode_raw(text, len, rd_take(&bytes, len));
	text[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
	cJSON *node = cJSON_CreateString(text);
	free(text);
	return node;
}

/* --- from fields to members ------------------------------------------------------------ */

static bool decode(struct rd r, const struct object_type *type, cJSON *into, unsigned depth);

/* resource.Quantity: its text is field 1. */
static cJSON *quantity(struct rd r)
{
	struct rd text = rd_init("", 0);

	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);

		if (v.wire == DELIMITED && v.number == 1)
			text = v.bytes;
	}
	return rd_failed(&r) || rd_failed(&text) ? NULL : text_node(text);
}

/* IntOrString: 1 tells which, 2 the number, 3 the text. */
static cJSON *int_or_text(struct rd r)
{
	uint64_t type = 0, number = 0;
	struct rd text = rd_init("", 0);

	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);

		if (v.number == 1)
			type = v.varint;
		else if (v.number == 2)
			number = v.varint;
		else if (v.number == 3 && v.wire == DELIMITED)
			text = v.bytes;
	}
	if (rd_failed(&r) || rd_failed(&text))
		return NULL;
	return type == 1 ? text_node(text) : cJSON_CreateNumber((double)(int32_t)number);
}

/* Time and MicroTime: seconds since 1970, and nanoseconds. None at all: a node that is null. */
static cJSON *time_node(struct rd r, bool micro)
{
	uint64_t seconds = 0, nanos = 0;
	bool there = rd_left(&r) > 0;
	struct tm tm;
	char text[32];

	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);

		if (v.number == 1)
			seconds = v.varint;
		else if (v.number == 2)
			nanos = v.varint;
	}
	time_t t = (time_t)(int64_t)seconds;
	if (!there)
		return cJSON_CreateNull();
	if (rd_failed(&r) || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return NULL;
	char *full = micro ? mem_printf("%s.%06uZ", text, (unsigned)(nanos / 1000 % 1000000))
			   : mem_printf("%sZ", text);
	cJSON *node = cJSON_CreateString(full);
	free(full);
	return node;
}

/* A value that is bytes on the wire. NULL: it is not as it should be. */
static cJSON *bytes_node(const struct field *f, struct rd bytes, unsigned depth)
{
	cJSON *node;

	switch (f->type) {
	case T_TEXT:
		return text_node(bytes);
	case T_BLOB:
		return blob_node(bytes);
	case T_QUANTITY:
		return quantity(bytes);
	case T_INT_OR_TEXT:
		return int_or_text(bytes);
	case T_TIME:
	case T_MICRO_TIME:
		return time_node(bytes, f->type == T_MICRO_TIME);
	case T_OBJECT:
		node = cJSON_CreateObject();
		if (decode(bytes, f->object, node, depth + 1))
			return node;
		cJSON_Delete(node);
		return NULL;
	default:
		return NULL;
	}
}

/* A map entry is a message of key 1 and value 2. */
static bool add_entry(cJSON *map, const struct field *f, struct rd entry, unsigned depth)
{
	struct rd key = rd_init("", 0), value = rd_init("", 0);

	while (rd_left(&entry) > 0) {
		struct value v = read_value(&entry);

		if (v.wire == DELIMITED && v.number == 1)
			key = v.bytes;
		else if (v.wire == DELIMITED && v.number == 2)
			value = v.bytes;
	}
	if (rd_failed(&entry) || rd_failed(&key) || rd_failed(&value))
		return false;
	char *name = take_text(key);
	cJSON *node = name == NULL ? NULL : bytes_node(f, value, depth);
	if (node != NULL)
		js_set(map, name, node);
	free(name);
	return node != NULL;
}

static void add_element(cJSON *into, const char *name, cJSON *node)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(into, name);

	if (list == NULL) {
		list = cJSON_CreateArray();
		js_set(into, name, list);
	}
	cJSON_AddItemToArray(list, node);
}

static bool is_delimited(enum value_type type)
{
	return type != T_INT32 && type != T_INT64 && type != T_FLAG;
}

/* A number or a flag. What is zero is left out, unless that says something. */
static cJSON *number_node(const struct field *f, uint64_t varint)
{
	if (f->type == T_FLAG)
		return cJSON_CreateBool(varint != 0);
	return cJSON_CreateNumber(f->type == T_INT32 ? (double)(int32_t)varint
						     : (double)(int64_t)varint);
}

/* An empty value in its only field says nothing: Kubernetes writes them all. */
static bool is_empty(const struct field *f, const struct value *v, const cJSON *node)
{
	if (f->type == T_OBJECT)
		return node->child == NULL;
	return !f->pointer && (v->wire == DELIMITED ? rd_left(&v->bytes) == 0 : v->varint == 0);
}

static bool put_value(cJSON *into, const struct field *f, const struct value *v, unsigned depth)
{
	cJSON *node;

	if (f->type == T_ANY)
		return true; /* left out: there is no table to read it by */
	if (is_delimited(f->type) != (v->wire == DELIMITED))
		return false;
	if (f->name == NULL)
		return decode(v->bytes, f->object, into, depth + 1);
	if (f->shape == T_MAP)
		return add_entry(js_object(into, f->name), f, v->bytes, depth);
	node = is_delimited(f->type) ? bytes_node(f, v->bytes, depth) : number_node(f, v->varint);
	if (node == NULL)
		return false;
	if (f->shape == T_LIST)
		add_element(into, f->name, node);
	else if (cJSON_IsNull(node) || is_empty(f, v, node))
		cJSON_Delete(node);
	else
		js_set(into, f->name, node);
	return true;
}

static const struct field *by_number(const struct object_type *type, uint32_t number)
{
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++)
		if (f->number == number)
			return f;
	return NULL;
}

static bool decode(struct rd r, const struct object_type *type, cJSON *into, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return false;
	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);

		if (rd_failed(&r))
			return false;
		const struct field *f = v.number == 0 ? NULL : by_number(type, v.number);
		if (f != NULL && !put_value(into, f, &v, depth))
			return false;
	}
	return !rd_failed(&r);
}

/* --- the envelope (runtime.Unknown): magic, {apiVersion, kind}, the object's own bytes -- */

static const struct field type_meta_fields[] = {
	{ "apiVersion", T_TEXT, .number = 1 },
	{ "kind", T_TEXT, .number = 2 },
	{ 0 },
};
static const struct object_type type_meta = { "TypeMeta", type_meta_fields };

static bool read_envelope(struct rd r, cJSON *object, struct rd *ret_raw)
{
	static const char magic[4] = { 'k', '8', 's', '\0' };
	const uint8_t *at = rd_take(&r, sizeof(magic));

	*ret_raw = rd_init("", 0);
	if (at == NULL || memcmp(at, magic, sizeof(magic)) != 0)
		return false;
	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);

		if (v.wire != DELIMITED || rd_failed(&r))
			continue;
		if (v.number == 1 && !decode(v.bytes, &type_meta, object, 0))
			return false;
		if (v.number == 2)
			*ret_raw = v.bytes;
	}
	return !rd_failed(&r);
}

cJSON *protobuf_decode(const void *bytes, size_t len, bool *ret_known)
{
	cJSON *object = cJSON_CreateObject();
	struct rd raw;

	*ret_known = true;
	if (read_envelope(rd_init(bytes, len), object, &raw)) {
		const char *version = js_text(object, "apiVersion"),
			   *kind = js_text(object, "kind");

		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (version != NULL && kind != NULL &&
			    (kinds[i].api_version == NULL ||
			     strcmp(kinds[i].api_version, version) == 0) &&
			    strcmp(kinds[i].kind, kind) == 0) {
				if (decode(raw, kinds[i].type, object, 0))
					return object;
				cJSON_Delete(object);
				return NULL;
			}
		*ret_known = false;
	}
	cJSON_Delete(object);
	return NULL;
}
