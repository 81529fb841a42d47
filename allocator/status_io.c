// SPDX-License-Identifier: Apache-2.0
#include "allocator/status_io.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/ips.h"
#include "allocator/status_object.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"
#include "lib/model/version.h"

#define SAY_GAP_NS (10 * NS_PER_S) /* between two lines about failures */

struct status_io {
	struct status_io_cfg cfg;
	int64_t *updates, *update_errors;
	struct metric_family *writes; /* by outcome */
	int64_t *write_ms;
	uint64_t say_ns; /* failures are said from then on */
	unsigned unsaid; /* since the last that was */
	bool closing;
	unsigned holders; /* who opened it and each request under way; at 0 the memory goes */
};

/* A request under way, about one Service. */
struct errand {
	struct status_io *writer;
	char *ns, *name;
	uint64_t since_ns;
};

static void writer_unref(struct status_io *w)
{
	if (--w->holders == 0)
		free(w);
}

static struct errand *errand_new(struct status_io *w, const struct allocator_action *act)
{
	struct errand *e = must(calloc(1, sizeof(*e)));

	e->writer = w;
	e->ns = must(strdup(act->ns));
	e->name = must(strdup(act->name));
	e->since_ns = daemon_now_ns();
	w->holders++;
	return e;
}

/* The errand is over: tell the engine how it ended. */
static void errand_end(struct errand *e, enum allocator_outcome outcome, const char *version)
{
	static const char *const words[] = {
		[ALLOCATOR_WRITTEN] = "written",
		[ALLOCATOR_CONFLICT] = "conflict",
		[ALLOCATOR_FAILED] = "failed",
	};
	struct status_io *w = e->writer;

	++*metric_value1(w->writes, words[outcome]);
	*w->write_ms += (int64_t)((daemon_now_ns() - e->since_ns) / NS_PER_MS);
	if (!w->closing) {
		allocator_written(w->cfg.engine, e->ns, e->name, outcome, version, daemon_now_ns());
		w->cfg.changed(w->cfg.arg);
	}
	writer_unref(w);
	free(e->ns);
	free(e->name);
	free(e);
}

/* Thousands may fail for one reason. */
static void say_failure(struct status_io *w, const struct errand *e, int status, const char *error)
{
	uint64_t now = daemon_now_ns();

	if (now < w->say_ns) {
		w->unsaid++;
		return;
	}
	log_warn("allocator", "status write failed, retrying",
		 "service=%s/%s status=%d others=%u err=\"%s\"", e->ns, e->name, status, w->unsaid,
		 error != NULL ? error : "");
	w->say_ns = now + SAY_GAP_NS;
	w->unsaid = 0;
}

static void errand_failed(struct errand *e, int status, const char *error)
{
	++*e->writer->update_errors;
	if (status != 0) /* that the server cannot be reached is said once, by lib/kube */
		say_failure(e->writer, e, status, error);
	errand_end(e, ALLOCATOR_FAILED, NULL);
}

/* After a conflict: the object as it is now. A successor of the same name is left to the watch. */
static void on_read(void *arg, int status, const cJSON *json, const char *error)
{
	struct errand *e = arg;
	struct status_io *w = e->writer;
	struct service *s = NULL;

	if (status == 200 && !w->closing)
		s = w->cfg.decode(w->cfg.arg, json);
	if (s != NULL && allocator_service_reread(w->cfg.engine, s))
		errand_end(e, ALLOCATOR_CONFLICT, NULL);
	else
		errand_failed(e, status, error);
}

static void on_written(void *arg, int status, const cJSON *json, const char *error)
{
	struct errand *e = arg;
	struct status_io *w = e->writer;

	if (status >= 200 && status < 300) {
		++*w->updates;
		errand_end(e, ALLOCATOR_WRITTEN, version_of(json));
		return;
	}
	if (status == 409 && !w->closing) {
		char *path = must(kube_path("/api/v1", e->ns, "services", e->name, NULL));
		int rc = kube_request(w->cfg.kube, "GET", path, NULL, NULL, on_read, e);

		free(path);
		if (rc == 0)
			return;
	}
	errand_failed(e, status, error);
}

void status_io_write(struct status_io *w, const struct allocator_action *act)
{
	char *path = must(kube_path("/api/v1", act->ns, "services", act->name, "status"));
	char now[KUBE_TIME_TEXT];
	cJSON *patch = status_object_patch(act, kube_time_text(now));
	char *body = must(cJSON_PrintUnformatted(patch));
	char ips[IP_LIST_MAX * IP_TEXT_MAX] = "", ip[IP_TEXT_MAX];
	struct errand *e = errand_new(w, act);

	for (size_t i = 0, len = 0; i < act->ip_count; i++)
		len += (size_t)snprintf(ips + len, sizeof(ips) - len, "%s%s", i > 0 ? "," : "",
					ip_format(&act->ips[i], ip));
	log_info("allocator",
		 act->ip_count > 0 ? "writing status" : "writing status without address",
		 "service=%s/%s ips=%s pool=%s condition=%s", act->ns, act->name, ips,
		 act->pool != NULL ? act->pool : "",
		 act->condition.reason != NULL ? act->condition.reason : "");
	int rc =
		gate_io_send(w->cfg.gate, "PATCH", path, KUBE_STRATEGIC_PATCH, body, on_written, e);
	free(path);
	free(body);
	cJSON_Delete(patch);
	if (rc != 0)
		errand_failed(e, 0, strerror(-rc));
}

/* --- life ---------------------------------------------------------------------------- */

struct status_io *status_io_open(const struct status_io_cfg *cfg)
{
	static const char *const outcome[] = { "outcome", NULL };
	struct status_io *w = must(calloc(1, sizeof(*w)));

	w->cfg = *cfg;
	w->holders = 1;
	w->updates =
		metric_value0(metrics_family(cfg->metrics, "metallb_k8s_client_updates_total",
					     "Service statuses written.", METRIC_COUNTER, NULL));
	w->update_errors = metric_value0(
		metrics_family(cfg->metrics, "metallb_k8s_client_update_errors_total",
			       "Service status writes that failed.", METRIC_COUNTER, NULL));
	w->writes =
		metrics_family(cfg->metrics, "bellman_allocator_status_writes_total",
			       "Service status writes by how they ended.", METRIC_COUNTER, outcome);
	w->write_ms = metric_value0(
		metrics_family(cfg->metrics, "bellman_allocator_status_write_milliseconds_total",
			       "What they took together, from the decision to the answer.",
			       METRIC_COUNTER, NULL));
	return w;
}

struct status_io *status_io_close(struct status_io *w)
{
	if (w != NULL) {
		w->closing = true;
		writer_unref(w);
	}
	return NULL;
}
