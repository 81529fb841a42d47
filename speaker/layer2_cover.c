// SPDX-License-Identifier: Apache-2.0
/* What the socket filters are to let through: filter.h's covers, kept in line with what is held. */
#include "speaker/layer2_state.h"

static struct cover *cover_of(struct l2 *l, uint8_t family)
{
	return family == IP_V4 ? &l->cover4 : &l->cover6;
}

static void cover_compute(struct l2 *l, uint8_t family, struct cover *c)
{
	struct {
		ARRAY_OF(struct ip_addr);
	} held = { 0 };
	struct vip key = { .ip.family = family };

	for (struct vip *v = RB_NFIND(vip_tree, &l->vips, &key);
	     v != NULL && v->ip.family == family; v = RB_NEXT(vip_tree, &l->vips, v))
		if (v->holder_count > 0)
			*(struct ip_addr *)must(array_push(&held)) = v->ip;
	c->count = filter_cover(held.items, held.count, c->max, c->prefixes);
	c->tighten_ns = UINT64_MAX;
	array_free(&held);
}

static bool covered(const struct cover *c, const struct ip_addr *ip)
{
	for (size_t i = 0; i < c->count; i++)
		if (ip_prefix_contains(&c->prefixes[i], ip))
			return true;
	return false;
}

void l2_covers_update(struct l2 *l, uint64_t now_ns, struct speaker_actions *out)
{
	static const uint8_t families[] = { IP_V4, IP_V6 };
	bool widen[2] = { false, false };
	struct vip *v;

	TAILQ_FOREACH (v, &l->dirty, dirty_link) {
		struct cover *c = cover_of(l, v->ip.family);
		if (v->holder_count == 0 && c->tighten_ns == UINT64_MAX)
			c->tighten_ns = now_ns + L2_TIGHTEN_NS;
		else if (v->holder_count > 0 && !covered(c, &v->ip))
			widen[v->ip.family == IP_V6] = true;
	}
	for (size_t i = 0; i < 2; i++) {
		struct cover *c = cover_of(l, families[i]);
		if (!widen[i] && c->tighten_ns > now_ns)
			continue;
		cover_compute(l, families[i], c);
		l2_action(out, SPEAKER_FILTER, 0)->family = families[i];
	}
}

size_t l2_cover(struct l2 *l, uint8_t family, size_t max, struct ip_prefix ret[static L2_COVER_MAX])
{
	struct cover *c = cover_of(l, family);

	if (max < c->max && max > 0) {
		c->max = max;
		cover_compute(l, family, c);
	}
	memcpy(ret, c->prefixes, c->count * sizeof(*ret));
	return c->count;
}
