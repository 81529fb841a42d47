// SPDX-License-Identifier: Apache-2.0
/* The engine's answers to questions: what a Service holds and why not, what a pool has left. */
#include "allocator/ipam.h"
#include "allocator/record.h"

bool allocator_settled(const struct allocator *a)
{
	if (a->standby || !a->synced || a->config == NULL)
		return false;
	for (size_t i = 0; i < TURNS; i++)
		if (!RB_EMPTY(&a->queues[i]))
			return false;
	return true;
}

static void record_view(const struct record *r, struct allocator_service_view *ret)
{
	*ret = (struct allocator_service_view){
		.service = r->service,
		.ns = r->holder.ns,
		.name = r->holder.name,
		.ips = ip_kept_lend(r->held).items,
		.ip_count = ip_kept_lend(r->held).count,
		.pool = r->held != NULL ? r->pool : NULL,
		.reason = "",
		.note = "",
		.ours = r->ours,
		.unwritten = record_wants_ips(r),
	};
	if (r->unreadable)
		ret->note = "the object cannot be decoded; what it holds is kept";
	else if (r->problem != NULL && r->held != NULL)
		ret->note = r->problem;
	else if (r->problem != NULL)
		ret->reason = r->problem;
	if (ret->reason[0] != '\0')
		ret->word = r->problem_reason;
}

bool allocator_service(const struct allocator *a, const char *ns, const char *name,
		       struct allocator_service_view *ret)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL || record_is_ghost(r))
		return false;
	record_view(r, ret);
	return true;
}

void allocator_services(const struct allocator *a,
			void (*each)(void *arg, const struct allocator_service_view *view),
			void *arg)
{
	struct record *r;

	RB_FOREACH (r, record_tree, (struct record_tree *)(uintptr_t)&a->records) {
		struct allocator_service_view view;

		if (record_is_ghost(r))
			continue;
		record_view(r, &view);
		each(arg, &view);
	}
}

struct allocator_footprint allocator_footprint(const struct allocator *a)
{
	struct allocator_footprint n = {
		.addresses = ledger_addresses(a->ledger),
		.cursors = ledger_cursors(a->ledger),
		.tallies = pools_tallies(ledger_pools(a->ledger)),
	};
	struct record *r;
	struct space *s;
	const struct use *u;

	RB_FOREACH (r, record_tree, (struct record_tree *)(uintptr_t)&a->records) {
		n.services += !record_is_ghost(r);
		n.names += record_is_ghost(r);
		LIST_FOREACH (u, &r->holder.uses, of_holder)
			n.uses++;
		n.reservations += r->reserve != NULL;
		n.queued += r->turn != TURNS;
		n.unwritten += r->write != WRITE_NONE;
	}
	RB_FOREACH (s, space_tree, (struct space_tree *)(uintptr_t)&a->spaces)
		n.namespaces++;
	ipam_count(a->ipam, &n.leases, &n.ipam_work);
	return n;
}

const struct pool *allocator_pool_of(const struct allocator *a, const struct ip_addr *ip)
{
	return a->config == NULL ? NULL : config_pool_of(a->config, ip, true);
}

uint64_t allocator_duplicates(const struct allocator *a)
{
	return a->duplicates;
}

static struct allocator_count side_count(const struct pool_side *s)
{
	return (struct allocator_count){ s->total, s->used, s->total - s->used };
}

void allocator_pools(const struct allocator *a,
		     void (*each)(void *arg, const struct allocator_pool_view *view), void *arg)
{
	size_t count;
	struct pool_book *const *pools = pools_list(ledger_pools(a->ledger), POOLS_ALL, &count);

	for (size_t i = 0; i < count; i++) {
		struct allocator_pool_view view = {
			.pool = pools[i]->pool,
			.v4 = side_count(&pools[i]->sides[0]),
			.v6 = side_count(&pools[i]->sides[1]),
		};
		each(arg, &view);
	}
}
