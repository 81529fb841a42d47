// SPDX-License-Identifier: Apache-2.0
#include "sim/history.h"

#include "lib/base/must.h"

/* Of two entries: the same address of the same Service? Texts of a journal are interned. */
static bool same_row(const struct sim_entry *a, const struct sim_entry *b)
{
	return a->service == b->service && ip_equal(&a->ip, &b->ip);
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sim_entry *x = *(const struct sim_entry *const *)a;
	const struct sim_entry *y = *(const struct sim_entry *const *)b;
	int c = strcmp(x->service, y->service);

	if (c == 0)
		c = ip_cmp(&x->ip, &y->ip);
	return c != 0 ? c : (x > y) - (x < y); /* both are in the journal's array */
}

void sim_history_of(const struct sim_journal *j, struct sim_history *ret)
{
	struct {
		ARRAY_OF(const struct sim_entry *);
	} all = { 0 };

	*ret = (struct sim_history){ 0 };
	for (size_t i = 0; i < j->count; i++)
		if (*j->items[i].service != '\0' && j->items[i].ip.family != IP_NONE)
			*(const struct sim_entry **)must(array_push(&all)) = &j->items[i];
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(*all.items), entry_cmp);
	for (size_t i = 0; i < all.count; i++) {
		if (i == 0 || !same_row(all.items[i], all.items[i - 1]))
			*(struct sim_history_row *)must(array_push(ret)) =
				(struct sim_history_row){ .entries = &all.items[i] };
		ret->items[ret->count - 1].count++;
	}
	ret->entries = all.items;
}

void sim_history_done(struct sim_history *h)
{
	free(h->entries);
	array_free(h);
	h->entries = NULL;
}
