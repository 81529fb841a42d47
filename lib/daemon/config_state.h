// SPDX-License-Identifier: Apache-2.0
/*
 * The ConfigurationState of one daemon: whether its configuration checks, told where MetalLB's
 * users look for it (compatibility page 1.9).
 *
 * One object: created when it is missing, also when somebody deletes it, and brought back when
 * somebody edits it. Written on change only; its status, and the rest of it, at most once a second
 * each, whoever insists on something else. Plain POST and merge patch.
 * Where its definition is not installed, nothing is written and nothing said; an API that refuses
 * is said once.
 */
#ifndef BELLMAN_DAEMON_CONFIG_STATE_H
#define BELLMAN_DAEMON_CONFIG_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/kube/kube.h"

struct config_state; /* opaque */

struct config_state_cfg {
	uv_loop_t *loop;
	struct kube *kube;     /* borrowed; to be closed after config_state_close() */
	const char *ns;        /* copied, as all texts here */
	const char *node;      /* NULL: the object `controller`, else `speaker-NODE` */
	const char *condition; /* type of the condition that is written */
	const char *pod;       /* own pod, the owner if it can be read; NULL: no owner */
	uint64_t seed;         /* of the jitter in back-offs */
	/* What sends the writes, as kube_request() does with @via for its kube; may refuse, and is
	 * asked again then. NULL: kube_request(). */
	int (*send)(void *via, const char *method, const char *path, const char *content_type,
		    const char *body, kube_done done, void *arg);
	void *via;
};

/* Begin to watch; nothing is written before config_state_set(). Returns 0 or -ENOMEM. */
int config_state_open(const struct config_state_cfg *cfg, struct config_state **ret);

/* The configuration is valid (NULL), or @error, copied, is the first that is wrong with it. */
void config_state_set(struct config_state *s, const char *error);

/* Whether to write at all; true at first. Of several allocators only the leader does. */
void config_state_lead(struct config_state *s, bool lead);

/* Write what was set until the object says so, and then no more, whoever changes it. Does not last
 * beyond the next config_state_lead(). */
void config_state_once(struct config_state *s);

/*
 * Stop; the object stays. The memory goes once kube_close() has ended the request under way and
 * the loop has run the close callbacks. NULL is fine; returns NULL.
 */
struct config_state *config_state_close(struct config_state *s);

#endif
