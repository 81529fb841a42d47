// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/json_path.h"
#include "standalone/apiserver/table_cells.h"

/* --- columns of custom resources ------------------------------------------------------- */

/* Text in a cell, in bytes: columns may not make more of an object than it is. */
enum { CELL_MAX = 1024 };

/* The first @len bytes of @text at most, and whole characters. */
static cJSON *text_cell(const char *text, size_t len)
{
	char *cut;

	if (strlen(text) <= len)
		return cJSON_CreateString(text);
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	cut = mem_printf("%.*s", (int)len, text);
	cJSON *cell = cJSON_CreateString(cut);
	free(cut);
	return cell;
}

/* Lists and objects as JSON. What does not fit ends with the last value that did. */
static cJSON *json_cell(const cJSON *value)
{
	/* cJSON asks for some bytes more than it needs; what it leaves where it stops ends there.
	 */
	char text[CELL_MAX + 64] = "";

	(void)cJSON_PrintPreallocated((cJSON *)(uintptr_t)value, text, sizeof(text) - 1, 0);
	return text_cell(text, CELL_MAX);
}

/* A value by its declared type; null is what is of another one. Of several it is the first. */
static cJSON *custom_cell(const struct column *c, const cJSON *object)
{
	const cJSON *v = json_path_first(object, c->path);
	bool number = cJSON_IsNumber(v) || cJSON_IsRaw(v);

	if (v == NULL || cJSON_IsNull(v))
		return cJSON_CreateNull();
	if (strcmp(c->type, "string") == 0)
		return cJSON_IsString(v) ? text_cell(v->valuestring, CELL_MAX) : json_cell(v);
	if (strcmp(c->type, "date") == 0 && cJSON_IsString(v)) {
		struct buf b = { 0 };

		cell_put_since(&b, v->valuestring);
		char *text = buf_take(&b);
		/* Nothing is a time that nobody knows, another text is none. */
		bool no_time = v->valuestring[0] != '\0' && strcmp(text, "<unknown>") == 0;
		cJSON *cell = cJSON_CreateString(no_time ? "<invalid>" : text);
		free(text);
		return cell;
	}
	if (strcmp(c->type, "integer") == 0 && cJSON_IsNumber(v) && v->valuedouble > -9e15 &&
	    v->valuedouble < 9e15)
		return cJSON_CreateNumber(trunc(v->valuedouble));
	if (((strcmp(c->type, "integer") == 0 || strcmp(c->type, "number") == 0) && number) ||
	    (strcmp(c->type, "boolean") == 0 && cJSON_IsBool(v)))
		return cJSON_Duplicate(v, 1);
	return cJSON_CreateNull();
}

/* --- the table ------------------------------------------------------------------------- */

static void add_definition(cJSON *columns, const char *name, const char *type, const char *format,
			   const char *description, int priority)
{
	cJSON *c = cJSON_CreateObject();

	js_set_text(c, "name", name);
	js_set_text(c, "type", type);
	js_set_text(c, "format", format);
	js_set_text(c, "description", description);
	js_set_int(c, "priority", priority);
	cJSON_AddItemToArray(columns, c);
}

static void add_definitions(cJSON *to, const struct kind *kind, const struct columns *columns)
{
	static const char name_help[] = "Name must be unique within a namespace.";
	size_t count;
	const struct table_column *builtin = table_columns(&count);

	if (kind->id != KIND_EVENT)
		add_definition(to, "Name", "string", "name", name_help, 0);
	for (unsigned i = 0; columns != NULL && i < columns->count; i++) {
		const struct column *c = &columns->items[i];

		add_definition(to, c->name, c->type, c->format, c->description, c->priority);
	}
	if (kind->id == KIND_CUSTOM && columns == NULL)
		add_definition(to, "Age", "date", "", "", 0);
	for (size_t i = 0; i < count; i++)
		if (builtin[i].id == kind->id && kind->id != KIND_CUSTOM)
			add_definition(to, builtin[i].name,
				       /* Kubernetes says so of its numbers, too. */
				       strcmp(builtin[i].type, "integer") == 0 ? "string"
									       : builtin[i].type,
				       strcmp(builtin[i].name, "Name") == 0 ? "name" : "", "",
				       builtin[i].priority);
}

cJSON *table_new(const struct kind *kind, const struct columns *columns, const struct view *v,
		 bool head)
{
	cJSON *table = cJSON_CreateObject(), *list = cJSON_CreateArray();
	char *api_version = mem_printf("meta.k8s.io/%s", v->meta_version);

	js_set_text(table, "kind", "Table");
	js_set_text(table, "apiVersion", api_version);
	free(api_version);
	js_set_text(js_object(table, "metadata"), "resourceVersion", "");
	if (head)
		add_definitions(list, kind, columns);
	js_set(table, "columnDefinitions", list);
	js_set(table, "rows", cJSON_CreateArray());
	return table;
}

static void add_cell(cJSON *cells, const char *type, table_cell cell, const cJSON *object)
{
	struct buf b = { 0 };

	cell(&b, object);
	char *text = buf_take(&b);
	cJSON_AddItemToArray(cells, strcmp(type, "integer") == 0
					    ? cJSON_CreateNumber((double)strtoll(text, NULL, 10))
					    : cJSON_CreateString(text));
	free(text);
}

cJSON *table_row(const struct kind *kind, const struct columns *columns, const struct view *v,
		 const cJSON *object)
{
	cJSON *row = cJSON_CreateObject(), *cells = cJSON_CreateArray();
	size_t count;
	const struct table_column *builtin = table_columns(&count);

	if (kind->id != KIND_EVENT)
		add_cell(cells, "string", cell_name, object);
	for (unsigned i = 0; columns != NULL && i < columns->count; i++)
		cJSON_AddItemToArray(cells, custom_cell(&columns->items[i], object));
	if (kind->id == KIND_CUSTOM && columns == NULL)
		add_cell(cells, "string", cell_age, object);
	for (size_t i = 0; i < count; i++)
		if (builtin[i].id == kind->id && kind->id != KIND_CUSTOM)
			add_cell(cells, builtin[i].type, builtin[i].cell, object);
	js_set(row, "cells", cells);
	if (v->include == INCLUDE_OBJECT) {
		js_set(row, "object", cJSON_Duplicate(object, 1));
	} else if (v->include == INCLUDE_METADATA) {
		js_set(row, "object", view_metadata(v, object));
	} else {
		js_set(row, "object", cJSON_CreateNull());
	}
	return row;
}

void table_add(cJSON *table, const struct kind *kind, const struct columns *columns,
	       const struct view *v, const cJSON *object)
{
	cJSON_AddItemToArray(js_at(table, "rows"), table_row(kind, columns, v, object));
}
