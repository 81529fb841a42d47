// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/types.h"

#include <math.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "standalone/apiserver/types_tables.h"

static const struct field custom_fields[] = {
	{ "metadata", T_OBJECT, .object = &type_object_meta },
	{ 0 },
};
const struct object_type type_custom = { "Unstructured", custom_fields, .open = true };

const struct field *types_field(const struct object_type *type, const char *name)
{
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		if (f->name == NULL) {
			const struct field *inner = types_field(f->object, name);
			if (inner != NULL)
				return inner;
		} else if (strcmp(f->name, name) == 0) {
			return f;
		}
	}
	return NULL;
}

void notes_done(struct notes *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	array_free(n);
}

/* --- saying what is wrong -------------------------------------------------------------- */

/* Where the walk is, such as "spec.ports[0]", and what it has found. */
struct walk {
	struct buf path;
	struct notes *notes;
	char *wrong; /* the first thing of a wrong type */
};

enum { NOTES_MAX = 64 };

/* Go to a member or, with @name NULL, to element @index; returns what walk_leave() takes. */
static size_t walk_enter(struct walk *w, const char *name, size_t index)
{
	size_t before = w->path.len;

	if (name == NULL)
		buf_printf(&w->path, "[%zu]", index);
	else
		buf_printf(&w->path, "%s%s", before == 0 ? "" : ".", name);
	return before;
}

static void walk_leave(struct walk *w, size_t before)
{
	w->path.len = before;
}

static void note(struct walk *w, const char *what)
{
	if (w->notes->count == NOTES_MAX)
		return;
	char **slot = array_push(w->notes);

	if (slot == NULL)
		abort();
	*slot = mem_printf("%s field \"%.*s\"", what, (int)w->path.len, w->path.bytes);
}

/* The name of a field's type in Go, which is what its JSON decoder says. */
static void put_go_type(struct buf *b, const struct field *f, enum value_shape shape)
{
	static const char *const names[] = {
		[T_TEXT] = "string",
		[T_INT32] = "int32",
		[T_INT64] = "int64",
		[T_FLAG] = "bool",
		[T_TIME] = "v1.Time",
		[T_MICRO_TIME] = "v1.MicroTime",
		[T_QUANTITY] = "resource.Quantity",
		[T_INT_OR_TEXT] = "int32",
		[T_BLOB] = "[]uint8",
		[T_ANY] = "v1.RawExtension",
	};

	buf_puts(b, shape == T_LIST ? "[]" : shape == T_MAP ? "map[string]" : "");
	if (f->type == T_OBJECT)
		buf_printf(b, "v1.%s", f->object->name);
	else
		buf_puts(b, names[f->type]);
}

static const char *json_name(const cJSON *node)
{
	return cJSON_IsString(node)                        ? "string"
	       : cJSON_IsNumber(node) || cJSON_IsRaw(node) ? "number"
	       : cJSON_IsBool(node)                        ? "bool"
	       : cJSON_IsArray(node)                       ? "array"
							   : "object";
}

static void wrong_type(struct walk *w, const struct object_type *in, const struct field *f,
		       enum value_shape shape, const cJSON *node)
{
	struct buf b = { 0 };

	if (w->wrong != NULL)
		return;
	buf_printf(&b, "json: cannot unmarshal %s", json_name(node));
	if (shape == T_ONE && (f->type == T_INT32 || f->type == T_INT64)) {
		if (cJSON_IsRaw(node))
			buf_printf(&b, " %s", node->valuestring);
		else if (cJSON_IsNumber(node))
			buf_printf(&b, " %.15g", node->valuedouble);
	}
	buf_printf(&b, " into Go struct field %s.", in->name);
	/* The path without indices. */
	for (size_t i = 0, depth = 0; i < w->path.len; i++) {
		char c = w->path.bytes[i];

		depth += c == '[' ? 1 : 0;
		if (depth == 0)
			buf_add(&b, &c, 1);
		depth -= c == ']' && depth > 0 ? 1 : 0;
	}
	buf_puts(&b, " of type ");
	put_go_type(&b, f, shape);
	w->wrong = buf_take(&b);
}

static void wrong(struct walk *w, char *text)
{
	if (w->wrong == NULL)
		w->wrong = text;
	else
		free(text);
}

/* --- plain values ---------------------------------------------------------------------- */

/* "+02:00", "Z": seconds east of UTC. */
static bool parse_zone(const char *text, long *ret)
{
	unsigned hours, minutes;
	char sign, rest;

	*ret = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if (sscanf(text, "%c%2u:%2u%c", &sign, &hours, &minutes, &rest) != 3 ||
	    (sign != '+' && sign != '-') || hours > 23 || minutes > 59)
		return false;
	*ret = (long)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

/* A time as it is stored: in UTC, to the second or the microsecond. NULL: not one. */
static char *time_text(const char *text, bool micro)
{
	char fraction[8] = "000000", out[48];
	struct tm tm = { 0 };
	long east;

	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (at == NULL)
		return NULL;
	if (*at == '.') {
		size_t digits = strspn(at + 1, "0123456789");

		if (digits == 0 || (micro && digits != 6))
			return NULL;
		memcpy(fraction, at + 1, digits < 6 ? digits : 6);
		at += digits + 1;
	} else if (micro) {
		return NULL;
	}
	if (!parse_zone(at, &east))
		return NULL;
	time_t t = timegm(&tm) - east;
	gmtime_r(&t, &tm);
	size_t n = strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm);
	return n == 0 ? NULL : mem_printf(micro ? "%s.%sZ" : "%sZ", out, fraction);
}

static void take_time(struct walk *w, const struct object_type *in, const struct field *f,
		      cJSON *node)
{
	bool micro = f->type == T_MICRO_TIME;

	if (!cJSON_IsString(node)) {
		wrong_type(w, in, f, T_ONE, node);
		return;
	}
	char *text = time_text(node->valuestring, micro);
	if (text == NULL) {
		wrong(w,
		      mem_printf("parsing time \"%s\" as \"2006-01-02T15:04:05%sZ07:00\": cannot "
				 "parse \"%s\" as \"2006\"",
				 node->valuestring, micro ? ".000000" : "", node->valuestring));
		return;
	}
	cJSON_SetValuestring(node, text);
	free(text);
}

static void check_blob(struct walk *w, const struct object_type *in, const struct field *f,
		       const cJSON *node)
{
	struct base64_decode_ctx ctx;

	if (!cJSON_IsString(node)) {
		wrong_type(w, in, f, T_ONE, node);
		return;
	}
	size_t len = strlen(node->valuestring), n = BASE64_DECODE_LENGTH(len), at = 0;
	uint8_t *out = mem_get(n + 1);
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &n, out, len, node->valuestring) ||
	    !base64_decode_final(&ctx)) {
		at = strspn(node->valuestring,
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\r\n");
		wrong(w, mem_printf("illegal base64 data at input byte %zu", at));
	}
	free(out);
}

static bool is_integer(const cJSON *node, bool wide)
{
	if (cJSON_IsRaw(node)) /* 1e1 and 10.0 are none, as in Go */
		return wide && strpbrk(node->valuestring, ".eE") == NULL;
	return cJSON_IsNumber(node) && floor(node->valuedouble) == node->valuedouble &&
	       fabs(node->valuedouble) <= (wide ? 9.0e15 : 2147483647.0);
}

static void apply_object(struct walk *w, const struct object_type *type, cJSON *object, bool root);

static void take_value(struct walk *w, const struct object_type *in, const struct field *f,
		       cJSON *node)
{
	bool fits = true;

	switch (f->type) {
	case T_TEXT:
		fits = cJSON_IsString(node);
		break;
	case T_INT32:
	case T_INT64:
		fits = is_integer(node, f->type == T_INT64);
		break;
	case T_FLAG:
		fits = cJSON_IsBool(node);
		break;
	case T_TIME:
	case T_MICRO_TIME:
		take_time(w, in, f, node);
		break;
	case T_QUANTITY:
		fits = cJSON_IsString(node) || cJSON_IsNumber(node) || cJSON_IsRaw(node);
		break;
	case T_INT_OR_TEXT:
		fits = cJSON_IsString(node) || is_integer(node, false);
		break;
	case T_BLOB:
		check_blob(w, in, f, node);
		break;
	case T_OBJECT:
		fits = cJSON_IsObject(node);
		if (fits)
			apply_object(w, f->object, node, false);
		break;
	case T_ANY:
		break;
	}
	if (!fits)
		wrong_type(w, in, f, T_ONE, node);
}

/* --- objects --------------------------------------------------------------------------- */

struct member {
	cJSON *node;
	size_t at;
};

static int member_cmp(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int d = strcmp(x->node->string, y->node->string);

	return d != 0 ? d : x->at < y->at ? -1 : 1;
}

/* Of several members of one name the last one counts. */
static void drop_duplicates(struct walk *w, cJSON *object)
{
	size_t count = (size_t)cJSON_GetArraySize(object), n = 0;
	cJSON *node;

	if (count < 2)
		return;
	struct member *all = mem_get(count * sizeof(all[0]));
	cJSON_ArrayForEach (node, object) {
		all[n] = (struct member){ node, n };
		n++;
	}
	qsort(all, n, sizeof(all[0]), member_cmp);
	for (size_t i = 0; i + 1 < n; i++)
		if (strcmp(all[i].node->string, all[i + 1].node->string) == 0) {
			size_t before = walk_enter(w, all[i].node->string, 0);
			note(w, "duplicate");
			walk_leave(w, before);
			cJSON_Delete(cJSON_DetachItemViaPointer(object, all[i].node));
		}
	free(all);
}

static cJSON *zero_value(const struct field *f)
{
	if (f->shape != T_ONE || f->pointer)
		return cJSON_CreateNull();
	switch (f->type) {
	case T_TEXT:
	case T_BLOB:
		return cJSON_CreateString("");
	case T_INT32:
	case T_INT64:
	case T_INT_OR_TEXT:
		return cJSON_CreateNumber(0);
	case T_FLAG:
		return cJSON_CreateFalse();
	case T_QUANTITY:
		return cJSON_CreateString("0");
	default:
		return cJSON_CreateNull();
	}
}

/* Add what is written even when it is empty: @f->always, and what is a struct in Go. */
static void fill(const struct object_type *type, cJSON *object)
{
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		bool one = f->shape == T_ONE && !f->pointer;

		if (f->name == NULL) {
			fill(f->object, object);
		} else if (cJSON_GetObjectItemCaseSensitive(object, f->name) != NULL) {
			continue;
		} else if (one && f->type == T_OBJECT) {
			cJSON *made = cJSON_CreateObject();
			fill(f->object, made);
			js_set(object, f->name, made);
		} else if (f->always || (one && (f->type == T_TIME || f->type == T_MICRO_TIME))) {
			js_set(object, f->name, zero_value(f));
		}
	}
}

static bool is_zero(const struct field *f, const cJSON *node)
{
	if (f->shape != T_ONE)
		return node->child == NULL;
	if (f->pointer)
		return false;
	switch (f->type) {
	case T_TEXT:
		return node->valuestring[0] == '\0';
	case T_INT32:
	case T_INT64:
		return cJSON_IsNumber(node) && node->valuedouble == 0;
	case T_FLAG:
		return cJSON_IsFalse(node);
	default:
		return false;
	}
}

/* An element that is null is an empty one. */
static void replace_null(cJSON *list, const struct field *f, cJSON *node)
{
	const struct field one = { .type = f->type };
	cJSON *made = f->type == T_OBJECT ? cJSON_CreateObject() : zero_value(&one);

	if (f->type == T_OBJECT)
		fill(f->object, made);
	if (f->shape == T_MAP)
		made->string = mem_text(node->string);
	cJSON_ReplaceItemViaPointer(list, node, made);
}

/* Elements, or values by name. */
static void take_elements(struct walk *w, const struct object_type *in, const struct field *f,
			  cJSON *list)
{
	size_t index = 0;

	for (cJSON *node = list->child, *next; node != NULL; node = next, index++) {
		size_t before = walk_enter(w, f->shape == T_MAP ? node->string : NULL, index);

		next = node->next;
		if (cJSON_IsNull(node) && f->type != T_ANY) {
			replace_null(list, f, node);
		} else {
			/* Go names a map itself where its values are wrong. */
			if (f->shape == T_MAP && f->type != T_OBJECT)
				walk_leave(w, before);
			take_value(w, in, f, node);
		}
		walk_leave(w, before);
	}
}

/* Returns false when the member is to be dropped. */
static bool take_member(struct walk *w, const struct object_type *in, const struct field *f,
			cJSON *node)
{
	bool shaped = f->shape == T_ONE ||
		      (f->shape == T_LIST ? cJSON_IsArray(node) : cJSON_IsObject(node));

	if (!shaped) {
		wrong_type(w, in, f, f->shape, node);
		return false;
	}
	if (f->shape == T_ONE) {
		take_value(w, in, f, node);
	} else {
		if (f->shape == T_MAP)
			drop_duplicates(w, node);
		take_elements(w, in, f, node);
	}
	return w->wrong == NULL && (f->always || f->type == T_ANY || !is_zero(f, node));
}

static void apply_object(struct walk *w, const struct object_type *type, cJSON *object, bool root)
{
	drop_duplicates(w, object);
	for (cJSON *node = object->child, *next; node != NULL; node = next) {
		const struct field *f = types_field(type, node->string);
		bool keep = type->open;

		next = node->next;
		if (root &&
		    (strcmp(node->string, "apiVersion") == 0 || strcmp(node->string, "kind") == 0))
			continue;
		size_t before = walk_enter(w, node->string, 0);
		if (f != NULL)
			keep = !cJSON_IsNull(node) && take_member(w, type, f, node);
		else if (!keep)
			note(w, "unknown");
		walk_leave(w, before);
		if (!keep)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, node));
	}
	fill(type, object);
}

char *types_apply(const struct object_type *type, cJSON *object, struct notes *notes)
{
	struct walk w = { .notes = notes };

	apply_object(&w, type, object, true);
	buf_done(&w.path);
	return w.wrong;
}
