// SPDX-License-Identifier: Apache-2.0
/*
 * What may not change in an update, and how a second family comes and goes (Kubernetes:
 * ValidateServiceUpdate).
 */
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static const char once_set[] = "may not change once set";

static bool item_same(const struct rule_run *r, const char *list, int i)
{
	return json_equal(cJSON_GetArrayItem(rule_get(r->spec, list), i),
			  cJSON_GetArrayItem(rule_get(r->old, list), i));
}

static void refuse_ips(const struct rule_run *r, int i, const char *why)
{
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), "spec.clusterIPs[%d]", i);
	cause_invalid_list(r->causes, field, "[]string", rule_get(r->spec, "clusterIPs"), why);
}

static void refuse_policy(const struct rule_run *r, const char *why)
{
	const cJSON *policy = rule_get(r->spec, "ipFamilyPolicy");

	cause_invalid_text(r->causes, "spec.ipFamilyPolicy",
			   policy == NULL ? "null" : policy->valuestring, why);
}

static void check_ips(const struct rule_run *r)
{
	int now = rule_count(r->spec, "clusterIPs"), was = rule_count(r->old, "clusterIPs");

	if (is_headless(r->spec) && is_headless(r->old))
		return;
	if (now == was) {
		for (int i = 0; i < was; i++)
			if (!item_same(r, "clusterIPs", i))
				refuse_ips(r, i, once_set);
		return;
	}
	if (now == 0)
		refuse_ips(r, 0, "primary clusterIP can not be unset");
	else if (was > 0 && !item_same(r, "clusterIPs", 0))
		refuse_ips(r, 0, once_set);
	if (now < was && now == 1 && !rule_is(r->spec, "ipFamilyPolicy", "SingleStack"))
		refuse_policy(
			r, "must be set to 'SingleStack' when releasing the secondary clusterIP");
}

/* The value that is shown is that of clusterIPs where the lengths differ, as Kubernetes does. */
static void check_families(const struct rule_run *r)
{
	static const char field[] = "spec.ipFamilies[0]";
	int now = rule_count(r->spec, "ipFamilies"), was = rule_count(r->old, "ipFamilies");

	if (is_headless(r->spec) || is_headless(r->old))
		return;
	if (now == was) {
		for (int i = 0; i < was; i++)
			if (!item_same(r, "ipFamilies", i))
				cause_invalid_list(r->causes, field, "[]core.IPFamily",
						   rule_get(r->spec, "ipFamilies"), once_set);
		return;
	}
	if (now < was && rule_count(r->spec, "clusterIPs") == 0)
		cause_invalid_list(r->causes, field, "[]core.IPFamily",
				   rule_get(r->spec, "ipFamilies"),
				   "primary ipFamily can not be unset");
	if (now > 0 && was > 0 && !item_same(r, "ipFamilies", 0))
		cause_invalid_list(r->causes, field, "[]string", rule_get(r->spec, "clusterIPs"),
				   once_set);
	if (now < was && now == 1 && !rule_is(r->spec, "ipFamilyPolicy", "SingleStack"))
		refuse_policy(r,
			      "must be set to 'SingleStack' when releasing the secondary ipFamily");
}

/* Its form is told too, here as in ValidateService. */
static void check_class(const struct rule_run *r)
{
	const cJSON *class = rule_get(r->spec, "loadBalancerClass");

	if (is_load_balancer(r->spec) && is_load_balancer(r->old) &&
	    !rule_same(r->spec, r->old, "loadBalancerClass"))
		cause_invalid_text(r->causes, "spec.loadBalancerClass",
				   class == NULL ? "null" : class->valuestring, once_set);
	service_validate_class(r->spec, r->causes);
}

void service_validate_update(const struct rule_run *r)
{
	if (has_cluster_ip(r->spec) && has_cluster_ip(r->old)) {
		check_ips(r);
		check_families(r);
	}
	check_class(r);
	if (has_health_check(r->spec) && has_health_check(r->old) &&
	    !rule_same(r->spec, r->old, "healthCheckNodePort"))
		cause_forbidden(r->causes, "spec.healthCheckNodePort", "field is immutable");
}
