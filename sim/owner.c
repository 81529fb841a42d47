// SPDX-License-Identifier: Apache-2.0
/*
 * Who announces which Service, who answers for which address, and for how long nobody did.
 *
 * What a speaker announces it says itself, when it begins and when it ends. Whether it answers is
 * asked of its filter and its engine, as a neighbour would, after each pass that may have changed
 * it: those between a change and the moment when the speaker has been told all that there was by
 * then. A Service is `hot` on a node meanwhile.
 */
#include "sim/owner_state.h"

static int service_cmp(const struct owned_service *a, const struct owned_service *b)
{
	int c = strcmp(a->ns, b->ns);

	return c != 0 ? c : strcmp(a->name, b->name);
}

static int answered_cmp(const struct answered *a, const struct answered *b)
{
	return ip_cmp(&a->ip, &b->ip);
}

TREE_GENERATE(owned_tree, owned_service, link, service_cmp)
TREE_GENERATE(answered_tree, answered, link, answered_cmp)

/* --- life -------------------------------------------------------------------------------- */

struct owners *owners_new(struct sim_world *w)
{
	struct owners *o = must(calloc(1, sizeof(*o)));

	RB_INIT(&o->services);
	RB_INIT(&o->answered);
	o->hot = must(calloc(w->scenario->nodes.count + 1, sizeof(*o->hot)));
	return o;
}

static void owned_service_free(struct owners *o, struct owned_service *s)
{
	RB_REMOVE(owned_tree, &o->services, s);
	for (size_t i = 0; i < s->ips.count; i++) {
		array_free(&s->ips.items[i]->darks);
		free(s->ips.items[i]);
	}
	for (size_t i = 0; i < s->claims.count; i++)
		array_free(&s->claims.items[i].ips);
	array_free(&s->ips);
	array_free(&s->claims);
	array_free(&s->verdict.interfaces);
	free(s->ns);
	free(s->name);
	free(s->text);
	free(s);
}

struct owners *owners_free(struct sim_world *w)
{
	struct owners *o = w->owners;

	if (o == NULL)
		return NULL;
	for (struct owned_service *s; (s = RB_MIN(owned_tree, &o->services)) != NULL;)
		owned_service_free(o, s);
	for (struct answered *a; (a = RB_MIN(answered_tree, &o->answered)) != NULL;) {
		RB_REMOVE(answered_tree, &o->answered, a);
		array_free(&a->by);
		array_free(&a->owned);
		free(a);
	}
	for (size_t i = 0; i < w->scenario->nodes.count; i++)
		array_free(&o->hot[i]);
	free(o->hot);
	free(o);
	return NULL;
}

/* --- finding and making ------------------------------------------------------------------ */

struct owned_service *owner_service_find(const struct owners *o, const char *ns, const char *name)
{
	struct owned_service key = { .ns = (char *)ns, .name = (char *)name };

	return RB_FIND(owned_tree, (struct owned_tree *)&o->services, &key);
}

struct owned_service *owner_service_get(struct owners *o, const char *ns, const char *name)
{
	struct owned_service *s = owner_service_find(o, ns, name);

	if (s != NULL)
		return s;
	s = must(calloc(1, sizeof(*s)));
	s->ns = must_copy(ns);
	s->name = must_copy(name);
	s->text = must_text("%s/%s", ns, name);
	RB_INSERT(owned_tree, &o->services, s);
	return s;
}

struct owned_service *owner_service(const struct sim_world *w, const char *text)
{
	char ns[256];
	const char *name;

	return world_service_split(text, ns, &name) ? owner_service_find(w->owners, ns, name)
						    : NULL;
}

struct answered *owner_answered(const struct sim_world *w, const struct ip_addr *ip)
{
	struct answered key = { .ip = *ip };

	return RB_FIND(answered_tree, &w->owners->answered, &key);
}

struct answered *owner_answered_get(struct sim_world *w, const struct ip_addr *ip)
{
	struct answered *a = owner_answered(w, ip);

	if (a != NULL)
		return a;
	a = must(calloc(1, sizeof(*a)));
	a->ip = *ip;
	RB_INSERT(answered_tree, &w->owners->answered, a);
	return a;
}

struct owned_service *owner_service_of(const struct sim_world *w, const struct sim_object *o)
{
	return owner_service_find(w->owners, o->ns, o->name);
}

struct owned *owner_owned(const struct owned_service *s, const struct ip_addr *ip)
{
	for (size_t i = 0; i < s->ips.count; i++)
		if (ip_equal(&s->ips.items[i]->ip, ip))
			return s->ips.items[i];
	return NULL;
}

struct owner_claim *owner_claim_find(const struct owned_service *s, const struct world_node *n)
{
	for (size_t i = 0; i < s->claims.count; i++)
		if (s->claims.items[i].node == n)
			return &s->claims.items[i];
	return NULL;
}

void owner_each_service(struct sim_world *w, void (*each)(void *arg, struct owned_service *s),
			void *arg)
{
	struct owned_service *s;

	RB_FOREACH (s, owned_tree, &w->owners->services)
		each(arg, s);
}

void owner_each_answered(struct sim_world *w, void (*each)(void *arg, struct answered *a),
			 void *arg)
{
	struct answered *a;

	RB_FOREACH (a, answered_tree, &w->owners->answered)
		each(arg, a);
}

struct world_node *owner_of(const struct answered *a)
{
	return a->by.count == 1 ? a->by.items[0].node : NULL;
}

bool owner_claims(const struct owned_service *s, const struct world_node *n)
{
	return owner_claim_find(s, n) != NULL;
}

/* --- dark and lit ------------------------------------------------------------------------ */

void owner_dark(const struct sim_world *w, const struct owned *o, uint64_t since_ns,
		uint64_t *ret_all_ns, uint64_t *ret_longest_ns)
{
	uint64_t all_ns = 0, longest_ns = 0;

	for (size_t i = 0; i < o->darks.count; i++) {
		uint64_t from_ns = o->darks.items[i].from_ns, to_ns = o->darks.items[i].to_ns;

		if (to_ns == UINT64_MAX)
			to_ns = world_now(w);
		if (from_ns < since_ns)
			from_ns = since_ns;
		if (to_ns <= from_ns)
			continue;
		all_ns += to_ns - from_ns;
		if (to_ns - from_ns > longest_ns)
			longest_ns = to_ns - from_ns;
	}
	*ret_all_ns = all_ns;
	*ret_longest_ns = longest_ns;
}

/* The time for which it is dark ends; how long it was. */
static uint64_t dark_end(const struct sim_world *w, struct owned *o)
{
	struct owned_dark *last = o->darks.count > 0 ? &o->darks.items[o->darks.count - 1] : NULL;

	if (last == NULL || last->to_ns != UINT64_MAX)
		return 0;
	last->to_ns = world_now(w);
	return last->to_ns - last->from_ns;
}

static void become_lit(struct sim_world *w, struct owned *o)
{
	const char *node = o->answered->by.items[0].node->cfg->name;

	if (o->first_ns == UINT64_MAX)
		o->first_ns = world_now(w) - o->assigned_ns;
	else if (o->darks.count > 0 && o->darks.items[o->darks.count - 1].to_ns == UINT64_MAX)
		sim_journal_add(&w->journal, world_now(w), SIM_LIT, node, o->service->text, &o->ip,
				"")
			->value_ns = dark_end(w, o);
	o->lit = true;
}

static void become_dark(struct sim_world *w, struct owned *o)
{
	struct owned_dark *d = must(array_push(&o->darks));

	d->from_ns = world_now(w);
	d->to_ns = UINT64_MAX;
	sim_journal_add(&w->journal, world_now(w), SIM_DARK, NULL, o->service->text, &o->ip, "");
	o->lit = false;
}

/* Was it announced once, and has nobody said yet that it is dark? Given out anew, it may be. */
static bool is_dark_anew(const struct owned *o)
{
	return o->first_ns != UINT64_MAX && o->answered->by.count == 0 &&
	       (o->darks.count == 0 || o->darks.items[o->darks.count - 1].to_ns != UINT64_MAX);
}

/* Bring it in line with who answers. */
void owner_settle(struct sim_world *w, struct owned *o)
{
	const struct answered *a = o->answered;

	if (a->by.count > 0) {
		const char *node = a->by.items[a->by.count - 1].node->cfg->name;

		o->moves += o->last != NULL && o->last != node && o->shown;
		if (o->shown)
			o->last = node;
	}
	if (!o->shown) {
		dark_end(w, o);
		o->lit = false;
	} else if (!o->lit && a->by.count > 0) {
		become_lit(w, o);
	} else if (is_dark_anew(o)) {
		become_dark(w, o);
	}
}

struct answer *owner_answer(const struct answered *a, const struct world_node *n)
{
	for (size_t i = 0; i < a->by.count; i++)
		if (a->by.items[i].node == n)
			return &a->by.items[i];
	return NULL;
}

void owner_answer_set(struct answered *a, struct world_node *n, bool answers)
{
	struct answer *x = owner_answer(a, n);

	if (answers == (x != NULL))
		return;
	if (answers) {
		*(struct answer *)must(array_push(&a->by)) =
			(struct answer){ .node = n, .since_ns = world_now(n->world) };
	} else {
		memmove(x, x + 1, (size_t)(&a->by.items[--a->by.count] - x) * sizeof(*x));
	}
	for (size_t i = 0; i < a->owned.count; i++)
		owner_settle(n->world, a->owned.items[i]);
	world_changed(n->world);
	check_answered(n->world);
}

bool owner_answers(struct world_node *n, const struct ip_addr *ip)
{
	if (!sim_speaker_runs(n->speaker) || n->health.paused)
		return false;
	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		struct sim_iface *iface = sim_stack_iface(n->stack, i);

		if (sim_port_is_up(sim_iface_port(iface)) &&
		    sim_speaker_answers(n->speaker, iface, ip))
			return true;
	}
	return false;
}

void owner_make_hot(struct world_node *n, struct owned_service *s)
{
	struct owner_hot *hot = &n->world->owners->hot[n->number];
	uint64_t number = sim_api_number(n->world->api);

	for (size_t i = 0; i < hot->count; i++)
		if (hot->items[i].service == s) {
			hot->items[i].number = number;
			return;
		}
	*(struct owner_heat *)must(array_push(hot)) = (struct owner_heat){ s, number };
}

bool owner_ips_have(const struct ip_addr *ips, size_t count, const struct ip_addr *ip)
{
	for (size_t i = 0; i < count; i++)
		if (ip_equal(&ips[i], ip))
			return true;
	return false;
}

const struct sim_verdict *owner_verdict(struct sim_world *w, struct owned_service *s)
{
	if (s->asked && s->epoch == w->owners->epoch)
		return &s->verdict;
	array_free(&s->verdict.interfaces);
	sim_oracle_owner(w->oracle, s->ns, s->name, &s->verdict);
	s->asked = true;
	s->epoch = w->owners->epoch;
	return &s->verdict;
}
