// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario_names.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

struct names_known {
	ARRAY_OF(const char *); /* ended by NULL once known_end() was called */
};

void checker_fault(struct checker *c, unsigned line, const char *field, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = must_vtext(fmt, args);
	va_end(args);
	faults_add(c->faults, false, c->s->file == NULL ? "" : c->s->file, line, field, "%s", text);
	free(text);
	c->failed = true;
}

/* --- names ------------------------------------------------------------------------------------ */

static void know(struct names_known *k, const char *name)
{
	*(const char **)must(array_push(k)) = name;
}

/* There is no @what of the name @name. @known is used up. */
static void missing(struct checker *c, unsigned line, const char *field, const char *what,
		    const char *name, struct names_known *known)
{
	know(known, NULL);
	const char *nearest = json_nearest(name, known->items);
	if (nearest != NULL)
		checker_fault(c, line, field, "there is no %s \"%s\", did you mean %s?", what, name,
			      nearest);
	else
		checker_fault(c, line, field, "there is no %s \"%s\"", what, name);
	array_free(known);
}

const struct sim_scenario_station *checker_find(const struct sim_scenario_station *all,
						size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].name != NULL && strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

static const struct sim_scenario_station *find_host(const struct checker *c, const char *name)
{
	return checker_find(c->s->hosts.items, c->s->hosts.count, name);
}

static const struct sim_scenario_station *find_station(const struct checker *c, const char *name)
{
	const struct sim_scenario_station *host = find_host(c, name);

	return host != NULL ? host : checker_find(c->s->nodes.items, c->s->nodes.count, name);
}

static void know_stations(struct names_known *k, const struct sim_scenario_station *all,
			  size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].name != NULL)
			know(k, all[i].name);
}

void need_link(struct checker *c, unsigned line, const char *field, const char *name)
{
	struct names_known known = { 0 };
	bool found = false;

	if (name == NULL)
		return;
	for (size_t i = 0; i < c->s->links.count; i++) {
		const char *link = c->s->links.items[i].name;
		if (link == NULL)
			continue;
		know(&known, link);
		found = found || strcmp(link, name) == 0;
	}
	if (c->s->links.count == 0) { /* the one that is made then */
		know(&known, SIM_SCENARIO_LINK);
		found = strcmp(SIM_SCENARIO_LINK, name) == 0;
	}
	if (found)
		array_free(&known);
	else
		missing(c, line, field, "link", name, &known);
}

/* Is there a client of which no host is said? */
static bool will_make_host(const struct checker *c)
{
	for (size_t i = 0; i < c->s->clients.count; i++)
		if (c->s->clients.items[i].host == NULL)
			return true;
	return false;
}

void need_host(struct checker *c, unsigned line, const char *field, const char *name)
{
	struct names_known known = { 0 };
	bool made = will_make_host(c);

	if (name == NULL || find_host(c, name) != NULL ||
	    (made && strcmp(name, SIM_SCENARIO_CLIENT) == 0))
		return;
	know_stations(&known, c->s->hosts.items, c->s->hosts.count);
	if (made)
		know(&known, SIM_SCENARIO_CLIENT);
	missing(c, line, field, "host", name, &known);
}

void need_node(struct checker *c, unsigned line, const char *name)
{
	struct names_known known = { 0 };

	if (!c->all || name == NULL ||
	    checker_find(c->s->nodes.items, c->s->nodes.count, name) != NULL)
		return;
	know_stations(&known, c->s->nodes.items, c->s->nodes.count);
	missing(c, line, "timeline", "node", name, &known);
}

void need_station(struct checker *c, unsigned line, const char *name)
{
	struct names_known known = { 0 };

	if (!c->all || name == NULL || find_station(c, name) != NULL)
		return;
	know_stations(&known, c->s->nodes.items, c->s->nodes.count);
	know_stations(&known, c->s->hosts.items, c->s->hosts.count);
	missing(c, line, "timeline", "node or host", name, &known);
}

void need_iface(struct checker *c, unsigned line, const char *station, const char *name)
{
	struct names_known known = { 0 };

	if (!c->all || station == NULL || name == NULL)
		return;
	const struct sim_scenario_station *st = find_station(c, station);
	if (st == NULL)
		return;
	for (size_t i = 0; i < st->ifaces.count; i++) {
		if (strcmp(st->ifaces.items[i].name, name) == 0) {
			array_free(&known);
			return;
		}
		know(&known, st->ifaces.items[i].name);
	}
	missing(c, line, "timeline", "interface", name, &known);
}

void need_allocator(struct checker *c, unsigned line, const char *name, bool or_leader)
{
	char known[16];

	if (or_leader && strcmp(name, SIM_LEADER) == 0)
		return;
	for (unsigned i = 1; i <= c->s->allocators; i++) {
		snprintf(known, sizeof(known), "a%u", i);
		if (strcmp(known, name) == 0)
			return;
	}
	if (c->s->allocators == 0)
		checker_fault(c, line, "timeline", "there is no allocator");
	else
		checker_fault(c, line, "timeline",
			      "there is no allocator \"%s\": they are called %s%u", name,
			      c->s->allocators == 1 ? "a" : "a1 to a", c->s->allocators);
}

void need_process(struct checker *c, const struct sim_step *step)
{
	if (step->what == NULL)
		return;
	if (step->process == SIM_PROCESS_ALLOCATOR)
		need_allocator(c, step->line, step->what, true);
	else
		need_node(c, step->line, step->what);
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool is_of_kind(const cJSON *object, const char *kind)
{
	const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "kind"));

	return is != NULL && strcmp(is, kind) == 0;
}

/* NAMESPACE/NAME, or NAME of what has no namespace; to be freed. */
static char *whole_name(const cJSON *object)
{
	const char *ns = meta_text_or_empty(object, "namespace");

	return must_text("%s%s%s", ns, *ns == '\0' ? "" : "/", meta_text_or_empty(object, "name"));
}

/* The one of that name; the names of others are added to @others, to be freed. */
static const cJSON *find_object(cJSON *const *objects, size_t count, const char *kind,
				const char *name, struct names_known *others)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_of_kind(objects[i], kind))
			continue;
		char *whole = whole_name(objects[i]);
		if (strcmp(whole, name) == 0) {
			free(whole);
			return objects[i];
		}
		know(others, whole);
	}
	return NULL;
}

const cJSON *need_object(struct checker *c, unsigned line, const char *field, const char *kind,
			 const char *name)
{
	struct names_known others = { 0 }, known = { 0 };

	if (!c->all || name == NULL)
		return NULL;
	const cJSON *found =
		find_object(c->s->objects.items, c->s->objects.count, kind, name, &others);
	for (size_t i = 0; i < c->s->steps.count && found == NULL; i++)
		found = find_object(c->s->steps.items[i].objects.items,
				    c->s->steps.items[i].objects.count, kind, name, &others);
	for (size_t i = 0; i < others.count && found == NULL; i++)
		know(&known, others.items[i]);
	if (found == NULL)
		missing(c, line, field, kind, name, &known);
	for (size_t i = 0; i < others.count; i++)
		free((char *)others.items[i]);
	array_free(&others);
	return found;
}

const cJSON *need_service(struct checker *c, unsigned line, const char *field, const char *name)
{
	return need_object(c, line, field, "Service", name);
}
