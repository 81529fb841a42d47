// SPDX-License-Identifier: Apache-2.0
/*
 * The addresses that a Service asks for: spec.loadBalancerIP or metallb.io/loadBalancerIPs.
 *
 * Beside whole addresses it may ask for host parts: 0.0.0.10 or ::10 stands for the address with
 * that end in a range of a pool. No network gives such addresses out (RFC 1122 section 3.2.1.3,
 * RFC 4291 section 2.4), so nothing else can be meant, unless a pool holds just that address.
 */
#ifndef BELLMAN_ALLOCATOR_REQUEST_H
#define BELLMAN_ALLOCATOR_REQUEST_H

#include "allocator/pick.h"

/*
 * The addresses that @s asks for; count 0 for none. False and why when they cannot be read.
 * @many: more than one of a family may be asked for; there is a pool with perRange.
 */
bool request_of(const struct service *s, bool many, struct ip_list *ret, char *why);
/* Is one of @request a host part? */
bool request_has_host_part(const struct allocator *a, const struct ip_list *request);

/* Is what @r holds what is asked for? Then it keeps that, wherever else a host part may fit. */
bool request_is_held(const struct allocator *a, const struct record *r,
		     const struct ip_list *request);

/*
 * What @pool says to a request for addresses. With ALLOCATOR_COULD they are in *ret, in the order
 * of the request; else why says what is against it.
 */
enum allocator_answer request_offer(const struct allocator *a, const struct record *r,
				    const struct pool_book *pool, const struct ip_list *request,
				    struct ip_list *ret, char *why);

/*
 * The addresses of a request with host parts, of the first pool that @r may have them from: of
 * @wanted alone, or NULL, then of those that are tried for it. False and why when of none.
 */
bool request_pick(const struct allocator *a, const struct record *r, struct pool_book *wanted,
		  const struct ip_list *request, unsigned families, struct ip_list *ret, char *why);

#endif
