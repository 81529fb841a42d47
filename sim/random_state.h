// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of sim/random.h share: the cluster as it is made up so far, so that what is done
 * to it later makes sense.
 *
 * random.c lays out time, random_cluster.c makes links, nodes and hosts, random_objects.c the
 * objects of the API and the configuration, random_troubles.c what goes wrong.
 */
#ifndef BELLMAN_SIM_RANDOM_STATE_H
#define BELLMAN_SIM_RANDOM_STATE_H

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "sim/random.h"

#define MAKER_SPACES     3 /* namespaces */
/* A pool for each of them is one for those of a label. */
#define MAKER_SPACES_ALL ((1u << MAKER_SPACES) - 1)
#define MAKER_POOLS      4
#define MAKER_ADS        4
#define MAKER_LINKS      3
#define MAKER_PORTS      5 /* of which Services have some: a set of bits */

struct maker_node {
	char name[24];
	unsigned zone, disk; /* labels */
	unsigned links;      /* on which it has an interface: a set of bits */
	bool gone;           /* its Node is deleted */
};

struct maker_service {
	bool there;
	bool balancer; /* type LoadBalancer */
	unsigned space, tier, ports, key, selector;
	unsigned families; /* 4: IPv4, 6: IPv6, 46, 64: both */
	bool prefers, local;
	unsigned wish; /* nth address of .pool; 0: none */
	int pool;      /* asked for; -1: none */
	unsigned serial;
};

struct maker_pool {
	bool there, manual, avoid_buggy, drain;
	unsigned size4, size6; /* addresses; 0: none of that family */
	unsigned link;         /* in its prefix; MAKER_LINKS: in nobody's */
	unsigned priority, namespaces, tier;
	bool pinned;
	/* What only Bellman's pools have, of which each has one at most. */
	unsigned quota;   /* of each namespace; 0: none */
	unsigned exclude; /* addresses from the first one on */
	bool per_range, random, least_used, proxied;
	bool halves; /* there are two ranges of IPv4 */
};

struct maker_ad {
	bool there;
	unsigned pools, interfaces;        /* sets of bits; 0: all */
	unsigned zones, preferred, weight; /* sets of zones; 0: all, none */
	unsigned tier;                     /* 0: every Service */
	unsigned pool_tier;                /* 0: whatever the labels of the pool; of .own */
};

/* What ends a trouble. */
struct maker_heal {
	uint64_t at_ns; /* UINT64_MAX: in the next quiet */
	struct sim_step step;
};

struct maker {
	struct rng rng;
	struct rng own; /* drawn apart, so that all else is as it was: of what pools alone
			   of ours have, labels of pools, and endpoints that end */
	struct sim_scenario *s;
	struct sim_random_cfg cfg;
	struct {
		ARRAY_OF(struct maker_node);
	} nodes;
	struct {
		ARRAY_OF(struct maker_service);
	} services;
	struct maker_pool pools[MAKER_POOLS];
	struct maker_ad ads[MAKER_ADS];
	unsigned links, hosts, tiers[MAKER_SPACES];
	struct {
		ARRAY_OF(struct maker_heal);
	} heals;
};

static inline unsigned maker_below(struct maker *m, unsigned n)
{
	return (unsigned)rng_below(&m->rng, n);
}

static inline bool maker_one_in(struct maker *m, unsigned n)
{
	return maker_below(m, n) == 0;
}

/* Evenly from @min to @max. */
static inline uint64_t maker_between(struct maker *m, uint64_t min, uint64_t max)
{
	return min + rng_below(&m->rng, max - min + 1);
}

/* printf(), read as JSON. */
cJSON *maker_json(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- random_cluster.c ------------------------------------------------------------------ */

void maker_topology(struct maker *m);
const char *maker_link_name(unsigned link);

/* --- random_objects.c ------------------------------------------------------------------ */

void maker_config_first(struct maker *m); /* pools and advertisements, some */
/* Change something about them; false: nothing was changed. */
bool maker_config_change(struct maker *m);
struct config *maker_config(const struct maker *m); /* as they are now; the caller's */

struct maker_service *maker_service_new(struct maker *m);
void maker_service_change(struct maker *m, struct maker_service *s);
const char *maker_service_space(const struct maker_service *s);
char *maker_service_name(const struct maker_service *s); /* NAMESPACE/NAME */

cJSON *maker_service_json(const struct maker *m, const struct maker_service *s);
cJSON *maker_slice_json(struct maker *m, const struct maker_service *s);
cJSON *maker_node_json(const struct maker *m, const struct maker_node *n);
cJSON *maker_namespace_json(const struct maker *m, unsigned space);

/* --- random_troubles.c ----------------------------------------------------------------- */

struct sim_step *maker_step(struct maker *m, uint64_t at_ns, enum sim_op op);
/* One more trouble at @at_ns, which is over by @end_ns, in the next quiet, or never. */
void maker_trouble(struct maker *m, uint64_t at_ns, uint64_t end_ns);
/* One from @at_ns to @end_ns or the second after it, and nothing else. */
void maker_lasting_trouble(struct maker *m, uint64_t at_ns, uint64_t end_ns);
/* A change by a user. */
void maker_change(struct maker *m, uint64_t at_ns);
/* End what has not ended by itself, in the second after @at_ns. */
void maker_heal_all(struct maker *m, uint64_t at_ns);

#endif
