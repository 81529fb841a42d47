// SPDX-License-Identifier: Apache-2.0
/* /metrics, /healthz (the loop turns) and /readyz of a daemon. */
#ifndef BELLMAN_DAEMON_HEALTH_H
#define BELLMAN_DAEMON_HEALTH_H

#include <stdbool.h>

#include "lib/base/metrics.h"
#include "lib/daemon/httpd.h"

struct health_cfg {
	const char *listen;               /* as httpd_cfg.listen */
	const char *cert_file, *key_file; /* NULL: plain */
	const struct metrics *metrics;    /* borrowed until close */
	bool (*ready)(void *arg);
	const char *(*why_not)(
		void *arg);               /* a sentence for who is not ready; may be or give NULL */
	void (*before_scrape)(void *arg); /* bring gauges up to date; NULL: nothing to do */
	void *arg;
};

/*
 * Serve until httpd_close(); @cfg is copied.
 * Returns 0 or as httpd_open().
 */
int health_open(uv_loop_t *loop, const struct health_cfg *cfg, struct httpd **ret);

/* Where to listen when --metrics is not given: all addresses in a cluster, else 127.0.0.1. Static
 * text. */
const char *health_default_listen(unsigned port);

#endif
