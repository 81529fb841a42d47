// SPDX-License-Identifier: Apache-2.0
#include "ctl/simulate.h"
enum ctl_exit simulate_play(const struct simulate *o)
{
	(void)o;
	return CTL_FAULT;
}
