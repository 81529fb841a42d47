// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine alone, as decoded Services go in and status writes come out, every write
 * landing at once. Decoding is not in it.
 *
 *	bench_allocator		10,000 Services that wait at start, one pool
 *	bench_allocator full	a /8 of which nine tenths are held, here and there
 *	bench_allocator growth	one allocation beside 10, 100, ... 1,000,000 held addresses
 *
 * One line of JSON for each figure. What is held stands in the engine's books, each address in
 * the hands of its own holder; the holders are no Services, of which 15 million would be 10 GB.
 * rss_anon_kb is the process at the end, everything included.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "allocator/record.h"
#include "lib/base/intern.h"

#define SERVICES 10000
#define BATCH    100 /* Services at once, beside held addresses */
#define ROUNDS   5000

static const char *const pool_text =
	"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{\"name\":"
	"\"public\",\"annotations\":{\"bellman.io/strategy\":\"\\\"%s\\\"\"}},\"spec\":"
	"{\"addresses\":[\"10.0.0.0/8\"]}}";

static const char *const service_text =
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"ns%d\",\"name\":"
	"\"svc%05d\",\"uid\":\"u%d\",\"resourceVersion\":\"%d\"},\"spec\":{\"type\":"
	"\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"
	"\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"a\"},\"ports\":[{\"protocol\":\"TCP\","
	"\"port\":80}]}}";

static void *need(void *memory, const char *what)
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
	FILE *f = need(fopen("/proc/self/status", "r"), "/proc/self/status");
	char line[256];
	long kb = -1;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
			break;
	}
	fclose(f);
	return kb;
}

static struct config *config_load(const char *strategy)
{
	char text[512];
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;

	snprintf(text, sizeof(text), pool_text, strategy);
	cJSON *object = need(cJSON_Parse(text), "pool");
	struct config_input *in = need(array_push(&inputs), "memory");
	in->object = object;
	if (config_build(&inputs, &faults, &c) != 0)
		need(NULL, "the pool does not check");
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
	cJSON *json = need(cJSON_Parse(text), "service");
	if (service_decode(json, (struct where){ 0 }, &faults, &s) != 0)
		need(NULL, "the Service does not decode");
	faults_free(&faults);
	cJSON_Delete(json);
	return s;
}

static struct allocator *allocator_with(const char *strategy)
{
	const struct allocator_cfg cfg = { .seed = 1 };
	struct allocator *a = allocator_new(&cfg);
	struct config *c = config_load(strategy);

	allocator_set_config(a, c, true);
	config_unref(c);
	return a;
}

/* Feed @count Services, run, and answer writes until nothing is left to do. Returns the writes. */
static unsigned serve(struct allocator *a, struct service **services, unsigned count)
{
	unsigned written = 0;

	for (unsigned i = 0; i < count; i++)
		allocator_service_upsert(a, services[i]);
	allocator_synced(a);
	for (size_t left = 1; left > 0;) {
		struct allocator_actions out = { 0 };

		allocator_run(a, 0, &out);
		left = out.count;
		for (size_t i = 0; i < out.count; i++) {
			const struct allocator_action *act = &out.items[i];

			if (act->type != ALLOCATOR_WRITE)
				continue;
			written++;
			allocator_written(a, act->ns, act->name, ALLOCATOR_WRITTEN, NULL, 0);
		}
		allocator_actions_done(&out);
	}
	return written;
}

/* --- at start ---------------------------------------------------------------------------- */

static int bench_start(void)
{
	static struct service *services[SERVICES];
	struct allocator *a = allocator_with("firstFit");

	for (int i = 0; i < SERVICES; i++)
		services[i] = service_load(i);
	double wall = ms(CLOCK_MONOTONIC), cpu = ms(CLOCK_PROCESS_CPUTIME_ID);
	unsigned written = serve(a, services, SERVICES);
	wall = ms(CLOCK_MONOTONIC) - wall;
	cpu = ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("{\"name\":\"allocator_engine_10k\",\"services\":%u,\"wall_ms\":%.1f,\"cpu_ms\":%."
	       "1f,\"rss_anon_kb\":%ld}\n",
	       written, wall, cpu, rss_anon_kb());
	allocator_free(a);
	return written == SERVICES ? 0 : 1;
}

/* --- beside addresses that are held ------------------------------------------------------ */

/* @count addresses of the first @size of the pool, picked at random, are held. */
static struct holder *hold(struct allocator *a, uint32_t size, uint32_t count)
{
	struct holder *holders = need(calloc(count, sizeof(*holders)), "memory");
	struct rng rng = rng_seeded(7);
	const char *ns = intern("held");
	uint32_t held = 0;

	for (uint32_t i = 0; i < size; i++) { /* each with the chance that is left for it */
		if (rng_below(&rng, size - i) >= count - held)
			continue;
		struct ip_addr ip = ip_from_number(IP_V4, 0x0a000000u + i);
		struct holder *h = &holders[held++];

		h->ns = ns;
		h->name = "x";
		LIST_INIT(&h->uses);
		ledger_take(a->ledger, &ip, h, NULL);
	}
	return holders;
}

static void release(struct allocator *a, struct holder *holders, uint32_t count)
{
	intern_unref(holders[0].ns);
	for (uint32_t i = 0; i < count; i++)
		ledger_drop(a->ledger, LIST_FIRST(&holders[i].uses));
	free(holders);
}

/*
 * CPU time of one allocation, in ns, over @rounds of @batch Services: they come, get addresses,
 * their writes land. That they go again between the rounds is not in it.
 */
static double allocation_ns(struct allocator *a, unsigned rounds, unsigned batch)
{
	struct service **services = need(calloc(batch, sizeof(struct service *)), "memory");
	double cpu = 0;
	unsigned written = 0;

	for (unsigned round = 0; round <= rounds; round++) {
		for (unsigned i = 0; i < batch; i++)
			services[i] = service_load((int)i);
		double from = ms(CLOCK_PROCESS_CPUTIME_ID);
		unsigned n = serve(a, services, batch);
		if (round > 0) { /* the first warms up */
			cpu += ms(CLOCK_PROCESS_CPUTIME_ID) - from;
			written += n;
		}
		for (unsigned i = 0; i < batch; i++) {
			char ns[16], name[16];

			snprintf(ns, sizeof(ns), "ns%u", i % 100);
			snprintf(name, sizeof(name), "svc%05u", i);
			allocator_service_remove(a, ns, name);
		}
	}
	free(services);
	if (written != rounds * batch)
		need(NULL, "not every Service was served");
	return cpu * 1e6 / written;
}

static void full_line(struct allocator *a, const char *strategy, unsigned rounds, unsigned batch,
		      uint32_t held)
{
	struct config *c = config_load(strategy);

	allocator_set_config(a, c, true);
	config_unref(c);
	double ns = allocation_ns(a, rounds, batch);
	printf("{\"name\":\"allocator_full\",\"strategy\":\"%s\",\"batch\":%u,\"held\":%u,"
	       "\"ns\":%.0f,\"per_s\":%.0f,\"rss_anon_kb\":%ld}\n",
	       strategy, batch, held, ns, 1e9 / ns, rss_anon_kb());
	fflush(stdout);
}

static int bench_full(void)
{
	const uint32_t size = 1u << 24, count = size / 10 * 9;
	struct allocator *a = allocator_with("firstFit");
	struct holder *holders = hold(a, size, count);

	full_line(a, "firstFit", ROUNDS, BATCH, count);
	full_line(a, "firstFit", ROUNDS / 100, BATCH * 100, count);
	full_line(a, "random", ROUNDS, BATCH, count);
	release(a, holders, count);
	allocator_free(a);
	return 0;
}

static int bench_growth(void)
{
	for (uint32_t count = 10; count <= 1000000; count *= 10) {
		struct allocator *a = allocator_with("firstFit");
		struct holder *holders = hold(a, count / 9 * 10 + 1, count);

		printf("{\"name\":\"allocator_growth\",\"held\":%u,\"ns\":%.0f}\n", count,
		       allocation_ns(a, ROUNDS, BATCH));
		fflush(stdout);
		release(a, holders, count);
		allocator_free(a);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return bench_start();
	if (strcmp(argv[1], "full") == 0)
		return bench_full();
	if (strcmp(argv[1], "growth") == 0)
		return bench_growth();
	fputs("usage: bench_allocator [full | growth]\n", stderr);
	return 2;
}
