// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd on a libuv loop: no thread of its own, TLS by GnuTLS.
 */
#ifndef BELLMAN_DAEMON_HTTPD_H
#define BELLMAN_DAEMON_HTTPD_H

#include <microhttpd.h>
#include <uv.h>

struct httpd; /* opaque */

struct httpd_cfg {
	const char *listen; /* ADDR:PORT, [V6]:PORT or :PORT (all addresses); port 0: any */
	const char *cert_file, *key_file; /* PEM; both, or both NULL: plain HTTP */
	MHD_AccessHandlerCallback handler;
	MHD_RequestCompletedCallback completed; /* NULL: none */
	void *arg;                              /* for both */
	unsigned connections_max;               /* 0: 64 */
	unsigned timeout_s;                     /* of an idle connection; 0: 60 */
};

/*
 * Listen and serve on @loop. On success *ret belongs to the caller (httpd_close).
 * Returns 0 or a negative errno: -EINVAL (the address or the TLS files, which are then logged),
 * -EADDRINUSE, -EACCES...
 */
int httpd_open(uv_loop_t *loop, const struct httpd_cfg *cfg, struct httpd **ret);

/* The port that is bound, for a listen address with port 0. */
unsigned httpd_port(const struct httpd *h);

/* Let a connection go on that MHD_resume_connection() was called for outside of a handler. */
void httpd_kick(struct httpd *h);

/*
 * Stop and free. Suspended connections must have been resumed before.
 * The memory goes once the loop has run the close callbacks. NULL is fine; returns NULL.
 */
struct httpd *httpd_close(struct httpd *h);

/* Split ADDR:PORT as in httpd_cfg.listen. *addr gets a sockaddr. Returns 0 or -EINVAL. */
int httpd_address(const char *listen, struct sockaddr_storage *addr);

/* Queue @body (copied) as the whole answer. */
enum MHD_Result httpd_reply(struct MHD_Connection *c, unsigned status, const char *content_type,
			    const char *body, size_t len);

#endif
