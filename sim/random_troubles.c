// SPDX-License-Identifier: Apache-2.0
/*
 * What goes wrong in a made-up scenario: one function a kind of trouble, which writes the step that
 * begins it and hands over the one that ends it.
 */
#include "sim/random_state.h"

struct sim_step *maker_step(struct maker *m, uint64_t at_ns, enum sim_op op)
{
	struct sim_step *s = must(array_push(&m->s->steps));

	s->at_ns = at_ns;
	s->op = op;
	return s;
}

/* When a trouble begins and until when it is to be over. */
struct when {
	uint64_t at_ns, end_ns;
	bool lasts; /* until then */
};

/*
 * The step that ends a trouble; good until the next. One in four troubles waits for the quiet,
 * the others are over before.
 */
static struct sim_step *heal(struct maker *m, const struct when *w, enum sim_op op)
{
	struct maker_heal *h = must(array_push(&m->heals));

	h->at_ns =
		w->lasts || maker_one_in(m, 4) ? UINT64_MAX : maker_between(m, w->at_ns, w->end_ns);
	h->step.op = op;
	return &h->step;
}

static char *some_node(struct maker *m)
{
	return must_copy(m->nodes.items[maker_below(m, (unsigned)m->nodes.count)].name);
}

static char *some_link(struct maker *m)
{
	return must_copy(maker_link_name(maker_below(m, m->links)));
}

static char *some_allocator(struct maker *m)
{
	return maker_one_in(m, 2) ? must_copy(SIM_LEADER)
				  : must_text("a%u", 1 + maker_below(m, m->s->allocators));
}

/* The step is about an allocator: @name, which is handed over. */
static void for_allocator(struct sim_step *s, char *name)
{
	s->process = SIM_PROCESS_ALLOCATOR;
	s->what = name;
}

static struct maker_service *some_service(struct maker *m)
{
	return &m->services.items[maker_below(m, (unsigned)m->services.count)];
}

/* --- processes ------------------------------------------------------------------------- */

static void speaker_dies(struct maker *m, const struct when *w)
{
	static const enum sim_op ways[] = { SIM_OP_KILL, SIM_OP_KILL, SIM_OP_STOP };
	bool machine = maker_one_in(m, 4);
	struct sim_step *s =
		maker_step(m, w->at_ns, machine ? SIM_OP_KILL : ways[maker_below(m, 3)]);

	s->process = machine ? SIM_PROCESS_NODE : SIM_PROCESS_SPEAKER;
	s->what = some_node(m);
	if (maker_one_in(m, 8))
		return; /* for good */
	struct sim_step *h = heal(m, w, SIM_OP_RESTART);
	h->process = s->process;
	h->what = must_copy(s->what);
}

static void speaker_restarts(struct maker *m, const struct when *w)
{
	maker_step(m, w->at_ns, SIM_OP_RESTART)->what = some_node(m);
}

static void speaker_pauses(struct maker *m, const struct when *w)
{
	char *node = some_node(m);

	maker_step(m, w->at_ns, SIM_OP_PAUSE)->what = node;
	heal(m, w, SIM_OP_RESUME)->what = must_copy(node);
}

static void speaker_is_slow(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_SLOW);

	s->what = some_node(m);
	s->time_ns = maker_between(m, 1, 800) * NS_PER_MS;
	heal(m, w, SIM_OP_SLOW)->what = must_copy(s->what);
}

static void allocator_dies(struct maker *m, const struct when *w)
{
	struct sim_step *s =
		maker_step(m, w->at_ns, maker_one_in(m, 3) ? SIM_OP_STOP : SIM_OP_KILL);

	for_allocator(s, some_allocator(m));
	for_allocator(heal(m, w, SIM_OP_RESTART), must_copy(s->what));
}

static void allocator_pauses(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_PAUSE);

	for_allocator(s, some_allocator(m));
	for_allocator(heal(m, w, SIM_OP_RESUME), must_copy(s->what));
}

static void allocator_is_slow(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_SLOW);

	for_allocator(s, some_allocator(m));
	s->time_ns = maker_between(m, 1, 4000) * NS_PER_MS;
	for_allocator(heal(m, w, SIM_OP_SLOW), must_copy(s->what));
}

/*
 * The leader stops for some of its Lease, and what it says afterwards is long on its way: what it
 * decides when it goes on arrives when the next one may lead.
 */
static void leader_is_late(struct maker *m, const struct when *w)
{
	uint64_t until_ns = w->at_ns + maker_between(m, 5000, 9900) * NS_PER_MS;

	if (until_ns > w->end_ns)
		return;
	for_allocator(maker_step(m, w->at_ns, SIM_OP_PAUSE), must_copy(SIM_LEADER));
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_API_SLOW);
	for_allocator(s, must_copy(SIM_LEADER));
	s->time_ns = maker_between(m, 5000, 9000) * NS_PER_MS;
	maker_change(m, maker_between(m, w->at_ns, until_ns));
	for_allocator(maker_step(m, until_ns, SIM_OP_RESUME), must_copy(SIM_LEADER));
	for_allocator(heal(m, w, SIM_OP_API_SLOW), must_copy(SIM_LEADER));
}

static void clock_steps(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_CLOCK_STEP);

	for_allocator(s, some_allocator(m));
	s->time_ns = maker_between(m, 1, 4000) * NS_PER_S;
	s->back = maker_one_in(m, 2);
}

/* --- the network ----------------------------------------------------------------------- */

static void link_goes_down(struct maker *m, const struct when *w)
{
	const struct maker_node *n = &m->nodes.items[maker_below(m, (unsigned)m->nodes.count)];
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_LINK_DOWN);
	unsigned link = maker_below(m, m->links);

	s->what = must_copy(n->name);
	if ((n->links & 1u << link) != 0)
		s->to = must_text("eth%u", link);
	struct sim_step *h = heal(m, w, SIM_OP_LINK_UP);
	h->what = must_copy(s->what);
	h->to = must_copy(s->to);
}

/* Down and up again, so soon that the speaker, if it is slow, finds only that something was. */
static void link_flaps(struct maker *m, const struct when *w)
{
	const struct maker_node *n = &m->nodes.items[maker_below(m, (unsigned)m->nodes.count)];
	uint64_t up_ns = w->at_ns + maker_below(m, 300) * NS_PER_MS;

	if (maker_one_in(m, 2)) {
		struct sim_step *slow = maker_step(m, w->at_ns, SIM_OP_SLOW);

		slow->what = must_copy(n->name);
		slow->time_ns = maker_between(m, 100, 800) * NS_PER_MS;
		heal(m, w, SIM_OP_SLOW)->what = must_copy(n->name);
	}
	maker_step(m, w->at_ns, SIM_OP_LINK_DOWN)->what = must_copy(n->name);
	maker_step(m, up_ns, SIM_OP_LINK_UP)->what = must_copy(n->name);
}

/* A link, and a station that is on it. */
static void somebody_on(struct maker *m, struct sim_step *s, bool host)
{
	unsigned link = maker_below(m, m->links);

	s->link = must_copy(maker_link_name(link));
	if (host) {
		s->what = must_text("host%u", link);
		return;
	}
	for (size_t i = 0; i < m->nodes.count; i++) {
		const struct maker_node *n =
			&m->nodes.items[maker_below(m, (unsigned)m->nodes.count)];

		if ((n->links & 1u << link) == 0)
			continue;
		s->what = must_copy(n->name);
		return;
	}
}

static void frames_are_cut(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_CUT);

	somebody_on(m, s, maker_one_in(m, 3));
	s->both = maker_one_in(m, 2);
	struct sim_step *h = heal(m, w, SIM_OP_HEAL);
	h->link = must_copy(s->link);
	h->what = must_copy(s->what);
	h->both = s->both;
}

static void frames_are_lost(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_IMPAIR);

	if (maker_one_in(m, 2))
		somebody_on(m, s, false);
	else
		s->link = some_link(m);
	if (maker_one_in(m, 2))
		s->impair.loss_ppm = maker_below(m, 500000);
	if (maker_one_in(m, 2))
		s->impair.duplicate_ppm = maker_below(m, 300000);
	if (maker_one_in(m, 2))
		s->impair.reorder_ppm = maker_below(m, 300000);
	if (maker_one_in(m, 2))
		s->impair.jitter_ns = maker_below(m, 200) * NS_PER_MS;
	if (maker_one_in(m, 2))
		s->impair.delay_ns = maker_below(m, 200) * NS_PER_MS;
	struct sim_step *h = heal(m, w, SIM_OP_IMPAIR);
	h->link = must_copy(s->link);
	h->what = must_copy(s->what);
}

static void loop_is_plugged(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_STORM);
	uint64_t end_ns = w->at_ns + maker_between(m, 1, 3) * NS_PER_S;

	s->link = some_link(m);
	s->count = 1 + maker_below(m, 20);
	struct sim_step *h = heal(m, w, SIM_OP_STORM);
	h->link = must_copy(s->link);
	m->heals.items[m->heals.count - 1].at_ns = end_ns; /* it is dear */
}

static void switch_forgets(struct maker *m, const struct when *w)
{
	maker_step(m, w->at_ns, SIM_OP_FORGET)->link = some_link(m);
}

static void address_is_stolen(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_STEAL);

	s->what = must_text("host%u", maker_below(m, m->hosts));
	s->service = maker_service_name(some_service(m));
	struct sim_step *h = heal(m, w, SIM_OP_GIVE_BACK);
	h->what = must_copy(s->what);
	h->service = must_copy(s->service);
}

/* --- the API --------------------------------------------------------------------------- */

static void api_goes_down(struct maker *m, const struct when *w)
{
	maker_step(m, w->at_ns, SIM_OP_API_DOWN);
	heal(m, w, SIM_OP_API_UP);
}

/* Some process that uses the API. */
static void some_process(struct maker *m, struct sim_step *s)
{
	if (maker_one_in(m, 3)) {
		for_allocator(s, some_allocator(m));
	} else {
		s->what = some_node(m);
	}
}

static void api_is_cut(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_API_CUT);
	unsigned ways = 1 + maker_below(m, 3);

	some_process(m, s);
	s->in = (ways & 1) != 0;
	s->out = (ways & 2) != 0;
	struct sim_step *h = heal(m, w, SIM_OP_API_HEAL);
	h->process = s->process;
	h->what = must_copy(s->what);
}

static void api_is_slow(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_API_SLOW);

	some_process(m, s);
	s->time_ns = maker_between(m, 10, 3000) * NS_PER_MS;
	struct sim_step *h = heal(m, w, SIM_OP_API_SLOW);
	h->process = s->process;
	h->what = must_copy(s->what);
}

static void api_forgets(struct maker *m, const struct when *w)
{
	if (maker_one_in(m, 2))
		maker_step(m, w->at_ns, SIM_OP_API_COMPACT);
	maker_step(m, w->at_ns, SIM_OP_API_BREAK);
}

static void api_conflicts(struct maker *m, const struct when *w)
{
	maker_step(m, w->at_ns, SIM_OP_API_CONFLICTS)->count = 1 + maker_below(m, 10);
	heal(m, w, SIM_OP_API_CONFLICTS);
}

/* --- Nodes ----------------------------------------------------------------------------- */

static void node_is_excluded(struct maker *m, const struct when *w)
{
	char *node = some_node(m);

	maker_step(m, w->at_ns, SIM_OP_EXCLUDE)->what = node;
	heal(m, w, SIM_OP_INCLUDE)->what = must_copy(node);
}

static void node_has_no_network(struct maker *m, const struct when *w)
{
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_NETWORK_UNAVAILABLE);

	s->what = some_node(m);
	s->on = true;
	heal(m, w, SIM_OP_NETWORK_UNAVAILABLE)->what = must_copy(s->what);
}

static void node_is_deleted(struct maker *m, const struct when *w)
{
	struct maker_node *n = &m->nodes.items[maker_below(m, (unsigned)m->nodes.count)];
	struct sim_step *s = maker_step(m, w->at_ns, SIM_OP_DELETE);

	s->kind = must_copy("Node");
	s->ns = must_copy("");
	s->what = must_copy(n->name);
	struct sim_step *h = heal(m, w, SIM_OP_APPLY);
	*(cJSON **)must(array_push(&h->objects)) = maker_node_json(m, n);
}

/* ---------------------------------------------------------------------------------------- */

static void trouble(struct maker *m, const struct when *w)
{
	static void (*const troubles[])(struct maker *, const struct when *) = {
		speaker_dies,        speaker_dies,     speaker_restarts,  speaker_pauses,
		speaker_is_slow,     allocator_dies,   allocator_dies,    allocator_pauses,
		allocator_is_slow,   leader_is_late,   clock_steps,       link_goes_down,
		link_flaps,          frames_are_cut,   frames_are_lost,   frames_are_lost,
		loop_is_plugged,     switch_forgets,   address_is_stolen, api_goes_down,
		api_is_cut,          api_is_cut,       api_is_slow,       api_forgets,
		api_conflicts,       node_is_excluded, node_is_excluded,  node_is_excluded,
		node_has_no_network, node_is_deleted,
	};

	troubles[maker_below(m, sizeof(troubles) / sizeof(troubles[0]))](m, w);
}

void maker_trouble(struct maker *m, uint64_t at_ns, uint64_t end_ns)
{
	trouble(m, &(struct when){ at_ns, end_ns, .lasts = false });
}

void maker_lasting_trouble(struct maker *m, uint64_t at_ns, uint64_t end_ns)
{
	trouble(m, &(struct when){ at_ns, end_ns, .lasts = true });
	maker_heal_all(m, end_ns);
}

void maker_heal_all(struct maker *m, uint64_t at_ns)
{
	for (size_t i = 0; i < m->heals.count; i++) {
		struct maker_heal *h = &m->heals.items[i];
		struct sim_step *s = must(array_push(&m->s->steps));

		*s = h->step;
		s->at_ns = h->at_ns != UINT64_MAX ? h->at_ns
						  : at_ns + maker_below(m, 1000) * NS_PER_MS;
	}
	m->heals.count = 0;
	/* What two troubles did to one thing, the end of one of them may have left. */
	maker_step(m, at_ns + NS_PER_S, SIM_OP_HEAL);
}
