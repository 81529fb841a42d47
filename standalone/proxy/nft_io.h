// SPDX-License-Identifier: Apache-2.0
/*
 * The nft program as a child: one JSON transaction on its stdin, its verdict back.
 *
 * libnftables is GPL-2-only and is not linked; `nft -j -f -` is found by PATH. Runs that take
 * longer than a minute are killed.
 */
#ifndef BELLMAN_PROXY_NFT_IO_H
#define BELLMAN_PROXY_NFT_IO_H

#include <uv.h>

/* @error: NULL when the kernel took the transaction, else the reason in one line. */
typedef void (*nft_done)(void *arg, const char *error);

/*
 * Start nft and feed it @json, which is taken over and freed. @done runs exactly once, from
 * the loop and after nft has ended, also when it could not be started.
 */
void nft_run(uv_loop_t *loop, char *json, nft_done done, void *arg);

/* As nft_run(), but the kernel only says whether it would take the transaction. */
void nft_check(uv_loop_t *loop, char *json, nft_done done, void *arg);

/* @output: what nft printed, until @done returns; NULL when there is an @error. */
typedef void (*nft_answered)(void *arg, const char *error, const char *output);

/* As nft_run(), for a question. */
void nft_ask(uv_loop_t *loop, char *json, nft_answered done, void *arg);

#endif
