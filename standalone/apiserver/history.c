// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/history.h"

#include <stdlib.h>

#include "lib/base/intern.h"

struct history {
	struct change *ring;
	size_t count_max, bytes_max, bytes;
	uint64_t begin, end; /* seq */
	uint64_t floor_rv;   /* version of the newest forgotten change */
};

struct history *history_new(size_t count_max, size_t bytes_max, uint64_t floor_rv)
{
	struct history *h = mem_zero(sizeof(*h));

	h->ring = mem_zero(count_max * sizeof(h->ring[0]));
	h->count_max = count_max;
	h->bytes_max = bytes_max;
	h->floor_rv = floor_rv;
	return h;
}

static struct change *slot(const struct history *h, uint64_t seq)
{
	return &h->ring[seq % h->count_max];
}

/* What a change costs: the new text; the old one is the new one of the change before it. */
static size_t cost(const struct change *c)
{
	return c->now->len;
}

static void forget_oldest(struct history *h)
{
	struct change *c = slot(h, h->begin++);

	h->floor_rv = c->rv;
	h->bytes -= cost(c);
	text_unkeep(c->now);
	text_unkeep(c->before);
	intern_unref(c->ns);
	intern_unref(c->name);
}

struct history *history_free(struct history *h)
{
	if (h == NULL)
		return NULL;
	while (h->begin < h->end)
		forget_oldest(h);
	free(h->ring);
	free(h);
	return NULL;
}

void history_add(struct history *h, const struct change *c)
{
	if (h->end - h->begin == h->count_max)
		forget_oldest(h);
	struct change *to = slot(h, h->end++);

	*to = *c;
	intern_ref(to->ns);
	intern_ref(to->name);
	text_keep(to->now);
	text_keep(to->before);
	h->bytes += cost(to);
	while (h->bytes > h->bytes_max && h->begin + 1 < h->end)
		forget_oldest(h);
}

const struct change *history_at(const struct history *h, uint64_t seq)
{
	return seq < h->begin || seq >= h->end ? NULL : slot(h, seq);
}

uint64_t history_end(const struct history *h)
{
	return h->end;
}

uint64_t history_floor(const struct history *h)
{
	return h->floor_rv;
}

bool history_after(const struct history *h, uint64_t rv, uint64_t *ret_seq)
{
	uint64_t low = h->begin, high = h->end;

	if (rv < h->floor_rv)
		return false;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (slot(h, mid)->rv <= rv)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_seq = low;
	return true;
}
