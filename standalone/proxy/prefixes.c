// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/prefixes.h"

#include <stdlib.h>

void prefixes_add(struct prefixes *p, const struct ip_prefix *prefix)
{
	*(struct ip_prefix *)must(array_push(p)) = *prefix;
}

/* By address, the shorter prefix of equals first. */
static int prefix_cmp(const void *one, const void *other)
{
	const struct ip_prefix *a = one, *b = other;
	int diff = ip_cmp(&a->addr, &b->addr);

	return diff != 0 ? diff : (a->len > b->len) - (a->len < b->len);
}

void prefixes_unite(struct prefixes *p)
{
	size_t kept = 0;

	if (p->count > 0)
		qsort(p->items, p->count, sizeof(*p->items), prefix_cmp);
	for (size_t i = 0; i < p->count; i++)
		if (kept == 0 || !ip_prefix_contains(&p->items[kept - 1], &p->items[i].addr))
			p->items[kept++] = p->items[i];
	p->count = kept;
}

void prefix_write(const struct ip_prefix *p, struct text *to)
{
	char ip[IP_TEXT_MAX];

	text_printf(to, "{\"prefix\":{\"addr\":\"%s\",\"len\":%u}}", ip_format(&p->addr, ip),
		    p->len);
}

void prefixes_write(const struct prefixes *p, struct text *to)
{
	for (size_t i = 0; i < p->count; i++) {
		if (i > 0)
			text_add(to, ",", 1);
		prefix_write(&p->items[i], to);
	}
}
