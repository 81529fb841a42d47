// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/backends.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

bool address_travels(const struct ip_addr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zero[15], broadcast[4] = { 255, 255, 255, 255 };
	const uint8_t *b = ip->bytes;

	if (ip->family == IP_V4)
		/* Not multicast and broadcast; of what lies between, some clouds give to pods. */
		return b[0] != 0 && b[0] != 127 && (b[0] & 0xf0) != 224 &&
		       memcmp(b, broadcast, 4) != 0 &&
		       !(b[0] == 169 && b[1] == 254);                /* link-local */
	if (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)) /* multicast, link-local */
		return false;
	if (memcmp(b, zero, sizeof(zero)) == 0 && b[15] <= 1) /* :: and ::1 */
		return false;
	return memcmp(b, mapped, sizeof(mapped)) != 0;
}

static int by_address(const void *one, const void *other)
{
	const struct backend *a = one, *b = other;
	int diff = ip_cmp(&a->addr, &b->addr);

	return diff != 0 ? diff : COMPARE(a->port, b->port);
}

/* Of those of one address and port the ready one is first, then the one on this node. */
static int best_first(const void *one, const void *other)
{
	const struct backend *a = one, *b = other;
	int diff = by_address(a, b);

	if (diff == 0)
		diff = b->ready - a->ready;
	return diff != 0 ? diff : b->own - a->own;
}

static int by_rank(const void *one, const void *other)
{
	const struct backend *a = one, *b = other;
	int diff = COMPARE(a->rank, b->rank);

	return diff != 0 ? diff : by_address(a, b);
}

/* A slice's ports answer to the Service's by name; numbers in slices are those of the pods. */
static const struct endpoint_port *port_of(const struct endpoint_slice *slice,
					   const struct service_port *port)
{
	const char *wanted = port->name != NULL ? port->name : "";

	for (unsigned i = 0; i < slice->port_count; i++) {
		const struct endpoint_port *p = &slice->ports[i];

		if (p->port != 0 && p->protocol == port->protocol &&
		    strcmp(p->name != NULL ? p->name : "", wanted) == 0)
			return p;
	}
	return NULL;
}

static void collect(const struct plan_input *in, const struct endpoint_slice *slice,
		    const struct endpoint_port *p, struct backends *ret)
{
	const char *zone = in->self != NULL && in->self->zone != NULL ? in->self->zone : "";

	for (unsigned i = 0; i < slice->endpoint_count; i++) {
		const struct endpoint *e = &slice->endpoints[i];

		if (e->addr.family != slice->family || !address_travels(&e->addr) ||
		    !(e->ready || (e->serving && e->terminating)))
			continue;
		*(struct backend *)must(array_push(ret)) = (struct backend){
			.addr = e->addr,
			.port = p->port,
			.ready = e->ready,
			.own = e->node != NULL && strcmp(e->node, in->node) == 0,
			.homeless = e->node == NULL,
			.hinted = e->zones != NULL,
			.near = *zone != '\0' && endpoint_is_for_zone(e, zone),
			.rank = UINT_MAX,
		};
	}
}

/* Sort, and keep the best of each address and port: a pod may be in several slices. */
static void unite(struct backends *b)
{
	size_t kept = 1;

	qsort(b->items, b->count, sizeof(*b->items), best_first);
	for (size_t i = 1; i < b->count; i++)
		if (by_address(&b->items[kept - 1], &b->items[i]) != 0)
			b->items[kept++] = b->items[i];
	b->count = kept;
}

/* Put those that were there before in front, in the order that they had. They are sorted. */
static void restore_order(const struct arrivals *before, const struct service_port *port,
			  struct backends *b)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct arrival *a = &before->items[i];
		struct backend key = { .addr = a->addr, .port = a->port };

		if (a->service_port != port->port || a->protocol != port->protocol)
			continue;
		struct backend *same =
			bsearch(&key, b->items, b->count, sizeof(*b->items), by_address);
		if (same != NULL)
			same->rank = (unsigned)i;
	}
	qsort(b->items, b->count, sizeof(*b->items), by_rank);
}

void backends_collect(const struct plan_input *in, const struct service_port *port, uint8_t family,
		      struct backends *ret)
{
	for (size_t s = 0; s < in->slice_count; s++) {
		const struct endpoint_slice *slice = in->slices[s];
		const struct endpoint_port *p = port_of(slice, port);

		if (slice->family == family && p != NULL)
			collect(in, slice, p, ret);
	}
	if (ret->count == 0)
		return;
	unite(ret);
	if (in->before != NULL && in->before->count > 0)
		restore_order(in->before, port, ret);
}

/* Do the hints say where to go? Only if all ready ones have some, and this zone gets any. */
static bool hints_count(const struct backends *from)
{
	bool near = false;

	for (size_t i = 0; i < from->count; i++) {
		const struct backend *b = &from->items[i];

		if (b->ready && !b->hinted)
			return false;
		near |= b->ready && b->near;
	}
	return near;
}

void backends_choose(const struct backends *from, bool own_only, struct backends *ret)
{
	bool near_only = !own_only && hints_count(from);

	for (int ready = 1; ready >= 0 && ret->count == 0; ready--) {
		for (size_t i = 0; i < from->count; i++) {
			const struct backend *b = &from->items[i];

			if (b->ready == ready && (b->own || !own_only) && (b->near || !near_only))
				*(struct backend *)must(array_push(ret)) = *b;
		}
	}
}

unsigned backends_ready_here(const struct plan_input *in, uint8_t family)
{
	struct endpoint_list list = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < in->service->port_count; i++) {
		struct backends known = { 0 };

		backends_collect(in, &in->service->ports[i], family, &known);
		for (size_t k = 0; k < known.count; k++)
			if (known.items[k].own && known.items[k].ready)
				*(struct endpoint_at *)must(array_push(&list)) =
					(struct endpoint_at){ .addr = known.items[k].addr };
		array_free(&known);
	}
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), endpoint_at_cmp);
	for (size_t i = 0; i < list.count; i++)
		count += i == 0 || endpoint_at_cmp(&list.items[i - 1], &list.items[i]) != 0;
	array_free(&list);
	return count;
}
