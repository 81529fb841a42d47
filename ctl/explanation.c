// SPDX-License-Identifier: Apache-2.0
#include "ctl/explanation.h"

#include <string.h>

#include "allocator/explain.h"
#include "ctl/leader.h"
#include "ctl/outcome.h"
#include "ctl/peek.h"
#include "lib/base/must.h"

static void add_text(cJSON *to, const char *key, const char *text)
{
	must(cJSON_AddStringToObject(to, key, text == NULL ? "" : text));
}

/* --- what the Service says -------------------------------------------------------------------- */

/* What it asks for, as it was written. */
static void add_asks(cJSON *to, const struct service *s)
{
	static const char *const policies[] = {
		[FAMILY_SINGLE] = "SingleStack",
		[FAMILY_PREFER_DUAL] = "PreferDualStack",
		[FAMILY_REQUIRE_DUAL] = "RequireDualStack",
	};
	cJSON *asks = must(cJSON_AddObjectToObject(to, "asks"));
	cJSON *families = must(cJSON_AddArrayToObject(asks, "families"));

	for (unsigned i = 0; i < s->family_count; i++)
		cJSON_AddItemToArray(families, must(cJSON_CreateString(
						       s->families[i] == IP_V6 ? "IPv6" : "IPv4")));
	add_text(asks, "familyPolicy", policies[s->family_policy]);
	add_text(asks, "addresses", s->requested_ips != NULL ? s->requested_ips : s->lb_ip);
	add_text(asks, "pool", s->address_pool);
	add_text(asks, "sharingKey", s->sharing_key);
	add_text(asks, "class", s->lb_class);
}

/* port is on the EXTERNAL-IP and the CLUSTER-IP, targetPort on the Pod, nodePort on the node. */
static void add_ports(cJSON *to, const cJSON *json)
{
	cJSON *ports = must(cJSON_AddArrayToObject(to, "ports"));
	const cJSON *port;

	cJSON_ArrayForEach (port, peek(peek(json, "spec"), "ports")) {
		static const char *const keys[] = { "name", "protocol", "port", "targetPort",
						    "nodePort" };
		cJSON *o = must(cJSON_CreateObject());
		cJSON_AddItemToArray(ports, o);
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			const cJSON *value = peek(port, keys[i]);
			if (value != NULL)
				cJSON_AddItemToObject(o, keys[i],
						      must(cJSON_Duplicate(value, false)));
		}
	}
}

static void add_condition(cJSON *to, const cJSON *json)
{
	const cJSON *c, *found = NULL;

	cJSON_ArrayForEach (c, peek(peek(json, "status"), "conditions"))
		if (strcmp(peek_text(c, "type"), SERVICE_READY_CONDITION) == 0)
			found = c;
	cJSON_AddItemToObject(to, "condition",
			      must(found == NULL ? cJSON_CreateNull()
						 : cJSON_Duplicate(found, true)));
}

/* --- what others say -------------------------------------------------------------------------- */

struct verdicts {
	cJSON *list;
	bool unwritten; /* the engine has chosen, and the status does not say so */
};

/* What the pool says, where no daemon asks and writes. */
static const char *text_of(const struct verdicts *verdicts, const struct allocator_verdict *v,
			   char *buf, size_t size)
{
	if (v->answer == ALLOCATOR_IPAM_WAITS)
		return reason_ipam_text(v->pool, buf, size);
	if (v->answer != ALLOCATOR_HOLDS || !verdicts->unwritten)
		return v->text;
	snprintf(buf, size, "pool \"%s\" has what the Service needs", v->pool->name);
	return buf;
}

static void add_verdict(void *arg, const struct allocator_verdict *v)
{
	static const char *const ways[] = {
		[ALLOCATOR_BY_REQUEST] = "request",
		[ALLOCATOR_PINNED] = "pinned",
		[ALLOCATOR_OPEN] = "open",
		[ALLOCATOR_NOT_ASKED] = "no",
	};
	struct verdicts *verdicts = arg;
	cJSON *o = must(cJSON_CreateObject());
	bool chosen = v->answer == ALLOCATOR_HOLDS && verdicts->unwritten;
	char text[2048];

	cJSON_AddItemToArray(verdicts->list, o);
	add_text(o, "pool", v->pool->name);
	add_text(o, "asked", ways[v->way]);
	add_text(o, "answer", allocator_answer_word(chosen ? ALLOCATOR_COULD : v->answer));
	add_text(o, "why", text_of(verdicts, v, text, sizeof(text)));
}

/* The time of an event: the last, where it was counted up. */
static const char *time_of(const cJSON *event)
{
	const char *time = peek_text(event, "lastTimestamp");

	if (*time == '\0') /* events.k8s.io/v1 style */
		time = peek_text(peek(event, "series"), "lastObservedTime");
	return *time == '\0' ? peek_text(event, "eventTime") : time;
}

static const char *source_of(const cJSON *event)
{
	const char *component = peek_text(peek(event, "source"), "component");

	return *component == '\0' ? peek_text(event, "reportingComponent") : component;
}

static const cJSON *oldest(const cJSON *events)
{
	const cJSON *event, *found = NULL;

	cJSON_ArrayForEach (event, events)
		if (found == NULL || strcmp(time_of(event), time_of(found)) < 0)
			found = event;
	return found;
}

/* Those of @events, which are used up, the oldest first. */
static void add_events(cJSON *to, cJSON *events)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "events"));
	const cJSON *next;

	while ((next = oldest(events)) != NULL) {
		cJSON *event = cJSON_DetachItemViaPointer(events, (cJSON *)(uintptr_t)next);
		cJSON *o = must(cJSON_CreateObject());
		const cJSON *count = peek(event, "count");

		cJSON_AddItemToArray(list, o);
		add_text(o, "time", time_of(event));
		add_text(o, "type", peek_text(event, "type"));
		add_text(o, "reason", peek_text(event, "reason"));
		add_text(o, "from", source_of(event));
		must(cJSON_AddNumberToObject(o, "count",
					     cJSON_IsNumber(count) ? count->valueint : 1));
		add_text(o, "message", peek_text(event, "message"));
		cJSON_Delete(event);
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What is told of one that asks for no address. */
static cJSON *tell_other_type(const struct cluster_service *s, const struct service *decoded)
{
	cJSON *o = must(cJSON_CreateObject());
	char reason[128];

	add_text(o, "namespace", s->ns);
	add_text(o, "name", s->name);
	must(cJSON_AddArrayToObject(o, "ips"));
	add_text(o, "pool", "");
	must(cJSON_AddArrayToObject(o, "nodePorts"));
	snprintf(reason, sizeof(reason), "it is of type %s and asks for no EXTERNAL-IP",
		 service_type_name(decoded->type));
	add_text(o, "reason", reason);
	must(cJSON_AddArrayToObject(o, "notes"));
	must(cJSON_AddArrayToObject(o, "announcements"));
	return o;
}

/* Take its part out of @report; NULL when there is none. */
static cJSON *take_part(cJSON *report, const struct cluster_service *s)
{
	cJSON *services = peek(report, "services"), *service;

	cJSON_ArrayForEach (service, services)
		if (strcmp(peek_text(service, "namespace"), s->ns) == 0 &&
		    strcmp(peek_text(service, "name"), s->name) == 0)
			return cJSON_DetachItemViaPointer(services, service);
	return NULL;
}

cJSON *explanation_find(struct sight *sight, const struct engines *e,
			const struct cluster_service *s, bool status)
{
	struct service *decoded = cluster_service_decode(s);
	struct allocator_service_view view;
	struct verdicts verdicts = { 0 };
	size_t losses;
	const struct outcome_cfg cfg = {
		.status = status,
		.blind = sight->blind,
		.led = leader_is_there(sight->leader),
	};
	cJSON *report = outcome_tell(&sight->cluster, e, &cfg, &losses);

	if (status)
		(sight->blind ? since_fill_blind : since_fill)(&sight->since, &sight->cluster,
							       report);
	cJSON *o = take_part(report, s);
	if (o == NULL)
		o = tell_other_type(s, decoded);
	add_asks(o, decoded);
	add_ports(o, s->json);
	verdicts.list = must(cJSON_AddArrayToObject(o, "verdicts"));
	verdicts.unwritten =
		allocator_service(e->allocator, s->ns, s->name, &view) && view.unwritten;
	allocator_explain(e->allocator, s->ns, s->name, add_verdict, &verdicts);
	add_condition(o, s->json);
	add_events(o, sight->events);
	cJSON_AddItemToObject(o, "leader",
			      must(sight->leader == NULL ? cJSON_CreateNull()
							 : cJSON_Duplicate(sight->leader, true)));
	cJSON_Delete(report);
	service_free(decoded);
	return o;
}
