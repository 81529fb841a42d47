// SPDX-License-Identifier: Apache-2.0
#include "ctl/report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/must.h"

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text(const cJSON *object, const char *key)
{
	const char *value = cJSON_GetStringValue(get(object, key));

	return value == NULL ? "" : value;
}

/* --- JSON --------------------------------------------------------------------------------- */

cJSON *report_of_faults(const struct faults *faults)
{
	cJSON *report = must(cJSON_CreateObject());

	must(cJSON_AddArrayToObject(report, "services"));
	must(cJSON_AddArrayToObject(report, "pools"));
	cJSON *errors = must(cJSON_AddArrayToObject(report, "errors"));
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *f = &faults->items[i];
		if (f->warning)
			continue;
		cJSON *o = must(cJSON_CreateObject());
		cJSON_AddItemToArray(errors, o);
		must(cJSON_AddStringToObject(o, "file", f->file));
		must(cJSON_AddNumberToObject(o, "line", f->line));
		must(cJSON_AddStringToObject(o, "field", f->field));
		must(cJSON_AddStringToObject(o, "message", f->message));
	}
	return report;
}

void report_json(const cJSON *report, FILE *to)
{
	char *printed = must(cJSON_Print(report));

	fprintf(to, "%s\n", printed);
	free(printed);
}

/* --- tables ------------------------------------------------------------------------------- */

#define COLUMNS_MAX 8

struct row {
	char *cells[COLUMNS_MAX];
};

struct table {
	size_t columns;
	ARRAY_OF(struct row); /* the first one is the heading */
};

/* Characters, not bytes, so that columns stand straight under names that are not ASCII. */
static size_t width_of(const char *cell)
{
	size_t n = 0;

	for (; *cell != '\0'; cell++)
		n += ((unsigned char)*cell & 0xc0) != 0x80;
	return n;
}

/* @cells: as many as there are columns; copied. Nothing to say is a dash. */
static void table_add(struct table *t, const char *const *cells)
{
	struct row *row = must(array_push(t));

	for (size_t i = 0; i < t->columns; i++)
		row->cells[i] = must(strdup(*cells[i] == '\0' ? "-" : cells[i]));
}

static void table_print(struct table *t, FILE *to)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	for (size_t r = 0; r < t->count; r++) {
		for (size_t i = 0; i < t->columns; i++) {
			size_t width = width_of(t->items[r].cells[i]);
			if (width > widths[i])
				widths[i] = width;
		}
	}
	for (size_t r = 0; r < t->count; r++) {
		for (size_t i = 0; i < t->columns; i++) {
			const char *cell = t->items[r].cells[i];
			bool last = i + 1 == t->columns;
			size_t pad = last ? 0 : widths[i] - width_of(cell) + 2;
			fprintf(to, "%s%*s", cell, (int)pad, "");
			free(t->items[r].cells[i]);
		}
		fputc('\n', to);
	}
	array_free(t);
}

/* The values of a list of texts or numbers, with commas between, for the caller to free. */
static char *joined(const cJSON *list)
{
	char *out = NULL;
	size_t len;
	FILE *to = must(open_memstream(&out, &len));
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (item != list->child)
			fputc(',', to);
		if (cJSON_IsNumber(item))
			fprintf(to, "%d", item->valueint);
		else
			fputs(cJSON_GetStringValue(item), to);
	}
	fclose(to);
	return must(out);
}

/* All addresses of a Service are announced by one node; an interface may be named with it. */
static void add_service(struct table *t, const cJSON *service, bool status)
{
	const cJSON *first = get(service, "announcements")->child;
	const char *node = first == NULL ? "" : text(first, "node");
	const char *reason = text(service, "reason");
	char *ips = joined(get(service, "ips")), *ports = joined(get(service, "nodePorts"));
	char *name = NULL;

	if (asprintf(&name, "%s/%s", text(service, "namespace"), text(service, "name")) < 0)
		abort();
	const char *why = *reason != '\0' ? reason
			  : first == NULL ? "announced by nobody: there is no node"
					  : text(first, "why");
	const char *address = cJSON_GetArraySize(get(service, "ips")) == 0 ? "<pending>" : ips;
	if (status)
		table_add(t, (const char *const[]){ name, address, text(service, "pool"), ports,
						    node, text(service, "state"),
						    text(service, "since"), why });
	else
		table_add(t, (const char *const[]){ name, address, text(service, "pool"), ports,
						    node, why });
	free(ips);
	free(ports);
	free(name);
}

static void print_notes(const cJSON *services, FILE *to)
{
	const cJSON *service, *note;
	bool any = false;

	cJSON_ArrayForEach (service, services) {
		cJSON_ArrayForEach (note, get(service, "notes")) {
			fprintf(to, "%s%s/%s: %s\n", any ? "" : "\n", text(service, "namespace"),
				text(service, "name"), cJSON_GetStringValue(note));
			any = true;
		}
	}
}

void report_table(const cJSON *report, bool status, FILE *to)
{
	static const char *const plan_heads[] = { "SERVICE",    "EXTERNAL-IP", "POOL",
						  "NODE-PORTS", "NODE",        "WHY" };
	static const char *const status_heads[] = { "SERVICE", "EXTERNAL-IP", "POOL",  "NODE-PORTS",
						    "NODE",    "STATE",       "SINCE", "WHY" };
	static const char *const pool_heads[] = { "POOL", "TOTAL", "USED", "AVAILABLE" };
	const cJSON *item;

	struct table services = { .columns = status ? 8 : 6 };
	table_add(&services, status ? status_heads : plan_heads);
	cJSON_ArrayForEach (item, get(report, "services")) {
		add_service(&services, item, status);
	}
	table_print(&services, to);

	struct table pools = { .columns = 4 };
	table_add(&pools, pool_heads);
	cJSON_ArrayForEach (item, get(report, "pools")) {
		table_add(&pools,
			  (const char *const[]){ text(item, "name"), text(item, "total"),
						 text(item, "used"), text(item, "available") });
	}
	fputc('\n', to);
	table_print(&pools, to);
	print_notes(get(report, "services"), to);
}
