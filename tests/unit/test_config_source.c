// SPDX-License-Identifier: Apache-2.0
/*
 * lib/daemon/config_source: a file that is followed on a real loop, and resources told by
 * watches that are played here in place of lib/kube.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/daemon/config_source.h"

#define DEADLINE_MS 20000
#define TICK_MS     5
#define POOL(name)  "pools = ( { name = \"" name "\"; addresses = ( \"192.0.2.0/24\" ); } );\n"
#define NO_POOL     "pools = ( );\n"

struct world {
	uv_loop_t loop;
	uv_timer_t deadline, noise;
	bool late;
	char dir[32], file[64];
	unsigned ticks, noises;
	const char *then; /* written at the first change; NULL: nothing */
	struct config_source *source;
	unsigned changes;
	size_t pools;   /* of the last change */
	bool complete;  /* as of then */
	char first[32]; /* its first pool */
	unsigned verdicts;
	char wrong[256]; /* the last verdict; empty: valid */
};

/* --- lib/kube, as far as a source needs it ------------------------------------------------- */

struct kube_watch {
	const struct kube_watch_ops *ops;
	void *arg;
	char *path;
};

static struct kube_watch watches[7]; /* as they were started: pools, communities, ..., Secrets */
#define SECRETS 6
static size_t watch_count;

struct kube_watch *kube_watch_start(struct kube *k, const char *path, const char *query,
				    const struct kube_watch_ops *ops, void *arg)
{
	(void)k;
	(void)query;
	assert_true(watch_count < sizeof(watches) / sizeof(*watches));
	struct kube_watch *w = &watches[watch_count++];
	*w = (struct kube_watch){ ops, arg, strdup(path) };
	return w;
}

struct kube_watch *kube_watch_stop(struct kube_watch *w)
{
	if (w != NULL)
		free(w->path);
	return NULL;
}

char *kube_path(const char *api, const char *ns, const char *resource, const char *name,
		const char *subresource)
{
	char *path;

	assert_null(name);
	assert_null(subresource);
	assert_true(asprintf(&path, "%s/namespaces/%s/%s", api, ns, resource) > 0);
	return path;
}

static void tell_pool(const char *name, const char *addresses)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":"
		 "{\"name\":\"%s\"},\"spec\":{\"addresses\":[\"%s\"]}}",
		 name, addresses);
	cJSON *json = cJSON_Parse(text);
	watches[0].ops->upsert(watches[0].arg, json);
	cJSON_Delete(json);
}

static void tell_listed(void)
{
	for (size_t i = 0; i < watch_count; i++)
		watches[i].ops->synced(watches[i].arg);
}

/* --- the world ------------------------------------------------------------------------------ */

/* Ticks, so that uv_run() comes back soon after a timer did what is waited for. */
static void on_tick(uv_timer_t *t)
{
	struct world *w = t->data;

	w->late = ++w->ticks > DEADLINE_MS / TICK_MS;
}

#define wait_for(w, condition)                                                                     \
	do {                                                                                       \
		(w)->late = false;                                                                 \
		(w)->ticks = 0;                                                                    \
		uv_timer_start(&(w)->deadline, on_tick, TICK_MS, TICK_MS);                         \
		while (!(condition) && !(w)->late)                                                 \
			uv_run(&(w)->loop, UV_RUN_ONCE);                                           \
		uv_timer_stop(&(w)->deadline);                                                     \
		assert_true(condition);                                                            \
	} while (0)

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void on_changed(void *arg, struct config *c)
{
	struct world *w = arg;

	if (w->changes++ == 0 && w->then != NULL)
		write_file(w->file, w->then);
	w->pools = c->pools.count;
	w->complete = config_source_complete(w->source);
	snprintf(w->first, sizeof(w->first), "%s", w->pools > 0 ? c->pools.items[0].name : "");
}

static void on_judged(void *arg, const char *error)
{
	struct world *w = arg;

	w->verdicts++;
	snprintf(w->wrong, sizeof(w->wrong), "%s", error != NULL ? error : "");
}

/* @cfg: what matters of it; the rest is filled in. */
static struct world *world_new_of(struct config_source_cfg cfg, const char *text, bool with_kube)
{
	static int some_kube;
	struct world *w = calloc(1, sizeof(*w));

	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	strcpy(w->dir, "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->file, sizeof(w->file), "%s/b.conf", w->dir);
	write_file(w->file, text);
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->deadline);
	uv_timer_init(&w->loop, &w->noise);
	w->deadline.data = w->noise.data = w;
	cfg.loop = &w->loop;
	cfg.file = w->file;
	cfg.kube = with_kube ? (struct kube *)&some_kube : NULL; /* never looked into */
	cfg.ns = "metallb-system";
	cfg.changed = on_changed;
	cfg.judged = on_judged;
	cfg.arg = w;
	assert_int_equal(config_source_open(&cfg, &w->source), 0);
	return w;
}

static struct world *world_new_with(enum config_scope scope, bool watch_all, const char *text,
				    bool with_kube)
{
	const struct config_source_cfg cfg = { .scope = scope, .watch_all = watch_all };

	return world_new_of(cfg, text, with_kube);
}

static struct world *world_new_for(enum config_scope scope, const char *text, bool with_kube)
{
	return world_new_with(scope, false, text, with_kube);
}

static struct world *world_new(const char *text, bool with_kube)
{
	return world_new_for(CONFIG_ALL, text, with_kube);
}

static void world_free(struct world *w)
{
	watch_count = 0;
	config_source_close(w->source);
	uv_close((uv_handle_t *)&w->deadline, NULL);
	uv_close((uv_handle_t *)&w->noise, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	unlink(w->file);
	snprintf(w->file, sizeof(w->file), "%s/noise", w->dir);
	unlink(w->file);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	assert_int_equal(intern_count(), 0);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_a_changed_file_is_in_force_and_a_faulty_one_is_not(void **state)
{
	struct world *w = world_new(POOL("one"), false);
	(void)state;

	wait_for(w, w->changes == 1);
	assert_string_equal(w->first, "one");
	write_file(w->file, "pools = (");
	wait_for(w, !config_source_complete(w->source));
	assert_int_equal(w->changes, 1);
	write_file(w->file, POOL("two"));
	wait_for(w, w->changes == 2);
	assert_string_equal(w->first, "two");
	assert_true(w->complete);
	world_free(w);
}

/* cp -p, rsync -t and touch -r set the time back: the size and mtime say nothing. */
static void test_a_change_is_seen_though_the_modification_time_is_the_same(void **state)
{
	struct world *w = world_new(POOL("one"), false);
	struct stat was;
	(void)state;

	wait_for(w, w->changes == 1);
	assert_int_equal(stat(w->file, &was), 0);
	write_file(w->file, POOL("two"));
	const struct timespec times[2] = { was.st_atim, was.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, w->file, times, 0), 0);
	wait_for(w, w->changes == 2);
	assert_string_equal(w->first, "two");
	world_free(w);
}

/* Time stamps of files stand still for milliseconds. Which moment it is, is luck: ten times. */
static void test_a_write_right_behind_the_reading_is_seen(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct world *w = world_new(POOL("one"), false);

		w->then = POOL("two");
		wait_for(w, w->changes == 2);
		assert_string_equal(w->first, "two");
		world_free(w);
	}
}

static void make_noise(uv_timer_t *t)
{
	struct world *w = t->data;
	char path[64];

	snprintf(path, sizeof(path), "%s/noise", w->dir);
	write_file(path, "");
	w->noises++;
}

/* Somebody else's file in the same directory, written more often than the time to settle. */
static void test_a_busy_directory_does_not_hold_changes_up(void **state)
{
	struct world *w = world_new(POOL("one"), true);
	(void)state;

	tell_listed();
	wait_for(w, w->changes == 1);
	uv_timer_start(&w->noise, make_noise, 0, 10);
	wait_for(w, w->noises > 5);
	write_file(w->file, POOL("two"));
	wait_for(w, w->changes == 2);
	assert_string_equal(w->first, "two");
	tell_pool("more", "198.51.100.0/24");
	wait_for(w, w->changes == 3);
	assert_int_equal(w->pools, 2);
	world_free(w);
}

/* Contracts, Sources: only when all are there does no pool mean that there is none. */
static void test_that_a_lost_source_is_back_is_told_though_nothing_changed(void **state)
{
	struct world *w = world_new(POOL("one"), true);
	(void)state;

	tell_listed();
	wait_for(w, w->changes == 1);
	assert_true(w->complete);
	watches[0].ops->lost(watches[0].arg, 403, "Forbidden");
	write_file(w->file, NO_POOL);
	wait_for(w, w->changes == 2);
	assert_int_equal(w->pools, 0);
	assert_false(w->complete);
	watches[0].ops->synced(watches[0].arg);
	wait_for(w, w->changes == 3);
	assert_int_equal(w->pools, 0);
	assert_true(w->complete);
	world_free(w);
}

static void test_that_the_file_is_mended_is_told_though_it_is_as_before(void **state)
{
	struct world *w = world_new(NO_POOL, true);
	(void)state;

	tell_pool("one", "192.0.2.0/24");
	tell_listed();
	wait_for(w, w->changes == 1);
	write_file(w->file, "pools = (");
	wait_for(w, !config_source_complete(w->source));
	watches[0].ops->remove(watches[0].arg, "metallb-system", "one");
	wait_for(w, w->changes == 2);
	assert_int_equal(w->pools, 0);
	assert_false(w->complete);
	write_file(w->file, NO_POOL);
	wait_for(w, w->changes == 3);
	assert_true(w->complete);
	world_free(w);
}

/* Nothing is decided on half of what the user wrote. */
static void test_nothing_is_in_force_before_every_source_was_read(void **state)
{
	struct world *w = world_new(POOL("one"), true);
	(void)state;

	for (size_t i = 1; i < watch_count; i++)
		watches[i].ops->absent(watches[i].arg);
	for (int i = 0; i < 20; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_false(config_source_synced(w->source));
	assert_int_equal(w->changes, 0);
	tell_pool("more", "198.51.100.0/24");
	watches[0].ops->synced(watches[0].arg);
	wait_for(w, w->changes == 1);
	assert_int_equal(w->pools, 2);
	world_free(w);
}

/* As MetalLB's controller: what it does not need, it neither waits for nor may be refused by RBAC.
 */
static void test_the_allocator_watches_pools_and_communities_alone(void **state)
{
	struct world *w = world_new_for(CONFIG_POOLS, NO_POOL, true);
	(void)state;

	assert_int_equal(watch_count, 2);
	assert_non_null(strstr(watches[0].path, "/ipaddresspools"));
	assert_non_null(strstr(watches[1].path, "/communities"));
	tell_pool("one", "198.51.100.0/24");
	tell_listed();
	wait_for(w, w->changes == 1);
	assert_int_equal(w->pools, 1);
	assert_true(w->complete);
	world_free(w);

	w = world_new(NO_POOL, true);
	assert_int_equal(watch_count, SECRETS);
	world_free(w);
}

static size_t count_kind(const struct config_inputs *inputs, const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < inputs->count; i++) {
		const cJSON *k = cJSON_GetObjectItemCaseSensitive(inputs->items[i].object, "kind");
		count += strcmp(cJSON_GetStringValue(k), kind) == 0;
	}
	return count;
}

/* What is watched for a webhook alone: lent, and neither waited for nor part of the configuration.
 */
static void test_kinds_out_of_scope_are_lent_and_no_more(void **state)
{
	struct world *w = world_new_with(CONFIG_POOLS, true, POOL("file"), true);
	struct config_inputs known = { 0 };
	cJSON *bad = cJSON_Parse("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":"
				 "\"L2Advertisement\",\"metadata\":{\"name\":\"a\"},\"spec\":1}");
	const struct kube_watch *advertisements = &watches[2];

	(void)state;
	assert_int_equal(watch_count, SECRETS);
	assert_non_null(strstr(advertisements->path, "/l2advertisements"));
	for (size_t i = 0; i < 2; i++)
		watches[i].ops->synced(watches[i].arg);
	wait_for(w, w->changes == 1);
	assert_false(config_source_inputs(w->source, &known)); /* the rest is not listed yet */
	array_free(&known);

	advertisements->ops->upsert(advertisements->arg, bad);
	for (size_t i = 2; i < watch_count; i++)
		watches[i].ops->synced(watches[i].arg);
	tell_pool("one", "198.51.100.0/24"); /* a change, so that one that was none would be seen */
	wait_for(w, w->changes == 2);
	assert_int_equal(w->pools, 2);
	assert_string_equal(w->wrong, "");
	assert_true(config_source_inputs(w->source, &known));
	assert_int_equal(count_kind(&known, "IPAddressPool"), 2);
	assert_int_equal(count_kind(&known, "L2Advertisement"), 1);
	array_free(&known);
	advertisements->ops->lost(advertisements->arg, 403, "no");
	assert_true(config_source_complete(w->source));
	cJSON_Delete(bad);
	world_free(w);
}

/* MetalLB #2245: what is in force already does not come into force anew, but nothing is wrong any
 * more. */
static void test_going_back_to_what_is_in_force_is_valid(void **state)
{
	struct world *w = world_new(POOL("one"), true);
	(void)state;

	tell_pool("more", "198.51.100.0/24");
	wait_for(w, w->ticks > 2);
	assert_int_equal(w->verdicts, 0); /* not all sources were read */
	tell_listed();
	wait_for(w, w->verdicts == 1);
	assert_string_equal(w->wrong, "");

	tell_pool("more", "198.51.100.0/33");
	wait_for(w, w->verdicts == 2);
	assert_non_null(strstr(w->wrong, "198.51.100.0/33"));
	tell_pool("more", "198.51.100.0/24");
	wait_for(w, w->verdicts == 3);
	assert_string_equal(w->wrong, "");

	write_file(w->file, "pools = (");
	wait_for(w, w->verdicts == 4);
	assert_non_null(strstr(w->wrong, "b.conf:1"));
	write_file(w->file, POOL("one"));
	wait_for(w, w->verdicts == 5);
	assert_string_equal(w->wrong, "");
	world_free(w);
}

static void test_a_verdict_is_told_when_it_changes_only(void **state)
{
	struct world *w = world_new(POOL("one"), true);
	(void)state;

	tell_pool("bad", "198.51.100.0/33");
	tell_listed();
	wait_for(w, w->verdicts == 1);
	tell_pool("good", "203.0.113.0/24");
	write_file(w->file, POOL("two"));
	wait_for(w, w->ticks > 60); /* longer than a file takes to settle */
	assert_int_equal(w->verdicts, 1);
	tell_pool("bad", "198.51.100.0/34");
	wait_for(w, w->verdicts == 2);
	tell_pool("bad", "198.51.100.0/24");
	wait_for(w, w->verdicts == 3);
	assert_string_equal(w->wrong, "");
	assert_int_equal(w->pools, 3);

	config_source_waits(w->source, true);
	assert_int_equal(w->verdicts, 4);
	assert_string_equal(w->wrong, "general handler sync state error");
	config_source_waits(w->source, true);
	assert_int_equal(w->verdicts, 4);
	config_source_waits(w->source, false);
	assert_int_equal(w->verdicts, 5);
	world_free(w);
}

/* --- what is told ---------------------------------------------------------------------------- */

struct capture {
	int saved;
	FILE *file;
	char text[8192];
};

static void capture_start(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->saved = dup(STDERR_FILENO);
	dup2(fileno(c->file), STDERR_FILENO);
	log_setup("test", LOG_LEVEL_WARN, LOG_TEXT);
}

static void capture_end(struct capture *c)
{
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	rewind(c->file);
	c->text[fread(c->text, 1, sizeof(c->text) - 1, c->file)] = '\0';
	fclose(c->file);
}

static unsigned times_told(const struct capture *c, const char *what)
{
	unsigned n = 0;

	for (const char *at = c->text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

/* The API may be away, and what a misspelled list hides is no less wrong for it. */
static void test_all_faults_of_the_file_are_told_at_once_and_once(void **state)
{
	struct world *w =
		world_new("pool = ( );\n"
			  "pools = ( { name = \"one\"; addresses = ( \"192.0.2.x\" ); },\n"
			  "          { name = \"two\"; adresses = ( ); } );\n",
			  true);
	struct capture c = { .saved = -1 };
	(void)state;

	capture_start(&c);
	wait_for(w, !config_source_complete(w->source) && w->ticks > 2);
	capture_end(&c);
	assert_false(config_source_synced(w->source));
	assert_int_equal(times_told(&c, "b.conf:1: "), 1);
	assert_int_equal(times_told(&c, "b.conf:2: pools[0].addresses[0]"), 1);
	assert_int_equal(times_told(&c, "b.conf:3: pools[1].adresses"), 1);
	assert_int_equal(times_told(&c, "file has faults"), 1);
	assert_int_equal(times_told(&c, "cannot be used"), 0);

	/* Without the slip in a list's name it is a candidate, refused when the API has answered.
	 */
	write_file(w->file, "pools = ( { name = \"one\"; addresses = ( \"192.0.2.x\" ); } );\n");
	capture_start(&c);
	config_source_reload(w->source);
	wait_for(w, config_source_complete(w->source));
	tell_listed();
	wait_for(w, config_source_synced(w->source) && w->ticks > 30);
	capture_end(&c);
	assert_int_equal(times_told(&c, "b.conf:1: pools[0].addresses[0]"), 1);
	assert_int_equal(times_told(&c, "refused"), 1);
	assert_int_equal(w->changes, 0);
	world_free(w);
}

/* --- Secrets --------------------------------------------------------------------------------- */

#define PEER_WITH_SECRET                                                                           \
	"bgpPeers = ( { name = \"tor\"; myASN = 1; peerASN = 2; peerAddress = \"192.0.2.1\";\n"    \
	"  passwordSecret = { name = \"bgp\"; }; } );\n"

static void tell_secret(const char *name, const char *type)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"%s\"},"
		 "\"type\":\"%s\",\"data\":{\"password\":\"czNjcmV0\"}}",
		 name, type);
	cJSON *json = cJSON_Parse(text);
	watches[SECRETS].ops->upsert(watches[SECRETS].arg, json);
	cJSON_Delete(json);
}

static struct world *world_of_speaker(const char *text)
{
	struct world *w = world_new_of((struct config_source_cfg){ .of_node = true }, text, true);

	config_source_node(w->source, NULL);
	return w;
}

static void test_a_secret_that_no_peer_names_changes_nothing(void **state)
{
	struct world *w = world_of_speaker(PEER_WITH_SECRET POOL("one"));
	(void)state;

	tell_secret("bgp", "kubernetes.io/basic-auth");
	tell_listed();
	wait_for(w, w->changes == 1);
	tell_secret("token-1", "kubernetes.io/service-account-token");
	watches[SECRETS].ops->remove(watches[SECRETS].arg, "metallb-system", "token-1");
	watches[SECRETS].ops->synced(watches[SECRETS].arg); /* a list anew */
	wait_for(w, w->ticks > 30);
	assert_int_equal(w->changes, 1);
	tell_secret("bgp", "Opaque");
	wait_for(w, w->verdicts == 2);
	assert_non_null(strstr(w->wrong, "secret type mismatch"));
	tell_secret("bgp", "kubernetes.io/basic-auth");
	wait_for(w, w->changes == 2);
	world_free(w);
}

/* A candidate is built again whenever anything of it changes; what is wrong with it stays. */
static void test_a_fault_that_stays_is_not_told_again(void **state)
{
	struct world *w = world_of_speaker(PEER_WITH_SECRET POOL("one"));
	struct capture c = { .saved = -1 };
	(void)state;

	capture_start(&c);
	watches[SECRETS].ops->refused(watches[SECRETS].arg, 403, "Forbidden");
	tell_secret("bgp", "Opaque");
	tell_listed();
	wait_for(w, w->verdicts == 1);
	for (unsigned i = 0; i < 3; i++) { /* its Node gets other labels, a pool comes */
		char node[128];

		snprintf(node, sizeof(node),
			 "{\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":\"%u\"}}}", i);
		cJSON *json = cJSON_Parse(node);
		config_source_node(w->source, json);
		cJSON_Delete(json);
		wait_for(w, w->ticks > 5);
	}
	tell_pool("more", "198.51.100.0/24");
	wait_for(w, w->ticks > 5);
	capture_end(&c);
	assert_int_equal(w->changes, 0);
	assert_int_equal(times_told(&c, "is not of type"), 1);
	assert_int_equal(times_told(&c, "refused"), 1);

	/* Whoever asks for it is told, and what is new in it is, too. */
	capture_start(&c);
	config_source_reload(w->source);
	wait_for(w, w->ticks > 5);
	tell_pool("bad", "198.51.100.0/34");
	wait_for(w, w->ticks > 5);
	capture_end(&c);
	assert_int_equal(times_told(&c, "is not of type"), 1);
	assert_int_equal(times_told(&c, "198.51.100.0/34"), 1);
	assert_int_equal(times_told(&c, "refused"), 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_changed_file_is_in_force_and_a_faulty_one_is_not),
		cmocka_unit_test(test_a_change_is_seen_though_the_modification_time_is_the_same),
		cmocka_unit_test(test_a_write_right_behind_the_reading_is_seen),
		cmocka_unit_test(test_a_busy_directory_does_not_hold_changes_up),
		cmocka_unit_test(test_that_a_lost_source_is_back_is_told_though_nothing_changed),
		cmocka_unit_test(test_that_the_file_is_mended_is_told_though_it_is_as_before),
		cmocka_unit_test(test_nothing_is_in_force_before_every_source_was_read),
		cmocka_unit_test(test_the_allocator_watches_pools_and_communities_alone),
		cmocka_unit_test(test_kinds_out_of_scope_are_lent_and_no_more),
		cmocka_unit_test(test_going_back_to_what_is_in_force_is_valid),
		cmocka_unit_test(test_a_verdict_is_told_when_it_changes_only),
		cmocka_unit_test(test_all_faults_of_the_file_are_told_at_once_and_once),
		cmocka_unit_test(test_a_secret_that_no_peer_names_changes_nothing),
		cmocka_unit_test(test_a_fault_that_stays_is_not_told_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
