// SPDX-License-Identifier: Apache-2.0
/*
 * Which IP families a Service gets, from its policy, what it asks for and what the cluster has
 * (Kubernetes: initIPFamilyFields).
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static const char policy_field[] = "spec.ipFamilyPolicy";

static void refuse_policy(const struct rule_run *r, const char *why)
{
	cause_invalid_text(r->causes, policy_field, rule_text(r->spec, "ipFamilyPolicy"), why);
}

static bool is_single(const cJSON *spec)
{
	return rule_is(spec, "ipFamilyPolicy", "SingleStack");
}

bool service_keeps_preference(const struct rule_run *r)
{
	const cJSON *spec = r->spec, *old = r->old;

	return old != NULL && rule_same(spec, old, "type") &&
	       (has_node_ports(spec) || rule_is(spec, "type", "ClusterIP")) &&
	       rule_is(spec, "ipFamilyPolicy", "PreferDualStack") &&
	       rule_same(spec, old, "ipFamilyPolicy") && rule_same(spec, old, "clusterIPs") &&
	       rule_same(spec, old, "ipFamilies");
}

/* A policy that is not said: the stored one, both for a headless one without selector, else one. */
static void default_policy(const struct rule_run *r)
{
	const char *policy = rule_text(r->old, "ipFamilyPolicy");

	if (rule_get(r->spec, "ipFamilyPolicy") != NULL)
		return;
	if (policy[0] == '\0')
		policy = is_bare(r->spec) ? "RequireDualStack" : "SingleStack";
	rule_set_text(r->spec, "ipFamilyPolicy", policy);
}

static void cut_to_one(cJSON *list)
{
	while (cJSON_GetArraySize(list) > 1)
		cJSON_DeleteItemFromArray(list, 1);
}

static bool is_reduced(const struct rule_run *r, const char *list)
{
	int now = rule_count(r->spec, list);

	return now > 0 && now < rule_count(r->old, list);
}

/* Single stack over two families unchanged is the wish to give up the second one. */
static void update_policy(const struct rule_run *r)
{
	if (is_single(r->spec)) {
		if (rule_same(r->spec, r->old, "clusterIPs"))
			cut_to_one(rule_get(r->spec, "clusterIPs"));
		if (rule_same(r->spec, r->old, "ipFamilies"))
			cut_to_one(rule_get(r->spec, "ipFamilies"));
		return;
	}
	if (is_reduced(r, "clusterIPs"))
		refuse_policy(r, "must be 'SingleStack' to release the secondary cluster IP");
	if (is_reduced(r, "ipFamilies"))
		refuse_policy(r, "must be 'SingleStack' to release the secondary IP family");
}

static void check_single(const struct rule_run *r)
{
	if (!is_single(r->spec))
		return;
	if (rule_count(r->spec, "clusterIPs") == 2)
		refuse_policy(r, "must be 'RequireDualStack' or 'PreferDualStack' when multiple "
				 "cluster IPs are specified");
	if (rule_count(r->spec, "ipFamilies") == 2)
		refuse_policy(r, "must be 'RequireDualStack' or 'PreferDualStack' when multiple "
				 "IP families are specified");
}

/* Families that follow from the cluster IPs that were asked for. */
static void infer_families(const struct rule_run *r)
{
	const cJSON *ips = rule_get(r->spec, "clusterIPs"), *ip;
	int i = 0;

	cJSON_ArrayForEach (ip, ips) {
		struct ip_addr addr;
		char field[FIELD_MAX], why[64];
		int at = i++;

		if (ip_parse_sloppy(ip->valuestring, &addr) != 0)
			break; /* None: all others have been looked at */
		if (at < rule_count(r->spec, "ipFamilies"))
			continue;
		if (books_index(r->books, addr.family) >= 0) {
			rule_list_add(r->spec, "ipFamilies", family_name(addr.family));
			continue;
		}
		snprintf(field, sizeof(field), "spec.clusterIPs[%d]", at);
		snprintf(why, sizeof(why), "%s is not configured on this cluster",
			 family_name(addr.family));
		cause_invalid_list(r->causes, field, "[]string", ips, why);
	}
}

static void check_configured(const struct rule_run *r)
{
	const cJSON *f;
	int i = 0;

	if (rule_is(r->spec, "ipFamilyPolicy", "RequireDualStack") && r->books->cidr_count < 2)
		refuse_policy(r, "this cluster is not configured for dual-stack services");
	cJSON_ArrayForEach (f, rule_get(r->spec, "ipFamilies")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.ipFamilies[%d]", i++);
		if (books_index(r->books, family_parse(f->valuestring)) < 0)
			cause_invalid_text(r->causes, field, f->valuestring,
					   "not configured on this cluster");
	}
}

/* The families that were not said: the primary one, the other one where two are wanted and had. */
static void complete(const struct rule_run *r)
{
	if (rule_count(r->spec, "ipFamilies") == 0)
		rule_list_add(r->spec, "ipFamilies", family_name(r->books->cidrs[0].addr.family));
	if (!is_single(r->spec) && rule_count(r->spec, "ipFamilies") == 1 &&
	    (is_bare(r->spec) || r->books->cidr_count == 2)) {
		uint8_t first = family_parse(rule_item(r->spec, "ipFamilies", 0));

		rule_list_add(r->spec, "ipFamilies", family_name(first == IP_V4 ? IP_V6 : IP_V4));
	}
}

int service_settle_families(struct rule_run *r)
{
	size_t before = r->causes->count;

	if (!has_cluster_ip(r->spec) || service_keeps_preference(r))
		return 0;
	default_policy(r);
	service_validate_cluster_ips(r->spec, r->causes);
	if (r->causes->count > before)
		return -EINVAL;
	if (r->old != NULL)
		update_policy(r);
	check_single(r);
	infer_families(r);
	if (r->causes->count > before)
		return -EINVAL;
	if (!is_bare(r->spec)) /* a bare one may have families that the cluster lacks */
		check_configured(r);
	if (r->causes->count > before)
		return -EINVAL;
	complete(r);
	return 0;
}
