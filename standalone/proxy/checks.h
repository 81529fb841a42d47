// SPDX-License-Identifier: Apache-2.0
/*
 * Health-check node ports: a LoadBalancer Service with externalTrafficPolicy Local is served by the
 * nodes that have an endpoint of it, and a balancer in front asks each node at the Service's
 * healthCheckNodePort whether it is one. This is what to answer at which port; kube-proxy's answer
 * in its form, since balancers know that one.
 *
 * Pure. checks_io.c listens and answers.
 */
#ifndef BELLMAN_PROXY_CHECKS_H
#define BELLMAN_PROXY_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/array.h"

struct checks; /* opaque */

/* One Service's port. */
struct check {
	uint16_t port;
	const char *ns, *name; /* interned */
	unsigned endpoints;    /* ready ones on this node */
};

/* Changes on their way from the rules to the listeners, in their order. */
struct check_change {
	struct check check;
	bool gone;
};

struct check_changes {
	ARRAY_OF(struct check_change);
};

/* Note a change; the names are referenced, and dropped by check_changes_done(). */
void check_changes_add(struct check_changes *c, const struct check *check, bool gone);
void check_changes_done(struct check_changes *c);

struct checks *checks_new(void);
struct checks *checks_free(struct checks *c); /* NULL is fine; returns NULL */

void checks_apply(struct checks *c, const struct check_change *change);
/* Who is asked for at @port, or NULL. Of several Services, which no API server allows, the first by
 * name. */
const struct check *checks_at(const struct checks *c, uint16_t port);

#define CHECK_BODY_MAX 512

/*
 * The answer at @check's port: its body in @body and the status of HTTP, 200 when something here
 * serves and the proxy is @healthy, else 503.
 */
unsigned check_answer(const struct check *check, bool healthy, char body[static CHECK_BODY_MAX]);

#endif
