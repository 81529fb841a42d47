// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/httpd_conns.h"

#include <stddef.h>

static const uint64_t limits_ms[CONN_PHASES] = {
	[CONN_NEW] = CONN_NEW_MS,       [CONN_IDLE] = CONN_IDLE_MS, [CONN_BODY] = CONN_BODY_MS,
	[CONN_ANSWER] = CONN_ANSWER_MS, [CONN_STREAM] = UINT64_MAX, [CONN_DROPPED] = UINT64_MAX,
};

void conns_init(struct conns *c, unsigned room)
{
	for (int phase = 0; phase < CONN_PHASES; phase++)
		TAILQ_INIT(&c->phases[phase]);
	c->count = 0;
	c->room = room;
}

void conns_add(struct conns *c, struct conn *conn, uint64_t now_ms)
{
	conn->phase = CONN_NEW;
	conn->since_ms = now_ms;
	TAILQ_INSERT_TAIL(&c->phases[CONN_NEW], conn, entry);
	c->count++;
}

void conns_remove(struct conns *c, struct conn *conn)
{
	TAILQ_REMOVE(&c->phases[conn->phase], conn, entry);
	c->count -= conn->phase != CONN_DROPPED;
}

void conns_enter(struct conns *c, struct conn *conn, enum conn_phase phase, uint64_t now_ms)
{
	conns_remove(c, conn);
	conn->phase = phase;
	conn->since_ms = now_ms;
	TAILQ_INSERT_TAIL(&c->phases[phase], conn, entry);
	c->count += phase != CONN_DROPPED;
}

/* The oldest in @phase when it is @age_ms old. */
static struct conn *oldest(const struct conns *c, enum conn_phase phase, uint64_t now_ms,
			   uint64_t age_ms)
{
	struct conn *conn = TAILQ_FIRST(&c->phases[phase]);

	return conn != NULL && now_ms - conn->since_ms >= age_ms ? conn : NULL;
}

struct conn *conns_overdue(const struct conns *c, uint64_t now_ms)
{
	for (int phase = 0; phase < CONN_STREAM; phase++) {
		struct conn *conn = oldest(c, phase, now_ms, limits_ms[phase]);
		if (conn != NULL)
			return conn;
	}
	return NULL;
}

struct conn *conns_surplus(const struct conns *c, uint64_t now_ms)
{
	static const enum conn_phase order[] = { CONN_IDLE, CONN_NEW, CONN_BODY, CONN_ANSWER };

	if (c->count <= c->room)
		return NULL;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct conn *conn = oldest(c, order[i], now_ms, CONN_SPARED_MS);
		if (conn != NULL)
			return conn;
	}
	return NULL;
}

struct conn *conns_slowest(const struct conns *c, uint64_t now_ms)
{
	struct conn *body = oldest(c, CONN_BODY, now_ms, CONN_SPARED_MS);
	struct conn *answer = oldest(c, CONN_ANSWER, now_ms, CONN_SPARED_MS);

	if (body == NULL || answer == NULL)
		return body == NULL ? answer : body;
	return body->since_ms < answer->since_ms ? body : answer;
}
