// SPDX-License-Identifier: Apache-2.0
/*
 * What a ConfigurationState should say, and the patches that bring one there (compatibility
 * page 1.9). Pure: lib/daemon/config_state.c watches, reads the clock and sends.
 */
#ifndef BELLMAN_DAEMON_CONFIG_STATE_BODY_H
#define BELLMAN_DAEMON_CONFIG_STATE_BODY_H

#include <cjson/cJSON.h>

#define CONFIG_STATE_API "metallb.io/v1beta1"

struct config_state_text {
	const char *name, *ns;
	const char *component; /* label metallb.io/component-type: "controller" or "speaker" */
	const char *node;      /* label metallb.io/node-name; NULL: none */
	const char *condition; /* type of its one condition */
	const char *pod;       /* the owner, and its uid; NULL: no owner */
	const char *pod_uid;
	const char *error; /* the configuration's first; NULL: it is valid */
};

/* The object to create, without a status: a server drops one here. For cJSON_Delete(). */
cJSON *config_state_object(const struct config_state_text *want);

/*
 * A merge patch that mends what of labels and owner is not as in config_state_object(); NULL when
 * nothing is. Labels of others stay. Without a pod of its own, owners stay. For cJSON_Delete().
 */
cJSON *config_state_meta_patch(const struct config_state_text *want, const cJSON *object);

/*
 * A merge patch of the status subresource; NULL when @object says it already. @now: RFC 3339, the
 * condition's lastTransitionTime unless @object had the condition in the same status, whose time
 * is kept. For cJSON_Delete().
 */
cJSON *config_state_status_patch(const struct config_state_text *want, const cJSON *object,
				 const char *now);

#endif
