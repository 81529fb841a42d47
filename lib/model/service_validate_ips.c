// SPDX-License-Identifier: Apache-2.0
/*
 * Validation of clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, which hang together
 * (Kubernetes: ValidateServiceClusterIPsRelatedFields).
 */
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static const char *const families[] = { "IPv4", "IPv6", NULL };
static const char *const family_policies[] = { "PreferDualStack", "RequireDualStack", "SingleStack",
					       NULL };

static void refuse_ips(const cJSON *spec, const char *why, struct rule_causes *causes)
{
	cause_invalid_list(causes, "spec.clusterIPs", "[]string", rule_get(spec, "clusterIPs"),
			   why);
}

static void check_singular(const cJSON *spec, struct rule_causes *causes)
{
	const char *ip = rule_text(spec, "clusterIP"), *first = rule_item(spec, "clusterIPs", 0);

	if (ip[0] == '\0' && first != NULL)
		refuse_ips(spec, "must be empty when `clusterIP` is not specified", causes);
	else if (ip[0] != '\0' && first == NULL)
		cause_required(causes, "spec.clusterIPs");
	else if (ip[0] != '\0' && strcmp(first, ip) != 0)
		refuse_ips(spec, "first value must match `clusterIP`", causes);
}

static void check_families(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *list = rule_get(spec, "ipFamilies"), *f, *before;
	int i = 0;

	cJSON_ArrayForEach (f, list) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.ipFamilies[%d]", i++);
		cause_unless_one_of(causes, field, f->valuestring, families);
		cJSON_ArrayForEach (before, list) {
			if (before != f && strcmp(before->valuestring, f->valuestring) != 0)
				continue;
			if (before != f)
				cause_duplicate(causes, field, f->valuestring);
			break;
		}
	}
	if (rule_get(spec, "ipFamilyPolicy") != NULL)
		cause_unless_one_of(causes, "spec.ipFamilyPolicy",
				    rule_text(spec, "ipFamilyPolicy"), family_policies);
}

/* False: there is one that is no address, and no more can be said of them. */
static bool check_each(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ips = rule_get(spec, "clusterIPs"), *ip;
	int i = 0, count = cJSON_GetArraySize(ips);
	bool good = true;

	cJSON_ArrayForEach (ip, ips) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.clusterIPs[%d]", i);
		if (i++ > 0 || strcmp(ip->valuestring, "None") != 0) {
			good = rule_check_ip(causes, field, ip->valuestring) && good;
		} else if (count > 1) {
			refuse_ips(spec, "'None' must be the first and only value", causes);
			good = false;
		}
	}
	if (count > CLUSTER_IPS_MAX)
		refuse_ips(spec, "may only hold up to 2 values", causes);
	return good;
}

static void check_stack(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ip;
	bool has[2] = { false, false };
	int i = 0, count = rule_count(spec, "clusterIPs");

	cJSON_ArrayForEach (ip, rule_get(spec, "clusterIPs")) {
		struct ip_addr addr;

		if (ip_parse_sloppy(ip->valuestring, &addr) == 0)
			has[addr.family == IP_V6] = true;
	}
	if (count > 1 && !(has[0] && has[1]))
		refuse_ips(spec, "may specify no more than one IP for each IP family", causes);
	if (is_headless(spec))
		return;
	cJSON_ArrayForEach (ip, rule_get(spec, "clusterIPs")) {
		const char *want = rule_item(spec, "ipFamilies", i);
		struct ip_addr addr;
		char field[FIELD_MAX], why[96];
		int at = i++;

		if (want == NULL)
			break;
		if (family_parse(want) == IP_NONE || ip_parse_sloppy(ip->valuestring, &addr) != 0 ||
		    addr.family == family_parse(want))
			continue;
		snprintf(field, sizeof(field), "spec.clusterIPs[%d]", at);
		snprintf(why, sizeof(why), "expected an %s value as indicated by `ipFamilies[%d]`",
			 want, at);
		cause_invalid_text(causes, field, ip->valuestring, why);
	}
}

void service_validate_cluster_ips(const cJSON *spec, struct rule_causes *causes)
{
	check_singular(spec, causes);
	check_families(spec, causes);
	if (check_each(spec, causes))
		check_stack(spec, causes);
}
