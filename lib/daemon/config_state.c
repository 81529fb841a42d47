// SPDX-License-Identifier: Apache-2.0
/*
 * One request at a time, each chosen by looking at the object as it is known now: what the watch
 * or the last answer told. So it makes no difference who changed it, or what was lost on the way.
 */
#include "lib/daemon/config_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/daemon/config_state_body.h"
#include "lib/daemon/loop.h"
#include "lib/kube/backoff.h"
#include "lib/model/meta.h"
#include "lib/model/version.h"

#define API        "/apis/" CONFIG_STATE_API
#define PLURAL     "configurationstates"
#define GAP_MS     1000u  /* between two writes of the status, and of the rest */
#define REFUSED_MS 60000u /* until what was forbidden or not found is tried again */

struct config_state {
	struct config_state_cfg cfg; /* loop, kube, send, via */
	struct kube_watch *watch;
	struct config_state_text want; /* the texts are ours */
	char *name, *ns, *node, *condition, *pod, *pod_uid, *error;
	cJSON *object; /* as known; NULL: there is none */

	bool judged;    /* want.error is known */
	bool lead;      /* may write */
	bool once;      /* may write until all is said */
	bool pod_known; /* pod_uid was asked for */
	bool busy;      /* a request is under way */
	bool gone;      /* the watch told, meanwhile, that the object is */
	bool missed;    /* a patch did not find what it is for */
	bool refused;   /* said already */
	bool closing;
	uint64_t status_due_ms, rest_due_ms; /* the loop's time; it is not written before */
	struct backoff backoff;
	struct rng rng;
	uv_timer_t timer;
	unsigned holders; /* the timer, and the request under way */
};

static void state_unref(struct config_state *s)
{
	if (--s->holders > 0)
		return;
	cJSON_Delete(s->object);
	free(s->name);
	free(s->ns);
	free(s->node);
	free(s->condition);
	free(s->pod);
	free(s->pod_uid);
	free(s->error);
	free(s);
}

static void on_timer(uv_timer_t *t);

static void look_in(struct config_state *s, uint64_t ms)
{
	if (!s->closing)
		uv_timer_start(&s->timer, on_timer, ms, 0);
}

static void look_soon(struct config_state *s)
{
	look_in(s, 0);
}

/* --- requests ------------------------------------------------------------------------ */

static void ask_for_object(struct config_state *s);

static char *object_path(const struct config_state *s, const char *subresource)
{
	return must(kube_path(API, s->ns, PLURAL, s->name, subresource));
}

/* Say it once, and wait. That the server cannot be reached is said by lib/kube. */
static void failed(struct config_state *s, int status, const char *error)
{
	bool refused = status == 403 || status == 404;

	if (status != 0 && status != 409 && !s->refused) {
		/* Without its namespace a host without Kubernetes is in order. */
		LOG_AT(status == 404 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "config",
		       "cannot write the ConfigurationState", "name=%s status=%d err=\"%s\"",
		       s->name, status, error != NULL ? error : "");
		s->refused = true;
	}
	look_in(s, refused ? REFUSED_MS : backoff_next(&s->backoff, &s->rng));
}

/* The object is as the server says now; or, with @object NULL, there is none. */
static void object_set(struct config_state *s, const cJSON *object)
{
	cJSON_Delete(s->object);
	s->object = object == NULL ? NULL : must(cJSON_Duplicate(object, true));
}

/* Say what was found when it was looked for; a patch may miss the object, or the subresource. */
static void on_object(void *arg, int status, const cJSON *json, const char *error)
{
	struct config_state *s = arg;
	bool missed = s->missed;

	s->busy = s->missed = false;
	if (s->closing) {
		/* nobody asks any more */
	} else if (s->gone) {
		ask_for_object(s);
	} else if (status == 200 || status == 404) {
		object_set(s, status == 200 ? json : NULL);
		look_soon(s);
		if (status == 200 && missed)
			failed(s, 404, "there is no such subresource");
	} else {
		failed(s, status, error);
	}
	state_unref(s);
}

static void ask_for_object(struct config_state *s)
{
	char *path = object_path(s, NULL);

	s->busy = true;
	s->gone = false;
	s->holders++;
	int rc = kube_request(s->cfg.kube, "GET", path, NULL, NULL, on_object, s);
	free(path);
	if (rc != 0)
		on_object(s, 0, NULL, strerror(-rc));
}

/* The answer of a write. It may be older than what the watch has told since. */
static void on_answer(struct config_state *s, bool patch, int status, const cJSON *json,
		      const char *error)
{
	s->busy = false;
	if (s->closing) {
		/* nobody asks any more */
	} else if (status >= 200 && status < 300) {
		s->refused = false;
		backoff_reset(&s->backoff);
		if (s->gone) /* before this write, or after it */
			ask_for_object(s);
		else if (!version_older(version_of(json), version_of(s->object)))
			object_set(s, json);
		look_soon(s);
	} else if (status == 404 && patch) {
		s->missed = true;
		ask_for_object(s);
	} else {
		failed(s, status, error);
	}
	state_unref(s);
}

static void on_created(void *arg, int status, const cJSON *json, const char *error)
{
	on_answer(arg, false, status, json, error);
}

static void on_patched(void *arg, int status, const cJSON *json, const char *error)
{
	on_answer(arg, true, status, json, error);
}

static int send_ungated(void *via, const char *method, const char *path, const char *type,
			const char *body, kube_done done, void *arg)
{
	return kube_request(via, method, path, type, body, done, arg);
}

/* Write @body, which is taken over, as @subresource; without one there may be no object yet. */
static void write_object(struct config_state *s, const char *subresource, cJSON *body)
{
	bool patch = s->object != NULL;
	char *path = patch ? object_path(s, subresource)
			   : must(kube_path(API, s->ns, PLURAL, NULL, NULL));
	char *text = must(cJSON_PrintUnformatted(body));

	s->busy = true;
	s->gone = false;
	s->holders++;
	int rc = s->cfg.send(s->cfg.via, patch ? "PATCH" : "POST", path,
			     patch ? KUBE_MERGE_PATCH : KUBE_JSON, text,
			     patch ? on_patched : on_created, s);
	free(text);
	free(path);
	cJSON_Delete(body);
	if (rc != 0)
		on_answer(s, patch, 0, NULL, strerror(-rc));
}

/* The pod may not be readable, or not be there where there is no kubelet: then it owns nothing. */
static void on_pod(void *arg, int status, const cJSON *json, const char *error)
{
	struct config_state *s = arg;
	const char *uid = meta_text(json, "uid");

	s->busy = false;
	if (status == 200 && uid != NULL) {
		s->pod_uid = must(strdup(uid));
		s->want.pod = s->pod;
		s->want.pod_uid = s->pod_uid;
	} else if (status != 0) {
		log_info("config", "own pod cannot be read, it owns no ConfigurationState",
			 "pod=%s/%s err=\"%s\"", s->ns, s->pod, error != NULL ? error : "");
	}
	s->pod_known = status != 0;
	look_in(s, s->pod_known ? 0 : backoff_next(&s->backoff, &s->rng));
	state_unref(s);
}

static void ask_for_pod(struct config_state *s)
{
	char *path = must(kube_path("/api/v1", s->ns, "pods", s->pod, NULL));

	s->busy = true;
	s->holders++;
	int rc = kube_request(s->cfg.kube, "GET", path, NULL, NULL, on_pod, s);
	free(path);
	if (rc != 0)
		on_pod(s, 0, NULL, strerror(-rc));
}

/* --- what to do next ------------------------------------------------------------------- */

/* Write @body, which is taken over, when its time has come. */
static void write_at(struct config_state *s, uint64_t *due_ms, const char *subresource, cJSON *body)
{
	uint64_t now_ms = uv_now(s->cfg.loop);

	if (now_ms < *due_ms) {
		cJSON_Delete(body);
		look_in(s, *due_ms - now_ms);
		return;
	}
	*due_ms = now_ms + GAP_MS;
	write_object(s, subresource, body);
}

/* Do the first thing that is missing. What it leads to runs this again. */
static void look(struct config_state *s)
{
	char now[KUBE_TIME_TEXT];
	cJSON *body;

	if (s->busy || !s->judged || !(s->lead || s->once) || !kube_watch_synced(s->watch))
		return;
	if (!s->pod_known)
		ask_for_pod(s);
	else if (s->object == NULL)
		write_at(s, &s->rest_due_ms, NULL, config_state_object(&s->want));
	else if ((body = config_state_meta_patch(&s->want, s->object)) != NULL)
		write_at(s, &s->rest_due_ms, NULL, body);
	else if ((body = config_state_status_patch(&s->want, s->object, kube_time_text(now))) !=
		 NULL)
		write_at(s, &s->status_due_ms, "status", body);
	else
		s->once = false;
}

static void on_timer(uv_timer_t *t)
{
	look(t->data);
}

/* --- what the API tells ------------------------------------------------------------------ */

static void on_upsert(void *arg, const cJSON *object)
{
	struct config_state *s = arg;

	s->gone = false;
	object_set(s, object);
	look_soon(s);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct config_state *s = arg;

	(void)ns;
	(void)name;
	s->gone = true;
	object_set(s, NULL);
	look_soon(s);
}

static void on_listed(void *arg)
{
	look_soon(arg);
}

static void on_absent(void *arg)
{
	(void)arg; /* no definition, no object; the watch asks again */
}

static const struct kube_watch_ops watch_ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_listed,
	.absent = on_absent,
};

/* --- life -------------------------------------------------------------------------------- */

static char *name_of(const char *node)
{
	return node == NULL ? must_copy("controller") : must_text("speaker-%s", node);
}

static int watch_start(struct config_state *s)
{
	char *path = must(kube_path(API, s->ns, PLURAL, NULL, NULL));
	/* Names of Nodes are DNS names: nothing to escape. */
	char *query = must_text("fieldSelector=metadata.name%%3D%s", s->name);

	s->watch = kube_watch_start(s->cfg.kube, path, query, &watch_ops, s);
	free(path);
	free(query);
	return s->watch == NULL ? -ENOMEM : 0;
}

int config_state_open(const struct config_state_cfg *cfg, struct config_state **ret)
{
	struct config_state *s = must(calloc(1, sizeof(*s)));

	s->cfg = (struct config_state_cfg){
		.loop = cfg->loop,
		.kube = cfg->kube,
		.send = cfg->send != NULL ? cfg->send : send_ungated,
		.via = cfg->send != NULL ? cfg->via : cfg->kube,
	};
	s->name = name_of(cfg->node);
	s->ns = must_copy(cfg->ns);
	s->node = must_copy(cfg->node);
	s->condition = must_copy(cfg->condition);
	s->pod = cfg->pod == NULL || *cfg->pod == '\0' ? NULL : must_copy(cfg->pod);
	s->pod_known = s->pod == NULL;
	s->want = (struct config_state_text){
		.name = s->name,
		.ns = s->ns,
		.component = s->node == NULL ? "controller" : "speaker",
		.node = s->node,
		.condition = s->condition,
	};
	s->lead = true;
	s->rng = rng_seeded(cfg->seed);
	uv_timer_init(s->cfg.loop, &s->timer);
	s->timer.data = s;
	s->holders = 1;
	int rc = watch_start(s);
	if (rc != 0) {
		config_state_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void config_state_set(struct config_state *s, const char *error)
{
	free(s->error);
	s->error = must_copy(error);
	s->want.error = s->error;
	s->judged = true;
	look_soon(s);
}

void config_state_lead(struct config_state *s, bool lead)
{
	s->lead = lead;
	s->once = false;
	look_soon(s);
}

void config_state_once(struct config_state *s)
{
	s->once = true;
	look_soon(s);
}

static void on_closed(uv_handle_t *handle)
{
	state_unref(handle->data);
}

struct config_state *config_state_close(struct config_state *s)
{
	if (s == NULL)
		return NULL;
	s->closing = true;
	s->watch = kube_watch_stop(s->watch);
	uv_close((uv_handle_t *)&s->timer, on_closed);
	return NULL;
}
