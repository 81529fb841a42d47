// SPDX-License-Identifier: Apache-2.0
/* Validation of the addresses and prefixes that a Service names: external IPs, source ranges. */
#include <ctype.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

bool rule_check_ip(struct rule_causes *causes, const char *field, const char *text)
{
	if (is_sloppy_ip(text))
		return true;
	cause_invalid_text(causes, field, text,
			   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	return false;
}

/* Not for one node only: unspecified, loopback, link-local. */
static void check_special(struct rule_causes *causes, const char *field, const char *text)
{
	struct ip_addr ip = { 0 };
	char why[96];

	must_0(ip_parse_sloppy(text, &ip));
	const uint8_t *b = ip.bytes;
	bool v4 = ip.family == IP_V4;
	u128 number = ip_to_number(&ip);
	if (number == 0) {
		snprintf(why, sizeof(why), "may not be unspecified (%.60s)", text);
		cause_invalid_text(causes, field, text, why);
	}
	if (v4 ? b[0] == 127 : number == 1)
		cause_invalid_text(causes, field, text,
				   "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (v4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		cause_invalid_text(causes, field, text,
				   "may not be in the link-local range (169.254.0.0/16, "
				   "fe80::/10)");
	if (v4 ? b[0] == 224 && b[1] == 0 && b[2] == 0 : b[0] == 0xff && (b[1] & 0x0f) == 0x02)
		cause_invalid_text(causes, field, text,
				   "may not be in the link-local multicast range (224.0.0.0/24, "
				   "ff02::/10)");
}

void service_validate_external_ips(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *item;
	int i = 0;

	cJSON_ArrayForEach (item, rule_get(spec, "externalIPs")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.externalIPs[%d]", i++);
		if (rule_check_ip(causes, field, item->valuestring))
			check_special(causes, field, item->valuestring);
	}
}

/* ADDRESS/LENGTH of @len characters, blanks around it left out. */
static void check_cidr(struct rule_causes *causes, const char *field, const char *text, size_t len)
{
	for (; len > 0 && isspace((unsigned char)text[0]); len--)
		text++;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;

	char *cidr = must(strndup(text, len));
	struct ip_prefix prefix;
	if (ip_prefix_parse_sloppy(cidr, &prefix) != 0)
		cause_invalid_text(causes, field, cidr,
				   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
				   "2001:db8::/64)");
	free(cidr);
}

/* In the annotation, where the field is not used, with commas between. */
static void check_ranges_annotation(const cJSON *service, const char *list,
				    struct rule_causes *causes)
{
	static const char field[] =
		"metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]";

	if (!is_load_balancer(rule_get(service, "spec")))
		cause_forbidden(causes, field, SERVICE_ONLY_LB);
	if (list[strspn(list, " \t\n\v\f\r")] == '\0')
		return;
	for (;; list++) {
		size_t len = strcspn(list, ",");

		check_cidr(causes, field, list, len);
		list += len;
		if (*list == '\0')
			break;
	}
}

void service_validate_source_ranges(const cJSON *service, struct rule_causes *causes)
{
	const cJSON *spec = rule_get(service, "spec"), *item;
	const cJSON *annotations = rule_get(rule_get(service, "metadata"), "annotations");
	const cJSON *list =
		rule_get(annotations, "service.beta.kubernetes.io/load-balancer-source-ranges");
	int i = 0;

	if (rule_count(spec, "loadBalancerSourceRanges") == 0) {
		if (cJSON_IsString(list))
			check_ranges_annotation(service, list->valuestring, causes);
		return;
	}
	/* The first letter is an old slip of Kubernetes. */
	if (!is_load_balancer(spec))
		cause_forbidden(causes, "spec.LoadBalancerSourceRanges", SERVICE_ONLY_LB);
	cJSON_ArrayForEach (item, rule_get(spec, "loadBalancerSourceRanges")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.LoadBalancerSourceRanges[%d]", i++);
		check_cidr(causes, field, item->valuestring, strlen(item->valuestring));
	}
}
