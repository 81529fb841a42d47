// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/curl_loop.h"

#include <errno.h>
#include <stdlib.h>

struct socket_poll {
	uv_poll_t handle;
	struct curl_loop *curl;
	curl_socket_t fd;
};

static void handle_closed(struct curl_loop *c)
{
	if (--c->handles == 0)
		c->ops->closed(c->arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct socket_poll *s = handle->data;

	handle_closed(s->curl);
	free(s);
}

static void drive(struct curl_loop *c, curl_socket_t fd, int events)
{
	CURLMsg *m;
	int left;

	curl_multi_socket_action(c->multi, fd, events, &left);
	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE)
			c->ops->ended(c->arg, m->easy_handle, m->data.result);
	}
	c->ops->driven(c->arg);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct socket_poll *s = handle->data;
	int what = 0;

	/* Not CURL_CSELECT_ERR: libcurl would only say that there is one, and not try again on a
	 * fresh connection. Let it find out which. */
	if (status < 0)
		what |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	drive(s->curl, s->fd, what);
}

/* Called by libcurl: watch @fd for @what. @socket_arg is what we assigned to it, or NULL. */
static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct curl_loop *c = arg;
	struct socket_poll *s = socket_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			uv_close((uv_handle_t *)&s->handle, on_poll_closed);
		curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			return -1;
		if (uv_poll_init_socket(c->loop, &s->handle, fd) < 0) {
			free(s);
			return -1;
		}
		c->handles++;
		s->handle.data = s;
		s->curl = c;
		s->fd = fd;
		curl_multi_assign(c->multi, fd, s);
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&s->handle, events, on_poll) < 0 ? -1 : 0;
}

static void on_timer(uv_timer_t *timer)
{
	drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* Called by libcurl. It must not be entered from here, so 0 ms is the next turn of the loop. */
static int on_wish(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_loop *c = arg;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

int curl_loop_init(struct curl_loop *c, uv_loop_t *loop, const struct curl_loop_ops *ops, void *arg)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		return -ENOMEM;
	*c = (struct curl_loop){
		.multi = multi, .loop = loop, .handles = 1, .ops = ops, .arg = arg
	};
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_wish);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
	return 0;
}

void curl_loop_close(struct curl_loop *c)
{
	curl_multi_cleanup(c->multi);
	c->multi = NULL;
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}
