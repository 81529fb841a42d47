// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/model/cluster.h"

#define STEP_TEXT_MAX 512

/* Goes on so long after the last step, unless something else is said. */
#define AFTERMATH_NS (30 * NS_PER_S)

/* --- the end ---------------------------------------------------------------------------------- */

static void station_done(struct sim_scenario_station *st)
{
	for (size_t i = 0; i < st->ifaces.count; i++) {
		free(st->ifaces.items[i].name);
		free(st->ifaces.items[i].link);
	}
	array_free(&st->ifaces);
	free(st->name);
}

static void step_done(struct sim_step *s)
{
	char *const texts[] = {
		s->what,           s->to,           s->link,          s->file,
		s->kind,           s->ns,           s->service,       s->text,
		s->expect.service, s->expect.owner, s->expect.leader, s->expect.address,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < s->objects.count; i++)
		cJSON_Delete(s->objects.items[i]);
	array_free(&s->objects);
	config_unref(s->config);
}

struct sim_scenario *sim_scenario_free(struct sim_scenario *s)
{
	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < s->links.count; i++)
		free(s->links.items[i].name);
	for (size_t i = 0; i < s->nodes.count; i++)
		station_done(&s->nodes.items[i]);
	for (size_t i = 0; i < s->hosts.count; i++)
		station_done(&s->hosts.items[i]);
	for (size_t i = 0; i < s->clients.count; i++) {
		free(s->clients.items[i].host);
		free(s->clients.items[i].service);
	}
	for (size_t i = 0; i < s->steps.count; i++)
		step_done(&s->steps.items[i]);
	for (size_t i = 0; i < s->manifests.count; i++)
		free(s->manifests.items[i]);
	for (size_t i = 0; i < s->objects.count; i++)
		cJSON_Delete(s->objects.items[i]);
	array_free(&s->links);
	array_free(&s->nodes);
	array_free(&s->hosts);
	array_free(&s->clients);
	array_free(&s->steps);
	array_free(&s->manifests);
	array_free(&s->objects);
	config_unref(s->config);
	free(s->name);
	free(s->file);
	free(s->lb_class);
	free(s->config_file);
	free(s->service_cidrs);
	free(s);
	return NULL;
}

/* --- order ------------------------------------------------------------------------------------ */

/* By time; those of one time by place, for they are of one array. */
static int step_cmp(const void *a, const void *b)
{
	const struct sim_step *x = *(const struct sim_step *const *)a;
	const struct sim_step *y = *(const struct sim_step *const *)b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return (x > y) - (x < y);
}

static void sort_steps(struct sim_scenario *s)
{
	struct sim_step *steps = s->steps.items;
	const struct sim_step **order = must(calloc(s->steps.count + 1, sizeof(struct sim_step *)));
	struct sim_step *sorted = must(calloc(s->steps.count + 1, sizeof(*sorted)));

	for (size_t i = 0; i < s->steps.count; i++)
		order[i] = &steps[i];
	qsort(order, s->steps.count, sizeof(*order), step_cmp);
	for (size_t i = 0; i < s->steps.count; i++)
		sorted[i] = *order[i];
	for (size_t i = 0; i < s->steps.count; i++)
		steps[i] = sorted[i];
	free(order);
	free(sorted);
}

void sim_scenario_settle(struct sim_scenario *s)
{
	uint64_t last = 0;

	sort_steps(s);
	for (size_t i = 0; i < s->steps.count; i++) {
		struct sim_step *step = &s->steps.items[i];
		uint64_t end = step->at_ns + (step->op == SIM_OP_EXPECT ? step->time_ns : 0);
		char text[STEP_TEXT_MAX];
		if (step->text == NULL)
			step->text = must_copy(sim_step_format(step, text, sizeof(text)));
		if (end > last)
			last = end;
	}
	if (s->until_ns == 0)
		s->until_ns = last + AFTERMATH_NS;
}

/* --- what was left out ------------------------------------------------------------------------ */

static bool is_node(const cJSON *object)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "kind"));

	return kind != NULL && strcmp(kind, "Node") == 0;
}

/* The first address of @family that the Node says is its own; family 0: it says none. */
static struct ip_addr address_of(const cJSON *object, uint8_t family)
{
	struct ip_addr ip = { 0 };
	struct node *node;

	if (!is_node(object) || node_decode(object, (struct where){ 0 }, NULL, &node) != 0)
		return ip;
	for (size_t i = 0; i < node->internal_ip_count && ip.family == 0; i++)
		if (node->internal_ips[i].family == family)
			ip = node->internal_ips[i];
	node_free(node);
	return ip;
}

/* The prefix of @len, or a wider one, that has the addresses of all Nodes; family 0: none has. */
static struct ip_prefix prefix_of_nodes(const struct sim_scenario *s, uint8_t family, uint8_t len)
{
	struct ip_prefix p = { 0 };

	for (size_t i = 0; i < s->objects.count; i++) {
		struct ip_addr ip = address_of(s->objects.items[i], family);
		if (ip.family == 0)
			continue;
		if (p.addr.family == 0)
			p = ip_prefix_of(&ip, len);
		while (!ip_prefix_contains(&p, &ip)) {
			struct ip_addr addr = p.addr;
			p = ip_prefix_of(&addr, p.len - 1);
		}
	}
	return p;
}

/* The link number @n, of which nothing was said. */
static void give_prefixes(struct sim_scenario *s, size_t n)
{
	struct sim_scenario_link *l = &s->links.items[n];
	char text[IP_PREFIX_MAX];

	if (l->prefix4.addr.family != 0 || l->prefix6.addr.family != 0)
		return;
	if (n == 0) {
		l->prefix4 = prefix_of_nodes(s, IP_V4, 24);
		l->prefix6 = prefix_of_nodes(s, IP_V6, 64);
	}
	if (l->prefix4.addr.family != 0 || l->prefix6.addr.family != 0)
		return;
	snprintf(text, sizeof(text), "10.0.%u.0/24", (unsigned)n & 255);
	must_0(ip_prefix_parse(text, &l->prefix4));
	snprintf(text, sizeof(text), "fd00:10:%x::/64", (unsigned)n & 0xffff);
	must_0(ip_prefix_parse(text, &l->prefix6));
}

static void fill_links(struct sim_scenario *s)
{
	if (s->links.count == 0) {
		struct sim_scenario_link *l = must(array_push(&s->links));
		l->name = must_copy(SIM_SCENARIO_LINK);
		l->delay_ns = SIM_SCENARIO_LINK_DELAY_NS;
	}
	for (size_t i = 0; i < s->links.count; i++)
		give_prefixes(s, i);
}

static const char *name_of(const cJSON *object)
{
	const char *name = meta_text(object, "name");

	return name == NULL ? "" : name;
}

static struct sim_scenario_station *find(struct sim_scenario_station *all, size_t count,
					 const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

static void fill_nodes(struct sim_scenario *s)
{
	static const char *const made_up[] = { "node1", "node2", "node3" };

	for (size_t i = 0; i < s->objects.count; i++) {
		const char *name = name_of(s->objects.items[i]);
		if (!is_node(s->objects.items[i]) ||
		    find(s->nodes.items, s->nodes.count, name) != NULL)
			continue;
		struct sim_scenario_station *node = must(array_push(&s->nodes));
		node->name = must_copy(name);
	}
	bool nobody = s->nodes.count == 0;
	for (size_t i = 0; nobody && i < sizeof(made_up) / sizeof(*made_up); i++) {
		struct sim_scenario_station *node = must(array_push(&s->nodes));
		node->name = must_copy(made_up[i]);
	}
}

/* The link that has an address of the Node of that name, or the first. */
static const char *link_for(const struct sim_scenario *s, const char *name)
{
	for (size_t i = 0; i < s->objects.count; i++) {
		const cJSON *object = s->objects.items[i];
		if (!is_node(object) || strcmp(name_of(object), name) != 0)
			continue;
		struct ip_addr ip4 = address_of(object, IP_V4), ip6 = address_of(object, IP_V6);
		for (size_t n = 0; n < s->links.count; n++)
			if ((ip4.family != 0 &&
			     ip_prefix_contains(&s->links.items[n].prefix4, &ip4)) ||
			    (ip6.family != 0 &&
			     ip_prefix_contains(&s->links.items[n].prefix6, &ip6)))
				return s->links.items[n].name;
	}
	return s->links.items[0].name;
}

static void plug_in(struct sim_scenario *s, struct sim_scenario_station *st)
{
	if (st->ifaces.count > 0)
		return;
	struct sim_scenario_iface *i = must(array_push(&st->ifaces));
	i->name = must_copy("eth0");
	i->link = must_copy(link_for(s, st->name));
}

static void fill_hosts(struct sim_scenario *s)
{
	for (size_t i = 0; i < s->clients.count; i++) {
		if (s->clients.items[i].host != NULL)
			continue;
		s->clients.items[i].host = must_copy(SIM_SCENARIO_CLIENT);
		if (find(s->hosts.items, s->hosts.count, SIM_SCENARIO_CLIENT) != NULL)
			continue;
		struct sim_scenario_station *host = must(array_push(&s->hosts));
		host->name = must_copy(SIM_SCENARIO_CLIENT);
	}
}

void sim_scenario_fill(struct sim_scenario *s)
{
	fill_links(s);
	fill_nodes(s);
	fill_hosts(s);
	for (size_t i = 0; i < s->nodes.count; i++)
		plug_in(s, &s->nodes.items[i]);
	for (size_t i = 0; i < s->hosts.count; i++)
		plug_in(s, &s->hosts.items[i]);
	sim_scenario_settle(s);
}
