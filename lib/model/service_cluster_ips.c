// SPDX-License-Identifier: Apache-2.0
/*
 * Taking cluster IPs, one of each family of the Service (Kubernetes: allocClusterIPs,
 * updateClusterIPs, ipallocator). What an update gives up is released once it has gone through.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

/* A cluster IP that was asked for. */
static int claim_asked(struct rule_run *r, int which, const char *text)
{
	const struct service_books *b = r->books;
	const struct bounds *at = &b->ip_bounds[which];
	char why[256], shown[IP_TEXT_MAX], cidr[IP_PREFIX_MAX];
	struct ip_addr ip = { 0 };

	must_0(ip_parse_sloppy(text, &ip)); /* service_validate_cluster_ips() has */
	struct claim c = { ip.family, ip_to_number(&ip) };
	if (ip.family != b->cidrs[which].addr.family || c.number < at->first ||
	    c.number > at->last) {
		snprintf(why, sizeof(why),
			 "failed to allocate IP %s: the provided IP (%s) is not in the valid "
			 "range. The range of valid IPs is %s",
			 text, ip_format(&ip, shown), ip_prefix_format(&b->cidrs[which], cidr));
	} else if (books_has(b, c)) {
		snprintf(why, sizeof(why),
			 "failed to allocate IP %s: provided IP is already allocated", text);
	} else {
		books_take(r, c);
		return 0;
	}
	cause_invalid_list(r->causes, "spec.clusterIPs", "[]string",
			   rule_get(r->spec, "clusterIPs"), why);
	return -EINVAL;
}

static int claim_any(struct rule_run *r, int which, int at)
{
	uint8_t family = r->books->cidrs[which].addr.family;
	char text[IP_TEXT_MAX];
	u128 number;

	if (!books_pick(r, family, family_name(family), &number)) {
		causes_add(r->causes, "", "", "failed to allocate a serviceIP: range is full");
		return -ENOSPC;
	}
	struct ip_addr ip = ip_from_number(family, number);
	cJSON_ReplaceItemInArray(rule_get(r->spec, "clusterIPs"), at,
				 must(cJSON_CreateString(ip_format(&ip, text))));
	return 0;
}

/* One for each family from the one at @first on. */
static int claim_from(struct rule_run *r, int first)
{
	int count = rule_count(r->spec, "ipFamilies");

	while (rule_count(r->spec, "clusterIPs") < count)
		rule_list_add(r->spec, "clusterIPs", "");
	for (int i = first; i < count; i++) {
		const char *asked = rule_item(r->spec, "clusterIPs", i);
		int which =
			books_index(r->books, family_parse(rule_item(r->spec, "ipFamilies", i)));
		int rc = asked[0] == '\0' ? claim_any(r, which, i) : claim_asked(r, which, asked);

		if (rc != 0)
			return rc;
	}
	if (count > 0)
		rule_set_text(r->spec, "clusterIP", rule_item(r->spec, "clusterIPs", 0));
	return 0;
}

int service_claim_ips(struct rule_run *r)
{
	const cJSON *spec = r->spec, *old = r->old;

	if (!has_cluster_ip(spec) || service_keeps_preference(r))
		return 0;
	if (old == NULL || !has_cluster_ip(old))
		return strcmp(rule_text(spec, "clusterIP"), "None") == 0 ? 0 : claim_from(r, 0);
	/* Headless stays so; and of the others the first address is never another. */
	if (rule_is(old, "clusterIP", "None") || rule_count(old, "ipFamilies") != 1 ||
	    rule_count(spec, "ipFamilies") != 2)
		return 0;
	return claim_from(r, 1);
}

void service_held_ips(struct service_books *b, const cJSON *spec, claim_fn fn)
{
	const cJSON *item;

	if (!has_cluster_ip(spec))
		return; /* one that stands there all the same is not its own */
	cJSON_ArrayForEach (item, rule_get(spec, "clusterIPs")) {
		struct ip_addr ip;

		if (cJSON_IsString(item) && ip_parse_sloppy(item->valuestring, &ip) == 0)
			fn(b, (struct claim){ ip.family, ip_to_number(&ip) });
	}
}
