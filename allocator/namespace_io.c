// SPDX-License-Identifier: Apache-2.0
#include "allocator/namespace_io.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

bool namespace_is_missing(const cJSON *answer)
{
	const cJSON *details = cJSON_GetObjectItemCaseSensitive(answer, "details");
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(details, "kind"));

	return kind != NULL && strcmp(kind, "namespaces") == 0;
}

int namespace_make(struct kube *kube, const char *ns, kube_done done, void *arg)
{
	cJSON *body = must(cJSON_CreateObject());
	cJSON *meta = must(cJSON_AddObjectToObject(body, "metadata"));

	must(cJSON_AddStringToObject(body, "apiVersion", "v1"));
	must(cJSON_AddStringToObject(body, "kind", "Namespace"));
	must(cJSON_AddStringToObject(meta, "name", ns));
	char *text = must(cJSON_PrintUnformatted(body));
	int rc = kube_call(kube, &(struct kube_call){
					 .method = "POST",
					 .path = "/api/v1/namespaces",
					 .content_type = KUBE_JSON,
					 .body = text,
					 .urgent = true,
					 .done = done,
					 .arg = arg,
				 });
	cJSON_Delete(body);
	free(text);
	return rc;
}
