// SPDX-License-Identifier: Apache-2.0
/*
 * From objects to a configuration: names first (the file wins over resources), then each
 * object against its schema, then the addresses of all pools against each other.
 *
 * Everything that compares all with all goes by sorting, so ten thousand pools cost what
 * they should, and the outcome does not depend on the order in which a list arrived.
 */
#include "lib/model/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/config_build.h"
#include "lib/model/pool_own.h"
#include "lib/model/schema.h"

struct config *config_ref(struct config *c)
{
	c->refs++;
	return c;
}

struct config *config_unref(struct config *c)
{
	if (c == NULL || --c->refs > 0)
		return NULL;
	config_pools_done(c);
	config_bgp_done(c);
	array_free(&c->spans);
	free(c);
	return NULL;
}

/* --- all of them ------------------------------------------------------------------------ */

static bool is_of_pools(const struct kind *kind)
{
	return strcmp(kind->name, "IPAddressPool") == 0 || strcmp(kind->name, "Community") == 0;
}

static int entries_collect(struct build *b)
{
	for (size_t i = 0; i < b->inputs->count; i++) {
		const struct config_input *in = &b->inputs->items[i];
		const struct kind *kind = kind_of(in->object);

		if (kind == NULL) {
			kind_mistaken(in->object, in->where, b->faults);
			continue;
		}
		if (!in->from_file && b->inputs->scope == CONFIG_POOLS && !is_of_pools(kind))
			continue;
		struct build_entry *e = array_push(&b->entries);
		if (e == NULL)
			return -ENOMEM;
		const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(in->object, "metadata");
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(metadata, "name");
		e->input = in;
		e->kind = kind;
		e->name = cJSON_IsString(name) ? name->valuestring : "";
		e->order = i;
	}
	return 0;
}

/* By kind and name; the file's before the resources, then as they came. */
static int entry_cmp(const void *a, const void *b)
{
	const struct build_entry *x = *(struct build_entry *const *)a;
	const struct build_entry *y = *(struct build_entry *const *)b;
	int c = strcmp(x->kind->name, y->kind->name);

	if (c == 0)
		c = strcmp(x->name, y->name);
	if (c == 0)
		c = (int)y->input->from_file - (int)x->input->from_file;
	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static void report_twin(const struct build_entry *first, struct build_entry *second,
			struct faults *faults)
{
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(second->input->object, "metadata");
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(metadata, "name");
	const struct doc *doc = first->input->where.doc;
	char buf[256];
	struct where where = build_where(second, buf, sizeof(buf));
	size_t from = faults->count;

	second->dropped = true;
	if (first->input->from_file && !second->input->from_file)
		doc_warn(where, name, faults, "metadata.name",
			 "ignored, %s \"%s\" of %s line %u wins", second->kind->name, second->name,
			 doc_file(doc), doc_line(doc, first->input->object));
	else
		doc_fault(where, name, faults, "metadata.name",
			  "%s \"%s\" is already there (%s line %u)", second->kind->name,
			  second->name, doc_file(doc), doc_line(doc, first->input->object));
	build_rank_own(second, faults, from);
}

/* Put the entries in order, and find those of one name. */
static int names_check(struct build *b)
{
	const struct build_entry *first = NULL;

	for (size_t i = 0; i < b->entries.count; i++) {
		struct build_entry **slot = array_push(&b->order);
		if (slot == NULL)
			return -ENOMEM;
		*slot = &b->entries.items[i];
	}
	if (b->order.count > 1)
		qsort(b->order.items, b->order.count, sizeof(*b->order.items), entry_cmp);
	for (size_t i = 0; i < b->order.count; i++) {
		struct build_entry *e = b->order.items[i];
		e->place = (uint32_t)i;
		/* Without a name it has no twin; its own check says that it needs one. */
		if (first != NULL && *e->name != '\0' && strcmp(first->name, e->name) == 0 &&
		    strcmp(first->kind->name, e->kind->name) == 0)
			report_twin(first, e, b->faults);
		else
			first = e;
	}
	return 0;
}

static void entries_check(struct build *b)
{
	for (size_t i = 0; i < b->entries.count; i++) {
		struct build_entry *e = &b->entries.items[i];
		size_t from = b->faults->count;
		char buf[256];

		if (e->dropped)
			continue;
		struct where where = build_where(e, buf, sizeof(buf));
		if (kind_check(e->kind, e->input->object, where, b->faults) != 0)
			e->dropped = true;
		build_rank_own(e, b->faults, from);
	}
}

/* In order, so that the lists of the configuration are sorted by name. */
static int entries_read(struct build *b)
{
	for (size_t i = 0; i < b->order.count; i++) {
		int rc = b->order.items[i]->dropped ? 0 : build_read(b, b->order.items[i]);
		if (rc != 0)
			return rc;
	}
	return build_spans(b->config);
}

/* What is said of BGP; nothing of it stops the allocator. */
static int rules_check(struct build *b)
{
	int rc = build_communities(b);

	if (rc == 0 && b->inputs->scope == CONFIG_ALL)
		rc = build_peers_check(b);
	if (rc == 0 && b->inputs->scope == CONFIG_ALL)
		rc = build_advertisements_check(b);
	return rc;
}

/* Take out what lost against the file. */
static void losers_drop(struct build *b)
{
	struct bgp_peers *peers = &b->config->bgp_peers;
	struct bgp_advertisements *ads = &b->config->bgp_advertisements;
	size_t kept = 0;

	for (size_t i = 0; i < peers->count; i++) {
		if (b->bgp_peers.items[i]->dropped)
			bgp_peer_done(&peers->items[i]);
		else
			peers->items[kept++] = peers->items[i];
	}
	peers->count = kept;
	kept = 0;
	for (size_t i = 0; i < ads->count; i++) {
		if (b->bgp_advertisements.items[i]->dropped)
			bgp_advertisement_done(&ads->items[i]);
		else
			ads->items[kept++] = ads->items[i];
	}
	ads->count = kept;
}

static void lists_trim(struct config *c)
{
	array_trim(&c->pools);
	array_trim(&c->l2_advertisements);
	array_trim(&c->bgp_peers);
	array_trim(&c->bgp_advertisements);
	array_trim(&c->bfd_profiles);
}

int config_build(const struct config_inputs *inputs, struct faults *faults, struct config **ret)
{
	size_t errors = faults->errors;
	struct build b = { .inputs = inputs, .faults = faults };

	b.config = calloc(1, sizeof(*b.config));
	if (b.config == NULL)
		return -ENOMEM;
	b.config->refs = 1;
	int rc = entries_collect(&b);
	if (rc == 0)
		rc = names_check(&b);
	if (rc == 0) {
		entries_check(&b);
		rc = build_overlaps_check(&b);
	}
	if (rc == 0)
		rc = entries_read(&b);
	if (rc == 0)
		rc = rules_check(&b);
	if (rc == 0 && faults->errors > errors)
		rc = -EBADMSG;
	if (rc == 0) {
		losers_drop(&b);
		lists_trim(b.config);
	} else {
		b.config = config_unref(b.config);
	}
	array_free(&b.entries);
	array_free(&b.order);
	array_free(&b.bgp_peers);
	array_free(&b.bgp_advertisements);
	if (rc == 0)
		*ret = b.config;
	return rc;
}

/* --- questions -------------------------------------------------------------------------- */

static int pool_cmp(const void *a, const void *b)
{
	return strcmp(((const struct pool *)a)->name, ((const struct pool *)b)->name);
}

const struct pool *config_pool(const struct config *c, const char *name)
{
	struct pool key = { .name = name };

	return name == NULL || c->pools.count == 0
		       ? NULL
		       : bsearch(&key, c->pools.items, c->pools.count, sizeof(key), pool_cmp);
}

static int bgp_peer_cmp(const void *a, const void *b)
{
	return strcmp(((const struct bgp_peer *)a)->name, ((const struct bgp_peer *)b)->name);
}

const struct bgp_peer *config_bgp_peer(const struct config *c, const char *name)
{
	struct bgp_peer key = { .name = name };

	return name == NULL || c->bgp_peers.count == 0
		       ? NULL
		       : bsearch(&key, c->bgp_peers.items, c->bgp_peers.count, sizeof(key),
				 bgp_peer_cmp);
}

static int bfd_profile_cmp(const void *a, const void *b)
{
	return strcmp(((const struct bfd_profile *)a)->name, ((const struct bfd_profile *)b)->name);
}

const struct bfd_profile *config_bfd_profile(const struct config *c, const char *name)
{
	struct bfd_profile key = { .name = name };

	return name == NULL || c->bfd_profiles.count == 0
		       ? NULL
		       : bsearch(&key, c->bfd_profiles.items, c->bfd_profiles.count, sizeof(key),
				 bfd_profile_cmp);
}

const char *config_setting(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->settings.count; i++)
		if (strcmp(c->settings.items[i].key, key) == 0)
			return c->settings.items[i].value;
	return NULL;
}

bool ip_is_buggy(const struct ip_addr *ip)
{
	return ip->family == IP_V4 && (ip->bytes[3] == 0 || ip->bytes[3] == 255);
}

static bool ranges_contain(const struct pool_ranges *r, const struct ip_addr *ip)
{
	for (size_t i = 0; i < r->count; i++)
		if (ip_range_contains(&r->items[i].range, ip))
			return true;
	return false;
}

bool pool_contains(const struct pool *p, const struct ip_addr *ip, bool ignore_buggy)
{
	return (ignore_buggy || !p->avoid_buggy_ips || !ip_is_buggy(ip)) &&
	       ranges_contain(&p->addresses, ip);
}

bool pool_excludes(const struct pool *p, const struct ip_addr *ip)
{
	return ranges_contain(&p->exclude, ip);
}

/* By name or by label; both lists empty: every pool. */
static bool covers(const struct names *names, const struct selectors *selectors,
		   const struct pool *p)
{
	if (names->count == 0 && selectors->count == 0)
		return true;
	return names_contain(names, p->name) || selectors_match(selectors, &p->labels);
}

bool l2_advertisement_covers_pool(const struct l2_advertisement *a, const struct pool *p)
{
	return covers(&a->pools, &a->pool_selectors, p);
}

bool bgp_advertisement_covers_pool(const struct bgp_advertisement *a, const struct pool *p)
{
	return covers(&a->pools, &a->pool_selectors, p);
}
