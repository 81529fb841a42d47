// SPDX-License-Identifier: Apache-2.0
/*
 * Who may come in: a file of bearer tokens, one a line, what follows a comma is for people.
 * The file is followed: what is added or taken away counts within a second, without a restart.
 * While it cannot be read or has no token in it, those of before stay good.
 */
#ifndef BELLMAN_APISERVER_TOKENS_H
#define BELLMAN_APISERVER_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct tokens; /* opaque */

/* 0, or a negative errno: the file cannot be read, or there is no token in it (-EINVAL). */
int tokens_open(const char *path, struct tokens **ret);
/*
 * @authorization: the header, or NULL. Takes the same time however much of a token is right.
 * @now_s: monotonic; tells when to look at the file again.
 */
bool tokens_allow(struct tokens *t, const char *authorization, uint64_t now_s);
struct tokens *tokens_free(struct tokens *t); /* wipes them; NULL is fine; returns NULL */

#endif
