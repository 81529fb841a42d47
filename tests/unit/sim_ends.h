// SPDX-License-Identifier: Apache-2.0
/* Users of TCP, for tests: they write down what they are told. */
#ifndef BELLMAN_TESTS_SIM_ENDS_H
#define BELLMAN_TESTS_SIM_ENDS_H

#include <string.h>

#include "tests/unit/sim_lan.h"

struct end {
	struct sim_tcp *t;
	char got[64]; /* what was received */
	size_t got_len;
	const char *why;      /* closed() was told */
	const char *reply;    /* sent for what is received */
	bool abort, close;    /* within received(), after the reply */
	bool refuse, abort_1; /* within the listener's callback: return false; abort */
};

static inline void end_received(void *arg, struct sim_tcp *t, const uint8_t *bytes, size_t len)
{
	struct end *e = arg;

	assert_true(e->got_len + len < sizeof(e->got));
	memcpy(e->got + e->got_len, bytes, len);
	e->got_len += len;
	if (e->reply != NULL)
		sim_tcp_send(t, e->reply, strlen(e->reply));
	if (e->close)
		sim_tcp_close(t);
	if (e->abort)
		sim_tcp_abort(t);
}

static inline void end_closed(void *arg, struct sim_tcp *t, const char *why)
{
	struct end *e = arg;

	(void)t;
	assert_null(e->why); /* once */
	e->why = why;
}

static const struct sim_tcp_ops end_ops = { .received = end_received, .closed = end_closed };

static inline bool end_accept(void *arg, struct sim_tcp *t, const struct sim_tcp_ops **ret_ops,
			      void **ret_arg)
{
	struct end *e = arg;

	*ret_ops = &end_ops;
	*ret_arg = e;
	e->t = t;
	if (e->abort_1)
		sim_tcp_abort(t);
	return !e->refuse;
}

static inline void say(struct end *e, const char *text)
{
	sim_tcp_send(e->t, text, strlen(text));
}

#endif
