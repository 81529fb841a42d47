// SPDX-License-Identifier: Apache-2.0
#include "allocator/webhook_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/webhook.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/httpd.h"

enum {
	/* A review has the resource twice, as it was and as it will be; an API server takes 3 MiB.
	 */
	BODY_MAX = 8 << 20,
	BODY_FIRST = 16 << 10, /* room for it at first; doubled as it comes */
	BODIES_MAX = 24 << 20, /* of all requests that are under way */
	CONNECTIONS_MAX = 32,
};

struct webhook_io {
	struct webhook_io_cfg cfg;
	char *ns;
	struct httpd *httpd;
	size_t held; /* bytes for bodies */
};

/* One request, from its header to its answer. */
struct request {
	char *body;
	size_t len, room;
	unsigned refused; /* a status, decided before the body was complete; 0: none */
};

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return httpd_reply(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* Forget the body; what is still to come is read and not kept. */
static void drop(struct webhook_io *w, struct request *r)
{
	w->held -= r->room;
	free(r->body);
	r->body = NULL;
	r->len = r->room = 0;
}

/* Keep a part of the body, or remember why not. */
static void take(struct webhook_io *w, struct request *r, const char *part, size_t len)
{
	size_t room = r->room == 0 ? BODY_FIRST : r->room;

	if (r->refused != 0)
		return;
	if (len > BODY_MAX || r->len > BODY_MAX - len) {
		r->refused = MHD_HTTP_CONTENT_TOO_LARGE;
		drop(w, r);
		return;
	}
	while (room < r->len + len)
		room *= 2;
	if (w->held - r->room + room > BODIES_MAX) {
		r->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
		drop(w, r);
		return;
	}
	if (room != r->room) {
		r->body = must(realloc(r->body, room));
		w->held += room - r->room;
		r->room = room;
	}
	memcpy(r->body + r->len, part, len);
	r->len += len;
}

static enum MHD_Result answer(struct webhook_io *w, struct MHD_Connection *c, const char *path,
			      const struct request *r)
{
	struct config_inputs known = { 0 };
	char *text = NULL;
	bool complete = w->cfg.inputs(w->cfg.arg, &known);

	int rc = !complete ? -EAGAIN
			   : webhook_decide(path, r->len == 0 ? "" : r->body, r->len, w->ns, &known,
					    &text);

	array_free(&known);
	if (rc == -EAGAIN)
		return reply_text(c, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "the configuration is not read yet\n");
	if (rc == -EBADMSG) {
		log_warn("webhook", "request that is no review", "path=%s bytes=%zu", path, r->len);
		return reply_text(c, MHD_HTTP_BAD_REQUEST,
				  "no AdmissionReview of admission.k8s.io/v1 for this path\n");
	}
	if (rc != 0)
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	log_debug("webhook", "answered", "path=%s answer=%s", path, text);
	enum MHD_Result done = httpd_reply(c, MHD_HTTP_OK, "application/json", text, strlen(text));
	free(text);
	return done;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct webhook_io *w = arg;
	struct request *r = *state;

	(void)version;
	if (r == NULL) { /* the header */
		*state = must(calloc(1, sizeof(*r)));
		return MHD_YES;
	}
	if (*upload_size > 0) {
		take(w, r, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!webhook_has(url))
		return reply_text(c, MHD_HTTP_NOT_FOUND, "not found\n");
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only POST\n");
	if (r->refused != 0)
		return reply_text(c, r->refused,
				  r->refused == MHD_HTTP_CONTENT_TOO_LARGE ? "too large\n"
									   : "too many at once\n");
	return answer(w, c, url, r);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode how)
{
	struct webhook_io *w = arg;
	struct request *r = *state;

	(void)c;
	(void)how;
	if (r == NULL)
		return;
	drop(w, r);
	free(r);
	*state = NULL;
}

int webhook_io_open(const struct webhook_io_cfg *cfg, struct webhook_io **ret)
{
	struct webhook_io *w = must(calloc(1, sizeof(*w)));

	w->cfg = *cfg;
	w->ns = must(strdup(cfg->ns));
	int rc = httpd_open(cfg->loop,
			    &(struct httpd_cfg){
				    .listen = cfg->listen,
				    .cert_file = cfg->cert_file,
				    .key_file = cfg->key_file,
				    .handler = on_request,
				    .completed = on_completed,
				    .arg = w,
				    .connections_max = CONNECTIONS_MAX,
			    },
			    &w->httpd);
	if (rc != 0) {
		webhook_io_close(w);
		return rc;
	}
	log_info("webhook", "listening", "listen=%s port=%u", cfg->listen, httpd_port(w->httpd));
	*ret = w;
	return 0;
}

struct webhook_io *webhook_io_close(struct webhook_io *w)
{
	if (w == NULL)
		return NULL;
	httpd_close(w->httpd); /* ends each request, so nothing comes back to @w */
	free(w->ns);
	free(w);
	return NULL;
}
