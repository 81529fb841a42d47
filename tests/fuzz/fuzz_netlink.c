// SPDX-License-Identifier: Apache-2.0
/*
 * Any message of netlink to the proxy's readers: refused or read, and what names a flow for its
 * deletion is a whole message again. The kernel is trusted, and versions of it still differ.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/proxy/ctnetlink.h"
#include "standalone/proxy/nfnl.h"
#include "standalone/proxy/nftnetlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_element(void *arg, const struct element *e, const char *chain)
{
	size_t *sum = arg;

	*sum += e->port + (chain != NULL ? strlen(chain) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(struct nlmsghdr) uint8_t request[NFNL_REQUEST_MAX];
	char name[NFT_NAME_MAX];
	struct flow flow;
	size_t sum = 0;

	/* As whoever reads from the socket: a message is not longer than what came. */
	if (size < sizeof(struct nlmsghdr))
		return 0;
	struct nlmsghdr *m = malloc(size);
	if (m == NULL)
		abort();
	memcpy(m, data, size);
	m->nlmsg_len = (uint32_t)size;

	ctnetlink_read(m, &flow);
	size_t len = ctnetlink_write_delete(request, m, 1);
	if (len > sizeof(request) || (len > 0 && ((struct nlmsghdr *)request)->nlmsg_len != len))
		abort();
	for (int what = NFT_TABLES; what <= NFT_ELEMENTS; what++)
		if (nftnetlink_read_name(m, (enum nftnetlink_what)what, name) == 0 &&
		    strlen(name) >= sizeof(name))
			abort();
	for (int set = 0; set < RULE_SETS; set++) {
		nftnetlink_read_elements(m, (enum rule_set)set, IP_V4, &sum, on_element);
		nftnetlink_read_elements(m, (enum rule_set)set, IP_V6, &sum, on_element);
	}
	free(m);
	return 0;
}
