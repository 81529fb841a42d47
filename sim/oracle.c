// SPDX-License-Identifier: Apache-2.0
#include "sim/oracle.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"

struct sim_oracle {
	const struct sim_api *api;
	char *lb_class; /* "" for none */
	bool ignore_exclude_lb;
	/* As the API had them when it was at .number. */
	uint64_t number;
	struct {
		ARRAY_OF(const struct node *);
	} nodes; /* by name */
};

struct sim_oracle *sim_oracle_new(const struct sim_api *api, const char *lb_class,
				  bool ignore_exclude_lb)
{
	struct sim_oracle *o = must(calloc(1, sizeof(*o)));

	o->api = api;
	o->lb_class = must_copy(lb_class != NULL ? lb_class : "");
	o->ignore_exclude_lb = ignore_exclude_lb;
	o->number = UINT64_MAX;
	return o;
}

struct sim_oracle *sim_oracle_free(struct sim_oracle *o)
{
	if (o == NULL)
		return NULL;
	array_free(&o->nodes);
	free(o->lb_class);
	free(o);
	return NULL;
}

/* --- reading the API ------------------------------------------------------------------- */

static void take_node(void *arg, const struct sim_object *object)
{
	struct sim_oracle *o = arg;

	if (object->node != NULL)
		*(const struct node **)must(array_push(&o->nodes)) = object->node;
}

static void read_again(struct sim_oracle *o)
{
	if (o->number == sim_api_number(o->api))
		return;
	o->nodes.count = 0;
	sim_api_each(o->api, SIM_NODE, take_node, o);
	o->number = sim_api_number(o->api);
}

/* --- the rules ------------------------------------------------------------------------- */

/* What one question is about. */
struct question {
	struct sim_oracle *o;
	const struct service *service;
	const struct config *config;
	const struct pool *pool;
	const struct sim_slices *slices; /* of it */
};

static bool pool_has(const struct pool *p, const struct ip_addr *ip)
{
	for (size_t i = 0; i < p->addresses.count; i++)
		if (ip_range_contains(&p->addresses.items[i].range, ip))
			return true;
	return false;
}

/* Compatibility page 4.1: one pool contains all of them; .0 and .255 do not matter here. */
static const struct pool *pool_of_all(const struct question *q)
{
	for (size_t i = 0; i < q->config->pools.count; i++) {
		const struct pool *p = &q->config->pools.items[i];
		unsigned has = 0;

		for (unsigned k = 0; k < q->service->ingress_count; k++)
			has += pool_has(p, &q->service->ingress[k]);
		if (has == q->service->ingress_count)
			return p;
	}
	return NULL;
}

/* Can an endpoint serve: anywhere, or on @node? */
static bool serves(const struct question *q, const char *node)
{
	for (size_t i = 0; i < q->slices->count; i++) {
		const struct endpoint_slice *x = q->slices->items[i];

		for (size_t k = 0; k < x->endpoint_count; k++) {
			const struct endpoint *e = &x->endpoints[k];

			if ((e->ready || e->serving) &&
			    (node == NULL || (e->node != NULL && strcmp(e->node, node) == 0)))
				return true;
		}
	}
	return false;
}

/* Is @a one of the advertisements that are selected for the Service? */
static bool selected(const struct question *q, const struct l2_advertisement *a)
{
	bool by_name = names_contain(&a->pools, q->pool->name);
	bool by_label = selectors_match(&a->pool_selectors, &q->pool->labels);
	bool all_pools = a->pools.count == 0 && a->pool_selectors.count == 0;

	if (!by_name && !by_label && !all_pools)
		return false;
	return a->service_selectors.count == 0 ||
	       selectors_match(&a->service_selectors, &q->service->meta.labels);
}

static bool covers(const struct l2_advertisement *a, const struct node *n)
{
	return a->node_selectors.count == 0 || selectors_match(&a->node_selectors, &n->meta.labels);
}

/* Compatibility page 4.2: the summed preference of a candidate; -1: it is none. */
static int64_t weight_of(const struct question *q, const struct node *n)
{
	const struct l2_advertisements *ads = &q->config->l2_advertisements;
	int64_t weight = -1;

	if (n->network_unavailable || (n->excluded && !q->o->ignore_exclude_lb))
		return -1;
	if (q->service->external_policy == POLICY_LOCAL && !serves(q, n->meta.name))
		return -1;
	for (size_t i = 0; i < ads->count; i++) {
		const struct l2_advertisement *a = &ads->items[i];

		if (!selected(q, a) || !covers(a, n))
			continue;
		weight = weight < 0 ? 0 : weight;
		for (size_t k = 0; k < a->preferred.count; k++)
			if (selector_matches(&a->preferred.items[k].selector, &n->meta.labels))
				weight += a->preferred.items[k].weight;
	}
	return weight;
}

static void hash_of(const struct question *q, const struct node *n,
		    uint8_t ret[static SHA256_DIGEST_SIZE])
{
	char ip[IP_TEXT_MAX];
	struct sha256_ctx sha;
	char *text = must_text("%s#%s", n->meta.name, ip_format(&q->service->ingress[0], ip));

	sha256_init(&sha);
	sha256_update(&sha, strlen(text), (const uint8_t *)text);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, ret);
	free(text);
}

static const struct node *first_of_candidates(const struct question *q)
{
	const struct node *best = NULL;
	int64_t best_weight = -1;
	uint8_t best_hash[SHA256_DIGEST_SIZE], hash[SHA256_DIGEST_SIZE];

	for (size_t i = 0; i < q->o->nodes.count; i++) {
		const struct node *n = q->o->nodes.items[i];
		int64_t weight = weight_of(q, n);

		if (weight < 0 || weight < best_weight)
			continue;
		hash_of(q, n, hash);
		if (weight == best_weight && memcmp(hash, best_hash, sizeof(hash)) > 0)
			continue;
		best = n;
		best_weight = weight;
		memcpy(best_hash, hash, sizeof(hash));
	}
	return best;
}

/* Compatibility page 4.3: the union of what the advertisements that cover it say. */
static void interfaces_on(const struct question *q, const struct node *n, struct names *ret)
{
	const struct l2_advertisements *ads = &q->config->l2_advertisements;

	for (size_t i = 0; i < ads->count; i++) {
		const struct l2_advertisement *a = &ads->items[i];

		if (!selected(q, a) || !covers(a, n))
			continue;
		if (a->interfaces.count == 0) {
			array_free(ret);
			return;
		}
		for (size_t k = 0; k < a->interfaces.count; k++)
			if (!names_contain(ret, a->interfaces.items[k]))
				*(const char **)must(array_push(ret)) = a->interfaces.items[k];
	}
}

/* Compatibility page 4.2: may anybody announce it? NULL, or why not. */
static const char *nobody(const struct question *q)
{
	const struct l2_advertisements *ads = &q->config->l2_advertisements;
	bool any = false, by_label = false;

	if (!serves(q, NULL))
		return "no endpoint is ready";
	for (size_t i = 0; i < ads->count; i++) {
		if (!selected(q, &ads->items[i]))
			continue;
		any = true;
		by_label |= ads->items[i].service_selectors.count > 0;
	}
	if (q->service->sharing_key != NULL && by_label)
		return "it shares its address, and an advertisement has serviceSelectors";
	return any ? NULL : "no advertisement selects it";
}

static bool is_ours(const struct sim_oracle *o, const struct service *s)
{
	return s->type == SERVICE_LOAD_BALANCER &&
	       strcmp(s->lb_class != NULL ? s->lb_class : "", o->lb_class) == 0;
}

void sim_oracle_owner(struct sim_oracle *o, const char *ns, const char *name,
		      struct sim_verdict *ret)
{
	const struct sim_object *object = sim_api_get(o->api, SIM_SERVICE, ns, name);
	const struct sim_object *config = sim_api_get(o->api, SIM_CONFIG, "", "");
	struct question q = { .o = o };

	*ret = (struct sim_verdict){ 0 };
	if (object == NULL || object->service == NULL || !is_ours(o, object->service))
		ret->why = "there is no such Service";
	else if (object->service->ingress_bad || object->service->ingress_count == 0)
		ret->why = "it has no address";
	else if (config == NULL || config->config == NULL)
		ret->why = "there is no configuration";
	if (ret->why != NULL)
		return;
	q.service = object->service;
	q.config = config->config;
	q.pool = pool_of_all(&q);
	if (q.pool == NULL) {
		ret->why = "no pool contains its addresses";
		return;
	}
	read_again(o);
	q.slices = sim_api_slices(o->api, ns, name);
	ret->why = nobody(&q);
	if (ret->why != NULL)
		return;
	const struct node *n = first_of_candidates(&q);
	if (n == NULL) {
		ret->why = "no node is eligible";
		return;
	}
	ret->owner = n->meta.name;
	interfaces_on(&q, n, &ret->interfaces);
}
