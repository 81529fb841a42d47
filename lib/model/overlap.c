// SPDX-License-Identifier: Apache-2.0
/*
 * The spans of all pools lie sorted and disjoint in the configuration, so each thing in use finds
 * the first one that it touches by halving and walks on from there. What a pool excludes is a set
 * of ranges that tells the first address it does not hold.
 */
#include "lib/model/overlap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/rangeset.h"
#include "lib/model/json.h"

/* --- what is in use --------------------------------------------------------------------------- */

int taken_add(struct taken_ranges *t, enum overlap_what what, const struct ip_range *range,
	      const char *whose)
{
	struct taken_range *r = array_push(t);

	if (r == NULL)
		return -ENOMEM;
	*r = (struct taken_range){ *range, intern(whose), what };
	return 0;
}

int taken_add_address(struct taken_ranges *t, enum overlap_what what, const struct ip_addr *ip,
		      const char *whose)
{
	return taken_add(t, what, &(struct ip_range){ *ip, *ip }, whose);
}

static int taken_add_prefix(struct taken_ranges *t, enum overlap_what what,
			    const struct ip_prefix *prefix, const char *whose)
{
	struct ip_range range = ip_prefix_range(prefix);

	return taken_add(t, what, &range, whose);
}

int taken_add_node(struct taken_ranges *t, const struct node *n)
{
	int rc = 0;

	for (size_t i = 0; i < n->internal_ip_count && rc == 0; i++)
		rc = taken_add_address(t, OVERLAP_NODE, &n->internal_ips[i], n->meta.name);
	for (size_t i = 0; i < n->external_ip_count && rc == 0; i++)
		rc = taken_add_address(t, OVERLAP_NODE, &n->external_ips[i], n->meta.name);
	for (size_t i = 0; i < n->pod_cidr_count && rc == 0; i++)
		rc = taken_add_prefix(t, OVERLAP_PODS, &n->pod_cidrs[i], n->meta.name);
	return rc;
}

int taken_add_service_cidrs(struct taken_ranges *t, const char *prefixes)
{
	size_t before = t->count;
	int rc = 0;

	for (const char *at = prefixes; rc == 0 && at != NULL;) {
		size_t len = strcspn(at, ",");
		char text[IP_PREFIX_MAX] = "";
		struct ip_prefix prefix;

		if (len < sizeof(text))
			memcpy(text, at, len);
		rc = ip_prefix_parse(text, &prefix);
		if (rc == 0)
			rc = taken_add_prefix(t, OVERLAP_SERVICE_CIDR, &prefix, "");
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	while (rc != 0 && t->count > before)
		intern_unref(t->items[--t->count].whose);
	return rc;
}

int taken_add_service_cidr_object(struct taken_ranges *t, const cJSON *object)
{
	struct json_source source = { 0 };
	struct json root = json_root(&source, object, ""), spec = json_get(&root, "spec");
	struct json metadata = json_get(&root, "metadata"), name = json_get(&metadata, "name");
	struct json cidrs = json_get(&spec, "cidrs");
	const char *whose = json_text(&name);
	int rc = 0;

	if (!json_is_list(&cidrs))
		return 0;
	for (struct json j = json_first(&cidrs); j.value != NULL && rc == 0; j = json_next(&j)) {
		const char *text = json_text(&j);
		struct ip_prefix prefix;

		if (text != NULL && ip_prefix_parse_sloppy(text, &prefix) == 0)
			rc = taken_add_prefix(t, OVERLAP_SERVICE_CIDR, &prefix,
					      whose != NULL ? whose : "");
	}
	return rc;
}

void taken_done(struct taken_ranges *t)
{
	for (size_t i = 0; i < t->count; i++)
		intern_unref(t->items[i].whose);
	array_free(t);
}

/* --- the search ------------------------------------------------------------------------------- */

struct search {
	const struct config *config;
	struct pool_sets {
		struct rangeset *v4, *v6; /* what is excluded; NULL: nothing */
	} * excluded;                     /* one for each pool */
	size_t *found_for; /* by pool: 1 + the index of the taken range last found in it */
	struct overlaps *found;
};

static int exclude(struct pool_sets *sets, const struct ip_range *range)
{
	struct rangeset **set = range->first.family == IP_V4 ? &sets->v4 : &sets->v6;

	if (*set == NULL && (*set = rangeset_new()) == NULL)
		return -ENOMEM;
	return rangeset_add(*set, ip_to_number(&range->first), ip_to_number(&range->last));
}

static int search_init(struct search *s)
{
	const struct pools *pools = &s->config->pools;
	int rc = 0;

	s->excluded = calloc(pools->count + 1, sizeof(*s->excluded));
	s->found_for = calloc(pools->count + 1, sizeof(*s->found_for));
	if (s->excluded == NULL || s->found_for == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < pools->count; i++) {
		const struct pool_ranges *r = &pools->items[i].exclude;
		for (size_t k = 0; k < r->count && rc == 0; k++)
			rc = exclude(&s->excluded[i], &r->items[k].range);
	}
	return rc;
}

static void search_done(struct search *s)
{
	for (size_t i = 0; s->excluded != NULL && i < s->config->pools.count; i++) {
		rangeset_free(s->excluded[i].v4);
		rangeset_free(s->excluded[i].v6);
	}
	free(s->excluded);
	free(s->found_for);
}

/* The first address of @range, all of which is in @pool, that the pool may give out. */
static bool first_given(const struct search *s, uint32_t pool, const struct ip_range *range,
			struct ip_addr *ret)
{
	uint8_t family = range->first.family;
	const struct rangeset *set = family == IP_V4 ? s->excluded[pool].v4 : s->excluded[pool].v6;
	u128 from = ip_to_number(&range->first), last = ip_to_number(&range->last);

	for (;;) {
		if (set != NULL && !rangeset_first_free(set, from, last, &from))
			return false;
		*ret = ip_from_number(family, from);
		/* Two buggy ones may lie side by side; never three. */
		if (!s->config->pools.items[pool].avoid_buggy_ips || !ip_is_buggy(ret))
			return true;
		if (from == last)
			return false;
		from++;
	}
}

/* The first span that ends at or behind the start of @range. */
static size_t spans_seek(const struct pool_spans *spans, const struct ip_range *range)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ip_cmp(&spans->items[mid].range.last, &range->first) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int find_one(struct search *s, const struct taken_range *t, size_t index)
{
	const struct pool_spans *spans = &s->config->spans;

	for (size_t i = spans_seek(spans, &t->range);
	     i < spans->count && ip_range_overlaps(&spans->items[i].range, &t->range); i++) {
		const struct pool_span *span = &spans->items[i];
		const struct pool *pool = &s->config->pools.items[span->pool];
		struct ip_range both = span->range;
		struct ip_addr first;

		if (ip_cmp(&both.first, &t->range.first) < 0)
			both.first = t->range.first;
		if (ip_cmp(&both.last, &t->range.last) > 0)
			both.last = t->range.last;
		if (s->found_for[span->pool] == index + 1 ||
		    !first_given(s, span->pool, &both, &first))
			continue;
		struct overlap *o = array_push(s->found);
		if (o == NULL)
			return -ENOMEM;
		s->found_for[span->pool] = index + 1;
		*o = (struct overlap){
			.pool = intern_ref(pool->name),
			.range = intern_ref(pool->addresses.items[span->entry].text),
			.whose = intern_ref(t->whose),
			.taken = t->range,
			.first = first,
			.index = span->entry,
			.what = t->what,
		};
	}
	return 0;
}

static int overlap_cmp(const void *a, const void *b)
{
	const struct overlap *x = a, *y = b;
	int c = strcmp(x->pool, y->pool);

	if (c == 0)
		c = ip_cmp(&x->first, &y->first);
	if (c == 0)
		c = (x->what > y->what) - (x->what < y->what);
	return c != 0 ? c : strcmp(x->whose, y->whose);
}

int overlaps_find(const struct config *c, const struct taken_ranges *t, struct overlaps *ret)
{
	struct overlaps found = { 0 };
	struct search s = { .config = c, .found = &found };

	int rc = search_init(&s);
	for (size_t i = 0; i < t->count && rc == 0; i++)
		rc = find_one(&s, &t->items[i], i);
	search_done(&s);
	if (rc != 0) {
		overlaps_done(&found);
		return rc;
	}
	if (found.count > 1)
		qsort(found.items, found.count, sizeof(*found.items), overlap_cmp);
	*ret = found;
	return 0;
}

void overlaps_done(struct overlaps *o)
{
	for (size_t i = 0; i < o->count; i++) {
		intern_unref(o->items[i].pool);
		intern_unref(o->items[i].range);
		intern_unref(o->items[i].whose);
	}
	array_free(o);
}

/* --- words ------------------------------------------------------------------------------------ */

static const struct words {
	const char *name, *is; /* "IS of OWNER" */
	const char *owner;     /* what it belongs to when somebody is named */
} words[] = {
	[OVERLAP_NODE] = { "node", "an address", "node" },
	[OVERLAP_PODS] = { "pods", "the Pod CIDR", "node" },
	[OVERLAP_SERVICE_CIDR] = { "service-cidr", "the Service CIDR", "ServiceCIDR" },
	[OVERLAP_CLUSTER_IP] = { "cluster-ip", "the cluster IP", "Service" },
	[OVERLAP_GATEWAY] = { "gateway", "the gateway", "node" },
};

const char *overlap_what_name(enum overlap_what what)
{
	return words[what].name;
}

/* A prefix where it is one. */
static void range_format(const struct ip_range *r, char *buf, size_t size)
{
	char first[IP_TEXT_MAX], last[IP_TEXT_MAX];
	u128 low_bits = ip_range_size_minus_1(r);
	unsigned bits = 0;

	while (bits < ip_bits(r->first.family) && (low_bits >> bits & 1) != 0)
		bits++;
	ip_format(&r->first, first);
	if (low_bits == 0)
		snprintf(buf, size, "%s", first);
	else if (bits == 128 ||
		 (low_bits >> bits == 0 && (ip_to_number(&r->first) & low_bits) == 0))
		snprintf(buf, size, "%s/%u", first, ip_bits(r->first.family) - bits);
	else
		snprintf(buf, size, "%s-%s", first, ip_format(&r->last, last));
}

const char *overlap_format(const struct overlap *o, char *buf, size_t size)
{
	const struct words *w = &words[o->what];
	char first[IP_TEXT_MAX], taken[2 * IP_TEXT_MAX + 1], in[160] = "", of[512] = "";

	ip_format(&o->first, first);
	range_format(&o->taken, taken, sizeof(taken));
	if (!ip_equal(&o->taken.first, &o->taken.last))
		snprintf(in, sizeof(in), "in %s, ", taken);
	if (*o->whose != '\0')
		snprintf(of, sizeof(of), " of %s \"%s\"", w->owner, o->whose);
	snprintf(buf, size, "%s is %s%s%s", first, in, w->is, of);
	return buf;
}
