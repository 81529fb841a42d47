// SPDX-License-Identifier: Apache-2.0
/*
 * What the Kubernetes API does to a Service before it is stored: defaults, cluster
 * IPs, node ports, validation. Shared by bellman-apiserver and by `plan`, so that
 * a dry run sees the Service that a cluster would.
 *
 * Works on the JSON object, since everything must be kept. The books (which cluster
 * IPs and node ports are taken) are the caller's `service_books`; a refused call
 * leaves both the books and the object's stored form as they were.
 */
#ifndef BELLMAN_MODEL_SERVICE_RULES_H
#define BELLMAN_MODEL_SERVICE_RULES_H

#include "lib/base/ip.h"
#include "lib/model/rule_causes.h"

#include <cjson/cJSON.h>

struct service_books; /* cluster IPs and node ports in use */

/*
 * @service_cidrs: one prefix, or one of each family, the first one primary
 * ("10.96.0.0/16,fd00:10:96::/112").
 * @node_ports: "30000-32767". Returns 0, -EINVAL (@service_cidrs), -ERANGE (@node_ports) or
 * -ENOMEM.
 */
int service_books_new(const char *service_cidrs, const char *node_ports,
		      struct service_books **ret);
struct service_books *service_books_free(struct service_books *b);

/*
 * Default, allocate and validate @service in place. @old: what is stored now, NULL on create.
 * Fields that the rules own (clusterIPs, nodePort, healthCheckNodePort) are carried over from
 * @old where the new object leaves them out, and released where the type no longer has them;
 * status.loadBalancer.ingress is emptied when the type leaves LoadBalancer.
 *
 * Returns 0, -EINVAL (422, reasons in @causes) or -ENOSPC (no cluster IP or node port left,
 * reason in @causes too). On failure the books are as they were.
 */
int service_rules_apply(struct service_books *b, cJSON *service, const cJSON *old,
			struct rule_causes *causes);

/* Enter a stored Service into the books at start. */
void service_rules_adopt(struct service_books *b, const cJSON *service);
/* Give back what @service held. */
void service_rules_release(struct service_books *b, const cJSON *service);

#endif
