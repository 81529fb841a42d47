// SPDX-License-Identifier: Apache-2.0
/* What speakers do: what they announce, and for which addresses they answer. */
#include <stdio.h>

#include "sim/owner_state.h"

/* --- what the speakers say --------------------------------------------------------------- */

static void claim_drop(struct world_node *n, struct owned_service *s, struct owner_claim *c,
		       size_t at, enum sim_entry_type type, const char *why)
{
	sim_journal_add(&n->world->journal, world_now(n->world), type, n->cfg->name, s->text,
			&c->ips.items[at], "%s", why);
	memmove(&c->ips.items[at], &c->ips.items[at + 1],
		(--c->ips.count - at) * sizeof(*c->ips.items));
}

static void claim_end(struct world_node *n, struct owned_service *s, enum sim_entry_type type,
		      const char *why)
{
	struct owner_claim *c = owner_claim_find(s, n);

	if (c == NULL)
		return;
	while (c->ips.count > 0)
		claim_drop(n, s, c, 0, type, why);
	array_free(&c->ips);
	*c = s->claims.items[--s->claims.count];
	owner_make_hot(n, s);
}

static void claim_take(struct world_node *n, struct owned_service *s, struct owner_claim *c,
		       const struct ip_addr *ip)
{
	char *why = speaker_held_why(sim_speaker_engine(n->speaker), s->ns, s->name);

	*(struct ip_addr *)must(array_push(&c->ips)) = *ip;
	sim_journal_add(&n->world->journal, world_now(n->world), SIM_ANNOUNCES, n->cfg->name,
			s->text, ip, "%s", why != NULL ? why : "");
	free(why);
	check_covered(n, s, ip);
}

/* What the node announces of it are the addresses that its engine holds. */
static void claim_look(struct world_node *n, struct owned_service *s)
{
	struct owner_claim *c = owner_claim_find(s, n);
	const struct ip_addr *held;
	size_t count;

	if (c == NULL)
		return;
	held = speaker_held(sim_speaker_engine(n->speaker), s->ns, s->name, &count);
	for (size_t i = 0; i < c->ips.count;)
		if (owner_ips_have(held, count, &c->ips.items[i]))
			i++;
		else
			claim_drop(n, s, c, i, SIM_WITHDRAWS, "it is not the Service's any more");
	for (size_t i = 0; i < count; i++)
		if (!owner_ips_have(c->ips.items, c->ips.count, &held[i]))
			claim_take(n, s, c, &held[i]);
}

static void told_announcement(struct world_node *n, const struct speaker_action *a)
{
	struct owned_service *s = owner_service_get(n->world->owners, a->about.ns, a->about.name);

	if (a->type == SPEAKER_WITHDRAWN) {
		claim_end(n, s, SIM_WITHDRAWS, a->about.text);
		return;
	}
	if (owner_claim_find(s, n) == NULL)
		((struct owner_claim *)must(array_push(&s->claims)))->node = n;
	owner_make_hot(n, s);
}

/* Speakers also say in events what they say here. */
static void told_event(struct world_node *n, const struct speaker_action *a)
{
	char service[512];

	if (!a->about.warning)
		return;
	snprintf(service, sizeof(service), "%s/%s", a->about.ns, a->about.name);
	sim_journal_add(&n->world->journal, world_now(n->world), SIM_TOLD, n->cfg->name, service,
			NULL, "%s: %s", a->about.reason, a->about.text)
		->warning = true;
}

static void told_config(struct world_node *n, const struct speaker_action *a)
{
	if (a->about.text == NULL)
		return;
	sim_journal_add(&n->world->journal, world_now(n->world), SIM_TOLD, n->cfg->name, NULL, NULL,
			"keeps its configuration: %s", a->about.text)
		->warning = true;
}

static void told(void *arg, const struct sim_speaker *speaker, const struct speaker_action *a)
{
	struct world_node *n = arg;

	(void)speaker;
	if (a->type == SPEAKER_ANNOUNCED || a->type == SPEAKER_WITHDRAWN)
		told_announcement(n, a);
	else if (a->type == SPEAKER_EVENT)
		told_event(n, a);
	else if (a->type == SPEAKER_CONFIG)
		told_config(n, a);
}

/* Does the node answer for what the Service has and had? */
static void look(struct world_node *n, struct owned_service *s)
{
	claim_look(n, s);
	for (size_t i = 0; i < s->ips.count; i++)
		owner_answer_set(s->ips.items[i]->answered, n,
				 owner_answers(n, &s->ips.items[i]->ip));
}

static void passed(void *arg, const struct sim_speaker *speaker)
{
	struct world_node *n = arg;
	struct owner_hot *hot = &n->world->owners->hot[n->number];
	size_t kept = 0;

	if (!sim_speaker_runs(speaker)) {
		owner_node_died(n);
		return;
	}
	check_passed(n);
	for (size_t i = 0; i < hot->count; i++)
		look(n, hot->items[i].service);
	for (size_t i = 0; i < hot->count; i++)
		if (!sim_speaker_is_past(speaker, hot->items[i].number))
			hot->items[kept++] = hot->items[i];
	hot->count = kept;
}

static void broke(void *arg, const struct sim_speaker *speaker, const char *what)
{
	struct world_node *n = arg;

	(void)speaker;
	check_broken(n->world, "speaker", n->cfg->name, NULL, NULL, "%s", what);
}

const struct sim_speaker_ops owner_speaker_ops = {
	.told = told,
	.passed = passed,
	.broke = broke,
};

/* --- what happens to nodes --------------------------------------------------------------- */

static void node_died_of(void *arg, struct owned_service *s)
{
	claim_end(arg, s, SIM_LOST, "");
}

static void node_silent(void *arg, struct answered *a)
{
	owner_answer_set(a, arg, false);
}

void owner_node_died(struct world_node *n)
{
	owner_each_service(n->world, node_died_of, n);
	owner_each_answered(n->world, node_silent, n);
	n->world->owners->hot[n->number].count = 0;
}

static void look_if_concerned(void *arg, struct owned_service *s)
{
	struct world_node *n = arg;
	bool concerned = owner_claims(s, n);

	for (size_t i = 0; i < s->ips.count && !concerned; i++)
		concerned = owner_answer(s->ips.items[i]->answered, n) != NULL;
	if (!concerned)
		return;
	owner_make_hot(n, s);
	if (sim_speaker_runs(n->speaker))
		look(n, s);
}

void owner_node_look(struct world_node *n)
{
	owner_each_service(n->world, look_if_concerned, n);
}
