// SPDX-License-Identifier: Apache-2.0
/*
 * All lists are asked for at once, each page by page. The first one that fails ends it: half a
 * cluster would make a plan that is wrong.
 */
#include "ctl/live.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "allocator/metallb_pod.h"
#include "allocator/reserve_map.h"
#include "ctl/leader.h"
#include "ctl/peek.h"
#include "lib/base/log.h"
#include "lib/kube/kube.h"
#include "lib/kube/url.h"

/* Of MetalLB's kinds those that the daemons follow (lib/daemon/config_source.c). */
static const struct collection {
	const char *api, *plural, *query;
	bool ours;           /* in the namespace of the installation, and perhaps not defined */
	bool elsewhere;      /* the same in all others */
	bool may_be_refused; /* who may read all else need not be allowed to see it */
} collections[] = {
	{ "/api/v1", "services", "" },
	{ "/apis/discovery.k8s.io/v1", "endpointslices", "" },
	{ "/api/v1", "nodes", "" },
	{ "/api/v1", "namespaces", "" },
	{ "/api/v1", "events", "&fieldSelector=involvedObject.kind%3DService" },
	{ "/apis/metallb.io/v1beta1", "ipaddresspools", "", .ours = true },
	{ "/apis/metallb.io/v1beta1", "communities", "", .ours = true },
	{ "/apis/metallb.io/v1beta1", "l2advertisements", "", .ours = true },
	{ "/apis/metallb.io/v1beta1", "bgpadvertisements", "", .ours = true },
	{ "/apis/metallb.io/v1beta2", "bgppeers", "", .ours = true },
	{ "/apis/metallb.io/v1beta1", "bfdprofiles", "", .ours = true },
	{ "/apis/coordination.k8s.io/v1", "leases", "&fieldSelector=metadata.name%3D" LEADER_LEASE,
	  .ours = true, .may_be_refused = true },
	{ "/api/v1", "configmaps", "&fieldSelector=metadata.name%3D" RESERVE_MAP_NAME, .ours = true,
	  .may_be_refused = true },
	{ "/apis/metallb.io/v1beta1", "configurationstates", "", .ours = true,
	  .may_be_refused = true },
	{ "/apis/metallb.io/v1beta1", "ipaddresspools", "", .elsewhere = true,
	  .may_be_refused = true },
	{ "/api/v1", "pods", "&" METALLB_POD_MANIFEST, .ours = true, .may_be_refused = true },
	{ "/api/v1", "pods", "&" METALLB_POD_CHART, .ours = true, .may_be_refused = true },
	{ "/api/v1", "events",
	  "&fieldSelector=involvedObject.kind%3DPod%2Creason%3D" METALLB_POD_EVENT, .ours = true,
	  .may_be_refused = true },
};
#define COLLECTIONS (sizeof(collections) / sizeof(*collections))

struct live;

struct listing {
	struct live *live;
	const struct collection *collection;
};

struct live {
	struct kube *kube;
	const char *ns;
	const struct live_ops *ops;
	void *arg;
	struct listing listings[COLLECTIONS];
	size_t left; /* lists that are not complete */
	bool failed;
};

static void fail(struct live *l, const char *why)
{
	if (!l->failed)
		fprintf(stderr, "bellman: %s\n", why);
	l->failed = true;
	l->kube = kube_close(l->kube);
}

/* Items of a list leave out what the list says once. */
static void tell(const struct listing *of, const cJSON *list)
{
	struct live *l = of->live;
	const char *kind = peek_text(list, "kind");
	size_t len = strlen(kind);
	char item_kind[64] = "";
	cJSON *item;

	if (len > 4 && len < sizeof(item_kind) && strcmp(kind + len - 4, "List") == 0)
		memcpy(item_kind, kind, len - 4);
	cJSON_ArrayForEach (item, peek(list, "items")) {
		if (of->collection->elsewhere &&
		    strcmp(peek_text(peek(item, "metadata"), "namespace"), l->ns) == 0)
			continue;
		cJSON *whole = cJSON_Duplicate(item, true);
		if (whole == NULL)
			abort();
		if (*peek_text(whole, "kind") == '\0')
			cJSON_AddStringToObject(whole, "kind", item_kind);
		if (*peek_text(whole, "apiVersion") == '\0')
			cJSON_AddStringToObject(whole, "apiVersion", peek_text(list, "apiVersion"));
		l->ops->each(l->arg, whole);
		cJSON_Delete(whole);
	}
}

static void ask(struct listing *of, const char *more);

static void on_page(void *arg, int status, const cJSON *json, const char *error)
{
	struct listing *of = arg;
	struct live *l = of->live;

	if (l->failed)
		return;
	if (status == 404 && (of->collection->ours || of->collection->elsewhere)) {
		json = NULL;
	} else if (status == 403 && of->collection->may_be_refused) {
		l->ops->refused(l->arg, of->collection->plural, error);
		json = NULL;
	} else if (error != NULL || !cJSON_IsObject(json)) {
		fail(l, error != NULL ? error : "the API server's answer is no list");
		return;
	}
	tell(of, json);
	const char *more = peek_text(peek(json, "metadata"), "continue");
	if (*more != '\0')
		ask(of, more);
	else if (--l->left == 0)
		l->kube = kube_close(l->kube);
}

/* Ask for a page; @more: what the one before said to continue with, or NULL. */
static void ask(struct listing *of, const char *more)
{
	const struct collection *c = of->collection;
	char *base = kube_path(c->api, c->ours ? of->live->ns : NULL, c->plural, NULL, NULL);
	char *path = NULL;
	size_t len;
	FILE *to = open_memstream(&path, &len);

	if (base == NULL || to == NULL)
		abort();
	fprintf(to, "%s?limit=500%s", base, c->query);
	if (more != NULL) {
		fputs("&continue=", to);
		url_write(to, more);
	}
	fclose(to);
	if (kube_request(of->live->kube, "GET", path, NULL, NULL, on_page, of) != 0)
		abort();
	free(path);
	free(base);
}

/*
 * As kubectl: a laptop has its kubeconfig in ~/.kube. Only where nothing else was said, and not in
 * a pod. NULL: no such file; else free it.
 */
static char *home_kubeconfig(const struct live_cfg *cfg)
{
	const char *home = getenv("HOME"), *pod = getenv("KUBERNETES_SERVICE_HOST");
	char *path = NULL;

	if (cfg->server != NULL || cfg->kubeconfig != NULL || home == NULL ||
	    (pod != NULL && *pod != '\0') || asprintf(&path, "%s/.kube/config", home) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

int live_read(const struct live_cfg *cfg, const struct live_ops *ops, void *arg)
{
	char *home = home_kubeconfig(cfg);
	const struct kube_cfg kube_cfg = {
		.server = cfg->server,
		.kubeconfig = home != NULL ? home : cfg->kubeconfig,
		.user_agent = "bellman/" BELLMAN_VERSION,
	};
	struct live l = { .ns = cfg->ns, .ops = ops, .arg = arg, .left = COLLECTIONS };
	uv_loop_t loop;
	char err[512];

	/* What fails is said here, once; the client's log is for daemons. */
	if (!log_enabled(LOG_LEVEL_DEBUG))
		log_setup("bellman", LOG_LEVEL_NONE, LOG_TEXT);
	if (uv_loop_init(&loop) != 0)
		abort();
	int rc = kube_open(&loop, &kube_cfg, &l.kube, err, sizeof(err));
	if (rc != 0) {
		fprintf(stderr, "bellman: %s\n", err);
	} else {
		for (size_t i = 0; i < COLLECTIONS; i++) {
			l.listings[i] = (struct listing){ &l, &collections[i] };
			ask(&l.listings[i], NULL);
		}
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(home);
	return rc != 0 ? rc : l.failed ? -EHOSTUNREACH : 0;
}
