// SPDX-License-Identifier: Apache-2.0
/*
 * What the user asks of Bellman: pools and advertisements, checked as a whole.
 *
 * A config is built in one go from the objects of all sources and never changes
 * after; a reload builds a new one. Users hold references.
 */
#ifndef BELLMAN_MODEL_CONFIG_H
#define BELLMAN_MODEL_CONFIG_H

#include "lib/base/ip.h"
#include "lib/model/config_bgp.h"
#include "lib/model/meta.h"

struct pool_range {
	const char *text; /* as written, interned */
	struct ip_range range;
};

struct pool_ranges {
	ARRAY_OF(struct pool_range);
};

/* Which of the free addresses of a pool comes next. */
enum pool_strategy {
	STRATEGY_FIRST_FIT,        /* the first in written order */
	STRATEGY_LEAST_USED_RANGE, /* the first of the range of which the least is in use */
	STRATEGY_RANDOM,           /* any */
};

/* ipMode in the status of a Service that has addresses of a pool. */
enum pool_ip_mode { IP_MODE_UNSET, IP_MODE_VIP, IP_MODE_PROXY };

#define POOL_RANGES_MAX 32 /* of a pool with perRange */
#define POOL_NO_QUOTA   UINT64_MAX

struct pool_quota {
	const char *ns; /* interned */
	uint64_t max;
};

/* An outside service that decides about the addresses of a pool. Texts are interned. */
struct pool_ipam {
	const char *url;                  /* NULL: none */
	const char *ca_file, *token_file; /* absolute paths; NULL: none */
	uint64_t timeout_ns;              /* of one request */
};

struct pool {
	const char *name; /* interned */
	struct labels labels;
	bool from_file;               /* else it is an IPAddressPool of the API */
	struct pool_ranges addresses; /* in written order: allocation follows it */
	bool auto_assign;             /* default true */
	bool avoid_buggy_ips;         /* .0 and .255 are never used */

	/* Bellman's own fields (contracts) */
	struct pool_ranges exclude; /* never given out */
	enum pool_strategy strategy;
	enum pool_ip_mode ip_mode;
	bool drain;     /* holders keep what they have, and nobody gets anything */
	bool per_range; /* one address of every range for each Service */
	struct pool_quotas {
		ARRAY_OF(struct pool_quota); /* sorted by namespace */
	} quota;                             /* ask pool_quota() */
	uint64_t quota_others;               /* of every other namespace */
	uint64_t reserve_ns; /* an address stays its Service's so long after that is gone */
	struct pool_ipam ipam;

	/* spec.serviceAllocation (compatibility page 1.1, 3.2) */
	bool pinned;  /* it is present */
	int priority; /* 0: last */
	struct names namespaces;
	struct selectors namespace_selectors, service_selectors;
};

struct preference {
	int weight; /* 1..100 */
	struct selector selector;
};

struct l2_advertisement {
	const char *name;   /* interned */
	struct names pools; /* spec.ipAddressPools */
	struct selectors pool_selectors, node_selectors, service_selectors;
	struct names interfaces; /* empty: all */
	struct preferences {
		ARRAY_OF(struct preference);
	} preferred;
};

/* One key of `settings`; that of a group within is `ml.profile`. All interned. */
struct setting {
	const char *key;
	const char *value; /* numbers and booleans as text */
};

struct config {
	unsigned refs;
	struct pools {
		ARRAY_OF(struct pool); /* sorted by name */
	} pools;
	struct l2_advertisements {
		ARRAY_OF(struct l2_advertisement); /* sorted by name */
	} l2_advertisements;
	struct bgp_peers {
		ARRAY_OF(struct bgp_peer); /* these four: sorted by name */
	} bgp_peers;
	struct bgp_advertisements {
		ARRAY_OF(struct bgp_advertisement);
	} bgp_advertisements;
	struct bfd_profiles {
		ARRAY_OF(struct bfd_profile);
	} bfd_profiles;
	struct community_aliases {
		ARRAY_OF(struct community_alias);
	} communities;
	struct settings {
		ARRAY_OF(struct setting); /* as written */
	} settings;
	struct pool_spans { /* every range of every pool, sorted by address; none overlaps */
		ARRAY_OF(struct pool_span {
			struct ip_range range;
			uint32_t pool;  /* index in pools */
			uint32_t entry; /* in its addresses */
		});
	} spans;
};

/* One object of group metallb.io. */
struct config_input {
	const cJSON *object;
	struct where where;
	bool from_file; /* wins over a resource of the same name and over overlapping pools */
};

/* Which resources the daemon takes. What stands in the file is always checked as a whole. */
enum config_scope {
	CONFIG_ALL,   /* the speaker's, and that of whoever only checks */
	CONFIG_POOLS, /* the allocator's: pools and communities, as MetalLB's controller does; what
			 is wrong with the others must not keep a pool from being used */
};

/*
 * What is done about peers on one node that contradict each other in MetalLB's FRR modes alone
 * (compatibility page 1.4): other router IDs, other AS numbers in one VRF, the same router twice.
 * Bellman's own BGP has a session for each, as MetalLB's native mode does.
 */
enum config_frr {
	FRR_LIMITS_IGNORE, /* the daemons' choice */
	FRR_LIMITS_WARN,   /* of who only checks: it is rarely meant */
	FRR_LIMITS_REFUSE, /* as MetalLB with FRR */
};

/* @bgp_type: METALLB_BGP_TYPE, or NULL. With "frr" and "frr-k8s" refuse, else do @otherwise. */
enum config_frr config_frr_limits(const char *bgp_type, enum config_frr otherwise);

struct node;

struct config_inputs {
	ARRAY_OF(struct config_input);
	enum config_scope scope;
	enum config_frr frr;

	/*
	 * All below is borrowed and may be left out. What rules cannot know without it, they let
	 * pass.
	 */
	const char *ns; /* where the daemons read resources and Secrets */
	/* Every Node, to tell whether peers and advertisements meet on one. */
	const struct node *const *nodes;
	size_t node_count;
	/* The speaker's own: what peers and BGP advertisements of other nodes refer to is not its
	 * concern (compatibility page 1.9). One of .nodes. */
	const struct node *own_node;
	/* Objects of kind Secret, for passwordSecret; all there are in .ns? */
	const cJSON *const *secrets;
	size_t secret_count;
	bool secrets_complete;
	/* Objects are still to come that others may refer to: BFD profiles, names of communities.
	 * For webhooks, which see one at a time, and for a file alone. */
	bool references_may_come;
};

/*
 * Build a config from every object that is of a configuration kind (others are passed over).
 * Each object is checked alone (unknown fields with the nearest known name, types, values) and
 * together (same name, overlapping pools, and what BGP asks: compatibility page 1.3 to 1.6).
 *
 * A resource that loses against the file is a warning and left out. With errors in @faults
 * returns -EBADMSG and *ret is untouched; else 0 and *ret is one reference for the caller.
 */
int config_build(const struct config_inputs *inputs, struct faults *faults, struct config **ret);

/*
 * The one error that MetalLB would report of @faults, in its words where it has some: what it
 * writes into ConfigurationState behind "configuration error: ", and what its webhook refuses with.
 * It reads the kinds in a fixed order (compatibility page 1.9), each sorted by name, and stops
 * at the first error; a file that cannot be read comes before them. The text may have two lines.
 * Returns @buf, empty when there is no error.
 */
const char *config_first_error(const struct faults *faults, char *buf, size_t size);

struct config *config_ref(struct config *c);
struct config *config_unref(struct config *c); /* NULL is fine; returns NULL */

const struct pool *config_pool(const struct config *c, const char *name);
/* NULL when there is none of that name; NULL for a NULL name. */
const struct bgp_peer *config_bgp_peer(const struct config *c, const char *name);
const struct bfd_profile *config_bfd_profile(const struct config *c, const char *name);
const struct community *config_community(const struct config *c, const char *alias);
/* The first pool that contains @ip. @ignore_buggy: also count .0/.255 of avoidBuggyIPs pools, as
 * the speaker does. */
const struct pool *config_pool_of(const struct config *c, const struct ip_addr *ip,
				  bool ignore_buggy);
/* Without regard to `exclude`: ask pool_excludes() too before giving @ip out. */
bool pool_contains(const struct pool *p, const struct ip_addr *ip, bool ignore_buggy);

bool pool_excludes(const struct pool *p, const struct ip_addr *ip);

/* How many addresses of @p namespace @ns may hold at once; POOL_NO_QUOTA: any number. */
uint64_t pool_quota(const struct pool *p, const char *ns);

/* The text of a key of `settings`, or NULL where the file does not say. */
const char *config_setting(const struct config *c, const char *key);

/* IPv4 whose last octet is 0 or 255. */
bool ip_is_buggy(const struct ip_addr *ip);

/* Does advertisement @a reach pool @p, by name or by label? Both lists empty: every pool. */
bool l2_advertisement_covers_pool(const struct l2_advertisement *a, const struct pool *p);

#endif
