// SPDX-License-Identifier: Apache-2.0
#include "allocator/nodes_io.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/cluster.h"
#include "lib/model/meta.h"

struct nodes_io {
	struct nodes_io_cfg cfg;
	struct kube_watch *watch;
	struct nodes {
		ARRAY_OF(struct node *);
	} nodes; /* sorted by name */
};

/* The place of @name, where it is or would be. */
static size_t place_of(const struct nodes *nodes, const char *name, bool *ret_there)
{
	size_t low = 0, high = nodes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(nodes->items[middle]->meta.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_there = low < nodes->count && strcmp(nodes->items[low]->meta.name, name) == 0;
	return low;
}

static void remove_name(struct nodes_io *n, const char *name)
{
	bool there;
	size_t at = place_of(&n->nodes, name, &there);

	if (!there)
		return;
	node_free(n->nodes.items[at]);
	n->nodes.count--;
	memmove(&n->nodes.items[at], &n->nodes.items[at + 1],
		(n->nodes.count - at) * sizeof(struct node *));
}

static void insert(struct nodes_io *n, struct node *node)
{
	bool there;
	size_t at = place_of(&n->nodes, node->meta.name, &there);

	if (there) {
		node_free(n->nodes.items[at]);
	} else {
		must(array_push(&n->nodes));
		memmove(&n->nodes.items[at + 1], &n->nodes.items[at],
			(n->nodes.count - 1 - at) * sizeof(struct node *));
	}
	n->nodes.items[at] = node;
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct nodes_io *n = arg;

	(void)ns;
	remove_name(n, name);
	n->cfg.told(n->cfg.arg, name, NULL);
}

static void on_upsert(void *arg, const cJSON *object)
{
	const char *name = meta_text(object, "name");
	struct nodes_io *n = arg;
	struct faults faults = { 0 };
	struct node *node = NULL;

	if (node_decode(object, (struct where){ 0 }, &faults, &node) == 0) {
		n->cfg.told(n->cfg.arg, node->meta.name, node);
		if (n->cfg.keep)
			insert(n, node);
		else
			node_free(node);
	} else if (name != NULL) {
		on_remove(n, "", name);
	}
	faults_free(&faults);
}

static void on_answered(void *arg)
{
	struct nodes_io *n = arg;

	malloc_trim(0); /* they come as JSON a hundred times the size of what is kept of them */
	n->cfg.answered(n->cfg.arg);
}

static void on_refused(void *arg, int status, const char *reason)
{
	(void)status;
	(void)reason; /* the watch has logged them */
	on_answered(arg);
}

static const struct kube_watch_ops watch_ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_answered,
	.refused = on_refused,
};

int nodes_io_open(const struct nodes_io_cfg *cfg, struct nodes_io **ret)
{
	struct nodes_io *n = must(calloc(1, sizeof(*n)));

	n->cfg = *cfg;
	n->watch = kube_watch_start(cfg->kube, "/api/v1/nodes", NULL, &watch_ops, n);
	if (n->watch == NULL) {
		nodes_io_close(n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

void nodes_io_lend(const struct nodes_io *n, struct config_inputs *ret)
{
	if (!kube_watch_synced(n->watch))
		return;
	ret->nodes = (const struct node *const *)n->nodes.items;
	ret->node_count = n->nodes.count;
}

struct nodes_io *nodes_io_close(struct nodes_io *n)
{
	if (n == NULL)
		return NULL;
	kube_watch_stop(n->watch);
	for (size_t i = 0; i < n->nodes.count; i++)
		node_free(n->nodes.items[i]);
	array_free(&n->nodes);
	free(n);
	return NULL;
}
