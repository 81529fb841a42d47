// SPDX-License-Identifier: Apache-2.0
#include "sim/capture.h"

#include <errno.h>

#include "lib/base/array.h"
#include "lib/base/must.h"
#include "proto/pcapng.h"

#define APPLICATION "bellman " BELLMAN_VERSION
#define DESCRIPTION "simulated segment"

struct sim_capture {
	struct sim_net *net;
	struct sim_clock *clock;
	uint64_t epoch_ns;
	FILE *to;
	int rc; /* of the first write that failed */
	uint8_t *block;
	size_t block_size;
	char *comment;
	size_t comment_size;
};

/* At least @need bytes in *@buf. */
static void *room(void *buf, size_t *size, size_t need)
{
	if (need <= *size)
		return buf;
	*size = need * 2;
	return must(realloc(buf, *size));
}

static struct wr begin(struct sim_capture *c, size_t need)
{
	c->block = room(c->block, &c->block_size, need);
	return wr_init(c->block, c->block_size);
}

static void end(struct sim_capture *c, const struct wr *w)
{
	errno = 0;
	if (c->rc == 0 && fwrite(c->block, 1, wr_len(w), c->to) != wr_len(w))
		c->rc = errno != 0 ? -errno : -EIO;
}

/* "NODE: why", or NULL. */
static const char *comment_of(struct sim_capture *c, const struct sim_port *from, const char *why)
{
	if (why == NULL)
		return NULL;

	size_t need = strlen(sim_port_name(from)) + strlen(why) + sizeof(": ");
	c->comment = room(c->comment, &c->comment_size, need);
	snprintf(c->comment, need, "%s: %s", sim_port_name(from), why);
	return c->comment;
}

static void on_frame(void *arg, const struct sim_link *l, const struct sim_port *from,
		     const uint8_t *bytes, size_t len, const char *why)
{
	struct sim_capture *c = arg;
	const char *comment = comment_of(c, from, why);
	struct wr w = begin(c, pcapng_packet_room(len, comment));

	pcapng_packet_encode(&w, (uint32_t)sim_link_index(l), c->epoch_ns + sim_clock_now(c->clock),
			     bytes, len, comment);
	end(c, &w);
}

struct sim_capture *sim_capture_new(struct sim_net *n, struct sim_clock *clock, uint64_t epoch_ns,
				    FILE *to)
{
	struct sim_capture *c = must(calloc(1, sizeof(*c)));

	c->net = n;
	c->clock = clock;
	c->epoch_ns = epoch_ns;
	c->to = to;
	struct wr w = begin(c, pcapng_header_room(APPLICATION, NULL));
	pcapng_section_encode(&w, APPLICATION);
	end(c, &w);
	for (size_t i = 0; i < sim_net_links(n); i++) {
		const char *name = sim_link_name(sim_net_link(n, i));

		w = begin(c, pcapng_header_room(name, DESCRIPTION));
		pcapng_interface_encode(&w, name, DESCRIPTION);
		end(c, &w);
	}
	sim_net_tap(n, on_frame, c);
	return c;
}

int sim_capture_end(struct sim_capture *c)
{
	int rc = c->rc;

	sim_net_untap(c->net, on_frame, c);
	errno = 0;
	if (fflush(c->to) != 0 && rc == 0)
		rc = errno != 0 ? -errno : -EIO;
	free(c->block);
	free(c->comment);
	free(c);
	return rc;
}
