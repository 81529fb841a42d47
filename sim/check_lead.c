// SPDX-License-Identifier: Apache-2.0
/*
 * `leadership`: who writes a Service holds the Lease, as the API has it when the write is sent, and
 * it has not run out; no write of an earlier holder reaches the API after one of a later holder has
 * landed, not even one that the API refuses; no two may write at one time; and before long somebody
 * leads.
 */
#include <stdio.h>

#include "lib/kube/lease.h"
#include "sim/check_state.h"

static uint64_t lease_duration_ns(const struct sim_world *w)
{
	uint64_t said_ns = w->scenario->lease_duration_ns;

	return said_ns != 0 ? said_ns : KUBE_LEASE_DURATION_NS;
}

/* From the end of a leader to the first pass of the next, whatever the jitter. */
static uint64_t takeover_ns(const struct sim_world *w)
{
	const struct sim_scenario *s = w->scenario;
	uint64_t lease_ns = lease_duration_ns(w);
	uint64_t retry_ns = s->retry_period_ns != 0 ? s->retry_period_ns : KUBE_LEASE_RETRY_NS;

	return lease_ns + kube_lease_write_ns(lease_ns) + 4 * retry_ns + w->bound_ns;
}

/* One that something ails, so that it is not counted on, but keeps others from it. */
static bool somebody_leads(const struct sim_world *w)
{
	return world_leader(w) != NULL;
}

/* By its own clock, whatever the turns that it takes. */
static void check_alone(struct sim_world *w)
{
	const struct world_allocator *first = NULL;

	for (size_t i = 0; i < w->allocator_count; i++) {
		const struct world_allocator *a = &w->allocators[i];

		if (!sim_allocator_may_write(a->process))
			continue;
		if (first != NULL)
			check_broken(w, "leadership", a->name, NULL, NULL,
				     "%s may write, and so may %s", a->name, first->name);
		first = a;
	}
}

void check_lead(struct sim_world *w)
{
	struct checks *c = w->checks;
	bool able = false;

	check_alone(w);
	for (size_t i = 0; i < w->allocator_count; i++)
		able |= world_is_well(w, w->allocators[i].health.well_ns, takeover_ns(w));
	if (c->leader == NULL && able && world_is_well(w, w->api_well_ns, takeover_ns(w)) &&
	    world_is_well(w, w->stirred_ns, takeover_ns(w)) && !somebody_leads(w))
		check_broken(w, "leadership", NULL, NULL, NULL, "nobody leads");
}

static const char *holder_of(const struct sim_object *lease)
{
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(lease->json, "spec");
	const char *holder =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec, "holderIdentity"));

	return holder != NULL ? holder : "";
}

static struct check_term *term_of(struct checks *c, const char *identity)
{
	for (size_t i = 0; i < c->terms.count; i++)
		if (strcmp(c->terms.items[i].identity, identity) == 0)
			return &c->terms.items[i];
	return NULL;
}

void check_lease(struct sim_world *w, const struct sim_object *now)
{
	struct checks *c = w->checks;
	const char *holder = now->gone ? "" : holder_of(now);
	struct check_term *t = term_of(c, holder);

	c->renewed_ns = world_now(w);
	if (strcmp(holder, c->holder != NULL ? c->holder : "") == 0)
		return;
	free(c->holder);
	c->holder = must_copy(holder);
	if (*holder == '\0')
		return;
	if (t == NULL) {
		t = must(array_push(&c->terms));
		t->identity = must_copy(holder);
	}
	t->term = ++c->term;
}

static const struct world_allocator *allocator_of(const struct sim_world *w,
						  const struct sim_api_client *client)
{
	for (size_t i = 0; i < w->allocator_count; i++)
		if (sim_allocator_client(w->allocators[i].process) == client)
			return &w->allocators[i];
	return NULL;
}

/* The term in which the write was sent that arrives now; 0: by somebody who never led. */
static uint64_t take_term(struct checks *c, uint64_t number)
{
	for (size_t i = 0; i < c->under_way.count; i++) {
		struct check_sent sent = c->under_way.items[i];

		if (sent.number != number)
			continue;
		c->under_way.items[i] = c->under_way.items[--c->under_way.count];
		return sent.term;
	}
	return 0;
}

/* Its sender may have died meanwhile, or lead again. */
static void check_arrived(struct sim_world *w, const struct sim_api_client *client, uint64_t number,
			  bool landed, const char *service)
{
	struct checks *c = w->checks;
	uint64_t term = take_term(c, number);

	if (term < c->landed)
		check_broken(w, "leadership", sim_api_client_name(client), service, NULL,
			     "a write arrives after one of a later leader");
	else if (landed)
		c->landed = term;
}

void check_write(void *arg, const struct sim_api_client *client, uint64_t number,
		 enum sim_written what, enum sim_kind kind, const char *ns, const char *name)
{
	struct sim_world *w = arg;
	struct checks *c = w->checks;
	char service[520];

	if (kind != SIM_SERVICE)
		return;
	snprintf(service, sizeof(service), "%s/%s", ns, name);
	if (what != SIM_WRITE_SENT) {
		check_arrived(w, client, number, what == SIM_WRITE_LANDED, service);
		return;
	}
	const struct world_allocator *a = allocator_of(w, client);
	const char *identity = a != NULL ? sim_allocator_identity(a->process) : "";
	const struct check_term *t = term_of(c, identity);
	if (t == NULL || c->holder == NULL || strcmp(c->holder, identity) != 0)
		check_broken(w, "leadership", sim_api_client_name(client), service, NULL,
			     "a write is sent by who does not hold the Lease");
	else if (world_now(w) >= c->renewed_ns + lease_duration_ns(w))
		check_broken(w, "leadership", sim_api_client_name(client), service, NULL,
			     "a write is sent by one whose Lease has run out");
	struct check_sent *sent = must(array_push(&c->under_way));
	sent->number = number;
	sent->term = t != NULL ? t->term : 0;
}
