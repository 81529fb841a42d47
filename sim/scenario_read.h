// SPDX-License-Identifier: Apache-2.0
/*
 * Between the parts of the reader of scenarios; nobody else includes it.
 *
 * A file is a tree. First it is held against tables, and all that is wrong with it is told; then
 * what is left is read, by said_*() that pass over what is not of its type.
 */
#ifndef BELLMAN_SIM_SCENARIO_READ_H
#define BELLMAN_SIM_SCENARIO_READ_H

#include "lib/model/schema.h"
#include "sim/scenario.h"

#define SCENARIO_NODES_MAX 10000 /* names are compared one by one */

/* Make something of the tree of @doc, which is used up. As sim_scenario_load(). */
int scenario_read_doc(const char *path, struct doc *doc, struct faults *faults,
		      struct sim_scenario **ret);
/* As sim_scenario_check(), but for what may come with manifests. */
int scenario_check_own(const struct sim_scenario *s, struct faults *faults);

/* --- scenario_steps.c: the timeline -------------------------------------------------------- */

void scenario_timeline_check(const struct json *list);
void scenario_timeline_read(const struct doc *doc, const cJSON *list, struct sim_scenario *s);

/* What @value says with the verb of @s, whose .op is set; scenario_step_read.c. */
void scenario_step_read(const cJSON *value, struct sim_step *s);

/* --- scenario_values.c: members of maps ---------------------------------------------------- */

/* What the tables have no type for: a check each. */
void scenario_file_check(const struct json *j);
void scenario_name_check(const struct json *j);   /* of a link or a station */
void scenario_iface_check(const struct json *j);  /* of an interface, as Linux takes it */
void scenario_period_check(const struct json *j); /* a duration, not of no time */
void scenario_percent_check(const struct json *j);
void scenario_clock_step_check(const struct json *j); /* a duration that may go back */
void scenario_service_check(const struct json *j);    /* [NAMESPACE/]NAME */
void scenario_process_check(const struct json *j);    /* "speaker NODE" and the like */
void scenario_daemon_check(const struct json *j);     /* the same, but not "node NODE" */
void scenario_delete_check(const struct json *j);     /* "KIND [NAMESPACE/]NAME" */
void scenario_mac_check(const struct json *j);
void scenario_prefixes_check(const struct json *j);

const char *said_text(const cJSON *map, const char *key); /* lent; NULL: not said */
char *said_copy(const cJSON *map, const char *key);       /* the same, for the caller to free */
bool said_flag(const cJSON *map, const char *key, bool absent);
uint64_t said_number(const cJSON *map, const char *key, uint64_t absent);
uint64_t said_duration(const cJSON *map, const char *key, uint64_t absent);
struct sim_impair said_impair(const cJSON *map); /* of loss, duplicate, reorder, delay, jitter */
const cJSON *said_list(const cJSON *map, const char *key); /* NULL: not said */

/* "front" is "default/front"; for the caller to free. NULL of NULL. */
char *scenario_service_copy(const char *text);
/* Without a sign; *ret_back: there was a minus. Returns as duration_parse(). */
int scenario_signed_parse(const char *text, uint64_t *ret_ns, bool *ret_back);
/* "speaker node2"; *ret_name is within @text. False: it is none. */
bool scenario_process_parse(const char *text, enum sim_process *ret, const char **ret_name);
/* The kind as the API spells it, and where the name begins in @text. NULL: it is none. */
const char *scenario_kind_parse(const char *text, const char **ret_name);

#endif
