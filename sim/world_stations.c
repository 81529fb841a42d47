// SPDX-License-Identifier: Apache-2.0
/* Links, and the nodes and hosts on them, with their addresses. */
#include "lib/model/cluster.h"
#include "sim/world_build.h"

#define START_WITHIN_NS (100 * NS_PER_MS) /* speakers start one after the other */

/* --- links and addresses ----------------------------------------------------------------- */

int building_links(struct building *b)
{
	const struct sim_scenario *s = b->w->scenario;

	b->links = must(calloc(s->links.count + 1, sizeof(*b->links)));
	for (size_t i = 0; i < s->links.count; i++) {
		const struct sim_scenario_link *l = &s->links.items[i];
		const struct sim_link_cfg cfg = { .name = l->name,
						  .delay_ns = l->delay_ns,
						  .fdb_age_ns = l->fdb_age_ns };

		if (sim_link_find(b->w->net, l->name) != NULL)
			return building_fail(b, "two links are called %s", l->name);
		b->links[i] = (struct building_link){ .link = sim_link_add(b->w->net, &cfg) };
		b->links[i].supply4.next = b->links[i].supply6.next = 1;
		sim_link_impair(b->links[i].link, &l->impair);
	}
	return 0;
}

/* What Node @json says of its addresses; NULL: it is none, or does not decode. */
static struct node *node_of(const cJSON *json)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
	struct node *n = NULL;

	if (kind != NULL && strcmp(kind, "Node") == 0)
		node_decode(json, (struct where){ 0 }, NULL, &n);
	return n;
}

/* The Node that says it has @ip; NULL: none. */
static const char *who_has(const struct building *b, const struct ip_addr *ip)
{
	for (size_t i = 0; i < b->taken.count; i++)
		if (ip_equal(&b->taken.items[i].ip, ip))
			return b->taken.items[i].node;
	return NULL;
}

static int read_node(struct building *b, const struct node *n)
{
	char text[IP_TEXT_MAX];

	for (size_t k = 0; k < n->internal_ip_count; k++) {
		const struct ip_addr *ip = &n->internal_ips[k];
		const char *owner = who_has(b, ip);

		if (owner != NULL && strcmp(owner, n->meta.name) != 0)
			return building_fail(b, "Nodes %s and %s both have %s", owner, n->meta.name,
					     ip_format(ip, text));
		*(struct building_address *)must(array_push(&b->taken)) =
			(struct building_address){ must_copy(n->meta.name), *ip };
	}
	return 0;
}

static int read_nodes(struct building *b)
{
	const struct sim_scenario *s = b->w->scenario;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->objects.count; i++) {
		struct node *n = node_of(s->objects.items[i]);

		if (n != NULL)
			rc = read_node(b, n);
		node_free(n);
	}
	return rc;
}

/* The address in @prefix that the Node @name says it has; family 0: none. */
static struct ip_addr said(const struct building *b, const char *name,
			   const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < b->taken.count; i++)
		if (strcmp(b->taken.items[i].node, name) == 0 &&
		    ip_prefix_contains(prefix, &b->taken.items[i].ip))
			return b->taken.items[i].ip;
	return (struct ip_addr){ 0 };
}

/* The range of a pool that has @ip; NULL: none. */
static const struct ip_range *pool_range(const struct config *c, const struct ip_addr *ip)
{
	const struct pool *p = c != NULL ? config_pool_of(c, ip, true) : NULL;

	for (size_t i = 0; p != NULL && i < p->addresses.count; i++)
		if (ip_range_contains(&p->addresses.items[i].range, ip))
			return &p->addresses.items[i].range;
	return NULL;
}

static bool is_broadcast(const struct ip_prefix *prefix, const struct ip_addr *ip)
{
	const struct ip_range range = ip_prefix_range(prefix);

	return ip->family == IP_V4 && prefix->len < 31 && ip_equal(ip, &range.last);
}

/*
 * The next one of @prefix that nobody has; family 0: none. One of a pool, which a Service may get,
 * only when there is no other.
 */
static struct ip_addr next(const struct building *b, const struct ip_prefix *prefix,
			   struct building_supply *from)
{
	const u128 first = ip_to_number(&prefix->addr);

	for (;;) {
		struct ip_addr ip = ip_from_number(prefix->addr.family, first + from->next++);

		if (!ip_prefix_contains(prefix, &ip)) {
			if (from->spent)
				return (struct ip_addr){ 0 };
			*from = (struct building_supply){ .next = 1, .spent = true };
			continue;
		}
		const struct ip_range *pool = pool_range(b->w->scenario->config, &ip);
		if (pool != NULL && !from->spent)
			from->next = ip_to_number(&pool->last) - first + 1;
		else if ((pool != NULL) == from->spent && who_has(b, &ip) == NULL &&
			 !is_broadcast(prefix, &ip))
			return ip;
	}
}

static struct ip_addr give_address(const struct building *b, struct sim_iface *iface,
				   const char *node, const struct ip_prefix *prefix,
				   struct building_supply *from)
{
	struct ip_prefix own = { .len = prefix->len };

	if (prefix->addr.family == IP_NONE)
		return own.addr;
	if (node != NULL)
		own.addr = said(b, node, prefix);
	if (own.addr.family == IP_NONE)
		own.addr = next(b, prefix, from);
	if (own.addr.family != IP_NONE)
		sim_iface_address_add(iface, &own);
	return own.addr;
}

/* --- stations ---------------------------------------------------------------------------- */

static void make_mac(size_t link, unsigned station, uint8_t mac[static ETHER_ADDR_LEN])
{
	const uint8_t made[ETHER_ADDR_LEN] = {
		2, 0, 0, (uint8_t)(link + 1), (uint8_t)(station >> 8), (uint8_t)station
	};

	memcpy(mac, made, sizeof(made));
}

/* @node: NULL for a host. */
static int build_iface(struct building *b, struct sim_stack *stack, struct world_node *node,
		       const struct sim_scenario_iface *i)
{
	const struct sim_scenario *s = b->w->scenario;
	uint8_t mac[ETHER_ADDR_LEN];
	size_t n = 0;

	while (n < s->links.count && strcmp(s->links.items[n].name, i->link) != 0)
		n++;
	if (n == s->links.count)
		return building_fail(b, "%s: there is no link %s", sim_stack_name(stack), i->link);
	if (world_iface(stack, i->name) != NULL)
		return building_fail(b, "%s has two interfaces %s", sim_stack_name(stack), i->name);
	struct building_link *l = &b->links[n];
	make_mac(n, ++l->stations, mac);
	struct sim_iface *iface =
		sim_iface_add(stack, l->link, i->name, ether_is_station(i->mac) ? i->mac : mac);
	const char *name = node != NULL ? node->cfg->name : NULL;
	const struct ip_addr ips[] = {
		give_address(b, iface, name, &s->links.items[n].prefix4, &l->supply4),
		give_address(b, iface, name, &s->links.items[n].prefix6, &l->supply6),
	};
	for (size_t k = 0; node != NULL && k < 2; k++)
		if (ips[k].family != IP_NONE)
			*(struct ip_addr *)must(array_push(&node->addresses)) = ips[k];
	return 0;
}

static int build_station(struct building *b, const struct sim_scenario_station *cfg,
			 struct world_node *node, struct sim_stack **ret)
{
	const struct sim_stack_cfg stack = { .name = cfg->name,
					     .seed = rng_next(&b->w->rng),
					     .arp_accept = cfg->arp_accept };

	if (world_station(b->w, cfg->name) != NULL)
		return building_fail(b, "two stations are called %s", cfg->name);
	*ret = sim_stack_new(b->w->clock, &stack);
	for (size_t i = 0; i < cfg->ifaces.count; i++) {
		int rc = build_iface(b, *ret, node, &cfg->ifaces.items[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void start_speaker(void *arg)
{
	struct world_node *n = arg;

	world_speaker_start(n);
}

static int build_node(struct building *b, const struct sim_scenario_station *cfg)
{
	struct sim_world *w = b->w;
	struct world_node *n = &w->nodes[w->node_count];

	n->world = w;
	n->cfg = cfg;
	n->number = (unsigned)w->node_count;
	n->power = true;
	n->health.off = true;
	n->health.well_ns = UINT64_MAX;
	int rc = build_station(b, cfg, n, &n->stack);
	w->node_count++;
	if (rc < 0)
		return rc;
	const struct sim_speaker_cfg speaker = {
		.node = cfg->name,
		.stack = n->stack,
		.api = w->api,
		.lb_class = w->scenario->lb_class,
		.ignore_exclude_lb = w->scenario->ignore_exclude_lb,
		.ranks = w->ranks,
		.seed = rng_next(&w->rng),
		.say_why = w->cfg.say_why,
		.check_twice = w->cfg.check_all,
		.ops = &owner_speaker_ops,
		.arg = n,
	};
	n->speaker = sim_speaker_new(&speaker);
	world_proxy_start(n);
	sim_timer_set(w->clock, &n->start, rng_below(&w->rng, START_WITHIN_NS), start_speaker, n);
	return 0;
}

int building_stations(struct building *b)
{
	struct sim_world *w = b->w;
	const struct sim_scenario *s = w->scenario;
	int rc = read_nodes(b);

	w->nodes = must(calloc(s->nodes.count + 1, sizeof(*w->nodes)));
	w->hosts = must(calloc(s->hosts.count + 1, sizeof(*w->hosts)));
	for (size_t i = 0; rc == 0 && i < s->nodes.count; i++)
		rc = build_node(b, &s->nodes.items[i]);
	for (size_t i = 0; rc == 0 && i < s->hosts.count; i++) {
		struct world_host *h = &w->hosts[i];

		h->cfg = &s->hosts.items[i];
		rc = build_station(b, h->cfg, NULL, &h->stack);
		w->host_count++;
	}
	return rc;
}
