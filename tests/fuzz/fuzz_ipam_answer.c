// SPDX-License-Identifier: Apache-2.0
/*
 * What an IPAM server answers: a byte for the call, one for the status, then the body. What it says
 * to users is short and plain whatever the server says, and what is taken from it is bounded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/ipam_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ips(struct ips ips)
{
	if (ips.count > IP_LIST_MAX)
		abort();
	for (unsigned i = 0; i < ips.count; i++) {
		if (ips.items[i].family != IP_V4 && ips.items[i].family != IP_V6)
			abort();
	}
}

static void check(enum ipam_kind kind, int status, const struct ipam_answer *a)
{
	if (strnlen(a->why, sizeof(a->why)) == sizeof(a->why))
		abort();
	for (const char *c = a->why; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			abort();
	}
	if (a->retry_after_s > IPAM_RETRY_MAX_S)
		abort();
	if (a->result == IPAM_FAILED && a->why[0] == '\0')
		abort(); /* a reason that users wait for */
	if (a->result == IPAM_REFUSED &&
	    (kind != IPAM_ALLOCATE || (status != 404 && status != 409)))
		abort();
	if (a->result != IPAM_OK)
		return;
	if (status != 200 && (kind != IPAM_RELEASE || status != 404))
		abort();
	if (kind == IPAM_ALLOCATE && a->ips.count == 0)
		abort();
	check_ips(ip_list_lend(&a->ips));
	if (a->leases.count > IPAM_LEASES_MAX)
		abort();
	for (size_t i = 0; i < a->leases.count; i++) {
		if (a->leases.items[i].key == NULL)
			abort();
		check_ips(ip_kept_lend(a->leases.items[i].ips));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 200, 200, 200, 404, 409, 429,
					503, 500, 302, 401, 0,   999 };
	struct ipam_answer a;

	if (size < 2)
		return 0;
	enum ipam_kind kind =
		(uint8_t)(data[0] - '0') % IPAM_KINDS; /* digits, to be read in seeds */
	int status = statuses[(uint8_t)(data[1] - '0') % (sizeof(statuses) / sizeof(statuses[0]))];
	char *body = malloc(size - 2);
	if (body == NULL && size > 2)
		abort();
	if (size > 2)
		memcpy(body, data + 2, size - 2);
	ipam_answer_parse(kind, status, body, size - 2, data[0], &a);
	check(kind, status, &a);
	ipam_answer_done(&a);
	free(body);
	return 0;
}
