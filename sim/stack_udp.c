// SPDX-License-Identifier: Apache-2.0
#include "sim/stack_state.h"

struct sim_udp {
	LIST_ENTRY(sim_udp) link;
	struct sim_stack *stack;
	uint16_t port; /* 0: of the service proxy */
	sim_udp_receive *receive;
	void *arg;
};

static struct sim_udp *find(const struct sim_stack *s, uint16_t port)
{
	struct sim_udp *u;

	LIST_FOREACH (u, &s->udps, link)
		if (u->port == port)
			return u;
	return NULL;
}

static struct sim_udp *udp_new(struct sim_stack *s, uint16_t port, sim_udp_receive *receive,
			       void *arg)
{
	struct sim_udp *u = must(calloc(1, sizeof(*u)));

	*u = (struct sim_udp){ .stack = s, .port = port, .receive = receive, .arg = arg };
	LIST_INSERT_HEAD(&s->udps, u, link);
	return u;
}

struct sim_udp *sim_udp_open(struct sim_stack *s, uint16_t port, sim_udp_receive *receive,
			     void *arg)
{
	bool any = port == 0;

	for (unsigned n = 0; n < (any ? FREE_PORTS : 1); n++) {
		if (any)
			port = stack_next_port(s);
		if (find(s, port) == NULL)
			return udp_new(s, port, receive, arg);
	}
	return NULL;
}

struct sim_udp *sim_udp_open_service(struct sim_stack *s, sim_udp_receive *receive, void *arg)
{
	return udp_new(s, 0, receive, arg);
}

void sim_udp_send(struct sim_udp *u, const struct ip_addr *from, uint16_t from_port,
		  const struct ip_addr *to, uint16_t to_port, const void *bytes, size_t len)
{
	struct sim_iface *i = stack_route(u->stack, to);
	struct sim_packet p = { .dst = *to,
				.protocol = SIM_UDP,
				.src_port = from_port != 0 ? from_port : u->port,
				.dst_port = to_port,
				.payload = bytes,
				.payload_len = len };

	if (i == NULL)
		return;
	p.src = from != NULL ? *from : stack_source(i, to);
	if (p.src.family == to->family)
		stack_output(u->stack, &p);
}

void udp_input(struct sim_stack *s, const struct sim_packet *p, bool wild)
{
	const struct sim_udp *u = find(s, wild ? 0 : p->dst_port);

	if (u != NULL && u->receive != NULL)
		u->receive(u->arg, &p->src, p->src_port, &p->dst, p->dst_port, p->payload,
			   p->payload_len);
}

struct sim_udp *sim_udp_close(struct sim_udp *u)
{
	if (u == NULL)
		return NULL;
	LIST_REMOVE(u, link);
	free(u);
	return NULL;
}
