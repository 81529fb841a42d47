// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP side: requests come in whole, answers go out once what they tell is on disk,
 * watches are streamed. Writes of one loop turn share a commit.
 */
#ifndef BELLMAN_APISERVER_HTTP_H
#define BELLMAN_APISERVER_HTTP_H

#include <uv.h>

#include "standalone/apiserver/api.h"

struct http; /* opaque */

struct http_cfg {
	const char *listen, *cert_file, *key_file;
	const char *token_file; /* NULL: everybody may */
	/* The state file failed: memory is ahead of it, and the server must end. */
	void (*failed)(void *arg);
	void *arg;
};

/* 0 or a negative errno; a message is logged. */
int http_open(uv_loop_t *loop, struct api *a, const struct http_cfg *cfg, struct http **ret);
unsigned http_port(const struct http *h);
/* Something was written from elsewhere (manifests): commit it and tell watchers. */
void http_written(struct http *h);
struct http *http_close(struct http *h); /* NULL is fine; returns NULL; frees as the loop runs */

#endif
