// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/nft_io.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "standalone/proxy/text.h"

#define RUN_MAX_MS 60000
#define ERROR_MAX  512

struct run {
	uv_process_t process;
	uv_pipe_t to, from; /* its stdin and stderr */
	uv_pipe_t answer;   /* its stdout, of a question */
	uv_timer_t limit;
	uv_write_t write;
	char *json;
	nft_done done;
	nft_answered answered; /* of a question, instead of @done */
	void *arg;

	bool check;                           /* change nothing */
	bool ended, read_to_end, answer_read; /* all, and there is nothing more to learn */
	unsigned open;                        /* handles */
	bool failed;
	char error[ERROR_MAX]; /* the beginning of what it said, or why there is none */
	size_t error_len;
	struct text output; /* of a question */
};

static void on_closed(uv_handle_t *handle)
{
	struct run *r = handle->data;

	if (--r->open > 0)
		return;
	if (r->answered != NULL)
		r->answered(r->arg, r->failed ? r->error : NULL,
			    r->failed           ? NULL
			    : r->output.len > 0 ? r->output.at
						: "");
	else
		r->done(r->arg, r->failed ? r->error : NULL);
	text_free(&r->output);
	free(r->json);
	free(r);
}

static void shut(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void close_all(struct run *r)
{
	shut(&r->to);
	shut(&r->from);
	if (r->answered != NULL)
		shut(&r->answer);
	shut(&r->limit);
	shut(&r->process);
}

static void finish_when_over(struct run *r)
{
	if (!r->ended || !r->read_to_end || !r->answer_read)
		return;
	/* nft ends each complaint with a newline, and quotes the input below it. */
	r->error[strcspn(r->error, "\n")] = '\0';
	close_all(r);
}

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
	struct run *r = process->data;

	r->ended = true;
	r->failed = status != 0 || signal != 0;
	if (r->failed && r->error_len == 0)
		snprintf(r->error, sizeof(r->error), "nft ended with %s %d",
			 signal != 0 ? "signal" : "status", signal != 0 ? signal : (int)status);
	finish_when_over(r);
}

/* The rest of a long complaint is read and forgotten, so that nft never waits for us. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char waste[4096];
	struct run *r = handle->data;
	size_t left = sizeof(r->error) - 1 - r->error_len;

	(void)suggested;
	*buf = left > 0 ? uv_buf_init(r->error + r->error_len, (unsigned)left)
			: uv_buf_init(waste, sizeof(waste));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct run *r = stream->data;

	if (len < 0) {
		r->read_to_end = true;
		finish_when_over(r);
	} else if (buf->base == r->error + r->error_len) {
		r->error_len += (size_t)len;
		r->error[r->error_len] = '\0';
	}
}

static void on_answer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char piece[65536];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(piece, sizeof(piece));
}

static void on_answer(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct run *r = stream->data;

	if (len > 0)
		text_add(&r->output, buf->base, (size_t)len);
	if (len >= 0)
		return;
	r->answer_read = true;
	finish_when_over(r);
}

static void on_written(uv_write_t *write, int status)
{
	struct run *r = write->data;

	/* A failed write means that nft is gone; its exit says the rest. */
	(void)status;
	shut(&r->to); /* end of input */
}

static void on_limit(uv_timer_t *timer)
{
	struct run *r = timer->data;

	uv_process_kill(&r->process, SIGKILL);
}

static int spawn(struct run *r, uv_loop_t *loop, int input)
{
	char *argv[] = { "nft", "-j", "-f", "-", r->check ? "-c" : NULL, NULL };
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_INHERIT_FD, .data.fd = input },
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&r->from },
	};
	if (r->answered != NULL)
		stdio[1] = (uv_stdio_container_t){
			.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
			.data.stream = (uv_stream_t *)&r->answer,
		};
	uv_process_options_t options = {
		.exit_cb = on_ended, .file = argv[0], .args = argv, .stdio_count = 3, .stdio = stdio
	};
	return uv_spawn(loop, &r->process, &options);
}

static int start(struct run *r, uv_loop_t *loop)
{
	uv_buf_t json = uv_buf_init(r->json, (unsigned)strlen(r->json));
	uv_file fds[2];

	/* A real pipe: libuv's own are sockets, and nft opens /dev/stdin, which no socket allows.
	 */
	int rc = uv_pipe(fds, 0, UV_NONBLOCK_PIPE);
	if (rc != 0)
		return rc;
	rc = uv_pipe_open(&r->to, fds[1]);
	if (rc == 0)
		rc = spawn(r, loop, fds[0]);
	else
		close(fds[1]);
	close(fds[0]);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&r->from, on_room, on_read);
	if (rc == 0 && r->answered != NULL)
		rc = uv_read_start((uv_stream_t *)&r->answer, on_answer_room, on_answer);
	if (rc == 0)
		rc = uv_write(&r->write, (uv_stream_t *)&r->to, &json, 1, on_written);
	if (rc == 0)
		rc = uv_timer_start(&r->limit, on_limit, RUN_MAX_MS, 0);
	return rc;
}

static struct run *run_new(char *json, void *arg)
{
	struct run *r = must(calloc(1, sizeof(*r)));

	*r = (struct run){ .json = json, .arg = arg, .open = 4 };
	return r;
}

static void run(struct run *r, uv_loop_t *loop)
{
	uv_pipe_init(loop, &r->to, 0);
	uv_pipe_init(loop, &r->from, 0);
	uv_timer_init(loop, &r->limit);
	memset(&r->process, 0, sizeof(r->process));
	r->to.data = r->from.data = r->limit.data = r->process.data = r->write.data = r;

	int rc = start(r, loop);
	if (rc != 0) {
		/* A child that did start gets half an input at most, and changes nothing. */
		r->failed = true;
		snprintf(r->error, sizeof(r->error), "nft cannot be run: %s", uv_strerror(rc));
		close_all(r);
	}
}

static void transact(uv_loop_t *loop, char *json, bool check, nft_done done, void *arg)
{
	struct run *r = run_new(json, arg);

	r->done = done;
	r->check = check;
	r->answer_read = true; /* there is none */
	run(r, loop);
}

void nft_run(uv_loop_t *loop, char *json, nft_done done, void *arg)
{
	transact(loop, json, false, done, arg);
}

void nft_check(uv_loop_t *loop, char *json, nft_done done, void *arg)
{
	transact(loop, json, true, done, arg);
}

void nft_ask(uv_loop_t *loop, char *json, nft_answered done, void *arg)
{
	struct run *r = run_new(json, arg);

	r->answered = done;
	r->open++;
	uv_pipe_init(loop, &r->answer, 0);
	r->answer.data = r;
	run(r, loop);
}
