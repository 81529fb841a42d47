// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/overlap_report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/base/must.h"

#define REASON "PoolOverlap"

/* What is found of one kind in one pool. */
struct sum {
	const char *pool; /* interned */
	enum overlap_what what;
	struct ip_addr first; /* the lowest address of all */
	char *text;           /* what overlaps there */
	int64_t count;
};

struct sums {
	ARRAY_OF(struct sum);
};

struct overlap_report {
	struct overlap_report_cfg cfg;
	struct metric_family *overlap;
	struct sums told, found;
};

static void sums_done(struct sums *s)
{
	for (size_t i = 0; i < s->count; i++) {
		intern_unref(s->items[i].pool);
		free(s->items[i].text);
	}
	array_free(s);
}

static struct sum *sum_find(const struct sums *s, const char *pool, enum overlap_what what)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].pool == pool && s->items[i].what == what)
			return &s->items[i];
	return NULL;
}

static struct sum *sum_of(struct sums *s, const struct overlap *o)
{
	struct sum *sum = sum_find(s, o->pool, o->what);

	if (sum == NULL) {
		sum = must(array_push(s));
		sum->pool = intern_ref(o->pool);
		sum->what = o->what;
	}
	return sum;
}

void overlap_report_add(struct overlap_report *r, const struct overlaps *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct overlap *o = &found->items[i];
		struct sum *sum = sum_of(&r->found, o);
		char text[256];

		if (sum->count++ > 0 && ip_cmp(&o->first, &sum->first) >= 0)
			continue;
		sum->first = o->first;
		free(sum->text);
		sum->text = must(strdup(overlap_format(o, text, sizeof(text))));
	}
}

/* --- telling ----------------------------------------------------------------------------- */

static void event_send(const struct overlap_report *r, const char *pool, bool from_file,
		       const char *message)
{
	bool of_pod = from_file && r->cfg.pod != NULL && *r->cfg.pod != '\0';
	struct kube_event event = {
		.component = r->cfg.component,
		.host = r->cfg.host,
		.kind = of_pod      ? "Pod"
			: from_file ? "Namespace"
				    : "IPAddressPool",
		.api_version = from_file ? "v1" : "metallb.io/v1beta1",
		.name = of_pod      ? r->cfg.pod
			: from_file ? r->cfg.ns
				    : pool,
		.ns = from_file && !of_pod ? NULL : r->cfg.ns,
		.type = "Warning",
		.reason = REASON,
		.message = message,
	};

	if (!from_file && r->cfg.uid_of != NULL)
		event.uid = r->cfg.uid_of(r->cfg.arg, pool);
	kube_event(r->cfg.kube, &event);
}

static void tell(const struct overlap_report *r, const struct sum *sum, const struct config *c)
{
	const struct pool *pool = config_pool(c, sum->pool);
	char more[64] = "";

	if (sum->count > 1)
		snprintf(more, sizeof(more), " (and %lld more of this kind)",
			 (long long)sum->count - 1);
	char *message =
		must_text("pool \"%s\" holds what is in use: %s%s", sum->pool, sum->text, more);
	log_warn("config", "pool overlaps", "pool=%s kind=%s count=%lld why=\"%s\"", sum->pool,
		 overlap_what_name(sum->what), (long long)sum->count, sum->text);
	event_send(r, sum->pool, pool != NULL && pool->from_file, message);
	free(message);
}

static void show(struct overlap_report *r)
{
	metric_clear(r->overlap);
	for (size_t i = 0; i < r->found.count; i++) {
		const struct sum *sum = &r->found.items[i];
		const char *const labels[] = { sum->pool, overlap_what_name(sum->what) };
		*metric_value(r->overlap, labels) = sum->count;
	}
}

/* The count alone is no news: nodes come and go. */
void overlap_report_end(struct overlap_report *r, const struct config *c)
{
	for (size_t i = 0; i < r->found.count; i++) {
		const struct sum *now = &r->found.items[i];
		const struct sum *before = sum_find(&r->told, now->pool, now->what);
		if (before == NULL || strcmp(before->text, now->text) != 0)
			tell(r, now, c);
	}
	for (size_t i = 0; i < r->told.count; i++) {
		const struct sum *before = &r->told.items[i];
		if (sum_find(&r->found, before->pool, before->what) == NULL)
			log_info("config", "pool overlaps no longer", "pool=%s kind=%s",
				 before->pool, overlap_what_name(before->what));
	}
	show(r);
	sums_done(&r->told);
	r->told = r->found;
	r->found = (struct sums){ 0 };
}

void overlap_report_silence(struct overlap_report *r)
{
	sums_done(&r->told);
	sums_done(&r->found);
	metric_clear(r->overlap);
}

/* --- life -------------------------------------------------------------------------------- */

struct overlap_report *overlap_report_new(const struct overlap_report_cfg *cfg)
{
	static const char *const labels[] = { "pool", "kind", NULL };
	struct overlap_report *r = must(calloc(1, sizeof(*r)));

	r->cfg = *cfg;
	r->overlap = metrics_family(
		cfg->metrics, "bellman_pool_overlap",
		"How many nodes, Pod CIDRs, Service CIDRs, cluster IPs or gateways have "
		"addresses that a pool holds, too.",
		METRIC_GAUGE, labels);
	return r;
}

struct overlap_report *overlap_report_free(struct overlap_report *r)
{
	if (r == NULL)
		return NULL;
	sums_done(&r->told);
	sums_done(&r->found);
	free(r);
	return NULL;
}
