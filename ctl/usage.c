// SPDX-License-Identifier: Apache-2.0
#include "ctl/usage.h"

#include <stdlib.h>

#include "lib/base/must.h"

static void add(struct usage *u, const struct ip_addr *ips, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*(struct ip_addr *)must(array_push(u)) = ips[i];
}

static void add_reservation(void *arg, const struct allocator_reservation *r)
{
	add(arg, r->ips, r->ip_count);
}

static int address_cmp(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

struct usage usage_find(const struct cluster *c, const struct allocator *a)
{
	struct usage u = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < c->services.count; i++)
		add(&u, c->services.items[i].held, c->services.items[i].held_count);
	allocator_reservations(a, add_reservation, &u);
	if (u.count > 0)
		qsort(u.items, u.count, sizeof(*u.items), address_cmp);
	for (size_t i = 0; i < u.count; i++)
		if (kept == 0 || !ip_equal(&u.items[kept - 1], &u.items[i]))
			u.items[kept++] = u.items[i];
	u.count = kept;
	return u;
}

size_t usage_of(const struct usage *u, const struct config *config, const struct pool *pool,
		enum ip_family family)
{
	size_t used = 0;

	for (size_t i = 0; i < u->count; i++)
		used += u->items[i].family == family &&
			config_pool_of(config, &u->items[i], false) == pool &&
			!pool_excludes(pool, &u->items[i]);
	return used;
}

void usage_done(struct usage *u)
{
	array_free(u);
}
