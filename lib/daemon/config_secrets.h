// SPDX-License-Identifier: Apache-2.0
/*
 * The Secrets beside the custom resources, as far as passwords of BGP peers need them: name, type
 * and the key `password`. Nothing else of a Secret is kept, and what is kept is wiped when it goes.
 */
#ifndef BELLMAN_DAEMON_CONFIG_SECRETS_H
#define BELLMAN_DAEMON_CONFIG_SECRETS_H

#include "lib/kube/kube.h"

struct config_secrets; /* opaque */

/*
 * Begin to watch those of @ns; @changed runs when that of @name is another than before, and with
 * NULL once the server has answered, whether with a list or not. NULL: out of memory.
 */
struct config_secrets *config_secrets_open(struct kube *kube, const char *ns,
					   void (*changed)(void *arg, const char *name), void *arg);

/* Are all known (true), or has the server refused to tell? */
bool config_secrets_answered(const struct config_secrets *s, bool *ret_complete);

/* The objects, as config_build() takes them. */
const cJSON *const *config_secrets_list(const struct config_secrets *s, size_t *ret_count);

/* Close it before its kube. NULL is fine; returns NULL. */
struct config_secrets *config_secrets_close(struct config_secrets *s);

#endif
