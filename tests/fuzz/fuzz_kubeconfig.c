// SPDX-License-Identifier: Apache-2.0
/* A kubeconfig of somebody else: it is refused with a reason, or its credentials are complete. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/exec_plugin.h"
#include "lib/kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials c;
	char err[256] = "";

	if (credentials_from_text("/nonexistent/config", (const char *)data, size, NULL, &c, err,
				  sizeof(err)) < 0) {
		if (err[0] == '\0')
			abort();
		return 0;
	}
	if (c.server == NULL || (c.cert_file == NULL) != (c.key_file == NULL) ||
	    (c.tls_server == NULL) != (c.host_header == NULL) ||
	    (c.plugin != NULL && (c.token != NULL || c.plugin->args[0] == NULL)))
		abort();
	if (c.plugin != NULL)
		free(exec_plugin_info(c.plugin, false));
	credentials_done(&c);
	return 0;
}
