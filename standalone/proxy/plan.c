// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/proxy/json.h"
#include "standalone/proxy/text.h"

/* Up to this many endpoints have a rule each, more share a map. */
#define ONE_BY_ONE_MAX 16

/* One endpoint's address and port, and what decides whether it is used. */
struct backend {
	struct ip_addr addr;
	uint16_t port;
	bool ready;    /* else it terminates and still serves */
	bool own;      /* on this node */
	bool homeless; /* its node is not said: it may be here */
};

struct backends {
	ARRAY_OF(struct backend);
};

static const char *const kind_names[] = { "svc", "own", "ext" };

const char *protocol_keyword(uint8_t protocol)
{
	return protocol == L4_UDP ? "udp" : protocol == L4_SCTP ? "sctp" : "tcp";
}

const char *chain_name(enum chain_kind kind, uint8_t family, const char *ns, const char *name,
		       uint8_t protocol, uint16_t port, char buf[static CHAIN_NAME_MAX])
{
	snprintf(buf, CHAIN_NAME_MAX, "%s%u/%s/%s/%s/%u", kind_names[kind], family, ns, name,
		 protocol_keyword(protocol), port);
	return buf;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int chain_cmp(const struct chain *a, const struct chain *b)
{
	int diff = COMPARE(a->family, b->family);

	if (diff == 0)
		diff = COMPARE(a->protocol, b->protocol);
	if (diff == 0)
		diff = COMPARE(a->port, b->port);
	return diff != 0 ? diff : COMPARE(a->kind, b->kind);
}

int element_cmp(const struct element *a, const struct element *b)
{
	int diff = COMPARE(a->set, b->set);

	if (diff == 0)
		diff = COMPARE(a->family, b->family);
	if (diff == 0)
		diff = ip_cmp(&a->addr, &b->addr);
	if (diff == 0)
		diff = COMPARE(a->protocol, b->protocol);
	return diff != 0 ? diff : COMPARE(a->port, b->port);
}

int endpoint_at_cmp(const void *one, const void *other)
{
	const struct endpoint_at *a = one, *b = other;
	int diff = ip_cmp(&a->addr, &b->addr);

	return diff != 0 ? diff : COMPARE(a->port, b->port);
}

bool element_is_exclusive(const struct element *e)
{
	return e->set == SET_SERVICES || e->set == SET_NODE_PORTS;
}

/*
 * Could packets be sent to @ip from another host? Kubernetes stores no others. To a loopback
 * address they would be led to what this node keeps for itself, and as a Service's address it
 * would be refused to everybody on the node.
 */
static bool is_global(const struct ip_addr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zero[15];
	const uint8_t *b = ip->bytes;

	if (ip->family == IP_V4)
		return b[0] != 0 && b[0] != 127 && b[0] < 224;
	if (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)) /* multicast, link-local */
		return false;
	if (memcmp(b, zero, sizeof(zero)) == 0 && b[15] <= 1) /* :: and ::1 */
		return false;
	return memcmp(b, mapped, sizeof(mapped)) != 0;
}

/* --- endpoints ----------------------------------------------------------------------------- */

/* By address and port, the ready one of equals first. */
static int backend_cmp(const void *one, const void *other)
{
	const struct backend *a = one, *b = other;
	int diff = ip_cmp(&a->addr, &b->addr);

	if (diff == 0)
		diff = COMPARE(a->port, b->port);
	return diff != 0 ? diff : b->ready - a->ready;
}

/* A slice's ports answer to the Service's by name; numbers in slices are those of the pods. */
static const struct endpoint_port *port_of(const struct endpoint_slice *slice,
					   const struct service_port *port)
{
	const char *wanted = port->name != NULL ? port->name : "";

	for (unsigned i = 0; i < slice->port_count; i++) {
		const struct endpoint_port *p = &slice->ports[i];

		if (p->port != 0 && p->protocol == port->protocol &&
		    strcmp(p->name != NULL ? p->name : "", wanted) == 0)
			return p;
	}
	return NULL;
}

/* Everything of @family that could serve @port, each address and port once. */
static void backends_collect(const struct plan_input *in, const struct service_port *port,
			     uint8_t family, struct backends *ret)
{
	for (size_t s = 0; s < in->slice_count; s++) {
		const struct endpoint_slice *slice = in->slices[s];
		const struct endpoint_port *p = port_of(slice, port);

		if (slice->family != family || p == NULL)
			continue;
		for (unsigned i = 0; i < slice->endpoint_count; i++) {
			const struct endpoint *e = &slice->endpoints[i];

			if (e->addr.family != family || !is_global(&e->addr) ||
			    !(e->ready || (e->serving && e->terminating)))
				continue;
			*(struct backend *)must(array_push(ret)) = (struct backend){
				.addr = e->addr,
				.port = p->port,
				.ready = e->ready,
				.own = e->node != NULL && strcmp(e->node, in->node) == 0,
				.homeless = e->node == NULL,
			};
		}
	}
	if (ret->count == 0)
		return;

	qsort(ret->items, ret->count, sizeof(*ret->items), backend_cmp);
	size_t kept = 1;
	for (size_t i = 1; i < ret->count; i++) {
		const struct backend *last = &ret->items[kept - 1], *b = &ret->items[i];

		if (!ip_equal(&last->addr, &b->addr) || last->port != b->port)
			ret->items[kept++] = *b;
	}
	ret->count = kept;
}

/* The ready ones of @from, and where there are none the terminating ones. */
static void backends_choose(const struct backends *from, bool own_only, struct backends *ret)
{
	for (int ready = 1; ready >= 0 && ret->count == 0; ready--) {
		for (size_t i = 0; i < from->count; i++) {
			const struct backend *b = &from->items[i];

			if (b->ready == ready && (b->own || !own_only))
				*(struct backend *)must(array_push(ret)) = *b;
		}
	}
}

/* --- rules --------------------------------------------------------------------------------- */

static void write_destination(struct text *t, const struct backend *to)
{
	char ip[IP_TEXT_MAX];

	text_printf(t, "\"%s\",\"port\":%u", ip_format(&to->addr, ip), to->port);
}

static void begin_translation(struct text *t, uint8_t family, uint8_t protocol)
{
	text_printf(t, JSON_L4PROTO_IS("%s") ",{\"dnat\":{\"family\":\"%s\",\"addr\":",
		    protocol_keyword(protocol), ip_keyword(family));
}

/* A rule for each backend: the first takes one of N, the second one of the N - 1 left, and so on.
 */
static void rules_one_by_one(struct text *t, uint8_t family, uint8_t protocol,
			     const struct backends *to)
{
	for (size_t i = 0; i < to->count; i++) {
		text_printf(t, "[");
		if (i + 1 < to->count)
			text_printf(t, JSON_MATCH("==", JSON_RANDOM("%zu"), "0") ",",
				    to->count - i);
		begin_translation(t, family, protocol);
		write_destination(t, &to->items[i]);
		text_printf(t, "}}]\n");
	}
}

/* One rule with a map from the number drawn to a backend. */
static void rule_with_map(struct text *t, uint8_t family, uint8_t protocol,
			  const struct backends *to)
{
	char ip[IP_TEXT_MAX];

	text_printf(t, "[");
	begin_translation(t, family, protocol);
	text_printf(t, "{\"map\":{\"key\":" JSON_RANDOM("%zu") ",\"data\":{\"set\":[", to->count);
	for (size_t i = 0; i < to->count; i++)
		text_printf(t, "%s[%zu," JSON_CONCAT("\"%s\",%u") "]", i > 0 ? "," : "", i,
			    ip_format(&to->items[i].addr, ip), to->items[i].port);
	text_printf(t, "]}}}}}]\n");
}

/*
 * Translate to one of them at random. A map costs the same for any number, but it is an anonymous
 * set, and the kernel looks through all sets of the table to name each new one: 20,000
 * of them take three minutes to load. A few rules are no slower to run than a map.
 */
static void rules_translate(struct text *t, uint8_t family, uint8_t protocol,
			    const struct backends *to)
{
	if (to->count <= ONE_BY_ONE_MAX)
		rules_one_by_one(t, family, protocol, to);
	else
		rule_with_map(t, family, protocol, to);
}

/* Rules of svc and own. @any: the Service has an endpoint at all. */
static char *rules_of_endpoints(uint8_t family, uint8_t protocol, const struct backends *to,
				bool any)
{
	struct text t = { 0 };

	if (to->count > 0)
		rules_translate(&t, family, protocol, to);
	else if (any)
		text_printf(&t, "[" JSON_DROP "]\n");
	else
		text_printf(&t, "[" JSON_GOTO("refuse") "]\n");
	return text_take(&t);
}

/* Rules of ext. */
static char *rules_of_external(const struct service *s, uint8_t family,
			       const struct service_port *port)
{
	struct text t = { 0 };
	char all[CHAIN_NAME_MAX], own[CHAIN_NAME_MAX];

	chain_name(CHAIN_ALL, family, s->meta.ns, s->meta.name, port->protocol, port->port, all);
	chain_name(CHAIN_OWN, family, s->meta.ns, s->meta.name, port->protocol, port->port, own);

	if (s->external_policy == POLICY_CLUSTER) {
		/* The endpoint may be on another node, whose answer must come back by this one. */
		text_printf(&t, "[" JSON_MASQUERADE_LATER "," JSON_GOTO("%s") "]\n", all);
		return text_take(&t);
	}
	/* Who is inside the cluster would not come in by the network: Local is not meant for it. */
	text_printf(&t, "[" JSON_SADDR_IN("%s", "pod_cidrs%u") "," JSON_GOTO("%s") "]\n",
		    ip_keyword(family), family, all);
	text_printf(&t, "[" JSON_SADDR_IS_LOCAL "," JSON_MASQUERADE_LATER "," JSON_GOTO("%s") "]\n",
		    all);
	text_printf(&t, "[" JSON_GOTO("%s") "]\n", own);
	return text_take(&t);
}

/* --- flows and health ---------------------------------------------------------------------- */

/* @known: sorted, each once */
static void add_udp(struct plan *p, const struct service_port *sp, uint8_t family,
		    const struct backends *known)
{
	struct plan_udp *u = must(array_push(&p->udp));

	*u = (struct plan_udp){ .family = family, .port = sp->port };
	for (size_t i = 0; i < known->count; i++)
		*(struct endpoint_at *)must(array_push_tight(&u->to)) =
			(struct endpoint_at){ .addr = known->items[i].addr,
					      .port = known->items[i].port };
}

/* Addresses of @family that have something ready on this node, whichever port it is for. */
static unsigned ready_here(const struct plan_input *in, uint8_t family)
{
	struct endpoint_list list = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < in->service->port_count; i++) {
		struct backends known = { 0 };

		backends_collect(in, &in->service->ports[i], family, &known);
		for (size_t k = 0; k < known.count; k++)
			if (known.items[k].own && known.items[k].ready)
				*(struct endpoint_at *)must(array_push(&list)) =
					(struct endpoint_at){ .addr = known.items[k].addr };
		array_free(&known);
	}
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), endpoint_at_cmp);
	for (size_t i = 0; i < list.count; i++)
		count += i == 0 || endpoint_at_cmp(&list.items[i - 1], &list.items[i]) != 0;
	array_free(&list);
	return count;
}

static void plan_health(const struct plan_input *in, struct plan *p)
{
	const struct service *s = in->service;

	if (s->type != SERVICE_LOAD_BALANCER || s->external_policy != POLICY_LOCAL ||
	    s->health_check_node_port == 0)
		return;
	unsigned v4 = ready_here(in, IP_V4), v6 = ready_here(in, IP_V6);

	p->health_port = s->health_check_node_port;
	p->health_endpoints = v4 > v6 ? v4 : v6;
}

/* --- the plan ------------------------------------------------------------------------------ */

static void add_shared(struct plan *p, enum rule_set set, const struct ip_addr *addr)
{
	*(struct element *)must(array_push(&p->elements)) =
		(struct element){ .set = set, .family = addr->family, .addr = *addr };
}

/* Packets to @addr (NULL: any address of this node) and @port go to chain @target of @sp. */
static void add_way_in(struct plan *p, uint8_t family, const struct ip_addr *addr, uint16_t port,
		       const struct service_port *sp, enum chain_kind target)
{
	struct element e = { .set = addr != NULL ? SET_SERVICES : SET_NODE_PORTS,
			     .family = family,
			     .protocol = sp->protocol,
			     .port = port,
			     .target = target,
			     .chain_port = sp->port };

	if (addr != NULL)
		e.addr = *addr;
	*(struct element *)must(array_push(&p->elements)) = e;
}

static void add_chain(struct plan *p, enum chain_kind kind, uint8_t family,
		      const struct service_port *sp, char *rules)
{
	*(struct chain *)must(array_push(&p->chains)) = (struct chain){ .kind = kind,
									.family = family,
									.protocol = sp->protocol,
									.port = sp->port,
									.rules = rules };
}

static bool serves_family(const struct service *s, uint8_t family)
{
	for (unsigned i = 0; i < s->family_count; i++)
		if (s->families[i] == family)
			return true;
	for (unsigned i = 0; i < s->cluster_ip_count; i++)
		if (s->cluster_ips[i].family == family)
			return true;
	return false;
}

/* Ways in to one port in one family. Sets *internal, *external to whether there are any. */
static void plan_ways_in(const struct service *s, const struct service_port *sp, uint8_t family,
			 struct plan *p, bool *internal, bool *external)
{
	enum chain_kind inside = s->internal_policy == POLICY_LOCAL ? CHAIN_OWN : CHAIN_ALL;

	for (unsigned i = 0; i < s->cluster_ip_count; i++) {
		const struct ip_addr *ip = &s->cluster_ips[i];

		if (ip->family != family || !is_global(ip))
			continue;
		add_way_in(p, family, ip, sp->port, sp, inside);
		add_shared(p, SET_ADDRESSES, ip);
		add_shared(p, SET_CLUSTER_IPS, ip);
		*internal = true;
	}
	for (unsigned i = 0; s->type == SERVICE_LOAD_BALANCER && i < s->ingress_count; i++) {
		const struct ip_addr *ip = &s->ingress[i];

		if (ip->family != family || !is_global(ip))
			continue;
		add_way_in(p, family, ip, sp->port, sp, CHAIN_EXTERNAL);
		add_shared(p, SET_ADDRESSES, ip);
		*external = true;
	}
	if (s->type != SERVICE_CLUSTER_IP && sp->node_port != 0 && serves_family(s, family)) {
		add_way_in(p, family, NULL, sp->node_port, sp, CHAIN_EXTERNAL);
		*external = true;
	}
}

static void plan_port(const struct plan_input *in, const struct service_port *sp, uint8_t family,
		      struct plan *p)
{
	const struct service *s = in->service;
	bool internal = false, external = false;

	plan_ways_in(s, sp, family, p, &internal, &external);
	if (!internal && !external)
		return;

	struct backends known = { 0 }, all = { 0 }, own = { 0 };
	backends_collect(in, sp, family, &known);
	backends_choose(&known, false, &all);
	p->endpoints += (unsigned)all.count;
	if (sp->protocol == L4_UDP)
		add_udp(p, sp, family, &known);
	add_chain(p, CHAIN_ALL, family, sp,
		  rules_of_endpoints(family, sp->protocol, &all, all.count > 0));

	if ((internal && s->internal_policy == POLICY_LOCAL) ||
	    (external && s->external_policy == POLICY_LOCAL)) {
		backends_choose(&known, true, &own);
		add_chain(p, CHAIN_OWN, family, sp,
			  rules_of_endpoints(family, sp->protocol, &own, all.count > 0));
	}
	if (external)
		add_chain(p, CHAIN_EXTERNAL, family, sp, rules_of_external(s, family, sp));

	for (size_t i = 0; i < known.count; i++)
		if (known.items[i].own || known.items[i].homeless)
			add_shared(p, SET_HAIRPIN, &known.items[i].addr);
	array_free(&known);
	array_free(&all);
	array_free(&own);
}

static int chain_order(const void *a, const void *b)
{
	return chain_cmp(a, b);
}

/* Of two ways in by the same key the inner one is first. */
static int element_order(const void *one, const void *other)
{
	const struct element *a = one, *b = other;
	int diff = element_cmp(a, b);

	return diff != 0 ? diff : COMPARE(a->target, b->target);
}

/* Sort, and keep the first of equals: a Service that lists a port or an address twice. */
static void plan_tidy(struct plan *p)
{
	size_t kept = 0;

	if (p->chains.count > 0)
		qsort(p->chains.items, p->chains.count, sizeof(*p->chains.items), chain_order);
	for (size_t i = 0; i < p->chains.count; i++) {
		struct chain *c = &p->chains.items[i];

		if (kept > 0 && chain_cmp(&p->chains.items[kept - 1], c) == 0)
			free(c->rules);
		else
			p->chains.items[kept++] = *c;
	}
	p->chains.count = kept;

	kept = 0;
	if (p->elements.count > 0)
		qsort(p->elements.items, p->elements.count, sizeof(*p->elements.items),
		      element_order);
	for (size_t i = 0; i < p->elements.count; i++) {
		const struct element *e = &p->elements.items[i];

		if (kept == 0 || element_cmp(&p->elements.items[kept - 1], e) != 0)
			p->elements.items[kept++] = *e;
	}
	p->elements.count = kept;
	array_trim(&p->chains);
	array_trim(&p->elements);
}

void plan_build(const struct plan_input *in, struct plan *ret)
{
	const struct service *s = in->service;

	*ret = (struct plan){ 0 };
	if (s == NULL || s->headless || s->type == SERVICE_EXTERNAL_NAME ||
	    labels_get(&s->meta.labels, "service.kubernetes.io/service-proxy-name") != NULL)
		return;
	for (unsigned i = 0; i < s->port_count; i++) {
		plan_port(in, &s->ports[i], IP_V4, ret);
		plan_port(in, &s->ports[i], IP_V6, ret);
	}
	plan_tidy(ret);
	plan_health(in, ret);
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->chains.count; i++)
		free(p->chains.items[i].rules);
	array_free(&p->chains);
	array_free(&p->elements);
	for (size_t i = 0; i < p->udp.count; i++)
		array_free(&p->udp.items[i].to);
	array_free(&p->udp);
	p->endpoints = 0;
}
