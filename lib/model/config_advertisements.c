// SPDX-License-Identifier: Apache-2.0
/*
 * BGP advertisements against the pools that they reach, and against each other there (compatibility
 * page 1.3).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/config_build.h"
#include "lib/model/places.h"
#include "lib/model/schema.h"

/* What the rules must know of a pool. */
struct reached {
	/* The range whose widest prefix is the longest of all, by family; NULL: none of that
	 * family. */
	const struct pool_range *tightest[2];
	uint8_t tightest_len[2];
	struct {
		ARRAY_OF(uint32_t);
	} advertisements; /* that reach it and concern the one who asks, by index */
};

enum { V4, V6 };

struct rules {
	struct build *build;
	struct reached *pools;  /* one for each pool */
	struct place_set *sets; /* one for each advertisement */
	bool *told;             /* the same: that it contradicts another is told once */
};

static const struct bgp_advertisement *advertisement(const struct rules *r, size_t index)
{
	return &r->build->config->bgp_advertisements.items[index];
}

static void pool_measure(const struct pool *p, struct reached *ret)
{
	for (size_t i = 0; i < p->addresses.count; i++) {
		const struct pool_range *range = &p->addresses.items[i];
		int family = range->range.first.family == IP_V4 ? V4 : V6;
		uint8_t len = ip_range_widest_prefix(&range->range);

		if (ret->tightest[family] != NULL && len <= ret->tightest_len[family])
			continue;
		ret->tightest[family] = range;
		ret->tightest_len[family] = len;
	}
}

static int reach(struct rules *r, size_t pool, size_t index)
{
	uint32_t *slot = array_push(&r->pools[pool].advertisements);

	if (slot == NULL)
		return -ENOMEM;
	*slot = (uint32_t)index;
	return 0;
}

/* By name each is looked up; only selectors have to be held against every pool. */
static int pools_reached(struct rules *r, size_t index)
{
	const struct pools *pools = &r->build->config->pools;
	const struct bgp_advertisement *a = advertisement(r, index);
	int rc = 0;

	if (a->pools.count > 0 && a->pool_selectors.count == 0) {
		for (size_t i = 0; i < a->pools.count && rc == 0; i++) {
			const struct pool *p = config_pool(r->build->config, a->pools.items[i]);
			rc = p == NULL ? 0 : reach(r, (size_t)(p - pools->items), index);
		}
		return rc;
	}
	for (size_t i = 0; i < pools->count && rc == 0; i++)
		if (bgp_advertisement_covers_pool(a, &pools->items[i]))
			rc = reach(r, i, index);
	return rc;
}

/* --- aggregation ------------------------------------------------------------------------------ */

static void aggregation_check(struct rules *r, size_t pool, size_t index, int family)
{
	const struct bgp_advertisement *a = advertisement(r, index);
	const struct reached *p = &r->pools[pool];
	uint8_t len = family == V4 ? a->aggregation_length : a->aggregation_length_v6;
	struct build_entry *e = r->build->bgp_advertisements.items[index];
	struct build_cursor at;
	char text[512];

	if (p->tightest[family] == NULL || p->tightest_len[family] <= len)
		return;
	build_cursor_at(r->build, e, &at);
	struct json j =
		json_get(&at.spec, family == V4 ? "aggregationLength" : "aggregationLengthV6");
	snprintf(text, sizeof(text),
		 "invalid aggregation length %u: prefix %u in this pool is more specific than the "
		 "aggregation length for addresses %s",
		 len, p->tightest_len[family], p->tightest[family]->text);
	build_refuse(r->build, e, NULL, BUILD_BGP_ADVERTISEMENTS, &j, text, "%s of pool \"%s\"",
		     text, r->build->config->pools.items[pool].name);
}

/* --- localPref -------------------------------------------------------------------------------- */

static bool share_a_peer(const struct names *a, const struct names *b)
{
	if (a->count == 0 || b->count == 0)
		return true;
	for (size_t i = 0; i < a->count; i++)
		if (names_contain(b, a->items[i]))
			return true;
	return false;
}

/* Do both make the same routes of @p's addresses? Only then can they contradict each other. */
static bool same_routes(const struct reached *p, const struct bgp_advertisement *a,
			const struct bgp_advertisement *b)
{
	bool v4_differs = a->aggregation_length != b->aggregation_length;
	bool v6_differs = a->aggregation_length_v6 != b->aggregation_length_v6;

	if (p->tightest[V6] == NULL)
		return !v4_differs;
	if (p->tightest[V4] == NULL)
		return !v6_differs;
	return !(v4_differs && v6_differs);
}

static bool contradict(const struct rules *r, const struct reached *p, size_t i, size_t k)
{
	const struct bgp_advertisement *a = advertisement(r, i), *b = advertisement(r, k);

	return a->local_pref != b->local_pref && same_routes(p, a, b) &&
	       share_a_peer(&a->peers, &b->peers) && place_sets_meet(&r->sets[i], &r->sets[k]);
}

static void local_pref_report(struct rules *r, size_t pool, size_t index, size_t other)
{
	const struct bgp_advertisement *a = advertisement(r, index), *b = advertisement(r, other);
	struct build_entry *e = r->build->bgp_advertisements.items[index];
	struct build_cursor at;
	char summary[512];

	build_cursor_at(r->build, e, &at);
	struct json j = json_get(&at.spec, "localPref");
	snprintf(summary, sizeof(summary),
		 "invalid local preference %u: local preference %u was already set for the same "
		 "type of "
		 "BGP update",
		 a->local_pref, b->local_pref);
	build_refuse(
		r->build, e, r->build->bgp_advertisements.items[other], BUILD_BGP_ADVERTISEMENTS,
		&j, summary,
		"%u here, but %u in BGPAdvertisement \"%s\", for the same routes of pool \"%s\"",
		a->local_pref, b->local_pref, b->name, r->build->config->pools.items[pool].name);
	r->told[index] = true;
}

/* Those with serviceSelectors are left for when a Service is announced. */
static bool counts(const struct rules *r, uint32_t index)
{
	return advertisement(r, index)->service_selectors.count == 0 && !r->told[index] &&
	       !r->build->bgp_advertisements.items[index]->dropped;
}

static bool local_prefs_differ(const struct rules *r, const struct reached *p)
{
	for (size_t i = 1; i < p->advertisements.count; i++)
		if (advertisement(r, p->advertisements.items[i])->local_pref !=
		    advertisement(r, p->advertisements.items[0])->local_pref)
			return true;
	return false;
}

static void local_pref_check(struct rules *r, size_t pool)
{
	const struct reached *p = &r->pools[pool];
	const struct build_list *entries = &r->build->bgp_advertisements;

	if (!local_prefs_differ(r, p))
		return;
	for (size_t i = 0; i < p->advertisements.count; i++) {
		uint32_t at = p->advertisements.items[i];
		for (size_t k = 0; k < i && counts(r, at); k++) {
			uint32_t other = p->advertisements.items[k];
			if (!counts(r, other) || !contradict(r, p, at, other))
				continue;
			bool at_fault = build_loser(entries->items[at], entries->items[other]) ==
					entries->items[at];
			local_pref_report(r, pool, at_fault ? at : other, at_fault ? other : at);
		}
	}
}

/* --- BFD echo mode ---------------------------------------------------------------------------- */

static bool has_echo(const struct config *c, const struct bgp_peer *p)
{
	const struct bfd_profile *profile =
		p == NULL ? NULL : config_bfd_profile(c, p->bfd_profile);

	return profile != NULL && profile->echo_mode;
}

/* The first peer of @a whose sessions run echo mode, or NULL. */
static const struct bgp_peer *echo_peer(const struct build *b, const struct bgp_advertisement *a)
{
	const struct bgp_peers *peers = &b->config->bgp_peers;

	for (size_t i = 0; a->peers.count == 0 && i < peers->count; i++)
		if (build_concerns(b, &peers->items[i].node_selectors) &&
		    has_echo(b->config, &peers->items[i]))
			return &peers->items[i];
	for (size_t i = 0; i < a->peers.count; i++) {
		const struct bgp_peer *p = config_bgp_peer(b->config, a->peers.items[i]);
		if (p != NULL && build_concerns(b, &p->node_selectors) && has_echo(b->config, p))
			return p;
	}
	return NULL;
}

/* Echo packets are IPv4's alone here (compatibility page 1.5), and would end IPv6 routes too. */
static void echo_check(struct rules *r, size_t pool, size_t index)
{
	struct build *b = r->build;
	const struct pool *p = &b->config->pools.items[pool];
	const struct bgp_advertisement *a = advertisement(r, index);
	const struct bgp_peer *peer = r->pools[pool].tightest[V6] == NULL ? NULL : echo_peer(b, a);
	struct build_cursor at;
	char summary[1024];

	if (peer == NULL)
		return;
	build_cursor_at(b, b->bgp_advertisements.items[index], &at);
	snprintf(summary, sizeof(summary),
		 "pool %s has bgpadvertisement %s which references peer %s which has bfd echo "
		 "enabled, "
		 "which is not possible",
		 p->name, a->name, peer->name);
	build_refuse(
		b, b->bgp_advertisements.items[index], NULL, BUILD_ECHO_MODE, &at.spec, summary,
		"pool \"%s\" has IPv6 addresses, and BGPPeer \"%s\" BFD in echo mode, which is "
		"for IPv4 alone",
		p->name, peer->name);
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool any_echo(const struct build *b)
{
	for (size_t i = 0; i < b->config->bfd_profiles.count; i++)
		if (b->config->bfd_profiles.items[i].echo_mode)
			return true;
	return false;
}

static int advertisements_place(struct rules *r)
{
	const struct config_inputs *in = r->build->inputs;
	const struct bgp_advertisements *ads = &r->build->config->bgp_advertisements;
	const struct selectors **lists = calloc(ads->count + 1, sizeof(const struct selectors *));
	struct places *places = NULL;

	if (lists == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ads->count; i++)
		lists[i] = &ads->items[i].node_selectors;
	int rc = places_new(in->own_node != NULL ? &in->own_node : in->nodes,
			    in->own_node != NULL ? 1 : in->node_count, lists, ads->count, &places);
	for (size_t i = 0; rc == 0 && i < ads->count; i++)
		rc = places_of(places, lists[i], &r->sets[i]);
	places_free(places);
	free(lists);
	return rc;
}

static int rules_init(struct rules *r)
{
	const struct config *c = r->build->config;
	size_t ads = c->bgp_advertisements.count;

	r->pools = calloc(c->pools.count + 1, sizeof(*r->pools));
	r->sets = calloc(ads + 1, sizeof(*r->sets));
	r->told = calloc(ads + 1, sizeof(*r->told));
	if (r->pools == NULL || r->sets == NULL || r->told == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->pools.count; i++)
		pool_measure(&c->pools.items[i], &r->pools[i]);
	int rc = advertisements_place(r);
	for (size_t i = 0; rc == 0 && i < ads; i++)
		if (build_concerns(r->build, &c->bgp_advertisements.items[i].node_selectors))
			rc = pools_reached(r, i);
	return rc;
}

static void rules_done(struct rules *r)
{
	const struct config *c = r->build->config;

	for (size_t i = 0; r->pools != NULL && i < c->pools.count; i++)
		array_free(&r->pools[i].advertisements);
	for (size_t i = 0; r->sets != NULL && i < c->bgp_advertisements.count; i++)
		free(r->sets[i].words);
	free(r->pools);
	free(r->sets);
	free(r->told);
}

static void pool_check(struct rules *r, size_t pool, bool echo)
{
	const struct reached *p = &r->pools[pool];

	for (size_t i = 0; i < p->advertisements.count; i++) {
		aggregation_check(r, pool, p->advertisements.items[i], V4);
		aggregation_check(r, pool, p->advertisements.items[i], V6);
		if (echo)
			echo_check(r, pool, p->advertisements.items[i]);
	}
	local_pref_check(r, pool);
}

int build_advertisements_check(struct build *b)
{
	struct rules r = { .build = b };
	bool echo = any_echo(b);

	if (b->config->bgp_advertisements.count == 0)
		return 0;
	int rc = rules_init(&r);
	for (size_t i = 0; rc == 0 && i < b->config->pools.count; i++)
		pool_check(&r, i, echo);
	rules_done(&r);
	return rc;
}
