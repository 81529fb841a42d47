// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/sources.h"

#include "standalone/proxy/json.h"

/* Up to this many have a rule each, more share a set: as for endpoints, see translate.c. */
#define ONE_BY_ONE_MAX 16

/* May one of this node's own addresses come? */
static bool admits_node(const struct prefixes *ranges, const struct node *self)
{
	for (unsigned i = 0; self != NULL && i < self->internal_ip_count; i++)
		for (size_t k = 0; k < ranges->count; k++)
			if (ip_prefix_contains(&ranges->items[k], &self->internal_ips[i]))
				return true;
	return false;
}

bool sources_of(const struct plan_input *in, uint8_t family, struct prefixes *ret)
{
	const struct service *s = in->service;

	for (unsigned i = 0; i < s->source_range_count; i++)
		if (s->source_ranges[i].addr.family == family)
			prefixes_add(ret, &s->source_ranges[i]);
	if (ret->count == 0)
		return s->source_ranges_bad;
	if (admits_node(ret, in->self))
		for (unsigned i = 0; i < s->ingress_count; i++)
			if (s->ingress[i].family == family && ingress_is_served(s, i)) {
				struct ip_prefix itself =
					ip_prefix_of(&s->ingress[i], (uint8_t)ip_bits(family));
				prefixes_add(ret, &itself);
			}
	prefixes_unite(ret);
	return ret->items[0].len > 0;
}

void sources_write(const struct prefixes *sources, uint8_t family, const char *chain,
		   struct text *to)
{
	for (size_t i = 0; sources->count <= ONE_BY_ONE_MAX && i < sources->count; i++) {
		text_printf(to,
			    "[{\"match\":{\"op\":\"==\",\"left\":" JSON_FIELD(
				    "%s", "saddr") ",\"right\":",
			    ip_keyword(family));
		prefix_write(&sources->items[i], to);
		text_printf(to, "}}," JSON_GOTO("%s") "]\n", chain);
	}
	if (sources->count > ONE_BY_ONE_MAX) {
		text_printf(to,
			    "[{\"match\":{\"op\":\"==\",\"left\":" JSON_FIELD(
				    "%s", "saddr") ",\"right\":{\"set\":[",
			    ip_keyword(family));
		prefixes_write(sources, to);
		text_printf(to, "]}}}," JSON_GOTO("%s") "]\n", chain);
	}
	text_printf(to, "[" JSON_DROP "]\n");
}
