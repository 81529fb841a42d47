// SPDX-License-Identifier: Apache-2.0
/* What a credential plugin prints: it is refused with a reason, or there are credentials in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/exec_plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char version[] = "client.authentication.k8s.io/v1";
	const struct exec_plugin plugin = { .api_version = version };
	struct exec_answer answer;
	char err[128] = "";

	if (exec_answer_read(&plugin, (const char *)data, size, &answer, err, sizeof(err)) < 0) {
		if (err[0] == '\0')
			abort();
		return 0;
	}
	if ((answer.token == NULL && answer.cert == NULL) ||
	    (answer.cert == NULL) != (answer.key == NULL))
		abort();
	exec_answer_done(&answer);
	return 0;
}
