// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman simulate --from live --exclude NODE`: elect with and without, on what the API holds.
 *
 * An excluded node keeps its speaker, so nothing is ever dark for long: what moves is all there is
 * to tell. Nothing is played.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/changes.h"
#include "ctl/doubts.h"
#include "ctl/outcome.h"
#include "ctl/peek.h"
#include "ctl/report.h"
#include "ctl/simulate.h"
#include "lib/base/must.h"
#include "lib/model/json.h"

static struct node *find_node(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nodes.count; i++)
		if (strcmp(c->nodes.items[i]->meta.name, name) == 0)
			return c->nodes.items[i];
	return NULL;
}

static void say_missing(const struct cluster *c, const char *name)
{
	const char **known = must(calloc(c->nodes.count + 1, sizeof(char *)));

	for (size_t i = 0; i < c->nodes.count; i++)
		known[i] = c->nodes.items[i]->meta.name;
	const char *nearest = json_nearest(name, known);
	fprintf(stderr, SIMULATE ": there is no node \"%s\"%s%s%s\n", name,
		nearest == NULL ? "" : ", did you mean ", nearest == NULL ? "" : nearest,
		nearest == NULL ? "" : "?");
	free(known);
}

/*
 * Label each node of @names as excluded, as far as @speaker is concerned, and list them in
 * @excluded. False: one of them is not there, which is said.
 */
static bool exclude(const struct cluster *c, struct speaker *speaker, const char *names,
		    cJSON *excluded)
{
	char *copy = must_copy(names), *rest = copy, *name;
	bool good = true;

	while ((name = strsep(&rest, ",")) != NULL) {
		struct node *node = find_node(c, name);
		if (node == NULL) {
			say_missing(c, name);
			good = false;
			continue;
		}
		node->excluded = true;
		speaker_node_upsert(speaker, node);
		cJSON_AddItemToArray(excluded, must(cJSON_CreateString(name)));
	}
	free(copy);
	return good;
}

/* --- telling ---------------------------------------------------------------------------------- */

static size_t count_changes(const cJSON *report, const char *change)
{
	const cJSON *item;
	size_t n = 0;

	cJSON_ArrayForEach (item, peek(report, "changes"))
		n += strcmp(peek_text(item, "change"), change) == 0;
	return n;
}

static void print_table(const struct simulate *o, const cJSON *report)
{
	doubts_print(peek(report, "doubts"), stdout);
	printf("Without %s: of %d Services that are announced %zu would move, and %zu would be "
	       "announced by nobody.\n",
	       o->exclude, peek(report, "announced")->valueint, count_changes(report, "moved"),
	       count_changes(report, "unannounced"));
	report_changes(peek(report, "changes"), stdout);
}

/* How many Services somebody announces. */
static size_t count_announced(const cJSON *outcome)
{
	const cJSON *service;
	size_t n = 0;

	cJSON_ArrayForEach (service, peek(outcome, "services"))
		n += peek(service, "announcements")->child != NULL;
	return n;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum ctl_exit compare(const struct simulate *o, struct sight *sight)
{
	const struct outcome_cfg cfg = { .status = true };
	struct since since = { 0 }; /* what was elected counts, not what a speaker has said */
	cJSON *report = must(cJSON_CreateObject());
	cJSON *doubts = doubts_find(&o->look, sight);
	struct engines engines = engines_run(&sight->cluster, o->look.lb_class, false);
	size_t losses;
	cJSON *before = outcome_tell(&sight->cluster, &engines, &cfg, &losses), *after = NULL;
	enum ctl_exit code = CTL_FAULT;

	if (exclude(&sight->cluster, engines.speaker, o->exclude,
		    must(cJSON_AddArrayToObject(report, "excluded")))) {
		const struct changes_now now = { &sight->cluster, before, &since };
		after = outcome_tell(&sight->cluster, &engines, &cfg, &losses);
		must(cJSON_AddNumberToObject(report, "announced", (double)count_announced(before)));
		cJSON_AddItemToObject(report, "changes",
				      changes_find(&sight->cluster, &now, after));
		cJSON_AddItemToObject(report, "doubts", doubts);
		must(cJSON_AddArrayToObject(report, "errors"));
		report_add_errors(report, &sight->world.faults);
		if (look_wants_json(&o->look))
			report_json(report, stdout);
		else
			print_table(o, report);
		code = count_changes(report, "unannounced") > 0 ? CTL_LOSS : sight_code(sight);
	} else {
		cJSON_Delete(doubts);
	}
	cJSON_Delete(before);
	cJSON_Delete(after);
	cJSON_Delete(report);
	engines_done(&engines);
	return code;
}

enum ctl_exit simulate_live(const struct simulate *o)
{
	struct sight sight = { 0 };

	enum ctl_exit code = look_read(&o->look, NULL, 0, &sight);
	if (code == CTL_DONE)
		code = look_decode(&o->look, &sight);
	if (code == CTL_DONE && sight.blind) {
		fprintf(stderr, SIMULATE ": nobody can be elected by a faulty configuration\n");
		code = CTL_FAULT;
	} else if (code == CTL_DONE) {
		code = compare(o, &sight);
	}
	sight_done(&sight);
	return code;
}
