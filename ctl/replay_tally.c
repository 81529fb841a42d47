// SPDX-License-Identifier: Apache-2.0
#include "ctl/replay_tally.h"

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "proto/arp.h"
#include "proto/ndp.h"

#define SAME_WITHIN_NS NS_PER_S /* between an answer of the engine's and the recorded one */

/* --- who announces what --------------------------------------------------------------------- */

static void add_service(struct replay_tally *t, const struct speaker_view *view,
			const struct cluster_service *s, const char *node, const char *interface)
{
	bool covered = view->interfaces.count == 0 || names_contain(&view->interfaces, interface);

	for (size_t i = 0; i < view->announcements.count; i++) {
		const struct speaker_announcement *a = &view->announcements.items[i];
		struct replay_address *to = must(array_push(&t->addresses));
		to->ip = a->ip;
		to->node = must_copy(a->node);
		to->here = covered && strcmp(a->node, node) == 0;
		to->service = must_text("%s/%s", s->ns, s->name);
	}
}

static int address_cmp(const void *a, const void *b)
{
	const struct replay_address *x = a, *y = b;
	int c = ip_cmp(&x->ip, &y->ip);

	/* One that is announced here goes first, then by Service. */
	if (c == 0)
		c = (int)y->here - (int)x->here;
	return c != 0 ? c : strcmp(x->service, y->service);
}

static void address_done(struct replay_address *a)
{
	free(a->service);
	free(a->node);
}

/* Of Services that share an address the first one stands for all. */
static void drop_doubles(struct replay_tally *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->addresses.count; i++) {
		struct replay_address *a = &t->addresses.items[i];
		if (kept > 0 && ip_equal(&t->addresses.items[kept - 1].ip, &a->ip))
			address_done(a);
		else
			t->addresses.items[kept++] = *a;
	}
	t->addresses.count = kept;
}

void replay_tally_find(struct replay_tally *t, const struct cluster *c, const struct engines *e,
		       const char *node, const char *interface)
{
	struct speaker_view view;

	for (size_t i = 0; i < c->services.count; i++) {
		const struct cluster_service *s = &c->services.items[i];
		if (speaker_view(e->speaker, s->ns, s->name, &view) != 0)
			continue;
		add_service(t, &view, s, node, interface);
		speaker_view_done(&view);
	}
	if (t->addresses.count > 0)
		qsort(t->addresses.items, t->addresses.count, sizeof(*t->addresses.items),
		      address_cmp);
	drop_doubles(t);
}

void replay_tally_done(struct replay_tally *t)
{
	for (size_t i = 0; i < t->addresses.count; i++)
		address_done(&t->addresses.items[i]);
	array_free(&t->addresses);
	array_free(&t->claims);
}

static int ip_of_address_cmp(const void *key, const void *item)
{
	return ip_cmp(key, &((const struct replay_address *)item)->ip);
}

struct replay_address *replay_tally_address(const struct replay_tally *t, const struct ip_addr *ip)
{
	if (t->addresses.count == 0)
		return NULL;
	return bsearch(ip, t->addresses.items, t->addresses.count, sizeof(*t->addresses.items),
		       ip_of_address_cmp);
}

/* --- what frames say ------------------------------------------------------------------------- */

/* What a frame says of addresses. */
struct said {
	/* For whom it asks, and what its sender says to be his: in ARP by any frame. IP_NONE:
	 * nobody, and nothing. */
	struct ip_addr asked, claimed;
	uint8_t mac[ETHER_ADDR_LEN]; /* where .claimed is */
	bool unasked; /* nobody asked for it: a gratuitous ARP, an unsolicited advertisement */
};

static struct said said_by_arp(const struct arp *arp)
{
	struct said s = { .claimed = arp->sender_ip,
			  .unasked = ip_equal(&arp->sender_ip, &arp->target_ip) };

	memcpy(s.mac, arp->sender_mac, ETHER_ADDR_LEN);
	if (arp->op == ARP_REQUEST && !s.unasked)
		s.asked = arp->target_ip;
	return s;
}

static struct said said_by_advertisement(const struct ndp_na *na, const struct ether *e)
{
	static const uint8_t none[ETHER_ADDR_LEN];
	struct said s = { .claimed = na->target, .unasked = !na->solicited };
	bool named = memcmp(na->lladdr, none, sizeof(none)) != 0;

	memcpy(s.mac, named ? na->lladdr : e->src, ETHER_ADDR_LEN);
	return s;
}

static struct said said_by(const void *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct arp arp;
	struct ndp_ns ns;
	struct ndp_na na;

	if (ether_decode(&r, &e) != 0)
		return (struct said){ 0 };
	if (e.type == ETHER_TYPE_ARP && arp_decode(r, &arp) == NULL)
		return said_by_arp(&arp);
	if (e.type == ETHER_TYPE_IPV6 && ndp_ns_decode(r, &ns) == NULL)
		return (struct said){ .asked = ns.target };
	if (e.type == ETHER_TYPE_IPV6 && ndp_na_decode(r, &na) == NULL)
		return said_by_advertisement(&na, &e);
	return (struct said){ 0 };
}

/* --- others ------------------------------------------------------------------------------------
 */

static struct replay_claim *claim_find(struct replay_tally *t, const struct replay_address *a,
				       const uint8_t mac[static ETHER_ADDR_LEN])
{
	for (size_t i = 0; i < t->claims.count; i++) {
		struct replay_claim *c = &t->claims.items[i];
		if (c->address == a && ether_equal(c->mac, mac))
			return c;
	}
	return NULL;
}

/* A request for an address is heard from its asker, an answer from who has it: both may claim. */
static const struct replay_claim *note_claim(struct replay_tally *t, uint64_t at_ns,
					     const struct replay_address *a,
					     const uint8_t mac[static ETHER_ADDR_LEN])
{
	struct replay_claim *c = claim_find(t, a, mac);
	bool is_new = c == NULL;

	if (is_new && t->claims.count == REPLAY_CLAIMS_MAX) {
		t->claims_left_out++;
		return NULL;
	}
	if (is_new) {
		c = must(array_push(&t->claims));
		c->address = a;
		c->first_ns = at_ns;
		memcpy(c->mac, mac, ETHER_ADDR_LEN);
	}
	c->frames++;
	return is_new ? c : NULL;
}

const struct replay_claim *replay_tally_heard(struct replay_tally *t, uint64_t at_ns,
					      const void *bytes, size_t len,
					      const uint8_t own[static ETHER_ADDR_LEN])
{
	struct said said = said_by(bytes, len);
	struct replay_address *asked = replay_tally_address(t, &said.asked);
	const struct replay_address *a = replay_tally_address(t, &said.claimed);

	if (asked != NULL)
		asked->asked++;
	if (a == NULL || !a->here || ether_equal(said.mac, own))
		return NULL;
	return note_claim(t, at_ns, a, said.mac);
}

/* --- ourselves -------------------------------------------------------------------------------- */

void replay_tally_answered(struct replay_tally *t, uint64_t at_ns, const struct speaker_action *a)
{
	struct replay_address *address = replay_tally_address(t, &a->frame.ip);
	struct replay_pending *p = &t->pending[t->next_pending++ % REPLAY_PENDING_MAX];
	uint8_t src[ETHER_ADDR_LEN];

	t->answers++;
	if (address != NULL)
		address->answered++;
	p->at_ns = at_ns;
	*p->says = '\0';
	frame_text(a->frame.bytes, a->frame.len, src, p->says);
}

/*
 * Frames are compared by what they say: a real one may be padded, and may come from another
 * link-local address than the one that is made of the MAC.
 */
void replay_tally_own(struct replay_tally *t, uint64_t at_ns, const void *bytes, size_t len)
{
	struct said said = said_by(bytes, len);
	char says[FRAME_TEXT_MAX];
	uint8_t src[ETHER_ADDR_LEN];

	t->own++;
	if (replay_tally_address(t, &said.claimed) == NULL ||
	    frame_text(bytes, len, src, says) == NULL)
		return; /* the kernel's, or nothing of ours */
	for (size_t i = 0; i < REPLAY_PENDING_MAX; i++) {
		struct replay_pending *p = &t->pending[i];
		if (at_ns - p->at_ns > SAME_WITHIN_NS || strcmp(p->says, says) != 0)
			continue;
		*p->says = '\0';
		t->own_found++;
		return;
	}
	*(said.unasked ? &t->own_unasked : &t->own_other) += 1;
}
