// SPDX-License-Identifier: Apache-2.0
/*
 * `silent`: who answers for an address also says so unasked, more than once when it begins, since
 * frames get lost, when its link comes up, and now and then from there on. Else those that remember
 * somebody else would go on to. `frames`: now and then is not all the time.
 */
#include "sim/check_state.h"

/* The times are said here once more: who changes those of speaker/layer2.h must mean to. */
#define ROUND_NS        (NS_PER_S / 2) /* frames this close are one round */
#define REST_NS         (10 * NS_PER_S)
#define BURST_NS        (6 * NS_PER_S)   /* after so long its first rounds are sent, */
#define BURST_ADDRESSES 200              /* where there are no more addresses */
#define SOON_NS         (75 * NS_PER_S)  /* no refresh comes so soon, */
#define SILENT_NS       (170 * NS_PER_S) /* and each is sent by then, */
#define TURN_NS         (20 * NS_PER_MS) /* if there are no more before it, each of which takes */

static size_t announced(const struct world_node *n)
{
	const struct speaker *s = sim_speaker_engine(n->speaker);

	return s != NULL ? speaker_announced_count(s) : 0;
}

static int said_cmp(const struct check_said *a, const struct check_said *b)
{
	return ip_cmp(&a->ip, &b->ip);
}

TREE_GENERATE(said_tree, check_said, link, said_cmp)

/* At rest there is no reason but the refresh, and that is not due for long. */
static void check_too_often(const struct check_port *p, const struct check_said *s, uint64_t now_ns)
{
	struct sim_world *w = p->node->world;
	const struct answered *a = owner_answered(w, &s->ip);
	const struct answer *by = a != NULL ? owner_answer(a, p->node) : NULL;

	if (now_ns - s->round_ns[0] < SOON_NS && by != NULL &&
	    world_is_well(w, by->since_ns, REST_NS) && check_is_at_rest(w) &&
	    world_is_well(w, p->node->health.well_ns, REST_NS) &&
	    announced(p->node) <= BURST_ADDRESSES)
		check_broken(w, "frames", p->node->cfg->name, NULL, &s->ip,
			     "%s announces it on %s again and again", p->node->cfg->name,
			     sim_iface_name(p->iface));
}

void check_said(struct check_port *p, const struct ip_addr *ip, uint64_t now_ns)
{
	struct check_said key = { .ip = *ip }, *s = RB_FIND(said_tree, &p->said, &key);

	if (s == NULL) {
		s = must(calloc(1, sizeof(*s)));
		s->ip = *ip;
		RB_INSERT(said_tree, &p->said, s);
	} else if (now_ns - s->round_ns[0] >= ROUND_NS) {
		check_too_often(p, s, now_ns);
		memmove(s->round_ns + 1, s->round_ns, (CHECK_ROUNDS - 1) * sizeof(*s->round_ns));
	}
	s->round_ns[0] = now_ns;
}

void check_said_forget(struct check_port *p)
{
	for (struct check_said *s; (s = RB_MIN(said_tree, &p->said)) != NULL;) {
		RB_REMOVE(said_tree, &p->said, s);
		free(s);
	}
}

void check_link_up(struct sim_world *w, const struct sim_iface *iface)
{
	struct check_port *p =
		w->checks != NULL ? check_port_find(w->checks, sim_iface_port(iface)) : NULL;

	if (p != NULL)
		p->up_ns = world_now(w);
}

/* What it should have said by now and has not; NULL: nothing. */
static const char *unsaid(const struct world_node *n, const struct check_port *p,
			  const struct answer *by, const struct check_said *s)
{
	const struct sim_world *w = n->world;
	size_t many = announced(n);
	uint64_t turn_ns = 2 * many * TURN_NS; /* of all of them, two addresses each */
	bool well = n->health.well_ns < by->since_ns && many <= BURST_ADDRESSES;

	if (s == NULL || s->round_ns[0] < p->up_ns)
		return "since it can";
	if (well && world_is_well(w, by->since_ns, BURST_NS) &&
	    s->round_ns[CHECK_ROUNDS - 1] < by->since_ns)
		return "often enough when it began";
	return world_is_well(w, s->round_ns[0], SILENT_NS + turn_ns) ? "for a long time" : NULL;
}

void check_silent(struct world_node *n, const struct sim_iface *iface, const struct answered *a,
		  const struct answer *by)
{
	const struct check_port *p = check_port_find(n->world->checks, sim_iface_port(iface));
	struct check_said key = { .ip = a->ip };
	const char *what = unsaid(n, p, by, RB_FIND(said_tree, (struct said_tree *)&p->said, &key));

	if (what != NULL)
		check_broken(n->world, "silent", n->cfg->name, a->owned.items[0]->service->text,
			     &a->ip, "%s has not announced it on %s %s", n->cfg->name,
			     sim_iface_name(iface), what);
}
