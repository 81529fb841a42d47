// SPDX-License-Identifier: Apache-2.0
/*
 * What the tests of the API client share: a loop with a deadline, a client, and a record of all
 * that it told. Its log is caught, so that a test can count what was said.
 */
#ifndef BELLMAN_TESTS_KUBE_BENCH_H
#define BELLMAN_TESTS_KUBE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/kube/kube.h"

#define DEADLINE_MS 30000
#define TICK_MS     20

struct bench {
	uv_loop_t loop;
	uv_timer_t tick;
	uint64_t deadline_ms;
	bool late;
	struct kube *kube;
	struct kube_watch *watch;
	char told[1 << 15]; /* "+name" "-name" "=" (synced), and texts of answers, blanks between */
	unsigned upserts, removes, synced, done, done_without_answer;
	int status;       /* of the last answer */
	char error[1024]; /* of it */
	cJSON *json;      /* its body */
	const char *more; /* to print when a wait fails; NULL: nothing */
	FILE *log;
	int stderr_fd;
};

/* uv_run() runs timers and then waits for something else to happen, though what is waited for may
 * have come by a timer: so there is always one more. */
static inline void bench_on_tick(uv_timer_t *timer)
{
	struct bench *b = timer->data;

	b->late = uv_now(timer->loop) >= b->deadline_ms;
}

/* As fail_msg(), where it can be read: stderr is the log that the tests look into. */
#define fail_aloud(b, ...)                                                                         \
	do {                                                                                       \
		dup2((b)->stderr_fd, STDERR_FILENO);                                               \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

/* Turn the loop until @condition holds. */
#define wait_for(b, condition)                                                                     \
	do {                                                                                       \
		(b)->late = false;                                                                 \
		uv_update_time(&(b)->loop);                                                        \
		(b)->deadline_ms = uv_now(&(b)->loop) + DEADLINE_MS;                               \
		uv_timer_start(&(b)->tick, bench_on_tick, TICK_MS, TICK_MS);                       \
		while (!(condition) && !(b)->late)                                                 \
			uv_run(&(b)->loop, UV_RUN_ONCE);                                           \
		uv_timer_stop(&(b)->tick);                                                         \
		if (!(condition))                                                                  \
			fail_aloud((b), "waited in vain for %s\ntold: %s\nerror: %s\nlog: %s\n%s", \
				   #condition, (b)->told, (b)->error, bench_log(b),                \
				   (b)->more == NULL ? "" : (b)->more);                            \
	} while (0)

/* All that was logged so far. */
static inline const char *bench_log(struct bench *b)
{
	static char all[1 << 16];
	ssize_t len = pread(fileno(b->log), all, sizeof(all) - 1, 0);

	all[len < 0 ? 0 : len] = '\0';
	return all;
}

static inline unsigned count_of(const char *text, const char *in)
{
	unsigned count = 0;

	for (; (in = strstr(in, text)) != NULL; in++)
		count++;
	return count;
}

/* What was logged must hold @text so many times. */
static inline void assert_logged(struct bench *b, const char *text, unsigned times)
{
	const char *all = bench_log(b);
	unsigned count = count_of(text, all);

	if (count != times)
		fail_aloud(b, "\"%s\" logged %u times, not %u:\n%s", text, count, times, all);
}

static inline void bench_tell(struct bench *b, const char *what, const char *name)
{
	size_t len = strlen(b->told);

	snprintf(b->told + len, sizeof(b->told) - len, "%s%s ", what, name);
}

static inline const char *member_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static inline void on_upsert(void *arg, const cJSON *object)
{
	struct bench *b = arg;

	b->upserts++;
	bench_tell(b, "+",
		   member_text(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "name"));
}

static inline void on_remove(void *arg, const char *ns, const char *name)
{
	struct bench *b = arg;

	(void)ns;
	b->removes++;
	bench_tell(b, "-", name);
}

static inline void on_synced(void *arg)
{
	((struct bench *)arg)->synced++;
	bench_tell(arg, "=", "");
}

static const struct kube_watch_ops told_ops = { .upsert = on_upsert,
						.remove = on_remove,
						.synced = on_synced };

static inline void on_done(void *arg, int status, const cJSON *json, const char *error)
{
	struct bench *b = arg;

	b->done++;
	b->done_without_answer += status == 0;
	b->status = status;
	cJSON_Delete(b->json);
	b->json = cJSON_Duplicate(json, true);
	snprintf(b->error, sizeof(b->error), "%s", error == NULL ? "" : error);
	if (member_text(json, "text") != NULL)
		bench_tell(b, "", member_text(json, "text"));
}

/* The bench that the setup made, or the end of the test with a word on what it lacked for one. */
static inline struct bench *bench_or_skip(void **state, const char *missing)
{
	if (*state == NULL) {
		print_message("skipped: %s\n", missing);
		skip();
	}
	return *state;
}

static inline struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->tick);
	b->tick.data = b;
	b->log = tmpfile();
	b->stderr_fd = dup(STDERR_FILENO);
	dup2(fileno(b->log), STDERR_FILENO);
	return b;
}

static inline void bench_open(struct bench *b, const char *server, const char *kubeconfig)
{
	const struct kube_cfg cfg = { .server = server,
				      .kubeconfig = kubeconfig,
				      .user_agent = "bellman-test/1" };
	char err[256];

	if (kube_open(&b->loop, &cfg, &b->kube, err, sizeof(err)) != 0)
		fail_aloud(b, "%s", err);
}

/* After everything else on the loop has been closed. */
static inline void bench_free(struct bench *b)
{
	dup2(b->stderr_fd, STDERR_FILENO);
	close(b->stderr_fd);
	fclose(b->log);
	kube_close(b->kube);
	uv_close((uv_handle_t *)&b->tick, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0); /* no handle was forgotten */
	assert_int_equal(intern_count(), 0);
	cJSON_Delete(b->json);
	free(b);
}

#endif
