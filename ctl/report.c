// SPDX-License-Identifier: Apache-2.0
#include "ctl/report.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/doubts.h"
#include "ctl/leader.h"
#include "ctl/peek.h"
#include "lib/base/array.h"
#include "lib/base/must.h"
#include "lib/base/text_table.h"
#include "lib/base/utf8.h"

/* --- JSON --------------------------------------------------------------------------------- */

void report_add_errors(cJSON *report, const struct faults *faults)
{
	cJSON *errors = peek(report, "errors");

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
}

cJSON *report_of_faults(const struct faults *faults)
{
	cJSON *report = must(cJSON_CreateObject());

	must(cJSON_AddArrayToObject(report, "services"));
	must(cJSON_AddArrayToObject(report, "pools"));
	must(cJSON_AddArrayToObject(report, "errors"));
	report_add_errors(report, faults);
	return report;
}

/* Names of files, and of what stands in them, are bytes; JSON is UTF-8. */
static void put_utf8(const char *text, FILE *to)
{
	const char *from = text;

	while (*text != '\0') {
		size_t len = utf8_len(text);
		if (len == 0) {
			fwrite(from, 1, (size_t)(text - from), to);
			fputs("\\ufffd", to);
			from = text + 1;
		}
		text += len == 0 ? 1 : len;
	}
	fwrite(from, 1, (size_t)(text - from), to);
}

void report_json(const cJSON *report, FILE *to)
{
	char *printed = must(cJSON_Print(report));

	put_utf8(printed, to);
	fputc('\n', to);
	free(printed);
}

#define NAMES_MAX 3 /* of Services to whom a note applies; of more only how many */

/* --- tables ------------------------------------------------------------------------------- */

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
static void add_service(struct text_table *t, const cJSON *service, bool status)
{
	const cJSON *first = peek(service, "announcements")->child;
	const char *node = first == NULL ? "" : peek_text(first, "node");
	const char *reason = peek_text(service, "reason");
	char *ips = joined(peek(service, "ips")), *ports = joined(peek(service, "nodePorts"));
	char *name =
		must_text("%s/%s", peek_text(service, "namespace"), peek_text(service, "name"));
	const char *why = *reason != '\0' ? reason
			  : first == NULL ? "announced by nobody: there is no node"
					  : peek_text(first, "why");
	const char *address = cJSON_GetArraySize(peek(service, "ips")) == 0 ? "<pending>" : ips;
	const char *node_ports = *ports == '\0' ? "none" : ports;
	if (status)
		text_table_add(t,
			       (const char *const[]){ name, address, peek_text(service, "pool"),
						      node_ports, node, peek_text(service, "state"),
						      peek_text(service, "since"), why });
	else
		text_table_add(t, (const char *const[]){ name, address, peek_text(service, "pool"),
							 node_ports, node, why });
	free(ips);
	free(ports);
	free(name);
}

/* A note on a Service; the same text on others makes a group. */
struct note {
	const char *text;
	const cJSON *service;
	size_t order; /* as it came; at the head of a group it is the group's */
	size_t group; /* at the head: how many there are; behind it: 0 */
};

static int note_cmp(const void *a, const void *b)
{
	const struct note *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int head_cmp(const void *a, const void *b)
{
	const struct note *x = *(struct note *const *)a, *y = *(struct note *const *)b;

	return (x->order > y->order) - (x->order < y->order);
}

/* @all: it is about every Service, of several. */
static void print_group(const struct note *head, bool all, FILE *to)
{
	for (size_t i = 0; !all && i < head->group && i < NAMES_MAX; i++)
		fprintf(to, "%s%s/%s", i > 0 ? ", " : "", peek_text(head[i].service, "namespace"),
			peek_text(head[i].service, "name"));
	if (all)
		fputs("every Service", to);
	else if (head->group > NAMES_MAX)
		fprintf(to, " and %zu more", head->group - NAMES_MAX);
	fprintf(to, ": %s\n", head->text);
}

/* What is noted of several Services is printed once, in the order in which it came. */
static void print_notes(const cJSON *services, FILE *to)
{
	struct {
		ARRAY_OF(struct note);
	} notes = { 0 };
	struct {
		ARRAY_OF(const struct note *);
	} heads = { 0 };
	const cJSON *service, *text;
	size_t count = (size_t)cJSON_GetArraySize(services);

	cJSON_ArrayForEach (service, services) {
		cJSON_ArrayForEach (text, peek(service, "notes")) {
			struct note *note = must(array_push(&notes));
			*note = (struct note){ text->valuestring, service, notes.count };
		}
	}
	if (notes.count == 0)
		return;
	qsort(notes.items, notes.count, sizeof(*notes.items), note_cmp);
	struct note *head = notes.items;
	for (size_t i = 0; i < notes.count; i++) {
		if (i == 0 || strcmp(notes.items[i].text, head->text) != 0) {
			head = &notes.items[i];
			*(const struct note **)must(array_push(&heads)) = head;
		}
		head->group++;
	}
	qsort(heads.items, heads.count, sizeof(*heads.items), head_cmp);
	fputc('\n', to);
	for (size_t i = 0; i < heads.count; i++)
		print_group(heads.items[i], count > 1 && heads.items[i]->group == count, to);
	array_free(&heads);
	array_free(&notes);
}

/* "a -> b", or just one of them when both are the same; for the caller to free. */
static char *arrow(const char *from, const char *to)
{
	if (strcmp(from, to) == 0)
		return must_copy(from);
	return must_text("%s -> %s", *from == '\0' ? "-" : from, *to == '\0' ? "-" : to);
}

static void add_change(struct text_table *t, const cJSON *change)
{
	const cJSON *from = peek(change, "from"), *to = peek(change, "to");
	char *ips[] = { joined(peek(from, "ips")), joined(peek(to, "ips")) };
	char *pool = arrow(peek_text(from, "pool"), peek_text(to, "pool"));
	char *node = arrow(peek_text(from, "node"), peek_text(to, "node"));

	char *name = must_text("%s/%s", peek_text(change, "namespace"), peek_text(change, "name"));
	text_table_add(t, (const char *const[]){ peek_text(change, "change"), name, ips[0], ips[1],
						 pool, node, peek_text(change, "why") });
	free(name);
	free(ips[0]);
	free(ips[1]);
	free(pool);
	free(node);
}

void report_changes(const cJSON *changes, FILE *to)
{
	static const char *const heads[] = { "CHANGE", "SERVICE", "FROM", "TO",
					     "POOL",   "NODE",    "WHY" };
	struct text_table table = { .columns = 7 };
	const cJSON *change;

	fputc('\n', to);
	if (cJSON_GetArraySize(changes) == 0) {
		fprintf(to, "No Service would change.\n");
		return;
	}
	text_table_add(&table, heads);
	cJSON_ArrayForEach (change, changes)
		add_change(&table, change);
	text_table_print(&table, to);
}

void report_table(const cJSON *report, bool status, FILE *to)
{
	static const char *const plan_heads[] = { "SERVICE",    "EXTERNAL-IP", "POOL",
						  "NODE-PORTS", "NODE",        "WHY" };
	static const char *const status_heads[] = { "SERVICE", "EXTERNAL-IP", "POOL",  "NODE-PORTS",
						    "NODE",    "STATE",       "SINCE", "WHY" };
	static const char *const pool_heads[] = { "POOL", "TOTAL", "USED", "AVAILABLE" };
	const cJSON *item;

	doubts_print(peek(report, "doubts"), to);
	struct text_table services = { .columns = status ? 8 : 6 };
	text_table_add(&services, status ? status_heads : plan_heads);
	cJSON_ArrayForEach (item, peek(report, "services")) {
		add_service(&services, item, status);
	}
	text_table_print(&services, to);

	struct text_table pools = { .columns = 4 };
	text_table_add(&pools, pool_heads);
	cJSON_ArrayForEach (item, peek(report, "pools")) {
		text_table_add(&pools, (const char *const[]){ peek_text(item, "name"),
							      peek_text(item, "total"),
							      peek_text(item, "used"),
							      peek_text(item, "available") });
	}
	fputc('\n', to);
	text_table_print(&pools, to);
	print_notes(peek(report, "services"), to);
	if (peek(report, "changes") != NULL)
		report_changes(peek(report, "changes"), to);
	if (leader_is_missing(peek(report, "leader")))
		fprintf(to, "\nNothing is given out now, for %s.\n",
			peek_text(peek(report, "leader"), "text"));
}
