// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept of the cluster, and the pass over what is marked.
 *
 * A `subject` is one Service name: it exists while there is a Service of ours, an
 * EndpointSlice that points at it, or an address that is still held in its name. Of
 * an EndpointSlice only the digest is kept that the election asks for: on which nodes
 * something serves. So ten thousand of each fit into a few megabytes.
 */
#include "speaker/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/queue.h>

#include "lib/base/intern.h"
#include "lib/base/tree.h"
#include "speaker/election.h"

#define EVENT_EVERY_NS (60 * NS_PER_S) /* nodeAssigned for one Service (decision 6) */

struct slice {
	RB_ENTRY(slice) by_name;
	LIST_ENTRY(slice) of_subject;
	struct subject *subject;
	const char *ns, *name; /* interned */
	uint32_t node_count;
	bool serving;        /* an endpoint serves, with or without a node */
	const char *nodes[]; /* with a serving endpoint; interned, ascending by pointer, distinct */
};

/* What decides about a LoadBalancer Service of our class. */
struct balancer {
	struct labels labels;
	char *uid;
	uint64_t event_ns; /* of the last nodeAssigned; 0: none yet */
	uint8_t ip_count;
	bool ips_bad;         /* one does not parse */
	bool sharing;         /* it has the annotation, whatever its value */
	bool local;           /* externalTrafficPolicy: Local */
	bool failed;          /* announceFailed was said and still holds */
	struct ip_addr ips[]; /* of status.loadBalancer.ingress, in their order */
};

struct subject {
	RB_ENTRY(subject) by_name;
	TAILQ_ENTRY(subject) dirty_link;
	LIST_HEAD(, slice) slices;
	const char *ns, *name;     /* interned */
	struct balancer *balancer; /* NULL: no such Service, or none of ours */
	struct ip_addr *held;      /* announced from here */
	uint8_t held_count;        /* no Service has more in its status */
	bool dirty;
};

struct member {
	RB_ENTRY(member) by_name;
	const char *name; /* interned */
	struct labels labels;
	bool network_unavailable, excluded;
};

RB_HEAD(slice_tree, slice);
RB_HEAD(subject_tree, subject);
RB_HEAD(member_tree, member);

struct speaker {
	const char *node_name, *lb_class; /* interned, or NULL */
	bool ignore_exclude_lb, assume_endpoints, ready;
	struct config *config, *config_next; /* in force, NULL before the first; waiting, or NULL */
	bool config_news;                    /* the next pass has something to say about them */
	struct slice_tree slices;
	struct subject_tree subjects;
	struct member_tree members;
	TAILQ_HEAD(, subject) dirty;
	size_t announced;
	struct l2 *l2;
	struct metric_family *announced_metric; /* NULL: no metrics */
};

static int name_cmp(const char *a_ns, const char *a_name, const char *b_ns, const char *b_name)
{
	int c = a_ns == b_ns ? 0 : strcmp(a_ns, b_ns);

	return c != 0 ? c : a_name == b_name ? 0 : strcmp(a_name, b_name);
}

static int slice_cmp(const struct slice *a, const struct slice *b)
{
	return name_cmp(a->ns, a->name, b->ns, b->name);
}

static int subject_cmp(const struct subject *a, const struct subject *b)
{
	return name_cmp(a->ns, a->name, b->ns, b->name);
}

static int member_cmp(const struct member *a, const struct member *b)
{
	return strcmp(a->name, b->name);
}

TREE_GENERATE(slice_tree, slice, by_name, slice_cmp)
TREE_GENERATE(subject_tree, subject, by_name, subject_cmp)
TREE_GENERATE(member_tree, member, by_name, member_cmp)

static void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		abort();
	va_end(ap);
	return text;
}

static struct labels labels_copy(const struct labels *from)
{
	struct labels to = { .count = from->count };

	if (from->count == 0)
		return to;
	to.items = must(calloc(from->count, sizeof(*to.items)));
	for (uint32_t i = 0; i < from->count; i++) {
		to.items[i].key = intern_ref(from->items[i].key);
		to.items[i].value = intern_ref(from->items[i].value);
	}
	return to;
}

static bool labels_same(const struct labels *a, const struct labels *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) /* interned: equal texts are equal pointers */
		if (a->items[i].key != b->items[i].key || a->items[i].value != b->items[i].value)
			return false;
	return true;
}

/* --- subjects ------------------------------------------------------------------------------ */

static struct subject *subject_find(const struct speaker *s, const char *ns, const char *name)
{
	struct subject key = { .ns = ns, .name = name };

	return RB_FIND(subject_tree, (struct subject_tree *)&s->subjects, &key);
}

static struct subject *subject_get(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = subject_find(s, ns, name);

	if (j != NULL)
		return j;
	j = must(calloc(1, sizeof(*j)));
	j->ns = intern(ns);
	j->name = intern(name);
	RB_INSERT(subject_tree, &s->subjects, j);
	return j;
}

static void mark(struct speaker *s, struct subject *j)
{
	if (!j->dirty)
		TAILQ_INSERT_TAIL(&s->dirty, j, dirty_link);
	j->dirty = true;
}

static void mark_all(struct speaker *s)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, &s->subjects)
		if (j->balancer != NULL || j->held_count > 0)
			mark(s, j);
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

static void held_free(struct subject *j)
{
	free(j->held);
	j->held = NULL;
	j->held_count = 0;
}

static void subject_free(struct speaker *s, struct subject *j)
{
	if (j->dirty)
		TAILQ_REMOVE(&s->dirty, j, dirty_link);
	RB_REMOVE(subject_tree, &s->subjects, j);
	balancer_free(j->balancer);
	held_free(j);
	intern_unref(j->ns);
	intern_unref(j->name);
	free(j);
}

static void subject_reap(struct speaker *s, struct subject *j)
{
	if (j->balancer == NULL && j->held_count == 0 && LIST_EMPTY(&j->slices))
		subject_free(s, j);
}

/* --- inputs -------------------------------------------------------------------------------- */

void speaker_service_remove(struct speaker *s, const char *ns, const char *name)
{
	struct subject *j = subject_find(s, ns, name);

	if (j == NULL || j->balancer == NULL)
		return;
	j->balancer = balancer_free(j->balancer);
	mark(s, j);
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

	b->labels = labels_copy(&service->meta.labels);
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

void speaker_slice_remove(struct speaker *s, const char *ns, const char *name)
{
	struct slice *x = slice_find(s, ns, name);

	if (x == NULL)
		return;
	mark(s, x->subject); /* the pass reaps it where nothing else is left */
	slice_free(s, x);
}

static int pointer_cmp(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return (*a > *b) - (*a < *b);
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
	if (old != NULL && old->subject->name == slice->service && old->serving == serving &&
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
	mark(s, j);
}

static struct member *member_find(struct speaker *s, const char *name)
{
	struct member key = { .name = name };

	return RB_FIND(member_tree, &s->members, &key);
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
	struct member *m = member_find(s, node->meta.name);

	if (m == NULL) {
		m = must(calloc(1, sizeof(*m)));
		m->name = intern(node->meta.name);
		RB_INSERT(member_tree, &s->members, m);
	} else if (m->excluded == node->excluded &&
		   m->network_unavailable == node->network_unavailable &&
		   labels_same(&m->labels, &node->meta.labels)) {
		return; /* a heartbeat */
	}
	labels_done(&m->labels);
	m->labels = labels_copy(&node->meta.labels);
	m->excluded = node->excluded;
	m->network_unavailable = node->network_unavailable;
	mark_all(s);
}

void speaker_node_remove(struct speaker *s, const char *name)
{
	struct member *m = member_find(s, name);

	if (m == NULL)
		return;
	member_free(s, m);
	mark_all(s);
}

void speaker_link_set(struct speaker *s, const struct l2_link *link)
{
	bool known = l2_link_exists(s->l2, link->name);

	l2_link_set(s->l2, link);
	if (!known)
		mark_all(s); /* an advertisement may have waited for an interface of that name */
}

void speaker_link_remove(struct speaker *s, unsigned ifindex)
{
	l2_link_remove(s->l2, ifindex);
	mark_all(s);
}

void speaker_ready_set(struct speaker *s, bool ready)
{
	if (s->ready == ready)
		return;
	s->ready = ready;
	mark_all(s);
}

/* --- configuration ------------------------------------------------------------------------- */

/* A Service with an address that we hold and that would be in no pool of @config; NULL: none. */
static const struct subject *orphan(const struct speaker *s, const struct config *config)
{
	struct subject *j;

	RB_FOREACH (j, subject_tree, (struct subject_tree *)&s->subjects)
		for (size_t i = 0; i < j->held_count; i++)
			if (config_pool_of(config, &j->held[i], true) == NULL)
				return j;
	return NULL;
}

static bool config_adopt(struct speaker *s)
{
	if (orphan(s, s->config_next) != NULL)
		return false;
	config_unref(s->config);
	s->config = s->config_next;
	s->config_next = NULL;
	s->config_news = true;
	mark_all(s);
	return true;
}

void speaker_config_set(struct speaker *s, struct config *config)
{
	config_unref(s->config_next);
	s->config_next = config_ref(config);
	s->config_news = true;
	config_adopt(s);
}

bool speaker_config_waits(const struct speaker *s)
{
	return s->config_next != NULL;
}

/* --- who announces ------------------------------------------------------------------------- */

static bool advertises(const struct l2_advertisement *a, const struct pool *pool,
		       const struct balancer *b)
{
	return l2_advertisement_covers_pool(a, pool) &&
	       (a->service_selectors.count == 0 ||
		selectors_match(&a->service_selectors, &b->labels));
}

static bool covers_node(const struct l2_advertisement *a, const struct member *m)
{
	return a->node_selectors.count == 0 || selectors_match(&a->node_selectors, &m->labels);
}

/* The one pool that holds all addresses, or NULL. */
static const struct pool *pool_of(const struct speaker *s, const struct balancer *b)
{
	const struct pool *pool = config_pool_of(s->config, &b->ips[0], true);

	for (size_t i = 1; pool != NULL && i < b->ip_count; i++)
		if (!pool_contains(pool, &b->ips[i], true))
			return NULL;
	return pool;
}

static bool serves(const struct speaker *s, const struct subject *j)
{
	const struct slice *x;

	if (LIST_EMPTY(&j->slices))
		return s->assume_endpoints;
	LIST_FOREACH (x, &j->slices, of_subject)
		if (x->serving)
			return true;
	return false;
}

static bool serves_on(const struct speaker *s, const struct subject *j, const char *node)
{
	const struct slice *x;

	if (LIST_EMPTY(&j->slices))
		return s->assume_endpoints;
	LIST_FOREACH (x, &j->slices, of_subject)
		if (bsearch(&node, x->nodes, x->node_count, sizeof(x->nodes[0]), pointer_cmp) !=
		    NULL)
			return true;
	return false;
}

/*
 * May @m announce? Returns NULL and the summed preference of the advertisements that cover it, or
 * why not, in words.
 */
static const char *unfit(const struct speaker *s, const struct subject *j, const struct pool *pool,
			 const struct member *m, int64_t *ret_weight)
{
	const struct l2_advertisements *ads = &s->config->l2_advertisements;
	int64_t weight = 0;
	bool covered = false;

	if (m->network_unavailable)
		return "has NetworkUnavailable";
	if (m->excluded && !s->ignore_exclude_lb)
		return "is excluded from load balancers by its label";
	for (size_t i = 0; i < ads->count; i++) {
		const struct l2_advertisement *a = &ads->items[i];
		if (!advertises(a, pool, j->balancer) || !covers_node(a, m))
			continue;
		covered = true;
		for (size_t k = 0; k < a->preferred.count; k++)
			if (selector_matches(&a->preferred.items[k].selector, &m->labels))
				weight += a->preferred.items[k].weight;
	}
	if (!covered)
		return "is in no nodeSelectors";
	if (j->balancer->local && !serves_on(s, j, m->name))
		return "has no ready endpoint (externalTrafficPolicy: Local)";
	*ret_weight = weight;
	return NULL;
}

/*
 * Whether @j may be announced at all, in the order of compatibility page 4.1 and 4.2. Returns NULL
 * and its pool, or why nobody announces it.
 */
static const char *unannounceable(const struct speaker *s, const struct subject *j,
				  const struct pool **ret_pool)
{
	const struct balancer *b = j->balancer;
	bool advertised = false;

	if (b->ips_bad)
		return "an address in its status does not parse";
	if (b->ip_count == 0)
		return "it has no address yet";
	if (s->config == NULL)
		return "no configuration is loaded";
	const struct pool *pool = pool_of(s, b);
	if (pool == NULL)
		return "no pool contains its addresses";
	if (!serves(s, j))
		return LIST_EMPTY(&j->slices) ? "it has no EndpointSlice" : "no endpoint is ready";
	for (size_t i = 0; i < s->config->l2_advertisements.count; i++) {
		const struct l2_advertisement *a = &s->config->l2_advertisements.items[i];
		if (!advertises(a, pool, b))
			continue;
		if (b->sharing && a->service_selectors.count > 0)
			return "it shares its address, which an L2Advertisement with "
			       "serviceSelectors does not allow";
		advertised = true;
	}
	if (!advertised)
		return "no L2Advertisement selects it";
	*ret_pool = pool;
	return NULL;
}

static void candidates_find(const struct speaker *s, const struct subject *j,
			    const struct pool *pool, struct candidates *ret)
{
	struct member *m;
	int64_t weight;

	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members)
		if (unfit(s, j, pool, m, &weight) == NULL &&
		    election_enter(ret, m->name, weight, &j->balancer->ips[0]) < 0)
			abort();
}

static int text_cmp(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

/*
 * The interfaces on which @node announces: those of all advertisements that cover it, sorted and
 * distinct; none: all. Borrowed from the configuration.
 */
static struct names interfaces_of(const struct speaker *s, const struct subject *j,
				  const struct pool *pool, const char *node)
{
	const struct l2_advertisements *ads = &s->config->l2_advertisements;
	const struct member *m = member_find((struct speaker *)s, node);
	struct names all = { 0 };
	size_t distinct = 0;

	for (size_t i = 0; i < ads->count; i++) {
		const struct l2_advertisement *a = &ads->items[i];
		if (!advertises(a, pool, j->balancer) || !covers_node(a, m))
			continue;
		if (a->interfaces.count == 0) {
			array_free(&all);
			return all;
		}
		for (size_t k = 0; k < a->interfaces.count; k++)
			*(const char **)must(array_push(&all)) = a->interfaces.items[k];
	}
	if (all.count > 1)
		qsort(all.items, all.count, sizeof(*all.items), text_cmp);
	for (size_t i = 0; i < all.count; i++)
		if (i == 0 || strcmp(all.items[i], all.items[i - 1]) != 0)
			all.items[distinct++] = all.items[i];
	all.count = distinct;
	return all;
}

/* --- the pass ------------------------------------------------------------------------------ */

static struct speaker_action *say(struct speaker_actions *out, enum speaker_action_type type,
				  const struct subject *j, char *text)
{
	struct speaker_action *a = must(array_push(out));

	a->type = type;
	a->about.ns = intern_ref(j->ns);
	a->about.name = intern_ref(j->name);
	a->about.text = text;
	return a;
}

static void say_event(struct speaker_actions *out, const struct subject *j, bool warning,
		      const char *reason, char *text)
{
	struct speaker_action *a = say(out, SPEAKER_EVENT, j, text);

	a->about.reason = reason;
	a->about.warning = warning;
	if (j->balancer->uid != NULL)
		a->about.uid = must(strdup(j->balancer->uid));
}

/* The series of one announced address; made with the value 1, or dropped. */
static void announced_metric(struct speaker *s, const struct subject *j, const struct ip_addr *ip,
			     bool there)
{
	char text[IP_TEXT_MAX], service[600];

	if (s->announced_metric == NULL)
		return;
	snprintf(service, sizeof(service), "%s/%s", j->ns, j->name);
	const char *const values[] = { service, "layer2", s->node_name, ip_format(ip, text) };
	if (there)
		*metric_value(s->announced_metric, values) = 1;
	else
		metric_drop(s->announced_metric, values);
}

static bool among(const struct ip_addr *ip, const struct ip_addr *ips, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ip_equal(ip, &ips[i]))
			return true;
	return false;
}

static void held_add(struct subject *j, const struct ip_addr *ip)
{
	j->held = must(reallocarray(j->held, j->held_count + 1u, sizeof(*j->held)));
	j->held[j->held_count++] = *ip;
}

/* Give up what is held and is not among @ips. */
static void release_others(struct speaker *s, struct subject *j, const struct ip_addr *ips,
			   size_t count)
{
	for (size_t i = 0; i < j->held_count;) {
		struct ip_addr *ip = &j->held[i];
		if (among(ip, ips, count)) {
			i++;
			continue;
		}
		l2_release(s->l2, j, ip);
		announced_metric(s, j, ip, false);
		*ip = j->held[--j->held_count];
	}
}

static void withdraw(struct speaker *s, struct subject *j, const char *why,
		     struct speaker_actions *out)
{
	if (j->held_count == 0)
		return;
	release_others(s, j, NULL, 0);
	held_free(j);
	s->announced--;
	say(out, SPEAKER_WITHDRAWN, j, must(strdup(why)));
}

static void announce(struct speaker *s, struct subject *j, const struct names *interfaces,
		     uint64_t now_ns, struct speaker_actions *out)
{
	struct balancer *b = j->balancer;
	bool new = j->held_count == 0;

	release_others(s, j, b->ips, b->ip_count);
	for (size_t i = 0; i < b->ip_count; i++) {
		l2_hold(s->l2, j, &b->ips[i], interfaces);
		if (among(&b->ips[i], j->held, j->held_count))
			continue;
		held_add(j, &b->ips[i]);
		announced_metric(s, j, &b->ips[i], true);
	}
	if (!new)
		return;
	s->announced++;
	say(out, SPEAKER_ANNOUNCED, j, NULL);
	if (b->event_ns == 0 || now_ns - b->event_ns >= EVENT_EVERY_NS) {
		b->event_ns = now_ns;
		say_event(out, j, false, "nodeAssigned",
			  text_of("announcing from node \"%s\" with protocol \"layer2\"",
				  s->node_name));
	}
}

/* Elected, but do we have any of the interfaces? Says so once when that is not so. */
static bool can_announce(struct speaker *s, struct subject *j, const struct names *interfaces,
			 struct speaker_actions *out)
{
	bool any = interfaces->count == 0;
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < interfaces->count && !any; i++)
		any = l2_link_exists(s->l2, interfaces->items[i]);
	if (!any && !j->balancer->failed)
		say_event(out, j, true, "announceFailed",
			  text_of("none of the interfaces to announce %s on exists on node \"%s\" "
				  "(protocol \"layer2\")",
				  ip_format(&j->balancer->ips[0], ip), s->node_name));
	j->balancer->failed = !any;
	return any;
}

/* Bring one Service in line. */
static void converge(struct speaker *s, struct subject *j, uint64_t now_ns,
		     struct speaker_actions *out)
{
	struct candidates candidates = { 0 };
	const struct pool *pool = NULL;
	const char *why = NULL;

	if (j->balancer == NULL)
		why = "the Service is gone";
	else if (!s->ready)
		why = "this speaker takes no part";
	else
		why = unannounceable(s, j, &pool);
	if (why == NULL) {
		candidates_find(s, j, pool, &candidates);
		const struct candidate *first = election_winner(&candidates);
		if (first == NULL)
			why = "no node is eligible";
		else if (first->node != s->node_name)
			why = "another node is first";
	}
	array_free(&candidates);
	if (why == NULL) {
		struct names interfaces = interfaces_of(s, j, pool, s->node_name);
		if (can_announce(s, j, &interfaces, out))
			announce(s, j, &interfaces, now_ns, out);
		else
			why = "none of its interfaces is here";
		array_free(&interfaces);
	}
	if (why != NULL)
		withdraw(s, j, why, out);
}

static void converge_dirty(struct speaker *s, uint64_t now_ns, struct speaker_actions *out)
{
	for (struct subject *j; (j = TAILQ_FIRST(&s->dirty)) != NULL;) {
		TAILQ_REMOVE(&s->dirty, j, dirty_link);
		j->dirty = false;
		converge(s, j, now_ns, out);
		subject_reap(s, j);
	}
}

static void say_config(struct speaker *s, struct speaker_actions *out)
{
	static const struct subject nobody = { 0 };
	const struct subject *j = s->config_next == NULL ? &nobody : orphan(s, s->config_next);

	s->config_news = false;
	say(out, SPEAKER_CONFIG, j,
	    j == &nobody ? NULL
			 : text_of("an address of %s/%s is in no pool of it", j->ns, j->name));
}

void speaker_pass(struct speaker *s, uint64_t now_ns, struct speaker_actions *out)
{
	bool changed = !TAILQ_EMPTY(&s->dirty);

	converge_dirty(s, now_ns, out);
	if (changed && s->config_next != NULL && config_adopt(s))
		converge_dirty(s, now_ns, out);
	if (s->config_news)
		say_config(s, out);
	l2_pass(s->l2, now_ns, out);
}

uint64_t speaker_wake_ns(const struct speaker *s)
{
	return l2_wake_ns(s->l2);
}

void speaker_frame(struct speaker *s, unsigned ifindex, const void *bytes, size_t len,
		   struct speaker_actions *out)
{
	l2_frame(s->l2, ifindex, bytes, len, out);
}

size_t speaker_cover(struct speaker *s, uint8_t family, size_t max,
		     struct ip_prefix ret[static L2_COVER_MAX])
{
	return l2_cover(s->l2, family, max, ret);
}

size_t speaker_announced_count(const struct speaker *s)
{
	return s->announced;
}

/* --- what an observer may know ------------------------------------------------------------- */

#define UNFIT_SHOWN 5 /* nodes named in one line */

/* Why each node is out, for a Service that nobody may announce. */
static char *why_no_node(const struct speaker *s, const struct subject *j, const struct pool *pool)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	struct member *m;
	int64_t weight;

	FILE *to = must(open_memstream(&text, &size));
	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members) {
		if (n++ < UNFIT_SHOWN)
			fprintf(to, "%s %s %s", n == 1 ? "no node is eligible:" : ";", m->name,
				unfit(s, j, pool, m, &weight));
	}
	if (n == 0)
		fputs("no Node is known", to);
	else if (n > UNFIT_SHOWN)
		fprintf(to, "; and %zu more", n - UNFIT_SHOWN);
	fclose(to);
	return must(text);
}

static char *why_first(const struct subject *j, const struct candidates *sorted)
{
	const struct candidate *c = sorted->items;
	char ip[IP_TEXT_MAX];

	if (sorted->count == 1)
		return text_of("the only eligible node");
	if (c[0].weight != c[1].weight)
		return text_of("the most preferred of %zu eligible nodes, by weight %lld",
			       sorted->count, (long long)c[0].weight);
	return text_of("first of %zu eligible nodes%s, by the hash of %s#%s", sorted->count,
		       c[0].weight != c[sorted->count - 1].weight ? " among those most preferred"
								  : "",
		       c[0].node, ip_format(&j->balancer->ips[0], ip));
}

int speaker_view(const struct speaker *s, const char *ns, const char *name,
		 struct speaker_view *ret)
{
	const struct subject *j = subject_find(s, ns, name);
	struct candidates candidates = { 0 };
	const struct pool *pool = NULL;
	struct speaker_view v = { 0 };

	if (j == NULL || j->balancer == NULL)
		return -ENOENT;
	const char *why = unannounceable(s, j, &pool);
	if (why != NULL) {
		v.why = must(strdup(why));
		*ret = v;
		return 0;
	}
	candidates_find(s, j, pool, &candidates);
	election_sort(&candidates);
	if (candidates.count == 0) {
		v.why = why_no_node(s, j, pool);
		*ret = v;
		return 0;
	}
	v.why = why_first(j, &candidates);
	for (size_t i = 0; i < j->balancer->ip_count; i++) {
		struct speaker_announcement *a = must(array_push(&v.announcements));
		a->protocol = "layer2";
		a->ip = j->balancer->ips[i];
		a->node = candidates.items[0].node;
	}
	for (size_t i = 1; i < candidates.count; i++)
		*(const char **)must(array_push(&v.runners_up)) = candidates.items[i].node;
	v.interfaces = interfaces_of(s, j, pool, candidates.items[0].node);
	array_free(&candidates);
	*ret = v;
	return 0;
}

void speaker_view_done(struct speaker_view *v)
{
	array_free(&v->announcements);
	array_free(&v->runners_up);
	array_free(&v->interfaces);
	free(v->why);
	v->why = NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

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
	TAILQ_INIT(&s->dirty);
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
	config_unref(s->config);
	config_unref(s->config_next);
	intern_unref(s->node_name);
	intern_unref(s->lb_class);
	l2_free(s->l2);
	free(s);
	return NULL;
}
