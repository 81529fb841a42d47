// SPDX-License-Identifier: Apache-2.0
/*
 * What clients send to the API server. The first byte chooses: p a protobuf body, l a label
 * selector, f a field selector and, after a NUL, the object they are held against; c a printer
 * column's path and, after a NUL, its object; j, m and s a JSON, merge or strategic patch and,
 * after a NUL, the object.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/json_path.h"
#include "standalone/apiserver/patch.h"
#include "standalone/apiserver/protobuf.h"
#include "standalone/apiserver/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void query(const struct kind *kind, bool labels, const char *text, const char *rest)
{
	cJSON *json = js_parse(rest, strlen(rest));
	struct query q;
	cJSON *wrong = query_parse(kind, labels ? text : NULL, labels ? NULL : text, &q);

	if (wrong == NULL) {
		if (cJSON_IsObject(json)) { /* nothing else is ever stored */
			struct text *object = query_text(kind, json);
			query_matches(&q, "ns", "name", object);
			text_unref(object);
		}
		query_done(&q);
	}
	cJSON_Delete(wrong);
	cJSON_Delete(json);
}

static void patch(const struct kind *kind, enum patch_type type, const char *text, const char *rest)
{
	cJSON *p = js_parse(text, strlen(text)), *object = js_parse(rest, strlen(rest));

	if (p != NULL && cJSON_IsObject(object)) {
		cJSON *wrong = patch_apply(kind, type, p, &object);
		/* What a patch made can be printed and read again. */
		if (wrong == NULL) {
			struct text *t = js_print(object);
			cJSON *again = js_parse(t->bytes, t->len);
			if (again == NULL)
				abort();
			cJSON_Delete(again);
			text_unref(t);
		}
		cJSON_Delete(wrong);
	}
	cJSON_Delete(p);
	cJSON_Delete(object);
}

static void column(const char *path, const char *object)
{
	cJSON *json = js_parse(object, strlen(object));
	struct buf b = { 0 };

	json_path_first(json, path);
	json_path_print(&b, json, path);
	buf_done(&b);
	cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kinds kinds;
	bool known;

	if (size == 0 || size > 1 << 16)
		return 0;
	if (data[0] == 'p') {
		cJSON_Delete(protobuf_decode(data + 1, size - 1, &known));
		return 0;
	}
	kinds_init(&kinds);
	const struct kind *services = kinds_builtin(&kinds, KIND_SERVICE);
	char *text = mem_printf("%.*s", (int)(size - 1), (const char *)data + 1);
	size_t len = strlen(text);
	size_t left = size - 1 - len;
	char *rest = left == 0 ? mem_text("{}")
			       : mem_printf("%.*s", (int)(left - 1), (const char *)data + 2 + len);

	switch (data[0]) {
	case 'l':
	case 'f':
		query(services, data[0] == 'l', text, rest);
		break;
	case 'c':
		column(text, rest);
		break;
	case 'j':
		patch(services, PATCH_JSON, text, rest);
		break;
	case 'm':
		patch(services, PATCH_MERGE, text, rest);
		break;
	case 's':
		patch(services, PATCH_STRATEGIC, text, rest);
		break;
	}
	free(rest);
	free(text);
	kinds_done(&kinds);
	return 0;
}
