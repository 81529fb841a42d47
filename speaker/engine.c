// SPDX-License-Identifier: Apache-2.0
/* The engine's inputs, and its life: engine_state.h says what is kept of them. */
#include "speaker/engine_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/intern.h"

char *engine_text(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		abort();
	va_end(ap);
	return text;
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

/* --- subjects -------------------------------------------------------------------------------- */

struct subject *engine_subject_find(const struct speaker *s, const char *ns, const char *name)
{
	struct subject key = { .id = { ns, name } };

	return RB_FIND(subject_tree, (struct subject_tree *)&s->subjects, &key);
}

static struct subject *subject_get(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = engine_subject_find(s, ns, name);

	if (j != NULL)
		return j;
	j = must(calloc(1, sizeof(*j)));
	j->id.ns = intern(ns);
	j->id.name = intern(name);
	RB_INSERT(subject_tree, &s->subjects, j);
	return j;
}

void engine_unmark(struct subject *j)
{
	if (j->queue != NULL)
		TAILQ_REMOVE(j->queue, j, marked);
	j->queue = NULL;
}

static void mark_in(struct subject_queue *queue, struct subject *j)
{
	engine_unmark(j);
	TAILQ_INSERT_TAIL(queue, j, marked);
	j->queue = queue;
}

/* Something was said of it. */
static void mark(struct speaker *s, struct subject *j)
{
	if (j->queue != &s->told)
		mark_in(&s->told, j);
}

struct subject *engine_next(const struct speaker *s)
{
	return TAILQ_EMPTY(&s->told) ? TAILQ_FIRST(&s->concerned) : TAILQ_FIRST(&s->told);
}

void engine_mark(struct speaker *s, struct subject *j)
{
	if (j->queue == NULL)
		mark_in(&s->concerned, j);
}

void engine_mark_all(struct speaker *s)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, &s->subjects)
		if (j->balancer != NULL || j->held_count > 0)
			engine_mark(s, j);
}

static struct balancer *balancer_free(struct balancer *b)
{
	if (b == NULL)
		return NULL;
	labels_done(&b->labels);
	free(b->uid);
	free(b);
	return NULL;
}

static void subject_free(struct speaker *s, struct subject *j)
{
	engine_unmark(j);
	engine_unelect(s, j);
	RB_REMOVE(subject_tree, &s->subjects, j);
	balancer_free(j->balancer);
	held_free(j);
	intern_unref(j->id.ns);
	intern_unref(j->id.name);
	free(j);
}

void engine_subject_reap(struct speaker *s, struct subject *j)
{
	if (j->balancer == NULL && j->held_count == 0 && LIST_EMPTY(&j->slices))
		subject_free(s, j);
}

/* --- inputs ---------------------------------------------------------------------------------- */

void speaker_service_remove(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = engine_subject_find(s, ns, name);

	if (j == NULL || j->balancer == NULL)
		return;
	j->balancer = balancer_free(j->balancer);
	engine_unelect(s, j);
	mark(s, j);
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
	struct subject *j = subject_get(s, ns, name);
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
	balancer_free(old);
	j->balancer = b;
	mark(s, j);
}

static void slice_free(struct speaker *s, struct slice *x)
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
	mark(s, j);
}

void speaker_slice_remove(struct speaker *s, const char *ns, const char *name)
{
	struct slice *x = slice_find(s, ns, name);

	if (x == NULL)
		return;
	endpoints_changed(s, x->subject); /* the pass reaps it where nothing else is left */
	slice_free(s, x);
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

	struct subject *j = subject_get(s, ns, slice->service);
	struct slice *x = must(calloc(1, sizeof(*x) + n * sizeof(x->nodes[0])));
	x->subject = j;
	x->ns = intern(ns);
	x->name = intern(name);
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

struct member *engine_member_find(const struct speaker *s, const char *name)
{
	struct member key = { .name = name };

	return RB_FIND(member_tree, (struct member_tree *)&s->members, &key);
}

static void member_free(struct speaker *s, struct member *m)
{
	RB_REMOVE(member_tree, &s->members, m);
	labels_done(&m->labels);
	intern_unref(m->name);
	free(m);
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
		m->name = intern(node->meta.name);
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

bool speaker_node_known(const struct speaker *s)
{
	return s->node_name != NULL && engine_member_find(s, s->node_name) != NULL;
}

void speaker_node_remove(struct speaker *s, const char *name)
{
	struct member *m = engine_member_find(s, name);

	if (m == NULL)
		return;
	engine_node_before(s, m);
	engine_node_after(s, m, true);
	member_free(s, m);
}

void speaker_link_set(struct speaker *s, const struct l2_link *link)
{
	/* An advertisement may have waited for a name. Links of pods are excluded, and cost
	 * nothing.
	 */
	if (l2_link_set(s->l2, link))
		engine_mark_all(s);
}

void speaker_link_remove(struct speaker *s, unsigned ifindex)
{
	if (l2_link_remove(s->l2, ifindex))
		engine_mark_all(s);
}

void speaker_ready_set(struct speaker *s, bool ready)
{
	if (s->ready == ready)
		return;
	s->ready = ready;
	engine_mark_all(s);
}

/* --- configuration --------------------------------------------------------------------------- */

const struct subject *engine_orphan(const struct speaker *s, const struct config *config)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, (struct subject_tree *)&s->subjects)
		for (size_t i = 0; i < j->held_count; i++)
			if (config_pool_of(config, &j->held[i], true) == NULL)
				return j;
	return NULL;
}

bool engine_config_adopt(struct speaker *s)
{
	struct subject *j;

	if (engine_orphan(s, s->config_next) != NULL)
		return false;
	RB_FOREACH (j, subject_tree, &s->subjects)
		engine_unelect(s, j); /* a field is known by places in the configuration */
	config_unref(s->config);
	s->config = s->config_next;
	s->config_next = NULL;
	s->config_news = true;
	engine_mark_all(s);
	return true;
}

void speaker_config_set(struct speaker *s, struct config *config)
{
	if (config == s->config && s->config_next == NULL)
		return; /* in force as it is */
	config_unref(s->config_next);
	s->config_next = config_ref(config);
	s->config_news = true;
	engine_config_adopt(s);
}

bool speaker_config_waits(const struct speaker *s)
{
	return s->config_next != NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

int speaker_new(const struct speaker_cfg *cfg, struct speaker **ret)
{
	static const char *const labels[] = { "service", "protocol", "node", "ip", NULL };
	struct speaker *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	int rc = l2_new(cfg->exclude, cfg->metrics, cfg->seed, &s->l2);
	if (rc < 0) {
		free(s);
		return rc;
	}
	s->node_name = intern(cfg->node_name);
	if (cfg->lb_class != NULL && cfg->lb_class[0] != '\0')
		s->lb_class = intern(cfg->lb_class);
	s->ignore_exclude_lb = cfg->ignore_exclude_lb;
	s->assume_endpoints = cfg->assume_endpoints;
	s->ranks = cfg->ranks;
	TAILQ_INIT(&s->told);
	TAILQ_INIT(&s->concerned);
	if (cfg->metrics != NULL)
		s->announced_metric = metrics_family(
			cfg->metrics, "metallb_speaker_announced",
			"Services being announced from this node. This is desired state, it does "
			"not guarantee that the routing protocols have converged.",
			METRIC_GAUGE, labels);
	*ret = s;
	return 0;
}

struct speaker *speaker_free(struct speaker *s)
{
	if (s == NULL)
		return NULL;
	for (struct slice *x; (x = RB_MIN(slice_tree, &s->slices)) != NULL;)
		slice_free(s, x);
	for (struct subject *j; (j = RB_MIN(subject_tree, &s->subjects)) != NULL;)
		subject_free(s, j);
	for (struct member *m; (m = RB_MIN(member_tree, &s->members)) != NULL;)
		member_free(s, m);
	array_free(&s->ads);
	config_unref(s->config);
	config_unref(s->config_next);
	intern_unref(s->node_name);
	intern_unref(s->lb_class);
	l2_free(s->l2);
	free(s);
	return NULL;
}
