// SPDX-License-Identifier: Apache-2.0
/* Text of scenario files: what is read is filled up, checked and put into words. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { 0 };
	struct sim_scenario *s = NULL;

	int rc = sim_scenario_load_text("f.conf", (const char *)data, size, &faults, &s);
	if ((rc != 0) != (faults.errors > 0)) /* refused without a reason, or taken with one */
		abort();
	if (rc == 0) {
		sim_scenario_fill(s);
		if ((sim_scenario_check(s, &faults) != 0) != (faults.errors > 0))
			abort();
		for (size_t i = 0; i < s->steps.count; i++)
			if (s->steps.items[i].text == NULL ||
			    (i > 0 && s->steps.items[i - 1].at_ns > s->steps.items[i].at_ns))
				abort();
	}
	sim_scenario_free(s);
	faults_free(&faults);
	return 0;
}
