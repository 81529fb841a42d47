// SPDX-License-Identifier: Apache-2.0
/*
 * The timeline of a scenario file: steps, each a time and one verb.
 *
 * One table has the verbs: how they are written, and which operation they are.
 */
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/scenario_read.h"

struct verb {
	struct field field;
	enum sim_op op;
	bool on;
};

/* --- rules that no field alone can tell ------------------------------------------------------- */

static bool is_said(const struct json *map, const char *key)
{
	struct json j = json_get(map, key);

	return !json_absent(&j);
}

static void steal_check(const struct json *j)
{
	if (is_said(j, "address") == is_said(j, "service"))
		json_fault(j, "needs either an address or a service");
}

static void expect_check(const struct json *j)
{
	static const char *const subjects[] = { "owner",     "address",     "leader",
						"darkBelow", "failedBelow", NULL };
	size_t said = 0;

	for (size_t i = 0; subjects[i] != NULL; i++)
		said += is_said(j, subjects[i]);
	if (said == 0)
		json_fault(j, "expects nothing: it needs owner, address, leader, darkBelow or "
			      "failedBelow");
	if ((is_said(j, "owner") || is_said(j, "address")) && !is_said(j, "service"))
		json_fault(j, "whose owner or address? It needs a service");
}

static void api_cut_check(const struct json *j)
{
	struct json in = json_get(j, "in"), out = json_get(j, "out");

	if ((!json_absent(&in) || !json_absent(&out)) && !cJSON_IsTrue(in.value) &&
	    !cJSON_IsTrue(out.value))
		json_fault(j, "cuts nothing: neither in nor out");
}

static void address_check(const struct json *j)
{
	const char *text = json_text(j);
	struct ip_addr ip;

	if (text != NULL && ip_parse(text, &ip) != 0)
		json_fault(j, "\"%s\" is no address", text);
}

static void status_check(const struct json *j)
{
	const char *text = json_text(j);

	if (text != NULL && *text != '\0')
		address_check(j);
}

/* --- the table -------------------------------------------------------------------------------- */

static const char *const api_words[] = { "down", "up", "break", "compact", NULL };

#define RATE_MAX 1000000

static const struct field endpoint_fields[] = {
	{ .name = "service",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_service_check },
	{ .name = "node", .type = FIELD_TEXT, .required = true },
	{ .name = NULL },
};

static const struct field slow_fields[] = {
	{ .name = "process",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_daemon_check },
	{ .name = "by", .type = FIELD_DURATION, .required = true },
	{ .name = NULL },
};

static const struct field clock_step_fields[] = {
	{ .name = "process",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_daemon_check },
	{ .name = "by",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_clock_step_check },
	{ .name = NULL },
};

static const struct field api_cut_fields[] = {
	{ .name = "process",
	  .type = FIELD_CHECKED,
	  .required = true,
	  .check = scenario_daemon_check },
	{ .name = "in", .type = FIELD_BOOL },
	{ .name = "out", .type = FIELD_BOOL },
	{ .name = NULL },
};

static const struct field cut_fields[] = {
	{ .name = "link", .type = FIELD_TEXT, .required = true },
	{ .name = "from", .type = FIELD_TEXT },
	{ .name = "to", .type = FIELD_TEXT },
	{ .name = "both", .type = FIELD_BOOL },
	{ .name = NULL },
};

static const struct field impair_fields[] = {
	{ .name = "link", .type = FIELD_TEXT, .required = true },
	{ .name = "station", .type = FIELD_TEXT },
	{ .name = "loss", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = "duplicate", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = "reorder", .type = FIELD_CHECKED, .check = scenario_percent_check },
	{ .name = "delay", .type = FIELD_DURATION },
	{ .name = "jitter", .type = FIELD_DURATION },
	{ .name = NULL },
};

static const struct field storm_fields[] = {
	{ .name = "link", .type = FIELD_TEXT, .required = true },
	{ .name = "rate", .type = FIELD_INT, .required = true, .max = RATE_MAX },
	{ .name = NULL },
};

static const struct field steal_fields[] = {
	{ .name = "host", .type = FIELD_TEXT, .required = true },
	{ .name = "address", .type = FIELD_CHECKED, .check = address_check },
	{ .name = "service", .type = FIELD_CHECKED, .check = scenario_service_check },
	{ .name = NULL },
};

static const struct field expect_fields[] = {
	{ .name = "service", .type = FIELD_CHECKED, .check = scenario_service_check },
	{ .name = "owner", .type = FIELD_TEXT },
	{ .name = "address", .type = FIELD_CHECKED, .check = status_check },
	{ .name = "leader", .type = FIELD_TEXT },
	{ .name = "within", .type = FIELD_DURATION },
	{ .name = "darkBelow", .type = FIELD_DURATION },
	{ .name = "failedBelow", .type = FIELD_INT, .min = 1, .max = INT64_MAX },
	{ .name = NULL },
};

static const struct field heal_field = { .name = "heal", .type = FIELD_MAP, .fields = cut_fields };

static void heal_check(const struct json *j)
{
	if (cJSON_IsString(j->value) && strcmp(j->value->valuestring, "all") != 0)
		json_fault(j, "\"%s\" is neither \"all\" nor a map", j->value->valuestring);
	else if (!cJSON_IsString(j->value))
		schema_check_field(j, &heal_field);
}

#define TEXT(NAME)                                                                                 \
	{                                                                                          \
		.name = (NAME), .type = FIELD_TEXT                                                 \
	}
#define CHECKED(NAME, HOW)                                                                         \
	{                                                                                          \
		.name = (NAME), .type = FIELD_CHECKED, .check = (HOW)                              \
	}
#define WORD(NAME, WORDS)                                                                          \
	{                                                                                          \
		.name = (NAME), .type = FIELD_WORD, .words = (WORDS)                               \
	}
#define COUNT(NAME)                                                                                \
	{                                                                                          \
		.name = (NAME), .type = FIELD_INT, .max = RATE_MAX                                 \
	}
#define MAP(NAME, FIELDS)                                                                          \
	{                                                                                          \
		.name = (NAME), .type = FIELD_MAP, .fields = (FIELDS)                              \
	}
#define RULED(NAME, FIELDS, RULES)                                                                 \
	{                                                                                          \
		.name = (NAME), .type = FIELD_MAP, .fields = (FIELDS), .check = (RULES)            \
	}

static const struct verb verbs[] = {
	{ TEXT("exclude"), SIM_OP_EXCLUDE, true },
	{ TEXT("include"), SIM_OP_INCLUDE, false },
	{ TEXT("networkUnavailable"), SIM_OP_NETWORK_UNAVAILABLE, true },
	{ TEXT("networkAvailable"), SIM_OP_NETWORK_UNAVAILABLE, false },
	{ CHECKED("apply", scenario_file_check), SIM_OP_APPLY, false },
	{ CHECKED("create", scenario_file_check), SIM_OP_APPLY, false },
	{ CHECKED("delete", scenario_delete_check), SIM_OP_DELETE, false },
	{ MAP("ready", endpoint_fields), SIM_OP_ENDPOINT, true },
	{ MAP("unready", endpoint_fields), SIM_OP_ENDPOINT, false },
	{ CHECKED("config", scenario_file_check), SIM_OP_CONFIG, false },
	{ CHECKED("kill", scenario_process_check), SIM_OP_KILL, false },
	{ CHECKED("stop", scenario_process_check), SIM_OP_STOP, false },
	{ CHECKED("restart", scenario_process_check), SIM_OP_RESTART, false },
	{ CHECKED("pause", scenario_process_check), SIM_OP_PAUSE, false },
	{ CHECKED("resume", scenario_process_check), SIM_OP_RESUME, false },
	{ MAP("slow", slow_fields), SIM_OP_SLOW, false },
	{ MAP("clockStep", clock_step_fields), SIM_OP_CLOCK_STEP, false },
	{ TEXT("linkDown"), SIM_OP_LINK_DOWN, false },
	{ TEXT("linkUp"), SIM_OP_LINK_UP, false },
	{ MAP("cut", cut_fields), SIM_OP_CUT, false },
	{ CHECKED("heal", heal_check), SIM_OP_HEAL, false },
	{ MAP("impair", impair_fields), SIM_OP_IMPAIR, false },
	{ MAP("storm", storm_fields), SIM_OP_STORM, false },
	{ TEXT("flush"), SIM_OP_FORGET, false },
	{ RULED("steal", steal_fields, steal_check), SIM_OP_STEAL, false },
	{ RULED("giveBack", steal_fields, steal_check), SIM_OP_GIVE_BACK, false },
	{ WORD("api", api_words), SIM_OP_API_DOWN, false },
	{ RULED("apiCut", api_cut_fields, api_cut_check), SIM_OP_API_CUT, false },
	{ CHECKED("apiHeal", scenario_daemon_check), SIM_OP_API_HEAL, false },
	{ MAP("apiSlow", slow_fields), SIM_OP_API_SLOW, false },
	{ COUNT("apiConflicts"), SIM_OP_API_CONFLICTS, false },
	{ RULED("expect", expect_fields, expect_check), SIM_OP_EXPECT, false },
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static const struct field at_field = { .name = "at", .type = FIELD_DURATION };

static const struct verb *verb_of(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].field.name, name) == 0)
			return &verbs[i];
	return NULL;
}

static void member_unknown(const struct json *j)
{
	const char *known[VERBS + 2] = { at_field.name };

	for (size_t i = 0; i < VERBS; i++)
		known[i + 1] = verbs[i].field.name;
	json_unknown(j, known);
}

static void step_check(const struct json *step)
{
	struct json at = json_get(step, at_field.name);
	const char *first = NULL;
	bool unknown = false;

	if (!json_is_object(step))
		return;
	if (json_absent(&at))
		json_fault(&at, "is required");
	else
		schema_check_field(&at, &at_field);
	json_each (j, step) {
		const struct verb *verb = verb_of(j.key);
		if (strcmp(j.key, at_field.name) == 0)
			continue;
		if (verb == NULL) {
			member_unknown(&j);
			unknown = true;
			continue;
		}
		schema_check_field(&j, &verb->field);
		if (first == NULL)
			first = j.key;
		else
			json_fault(&j, "a step has one verb, and this one has %s", first);
	}
	if (first == NULL && !unknown)
		json_fault(step, "does nothing: it needs a verb such as exclude, kill or expect");
}

void scenario_timeline_check(const struct json *list)
{
	if (json_is_list(list))
		json_each (step, list)
			step_check(&step);
}

void scenario_timeline_read(const struct doc *doc, const cJSON *list, struct sim_scenario *s)
{
	const cJSON *said, *member;

	cJSON_ArrayForEach (said, list) {
		const struct verb *verb = NULL;
		cJSON_ArrayForEach (member, said)
			if (member->string != NULL && (verb = verb_of(member->string)) != NULL)
				break;
		if (verb == NULL)
			continue;
		struct sim_step *step = must(array_push(&s->steps));
		step->at_ns = said_duration(said, at_field.name, 0);
		step->op = verb->op;
		step->on = verb->on;
		step->line = doc_line(doc, said);
		scenario_step_read(member, step);
	}
}
