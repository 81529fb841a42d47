// SPDX-License-Identifier: Apache-2.0
#include "speaker/action.h"

#include "lib/base/intern.h"

#include <stdio.h>

#include "proto/ether.h"

#define KEEP_MAX 256 /* a list that grew at a take-over is not kept that large for ever */

/* What begins a burst, in words that follow "after". */
static const char *cause_text(uint8_t why)
{
	switch (why) {
	case SPEAKER_JOINED:
		return "being advertised on this link too";
	case SPEAKER_CAME_UP:
		return "the link came up";
	case SPEAKER_CHANGED_MAC:
		return "the link got another MAC";
	default:
		return "taking over";
	}
}

const char *speaker_why_format(const struct speaker_action *a, char *buf, size_t size)
{
	const struct service_id *holder = a->frame.holder;
	char ip[IP_TEXT_MAX], from[IP_TEXT_MAX], mac[ETHER_TEXT_MAX];

	ip_format(&a->frame.ip, ip);
	ip_format(&a->frame.asker, from);
	switch (a->frame.why) {
	case SPEAKER_ANSWERS_REQUEST:
		snprintf(buf, size, "answers who-has %s from %s: %s/%s is announced here", ip, from,
			 holder->ns, holder->name);
		break;
	case SPEAKER_ANSWERS_PROBE: /* the asker has no address yet */
		snprintf(buf, size, "answers a probe for %s from %s: it is taken, by %s/%s", ip,
			 ether_format(a->frame.bytes, mac), holder->ns, holder->name);
		break;
	case SPEAKER_ANSWERS_SOLICITATION:
		snprintf(buf, size, "answers a solicitation of %s from %s: %s/%s is announced here",
			 ip, from, holder->ns, holder->name);
		break;
	case SPEAKER_ANSWERS_DAD:
		snprintf(buf, size,
			 "answers duplicate address detection of %s: it is taken, by %s/%s", ip,
			 holder->ns, holder->name);
		break;
	case SPEAKER_REFRESHES:
		snprintf(buf, size, "refreshes %s (%s/%s)", ip, holder->ns, holder->name);
		break;
	default:
		snprintf(buf, size, "announces %s (%s/%s), round %u of the burst after %s", ip,
			 holder->ns, holder->name, a->frame.round, cause_text(a->frame.why));
	}
	return buf;
}

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
