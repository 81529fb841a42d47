// SPDX-License-Identifier: Apache-2.0
/* Links, holders and announcements: layer2_state.h says how they hang together. */
#include "speaker/layer2_state.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "lib/base/intern.h"

struct speaker_action *l2_action(struct speaker_actions *out, enum speaker_action_type type,
				 unsigned ifindex)
{
	struct speaker_action *a = must(array_push(out));

	a->type = type;
	a->ifindex = ifindex;
	return a;
}

struct vip *l2_vip_find(const struct l2 *l, const struct ip_addr *ip)
{
	struct vip key = { .ip = *ip };

	return RB_FIND(vip_tree, (struct vip_tree *)&l->vips, &key);
}

struct port *l2_port_find(const struct l2 *l, unsigned ifindex)
{
	struct port key = { .link.ifindex = ifindex };

	return RB_FIND(port_tree, (struct port_tree *)&l->ports, &key);
}

bool l2_is_own_mac(const struct l2 *l, const uint8_t mac[static ETHER_ADDR_LEN])
{
	struct port *p;

	RB_FOREACH (p, port_tree, (struct port_tree *)&l->ports)
		if (memcmp(p->link.mac, mac, sizeof(p->link.mac)) == 0)
			return true;
	return false;
}

void l2_count(struct metric_family *f, int64_t **counter, const struct vip *v, unsigned n)
{
	char text[IP_TEXT_MAX];

	if (f == NULL)
		return;
	if (*counter == NULL)
		*counter = metric_value1(f, ip_format(&v->ip, text));
	**counter += n;
}

/* --- links --------------------------------------------------------------------------------- */

static bool link_same(const struct l2_link *a, const struct l2_link *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->hw_type == b->hw_type &&
	       a->flags == b->flags && a->enslaved == b->enslaved &&
	       ip_equal(&a->link_local, &b->link_local);
}

/* Can this port carry anything now (compatibility page 4.3)? */
static bool port_up(const struct port *p)
{
	const struct l2_link *k = &p->link;
	const uint32_t up = IFF_UP | IFF_RUNNING;

	return !p->gone && (k->flags & up) == up && !(k->flags & IFF_NOARP) && !k->enslaved &&
	       k->hw_type == ARPHRD_ETHER && ether_is_station(k->mac);
}

bool l2_port_usable(const struct port *p, uint8_t family)
{
	return port_up(p) && (family == IP_V4 ? (p->link.flags & IFF_BROADCAST) != 0
					      : p->link.link_local.family == IP_V6);
}

bool l2_link_set(struct l2 *l, const struct l2_link *link)
{
	struct port *p = l2_port_find(l, link->ifindex);
	bool named = p == NULL || p->gone || strcmp(p->link.name, link->name) != 0;

	if (regexec(&l->exclude, link->name, 0, NULL, 0) == 0)
		return l2_link_remove(l, link->ifindex); /* it may have had another name */
	if (p == NULL) {
		p = must(calloc(1, sizeof(*p)));
		p->link = *link;
		p->burst.frame_ns = L2_BURST_FRAME_NS;
		p->burst.ahead_ns = (L2_BURST_AHEAD - 1) * L2_BURST_FRAME_NS;
		p->refresh.frame_ns = L2_REFRESH_FRAME_NS;
		RB_INSERT(port_tree, &l->ports, p);
	} else if (!p->gone && link_same(&p->link, link)) {
		return false;
	}
	if (memcmp(p->link.mac, link->mac, sizeof(link->mac)) != 0)
		p->restart = SPEAKER_CHANGED_MAC;
	else if (!port_up(p))
		p->restart = SPEAKER_CAME_UP;
	p->link = *link;
	p->gone = false;
	p->dirty = l->ports_dirty = true;
	return named;
}

bool l2_link_remove(struct l2 *l, unsigned ifindex)
{
	struct port *p = l2_port_find(l, ifindex);

	if (p == NULL || p->gone)
		return false;
	p->gone = p->dirty = l->ports_dirty = true;
	return true;
}

bool l2_link_exists(const struct l2 *l, const char *name)
{
	struct port *p;

	RB_FOREACH (p, port_tree, (struct port_tree *)&l->ports)
		if (!p->gone && strcmp(p->link.name, name) == 0)
			return true;
	return false;
}

/* --- who holds what ------------------------------------------------------------------------ */

static void vip_mark(struct l2 *l, struct vip *v)
{
	if (!v->dirty)
		TAILQ_INSERT_TAIL(&l->dirty, v, dirty_link);
	v->dirty = true;
}

static struct holder *holder_find(struct vip *v, const struct service_id *owner)
{
	for (size_t i = 0; i < v->holder_count; i++)
		if (v->holders[i].owner == owner)
			return &v->holders[i];
	return NULL;
}

static bool names_same(const struct names *a, const struct names *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void interfaces_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		intern_unref(n->items[i]);
	array_free(n);
}

void l2_hold(struct l2 *l, const struct service_id *owner, const struct ip_addr *ip,
	     const struct names *interfaces)
{
	static const struct names all = { 0 };
	struct vip *v = l2_vip_find(l, ip);

	if (interfaces == NULL)
		interfaces = &all;
	if (v == NULL) {
		v = must(calloc(1, sizeof(*v)));
		v->ip = *ip;
		v->new = true;
		RB_INSERT(vip_tree, &l->vips, v);
	}
	struct holder *h = holder_find(v, owner);
	if (h != NULL && names_same(&h->interfaces, interfaces))
		return;
	if (h == NULL) {
		v->holders = must(reallocarray(v->holders, v->holder_count + 1, sizeof(*h)));
		h = &v->holders[v->holder_count++];
		*h = (struct holder){ .owner = owner };
	}
	interfaces_done(&h->interfaces);
	for (size_t i = 0; i < interfaces->count; i++)
		*(const char **)must(array_push_tight(&h->interfaces)) =
			intern(interfaces->items[i]);
	vip_mark(l, v);
}

void l2_release(struct l2 *l, const struct service_id *owner, const struct ip_addr *ip)
{
	struct vip *v = l2_vip_find(l, ip);
	struct holder *h = v == NULL ? NULL : holder_find(v, owner);

	if (h == NULL)
		return;
	interfaces_done(&h->interfaces);
	*h = v->holders[--v->holder_count];
	vip_mark(l, v);
}

const struct service_id *l2_holder_on(const struct vip *v, const struct port *p)
{
	for (size_t i = 0; i < v->holder_count; i++) {
		const struct holder *h = &v->holders[i];

		if (h->interfaces.count == 0 || names_contain(&h->interfaces, p->link.name))
			return h->owner;
	}
	return NULL;
}

struct l2_footprint l2_footprint(const struct l2 *l)
{
	struct l2_footprint n = { 0 };
	struct announcement *a;
	struct group *g;
	struct port *p;
	struct vip *v;

	RB_FOREACH (p, port_tree, (struct port_tree *)&l->ports) {
		n.links++;
		RB_FOREACH (g, group_tree, &p->groups)
			n.groups++;
	}
	RB_FOREACH (v, vip_tree, (struct vip_tree *)&l->vips) {
		n.addresses++;
		n.holders += v->holder_count;
		LIST_FOREACH (a, &v->announcements, of_vip)
			n.announcements++;
	}
	return n;
}

/* --- life ---------------------------------------------------------------------------------- */

void l2_port_free(struct l2 *l, struct port *p)
{
	RB_REMOVE(port_tree, &l->ports, p);
	free(p);
}

/* The series of addresses that come and go would add up for ever. */
static void series_drop(struct metric_family *f, const int64_t *counter, const struct vip *v)
{
	char text[IP_TEXT_MAX];

	if (counter != NULL)
		metric_drop(f, (const char *[]){ ip_format(&v->ip, text) });
}

void l2_vip_free(struct l2 *l, struct vip *v)
{
	series_drop(l->metrics.received, v->received, v);
	series_drop(l->metrics.sent, v->sent, v);
	series_drop(l->metrics.gratuitous, v->gratuitous, v);
	while (!LIST_EMPTY(&v->announcements))
		l2_announcement_free(LIST_FIRST(&v->announcements), NULL);
	for (size_t i = 0; i < v->holder_count; i++)
		interfaces_done(&v->holders[i].interfaces);
	free(v->holders);
	RB_REMOVE(vip_tree, &l->vips, v);
	free(v);
}

static void metrics_declare(struct l2 *l, struct metrics *m)
{
	static const char *const by_ip[] = { "ip", NULL }, *const by_reason[] = { "reason", NULL };

	l->metrics.received = metrics_family(m, "metallb_layer2_requests_received",
					     "Number of layer2 requests received for owned IPs.",
					     METRIC_COUNTER, by_ip);
	l->metrics.sent = metrics_family(m, "metallb_layer2_responses_sent",
					 "Number of layer2 responses sent for owned IPs.",
					 METRIC_COUNTER, by_ip);
	l->metrics.gratuitous =
		metrics_family(m, "metallb_layer2_gratuitous_sent",
			       "Number of gratuitous layer2 packets sent for owned IPs.",
			       METRIC_COUNTER, by_ip);
	l->metrics.dropped = metrics_family(m, "bellman_frames_dropped_total",
					    "Frames received that were not answered, by reason.",
					    METRIC_COUNTER, by_reason);
}

int l2_new(const char *exclude, struct metrics *metrics, uint64_t seed, struct l2 **ret)
{
	struct l2 *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	if (regcomp(&l->exclude, exclude == NULL ? L2_EXCLUDE_DEFAULT : exclude,
		    REG_EXTENDED | REG_NOSUB) != 0) {
		free(l);
		return -EINVAL;
	}
	TAILQ_INIT(&l->dirty);
	l->cover4 = l->cover6 = (struct cover){ .max = L2_COVER_MAX, .tighten_ns = UINT64_MAX };
	l->rng = rng_seeded(seed);
	if (metrics != NULL)
		metrics_declare(l, metrics);
	*ret = l;
	return 0;
}

struct l2 *l2_free(struct l2 *l)
{
	if (l == NULL)
		return NULL;
	for (struct vip *v; (v = RB_MIN(vip_tree, &l->vips)) != NULL;)
		l2_vip_free(l, v);
	for (struct port *p; (p = RB_MIN(port_tree, &l->ports)) != NULL;)
		l2_port_free(l, p);
	regfree(&l->exclude);
	free(l);
	return NULL;
}
