// SPDX-License-Identifier: Apache-2.0
#include "ctl/leader.h"

#include <string.h>
#include <time.h>

#include "ctl/peek.h"
#include "lib/base/must.h"
#include "lib/kube/exec_plugin.h"

#define DURATION_S 15 /* where the Lease does not say */

/* Fill in what @lease says; returns whether its holder leads. */
static bool read_lease(const cJSON *lease, const char *name, cJSON *to, char *text, size_t size)
{
	const cJSON *spec = peek(lease, "spec"), *duration = peek(spec, "leaseDurationSeconds");
	const char *holder = peek_text(spec, "holderIdentity");
	const char *renewed = peek_text(spec, "renewTime");
	int lasts_s = cJSON_IsNumber(duration) ? duration->valueint : DURATION_S;
	time_t then = 0;

	must(cJSON_AddStringToObject(to, "holder", holder));
	must(cJSON_AddStringToObject(to, "renewed", renewed));
	if (!exec_time_read(renewed, &then)) {
		snprintf(text, size, "no allocator leads: Lease %s was never renewed", name);
		return false;
	}
	/* Clocks that are a little apart make no age below zero. */
	long long age_s = time(NULL) < then ? 0 : (long long)(time(NULL) - then);
	if (*holder == '\0') {
		snprintf(text, size,
			 "no allocator leads: the last one gave Lease %s back %lld s ago", name,
			 age_s);
		return false;
	}
	if (age_s > lasts_s) {
		snprintf(text, size,
			 "no allocator leads: %s renewed Lease %s last %lld s ago, for %d s",
			 holder, name, age_s, lasts_s);
		return false;
	}
	snprintf(text, size, "%s leads: it renewed Lease %s %lld s ago, for %d s", holder, name,
		 age_s, lasts_s);
	return true;
}

cJSON *leader_tell(const cJSON *lease, const char *ns, const char *refused, const char *because)
{
	cJSON *o = must(cJSON_CreateObject());
	char name[300], text[2048];
	bool leads = false;

	snprintf(name, sizeof(name), "%s/" LEADER_LEASE, ns);
	must(cJSON_AddStringToObject(o, "lease", name));
	if (lease != NULL) {
		leads = read_lease(lease, name, o, text, sizeof(text));
	} else {
		must(cJSON_AddStringToObject(o, "holder", ""));
		must(cJSON_AddStringToObject(o, "renewed", ""));
		if (refused != NULL)
			snprintf(text, sizeof(text),
				 "it is not known whether an allocator leads: %s", refused);
		else
			snprintf(text, sizeof(text),
				 "no allocator leads: there is no Lease %s, which the first one "
				 "makes",
				 name);
	}
	if (lease == NULL && refused != NULL)
		must(cJSON_AddNullToObject(o, "leads"));
	else
		must(cJSON_AddBoolToObject(o, "leads", leads));
	size_t len = strlen(text);
	if (because != NULL && cJSON_IsFalse(peek(o, "leads")))
		snprintf(text + len, sizeof(text) - len, "; %s", because);
	must(cJSON_AddStringToObject(o, "text", text));
	return o;
}

bool leader_is_missing(const cJSON *leader)
{
	return cJSON_IsFalse(peek(leader, "leads"));
}

bool leader_is_there(const cJSON *leader)
{
	return cJSON_IsTrue(peek(leader, "leads"));
}

bool leader_was_never(const cJSON *leader)
{
	return leader_is_missing(leader) && *peek_text(leader, "holder") == '\0' &&
	       *peek_text(leader, "renewed") == '\0';
}
