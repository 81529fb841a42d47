// SPDX-License-Identifier: Apache-2.0
/*
 * The order of the steps, and the books.
 *
 * Kubernetes picks cluster IPs and node ports at random. Here the search for a free
 * one begins at a hash of namespace and name, so that a dry run on the same objects
 * tells the same numbers, and is one descent of the range set.
 */
#include "lib/model/service_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/model/service_rules_impl.h"

/* --- causes ---------------------------------------------------------------------------- */

void rule_invalid(struct rule_causes *causes, const char *field, const cJSON *value,
		  const char *why)
{
	char *text = value == NULL ? NULL : cJSON_PrintUnformatted(value);

	causes_add(causes, "FieldValueInvalid", field, "Invalid value: %.120s: %s",
		   text == NULL ? "null" : text, why);
	cJSON_free(text);
}

/* --- books ----------------------------------------------------------------------------- */

static int parse_cidrs(struct service_books *b, const char *text)
{
	while (*text != '\0') {
		char one[IP_PREFIX_MAX];
		size_t n = strcspn(text, ",");

		if (n >= sizeof(one) || b->cidr_count == CLUSTER_IPS_MAX)
			return -EINVAL;
		memcpy(one, text, n);
		one[n] = '\0';
		if (ip_prefix_parse(one, &b->cidrs[b->cidr_count]) != 0)
			return -EINVAL;
		if (b->cidr_count == 1 && b->cidrs[0].addr.family == b->cidrs[1].addr.family)
			return -EINVAL; /* one of each family */
		b->cidr_count++;
		text += n + (text[n] == ',' ? 1 : 0);
	}
	return b->cidr_count == 0 ? -EINVAL : 0;
}

static int parse_ports(struct service_books *b, const char *text)
{
	unsigned first, last;
	char rest;

	if (sscanf(text, "%5u-%5u%c", &first, &last, &rest) != 2 || first == 0 || last > 65535 ||
	    first > last)
		return -EINVAL;
	b->first_port = (uint16_t)first;
	b->last_port = (uint16_t)last;
	return 0;
}

int service_books_new(const char *service_cidrs, const char *node_ports, struct service_books **ret)
{
	struct service_books *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	int rc = parse_cidrs(b, service_cidrs) != 0 ? -EINVAL
		 : parse_ports(b, node_ports) != 0  ? -ERANGE
						    : 0;
	if (rc < 0) {
		service_books_free(b);
		return rc;
	}
	b->ports = rangeset_new();
	bool whole = b->ports != NULL;
	for (unsigned i = 0; i < b->cidr_count; i++) {
		b->ips[i] = rangeset_new();
		whole = whole && b->ips[i] != NULL;
	}
	if (!whole) {
		service_books_free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

struct service_books *service_books_free(struct service_books *b)
{
	if (b == NULL)
		return NULL;
	for (unsigned i = 0; i < CLUSTER_IPS_MAX; i++)
		rangeset_free(b->ips[i]);
	rangeset_free(b->ports);
	free(b);
	return NULL;
}

struct rangeset *books_set(struct service_books *b, uint8_t family)
{
	if (family == IP_NONE)
		return b->ports;
	for (unsigned i = 0; i < b->cidr_count; i++)
		if (b->cidrs[i].addr.family == family)
			return b->ips[i];
	return NULL;
}

int books_take(struct service_books *b, struct claim c, struct claims *taken)
{
	struct claim *slot = array_push(taken);

	if (slot == NULL || rangeset_add(books_set(b, c.family), c.number, c.number) != 0)
		return -ENOMEM;
	*slot = c;
	return 0;
}

void books_give(struct service_books *b, struct claim c)
{
	struct rangeset *set = books_set(b, c.family);

	if (set != NULL)
		rangeset_remove(set, c.number, c.number);
}

static void books_enter(struct service_books *b, struct claim c)
{
	struct rangeset *set = books_set(b, c.family);

	if (set != NULL)
		rangeset_add(set, c.number, c.number);
}

/* FNV-1a: short texts, no enemy. */
uint64_t service_hash(const cJSON *service, const char *what)
{
	const cJSON *meta = rule_get(service, "metadata");
	const char *parts[] = { rule_text(meta, "namespace"), rule_text(meta, "name"), what };
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < 3; i++)
		for (const char *c = parts[i];; c++) {
			h = (h ^ (unsigned char)*c) * 0x100000001b3u;
			if (*c == '\0')
				break;
		}
	return h ^ h >> 32;
}

void service_rules_adopt(struct service_books *b, const cJSON *service)
{
	const cJSON *spec = rule_get(service, "spec");

	service_held_ips(b, spec, books_enter);
	service_held_ports(b, spec, books_enter);
}

void service_rules_release(struct service_books *b, const cJSON *service)
{
	const cJSON *spec = rule_get(service, "spec");

	service_held_ips(b, spec, books_give);
	service_held_ports(b, spec, books_give);
}

/* --- apply ----------------------------------------------------------------------------- */

int service_rules_apply(struct service_books *b, cJSON *service, const cJSON *old,
			struct rule_causes *causes)
{
	const cJSON *old_spec = rule_get(old, "spec");
	cJSON *spec = rule_get(service, "spec");
	struct claims taken = { 0 };

	if (spec == NULL) {
		spec = cJSON_CreateObject();
		rule_set(service, "spec", spec);
	}
	service_types_check(spec, causes);
	if (causes->count > 0)
		return -EINVAL;
	service_default(service);
	if (old_spec != NULL) {
		service_carry_over(spec, old_spec);
		service_normalize_cluster_ips(spec, old_spec);
		service_drop_unfit(service, old_spec);
	} else {
		service_normalize_cluster_ips(spec, NULL);
	}
	service_validate(spec, old_spec, causes);
	if (causes->count > 0)
		return -EINVAL;

	int rc = service_cluster_ips(b, service, spec, old_spec, causes, &taken);
	if (rc == 0)
		rc = service_node_ports(b, service, spec, old_spec, causes, &taken);
	if (rc != 0) {
		for (size_t i = 0; i < taken.count; i++)
			books_give(b, taken.items[i]);
	} else if (old_spec != NULL) {
		/* What the old one held goes, then what the new one holds comes: the difference. */
		service_rules_release(b, old);
		service_rules_adopt(b, service);
	}
	array_free(&taken);
	return rc;
}
