// SPDX-License-Identifier: Apache-2.0
/* The pass of layer 2: announcements in line with what is held, on the links that there are. */
#include "speaker/layer2_state.h"

static void group_join(struct port *p, const struct vip *v, struct speaker_actions *out)
{
	struct group key = { .ip = ndp_solicited_node(&v->ip) };
	struct group *g = RB_FIND(group_tree, &p->groups, &key);

	if (g == NULL) {
		g = must(calloc(1, sizeof(*g)));
		g->ip = key.ip;
		RB_INSERT(group_tree, &p->groups, g);
		l2_action(out, SPEAKER_JOIN, p->link.ifindex)->group = g->ip;
	}
	g->users++;
}

static void group_leave(struct port *p, const struct vip *v, struct speaker_actions *out)
{
	struct group key = { .ip = ndp_solicited_node(&v->ip) };
	struct group *g = RB_FIND(group_tree, &p->groups, &key);

	if (--g->users > 0)
		return;
	if (out != NULL)
		l2_action(out, SPEAKER_LEAVE, p->link.ifindex)->group = g->ip;
	RB_REMOVE(group_tree, &p->groups, g);
	free(g);
}

struct announcement *l2_announcement_find(const struct vip *v, const struct port *p)
{
	struct announcement *a;

	LIST_FOREACH (a, &v->announcements, of_vip)
		if (a->port == p)
			return a;
	return NULL;
}

void l2_announcement_free(struct announcement *a, struct speaker_actions *out)
{
	if (a->vip->ip.family == IP_V6)
		group_leave(a->port, a->vip, out);
	l2_queue_put(a, NULL, 0);
	LIST_REMOVE(a, of_vip);
	free(a);
}

/* What made @v to be announced on @p, where it was not up to now. */
static enum speaker_why cause_of(const struct vip *v, const struct port *p)
{
	if (v->new)
		return SPEAKER_TOOK_OVER;
	if (!p->dirty)
		return SPEAKER_JOINED;
	return p->restart == SPEAKER_CHANGED_MAC ? SPEAKER_CHANGED_MAC : SPEAKER_CAME_UP;
}

/* Make what is announced of @v on @p fit what should be. */
static void sync(struct vip *v, struct port *p, uint64_t now_ns, struct speaker_actions *out)
{
	struct announcement *a = l2_announcement_find(v, p);
	bool wanted = l2_port_usable(p, v->ip.family) && l2_holder_on(v, p) != NULL;

	if (!wanted) {
		if (a != NULL)
			l2_announcement_free(a, out);
		return;
	}
	if (a == NULL) {
		a = must(calloc(1, sizeof(*a)));
		a->vip = v;
		a->port = p;
		a->cause = (uint8_t)cause_of(v, p);
		LIST_INSERT_HEAD(&v->announcements, a, of_vip);
		if (v->ip.family == IP_V6)
			group_join(p, v, out);
		a->burst_until_ns = now_ns + L2_BURST_NS;
		l2_queue_put(a, &p->burst, now_ns);
	}
}

/* --- the pass ------------------------------------------------------------------------------ */

/*
 * Give up all that is announced on @p. All before any is taken up again: a group that several
 * addresses share is left with its last user only.
 */
static void port_clear(struct l2 *l, struct port *p, struct speaker_actions *out)
{
	struct announcement *a;
	struct vip *v;

	RB_FOREACH (v, vip_tree, &l->vips)
		if ((a = l2_announcement_find(v, p)) != NULL)
			l2_announcement_free(a, out);
}

static void ports_sync(struct l2 *l, uint64_t now_ns, struct speaker_actions *out)
{
	struct port *p, *next;
	struct vip *v;

	for (p = RB_MIN(port_tree, &l->ports); p != NULL && l->ports_dirty; p = next) {
		next = RB_NEXT(port_tree, &l->ports, p);
		if (!p->dirty)
			continue;
		if (p->restart != 0)
			port_clear(l, p, out);
		RB_FOREACH (v, vip_tree, &l->vips)
			sync(v, p, now_ns, out);
		p->dirty = false;
		p->restart = 0;
		if (p->gone)
			l2_port_free(l, p);
	}
	l->ports_dirty = false;
}

static void vips_sync(struct l2 *l, uint64_t now_ns, struct speaker_actions *out)
{
	struct port *p;

	for (struct vip *v; (v = TAILQ_FIRST(&l->dirty)) != NULL;) {
		TAILQ_REMOVE(&l->dirty, v, dirty_link);
		v->dirty = false;
		RB_FOREACH (p, port_tree, &l->ports)
			sync(v, p, now_ns, out);
		v->new = false;
		if (v->holder_count == 0)
			l2_vip_free(l, v);
	}
}

void l2_pass(struct l2 *l, uint64_t now_ns, struct speaker_actions *out)
{
	struct port *p;

	l2_covers_update(l, now_ns, out);
	ports_sync(l, now_ns, out);
	vips_sync(l, now_ns, out);
	RB_FOREACH (p, port_tree, &l->ports) {
		l2_queue_run(l, &p->burst, now_ns, out);
		l2_queue_run(l, &p->refresh, now_ns, out);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t l2_wake_ns(const struct l2 *l)
{
	uint64_t wake_ns = earlier(l->cover4.tighten_ns, l->cover6.tighten_ns);
	struct port *p;

	RB_FOREACH (p, port_tree, (struct port_tree *)&l->ports) {
		wake_ns = earlier(wake_ns, l2_queue_next_ns(&p->burst));
		wake_ns = earlier(wake_ns, l2_queue_next_ns(&p->refresh));
	}
	return wake_ns;
}
