// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/translate.h"

#include <string.h>

#include "lib/base/siphash.h"
#include "standalone/proxy/json.h"

/* Up to this many endpoints have a rule each, more share a map. */
#define ONE_BY_ONE_MAX 16

/* What all rules of one chain have in common. */
struct scope {
	const struct service *service;
	const struct service_port *port;
	uint8_t family;
};

static void write_translation(struct text *t, const struct scope *of, const struct backend *to)
{
	char ip[IP_TEXT_MAX];

	text_printf(t,
		    JSON_L4PROTO_IS("%s") ",{\"dnat\":{\"family\":\"%s\",\"addr\":\"%s\","
					  "\"port\":%u}}",
		    protocol_keyword(of->port->protocol), ip_keyword(of->family),
		    ip_format(&to->addr, ip), to->port);
}

/* Let the @i-th of @count rules take its share of what those before it have left. */
static void write_draw(struct text *t, size_t i, size_t count)
{
	if (i + 1 < count)
		text_printf(t, JSON_MATCH("==", JSON_RANDOM("%zu"), "0") ",", count - i);
}

/* A rule for each: the first takes one of N, the second one of the N - 1 left, and so on. */
static void rules_one_by_one(struct text *t, const struct scope *of, const struct backends *to)
{
	for (size_t i = 0; i < to->count; i++) {
		text_printf(t, "[");
		write_draw(t, i, to->count);
		write_translation(t, of, &to->items[i]);
		text_printf(t, "]\n");
	}
}

/* One rule with a map from the number drawn to a backend. */
static void rule_with_map(struct text *t, const struct scope *of, const struct backends *to)
{
	char ip[IP_TEXT_MAX];

	text_printf(t,
		    "[" JSON_L4PROTO_IS("%s") ",{\"dnat\":{\"family\":\"%s\",\"addr\":{\"map\":{"
					      "\"key\":" JSON_RANDOM("%zu") ",\"data\":{\"set\":[",
		    protocol_keyword(of->port->protocol), ip_keyword(of->family), to->count);
	for (size_t i = 0; i < to->count; i++)
		text_printf(t, "%s[%zu," JSON_CONCAT("\"%s\",%u") "]", i > 0 ? "," : "", i,
			    ip_format(&to->items[i].addr, ip), to->items[i].port);
	text_printf(t, "]}}}}}]\n");
}

/*
 * To one of them at random. A map costs the same for any number, but it is an anonymous set, and
 * the kernel looks through all sets of the table to name each new one: 20,000 of them take three
 * minutes to load. A few rules are no slower to run than a map.
 */
static void rules_at_random(struct text *t, const struct scope *of, const struct backends *to)
{
	if (to->count <= ONE_BY_ONE_MAX)
		rules_one_by_one(t, of, to);
	else
		rule_with_map(t, of, to);
}

/* --- session affinity ------------------------------------------------------------------------ */

/*
 * Who was sent where is in one set for all Services of a family (json.h): the client's address and
 * a number for the endpoint as that of this Service port. The number is made of their names, so
 * that rules that are written again, by another process even, know the clients of those before
 * them. Should two have the same number, a client of one may find its first choice of the other
 * made, and nothing else.
 */
static uint32_t number_of(const struct scope *of, const struct backend *b)
{
	static const uint64_t key[2] = { 0 }; /* the same in every process */
	char chain[CHAIN_NAME_MAX], ip[IP_TEXT_MAX], text[CHAIN_NAME_MAX + IP_TEXT_MAX + 8];
	const struct object_meta *meta = &of->service->meta;

	chain_name(CHAIN_ALL, of->family, meta->ns, meta->name, of->port->protocol, of->port->port,
		   chain);
	int len = snprintf(text, sizeof(text), "%s %s %u", chain, ip_format(&b->addr, ip), b->port);
	return (uint32_t)siphash(key, text, (size_t)len);
}

/*
 * Is the client known to @b? nft takes no constant into the key of a look-up, but it does take the
 * packet's mark with all bits replaced.
 */
static void write_is_known(struct text *t, const struct scope *of, const struct backend *b)
{
	text_printf(t,
		    JSON_MATCH("==",
			       JSON_CONCAT(JSON_FIELD("%s", "saddr") ",{\"|\":[{\"&\":[" JSON_MARK
								     ",0]},%u]}"),
			       "\"@" AFFINITY_SET("%u") "\"") ",",
		    ip_keyword(of->family), number_of(of, b), of->family);
}

/* The client is known to @b from now on, until it has not come for the Service's timeout. */
static void write_remember(struct text *t, const struct scope *of, const struct backend *b)
{
	text_printf(
		t,
		"{\"set\":{\"op\":\"update\",\"elem\":{\"elem\":{\"val\":" JSON_CONCAT(JSON_FIELD(
			"%s",
			"saddr") ",%u") ",\"timeout\":%u}},\"set\":\"@" AFFINITY_SET("%u") "\"}},",
		ip_keyword(of->family), number_of(of, b), of->service->affinity_s, of->family);
}

/*
 * First those that the client may be known to, then a choice that is remembered, and then one
 * that is not: when the set is full the rules that would add to it are passed over.
 */
static void rules_with_affinity(struct text *t, const struct scope *of, const struct backends *to)
{
	for (size_t i = 0; i < to->count; i++) {
		text_printf(t, "[");
		write_is_known(t, of, &to->items[i]);
		write_remember(t, of, &to->items[i]);
		write_translation(t, of, &to->items[i]);
		text_printf(t, "]\n");
	}
	for (size_t i = 0; i < to->count; i++) {
		text_printf(t, "[");
		write_draw(t, i, to->count);
		write_remember(t, of, &to->items[i]);
		write_translation(t, of, &to->items[i]);
		text_printf(t, "]\n");
	}
	rules_at_random(t, of, to);
}

void translate(struct text *t, const struct service *service, const struct service_port *port,
	       uint8_t family, const struct backends *to)
{
	const struct scope of = { .service = service, .port = port, .family = family };

	if (service->affinity_s > 0)
		rules_with_affinity(t, &of, to);
	else
		rules_at_random(t, &of, to);
}
