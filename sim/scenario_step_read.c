// SPDX-License-Identifier: Apache-2.0
/* What is said with the verb of a step, into the step. */
#include <string.h>

#include "lib/base/must.h"
#include "sim/scenario_read.h"

static void read_delete(const cJSON *value, struct sim_step *s)
{
	const char *text = cJSON_GetStringValue(value), *name;
	const char *kind = text == NULL ? NULL : scenario_kind_parse(text, &name);

	if (kind == NULL)
		return;
	bool namespaced = strcmp(kind, "Service") == 0 || strcmp(kind, "EndpointSlice") == 0;
	char *whole = namespaced ? scenario_service_copy(name) : must_copy(name);
	char *slash = strchr(whole, '/');
	s->kind = must_copy(kind);
	s->what = must_copy(slash == NULL ? whole : slash + 1);
	s->ns = slash == NULL ? must_copy("") : must(strndup(whole, (size_t)(slash - whole)));
	free(whole);
}

static void read_endpoint(const cJSON *value, struct sim_step *s)
{
	s->service = scenario_service_copy(said_text(value, "service"));
	s->what = said_copy(value, "node");
}

static void set_process(const char *text, struct sim_step *s)
{
	const char *name;

	if (text != NULL && scenario_process_parse(text, &s->process, &name))
		s->what = must_copy(name);
}

static void read_process_by(const cJSON *value, struct sim_step *s)
{
	const char *by = said_text(value, "by");

	set_process(said_text(value, "process"), s);
	if (by != NULL)
		scenario_signed_parse(by, &s->time_ns, &s->back);
}

static void read_api_cut(const cJSON *value, struct sim_step *s)
{
	bool both = !cJSON_HasObjectItem(value, "in") && !cJSON_HasObjectItem(value, "out");

	set_process(said_text(value, "process"), s);
	s->in = said_flag(value, "in", both);
	s->out = said_flag(value, "out", both);
}

/* "node2", or "node2 eth0" */
static void read_port(const cJSON *value, struct sim_step *s)
{
	const char *text = cJSON_GetStringValue(value);
	size_t len = text == NULL ? 0 : strcspn(text, " ");

	if (text == NULL)
		return;
	s->what = must(strndup(text, len));
	s->to = text[len] == ' ' ? must_copy(text + len + 1) : NULL;
}

static void read_cut(const cJSON *value, struct sim_step *s)
{
	s->link = said_copy(value, "link");
	s->what = said_copy(value, "from");
	s->to = said_copy(value, "to");
	s->both = said_flag(value, "both", false);
}

static void read_impair(const cJSON *value, struct sim_step *s)
{
	s->link = said_copy(value, "link");
	s->what = said_copy(value, "station");
	s->impair = said_impair(value);
}

static void read_storm(const cJSON *value, struct sim_step *s)
{
	s->link = said_copy(value, "link");
	s->count = said_number(value, "rate", 0);
}

static void read_steal(const cJSON *value, struct sim_step *s)
{
	const char *address = said_text(value, "address");

	s->what = said_copy(value, "host");
	s->service = scenario_service_copy(said_text(value, "service"));
	if (address != NULL)
		ip_parse(address, &s->address);
}

static enum sim_op api_op(const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	return text == NULL                   ? SIM_OP_API_DOWN
	       : strcmp(text, "up") == 0      ? SIM_OP_API_UP
	       : strcmp(text, "break") == 0   ? SIM_OP_API_BREAK
	       : strcmp(text, "compact") == 0 ? SIM_OP_API_COMPACT
					      : SIM_OP_API_DOWN;
}

static void read_count(const cJSON *value, struct sim_step *s)
{
	int64_t n;

	if (json_integer(value, &n) && n >= 0)
		s->count = (uint64_t)n;
}

static void read_expect(const cJSON *value, struct sim_step *s)
{
	struct sim_expect *e = &s->expect;

	e->service = scenario_service_copy(said_text(value, "service"));
	e->owner = said_copy(value, "owner");
	e->leader = said_copy(value, "leader");
	e->address = said_copy(value, "address");
	e->has_dark = said_text(value, "darkBelow") != NULL;
	e->dark_max_ns = said_duration(value, "darkBelow", 0);
	uint64_t below = said_number(value, "failedBelow", 0);
	e->has_failed = below > 0;
	e->failed_max = below > 0 ? below - 1 : 0;
	s->time_ns = said_duration(value, "within", 0);
}

void scenario_step_read(const cJSON *value, struct sim_step *s)
{
	const char *text = cJSON_GetStringValue(value);

	switch (s->op) {
	case SIM_OP_EXCLUDE:
	case SIM_OP_INCLUDE:
	case SIM_OP_NETWORK_UNAVAILABLE:
		s->what = must_copy(text);
		break;
	case SIM_OP_APPLY:
	case SIM_OP_CONFIG:
		s->file = must_copy(text);
		break;
	case SIM_OP_DELETE:
		read_delete(value, s);
		break;
	case SIM_OP_ENDPOINT:
		read_endpoint(value, s);
		break;
	case SIM_OP_KILL:
	case SIM_OP_STOP:
	case SIM_OP_RESTART:
	case SIM_OP_PAUSE:
	case SIM_OP_RESUME:
	case SIM_OP_API_HEAL:
		set_process(text, s);
		break;
	case SIM_OP_SLOW:
	case SIM_OP_CLOCK_STEP:
	case SIM_OP_API_SLOW:
		read_process_by(value, s);
		break;
	case SIM_OP_LINK_DOWN:
	case SIM_OP_LINK_UP:
		read_port(value, s);
		break;
	case SIM_OP_CUT:
	case SIM_OP_HEAL:
		read_cut(value, s);
		break;
	case SIM_OP_IMPAIR:
		read_impair(value, s);
		break;
	case SIM_OP_STORM:
		read_storm(value, s);
		break;
	case SIM_OP_FORGET:
		s->link = must_copy(text);
		break;
	case SIM_OP_STEAL:
	case SIM_OP_GIVE_BACK:
		read_steal(value, s);
		break;
	case SIM_OP_API_DOWN:
	case SIM_OP_API_UP:
	case SIM_OP_API_BREAK:
	case SIM_OP_API_COMPACT:
		s->op = api_op(value);
		break;
	case SIM_OP_API_CUT:
		read_api_cut(value, s);
		break;
	case SIM_OP_API_CONFLICTS:
		read_count(value, s);
		break;
	case SIM_OP_EXPECT:
		read_expect(value, s);
		break;
	}
}
