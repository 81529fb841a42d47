// SPDX-License-Identifier: Apache-2.0
#include "proto/ether.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

const uint8_t ether_broadcast[ETHER_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

int ether_decode(struct rd *r, struct ether *ret)
{
	struct ether e;

	rd_bytes(r, e.dst, sizeof(e.dst));
	rd_bytes(r, e.src, sizeof(e.src));
	e.type = rd_u16(r);
	if (rd_failed(r))
		return -EBADMSG;
	*ret = e;
	return 0;
}

void ether_encode(struct wr *w, const struct ether *e)
{
	wr_bytes(w, e->dst, sizeof(e->dst));
	wr_bytes(w, e->src, sizeof(e->src));
	wr_u16(w, e->type);
}

static uint8_t hex_digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0'
						   : tolower((unsigned char)c) - 'a' + 10);
}

int ether_parse(const char *text, uint8_t ret[static ETHER_ADDR_LEN])
{
	uint8_t mac[ETHER_ADDR_LEN];

	for (size_t i = 0; i < ETHER_ADDR_LEN; i++, text += 3) {
		char end = i + 1 < ETHER_ADDR_LEN ? ':' : '\0';
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != end)
			return -EINVAL;
		mac[i] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

const char *ether_format(const uint8_t mac[static ETHER_ADDR_LEN], char buf[static ETHER_TEXT_MAX])
{
	snprintf(buf, ETHER_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}
