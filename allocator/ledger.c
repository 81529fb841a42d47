// SPDX-License-Identifier: Apache-2.0
#include "allocator/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/rangeset.h"
#include "lib/base/tree.h"

struct claim {
	unsigned refs;
	const char *key; /* interned */
	size_t count;
	uint32_t ports[]; /* protocol << 16 | port, sorted: there may be tens of thousands */
};

struct ledger_addr {
	RB_ENTRY(ledger_addr) by_ip, by_key;
	struct ip_addr ip;
	struct place place;
	LIST_HEAD(, use) uses;
	const char *key;        /* on which all users share; NULL: one user, who does not */
	struct rangeset *ports; /* of all users; NULL without a key */
};

RB_HEAD(addr_tree, ledger_addr);
RB_HEAD(key_tree, ledger_addr);

struct ledger {
	struct addr_tree addrs;
	struct key_tree shared; /* those with a key */
	struct pools_book *pools;
	uint64_t freed;
	void (*on_freed)(void *arg, const struct ip_addr *ip); /* NULL: nobody asked */
	void *arg;
};

static int addr_cmp(const struct ledger_addr *a, const struct ledger_addr *b)
{
	return ip_cmp(&a->ip, &b->ip);
}

/* Keys are interned: only that equal ones stand together matters. */
static int key_cmp(const struct ledger_addr *a, const struct ledger_addr *b)
{
	if (a->key != b->key)
		return (uintptr_t)a->key < (uintptr_t)b->key ? -1 : 1;
	return ip_cmp(&a->ip, &b->ip);
}

TREE_GENERATE(addr_tree, ledger_addr, by_ip, addr_cmp)
TREE_GENERATE(key_tree, ledger_addr, by_key, key_cmp)

/* --- claims -------------------------------------------------------------------------- */

/* Sharing key and back end in one text; the back end is the selector with policy Local. */
static const char *claim_key(const struct service *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = must(open_memstream(&text, &len));

	fprintf(f, "%s\n", s->sharing_key);
	for (uint32_t i = 0; s->external_policy == POLICY_LOCAL && i < s->selector.count; i++)
		fprintf(f, "%s%s=%s", i > 0 ? "," : "", s->selector.items[i].key,
			s->selector.items[i].value);
	must_0(fclose(f));
	const char *key = intern(text);
	free(text);
	return key;
}

static int port_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct claim *claim_of(const struct service *s)
{
	if (s->sharing_key == NULL || s->sharing_key[0] == '\0')
		return NULL;
	struct claim *c = must(calloc(1, sizeof(*c) + s->port_count * sizeof(c->ports[0])));

	c->refs = 1;
	c->key = claim_key(s);
	c->count = s->port_count;
	for (size_t i = 0; i < c->count; i++)
		c->ports[i] = (uint32_t)s->ports[i].protocol << 16 | s->ports[i].port;
	qsort(c->ports, c->count, sizeof(c->ports[0]), port_cmp);
	return c;
}

struct claim *claim_ref(struct claim *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

struct claim *claim_unref(struct claim *c)
{
	if (c != NULL && --c->refs == 0) {
		intern_unref(c->key);
		free(c);
	}
	return NULL;
}

static bool claim_has(const struct claim *c, uint32_t port)
{
	return c != NULL &&
	       bsearch(&port, c->ports, c->count, sizeof(c->ports[0]), port_cmp) != NULL;
}

/* --- addresses ----------------------------------------------------------------------- */

static struct ledger_addr *addr_find(const struct ledger *b, const struct ip_addr *ip)
{
	struct ledger_addr key = { .ip = *ip };

	return RB_FIND(addr_tree, (struct addr_tree *)(uintptr_t)&b->addrs, &key);
}

void ledger_set_config(struct ledger *b, const struct config *c)
{
	struct ledger_addr *a;

	pools_book_free(b->pools);
	b->pools = pools_book_new(c);
	RB_FOREACH (a, addr_tree, &b->addrs) {
		a->place = pools_place(b->pools, &a->ip);
		pools_take(a->place, &a->ip);
	}
	b->freed++;
}

const struct pools_book *ledger_pools(const struct ledger *b)
{
	return b->pools;
}

/* All users of an address share on one key; it follows a sole user who changes his mind. */
static void addr_set_key(struct ledger *b, struct ledger_addr *a, const char *key)
{
	if (a->key == key)
		return;
	if (a->key != NULL) {
		RB_REMOVE(key_tree, &b->shared, a);
		intern_unref(a->key);
		a->ports = rangeset_free(a->ports);
	}
	a->key = intern_ref(key);
	if (key != NULL) {
		RB_INSERT(key_tree, &b->shared, a);
		a->ports = must(rangeset_new());
	}
}

static void addr_set_ports(struct ledger_addr *a, const struct claim *c, bool on)
{
	for (size_t i = 0; c != NULL && a->ports != NULL && i < c->count; i++)
		must_0((on ? rangeset_add : rangeset_remove)(a->ports, c->ports[i], c->ports[i]));
}

static struct use *addr_use_of(const struct ledger_addr *a, const struct holder *h)
{
	struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder) {
		if (u->addr == a)
			return u;
	}
	return NULL;
}

static const struct holder *addr_blocker(const struct ledger_addr *a, const struct holder *h,
					 const struct claim *claim)
{
	struct use *own = addr_use_of(a, h);
	struct use *other = LIST_FIRST(&a->uses);

	if (other != NULL && other == own)
		other = LIST_NEXT(other, of_addr);
	if (other == NULL)
		return NULL;
	if (claim == NULL || claim->key != a->key)
		return other->holder;
	for (size_t i = 0; i < claim->count; i++) {
		uint32_t port = claim->ports[i];

		if (!rangeset_contains(a->ports, port) ||
		    (own != NULL && claim_has(own->claim, port)))
			continue;
		LIST_FOREACH (other, &a->uses, of_addr) {
			if (other != own && claim_has(other->claim, port))
				return other->holder;
		}
	}
	return NULL;
}

/* The user of @a that is first by name, @h apart. */
static const struct holder *addr_first_other(const struct ledger_addr *a, const struct holder *h)
{
	const struct holder *first = NULL;
	const struct use *u;

	LIST_FOREACH (u, &a->uses, of_addr) {
		if (u->holder == h)
			continue;
		int c = first == NULL ? -1 : strcmp(u->holder->ns, first->ns);
		if (c < 0 || (c == 0 && strcmp(u->holder->name, first->name) < 0))
			first = u->holder;
	}
	return first;
}

const struct holder *ledger_blocker(const struct ledger *b, const struct ip_addr *ip,
				    const struct holder *h, const struct claim *claim)
{
	const struct ledger_addr *a = addr_find(b, ip);

	if (a == NULL)
		return NULL;
	const struct holder *other = addr_blocker(a, h, claim);
	if (other == NULL || (claim != NULL && claim->key == a->key))
		return other; /* nobody, or the one that has the port */
	return addr_first_other(a, h);
}

const struct ip_addr *use_ip(const struct use *u)
{
	return &u->addr->ip;
}

struct use *ledger_use(const struct holder *h, const struct ip_addr *ip)
{
	struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder) {
		if (ip_equal(&u->addr->ip, ip))
			return u;
	}
	return NULL;
}

void ledger_take(struct ledger *b, const struct ip_addr *ip, struct holder *h, struct claim *claim)
{
	struct ledger_addr *a = addr_find(b, ip);

	if (a == NULL) {
		a = must(calloc(1, sizeof(*a)));
		a->ip = *ip;
		LIST_INIT(&a->uses);
		RB_INSERT(addr_tree, &b->addrs, a);
		a->place = pools_place(b->pools, ip);
		pools_take(a->place, ip);
	}
	struct use *u = addr_use_of(a, h);
	if (u == NULL) {
		u = must(calloc(1, sizeof(*u)));
		u->addr = a;
		u->holder = h;
		LIST_INSERT_HEAD(&h->uses, u, of_holder);
		LIST_INSERT_HEAD(&a->uses, u, of_addr);
	} else if (u->claim != claim) {
		addr_set_ports(a, u->claim, false);
		b->freed++; /* other terms may let others in */
	}
	u->leaving = false;
	if (u->claim != claim) {
		claim_ref(claim);
		claim_unref(u->claim);
		u->claim = claim;
		addr_set_key(b, a, claim != NULL ? claim->key : NULL);
		addr_set_ports(a, claim, true);
	}
}

void ledger_drop(struct ledger *b, struct use *u)
{
	struct ledger_addr *a = u->addr;

	addr_set_ports(a, u->claim, false);
	LIST_REMOVE(u, of_addr);
	LIST_REMOVE(u, of_holder);
	claim_unref(u->claim);
	free(u);
	b->freed++;
	if (!LIST_EMPTY(&a->uses))
		return;
	addr_set_key(b, a, NULL);
	pools_release(a->place, &a->ip);
	RB_REMOVE(addr_tree, &b->addrs, a);
	if (b->on_freed != NULL)
		b->on_freed(b->arg, &a->ip);
	free(a);
}

/* --- the next address ---------------------------------------------------------------- */

/* An address of @family in @pool, as it stands in the order of giving out. */
struct candidate {
	const struct pool_book *pool;
	uint8_t family;
	size_t span; /* SIZE_MAX: none yet */
	u128 number;
};

/* An address that is in use, but not against @h, may stand before the one found so far. */
static void candidate_offer(struct candidate *best, const struct ledger_addr *a,
			    const struct holder *h, const struct claim *claim)
{
	u128 n = ip_to_number(&a->ip);

	if (a->place.pool != best->pool || a->ip.family != best->family ||
	    a->place.span > best->span || (a->place.span == best->span && n >= best->number) ||
	    addr_blocker(a, h, claim) != NULL)
		return;
	best->span = a->place.span;
	best->number = n;
}

/* What @h has already, and what it may share. */
static void offer_known(struct ledger *b, struct candidate *best, const struct holder *h,
			const struct claim *claim)
{
	struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder)
		candidate_offer(best, u->addr, h, claim);
	if (claim != NULL) {
		struct ledger_addr from = { .key = claim->key };

		for (struct ledger_addr *a = RB_NFIND(key_tree, &b->shared, &from);
		     a != NULL && a->key == claim->key; a = RB_NEXT(key_tree, , a))
			candidate_offer(best, a, h, claim);
	}
}

static bool candidate_take(const struct candidate *best, struct ip_addr *ret)
{
	if (best->span == SIZE_MAX)
		return false;
	*ret = ip_from_number(best->family, best->number);
	return true;
}

bool ledger_first(struct ledger *b, struct pool_book *pool, uint8_t family, const struct holder *h,
		  const struct claim *claim, struct ip_addr *ret)
{
	struct candidate best = { .pool = pool, .family = family, .span = SIZE_MAX };

	pool_first_free(pool, family, &best.span, &best.number);
	offer_known(b, &best, h, claim);
	return candidate_take(&best, ret);
}

bool ledger_known(struct ledger *b, const struct pool_book *pool, uint8_t family,
		  const struct holder *h, const struct claim *claim, struct ip_addr *ret)
{
	struct candidate best = { .pool = pool, .family = family, .span = SIZE_MAX };

	offer_known(b, &best, h, claim);
	return candidate_take(&best, ret);
}

bool ledger_has(const struct ledger *b, const struct ip_addr *ip)
{
	return addr_find(b, ip) != NULL;
}

void ledger_on_freed(struct ledger *b, void (*freed)(void *arg, const struct ip_addr *ip),
		     void *arg)
{
	b->on_freed = freed;
	b->arg = arg;
}

uint64_t ledger_freed(const struct ledger *b)
{
	return b->freed;
}

struct ledger *ledger_new(void)
{
	struct ledger *b = must(calloc(1, sizeof(*b)));

	RB_INIT(&b->addrs);
	RB_INIT(&b->shared);
	ledger_set_config(b, NULL);
	return b;
}

struct ledger *ledger_free(struct ledger *b)
{
	if (b != NULL) {
		assert(RB_EMPTY(&b->addrs));
		pools_book_free(b->pools);
		free(b);
	}
	return NULL;
}
