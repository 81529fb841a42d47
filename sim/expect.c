// SPDX-License-Identifier: Apache-2.0
/*
 * What a scenario expects. Until its time is over, an expectation may become true; from then on it
 * must be, until a step changes something or another expectation is about the same. What may only
 * get worse (how long something was dark, how much failed) is held against it all the time.
 */
#include <stdio.h>

#include "lib/base/text.h"
#include "sim/world_state.h"

#define WHY_MAX 256

struct expectation {
	struct sim_world *world;
	const struct sim_step *step;
	struct sim_timer due;
	bool open;                        /* it is looked at */
	bool last;                        /* when it is due it is over: a step came before */
	uint64_t since_ns, failed_before; /* of the expectation before it on the same subject */
	uint64_t failed_now;              /* when this one came */
};

struct expects {
	size_t count;
	struct expectation items[]; /* as many as the scenario has */
};

struct expects *expects_new(struct sim_world *w)
{
	size_t count = 0;

	for (size_t i = 0; i < w->scenario->steps.count; i++)
		count += w->scenario->steps.items[i].op == SIM_OP_EXPECT;
	return must(calloc(1, sizeof(struct expects) + count * sizeof(struct expectation)));
}

struct expects *expects_free(struct sim_world *w)
{
	struct expects *all = w->expects;

	for (size_t i = 0; all != NULL && i < all->count; i++)
		sim_timer_stop(w->clock, &all->items[i].due);
	free(all);
	return NULL;
}

/* --- what is ----------------------------------------------------------------------------- */

static bool is_about(const struct sim_expect *x, const char *service)
{
	return x->service == NULL || strcmp(x->service, service) == 0;
}

/* Attempts of its clients that failed, since the start; also those that a stranger refused. */
static uint64_t failed(const struct sim_world *w, const struct sim_expect *x)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->client_count; i++)
		if (is_about(x, w->clients[i].cfg->service)) {
			struct sim_client_counts c = sim_client_counts(w->clients[i].client);

			sum += c.failed + c.foreign;
		}
	return sum;
}

struct longest {
	const struct sim_world *w;
	const struct expectation *e;
	uint64_t ns;
};

static void take_longest(void *arg, struct owned_service *s)
{
	struct longest *l = arg;

	for (size_t i = 0; is_about(&l->e->step->expect, s->text) && i < s->ips.count; i++) {
		uint64_t all_ns, longest_ns;

		owner_dark(l->w, s->ips.items[i], l->e->since_ns, &all_ns, &longest_ns);
		if (longest_ns > l->ns)
			l->ns = longest_ns;
	}
}

static const char *owner_is(const struct owned_service *s, const char *owner, char why[WHY_MAX])
{
	size_t shown = 0;

	for (size_t i = 0; s != NULL && i < s->ips.count; i++) {
		const struct answered *a = s->ips.items[i]->answered;
		const struct world_node *n = owner_of(a);
		char ip[IP_TEXT_MAX];

		if (!s->ips.items[i]->shown)
			continue;
		shown++;
		if (*owner == '\0' ? a->by.count == 0
				   : n != NULL && strcmp(n->cfg->name, owner) == 0)
			continue;
		snprintf(why, WHY_MAX, "%s is %s%s", ip_format(&a->ip, ip),
			 a->by.count == 0 ? "nobody's"
			 : n != NULL      ? n->cfg->name
					  : "announced by several",
			 n != NULL ? "'s" : "");
		return why;
	}
	return shown > 0 || *owner == '\0' ? NULL : "it has no address";
}

static const char *address_is(const struct owned_service *s, const char *address, char why[WHY_MAX])
{
	const struct owned *any = NULL;
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; s != NULL && i < s->ips.count; i++) {
		if (!s->ips.items[i]->shown)
			continue;
		any = s->ips.items[i];
		if (strcmp(ip_format(&any->ip, ip), address) == 0)
			return NULL;
	}
	if (any == NULL)
		return *address == '\0' ? NULL : "it has no address";
	snprintf(why, WHY_MAX, "it has %s", ip_format(&any->ip, ip));
	return why;
}

static const char *leader_is(const struct sim_world *w, const char *leader, char why[WHY_MAX])
{
	const struct world_allocator *a = world_leader(w);
	const char *name = a != NULL ? a->name : "";

	if (strcmp(name, leader) == 0)
		return NULL;
	snprintf(why, WHY_MAX, "%s", a != NULL ? a->name : "nobody leads");
	return why;
}

/* What stands against it now and may still change; NULL: nothing. */
static const char *not_yet(const struct expectation *e, char why[WHY_MAX])
{
	const struct sim_expect *x = &e->step->expect;
	const struct owned_service *s =
		x->service != NULL ? owner_service(e->world, x->service) : NULL;
	const char *against = NULL;

	if (x->owner != NULL)
		against = owner_is(s, x->owner, why);
	if (against == NULL && x->address != NULL)
		against = address_is(s, x->address, why);
	if (against == NULL && x->leader != NULL)
		against = leader_is(e->world, x->leader, why);
	return against;
}

/* What stands against it for good. */
static const char *never(const struct expectation *e, char why[WHY_MAX])
{
	const struct sim_expect *x = &e->step->expect;

	if (x->has_dark) {
		struct longest l = { .w = e->world, .e = e };

		owner_each_service(e->world, take_longest, &l);
		if (l.ns > x->dark_max_ns) {
			snprintf(why, WHY_MAX, "dark for %llu.%03llu ms",
				 (unsigned long long)(l.ns / NS_PER_MS),
				 (unsigned long long)(l.ns / 1000 % 1000));
			return why;
		}
	}
	if (x->has_failed && failed(e->world, x) - e->failed_before > x->failed_max) {
		snprintf(why, WHY_MAX, "%llu attempts failed",
			 (unsigned long long)(failed(e->world, x) - e->failed_before));
		return why;
	}
	return NULL;
}

/* --- its life ---------------------------------------------------------------------------- */

static void finish(struct expectation *e, const char *against)
{
	struct sim_world *w = e->world;

	e->open = false;
	sim_timer_stop(w->clock, &e->due);
	if (against != NULL)
		sim_journal_add(&w->journal, world_now(w), SIM_DISAPPOINTED, NULL,
				e->step->expect.service, NULL, "%s: %s", e->step->text, against);
}

static void look(struct expectation *e)
{
	bool is_due = !sim_timer_is_set(&e->due);
	char why[WHY_MAX];
	const char *against = never(e, why);

	if (against == NULL && is_due)
		against = not_yet(e, why);
	if (against != NULL)
		finish(e, against);
}

static void become_due(void *arg)
{
	struct expectation *e = arg;

	look(e);
	if (!e->open)
		return;
	sim_journal_add(&e->world->journal, world_now(e->world), SIM_EXPECTED, NULL,
			e->step->expect.service, NULL, "%s", e->step->text);
	if (e->last)
		finish(e, NULL);
}

/* It holds until now, or until it is due. */
static void end(struct expectation *e)
{
	if (!e->open)
		return;
	look(e);
	if (sim_timer_is_set(&e->due))
		e->last = true;
	else if (e->open)
		finish(e, NULL);
}

static bool same_subject(const struct sim_expect *a, const struct sim_expect *b)
{
	return text_equal(a->service, b->service) && (a->leader != NULL) == (b->leader != NULL);
}

void expect_add(struct sim_world *w, const struct sim_step *s)
{
	struct expectation *e = &w->expects->items[w->expects->count];

	*e = (struct expectation){ .world = w, .step = s, .open = true };
	for (size_t i = w->expects->count; i-- > 0;) {
		struct expectation *before = &w->expects->items[i];

		if (!same_subject(&before->step->expect, &s->expect))
			continue;
		e->since_ns = before->step->at_ns;
		e->failed_before = before->failed_now;
		end(before);
		break;
	}
	e->failed_now = failed(w, &s->expect);
	w->expects->count++;
	sim_timer_set(w->clock, &e->due, world_now(w) + s->time_ns, become_due, e);
}

void expect_end(struct sim_world *w)
{
	for (size_t i = 0; i < w->expects->count; i++)
		end(&w->expects->items[i]);
}

/* How long something is dark grows also while nothing happens. */
void expect_finish(struct sim_world *w)
{
	for (size_t i = 0; i < w->expects->count; i++) {
		struct expectation *e = &w->expects->items[i];

		if (e->open && sim_timer_is_set(&e->due)) {
			sim_timer_stop(w->clock, &e->due);
			become_due(e);
		}
		end(e);
	}
}

void expect_look(struct sim_world *w)
{
	for (size_t i = 0; i < w->expects->count; i++)
		if (w->expects->items[i].open)
			look(&w->expects->items[i]);
}
