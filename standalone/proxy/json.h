// SPDX-License-Identifier: Apache-2.0
/*
 * The pieces of nft's JSON (libnftables-json(5)) that rules are made of, as literals to paste into
 * a format. Names of chains and sets hold no character that JSON would want escaped: owners.c
 * takes in nothing else.
 */
#ifndef BELLMAN_PROXY_JSON_H
#define BELLMAN_PROXY_JSON_H

#include <stdint.h>

#include "lib/base/ip.h"

/*
 * One table for both families: one transaction changes a dual-stack Service as a whole, and
 * chains are looked up once. Costs kernels before 5.2, which have no NAT there.
 */
#define NFT_TABLE     "bellman"
#define JSON_IN_TABLE "\"family\":\"inet\",\"table\":\"" NFT_TABLE "\""

/*
 * The packet mark that asks for masquerading, kube-proxy's own bit: it stands from prerouting or
 * output to postrouting, where it is taken off again. The other bits are other people's.
 */
#define MASQUERADE_MARK     "16384"      /* 0x4000 */
#define MASQUERADE_MARK_NOT "4294950911" /* ~0x4000 */

#define JSON_MARK     "{\"meta\":{\"key\":\"mark\"}}"
#define JSON_L4PROTO  "{\"meta\":{\"key\":\"l4proto\"}}"
#define JSON_DROP     "{\"drop\":null}"
#define JSON_GOTO(to) "{\"goto\":{\"target\":\"" to "\"}}"
#define JSON_JUMP(to) "{\"jump\":{\"target\":\"" to "\"}}"

#define JSON_FIELD(protocol, field)                                                                \
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define JSON_MATCH(op, left, right)                                                                \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"

#define JSON_L4PROTO_IS(protocol) JSON_MATCH("==", JSON_L4PROTO, "\"" protocol "\"")
#define JSON_SADDR_IN(ip, set)    JSON_MATCH("==", JSON_FIELD(ip, "saddr"), "\"@" set "\"")
#define JSON_DADDR_IN(ip, set)    JSON_MATCH("==", JSON_FIELD(ip, "daddr"), "\"@" set "\"")
#define JSON_ADDR_IS_LOCAL(which)                                                                  \
	JSON_MATCH("==", "{\"fib\":{\"result\":\"type\",\"flags\":[\"" which "\"]}}", "\"local\"")
#define JSON_SADDR_IS_LOCAL JSON_ADDR_IS_LOCAL("saddr")
#define JSON_DADDR_IS_LOCAL JSON_ADDR_IS_LOCAL("daddr")
#define JSON_MARK_SET(op, bits)                                                                    \
	"{\"mangle\":{\"key\":" JSON_MARK ",\"value\":{\"" op "\":[" JSON_MARK "," bits "]}}}"
#define JSON_MASQUERADE_LATER JSON_MARK_SET("|", MASQUERADE_MARK)

/*
 * Session affinity: who was sent where, "client address . number of the endpoint", see translate.c.
 * Its size is for 262,144 of them, which cost 4 MiB when the set is made, so it is made when the
 * first Service asks for it; and 25 MiB once it is full, on which new clients are not remembered.
 */
#define AFFINITY_SET(family) "affinity" family
#define AFFINITY_SIZE        "262144"

/* A random number below @mod. */
#define JSON_RANDOM(mod) "{\"numgen\":{\"mode\":\"random\",\"mod\":" mod ",\"offset\":0}}"
#define JSON_CONCAT(...) "{\"concat\":[" __VA_ARGS__ "]}"

/* Whole commands. Each is followed by a comma: more come, and the last one is cut. */
#define NFT_COMMAND(verb, object, what) "{\"" verb "\":{\"" object "\":{" what "}}},\n"
#define NFT_TABLE_ITSELF                "\"family\":\"inet\",\"name\":\"" NFT_TABLE "\""
#define NFT_NAMED(name)                 JSON_IN_TABLE ",\"name\":\"" name "\""
#define NFT_ADD_CHAIN(name)             NFT_COMMAND("add", "chain", NFT_NAMED(name))
#define NFT_ADD_RULE(chain, expr)                                                                  \
	NFT_COMMAND("add", "rule", JSON_IN_TABLE ",\"chain\":\"" chain "\",\"expr\":[" expr "]")

/* nft's word for a family where addresses are matched or translated. */
static inline const char *ip_keyword(uint8_t family)
{
	return family == IP_V6 ? "ip6" : "ip";
}

#endif
