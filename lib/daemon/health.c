// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One server of this kind a process, as long as the process: the state needs no owner. */
static struct health_cfg health;

static enum MHD_Result reply_metrics(struct MHD_Connection *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return MHD_NO;
	if (health.before_scrape != NULL)
		health.before_scrape(health.arg);
	metrics_write(health.metrics, to);
	fclose(to);
	enum MHD_Result rc =
		httpd_reply(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, len);
	free(text);
	return rc;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return httpd_reply(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result reply_ready(struct MHD_Connection *c)
{
	char text[1024];

	if (health.ready(health.arg))
		return reply_text(c, MHD_HTTP_OK, "ok\n");
	const char *why = health.why_not != NULL ? health.why_not(health.arg) : NULL;
	snprintf(text, sizeof(text), "not ready%s%s\n", why != NULL ? ": " : "",
		 why != NULL ? why : "");
	return reply_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	(void)arg;
	(void)version;
	(void)upload;
	(void)state;
	if (*upload_size != 0)
		return MHD_NO; /* nobody has anything to tell us */
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (strcmp(url, "/metrics") == 0)
		return reply_metrics(c);
	if (strcmp(url, "/healthz") == 0)
		return reply_text(c, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/readyz") == 0)
		return reply_ready(c);
	return reply_text(c, MHD_HTTP_NOT_FOUND, "not found\n");
}

int health_open(uv_loop_t *loop, const struct health_cfg *cfg, struct httpd **ret)
{
	health = *cfg;
	return httpd_open(loop,
			  &(struct httpd_cfg){ .listen = cfg->listen,
					       .cert_file = cfg->cert_file,
					       .key_file = cfg->key_file,
					       .handler = on_request },
			  ret);
}

const char *health_default_listen(unsigned port)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s:%u",
		 getenv("KUBERNETES_SERVICE_HOST") != NULL ? "" : "127.0.0.1", port);
	return text;
}
