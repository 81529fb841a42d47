// SPDX-License-Identifier: Apache-2.0
/*
 * Node ports and the health check's (Kubernetes: initNodePorts, updateNodePorts,
 * allocHealthCheckNodePort, portallocator). A number is taken for all protocols; on create the
 * ports of one Service that differ in the protocol alone share theirs.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static bool holds(const cJSON *spec, int number)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		if (rule_int(port, "nodePort") == number)
			return true;
	return false;
}

/* Take a number that was asked for. NULL, or why not. */
static const char *take_asked(struct rule_run *r, int number, char why[static 128])
{
	const struct bounds *at = &r->books->port_bounds;
	struct claim c = { IP_NONE, (u128)(number < 0 ? 0 : number) };

	if (c.number < at->first || c.number > at->last) {
		snprintf(why, 128,
			 "provided port is not in the valid range. The range of valid ports is "
			 "%u-%u",
			 (unsigned)at->first, (unsigned)at->last);
		return why;
	}
	if (books_has(r->books, c))
		return "provided port is already allocated";
	books_take(r, c);
	return NULL;
}

static int claim_asked(struct rule_run *r, int index, int number)
{
	char field[FIELD_MAX], text[128];
	const char *why = take_asked(r, number, text);

	if (why == NULL)
		return 0;
	snprintf(field, sizeof(field), "spec.ports[%d].nodePort", index);
	cause_invalid_int(r->causes, field, number, why);
	return -EINVAL;
}

static int claim_any(struct rule_run *r, cJSON *port)
{
	char what[24];
	u128 number;

	snprintf(what, sizeof(what), "%d", rule_int(port, "port"));
	if (!books_pick(r, IP_NONE, what, &number)) {
		causes_add(r->causes, "", "", "failed to allocate a nodePort: range is full");
		return -ENOSPC;
	}
	rule_set(port, "nodePort", cJSON_CreateNumber((double)number));
	return 0;
}

/* --- create ---------------------------------------------------------------------------------- */

/* The number that the first of @ports with this port number asks for, or got; 0: none. */
static int asked_for(const cJSON *ports, int port_number)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, ports)
		if (rule_int(port, "port") == port_number && rule_int(port, "nodePort") != 0)
			return rule_int(port, "nodePort");
	return 0;
}

/* Is @port the first of its number that has or wants a node port? */
static bool is_first(const cJSON *spec, const cJSON *port)
{
	const cJSON *before;

	cJSON_ArrayForEach (before, rule_get(spec, "ports")) {
		if (before == port)
			break;
		if (rule_int(before, "port") == rule_int(port, "port") &&
		    (wants_node_ports(spec) || rule_int(before, "nodePort") != 0))
			return false;
	}
	return true;
}

static int claim_created(struct rule_run *r, bool asking)
{
	cJSON *ports = rule_get(r->spec, "ports"), *port;
	int rc = 0, i = 0;

	cJSON_ArrayForEach (port, ports) {
		int own = rule_int(port, "nodePort"), index = i++;

		if (rc != 0 || (own == 0 && !wants_node_ports(r->spec)))
			continue;
		int shared = asked_for(ports, rule_int(port, "port"));
		if (is_first(r->spec, port)) {
			if ((shared != 0) != asking)
				continue;
			if (shared == 0)
				rc = claim_any(r, port);
			else
				rc = claim_asked(r, index, shared);
		} else if (asking && own != 0 && own != shared) {
			rc = claim_asked(r, index, own);
		}
	}
	return rc;
}

static void share(const struct rule_run *r)
{
	cJSON *ports = rule_get(r->spec, "ports"), *port;

	cJSON_ArrayForEach (port, ports) {
		int shared = asked_for(ports, rule_int(port, "port"));

		if (rule_int(port, "nodePort") == 0 && shared != 0 && wants_node_ports(r->spec))
			rule_set(port, "nodePort", cJSON_CreateNumber(shared));
	}
}

/* --- update ---------------------------------------------------------------------------------- */

static bool is_taken_here(const struct rule_run *r, int number)
{
	for (size_t i = 0; i < r->taken.count; i++)
		if (r->taken.items[i].family == IP_NONE && r->taken.items[i].number == (u128)number)
			return true;
	return false;
}

/* One of a protocol that another port before it has already. */
static int check_twin(const struct rule_run *r, const cJSON *port)
{
	const cJSON *before;

	cJSON_ArrayForEach (before, rule_get(r->spec, "ports")) {
		if (before == port)
			break;
		if (rule_int(before, "nodePort") != rule_int(port, "nodePort") ||
		    !rule_same(before, port, "protocol"))
			continue;
		causes_add(r->causes, "", "", "duplicate nodePort: {%s %d}",
			   rule_text(port, "protocol"), rule_int(port, "nodePort"));
		return -ENOTUNIQ;
	}
	return 0;
}

static int claim_updated(struct rule_run *r, bool asking)
{
	cJSON *port;
	int rc = 0, i = 0;

	cJSON_ArrayForEach (port, rule_get(r->spec, "ports")) {
		int own = rule_int(port, "nodePort"), index = i++;

		if (rc != 0 || (own != 0) != asking || (own == 0 && !wants_node_ports(r->spec)))
			continue;
		if (own == 0)
			rc = claim_any(r, port);
		else if (!holds(r->old, own) && !is_taken_here(r, own))
			rc = claim_asked(r, index, own);
		if (rc == 0 && asking)
			rc = check_twin(r, port);
	}
	return rc;
}

/* --- the health check's ------------------------------------------------------------------------
 */

static int claim_asked_check(struct rule_run *r, int number)
{
	char text[128];
	const char *why = take_asked(r, number, text);

	if (why == NULL)
		return 0;
	causes_add(r->causes, "", "", "failed to allocate requested HealthCheck NodePort %d: %s",
		   number, why);
	return -ENOSPC;
}

static int claim_any_check(struct rule_run *r)
{
	u128 number;

	if (!books_pick(r, IP_NONE, "health", &number)) {
		causes_add(r->causes, "", "",
			   "failed to allocate a HealthCheck NodePort 0: range is full");
		return -ENOSPC;
	}
	rule_set(r->spec, "healthCheckNodePort", cJSON_CreateNumber((double)number));
	return 0;
}

/* One that there was before stays, or validation says that it is immutable. */
static int claim_check(struct rule_run *r, bool asking)
{
	int asked = rule_int(r->spec, "healthCheckNodePort");

	if (!has_health_check(r->spec) || (r->old != NULL && has_health_check(r->old)) ||
	    (asked != 0) != asking)
		return 0;
	return asking ? claim_asked_check(r, asked) : claim_any_check(r);
}

static int claim_all(struct rule_run *r, bool asking)
{
	int rc = 0;

	if (has_node_ports(r->spec))
		rc = r->old == NULL ? claim_created(r, asking) : claim_updated(r, asking);
	return rc == 0 ? claim_check(r, asking) : rc;
}

/* Those that ask for a number come before those that take any, which might be given theirs. */
int service_claim_ports(struct rule_run *r)
{
	int rc = claim_all(r, true);

	if (rc == 0)
		rc = claim_all(r, false);
	if (rc == 0 && r->old == NULL && has_node_ports(r->spec))
		share(r);
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
