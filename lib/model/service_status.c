// SPDX-License-Identifier: Apache-2.0
/* A write of the status of a Service (Kubernetes: ValidateServiceStatusUpdate). */
#include <errno.h>
#include <stdio.h>

#include "lib/model/name_rules.h"
#include "lib/model/service_rules_impl.h"

#define INGRESS "status.loadBalancer.ingress"

static void check_mode(const cJSON *entry, int i, struct rule_causes *causes)
{
	static const char *const modes[] = { "Proxy", "VIP", NULL };
	const char *mode = cJSON_GetStringValue(rule_get(entry, "ipMode"));
	bool has_ip = rule_text(entry, "ip")[0] != '\0';
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), INGRESS "[%d].ipMode", i);
	if (mode == NULL && has_ip)
		causes_add(causes, "FieldValueRequired", field,
			   "Required value: must be specified when `ip` is set");
	else if (mode != NULL && !has_ip)
		cause_forbidden(causes, field, "may not be specified when `ip` is not set");
	else if (mode != NULL)
		cause_unless_one_of(causes, field, mode, modes);
}

static void check_entry(const cJSON *entry, int i, struct rule_causes *causes)
{
	const char *ip = rule_text(entry, "ip"), *host = rule_text(entry, "hostname");
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), INGRESS "[%d].ip", i);
	if (ip[0] != '\0')
		rule_check_ip(causes, field, ip);
	check_mode(entry, i, causes);
	if (host[0] == '\0')
		return;
	snprintf(field, sizeof(field), INGRESS "[%d].hostname", i);
	name_check_subdomain(causes, field, host);
	if (is_sloppy_ip(host))
		cause_invalid_text(causes, field, host, "must be a DNS name, not an IP address");
}

int service_rules_status(cJSON *service, struct rule_causes *causes)
{
	const cJSON *entry, *list;
	cJSON *status = rule_get(service, "status");
	int i = 0;

	if (status == NULL)
		rule_set(service, "status", status = must(cJSON_CreateObject()));
	if (rule_get(status, "loadBalancer") == NULL)
		rule_set(status, "loadBalancer", cJSON_CreateObject());

	list = rule_get(rule_get(status, "loadBalancer"), "ingress");
	if (list != NULL && !is_load_balancer(rule_get(service, "spec"))) {
		cause_forbidden(causes, INGRESS,
				"may only be used when `spec.type` is 'LoadBalancer'");
	} else {
		cJSON_ArrayForEach (entry, list)
			check_entry(entry, i++, causes);
	}
	return causes->count > 0 ? -EINVAL : 0;
}
