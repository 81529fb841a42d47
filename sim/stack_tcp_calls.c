// SPDX-License-Identifier: Apache-2.0
/* What programs call: connections and listeners. */
#include "sim/stack_tcp.h"

struct sim_listener *tcp_listener(const struct sim_stack *s, uint16_t port)
{
	struct sim_listener *l;

	LIST_FOREACH (l, &s->listeners, link)
		if (l->port == port)
			return l;
	return NULL;
}

struct sim_tcp *sim_tcp_connect(struct sim_stack *s, const struct ip_addr *to, uint16_t port,
				const struct sim_tcp_ops *ops, void *arg)
{
	const struct sim_iface *i = stack_route(s, to);
	struct ip_addr from = { .family = IP_NONE };

	if (i != NULL && s->on)
		from = stack_source(i, to);
	if (from.family == IP_NONE)
		return NULL;
	struct sim_tcp *t = tcp_new(s, SYN_SENT);
	t->local = from;
	t->remote = *to;
	t->remote_port = port;
	t->ops = ops;
	t->arg = arg;
	for (unsigned n = 0; n < FREE_PORTS; n++) {
		t->local_port = stack_next_port(s);
		if (tcp_enter(t)) {
			tcp_start(t);
			return t;
		}
	}
	free(t);
	return NULL;
}

static struct sim_listener *listener_new(struct sim_stack *s, uint16_t port, sim_tcp_accept *accept,
					 void *arg)
{
	struct sim_listener *l = must(calloc(1, sizeof(*l)));

	*l = (struct sim_listener){ .port = port, .accept = accept, .arg = arg };
	LIST_INSERT_HEAD(&s->listeners, l, link);
	return l;
}

struct sim_listener *sim_tcp_listen(struct sim_stack *s, uint16_t port, sim_tcp_accept *accept,
				    void *arg)
{
	return tcp_listener(s, port) == NULL ? listener_new(s, port, accept, arg) : NULL;
}

struct sim_listener *sim_tcp_listen_service(struct sim_stack *s, sim_tcp_accept *accept, void *arg)
{
	return listener_new(s, 0, accept, arg);
}

struct sim_listener *sim_listener_close(struct sim_listener *l)
{
	if (l == NULL)
		return NULL;
	LIST_REMOVE(l, link);
	free(l);
	return NULL;
}

void sim_tcp_send(struct sim_tcp *t, const void *bytes, size_t len)
{
	if (t->gone || t->fin_wanted || len == 0)
		return;
	if (t->unsent_len + len > SIM_TCP_UNSENT_MAX) {
		tcp_reset(t);
		tcp_over(t, "full");
		return;
	}
	tcp_append(t, bytes, len);
	if (t->busy == 0) /* else when the callback is over, with what else there is to say */
		tcp_output(t);
}

void sim_tcp_close(struct sim_tcp *t)
{
	t->fin_wanted = true;
	if (t->busy == 0 && !t->gone)
		tcp_output(t);
}

void sim_tcp_abort(struct sim_tcp *t)
{
	if (!t->gone && t->state != SYN_SENT)
		tcp_reset(t);
	tcp_leave(t);
}
