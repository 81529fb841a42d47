// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine alone: 10,000 Services that wait, one pool, every write landing at once.
 *
 * One line of JSON. The time is that of feeding decoded Services, the runs and the answers;
 * decoding is not in it. rss_anon_kb is the process at the end, the Services included.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "allocator/engine.h"

#define SERVICES 10000

static const char *const pool_text =
	"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{\"name\":"
	"\"public\"},\"spec\":{\"addresses\":[\"10.0.0.0/8\"],\"avoidBuggyIPs\":true}}";

static const char *const service_text =
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"ns%d\",\"name\":"
	"\"svc%05d\",\"uid\":\"u%d\",\"resourceVersion\":\"%d\"},\"spec\":{\"type\":"
	"\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"
	"\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"a\"},\"ports\":[{\"protocol\":\"TCP\","
	"\"port\":80}]}}";

static void *must(void *memory, const char *what)
{
	if (memory == NULL) {
		fprintf(stderr, "bench_allocator: %s\n", what);
		exit(1);
	}
	return memory;
}

static double ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long rss_anon_kb(void)
{
	FILE *f = must(fopen("/proc/self/status", "r"), "/proc/self/status");
	char line[256];
	long kb = -1;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
			break;
	}
	fclose(f);
	return kb;
}

static struct config *config_load(void)
{
	cJSON *object = must(cJSON_Parse(pool_text), "pool");
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;

	struct config_input *in = must(array_push(&inputs), "memory");
	in->object = object;
	if (config_build(&inputs, &faults, &c) != 0)
		must(NULL, "the pool does not check");
	array_free(&inputs);
	faults_free(&faults);
	cJSON_Delete(object);
	return c;
}

static struct service *service_load(int i)
{
	char text[1024];
	struct faults faults = { 0 };
	struct service *s = NULL;

	snprintf(text, sizeof(text), service_text, i % 100, i, i, i + 1);
	cJSON *json = must(cJSON_Parse(text), "service");
	if (service_decode(json, (struct where){ 0 }, &faults, &s) != 0)
		must(NULL, "the Service does not decode");
	faults_free(&faults);
	cJSON_Delete(json);
	return s;
}

int main(void)
{
	const struct allocator_cfg cfg = { 0 };
	struct allocator *a = allocator_new(&cfg);
	struct config *c = config_load();
	static struct service *services[SERVICES];
	unsigned written = 0;

	for (int i = 0; i < SERVICES; i++)
		services[i] = service_load(i);

	double wall = ms(CLOCK_MONOTONIC), cpu = ms(CLOCK_PROCESS_CPUTIME_ID);
	allocator_set_config(a, c, true);
	for (int i = 0; i < SERVICES; i++)
		allocator_service_upsert(a, services[i]);
	allocator_synced(a);
	for (size_t count = 1; count > 0;) {
		struct allocator_actions out = { 0 };

		allocator_run(a, 0, &out);
		count = out.count;
		for (size_t i = 0; i < count; i++) {
			const struct allocator_action *act = &out.items[i];

			if (act->type != ALLOCATOR_WRITE)
				continue;
			written++;
			allocator_written(a, act->ns, act->name, ALLOCATOR_WRITTEN, NULL, 0);
		}
		allocator_actions_done(&out);
	}
	wall = ms(CLOCK_MONOTONIC) - wall;
	cpu = ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;

	printf("{\"name\":\"allocator_engine_10k\",\"services\":%u,\"wall_ms\":%.1f,\"cpu_ms\":%."
	       "1f,\"rss_anon_kb\":%ld}\n",
	       written, wall, cpu, rss_anon_kb());
	allocator_free(a);
	config_unref(c);
	return written == SERVICES ? 0 : 1;
}
