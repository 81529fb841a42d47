// SPDX-License-Identifier: Apache-2.0
/* Texts of files built into a configuration, for the tests of its rules. */
#ifndef BELLMAN_TESTS_CONFIG_BUILT_H
#define BELLMAN_TESTS_CONFIG_BUILT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/model/config.h"

/* Files, and what came of them. */
struct built {
	struct doc *docs[4];
	size_t doc_count;
	struct config_inputs inputs;
	struct faults faults;
	struct config *config;
	int rc;
};

static inline void built_add(struct built *b, const char *path, const char *text)
{
	struct doc *d = NULL;

	if (doc_load_text(path, text, strlen(text), &b->faults, &d) != 0)
		return;
	b->docs[b->doc_count++] = d;
	const struct doc_objects *objects = doc_objects(d);
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&b->inputs);
		assert_non_null(in);
		in->object = objects->items[i].json;
		in->where = objects->items[i].where;
		in->from_file = strcmp(path, "b.conf") == 0;
	}
}

static inline void built_finish(struct built *b)
{
	b->rc = config_build(&b->inputs, &b->faults, &b->config);
}

static inline void built_done(struct built *b)
{
	b->config = config_unref(b->config);
	for (size_t i = 0; i < b->doc_count; i++)
		doc_free(b->docs[i]);
	array_free(&b->inputs);
	faults_free(&b->faults);
}

#endif
