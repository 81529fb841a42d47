// SPDX-License-Identifier: Apache-2.0
/* Pools and advertisements of a made-up scenario. */
#include <stdio.h>

#include "sim/random_state.h"

/* What MetalLB's pools have not. */
static void some_own(struct maker *m, struct maker_pool *p)
{
	bool any = rng_below(&m->own, 3) == 0;
	uint64_t which = rng_below(&m->own, 6), count = 1 + rng_below(&m->own, 4);

	p->halves = any && p->size4 > 3 && rng_below(&m->own, 2) == 0;
	p->quota = any && which == 0 ? (unsigned)count : 0;
	p->exclude = any && which == 1 && count < p->size4 ? (unsigned)count : 0;
	p->per_range = any && which == 2;
	p->random = any && which == 3;
	p->least_used = any && which == 4;
	p->proxied = any && which == 5;
}

static void some_pool(struct maker *m, unsigned n)
{
	struct maker_pool *p = &m->pools[n];

	*p = (struct maker_pool){ .there = true };
	p->link = maker_one_in(m, 4) ? MAKER_LINKS : maker_below(m, m->links);
	p->size4 = maker_one_in(m, 6) ? 0 : 1 + maker_below(m, 24);
	p->size6 = p->size4 != 0 && maker_one_in(m, 3) ? 0 : 1 + maker_below(m, 24);
	p->manual = maker_one_in(m, 6);
	p->avoid_buggy = maker_one_in(m, 4);
	p->drain = maker_one_in(m, 10);
	p->pinned = maker_one_in(m, 4);
	p->priority = maker_below(m, 3);
	p->namespaces = maker_one_in(m, 2) ? maker_below(m, 1 << MAKER_SPACES) : 0;
	p->tier = maker_below(m, 3);
	some_own(m, p);
}

static void some_ad(struct maker *m, unsigned n)
{
	struct maker_ad *a = &m->ads[n];

	*a = (struct maker_ad){ .there = true };
	a->pools = maker_one_in(m, 2) ? maker_below(m, 1 << MAKER_POOLS) : 0;
	a->interfaces = maker_one_in(m, 3) ? maker_below(m, 1 << MAKER_LINKS) : 0;
	a->zones = maker_one_in(m, 3) ? 1 + maker_below(m, 7) : 0;
	a->preferred = maker_one_in(m, 3) ? 1 + maker_below(m, 7) : 0;
	a->weight = 1 + maker_below(m, 3);
	a->tier = maker_one_in(m, 6) ? 1 + maker_below(m, 2) : 0;
	a->pool_tier = rng_below(&m->own, 4) == 0 ? 1 + (unsigned)rng_below(&m->own, 2) : 0;
}

void maker_config_first(struct maker *m)
{
	some_pool(m, 0);
	m->pools[0].manual = m->pools[0].drain = m->pools[0].pinned = false;
	m->pools[0].size4 = 4 + maker_below(m, 20);
	m->pools[0].size6 = 4 + maker_below(m, 20);
	m->ads[0].there = true; /* of all, to all */
	for (unsigned i = 1; i < MAKER_POOLS; i++)
		if (maker_one_in(m, 2))
			some_pool(m, i);
	for (unsigned i = 1; i < MAKER_ADS; i++)
		if (maker_one_in(m, 3))
			some_ad(m, i);
	if (maker_one_in(m, 3))
		some_ad(m, 0);
}

bool maker_config_change(struct maker *m)
{
	unsigned n = maker_below(m, MAKER_POOLS), k = maker_below(m, MAKER_ADS);

	switch (maker_below(m, 6)) {
	case 0:
		m->ads[k].there = false;
		return true;
	case 1:
	case 2:
		some_ad(m, k);
		return true;
	case 3:
		m->pools[n].drain = !m->pools[n].drain;
		return m->pools[n].there;
	case 4:
		m->pools[n].there = m->pools[n].there && maker_one_in(m, 2);
		return true;
	default:
		some_pool(m, n);
		return true;
	}
}

/* --- as objects ------------------------------------------------------------------------- */

static void list_add(cJSON *list, const char *name, unsigned n)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%u", name, n);
	cJSON_AddItemToArray(list, must(cJSON_CreateString(text)));
}

/* A list of what @set has, of @count; none where it is empty. */
static void set_list(cJSON *spec, const char *key, unsigned set, unsigned count, const char *name)
{
	if (set == 0)
		return;
	cJSON *list = must(cJSON_AddArrayToObject(spec, key));
	for (unsigned i = 0; i < count; i++)
		if ((set & 1u << i) != 0)
			list_add(list, name, i);
}

static void set_selector(cJSON *spec, const char *key, const char *label, unsigned value)
{
	cJSON_AddItemToObject(spec, key,
			      maker_json("[{\"matchLabels\":{\"tier\":\"%s%u\"}}]", label, value));
}

static void list_range(cJSON *list, const char *net, unsigned first, unsigned count)
{
	char text[128];

	snprintf(text, sizeof(text), "%s.%u-%s.%u", net, first, net, first + count - 1);
	cJSON_AddItemToArray(list, must(cJSON_CreateString(text)));
}

/* The first three octets of its IPv4 addresses; returns the fourth of the first one. */
static unsigned pool_net(const struct maker *m, unsigned n, char net[static 24])
{
	unsigned link = m->pools[n].link;
	bool on_link = link < m->links;

	snprintf(net, 24, "10.%u.%u", on_link ? 0 : 64, on_link ? link : n);
	return on_link ? 128 + n * 32 : 0;
}

static void add_addresses(const struct maker *m, unsigned n, cJSON *spec)
{
	const struct maker_pool *p = &m->pools[n];
	cJSON *list = must(cJSON_AddArrayToObject(spec, "addresses"));
	unsigned link = p->link, half = p->halves ? p->size4 / 2 : 0;
	char net[24], text[128];
	unsigned first = pool_net(m, n, net);

	if (half > 0)
		list_range(list, net, first, half);
	if (p->size4 > half)
		list_range(list, net, first + half, p->size4 - half);
	if (link < m->links)
		snprintf(text, sizeof(text), "fd00:10:%u::%x:0-fd00:10:%u::%x:%x", link, 1 + n,
			 link, 1 + n, p->size6 - 1);
	else
		snprintf(text, sizeof(text), "fd00:64:%u::1:0-fd00:64:%u::1:%x", n, n,
			 p->size6 - 1);
	if (p->size6 > 0)
		cJSON_AddItemToArray(list, must(cJSON_CreateString(text)));
}

static void note(cJSON *notes, const char *key, const char *json)
{
	must(cJSON_AddStringToObject(notes, key, json));
}

/* Annotations whose values are JSON. */
static void add_own(const struct maker *m, unsigned n, cJSON *notes)
{
	const struct maker_pool *p = &m->pools[n];
	char net[24], text[128];
	unsigned first = pool_net(m, n, net);

	if (p->quota > 0) {
		snprintf(text, sizeof(text), "%u", p->quota);
		note(notes, "bellman.io/quota", text);
	}
	if (p->exclude > 0) {
		snprintf(text, sizeof(text), "[\"%s.%u-%s.%u\"]", net, first, net,
			 first + p->exclude - 1);
		note(notes, "bellman.io/exclude", text);
	}
	if (p->random || p->least_used)
		note(notes, "bellman.io/strategy", p->random ? "\"random\"" : "\"leastUsedRange\"");
	if (p->per_range)
		note(notes, "bellman.io/perRange", "true");
	if (p->proxied)
		note(notes, "bellman.io/ipMode", "\"Proxy\"");
}

static cJSON *pool_json(const struct maker *m, unsigned n)
{
	const struct maker_pool *p = &m->pools[n];
	cJSON *json = maker_json(
		"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{"
		"\"name\":\"pool%u\",\"labels\":{\"tier\":\"p%u\"},\"annotations\":{%s}},\"spec\":{"
		"\"autoAssign\":%s,\"avoidBuggyIPs\":%s}}",
		n, n % 2, p->drain ? "\"bellman.io/drain\":\"true\"" : "",
		p->manual ? "false" : "true", p->avoid_buggy ? "true" : "false");
	cJSON *spec = must(cJSON_GetObjectItemCaseSensitive(json, "spec"));
	cJSON *meta = must(cJSON_GetObjectItemCaseSensitive(json, "metadata"));

	add_addresses(m, n, spec);
	add_own(m, n, must(cJSON_GetObjectItemCaseSensitive(meta, "annotations")));
	if (p->pinned) {
		cJSON *whose = must(cJSON_AddObjectToObject(spec, "serviceAllocation"));

		must(cJSON_AddNumberToObject(whose, "priority", p->priority));
		if (p->namespaces == MAKER_SPACES_ALL)
			set_selector(whose, "namespaceSelectors", "t", n % 2);
		else
			set_list(whose, "namespaces", p->namespaces, MAKER_SPACES, "n");
		if (p->tier != 0)
			set_selector(whose, "serviceSelectors", "t", p->tier - 1);
	}
	return json;
}

static cJSON *ad_json(const struct maker *m, unsigned n)
{
	const struct maker_ad *a = &m->ads[n];
	cJSON *json = maker_json("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":"
				 "\"L2Advertisement\",\"metadata\":{\"name\":\"ad%u\"},"
				 "\"spec\":{}}",
				 n);
	cJSON *spec = must(cJSON_GetObjectItemCaseSensitive(json, "spec"));

	set_list(spec, "ipAddressPools", a->pools, MAKER_POOLS, "pool");
	set_list(spec, "interfaces", a->interfaces, MAKER_LINKS, "eth");
	if (a->tier != 0)
		set_selector(spec, "serviceSelectors", "t", a->tier - 1);
	if (a->pool_tier != 0)
		set_selector(spec, "ipAddressPoolSelectors", "p", a->pool_tier - 1);
	for (unsigned i = 0; i < 3; i++) {
		if ((a->zones & 1u << i) != 0) {
			cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "nodeSelectors");

			if (list == NULL)
				list = must(cJSON_AddArrayToObject(spec, "nodeSelectors"));
			cJSON_AddItemToArray(list,
					     maker_json("{\"matchLabels\":{\"zone\":\"z%u\"}}", i));
		}
		if ((a->preferred & 1u << i) != 0) {
			cJSON *list =
				cJSON_GetObjectItemCaseSensitive(spec, "preferredNodeSelectors");

			if (list == NULL)
				list = must(cJSON_AddArrayToObject(spec, "preferredNodeSelectors"));
			cJSON_AddItemToArray(
				list, maker_json("{\"weight\":%u,\"preference\":{\"matchLabels\":{"
						 "\"zone\":\"z%u\"}}}",
						 a->weight + i, i));
		}
	}
	return json;
}

static void input_add(struct config_inputs *in, cJSON *json)
{
	struct config_input *i = must(array_push(in));

	i->object = json;
}

struct config *maker_config(const struct maker *m)
{
	struct config_inputs in = { .scope = CONFIG_ALL };
	struct faults faults = { 0 };
	struct config *config = NULL;

	for (unsigned i = 0; i < MAKER_POOLS; i++)
		if (m->pools[i].there)
			input_add(&in, pool_json(m, i));
	for (unsigned i = 0; i < MAKER_ADS; i++)
		if (m->ads[i].there)
			input_add(&in, ad_json(m, i));
	must_0(config_build(&in, &faults, &config));
	for (size_t i = 0; i < in.count; i++)
		cJSON_Delete((cJSON *)in.items[i].object);
	array_free(&in);
	faults_free(&faults);
	return config;
}
