// SPDX-License-Identifier: Apache-2.0
/* `bellman status`: what is in a cluster, and why. */
#include <stdio.h>

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
	struct engines engines = engines_run(&sight->cluster, look->lb_class, false);
	size_t losses;
	cJSON *report = outcome_tell(&sight->cluster, &engines, true, &losses);

	since_fill(&sight->since, &sight->cluster, report);
	cJSON_AddItemToObject(report, "leader", must(cJSON_Duplicate(sight->leader, true)));
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
	const struct option_spec own[] = { { 0 } };
	struct sight sight = { 0 };

	look.live = true;
	look_options(&look, own, argc, argv);
	enum ctl_exit code = look_read(&look, NULL, 0, &sight);
	if (code == CTL_DONE)
		code = look_decode(&look, &sight);
	if (code == CTL_DONE)
		tell(&look, &sight);
	sight_done(&sight);
	return code;
}
