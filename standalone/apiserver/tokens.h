// SPDX-License-Identifier: Apache-2.0
/* Who may come in: a file of bearer tokens, one a line, what follows a comma is for people. */
#ifndef BELLMAN_APISERVER_TOKENS_H
#define BELLMAN_APISERVER_TOKENS_H

#include <stdbool.h>

struct tokens; /* opaque */

/* 0, or a negative errno: the file cannot be read, or there is no token in it (-EINVAL). */
int tokens_load(const char *path, struct tokens **ret);
/* @authorization: the header, or NULL. Takes the same time however much of a token is right. */
bool tokens_allow(const struct tokens *t, const char *authorization);
struct tokens *tokens_free(struct tokens *t); /* wipes them; NULL is fine; returns NULL */

#endif
