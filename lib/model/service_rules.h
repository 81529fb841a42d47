// SPDX-License-Identifier: Apache-2.0
/*
 * What the Kubernetes API (v1.32) does to a Service before it is stored: defaults, cluster IPs,
 * node ports, validation, in its order and words. Shared by bellman-apiserver and by
 * `plan`, so that a dry run sees the Service that a cluster would.
 *
 * Works on the JSON object. The books (which cluster IPs and node ports are taken) are the caller's
 * `service_books`; a refused call leaves both the books and the object's stored form as they were.
 */
#ifndef BELLMAN_MODEL_SERVICE_RULES_H
#define BELLMAN_MODEL_SERVICE_RULES_H

#include <stdbool.h>

#include "lib/model/json.h"
#include "lib/model/rule_causes.h"

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
 * From here on a Service that is refused for what it asks of the books is validated all the same:
 * for those who mend a file. The API tells only the first step's faults.
 */
void service_books_tell_all(struct service_books *b);

/*
 * Warn at every member of @spec, a Service's, that no Service of Kubernetes 1.32 has, with the
 * nearest name. Nothing is refused: it may be of a later version, and the API only warns, too.
 */
void service_warn_of_unknown(const struct json *spec);

/*
 * Complete and check @service in place. @old: what is stored now, NULL on create.
 * Fields that the rules own (clusterIPs, nodePort, healthCheckNodePort) are carried over from
 * @old where the new object leaves them out, and released where the type no longer has them;
 * status.loadBalancer.ingress is emptied when the type leaves LoadBalancer.
 *
 * @causes may hold what was found before, in the metadata: those stay in front of what validation
 * finds, and give way to what the books refuse, which the API looks at first.
 *
 * Returns 0, or with the books as they were:
 * -EINVAL: refused (422);
 * -ENOSPC: no cluster IP or node port is left, or the health check's is taken; one cause (500);
 * -ENOTUNIQ: an update gives two ports one node port; one cause (500, without a reason).
 */
int service_rules_apply(struct service_books *b, cJSON *service, const cJSON *old,
			struct rule_causes *causes);

/*
 * The mode of each address in the status, where @service says that it is of type LoadBalancer. The
 * Kubernetes API does this as it reads a write of the status, before the stored spec comes in.
 */
void service_rules_decoded(cJSON *service);

/* As service_rules_apply(), for a write of the status; the spec is the one that is stored. */
int service_rules_status(cJSON *service, struct rule_causes *causes);

/*
 * What the API says, in Warning headers, of a Service that it takes. @tell is called for each.
 */
void service_rules_warn(const cJSON *service, void (*tell)(void *arg, const char *text), void *arg);

/* Enter a stored Service into the books at start. */
void service_rules_adopt(struct service_books *b, const cJSON *service);
/* Give back what @service held. */
void service_rules_release(struct service_books *b, const cJSON *service);

#endif
