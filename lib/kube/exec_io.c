// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials that change: files that are replaced, and plugins that are run (exec_plugin.h).
 *
 * A plugin runs beside the loop: transfers that need what it says wait for it, and all else goes
 * on. It is ended when it takes too long or prints too much. What it prints is a secret and never
 * logged; its standard error is ours.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/kube/exec_plugin.h"
#include "lib/kube/internal.h"

#define OUTPUT_MAX       (1u << 20)
#define TIME_AT_TTY_MS   600000 /* somebody may have to log in first */
#define LAST_WORDS_MS    1000   /* from its end to that of its output, which it may have lent */
#define REFUSED_EVERY_MS 10000  /* a plugin whose credentials are never accepted */

struct exec_run {
	struct kube *kube;
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t timer;
	unsigned handles;
	char *text;
	size_t len, cap;
	bool made, running, exited, ended_output, done; /* made: the handle is libuv's */
	bool alone; /* in a process group of its own, which ends with it when we end it */
	int64_t exit_status;
	int signal;
	char why[TRANSFER_ERROR_SIZE / 2]; /* we have given it up; "": we have not */
};

/* --- the end -------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct exec_run *r = handle->data;
	struct kube *k = r->kube;

	if (--r->handles == 0) {
		if (r->text != NULL)
			explicit_bzero(r->text, r->cap);
		free(r->text);
		free(r);
	}
	kube_handle_closed(k);
}

static void handle_opened(struct exec_run *r, uv_handle_t *handle)
{
	handle->data = r;
	r->handles++;
	kube_handle_opened(r->kube);
}

/* What went wrong, into r->why; false: nothing, and *ret is what it said. */
static bool failed(struct exec_run *r, struct exec_answer *ret)
{
	const struct exec_plugin *p = r->kube->credentials.plugin;

	if (r->why[0] != '\0')
		return true;
	if (r->signal != 0)
		snprintf(r->why, sizeof(r->why), "ended by signal %d", r->signal);
	else if (r->exit_status != 0)
		snprintf(r->why, sizeof(r->why), "exit code %d", (int)r->exit_status);
	else
		return exec_answer_read(p, r->text, r->len, ret, r->why, sizeof(r->why)) < 0;
	return true;
}

static void finish(struct exec_run *r)
{
	struct kube *k = r->kube;
	struct credentials *c = &k->credentials;
	struct exec_answer answer = { 0 };
	char failure[TRANSFER_ERROR_SIZE] = "";

	if (r->done)
		return;
	r->done = true;
	if (r->made)
		uv_close((uv_handle_t *)&r->process, on_closed);
	uv_close((uv_handle_t *)&r->out, on_closed);
	uv_close((uv_handle_t *)&r->timer, on_closed);
	if (k->closing)
		return;
	k->exec = NULL;
	k->exec_ended_ms = uv_now(k->loop);
	if (failed(r, &answer) || credentials_take(c, &answer) < 0) {
		exec_answer_done(&answer);
		snprintf(failure, sizeof(failure), "credential plugin \"%s\": %s",
			 c->plugin->args[0],
			 r->why[0] == '\0' ? "no memory for what it printed" : r->why);
	}
	kube_refresh_credentials(k, false);
	kube_credentialed(k, failure[0] == '\0' ? NULL : failure);
}

static void give_up(struct exec_run *r, const char *why)
{
	if (r->why[0] == '\0')
		snprintf(r->why, sizeof(r->why), "%s", why);
	if (r->running && !r->exited)
		kill(r->alone ? -r->process.pid : r->process.pid, SIGKILL);
}

/* --- its life ------------------------------------------------------------------------------- */

static void on_late(uv_timer_t *timer)
{
	struct exec_run *r = timer->data;

	if (r->exited || !r->running)
		finish(r); /* its output is held open by somebody else, or it never ran */
	else
		give_up(r, "not done in time");
}

static void on_exit_(uv_process_t *process, int64_t exit_status, int signal)
{
	struct exec_run *r = process->data;

	r->exited = true;
	r->exit_status = exit_status;
	r->signal = signal;
	if (r->ended_output || r->why[0] != '\0')
		finish(r);
	else
		uv_timer_start(&r->timer, on_late, LAST_WORDS_MS, 0);
}

static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct exec_run *r = handle->data;

	(void)want;
	*buf = uv_buf_init(NULL, 0);
	if (r->cap - r->len < 4096) {
		size_t cap = r->cap == 0 ? 16384 : r->cap * 2;
		char *bigger = malloc(cap); /* not realloc(): it would leave a copy behind */

		if (bigger == NULL)
			return;
		if (r->text != NULL) {
			memcpy(bigger, r->text, r->len);
			explicit_bzero(r->text, r->cap);
		}
		free(r->text);
		r->text = bigger;
		r->cap = cap;
	}
	*buf = uv_buf_init(r->text + r->len, (unsigned)(r->cap - r->len));
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct exec_run *r = stream->data;

	(void)buf;
	if (got >= 0) {
		r->len += (size_t)got;
		if (r->len > OUTPUT_MAX) {
			uv_read_stop(stream);
			give_up(r, "it prints more than 1 MiB");
		}
		return;
	}
	uv_read_stop(stream);
	if (got != UV_EOF)
		give_up(r, uv_strerror((int)got));
	r->ended_output = true;
	if (r->exited)
		finish(r);
}

/* May and can it ask the user? */
static bool is_interactive(const struct exec_plugin *p)
{
	return p->interactive != EXEC_NEVER && isatty(STDIN_FILENO) == 1;
}

static int spawn(struct exec_run *r)
{
	const struct exec_plugin *p = r->kube->credentials.plugin;
	bool interactive = is_interactive(p);
	uv_stdio_container_t stdio[] = {
		{ .flags = interactive ? UV_INHERIT_FD : UV_IGNORE, .data.fd = STDIN_FILENO },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&r->out },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_,
		.file = p->args[0],
		.args = p->args,
		.stdio_count = 3,
		.stdio = stdio,
		/* At a terminal it must stay in the foreground. */
		.flags = interactive ? 0 : UV_PROCESS_DETACHED,
	};
	int rc = UV_ENOMEM;

	if (p->interactive == EXEC_ALWAYS && !interactive) {
		snprintf(r->why, sizeof(r->why), "it asks its user, and here is no terminal");
		return UV_ENOTTY;
	}
	char *info = exec_plugin_info(p, interactive);
	if (info != NULL)
		options.env = exec_plugin_environ(p, environ, info);
	if (options.env != NULL) {
		rc = uv_spawn(r->kube->loop, &r->process, &options);
		r->made = true; /* also if it failed */
		handle_opened(r, (uv_handle_t *)&r->process);
		r->running = rc == 0;
		r->alone = !interactive;
	}
	exec_plugin_environ_free(options.env);
	free(info);
	if (rc == UV_ENOENT)
		snprintf(r->why, sizeof(r->why), "no such program%s%s",
			 p->install_hint == NULL ? "" : ": ",
			 p->install_hint == NULL ? "" : p->install_hint);
	else if (rc < 0)
		snprintf(r->why, sizeof(r->why), "%s", uv_strerror(rc));
	if (rc == 0)
		uv_timer_start(&r->timer, on_late,
			       interactive ? TIME_AT_TTY_MS : r->kube->plugin_ms, 0);
	return rc;
}

void kube_get_credentials(struct kube *k)
{
	struct exec_run *r;

	if (k->exec != NULL)
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return; /* the next one that waits asks again */
	k->exec = r;
	r->kube = k;
	uv_timer_init(k->loop, &r->timer);
	uv_pipe_init(k->loop, &r->out, 0);
	handle_opened(r, (uv_handle_t *)&r->timer);
	handle_opened(r, (uv_handle_t *)&r->out);
	if (spawn(r) < 0) { /* from the loop, like every other answer */
		uv_timer_start(&r->timer, on_late, 0, 0);
		return;
	}
	int rc = uv_read_start((uv_stream_t *)&r->out, on_alloc, on_output);
	if (rc < 0)
		give_up(r, uv_strerror(rc));
}

void exec_close(struct kube *k)
{
	struct exec_run *r = k->exec;

	k->exec = NULL;
	if (r == NULL)
		return;
	if (r->exited || !r->running)
		finish(r);
	else
		give_up(r, "no longer asked for"); /* it goes when it is dead */
}

/* --- are they good? ------------------------------------------------------------------------- */

bool kube_has_credentials(struct kube *k)
{
	const struct credentials *c = &k->credentials;

	if (c->plugin == NULL)
		return true;
	return c->plugin_asked && (c->expires == 0 || time(NULL) < c->expires);
}

void kube_refresh_credentials(struct kube *k, bool refused)
{
	struct credentials *c = &k->credentials;

	credentials_refresh(c, refused, uv_now(k->loop));
	if (c->tls_version == k->tls_version)
		return;
	k->tls_version = c->tls_version;
	if (c->tls_version == 1 && c->plugin != NULL)
		return; /* the first certificate: no connection shows another one */
	log_info("kube", "certificate has changed, taking new connections", "server=%s", c->server);
	for (size_t i = 0; i < CHANNEL_MAX; i++)
		pool_retire(k, i);
}

bool kube_credentials_refused(struct kube *k, const struct transfer *t)
{
	struct credentials *c = &k->credentials;

	if (t->identity != c->version)
		return true;
	if (c->plugin == NULL) {
		kube_refresh_credentials(k, true);
		return t->identity != c->version;
	}
	/* They were good once: they have expired. If they never were, not too often. */
	if (!c->accepted && uv_now(k->loop) - k->exec_ended_ms < REFUSED_EVERY_MS)
		return false;
	c->accepted = false;
	c->plugin_asked = false;
	return true;
}
