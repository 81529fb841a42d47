// SPDX-License-Identifier: Apache-2.0
/* `bellman status`: what is in a cluster, and why. */
#include <stdio.h>

#include "ctl/doubts.h"
#include "ctl/leader.h"
#include "ctl/look.h"
#include "ctl/outcome.h"
#include "ctl/report.h"
#include "lib/base/must.h"

static const char summary[] =
	"Tell who has which address, which node announces it, and why.\n"
	"\n"
	"NODE is computed here, by the election that the speakers hold too. STATE is\n"
	"  announced  the speaker of that node has said so: the last event tells\n"
	"  elected    the node should announce; no event says that it does\n"
	"  allocated  it has an address, and no node may announce it\n"
	"  pending    it has no address\n"
	"  foreign    another controller serves it";

static void tell(const struct look *look, struct sight *sight)
{
	cJSON *doubts = doubts_find(look, sight);
	struct engines engines = engines_run(&sight->cluster, look->lb_class, false);
	const struct outcome_cfg cfg = {
		.status = true,
		.blind = sight->blind,
		.led = leader_is_there(sight->leader),
	};
	size_t losses;
	cJSON *report = outcome_tell(&sight->cluster, &engines, &cfg, &losses);

	report_add_errors(report, &sight->world.faults);
	(sight->blind ? since_fill_blind : since_fill)(&sight->since, &sight->cluster, report);
	cJSON_AddItemToObject(report, "leader", must(cJSON_Duplicate(sight->leader, true)));
	cJSON_AddItemToObject(report, "doubts", doubts);
	if (look_wants_json(look))
		report_json(report, stdout);
	else
		report_table(report, true, stdout);
	cJSON_Delete(report);
	engines_done(&engines);
}

int ctl_status(int argc, char **argv)
{
	struct look look = look_new("bellman status", summary, NULL);
	struct sight sight = { 0 };

	look_options(&look, argc, argv);
	look.live = look.status = true;
	enum ctl_exit code = look_read(&look, NULL, 0, &sight);
	if (code == CTL_DONE)
		code = look_decode(&look, &sight);
	if (code == CTL_DONE) {
		tell(&look, &sight);
		code = sight_code(&sight);
	}
	sight_done(&sight);
	return code;
}
