// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/transaction.h"

#include <stdio.h>
#include <string.h>

#include "standalone/proxy/frame.h"
#include "standalone/proxy/json.h"

static const char *const set_names[RULE_SETS] = {
	[SET_SERVICES] = "services",   [SET_NODE_PORTS] = "node_ports",
	[SET_ADDRESSES] = "addresses", [SET_CLUSTER_IPS] = "cluster_ips",
	[SET_HAIRPIN] = "hairpin",
};

void transaction_begin_anew(struct transaction *t)
{
	frame_write(&t->table);
}

void transaction_take_over(struct transaction *t)
{
	frame_renew(&t->table);
}

const char *transaction_set_name(enum rule_set set, uint8_t family, char buf[static SET_NAME_MAX])
{
	snprintf(buf, SET_NAME_MAX, "%s%c", set_names[set], family == IP_V6 ? '6' : '4');
	return buf;
}

size_t transaction_size(const struct transaction *t)
{
	size_t size = t->table.len + t->chains.len + t->chains_gone.len;

	for (unsigned s = 0; s < RULE_SETS; s++)
		for (unsigned f = 0; f < 2; f++)
			size += t->sets[s][f].gone.len + t->sets[s][f].come.len;
	return size;
}

void transaction_add_affinity(struct transaction *t, uint8_t family, const char *elements)
{
	text_printf(&t->table,
		    NFT_COMMAND("add", "set",
				NFT_NAMED(AFFINITY_SET("%u")) ",\"type\":[\"ipv%u_addr\",\"mark\"],"
							      "\"flags\":[\"timeout\"],"
							      "\"size\":" AFFINITY_SIZE),
		    family, family);
	if (*elements != '\0')
		text_printf(&t->table,
			    NFT_COMMAND("add", "element",
					NFT_NAMED(AFFINITY_SET("%u")) ",\"elem\":[%s]"),
			    family, elements);
}

void transaction_add_chain(struct transaction *t, const char *name)
{
	text_printf(&t->chains, NFT_ADD_CHAIN("%s"), name);
}

void transaction_flush_chain(struct transaction *t, const char *name)
{
	text_printf(&t->chains, NFT_COMMAND("flush", "chain", NFT_NAMED("%s")), name);
}

void transaction_delete_chain(struct transaction *t, const char *name)
{
	text_printf(&t->chains_gone, NFT_COMMAND("delete", "chain", NFT_NAMED("%s")), name);
}

void transaction_add_rule(struct transaction *t, const char *chain, const char *expr, size_t len)
{
	text_printf(&t->chains,
		    NFT_COMMAND("add", "rule", JSON_IN_TABLE ",\"chain\":\"%s\",\"expr\":%.*s"),
		    chain, (int)len, expr);
}

static struct set_change *change_of(struct transaction *t, const struct element *e)
{
	return &t->sets[e->set][e->family == IP_V6];
}

static void write_key(struct text *t, const struct element *e)
{
	char ip[IP_TEXT_MAX];

	if (t->len > 0)
		text_printf(t, ",\n");
	ip_format(&e->addr, ip);
	switch ((enum rule_set)e->set) {
	case SET_SERVICES:
		text_printf(t, JSON_CONCAT("\"%s\",\"%s\",%u"), ip, protocol_keyword(e->protocol),
			    e->port);
		break;
	case SET_NODE_PORTS:
		text_printf(t, JSON_CONCAT("\"%s\",%u"), protocol_keyword(e->protocol), e->port);
		break;
	case SET_HAIRPIN:
		text_printf(t, JSON_CONCAT("\"%s\",\"%s\""), ip, ip);
		break;
	default:
		text_printf(t, "\"%s\"", ip);
	}
}

void transaction_add_element(struct transaction *t, const struct element *e, const char *chain)
{
	struct text *come = &change_of(t, e)->come;

	if (!element_is_exclusive(e)) {
		write_key(come, e);
		return;
	}
	struct text key = { 0 };
	write_key(&key, e);
	text_printf(come, "%s[%s," JSON_GOTO("%s") "]", come->len > 0 ? ",\n" : "", key.at, chain);
	text_free(&key);
}

void transaction_delete_element(struct transaction *t, const struct element *e)
{
	write_key(&change_of(t, e)->gone, e);
}

void transaction_set_pods(struct transaction *t, uint8_t family, const char *prefixes)
{
	struct text *c = &t->chains;

	text_printf(c, NFT_COMMAND("flush", "set", NFT_NAMED("pod_cidrs%u")), family);
	text_printf(c, NFT_COMMAND("flush", "chain", NFT_NAMED("outsiders%u")), family);
	if (*prefixes == '\0')
		return; /* who is a pod and who is not cannot be told: leave every source as it is
			 */
	text_printf(c, NFT_COMMAND("add", "element", NFT_NAMED("pod_cidrs%u") ",\"elem\":[%s]"),
		    family, prefixes);
	text_printf(c,
		    NFT_ADD_RULE("outsiders%u",
				 JSON_SADDR_IN("%s", "pod_cidrs%u") ",{\"return\":null}"),
		    family, ip_keyword(family), family);
	/* This node's own connections too: the way to the pod may be out of another interface than
	 * the one whose address they got for the way to the Service. */
	text_printf(c, NFT_ADD_RULE("outsiders%u", JSON_MASQUERADE_LATER), family);
}

void transaction_set_nodes(struct transaction *t, uint8_t family, const char *addresses)
{
	text_printf(&t->chains, NFT_COMMAND("flush", "set", NFT_NAMED("node_ips%u")), family);
	if (*addresses != '\0')
		text_printf(&t->chains,
			    NFT_COMMAND("add", "element", NFT_NAMED("node_ips%u") ",\"elem\":[%s]"),
			    family, addresses);
}

static void write_elements(struct text *to, const char *verb, enum rule_set set, unsigned family,
			   const struct text *elements)
{
	if (elements->len > 0)
		text_printf(to, "{\"%s\":{\"element\":{" NFT_NAMED("%s%u") ",\"elem\":[%s]}}},\n",
			    verb, set_names[set], family, elements->at);
}

static void clear(struct transaction *t)
{
	text_free(&t->table);
	text_free(&t->chains);
	text_free(&t->chains_gone);
	for (unsigned s = 0; s < RULE_SETS; s++)
		for (unsigned f = 0; f < 2; f++) {
			text_free(&t->sets[s][f].gone);
			text_free(&t->sets[s][f].come);
		}
}

char *transaction_finish(struct transaction *t)
{
	struct text all = { 0 };

	text_printf(&all, "{\"nftables\":[\n");
	size_t empty = all.len;
	text_add(&all, t->table.at, t->table.len);
	text_add(&all, t->chains.at, t->chains.len);
	for (unsigned s = 0; s < RULE_SETS; s++)
		for (unsigned f = 0; f < 2; f++)
			write_elements(&all, "delete", s, f == 0 ? 4 : 6, &t->sets[s][f].gone);
	for (unsigned s = 0; s < RULE_SETS; s++)
		for (unsigned f = 0; f < 2; f++)
			write_elements(&all, "add", s, f == 0 ? 4 : 6, &t->sets[s][f].come);
	text_add(&all, t->chains_gone.at, t->chains_gone.len);
	clear(t);

	if (all.len == empty) {
		text_free(&all);
		return NULL;
	}
	all.len -= 2; /* the last comma and newline */
	text_printf(&all, "\n]}\n");
	return text_take(&all);
}

const char *transaction_cleanup(void)
{
	return "{\"nftables\":[{\"add\":{\"table\":{" NFT_TABLE_ITSELF "}}},"
	       "{\"delete\":{\"table\":{" NFT_TABLE_ITSELF "}}}]}\n";
}
