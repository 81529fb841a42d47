// SPDX-License-Identifier: Apache-2.0
/*
 * A world for the allocator engine: an API server of a few lines that keeps Services, guards
 * writes by resourceVersion and tells the engine what changed, at once or late.
 *
 * With `late`, watch events, writes and their answers lie in queues until world_step() moves
 * one of them, so that a test can have any order a network can. Included by test_allocator_*.c.
 */
#ifndef BELLMAN_TESTS_ALLOCATOR_WORLD_H
#define BELLMAN_TESTS_ALLOCATOR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "allocator/engine.h"
#include "allocator/ips.h"
#include "lib/base/intern.h"
#include "lib/base/rng.h"
#include "lib/model/pool_own.h"

#define WORLD_THINGS 64
#define NS_OF_MS     1000000ull

/* The allocator's condition: what is to be done about it, or what stands there. */
struct said {
	int set; /* ALLOCATOR_CONDITION_*; on the server KEEP is none */
	char reason[64], message[1100];
	time_t since; /* on the server */
};

/* A Service as the API server keeps it. */
struct thing {
	char name[64]; /* "ns/name" */
	char *spec;    /* JSON */
	char *meta;    /* JSON members of annotations, without braces */
	char *labels;  /* JSON members */
	char ips[IP_LIST_MAX][IP_TEXT_MAX];
	unsigned ip_count;
	bool proxied; /* ipMode of all of them */
	char pool[64];
	struct said ready;
	unsigned long uid, version;
	unsigned year; /* of its creation; 0: not said */
	bool there;
};

/* Something on its way to the engine or to the server. */
struct letter {
	enum { LETTER_UPSERT, LETTER_REMOVE, LETTER_WRITE, LETTER_ANSWER } what;
	char name[64];
	struct service *service; /* UPSERT */
	/* WRITE */
	char ips[IP_LIST_MAX][IP_TEXT_MAX];
	unsigned ip_count;
	char pool[64];
	struct said ready;
	bool turned, proxied;
	unsigned long version;
	enum allocator_outcome outcome; /* ANSWER */
};

struct letters {
	ARRAY_OF(struct letter);
};

struct world {
	struct allocator *a;
	struct allocator_cfg cfg;
	struct config *config;
	struct thing things[WORLD_THINGS];
	unsigned long version, uid;
	uint64_t now_ns;
	unsigned writes; /* that landed */
	char *events;    /* "Reason ns/name: message\n" of the last world_run() */
	bool incomplete; /* not every source of pools has given a clean list */
	bool late;
	bool led_elsewhere;    /* the engine is that of another leader */
	unsigned loss_percent; /* of writes, when late: before or after they land */
	struct rng rng;
	struct letters watch, writing, answers;
	/* A call of an IPAM server, for the test to free. NULL: there is no such server. */
	void (*ipam)(struct world *w, struct ipam_call *call);
	void (*reserve)(struct world *w); /* does an ALLOCATOR_RESERVE */
	void (*list)(struct world *w);    /* tells an engine what is there beside Services */
	void *test;                       /* whatever the test keeps there */
};

static char *world_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline char *world_text(const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	assert_true(vasprintf(&text, fmt, args) >= 0);
	va_end(args);
	return text;
}

static inline struct thing *world_thing(struct world *w, const char *name)
{
	for (size_t i = 0; i < WORLD_THINGS; i++) {
		if (strcmp(w->things[i].name, name) == 0)
			return &w->things[i];
	}
	return NULL;
}

static inline void world_split(const char *name, char ns[static 64], const char **ret_name)
{
	snprintf(ns, 64, "%s", name);
	*ns = '\0';
	const char *slash = strchr(name, '/');
	memcpy(ns, name, (size_t)(slash - name));
	ns[slash - name] = '\0';
	*ret_name = slash + 1;
}

static inline char *world_conditions(const struct said *ready)
{
	char since[32];
	struct tm tm;

	if (ready->set == ALLOCATOR_CONDITION_KEEP)
		return strdup("");
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&ready->since, &tm));
	cJSON *c = cJSON_CreateObject();
	cJSON_AddStringToObject(c, "type", SERVICE_READY_CONDITION);
	cJSON_AddStringToObject(c, "status",
				ready->set == ALLOCATOR_CONDITION_TRUE ? "True" : "False");
	cJSON_AddStringToObject(c, "reason", ready->reason);
	cJSON_AddStringToObject(c, "message", ready->message);
	cJSON_AddStringToObject(c, "lastTransitionTime", since);
	char *text = cJSON_PrintUnformatted(c);
	cJSON_Delete(c);
	return text;
}

static inline struct service *world_service(const struct thing *t)
{
	char ns[64], ingress[IP_LIST_MAX * (IP_TEXT_MAX + 10)] = "", created[64] = "";
	const char *name;

	world_split(t->name, ns, &name);
	if (t->year != 0)
		snprintf(created, sizeof(created), "\"creationTimestamp\":\"%u-01-02T03:04:05Z\",",
			 t->year);
	for (unsigned i = 0; i < t->ip_count; i++) {
		size_t len = strlen(ingress);
		snprintf(ingress + len, sizeof(ingress) - len,
			 "%s{\"ip\":\"%s\",\"ipMode\":\"%s\"}", i > 0 ? "," : "", t->ips[i],
			 t->proxied ? "Proxy" : "VIP");
	}
	char *pool = t->pool[0] != '\0'
			     ? world_text("%s\"metallb.io/ip-allocated-from-pool\":\"%s\"",
					  t->meta[0] != '\0' ? "," : "", t->pool)
			     : strdup("");
	char *conditions = world_conditions(&t->ready);
	char *text = world_text(
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"%s\","
		"\"name\":\"%s\",\"uid\":\"u%lu\",\"resourceVersion\":\"%lu\",%s\"labels\":{%s},"
		"\"annotations\":{%s%s}},\"spec\":%s,\"status\":{\"loadBalancer\":"
		"{\"ingress\":[%s]},\"conditions\":[%s]}}",
		ns, name, t->uid, t->version, created, t->labels, t->meta, pool, t->spec, ingress,
		conditions);
	free(conditions);
	cJSON *json = cJSON_Parse(text);
	struct faults faults = { 0 };
	struct service *s = NULL;

	if (json == NULL || service_decode(json, (struct where){ 0 }, &faults, &s) != 0) {
		faults_print(&faults, stderr);
		fail_msg("%s", text);
	}
	faults_free(&faults);
	cJSON_Delete(json);
	free(text);
	free(pool);
	return s;
}

/* Tell the engine, now or later, what the server has. */
static inline void world_tell(struct world *w, const struct thing *t)
{
	char ns[64];
	const char *name;

	world_split(t->name, ns, &name);
	if (w->late) {
		struct letter *l = array_push(&w->watch);
		l->what = t->there ? LETTER_UPSERT : LETTER_REMOVE;
		strcpy(l->name, t->name);
		l->service = t->there ? world_service(t) : NULL;
	} else if (t->there) {
		allocator_service_upsert(w->a, world_service(t));
	} else {
		allocator_service_remove(w->a, ns, name);
	}
}

/* Create or replace a Service; NULL keeps that part. The server empties the status of what is no
 * LoadBalancer. */
static inline void world_apply(struct world *w, const char *name, const char *spec,
			       const char *annotations, const char *labels)
{
	struct thing *t = world_thing(w, name);

	for (size_t i = 0; t == NULL; i++) {
		assert_true(i < WORLD_THINGS);
		if (w->things[i].name[0] == '\0')
			t = &w->things[i];
	}
	if (!t->there) {
		snprintf(t->name, sizeof(t->name), "%s", name);
		t->there = true;
		t->uid = ++w->uid;
		t->ip_count = 0;
		t->pool[0] = '\0';
		t->ready = (struct said){ 0 };
		t->proxied = false;
		free(t->spec);
		free(t->meta);
		free(t->labels);
		t->spec = strdup("{}");
		t->meta = strdup("");
		t->labels = strdup("");
	}
	char **slots[] = { &t->spec, &t->meta, &t->labels };
	const char *texts[] = { spec, annotations, labels };
	for (size_t i = 0; i < 3; i++) {
		if (texts[i] != NULL) {
			free(*slots[i]);
			*slots[i] = strdup(texts[i]);
		}
	}
	if (strstr(t->spec, "LoadBalancer") == NULL)
		t->ip_count = 0;
	t->version = ++w->version;
	world_tell(w, t);
}

static inline void world_delete(struct world *w, const char *name)
{
	struct thing *t = world_thing(w, name);

	if (t == NULL || !t->there)
		return;
	t->there = false;
	w->version++;
	world_tell(w, t);
}

/* Somebody else writes the status: up to two addresses, NULL for none. */
static inline void world_status(struct world *w, const char *name, const char *ip1, const char *ip2)
{
	struct thing *t = world_thing(w, name);

	t->ip_count = 0;
	if (ip1 != NULL)
		snprintf(t->ips[t->ip_count++], IP_TEXT_MAX, "%s", ip1);
	if (ip2 != NULL)
		snprintf(t->ips[t->ip_count++], IP_TEXT_MAX, "%s", ip2);
	t->version = ++w->version;
	world_tell(w, t);
}

/* Pools as a JSON list of {name, the fields of spec, and Bellman's own}. */
static inline struct config *world_config(const char *pools)
{
	cJSON *list = cJSON_Parse(pools), *objects = cJSON_CreateArray(), *pool;
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;

	if (list == NULL)
		fail_msg("%s", pools);
	while ((pool = cJSON_DetachItemFromArray(list, 0)) != NULL) {
		cJSON *o = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(o, "metadata");
		cJSON *notes = cJSON_AddObjectToObject(meta, "annotations");

		for (const struct field *f = pool_own_fields; f->name != NULL; f++) {
			cJSON *own = cJSON_DetachItemFromObjectCaseSensitive(pool, f->name);
			char *key = world_text("bellman.io/%s", f->name);
			char *text = own != NULL ? cJSON_PrintUnformatted(own) : NULL;

			if (text != NULL)
				cJSON_AddStringToObject(notes, key, text);
			free(text);
			free(key);
			cJSON_Delete(own);
		}
		cJSON_AddStringToObject(o, "apiVersion", "metallb.io/v1beta1");
		cJSON_AddStringToObject(o, "kind", "IPAddressPool");
		cJSON_AddItemToObject(meta, "name",
				      cJSON_DetachItemFromObjectCaseSensitive(pool, "name"));
		cJSON_AddItemToObject(o, "spec", pool);
		cJSON_AddItemToArray(objects, o);
		struct config_input *in = array_push(&inputs);
		in->object = o;
	}
	if (config_build(&inputs, &faults, &c) != 0) {
		faults_print(&faults, stderr);
		fail_msg("%s", pools);
	}
	array_free(&inputs);
	faults_free(&faults);
	cJSON_Delete(objects);
	cJSON_Delete(list);
	return c;
}

static inline void world_pools_complete(struct world *w, const char *pools, bool complete)
{
	struct config *c = world_config(pools);

	config_unref(w->config);
	w->config = c;
	w->incomplete = !complete;
	allocator_set_config(w->a, c, complete);
}

static inline void world_pools(struct world *w, const char *pools)
{
	world_pools_complete(w, pools, true);
}

static inline void world_namespace(struct world *w, const char *name, const char *labels)
{
	char *text = world_text("{\"metadata\":{\"name\":\"%s\",\"labels\":{%s}}}", name, labels);
	cJSON *json = cJSON_Parse(text);
	struct faults faults = { 0 };
	struct namespace *n = NULL;

	assert_int_equal(namespace_decode(json, (struct where){ 0 }, &faults, &n), 0);
	faults_free(&faults);
	cJSON_Delete(json);
	free(text);
	allocator_namespace_upsert(w->a, n);
}

/* Conditions merge by their type: one that is not mentioned stays, and so does its time. */
static inline void world_write_ready(const struct world *w, struct thing *t, const struct letter *l)
{
	time_t since = l->turned ? (time_t)w->version : t->ready.since;

	if (l->ready.set == ALLOCATOR_CONDITION_KEEP)
		return;
	t->ready = l->ready;
	t->ready.since = since;
	if (l->ready.set == ALLOCATOR_CONDITION_REMOVE)
		t->ready = (struct said){ 0 };
}

/* The server gets a write. */
static inline enum allocator_outcome world_write(struct world *w, const struct letter *l)
{
	struct thing *t = world_thing(w, l->name);

	if (t == NULL || !t->there)
		return ALLOCATOR_FAILED;
	if (t->version != l->version)
		return ALLOCATOR_CONFLICT;
	memcpy(t->ips, l->ips, sizeof(t->ips));
	t->ip_count = l->ip_count;
	memcpy(t->pool, l->pool, sizeof(t->pool));
	t->proxied = l->proxied;
	t->version = ++w->version;
	world_write_ready(w, t, l);
	w->writes++;
	return ALLOCATOR_WRITTEN;
}

/* The engine gets the answer to one; after a conflict the object is read again first. */
static inline void world_answer(struct world *w, const struct letter *l)
{
	struct thing *t = world_thing(w, l->name);
	char ns[64], version[32];
	const char *name;

	world_split(l->name, ns, &name);
	snprintf(version, sizeof(version), "%lu", l->version);
	if (l->outcome == ALLOCATOR_CONFLICT &&
	    !(t->there && allocator_service_reread(w->a, world_service(t)))) {
		allocator_written(w->a, ns, name, ALLOCATOR_FAILED, NULL, w->now_ns);
		return;
	}
	allocator_written(w->a, ns, name, l->outcome,
			  l->outcome == ALLOCATOR_WRITTEN ? version : NULL, w->now_ns);
}

static inline struct letter world_take(struct letters *from, size_t i)
{
	struct letter l = from->items[i];

	memmove(&from->items[i], &from->items[i + 1],
		(from->count - i - 1) * sizeof(from->items[0]));
	from->count--;
	return l;
}

/* One run of the engine. Without `late`, its writes land and are told at once. */
static inline size_t world_run_once(struct world *w)
{
	struct allocator_actions out = { 0 };
	size_t count;

	allocator_run(w->a, w->now_ns, &out);
	count = out.count;
	for (size_t i = 0; i < count; i++) {
		const struct allocator_action *act = &out.items[i];

		if (act->type == ALLOCATOR_EVENT) {
			char *more = world_text("%s%s %s/%s: %s\n", w->events, act->reason, act->ns,
						act->name, act->message);
			free(w->events);
			w->events = more;
			continue;
		}
		if (act->type == ALLOCATOR_IPAM) {
			if (w->ipam != NULL) {
				w->ipam(w, act->ipam);
				out.items[i].ipam = NULL;
			}
			continue;
		}
		if (act->type == ALLOCATOR_RESERVE) {
			w->reserve(w);
			continue;
		}
		struct letter *l = array_push(&w->writing);
		l->what = LETTER_WRITE;
		snprintf(l->name, sizeof(l->name), "%s/%s", act->ns, act->name);
		l->ip_count = act->ip_count;
		for (unsigned k = 0; k < act->ip_count; k++)
			ip_format(&act->ips[k], l->ips[k]);
		snprintf(l->pool, sizeof(l->pool), "%s", act->pool != NULL ? act->pool : "");
		l->ready.set = act->condition.set;
		l->turned = act->condition.turned;
		l->proxied = act->proxied;
		if (act->condition.message != NULL) {
			snprintf(l->ready.reason, sizeof(l->ready.reason), "%s",
				 act->condition.reason);
			snprintf(l->ready.message, sizeof(l->ready.message), "%s",
				 act->condition.message);
		}
		l->version = strtoul(act->resource_version, NULL, 10);
	}
	allocator_actions_done(&out);
	while (!w->late && w->writing.count > 0) {
		count++;
		struct letter l = world_take(&w->writing, 0);

		l.outcome = world_write(w, &l);
		l.version = w->version;
		world_answer(w, &l);
		if (l.outcome == ALLOCATOR_WRITTEN)
			world_tell(w, world_thing(w, l.name));
	}
	return count;
}

/* Run until nothing is left to do; w->events has what was said. Returns how many writes landed. */
static inline unsigned world_run(struct world *w)
{
	unsigned before = w->writes;

	free(w->events);
	w->events = strdup("");
	for (int turns = 0; world_run_once(w) > 0; turns++)
		assert_true(turns < 1000);
	return w->writes - before;
}

/* Move one letter of those under way, picked at random. False when there is none. */
static inline bool world_step(struct world *w)
{
	size_t total = w->watch.count + w->writing.count + w->answers.count;
	size_t at = rng_below(&w->rng, total);

	if (total == 0)
		return false;
	if (at < w->watch.count) { /* a watch keeps its order */
		struct letter l = world_take(&w->watch, 0);
		char ns[64];
		const char *name;

		world_split(l.name, ns, &name);
		if (l.what == LETTER_UPSERT)
			allocator_service_upsert(w->a, l.service);
		else
			allocator_service_remove(w->a, ns, name);
	} else if ((at -= w->watch.count) < w->writing.count) {
		struct letter l = world_take(&w->writing, at);
		bool lost = rng_below(&w->rng, 100) < w->loss_percent;

		l.what = LETTER_ANSWER;
		l.outcome = ALLOCATOR_FAILED;
		if (!lost || rng_below(&w->rng, 2) == 0) {
			enum allocator_outcome outcome = world_write(w, &l);
			if (outcome == ALLOCATOR_WRITTEN)
				world_tell(w, world_thing(w, l.name));
			if (!lost)
				l.outcome = outcome;
			l.version = w->version;
		}
		*array_push(&w->answers) = l;
	} else {
		struct letter l = world_take(&w->answers, at - w->writing.count);
		world_answer(w, &l);
	}
	return true;
}

/* The namespace by which a cluster is known. */
static inline void world_cluster(struct allocator *a)
{
	struct namespace *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->meta.name = intern("kube-system");
	n->meta.uid = strdup("c0ffee");
	allocator_namespace_upsert(a, n);
}

static inline void world_feed(struct world *w)
{
	w->a = allocator_new(&w->cfg);
	if (w->config != NULL)
		allocator_set_config(w->a, w->config, !w->incomplete);
	if (w->ipam != NULL)
		world_cluster(w->a);
	if (w->list != NULL)
		w->list(w);
	for (size_t i = 0; i < WORLD_THINGS; i++) {
		if (w->things[i].there)
			allocator_service_upsert(w->a, world_service(&w->things[i]));
	}
	allocator_synced(w->a);
}

static inline void letters_free(struct letters *l)
{
	for (size_t i = 0; i < l->count; i++)
		service_free(l->items[i].service);
	array_free(l);
}

/* A new engine that knows only what the server has. Writes under way reach the server or not;
 * nobody hears of them. */
static inline void world_restart(struct world *w)
{
	for (size_t i = 0; i < w->writing.count; i++) {
		if (rng_below(&w->rng, 2) == 0)
			world_write(w, &w->writing.items[i]);
	}
	letters_free(&w->writing);
	letters_free(&w->answers);
	letters_free(&w->watch);
	allocator_free(w->a);
	world_feed(w);
}

/*
 * The engine loses the lead, another one leads for a while, and then it leads again. Writes under
 * way reach the server or not; the engine hears no more of them than that they have ended.
 */
static inline void world_change_leader(struct world *w, void (*meanwhile)(struct world *w))
{
	struct letters under_way[] = { w->writing, w->answers };
	struct allocator *ours = w->a;
	char ns[64];
	const char *name;

	w->writing = w->answers = (struct letters){ 0 };
	for (size_t i = 0; i < under_way[0].count; i++) {
		if (rng_below(&w->rng, 2) == 0)
			world_write(w, &under_way[0].items[i]);
	}
	bool before = rng_below(&w->rng, 2) == 0; /* the gate ends them first; be it otherwise */
	if (!before)
		allocator_lead(ours, false);
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < under_way[i].count; k++) {
			world_split(under_way[i].items[k].name, ns, &name);
			allocator_written(ours, ns, name, ALLOCATOR_FAILED, NULL, w->now_ns);
		}
		letters_free(&under_way[i]);
	}
	allocator_lead(ours, false);
	letters_free(&w->watch);
	world_feed(w);
	meanwhile(w);
	for (size_t i = 0; i < w->writing.count; i++)
		world_write(w, &w->writing.items[i]); /* it releases when they have ended */
	letters_free(&w->writing);
	letters_free(&w->answers);
	letters_free(&w->watch);
	allocator_free(w->a);

	w->a = ours;
	allocator_lead(ours, true);
	assert_int_equal(world_run_once(w), 0); /* the list is still to come */
	if (w->config != NULL)
		allocator_set_config(ours, w->config, !w->incomplete);
	if (w->list != NULL)
		w->list(w);
	for (size_t i = 0; i < WORLD_THINGS; i++) {
		if (w->things[i].there) {
			allocator_service_upsert(ours, world_service(&w->things[i]));
		} else if (w->things[i].name[0] != '\0') {
			world_split(w->things[i].name, ns, &name);
			allocator_service_remove(ours, ns, name);
		}
	}
	allocator_synced(ours);
}

static inline struct world *world_new(const char *pools, const char *lb_class)
{
	struct world *w = calloc(1, sizeof(*w));

	w->cfg.lb_class = lb_class;
	w->rng = rng_seeded(1);
	w->events = strdup("");
	w->now_ns = 1;
	if (pools != NULL)
		w->config = world_config(pools);
	world_feed(w);
	return w;
}

static inline void world_free(struct world *w)
{
	allocator_free(w->a);
	config_unref(w->config);
	for (size_t i = 0; i < WORLD_THINGS; i++) {
		free(w->things[i].spec);
		free(w->things[i].meta);
		free(w->things[i].labels);
	}
	letters_free(&w->writing);
	letters_free(&w->answers);
	letters_free(&w->watch);
	free(w->events);
	free(w);
	assert_int_equal(intern_count(), 0);
}

/* The status on the server, "ip,ip pool"; "" for none. */
static inline const char *world_shows(struct world *w, const char *name)
{
	static char text[IP_LIST_MAX * IP_TEXT_MAX + 64];
	const struct thing *t = world_thing(w, name);

	text[0] = '\0';
	for (unsigned i = 0; i < t->ip_count; i++) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "," : "", t->ips[i]);
	}
	if (t->pool[0] != '\0') {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "", t->pool);
	}
	return text;
}

/* What the condition on the server says, "True Allocated: ..."; "" for none. */
static inline const char *world_condition(struct world *w, const char *name)
{
	static char text[1200];
	const struct said *ready = &world_thing(w, name)->ready;

	text[0] = '\0';
	if (ready->set != ALLOCATOR_CONDITION_KEEP)
		snprintf(text, sizeof(text), "%s %s: %s",
			 ready->set == ALLOCATOR_CONDITION_TRUE ? "True" : "False", ready->reason,
			 ready->message);
	return text;
}

static inline struct allocator_service_view world_view(struct world *w, const char *full)
{
	struct allocator_service_view v;
	char ns[64];
	const char *name;

	world_split(full, ns, &name);
	assert_true(allocator_service(w->a, ns, name, &v));
	return v;
}

static inline bool world_said(const struct world *w, const char *text)
{
	return strstr(w->events, text) != NULL;
}

/* Specs. */
#define PORTS(p) "\"ports\":[{\"protocol\":\"TCP\",\"port\":" #p "}]"
#define LB_V4    LB_V4_PORT(80)
#define LB_V4_PORT(p)                                                                              \
	"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\","                                  \
	"\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilies\":[\"IPv4\"]," PORTS(p) "}"
#define LB_V6                                                                                      \
	"{\"type\":\"LoadBalancer\",\"clusterIP\":\"fd00::1\","                                    \
	"\"clusterIPs\":[\"fd00::1\"],\"ipFamilies\":[\"IPv6\"]," PORTS(80) "}"
#define LB_DUAL(policy)                                                                            \
	"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":"                   \
	"[\"10.96.0.1\",\"fd00::1\"],\"ipFamilies\":[\"IPv4\",\"IPv6\"],"                          \
	"\"ipFamilyPolicy\":\"" policy "\"," PORTS(80) "}"
#define CLUSTER_IP                                                                                 \
	"{\"type\":\"ClusterIP\",\"clusterIP\":\"10.96.0.1\","                                     \
	"\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilies\":[\"IPv4\"]," PORTS(80) "}"

#define A_IPS(ips)   "\"metallb.io/loadBalancerIPs\":\"" ips "\""
#define A_POOL(name) "\"metallb.io/address-pool\":\"" name "\""
#define A_SHARE(key) "\"metallb.io/allow-shared-ip\":\"" key "\""

#endif
