// SPDX-License-Identifier: Apache-2.0
/*
 * A scenario: who is there, what is done to them and when, and what is expected of it.
 *
 * Read from a file (scenario_load(), bellman-scenario(5)) or made up from a seed (sim/random.h).
 * Pure data; sim/world.h plays it. Times are from the start of the run.
 */
#ifndef BELLMAN_SIM_SCENARIO_H
#define BELLMAN_SIM_SCENARIO_H

#include <cjson/cJSON.h>

#include "lib/base/array.h"
#include "lib/base/ip.h"
#include "lib/model/config.h"
#include "lib/model/fault.h"
#include "sim/net.h"

/*
 * All texts of a scenario are its own, on its heap; NULL where nothing was said. Services are
 * NAMESPACE/NAME. `line` is where it was written; 0: it is made up.
 */

struct sim_scenario_link {
	char *name;
	struct ip_prefix prefix4,
		prefix6; /* addresses of what is on it are made of these; family 0: none */
	uint64_t delay_ns, fdb_age_ns;
	struct sim_impair impair;
	unsigned line;
};

struct sim_scenario_iface {
	char *name, *link;
	uint8_t mac[ETHER_ADDR_LEN]; /* zero: made up */
};

struct sim_scenario_station { /* a node, or a host */
	char *name;
	struct {
		ARRAY_OF(struct sim_scenario_iface);
	} ifaces;
	bool arp_accept;       /* of a host */
	uint64_t api_delay_ns; /* of a node: so much farther from the API server than others */
	unsigned line;
};

struct sim_scenario_client {
	char *host, *service;
	uint8_t protocol; /* SIM_TCP, SIM_UDP */
	uint8_t family;   /* IP_V4, IP_V6; 0: of the first address */
	uint64_t every_ns, timeout_ns;
	unsigned line;
};

enum sim_op {
	/* the cluster */
	SIM_OP_EXCLUDE, /* .what: node */
	SIM_OP_INCLUDE,
	SIM_OP_NETWORK_UNAVAILABLE, /* .what: node, .on */
	SIM_OP_APPLY,    /* .objects (of .file) are created or replaced; .config, unless NULL */
	SIM_OP_DELETE,   /* .kind as the API spells it, .ns ("" for what has none), .what */
	SIM_OP_ENDPOINT, /* .service, .what: node; .on: an endpoint there is ready */
	SIM_OP_CONFIG,   /* .config (of .file) is in force for all */
	/* processes: .process, .what: its node, or the name of an allocator: a1, a2, ..., or
	   SIM_LEADER for the one that leads when the time has come */
	SIM_OP_KILL,
	SIM_OP_STOP,
	SIM_OP_RESTART, /* of one that runs: kill and start */
	SIM_OP_PAUSE,
	SIM_OP_RESUME,
	SIM_OP_SLOW,       /* .time_ns each turn; 0: no more */
	SIM_OP_CLOCK_STEP, /* .time_ns, .back */
	/* the network */
	SIM_OP_LINK_DOWN, /* .what: station, .to: interface, NULL: all of it */
	SIM_OP_LINK_UP,
	SIM_OP_CUT,  /* .link, .what: from station, .to: to station, NULL: any; .both: both ways */
	SIM_OP_HEAL, /* the same; .link NULL: every cut, impairment, storm and API fault there is */
	SIM_OP_IMPAIR, /* .link, .what: station or NULL; .impair */
	SIM_OP_STORM,  /* .link, .count frames a second; 0: no more */
	SIM_OP_FORGET, /* .link: the switch loses its FDB */
	SIM_OP_STEAL,  /* .what: host, .address or .service's first */
	SIM_OP_GIVE_BACK,
	/* the API server */
	SIM_OP_API_DOWN,
	SIM_OP_API_UP,
	SIM_OP_API_CUT, /* .process, .what; .in, .out */
	SIM_OP_API_HEAL,
	SIM_OP_API_SLOW,      /* .process, .what, .time_ns */
	SIM_OP_API_BREAK,     /* every watch ends */
	SIM_OP_API_COMPACT,   /* 410 for who is behind */
	SIM_OP_API_CONFLICTS, /* .count */
	/* what is expected from this moment within .time_ns, and then up to the next step on the
	   same subject */
	SIM_OP_EXPECT,
};

#define SIM_LEADER                 "leader"
#define SIM_SCENARIO_LINK          "lan"    /* the one where none is said */
#define SIM_SCENARIO_LINK_DELAY_NS 100000   /* where none is said */
#define SIM_SCENARIO_CLIENT        "client" /* the host of clients of which none is said */

enum sim_process { SIM_PROCESS_SPEAKER, SIM_PROCESS_ALLOCATOR, SIM_PROCESS_NODE /* the machine */ };

struct sim_expect {
	char *service;
	char *owner;   /* node; "" for nobody; NULL: no matter */
	char *leader;  /* allocator; "" for nobody; NULL: no matter */
	char *address; /* its status shows this one; "": none; NULL: no matter */
	/* Of .service, or NULL: of all. Since the start, or the expectation before. */
	bool has_dark, has_failed;
	uint64_t dark_max_ns; /* no longer dark at once */
	uint64_t failed_max;  /* so many attempts of clients failed, at most */
};

struct sim_step {
	uint64_t at_ns;
	enum sim_op op;
	enum sim_process process;
	char *what, *to, *link, *file, *kind, *ns, *service;
	bool on, both, back, in, out;
	uint64_t time_ns, count;
	struct ip_addr address;
	struct sim_impair impair;
	struct sim_expect expect;
	struct { /* of .file; owned */
		ARRAY_OF(cJSON *);
	} objects;
	struct config *config;
	char *text; /* it in words, for the timeline: "exclude node2" */
	unsigned line;
};

struct sim_scenario {
	char *name; /* the file without folder and ending, or "random" */
	char *file; /* where it was read from; NULL: it was not */
	struct {
		ARRAY_OF(struct sim_scenario_link);
	} links;
	struct {
		ARRAY_OF(struct sim_scenario_station);
	} nodes, hosts;
	struct {
		ARRAY_OF(struct sim_scenario_client);
	} clients;
	struct {
		ARRAY_OF(struct sim_step); /* by time, those of one time as written */
	} steps;
	unsigned allocators; /* called a1, a2, ... */
	uint64_t seed, until_ns;
	uint64_t bound_ns; /* within which the world must be in order after the last fault; 0: 10 s
			    */
	uint64_t lease_duration_ns, renew_deadline_ns, retry_period_ns;
	unsigned lease_line; /* of the first of them that is said; 0: none is */
	uint64_t api_latency_ns, api_watch_delay_ns;
	char *lb_class;
	bool ignore_exclude_lb; /* speakers do not look at the label that excludes a node */

	/* As written, relative to the scenario's folder; whoever loads it fills in what is below.
	 */
	char *config_file, *service_cidrs;
	unsigned service_cidrs_line;
	struct {
		ARRAY_OF(char *);
	} manifests;

	struct config *config; /* in force from the start; one reference */
	struct {
		ARRAY_OF(cJSON *); /* Services, EndpointSlices, Nodes, Namespaces; owned, defaulted
				    */
	} objects;
	/* Services without an EndpointSlice have a ready endpoint on every node: it is made. */
};

/*
 * Read a scenario file; what it names (config, manifests, files of steps) is not read yet: nodes
 * and Services may come from there. Whoever has read it calls sim_scenario_fill() and
 * sim_scenario_check().
 *
 * Returns 0 and *ret, or -EBADMSG with all that is wrong in @faults.
 */
int sim_scenario_load(const char *path, struct faults *faults, struct sim_scenario **ret);
int sim_scenario_load_text(const char *path, const char *text, size_t len, struct faults *faults,
			   struct sim_scenario **ret);

/*
 * Once s->objects are there, make up what was left out, and settle: a node for each Node, or three
 * where there is none; a link; a host for clients that name none.
 */
void sim_scenario_fill(struct sim_scenario *s);
/* Does everything exist that @s names? Returns 0, or -EBADMSG with what does not in @faults. */
int sim_scenario_check(const struct sim_scenario *s, struct faults *faults);

struct sim_scenario *sim_scenario_free(struct sim_scenario *s); /* NULL is fine; returns NULL */
/* Bring the steps in order and give those their text that have none; and the run its end. */
void sim_scenario_settle(struct sim_scenario *s);
/* Does it end a trouble of a process? "leader" is the one that had it then. */
bool sim_step_is_cure(const struct sim_step *s);
/* A step in words, into @buf; returns @buf. */
const char *sim_step_format(const struct sim_step *s, char *buf, size_t size);

#endif
