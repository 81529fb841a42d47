// SPDX-License-Identifier: Apache-2.0
/*
 * Which cluster IPs and node ports are taken.
 *
 * Kubernetes picks them at random. Here the search for a free one begins at a hash of namespace and
 * name, so that a dry run on the same objects tells the same numbers, and is one descent of the
 * range set.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

/* --- ranges -------------------------------------------------------------------------------- */

/*
 * A part of the range, within @least and @most, is for those who ask for a number; small ranges
 * have none. @size counts what the range is written with, the ends included.
 */
static u128 static_band(u128 size, unsigned part, u128 least, u128 most)
{
	u128 band = size / part;

	if (size <= least)
		return 0;
	return band < least ? least : band > most ? most : band;
}

/* Not the network's own address, and not IPv4's broadcast: /31 and /32 have nothing to give. */
static struct bounds bounds_of_prefix(const struct ip_prefix *p)
{
	struct ip_range r = ip_prefix_range(p);
	u128 first = ip_to_number(&r.first), last = ip_to_number(&r.last), size = last - first;

	size += size < (u128)UINT64_MAX ? 1 : 0; /* the larger ones all have the widest band */
	return (struct bounds){
		.first = first + 1,
		.dynamic = first + 1 + static_band(size, 16, 16, 256),
		.last = p->addr.family == IP_V4 && last > first ? last - 1 : last,
	};
}

static struct bounds bounds_of_ports(unsigned first, unsigned last)
{
	return (struct bounds){
		.first = first,
		.dynamic = first + static_band(last - first + 1, 32, 16, 128),
		.last = last,
	};
}

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
		b->ip_bounds[b->cidr_count] = bounds_of_prefix(&b->cidrs[b->cidr_count]);
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
	b->port_bounds = bounds_of_ports(first, last);
	return 0;
}

/* --- life ---------------------------------------------------------------------------------- */

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

void service_books_tell_all(struct service_books *b)
{
	b->tell_all = true;
}

/* --- entries ------------------------------------------------------------------------------- */

int books_index(const struct service_books *b, uint8_t family)
{
	for (unsigned i = 0; i < b->cidr_count; i++)
		if (b->cidrs[i].addr.family == family)
			return (int)i;
	return -1;
}

/* NULL: a family that the cluster does not have. */
static struct rangeset *set_of(const struct service_books *b, uint8_t family)
{
	int i = books_index(b, family);

	return family == IP_NONE ? b->ports : i < 0 ? NULL : b->ips[i];
}

bool books_has(const struct service_books *b, struct claim c)
{
	const struct rangeset *set = set_of(b, c.family);

	return set != NULL && rangeset_contains(set, c.number);
}

static void books_enter(struct service_books *b, struct claim c)
{
	struct rangeset *set = set_of(b, c.family);

	if (set != NULL)
		must_0(rangeset_add(set, c.number, c.number));
}

void books_give(struct service_books *b, struct claim c)
{
	struct rangeset *set = set_of(b, c.family);

	if (set != NULL)
		must_0(rangeset_remove(set, c.number, c.number));
}

void books_take(struct rule_run *r, struct claim c)
{
	*(struct claim *)must(array_push(&r->taken)) = c;
	books_enter(r->books, c);
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

/* --- picking ------------------------------------------------------------------------------- */

/* FNV-1a: short texts, no enemy. */
static uint64_t hash_of(const cJSON *service, const char *what)
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

bool books_pick(struct rule_run *r, uint8_t family, const char *what, u128 *ret)
{
	const struct service_books *b = r->books;
	const struct rangeset *set = set_of(b, family);
	const struct bounds *at =
		family == IP_NONE ? &b->port_bounds : &b->ip_bounds[books_index(b, family)];

	if (at->first > at->last)
		return false;
	u128 start = at->dynamic + hash_of(r->service, what) % (at->last - at->dynamic + 1);
	if (!rangeset_first_free(set, start, at->last, ret) &&
	    !(start > at->dynamic && rangeset_first_free(set, at->dynamic, start - 1, ret)) &&
	    !(at->dynamic > at->first && rangeset_first_free(set, at->first, at->dynamic - 1, ret)))
		return false;
	books_take(r, (struct claim){ family, *ret });
	return true;
}
