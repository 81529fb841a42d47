// SPDX-License-Identifier: Apache-2.0
/*
 * The validating webhook's server: HTTPS, a body of bounded size for each request, and what
 * webhook.h decides. A standby serves it like the leader, since nothing is written.
 */
#ifndef BELLMAN_ALLOCATOR_WEBHOOK_IO_H
#define BELLMAN_ALLOCATOR_WEBHOOK_IO_H

#include <stdbool.h>
#include <uv.h>

#include "lib/model/config.h"

struct webhook_io; /* opaque */

struct webhook_io_cfg {
	uv_loop_t *loop;
	const char *listen;               /* as httpd_cfg.listen */
	const char *cert_file, *key_file; /* PEM; followed as they change */
	const char *ns;                   /* copied; where custom resources have to be */

	/* What is known, as config_source_inputs(). False: not enough to decide by. */
	bool (*inputs)(void *arg, struct config_inputs *ret);
	void *arg;
};

/* Listen and serve. Returns 0, -ENOMEM or as httpd_open(). */
int webhook_io_open(const struct webhook_io_cfg *cfg, struct webhook_io **ret);

/* Stop. The loop must turn once more. NULL is fine; returns NULL. */
struct webhook_io *webhook_io_close(struct webhook_io *w);

#endif
