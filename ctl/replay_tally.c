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

bool replay_question(const void *bytes, size_t len, struct ip_addr *ret)
{
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct arp arp;
	struct ndp_ns ns;

	if (ether_decode(&r, &e) != 0)
		return false;
	if (e.type == ETHER_TYPE_ARP && arp_decode(r, &arp) == NULL && arp.op == ARP_REQUEST &&
	    !ip_equal(&arp.sender_ip, &arp.target_ip)) {
		*ret = arp.target_ip;
		return true;
	}
	if (e.type == ETHER_TYPE_IPV6 && ndp_ns_decode(r, &ns) == NULL) {
		*ret = ns.target;
		return true;
	}
	return false;
}

/* What a sender says to be his: in ARP by any frame that he is the sender of. */
static bool claim_of(const void *bytes, size_t len, struct ip_addr *ret_ip,
		     uint8_t ret_mac[static ETHER_ADDR_LEN])
{
	static const uint8_t none[ETHER_ADDR_LEN];
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct arp arp;
	struct ndp_na na;

	if (ether_decode(&r, &e) != 0)
		return false;
	if (e.type == ETHER_TYPE_ARP && arp_decode(r, &arp) == NULL) {
		*ret_ip = arp.sender_ip;
		memcpy(ret_mac, arp.sender_mac, ETHER_ADDR_LEN);
		return true;
	}
	if (e.type == ETHER_TYPE_IPV6 && ndp_na_decode(r, &na) == NULL) {
		bool named = memcmp(na.lladdr, none, sizeof(none)) != 0;
		*ret_ip = na.target;
		memcpy(ret_mac, named ? na.lladdr : e.src, ETHER_ADDR_LEN);
		return true;
	}
	return false;
}

/* Does nobody ask for it: a gratuitous ARP, an unsolicited advertisement? */
static bool is_unasked(const void *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct arp arp;
	struct ndp_na na;

	if (ether_decode(&r, &e) != 0)
		return false;
	if (e.type == ETHER_TYPE_ARP && arp_decode(r, &arp) == NULL)
		return ip_equal(&arp.sender_ip, &arp.target_ip);
	return e.type == ETHER_TYPE_IPV6 && ndp_na_decode(r, &na) == NULL && !na.solicited;
}

/* --- others ------------------------------------------------------------------------------------
 */

static struct replay_claim *claim_find(struct replay_tally *t, const struct replay_address *a,
				       const uint8_t mac[static ETHER_ADDR_LEN])
{
	for (size_t i = 0; i < t->claims.count; i++) {
		struct replay_claim *c = &t->claims.items[i];
		if (c->address == a && memcmp(c->mac, mac, ETHER_ADDR_LEN) == 0)
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
	uint8_t mac[ETHER_ADDR_LEN];
	struct replay_address *a;
	struct ip_addr ip;

	if (replay_question(bytes, len, &ip) && (a = replay_tally_address(t, &ip)) != NULL)
		a->asked++;
	if (!claim_of(bytes, len, &ip, mac) || memcmp(mac, own, sizeof(mac)) == 0)
		return NULL;
	a = replay_tally_address(t, &ip);
	return a != NULL && a->here ? note_claim(t, at_ns, a, mac) : NULL;
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
	char says[FRAME_TEXT_MAX];
	uint8_t mac[ETHER_ADDR_LEN];
	struct ip_addr ip;

	t->own++;
	if (!claim_of(bytes, len, &ip, mac) || replay_tally_address(t, &ip) == NULL ||
	    frame_text(bytes, len, mac, says) == NULL)
		return; /* the kernel's, or nothing of ours */
	for (size_t i = 0; i < REPLAY_PENDING_MAX; i++) {
		struct replay_pending *p = &t->pending[i];
		if (at_ns - p->at_ns > SAME_WITHIN_NS || strcmp(p->says, says) != 0)
			continue;
		*p->says = '\0';
		t->own_found++;
		return;
	}
	*(is_unasked(bytes, len) ? &t->own_unasked : &t->own_other) += 1;
}
