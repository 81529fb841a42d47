// SPDX-License-Identifier: Apache-2.0
/* For tests of the proxy's engine: objects of the API in, nft transactions out as lines of text. */
#ifndef BELLMAN_TESTS_PROXY_RULES_H
#define BELLMAN_TESTS_PROXY_RULES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "standalone/proxy/rules.h"

/* --- objects ------------------------------------------------------------------------------- */

static inline cJSON *json(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static inline cJSON *json(const char *fmt, va_list args)
{
	char text[4096];

	assert_in_range(vsnprintf(text, sizeof(text), fmt, args), 1, sizeof(text) - 1);
	cJSON *object = cJSON_Parse(text);
	assert_non_null(object);
	return object;
}

/* A Service out of the JSON of its metadata, spec and status. */
static inline int put_service(struct rules *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static inline int put_service(struct rules *r, const char *fmt, ...)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	va_list args;

	va_start(args, fmt);
	cJSON *object = json(fmt, args);
	va_end(args);
	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	faults_free(&faults);
	return rules_service(r, s);
}

#define META(ns, name) "\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\"}"
#define PORT80         "{\"name\":\"http\",\"port\":80,\"targetPort\":8080,\"protocol\":\"TCP\"}"

/* default/web, a ClusterIP Service of one port. */
static inline void put_web(struct rules *r)
{
	put_service(
		r,
		"{" META("default",
			 "web") ",\"spec\":{\"type\":\"ClusterIP\",\"clusterIPs\":[\"10.96.0.1\"],"
				"\"ipFamilies\":[\"IPv4\"],\"ports\":[" PORT80 "]}}");
}

/* default/web as LoadBalancer with node port 30080, EXTERNAL-IP 192.0.2.1 and @policy. */
static inline void put_lb(struct rules *r, const char *policy)
{
	put_service(r,
		    "{" META("default", "web") ",\"spec\":{\"type\":\"LoadBalancer\","
					       "\"clusterIPs\":[\"10.96.0.1\"],"
					       "\"externalTrafficPolicy\":\"%s\",\"ipFamilies\":["
					       "\"IPv4\"],\"ports\":[{\"name\":\"http\","
					       "\"port\":80,\"targetPort\":8080,\"nodePort\":30080,"
					       "\"protocol\":\"TCP\"}]},"
					       "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
					       "\"192.0.2.1\"}]}}}",
		    policy);
}

/* A slice of default/web with port "http" = 8080 and the endpoints given as JSON. */
static inline void put_slice(struct rules *r, const char *name, const char *family,
			     const char *endpoints)
{
	char text[4096];
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\","
		 "\"labels\":{\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"%s\","
		 "\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}],\"endpoints\":"
		 "[%s]}",
		 name, family, endpoints);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	faults_free(&faults);
	assert_int_equal(rules_slice(r, s), 0);
}

#define ON(node, ip)  "{\"addresses\":[\"" ip "\"],\"nodeName\":\"" node "\"}"
#define NOT_READY(ip) "{\"addresses\":[\"" ip "\"],\"conditions\":{\"ready\":false}}"
#define DRAINING(node, ip)                                                                         \
	"{\"addresses\":[\"" ip "\"],\"nodeName\":\"" node                                         \
	"\",\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}"

static inline void put_node(struct rules *r, const char *name, const char *cidrs)
{
	char text[1024];
	struct faults faults = { 0 };
	struct node *n = NULL;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"podCIDRs\":[%s]}}", name, cidrs);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
	cJSON_Delete(object);
	faults_free(&faults);
	rules_node(r, n);
}

/* --- transactions -------------------------------------------------------------------------- */

/*
 * A pass as one line for each command, in nft's own order and much of its own words:
 * "add chain svc4/default/web/tcp/80", "add rule CHAIN EXPR", "delete element SET KEY, KEY".
 */
static inline char *pass_at(struct rules *r, uint64_t now_ns)
{
	char *text = rules_pass(r, now_ns), *lines = NULL;
	size_t size;

	if (text == NULL)
		return NULL;
	cJSON *root = cJSON_Parse(text);
	assert_non_null(root);
	FILE *to = open_memstream(&lines, &size);
	const cJSON *command;
	cJSON_ArrayForEach (command, cJSON_GetObjectItemCaseSensitive(root, "nftables")) {
		const cJSON *verb = command->child, *what = verb->child;
		const cJSON *table = cJSON_GetObjectItemCaseSensitive(what, "table");
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(what, "name");
		const cJSON *chain = cJSON_GetObjectItemCaseSensitive(what, "chain");
		const cJSON *detail = cJSON_GetObjectItemCaseSensitive(what, "expr");

		assert_string_equal(cJSON_GetStringValue(
					    cJSON_GetObjectItemCaseSensitive(what, "family")),
				    "inet");
		assert_string_equal(cJSON_GetStringValue(table != NULL ? table : name), "bellman");
		fprintf(to, "%s %s %s", verb->string, what->string,
			cJSON_GetStringValue(chain != NULL ? chain : name));
		if (detail == NULL)
			detail = cJSON_GetObjectItemCaseSensitive(what, "elem");
		if (detail != NULL) {
			char *printed = cJSON_PrintUnformatted(detail);

			fprintf(to, " %s", printed);
			free(printed);
		}
		fputc('\n', to);
	}
	fclose(to);
	cJSON_Delete(root);
	free(text);
	return lines;
}

static inline void assert_has(const char *lines, const char *what)
{
	if (lines == NULL || strstr(lines, what) == NULL)
		fail_msg("not in the transaction: %s\n%s", what,
			 lines != NULL ? lines : "(nothing)");
}

static inline void assert_has_not(const char *lines, const char *what)
{
	if (lines != NULL && strstr(lines, what) != NULL)
		fail_msg("in the transaction: %s\n%s", what, lines);
}

/* @first comes before @second. */
static inline void assert_order(const char *lines, const char *first, const char *second)
{
	assert_has(lines, first);
	assert_has(lines, second);
	if (strstr(lines, first) > strstr(lines, second))
		fail_msg("not before %s: %s\n%s", second, first, lines);
}

/* The transaction is these lines and no others. */
static inline void assert_is(char *lines, const char *expected)
{
	assert_non_null(lines);
	assert_string_equal(lines, expected);
	free(lines);
}

static inline void assert_nothing(char *lines)
{
	if (lines != NULL)
		fail_msg("nothing changed, yet:\n%s", lines);
}

static inline int setup(void **state)
{
	*state = rules_new("node-a");
	free(rules_pass(*state, 0)); /* the frame */
	return 0;
}

static inline int teardown(void **state)
{
	rules_free(*state);
	assert_int_equal(intern_count(), 0);
	return 0;
}

#define SVC "svc4/default/web/tcp/80"
#define OWN "own4/default/web/tcp/80"
#define EXT "ext4/default/web/tcp/80"
#define IS_TCP                                                                                     \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"l4proto\"}},\"right\":\"tcp\"}}"
#define GOTO(to) "{\"goto\":{\"target\":\"" to "\"}}"
#define MARK                                                                                       \
	"{\"mangle\":{\"key\":{\"meta\":{\"key\":\"mark\"}},\"value\":{\"|\":[{\"meta\":{\"key\":" \
	"\"mark\"}},16384]}}}"
#define TO(ip)     IS_TCP ",{\"dnat\":{\"family\":\"ip\",\"addr\":\"" ip "\",\"port\":8080}}"
#define TO_ONE(ip) "[" TO(ip) "]\n"
#define RANDOM(n)  "{\"numgen\":{\"mode\":\"random\",\"mod\":" n ",\"offset\":0}}"
#define ONE_OF(n)  "{\"match\":{\"op\":\"==\",\"left\":" RANDOM(n) ",\"right\":0}}"

#endif
