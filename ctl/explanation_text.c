// SPDX-License-Identifier: Apache-2.0
/* `bellman explain` for people: the answer first, then what it rests on. */
#include <stdlib.h>
#include <string.h>

#include "ctl/doubts.h"
#include "ctl/explanation.h"
#include "ctl/leader.h"
#include "ctl/peek.h"
#include "lib/base/must.h"
#include "lib/base/text_table.h"

/* One line of the list behind the answer. */
static void print_head(const char *head, FILE *to)
{
	fprintf(to, "%-11s", head);
}

/* The end of a sentence that ends in @text, which may be a question. */
static const char *stop_of(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] == '?' ? "" : ".";
}

static void print_answer(const cJSON *o, FILE *to)
{
	const char *reason = peek_text(o, "reason");
	const cJSON *ip;

	fprintf(to, "%s/%s has ", peek_text(o, "namespace"), peek_text(o, "name"));
	if (peek(o, "ips")->child == NULL) {
		fprintf(to, "no address: %s%s\n", reason, stop_of(reason));
		return;
	}
	cJSON_ArrayForEach (ip, peek(o, "ips"))
		fprintf(to, "%s%s", ip->prev->next == NULL ? "" : " and ", ip->valuestring);
	if (*peek_text(o, "pool") != '\0')
		fprintf(to, " of pool \"%s\"", peek_text(o, "pool"));
	if (*reason != '\0')
		fprintf(to, ", but: %s", reason);
	fprintf(to, "%s\n", stop_of(reason));
}

static void print_leader(const cJSON *leader, FILE *to)
{
	if (!cJSON_IsObject(leader))
		return;
	if (leader_is_missing(leader))
		fprintf(to, "Nothing is given out now, for %s.\n\n", peek_text(leader, "text"));
}

static void print_asks(const cJSON *asks, FILE *to)
{
	static const struct {
		const char *key, *before, *after;
	} parts[] = {
		{ "addresses", ", the address ", "" },
		{ "pool", ", pool \"", "\"" },
		{ "sharingKey", ", sharing by key \"", "\"" },
		{ "class", ", of class ", "" },
	};
	const cJSON *family;

	print_head("Asks for", to);
	cJSON_ArrayForEach (family, peek(asks, "families"))
		fprintf(to, "%s%s", family == peek(asks, "families")->child ? "" : " and ",
			family->valuestring);
	fprintf(to, " (%s)", peek_text(asks, "familyPolicy"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (*peek_text(asks, parts[i].key) != '\0')
			fprintf(to, "%s%s%s", parts[i].before, peek_text(asks, parts[i].key),
				parts[i].after);
	fputc('\n', to);
}

static void print_port_value(const cJSON *value, FILE *to)
{
	if (cJSON_IsString(value))
		fputs(value->valuestring, to);
	else if (cJSON_IsNumber(value))
		fprintf(to, "%d", value->valueint);
	else
		fputs("none", to);
}

static void print_ports(const cJSON *ports, FILE *to)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, ports) {
		print_head(port == ports->child ? "Ports" : "", to);
		fputs("port ", to);
		print_port_value(peek(port, "port"), to);
		fprintf(to, "/%s, targetPort ", peek_text(port, "protocol"));
		print_port_value(peek(port, "targetPort"), to);
		fputs(", nodePort ", to);
		print_port_value(peek(port, "nodePort"), to);
		fputc('\n', to);
	}
}

static void print_announcements(const cJSON *o, FILE *to)
{
	const cJSON *first = peek(o, "announcements")->child, *node;

	if (first == NULL)
		return; /* the answer or a note says why */
	print_head("Announced", to);
	fprintf(to, "by %s: %s", peek_text(first, "node"), peek_text(first, "why"));
	cJSON_ArrayForEach (node, peek(first, "runnersUp"))
		fprintf(to, "%s%s", node == peek(first, "runnersUp")->child ? "; next " : ", ",
			node->valuestring);
	fputc('\n', to);
}

/* What it says is left out where the answer says the same. */
static void print_condition(const cJSON *o, FILE *to)
{
	const cJSON *condition = peek(o, "condition");
	const char *since = peek_text(condition, "lastTransitionTime");
	const char *message = peek_text(condition, "message");

	if (!cJSON_IsObject(condition))
		return;
	print_head("Condition", to);
	fprintf(to, "%s %s, %s", peek_text(condition, "type"), peek_text(condition, "status"),
		peek_text(condition, "reason"));
	if (*since != '\0')
		fprintf(to, " since %s", since);
	if (*message != '\0' && strcmp(message, peek_text(o, "reason")) != 0)
		fprintf(to, ": %s", message);
	fputc('\n', to);
}

static void print_state(const cJSON *o, FILE *to)
{
	const cJSON *leader = peek(o, "leader");

	if (peek(o, "state") != NULL) {
		print_head("State", to);
		fprintf(to, "%s since %s\n", peek_text(o, "state"), peek_text(o, "since"));
	}
	if (cJSON_IsObject(leader) && !leader_is_missing(leader)) {
		print_head("Allocator", to);
		fprintf(to, "%s\n", peek_text(leader, "text"));
	}
}

static void print_notes(const cJSON *notes, FILE *to)
{
	const cJSON *note;

	cJSON_ArrayForEach (note, notes) {
		print_head("Note", to);
		fprintf(to, "%s\n", note->valuestring);
	}
}

static void print_verdicts(const cJSON *verdicts, FILE *to)
{
	struct text_table table = { .columns = 4 };
	const cJSON *v;

	if (cJSON_GetArraySize(verdicts) == 0)
		return;
	fputc('\n', to);
	text_table_add(&table, (const char *const[]){ "POOL", "ASKED", "ANSWER", "WHY" });
	cJSON_ArrayForEach (v, verdicts)
		text_table_add(&table, (const char *const[]){
					       peek_text(v, "pool"), peek_text(v, "asked"),
					       peek_text(v, "answer"), peek_text(v, "why") });
	text_table_print(&table, to);
}

static void print_events(const cJSON *events, FILE *to)
{
	struct text_table table = { .columns = 6 };
	const cJSON *e;

	if (cJSON_GetArraySize(events) == 0)
		return;
	fputc('\n', to);
	text_table_add(&table, (const char *const[]){ "TIME", "TYPE", "REASON", "FROM", "COUNT",
						      "MESSAGE" });
	cJSON_ArrayForEach (e, events) {
		char count[16];
		snprintf(count, sizeof(count), "%d", peek(e, "count")->valueint);
		text_table_add(&table,
			       (const char *const[]){ peek_text(e, "time"), peek_text(e, "type"),
						      peek_text(e, "reason"), peek_text(e, "from"),
						      count, peek_text(e, "message") });
	}
	text_table_print(&table, to);
}

void explanation_print(const cJSON *o, FILE *to)
{
	doubts_print(peek(o, "doubts"), to);
	print_leader(peek(o, "leader"), to);
	print_answer(o, to);
	fputc('\n', to);
	print_state(o, to);
	print_condition(o, to);
	print_asks(peek(o, "asks"), to);
	print_ports(peek(o, "ports"), to);
	print_announcements(o, to);
	print_notes(peek(o, "notes"), to);
	print_verdicts(peek(o, "verdicts"), to);
	print_events(peek(o, "events"), to);
}
