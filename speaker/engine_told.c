// SPDX-License-Identifier: Apache-2.0
/* What the API tells the engine: Services, EndpointSlices, Nodes. engine_state.h says what is kept.
 */
#include "speaker/engine_state.h"

#include "lib/base/intern.h"

/* --- Services ------------------------------------------------------------------------------ */

struct balancer *engine_balancer_free(struct balancer *b)
{
	if (b == NULL)
		return NULL;
	labels_done(&b->labels);
	free(b->uid);
	free(b);
	return NULL;
}

void speaker_service_remove(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = engine_subject_find(s, ns, name);

	if (j == NULL || j->balancer == NULL)
		return;
	j->balancer = engine_balancer_free(j->balancer);
	engine_unelect(s, j);
	engine_mark_told(s, j);
}

/* Does @b take part in the same election as @old, by what the Service says of itself? The rest say
 * the advertisements that select it.
 */
static bool same_election(const struct balancer *old, const struct balancer *b)
{
	return old != NULL && old->local == b->local && old->ip_count > 0 && b->ip_count > 0 &&
	       ip_equal(&old->ips[0], &b->ips[0]);
}

static bool is_ours(const struct speaker *s, const struct service *service)
{
	/* Both interned, and no class is NULL in both. */
	return service->type == SERVICE_LOAD_BALANCER && service->lb_class == s->lb_class;
}

void speaker_service_upsert(struct speaker *s, const struct service *service)
{
	const char *ns = service->meta.ns, *name = service->meta.name;

	if (!is_ours(s, service)) {
		speaker_service_remove(s, ns, name);
		return;
	}
	struct subject *j = engine_subject_get(s, ns, name);
	struct balancer *old = j->balancer;
	size_t ips_size = service->ingress_count * sizeof(old->ips[0]);
	struct balancer *b = must(calloc(1, sizeof(*b) + ips_size));

	b->labels = labels_ref(&service->meta.labels);
	if (service->meta.uid != NULL)
		b->uid = must(strdup(service->meta.uid));
	b->ip_count = service->ingress_count;
	if (ips_size > 0)
		memcpy(b->ips, service->ingress, ips_size);
	b->ips_bad = service->ingress_bad;
	b->sharing = service->sharing_key != NULL;
	b->local = service->external_policy == POLICY_LOCAL;
	if (old != NULL) {
		b->event_ns = old->event_ns;
		b->failed = old->failed;
	}
	if (!same_election(old, b))
		engine_unelect(s, j);
	engine_balancer_free(old);
	j->balancer = b;
	engine_mark_told(s, j);
}

/* --- EndpointSlices ------------------------------------------------------------------------ */

void engine_slice_free(struct speaker *s, struct slice *x)
{
	RB_REMOVE(slice_tree, &s->slices, x);
	LIST_REMOVE(x, of_subject);
	for (uint32_t i = 0; i < x->node_count; i++)
		intern_unref(x->nodes[i]);
	intern_unref(x->ns);
	intern_unref(x->name);
	free(x);
}

static struct slice *slice_find(struct speaker *s, const char *ns, const char *name)
{
	struct slice key = { .ns = ns, .name = name };

	return RB_FIND(slice_tree, &s->slices, &key);
}

static void endpoints_changed(struct speaker *s, struct subject *j)
{
	if (j->balancer != NULL && j->balancer->local)
		engine_unelect(s, j);
	engine_mark_told(s, j);
}

void speaker_slice_remove(struct speaker *s, const char *ns, const char *name)
{
	struct slice *x = slice_find(s, ns, name);

	if (x == NULL)
		return;
	endpoints_changed(s, x->subject); /* the pass reaps it where nothing else is left */
	engine_slice_free(s, x);
}

/* The nodes on which an endpoint of @slice serves; interned, without a reference of their own. */
static const char **serving_nodes(const struct endpoint_slice *slice, uint32_t *ret_count)
{
	const char **nodes = NULL;
	uint32_t n = 0, distinct = 0;

	for (size_t i = 0; i < slice->endpoint_count; i++) {
		const struct endpoint *e = &slice->endpoints[i];
		if (!endpoint_can_serve(e) || e->node == NULL)
			continue;
		if (nodes == NULL)
			nodes = must(calloc(slice->endpoint_count, sizeof(*nodes)));
		nodes[n++] = e->node;
	}
	if (n > 1)
		qsort(nodes, n, sizeof(*nodes), pointer_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || nodes[i] != nodes[i - 1])
			nodes[distinct++] = nodes[i];
	*ret_count = distinct;
	return nodes;
}

void speaker_slice_upsert(struct speaker *s, const struct endpoint_slice *slice)
{
	const char *ns = slice->meta.ns, *name = slice->meta.name;
	struct slice *old = slice_find(s, ns, name);
	bool serving = false;
	uint32_t n = 0;

	if (slice->service == NULL) {
		speaker_slice_remove(s, ns, name);
		return;
	}
	for (size_t i = 0; i < slice->endpoint_count; i++)
		serving |= endpoint_can_serve(&slice->endpoints[i]);
	const char **nodes = serving_nodes(slice, &n);
	if (old != NULL && old->subject->id.name == slice->service && old->serving == serving &&
	    old->node_count == n &&
	    (n == 0 || memcmp(old->nodes, nodes, n * sizeof(*nodes)) == 0)) {
		free(nodes); /* readiness of a second endpoint beside a first: nothing to decide */
		return;
	}

	struct subject *j = engine_subject_get(s, ns, slice->service);
	struct slice *x = must(calloc(1, sizeof(*x) + n * sizeof(x->nodes[0])));
	x->subject = j;
	x->ns = intern_ref(ns);
	x->name = intern_ref(name);
	x->serving = serving;
	x->node_count = n;
	for (uint32_t i = 0; i < n; i++)
		x->nodes[i] = intern_ref(nodes[i]);
	free(nodes);
	speaker_slice_remove(s, ns, name);
	RB_INSERT(slice_tree, &s->slices, x);
	LIST_INSERT_HEAD(&j->slices, x, of_subject);
	endpoints_changed(s, j);
}

/* --- Nodes --------------------------------------------------------------------------------- */

struct member *engine_member_find(const struct speaker *s, const char *name)
{
	struct member key = { .name = name };

	return RB_FIND(member_tree, (struct member_tree *)&s->members, &key);
}

void engine_member_free(struct speaker *s, struct member *m)
{
	RB_REMOVE(member_tree, &s->members, m);
	labels_done(&m->labels);
	intern_unref(m->name);
	free(m);
}

static bool labels_same(const struct labels *a, const struct labels *b)
{
	if (a->items == b->items || a->count != b->count)
		return a->count == b->count;
	for (uint32_t i = 0; i < a->count; i++) /* interned: equal texts are equal pointers */
		if (a->items[i].key != b->items[i].key || a->items[i].value != b->items[i].value)
			return false;
	return true;
}

void speaker_node_upsert(struct speaker *s, const struct node *node)
{
	struct member *m = engine_member_find(s, node->meta.name);

	if (m != NULL && m->excluded == node->excluded &&
	    m->network_unavailable == node->network_unavailable &&
	    labels_same(&m->labels, &node->meta.labels))
		return; /* a heartbeat */
	engine_node_before(s, m);
	if (m == NULL) {
		m = must(calloc(1, sizeof(*m)));
		m->name = intern_ref(node->meta.name);
		if (s->ranks != NULL)
			m->number = ranks_number(s->ranks, m->name);
		RB_INSERT(member_tree, &s->members, m);
	}
	labels_done(&m->labels);
	m->labels = labels_ref(&node->meta.labels);
	m->excluded = node->excluded;
	m->network_unavailable = node->network_unavailable;
	engine_node_after(s, m, false);
}

void speaker_node_remove(struct speaker *s, const char *name)
{
	struct member *m = engine_member_find(s, name);

	if (m == NULL)
		return;
	engine_node_before(s, m);
	engine_node_after(s, m, true);
	engine_member_free(s, m);
}

bool speaker_node_known(const struct speaker *s)
{
	return s->node_name != NULL && engine_member_find(s, s->node_name) != NULL;
}
