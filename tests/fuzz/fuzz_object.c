// SPDX-License-Identifier: Apache-2.0
/* JSON text of the API to every decoder: whatever it is, it decodes or is refused with a reason. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/model/cluster.h"
#include "lib/model/config.h"
#include "lib/model/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal without a reason helps nobody. */
static void refused_with_reason(int rc, size_t before, const struct faults *faults)
{
	if (rc != 0 && faults->errors == before)
		abort();
}

static void decode_all(const cJSON *object, struct faults *faults)
{
	struct where where = { 0 };
	struct service *service = NULL;
	struct endpoint_slice *slice = NULL;
	struct node *node = NULL;
	struct namespace *namespace = NULL;
	size_t before = faults->errors;

	refused_with_reason(service_decode(object, where, faults, &service), before, faults);
	before = faults->errors;
	refused_with_reason(endpoint_slice_decode(object, where, faults, &slice), before, faults);
	before = faults->errors;
	refused_with_reason(node_decode(object, where, faults, &node), before, faults);
	before = faults->errors;
	refused_with_reason(namespace_decode(object, where, faults, &namespace), before, faults);
	service_free(service);
	endpoint_slice_free(slice);
	node_free(node);
	namespace_free(namespace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *object = cJSON_ParseWithLength((const char *)data, size);
	struct faults faults = { 0 };
	struct config *config = NULL;

	if (object == NULL)
		return 0;
	decode_all(object, &faults);

	struct config_input input = { .object = object };
	struct config_inputs inputs = { &input, 1, 1 };
	size_t before = faults.errors;
	refused_with_reason(config_build(&inputs, &faults, &config), before, &faults);
	config_unref(config);
	faults_free(&faults);
	cJSON_Delete(object);
	return 0;
}
