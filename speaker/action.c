// SPDX-License-Identifier: Apache-2.0
#include "speaker/action.h"

#include "lib/base/intern.h"

#define KEEP_MAX 256 /* a list that grew at a take-over is not kept that large for ever */

void speaker_actions_clear(struct speaker_actions *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct speaker_action *action = &a->items[i];

		if (action->type < SPEAKER_ANNOUNCED)
			continue;
		intern_unref(action->about.ns);
		intern_unref(action->about.name);
		free(action->about.uid);
		free(action->about.text);
	}
	a->count = 0;
	if (a->cap > KEEP_MAX)
		array_free(a);
}

void speaker_actions_done(struct speaker_actions *a)
{
	speaker_actions_clear(a);
	array_free(a);
}
