// SPDX-License-Identifier: Apache-2.0
#include "ctl/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/peek.h"
#include "lib/base/must.h"

#define SPEAKER   "metallb-speaker"
#define ANNOUNCES "nodeAssigned" /* announcing from node "NAME" with protocol ... */

/*
 * With what each state begins: the status to which the allocator turns its condition, and the event
 * that is left. An election leaves none: it is as old as the address.
 */
static const struct {
	const char *state, *condition, *reason;
} begins[] = {
	{ "announced", NULL, ANNOUNCES },
	{ "elected", "True", "IPAllocated" },
	{ "allocated", "True", "IPAllocated" },
	{ "pending", "False", "ClearAssignment" },
};

static char *key_of(const char *ns, const char *name, const char *reason)
{
	return must_text("%s/%s/%s", ns, name, reason);
}

bool since_is_event(const cJSON *object)
{
	return strcmp(peek_text(object, "kind"), "Event") == 0;
}

/* The node on which a speaker says that it announces, or NULL. */
static char *node_of(const cJSON *event)
{
	static const char before[] = "from node \"";
	const char *component = peek_text(peek(event, "source"), "component");
	const char *node = strstr(peek_text(event, "message"), before);

	if (*component == '\0') /* events.k8s.io/v1 style */
		component = peek_text(event, "reportingComponent");
	if (strcmp(component, SPEAKER) != 0 || node == NULL)
		return NULL;
	node += strlen(before);
	return must(strndup(node, strcspn(node, "\"")));
}

void since_note(struct since *s, const cJSON *event)
{
	const cJSON *about = peek(event, "involvedObject");
	const char *time = peek_text(event, "lastTimestamp"), *reason = peek_text(event, "reason");
	bool announces = strcmp(reason, ANNOUNCES) == 0;
	char *node = announces ? node_of(event) : NULL;

	if (announces && node == NULL)
		return;    /* somebody else's */
	if (*time == '\0') /* events.k8s.io/v1 style */
		time = peek_text(event, "eventTime");
	*(struct since_event *)must(array_push(s)) = (struct since_event){
		.key = key_of(peek_text(about, "namespace"), peek_text(about, "name"), reason),
		.time = must(strdup(time)),
		.node = node,
		.version =
			strtoull(peek_text(peek(event, "metadata"), "resourceVersion"), NULL, 10),
	};
}

static int event_cmp(const void *a, const void *b)
{
	const struct since_event *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	if (c == 0)
		c = strcmp(x->time, y->time);
	return c != 0 ? c : (x->version > y->version) - (x->version < y->version);
}

/* The last event of that kind, or NULL. */
static const struct since_event *last_event(struct since *s, const char *ns, const char *name,
					    const char *reason)
{
	char *key = key_of(ns, name, reason);
	size_t low = 0, high = s->count; /* behind the last one that is not above the key */

	if (s->sorted < s->count)
		qsort(s->items, s->count, sizeof(*s->items), event_cmp);
	s->sorted = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(s->items[middle].key, key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low > 0 && strcmp(s->items[low - 1].key, key) == 0;
	free(key);
	return found ? &s->items[low - 1] : NULL;
}

/* Since when the allocator's condition has been @status; NULL when it is not. */
static const char *condition_since(const cJSON *service, const char *status)
{
	const cJSON *c;

	cJSON_ArrayForEach (c, peek(peek(service, "status"), "conditions"))
		if (strcmp(peek_text(c, "type"), SERVICE_READY_CONDITION) == 0 &&
		    strcmp(peek_text(c, "status"), status) == 0)
			return cJSON_GetStringValue(peek(c, "lastTransitionTime"));
	return NULL;
}

static const char *since_of(struct since *s, const struct cluster *c, const cJSON *service)
{
	const char *ns = peek_text(service, "namespace"), *name = peek_text(service, "name");
	const char *state = peek_text(service, "state");
	const struct cluster_service *found = cluster_service(c, ns, name);
	const cJSON *object = found == NULL ? NULL : found->json;

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		if (strcmp(begins[i].state, state) != 0)
			continue;
		const char *turned = begins[i].condition == NULL
					     ? NULL
					     : condition_since(object, begins[i].condition);
		if (turned != NULL)
			return turned;
		const struct since_event *e = last_event(s, ns, name, begins[i].reason);
		if (e != NULL)
			return e->time;
	}
	return peek_text(peek(object, "metadata"), "creationTimestamp");
}

/* Election tells who should announce; only what that node's speaker has said tells that it does. */
static void confirm(struct since *s, cJSON *service)
{
	const struct since_event *said = last_event(s, peek_text(service, "namespace"),
						    peek_text(service, "name"), ANNOUNCES);
	const char *node = peek_text(peek(service, "announcements")->child, "node");
	char note[1024];

	if (said != NULL && strcmp(said->node, node) == 0) {
		cJSON_ReplaceItemInObjectCaseSensitive(service, "state",
						       must(cJSON_CreateString("announced")));
		return;
	}
	if (said != NULL)
		snprintf(note, sizeof(note),
			 "%s is elected, but the last to say that it announces was %s, at %s", node,
			 said->node, said->time);
	else
		snprintf(note, sizeof(note),
			 "%s is elected, but no event in the API says that it announces "
			 "(they last an hour): does a speaker run there?",
			 node);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(service, "notes"),
			     must(cJSON_CreateString(note)));
}

void since_fill(struct since *s, const struct cluster *c, cJSON *report)
{
	cJSON *service;

	cJSON_ArrayForEach (service, peek(report, "services")) {
		if (strcmp(peek_text(service, "state"), "elected") == 0)
			confirm(s, service);
		must(cJSON_AddStringToObject(service, "since", since_of(s, c, service)));
	}
}

/* Take the word of the speaker that was the last to say that it announces @service. */
static void believe(struct since *s, cJSON *service)
{
	const struct since_event *said = last_event(s, peek_text(service, "namespace"),
						    peek_text(service, "name"), ANNOUNCES);
	const cJSON *ip;
	char why[200];

	if (said == NULL) {
		if (*peek_text(service, "reason") == '\0')
			cJSON_ReplaceItemInObjectCaseSensitive(
				service, "reason",
				must(cJSON_CreateString("no event in the API says which node "
							"announces it (they last an hour)")));
		return;
	}
	snprintf(why, sizeof(why), "its speaker was the last to say so, at %s", said->time);
	cJSON_ArrayForEach (ip, peek(service, "ips")) {
		cJSON *o = must(cJSON_CreateObject());
		cJSON_AddItemToArray(peek(service, "announcements"), o);
		must(cJSON_AddStringToObject(o, "protocol", "layer2"));
		must(cJSON_AddStringToObject(o, "ip", ip->valuestring));
		must(cJSON_AddStringToObject(o, "node", said->node));
		must(cJSON_AddArrayToObject(o, "interfaces"));
		must(cJSON_AddArrayToObject(o, "peers"));
		must(cJSON_AddStringToObject(o, "why", why));
		must(cJSON_AddArrayToObject(o, "runnersUp"));
	}
	cJSON_ReplaceItemInObjectCaseSensitive(service, "state",
					       must(cJSON_CreateString("announced")));
}

void since_fill_blind(struct since *s, const struct cluster *c, cJSON *report)
{
	cJSON *service;

	cJSON_ArrayForEach (service, peek(report, "services")) {
		if (strcmp(peek_text(service, "state"), "allocated") == 0)
			believe(s, service);
		must(cJSON_AddStringToObject(service, "since", since_of(s, c, service)));
	}
}

const char *since_announcer(struct since *s, const char *ns, const char *name)
{
	const struct since_event *said = last_event(s, ns, name, ANNOUNCES);

	return said == NULL ? NULL : said->node;
}

void since_done(struct since *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i].key);
		free(s->items[i].time);
		free(s->items[i].node);
	}
	array_free(s);
}
