// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/protobuf.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cursor.h"

enum { DEPTH_MAX = 16 };

enum field_type {
	TEXT,           /* empty: left out */
	NUMBER,         /* zero: left out */
	FLAG,           /* false: left out */
	FLAG_OR_ABSENT, /* a *bool: false says something */
	MESSAGE,        /* without a field: left out */
	INLINED,        /* a message whose fields are the outer one's in JSON */
	INT_OR_TEXT,    /* intstr.IntOrString */
	TEXTS,          /* map<string, string> */
	BLOBS,          /* map<string, bytes> */
};

/* One field; the table ends with number 0. */
struct field {
	uint32_t number;
	enum field_type type;
	const char *name; /* in JSON */
	const struct field *message;
	bool list;
};

/* --- messages -------------------------------------------------------------------------- */

static const struct field owner_reference[] = {
	{ 5, TEXT, "apiVersion", NULL, false },
	{ 1, TEXT, "kind", NULL, false },
	{ 3, TEXT, "name", NULL, false },
	{ 4, TEXT, "uid", NULL, false },
	{ 6, FLAG_OR_ABSENT, "controller", NULL, false },
	{ 7, FLAG_OR_ABSENT, "blockOwnerDeletion", NULL, false },
	{ 0 },
};

static const struct field object_meta[] = {
	{ 1, TEXT, "name", NULL, false },
	{ 2, TEXT, "generateName", NULL, false },
	{ 3, TEXT, "namespace", NULL, false },
	{ 5, TEXT, "uid", NULL, false },
	{ 6, TEXT, "resourceVersion", NULL, false },
	{ 11, TEXTS, "labels", NULL, false },
	{ 12, TEXTS, "annotations", NULL, false },
	{ 13, MESSAGE, "ownerReferences", owner_reference, true },
	{ 14, TEXT, "finalizers", NULL, true },
	{ 0 },
};

static const struct field namespace_spec[] = { { 1, TEXT, "finalizers", NULL, true }, { 0 } };
static const struct field namespace_message[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, MESSAGE, "spec", namespace_spec, false },
	{ 0 },
};

static const struct field config_map[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, TEXTS, "data", NULL, false },
	{ 3, BLOBS, "binaryData", NULL, false },
	{ 4, FLAG_OR_ABSENT, "immutable", NULL, false },
	{ 0 },
};

static const struct field secret[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, BLOBS, "data", NULL, false },
	{ 3, TEXT, "type", NULL, false },
	{ 4, TEXTS, "stringData", NULL, false },
	{ 5, FLAG_OR_ABSENT, "immutable", NULL, false },
	{ 0 },
};

static const struct field object_reference[] = {
	{ 1, TEXT, "kind", NULL, false },
	{ 2, TEXT, "namespace", NULL, false },
	{ 3, TEXT, "name", NULL, false },
	{ 0 },
};
static const struct field local_reference[] = { { 1, TEXT, "name", NULL, false }, { 0 } };
static const struct field service_account[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, MESSAGE, "secrets", object_reference, true },
	{ 3, MESSAGE, "imagePullSecrets", local_reference, true },
	{ 4, FLAG_OR_ABSENT, "automountServiceAccountToken", NULL, false },
	{ 0 },
};

static const struct field service_port[] = {
	{ 1, TEXT, "name", NULL, false },
	{ 2, TEXT, "protocol", NULL, false },
	{ 3, NUMBER, "port", NULL, false },
	{ 4, INT_OR_TEXT, "targetPort", NULL, false },
	{ 5, NUMBER, "nodePort", NULL, false },
	{ 6, TEXT, "appProtocol", NULL, false },
	{ 0 },
};
static const struct field client_ip[] = { { 1, NUMBER, "timeoutSeconds", NULL, false }, { 0 } };
static const struct field affinity[] = { { 1, MESSAGE, "clientIP", client_ip, false }, { 0 } };
static const struct field service_spec[] = {
	{ 1, MESSAGE, "ports", service_port, true },
	{ 2, TEXTS, "selector", NULL, false },
	{ 3, TEXT, "clusterIP", NULL, false },
	{ 4, TEXT, "type", NULL, false },
	{ 5, TEXT, "externalIPs", NULL, true },
	{ 7, TEXT, "sessionAffinity", NULL, false },
	{ 8, TEXT, "loadBalancerIP", NULL, false },
	{ 9, TEXT, "loadBalancerSourceRanges", NULL, true },
	{ 10, TEXT, "externalName", NULL, false },
	{ 11, TEXT, "externalTrafficPolicy", NULL, false },
	{ 12, NUMBER, "healthCheckNodePort", NULL, false },
	{ 13, FLAG, "publishNotReadyAddresses", NULL, false },
	{ 14, MESSAGE, "sessionAffinityConfig", affinity, false },
	{ 17, TEXT, "ipFamilyPolicy", NULL, false },
	{ 18, TEXT, "clusterIPs", NULL, true },
	{ 19, TEXT, "ipFamilies", NULL, true },
	{ 20, FLAG_OR_ABSENT, "allocateLoadBalancerNodePorts", NULL, false },
	{ 21, TEXT, "loadBalancerClass", NULL, false },
	{ 22, TEXT, "internalTrafficPolicy", NULL, false },
	{ 0 },
};
static const struct field service[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, MESSAGE, "spec", service_spec, false },
	{ 0 },
};

static const struct field backend_port[] = {
	{ 1, TEXT, "name", NULL, false },
	{ 2, NUMBER, "number", NULL, false },
	{ 0 },
};
static const struct field backend_service[] = {
	{ 1, TEXT, "name", NULL, false },
	{ 2, MESSAGE, "port", backend_port, false },
	{ 0 },
};
static const struct field backend[] = { { 4, MESSAGE, "service", backend_service, false }, { 0 } };
static const struct field http_path[] = {
	{ 1, TEXT, "path", NULL, false },
	{ 3, TEXT, "pathType", NULL, false },
	{ 2, MESSAGE, "backend", backend, false },
	{ 0 },
};
static const struct field http_rule[] = { { 1, MESSAGE, "paths", http_path, true }, { 0 } };
static const struct field rule_value[] = { { 1, MESSAGE, "http", http_rule, false }, { 0 } };
static const struct field ingress_rule[] = {
	{ 1, TEXT, "host", NULL, false },
	{ 2, INLINED, NULL, rule_value, false },
	{ 0 },
};
static const struct field ingress_tls[] = {
	{ 1, TEXT, "hosts", NULL, true },
	{ 2, TEXT, "secretName", NULL, false },
	{ 0 },
};
static const struct field ingress_spec[] = {
	{ 4, TEXT, "ingressClassName", NULL, false },
	{ 1, MESSAGE, "defaultBackend", backend, false },
	{ 2, MESSAGE, "tls", ingress_tls, true },
	{ 3, MESSAGE, "rules", ingress_rule, true },
	{ 0 },
};
static const struct field ingress[] = {
	{ 1, MESSAGE, "metadata", object_meta, false },
	{ 2, MESSAGE, "spec", ingress_spec, false },
	{ 0 },
};

static const struct {
	const char *api_version, *kind;
	const struct field *message;
} kinds[] = {
	{ "v1", "Namespace", namespace_message },
	{ "v1", "ConfigMap", config_map },
	{ "v1", "Secret", secret },
	{ "v1", "ServiceAccount", service_account },
	{ "v1", "Service", service },
	{ "networking.k8s.io/v1", "Ingress", ingress },
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

static char *take_text(struct rd bytes)
{
	size_t len = rd_left(&bytes);
	char *text = mem_get(len + 1);

	memcpy(text, rd_take(&bytes, len), len);
	text[len] = '\0';
	return text;
}

static cJSON *text_node(struct rd bytes)
{
	char *text = take_text(bytes);
	cJSON *node = cJSON_CreateString(text);

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

static bool decode(struct rd r, const struct field *fields, cJSON *into, unsigned depth);

/* A map entry is a message of key 1 and value 2. */
static bool add_entry(cJSON *map, struct rd entry, bool blobs)
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
	js_set(map, name, blobs ? blob_node(value) : text_node(value));
	free(name);
	return true;
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

static void put(cJSON *into, const struct field *f, cJSON *node)
{
	cJSON *list;

	if (!f->list) {
		js_set(into, f->name, node);
		return;
	}
	list = cJSON_GetObjectItemCaseSensitive(into, f->name);
	if (list == NULL) {
		list = cJSON_CreateArray();
		js_set(into, f->name, list);
	}
	cJSON_AddItemToArray(list, node);
}

static bool is_delimited(enum field_type type)
{
	return type != NUMBER && type != FLAG && type != FLAG_OR_ABSENT;
}

/* A nested message; an empty one says nothing, unless it is an element of a list. */
static bool put_message(cJSON *into, const struct field *f, struct rd bytes, unsigned depth)
{
	cJSON *node = cJSON_CreateObject();

	if (!decode(bytes, f->message, node, depth + 1)) {
		cJSON_Delete(node);
		return false;
	}
	if (node->child == NULL && !f->list)
		cJSON_Delete(node);
	else
		put(into, f, node);
	return true;
}

static bool put_value(cJSON *into, const struct field *f, const struct value *v, unsigned depth)
{
	cJSON *node;

	if (is_delimited(f->type) != (v->wire == DELIMITED))
		return false;
	switch (f->type) {
	case TEXT:
		if (rd_left(&v->bytes) > 0 || f->list)
			put(into, f, text_node(v->bytes));
		return true;
	case NUMBER:
		if (v->varint != 0)
			put(into, f, cJSON_CreateNumber((double)(int64_t)v->varint));
		return true;
	case FLAG:
	case FLAG_OR_ABSENT:
		if (v->varint != 0 || f->type == FLAG_OR_ABSENT)
			put(into, f, cJSON_CreateBool(v->varint != 0));
		return true;
	case MESSAGE:
		return put_message(into, f, v->bytes, depth);
	case INLINED:
		return decode(v->bytes, f->message, into, depth + 1);
	case INT_OR_TEXT:
		node = int_or_text(v->bytes);
		if (node != NULL)
			put(into, f, node);
		return node != NULL;
	case TEXTS:
	case BLOBS:
		return add_entry(js_object(into, f->name), v->bytes, f->type == BLOBS);
	}
	return false;
}

static bool decode(struct rd r, const struct field *fields, cJSON *into, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return false;
	while (rd_left(&r) > 0) {
		struct value v = read_value(&r);
		const struct field *f = fields;

		if (rd_failed(&r))
			return false;
		while (f->number != 0 && f->number != v.number)
			f++;
		if (f->number != 0 && !put_value(into, f, &v, depth))
			return false;
	}
	return !rd_failed(&r);
}

/* --- the envelope (runtime.Unknown): magic, {apiVersion, kind}, the object's own bytes -- */

static const struct field type_meta[] = {
	{ 1, TEXT, "apiVersion", NULL, false },
	{ 2, TEXT, "kind", NULL, false },
	{ 0 },
};

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
		if (v.number == 1 && !decode(v.bytes, type_meta, object, 0))
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
			    strcmp(kinds[i].api_version, version) == 0 &&
			    strcmp(kinds[i].kind, kind) == 0) {
				if (decode(raw, kinds[i].message, object, 0))
					return object;
				cJSON_Delete(object);
				return NULL;
			}
		*ret_known = false;
	}
	cJSON_Delete(object);
	return NULL;
}
