// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of sim/world.h share.
 *
 * world.c puts the world together and plays it, world_proxy.c is the service proxy of its nodes.
 * fault.c does the steps of the timeline and keeps account of what ails. owner.c follows who
 * announces and answers, expect.c holds it against what a scenario expects, check.c and check_*.c
 * against what must always be so.
 */
#ifndef BELLMAN_SIM_WORLD_STATE_H
#define BELLMAN_SIM_WORLD_STATE_H

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"
#include "sim/oracle.h"
#include "sim/world.h"

#define WORLD_BOUND_NS (10 * NS_PER_S) /* where a scenario says nothing */

struct owners;
struct checks;
struct expects;

/*
 * What is done to a process, which it keeps over a restart where it is not about the process
 * itself, and since when nothing ails it: only then it is held to what it must do.
 */
struct world_health {
	bool off; /* killed or stopped */
	bool paused;
	bool cut_in, cut_out; /* from the API */
	uint64_t slow_ns, api_slow_ns;
	uint64_t cut_ns;   /* since when it is cut; 0: it is not */
	uint64_t reach_ns; /* it may take until then to have its connections again */
	uint64_t well_ns;  /* UINT64_MAX: something ails it */
};

struct world_node {
	struct sim_world *world;
	const struct sim_scenario_station *cfg;
	unsigned number; /* among the nodes, from 0 */
	struct sim_stack *stack;
	struct sim_speaker *speaker;
	struct sim_timer start;
	struct world_health health;
	bool power;                /* of the machine */
	struct sim_server *server; /* behind the service proxy */
	struct {
		ARRAY_OF(struct ip_addr);
	} addresses; /* its own */
};

struct world_host {
	const struct sim_scenario_station *cfg;
	struct sim_stack *stack;
	struct {
		ARRAY_OF(struct world_theft {
			struct ip_addr ip;
			char *service; /* NULL: it was named by its address */
		});
	} stolen;
};

struct world_allocator {
	struct sim_world *world;
	char *name;
	struct sim_allocator *process;
	struct sim_timer start;
	struct world_health health;
};

struct world_client {
	struct sim_world *world;
	const struct sim_scenario_client *cfg;
	struct sim_client *client;
};

struct sim_world {
	const struct sim_scenario *scenario;
	struct sim_world_cfg cfg;
	uint64_t seed, until_ns, bound_ns;
	struct rng rng;
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_api *api;
	struct ranks *ranks; /* of all speakers */
	struct sim_oracle *oracle;
	struct sim_journal journal;
	/* Never moved once they are made: processes hold pointers to them. */
	struct world_node *nodes;
	struct world_host *hosts;
	struct world_allocator *allocators;
	struct world_client *clients;
	size_t node_count, host_count, allocator_count, client_count;
	struct owners *owners;
	struct checks *checks;
	struct expects *expects;

	struct sim_timer step;
	size_t next_step; /* of the scenario's */

	/* fault.c's account */
	const char *last_leader; /* the allocator that was last meant by SIM_LEADER; NULL: none */
	bool api_down, api_conflicts;
	uint64_t api_well_ns; /* UINT64_MAX: something ails it */
	uint64_t stirred_ns;  /* when a step was done last */
	uint64_t looks;       /* see sim_world_counts() */
	bool changed;         /* something that expectations may be about: world_changed() */
};

static inline uint64_t world_now(const struct sim_world *w)
{
	return sim_clock_now(w->clock);
}

/* Who answers, leads or has an address may be another now. */
static inline void world_changed(struct sim_world *w)
{
	w->changed = true;
}

struct world_node *world_node(const struct sim_world *w, const char *name); /* NULL: none */
struct world_host *world_host(const struct sim_world *w, const char *name);
struct world_allocator *world_allocator(const struct sim_world *w, const char *name);
/* The one that leads, as it sees it itself; NULL: none does. */
struct world_allocator *world_leader(const struct sim_world *w);
struct sim_stack *world_station(const struct sim_world *w, const char *name);
/* An interface by name; NULL: none. */
struct sim_iface *world_iface(struct sim_stack *s, const char *name);

/* Split NAMESPACE/NAME; false: it is none. */
bool world_service_split(const char *text, char ns[static 256], const char **ret_name);
/* The Service NAMESPACE/NAME as it is at the API, decoded; NULL: none. */
const struct service *world_service(const struct sim_world *w, const char *text);

/* --- world_object.c -------------------------------------------------------------------- */

/* Hand over @json, of any kind that the API here has; others are passed over. */
void world_put(struct sim_world *w, cJSON *json);
enum sim_kind world_kind(const char *kind); /* SIM_KINDS: none of ours */
/* An endpoint on the node, the caller's; and the name of a slice that was made for a Service. */
cJSON *world_endpoint(const struct world_node *n, bool ready);
void world_slice_name(const char *service, char *buf, size_t size);
/* Services without an EndpointSlice get one with a ready endpoint on every node, or on enough of
 * them where it does not matter on which. */
void world_add_slices(struct sim_world *w);
/* The Nodes of stations that have none. */
void world_add_nodes(struct sim_world *w);

/* --- world_proxy.c --------------------------------------------------------------------- */

void world_proxy_start(struct world_node *n);

/* --- world_process.c ------------------------------------------------------------------- */

void world_speaker_start(struct world_node *n);
void world_speaker_end(struct world_node *n, bool orderly);
void world_allocator_start(struct world_allocator *a);
void world_allocator_end(struct world_allocator *a, bool orderly);
extern const struct sim_allocator_ops world_allocator_ops;
void world_client_start(struct world_client *c, struct sim_stack *stack);

/* Something about @h is another now. */
void health_settle(const struct sim_world *w, struct world_health *h);
void health_resume(const struct sim_world *w, struct world_health *h); /* it was paused */
/* The same of the way to the API, and of the API itself: who comes back takes longer. */
void health_settle_api(const struct sim_world *w, struct world_health *h);
void health_settle_server(struct sim_world *w);
/*
 * What was done to its way to the API holds for a process that was just started, too. @far_ns: it
 * is always so much farther away than others.
 */
void world_reach(const struct world_health *h, uint64_t far_ns, struct sim_api_client *c);

/* --- fault.c --------------------------------------------------------------------------- */

void world_step(struct sim_world *w, const struct sim_step *s);
/* fault_net.c, fault_cluster.c */
void world_net_step(struct sim_world *w, const struct sim_step *s);
void world_node_exclude(struct sim_world *w, const char *name, bool on);
void world_node_network(struct sim_world *w, const char *name, bool unavailable);
void world_endpoint_set(struct sim_world *w, const char *service, const char *node, bool ready);
void world_delete(struct sim_world *w, const char *kind, const char *ns, const char *name);
/* Has nothing ailed it for @for_ns, and is it up? */
static inline bool world_is_well(const struct sim_world *w, uint64_t well_ns, uint64_t for_ns)
{
	return well_ns != UINT64_MAX && world_now(w) >= well_ns + for_ns;
}

/* --- owner.c --------------------------------------------------------------------------- */

/* One address of one Service. */
struct owned {
	struct owned_service *service;
	struct ip_addr ip;
	struct answered *answered;
	bool shown;                     /* it is in the status */
	bool lit;                       /* and somebody answers */
	uint64_t assigned_ns, first_ns; /* see sim/world.h */
	struct owned_darks {
		ARRAY_OF(struct owned_dark {
			uint64_t from_ns;
			uint64_t to_ns; /* UINT64_MAX: it still is */
		});
	} darks; /* when it was not lit, once it had been */
	unsigned moves;
	const char *last;     /* who answered last; NULL: nobody ever did */
	uint64_t not_covered; /* links that were told, as bits */
};

/* A node that answers for an address. */
struct answer {
	struct world_node *node;
	uint64_t since_ns;
	uint64_t unowned_ns; /* check.c saw that it should not, since then; 0: it should */
};

/* Who answers for an address, whichever Services have it. */
struct answered {
	RB_ENTRY(answered) link;
	struct ip_addr ip;
	struct {
		ARRAY_OF(struct answer);
	} by; /* in the order in which they began */
	struct {
		ARRAY_OF(struct owned *);
	} owned; /* by Services that have it, or had it once; at least one */
};

/* A node announces a Service. */
struct owner_claim {
	struct world_node *node;
	struct {
		ARRAY_OF(struct ip_addr);
	} ips;
};

struct owned_service {
	RB_ENTRY(owned_service) link;
	char *ns, *name, *text; /* text: NAMESPACE/NAME */
	struct {
		ARRAY_OF(struct owned *);
	} ips; /* in the order of the status, those that it had before behind them */
	struct {
		ARRAY_OF(struct owner_claim);
	} claims;
	struct sim_verdict verdict; /* good if .asked, as of .epoch */
	bool asked;
	uint64_t epoch;
	uint64_t terms_ns; /* when that last changed which sharing depends on, while it had an
			      address; 0: never */
};

struct owners *owners_new(struct sim_world *w);
struct owners *owners_free(struct sim_world *w);
extern const struct sim_speaker_ops owner_speaker_ops;
void owner_witness(struct sim_world *w, const struct sim_object *before,
		   const struct sim_object *now);
void owner_node_died(struct world_node *n);
/* Its speaker was paused or goes on, or a link of it changed. */
void owner_node_look(struct world_node *n);

/* Who should announce it, by the oracle, which is asked again only when something has changed. */
const struct sim_verdict *owner_verdict(struct sim_world *w, struct owned_service *s);
struct owned_service *owner_service(const struct sim_world *w, const char *text); /* or NULL */
struct owned_service *owner_service_of(const struct sim_world *w, const struct sim_object *o);
struct answered *owner_answered(const struct sim_world *w, const struct ip_addr *ip); /* or NULL */
struct owned *owner_owned(const struct owned_service *s, const struct ip_addr *ip);   /* or NULL */
/* By namespace and name; by address. */
void owner_each_service(struct sim_world *w, void (*each)(void *arg, struct owned_service *s),
			void *arg);
void owner_each_answered(struct sim_world *w, void (*each)(void *arg, struct answered *a),
			 void *arg);
/* The one node that answers for it; NULL: none, or several. */
struct world_node *owner_of(const struct answered *a);
struct answer *owner_answer(const struct answered *a, const struct world_node *n); /* or NULL */
bool owner_claims(const struct owned_service *s, const struct world_node *n);
/* Would the node answer, if somebody asked? */
bool owner_answers(struct world_node *n, const struct ip_addr *ip);
/* For how long it was dark since @since_ns, in all and at once. */
void owner_dark(const struct sim_world *w, const struct owned *o, uint64_t since_ns,
		uint64_t *ret_all_ns, uint64_t *ret_longest_ns);

/* --- expect.c -------------------------------------------------------------------------- */

struct expects *expects_new(struct sim_world *w);
struct expects *expects_free(struct sim_world *w);
void expect_add(struct sim_world *w, const struct sim_step *s);
/* A step that is no expectation is about to be done: what is expected holds until then. */
void expect_end(struct sim_world *w);
void expect_look(struct sim_world *w);   /* something has changed */
void expect_finish(struct sim_world *w); /* the run is over: what is not due yet is now */

/* --- check.c --------------------------------------------------------------------------- */

struct checks *check_start(struct sim_world *w);
struct checks *check_end(struct checks *c);
void check_witness(struct sim_world *w, const struct sim_object *before,
		   const struct sim_object *now);
void check_answered(struct sim_world *w); /* who answers is another now */
void check_passed(struct world_node *n);
void check_link_up(struct sim_world *w, const struct sim_iface *iface);
/* The node begins to announce it: tell where it is not to be had. */
void check_covered(struct world_node *n, struct owned_service *s, const struct ip_addr *ip);
/* A step is about to be done: the last look at a quiet world. */
void check_before_step(struct sim_world *w);
/* An invariant named @name does not hold. */
void check_broken(struct sim_world *w, const char *name, const char *node, const char *service,
		  const struct ip_addr *ip, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

#endif
