// SPDX-License-Identifier: Apache-2.0
/*
 * Does everything exist that a scenario names, and once only?
 *
 * Asked twice: when the file was read, for what stands in it, and once more when the manifests
 * were, for the nodes and Services that come with them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/text.h"
#include "lib/kube/lease.h"
#include "sim/packet.h"
#include "sim/scenario_names.h"

static void need_deleted(struct checker *c, const struct sim_step *step)
{
	if (step->kind == NULL || strcmp(step->kind, "Lease") == 0)
		return;
	if (strcmp(step->kind, "Node") == 0) { /* also one that was not written as a manifest */
		need_node(c, step->line, step->what);
		return;
	}
	char *name = must_text("%s%s%s", step->ns, *step->ns == '\0' ? "" : "/", step->what);
	need_object(c, step->line, "timeline", step->kind, name);
	free(name);
}

/* --- the timeline ----------------------------------------------------------------------------- */

static void check_expect(struct checker *c, const struct sim_step *step)
{
	const struct sim_expect *e = &step->expect;

	need_service(c, step->line, "timeline", e->service);
	if (e->owner != NULL && *e->owner != '\0')
		need_node(c, step->line, e->owner);
	if (e->leader != NULL && *e->leader != '\0')
		need_allocator(c, step->line, e->leader, false);
}

static void check_step(struct checker *c, const struct sim_step *step)
{
	switch (step->op) {
	case SIM_OP_EXCLUDE:
	case SIM_OP_INCLUDE:
	case SIM_OP_NETWORK_UNAVAILABLE:
		need_node(c, step->line, step->what);
		break;
	case SIM_OP_ENDPOINT:
		need_service(c, step->line, "timeline", step->service);
		need_node(c, step->line, step->what);
		break;
	case SIM_OP_DELETE:
		need_deleted(c, step);
		break;
	case SIM_OP_KILL:
	case SIM_OP_STOP:
	case SIM_OP_RESTART:
	case SIM_OP_PAUSE:
	case SIM_OP_RESUME:
	case SIM_OP_SLOW:
	case SIM_OP_CLOCK_STEP:
	case SIM_OP_API_CUT:
	case SIM_OP_API_HEAL:
	case SIM_OP_API_SLOW:
		need_process(c, step);
		break;
	case SIM_OP_LINK_DOWN:
	case SIM_OP_LINK_UP:
		need_station(c, step->line, step->what);
		need_iface(c, step->line, step->what, step->to);
		break;
	case SIM_OP_CUT:
	case SIM_OP_HEAL:
		need_link(c, step->line, "timeline", step->link);
		need_station(c, step->line, step->what);
		need_station(c, step->line, step->to);
		break;
	case SIM_OP_IMPAIR:
	case SIM_OP_STORM:
	case SIM_OP_FORGET:
		need_link(c, step->line, "timeline", step->link);
		need_station(c, step->line, step->what);
		break;
	case SIM_OP_STEAL:
	case SIM_OP_GIVE_BACK:
		need_host(c, step->line, "timeline", step->what);
		need_service(c, step->line, "timeline", step->service);
		break;
	case SIM_OP_EXPECT:
		check_expect(c, step);
		break;
	case SIM_OP_APPLY:
	case SIM_OP_CONFIG:
	case SIM_OP_API_DOWN:
	case SIM_OP_API_UP:
	case SIM_OP_API_BREAK:
	case SIM_OP_API_COMPACT:
	case SIM_OP_API_CONFLICTS:
		break;
	}
	uint64_t end = step->at_ns + (step->op == SIM_OP_EXPECT ? step->time_ns : 0);
	char until[DURATION_TEXT_MAX], at[DURATION_TEXT_MAX];
	if (end > c->s->until_ns)
		checker_fault(c, step->line, "timeline", "ends at %s, and the run at %s (until)",
			      duration_format(end, at), duration_format(c->s->until_ns, until));
}

/* --- what is not in the timeline -------------------------------------------------------------- */

static void check_links(struct checker *c)
{
	const struct sim_scenario_link *links = c->s->links.items;

	for (size_t i = 0; i < c->s->links.count; i++)
		for (size_t n = 0; n < i && links[i].name != NULL; n++)
			if (links[n].name != NULL && strcmp(links[n].name, links[i].name) == 0)
				checker_fault(c, links[i].line, "links",
					      "there are two of the name %s", links[i].name);
}

static void check_ifaces(struct checker *c, const char *field,
			 const struct sim_scenario_station *st)
{
	const struct sim_scenario_iface *ifaces = st->ifaces.items;

	for (size_t i = 0; i < st->ifaces.count; i++) {
		need_link(c, st->line, field, ifaces[i].link);
		for (size_t n = 0; n < i && ifaces[i].name != NULL; n++)
			if (ifaces[n].name != NULL && strcmp(ifaces[n].name, ifaces[i].name) == 0)
				checker_fault(c, st->line, field,
					      "there are two interfaces of the name %s",
					      ifaces[i].name);
	}
}

/* @before: how many of @all have been looked at. */
static void check_station(struct checker *c, const char *field,
			  const struct sim_scenario_station *all, size_t before)
{
	const struct sim_scenario_station *st = &all[before];

	check_ifaces(c, field, st);
	if (st->name == NULL)
		return;
	if (checker_find(all, before, st->name) != NULL ||
	    (all == c->s->hosts.items &&
	     checker_find(c->s->nodes.items, c->s->nodes.count, st->name) != NULL))
		checker_fault(c, st->line, field, "there are two of the name %s", st->name);
}

/* A Service without a port of the client's protocol is never answered. */
static void check_port(struct checker *c, const struct sim_scenario_client *client,
		       const cJSON *service)
{
	const char *wanted = client->protocol == SIM_UDP ? "UDP" : "TCP";
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(service, "spec"), *port;

	cJSON_ArrayForEach (port, cJSON_GetObjectItemCaseSensitive(spec, "ports")) {
		const char *protocol =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(port, "protocol"));
		if (strcmp(protocol == NULL ? "TCP" : protocol, wanted) == 0)
			return;
	}
	checker_fault(c, client->line, "clients", "%s has no port of protocol %s", client->service,
		      wanted);
}

static void check_clients(struct checker *c)
{
	for (size_t i = 0; i < c->s->clients.count; i++) {
		const struct sim_scenario_client *client = &c->s->clients.items[i];
		need_host(c, client->line, "clients", client->host);
		const cJSON *service = need_service(c, client->line, "clients", client->service);
		if (service != NULL)
			check_port(c, client, service);
	}
}

/* Nodes come first. */
static const struct sim_scenario_station *station_at(const struct sim_scenario *s, size_t n)
{
	return n < s->nodes.count ? &s->nodes.items[n] : &s->hosts.items[n - s->nodes.count];
}

/* Network, broadcast and the first address are left free. */
static bool has_room(const struct ip_prefix *p, size_t stations)
{
	unsigned bits = ip_bits(p->addr.family) - p->len;

	return p->addr.family == 0 || bits >= 32 || stations + 3 <= (size_t)1 << bits;
}

static void check_room(struct checker *c)
{
	for (size_t i = 0; i < c->s->links.count; i++) {
		const struct sim_scenario_link *l = &c->s->links.items[i];
		size_t stations = 0;
		for (size_t n = 0; n < c->s->nodes.count + c->s->hosts.count; n++) {
			const struct sim_scenario_station *st = station_at(c->s, n);
			for (size_t k = 0; k < st->ifaces.count; k++)
				stations += st->ifaces.items[k].link != NULL && l->name != NULL &&
					    strcmp(st->ifaces.items[k].link, l->name) == 0;
		}
		if (stations > 0 &&
		    (!has_room(&l->prefix4, stations) || !has_room(&l->prefix6, stations)))
			checker_fault(c, l->line, "links",
				      "a prefix of %s has no room for %zu station%s", l->name,
				      stations, stations == 1 ? "" : "s");
	}
}

/* Who before number @end of all stations has the MAC of @iface on the same link; NULL: nobody. */
static const char *mac_owner(const struct sim_scenario *s, size_t end,
			     const struct sim_scenario_iface *iface)
{
	for (size_t n = 0; n < end; n++) {
		const struct sim_scenario_station *st = station_at(s, n);
		for (size_t k = 0; k < st->ifaces.count; k++)
			if (ether_equal(st->ifaces.items[k].mac, iface->mac) &&
			    text_equal(st->ifaces.items[k].link, iface->link))
				return st->name;
	}
	return NULL;
}

/* A switch would take two for one. Those that are made up differ. */
static void check_macs(struct checker *c)
{
	unsigned told = 0; /* of many that one `count` makes the first is told */

	for (size_t n = 0; n < c->s->nodes.count + c->s->hosts.count; n++) {
		const struct sim_scenario_station *st = station_at(c->s, n);
		for (size_t k = 0; k < st->ifaces.count && st->line != told; k++) {
			const struct sim_scenario_iface *i = &st->ifaces.items[k];
			const char *owner = ether_is_station(i->mac) ? mac_owner(c->s, n, i) : NULL;
			if (owner == NULL)
				continue;
			told = st->line;
			checker_fault(c, st->line, n < c->s->nodes.count ? "nodes" : "hosts",
				      "%s has the mac of %s, which is on %s, too", st->name, owner,
				      i->link);
		}
	}
}

static void check_lease(struct checker *c)
{
	const struct sim_scenario *s = c->s;
	const char *why = kube_lease_times_fault(
		s->lease_duration_ns != 0 ? s->lease_duration_ns : KUBE_LEASE_DURATION_NS,
		s->renew_deadline_ns != 0 ? s->renew_deadline_ns : KUBE_LEASE_RENEW_DEADLINE_NS,
		s->retry_period_ns != 0 ? s->retry_period_ns : KUBE_LEASE_RETRY_NS);

	if (why != NULL)
		checker_fault(c, s->lease_line, "leaseDuration", "%s", why);
}

static int check(const struct sim_scenario *s, bool all, struct faults *faults)
{
	struct checker c = { .s = s, .faults = faults, .all = all };

	if (s->nodes.count > SCENARIO_NODES_MAX) {
		checker_fault(&c, 0, "nodes", "there are more than %d", SCENARIO_NODES_MAX);
		return -EBADMSG;
	}
	check_links(&c);
	for (size_t i = 0; i < s->nodes.count; i++)
		check_station(&c, "nodes", s->nodes.items, i);
	for (size_t i = 0; i < s->hosts.count; i++)
		check_station(&c, "hosts", s->hosts.items, i);
	check_clients(&c);
	check_room(&c);
	check_macs(&c);
	check_lease(&c);
	for (size_t i = 0; i < s->steps.count; i++)
		check_step(&c, &s->steps.items[i]);
	return c.failed ? -EBADMSG : 0;
}

int scenario_check_own(const struct sim_scenario *s, struct faults *faults)
{
	return check(s, false, faults);
}

int sim_scenario_check(const struct sim_scenario *s, struct faults *faults)
{
	return check(s, true, faults);
}
