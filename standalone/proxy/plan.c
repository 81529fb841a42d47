// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/proxy/backends.h"
#include "standalone/proxy/json.h"
#include "standalone/proxy/sources.h"
#include "standalone/proxy/text.h"
#include "standalone/proxy/translate.h"

static const char *const kind_names[] = { "svc", "own", "ext", "lb" };

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

/* --- rules --------------------------------------------------------------------------------- */

/* Rules of svc and own. @any: the Service has an endpoint at all. */
static char *rules_of_endpoints(const struct service *s, const struct service_port *port,
				uint8_t family, const struct backends *to, bool any)
{
	struct text t = { 0 };

	if (to->count > 0)
		translate(&t, s, port, family, to);
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

/* Rules of lb. */
static char *rules_of_balancer(const struct service *s, uint8_t family,
			       const struct service_port *port, const struct prefixes *sources)
{
	struct text t = { 0 };
	char external[CHAIN_NAME_MAX];

	chain_name(CHAIN_EXTERNAL, family, s->meta.ns, s->meta.name, port->protocol, port->port,
		   external);
	sources_write(sources, family, external, &t);
	return text_take(&t);
}

/* --- flows and health ---------------------------------------------------------------------- */

static void add_udp(struct plan *p, const struct service_port *sp, uint8_t family,
		    const struct backends *known)
{
	struct plan_udp *u = must(array_push(&p->udp));

	*u = (struct plan_udp){ .family = family, .port = sp->port };
	for (size_t i = 0; i < known->count; i++)
		*(struct endpoint_at *)must(array_push_tight(&u->to)) =
			(struct endpoint_at){ .addr = known->items[i].addr,
					      .port = known->items[i].port };
	if (u->to.count > 0)
		qsort(u->to.items, u->to.count, sizeof(*u->to.items), endpoint_at_cmp);
}

static void plan_health(const struct plan_input *in, struct plan *p)
{
	const struct service *s = in->service;

	if (s->type != SERVICE_LOAD_BALANCER || s->external_policy != POLICY_LOCAL ||
	    s->health_check_node_port == 0)
		return;
	unsigned v4 = backends_ready_here(in, IP_V4), v6 = backends_ready_here(in, IP_V6);

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
static void add_way_in(struct plan *p, enum way_in_rank rank, uint8_t family,
		       const struct ip_addr *addr, uint16_t port, const struct service_port *sp,
		       enum chain_kind target)
{
	struct element e = { .set = addr != NULL ? SET_SERVICES : SET_NODE_PORTS,
			     .family = family,
			     .protocol = sp->protocol,
			     .port = port,
			     .target = target,
			     .chain_port = sp->port,
			     .rank = rank };

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

static void add_arrival(struct plan *p, const struct service_port *sp, const struct backend *b)
{
	*(struct arrival *)must(array_push(&p->arrivals)) = (struct arrival){
		.addr = b->addr,
		.port = b->port,
		.service_port = sp->port,
		.protocol = sp->protocol,
	};
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

/* The cluster IPs. Returns whether there are any. */
static bool plan_internal(const struct service *s, const struct service_port *sp, uint8_t family,
			  struct plan *p)
{
	enum chain_kind inside = s->internal_policy == POLICY_LOCAL ? CHAIN_OWN : CHAIN_ALL;
	bool any = false;

	for (unsigned i = 0; i < s->cluster_ip_count; i++) {
		const struct ip_addr *ip = &s->cluster_ips[i];

		if (ip->family != family || !address_travels(ip))
			continue;
		add_way_in(p, WAY_CLUSTER_IP, family, ip, sp->port, sp, inside);
		add_shared(p, SET_ADDRESSES, ip);
		add_shared(p, SET_CLUSTER_IPS, ip);
		any = true;
	}
	return any;
}

bool ingress_is_served(const struct service *s, unsigned i)
{
	return s->type == SERVICE_LOAD_BALANCER && address_travels(&s->ingress[i]) &&
	       !(s->ingress_proxied != NULL && s->ingress_proxied[i]);
}

static bool is_ingress(const struct service *s, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < s->ingress_count; i++)
		if (ingress_is_served(s, i) && ip_equal(&s->ingress[i], ip))
			return true;
	return false;
}

/* The EXTERNAL-IPs. Returns whether there are any. */
static bool plan_ingress(const struct service *s, const struct service_port *sp, uint8_t family,
			 enum chain_kind target, struct plan *p)
{
	bool any = false;

	for (unsigned i = 0; i < s->ingress_count; i++) {
		const struct ip_addr *ip = &s->ingress[i];

		if (ip->family != family || !ingress_is_served(s, i))
			continue;
		add_way_in(p, WAY_INGRESS, family, ip, sp->port, sp, target);
		add_shared(p, SET_ADDRESSES, ip);
		any = true;
	}
	return any;
}

/*
 * spec.externalIPs and the node port. An external IP is somebody's, and nobody says whose: unlike
 * the other addresses its other ports are left alone. One that the load balancer gave too is not
 * for everybody when that one is not. Returns whether there are any.
 */
static bool plan_outer(const struct service *s, const struct service_port *sp, uint8_t family,
		       struct plan *p)
{
	bool any = false;

	for (unsigned i = 0; i < s->external_ip_count; i++) {
		const struct ip_addr *ip = &s->external_ips[i];

		if (ip->family != family || !address_travels(ip) || is_ingress(s, ip))
			continue;
		add_way_in(p, WAY_EXTERNAL_IP, family, ip, sp->port, sp, CHAIN_EXTERNAL);
		any = true;
	}
	if (s->type != SERVICE_CLUSTER_IP && sp->node_port != 0) {
		add_way_in(p, WAY_NODE_PORT, family, NULL, sp->node_port, sp, CHAIN_EXTERNAL);
		any = true;
	}
	return any;
}

/* The chains that lead to @known. @uses_own: a traffic policy is Local. */
static void plan_endpoints(const struct service *s, const struct service_port *sp, uint8_t family,
			   const struct backends *known, bool uses_own, struct plan *p)
{
	struct backends all = { 0 }, own = { 0 };

	backends_choose(known, false, &all);
	p->endpoints += (unsigned)all.count;
	add_chain(p, CHAIN_ALL, family, sp, rules_of_endpoints(s, sp, family, &all, all.count > 0));
	if (uses_own) {
		backends_choose(known, true, &own);
		add_chain(p, CHAIN_OWN, family, sp,
			  rules_of_endpoints(s, sp, family, &own, all.count > 0));
	}
	array_free(&all);
	array_free(&own);
}

static void plan_port(const struct plan_input *in, const struct service_port *sp, uint8_t family,
		      struct plan *p)
{
	const struct service *s = in->service;
	struct prefixes sources = { 0 };
	bool restricted = sources_of(in, family, &sources);
	bool internal = plan_internal(s, sp, family, p);
	bool ingress = plan_ingress(s, sp, family, restricted ? CHAIN_BALANCER : CHAIN_EXTERNAL, p);
	bool external = plan_outer(s, sp, family, p) || ingress;

	if (internal || external) {
		struct backends known = { 0 };

		backends_collect(in, sp, family, &known);
		plan_endpoints(s, sp, family, &known,
			       (internal && s->internal_policy == POLICY_LOCAL) ||
				       (external && s->external_policy == POLICY_LOCAL),
			       p);
		if (sp->protocol == L4_UDP)
			add_udp(p, sp, family, &known);
		for (size_t i = 0; i < known.count; i++) {
			const struct backend *b = &known.items[i];

			if (b->own || b->homeless)
				add_shared(p, SET_HAIRPIN, &b->addr);
			if (s->affinity_s > 0)
				add_arrival(p, sp, b);
		}
		array_free(&known);
	}
	if (external)
		add_chain(p, CHAIN_EXTERNAL, family, sp, rules_of_external(s, family, sp));
	if (ingress && restricted)
		add_chain(p, CHAIN_BALANCER, family, sp,
			  rules_of_balancer(s, family, sp, &sources));
	array_free(&sources);
}

static int chain_order(const void *a, const void *b)
{
	return chain_cmp(a, b);
}

/* Of two ways in by the same key the better founded one is first, then the inner one. */
static int element_order(const void *one, const void *other)
{
	const struct element *a = one, *b = other;
	int diff = element_cmp(a, b);

	if (diff == 0)
		diff = COMPARE(a->rank, b->rank);
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
	array_trim(&p->arrivals);
}

/* Is @s for this proxy to serve? */
static bool is_served(const struct service *s)
{
	return s != NULL && !s->headless && s->type != SERVICE_EXTERNAL_NAME &&
	       labels_get(&s->meta.labels, "service.kubernetes.io/service-proxy-name") == NULL &&
	       labels_get(&s->meta.labels, "service.kubernetes.io/headless") == NULL;
}

void plan_build(const struct plan_input *in, struct plan *ret)
{
	const struct service *s = in->service;

	*ret = (struct plan){ 0 };
	if (!is_served(s))
		return;
	for (unsigned i = 0; i < s->port_count; i++) {
		if (serves_family(s, IP_V4))
			plan_port(in, &s->ports[i], IP_V4, ret);
		if (serves_family(s, IP_V6))
			plan_port(in, &s->ports[i], IP_V6, ret);
	}
	plan_tidy(ret);
	plan_health(in, ret);
}

void plan_ways_in(const struct service *service, struct elements *ret)
{
	static const uint8_t families[] = { IP_V4, IP_V6 };
	struct plan p = { 0 };
	size_t kept = 0;

	for (unsigned i = 0; is_served(service) && i < 2u * service->port_count; i++) {
		const struct service_port *sp = &service->ports[i / 2];
		uint8_t family = families[i % 2];

		if (!serves_family(service, family))
			continue;
		plan_internal(service, sp, family, &p);
		plan_ingress(service, sp, family, CHAIN_EXTERNAL, &p);
		plan_outer(service, sp, family, &p);
	}
	for (size_t i = 0; i < p.elements.count; i++)
		if (element_is_exclusive(&p.elements.items[i]))
			p.elements.items[kept++] = p.elements.items[i];
	p.elements.count = kept;
	plan_tidy(&p);
	*ret = p.elements;
	p.elements = (struct elements){ 0 };
	plan_done(&p);
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
	array_free(&p->arrivals);
	p->endpoints = 0;
}
