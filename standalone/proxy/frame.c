// SPDX-License-Identifier: Apache-2.0
/*
 * The frame that Services hang in.
 *
 * What a packet is translated to is looked up in NAT chains, which see only the first packet of a
 * connection: one look-up by (address, protocol, port), and for this node's own
 * addresses one by (protocol, port), however many Services there are. A Service without
 * endpoints refuses from there too, since a chain of NAT may reject.
 *
 * Packets to a Service's address that are still not translated when they are to leave have no port
 * there, or belong to no connection. Routed on, they would go in circles between this node and the
 * router that sends that address here; so they are refused ("strays"). But not where the address
 * is a node's own as well, which has more ports than a Service.
 */
#include "standalone/proxy/frame.h"

#include <stdio.h>

#include "lib/base/siphash.h"
#include "standalone/proxy/json.h"

#define BASE_CHAIN(name, type, hook, prio)                                                         \
	NFT_COMMAND("add", "chain",                                                                \
		    NFT_NAMED(name) ",\"type\":\"" type "\",\"hook\":\"" hook "\",\"prio\":" prio  \
				    ",\"policy\":\"accept\"")
#define SET(name, type) NFT_COMMAND("add", "set", NFT_NAMED(name) ",\"type\":" type)
#define MAP(name, type)                                                                            \
	NFT_COMMAND("add", "map", NFT_NAMED(name) ",\"type\":" type ",\"map\":\"verdict\"")
#define RULE  NFT_ADD_RULE
#define CHAIN NFT_ADD_CHAIN

#define IS_TRANSLATED     JSON_MATCH("in", "{\"ct\":{\"key\":\"status\"}}", "\"dnat\"")
#define IS_MARKED         JSON_MATCH("!=", "{\"&\":[" JSON_MARK "," MASQUERADE_MARK "]}", "0")
#define UNMARK            JSON_MARK_SET("&", MASQUERADE_MARK_NOT)
#define MASQUERADE        "{\"masquerade\":{\"flags\":\"fully-random\"}}"
#define RETURN            "{\"return\":null}"
#define RESET             "{\"reject\":{\"type\":\"tcp reset\"}}"
#define UNREACHABLE       "{\"reject\":{\"type\":\"icmpx\",\"expr\":\"port-unreachable\"}}"
#define DPORT             JSON_FIELD("th", "dport")
#define LOOK_UP(key, map) "{\"vmap\":{\"key\":" key ",\"data\":\"@" map "\"}}"

/* clang-format off */
static const char new_table[] =
	NFT_COMMAND("add", "table", NFT_TABLE_ITSELF) /* so that deleting it is no fault */
	NFT_COMMAND("delete", "table", NFT_TABLE_ITSELF)
	NFT_COMMAND("add", "table", NFT_TABLE_ITSELF);

/* Every chain below that has rules there. */
static const char *const chains[] = { "refuse", "services", "prerouting", "output", "strays",
				      "forward", "output_strays", "postrouting", "strays4",
				      "strays6" };

const char *const frame_hooks[] = { "prerouting",    "output",      "forward",
				    "output_strays", "postrouting", NULL };

/* And what transaction_set_pods() and transaction_set_nodes() fill. */
static const char filled[] =
	NFT_COMMAND("flush", "chain", NFT_NAMED("outsiders%1$u"))
	NFT_COMMAND("flush", "set", NFT_NAMED("pod_cidrs%1$u"))
	NFT_COMMAND("flush", "set", NFT_NAMED("node_ips%1$u"));

static const char both_families[] =
	CHAIN("refuse")
	RULE("refuse", JSON_L4PROTO_IS("tcp") "," RESET)
	RULE("refuse", UNREACHABLE)

	CHAIN("services")
	BASE_CHAIN("prerouting", "nat", "prerouting", "-100")
	RULE("prerouting", JSON_JUMP("services"))
	BASE_CHAIN("output", "nat", "output", "-100")
	RULE("output", JSON_JUMP("services"))

	CHAIN("strays")
	RULE("strays", IS_TRANSLATED "," RETURN)
	BASE_CHAIN("forward", "filter", "forward", "0")
	RULE("forward", JSON_JUMP("strays"))
	BASE_CHAIN("output_strays", "filter", "output", "-90") /* after translation at -100 */
	RULE("output_strays", JSON_JUMP("strays"))

	BASE_CHAIN("postrouting", "nat", "postrouting", "100")
	RULE("postrouting", IS_MARKED "," UNMARK "," MASQUERADE);

/* %1$u: 4 or 6. %2$s: ip or ip6. %3$s: the loopback network. */
static const char one_family[] =
	MAP("services%1$u", "[\"ipv%1$u_addr\",\"inet_proto\",\"inet_service\"]")
	MAP("node_ports%1$u", "[\"inet_proto\",\"inet_service\"]")
	SET("addresses%1$u", "\"ipv%1$u_addr\"")
	SET("cluster_ips%1$u", "\"ipv%1$u_addr\"")
	SET("hairpin%1$u", "[\"ipv%1$u_addr\",\"ipv%1$u_addr\"]")
	SET("pod_cidrs%1$u", "\"ipv%1$u_addr\",\"flags\":[\"interval\"]")
	SET("node_ips%1$u", "\"ipv%1$u_addr\"") /* filled by transaction_set_nodes() */
	CHAIN("outsiders%1$u") /* filled by transaction_set_pods() */

	RULE("services", JSON_DADDR_IN("%2$s", "cluster_ips%1$u") "," JSON_JUMP("outsiders%1$u"))
	RULE("services",
	     LOOK_UP(JSON_CONCAT(JSON_FIELD("%2$s", "daddr") "," JSON_L4PROTO "," DPORT), "services%1$u"))
	RULE("services",
	     JSON_MATCH("!=", JSON_FIELD("%2$s", "daddr"), "%3$s") "," JSON_DADDR_IS_LOCAL ","
	     LOOK_UP(JSON_CONCAT(JSON_L4PROTO "," DPORT), "node_ports%1$u"))

	CHAIN("strays%1$u")
	RULE("strays%1$u", JSON_DADDR_IS_LOCAL "," RETURN)
	RULE("strays%1$u", JSON_DADDR_IN("%2$s", "node_ips%1$u") "," RETURN)
	RULE("strays%1$u", JSON_GOTO("refuse"))
	RULE("strays", JSON_DADDR_IN("%2$s", "addresses%1$u") "," JSON_GOTO("strays%1$u"))

	/* A pod that reaches itself: it would drop an answer from its own address. */
	RULE("postrouting",
	     IS_TRANSLATED ","
	     JSON_MATCH("==", JSON_CONCAT(JSON_FIELD("%2$s", "saddr") "," JSON_FIELD("%2$s", "daddr")),
			"\"@hairpin%1$u\"") "," MASQUERADE);
/* clang-format on */

static void write_it(struct text *to)
{
	text_add(to, both_families, sizeof(both_families) - 1);
	text_printf(to, one_family, 4u, "ip", "{\"prefix\":{\"addr\":\"127.0.0.0\",\"len\":8}}");
	text_printf(to, one_family, 6u, "ip6", "\"::1\"");
}

void frame_write(struct text *to)
{
	text_add(to, new_table, sizeof(new_table) - 1);
	write_it(to);
	text_printf(to, NFT_ADD_CHAIN("%s"), frame_id());
}

void frame_renew(struct text *to)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		text_printf(to, NFT_COMMAND("flush", "chain", NFT_NAMED("%s")), chains[i]);
	text_printf(to, filled, 4u);
	text_printf(to, filled, 6u);
	write_it(to); /* what is there already may be added again */
}

const char *frame_id(void)
{
	static const uint64_t key[2]; /* nobody gains by making frames collide */
	static char id[32];
	struct text t = { 0 };

	if (*id != '\0')
		return id;
	write_it(&t);
	text_printf(&t, AFFINITY_SET("") " " AFFINITY_SIZE);
	snprintf(id, sizeof(id), "frame-%016llx", (unsigned long long)siphash(key, t.at, t.len));
	text_free(&t);
	return id;
}
