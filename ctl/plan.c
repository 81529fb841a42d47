// SPDX-License-Identifier: Apache-2.0
/* `bellman plan`: what would come of these files, alone or applied to a cluster. */
#include <stdio.h>

#include "ctl/changes.h"
#include "ctl/doubts.h"
#include "ctl/look.h"
#include "ctl/outcome.h"
#include "ctl/report.h"
#include "lib/base/must.h"

/* What the Services hold and who is elected now, told by the objects of the API alone. */
static void add_changes(const struct look *look, struct sight *sight, cJSON *report)
{
	struct cluster now;
	struct engines engines = { 0 };
	cJSON *now_report = NULL;
	size_t losses;

	world_settle(&sight->now);
	cluster_build(&sight->now, look->service_cidrs, &now);
	/* Faults of the API's objects are told with those of the files; here they only mean that
	 * nobody can be elected. */
	if (now.config != NULL) {
		engines = engines_run(&now, look->lb_class, false);
		const struct outcome_cfg cfg = { .status = true };
		now_report = outcome_tell(&now, &engines, &cfg, &losses);
	}
	const struct changes_now from = { &now, now_report, &sight->since };
	cJSON_AddItemToObject(report, "changes", changes_find(&sight->cluster, &from, report));
	cJSON_Delete(now_report);
	engines_done(&engines);
	cluster_done(&now);
}

/* Returns how many Services would lose an address. */
static size_t tell(const struct look *look, struct sight *sight)
{
	cJSON *doubts = doubts_find(look, sight);
	struct engines engines = engines_run(&sight->cluster, look->lb_class, true);
	const struct outcome_cfg cfg = { .status = false };
	size_t losses = 0;
	cJSON *report = outcome_tell(&sight->cluster, &engines, &cfg, &losses);

	if (look->live) {
		add_changes(look, sight, report);
		cJSON_AddItemToObject(report, "doubts", must(cJSON_Duplicate(doubts, true)));
	}
	cJSON_Delete(doubts);
	if (look_wants_json(look))
		report_json(report, stdout);
	else
		report_table(report, false, stdout);
	cJSON_Delete(report);
	engines_done(&engines);
	return losses;
}

int ctl_plan(int argc, char **argv)
{
	struct look look =
		look_new("bellman plan",
			 "Tell who would get which address, and which node announces it.",
			 "FILE...");
	struct sight sight = { 0 };

	int first = look_options(&look, argc, argv);
	look.compare = look.live;
	if (first == argc && look.config == NULL && !look.live)
		options_usage(look.program, "a file is needed");
	enum ctl_exit code = look_read(&look, argv + first, argc - first, &sight);
	if (code == CTL_DONE)
		code = look_decode(&look, &sight);
	if (code == CTL_DONE && tell(&look, &sight) > 0)
		code = CTL_LOSS;
	sight_done(&sight);
	return code;
}
