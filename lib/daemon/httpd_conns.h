// SPDX-License-Identifier: Apache-2.0
/*
 * The connections of a server: how long each may take for what it does, and which one goes when
 * there is no room.
 *
 * A client that sends or reads a byte now and then keeps no connection for that: time counts for a
 * whole phase, not from the last byte. Pure: no socket, no clock; httpd.c tells and acts.
 */
#ifndef BELLMAN_DAEMON_HTTPD_CONNS_H
#define BELLMAN_DAEMON_HTTPD_CONNS_H

#include <stdint.h>
#include <sys/queue.h>

enum conn_phase {
	CONN_NEW,     /* accepted; neither the handshake nor the first header is complete */
	CONN_IDLE,    /* answered, and no further header is complete */
	CONN_BODY,    /* a header came, the body is not complete */
	CONN_ANSWER,  /* the request is complete, the answer not sent to its end */
	CONN_STREAM,  /* an answer without end, which its owner looks after */
	CONN_DROPPED, /* on its way out */
	CONN_PHASES,
};

enum {
	CONN_NEW_MS = 10000,
	CONN_IDLE_MS = 120000, /* longer than what clients keep one for: they should close first */
	CONN_BODY_MS = 30000,
	CONN_ANSWER_MS = 60000,
	CONN_SPARED_MS = 250, /* whoever is younger is not made to go for others */
};

/* Embedded in what the caller keeps for a connection. */
struct conn {
	enum conn_phase phase;
	uint64_t since_ms; /* of the phase */
	TAILQ_ENTRY(conn) entry;
};
TAILQ_HEAD(conn_queue, conn);

struct conns {
	struct conn_queue phases[CONN_PHASES]; /* each in order of since_ms */
	unsigned count;                        /* without those that were dropped */
	unsigned room;                         /* above it, others have to go */
};

void conns_init(struct conns *c, unsigned room);
void conns_add(struct conns *c, struct conn *conn, uint64_t now_ms);
void conns_remove(struct conns *c, struct conn *conn);
void conns_enter(struct conns *c, struct conn *conn, enum conn_phase phase, uint64_t now_ms);

/* One whose time for its phase is over, or NULL. The caller drops it: conns_enter(CONN_DROPPED). */
struct conn *conns_overdue(const struct conns *c, uint64_t now_ms);
/*
 * One to drop because there are more than there is room for, or NULL: an idle one first, which
 * loses nothing; then whoever is slowest to send a header, a body, or to read an answer.
 */
struct conn *conns_surplus(const struct conns *c, uint64_t now_ms);
/* The slowest to send a body or to read an answer, whatever room there is; NULL: none is slow. */
struct conn *conns_slowest(const struct conns *c, uint64_t now_ms);

#endif
