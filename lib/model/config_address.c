// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses of pools as one sorted line: overlaps between them, and whose an address is.
 *
 * The file's ranges are sorted and swept first; each range of a resource is then looked up
 * among them; what is left of the resources is swept in turn. O(n log n) in all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/config_build.h"
#include "lib/model/schema.h"

struct claim {
	struct ip_range range;
	struct build_entry *entry;
	const cJSON *value; /* where it was written */
	unsigned index;     /* in spec.addresses */
};

struct claims {
	ARRAY_OF(struct claim);
};

/* The ranges of all pools that come from the file, or of all that do not. */
static int claims_collect(struct build *b, bool from_file, struct claims *ret)
{
	for (size_t i = 0; i < b->entries.count; i++) {
		struct build_entry *e = &b->entries.items[i];
		if (e->dropped || e->input->from_file != from_file ||
		    strcmp(e->kind->name, "IPAddressPool") != 0)
			continue;
		const cJSON *spec = cJSON_GetObjectItemCaseSensitive(e->input->object, "spec");
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "addresses");
		unsigned index = 0;
		for (const cJSON *j = list == NULL ? NULL : list->child; j != NULL;
		     j = j->next, index++) {
			struct claim claim = { .entry = e, .value = j, .index = index };
			if (schema_range_parse(cJSON_GetStringValue(j), false, &claim.range) != 0)
				continue;
			struct claim *c = array_push(ret);
			if (c == NULL)
				return -ENOMEM;
			*c = claim;
		}
	}
	return 0;
}

static int claim_cmp(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = ip_cmp(&x->range.first, &y->range.first);

	if (c == 0)
		c = (x->entry->order > y->entry->order) - (x->entry->order < y->entry->order);
	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

/* A prefix without its host bits; a range as it was written. */
static const char *claim_text(const struct claim *claim, char *buf, size_t size)
{
	const char *text = claim->value->valuestring;
	char prefix_text[IP_PREFIX_MAX];
	struct ip_prefix prefix;

	if (ip_prefix_parse(text, &prefix) == 0)
		text = ip_prefix_format(&prefix, prefix_text);
	snprintf(buf, size, "%s", text);
	return buf;
}

/* Say at @claim that @other was there before. */
static void report(const struct claim *claim, const struct claim *other, bool warning,
		   struct faults *faults)
{
	char field[48], base[256];
	struct where where = build_where(claim->entry, base, sizeof(base));
	size_t from = faults->count;

	snprintf(field, sizeof(field), "spec.addresses[%u]", claim->index);
	(warning ? doc_warn : doc_fault)(
		where, claim->value, faults, field,
		"%s\"%s\" of pool \"%s\" overlaps with already defined CIDR \"%s\" of pool \"%s\"",
		warning ? "the pool is ignored, " : "", claim->value->valuestring,
		claim->entry->name, other->value->valuestring, other->entry->name);

	/* MetalLB finds it at the pool that comes later by name. */
	bool turn = other->entry->place > claim->entry->place;
	const struct claim *at = turn ? other : claim, *before = turn ? claim : other;
	char cidr[128], taken[128];
	faults_summarize(faults,
			 "CIDR \"%s\" in pool \"%s\" overlaps with already defined CIDR \"%s\"",
			 claim_text(at, cidr, sizeof(cidr)), at->entry->name,
			 claim_text(before, taken, sizeof(taken)));
	build_rank(at->entry, BUILD_POOLS, faults, from);
}

/* Sort @claims and report each that reaches into one before it. */
static void claims_sweep(struct claims *claims, struct faults *faults)
{
	size_t widest = 0;

	if (claims->count == 0)
		return;
	qsort(claims->items, claims->count, sizeof(*claims->items), claim_cmp);
	for (size_t i = 1; i < claims->count; i++) {
		struct claim *before = &claims->items[widest], *at = &claims->items[i];
		if (ip_range_overlaps(&before->range, &at->range)) {
			/* The one that the user wrote later is at fault. */
			bool later = at->entry->order > before->entry->order ||
				     (at->entry == before->entry && at->index > before->index);
			report(later ? at : before, later ? before : at, false, faults);
		}
		if (ip_cmp(&at->range.last, &before->range.last) > 0)
			widest = i;
	}
}

/* The one of sorted, disjoint @claims that overlaps with @range, or NULL. */
static const struct claim *claims_find(const struct claims *claims, const struct ip_range *range)
{
	size_t low = 0, high = claims->count;

	while (low < high) { /* the last one that starts at or before the end of @range */
		size_t mid = low + (high - low) / 2;
		if (ip_cmp(&claims->items[mid].range.first, &range->last) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || !ip_range_overlaps(&claims->items[low - 1].range, range))
		return NULL;
	return &claims->items[low - 1];
}

int build_overlaps_check(struct build *b)
{
	struct claims file = { 0 }, resources = { 0 }, left = { 0 };

	int rc = claims_collect(b, true, &file);
	if (rc == 0)
		rc = claims_collect(b, false, &resources);
	if (rc == 0) {
		claims_sweep(&file, b->faults);
		for (size_t i = 0; i < resources.count; i++) {
			struct claim *c = &resources.items[i];
			const struct claim *other =
				c->entry->dropped ? NULL : claims_find(&file, &c->range);
			if (other != NULL) {
				report(c, other, true, b->faults);
				c->entry->dropped = true;
			}
		}
		rc = claims_collect(b, false, &left);
	}
	if (rc == 0)
		claims_sweep(&left, b->faults);
	array_free(&file);
	array_free(&resources);
	array_free(&left);
	return rc;
}

static int span_cmp(const void *a, const void *b)
{
	return ip_cmp(&((const struct pool_span *)a)->range.first,
		      &((const struct pool_span *)b)->range.first);
}

int build_spans(struct config *c)
{
	for (size_t i = 0; i < c->pools.count; i++) {
		const struct pool_ranges *r = &c->pools.items[i].addresses;
		for (size_t k = 0; k < r->count; k++) {
			struct pool_span *span = array_push(&c->spans);
			if (span == NULL)
				return -ENOMEM;
			*span = (struct pool_span){ r->items[k].range, (uint32_t)i, (uint32_t)k };
		}
	}
	if (c->spans.count > 1)
		qsort(c->spans.items, c->spans.count, sizeof(*c->spans.items), span_cmp);
	array_trim(&c->spans);
	return 0;
}

const struct pool *config_pool_of(const struct config *c, const struct ip_addr *ip,
				  bool ignore_buggy)
{
	size_t low = 0, high = c->spans.count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ip_cmp(&c->spans.items[mid].range.first, ip) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || !ip_range_contains(&c->spans.items[low - 1].range, ip))
		return NULL;
	const struct pool *p = &c->pools.items[c->spans.items[low - 1].pool];
	return !ignore_buggy && p->avoid_buggy_ips && ip_is_buggy(ip) ? NULL : p;
}
