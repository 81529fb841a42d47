// SPDX-License-Identifier: Apache-2.0
/* Between the files that build a configuration (config*.c); nobody else includes it. */
#ifndef BELLMAN_MODEL_CONFIG_BUILD_H
#define BELLMAN_MODEL_CONFIG_BUILD_H

#include "lib/model/config.h"
#include "lib/model/json.h"

struct kind;

/* One object on its way into the configuration. */
struct build_entry {
	const struct config_input *input;
	const struct kind *kind;
	const char *name; /* borrowed from the object; "" when it has none */
	size_t order;     /* its place among the inputs */
	uint32_t place;   /* its place by kind and name */
	bool dropped;     /* faulty, or it lost against the file */
};

/* Entries, none of which it owns. */
struct build_list {
	ARRAY_OF(struct build_entry *);
};

/* All that is on its way. */
struct build {
	const struct config_inputs *inputs;
	struct faults *faults;
	struct config *config;
	struct build_entries {
		ARRAY_OF(struct build_entry); /* as they came */
	} entries;
	struct build_list order; /* by kind and name */
	/* Where the items of the lists in .config come from, index by index. */
	struct build_list bgp_advertisements, bgp_peers;
};

/* In which order MetalLB looks for errors (compatibility page 1.9). */
enum build_stage {
	BUILD_FILE, /* not yet an object */
	BUILD_PEERS_TOGETHER,
	BUILD_BFD_PROFILES,
	BUILD_PEERS,
	BUILD_COMMUNITIES,
	BUILD_POOLS,
	BUILD_L2_ADVERTISEMENTS,
	BUILD_BGP_ADVERTISEMENT_TWINS,
	BUILD_BGP_ADVERTISEMENTS,
	BUILD_ECHO_MODE,
	BUILD_SETTINGS, /* of ours alone */
};

/* Objects of the API have no line: they are called KIND/NAME instead, in @buf. */
struct where build_where(const struct build_entry *e, char *buf, size_t size);

/* Rank what was added to @faults since there were @from of them: faults of @e, met at @stage. */
void build_rank(const struct build_entry *e, enum build_stage stage, struct faults *faults,
		size_t from);

/* The same for what is wrong with @e alone, with MetalLB's words around it. */
void build_rank_own(const struct build_entry *e, struct faults *faults, size_t from);

/* The way into the spec of an object, for faults with their paths. */
struct build_cursor {
	char name[256];
	struct json_source source;
	struct json root, spec;
};
void build_cursor_at(const struct build *b, const struct build_entry *e, struct build_cursor *ret);

/*
 * @loser is at fault, met at @stage: the fault is told about @at, which a cursor of it led to.
 * @winner: what it contradicts, if anything. When that is the file's and @loser a resource, then
 * the file wins: it is a warning, and @loser is dropped.
 * @summary: in MetalLB's words.
 */
void build_refuse(struct build *b, struct build_entry *loser, const struct build_entry *winner,
		  enum build_stage stage, const struct json *at, const char *summary,
		  const char *fmt, ...) __attribute__((format(printf, 7, 8)));

/* Of two that contradict each other the one at fault: the resource, else the later one. */
struct build_entry *build_loser(struct build_entry *later, struct build_entry *other);

/* Does what has @node_selectors concern the Node that asks? */
bool build_concerns(const struct build *b, const struct selectors *node_selectors);

/* config_read.c, config_read_bgp.c: one object, which held its schema, into b->config. */
int build_read(struct build *b, struct build_entry *e);
int build_read_bgp(struct build *b, struct build_entry *e);
int build_read_names(const struct json *list, struct names *ret);
int build_read_selectors(const struct json *of, const char *name, struct selectors *ret);
void config_bgp_done(struct config *c);
void config_pools_done(struct config *c);
void bgp_peer_done(struct bgp_peer *p);
void bgp_advertisement_done(struct bgp_advertisement *a);

/*
 * config_address.c: hold the addresses of all pools against each other. Within one source an
 * overlap is an error; a resource that overlaps with the file is dropped with a warning. 0 or
 * -ENOMEM.
 */
int build_overlaps_check(struct build *b);

/* Fill c->spans from c->pools, which are sorted. 0 or -ENOMEM. */
int build_spans(struct config *c);

/*
 * Rules between objects that were read, 0 or -ENOMEM: config_communities.c fills c->communities and
 * those of the advertisements; then config_peers.c and config_advertisements.c.
 */
int build_communities(struct build *b);
int build_peers_check(struct build *b);
int build_advertisements_check(struct build *b);

#endif
