// SPDX-License-Identifier: Apache-2.0
/* Objects as YAML, decoded and told to a speaker's engine. */
#ifndef BELLMAN_TESTS_SPEAKER_TOLD_H
#define BELLMAN_TESTS_SPEAKER_TOLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "speaker/engine.h"

static inline cJSON *yaml_tree(const char *text)
{
	char err[200] = "";
	cJSON *tree = doc_parse_yaml(text, strlen(text), err, sizeof(err));

	if (tree == NULL)
		fail_msg("%s", err);
	return tree;
}

static inline void tell_service(struct speaker *to, const char *text)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	cJSON *tree = yaml_tree(text);

	assert_int_equal(service_decode(tree, (struct where){ 0 }, &faults, &s), 0);
	speaker_service_upsert(to, s);
	service_free(s);
	cJSON_Delete(tree);
	faults_free(&faults);
}

static inline void tell_slice(struct speaker *to, const char *text)
{
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	cJSON *tree = yaml_tree(text);

	assert_int_equal(endpoint_slice_decode(tree, (struct where){ 0 }, &faults, &s), 0);
	speaker_slice_upsert(to, s);
	endpoint_slice_free(s);
	cJSON_Delete(tree);
	faults_free(&faults);
}

static inline void tell_node(struct speaker *to, const char *text)
{
	struct faults faults = { 0 };
	struct node *n = NULL;
	cJSON *tree = yaml_tree(text);

	assert_int_equal(node_decode(tree, (struct where){ 0 }, &faults, &n), 0);
	speaker_node_upsert(to, n);
	node_free(n);
	cJSON_Delete(tree);
	faults_free(&faults);
}

static inline struct config *config_of(const char *text)
{
	struct faults faults = { 0 };
	struct config_inputs inputs = { 0 };
	struct config *config = NULL;
	struct doc *doc = NULL;

	assert_int_equal(doc_load_text("test.conf", text, strlen(text), &faults, &doc), 0);
	for (size_t i = 0; i < doc_objects(doc)->count; i++) {
		const struct doc_object *o = &doc_objects(doc)->items[i];
		struct config_input *in = array_push(&inputs);
		*in = (struct config_input){ o->json, o->where, true };
	}
	if (config_build(&inputs, &faults, &config) < 0) {
		faults_print(&faults, stderr);
		fail();
	}
	array_free(&inputs);
	doc_free(doc);
	faults_free(&faults);
	return config;
}

#endif
