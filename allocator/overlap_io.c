// SPDX-License-Identifier: Apache-2.0
#include "allocator/overlap_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "allocator/in_use.h"
#include "lib/base/must.h"
#include "lib/model/meta.h"

#define GAP_MS  1000u /* between two searches */
#define PORTION 1024  /* cluster IPs that are looked at in one go, or one more */

/* One kind of object, in one version of its API. */
struct feed {
	struct overlap_io *io;
	struct kube_watch *watch;
	bool answered; /* a list, or that there will be none */
};

enum { SERVICE_CIDRS, SERVICE_CIDRS_BETA, FEEDS };

static const char *const paths[FEEDS] = {
	[SERVICE_CIDRS] = "/apis/networking.k8s.io/v1/servicecidrs",
	[SERVICE_CIDRS_BETA] = "/apis/networking.k8s.io/v1beta1/servicecidrs",
};

struct overlap_io {
	struct overlap_io_cfg cfg;
	struct feed feeds[FEEDS];
	struct in_use *in_use;
	struct overlap_report *report;
	struct config *config;
	bool nodes_known; /* or never will be */
	bool stale;       /* what was told may be wrong */
	bool has_ips;     /* the last search found cluster IPs in pools */
	uint64_t due_ms;  /* the loop's time of the next search */
	uv_timer_t timer;
};

/* --- searching ----------------------------------------------------------------------- */

struct search {
	const struct config *config;
	struct overlap_report *report;
};

static void search_portion(void *arg, const struct taken_ranges *portion)
{
	struct search *s = arg;
	struct overlaps found = { 0 };

	if (overlaps_find(s->config, portion, &found) != 0)
		must(NULL);
	overlap_report_add(s->report, &found);
	overlaps_done(&found);
}

/* Cluster IPs on their way into a search; of thousands of Services few or none are in a pool. */
struct ip_search {
	struct search search;
	struct taken_ranges portion;
	bool found;
};

static void ip_search_flush(struct ip_search *s)
{
	if (s->portion.count > 0)
		search_portion(&s->search, &s->portion);
	taken_done(&s->portion);
}

static void search_service(void *arg, const struct service *s)
{
	struct ip_search *search = arg;

	for (unsigned i = 0; i < s->cluster_ip_count; i++) {
		char whose[600];

		if (config_pool_of(search->search.config, &s->cluster_ips[i], false) == NULL)
			continue;
		snprintf(whose, sizeof(whose), "%s/%s", s->meta.ns, s->meta.name);
		if (taken_add_address(&search->portion, OVERLAP_CLUSTER_IP, &s->cluster_ips[i],
				      whose) != 0)
			must(NULL);
		search->found = true;
	}
	if (search->portion.count >= PORTION)
		ip_search_flush(search);
}

static void on_timer(uv_timer_t *t)
{
	struct overlap_io *o = t->data;
	struct ip_search search = { .search = { o->config, o->report } };

	o->stale = false;
	o->due_ms = uv_now(o->cfg.loop) + GAP_MS;
	in_use_each(o->in_use, search_portion, &search.search);
	o->cfg.services(o->cfg.arg, search_service, &search);
	ip_search_flush(&search);
	o->has_ips = search.found;
	overlap_report_end(o->report, o->config);
}

/* Search when all is known that will be, and then not more often than each second. */
void overlap_io_update(struct overlap_io *o)
{
	uint64_t now_ms = uv_now(o->cfg.loop);

	if (!gate_io_is_open(o->cfg.gate)) {
		uv_timer_stop(&o->timer);
		overlap_report_silence(o->report);
		o->stale = true;
		return;
	}
	if (!o->nodes_known)
		return;
	for (size_t i = 0; i < FEEDS; i++)
		if (o->feeds[i].watch != NULL && !o->feeds[i].answered)
			return;
	if (!o->cfg.services_known(o->cfg.arg))
		return;
	if (o->stale && o->config != NULL && !uv_is_active((uv_handle_t *)&o->timer))
		uv_timer_start(&o->timer, on_timer, o->due_ms > now_ms ? o->due_ms - now_ms : 0, 0);
}

static void changed(struct overlap_io *o)
{
	o->stale = true;
	overlap_io_update(o);
}

void overlap_io_config(struct overlap_io *o, struct config *c)
{
	config_unref(o->config);
	o->config = config_ref(c);
	changed(o);
}

/* Most changes of Services are none here: their cluster IPs are in no pool, and none was. */
void overlap_io_service(struct overlap_io *o, const struct service *s)
{
	bool concerns = o->has_ips;

	for (unsigned i = 0; s != NULL && o->config != NULL && i < s->cluster_ip_count; i++)
		concerns = concerns || config_pool_of(o->config, &s->cluster_ips[i], false) != NULL;
	if (concerns)
		changed(o);
}

void overlap_io_node(struct overlap_io *o, const char *name, const struct node *n)
{
	struct taken_ranges ranges = { 0 };
	bool news;

	if (n == NULL) {
		news = in_use_remove(o->in_use, IN_USE_NODE, name);
	} else {
		if (taken_add_node(&ranges, n) != 0)
			must(NULL);
		news = in_use_set(o->in_use, IN_USE_NODE, name, &ranges);
	}
	taken_done(&ranges);
	if (news)
		changed(o);
}

void overlap_io_nodes_known(struct overlap_io *o)
{
	o->nodes_known = true;
	overlap_io_update(o);
}

/* --- what the API tells -------------------------------------------------------------- */

static void on_cidr(void *arg, const cJSON *object)
{
	struct feed *f = arg;
	struct taken_ranges ranges = { 0 };
	const char *name = meta_text(object, "name");

	if (name == NULL)
		return;
	if (taken_add_service_cidr_object(&ranges, object) != 0)
		must(NULL);
	if (in_use_set(f->io->in_use, IN_USE_SERVICE_CIDR, name, &ranges))
		changed(f->io);
	taken_done(&ranges);
}

static void on_cidr_gone(void *arg, const char *ns, const char *name)
{
	struct feed *f = arg;

	(void)ns;
	if (in_use_remove(f->io->in_use, IN_USE_SERVICE_CIDR, name))
		changed(f->io);
}

static void on_answered(void *arg)
{
	struct feed *f = arg;

	f->answered = true;
	overlap_io_update(f->io);
}

static void on_refused(void *arg, int status, const char *reason)
{
	(void)status;
	(void)reason; /* the watch has logged them */
	on_answered(arg);
}

static void feed_start(struct overlap_io *o, size_t which);

/* Before Kubernetes 1.33 ServiceCIDRs are in v1beta1, or nowhere. */
static void on_cidrs_absent(void *arg)
{
	struct feed *f = arg;

	feed_start(f->io, SERVICE_CIDRS_BETA);
	on_answered(arg);
}

static const struct kube_watch_ops ops[FEEDS] = {
	[SERVICE_CIDRS] = { .upsert = on_cidr,
			    .remove = on_cidr_gone,
			    .synced = on_answered,
			    .absent = on_cidrs_absent,
			    .refused = on_refused },
	[SERVICE_CIDRS_BETA] = { .upsert = on_cidr,
				 .remove = on_cidr_gone,
				 .synced = on_answered,
				 .absent = on_answered,
				 .refused = on_refused },
};

static void feed_start(struct overlap_io *o, size_t which)
{
	struct feed *f = &o->feeds[which];

	f->io = o;
	if (f->watch == NULL)
		f->watch = kube_watch_start(o->cfg.report.kube, paths[which], NULL, &ops[which], f);
}

/* --- life ---------------------------------------------------------------------------- */

int overlap_io_open(const struct overlap_io_cfg *cfg, struct overlap_io **ret)
{
	struct overlap_io *o = must(calloc(1, sizeof(*o)));

	o->cfg = *cfg;
	o->in_use = in_use_new();
	o->report = overlap_report_new(&cfg->report);
	uv_timer_init(cfg->loop, &o->timer);
	o->timer.data = o;
	feed_start(o, SERVICE_CIDRS);
	if (o->feeds[SERVICE_CIDRS].watch == NULL) {
		overlap_io_close(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct overlap_io *o = handle->data;

	overlap_report_free(o->report);
	in_use_free(o->in_use);
	config_unref(o->config);
	free(o);
}

struct overlap_io *overlap_io_close(struct overlap_io *o)
{
	if (o == NULL)
		return NULL;
	for (size_t i = 0; i < FEEDS; i++)
		kube_watch_stop(o->feeds[i].watch);
	uv_close((uv_handle_t *)&o->timer, on_closed);
	return NULL;
}
