// SPDX-License-Identifier: Apache-2.0
/*
 * Rules that translate a connection to one of a Service port's endpoints, at random or, with
 * session affinity, to the one that the client had before.
 */
#ifndef BELLMAN_PROXY_TRANSLATE_H
#define BELLMAN_PROXY_TRANSLATE_H

#include "standalone/proxy/backends.h"
#include "standalone/proxy/text.h"

/* Add the rules for @to, at least one, with the affinity of @service, as in struct chain. */
void translate(struct text *t, const struct service *service, const struct service_port *port,
	       uint8_t family, const struct backends *to);

#endif
