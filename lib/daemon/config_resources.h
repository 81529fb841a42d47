// SPDX-License-Identifier: Apache-2.0
/*
 * The custom resources of group metallb.io in one namespace, as the API has them: watched, and
 * reduced to what is configuration. Part of config_source.h, which checks them.
 */
#ifndef BELLMAN_DAEMON_CONFIG_RESOURCES_H
#define BELLMAN_DAEMON_CONFIG_RESOURCES_H

#include "lib/kube/kube.h"
#include "lib/model/config.h"

struct config_resources; /* opaque */

struct config_resources_cfg {
	struct kube *kube; /* borrowed */
	const char *ns;    /* lent for the call */
	enum config_scope scope;
	bool watch_all; /* those out of scope, too */
	/* A resource in scope is another, or a kind is back that was lost. */
	void (*touched)(void *arg);
	/* It is time to look at what there is: no list is under way for the first time. */
	void (*look)(void *arg);
	/* As in config_source.h. */
	void (*pool_told)(void *arg, const char *name, const cJSON *object);
	void *arg;
};

/* Begin to watch. NULL: out of memory. */
struct config_resources *config_resources_open(const struct config_resources_cfg *cfg);

/* Of the kinds in scope: was each listed once, or said to be absent? Is one lost that was listed
 * once? Was any listed? */
bool config_resources_synced(const struct config_resources *r);
bool config_resources_lost(const struct config_resources *r);
bool config_resources_listed(const struct config_resources *r);

/* Add those in scope to @to; they stay good until the loop turns. */
void config_resources_add(const struct config_resources *r, struct config_inputs *to);
/* Add every one there is; returns whether each kind that is watched was read once. */
bool config_resources_add_all(const struct config_resources *r, struct config_inputs *to);

/* The UID of an IPAddressPool; NULL when there is none. Lent until the loop turns. */
const char *config_resources_pool_uid(const struct config_resources *r, const char *name);

/* Close it before its kube. NULL is fine; returns NULL. */
struct config_resources *config_resources_close(struct config_resources *r);

#endif
