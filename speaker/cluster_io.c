// SPDX-License-Identifier: Apache-2.0
#include "speaker/cluster_io.h"

#include <errno.h>
#include <string.h>

#include "lib/daemon/undecodable.h"
#include "lib/model/meta.h"

struct kind {
	const char *name, *path;
	/* Decode and hand on; returns 0 or -EBADMSG with the reasons. */
	int (*upsert)(struct speaker *s, const cJSON *object, struct faults *faults);
	void (*remove)(struct speaker *s, const char *ns, const char *name);
};

struct feed { /* one watch */
	struct cluster_io *io;
	const struct kind *kind;
	struct kube_watch *watch;
};

#define KINDS 3

struct cluster_io {
	struct cluster_io_cfg cfg;
	struct feed feeds[KINDS];
	struct undecodable *undecodable;
	int64_t *updates, *update_errors;
};

/* --- kinds --------------------------------------------------------------------------------- */

static int service_upsert(struct speaker *s, const cJSON *object, struct faults *faults)
{
	struct service *service = NULL;
	int rc = service_decode(object, (struct where){ 0 }, faults, &service);

	if (rc == 0)
		speaker_service_upsert(s, service);
	service_free(service);
	return rc;
}

static int slice_upsert(struct speaker *s, const cJSON *object, struct faults *faults)
{
	struct endpoint_slice *slice = NULL;
	int rc = endpoint_slice_decode(object, (struct where){ 0 }, faults, &slice);

	if (rc == 0)
		speaker_slice_upsert(s, slice);
	endpoint_slice_free(slice);
	return rc;
}

static int node_upsert(struct speaker *s, const cJSON *object, struct faults *faults)
{
	struct node *node = NULL;
	int rc = node_decode(object, (struct where){ 0 }, faults, &node);

	if (rc == 0)
		speaker_node_upsert(s, node);
	node_free(node);
	return rc;
}

static void node_remove(struct speaker *s, const char *ns, const char *name)
{
	(void)ns;
	speaker_node_remove(s, name);
}

static const struct kind kinds[KINDS] = {
	{ "Node", "/api/v1/nodes", node_upsert, node_remove },
	{ "Service", "/api/v1/services", service_upsert, speaker_service_remove },
	{ "EndpointSlice", "/apis/discovery.k8s.io/v1/endpointslices", slice_upsert,
	  speaker_slice_remove },
};

/* --- watches ------------------------------------------------------------------------------- */

static bool is_own_node(const struct feed *f, const char *name)
{
	return f->kind->upsert == node_upsert && strcmp(name, f->io->cfg.node_name) == 0;
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct feed *f = arg;
	struct cluster_io *c = f->io;
	struct faults faults = { 0 };

	(*c->updates)++;
	if (f->kind->upsert(c->cfg.speaker, object, &faults) < 0) {
		(*c->update_errors)++;
		undecodable_note(c->undecodable, f->kind->name, object, &faults);
	} else {
		undecodable_forget(c->undecodable, f->kind->name,
				   meta_text_or_empty(object, "namespace"),
				   meta_text_or_empty(object, "name"));
	}
	faults_free(&faults);
	if (is_own_node(f, meta_text_or_empty(object, "name")))
		c->cfg.own_node(c->cfg.arg, object);
	c->cfg.changed(c->cfg.arg);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct feed *f = arg;
	struct cluster_io *c = f->io;

	(*c->updates)++;
	f->kind->remove(c->cfg.speaker, ns, name);
	undecodable_forget(c->undecodable, f->kind->name, ns, name);
	if (is_own_node(f, name))
		c->cfg.own_node(c->cfg.arg, NULL);
	c->cfg.changed(c->cfg.arg);
}

static void on_synced(void *arg)
{
	struct feed *f = arg;

	f->io->cfg.changed(f->io->cfg.arg);
}

static const struct kube_watch_ops ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_synced,
};

int cluster_io_open(const struct cluster_io_cfg *cfg, struct cluster_io **ret)
{
	struct cluster_io *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->cfg = *cfg;
	c->updates = metric_value0(metrics_family(cfg->metrics, "metallb_k8s_client_updates_total",
						  "Number of k8s object updates that have been "
						  "processed.",
						  METRIC_COUNTER, NULL));
	c->update_errors = metric_value0(
		metrics_family(cfg->metrics, "metallb_k8s_client_update_errors_total",
			       "Number of k8s object updates that failed for some reason.",
			       METRIC_COUNTER, NULL));
	c->undecodable = undecodable_new(cfg->metrics);
	for (size_t i = 0; i < KINDS; i++) {
		struct feed *f = &c->feeds[i];
		f->io = c;
		f->kind = &kinds[i];
		f->watch = kube_watch_start(cfg->kube, kinds[i].path, NULL, &ops, f);
		if (f->watch == NULL) {
			cluster_io_close(c);
			return -ENOMEM;
		}
	}
	*ret = c;
	return 0;
}

bool cluster_io_synced(const struct cluster_io *c)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!kube_watch_synced(c->feeds[i].watch))
			return false;
	return true;
}

struct cluster_io *cluster_io_close(struct cluster_io *c)
{
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		kube_watch_stop(c->feeds[i].watch);
	undecodable_free(c->undecodable);
	free(c);
	return NULL;
}
