// SPDX-License-Identifier: Apache-2.0
#include "ctl/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The event with which each state begins; "" where none tells. */
static const struct {
	const char *state, *reasons[2]; /* the first one that is there */
} begins[] = {
	{ "announced", { "nodeAssigned", "IPAllocated" } },
	{ "allocated", { "IPAllocated", "" } },
	{ "pending", { "ClearAssignment", "" } },
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

void since_note(struct since *s, const cJSON *event)
{
	const cJSON *about = get(event, "involvedObject");
	const char *time = text_of(event, "lastTimestamp");
	struct since_event *e = array_push(s);

	if (*time == '\0') /* events.k8s.io/v1 style */
		time = text_of(event, "eventTime");
	if (e == NULL || (e->time = strdup(time)) == NULL)
		abort();
	e->key = key_of(text_of(about, "namespace"), text_of(about, "name"),
			text_of(event, "reason"));
}

static int event_cmp(const void *a, const void *b)
{
	const struct since_event *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c != 0 ? c : strcmp(x->time, y->time);
}

/* When the last event of that kind was, or NULL. */
static const char *last_time(const struct since *s, const char *ns, const char *name,
			     const char *reason)
{
	char *key = key_of(ns, name, reason);
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
	return found ? s->items[low - 1].time : NULL;
}

static const char *since_of(const struct since *s, const struct cluster *c, const cJSON *service)
{
	const char *ns = text_of(service, "namespace"), *name = text_of(service, "name");
	const char *state = text_of(service, "state");

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		if (strcmp(begins[i].state, state) != 0)
			continue;
		for (size_t r = 0; r < 2; r++) {
			const char *time = last_time(s, ns, name, begins[i].reasons[r]);
			if (time != NULL)
				return time;
		}
	}
	const struct cluster_service *found = cluster_service(c, ns, name);
	return found == NULL ? "" : text_of(get(found->json, "metadata"), "creationTimestamp");
}

void since_fill(struct since *s, const struct cluster *c, cJSON *report)
{
	cJSON *service;

	if (s->count > 0)
		qsort(s->items, s->count, sizeof(*s->items), event_cmp);
	cJSON_ArrayForEach (service, get(report, "services")) {
		if (cJSON_AddStringToObject(service, "since", since_of(s, c, service)) == NULL)
			abort();
	}
}

void since_done(struct since *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i].key);
		free(s->items[i].time);
	}
	array_free(s);
}
