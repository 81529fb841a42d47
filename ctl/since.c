// SPDX-License-Identifier: Apache-2.0
#include "ctl/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

#define SPEAKER   "metallb-speaker"
#define ANNOUNCES "nodeAssigned" /* announcing from node "NAME" with protocol ... */

/* The event with which each state begins. An election leaves none: it is as old as the address. */
static const struct {
	const char *state, *reason;
} begins[] = {
	{ "announced", ANNOUNCES },
	{ "elected", "IPAllocated" },
	{ "allocated", "IPAllocated" },
	{ "pending", "ClearAssignment" },
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(get(object, key));

	return text == NULL ? "" : text;
}

static char *key_of(const char *ns, const char *name, const char *reason)
{
	char *key;

	if (asprintf(&key, "%s/%s/%s", ns, name, reason) < 0)
		abort();
	return key;
}

bool since_is_event(const cJSON *object)
{
	return strcmp(text_of(object, "kind"), "Event") == 0;
}

/* The node on which a speaker says that it announces, or NULL. */
static char *node_of(const cJSON *event)
{
	static const char before[] = "from node \"";
	const char *component = text_of(get(event, "source"), "component");
	const char *node = strstr(text_of(event, "message"), before);

	if (*component == '\0') /* events.k8s.io/v1 style */
		component = text_of(event, "reportingComponent");
	if (strcmp(component, SPEAKER) != 0 || node == NULL)
		return NULL;
	node += strlen(before);
	return must(strndup(node, strcspn(node, "\"")));
}

void since_note(struct since *s, const cJSON *event)
{
	const cJSON *about = get(event, "involvedObject");
	const char *time = text_of(event, "lastTimestamp"), *reason = text_of(event, "reason");
	bool announces = strcmp(reason, ANNOUNCES) == 0;
	char *node = announces ? node_of(event) : NULL;

	if (announces && node == NULL)
		return;    /* somebody else's */
	if (*time == '\0') /* events.k8s.io/v1 style */
		time = text_of(event, "eventTime");
	*(struct since_event *)must(array_push(s)) = (struct since_event){
		.key = key_of(text_of(about, "namespace"), text_of(about, "name"), reason),
		.time = must(strdup(time)),
		.node = node,
		.version = strtoull(text_of(get(event, "metadata"), "resourceVersion"), NULL, 10),
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
static const struct since_event *last_event(const struct since *s, const cJSON *service,
					    const char *reason)
{
	char *key = key_of(text_of(service, "namespace"), text_of(service, "name"), reason);
	size_t low = 0, high = s->count; /* behind the last one that is not above the key */

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

static const char *since_of(const struct since *s, const struct cluster *c, const cJSON *service)
{
	const char *state = text_of(service, "state");

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		if (strcmp(begins[i].state, state) != 0)
			continue;
		const struct since_event *e = last_event(s, service, begins[i].reason);
		if (e != NULL)
			return e->time;
	}
	const struct cluster_service *found =
		cluster_service(c, text_of(service, "namespace"), text_of(service, "name"));
	return found == NULL ? "" : text_of(get(found->json, "metadata"), "creationTimestamp");
}

/* Election tells who should announce; only what that node's speaker has said tells that it does. */
static void confirm(const struct since *s, cJSON *service)
{
	const struct since_event *said = last_event(s, service, ANNOUNCES);
	const char *node = text_of(get(service, "announcements")->child, "node");
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

	if (s->count > 0)
		qsort(s->items, s->count, sizeof(*s->items), event_cmp);
	cJSON_ArrayForEach (service, get(report, "services")) {
		if (strcmp(text_of(service, "state"), "elected") == 0)
			confirm(s, service);
		must(cJSON_AddStringToObject(service, "since", since_of(s, c, service)));
	}
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
