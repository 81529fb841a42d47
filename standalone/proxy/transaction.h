// SPDX-License-Identifier: Apache-2.0
/*
 * One nft transaction as JSON text (libnftables-json(5)): the kernel takes all of it or
 * nothing, and packets see the rule set before or after, never between.
 *
 * Commands may be added in any order; they are written in the one that nftables
 * needs: the empty table, chains and their rules, elements that go, elements that come,
 * chains that go. So an address may move from one Service to another in one step.
 */
#ifndef BELLMAN_PROXY_TRANSACTION_H
#define BELLMAN_PROXY_TRANSACTION_H

#include <stdbool.h>

#include "standalone/proxy/plan.h"
#include "standalone/proxy/text.h"

struct set_change {
	struct text gone, come; /* elements, separated by commas */
};

struct transaction {
	struct text table, chains, chains_gone;
	struct set_change sets[RULE_SETS][2]; /* [..][0]: IPv4 */
};

/* Begin with an empty table that has everything but Services, whatever was there before. */
void transaction_begin_anew(struct transaction *t);
/* Begin with the table that is there, which has this very frame (frame_id()), and renew that. */
void transaction_take_over(struct transaction *t);

/* The kernel's name of a set. Returns @buf. */
#define SET_NAME_MAX 32
const char *transaction_set_name(enum rule_set set, uint8_t family, char buf[static SET_NAME_MAX]);

/*
 * Make the set for session affinity of one family, which is not there yet: nft cannot say "if it is
 * missing" of a set that rules add to. @elements: what it begins with, JSON separated by commas, or
 * "".
 */
void transaction_add_affinity(struct transaction *t, uint8_t family, const char *elements);

void transaction_add_chain(struct transaction *t, const char *name);
void transaction_flush_chain(struct transaction *t, const char *name);
void transaction_delete_chain(struct transaction *t, const char *name);
/* @expr: a JSON array, @len bytes. */
void transaction_add_rule(struct transaction *t, const char *chain, const char *expr, size_t len);

/* @chain: where the element of a map points to. */
void transaction_add_element(struct transaction *t, const struct element *e, const char *chain);
void transaction_delete_element(struct transaction *t, const struct element *e);

/* The pods of one family are what is in @prefixes, JSON elements separated by commas; "": not
 * known. */
void transaction_set_pods(struct transaction *t, uint8_t family, const char *prefixes);

/* The addresses of nodes in one family, in the same form. */
void transaction_set_nodes(struct transaction *t, uint8_t family, const char *addresses);

/* Bytes so far. */
size_t transaction_size(const struct transaction *t);

/*
 * The text, for the caller to free(), or NULL when there is nothing to do. @t is empty again.
 */
char *transaction_finish(struct transaction *t);

/* Removes everything; no fault when there is nothing. Static. */
const char *transaction_cleanup(void);

#endif
