// SPDX-License-Identifier: Apache-2.0
#include "proto/pcapng.h"

#include "lib/base/utf8.h"

/* Section 3.1: every block has its length in front and behind. */
#define BLOCK_LEN         12u
#define BLOCK_SECTION     0x0a0d0d0au
#define BLOCK_INTERFACE   1u
#define BLOCK_PACKET      6u
#define SECTION_LEN       16u
#define PACKET_LEN        20u
#define BYTE_ORDER_MAGIC  0x1a2b3c4du /* as it stands in a file of network byte order */
#define SNAP_LEN          262144u
#define LINKTYPE_ETHERNET 1u

/* Section 3.5. Some numbers mean another option in another block. */
#define OPTION_LEN 4u
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
};

/* To the next multiple of four. */
static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static void pad(struct wr *w, size_t len)
{
	wr_room(w, padded(len) - len);
}

/* --- blocks ---------------------------------------------------------------------------- */

static uint8_t *block_begin(struct wr *w, uint32_t type)
{
	wr_u32(w, type);
	return wr_room(w, 4); /* for its length */
}

static void block_end(struct wr *w, uint8_t *hole)
{
	wr_u32(w, 0);
	if (wr_failed(w))
		return;

	uint32_t len = (uint32_t)(w->at - hole) + 4; /* with the type in front */
	struct wr front = wr_init(hole, 4), behind = wr_init(w->at - 4, 4);
	wr_u32(&front, len);
	wr_u32(&behind, len);
}

static void option(struct wr *w, uint16_t code, const void *value, size_t len)
{
	wr_u16(w, code);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, value, len);
	pad(w, len);
}

static void options_end(struct wr *w)
{
	wr_u32(w, OPT_END); /* of length zero */
}

static size_t text_len(const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	return len > UINT16_MAX ? utf8_whole(text, UINT16_MAX) : len;
}

static bool text_option(struct wr *w, uint16_t code, const char *text)
{
	if (text_len(text) == 0)
		return false;
	option(w, code, text, text_len(text));
	return true;
}

static size_t text_room(const char *text)
{
	return OPTION_LEN + padded(text_len(text));
}

/* --- what a file is made of ------------------------------------------------------------ */

/* Section 4.1. */
void pcapng_section_encode(struct wr *w, const char *application)
{
	uint8_t *hole = block_begin(w, BLOCK_SECTION);

	wr_u32(w, BYTE_ORDER_MAGIC);
	wr_u16(w, 1); /* version 1.0 */
	wr_u16(w, 0);
	wr_number(w, UINT64_MAX, 8); /* the length of the section is not told */
	if (text_option(w, SHB_USERAPPL, application))
		options_end(w);
	block_end(w, hole);
}

/* Section 4.2. */
void pcapng_interface_encode(struct wr *w, const char *name, const char *description)
{
	static const uint8_t nanoseconds = 9; /* ten to the power of minus nine */
	uint8_t *hole = block_begin(w, BLOCK_INTERFACE);

	wr_u16(w, LINKTYPE_ETHERNET);
	wr_u16(w, 0);
	wr_u32(w, SNAP_LEN);
	text_option(w, IF_NAME, name);
	text_option(w, IF_DESCRIPTION, description);
	option(w, IF_TSRESOL, &nanoseconds, 1);
	options_end(w);
	block_end(w, hole);
}

/* Section 4.3. */
void pcapng_packet_encode(struct wr *w, uint32_t interface, uint64_t time_ns, const void *frame,
			  size_t len, const char *comment)
{
	uint8_t *hole = block_begin(w, BLOCK_PACKET);

	wr_u32(w, interface);
	wr_u32(w, (uint32_t)(time_ns >> 32));
	wr_u32(w, (uint32_t)time_ns);
	wr_u32(w, (uint32_t)len); /* captured, */
	wr_u32(w, (uint32_t)len); /* and on the wire */
	wr_bytes(w, frame, len);
	pad(w, len);
	if (text_option(w, OPT_COMMENT, comment))
		options_end(w);
	block_end(w, hole);
}

size_t pcapng_packet_room(size_t len, const char *comment)
{
	return BLOCK_LEN + PACKET_LEN + padded(len) + text_room(comment) + OPTION_LEN;
}

size_t pcapng_header_room(const char *text, const char *other)
{
	return BLOCK_LEN + SECTION_LEN + text_room(text) + text_room(other) + 3 * OPTION_LEN;
}
