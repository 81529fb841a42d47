// SPDX-License-Identifier: Apache-2.0
/* A run that never was, for tests of what is told of runs: a planned move of two addresses. */
#ifndef BELLMAN_TESTS_SIM_RESULT_H
#define BELLMAN_TESTS_SIM_RESULT_H

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/report.h"

#define MS NS_PER_MS
#define S  NS_PER_S

static inline struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	must_0(ip_parse(text, &ip));
	return ip;
}

/* Note something of web/front and one of its addresses; @ip NULL: of the Service alone. */
static inline struct sim_entry *note(struct sim_journal *j, uint64_t at_ns,
				     enum sim_entry_type type, const char *node, const char *ip,
				     const char *text)
{
	struct ip_addr addr = { 0 };

	if (ip != NULL)
		addr = ip_of(ip);
	return sim_journal_add(j, at_ns, type, node, "web/front", &addr, "%s", text);
}

static inline void note_fault(struct sim_journal *j, uint64_t at_ns, enum sim_entry_type type,
			      const char *text)
{
	sim_journal_add(j, at_ns, type, NULL, NULL, NULL, "%s", text);
}

#define V4 "10.0.0.240"
#define V6 "fd00:10::240"

static inline void planned_move(struct sim_journal *j)
{
	sim_journal_add(j, 2 * MS, SIM_LEADS, "allocator-1", NULL, NULL, "%s", "");
	note(j, 100 * MS, SIM_ASSIGNED, "allocator-1", V4, "");
	note(j, 100 * MS, SIM_ASSIGNED, "allocator-1", V6, "");
	note(j, 112 * MS, SIM_ANNOUNCES, "node2", V4, "");
	note(j, 112 * MS, SIM_ANNOUNCES, "node2", V6, "");
	note(j, 113 * MS, SIM_TOLD, "node2", NULL, "announcing from node \"node2\"");
	note_fault(j, 10 * S, SIM_FAULT, "exclude node2");
	note(j, 10 * S + 9 * MS, SIM_WITHDRAWS, "node2", V4, "another node is first");
	note(j, 10 * S + 9 * MS, SIM_DARK, "", V4, "");
	note(j, 10 * S + 12 * MS, SIM_ANNOUNCES, "node3", V4, "");
	note(j, 10 * S + 12 * MS + 100000, SIM_LIT, "node3", V4, "")->value_ns = 3100000;
	note(j, 10 * S + 12 * MS + 100000, SIM_ANNOUNCES, "node3", V6, "");
	note(j, 10 * S + 13 * MS, SIM_WITHDRAWS, "node2", V6, "another node is first");
	note_fault(j, 11 * S, SIM_EXPECTED, "web/front is node3's within 1 s");
}

static inline void planned_result(struct sim_result *r, const struct sim_journal *j)
{
	static const char *const nodes[] = { "node1", "node2", "node3" };

	*r = (struct sim_result){
		.scenario = "planned-move", .seed = 7, .until_ns = 60 * S, .journal = j
	};
	for (size_t i = 0; i < 3; i++)
		*(const char **)must(array_push(&r->nodes)) = nodes[i];
	*(struct sim_outcome *)must(array_push(&r->addresses)) = (struct sim_outcome){
		.service = "web/front",
		.ip = ip_of(V4),
		.owner = "node3",
		.assigned_ns = 100 * MS,
		.first_ns = 12 * MS,
		.dark_ns = 3100000,
		.dark_longest_ns = 3100000,
		.moves = 1,
	};
	*(struct sim_outcome *)must(array_push(&r->addresses)) = (struct sim_outcome){
		.service = "web/front",
		.ip = ip_of(V6),
		.owner = "node3",
		.assigned_ns = 100 * MS,
		.first_ns = 12 * MS,
		.moves = 1,
	};
	*(struct sim_client_outcome *)must(array_push(&r->clients)) = (struct sim_client_outcome){
		.host = "laptop",
		.service = "web/front",
		.counts = { .attempts = 600, .failed = 1, .gap_ns = 200 * MS },
	};
}

#endif
