// SPDX-License-Identifier: Apache-2.0
#include "speaker/cluster_io.h"

#include <errno.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/base/tree.h"

struct bad { /* an object that does not decode, so that it is said once */
	RB_ENTRY(bad) by_name;
	const char *kind;      /* literal */
	const char *ns, *name; /* interned */
};

RB_HEAD(bad_tree, bad);

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
	struct bad_tree bad;
	struct metric_family *undecodable;
	int64_t *updates, *update_errors;
};

static int bad_cmp(const struct bad *a, const struct bad *b)
{
	int c = strcmp(a->kind, b->kind);

	if (c == 0)
		c = strcmp(a->ns, b->ns);
	return c != 0 ? c : strcmp(a->name, b->name);
}

TREE_GENERATE(bad_tree, bad, by_name, bad_cmp)

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

/* --- objects that do not decode ------------------------------------------------------------ */

static const char *meta_text(const cJSON *object, const char *key)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, key));

	return text == NULL ? "" : text;
}

static struct bad *bad_find(struct cluster_io *c, const struct kind *kind, const char *ns,
			    const char *name)
{
	struct bad key = { .kind = kind->name, .ns = ns, .name = name };

	return RB_FIND(bad_tree, &c->bad, &key);
}

static void bad_remove(struct cluster_io *c, struct bad *b)
{
	if (b == NULL)
		return;
	RB_REMOVE(bad_tree, &c->bad, b);
	intern_unref(b->ns);
	intern_unref(b->name);
	free(b);
}

static void bad_note(struct cluster_io *c, const struct kind *kind, const cJSON *object,
		     const struct faults *faults)
{
	const char *ns = meta_text(object, "namespace"), *name = meta_text(object, "name");
	char why[512] = "";

	(*metric_value1(c->undecodable, kind->name))++;
	(*c->update_errors)++;
	if (bad_find(c, kind, ns, name) != NULL)
		return;
	struct bad *b = calloc(1, sizeof(*b));
	if (b == NULL)
		abort();
	b->kind = kind->name;
	b->ns = intern(ns);
	b->name = intern(name);
	RB_INSERT(bad_tree, &c->bad, b);
	if (faults->count > 0)
		fault_format(&faults->items[0], why, sizeof(why));
	log_warn("cluster", "object does not decode, skipped", "kind=%s object=%s/%s why=\"%s\"",
		 kind->name, ns, name, why);
}

/* --- watches ------------------------------------------------------------------------------- */

static void on_upsert(void *arg, const cJSON *object)
{
	struct feed *f = arg;
	struct cluster_io *c = f->io;
	struct faults faults = { 0 };

	(*c->updates)++;
	if (f->kind->upsert(c->cfg.speaker, object, &faults) < 0)
		bad_note(c, f->kind, object, &faults);
	else if (!RB_EMPTY(&c->bad))
		bad_remove(c, bad_find(c, f->kind, meta_text(object, "namespace"),
				       meta_text(object, "name")));
	faults_free(&faults);
	c->cfg.changed(c->cfg.arg);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct feed *f = arg;
	struct cluster_io *c = f->io;

	(*c->updates)++;
	f->kind->remove(c->cfg.speaker, ns, name);
	bad_remove(c, bad_find(c, f->kind, ns, name));
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
	static const char *const by_kind[] = { "kind", NULL };
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
	c->undecodable = metrics_family(cfg->metrics, "bellman_objects_undecodable_total",
					"Objects of the API that do not decode and were skipped.",
					METRIC_COUNTER, by_kind);
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
	for (struct bad *b; (b = RB_MIN(bad_tree, &c->bad)) != NULL;)
		bad_remove(c, b);
	free(c);
	return NULL;
}
