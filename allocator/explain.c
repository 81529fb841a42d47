// SPDX-License-Identifier: Apache-2.0
#include "allocator/explain.h"

#include <string.h>

#include "allocator/ipam_link.h"
#include "allocator/record.h"
#include "allocator/request.h"

#define TEXT_ROOM 300 /* that a verdict is told only into, to be whole; longer ones are cut */

typedef void verdict_fn(void *arg, const struct allocator_verdict *v);

/* A sentence that tells what pools say, as far as there is room. */
struct telling {
	char *why;
	size_t told, left;
};

/* What a Service wants of the pools. */
struct question {
	const struct allocator *a;
	const struct record *r;
	unsigned families;
	const struct pool_book *wanted; /* by annotation; NULL: any */
	struct ip_list request;         /* by address; count 0: any */
	struct telling *telling;        /* where there is no room, none is asked; NULL: all are */
};

const char *allocator_answer_word(enum allocator_answer answer)
{
	static const char *const words[] = {
		[ALLOCATOR_HOLDS] = "holds",
		[ALLOCATOR_COULD] = "could",
		[ALLOCATOR_ELSEWHERE] = "elsewhere",
		[ALLOCATOR_ON_REQUEST] = "onRequest",
		[ALLOCATOR_OTHER_NAMESPACE] = "otherNamespace",
		[ALLOCATOR_OTHER_LABELS] = "otherLabels",
		[ALLOCATOR_DRAINING] = "draining",
		[ALLOCATOR_OVER_QUOTA] = "overQuota",
		[ALLOCATOR_NO_FAMILY] = "noFamily",
		[ALLOCATOR_FULL] = "full",
		[ALLOCATOR_EXCLUDED] = "excluded",
		[ALLOCATOR_TAKEN] = "taken",
		[ALLOCATOR_IPAM_REFUSED] = "ipamRefused",
		[ALLOCATOR_IPAM_WAITS] = "ipamWaits",
	};

	return words[answer];
}

/* --- what one pool says ---------------------------------------------------------------- */

/* What is missing of what is needed changes with other Services; this text is not to. */
static void why_full(const struct pool *p, unsigned families, bool either, char *why)
{
	const char *where = p->per_range ? " in each of its ranges" : "";

	if (families != FAMILIES_BOTH)
		why_add(why, "pool \"%s\" has no free %s address%s", p->name,
			families_text(families), where);
	else if (either)
		why_add(why, "pool \"%s\" has neither a free IPv4 nor a free IPv6 address%s",
			p->name, where);
	else
		why_add(why, "pool \"%s\" does not have both a free IPv4 and a free IPv6 address%s",
			p->name, where);
}

/* Will one address of two families do? */
static bool either_does(const struct record *r, unsigned families)
{
	return families == FAMILIES_BOTH && r->service->family_policy == FAMILY_PREFER_DUAL;
}

void why_answer(const struct record *r, struct pool_book *pool, unsigned families,
		enum allocator_answer answer, char *why)
{
	const struct pool *p = pool->pool;

	switch (answer) {
	case ALLOCATOR_COULD:
		why_add(why, "pool \"%s\" has what the Service needs", p->name);
		break;
	case ALLOCATOR_DRAINING:
		why_drain(p, why);
		break;
	case ALLOCATOR_OVER_QUOTA:
		why_quota(r, p, why);
		break;
	case ALLOCATOR_NO_FAMILY:
		why_add(why, "pool \"%s\" has no %s addresses", p->name,
			families_text(families & ~pool_families(pool)));
		break;
	case ALLOCATOR_FULL:
		why_full(p, families, either_does(r, families), why);
		break;
	default:
		why_shut_out(r, p, answer, why);
		break;
	}
}

enum allocator_answer pool_answer(const struct allocator *a, const struct record *r,
				  struct pool_book *pool, unsigned families, char *why)
{
	struct ip_list ips;
	enum allocator_answer answer = pool_offer(a, r, pool, families, NULL, &ips);
	bool lacks = answer == ALLOCATOR_NO_FAMILY || answer == ALLOCATOR_FULL ||
		     answer == ALLOCATOR_OVER_QUOTA;

	for (unsigned bit = FAMILIES_V4; lacks && either_does(r, families) && bit <= FAMILIES_V6;
	     bit <<= 1) {
		enum allocator_answer alone = pool_offer(a, r, pool, bit, NULL, &ips);

		if (answer != ALLOCATOR_COULD && alone != ALLOCATOR_NO_FAMILY)
			answer = alone;
	}
	if (pool_has_ipam(pool->pool) && (answer == ALLOCATOR_COULD || answer == ALLOCATOR_FULL))
		return ipam_pick_answer(a, r, pool, families, why);
	why_answer(r, pool, families, answer, why);
	return answer;
}

/* What @pool says to a request for addresses. */
static enum allocator_answer answer_request(const struct question *q, struct pool_book *pool,
					    char *why)
{
	struct ip_list ips;
	enum allocator_answer answer = request_offer(q->a, q->r, pool, &q->request, &ips, why);

	if (answer == ALLOCATOR_COULD && pool_has_ipam(pool->pool))
		answer = ipam_grants_answer(q->a, q->r, pool, ip_list_lend(&ips), why);
	if (answer == ALLOCATOR_COULD)
		why_add(why, "pool \"%s\" has what the Service asks for", pool->pool->name);
	return answer;
}

static enum allocator_answer answer_of(const struct question *q, struct pool_book *pool,
				       enum allocator_way way, char *why)
{
	const char *name = pool->pool->name;
	struct ips held = ip_kept_lend(q->r->held);
	char ips[IPS_TEXT_MAX];

	if (held.count > 0 && q->r->pool == name &&
	    (q->request.count == 0 || request_is_held(q->a, q->r, &q->request))) {
		why_add(why, "pool \"%s\" gave it %s", name, ips_text(held, ips));
		return ALLOCATOR_HOLDS;
	}
	if (q->wanted != NULL && q->wanted != pool) {
		why_add(why, "pool \"%s\" is not \"%s\", which the Service asks for", name,
			q->wanted->pool->name);
		return ALLOCATOR_ELSEWHERE;
	}
	if (q->request.count > 0 &&
	    (way != ALLOCATOR_NOT_ASKED || !request_has_host_part(q->a, &q->request)))
		return answer_request(q, pool, why);
	if (way == ALLOCATOR_NOT_ASKED) {
		why_add(why, "pool \"%s\" is only used on request", name);
		return ALLOCATOR_ON_REQUEST;
	}
	return pool_answer(q->a, q->r, pool, q->families, why);
}

/* --- what all of them say -------------------------------------------------------------- */

static bool has_room(const struct telling *t)
{
	return t->left == 0 && strlen(t->why) + TEXT_ROOM <= WHY_MAX;
}

static bool asked_for(const struct question *q, const struct pool_book *pool)
{
	if (q->wanted != NULL)
		return pool == q->wanted;
	for (unsigned i = 0; i < q->request.count; i++) {
		if (pool_contains(pool->pool, &q->request.ips[i], true))
			return true;
	}
	return false;
}

/* The pools of @list that are asked on that way. */
static void ask_list(const struct question *q, enum pool_list list, enum allocator_way way,
		     verdict_fn *each, void *arg)
{
	size_t count;
	struct pool_book *const *pools = pools_list(ledger_pools(q->a->ledger), list, &count);

	for (size_t i = 0; i < count; i++) {
		char why[WHY_MAX] = "";
		struct allocator_verdict v = { .pool = pools[i]->pool, .way = way, .text = why };

		if (asked_for(q, pools[i]) != (way == ALLOCATOR_BY_REQUEST) ||
		    (way == ALLOCATOR_NOT_ASKED && v.pool->auto_assign))
			continue;
		if (q->telling != NULL && !has_room(q->telling)) {
			q->telling->left++; /* there may be thousands */
			continue;
		}
		v.answer = answer_of(q, pools[i], way, why);
		each(arg, &v);
	}
}

static void ask_all(const struct question *q, verdict_fn *each, void *arg)
{
	ask_list(q, POOLS_ALL, ALLOCATOR_BY_REQUEST, each, arg);
	ask_list(q, POOLS_PINNED, ALLOCATOR_PINNED, each, arg);
	ask_list(q, POOLS_OPEN, ALLOCATOR_OPEN, each, arg);
	ask_list(q, POOLS_ALL, ALLOCATOR_NOT_ASKED, each, arg);
}

static void tell(void *arg, const struct allocator_verdict *v)
{
	struct telling *t = arg;

	why_add(t->why, "%s%s", t->told++ > 0 ? "; " : "", v->text);
}

void why_none(const struct allocator *a, const struct record *r, unsigned families,
	      const struct ip_list *request, char *why)
{
	struct telling t = { .why = why };
	struct question q = { .a = a, .r = r, .families = families, .telling = &t };

	if (request != NULL)
		q.request = *request;
	why_add(why, "no available IPs: ");
	ask_all(&q, tell, &t);
	if (t.left > 0)
		why_add(why, "; and %zu more pools", t.left);
}

bool allocator_explain(const struct allocator *a, const char *ns, const char *name,
		       void (*each)(void *arg, const struct allocator_verdict *v), void *arg)
{
	const struct record *r = record_find(a, ns, name);
	struct problem ignored = { .why = "" };

	if (r == NULL || r->service == NULL)
		return false;
	struct question q = { .a = a, .r = r };
	q.families = service_needs(r->service, &ignored);
	if (!r->ours || q.families == 0 ||
	    !request_of(r->service, pools_per_range(ledger_pools(a->ledger)), &q.request,
			ignored.why))
		return true;
	if (r->service->address_pool != NULL && r->service->address_pool[0] != '\0') {
		q.wanted = pools_named(ledger_pools(a->ledger), r->service->address_pool);
		if (q.wanted == NULL)
			return true; /* there is no such pool: nobody is asked */
	}
	ask_all(&q, each, arg);
	return true;
}
