// SPDX-License-Identifier: Apache-2.0
#include "allocator/metallb_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/metallb_pod.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/kube/keyset.h"
#include "lib/model/meta.h"

static const char *const selectors[] = { METALLB_POD_MANIFEST, METALLB_POD_CHART };
#define LOOKS (sizeof(selectors) / sizeof(selectors[0]))

struct look { /* one of the two watches */
	struct metallb_io *owner;
	struct kube_watch *watch;
	struct keyset ready; /* pods */
	bool absent;         /* the server knows no pods at all */
};

struct metallb_io {
	struct metallb_io_cfg cfg;
	struct look looks[LOOKS];
	int64_t *there;
	bool told, away;
	char pod[254];     /* the last that was Ready, and */
	char pod_uid[64];  /* by which `kubectl describe` finds its events */
	char trouble[512]; /* "": none */
};

static bool is_own(const struct metallb_io *m, const char *name)
{
	return m->cfg.pod != NULL && strcmp(m->cfg.pod, name) == 0;
}

/* Told at the first of them and after the last, not for each. */
static void say(struct metallb_io *m)
{
	if (!m->away) {
		log_warn("lead", "MetalLB's controller is at work, not leading until it is gone",
			 "pod=%s/%s", m->cfg.ns, m->pod);
		kube_event(m->cfg.kube,
			   &(struct kube_event){
				   .component = "bellman-allocator",
				   .host = "",
				   .kind = "Pod",
				   .api_version = "v1",
				   .ns = m->cfg.ns,
				   .name = m->pod,
				   .uid = m->pod_uid,
				   .type = "Warning",
				   .reason = METALLB_POD_EVENT,
				   .message =
					   "bellman-allocator gives no addresses as long as this "
					   "controller of MetalLB's is at work",
			   });
	} else if (m->told) {
		log_info("lead", "MetalLB's controller is gone", "namespace=%s", m->cfg.ns);
	}
}

static void settle(struct metallb_io *m)
{
	size_t count = 0;

	for (size_t i = 0; i < LOOKS; i++) {
		if (!m->looks[i].absent && !kube_watch_synced(m->looks[i].watch))
			return;
		count += m->looks[i].ready.count;
	}
	m->trouble[0] = '\0';
	*m->there = count > 0;
	if (m->told && m->away == (count == 0))
		return;
	m->away = count == 0;
	say(m);
	m->told = true;
	m->cfg.changed(m->cfg.arg, m->away);
}

static void on_pod_gone(void *arg, const char *ns, const char *name)
{
	struct look *l = arg;

	if (keyset_remove(&l->ready, ns, name))
		settle(l->owner);
}

static void on_pod(void *arg, const cJSON *pod)
{
	struct look *l = arg;
	const char *name = meta_text(pod, "name");

	if (!metallb_pod_at_work(pod) || is_own(l->owner, name)) {
		on_pod_gone(l, l->owner->cfg.ns, name);
		return;
	}
	keyset_add(&l->ready, l->owner->cfg.ns, name);
	snprintf(l->owner->pod, sizeof(l->owner->pod), "%s", name);
	snprintf(l->owner->pod_uid, sizeof(l->owner->pod_uid), "%s",
		 meta_text_or_empty(pod, "uid"));
	settle(l->owner);
}

static void on_listed(void *arg)
{
	settle(((struct look *)arg)->owner);
}

static void on_absent(void *arg)
{
	struct look *l = arg;

	l->absent = true;
	settle(l->owner);
}

static void on_refused(void *arg, int status, const char *reason)
{
	struct look *l = arg;
	struct metallb_io *m = l->owner;
	bool said = m->trouble[0] != '\0';

	(void)status;
	snprintf(m->trouble, sizeof(m->trouble),
		 "needs get, list and watch of pods in namespace %s to see whether MetalLB's "
		 "controller runs there, or --ignore-metallb: %s",
		 m->cfg.ns, reason);
	if (!said)
		log_error("lead", "not leading", "why=\"%s\"", m->trouble);
}

static const struct kube_watch_ops pod_ops = {
	.upsert = on_pod,
	.remove = on_pod_gone,
	.synced = on_listed,
	.absent = on_absent,
	.refused = on_refused,
};

int metallb_io_open(const struct metallb_io_cfg *cfg, struct metallb_io **ret)
{
	struct metallb_io *m = must(calloc(1, sizeof(*m)));
	char *path = must(kube_path("/api/v1", cfg->ns, "pods", NULL, NULL));
	int rc = 0;

	m->cfg = *cfg;
	m->there =
		metric_value0(metrics_family(cfg->metrics, "bellman_allocator_metallb_controller",
					     "1 while a controller of MetalLB's is Ready in our "
					     "namespace, so that we do not lead.",
					     METRIC_GAUGE, NULL));
	for (size_t i = 0; i < LOOKS && rc == 0; i++) {
		struct look *l = &m->looks[i];

		l->owner = m;
		l->watch = kube_watch_start(cfg->kube, path, selectors[i], &pod_ops, l);
		rc = l->watch != NULL ? 0 : -ENOMEM;
	}
	free(path);
	if (rc != 0) {
		metallb_io_close(m);
		return rc;
	}
	*ret = m;
	return 0;
}

const char *metallb_io_trouble(const struct metallb_io *m)
{
	return m->trouble[0] != '\0' ? m->trouble : NULL;
}

struct metallb_io *metallb_io_close(struct metallb_io *m)
{
	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < LOOKS; i++) {
		kube_watch_stop(m->looks[i].watch);
		keyset_free(&m->looks[i].ready);
	}
	free(m);
	return NULL;
}
