// SPDX-License-Identifier: Apache-2.0
/*
 * Node ports and the health check's node port (Kubernetes: updateNodePorts,
 * updateHealthCheckNodePort). A node port is taken for all protocols; the ports of one
 * Service may share it across protocols.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static bool holds_port(const cJSON *spec, int number)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		if (rule_int(port, "nodePort") == number)
			return true;
	return rule_int(spec, "healthCheckNodePort") == number;
}

static bool in_claims(const struct claims *taken, int number)
{
	for (size_t i = 0; i < taken->count; i++)
		if (taken->items[i].family == IP_NONE && taken->items[i].number == (u128)number)
			return true;
	return false;
}

static int claim_port(struct service_books *b, const char *field, const cJSON *value,
		      const cJSON *old, struct rule_causes *causes, struct claims *taken)
{
	int number = value->valueint;
	char why[96];

	if (holds_port(old, number) || in_claims(taken, number))
		return 0;
	if (number < b->first_port || number > b->last_port) {
		snprintf(why, sizeof(why),
			 "provided port is not in the valid range. The range of valid ports is "
			 "%u-%u",
			 b->first_port, b->last_port);
		rule_invalid(causes, field, value, why);
		return -EINVAL;
	}
	if (rangeset_contains(b->ports, (u128)number)) {
		rule_invalid(causes, field, value, "provided port is already allocated");
		return -EINVAL;
	}
	return books_take(b, (struct claim){ IP_NONE, (u128)number }, taken);
}

static int pick_port(struct service_books *b, const cJSON *service, const char *field,
		     const char *what, struct rule_causes *causes, struct claims *taken, int *ret)
{
	uint64_t span = (uint64_t)b->last_port - b->first_port + 1;
	u128 start = b->first_port + service_hash(service, what) % span, number;

	if (!rangeset_first_free(b->ports, start, b->last_port, &number) &&
	    (start == b->first_port ||
	     !rangeset_first_free(b->ports, b->first_port, start - 1, &number))) {
		causes_add(causes, "FieldValueInvalid", field,
			   "failed to allocate a nodePort: range is full");
		return -ENOSPC;
	}
	*ret = (int)number;
	return books_take(b, (struct claim){ IP_NONE, number }, taken);
}

/* A port number that one protocol got serves the same port of another. */
static int sibling(const cJSON *ports, const cJSON *port)
{
	const cJSON *other;

	cJSON_ArrayForEach (other, ports)
		if (other != port && rule_int(other, "port") == rule_int(port, "port") &&
		    !rule_same(other, port, "protocol") && rule_int(other, "nodePort") != 0)
			return rule_int(other, "nodePort");
	return 0;
}

static int node_port(struct service_books *b, const cJSON *service, const cJSON *spec, cJSON *port,
		     int index, const cJSON *old, struct rule_causes *causes, struct claims *taken)
{
	const cJSON *wanted = rule_get(port, "nodePort");
	char field[48], what[24];
	int number, rc;

	snprintf(field, sizeof(field), "spec.ports[%d].nodePort", index);
	if (wanted != NULL)
		return claim_port(b, field, wanted, old, causes, taken);
	if (is_load_balancer(spec) &&
	    cJSON_IsFalse(rule_get(spec, "allocateLoadBalancerNodePorts")))
		return 0;
	number = sibling(rule_get(spec, "ports"), port);
	if (number == 0) {
		snprintf(what, sizeof(what), "%d", rule_int(port, "port"));
		rc = pick_port(b, service, field, what, causes, taken, &number);
		if (rc != 0)
			return rc;
	}
	rule_set(port, "nodePort", cJSON_CreateNumber(number));
	return 0;
}

int service_node_ports(struct service_books *b, const cJSON *service, cJSON *spec, const cJSON *old,
		       struct rule_causes *causes, struct claims *taken)
{
	cJSON *port;
	int rc = 0, i = 0;

	if (!has_node_ports(spec))
		return 0;
	/* Those that ask for a number first, or an earlier port might be given it. */
	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		if (rc == 0 && rule_get(port, "nodePort") != NULL)
			rc = node_port(b, service, spec, port, i, old, causes, taken);
		i++;
	}
	i = 0;
	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		if (rc == 0 && rule_get(port, "nodePort") == NULL)
			rc = node_port(b, service, spec, port, i, old, causes, taken);
		i++;
	}
	if (rc != 0 || !has_health_check(spec))
		return rc;
	const cJSON *check = rule_get(spec, "healthCheckNodePort");
	int number;
	if (check != NULL)
		return claim_port(b, "spec.healthCheckNodePort", check, old, causes, taken);
	rc = pick_port(b, service, "spec.healthCheckNodePort", "health", causes, taken, &number);
	if (rc == 0)
		rule_set(spec, "healthCheckNodePort", cJSON_CreateNumber(number));
	return rc;
}

void service_held_ports(struct service_books *b, const cJSON *spec, claim_fn fn)
{
	const cJSON *port;
	int check = rule_int(spec, "healthCheckNodePort");

	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		if (rule_int(port, "nodePort") > 0)
			fn(b, (struct claim){ IP_NONE, (u128)rule_int(port, "nodePort") });
	if (check > 0)
		fn(b, (struct claim){ IP_NONE, (u128)check });
}
