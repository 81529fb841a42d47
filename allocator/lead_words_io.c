// SPDX-License-Identifier: Apache-2.0
#include "allocator/lead_words_io.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"

static void send_event(struct lead_words *w, const char *type, const char *reason,
		       const char *message)
{
	kube_event(w->kube, &(struct kube_event){
				    .component = "bellman-allocator",
				    .host = "",
				    .kind = "Lease",
				    .api_version = "coordination.k8s.io/v1",
				    .ns = w->ns,
				    .name = w->lease,
				    .type = type,
				    .reason = reason,
				    .message = message,
			    });
}

void lead_say(struct lead_words *w, bool leads)
{
	char message[IDENTITY_MAX + 32];

	log_info("lead", leads ? "leading" : "leading no more", "lease=%s/%s identity=%s", w->ns,
		 w->lease, w->identity);
	snprintf(message, sizeof(message), "%s %s", w->identity,
		 leads ? "became leader" : "stopped leading");
	send_event(w, "Normal", "LeaderElection", message); /* as client-go has it */
}

void lead_name_holder(struct lead_words *w, const char *holder)
{
	char name[sizeof(w->leader)]; /* others may have written anything */

	snprintf(name, sizeof(name), "%s", holder);
	if (strcmp(name, w->leader) == 0)
		return;
	memcpy(w->leader, name, sizeof(name));
	if (name[0] != '\0' && strcmp(name, w->identity) != 0)
		log_info("lead", "standing by", "lease=%s/%s leader=%s", w->ns, w->lease, name);
}

void lead_say_unheld(struct lead_words *w, uint64_t wait_ns)
{
	if (wait_ns > 0 && !w->unheld)
		log_warn("lead", "the Lease was deleted or edited, waiting for who held it",
			 "lease=%s/%s seconds=%llu", w->ns, w->lease,
			 (unsigned long long)((wait_ns + NS_PER_S - 1) / NS_PER_S));
	w->unheld = wait_ns > 0;
}

void lead_set_trouble(struct lead_words *w, int status, const char *why)
{
	const char *rights = status == 401 || status == 403
				     ? "needs get, list, watch, create and update of leases in "
				       "coordination.k8s.io, for "
				     : "";
	char text[sizeof(w->trouble)] = "";

	if (why != NULL)
		snprintf(text, sizeof(text), "%sLease %s/%s: %s", rights, w->ns, w->lease, why);
	if (text[0] != '\0' && strcmp(text, w->trouble) != 0) {
		log_error("lead", "not leading", "why=\"%s\"", text);
		send_event(w, "Warning", "LeaderElectionFailed", text);
	}
	memcpy(w->trouble, text, sizeof(text));
}
