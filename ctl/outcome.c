// SPDX-License-Identifier: Apache-2.0
#include "ctl/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/usage.h"
#include "lib/base/must.h"

static void add_text(cJSON *list, const char *text)
{
	cJSON_AddItemToArray(list, must(cJSON_CreateString(text)));
}

static void add_announcements(cJSON *list, const struct speaker_view *view)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < view->announcements.count; i++) {
		const struct speaker_announcement *a = &view->announcements.items[i];
		cJSON *o = must(cJSON_CreateObject());

		cJSON_AddItemToArray(list, o);
		must(cJSON_AddStringToObject(o, "protocol", a->protocol));
		must(cJSON_AddStringToObject(o, "ip", ip_format(&a->ip, text)));
		must(cJSON_AddStringToObject(o, "node", a->node));
		cJSON *interfaces = must(cJSON_AddArrayToObject(o, "interfaces"));
		for (size_t n = 0; n < view->interfaces.count; n++)
			add_text(interfaces, view->interfaces.items[n]);
		must(cJSON_AddArrayToObject(o, "peers"));
		must(cJSON_AddStringToObject(o, "why", view->why == NULL ? "" : view->why));
		cJSON *runners_up = must(cJSON_AddArrayToObject(o, "runnersUp"));
		for (size_t n = 0; n < view->runners_up.count; n++)
			add_text(runners_up, view->runners_up.items[n]);
	}
}

/* --- telling ---------------------------------------------------------------------------------- */

struct teller {
	const struct cluster *cluster;
	const struct engines *engines;
	const struct outcome_cfg *cfg;
	struct usage usage;
	cJSON *services, *pools;
	size_t losses;
};

static bool shows(const struct service *s, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < s->ingress_count; i++)
		if (ip_equal(&s->ingress[i], ip))
			return true;
	return false;
}

/* A note for each address that is held now and would be gone. Returns how many. */
static size_t note_losses(const struct cluster_service *held, const struct service *s, cJSON *notes)
{
	size_t lost = 0;

	for (size_t i = 0; i < held->held_count; i++) {
		char ip[IP_TEXT_MAX], text[IP_TEXT_MAX + 64];
		if (shows(s, &held->held[i]))
			continue;
		snprintf(text, sizeof(text), "would lose %s, which it holds now",
			 ip_format(&held->held[i], ip));
		add_text(notes, text);
		lost++;
	}
	if (lost > 0 && held->cleared != NULL)
		add_text(notes, held->cleared);
	return lost;
}

/* What is chosen at random here may be chosen otherwise by the allocator. */
static void note_random(const struct cluster_service *held, const struct service *s,
			const struct pool *pool, cJSON *notes)
{
	bool given = false;
	char text[400];

	for (unsigned i = 0; i < s->ingress_count && !given; i++) {
		given = true;
		for (size_t n = 0; n < held->held_count && given; n++)
			given = !ip_equal(&held->held[n], &s->ingress[i]);
	}
	if (!given || pool == NULL || pool->strategy != STRATEGY_RANDOM)
		return;
	snprintf(text, sizeof(text), "pool \"%s\" gives any free address: it may be another one",
		 pool->name);
	add_text(notes, text);
}

static void add_service(struct teller *t, const struct cluster_service *held,
			const struct allocator_service_view *view, const struct service *s)
{
	char ip[IP_TEXT_MAX], nobody[512];
	struct reason reason;
	/* What is not in the books may come from a pool that only the daemons' own file has. */
	const char *pool = view->ours && view->pool != NULL ? view->pool : s->from_pool;
	cJSON *o = must(cJSON_CreateObject()), *notes = must(cJSON_CreateArray());
	cJSON *announcements = must(cJSON_CreateArray());
	struct speaker_view announced;

	reason_find(t->cfg, t->cluster, t->engines->allocator, view, s, &reason);
	const char *why = reason.why;
	if (t->cfg->status && s->from_pool != NULL)
		pool = s->from_pool;
	size_t lost = note_losses(held, s, notes);
	t->losses += lost > 0;
	if (s->type != SERVICE_LOAD_BALANCER && lost == 0) {
		cJSON_Delete(o);
		cJSON_Delete(notes);
		cJSON_Delete(announcements);
		return;
	}

	cJSON_AddItemToArray(t->services, o);
	must(cJSON_AddStringToObject(o, "namespace", held->ns));
	must(cJSON_AddStringToObject(o, "name", held->name));
	cJSON *ips = must(cJSON_AddArrayToObject(o, "ips"));
	for (unsigned i = 0; i < s->ingress_count; i++)
		add_text(ips, ip_format(&s->ingress[i], ip));
	must(cJSON_AddStringToObject(o, "pool", pool == NULL || s->ingress_count == 0 ? "" : pool));
	cJSON *ports = must(cJSON_AddArrayToObject(o, "nodePorts"));
	for (unsigned i = 0; i < s->port_count; i++)
		if (s->ports[i].node_port != 0)
			cJSON_AddItemToArray(ports,
					     must(cJSON_CreateNumber(s->ports[i].node_port)));
	if (*reason.note != '\0')
		add_text(notes, reason.note);
	if (*view->note != '\0')
		add_text(notes, view->note);
	if (!t->cfg->status && pool != NULL)
		note_random(held, s, config_pool(t->cluster->config, pool), notes);
	bool served = view->ours && s->ingress_count > 0 && !t->cfg->blind;
	if (served && t->cluster->nodes.count == 0) {
		add_text(notes, "no Node given: who announces it is left out");
	} else if (served &&
		   speaker_view(t->engines->speaker, held->ns, held->name, &announced) == 0) {
		if (!held->has_slice && !held->live)
			add_text(notes, "no EndpointSlice given: taken to have a ready endpoint on "
					"every node");
		add_announcements(announcements, &announced);
		if (announced.announcements.count == 0) {
			snprintf(nobody, sizeof(nobody), "announced by nobody: %s", announced.why);
			if (*why == '\0')
				why = nobody;
			else
				add_text(notes, nobody);
			if (t->cluster->config->bgp_advertisements.count > 0)
				add_text(notes, "the speaker does not speak BGP yet: "
						"BGPAdvertisements have no effect");
		}
		speaker_view_done(&announced);
	}
	must(cJSON_AddStringToObject(o, "reason", why));
	cJSON_AddItemToObject(o, "notes", notes);
	cJSON_AddItemToObject(o, "announcements", announcements);
	if (t->cfg->status)
		must(cJSON_AddStringToObject(o, "state",
					     !view->ours             ? "foreign"
					     : s->ingress_count == 0 ? "pending"
					     : cJSON_GetArraySize(announcements) > 0
						     ? "elected"
						     : "allocated"));
}

static void tell_service(void *arg, const struct allocator_service_view *view)
{
	struct teller *t = arg;
	const struct cluster_service *held = cluster_service(t->cluster, view->ns, view->name);

	if (held == NULL)
		return;
	struct service *s = cluster_service_decode(held);
	add_service(t, held, view, s);
	service_free(s);
}

/* Counts are text: JSON's numbers end at 2^53. */
static void add_count(cJSON *to, const char *key, u128 a, u128 b)
{
	char digits[40], *at = digits + sizeof(digits) - 1;
	u128 n = a + b < a ? ~(u128)0 : a + b;

	*at = '\0';
	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	must(cJSON_AddStringToObject(to, key, at));
}

static void tell_pool(void *arg, const struct allocator_pool_view *view)
{
	struct teller *t = arg;
	cJSON *o = must(cJSON_CreateObject());

	cJSON_AddItemToArray(t->pools, o);
	must(cJSON_AddStringToObject(o, "name", view->pool->name));
	add_count(o, "total", view->v4.total, view->v6.total);
	if (t->cfg->status) {
		size_t v4 = usage_of(&t->usage, t->cluster->config, view->pool, IP_V4);
		size_t v6 = usage_of(&t->usage, t->cluster->config, view->pool, IP_V6);
		add_count(o, "used", v4, v6);
		add_count(o, "available", view->v4.total - v4, view->v6.total - v6);
	} else {
		add_count(o, "used", view->v4.used, view->v6.used);
		add_count(o, "available", view->v4.available, view->v6.available);
	}
}

cJSON *outcome_tell(const struct cluster *c, const struct engines *e, const struct outcome_cfg *cfg,
		    size_t *ret_losses)
{
	cJSON *result = must(cJSON_CreateObject());
	struct teller t = {
		.cluster = c,
		.engines = e,
		.cfg = cfg,
		.usage = usage_find(c, e->allocator),
		.services = must(cJSON_AddArrayToObject(result, "services")),
		.pools = must(cJSON_AddArrayToObject(result, "pools")),
	};

	must(cJSON_AddArrayToObject(result, "errors"));
	allocator_services(e->allocator, tell_service, &t);
	allocator_pools(e->allocator, tell_pool, &t);
	usage_done(&t.usage);
	*ret_losses = t.losses;
	return result;
}
