// SPDX-License-Identifier: Apache-2.0
#include "ctl/changes.h"

#include <stdio.h>
#include <string.h>

#include "ctl/peek.h"
#include "lib/base/must.h"

/* One side of a change. */
struct side {
	const cJSON *ips; /* texts */
	const char *pool, *node;
	bool node_known;
};

static bool has_text(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (strcmp(cJSON_GetStringValue(item), text) == 0)
			return true;
	return false;
}

/* Is there something in @list that @other has not? */
static bool has_more(const cJSON *list, const cJSON *other)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (!has_text(other, cJSON_GetStringValue(item)))
			return true;
	return false;
}

/* What became of a Service, in the words of bellman(1); NULL: nothing. */
static const char *name_change(const struct side *from, const struct side *to)
{
	bool lost = has_more(from->ips, to->ips), gained = has_more(to->ips, from->ips);
	bool nodes_known = from->node_known && to->node_known;

	if (lost)
		return gained ? "renumbered" : "withdrawn";
	if (gained)
		return from->ips->child == NULL ? "served" : "extended";
	if (from->ips->child == NULL)
		return NULL;
	if (nodes_known && strcmp(from->node, to->node) != 0)
		return *from->node == '\0' ? "announced"
		       : *to->node == '\0' ? "unannounced"
					   : "moved";
	/* An allocator that is not ours may not have noted the pool. */
	return *from->pool != '\0' && strcmp(from->pool, to->pool) != 0 ? "moved" : NULL;
}

static const char *node_of(const cJSON *service)
{
	return peek_text(peek(service, "announcements")->child, "node");
}

/*
 * Who announces @held now: @told is what status says of it, NULL when it says nothing. Does the
 * API hold the pool, it also holds what else decides; else the speakers may know better.
 */
static void find_node_now(const struct changes_now *now, const struct cluster_service *held,
			  const cJSON *told, struct side *side)
{
	bool decides = told != NULL && held->held_count > 0 &&
		       config_pool_of(now->cluster->config, &held->held[0], true) != NULL;
	const char *said = since_announcer(now->since, held->ns, held->name);

	side->node = decides ? node_of(told) : said != NULL ? said : "";
	side->node_known = decides || said != NULL;
}

static cJSON *side_json(const struct side *side)
{
	cJSON *o = must(cJSON_CreateObject());

	cJSON_AddItemToObject(o, "ips", must(cJSON_Duplicate(side->ips, true)));
	must(cJSON_AddStringToObject(o, "pool", side->pool));
	must(cJSON_AddStringToObject(o, "node", side->node));
	return o;
}

/* Why it is so: what the allocator would say, else what it waits for, else the election. */
static const char *why_of(const struct cluster_service *s, const cJSON *service,
			  const struct side *from, const struct side *to, char *buf, size_t size)
{
	const char *reason = peek_text(service, "reason");

	if (s->cleared != NULL)
		return s->cleared;
	if (*reason != '\0')
		return reason;
	if (has_more(from->ips, to->ips))
		return "the Service asks for it";
	if (*from->pool != '\0' && strcmp(from->pool, to->pool) != 0) {
		snprintf(buf, size, "it lies in pool \"%s\" then", to->pool);
		return buf;
	}
	return peek_text(peek(service, "announcements")->child, "why");
}

static cJSON *held_json(const struct cluster_service *s)
{
	cJSON *list = must(cJSON_CreateArray());
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < s->held_count; i++)
		cJSON_AddItemToArray(list, must(cJSON_CreateString(ip_format(&s->held[i], text))));
	return list;
}

static int name_cmp(const cJSON *a, const cJSON *b)
{
	int c = strcmp(peek_text(a, "namespace"), peek_text(b, "namespace"));

	return c != 0 ? c : strcmp(peek_text(a, "name"), peek_text(b, "name"));
}

cJSON *changes_find(const struct cluster *planned, const struct changes_now *now,
		    const cJSON *report)
{
	cJSON *changes = must(cJSON_CreateArray());
	const cJSON *service, *next = NULL;

	if (now->report != NULL)
		next = peek(now->report, "services")->child;
	/* Both lists are by namespace and name: they are walked side by side. */
	cJSON_ArrayForEach (service, peek(report, "services")) {
		const struct cluster_service *s =
			cluster_service(planned, peek_text(service, "namespace"),
					peek_text(service, "name"));
		while (next != NULL && name_cmp(next, service) < 0)
			next = next->next;
		const cJSON *told = next != NULL && name_cmp(next, service) == 0 ? next : NULL;

		cJSON *held = held_json(s);
		char why[300];
		struct side from = { .ips = held,
				     .pool = s->held_pool == NULL ? "" : s->held_pool };
		const struct side to = {
			.ips = peek(service, "ips"),
			.pool = peek_text(service, "pool"),
			.node = node_of(service),
			.node_known = true,
		};
		find_node_now(now, s, told, &from);
		const char *change = name_change(&from, &to);
		if (change != NULL) {
			cJSON *o = must(cJSON_CreateObject());
			cJSON_AddItemToArray(changes, o);
			must(cJSON_AddStringToObject(o, "namespace", s->ns));
			must(cJSON_AddStringToObject(o, "name", s->name));
			must(cJSON_AddStringToObject(o, "change", change));
			cJSON_AddItemToObject(o, "from", side_json(&from));
			cJSON_AddItemToObject(o, "to", side_json(&to));
			must(cJSON_AddStringToObject(o, "why",
						     why_of(s, service, &from, &to, why,
							    sizeof(why))));
		}
		cJSON_Delete(held);
	}
	return changes;
}
