// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd on a libuv loop: no thread of its own, TLS (1.2 or later) by GnuTLS.
 *
 * No client keeps a connection by being slow: see httpd_conns.h for how long it may take. When
 * connections run out, those go that lose least, so that the next client always finds one.
 */
#ifndef BELLMAN_DAEMON_HTTPD_H
#define BELLMAN_DAEMON_HTTPD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

struct httpd; /* opaque */

struct httpd_cfg {
	/* ADDR:PORT, [V6]:PORT or :PORT (all addresses); port 0: any. NULL: no socket of its own,
	 * connections come by httpd_adopt(). */
	const char *listen;
	const char *cert_file, *key_file; /* PEM; both, or both NULL: plain HTTP. Followed. */
	MHD_AccessHandlerCallback handler;
	MHD_RequestCompletedCallback completed; /* NULL: none */
	void *arg;                              /* for both */
	unsigned connections_max;               /* 0: 64 */
};

/*
 * Listen and serve on @loop. On success *ret belongs to the caller (httpd_close).
 * Returns 0 or a negative errno: -EINVAL (the address or the TLS files, which are then logged),
 * -EADDRINUSE, -EACCES...
 */
int httpd_open(uv_loop_t *loop, const struct httpd_cfg *cfg, struct httpd **ret);

/*
 * A listening socket as httpd_open() makes it. *ret_fd belongs to the caller.
 * Returns 0 or a negative errno, as httpd_open().
 */
int httpd_listen(const char *listen, int *ret_fd);

/* Serve the connection @fd, which is taken over in any case, from @peer. */
void httpd_adopt(struct httpd *h, int fd, const struct sockaddr *peer, socklen_t len);

/* The port of this end of a socket; 0: it has none. */
unsigned httpd_local_port(int fd);
/* The port that is bound, for a listen address with port 0. */
unsigned httpd_port(const struct httpd *h);

/* Let a connection go on that MHD_resume_connection() was called for outside of a handler. */
void httpd_kick(struct httpd *h);

/*
 * Stop and free. Suspended connections must have been resumed before.
 * The memory goes once the loop has run the close callbacks. NULL is fine; returns NULL.
 */
struct httpd *httpd_close(struct httpd *h);

/*
 * The answer that is being queued for @c has no end: the time for an answer does not count, the
 * caller looks after the connection.
 */
void httpd_streams(struct MHD_Connection *c);
/* End a connection whatever it does, without waiting for its peer; it must not be suspended. */
void httpd_drop(struct MHD_Connection *c);
/*
 * Requests take too much memory: drop the client that has been sending a body or reading an answer
 * for longest. False: none of them is slow. Its memory is free when its request is completed.
 */
bool httpd_drop_slowest(struct httpd *h);

/* Split ADDR:PORT as in httpd_cfg.listen. *addr gets a sockaddr. Returns 0 or -EINVAL. */
int httpd_address(const char *listen, struct sockaddr_storage *addr);

/* Queue @body (copied) as the whole answer. */
enum MHD_Result httpd_reply(struct MHD_Connection *c, unsigned status, const char *content_type,
			    const char *body, size_t len);

#endif
