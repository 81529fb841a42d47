// SPDX-License-Identifier: Apache-2.0
/*
 * What a scenario names and should have: a fault for each that is not there, with the nearest that
 * is. For sim/scenario_check.c.
 *
 * Nodes and Services may come with manifests: before those were read they are not asked for. NULL
 * is no name, and no fault.
 */
#ifndef BELLMAN_SIM_SCENARIO_NAMES_H
#define BELLMAN_SIM_SCENARIO_NAMES_H

#include "sim/scenario_read.h"

struct checker {
	const struct sim_scenario *s;
	struct faults *faults;
	bool all; /* the manifests are there */
	bool failed;
};

void checker_fault(struct checker *c, unsigned line, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One of @all by its name; NULL: there is none. */
const struct sim_scenario_station *checker_find(const struct sim_scenario_station *all,
						size_t count, const char *name);

void need_link(struct checker *c, unsigned line, const char *field, const char *name);
void need_host(struct checker *c, unsigned line, const char *field, const char *name);
void need_node(struct checker *c, unsigned line, const char *name);
void need_station(struct checker *c, unsigned line, const char *name);
void need_iface(struct checker *c, unsigned line, const char *station, const char *name);
/* @or_leader: "leader" names one, too. */
void need_allocator(struct checker *c, unsigned line, const char *name, bool or_leader);
void need_process(struct checker *c, const struct sim_step *step);
const cJSON *need_service(struct checker *c, unsigned line, const char *field, const char *name);
/*
 * An object that is there from the start, or comes with a step, lent; NULL: it is not, or not asked
 * for. @name: [NAMESPACE/]NAME
 */
const cJSON *need_object(struct checker *c, unsigned line, const char *field, const char *kind,
			 const char *name);

#endif
