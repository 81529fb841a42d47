// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of sim/owner.c share: owner.c keeps who answers for which address, owner_speaker.c
 * learns it from the speakers, owner_status.c what Services have from the API.
 */
#ifndef BELLMAN_SIM_OWNER_STATE_H
#define BELLMAN_SIM_OWNER_STATE_H

#include "sim/world_state.h"

RB_HEAD(owned_tree, owned_service);
RB_HEAD(answered_tree, answered);

struct owners {
	struct owned_tree services;
	struct answered_tree answered;
	uint64_t epoch; /* counts what concerns the verdicts on all Services */
	/* Services whose addresses the node is to be asked for after each pass, by its number. */
	struct owner_hot {
		ARRAY_OF(struct owner_heat {
			struct owned_service *service;
			uint64_t number; /* of the API's latest change when it became so */
		});
	} * hot;
};

struct owned_service *owner_service_find(const struct owners *o, const char *ns, const char *name);
struct owned_service *owner_service_get(struct owners *o, const char *ns, const char *name);
struct answered *owner_answered_get(struct sim_world *w, const struct ip_addr *ip);
struct owner_claim *owner_claim_find(const struct owned_service *s, const struct world_node *n);
void owner_make_hot(struct world_node *n, struct owned_service *s);
/* Bring it in line with who answers. */
void owner_settle(struct sim_world *w, struct owned *o);
/* The node answers for it now, or does not. */
void owner_answer_set(struct answered *a, struct world_node *n, bool answers);
bool owner_ips_have(const struct ip_addr *ips, size_t count, const struct ip_addr *ip);

#endif
