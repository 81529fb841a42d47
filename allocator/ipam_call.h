// SPDX-License-Identifier: Apache-2.0
/*
 * The calls of docs/ipam-hook.md as HTTP requests and answers: what is sent, and what the bytes
 * that come back mean. Pure; allocator/ipam_io.c carries them.
 */
#ifndef BELLMAN_ALLOCATOR_IPAM_CALL_H
#define BELLMAN_ALLOCATOR_IPAM_CALL_H

#include "allocator/ips.h"
#include "lib/base/array.h"

#define IPAM_WHY_MAX     201 /* what a server says, with the NUL */
#define IPAM_BODY_MAX    (64u << 10)
#define IPAM_LIST_BODY   (16u << 20)
#define IPAM_LEASES_MAX  100000
#define IPAM_RETRY_MAX_S 300 /* of Retry-After */

enum ipam_kind { IPAM_ALLOCATE, IPAM_RELEASE, IPAM_LIST, IPAM_KINDS };

/* "allocate", "release", "list": for logs and metrics. */
const char *ipam_kind_name(enum ipam_kind kind);

/* One call to make; all texts are its own. */
struct ipam_call {
	uint64_t id;
	enum ipam_kind kind;
	char *pool, *url;           /* url: as the pool has it */
	char *ca_file, *token_file; /* NULL: none */
	uint64_t timeout_ns;
	char *path; /* to be appended to url, with its query */
	char *body; /* of a POST; NULL: a GET */
};

struct ipam_calls {
	ARRAY_OF(struct ipam_call *);
};

struct ipam_call *ipam_call_free(struct ipam_call *c); /* NULL is fine; returns NULL */

/*
 * {"key", "pool", "service", "families" or "addresses"}. @ns NULL: no "service". @families: a set
 * of FAMILIES_*, 0 for none. @ips: left out when empty. The caller's.
 */
char *ipam_body(const char *key, const char *pool, const char *ns, const char *name,
		const char *uid, unsigned families, struct ips ips);

/* "/v1/leases?prefix=" and @prefix, escaped. The caller's. */
char *ipam_list_path(const char *prefix);

/* One pool's server, for metrics. */
struct ipam_hook_view {
	const char *pool;
	bool up; /* the last call did not fail */
	unsigned leases, waiting, calls;
};

enum ipam_result {
	IPAM_OK,
	IPAM_REFUSED, /* a definite no */
	IPAM_FAILED,  /* it may have been done all the same */
};

/* A lease as the server lists it. */
struct ipam_entry {
	char *key;
	struct ip_kept *ips;
};

struct ipam_answer {
	enum ipam_result result;
	char why[IPAM_WHY_MAX]; /* not OK: for users, without volatile numbers; may be "" if REFUSED
				 */
	unsigned retry_after_s; /* FAILED: the server's wish; 0: none */
	struct ip_list ips;     /* OK of ALLOCATE: as answered, one or more */
	struct ipam_entries {
		ARRAY_OF(struct ipam_entry);
	} leases; /* OK of LIST */
};

/* What an HTTP answer means. @body need not end in a NUL. End it with ipam_answer_done(). */
void ipam_answer_parse(enum ipam_kind kind, int status, const char *body, size_t len,
		       unsigned retry_after_s, struct ipam_answer *ret);
/* There was no answer, because of @why. */
void ipam_answer_none(const char *why, struct ipam_answer *ret);
void ipam_answer_done(struct ipam_answer *a);

#endif
