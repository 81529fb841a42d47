// SPDX-License-Identifier: Apache-2.0
#include "allocator/input_io.h"

#include <errno.h>
#include <stdlib.h>

#include "allocator/status_object.h"
#include "lib/base/must.h"
#include "lib/daemon/undecodable.h"
#include "lib/model/meta.h"

struct input_io {
	struct input_io_cfg cfg;
	struct kube_watch *services, *namespaces;
	bool fresh; /* the list of Services is one that was asked for */
	struct undecodable *undecodable;
};

static void changed(struct input_io *c)
{
	c->cfg.changed(c->cfg.arg);
}

/* --- Services ------------------------------------------------------------------------ */

struct service *input_io_decode(struct input_io *c, const cJSON *object)
{
	struct faults faults = { 0 };
	struct service *s = NULL;

	if (service_decode(object, (struct where){ 0 }, &faults, &s) == 0)
		undecodable_forget(c->undecodable, "Service", s->meta.ns, s->meta.name);
	else
		undecodable_note(c->undecodable, "Service", object, &faults);
	faults_free(&faults);
	return s;
}

/* What can be read of the status of a Service that does not decode: its addresses are taken. */
static void on_unreadable(struct input_io *c, const cJSON *object)
{
	const char *ns = meta_text(object, "namespace"), *name = meta_text(object, "name");
	struct ip_addr ips[IP_LIST_MAX];
	size_t count = status_object_ips(object, ips);

	if (ns != NULL && name != NULL)
		allocator_service_unreadable(c->cfg.engine, ns, name, ips, count);
}

static void on_service(void *arg, const cJSON *object)
{
	struct input_io *c = arg;
	struct service *s = input_io_decode(c, object);

	if (s != NULL) {
		c->cfg.service(c->cfg.arg, s);
		allocator_service_upsert(c->cfg.engine, s);
	} else {
		on_unreadable(c, object);
	}
	changed(c);
}

static void on_service_gone(void *arg, const char *ns, const char *name)
{
	struct input_io *c = arg;

	undecodable_forget(c->undecodable, "Service", ns, name);
	c->cfg.service(c->cfg.arg, NULL);
	allocator_service_remove(c->cfg.engine, ns, name);
	changed(c);
}

/* --- Namespaces ---------------------------------------------------------------------- */

static void on_namespace(void *arg, const cJSON *object)
{
	struct input_io *c = arg;
	struct faults faults = { 0 };
	struct namespace *n = NULL;

	if (namespace_decode(object, (struct where){ 0 }, &faults, &n) == 0) {
		undecodable_forget(c->undecodable, "Namespace", NULL, n->meta.name);
		allocator_namespace_upsert(c->cfg.engine, n);
	} else {
		undecodable_note(c->undecodable, "Namespace", object, &faults);
	}
	faults_free(&faults);
	changed(c);
}

static void on_namespace_gone(void *arg, const char *ns, const char *name)
{
	struct input_io *c = arg;

	(void)ns;
	undecodable_forget(c->undecodable, "Namespace", NULL, name);
	allocator_namespace_remove(c->cfg.engine, name);
	changed(c);
}

/* --- life ---------------------------------------------------------------------------- */

static void on_listed(void *arg)
{
	struct input_io *c = arg;

	if (!c->fresh || !input_io_synced(c))
		return;
	allocator_synced(c->cfg.engine);
	changed(c);
}

static void on_services_listed(void *arg)
{
	struct input_io *c = arg;

	c->fresh = true;
	on_listed(c);
}

void input_io_relist(struct input_io *c)
{
	c->fresh = false;
	kube_watch_relist(c->services);
}

static const struct kube_watch_ops service_ops = {
	.upsert = on_service,
	.remove = on_service_gone,
	.synced = on_services_listed,
};
static const struct kube_watch_ops namespace_ops = {
	.upsert = on_namespace,
	.remove = on_namespace_gone,
	.synced = on_listed,
};

int input_io_open(const struct input_io_cfg *cfg, struct input_io **ret)
{
	struct input_io *c = must(calloc(1, sizeof(*c)));

	c->cfg = *cfg;
	c->undecodable = undecodable_new(cfg->metrics);
	c->services = kube_watch_start(cfg->kube, "/api/v1/services", NULL, &service_ops, c);
	c->namespaces = kube_watch_start(cfg->kube, "/api/v1/namespaces", NULL, &namespace_ops, c);
	if (c->services == NULL || c->namespaces == NULL) {
		input_io_close(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

bool input_io_synced(const struct input_io *c)
{
	return kube_watch_synced(c->services) && kube_watch_synced(c->namespaces);
}

struct input_io *input_io_close(struct input_io *c)
{
	if (c == NULL)
		return NULL;
	kube_watch_stop(c->services);
	kube_watch_stop(c->namespaces);
	undecodable_free(c->undecodable);
	free(c);
	return NULL;
}
