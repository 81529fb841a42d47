// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl's multi-socket interface on libuv: a uv_poll_t for each socket that libcurl names, one
 * timer, and curl_multi_socket_action() whenever one of them has something to say.
 *
 * Who uses it adds easy handles to .multi and takes them out again. libcurl must not be entered
 * from its own callbacks; everything here runs from the loop, outside of libcurl.
 */
#ifndef BELLMAN_KUBE_CURL_LOOP_H
#define BELLMAN_KUBE_CURL_LOOP_H

#include <curl/curl.h>
#include <uv.h>

struct curl_loop_ops {
	/* A transfer is over. It is not to be taken out before driven(). */
	void (*ended)(void *arg, CURL *easy, CURLcode result);
	/* All that were over have been told. May call curl_loop_close(). */
	void (*driven)(void *arg);
	/* After curl_loop_close(), when libuv has closed the last handle: the memory may go. */
	void (*closed)(void *arg);
};

struct curl_loop {
	CURLM *multi; /* NULL once closed */
	uv_loop_t *loop;
	uv_timer_t timer; /* what libcurl waits for */
	unsigned handles; /* that are not closed yet */
	const struct curl_loop_ops *ops;
	void *arg;
};

/* 0, or -ENOMEM and nothing to close. */
int curl_loop_init(struct curl_loop *c, uv_loop_t *loop, const struct curl_loop_ops *ops,
		   void *arg);
/* Easy handles that are still in it are the caller's to clean up afterwards. */
void curl_loop_close(struct curl_loop *c);

#endif
