// SPDX-License-Identifier: Apache-2.0
#include "allocator/gate.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/must.h"

struct gate {
	bool open;
	uint64_t until_ns, timeout_ns;
	uint64_t quiet_ns; /* of what has ended without an answer */
	LIST_HEAD(, gate_call) calls;
	void (*ended)(void *arg);
	void *ended_arg;
};

struct gate *gate_new(void)
{
	struct gate *g = must(calloc(1, sizeof(*g)));

	LIST_INIT(&g->calls);
	return g;
}

struct gate *gate_free(struct gate *g)
{
	if (g != NULL)
		assert(LIST_EMPTY(&g->calls));
	free(g);
	return NULL;
}

void gate_open(struct gate *g, uint64_t until_ns, uint64_t timeout_ns)
{
	g->open = true;
	g->until_ns = until_ns;
	g->timeout_ns = timeout_ns;
}

void gate_close(struct gate *g)
{
	struct gate_call *c;

	g->open = false;
	/* An owner may hand in the next write, which is refused; it ends none of these. */
	LIST_FOREACH (c, &g->calls, link) {
		if (c->given_up)
			continue;
		c->given_up = true;
		if (c->give_up != NULL)
			c->give_up(c);
	}
}

bool gate_is_open(const struct gate *g, uint64_t now_ns)
{
	return g->open && g->until_ns > now_ns && g->until_ns - now_ns > g->timeout_ns;
}

bool gate_may_decide(const struct gate *g, uint64_t now_ns)
{
	return !g->open || gate_is_open(g, now_ns);
}

uint64_t gate_timeout_ns(const struct gate *g)
{
	return g->timeout_ns;
}

bool gate_begin(struct gate *g, struct gate_call *call)
{
	if (!g->open)
		return false;
	call->gate = g;
	call->sent_ns = 0;
	call->given_up = false;
	LIST_INSERT_HEAD(&g->calls, call, link);
	return true;
}

bool gate_may_send(struct gate_call *call, uint64_t now_ns)
{
	/* One that was given up belongs to a term that is over, though we may lead again. */
	if (call->given_up || !gate_is_open(call->gate, now_ns)) {
		call->sent_ns = 0; /* if it was sent before, that was answered */
		return false;
	}
	gate_sent(call, now_ns);
	return true;
}

void gate_sent(struct gate_call *call, uint64_t now_ns)
{
	call->sent_ns = now_ns;
}

/* What was sent at @sent_ns has ended, and nobody said how: the network, or a server, may have it
 * for as long again as we waited. */
static void lost(struct gate *g, uint64_t sent_ns)
{
	if (sent_ns + 2 * g->timeout_ns > g->quiet_ns)
		g->quiet_ns = sent_ns + 2 * g->timeout_ns;
}

void gate_end(struct gate_call *call, bool answered)
{
	struct gate *g = call->gate;

	if (g == NULL)
		return;
	LIST_REMOVE(call, link);
	call->gate = NULL;
	if (!answered && call->sent_ns != 0)
		lost(g, call->sent_ns);
	if (g->ended != NULL)
		g->ended(g->ended_arg);
}

uint64_t gate_quiet_ns(const struct gate *g, uint64_t now_ns)
{
	uint64_t quiet_ns = g->quiet_ns > now_ns ? g->quiet_ns : 0;
	const struct gate_call *c;

	LIST_FOREACH (c, &g->calls, link) {
		if (c->sent_ns != 0 && c->sent_ns + g->timeout_ns > quiet_ns)
			quiet_ns = c->sent_ns + g->timeout_ns;
	}
	return quiet_ns;
}

void gate_watch(struct gate *g, void (*ended)(void *arg), void *arg)
{
	g->ended = ended;
	g->ended_arg = arg;
}
