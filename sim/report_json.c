// SPDX-License-Identifier: Apache-2.0
/* The keys are told in docs/simulation.md. Times are seconds; numbers have nanoseconds exactly. */
#include "sim/report.h"

#include "lib/base/must.h"
#include "lib/model/json_write.h"
#include "sim/packet.h"

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

/* Of an entry, what does not matter is left out. */
static void add_if(cJSON *o, const char *key, const char *text)
{
	if (*text != '\0')
		json_add_text(o, key, text);
}

static void add_entry(cJSON *list, const struct sim_entry *e)
{
	cJSON *o = json_add_object(list);
	char ip[IP_TEXT_MAX];

	json_add_seconds(o, "at", e->at_ns);
	json_add_text(o, "type", type_names[e->type]);
	add_if(o, "node", e->node);
	add_if(o, "service", e->service);
	add_if(o, "address", ip_format(&e->ip, ip));
	add_if(o, "text", e->text);
	if (e->type == SIM_LIT)
		json_add_seconds(o, "dark", e->value_ns);
	if (e->type == SIM_TOLD)
		must(cJSON_AddBoolToObject(o, "warning", e->warning));
}

static void add_timeline(cJSON *to, const struct sim_journal *j)
{
	cJSON *timeline = must(cJSON_AddArrayToObject(to, "timeline"));

	for (size_t i = 0; i < j->count; i++)
		add_entry(timeline, &j->items[i]);
	json_add_number(to, "leftOut", j->left_out);
}

static void add_addresses(cJSON *to, const struct sim_result *r)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "addresses"));
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < r->addresses.count; i++) {
		const struct sim_outcome *a = &r->addresses.items[i];
		cJSON *o = json_add_object(list);
		json_add_text(o, "service", a->service);
		json_add_text(o, "address", ip_format(&a->ip, ip));
		json_add_text(o, "owner", a->owner);
		json_add_number(o, "moves", a->moves);
		json_add_seconds(o, "assigned", a->assigned_ns);
		if (a->first_ns == UINT64_MAX)
			json_add_text(o, "announcedAfter", NULL);
		else
			json_add_seconds(o, "announcedAfter", a->first_ns);
		json_add_seconds(o, "dark", a->dark_ns);
		json_add_seconds(o, "longestDark", a->dark_longest_ns);
	}
}

/* NULL: it was not said. */
static const char *family_name(uint8_t family)
{
	return family == IP_V4 ? "IPv4" : family == IP_V6 ? "IPv6" : NULL;
}

static void add_clients(cJSON *to, const struct sim_result *r)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "clients"));

	for (size_t i = 0; i < r->clients.count; i++) {
		const struct sim_client_outcome *c = &r->clients.items[i];
		cJSON *o = json_add_object(list);
		json_add_text(o, "host", c->host);
		json_add_text(o, "service", c->service);
		json_add_text(o, "protocol", c->protocol == SIM_UDP ? "UDP" : "TCP");
		json_add_text(o, "family", family_name(c->family));
		json_add_number(o, "attempts", c->counts.attempts);
		json_add_number(o, "failed", c->counts.failed);
		json_add_number(o, "foreign", c->counts.foreign);
		json_add_seconds(o, "longestGap", c->counts.gap_ns);
		json_add_seconds(o, "longestGapAt", c->counts.gap_began_ns);
	}
}

static void add_counts(cJSON *to, const struct sim_world_counts *c)
{
	cJSON *counts = must(cJSON_AddObjectToObject(to, "counts"));
	cJSON *frames = must(cJSON_AddObjectToObject(counts, "frames"));
	cJSON *api = must(cJSON_AddObjectToObject(counts, "api"));

	json_add_number(counts, "steps", c->steps);
	json_add_number(counts, "looks", c->looks);
	json_add_number(frames, "sent", c->net.sent);
	json_add_number(frames, "delivered", c->net.delivered);
	json_add_number(frames, "lost", c->net.lost);
	json_add_number(frames, "cut", c->net.cut);
	json_add_number(frames, "duplicated", c->net.duplicated);
	json_add_number(frames, "reordered", c->net.reordered);
	json_add_number(frames, "flooded", c->net.flooded);
	json_add_number(api, "lists", c->api.lists);
	json_add_number(api, "events", c->api.events);
	json_add_number(api, "requests", c->api.requests);
	json_add_number(api, "writes", c->api.writes);
	json_add_number(api, "conflicts", c->api.conflicts);
	json_add_number(api, "gone410", c->api.gone410);
	json_add_number(api, "unanswered", c->api.unanswered);
}

cJSON *sim_report_json(const struct sim_result *r)
{
	const struct sim_journal *j = r->journal;
	cJSON *report = must(cJSON_CreateObject());

	json_add_text(report, "scenario", r->scenario);
	json_add_number(report, "seed", r->seed);
	json_add_seconds(report, "until", r->until_ns);
	must(cJSON_AddBoolToObject(report, "ok", j->disappointed == 0 && j->broken == 0));
	json_add_number(report, "disappointed", j->disappointed);
	json_add_number(report, "broken", j->broken);
	add_timeline(report, j);
	add_addresses(report, r);
	add_clients(report, r);
	add_counts(report, &r->counts);
	return report;
}
