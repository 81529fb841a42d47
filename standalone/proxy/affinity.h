// SPDX-License-Identifier: Apache-2.0
/*
 * Session affinity across a table that is made anew: who was sent where, out of nft's list of the
 * set that is about to go, in the form of elements for the one that takes its place. Pure.
 */
#ifndef BELLMAN_PROXY_AFFINITY_H
#define BELLMAN_PROXY_AFFINITY_H

#include <stdint.h>

/* What has nft list the set of @family, for the caller to free(). */
char *affinity_question(uint8_t family);

/*
 * The elements of @family in nft's @answer, separated by commas, with the time that each has left;
 * for the caller to free(). What is no such element is passed over, and what follows on what is no
 * JSON: "" when there is none at all. Holds one of them at a time besides the text.
 */
char *affinity_elements(uint8_t family, const char *answer);

#endif
