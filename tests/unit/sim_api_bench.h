// SPDX-License-Identifier: Apache-2.0
/*
 * A simulated API server, a watch that writes down what it is told, and writes that remember how
 * they ended. Included by test_sim_api*.c.
 */
#ifndef BELLMAN_TESTS_SIM_API_BENCH_H
#define BELLMAN_TESTS_SIM_API_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/meta.h"
#include "sim/api.h"

#define MS NS_PER_MS
#define S  NS_PER_S

static struct sim_clock *clock_;
static struct sim_api *api;

static inline void open_api(const struct sim_api_cfg *cfg)
{
	clock_ = sim_clock_new();
	api = sim_api_new(clock_, cfg);
}

static inline int setup(void **state)
{
	(void)state;
	open_api(&(struct sim_api_cfg){ .seed = 1 });
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	api = sim_api_free(api);
	clock_ = sim_clock_free(clock_);
	return intern_count() == 0 ? 0 : -1;
}

static inline void run_for(uint64_t ns)
{
	uint64_t until = sim_clock_now(clock_) + ns;

	while (sim_clock_step(clock_, until))
		;
}

/* --- objects ------------------------------------------------------------------------------ */

static inline cJSON *named(const char *ns, const char *name)
{
	cJSON *json = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(json, "metadata");

	if (ns != NULL)
		cJSON_AddStringToObject(metadata, "namespace", ns);
	cJSON_AddStringToObject(metadata, "name", name);
	return json;
}

/* A Service of namespace "web"; @cluster_ip tells versions of it apart. */
static inline cJSON *service(const char *name, const char *cluster_ip)
{
	cJSON *json = named("web", name), *spec = cJSON_AddObjectToObject(json, "spec");

	cJSON_AddStringToObject(spec, "type", "LoadBalancer");
	cJSON_AddStringToObject(spec, "clusterIP", cluster_ip);
	return json;
}

static inline void put(const char *name, const char *cluster_ip)
{
	assert_non_null(sim_api_put(api, SIM_SERVICE, service(name, cluster_ip)));
}

static inline const char *cluster_ip_of(const struct sim_object *o)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(o->json, "spec"),
						 "clusterIP"));
}

static inline const char *meta_of(const struct sim_object *o, const char *key)
{
	const char *text = meta_text(o->json, key);

	return text == NULL ? "" : text;
}

/* --- a watch that writes down what it is told ----------------------------------------------- */

struct follower {
	struct sim_api_client *client;
	struct sim_watch *watch;
	char text[8192]; /* "+name=IP " for upsert, "-name " for remove, "| " for synced */
	uint64_t last_ns;
};

static inline void note(struct follower *f, const char *text)
{
	assert_true(strlen(f->text) + strlen(text) < sizeof(f->text));
	strcat(f->text, text);
	f->last_ns = sim_clock_now(clock_);
}

static inline void on_upsert(void *arg, const struct sim_object *o)
{
	const char *ip = o->json == NULL ? NULL : cluster_ip_of(o);
	char text[256];

	snprintf(text, sizeof(text), "+%s%s%s ", o->name, ip == NULL ? "" : "=",
		 ip == NULL ? "" : ip + strlen("10.0.0."));
	note(arg, text);
}

static inline void on_remove(void *arg, const char *ns, const char *name)
{
	char text[256];

	(void)ns;
	snprintf(text, sizeof(text), "-%s ", name);
	note(arg, text);
}

static inline void on_synced(void *arg)
{
	note(arg, "| ");
}

static const struct sim_watch_ops ops __attribute__((unused)) = { on_upsert, on_remove, on_synced };

static inline void follow(struct follower *f, enum sim_kind kind)
{
	*f = (struct follower){ .client = sim_api_client_new(api, "test") };
	f->watch = sim_watch_start(f->client, kind, &ops, f);
}

/* The same with its list told, and open. */
static inline void follow_on(struct follower *f, enum sim_kind kind)
{
	follow(f, kind);
	run_for(2 * S);
	assert_true(sim_watch_is_current(f->watch));
	f->text[0] = '\0';
}

static inline void leave(struct follower *f)
{
	f->client = sim_api_client_free(f->client);
}

/* What it was told since this was asked last. */
static inline void told(struct follower *f, const char *want)
{
	assert_string_equal(f->text, want);
	f->text[0] = '\0';
}

/* --- requests -------------------------------------------------------------------------------- */

struct answer {
	unsigned count;
	int status;
	char version[24];
	uint64_t at_ns;
};

static inline void on_done(void *arg, int status, const struct sim_object *o)
{
	struct answer *a = arg;

	a->count++;
	a->status = status;
	a->at_ns = sim_clock_now(clock_);
	snprintf(a->version, sizeof(a->version), "%s", o == NULL ? "" : o->version);
}

/* The last octet of its cluster IP is *@arg. */
static inline void set_ip(const void *arg, cJSON *json)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "10.0.0.%d", *(const int *)arg);
	cJSON_DeleteItemFromObject(json, "spec");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "spec"), "clusterIP", ip);
}

static struct sim_api_write write_of(const char *name, int ip, struct answer *answer)
{
	int *arg = malloc(sizeof(*arg));

	*arg = ip;
	*answer = (struct answer){ 0 };
	return (struct sim_api_write){ .kind = SIM_SERVICE,
				       .ns = "web",
				       .name = name,
				       .change = set_ip,
				       .change_arg = arg,
				       .done = on_done,
				       .arg = answer };
}

static inline void send(struct sim_api_client *c, const char *name, int ip, const char *version,
			struct answer *answer)
{
	struct sim_api_write w = write_of(name, ip, answer);

	w.version = version;
	sim_api_send(c, &w);
}

static inline void answered(const struct answer *a, int status)
{
	assert_int_equal(a->count, 1);
	assert_int_equal(a->status, status);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
