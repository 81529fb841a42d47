// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/table.h"

#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/json_path.h"
#include "standalone/apiserver/table_cells.h"

/* --- columns of custom resources ------------------------------------------------------- */

/* A value by its declared type: numbers and booleans as such, a date as an age, else text. */
static cJSON *custom_cell(const struct column *c, const cJSON *object)
{
	struct buf b = { 0 };
	cJSON *cell;

	const cJSON *v = json_path_first(object, c->path);
	if (v == NULL || cJSON_IsNull(v))
		return cJSON_CreateNull();
	if (strcmp(c->type, "date") == 0) {
		cell_put_since(&b, cJSON_GetStringValue(v));
	} else if (strcmp(c->type, "string") != 0) {
		return cJSON_Duplicate(v, 1);
	} else {
		/* Of several values Kubernetes, too, shows the first. */
		json_path_print(&b, v, "");
	}
	char *text = buf_take(&b);
	cell = cJSON_CreateString(text);
	free(text);
	return cell;
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

static void add_definitions(cJSON *columns, const struct kind *kind, const struct kind_version *v)
{
	static const char name_help[] = "Name must be unique within a namespace.";
	size_t count;
	const struct table_column *builtin = table_columns(&count);

	if (kind->id != KIND_EVENT)
		add_definition(columns, "Name", "string", "name", name_help, 0);
	if (kind->id == KIND_CUSTOM) {
		for (unsigned i = 0; i < v->column_count; i++)
			add_definition(columns, v->columns[i].name, v->columns[i].type,
				       v->columns[i].format, v->columns[i].description,
				       v->columns[i].priority);
		if (v->column_count == 0)
			add_definition(columns, "Age", "date", "", "", 0);
	}
	for (size_t i = 0; i < count; i++)
		if (builtin[i].id == kind->id && kind->id != KIND_CUSTOM)
			add_definition(columns, builtin[i].name,
				       /* Kubernetes says so of its numbers, too. */
				       strcmp(builtin[i].type, "integer") == 0 ? "string"
									       : builtin[i].type,
				       strcmp(builtin[i].name, "Name") == 0 ? "name" : "", "",
				       builtin[i].priority);
}

cJSON *table_new(const struct kind *kind, const struct kind_version *version, const struct view *v,
		 bool columns)
{
	cJSON *table = cJSON_CreateObject(), *list = cJSON_CreateArray();
	char *api_version = mem_printf("meta.k8s.io/%s", v->table_version);

	js_set_text(table, "kind", "Table");
	js_set_text(table, "apiVersion", api_version);
	free(api_version);
	js_set_text(js_object(table, "metadata"), "resourceVersion", "");
	if (columns)
		add_definitions(list, kind, version);
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

cJSON *table_row(const struct kind *kind, const struct kind_version *version, const struct view *v,
		 const cJSON *object)
{
	cJSON *row = cJSON_CreateObject(), *cells = cJSON_CreateArray(), *partial;
	size_t count;
	const struct table_column *builtin = table_columns(&count);

	if (kind->id != KIND_EVENT)
		add_cell(cells, "string", cell_name, object);
	if (kind->id == KIND_CUSTOM) {
		for (unsigned i = 0; i < version->column_count; i++)
			cJSON_AddItemToArray(cells, custom_cell(&version->columns[i], object));
		if (version->column_count == 0)
			add_cell(cells, "string", cell_age, object);
	}
	for (size_t i = 0; i < count; i++)
		if (builtin[i].id == kind->id && kind->id != KIND_CUSTOM)
			add_cell(cells, builtin[i].type, builtin[i].cell, object);
	js_set(row, "cells", cells);
	if (v->include == INCLUDE_OBJECT) {
		js_set(row, "object", cJSON_Duplicate(object, 1));
	} else if (v->include == INCLUDE_METADATA) {
		char *api_version = mem_printf("meta.k8s.io/%s", v->table_version);

		partial = cJSON_CreateObject();
		js_set_text(partial, "kind", "PartialObjectMetadata");
		js_set_text(partial, "apiVersion", api_version);
		free(api_version);
		js_set(partial, "metadata", cJSON_Duplicate(js_at(object, "metadata"), 1));
		js_set(row, "object", partial);
	} else {
		js_set(row, "object", cJSON_CreateNull());
	}
	return row;
}

void table_add(cJSON *table, const struct kind *kind, const struct kind_version *version,
	       const struct view *v, const cJSON *object)
{
	cJSON_AddItemToArray(js_at(table, "rows"), table_row(kind, version, v, object));
}
