// SPDX-License-Identifier: Apache-2.0
/*
 * Random Services, pools and namespaces: for the naive model as they are, for the engine as a user
 * would write them. Small pools, so that they are full now and then, and few values of each
 * kind, so that things meet.
 */
#ifndef BELLMAN_TESTS_ALLOCATOR_RANDOM_H
#define BELLMAN_TESTS_ALLOCATOR_RANDOM_H

#include "tests/unit/allocator_naive.h"
#include "tests/unit/allocator_world.h"

static const char *const net_texts[NAIVE_NETS] = {
	"192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:1::", "2001:db8:2::", "2001:db8:3::",
};
static const char *const pool_names[NAIVE_POOLS + 1] = { "a", "b", "c", "d", "nowhere" };

/* A port set is a set of these. */
static const char *const port_texts[] = {
	"{\"protocol\":\"TCP\",\"port\":80}", "{\"protocol\":\"UDP\",\"port\":80}",
	"{\"protocol\":\"TCP\",\"port\":81}", "{\"protocol\":\"UDP\",\"port\":53}",
	"{\"protocol\":\"TCP\",\"port\":53}",
};
#define PORT_TEXTS (sizeof(port_texts) / sizeof(port_texts[0]))

/* A text that grows. */
struct text {
	char at[4096];
	size_t len;
};

static void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void text_add(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->len += (size_t)vsnprintf(t->at + t->len, sizeof(t->at) - t->len, fmt, args);
	va_end(args);
	assert_true(t->len < sizeof(t->at));
}

/* --- addresses ----------------------------------------------------------------------- */

static inline const char *spot_text(int at)
{
	static char texts[4][IP_TEXT_MAX];
	static unsigned next;
	char *text = texts[next++ % 4];
	const char *net = net_texts[at / 256];

	if (naive_family(at) == V4)
		snprintf(text, IP_TEXT_MAX, "%s%d", net, at % 256);
	else if (at % 256 == 0)
		snprintf(text, IP_TEXT_MAX, "%s", net);
	else
		snprintf(text, IP_TEXT_MAX, "%s%x", net, (unsigned)at % 256);
	return text;
}

static inline int spot_parse(const char *text)
{
	for (int net = 0; net < NAIVE_NETS; net++) {
		size_t len = strlen(net_texts[net]);

		if (strncmp(text, net_texts[net], len) == 0)
			return net * 256 +
			       (int)strtol(text + len, NULL, net < NAIVE_NETS / 2 ? 10 : 16);
	}
	fail_msg("%s", text);
	return -1;
}

/* --- pools --------------------------------------------------------------------------- */

/* Blocks of eight addresses; the last one is at the end of its network. */
#define BLOCKS 4

static inline int block_first(int net, int block)
{
	return net * 256 + (block == BLOCKS - 1 ? 248 : block * 8);
}

static inline bool block_is_used(const struct naive *n, int first)
{
	for (unsigned i = 0; i < NAIVE_POOLS; i++) {
		const struct naive_pool *p = &n->pools[i];

		for (unsigned k = 0; p->there && k < p->range_count; k++) {
			if (p->ranges[k].first / 8 == first / 8)
				return true;
		}
	}
	return false;
}

static inline bool one_in(struct rng *rng, unsigned n)
{
	return rng_below(rng, n) == 0;
}

static inline int below(struct rng *rng, unsigned n)
{
	return (int)rng_below(rng, n);
}

static inline struct naive_range random_range(struct rng *rng, int first)
{
	struct naive_range r;

	r.dash = one_in(rng, 2);
	if (r.dash) {
		r.first = first + below(rng, 8);
		r.last = r.first + below(rng, (unsigned)(first + 8 - r.first));
	} else {
		int size = 1 << below(rng, 4);

		r.first = first + below(rng, 8) / size * size;
		r.last = r.first + size - 1;
	}
	return r;
}

static inline void random_pool(struct rng *rng, struct naive *n, struct naive_pool *p)
{
	*p = (struct naive_pool){ .name = p->name };
	unsigned ranges = 1 + (unsigned)below(rng, NAIVE_RANGES);
	for (unsigned i = 0; i < ranges; i++) {
		int first = block_first(below(rng, NAIVE_NETS), below(rng, BLOCKS));

		if (!block_is_used(n, first)) {
			p->there = true;
			p->ranges[p->range_count++] = random_range(rng, first);
		}
	}
	for (unsigned i = 0; p->there && i < (unsigned)below(rng, 3); i++) {
		const struct naive_range *r = &p->ranges[below(rng, p->range_count)];
		int size = r->last - r->first + 1, first = r->first + below(rng, (unsigned)size);
		struct naive_range cut = { first, first, false };

		if (one_in(rng, 3)) {
			cut.last += below(rng, (unsigned)(r->last - first + 1));
			cut.dash = true;
		}
		if (!naive_within(p->exclude, p->exclude_count, cut.first) &&
		    !naive_within(p->exclude, p->exclude_count, cut.last))
			p->exclude[p->exclude_count++] = cut;
	}
	p->auto_assign = !one_in(rng, 6);
	p->avoid_buggy = one_in(rng, 4);
	p->drain = one_in(rng, 8);
	p->per_range = one_in(rng, 5);
	p->pinned = one_in(rng, 3);
	p->priority = below(rng, 4);
	if (p->pinned && one_in(rng, 2))
		p->namespaces = (unsigned)below(rng, 1 << NAIVE_SPACES);
	if (p->pinned && one_in(rng, 3))
		p->namespace_label = 1 + below(rng, 2);
	if (p->pinned && one_in(rng, 3))
		p->service_label = 1 + below(rng, 2);
	p->strategy = one_in(rng, 2) ? NAIVE_FIRST_FIT : below(rng, 3);
	bool quota = one_in(rng, 5), others = one_in(rng, 2);
	for (unsigned i = 0; i < NAIVE_SPACES; i++)
		p->quota[i] = !quota || (i > 0 && !others) ? -1 : 1 + below(rng, 3);
	p->quota[2] = p->quota[1]; /* that of all others */
	p->reserve_s = one_in(rng, 3) ? 200 + 800 * below(rng, 2) : 0;
}

static inline void range_write(struct text *t, const struct naive_range *r)
{
	int bits = naive_family(r->first) == V4 ? 32 : 128;

	if (r->dash) {
		text_add(t, "\"%s-%s\"", spot_text(r->first), spot_text(r->last));
		return;
	}
	for (int size = r->last - r->first + 1; size > 1; size /= 2)
		bits--;
	text_add(t, "\"%s/%d\"", spot_text(r->first), bits);
}

static inline void ranges_write(struct text *t, const char *name, const struct naive_range *r,
				unsigned count)
{
	text_add(t, ",\"%s\":[", name);
	for (unsigned i = 0; i < count; i++) {
		text_add(t, "%s", i > 0 ? "," : "");
		range_write(t, &r[i]);
	}
	text_add(t, "]");
}

static inline void allocation_write(struct text *t, const struct naive_pool *p)
{
	text_add(t, ",\"serviceAllocation\":{\"priority\":%d", p->priority);
	if (p->namespaces != 0) {
		text_add(t, ",\"namespaces\":[");
		for (unsigned i = 0, any = 0; i < NAIVE_SPACES; i++) {
			if ((p->namespaces & 1u << i) != 0)
				text_add(t, "%s\"n%u\"", any++ > 0 ? "," : "", i);
		}
		text_add(t, "]");
	}
	if (p->namespace_label != 0)
		text_add(t, ",\"namespaceSelectors\":[{\"matchLabels\":{\"team\":\"%d\"}}]",
			 p->namespace_label);
	if (p->service_label != 0)
		text_add(t, ",\"serviceSelectors\":[{\"matchLabels\":{\"team\":\"%d\"}}]",
			 p->service_label);
	text_add(t, "}");
}

static inline void pool_write(struct text *t, const struct naive_pool *p)
{
	static const char *const strategies[] = { "firstFit", "leastUsedRange", "random" };

	text_add(t, "{\"name\":\"%s\"", p->name);
	ranges_write(t, "addresses", p->ranges, p->range_count);
	if (p->exclude_count > 0)
		ranges_write(t, "exclude", p->exclude, p->exclude_count);
	text_add(t, ",\"strategy\":\"%s\"", strategies[p->strategy]);
	if (!p->auto_assign)
		text_add(t, ",\"autoAssign\":false");
	if (p->avoid_buggy)
		text_add(t, ",\"avoidBuggyIPs\":true");
	if (p->drain)
		text_add(t, ",\"drain\":true");
	if (p->per_range)
		text_add(t, ",\"perRange\":true");
	if (p->quota[0] >= 0 && p->quota[0] == p->quota[1])
		text_add(t, ",\"quota\":%d", p->quota[0]);
	else if (p->quota[0] >= 0 && p->quota[1] >= 0)
		text_add(t, ",\"quota\":[\"*=%d\",\"n0=%d\"]", p->quota[1], p->quota[0]);
	else if (p->quota[0] >= 0)
		text_add(t, ",\"quota\":[\"n0=%d\"]", p->quota[0]);
	if (p->reserve_s > 0)
		text_add(t, ",\"reserve\":\"%lds\"", p->reserve_s);
	if (p->pinned)
		allocation_write(t, p);
	text_add(t, "}");
}

static inline void pools_write(struct text *t, const struct naive *n)
{
	text_add(t, "[");
	for (unsigned i = 0, any = 0; i < NAIVE_POOLS; i++) {
		if (!n->pools[i].there)
			continue;
		text_add(t, "%s", any++ > 0 ? "," : "");
		pool_write(t, &n->pools[i]);
	}
	text_add(t, "]");
}

/* --- Services ------------------------------------------------------------------------ */

static inline const char *service_name(const struct naive *n, const struct naive_service *s)
{
	static char names[2][32];
	static unsigned next;
	char *name = names[next++ % 2];

	snprintf(name, sizeof(names[0]), "n%d/s%02d", s->space, naive_index(n, s));
	return name;
}

/* Only some Services ever ask to share, so that two of the others never have one address. */
static inline bool may_share(const struct naive *n, const struct naive_service *s)
{
	return naive_index(n, s) % 4 < 2;
}

/* An address of @family, most often of a pool. */
static inline int random_spot(struct rng *rng, const struct naive *n, unsigned family)
{
	for (unsigned i = 0; i < 8; i++) {
		const struct naive_pool *p = &n->pools[below(rng, NAIVE_POOLS)];

		if (!p->there)
			continue;
		const struct naive_range *r = &p->ranges[below(rng, p->range_count)];
		if (naive_family(r->first) == family)
			return r->first + below(rng, (unsigned)(r->last - r->first + 1));
	}
	return (family == V4 ? 0 : NAIVE_NETS / 2 * 256) + below(rng, NAIVE_NETS / 2) * 256 +
	       below(rng, 16);
}

static inline void random_request(struct rng *rng, const struct naive *n, struct naive_service *s)
{
	static const unsigned both[] = { V4, V6, V4 };
	static const unsigned six_first[] = { V6, V4, V6 };
	bool turned = one_in(rng, 4);

	s->bad_request = one_in(rng, 12);
	s->want_count = s->families == (V4 | V6) ? 2 : 1;
	if (one_in(rng, 8))
		s->want_count = 1 + (unsigned)below(rng, 3);
	for (unsigned i = 0; i < s->want_count; i++) {
		struct naive_want *w = &s->wants[i];

		w->family = turned ? six_first[i] : both[i];
		if (s->families != (V4 | V6) && !one_in(rng, 12))
			w->family = s->families;
		w->host = one_in(rng, 3);
		w->at = w->host ? 1 + below(rng, one_in(rng, 8) ? 255 : 20)
				: random_spot(rng, n, w->family);
	}
}

enum {
	AS_TYPE,
	AS_FAMILIES,
	AS_PORTS,
	AS_SHARING,
	AS_REQUEST,
	AS_POOL,
	AS_LABEL,
	AS_CLASS,
	ASPECTS
};

static inline void random_aspect(struct rng *rng, const struct naive *n, struct naive_service *s,
				 int aspect)
{
	static const unsigned families[] = { V4, V4, V6, V4 | V6, V4 | V6 };

	switch (aspect) {
	case AS_TYPE:
		s->load_balancer = !one_in(rng, 10);
		break;
	case AS_FAMILIES:
		s->families = families[below(rng, 5)];
		s->v6_first = s->families == V6 || (s->families == (V4 | V6) && one_in(rng, 3));
		s->policy = s->families != (V4 | V6) ? below(rng, 2) : 1 + below(rng, 2);
		if (one_in(rng, 15))
			s->policy = below(rng, 3);
		break;
	case AS_PORTS:
		s->ports = 1u << below(rng, PORT_TEXTS);
		if (one_in(rng, 3))
			s->ports |= 1u << below(rng, PORT_TEXTS);
		break;
	case AS_SHARING:
		s->key = may_share(n, s) && !one_in(rng, 4) ? 1 + one_in(rng, 3) : 0;
		s->local = one_in(rng, 4);
		s->selector = 1 + below(rng, 2);
		break;
	case AS_REQUEST:
		s->want_count = 0;
		s->bad_request = false;
		if (one_in(rng, 3))
			random_request(rng, n, s);
		break;
	case AS_POOL:
		s->wanted_pool = one_in(rng, 4) ? below(rng, NAIVE_POOLS) : -1;
		if (one_in(rng, 20))
			s->wanted_pool = NAIVE_POOLS;
		break;
	case AS_LABEL:
		s->label = below(rng, 3);
		break;
	default:
		s->class = n->class;
		if (one_in(rng, 10))
			s->class = below(rng, 3);
	}
}

/* Does it ask by spec.loadBalancerIP? */
static inline bool asks_in_spec(const struct naive_service *s)
{
	return !s->bad_request && s->want_count == 1 && s->selector == 1;
}

static inline void ask(struct text *t, const struct naive_want *w)
{
	if (!w->host)
		text_add(t, "%s", spot_text(w->at));
	else if (w->family == V4)
		text_add(t, "0.0.0.%d", w->at);
	else
		text_add(t, "::%x", (unsigned)w->at);
}

static inline char *spec_text(const struct naive_service *s)
{
	static const char *const policies[] = { "SingleStack", "PreferDualStack",
						"RequireDualStack" };
	static const char *const classes[] = { "", ",\"loadBalancerClass\":\"c\"",
					       ",\"loadBalancerClass\":\"example.org/other\"" };
	bool dual = s->families == (V4 | V6);
	struct text t = { .len = 0 };

	const char *ip = s->v6_first ? "fd00::1" : "10.96.0.1";
	text_add(&t, "{\"type\":\"%s\",\"clusterIP\":\"%s\",\"clusterIPs\":[\"%s\"%s],",
		 s->load_balancer ? "LoadBalancer" : "ClusterIP", ip, ip,
		 !dual         ? ""
		 : s->v6_first ? ",\"10.96.0.1\""
			       : ",\"fd00::1\"");
	text_add(&t, "\"ipFamilies\":[%s%s],\"ipFamilyPolicy\":\"%s\"%s,",
		 s->v6_first ? "\"IPv6\"" : "\"IPv4\"",
		 !dual         ? ""
		 : s->v6_first ? ",\"IPv4\""
			       : ",\"IPv6\"",
		 policies[s->policy], s->load_balancer ? classes[s->class] : "");
	text_add(&t, "\"externalTrafficPolicy\":\"%s\",\"selector\":{\"app\":\"%d\"},\"ports\":[",
		 s->local ? "Local" : "Cluster", s->selector);
	for (unsigned i = 0, any = 0; i < PORT_TEXTS; i++) {
		if ((s->ports & 1u << i) != 0)
			text_add(&t, "%s%s", any++ > 0 ? "," : "", port_texts[i]);
	}
	text_add(&t, "]");
	if (asks_in_spec(s)) {
		text_add(&t, ",\"loadBalancerIP\":\"");
		ask(&t, &s->wants[0]);
		text_add(&t, "\"");
	} else if (s->bad_request && s->selector == 1) { /* beside the annotation */
		text_add(&t, ",\"loadBalancerIP\":\"192.0.2.1\"");
	}
	text_add(&t, "}");
	return strdup(t.at);
}

/* Under the one prefix or the other, or under both: then the old one does not count. */
static inline void note(struct rng *rng, struct text *t, const char *key, const char *value)
{
	bool old = one_in(rng, 3), both = one_in(rng, 8);

	text_add(t, "%s\"%s/%s\":\"%s\"", t->len > 0 ? "," : "",
		 old && !both ? "metallb.universe.tf" : "metallb.io", key, value);
	if (both)
		text_add(t, ",\"metallb.universe.tf/%s\":\"stale\"", key);
}

static inline char *notes_text(struct rng *rng, const struct naive_service *s)
{
	struct text t = { .len = 0 }, ips = { .len = 0 };

	for (unsigned i = 0; i < s->want_count; i++) {
		text_add(&ips, "%s", i == 0 ? "" : one_in(rng, 2) ? "," : " , ");
		ask(&ips, &s->wants[i]);
	}
	if (s->bad_request && s->selector != 1)
		note(rng, &t, "loadBalancerIPs", "10.0.0.256");
	else if (s->want_count > 0 && !asks_in_spec(s))
		note(rng, &t, "loadBalancerIPs", ips.at);
	if (s->wanted_pool != -1)
		note(rng, &t, "address-pool", pool_names[s->wanted_pool]);
	if (s->key != 0)
		note(rng, &t, "allow-shared-ip", s->key == 1 ? "k" : "l");
	return strdup(t.at);
}

#endif
