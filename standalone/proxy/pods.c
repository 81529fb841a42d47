// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/pods.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/tree.h"
#include "standalone/proxy/prefixes.h"

struct pod_node {
	RB_ENTRY(pod_node) by_name;
	struct node *object;
};
RB_HEAD(pod_nodes, pod_node);

/* What the sets of one family hold, as elements. NULL: nothing, and no rules that use them. */
struct held {
	char *prefixes, *ips;
};

struct pods {
	struct pod_nodes nodes;
	bool dirty;
	bool under_way;
	struct held sent[2], before[2]; /* [0]: IPv4; without the pass that is under way */
};

static int pod_node_cmp(const struct pod_node *a, const struct pod_node *b)
{
	return strcmp(a->object->meta.name, b->object->meta.name);
}

TREE_GENERATE(pod_nodes, pod_node, by_name, pod_node_cmp)

static struct pod_node *find(struct pods *p, const char *name)
{
	struct node object = { .meta = { .name = name } };
	struct pod_node key = { .object = &object };

	return RB_FIND(pod_nodes, &p->nodes, &key);
}

static bool same_zone(const struct node *a, const struct node *b)
{
	return a->zone == NULL || b->zone == NULL ? a->zone == b->zone
						  : strcmp(a->zone, b->zone) == 0;
}

static bool same_addresses(const struct node *a, const struct node *b)
{
	if (a->pod_cidr_count != b->pod_cidr_count || a->internal_ip_count != b->internal_ip_count)
		return false;
	for (unsigned i = 0; i < a->internal_ip_count; i++)
		if (!ip_equal(&a->internal_ips[i], &b->internal_ips[i]))
			return false;
	for (unsigned i = 0; i < a->pod_cidr_count; i++)
		if (a->pod_cidrs[i].len != b->pod_cidrs[i].len ||
		    !ip_equal(&a->pod_cidrs[i].addr, &b->pod_cidrs[i].addr))
			return false;
	return true;
}

bool pods_node(struct pods *p, struct node *node)
{
	struct pod_node *n = find(p, node->meta.name);

	if (n == NULL) {
		n = must(calloc(1, sizeof(*n)));
		n->object = node;
		RB_INSERT(pod_nodes, &p->nodes, n);
		p->dirty = true;
		return true;
	}
	bool addresses = !same_addresses(n->object, node);
	bool zone = !same_zone(n->object, node);

	p->dirty |= addresses;
	node_free(n->object);
	n->object = node;
	return addresses || zone;
}

const struct node *pods_find(struct pods *p, const char *name)
{
	const struct pod_node *n = find(p, name);

	return n == NULL ? NULL : n->object;
}

static void node_drop(struct pods *p, struct pod_node *n)
{
	RB_REMOVE(pod_nodes, &p->nodes, n);
	node_free(n->object);
	free(n);
	p->dirty = true;
}

void pods_node_gone(struct pods *p, const char *name)
{
	struct pod_node *n = find(p, name);

	if (n != NULL)
		node_drop(p, n);
}

/*
 * The prefixes of one family as elements. One of length 0 would make everybody a pod and is left
 * out.
 */
static char *prefixes_of(struct pods *p, uint8_t family)
{
	struct prefixes list = { 0 };
	struct text t = { 0 };
	struct pod_node *n;

	RB_FOREACH (n, pod_nodes, &p->nodes)
		for (unsigned i = 0; i < n->object->pod_cidr_count; i++) {
			const struct ip_prefix *cidr = &n->object->pod_cidrs[i];

			if (cidr->addr.family == family && cidr->len > 0)
				prefixes_add(&list, cidr);
		}
	prefixes_unite(&list);
	prefixes_write(&list, &t);
	array_free(&list);
	return text_take(&t);
}

/* The addresses of nodes as elements; one that two have may stand there twice. */
static char *ips_of(struct pods *p, uint8_t family)
{
	struct text t = { 0 };
	struct pod_node *n;

	RB_FOREACH (n, pod_nodes, &p->nodes)
		for (unsigned i = 0; i < n->object->internal_ip_count; i++) {
			const struct ip_addr *addr = &n->object->internal_ips[i];
			char ip[IP_TEXT_MAX];

			if (addr->family == family)
				text_printf(&t, "%s\"%s\"", t.len > 0 ? "," : "",
					    ip_format(addr, ip));
		}
	return text_take(&t);
}

static void held_free(struct held *h)
{
	free(h->prefixes);
	free(h->ips);
	*h = (struct held){ 0 };
}

bool pods_dirty(const struct pods *p)
{
	return p->dirty;
}

void pods_pass(struct pods *p, struct transaction *t)
{
	if (!p->dirty)
		return;
	pods_commit(p);
	for (unsigned f = 0; f < 2; f++) {
		uint8_t family = f == 0 ? IP_V4 : IP_V6;
		struct held *was = &p->before[f], *now = &p->sent[f];

		*was = *now;
		*now = (struct held){ .prefixes = prefixes_of(p, family),
				      .ips = ips_of(p, family) };
		if (was->prefixes == NULL || strcmp(was->prefixes, now->prefixes) != 0)
			transaction_set_pods(t, family, now->prefixes);
		if (strcmp(was->ips == NULL ? "" : was->ips, now->ips) != 0)
			transaction_set_nodes(t, family, now->ips);
	}
	p->dirty = false;
	p->under_way = true;
}

void pods_commit(struct pods *p)
{
	held_free(&p->before[0]);
	held_free(&p->before[1]);
	p->under_way = false;
}

void pods_roll_back(struct pods *p)
{
	if (!p->under_way)
		return;
	for (unsigned f = 0; f < 2; f++) {
		held_free(&p->sent[f]);
		p->sent[f] = p->before[f];
		p->before[f] = (struct held){ 0 };
	}
	p->dirty = true;
	p->under_way = false;
}

void pods_forget(struct pods *p)
{
	pods_commit(p);
	held_free(&p->sent[0]);
	held_free(&p->sent[1]);
	p->dirty = true;
}

struct pods *pods_new(void)
{
	return must(calloc(1, sizeof(struct pods)));
}

struct pods *pods_free(struct pods *p)
{
	struct pod_node *n, *next;

	if (p == NULL)
		return NULL;
	RB_FOREACH_SAFE (n, pod_nodes, &p->nodes, next)
		node_drop(p, n);
	pods_forget(p);
	free(p);
	return NULL;
}
