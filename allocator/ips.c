// SPDX-License-Identifier: Apache-2.0
#include "allocator/ips.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

#define IPS_TOLD 8 /* of one list, in a text */

/* There is one for each Service: the shorter, the better. */
struct ip_kept {
	unsigned refs;
	uint8_t count;
	struct ip_addr ips[];
};

struct ips ip_list_lend(const struct ip_list *l)
{
	return (struct ips){ l->ips, l->count };
}

struct ips ip_kept_lend(const struct ip_kept *k)
{
	return k != NULL ? (struct ips){ k->ips, k->count } : (struct ips){ NULL, 0 };
}

struct ip_list ip_list_of(struct ips ips)
{
	struct ip_list list;

	assert(ips.count <= IP_LIST_MAX);
	list.count = ips.count;
	if (ips.count > 0)
		memcpy(list.ips, ips.items, ips.count * sizeof(list.ips[0]));
	return list;
}

struct ip_kept *ip_kept_ref(struct ip_kept *k)
{
	if (k != NULL)
		k->refs++;
	return k;
}

struct ip_kept *ip_kept_unref(struct ip_kept *k)
{
	if (k != NULL && --k->refs == 0)
		free(k);
	return NULL;
}

void ip_kept_set(struct ip_kept **slot, struct ips ips)
{
	struct ip_kept *k = NULL;

	if (ips_equal(ip_kept_lend(*slot), ips))
		return;
	if (ips.count > 0) {
		size_t size = ips.count * sizeof(k->ips[0]);

		assert(ips.count <= IP_LIST_MAX);
		k = must(malloc(offsetof(struct ip_kept, ips) + size));
		k->refs = 1;
		k->count = (uint8_t)ips.count;
		memcpy(k->ips, ips.items, size);
	}
	ip_kept_unref(*slot);
	*slot = k;
}

/* Addresses may be compared as bytes (lib/base/ip.h). */
bool ips_equal(struct ips a, struct ips b)
{
	if (a.count != b.count)
		return false;
	return a.count == 0 || a.items == b.items ||
	       memcmp(a.items, b.items, a.count * sizeof(*a.items)) == 0;
}

bool ip_kept_equal(const struct ip_kept *a, const struct ip_kept *b)
{
	return a == b || ips_equal(ip_kept_lend(a), ip_kept_lend(b));
}

bool ips_have(struct ips ips, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < ips.count; i++) {
		if (ip_equal(&ips.items[i], ip))
			return true;
	}
	return false;
}

/* In a status that somebody wrote one may be there twice. */
bool ips_same_set(struct ips a, struct ips b)
{
	if (a.count != b.count)
		return false;
	for (unsigned i = 0; i < a.count; i++) {
		if (!ips_have(b, &a.items[i]) || !ips_have(a, &b.items[i]))
			return false;
	}
	return true;
}

const char *ips_text(struct ips ips, char text[static IPS_TEXT_MAX])
{
	unsigned told = ips.count <= IPS_TOLD ? ips.count : IPS_TOLD;
	char *at = text;

	static_assert(IPS_TOLD * (IP_TEXT_MAX + 3) + 32 < IPS_TEXT_MAX, "there is room for all");
	*at++ = '[';
	for (unsigned i = 0; i < told; i++) {
		if (i > 0)
			*at++ = ' ';
		*at++ = '"';
		at += strlen(ip_format(&ips.items[i], at));
		*at++ = '"';
	}
	strcpy(at, "]");
	if (told < ips.count)
		snprintf(at, IPS_TEXT_MAX - (size_t)(at - text), "] and %u more", ips.count - told);
	return text;
}
