// SPDX-License-Identifier: Apache-2.0
/* Who may announce a Service, and where: the rules of compatibility page 4.2. */
#include "speaker/engine_state.h"

static bool advertises(const struct l2_advertisement *a, const struct pool *pool,
		       const struct balancer *b)
{
	return l2_advertisement_covers_pool(a, pool) &&
	       (a->service_selectors.count == 0 ||
		selectors_match(&a->service_selectors, &b->labels));
}

static bool covers_node(const struct l2_advertisement *a, const struct member *m)
{
	return a->node_selectors.count == 0 || selectors_match(&a->node_selectors, &m->labels);
}

/* The one pool that holds all addresses, or NULL. */
static const struct pool *pool_of(const struct speaker *s, const struct balancer *b)
{
	const struct pool *pool = config_pool_of(s->config, &b->ips[0], true);

	for (size_t i = 1; pool != NULL && i < b->ip_count; i++)
		if (!pool_contains(pool, &b->ips[i], true))
			return NULL;
	return pool;
}

static bool serves(const struct speaker *s, const struct subject *j)
{
	const struct slice *x;

	if (LIST_EMPTY(&j->slices))
		return s->assume_endpoints;
	LIST_FOREACH (x, &j->slices, of_subject)
		if (x->serving)
			return true;
	return false;
}

bool engine_serves_on(const struct speaker *s, const struct subject *j, const char *node)
{
	const struct slice *x;

	if (LIST_EMPTY(&j->slices))
		return s->assume_endpoints;
	LIST_FOREACH (x, &j->slices, of_subject)
		if (bsearch(&node, x->nodes, x->node_count, sizeof(x->nodes[0]), pointer_cmp) !=
		    NULL)
			return true;
	return false;
}

const char *engine_unfit(const struct speaker *s, const uint32_t *ads, size_t ad_count,
			 const struct member *m, int64_t *ret_weight)
{
	int64_t weight = 0;
	bool covered = false;

	if (m->network_unavailable)
		return "has NetworkUnavailable";
	if (m->excluded && !s->ignore_exclude_lb)
		return "is excluded from load balancers by its label";
	for (size_t i = 0; i < ad_count; i++) {
		const struct l2_advertisement *a = &s->config->l2_advertisements.items[ads[i]];
		if (!covers_node(a, m))
			continue;
		covered = true;
		for (size_t k = 0; k < a->preferred.count; k++)
			if (selector_matches(&a->preferred.items[k].selector, &m->labels))
				weight += a->preferred.items[k].weight;
	}
	if (!covered)
		return "is in no nodeSelectors";
	*ret_weight = weight;
	return NULL;
}

const char *engine_unfit_for(const struct speaker *s, const struct subject *j,
			     const struct ads *ads, const struct member *m, int64_t *ret_weight)
{
	const char *why = engine_unfit(s, ads->items, ads->count, m, ret_weight);

	if (why == NULL && j->balancer->local && !engine_serves_on(s, j, m->name))
		why = "has no ready endpoint (externalTrafficPolicy: Local)";
	return why;
}

const char *engine_unannounceable(const struct speaker *s, const struct subject *j,
				  struct ads *ret_ads)
{
	const struct balancer *b = j->balancer;

	ret_ads->count = 0;
	if (b->ips_bad)
		return "an address in its status does not parse";
	if (b->ip_count == 0)
		return "it has no address yet";
	if (s->config == NULL)
		return "no configuration is loaded";
	const struct pool *pool = pool_of(s, b);
	if (pool == NULL)
		return "no pool contains its addresses";
	if (!serves(s, j))
		return LIST_EMPTY(&j->slices) ? "it has no EndpointSlice" : "no endpoint is ready";
	for (size_t i = 0; i < s->config->l2_advertisements.count; i++) {
		const struct l2_advertisement *a = &s->config->l2_advertisements.items[i];
		if (!advertises(a, pool, b))
			continue;
		if (b->sharing && a->service_selectors.count > 0)
			return "it shares its address, which an L2Advertisement with "
			       "serviceSelectors does not allow";
		*(uint32_t *)must(array_push(ret_ads)) = (uint32_t)i;
	}
	return ret_ads->count == 0 ? "no L2Advertisement selects it" : NULL;
}

static int text_cmp(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

struct names engine_interfaces(const struct speaker *s, const struct ads *ads, const char *node)
{
	const struct member *m = engine_member_find(s, node);
	struct names all = { 0 };
	size_t distinct = 0;

	for (size_t i = 0; i < ads->count; i++) {
		const struct l2_advertisement *a =
			&s->config->l2_advertisements.items[ads->items[i]];
		if (!covers_node(a, m))
			continue;
		if (a->interfaces.count == 0) {
			array_free(&all);
			return all;
		}
		for (size_t k = 0; k < a->interfaces.count; k++)
			*(const char **)must(array_push(&all)) = a->interfaces.items[k];
	}
	if (all.count > 1)
		qsort(all.items, all.count, sizeof(*all.items), text_cmp);
	for (size_t i = 0; i < all.count; i++)
		if (i == 0 || strcmp(all.items[i], all.items[i - 1]) != 0)
			all.items[distinct++] = all.items[i];
	all.count = distinct;
	return all;
}
