// SPDX-License-Identifier: Apache-2.0
/*
 * Text of files to a configuration. The first byte chooses the format: c libconfig, y YAML,
 * j JSON; then comes the text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { 0 };
	struct config_inputs inputs = { 0 };
	struct config *config = NULL;
	struct doc *doc = NULL;

	if (size == 0)
		return 0;
	const char *path = data[0] == 'y' ? "f.yaml" : data[0] == 'j' ? "f.json" : "f.conf";
	if (doc_load_text(path, (const char *)data + 1, size - 1, &faults, &doc) != 0) {
		if (faults.errors == 0) /* refused without a reason */
			abort();
		faults_free(&faults);
		return 0;
	}
	const struct doc_objects *objects = doc_objects(doc);
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&inputs);
		if (in == NULL)
			abort();
		*in = (struct config_input){ objects->items[i].json, objects->items[i].where,
					     i % 2 == 0 };
	}
	size_t before = faults.errors;
	int rc = config_build(&inputs, &faults, &config);
	if ((rc != 0) != (faults.errors > before))
		abort();
	config_unref(config);
	array_free(&inputs);
	faults_free(&faults);
	doc_free(doc);
	return 0;
}
