// SPDX-License-Identifier: Apache-2.0
/* A scenario out of a file: all that the simulator ever opens. */
#include "sim/scenario_read.h"

int sim_scenario_load(const char *path, struct faults *faults, struct sim_scenario **ret)
{
	struct doc *doc;
	int rc = doc_load_tree(path, faults, &doc);

	return rc != 0 ? rc : scenario_read_doc(path, doc, faults, ret);
}
