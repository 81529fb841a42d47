// SPDX-License-Identifier: Apache-2.0
/* The keys are told in docs/simulation.md. Times are seconds; numbers have nanoseconds exactly. */
#include "sim/report.h"

#include <inttypes.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"

static const char *const type_names[] = {
	[SIM_FAULT] = "fault",
	[SIM_HEALED] = "healed",
	[SIM_ASSIGNED] = "assigned",
	[SIM_CLEARED] = "cleared",
	[SIM_ANNOUNCES] = "announces",
	[SIM_WITHDRAWS] = "withdraws",
	[SIM_LOST] = "lost",
	[SIM_DARK] = "dark",
	[SIM_LIT] = "lit",
	[SIM_LEADS] = "leads",
	[SIM_LEADS_NOT] = "leadsNot",
	[SIM_TOLD] = "told",
	[SIM_STOLEN] = "stolen",
	[SIM_NOT_COVERED] = "notCovered",
	[SIM_EXPECTED] = "expected",
	[SIM_DISAPPOINTED] = "disappointed",
	[SIM_BROKEN] = "broken",
};

/* cJSON's numbers are doubles, which hold no 64-bit seed. */
static void add_number(cJSON *o, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	must(cJSON_AddRawToObject(o, key, text));
}

static void add_seconds(cJSON *o, const char *key, uint64_t ns)
{
	uint64_t whole = ns / NS_PER_S;
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%09u", whole, (unsigned)(ns % NS_PER_S));
	must(cJSON_AddRawToObject(o, key, text));
}

static void add_text(cJSON *o, const char *key, const char *text)
{
	if (text == NULL)
		must(cJSON_AddNullToObject(o, key));
	else
		must(cJSON_AddStringToObject(o, key, text));
}

/* Of an entry, what does not matter is left out. */
static void add_if(cJSON *o, const char *key, const char *text)
{
	if (*text != '\0')
		add_text(o, key, text);
}

static cJSON *add_object(cJSON *list)
{
	cJSON *o = must(cJSON_CreateObject());

	cJSON_AddItemToArray(list, o);
	return o;
}

static void add_entry(cJSON *list, const struct sim_entry *e)
{
	cJSON *o = add_object(list);
	char ip[IP_TEXT_MAX];

	add_seconds(o, "at", e->at_ns);
	add_text(o, "type", type_names[e->type]);
	add_if(o, "node", e->node);
	add_if(o, "service", e->service);
	add_if(o, "address", ip_format(&e->ip, ip));
	add_if(o, "text", e->text);
	if (e->type == SIM_LIT)
		add_seconds(o, "dark", e->value_ns);
	if (e->type == SIM_TOLD)
		must(cJSON_AddBoolToObject(o, "warning", e->warning));
}

static void add_timeline(cJSON *to, const struct sim_journal *j)
{
	cJSON *timeline = must(cJSON_AddArrayToObject(to, "timeline"));

	for (size_t i = 0; i < j->count; i++)
		add_entry(timeline, &j->items[i]);
	add_number(to, "leftOut", j->left_out);
}

static void add_addresses(cJSON *to, const struct sim_result *r)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "addresses"));
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < r->addresses.count; i++) {
		const struct sim_outcome *a = &r->addresses.items[i];
		cJSON *o = add_object(list);
		add_text(o, "service", a->service);
		add_text(o, "address", ip_format(&a->ip, ip));
		add_text(o, "owner", a->owner);
		add_number(o, "moves", a->moves);
		add_seconds(o, "assigned", a->assigned_ns);
		if (a->first_ns == UINT64_MAX)
			add_text(o, "announcedAfter", NULL);
		else
			add_seconds(o, "announcedAfter", a->first_ns);
		add_seconds(o, "dark", a->dark_ns);
		add_seconds(o, "longestDark", a->dark_longest_ns);
	}
}

static void add_clients(cJSON *to, const struct sim_result *r)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "clients"));

	for (size_t i = 0; i < r->clients.count; i++) {
		const struct sim_client_outcome *c = &r->clients.items[i];
		cJSON *o = add_object(list);
		add_text(o, "host", c->host);
		add_text(o, "service", c->service);
		add_number(o, "attempts", c->counts.attempts);
		add_number(o, "failed", c->counts.failed);
		add_number(o, "foreign", c->counts.foreign);
		add_seconds(o, "longestGap", c->counts.gap_ns);
		add_seconds(o, "longestGapAt", c->counts.gap_began_ns);
	}
}

static void add_counts(cJSON *to, const struct sim_world_counts *c)
{
	cJSON *counts = must(cJSON_AddObjectToObject(to, "counts"));
	cJSON *frames = must(cJSON_AddObjectToObject(counts, "frames"));
	cJSON *api = must(cJSON_AddObjectToObject(counts, "api"));

	add_number(counts, "steps", c->steps);
	add_number(frames, "sent", c->net.sent);
	add_number(frames, "delivered", c->net.delivered);
	add_number(frames, "lost", c->net.lost);
	add_number(frames, "cut", c->net.cut);
	add_number(frames, "duplicated", c->net.duplicated);
	add_number(frames, "reordered", c->net.reordered);
	add_number(frames, "flooded", c->net.flooded);
	add_number(api, "lists", c->api.lists);
	add_number(api, "events", c->api.events);
	add_number(api, "requests", c->api.requests);
	add_number(api, "writes", c->api.writes);
	add_number(api, "conflicts", c->api.conflicts);
	add_number(api, "gone410", c->api.gone410);
	add_number(api, "unanswered", c->api.unanswered);
}

cJSON *sim_report_json(const struct sim_result *r)
{
	const struct sim_journal *j = r->journal;
	cJSON *report = must(cJSON_CreateObject());

	add_text(report, "scenario", r->scenario);
	add_number(report, "seed", r->seed);
	add_seconds(report, "until", r->until_ns);
	must(cJSON_AddBoolToObject(report, "ok", j->disappointed == 0 && j->broken == 0));
	add_number(report, "disappointed", j->disappointed);
	add_number(report, "broken", j->broken);
	add_timeline(report, j);
	add_addresses(report, r);
	add_clients(report, r);
	add_counts(report, &r->counts);
	return report;
}
