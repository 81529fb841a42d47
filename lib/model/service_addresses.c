// SPDX-License-Identifier: Apache-2.0
/*
 * IP families and cluster IPs of a Service (Kubernetes: initIPFamilyFields,
 * allocClusterIPs, updateClusterIPs).
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

static const char *family_name(uint8_t family)
{
	return family == IP_V6 ? "IPv6" : "IPv4";
}

static uint8_t family_parse(const char *name)
{
	return name == NULL                ? IP_NONE
	       : strcmp(name, "IPv4") == 0 ? IP_V4
	       : strcmp(name, "IPv6") == 0 ? IP_V6
					   : IP_NONE;
}

static cJSON *list_of(cJSON *spec, const char *name)
{
	cJSON *list = rule_get(spec, name);

	if (!cJSON_IsArray(list)) {
		list = cJSON_CreateArray();
		rule_set(spec, name, list);
	}
	return list;
}

static void cut_to_one(cJSON *list)
{
	while (cJSON_GetArraySize(list) > 1)
		cJSON_DeleteItemFromArray(list, 1);
}

static const char *item_text(const cJSON *list, int i)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
}

/* A policy that is not said: the stored one, both for a headless one without selector, else one. */
static void default_policy(cJSON *spec)
{
	bool bare = is_headless(spec) && cJSON_GetArraySize(rule_get(spec, "selector")) == 0;

	if (rule_get(spec, "ipFamilyPolicy") == NULL)
		rule_set(spec, "ipFamilyPolicy",
			 cJSON_CreateString(bare ? "RequireDualStack" : "SingleStack"));
}

/* Single stack over two families unchanged is the wish to give up the second one. */
static void update_policy(cJSON *spec, const cJSON *old, struct rule_causes *causes)
{
	cJSON *ips = rule_get(spec, "clusterIPs"), *families = rule_get(spec, "ipFamilies");

	if (rule_is(spec, "ipFamilyPolicy", "SingleStack")) {
		if (rule_same(spec, old, "clusterIPs"))
			cut_to_one(ips);
		if (rule_same(spec, old, "ipFamilies"))
			cut_to_one(families);
		return;
	}
	const cJSON *policy = rule_get(spec, "ipFamilyPolicy");
	if (cJSON_GetArraySize(ips) == 1 && cJSON_GetArraySize(rule_get(old, "clusterIPs")) == 2)
		rule_invalid(causes, "spec.ipFamilyPolicy", policy,
			     "must be 'SingleStack' to release the secondary cluster IP");
	if (cJSON_GetArraySize(families) == 1 &&
	    cJSON_GetArraySize(rule_get(old, "ipFamilies")) == 2)
		rule_invalid(causes, "spec.ipFamilyPolicy", policy,
			     "must be 'SingleStack' to release the secondary IP family");
}

static void check_single(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *policy = rule_get(spec, "ipFamilyPolicy");

	if (!rule_is(spec, "ipFamilyPolicy", "SingleStack"))
		return;
	if (cJSON_GetArraySize(rule_get(spec, "clusterIPs")) == 2)
		rule_invalid(causes, "spec.ipFamilyPolicy", policy,
			     "must be 'RequireDualStack' or 'PreferDualStack' when multiple "
			     "cluster IPs are specified");
	if (cJSON_GetArraySize(rule_get(spec, "ipFamilies")) == 2)
		rule_invalid(causes, "spec.ipFamilyPolicy", policy,
			     "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
			     "families are specified");
}

/* Families that follow from the cluster IPs that were asked for. */
static void infer_families(struct service_books *b, cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ips = rule_get(spec, "clusterIPs"), *ip;
	cJSON *families = list_of(spec, "ipFamilies");
	int i = 0;

	cJSON_ArrayForEach (ip, ips) {
		struct ip_addr addr;

		if (strcmp(ip->valuestring, "None") == 0)
			break;
		if (ip_parse(ip->valuestring, &addr) == 0 && i >= cJSON_GetArraySize(families)) {
			char field[48], why[64];

			snprintf(field, sizeof(field), "spec.clusterIPs[%d]", i);
			snprintf(why, sizeof(why), "%s is not configured on this cluster",
				 family_name(addr.family));
			if (books_set(b, addr.family) == NULL)
				rule_invalid(causes, field, ips, why);
			else
				cJSON_AddItemToArray(families,
						     cJSON_CreateString(family_name(addr.family)));
		}
		i++;
	}
}

static void add_other_family(cJSON *families)
{
	uint8_t first = family_parse(item_text(families, 0));

	cJSON_AddItemToArray(families,
			     cJSON_CreateString(family_name(first == IP_V4 ? IP_V6 : IP_V4)));
}

static void settle_families(struct service_books *b, cJSON *spec, struct rule_causes *causes)
{
	cJSON *families = list_of(spec, "ipFamilies"), *f;
	const cJSON *policy = rule_get(spec, "ipFamilyPolicy");
	bool bare = is_headless(spec) && cJSON_GetArraySize(rule_get(spec, "selector")) == 0;
	bool single = rule_is(spec, "ipFamilyPolicy", "SingleStack");
	int i = 0;

	if (!bare) { /* a headless one without selector may have families the cluster lacks */
		if (rule_is(spec, "ipFamilyPolicy", "RequireDualStack") && b->cidr_count < 2)
			rule_invalid(causes, "spec.ipFamilyPolicy", policy,
				     "this cluster is not configured for dual-stack services");
		cJSON_ArrayForEach (f, families) {
			char field[48];

			snprintf(field, sizeof(field), "spec.ipFamilies[%d]", i++);
			if (books_set(b, family_parse(f->valuestring)) == NULL)
				rule_invalid(causes, field, f, "not configured on this cluster");
		}
	}
	if (causes->count > 0)
		return;
	if (cJSON_GetArraySize(families) == 0)
		cJSON_AddItemToArray(families,
				     cJSON_CreateString(family_name(b->cidrs[0].addr.family)));
	if (!single && cJSON_GetArraySize(families) == 1 && (bare || b->cidr_count == 2))
		add_other_family(families);
}

/*
 * Which numbers of a prefix may be given out: not the network's own, not IPv4's broadcast. The
 * first ones (a 16th, 16 to 256) are left to those who ask for an address until all others are
 * gone, as Kubernetes does.
 */
struct bounds {
	u128 first, dynamic, last;
};

static struct bounds bounds_of(const struct ip_prefix *p)
{
	struct ip_range r = ip_prefix_range(p);
	u128 less_one = ip_range_size_minus_1(&r);
	u128 band = less_one / 16;
	struct bounds b = { ip_to_number(&r.first), 0, ip_to_number(&r.last) };

	band = band < 16 ? 16 : band > 256 ? 256 : band;
	if (less_one > 0)
		b.first++;
	if (p->addr.family == IP_V4 && less_one > 1)
		b.last--;
	b.dynamic = less_one > 2 * band ? b.first + band : b.first;
	return b;
}

static bool pick(struct service_books *b, unsigned which, const cJSON *service, u128 *ret)
{
	struct bounds at = bounds_of(&b->cidrs[which]);
	const struct rangeset *set = b->ips[which];
	const char *what = family_name(b->cidrs[which].addr.family);
	u128 start = at.dynamic + service_hash(service, what) % (at.last - at.dynamic + 1);

	return rangeset_first_free(set, start, at.last, ret) ||
	       (start > at.dynamic && rangeset_first_free(set, at.dynamic, start - 1, ret)) ||
	       (at.dynamic > at.first && rangeset_first_free(set, at.first, at.dynamic - 1, ret));
}

/* A cluster IP that was asked for. */
static int claim_ip(struct service_books *b, unsigned which, const char *text, const cJSON *ips,
		    struct rule_causes *causes, struct claims *taken)
{
	struct bounds at = bounds_of(&b->cidrs[which]);
	char why[160], cidr[IP_PREFIX_MAX];
	struct ip_addr ip;

	if (ip_parse(text, &ip) != 0)
		return -EINVAL; /* validated before */
	u128 number = ip_to_number(&ip);
	if (ip.family != b->cidrs[which].addr.family || number < at.first || number > at.last) {
		snprintf(why, sizeof(why),
			 "failed to allocate IP %s: the provided IP (%s) is not in the valid "
			 "range. The range of valid IPs is %s",
			 text, text, ip_prefix_format(&b->cidrs[which], cidr));
		rule_invalid(causes, "spec.clusterIPs", ips, why);
		return -EINVAL;
	}
	if (rangeset_contains(b->ips[which], number)) {
		snprintf(why, sizeof(why),
			 "failed to allocate IP %s: provided IP is already allocated", text);
		rule_invalid(causes, "spec.clusterIPs", ips, why);
		return -EINVAL;
	}
	return books_take(b, (struct claim){ ip.family, number }, taken);
}

static bool list_has(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0)
			return true;
	return false;
}

static int allocate(struct service_books *b, const cJSON *service, cJSON *spec, const cJSON *old,
		    struct rule_causes *causes, struct claims *taken)
{
	cJSON *ips = list_of(spec, "clusterIPs");
	const cJSON *held = rule_get(old, "clusterIPs"), *family;
	int i = 0;

	cJSON_ArrayForEach (family, rule_get(spec, "ipFamilies")) {
		uint8_t fam = family_parse(family->valuestring);
		unsigned which = b->cidrs[0].addr.family == fam ? 0 : 1;
		const char *wanted = item_text(ips, i);
		char text[IP_TEXT_MAX];
		u128 number;
		int rc = 0;

		if (wanted != NULL && !list_has(held, wanted)) {
			rc = claim_ip(b, which, wanted, ips, causes, taken);
		} else if (wanted == NULL) {
			if (!pick(b, which, service, &number)) {
				causes_add(causes, "FieldValueInvalid", "spec.clusterIPs",
					   "failed to allocate a serviceIP: range is full");
				return -ENOSPC;
			}
			rc = books_take(b, (struct claim){ fam, number }, taken);
			struct ip_addr ip = ip_from_number(fam, number);
			cJSON_AddItemToArray(ips, cJSON_CreateString(ip_format(&ip, text)));
		}
		if (rc != 0)
			return rc;
		i++;
	}
	while (cJSON_GetArraySize(ips) > i)
		cJSON_DeleteItemFromArray(ips, i);
	rule_set(spec, "clusterIP", cJSON_CreateString(item_text(ips, 0)));
	return 0;
}

/* PreferDualStack neither gains nor loses a family because the cluster did: only by an edit. */
static bool keeps_preference(const cJSON *spec, const cJSON *old)
{
	return old != NULL && rule_is(spec, "ipFamilyPolicy", "PreferDualStack") &&
	       rule_same(spec, old, "ipFamilyPolicy") && rule_same(spec, old, "clusterIPs") &&
	       rule_same(spec, old, "ipFamilies");
}

int service_cluster_ips(struct service_books *b, const cJSON *service, cJSON *spec,
			const cJSON *old, struct rule_causes *causes, struct claims *taken)
{
	if (!has_cluster_ip(spec) || keeps_preference(spec, old))
		return 0;
	default_policy(spec);
	if (old != NULL && has_cluster_ip(old))
		update_policy(spec, old, causes);
	check_single(spec, causes);
	if (causes->count == 0)
		infer_families(b, spec, causes);
	if (causes->count == 0)
		settle_families(b, spec, causes);
	if (causes->count > 0)
		return -EINVAL;
	return is_headless(spec) ? 0 : allocate(b, service, spec, old, causes, taken);
}

void service_held_ips(struct service_books *b, const cJSON *spec, claim_fn fn)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, rule_get(spec, "clusterIPs")) {
		struct ip_addr ip;

		if (cJSON_IsString(item) && ip_parse(item->valuestring, &ip) == 0)
			fn(b, (struct claim){ ip.family, ip_to_number(&ip) });
	}
}
